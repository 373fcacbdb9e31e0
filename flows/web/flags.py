"""Flags: what a ranger should see, confirmed or dismissed with a comment.

People are shown as they are here: each time a flag is opened it is written down who sees them.
"""

from urllib.parse import parse_qs, urlencode

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from flows.services.flags import ShownFlag, judge_flags, list_flags, one_flag
from flows.services.reviewing.access import ask_for_people
from flows.services.reviewing.seen import flag_pictures
from flows.web.desk import Desk, page
from flows.web.words import SEVERITIES
from pipeline.errors import InputError

TASK = "flags"
MOST = 40  # pictures on the page of a flag
MOST_FLAGS = 500  # on the page of all
LONGEST = 2000  # letters of a comment
SAID = {"confirm": True, "dismiss": False}


def flags(request: Request) -> Response:
    """The flags, the suspected ones first, the gravest first."""
    desk: Desk = request.app.state.desk
    if (reviewer := desk.reviewer(request)) is None:
        return RedirectResponse("/", 303)
    found = list_flags(desk.database)
    left = sum(flag.status == "suspected" for flag in found)
    listed = found[:MOST_FLAGS]
    more = len(found) - len(listed)
    return page(
        desk,
        "flags.html",
        reviewer=reviewer,
        flags=listed,
        left=left,
        more=more,
        last=_last(request),
        severities=SEVERITIES,
    )


def shown_flag(request: Request) -> Response:
    """One flag with its pictures as they are, and what was said of it."""
    desk: Desk = request.app.state.desk
    if (reviewer := desk.reviewer(request)) is None:
        return RedirectResponse("/", 303)
    found = one_flag(desk.database, request.path_params["flag_id"])
    pictures = flag_pictures(desk.database, found.flag.flag_id)
    shown = pictures[:MOST]
    people = [(key, sha) for key, sha in shown if desk.pictures.people_on(key)]
    if people:
        ask_for_people(desk.database, [sha for _, sha in people], reviewer, TASK)
        desk.let_see(reviewer, [key for key, _ in people])
    return page(
        desk,
        "flag.html",
        reviewer=reviewer,
        flag=found.flag,
        before=found.before,
        after=found.after,
        pictures=[key for key, _ in shown],
        more=len(pictures) - len(shown),
        people=len(people),
        missing=desk.pictures.missing(shown[0][0]),
        last=_last(request),
        why=request.query_params.get("why", "")[:200],
        longest=LONGEST,
    )


async def judge(request: Request) -> Response:
    """Keep what somebody says of a flag, and go on to the next suspected one."""
    desk: Desk = request.app.state.desk
    reviewer = desk.reviewer(request)
    if reviewer is None:
        return RedirectResponse("/", 303)
    given = parse_qs((await request.body()).decode("utf-8", "replace"))
    said, words = given.get("said", [""])[0], given.get("comment", [""])[0]
    found = await run_sync(one_flag, desk.database, request.path_params["flag_id"])
    flag_id = found.flag.flag_id
    if said not in SAID or len(words) > LONGEST:
        why = f"say confirm or dismiss, with at most {LONGEST} letters of comment"
        return RedirectResponse(f"/flags/{flag_id}?{urlencode({'why': why})}", 303)
    comment = " ".join("".join(c if c.isprintable() else " " for c in words).split()) or None

    def keep() -> None:
        judge_flags(desk.database, [flag_id], SAID[said], reviewer, comment)

    await run_sync(keep)
    after = f"/flags/{found.suspected}" if found.suspected else "/flags"
    return RedirectResponse(f"{after}?{urlencode({'last': flag_id})}", 303)


def _last(request: Request) -> ShownFlag | None:
    """The flag that was judged on the page before; None: there is none."""
    try:
        return one_flag(request.app.state.desk.database, request.query_params.get("last", "")).flag
    except InputError:
        return None


ROUTES = [
    Route("/flags", flags),
    Route("/flags/{flag_id}", shown_flag),
    Route("/flags/{flag_id}", judge, methods=["POST"]),
]
