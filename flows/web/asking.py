"""What an address was asked, as JSON, and a visit as the page draws it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request

from db.core.engine import reading
from flows.execution.databases import known_database
from flows.services.flags import flag_on
from flows.services.reviewing.queues import Queue, asked_queue
from flows.services.reviewing.shown import show, without_answers
from flows.web.desk import Desk
from flows.web.words import SEVERITIES
from pipeline.errors import InputError


def shown_to(
    desk: Desk, reviewer: str, queue: Queue, media_id: int, of_visit: bool | None = None
) -> dict[str, Any] | None:
    """What the page draws; None: it is gone."""
    with reading(known_database(desk.database)) as conn:
        shown = show(conn, media_id, queue.of_visits if of_visit is None else of_visit, desk.bar)
        flag = flag_on(conn, media_id) if queue.kind == "flags" else None
    if shown is None:
        return None
    if queue.blind:
        shown = without_answers(shown)
    keys = [frame.media_id for frame in shown.frames]
    if queue.shows_people:
        desk.let_see(reviewer, keys, queue.kind)
    said = [*shown.machine, *(shown.answer.said if shown.answer else ())]
    hidden = [key for key in keys if shown.hidden and not desk.may_see(reviewer, key)]
    return {
        **asdict(shown),
        "hidden": hidden,
        "flag": flag and {**asdict(flag), "severity": SEVERITIES[flag.severity]},
        "missing": desk.pictures.missing(media_id),
        "common": desk.called(row.name for row in said),
    }


async def asked(request: Request) -> tuple[Desk, str, Mapping[str, Any]]:
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


def queue_of(given: Mapping[str, Any]) -> Queue:
    words = given.get("queue", {})
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
        raise InputError("queue: words by name")
    return asked_queue(words)


def whole(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name, 0)
    if type(value) is not int or not 0 <= value < 2**31:
        raise InputError(f"{name}: a whole number")
    return value


def keys_of(given: Mapping[str, Any], name: str) -> list[int]:
    values = given.get(name, [])
    fine = isinstance(values, list) and all(type(key) is int and 0 <= key < 2**31 for key in values)
    if not fine:
        raise InputError(f"{name}: a list of whole numbers")
    return list(values)
