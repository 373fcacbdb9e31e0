"""Visits that look alike, answered together: the page and what it asks."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from flows.services.reviewing.queues import asked_queue
from flows.services.reviewing.saving import said_of
from flows.services.reviewing.screen.alike import MOST, may_be_together, next_alike
from flows.services.reviewing.screen.known import refuse_unknown
from flows.services.reviewing.shown import Said
from flows.web.answering import MOST_HELD
from flows.web.asking import asked, keys_of, queue_of, shown_to, whole
from flows.web.desk import Desk, page
from flows.web.words import GRID_KEYS
from pipeline.errors import InputError

MOST_PASSED = 5000  # visits left without an answer that a page may name


def grid(request: Request) -> Response:
    """Many visits at once, by keys."""
    desk: Desk = request.app.state.desk
    reviewer = desk.reviewer(request)
    if reviewer is None:
        return RedirectResponse("/", 303)
    try:
        queue = asked_queue(request.query_params)
        if not may_be_together(queue):
            raise InputError(f"{queue.title}: answered one by one, not as a grid")
        refuse_unknown(desk.database, queue, desk.common)
    except InputError as why:
        return RedirectResponse("/?" + urlencode({"why": str(why)}), 303)
    shown = {"queue": queue, "keys": desk.keys(GRID_KEYS), "quick": desk.quick_rows}
    words = urlencode(request.query_params.multi_items())
    return page(desk, "grid.html", reviewer=reviewer, words=words, **shown)


async def alike(request: Request) -> Response:
    """The next visits that look alike, which are this reviewer's from now on."""
    desk, reviewer, given = await asked(request)
    queue, after = queue_of(given), whole(given, "after")
    keep, passed = keys_of(given, "keep")[:MOST_HELD], keys_of(given, "passed")[-MOST_PASSED:]
    most = max(1, min(whole(given, "most"), MOST))

    def find() -> dict[str, Any]:
        found = next_alike(desk.queues, queue, reviewer, after, most, keep, passed)
        items = [shown_to(desk, reviewer, queue, item.media_id) for item in found.items]
        here = [item for item in items if item]
        return {"items": here, "cursor": found.cursor, "compared": found.compared}

    return JSONResponse(await run_sync(find))


async def save(request: Request) -> Response:
    """Keep an answer for each of these visits; all are taken back together."""
    desk, reviewer, given = await asked(request)
    said = _answers(given)

    def keep() -> None:
        desk.answers.save_each(reviewer, said, "event")
        desk.pictures.forget(list(said))
        desk.flags.tell(said)

    await run_sync(keep)
    return JSONResponse({"saved": len(said)})


async def undo(request: Request) -> Response:
    """Take back all that this reviewer's last key answered, and show it."""
    desk, reviewer, given = await asked(request)
    queue, again = queue_of(given), given.get("again") is True

    def take() -> list[dict[str, Any]]:
        turn = desk.answers.redo if again else desk.answers.undo
        if (undone := turn(reviewer)) is None:
            return []
        desk.flags.tell(undone.media_ids)
        keys = undone.media_ids
        if not undone.of_visit:
            keys = tuple(dict.fromkeys(map(desk.answers.visit_of, keys)))
        shown = keys[:MOST]
        desk.queues.hold(reviewer, shown)
        return [item for key in shown if (item := shown_to(desk, reviewer, queue, key, True))]

    return JSONResponse({"items": await run_sync(take)})


def _answers(given: Mapping[str, Any]) -> dict[int, tuple[Said, ...]]:
    """What is said of each visit, by its first picture."""
    answers = given.get("answers")
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise InputError("answers: a list of a visit and what is said of it each")
    if not 0 < len(answers) <= MOST:
        raise InputError(f"1 to {MOST} visits are answered together")
    return {whole(answer, "media_id"): said_of(answer.get("said")) for answer in answers}


ROUTES = [
    Route("/grid", grid),
    Route("/api/alike", alike, methods=["POST"]),
    Route("/api/alike/save", save, methods=["POST"]),
    Route("/api/alike/undo", undo, methods=["POST"]),
]
