"""The inbox, polled every few minutes: a triage for each card that has settled and is not done.

What was taken, and how it ended, stands in our database (`arrivals`). So a card is taken once; one
whose run failed, or died with its machine, is taken again; and Prefect may forget everything.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, get_run_logger  # noqa: E402
from prefect.artifacts import create_table_artifact  # noqa: E402
from prefect.client.orchestration import get_client  # noqa: E402
from prefect.client.schemas.objects import FlowRun, State  # noqa: E402
from prefect.deployments import run_deployment  # noqa: E402
from prefect.exceptions import ObjectNotFound  # noqa: E402

from db.core.engine import reading, writing  # noqa: E402
from db.store import arrivals  # noqa: E402
from db.store.arrivals import Arrival  # noqa: E402
from flows.execution.databases import ready_database  # noqa: E402
from pipeline.card.inbox import Listing, folders_in, listing, never_taken, settled  # noqa: E402
from pipeline.errors import CardError  # noqa: E402

TRIES = 3  # a card that fails as often waits until its files change
CARD = "camtriage-triage/card"  # the deployment that takes one card
Known = Mapping[tuple[str, str], Arrival]


@flow(name="camtriage-watch", flow_run_name="watch {inbox}", persist_result=False)
def watch(inbox: str, stable_s: float = 60.0) -> list[str]:
    """Start a triage for every card in the inbox that has settled and is not done.

    Args:
        inbox: Folder whose subfolders are cards; its full path.
        stable_s: Seconds in which a card's files must neither change in number nor in size.
    """
    folders = folders_in(Path(inbox))
    odd = never_taken(Path(inbox), folders)
    for line in odd:
        get_run_logger().warning(line)
    known = _with_the_dead_closed()
    before = wanted({**_elsewhere(known, inbox), **folders}, known)
    now: dict[str, Listing] = {}
    if before:
        time.sleep(stable_s)
        now = settled(before, _listed(before))
    for folder, found in now.items():
        _start(folder, found, known.get((folder, found.digest)))
    if rows := as_rows(before, now, odd):
        create_table_artifact(rows, key="taken", description=f"cards taken from {inbox}")
    return list(now)


def as_rows(
    before: Iterable[str], now: Mapping[str, Listing], odd: Iterable[str]
) -> list[dict[str, object]]:
    """The result of a poll as rows: cards taken, still being copied, and what will never be."""
    rows: list[dict[str, object]] = [
        {"card": folder, "pictures": found.pictures} for folder, found in now.items()
    ]
    rows += [{"card": card, "pictures": "still being copied"} for card in before if card not in now]
    return rows + [{"card": "", "pictures": f"will not be taken: {line}"} for line in odd]


def wanted(cards: Mapping[str, Listing], known: Known) -> dict[str, Listing]:
    """The cards (folders with a picture) that nobody has taken as they lie there, or whose run
    failed not too often."""

    def is_wanted(arrival: Arrival | None) -> bool:
        return arrival is None or (arrival.status == "failed" and arrival.tries < TRIES)

    return {
        folder: found
        for folder, found in cards.items()
        if found.pictures and is_wanted(known.get((folder, found.digest)))
    }


def _listed(folders: Iterable[str]) -> dict[str, Listing]:
    """Those that can be read to their end, as they lie there now."""
    found = {}
    for folder in folders:
        with suppress(CardError):
            found[folder] = listing(Path(folder))
    return found


def _with_the_dead_closed() -> Known:
    """All arrivals; those whose run is over, or that Prefect does not know, are closed first."""
    with reading(ready_database("")) as conn:
        known = arrivals.arrivals(conn)
    ended = {
        arrival: how
        for arrival in known.values()
        if arrival.status == "taken" and (how := ending(_state_of, arrival.flow_run))
    }
    with writing(ready_database("")) as conn:
        for arrival, (status, why) in ended.items():
            arrivals.close(conn, arrival.flow_run, status, why)
            if status == "failed":
                arrivals.leave_failure(conn, str(Path(arrival.folder).resolve()), why)
        return arrivals.arrivals(conn)


def ending(state_of: Callable[[str], State[Any] | None], flow_run: str) -> tuple[str, str] | None:
    """(status, why) of a run that is over; None while it waits or runs."""
    state = state_of(flow_run)
    if state is None:
        return "failed", "Prefect does not know the run any more"
    if not state.is_final():
        return None
    if state.is_completed():
        return "done", ""
    status = "cancelled" if state.is_cancelled() else "failed"
    return status, state.message or state.name or status


def _state_of(flow_run: str) -> State[Any] | None:
    with get_client(sync_client=True) as client:
        try:
            return client.read_flow_run(UUID(flow_run)).state
        except ObjectNotFound:
            return None


def _elsewhere(known: Known, inbox: str) -> dict[str, Listing]:
    """Cards outside the inbox that an event or a person gave, and whose run failed."""
    failed = {arrival.folder for arrival in known.values() if arrival.status == "failed"}
    found = _listed(folder for folder in failed if Path(folder).parent != Path(inbox))
    return {folder: lies for folder, lies in found.items() if (folder, lies.digest) in known}


def _start(folder: str, found: Listing, before: Arrival | None) -> None:
    """One run for the card; asked twice for the same try, Prefect starts it once."""
    with reading(ready_database("")) as conn:
        name = arrivals.batch_that_grew(conn, str(Path(folder).resolve()), found.sizes)
    tries = before.tries if before else 0
    run = run_deployment(
        CARD,
        parameters={"card": folder, "name": name},
        timeout=0,
        as_subflow=False,
        idempotency_key=f"{folder} {found.digest} {tries}",
    )
    assert isinstance(run, FlowRun)  # not a coroutine: the watch is no async flow
    with writing(ready_database("")) as conn:
        arrivals.take(conn, folder, found.digest, str(run.id))
