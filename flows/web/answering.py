"""What the screen asks while somebody reviews: the next visits, and to keep his answers."""

from dataclasses import asdict
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db.core.engine import reading
from db.queries.reviewing.queues import beside
from flows.execution.databases import known_database
from flows.services.reviewing.access import ask_for_people
from flows.services.reviewing.saving import MOST_PLACES, said_of
from flows.services.reviewing.screen.alike import MOST
from flows.web.asking import asked, keys_of, queue_of, shown_to, whole
from flows.web.desk import Desk
from pipeline.errors import InputError, PopulationError

MOST_NEXT = 5  # visits that a screen may hold ready
MOST_HELD = 3 * MOST  # that one may have before him: a grid, the one after it, one taken back
PURPOSES = ("event", "review", "audit")


async def next_visits(request: Request) -> Response:
    """The next visits of a queue, which are this reviewer's from now on."""
    desk, reviewer, given = await asked(request)
    queue, after = queue_of(given), whole(given, "after")
    keep = keys_of(given, "keep")[:MOST_NEXT]
    most = max(1, min(whole(given, "most"), MOST_NEXT))

    def find() -> list[dict[str, Any]]:
        items = desk.queues.next_items(queue, reviewer, after, most, keep)
        found = [(shown_to(desk, reviewer, queue, item.media_id), item) for item in items]
        return [
            {**shown, "cursor": item.cursor, "question": item.question}
            for shown, item in found
            if shown
        ]

    return JSONResponse({"items": await run_sync(find)})


async def hold(request: Request) -> Response:
    """What is on the screen stays this reviewer's."""
    desk, reviewer, given = await asked(request)
    keep = keys_of(given, "keep")[:MOST_HELD]
    await run_sync(lambda: desk.queues.hold(reviewer, keep))
    return JSONResponse({})


async def one_visit(request: Request) -> Response:
    """One visit or picture by its key; with a step, the one beside it at the same camera."""
    desk, reviewer, given = await asked(request)
    queue, media_id = queue_of(given), whole(given, "media_id")
    step = given.get("step")
    if step not in (None, -1, 1):
        raise InputError("step: -1 or 1")

    def find() -> dict[str, Any] | None:
        at: int | None = media_id
        of_visit = bool(given.get("of_visit", True))
        if step is not None:
            with reading(known_database(desk.database)) as conn:
                at = beside(conn, desk.answers.visit_of(media_id), step)
            of_visit = True
        return None if at is None else shown_to(desk, reviewer, queue, at, of_visit)

    return JSONResponse({"item": await run_sync(find)})


async def save(request: Request) -> Response:
    """Keep an answer; it is in the database when this returns, with what its names are called."""
    desk, reviewer, given = await asked(request)
    media_ids, purpose = keys_of(given, "media_ids"), given.get("purpose")
    if purpose not in PURPOSES:
        raise InputError(f"purpose: one of {', '.join(PURPOSES)}")
    said = said_of(given.get("said"))

    def keep() -> None:
        desk.answers.save(reviewer, media_ids, str(purpose), said)
        desk.pictures.forget(media_ids)
        desk.flags.tell(media_ids)

    await run_sync(keep)
    common = desk.called(row.name for row in said)
    return JSONResponse({"saved": len(media_ids), "common": common})


async def undo(request: Request) -> Response:
    """Take back this reviewer's last answer, and show what it was and what it was about."""
    desk, reviewer, given = await asked(request)
    queue, again = queue_of(given), given.get("again") is True

    def take() -> dict[str, Any]:
        turn = desk.answers.redo if again else desk.answers.undo
        if (undone := turn(reviewer)) is None:
            return {"item": None}
        desk.flags.tell(undone.media_ids)
        of_visit, at = undone.of_visit, undone.media_id
        if not of_visit and queue.of_visits:
            of_visit, at = True, desk.answers.visit_of(at)
        item = shown_to(desk, reviewer, queue, at, of_visit)
        return {
            "item": item,
            "said": [asdict(row) for row in undone.said],
            "common": desk.called(row.name for row in undone.said),
            "answers": len(undone.media_ids) if undone.of_visit else 1,
            "pictures": [] if undone.of_visit else undone.media_ids,
        }

    return JSONResponse(await run_sync(take))


async def reveal(request: Request) -> Response:
    """Let this reviewer see pictures of people as they are: first it is written down."""
    desk, reviewer, given = await asked(request)
    queue, media_ids = queue_of(given), keys_of(given, "media_ids")[:MOST_PLACES]

    def ask() -> None:
        known = desk.answers.sha256_of(media_ids)
        ask_for_people(desk.database, list(known.values()), reviewer, queue.kind)
        desk.let_see(reviewer, list(known))

    await run_sync(ask)
    return JSONResponse({"shown": media_ids})


async def names(request: Request) -> Response:
    """Species by the letters of any of their names."""
    desk: Desk = request.app.state.desk
    typed = request.query_params.get("q", "")[:100]
    found = await run_sync(lambda: desk.names.find(typed))
    return JSONResponse({"names": [asdict(name) for name in found]})


async def favourite(request: Request) -> Response:
    """Make a picture a favourite, or none any more."""
    desk, reviewer, given = await asked(request)
    media_id = whole(given, "media_id")
    now = await run_sync(lambda: desk.answers.turn_favourite(reviewer, media_id))
    return JSONResponse({"favourite": now})


async def size(request: Request) -> Response:
    """How many visits a queue has, and how many are answered; or why it cannot be made. With
    `interval` also what the answers say so far."""
    desk, reviewer, given = await asked(request)
    queue = queue_of(given)

    def count() -> dict[str, object]:
        try:
            total, answered = desk.queues.size(queue, reviewer)
        except PopulationError as why:
            return {"total": 0, "answered": 0, "interval": "", "why": str(why)}
        said = desk.intervals.of(queue) if given.get("interval") is True else ""
        return {"total": total, "answered": answered, "interval": said, "why": ""}

    return JSONResponse(await run_sync(count))


ROUTES = [
    Route("/api/next", next_visits, methods=["POST"]),
    Route("/api/hold", hold, methods=["POST"]),
    Route("/api/visit", one_visit, methods=["POST"]),
    Route("/api/save", save, methods=["POST"]),
    Route("/api/undo", undo, methods=["POST"]),
    Route("/api/reveal", reveal, methods=["POST"]),
    Route("/api/favourite", favourite, methods=["POST"]),
    Route("/api/size", size, methods=["POST"]),
    Route("/api/names", names),
]
