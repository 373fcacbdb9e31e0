"""What was seen: pictures by filter or by looks, and everything that was said of a visit."""

from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from db.core.engine import reading
from db.queries.reviewing.answers import answers_on
from db.queries.reviewing.queues import choices
from flows.execution.databases import known_database
from flows.services.reviewing.seen import (
    STATES,
    WORDS,
    asked_filter,
    in_words,
    more_like,
    seen_page,
)
from flows.services.reviewing.shown import show
from flows.web.desk import Desk, page
from pipeline.errors import InputError, WeightsError
from pipeline.records import LIGHTS

LARGEST_KEY = 2**31 - 1


def seen(request: Request) -> Response:
    """Pictures by filter, a page at a time; or those that look like one."""
    desk: Desk = request.app.state.desk
    if (reviewer := desk.reviewer(request)) is None:
        return RedirectResponse("/", 303)
    words = {name: request.query_params.get(name, "").strip() for name in WORDS}
    words = {name: word for name, word in words.items() if word}
    found, why, like = None, "", _key(request.query_params.get("like"))
    text = request.query_params.get("words", "").strip()
    try:
        wanted = asked_filter(words)
        if like:
            found = more_like(desk.database, like, wanted)
        elif text:
            found = in_words(desk.database, text, wanted)
        else:
            before = _key(request.query_params.get("before"))
            found = seen_page(desk.database, wanted, before)
    except (InputError, WeightsError) as said:
        why = str(said)
    with reading(known_database(desk.database)) as conn:
        places, names = choices(conn)
    return page(
        desk,
        "seen.html",
        reviewer=reviewer,
        words=words,
        page=found,
        why=why,
        like=like,
        text=text,
        places=places,
        names=names,
        lights=LIGHTS,
        states=STATES,
        filter=urlencode(words),
        common=desk.common,
    )


def visit(request: Request) -> Response:
    """A visit with everything that anybody said of it, and which of it counts."""
    desk: Desk = request.app.state.desk
    if (reviewer := desk.reviewer(request)) is None:
        return RedirectResponse("/", 303)
    if (key := request.path_params["media_id"]) > LARGEST_KEY:
        raise InputError("no such picture")
    first = desk.answers.visit_of(key)
    with reading(known_database(desk.database)) as conn:
        shown = show(conn, first, True, desk.bar)
        keys = [frame.media_id for frame in shown.frames] if shown else []
        rows = answers_on(conn, keys)
    if shown is None:
        raise InputError("no such picture")
    paths = {frame.media_id: frame.path.rpartition("/")[2] for frame in shown.frames}
    return page(
        desk,
        "visit.html",
        reviewer=reviewer,
        visit=shown,
        answers=[_answer(list(rows), paths) for _, rows in groupby(rows, _of_answer)],
        missing=desk.pictures.missing(first),
        common=desk.common,
    )


def _of_answer(row: Any) -> tuple[object, ...]:
    return row["of_visit"], row["media_id"], row["answer"]


def _answer(rows: list[Any], paths: dict[int, str]) -> dict[str, Any]:
    """One answer as the page shows it."""
    head = rows[0]
    return {
        "about": "the visit" if head["of_visit"] else paths[head["media_id"]],
        "rows": rows,
        "reviewer": head["reviewer"],
        "at": head["reviewed_at"] or head["saved_at"],
        "comments": list(dict.fromkeys(row["comment"] for row in rows if row["comment"])),
        "withdrawn": head["withdrawn_at"] is not None,
        "counts": head["counts"],
    }


def _key(text: str | None) -> int:
    """A picture's key; 0: none is meant."""
    fine = text and text.isascii() and text.isdigit() and len(text) <= 10
    return min(int(text), LARGEST_KEY) if text and fine else 0


ROUTES = [Route("/seen", seen), Route("/visit/{media_id:int}", visit)]
