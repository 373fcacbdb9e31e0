"""Pages: the first one with its queues, and the screen itself."""

from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from db.core.engine import reading
from db.queries.reviewing.queues import choices
from flows.execution.databases import known_database
from flows.services.reviewing.queues import KINDS, asked_queue
from flows.services.reviewing.screen.alike import TOGETHER, may_be_together
from flows.services.reviewing.screen.known import refuse_unknown
from flows.web.desk import Desk, cookie_value, page, reviewer_name
from flows.web.words import KEYS, QUEUES
from pipeline.errors import InputError


def first(request: Request) -> Response:
    """Who reviews, and the queues."""
    desk: Desk = request.app.state.desk
    reviewer = desk.reviewer(request)
    with reading(known_database(desk.database)) as conn:
        places, names = choices(conn)
    return page(
        desk,
        "first.html",
        reviewer=reviewer,
        fixed=bool(desk.users.get(request.cookies.get(desk.key_cookie, ""))),
        keys=desk.keys(KEYS),
        queues=[(kind, KINDS[kind][1], QUEUES[kind]) for kind in desk.queues.kinds],
        together=TOGETHER,
        places=places,
        names=names,
        why=request.query_params.get("why", "")[:200],
    )


async def say_name(request: Request) -> Response:
    """Keep who reviews, in a cookie."""
    desk: Desk = request.app.state.desk
    given = parse_qs((await request.body()).decode("utf-8", "replace"))
    try:
        name = reviewer_name(given.get("reviewer", [""])[0])
    except InputError as why:
        return RedirectResponse("/?" + urlencode({"why": str(why)}), 303)
    answer = RedirectResponse("/", 303)
    cookie = {"samesite": "strict", "httponly": True, "max_age": 90 * 86400}
    answer.set_cookie(desk.name_cookie, cookie_value(name), **cookie)  # type: ignore[arg-type]
    return answer


def screen(request: Request) -> Response:
    """One visit at a time, by keys."""
    desk: Desk = request.app.state.desk
    reviewer = desk.reviewer(request)
    if reviewer is None:
        return RedirectResponse("/", 303)
    try:
        words = {name: word for name, word in request.query_params.items() if name != "at"}
        queue = asked_queue(words)
        refuse_unknown(desk.database, queue, desk.common)
    except InputError as why:
        return RedirectResponse("/?" + urlencode({"why": str(why)}), 303)
    shown = {"queue": queue, "keys": desk.keys(KEYS), "quick": desk.quick_rows}
    if may_be_together(queue):
        shown["words"] = urlencode(words)  # of the same queue as a grid
    return page(desk, "review.html", reviewer=reviewer, **shown)


ROUTES = [
    Route("/", first),
    Route("/reviewer", say_name, methods=["POST"]),
    Route("/review", screen),
]
