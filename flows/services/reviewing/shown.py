"""One visit or picture as the review screen shows it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from db.queries.reviewing import shown as rows
from db.store.scores import boxes_on
from pipeline.records import Detection
from pipeline.report.day import shows_people

MOST_FRAMES = 240  # of a visit, its clips unfolded; beyond it each clip is one frame
WORDS = ("observation_type", "name", "count", "life_stage", "sex", "behavior", "individual_id")


@dataclass(frozen=True, slots=True)
class Said:
    """One observation, by the machine or by a person."""

    observation_type: str
    name: str | None = None
    count: int | None = None
    probability: float | None = None  # the machine's
    life_stage: str | None = None
    sex: str | None = None
    behavior: str | None = None
    individual_id: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer of a person that counts."""

    reviewer: str | None
    at: str | None
    said: tuple[Said, ...]
    earlier: int = 0  # answers that stood before it


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the strip, or one frame of a clip that was looked at."""

    media_id: int
    path: str
    width: int  # pixels, upright
    height: int
    taken_at: str | None  # repaired where a repair stands
    camera_time: str | None  # where a repair changed it
    repair: str | None
    temperature_c: float | None
    light: str | None
    state: str
    p_blank: float | None
    asked: bool  # the question is about it
    favourite: bool
    boxes: tuple[Detection, ...]
    answer: Answered | None
    number: int | None = None  # of the clip's frame; None: a picture, or the clip's best frame
    shows_most: bool = True  # a picture, or that frame of the clip


@dataclass(frozen=True, slots=True)
class Shown:
    """What is asked about, with all that helps to answer."""

    media_id: int  # of the picture, or the first one of the visit
    of_visit: bool
    deployment: str
    location: str | None
    batch: str
    started_at: str | None
    ended_at: str | None
    pictures: int  # of the visit, also where fewer are shown
    frames: tuple[Frame, ...]
    machine: tuple[Said, ...]
    answer: Answered | None
    hidden: bool  # people may be on it
    may_show: tuple[Said, ...]  # people and vehicles of which the machine's word says nothing


def show(conn: Connection, media_id: int, of_visit: bool, bar: float) -> Shown | None:
    """A visit by its first picture, or a picture beside those of its burst; None: not here.

    bar   p_human from which people may be on a picture; one hides the whole visit
    """
    visit = rows.visit_row(conn, media_id) if of_visit else None
    keys = rows.keys_of_visit(conn, visit.id) if visit else rows.around(conn, media_id)
    found = rows.frames(conn, keys)
    own = next((row for row in found if row.id == media_id), None)
    if own is None:
        return None
    answers = _answers(conn, [row.id for row in found])
    boxes = boxes_on(conn, [row.sha256 for row in found])
    pictures = [
        _frame(row, boxes.get(row.sha256, ()), answers, of_visit or row.id == media_id)
        for row in found
    ]
    unfold = sum(len(row.frames or "1") for row in found) <= MOST_FRAMES
    pairs = zip(pictures, found, strict=True)
    frames = tuple(one for pair in pairs for one in _frames_of(*pair, unfold))
    machine = _of_visit(conn, visit) if visit else (_of_picture(own),)
    people = any(said.observation_type == "human" for said in machine) or any(
        shows_people(row.p_human, row.observation_type, bar) for row in found
    )
    times = [frame.taken_at for frame in frames if frame.taken_at]
    return Shown(
        media_id,
        of_visit,
        own.deployment,
        own.location_name,
        own.batch,
        min(times, default=None),
        max(times, default=None),
        visit.pictures if visit else len(found),
        frames,
        machine,
        answers.get((media_id, of_visit)),
        people,
        _may_show(machine, found, [box for of_one in boxes.values() for box in of_one], bar),
    )


def _may_show(
    machine: Sequence[Said], found: Sequence[sa.Row[Any]], boxes: Sequence[Detection], bar: float
) -> tuple[Said, ...]:
    """Why people or vehicles are asked for here, each with its greatest probability."""
    made = []
    for kind in {"human", "vehicle"} - {said.observation_type for said in machine}:
        p = [row._mapping[f"p_{kind}"] for row in found]
        best = max((one for one in p if one is not None), default=None)
        boxed = any(box.sure and box.category == kind for box in boxes)
        labelled = any(row.observation_type == kind for row in found)
        if boxed or labelled or (kind == "human" and best is not None and best >= bar):
            made.append(Said(kind, probability=best))
    return tuple(sorted(made, key=lambda said: said.observation_type))


def without_answers(shown: Shown) -> Shown:
    """The same as nobody had answered yet, for one who is to answer blindly."""
    frames = tuple(replace(frame, answer=None) for frame in shown.frames)
    return replace(shown, frames=frames, answer=None)


def _frame(
    row: sa.Row[Any],
    boxes: tuple[Detection, ...],
    answers: "dict[tuple[int, bool], Answered]",
    asked: bool,
) -> Frame:
    size = (row.width, row.height)
    width, height = size if row.orientation < 5 else size[::-1]
    at, wrote = _text(row.taken_at), _text(row.camera_time)
    return Frame(
        row.id,
        row.path,
        width,
        height,
        at,
        wrote if row.repair else None,
        row.repair,
        row.temperature_c,
        row.light,
        row.state,
        row.p_blank,
        asked,
        bool(row.favourite),
        boxes,
        answers.get((row.id, False)),
    )


def _frames_of(picture: Frame, row: sa.Row[Any], unfold: bool) -> Iterator[Frame]:
    """A picture, or the frames of a clip at their times; boxes lie on the one that shows most."""
    if not row.frames or not unfold:
        yield picture
        return
    for number in row.frames:
        after = timedelta(seconds=round(number / row.frame_rate) if row.frame_rate else 0)
        most = number == row.frame_number
        yield replace(
            picture,
            taken_at=_text(row.taken_at and row.taken_at + after),
            boxes=picture.boxes if most else (),
            number=number,
            shows_most=most,
        )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _of_visit(conn: Connection, visit: sa.Row[Any]) -> tuple[Said, ...]:
    taxa = rows.taxa_of(conn, visit.id)
    return tuple(
        Said(
            taxon.observation_type,
            taxon.name if taxon.observation_type == "animal" else None,
            (visit if taxon.position == 0 else taxon)._mapping["count"],
            taxon.probability,
        )
        for taxon in taxa
    )


def _of_picture(row: sa.Row[Any]) -> Said:
    """The machine's word alone: a person's word stands beside it."""
    if row.state == "blank":
        return Said("blank", None, None, row.p_blank)
    name = row.name if row.observation_type == "animal" else None
    return Said(row.observation_type, name)


def _answers(conn: Connection, keys: Sequence[int]) -> dict[tuple[int, bool], Answered]:
    said: dict[tuple[int, bool], list[sa.Row[Any]]] = defaultdict(list)
    for row in rows.answers_on(conn, keys):
        said[row.media_id, bool(row.of_visit)].append(row)
    return {
        place: Answered(
            of_one[0].reviewer,
            _text(of_one[0].reviewed_at or of_one[0].saved_at),
            tuple(said_in(row) for row in of_one),
            rows.earlier_answers(conn, place[0]) if place[1] else 0,
        )
        for place, of_one in said.items()
    }


def said_in(row: sa.Row[Any]) -> Said:
    """What one row of `review` says."""
    return Said(**{name: row._mapping[name] for name in WORDS}, comment=row.comment)
