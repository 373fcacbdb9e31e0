"""What the screen asks while somebody reviews: the next visits, and to keep his answers."""

from collections.abc import Mapping
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
from flows.services.reviewing.progress import interval
from flows.services.reviewing.queues import Queue, asked_queue
from flows.services.reviewing.saving import MOST_PLACES, said_of
from flows.services.reviewing.shown import show, without_answers
from flows.web.desk import Desk
from pipeline.errors import InputError, PopulationError

MOST_NEXT = 5  # visits that a screen may hold ready
PURPOSES = ("event", "review", "audit")


async def next_visits(request: Request) -> Response:
    """The next visits of a queue, which are this reviewer's from now on."""
    desk, reviewer, given = await _asked(request)
    queue, after = _queue(given), _whole(given, "after")
    keep = _keys(given, "keep")[:MOST_NEXT]
    most = max(1, min(_whole(given, "most"), MOST_NEXT))

    def find() -> list[dict[str, Any]]:
        items = desk.queues.next_items(queue, reviewer, after, most, keep)
        found = [(_shown(desk, reviewer, queue, item.media_id), item) for item in items]
        return [
            {**shown, "cursor": item.cursor, "question": item.question}
            for shown, item in found
            if shown
        ]

    return JSONResponse({"items": await run_sync(find)})


async def hold(request: Request) -> Response:
    """What is on the screen stays this reviewer's."""
    desk, reviewer, given = await _asked(request)
    keep = _keys(given, "keep")[:MOST_NEXT]
    await run_sync(lambda: desk.queues.hold(reviewer, keep))
    return JSONResponse({})


async def one_visit(request: Request) -> Response:
    """One visit or picture by its key; with a step, the one beside it at the same camera."""
    desk, reviewer, given = await _asked(request)
    queue, media_id = _queue(given), _whole(given, "media_id")
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
        return None if at is None else _shown(desk, reviewer, queue, at, of_visit)

    return JSONResponse({"item": await run_sync(find)})


async def save(request: Request) -> Response:
    """Keep an answer; it is in the database when this returns."""
    desk, reviewer, given = await _asked(request)
    media_ids, purpose = _keys(given, "media_ids"), given.get("purpose")
    if purpose not in PURPOSES:
        raise InputError(f"purpose: one of {', '.join(PURPOSES)}")
    said = said_of(given.get("said"))

    def keep() -> None:
        desk.answers.save(reviewer, media_ids, str(purpose), said)
        desk.pictures.forget(media_ids)
        desk.flags.tell(media_ids)

    await run_sync(keep)
    return JSONResponse({"saved": len(media_ids)})


async def undo(request: Request) -> Response:
    """Take back this reviewer's last answer, and show what it was about."""
    desk, reviewer, given = await _asked(request)
    queue, again = _queue(given), given.get("again") is True

    def take() -> dict[str, Any] | None:
        turn = desk.answers.redo if again else desk.answers.undo
        if (undone := turn(reviewer)) is None:
            return None
        desk.flags.tell([undone.media_id])
        of_visit, at = undone.of_visit, undone.media_id
        if not of_visit and queue.of_visits:
            of_visit, at = True, desk.answers.visit_of(at)
        return _shown(desk, reviewer, queue, at, of_visit)

    return JSONResponse({"item": await run_sync(take)})


async def reveal(request: Request) -> Response:
    """Let this reviewer see pictures of people as they are: first it is written down."""
    desk, reviewer, given = await _asked(request)
    queue, media_ids = _queue(given), _keys(given, "media_ids")[:MOST_PLACES]

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
    desk, reviewer, given = await _asked(request)
    media_id = _whole(given, "media_id")
    now = await run_sync(lambda: desk.answers.turn_favourite(reviewer, media_id))
    return JSONResponse({"favourite": now})


async def size(request: Request) -> Response:
    """How many visits a queue has, and how many are answered; or why it cannot be made."""
    desk, reviewer, given = await _asked(request)
    queue = _queue(given)

    def count() -> dict[str, object]:
        try:
            total, answered = desk.queues.size(queue, reviewer)
        except PopulationError as why:
            return {"total": 0, "answered": 0, "interval": "", "why": str(why)}
        said = interval(desk.database, queue)
        return {"total": total, "answered": answered, "interval": said, "why": ""}

    return JSONResponse(await run_sync(count))


def _shown(
    desk: Desk, reviewer: str, queue: Queue, media_id: int, of_visit: bool | None = None
) -> dict[str, Any] | None:
    """What the page draws; None: it is gone."""
    with reading(known_database(desk.database)) as conn:
        shown = show(conn, media_id, queue.of_visits if of_visit is None else of_visit, desk.bar)
    if shown is None:
        return None
    if queue.blind:
        shown = without_answers(shown)
    keys = [frame.media_id for frame in shown.frames]
    if queue.shows_people:
        desk.let_see(reviewer, keys, queue.kind)
    said = [*shown.machine, *(shown.answer.said if shown.answer else ())]
    names_here = {row.name for row in said if row.name}
    hidden = [key for key in keys if shown.hidden and not desk.may_see(reviewer, key)]
    return {
        **asdict(shown),
        "hidden": hidden,
        "missing": desk.pictures.missing(media_id),
        "common": {name: desk.common[name] for name in names_here if name in desk.common},
    }


async def _asked(request: Request) -> tuple[Desk, str, Mapping[str, Any]]:
    """Desk, reviewer and the JSON that was sent."""
    desk: Desk = request.app.state.desk
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise InputError("send JSON")
    reviewer = desk.reviewer(request)
    if reviewer is None:
        raise InputError("say who you are on the first page")
    try:
        given = await request.json()
    except (ValueError, RecursionError):
        raise InputError("this is no JSON") from None
    if not isinstance(given, dict):
        raise InputError("send a JSON object")
    return desk, reviewer, given


def _queue(given: Mapping[str, Any]) -> Queue:
    words = given.get("queue", {})
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
        raise InputError("queue: words by name")
    return asked_queue(words)


def _whole(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name, 0)
    if type(value) is not int or not 0 <= value < 2**31:
        raise InputError(f"{name}: a whole number")
    return value


def _keys(given: Mapping[str, Any], name: str) -> list[int]:
    values = given.get(name, [])
    fine = isinstance(values, list) and all(type(key) is int and 0 <= key < 2**31 for key in values)
    if not fine:
        raise InputError(f"{name}: a list of whole numbers")
    return list(values)


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
