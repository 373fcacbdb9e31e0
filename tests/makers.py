"""Filled databases for tests and benchmarks: made by the same functions a run uses, pictures aside.

`fill(conn, 1000)` makes some cards of cameras in a reserve, looked at, labelled, flagged, audited
and partly reviewed. The same arguments give the same rows.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from db.store import arrivals
from db.store.batches import end_run, save_batch, save_recipe, set_current, start_run
from db.store.deployments import save_deployments
from db.store.files import save_file_problems, save_files
from db.store.flags import save_flags
from db.store.labels import save_labels
from db.store.media import save_media
from db.store.reviewing.draws import save_draws
from db.store.reviewing.reviews import save_reviews
from db.store.scores import save_window
from db.store.visits import save_visits
from db.store.windows import save_windows
from pipeline.records import (
    Deployment,
    Detection,
    Draw,
    Embedding,
    FileProblem,
    Flag,
    Found,
    FrameScores,
    Label,
    Media,
    Review,
    Visit,
    Window,
    WindowScores,
)

BEGIN = datetime(2026, 3, 1, 6, 0)
TAXA = (  # type, name, rank, share of what is no blank
    ("animal", "Aepyceros melampus", "species", 0.35),
    ("animal", "Equus quagga", "species", 0.20),
    ("animal", "Panthera", "genus", 0.05),
    ("animal", "Mammalia", "class", 0.20),
    ("human", "Homo sapiens", "species", 0.10),
    ("vehicle", None, None, 0.05),
    ("unknown", None, None, 0.05),
)
LOOK, LABEL, FLAG = ({"step": step, "model": "made up"} for step in ("look", "label", "flag"))


def fill(conn: Connection, pictures: int, cameras: int = 4, cards: int = 2, seed: int = 1) -> None:
    """`pictures` media on `cameras` cameras, spread over `cards` batches card-0, card-1, ..."""
    draw = np.random.default_rng(seed)
    recipes = [save_recipe(conn, one["step"], one) for one in (LOOK, LABEL, FLAG)]
    per_camera = -(-pictures // cameras)
    for card in range(cards):
        batch = save_batch(conn, f"card-{card}", f"/cards/{card}", f"content {card}")
        run = start_run(conn, batch, "0.1.0", {"windows": {"size": 128}}, {"starter": "ab12"})
        for camera in range(card, cameras, cards):
            left = min(per_camera, pictures - camera * per_camera)
            _fill_camera(conn, batch, recipes, camera, left, draw)
        set_current(conn, batch, *recipes)
        end_run(conn, run, "finished", {"pictures": pictures})
        arrivals.take(conn, f"/cards/{card}", f"listing {card}", f"flow run {card}")
        arrivals.close(conn, f"flow run {card}", "done")


def _fill_camera(conn, batch: int, recipes: list[int], camera: int, n: int, draw) -> None:
    look, label, flag = recipes
    place = _deployment(camera, n)
    media = list(_media(place, camera, n))
    save_deployments(conn, [place])
    save_media(conn, batch, media)
    save_files(conn, batch, _files(place, media))
    bad = f"{place.deployment_id}/DCIM/BAD.JPG"
    save_file_problems(conn, batch, [FileProblem(bad, "ingest", "empty", "0 bytes")])
    windows = [_window(place, media, begin) for begin in range(0, n, 128)]
    save_windows(conn, batch, windows)
    taxa = _taxa(n, draw)
    looks = _looks(media, taxa, draw)
    _see(conn, batch, look, looks)
    kept = [(one, taxon) for one, taxon in zip(media, taxa, strict=True) if taxon is not None]
    save_labels(conn, label, [_label(one, taxon) for one, taxon in kept])
    visits = list(_visits(place, kept))
    save_visits(conn, label, visits)
    flags = [_flag(one) for one in visits if one.observation_type == "human"]
    save_flags(conn, flag, flags)
    blanks = [one.sha256 for one, taxon in zip(media, taxa, strict=True) if taxon is None]
    drawn = blanks[:10]
    stratum = f"{place.deployment_id} | colour | 0"
    chance = len(drawn) / max(1, len(blanks))
    draws = [Draw(sha, stratum, len(blanks), len(drawn), chance) for sha in drawn]
    save_draws(conn, batch, look, draws, seed=7)
    save_reviews(conn, _reviews(drawn, kept), "sheet.csv")


def _deployment(camera: int, n: int) -> Deployment:
    return Deployment(
        f"K{camera:03} 2026",
        location_id=f"K{camera:03}",
        location_name=f"Kopje {camera}",
        latitude=-2.3 + camera / 100,
        longitude=34.8,
        started_at=BEGIN if camera % 2 else None,
        ended_at=BEGIN + timedelta(days=5, minutes=10 * n) if camera % 2 else None,
        utc_offset_min=180,
        camera_model="RECONYX HF2",
        source="table",
    )


def _media(place: Deployment, camera: int, n: int) -> Iterator[Media]:
    """Bursts of three, half an hour apart; the last picture has no time."""
    for i in range(n):
        path = f"{place.deployment_id}/DCIM/{100 + i // 9999}RECNX/RCNX{i:06}.JPG"
        yield Media(
            hashlib.sha256(path.encode()).hexdigest(),
            path,
            size=500_000 + i,
            width=2048,
            height=1536,
            taken_at=None if i == n - 1 else BEGIN + timedelta(minutes=i // 3 * 30, seconds=i % 3),
            clock="none" if i == n - 1 else "exif",
            make="RECONYX",
            model="HF2",
            serial=f"H{camera}",
            temperature_c=21.0,
            sequence_n=i % 3 + 1,
            sequence_m=3,
            capture_method="activityDetection",
            deployment_id=place.deployment_id,
        )


def _files(place: Deployment, media: list[Media]) -> list[tuple[Found, str | None]]:
    """Each picture, and for each camera a video, a sidecar, an empty picture and a copy."""
    folder = f"{place.deployment_id}/DCIM"
    return [
        *((Found(one.path, "picture", one.size), one.sha256) for one in media),
        (Found(f"{folder}/RCNX.AVI", "video", 9), None),
        (Found(f"{folder}/._RCNX.JPG", "skipped", 9), None),
        (Found(f"{folder}/BAD.JPG", "picture", 0), None),
        (Found(f"{folder}/COPY.JPG", "picture", 9), media[0].sha256),
    ]


def _window(place: Deployment, media: list[Media], begin: int) -> Window:
    some = media[begin : begin + 128]
    bursts = tuple((begin + i) // 3 for i in range(len(some)))
    return Window(place.deployment_id, begin // 128, tuple(one.sha256 for one in some), bursts)


def _taxa(n: int, draw) -> list[int | None]:
    """For each picture what is on it (a row of TAXA), or None for blank; the same for a burst."""
    shares = np.array([taxon[3] for taxon in TAXA])
    bursts = draw.choice(len(TAXA), size=n // 3 + 1, p=shares / shares.sum())
    empty = draw.random(n // 3 + 1) < 0.7
    return [None if empty[i // 3] else int(bursts[i // 3]) for i in range(n)]


def _looks(media: list[Media], taxa: list[int | None], draw) -> list[FrameScores | str]:
    """A look for each picture; the sha-256 alone for the one in 500 that failed."""
    scores = draw.beta(1, 6, size=len(media))
    looks: list[FrameScores | str] = []
    for i, (one, taxon) in enumerate(zip(media, taxa, strict=True)):
        blank, p = taxon is None, float(scores[i])
        kind = "" if blank else TAXA[taxon][0]
        look = FrameScores(
            one.sha256,
            p_blank=1 - p / 2 if blank else p,
            p_animal=0.9 if kind == "animal" else p,
            p_human=0.9 if kind == "human" else p / 4,
            p_vehicle=0.9 if kind == "vehicle" else p / 8,
            novelty=p,
            state="blank" if blank else "kept",
            decided_by="fused",
            light="infrared" if i // 3 % 48 > 24 else "colour",
            luma=0.4,
            contrast=0.2,
            view_shift=0.01,
            crop=(0.25, 0.25, 0.5, 0.5),
            crop_source="evidence",
            logits=(1.5, -2.0, -3.0, p),
            detections=_boxes(kind),
        )
        looks.append(one.sha256 if blank and i % 500 == 499 else look)
    return looks


def _see(conn, batch: int, recipe: int, looks: list[FrameScores | str]) -> None:
    from db.store.windows import window_of, windows_left

    by_sha = {getattr(one, "sha256", one): one for one in looks}
    vector = np.full(8, 0.5, np.float16).tobytes()
    for window_id, _ in windows_left(conn, batch, recipe):
        some = [by_sha[sha] for sha in window_of(conn, window_id).sha256s]
        failed = tuple(one for one in some if isinstance(one, str))
        seen = tuple(one for one in some if isinstance(one, FrameScores))
        embeddings = tuple(
            Embedding(one.sha256, view, vector)
            for one in seen
            if one.state == "kept"
            for view in ("crop", "frame")
        )
        save_window(conn, window_id, recipe, WindowScores(seen, embeddings, (), failed))


def _boxes(kind: str) -> tuple[Detection, ...]:
    """A sure box of what is there, and one that is only worth a look."""
    if kind not in ("animal", "human", "vehicle"):
        return ()
    sure = Detection(kind, 0.9, (0.25, 0.25, 0.5, 0.5), by="made up")
    return sure, Detection("animal", 0.05, (0.0, 0.5, 0.125, 0.25), sure=False, by="made up")


def _label(one: Media, taxon: int) -> Label:
    kind, name, rank, _ = TAXA[taxon]
    top = ((name or "Mammalia", 0.8), ("Aves", 0.1))
    return Label(one.sha256, kind, name, 0.7, name, rank, 0.8 if name else None, rank or "", top)


def _visits(place: Deployment, kept: list[tuple[Media, int]]) -> Iterator[Visit]:
    """Kept pictures of one burst; every tenth visit has a second taxon."""
    bursts: dict[datetime | None, list[tuple[Media, int]]] = {}
    for one, taxon in kept:
        key = one.taken_at.replace(second=0) if one.taken_at else None
        bursts.setdefault(key, []).append((one, taxon))
    for nth, pictures in enumerate(bursts.values()):
        kind, name, rank, _ = TAXA[pictures[0][1]]
        yield Visit(
            place.deployment_id,
            pictures[0][0].taken_at,
            pictures[-1][0].taken_at,
            tuple(one.sha256 for one, _ in pictures),
            "activityDetection",
            kind,
            name,
            rank,
            0.8,
            2 if kind == "human" else None,
            "boxes" if kind == "human" else None,
            (("animal", "Aves", 1),) if nth % 10 == 9 and len(pictures) > 1 else (),
        )


def _flag(one: Visit) -> Flag:
    rules = ("human_at_night",)
    said = "A person at night."
    return Flag(one.deployment_id, one.started_at, one.sha256s, rules, 2, 0.6, said)


def _reviews(drawn: list[str], kept: list[tuple[Media, int]]) -> Iterator[Review]:
    """Of the audit one in ten was an animal; some kept pictures were corrected or called blank."""
    when = datetime(2026, 7, 1, 12, 0)
    for nth, sha in enumerate(drawn):
        name = "Equus quagga" if nth == 4 else None
        kind = "animal" if name else "blank"
        yield Review(sha, kind, name, 1 if name else None, "Amina", when, "audit")
    for nth, (one, _) in enumerate(kept[:20:4]):
        if nth % 2:
            yield Review(one.sha256, "animal", "Panthera leo", 3, "Juma", when)
        else:
            yield Review(one.sha256, "blank", None, None, "Juma", when)
