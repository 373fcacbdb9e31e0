"""What was seen: pictures by filter, pictures that look alike, flags with theirs, stations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import Connection

from db.core.engine import reading
from db.queries.reviewing import seen as rows
from db.queries.reviewing.seen import SeenFilter
from flows.execution.databases import known_database
from pipeline.errors import InputError
from pipeline.records import LIGHTS

STATES = ("kept", "blank", "failed", "unprocessed")
PAGE = 60  # pictures
MOST_KEPT = 100 * PAGE  # of which the nearest are kept, while more are read
LONGEST = 200  # characters of a filter
WORDS = ("deployment", "species", "from", "to", "light", "state")


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A picture as a page of pictures shows it."""

    media_id: int
    visit: int  # first picture of its visit
    deployment: str
    path: str
    taken_at: datetime | None
    state: str
    observation_type: str
    name: str | None
    count: int | None
    by_person: bool
    likeness: float | None = None  # cosine, -1 to 1, where pictures that look alike were asked for


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page of pictures."""

    pictures: tuple[SeenPicture, ...]
    before: int  # where the next page begins; 0: this is the last one


@dataclass(frozen=True, slots=True)
class SeenStation:
    """A station of the map."""

    name: str
    location: str | None
    latitude: float | None
    longitude: float | None
    deployments: int
    deployment: str  # one of them
    events: int  # visits that show something


def asked_filter(words: Mapping[str, str]) -> SeenFilter:
    """A filter from the words of an address; InputError names what is not understood."""
    for name in WORDS:
        text = words.get(name, "")
        if len(text) > LONGEST or not text.isprintable():
            raise InputError(f"{name}: at most {LONGEST} letters that can be printed")
    return SeenFilter(
        words.get("deployment") or None,
        words.get("species") or None,
        _day("from", words.get("from")),
        _day("to", words.get("to")),
        _one_of("light", words.get("light"), LIGHTS),
        _one_of("state", words.get("state"), STATES),
    )


def seen_page(database: str, wanted: SeenFilter, before: int = 0) -> SeenPage:
    """The pictures of a filter, those that came last first; a page at a time, by its `before`."""
    with reading(known_database(database)) as conn:
        found = rows.seen_pictures(conn, wanted, before, PAGE + 1)
    pictures = tuple(_picture(row) for row in found[:PAGE])
    return SeenPage(pictures, pictures[-1].media_id if len(found) > PAGE else 0)


def more_like(database: str, media_id: int, wanted: SeenFilter) -> SeenPage:
    """The pictures of a filter that look most like one, itself first; by its stored vectors.

    InputError where it has none.
    """
    with reading(known_database(database)) as conn:
        mine = rows.vectors_of_picture(conn, media_id)
        if not mine:
            raise InputError("this picture has no vector to compare by: it is blank")
        asked = np.stack([np.frombuffer(vector, np.float16) for _, vector in mine])
        same = comparable(conn, mine[0][0])
        return _nearest(conn, asked.astype(np.float32), wanted, same)


def comparable(conn: Connection, recipe: int) -> list[int]:
    """The look recipes whose vectors one model made, the one of `recipe`."""
    known = rows.recipes_by_encoder(conn)
    return [other for other, sha in known.items() if sha and sha == known.get(recipe)] or [recipe]


def likeness(
    stored: Iterable[tuple[list[int], list[bytes]]], asked: NDArray[np.float32]
) -> Iterator[tuple[int, float]]:
    """(key, cosine to the nearest of `asked`) of each stored vector.

    stored   keys and vectors as float16, in chunks
    asked    (n, d) of unit length
    """
    for keys, vectors in stored:
        views = np.frombuffer(b"".join(vectors), np.float16).astype(np.float32)
        close = (views.reshape(len(keys), -1) @ asked.T).max(axis=1)
        yield from zip(keys, close.tolist(), strict=True)


def in_words(database: str, text: str, wanted: SeenFilter) -> SeenPage:
    """The pictures of a filter that fit words best, by the labeller's text tower over their stored
    vectors; the first search loads it.

    InputError: no words, or no run has named pictures.
    """
    from flows.execution import loaded

    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise InputError(f"words: 1 to {LONGEST} letters that can be printed")
    with reading(known_database(database)) as conn:
        labeller = rows.last_labeller(conn)
    if labeller is None:
        raise InputError("no run has named pictures here yet: there are no vectors to search")
    encoder = loaded.encoder(*labeller)
    asked = encoder.texts([text, f"a photo of a {text}"]).mean(axis=0, keepdims=True)
    asked /= np.linalg.norm(asked)
    with reading(known_database(database)) as conn:
        known = rows.recipes_by_encoder(conn)
        same = [recipe for recipe, sha in known.items() if sha == encoder.sha256]
        return _nearest(conn, asked, wanted, same)


def _nearest(
    conn: Connection, asked: NDArray[np.float32], wanted: SeenFilter, recipes: Sequence[int]
) -> SeenPage:
    """asked: (n, d) of unit length; of each picture the nearest of its views counts."""
    best: dict[int, float] = {}
    for key, value in likeness(rows.stored_vectors(conn, wanted, recipes), asked):
        best[key] = max(value, best.get(key, -1.0))
        if len(best) > MOST_KEPT:
            best = dict(_top(best))
    top = _top(best)
    found = rows.pictures_by_key(conn, [key for key, _ in top])
    return SeenPage(tuple(_picture(found[key], close) for key, close in top if key in found), 0)


def _top(best: Mapping[int, float]) -> list[tuple[int, float]]:
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))[:PAGE]


def stations_seen(database: str) -> tuple[SeenStation, ...]:
    """Every station, with or without coordinates."""
    with reading(known_database(database)) as conn:
        return tuple(
            SeenStation(
                *(row.station, row.location_name, row.latitude, row.longitude),
                *(row.deployments, row.deployment, int(row.events)),
            )
            for row in rows.stations_seen(conn)
        )


def flag_pictures(database: str, flag_id: str) -> Sequence[tuple[int, str]]:
    """(media_id, sha256) of a flag's pictures; InputError: no such flag is shown."""
    with reading(known_database(database)) as conn:
        found = rows.flag_pictures(conn, flag_id)
    if not found:
        raise InputError("no such flag")
    return [(row.media_id, row.sha256) for row in found]


def _picture(row: "sa.Row[Any]", likeness: float | None = None) -> SeenPicture:
    return SeenPicture(
        *(row.media_id, row.visit, row.deployment, row.path, row.taken_at, row.state),
        *(row.observation_type, row.name, row._mapping["count"], row.method == "human"),
        likeness,
    )


def _day(name: str, text: str | None) -> str | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(f"{name}: write a day as YYYY-MM-DD") from None


def _one_of(name: str, text: str | None, known: Sequence[str]) -> str | None:
    if text and text not in known:
        raise InputError(f"{name}: one of {', '.join(known)}")
    return text or None
