"""What a run of Prefect leaves in our database: what it took, and how it ended.

Hooks run where the flow was loaded: in its own process when it fails, in the worker's when the
process was killed. When the worker died with it, nobody runs them; watch.py finds such runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from db.core.engine import writing
from db.store import arrivals
from flows.execution.databases import ready_database
from flows.run_options import RunOptions
from pipeline.card.inbox import listing
from pipeline.errors import CamtriageError

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun, State

SAID_FIRST = "Flow run encountered an exception: "  # by Prefect, before every error's own words


def take_card(options: RunOptions, flow_run: str) -> None:
    """Remember that this run has the folder in hand, as it lies there now."""
    found = listing(Path(options.here().card))
    with writing(ready_database("")) as conn:
        arrivals.take(conn, options.card, found.digest, str(flow_run))


def close_arrival(flow_run: str, status: str, message: str | None = None) -> None:
    with writing(ready_database("")) as conn:
        arrivals.close(conn, str(flow_run), status, message)


def last_words(card: str, status: str, why: str) -> str:
    return f"{card}: {status}: {why.rstrip('.')}. What was done is kept; the next run goes on."


def leave_a_row(flow: "Flow[..., Any]", flow_run: "FlowRun", state: "State[Any]") -> None:
    """A run that failed, was killed or cancelled says so in `run_summary` and in `arrivals`."""
    from prefect.logging.loggers import flow_run_logger

    card = str((flow_run.parameters or {}).get("card") or "no card")
    why = (state.message or state.name or "").removeprefix(SAID_FIRST)
    status = "cancelled" if state.is_cancelled() or state.is_cancelling() else "failed"
    log = flow_run_logger(flow_run, flow)
    try:
        with writing(ready_database("")) as conn:
            arrivals.close(conn, str(flow_run.id), status, why)
            arrivals.leave_failure(
                conn, str(Path(RunOptions(card=card).here().card).resolve()), why
            )
    except (CamtriageError, SQLAlchemyError, OSError) as wrong:  # the database may be what failed
        log.error("the database could not be told: %s", wrong)
    log.error("%s", last_words(card, status, why))
