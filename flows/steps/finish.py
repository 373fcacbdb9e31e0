"""The end of a run: its results become the current ones, and its few numbers are told."""

from dataclasses import replace

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.queries import summary
from db.queries.certificates import certified_batches
from db.store.batches import (
    end_run,
    is_run_of,
    set_current,
)
from db.store.files import file_counts, file_problems_of
from db.store.reviewing.draws import count_drawn
from db.store.windows import windows_left
from flows.execution.databases import ready_database
from flows.execution.retry import patient
from flows.run_options import NamingOptions, StartedRun
from flows.steps.summary import Summary, exit_code
from pipeline.counted import counted
from pipeline.errors import DatabaseChanged


@patient
def finish(
    options: NamingOptions,
    run: StartedRun,
    scored: int = 0,
    seconds: float = 0.0,
    warnings: tuple[str, ...] = (),
) -> Summary:
    """Make this run's results the ones that the views show, and close its row.

    scored    pictures scored in this run, in so many seconds
    """
    assert run.run_id is not None  # a run that had nothing to do has no end either
    with writing(ready_database(options.database)) as conn:
        same_database(conn, run)
        set_current(conn, run.batch_id, run.look, run.label, run.flag)
    found = summarise(options, run, scored, seconds)
    found = replace(found, warnings=(*warnings, *_no_flag(found)))
    counts = {"files": found.files, "pictures": found.pictures, **found.states}
    with writing(ready_database(options.database)) as conn:
        status = "unfinished" if exit_code(found) else "finished"
        end_run(conn, run.run_id, status, counts)
    return found


def _no_flag(found: Summary) -> tuple[str, ...]:
    """Why nobody hears of people: rules that lack what they ask for are silent."""
    visits = found.species.get("Homo sapiens", 0) + found.species.get("vehicle", 0)
    if not visits or found.flags:
        return ()
    return (
        f"{counted(visits, 'visit')} of people or vehicles and no flag: `camtriage doctor` says "
        "what the rules lack (where nobody may be: `deployments edit ID --tags access:closed`).",
    )


def summarise(
    options: NamingOptions, run: StartedRun, scored: int = 0, seconds: float = 0.0
) -> Summary:
    """The numbers of a batch as they stand now."""
    with reading(ready_database(options.database)) as conn:
        files = file_counts(conn, run.batch_id)
        return Summary(
            batch=run.batch,
            known=run.run_id is None,
            files=files.found,
            pictures=files.pictures,
            unreadable=files.unreadable,
            other={**files.other, "skipped": files.skipped} if files.skipped else {**files.other},
            clips=files.clips,
            timeless=files.timeless,
            problems=len(file_problems_of(conn, run.batch_id)),
            states=summary.states(conn, run.batch_id),
            species=summary.species(conn, run.batch_id),
            flags=summary.flags(conn, run.batch_id, run.flag),
            audit=count_drawn(conn, run.batch_id, run.look),
            undone=len(windows_left(conn, run.batch_id, run.look)),
            certificates=certified_batches(conn, [run.batch]).get(run.batch, {}),
            scored=scored,
            seconds=seconds,
        )


def same_database(conn: Connection, run: StartedRun) -> None:
    """DatabaseChanged where a restored backup does not know this run, or another card has its
    key."""
    if run.run_id is None or not is_run_of(conn, run.run_id, run.batch_id, run.batch):
        raise DatabaseChanged(
            f"batch {run.batch}: the database was replaced while this run wrote into it; run the "
            "command again"
        )
