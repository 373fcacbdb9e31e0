"""Data sets of others come in: all of one, or nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from db.core import schema
from db.core.engine import writing
from db.store import outages, repairs
from db.store.batches import (
    batch_by_name,
    is_data_set,
    save_batch,
    save_recipe,
    set_current,
)
from db.store.deployments import all_deployments, save_deployments
from db.store.incoming.named import (
    Known,
    in_other_data_sets,
    known_of,
    name_standing,
    pictures_here,
    refresh_batch,
    save_named,
    save_words,
)
from db.store.labels import save_labels
from db.store.reviewing.reviews import names_in_use, save_answers
from db.store.visits import save_visits
from flows.execution.databases import is_there, ready_database
from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.exchange.incoming import formats
from pipeline.exchange.incoming.dataset import DataSet
from pipeline.exchange.incoming.grouping import Group, grouped, standing_for
from pipeline.exchange.incoming.meeting import Bytes, Met, meet
from pipeline.exchange.incoming.opened import opened
from pipeline.exchange.incoming.places import Compared, compared
from pipeline.exchange.incoming.told import (
    MachineWord,
    answers_of,
    machine_words,
    visits_of,
)
from pipeline.records import NamedPicture, Visit
from pipeline.settings import Windows


@dataclass(frozen=True, slots=True)
class ImportedPictures:
    """What became of the pictures that a data set names."""

    new: int  # known by name alone from now on
    known: int  # from an earlier import
    met: int  # their bytes are here: what was said of them stands on these
    doubtful: tuple[str, ...]  # several pictures here might be these; they met none
    gone: int  # named by it before and not any more; they stay
    standing: int  # visits whose pictures it does not name
    apart: Mapping[tuple[str, str], int]  # that met, by its deployment and that of the card, if two


@dataclass(frozen=True, slots=True)
class ImportedDataSet:
    """What an import came to."""

    name: str
    form: str
    rows: Mapping[str, int]  # read, by table
    places: Compared
    pictures: ImportedPictures
    seen: Mapping[str, int]  # observations by who spoke: human, machine, and unclassified
    visits: int
    answers: int  # rows of people's answers that are new
    as_others: int  # rows by people that went into others of the same picture or visit
    changed: int  # of them, on pictures that were known before
    outages: int
    new_names: Mapping[str, int]  # rows by scientific name that nobody used here before
    unknown: tuple[str, ...]  # columns that nothing reads
    left_out: Mapping[str, int]  # rows that could not be used, by reason


class _DryRun(Exception):
    """Rolls back what was written."""


def import_data_set(
    database: str,
    source: Path,
    form: str | None = None,
    name: str | None = None,
    columns: Path | None = None,
    dry_run: bool = False,
) -> ImportedDataSet:
    """Bring in a data set, in one transaction; the same again changes nothing.

    form, name, columns  as of formats.read; without a name it is refused where another data set
        has its pictures: they would count twice
    dry_run  read and compare everything, and write nothing
    """
    with opened(source) as there:
        data = formats.read(there, form, name, columns)
    with TemporaryDirectory() as nowhere:
        url = database
        if dry_run and not is_there(database):
            url = f"sqlite:///{nowhere}/dry-run.db"
        done = None
        try:
            with writing(ready_database(url)) as conn:
                done = _bring_in(conn, data, source, beside=name is not None)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            pass
        assert done is not None
        return done


def _bring_in(conn: Connection, data: DataSet, source: Path, beside: bool) -> ImportedDataSet:
    places = compared(
        data.deployments, {place.deployment_id: place for place in all_deployments(conn)}
    )
    fresh = _new_names(data, names_in_use(conn))
    known_batch = batch_by_name(conn, data.name)
    if known_batch is not None and not is_data_set(conn, known_batch):
        raise SettingsError(f"{data.name} is the name of a card here: give the data set a --name")
    batch_id = save_batch(conn, data.name, str(source.resolve()), None)
    about = {"imported": {"name": data.name, "form": data.form}}
    look, label = (save_recipe(conn, step, about, data.name) for step in ("look", "label"))
    set_current(conn, batch_id, look=look, label=label)
    save_deployments(conn, [*places.new, *places.filled])
    entered = outages.save_outages(conn, data.outages)
    before = known_of(conn, batch_id)
    gap_s = Windows().visit_gap_s
    groups = grouped(data, gap_s)
    pictures = [*data.pictures, *_standing(groups)]
    if known_batch is None and not beside:
        _refuse_twice(data, pictures, in_other_data_sets(conn, batch_id, pictures))
    listed = _listed_now(data, groups, before)
    if listed:
        name_standing(conn, batch_id, listed)
        before = known_of(conn, batch_id)
    met = meet([one for one in pictures if one.source_id not in before], _here(conn, pictures))
    ids = _media_ids(data, pictures, before, met)
    save_named(conn, batch_id, {ids[one.source_id]: one for one in pictures})
    words = machine_words(data, ids)
    save_words(conn, look, [(w.media_id, w.state, w.p_blank, w.count) for w in words])
    save_labels(conn, label, [word.label for word in words])
    given = list(answers_of(data, groups, ids))
    answers, _ = save_answers(conn, given, f"import {data.name}", once=True)
    repairs.apply(conn, schema.media.c.batch_id == batch_id)
    visits = _own_visits(data, groups, ids, words, gap_s, _of_cards(before, met))
    save_visits(conn, label, visits, [place.deployment_id for place in data.deployments])
    refresh_batch(conn, batch_id)
    seen = Counter(
        "unclassified" if seen.observation_type == "unclassified" else seen.method
        for seen in data.seen
    )
    return ImportedDataSet(
        data.name,
        data.form,
        data.rows,
        places,
        _counted(data, pictures, before, met),
        seen,
        len(groups),
        answers,
        seen["human"] - sum(map(len, given)),
        answers if before else 0,
        entered,
        fresh,
        data.unknown,
        data.left_out,
    )


def _refuse_twice(data: DataSet, pictures: Sequence[NamedPicture], others: Counter[str]) -> None:
    """Programs put the time of a download into its name: then it is the same one again."""
    if not others:
        return
    [(name, many)] = others.most_common(1)
    raise SettingsError(
        f"{many} of its {counted(len(pictures), 'picture')} are in {name} already: "
        f"--name {quote(name)} brings that one up to date; --name {quote(data.name)} takes this in "
        "beside it, and they count twice"
    )


def _new_names(data: DataSet, in_use: set[str]) -> dict[str, int]:
    rows = Counter(seen.name for seen in data.seen if seen.name and seen.name not in in_use)
    return dict(sorted(rows.items()))


def _listed_now(
    data: DataSet, groups: Sequence[Group], before: Mapping[str, Known]
) -> dict[str, tuple[str, NamedPicture]]:
    """Of events for which a picture stood before, the first that is listed now."""
    found = {}
    for group in groups:
        first, stood = group.pictures[0], standing_for(group).source_id
        if stood in before and before[stood].mine and first.source_id not in before:
            found[before[stood].media_id] = first.stand_in(data.name), first
    return found


def _standing(groups: Sequence[Group]) -> list[NamedPicture]:
    """The pictures that stand for visits without any."""
    return [one for group in groups for one in group.pictures if one.stands_for_event]


def _here(conn: Connection, pictures: Sequence[NamedPicture]) -> list[Bytes]:
    """Pictures with bytes that may be some of these."""
    times = [one.taken_at for one in pictures if one.taken_at]
    between = (min(times), max(times)) if times else None
    return [Bytes(*row) for row in pictures_here(conn, between)]


def _media_ids(
    data: DataSet, pictures: Sequence[NamedPicture], before: Mapping[str, Known], met: Met
) -> dict[str, str]:
    """media_id by what the data set calls a picture."""
    ids = {one.source_id: one.stand_in(data.name) for one in pictures}
    ids |= {source: known.media_id for source, known in before.items()}
    return ids | {picture.source_id: here.media_id for picture, here in met.pairs}


def _of_cards(before: Mapping[str, Known], met: Met) -> set[str]:
    """Pictures that a card has: their visits are the card's."""
    mine = {source for source, known in before.items() if not known.mine}
    return mine | {picture.source_id for picture, _ in met.pairs}


def _own_visits(
    data: DataSet,
    groups: Sequence[Group],
    ids: Mapping[str, str],
    words: Sequence[MachineWord],
    gap_s: float,
    of_cards: set[str],
) -> list[Visit]:
    """Visits of pictures that no card has."""
    own = []
    for group in groups:
        left = [one for one in group.pictures if one.source_id not in of_cards]
        if left:
            own.append(Group(group.deployment_id, left, group.seen, group.event))
    return visits_of(data, own, ids, words, gap_s)


def _counted(
    data: DataSet, pictures: Sequence[NamedPicture], before: Mapping[str, Known], met: Met
) -> ImportedPictures:
    now = {one.source_id for one in pictures}
    known = len(now & before.keys())
    fresh = now - before.keys() - {picture.source_id for picture, _ in met.pairs}
    standing = sum(one.stands_for_event for one in pictures)
    return ImportedPictures(
        new=sum(not one.stands_for_event and one.source_id in fresh for one in pictures),
        known=known,
        met=len(met.pairs),
        doubtful=tuple(one.path for one in met.doubtful),
        gone=len(before.keys() - now),
        standing=standing,
        apart=Counter(
            (picture.deployment_id, here.deployment_id)
            for picture, here in met.pairs
            if picture.deployment_id != here.deployment_id
        ),
    )
