"""Names learned from what people said, over the vectors that are stored; no picture is opened."""

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from db.core.engine import reading
from db.store.batches import batch_row, read_recipe
from db.store.reviewing.told import Told, told_pictures
from db.store.scores import frame_scores_named, vectors_named
from flows.execution import loaded as models
from flows.execution.databases import known_database
from flows.run_options import NamingOptions
from flows.steps import recipes
from flows.version import version
from pipeline.errors import SettingsError
from pipeline.species import learned, zeroshot
from pipeline.species.labelset import LabelSet, load_labelset
from pipeline.species.world import with_world
from pipeline.train.corrections.learn import WIDE, Judged, Learned, learn
from pipeline.train.corrections.lessons import Lessons

ANIMAL = "animal"
NOTHING = ("human", "vehicle", "blank")  # what is no animal is to be learned too


@dataclass(frozen=True, slots=True)
class Left:
    """Reviewed pictures that nothing can be learned from."""

    several: int = 0  # with more than one kind or name on them
    nameless: int = 0  # an animal with no name below a class, or nobody could tell
    without: int = 0  # no vectors: hidden as blank, or never looked at
    other: tuple[tuple[str, int], ...] = ()  # vectors of other labellers: name, pictures


@dataclass(frozen=True, slots=True)
class LearnedNames:
    """What was learned, and whether it was kept."""

    name: str
    kept: Path | None  # the folder; None: it does not beat what stands
    pictures: int  # reviewed ones that it was learned from
    rest: int  # of them, those that stand for everything else
    names: tuple[tuple[str, int], ...]  # learned: pictures
    few: tuple[tuple[str, int], ...]  # too few to be learned, part of the rest
    unknown: tuple[str, ...]  # learned names that the labeller never saw
    level: float
    judged: Judged
    groups: str  # what was left out at a time
    group_count: int
    left: Left
    seconds: float


def learn_names(options: NamingOptions, name: str, truth: float) -> LearnedNames:
    """Fit a head to the reviews and keep it where it beats the labeller's own names.

    name    it is used as `--labeller learned:NAME`; one of the same name is replaced
    truth   share of the names it states below a class, to be true in places left out
    """
    started = time.perf_counter()
    if not 0.5 <= truth < 1:
        raise SettingsError(f"--truth {truth:g}: a share from 0.5 to below 1")
    if options.labeller.startswith(learned.PREFIX):
        raise SettingsError(f"--labeller {options.labeller}: name the labeller whose vectors it is")
    place, settings = learned.place_of(name), options.load_settings()
    encoder = models.encoder(options.labeller, options.pretrained)
    bank = zeroshot.bank(load_labelset(options.labels), encoder)
    with reading(known_database(options.database)) as conn:
        lessons, left = _lessons(conn, recipes.identity(encoder), _wide(with_world(bank.labelset)))
    facts = {
        "name": place.name,
        "labeller": {
            **recipes.identity(encoder),
            "option": options.labeller,
            "pretrained": options.pretrained,
        },
        "label_set": {"name": bank.labelset.name, "digest": bank.labelset.digest},
    }
    found = learn(lessons, bank, settings.labels, truth, facts)
    kept = None
    if found.judged.better:
        learned.save(
            replace(found.head, facts={**facts, "training": _record(found, lessons, truth)})
        )
        kept = place
    return _told(place.name, kept, found, lessons, left, bank, time.perf_counter() - started)


def _wide(labelset: LabelSet) -> frozenset[str]:
    """Names that say no more of an animal than its class."""
    chains = (
        (one for one in (*taxon.parents, (taxon.rank, taxon.name))) for taxon in labelset.taxa
    )
    return frozenset(name for chain in chains for rank, name in chain if rank in WIDE)


def _lessons(
    conn: Connection, encoder: dict[str, str], wide: frozenset[str]
) -> tuple[Lessons, Left]:
    """The reviewed pictures with vectors of this labeller, and what could not be used.

    SettingsError where there is none, with what there is."""
    told = told_pictures(conn)
    if not told:
        raise SettingsError(
            "nobody has reviewed anything here: name animals with `camtriage review`, or bring a "
            "table of names with `camtriage review import`"
        )
    single = [one for one in told if len(one.said) == 1]
    clear = [one for one in single if _is_clear(one, wide)]
    by_batch: defaultdict[int, list[Told]] = defaultdict(list)
    for one in clear:
        by_batch[one.batch_id].append(one)
    others: defaultdict[str, int] = defaultdict(int)
    found: list[tuple[Told, Any, Any, Any]] = []
    for batch_id, mine in by_batch.items():
        look = batch_row(conn, batch_id)["look_recipe_id"]
        if look is None:
            continue
        other = read_recipe(conn, look).get("encoder")
        if other is None:  # a data set of others has no vectors
            continue
        if other != encoder:
            others[other["name"]] += len(mine)
            continue
        found += _with_vectors(conn, look, mine)
    without = len(clear) - len(found) - sum(others.values())
    left = Left(
        len(told) - len(single), len(single) - len(clear), without, tuple(sorted(others.items()))
    )
    if not found:
        raise SettingsError(_none(len(told), encoder, left))
    return _arrays(found), left


def _is_clear(one: Told, wide: frozenset[str]) -> bool:
    ((kind, name),) = one.said
    return kind in NOTHING or (kind == ANIMAL and name is not None and name not in wide)


def _none(told: int, encoder: dict[str, str], left: Left) -> str:
    if left.other:
        names = ", ".join(f"{name} ({count})" for name, count in left.other)
        return (
            f"the reviewed pictures have vectors of {names}, not of {encoder['name']} as it is "
            "here: name that labeller with --labeller, or run the cards again"
        )
    return (
        f"of {told} reviewed pictures none has one animal with a name below a class, and vectors: "
        "name animals of kept pictures with `camtriage review`"
    )


def _with_vectors(
    conn: Connection, look: int, told: Sequence[Told]
) -> Iterable[tuple[Told, Any, Any, Any]]:
    by_sha = {one.sha256: one for one in told}
    seen = frame_scores_named(conn, look, by_sha)
    for shas, crops, frames in vectors_named(conn, look, by_sha):
        for sha, crop, frame in zip(shas, crops, frames, strict=True):
            yield by_sha[sha], crop, frame, seen[sha]


def _arrays(found: Sequence[tuple[Told, Any, Any, Any]]) -> Lessons:
    found = sorted(found, key=lambda each: each[0].sha256)
    told, crops, frames, scores = zip(*found, strict=True)
    said = [next(iter(one.said)) for one in told]
    return Lessons(
        tuple(one.sha256 for one in told),
        tuple(name.removesuffix(" sp.") if kind == ANIMAL else None for kind, name in said),
        tuple(one.deployment for one in told),
        tuple(one.day or "" for one in told),
        tuple(str(one.visit) if one.visit else one.sha256 for one in told),
        np.stack(crops),
        np.stack(frames),
        tuple(scores),
    )


def _record(found: Learned, lessons: Lessons, truth: float) -> dict[str, Any]:
    """What it was learned from, to be read in learned.json."""
    lines = [f"{sha} {name}" for sha, name in zip(lessons.sha256s, lessons.told, strict=True)]
    return {
        "camtriage": version(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "reviewed_pictures": len(lessons.told),
        "data_sha256": hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest(),
        "truth": truth,
        "strength": found.strength,
        "start": found.start,
        "left_out": {"what": found.groups.words, "of": found.groups.count},
        "share_low_high_n": {
            key: [*(round(v, 4) for v in (share.share, share.low, share.high)), share.n]
            for key, share in ((key, getattr(found.judged, key)) for key in asdict(found.judged))
        },
    }


def _told(
    name: str,
    kept: Path | None,
    found: Learned,
    lessons: Lessons,
    left: Left,
    bank: zeroshot.Bank,
    seconds: float,
) -> LearnedNames:
    names = {taxon.name: lessons.told.count(taxon.name) for taxon in found.head.taxa}
    known = {*bank.labelset.names} - {*bank.unseen}
    known |= {wide for taxon in bank.labelset.taxa for _, wide in taxon.parents}
    return LearnedNames(
        name=name,
        kept=kept,
        pictures=len(lessons.told),
        rest=len(lessons.told) - sum(names.values()),
        names=tuple(names.items()),
        few=tuple(found.few.items()),
        unknown=tuple(name for name in names if name not in known),
        level=found.head.level,
        judged=found.judged,
        groups=found.groups.words,
        group_count=found.groups.count,
        left=left,
        seconds=seconds,
    )
