"""The end of a run: its results become the current ones, and its few numbers are told."""

from dataclasses import replace

from db.core.engine import reading, writing
from db.queries import summary
from db.store.batches import (
    end_run,
    is_run_of,
    set_current,
)
from db.store.draws import count_drawn
from db.store.files import file_counts, file_problems_of
from db.store.windows import windows_left
from flows.execution.databases import database
from flows.execution.retry import patient
from flows.run_options import Begun, Job
from flows.steps.boxes import words_about
from flows.steps.ingest import other_name
from flows.steps.label import bank_of
from flows.steps.summary import Summary, exit_code
from pipeline.errors import DatabaseChanged


@patient
def finish(job: Job, begun: Begun, looked: int, seconds: float) -> Summary:
    """Make this run's results the ones that the views show, and close its row."""
    with writing(database(job.database)) as conn:
        same_database(conn, begun)
        set_current(conn, begun.batch_id, begun.look, begun.label, begun.flag)
    found = replace(summarise(job, begun, looked, seconds), warnings=_warnings(job, begun))
    counts = {"files": found.files, "pictures": found.pictures, **found.states}
    with writing(database(job.database)) as conn:
        status = "unfinished" if exit_code(found) else "finished"
        end_run(conn, begun.run_id, status, counts)
    return found


def summarise(job: Job, begun: Begun, looked: int = 0, seconds: float = 0.0) -> Summary:
    with reading(database(job.database)) as conn:
        files = file_counts(conn, begun.batch_id)
        return Summary(
            batch=begun.batch,
            known=begun.run_id is None,
            files=files.found,
            pictures=files.pictures,
            troubled=files.unreadable,
            other={**files.other, "skipped": files.skipped} if files.skipped else {**files.other},
            troubles=len(file_problems_of(conn, begun.batch_id)),
            states=summary.states(conn, begun.batch_id),
            species=summary.species(conn, begun.batch_id),
            flags=summary.flags(conn, begun.batch_id, begun.flag),
            audit=count_drawn(conn, begun.batch_id, begun.look),
            undone=len(windows_left(conn, begun.batch_id, begun.look)),
            looked=looked,
            seconds=seconds,
        )


def same_database(conn, begun: Begun) -> None:
    """A backup restored meanwhile knows nothing of this run, or another card by its key."""
    if not is_run_of(conn, begun.run_id, begun.batch_id, begun.batch):
        raise DatabaseChanged(
            f"batch {begun.batch}: the database was replaced while this run wrote into it; run the "
            "command again"
        )


def _warnings(job: Job, begun: Begun) -> tuple[str, ...]:
    """What a user should know though nothing failed: names never seen, boxes that match nothing."""
    unseen = bank_of(job).warning
    about = words_about(job.boxes, job.database, begun.batch_id)
    return (*other_name(job, begun), *([unseen] if unseen else []), *about)
