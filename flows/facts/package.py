"""What an export holds, made of what the database reads for it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from db.queries.exchange import package as rows
from flows.facts.clocks import doubts
from pipeline.exchange.package import Event, Observation, Package, Picture
from pipeline.exchange.paths import is_address
from pipeline.exchange.required import deployment_faults
from pipeline.records import Box, Detection


class Models(NamedTuple):
    """What decided on a batch's pictures."""

    frame: str  # frame model with the detector
    labeller: str  # with its label set, or another program whose names were taken
    taken: bool = False  # another program's: it tells people and vehicles too


Seen = tuple[str, str, str | None]  # of which visit, observation type, name


def gather(conn: Connection, batches: Sequence[str] | None = None) -> Package:
    """All of these batches, by deployment, time and path; None: of every batch, and deployments
    without a picture of which place, period and offset are known.

    With more than one batch a picture's path begins with the name of its batch. Raises
    DatabaseError for a batch that is not here.
    """
    chosen = rows.batches_named(conn, batches)
    ids = [batch.id for batch in chosen]
    prefix = {batch.id: f"{batch.name}/" if len(chosen) > 1 else "" for batch in chosen}
    brought = {*ids, *rows.bringers(conn, ids)}
    known = rows.batches_named(conn, None)
    models = {batch.id: _models(batch.look, batch.label) for batch in known if batch.id in brought}
    problems = rows.problems_by_file(conn, sorted(brought))
    copies = rows.copies(conn, ids)
    told, boxes = rows.further_rows(conn, ids), rows.boxes(conn, ids)
    pictures = [
        _picture(
            row,
            _places(row, prefix, copies),
            models[row.batch_id],
            problems,
            told,
            boxes.get(row.sha256, ()),
        )
        for row in rows.picture_rows(conn, ids)
    ]
    empty = rows.without_pictures(conn)
    whole = [one for one in empty if batches is None and not deployment_faults(one)]
    places = sorted([*rows.deployments_in(conn, ids), *whole], key=lambda one: one.deployment_id)
    return Package(
        deployments=tuple(places),
        pictures=tuple(pictures),
        events=tuple(
            _events(rows.event_rows(conn, ids), models, _reviewers(pictures), _comments(pictures))
        ),
        unreadable=tuple(
            (prefix[batch] + path, problems.get((batch, path), "no picture"))
            for batch, path in rows.files_without_media(conn, ids)
        ),
        frame_model=_joined(of.frame for of in models.values()),
        labeller=_joined(of.labeller for of in models.values()),
        finished_at=rows.last_end(conn, ids),
        outages=rows.outages_of(conn, places),
        left_out=tuple(one.deployment_id for one in empty if one not in whole),
        # pictures without a time are in no package: they are no issue of the times that are
        doubted=frozenset(
            doubt.deployment_id for doubt in doubts(conn, ids) if doubt.kind != "none"
        ),
    )


def _models(look: Mapping[str, Any] | None, label: Mapping[str, Any] | None) -> Models:
    """A batch's frame model and detector, and its labeller, each with the beginning of its hash."""
    look = look or (label or {}).get("look") or {}
    if "imported" in look:
        return Models("", "")  # a data set of others names its own, row by row
    frame = _named("camtriage frame model", look.get("frame_model"))
    if detector := look.get("detector"):
        frame += _named(", camtriage detector", detector)
    if answers := (label or {}).get("answers"):
        return Models(frame, f"{answers['name']} (file {answers['sha256'][:12]})", taken=True)
    labeller = _named("camtriage labeller", look.get("encoder"))
    if labels := (label or {}).get("label_set"):
        labeller += _named(", label set", labels)
    return Models(frame, labeller)


def _named(what: str, model: Mapping[str, Any] | None) -> str:
    model = model or {}
    digest = str(model.get("sha256") or model.get("digest") or "")[:12]
    return " ".join(filter(None, (what, model.get("name"), digest)))


def _places(
    row: sa.Row[Any], prefix: Mapping[int, str], copies: Mapping[str, Sequence[tuple[int, str]]]
) -> list[str]:
    """Every path of a picture on the cards that were chosen, the first that was found before the
    others."""
    first = [(row.batch_id, row.path)] if row.batch_id in prefix else []
    if is_address(row.path):
        return [row.path]
    return [prefix[batch] + path for batch, path in (*first, *copies.get(row.sha256, ()))]


def _picture(
    row: sa.Row[Any],
    places: Sequence[str],
    models: Models,
    problems: Mapping[tuple[int, str], str],
    told: Mapping[str, Sequence[sa.Row[Any]]],
    boxes: tuple[Detection, ...],
) -> Picture:
    crop = (row.crop_x, row.crop_y, row.crop_width, row.crop_height)
    own_event = row.review_id and row.observation_type in ("animal", "human", "vehicle", "unknown")
    failed = row.state == "failed"
    return Picture(
        sha256=row.sha256,
        deployment_id=row.deployment,
        path=places[0],
        taken_at=row.taken_at,
        observation=_observation_of(row, models, boxes),
        mediatype=row.mediatype,
        capture_method=row.capture_method,
        clock=row.clock,
        state=row.state,
        p_animal=row.p_animal,
        p_human=row.p_human,
        p_vehicle=row.p_vehicle,
        crop=None if None in crop else crop,
        boxes=boxes,
        stated=(row.machine_name, row.rank, row.machine_probability) if row.machine_name else None,
        top=tuple((name, p) for name, p in row.top or ()),
        event=row.event or (row.sha256 if own_event else None),
        failure=problems.get((row.batch_id, row.path)) if failed else None,
        utc_offset_min=row.utc_offset_min,
        copies=tuple(places[1:]),
        further=tuple(_told(further) for further in told.get(row.sha256, ())),
        frame_rate=row.frame_rate,
        private=bool(row.private),
        favourite=bool(row.favourite),
        frames=tuple(row.frames or ()),
        frame_number=row.frame_number,
        file_name=row.file_name,
    )


def _told(row: sa.Row[Any], rank: str | None = None) -> Observation:
    """What a person saw."""
    return Observation(
        row.told_type, row.told_name, rank, row.reviewed, None, "human", row.reviewer,
        row.life_stage, row.sex, row.behavior, row.individual_id,
        comment=row.comment, told_at=row.reviewed_at,
    )  # fmt: skip


def _observation_of(row: sa.Row[Any], models: Models, boxes: Sequence[Detection]) -> Observation:
    """The review with the person's count, else the models' result with the boxes' count."""
    if row.review_id is not None:
        rank = row.rank if row.name and row.name == row.machine_name else None
        return _told(row, rank)
    kind, name, probability = row.observation_type, row.name, row.probability
    method = row.method
    if method == "human":  # of the whole visit, and not shown here: the model's result
        kept = row.state == "kept"
        kind = row.machine_type if kept else "blank" if row.state == "blank" else None
        name = row.machine_name if kept else None
        probability = row.machine_probability if kept else row.p_blank
        method = "machine" if kind else None
    by = row.classified_by or _by(kind or "", models)
    of_type = [b for b in boxes if b.sure and b.category == kind]
    if method and row.crop_source == "boxes":
        by += " and imported boxes" + (f" of {of_type[0].by}" if of_type else "")
    elif method and of_type and of_type[0].by not in by:
        by += f", {of_type[0].by}"
    return Observation(
        kind or "unclassified", name, row.rank, row.boxed, probability, method, by,
        box=_around([detection.box for detection in of_type]),
    )  # fmt: skip


def _around(boxes: Sequence[Box]) -> Box | None:
    """The smallest box that holds all of these; None: there is none."""
    if not boxes:
        return None
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(x + wide for x, _, wide, _ in boxes), max(y + h for _, y, _, h in boxes)
    return left, top, right - left, bottom - top


def _by(observation_type: str, models: Models) -> str:
    """Which model decided: names come from the labeller, the rest from the frame model."""
    names = ("animal", "unknown", "human", "vehicle") if models.taken else ("animal", "unknown")
    return models.labeller if observation_type in names else models.frame


def _reviewers(pictures: Iterable[Picture]) -> dict[str, set[str]]:
    """Who reviewed pictures of each visit."""
    people = defaultdict(set)
    for picture in pictures:
        if picture.event and picture.observation.method == "human" and picture.observation.by:
            people[picture.event].add(picture.observation.by)
    return people


def _comments(pictures: Iterable[Picture]) -> dict[Seen, set[str]]:
    """What people wrote beside each thing that they saw in a visit."""
    words = defaultdict(set)
    for picture in pictures:
        for seen in picture.observations:
            if picture.event and seen.comment:
                words[picture.event, seen.observation_type, seen.name].add(seen.comment)
    return words


def _events(
    taxa: Iterable[sa.Row[Any]],
    models: Mapping[int, Models],
    reviewers: Mapping[str, set[str]],
    comments: Mapping[Seen, set[str]],
) -> list[Event]:
    """Rows of a visit and taxon as visits; those of one visit follow each other."""
    events: dict[str, list[sa.Row[Any]]] = {}
    for row in taxa:
        events.setdefault(row.sha256, []).append(row)
    for of_visit in events.values():
        of_visit.sort(key=lambda row: (row.position, row.number or 0))
    return [
        Event(
            id=sha,
            deployment_id=first.deployment,
            started_at=_edge(min, [row.started_at for row in (first, *further)]),
            ended_at=_edge(max, [row.ended_at for row in (first, *further)]),
            observations=tuple(
                _observation_in_event(row, models[row.batch_id], reviewers, comments)
                for row in (first, *further)
            ),
            capture_method=first.capture_method,
            utc_offset_min=first.utc_offset_min,
        )
        for sha, (first, *further) in events.items()
    ]


def _edge(edge: Callable[..., Any], times: Sequence[datetime | None]) -> datetime | None:
    """The first or last of the times that are known."""
    return edge((at for at in times if at is not None), default=None)  # type: ignore[no-any-return]


def _observation_in_event(
    row: sa.Row[Any],
    models: Models,
    reviewers: Mapping[str, set[str]],
    comments: Mapping[Seen, set[str]],
) -> Observation:
    """People: those of the answer that tells the numbers, and of all pictures of the visit where it
    is none on the whole visit."""
    by: str | None = row.classified_by or _by(row.observation_type, models)
    comment = None
    if row.method == "human":
        wrote = comments.get((row.sha256, row.observation_type, row.name), set())
        who = () if row.whole else reviewers.get(row.sha256, ())
        by = _joined(filter(None, (*who, row.reviewer)))
        comment = _joined(filter(None, (*wrote, row.comment)))
    return Observation(
        row.observation_type, row.name, row.taxon_rank, row.individuals, row.probability,
        row.method, by, row.life_stage, row.sex, row.behavior, row.individual_id,
        row.started_at, row.ended_at, comment, row.reviewed_at,
    )  # fmt: skip


def _joined(names: Iterable[str]) -> str | None:
    return ", ".join(sorted({*filter(None, names)})) or None
