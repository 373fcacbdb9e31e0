"""Times entered for pictures that have none: previewed, then written as repairs to be undone."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.rows import now
from db.queries.exchange.named_pictures import find_pictures
from db.store import repairs as clock_repairs
from flows.execution.databases import known_database
from flows.run_options import NamingOptions
from flows.services.clocks import ChangedClock, MovedPicture, ShiftPreview, deployment_named
from flows.services.reform import reform
from pipeline.card.repair import OLDEST_YEAR
from pipeline.errors import InputError
from pipeline.exchange.entered_times import PictureName, read_times
from pipeline.records import ClockRepair

Entered = tuple[ClockRepair, list[clock_repairs.Written]]  # and the pictures that it touches


def preview_set(
    database: str, table: Path, who: str | None = None, comment: str | None = None
) -> tuple[ShiftPreview, ...]:
    """What a table of times does, by deployment and card, with nothing written. SettingsError names
    every faulty row; InputError: a repair stands for one of the pictures."""
    with reading(known_database(database)) as conn:
        return tuple(_preview(conn, *found) for found in _entered(conn, table, who, comment))


def write_set(
    options: NamingOptions, table: Path, who: str | None = None, comment: str | None = None
) -> tuple[ChangedClock, ...]:
    """Write all of a table or nothing; visits and flags of its deployments are formed again."""
    with writing(known_database(options.database)) as conn:
        entered = _entered(conn, table, who, comment)
        numbers = [clock_repairs.save_repair(conn, repair) for repair, _ in entered]
        names = [repair.deployment_id for repair, _ in entered]
        visits = {name: reform(conn, options, name) for name in dict.fromkeys(names)}
    return tuple(
        ChangedClock(number, name, visits[name])
        for number, name in zip(numbers, names, strict=True)
    )


def _entered(conn: Connection, table: Path, who: str | None, comment: str | None) -> list[Entered]:
    """A repair for each deployment and card of a table, and its pictures."""
    written = partial(clock_repairs.times_written, conn)
    years = range(OLDEST_YEAR, now().year + 2)
    times = read_times(table, partial(_resolved, conn), written, years)
    if not times:
        raise InputError(f"{table}: no row with a time")
    by_card: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for sha, place, batch, path in clock_repairs.places(conn, list(times)):
        by_card[place, batch][path] = times[sha].isoformat()
    found = []
    for (place, batch), entered in sorted(by_card.items()):
        repair = ClockRepair(
            place, "set", {"times": entered}, batch=batch, comment=comment, made_by=who
        )
        found.append((repair, clock_repairs.stretch(conn, repair)))
    return found


def _resolved(conn: Connection, names: Sequence[PictureName]) -> list[list[str]]:
    """The sha256s of the pictures that each name may mean; the deployment decides among several."""
    found = find_pictures(conn, names)
    at = {
        sha: place
        for sha, place, _, _ in clock_repairs.places(conn, [sha for shas in found for sha in shas])
    }
    return [
        [sha for sha in shas if name.deployment in (None, at[sha])]
        for name, shas in zip(names, found, strict=True)
    ]


def _preview(
    conn: Connection, repair: ClockRepair, pictures: list[clock_repairs.Written]
) -> ShiftPreview:
    clock_repairs.refuse_second(conn, repair, pictures)
    place = deployment_named(conn, repair.deployment_id)
    moved = tuple(
        MovedPicture(batch, path, at, repair.of_picture(path, at))
        for _, batch, path, at in pictures
    )
    return ShiftPreview(repair, moved, 0, sum(place.lies_outside(p.after) for p in moved))
