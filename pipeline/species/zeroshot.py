"""Names from vectors: without pictures and networks, for a million vectors at a time.

A bank holds a label set's texts as vectors (and picture prototypes, where a model has some). How
close a vector is to them gives probabilities; those of relatives add up, and the narrowest rank
whose sum is sure enough gives the name. The best single taxon is always kept beside it.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.models import runtime
from pipeline.records import FrameScores, Label
from pipeline.settings import Labels
from pipeline.species.encoder import Calibration, Encoder
from pipeline.species.labelset import RANKS, LabelSet, allowed
from pipeline.species.sources import Prototypes

TOP = 5
CHUNK = 32_768  # rows at a time: 500 taxa are 64 MB
OFF_LIST_FROM = 0.05  # probability from which a taxon off the site list is shown
EVERYTHING = ("Animalia", "kingdom")
NAMELESS = (None, None, None)
TYPES = ("animal", "human", "vehicle")
CALLED = 0.5  # p_human, p_vehicle: the frame model's level of a person, of a vehicle
NEUTRAL = 1 / len(TYPES)  # the share of a type for which the label set has no taxon
FLOOR = 0.25  # how far the labeller alone may overrule the frame model: NEUTRAL + FLOOR : FLOOR

Vectors: TypeAlias = NDArray[np.floating]  # (n, d) of unit length, any float
Named: TypeAlias = tuple[str | None, str | None, float | None]  # name, rank, probability


class Mixed(Protocol):
    """A learned head over a labeller's bank (pipeline.species.learned)."""

    def logits(self, crops: Vectors | None, frames: Vectors | None) -> NDArray[np.float32]:
        """(n, taxa) of the head and the labeller together."""


@dataclass(frozen=True)
class Bank:
    """A label set as vectors of one model. Taxa in the label set's order."""

    labelset: LabelSet
    vectors: NDArray[np.float32]  # (m, d) of about unit length: each form of each taxon
    owner: NDArray[np.int64]  # (m,) the taxon of each, rising
    family: str  # softmax or sigmoid
    scale: float
    bias: float
    calibration: Calibration = field(default_factory=Calibration)
    unseen: tuple[str, ...] = ()  # taxa the model never saw: their probability means little
    prototypes: Prototypes = ()  # of taxa of the set: a picture is as close as to text or prototype
    mixed: Mixed | None = None  # answers for it where names were learned from reviews

    @property
    def warning(self) -> str | None:
        """One line where the label set has taxa that the model never saw."""
        if not self.unseen:
            return None
        names = ", ".join(self.unseen[:5]) + (", ..." if len(self.unseen) > 5 else "")
        return (
            f"this labeller never saw {len(self.unseen)} of {len(self.labelset.taxa)} taxa "
            f"({names}) and will hardly name them; the field profile can (models pull field)"
        )


def bank(labelset: LabelSet, encoder: Encoder) -> Bank:
    """Texts to vectors: shipped with the model, kept from before, or encoded now."""
    taxa = labelset.taxa
    prompts = [group for taxon in taxa for group in taxon.prompts]
    owner = np.repeat(np.arange(len(taxa)), [len(taxon.prompts) for taxon in taxa])
    vectors = encoder.shipped_texts(labelset.digest)
    if vectors is None:
        vectors = _kept(f"{labelset.digest[:32]}-{encoder.sha256[:32]}.npy", prompts, encoder)
    if len(vectors) != len(owner):
        raise ValueError(f"{len(vectors)} vectors for {len(owner)} groups of prompts")
    return Bank(
        labelset,
        vectors,
        owner,
        encoder.family,
        encoder.scale,
        encoder.bias,
        encoder.calibration,
        tuple(taxon.name for taxon in taxa if not encoder.known((taxon.name, *taxon.common))),
        tuple(pair for pair in encoder.prototypes() if pair[0] in labelset.names),
    )


def logits(crops: Vectors | None, frames: Vectors | None, bank: Bank) -> NDArray[np.float32]:
    """(n, taxa): crop and whole frame together, calibrated. Rows of nan are views that are absent.

    crops, frames   (n, d); one of them may be None
    """
    if bank.mixed is not None:
        return bank.mixed.logits(crops, frames)
    if crops is None:
        if frames is None:
            raise ValueError("no vectors: neither of crops nor of frames")
        return _of_view(frames, bank)
    if frames is None:
        return _of_view(crops, bank)
    share = bank.calibration.crop_share
    of_crop, of_frame = np.float32(share), np.float32(1 - share)
    close = of_crop * _of_view(crops, bank) + of_frame * _of_view(frames, bank)
    for view, instead in ((crops, frames), (frames, crops)):
        if (absent := np.isnan(view[:, 0])).any():
            close[absent] = _of_view(instead[absent], bank)
    return close


def probabilities(logits: NDArray[np.float32], bank: Bank) -> NDArray[np.float32]:
    """(n, taxa). Softmax adds up to 1; sigmoid to at most 1, and to nearly 0 where nothing fits."""
    if bank.family == "sigmoid":
        p = 1 / (1 + np.exp(-logits))
        p /= np.maximum(p.sum(axis=1, keepdims=True), 1)
        return p.astype(np.float32, copy=False)
    odds: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def label(
    sha256s: Sequence[str],
    crop_vectors: Vectors | None,
    frame_vectors: Vectors | None,
    scores: Sequence[FrameScores],
    bank: Bank,
    settings: Labels,
    site_list: frozenset[str] | None = None,
) -> list[Label]:
    """A label for each picture; one that the frame filter calls blank stays blank.

    crop_vectors, frame_vectors   (n, d), in the order of sha256s and scores
    """
    labels: list[Label] = []
    for start in range(0, len(sha256s), CHUNK):
        rows = slice(start, start + CHUNK)
        crops = None if crop_vectors is None else crop_vectors[rows]
        frames = None if frame_vectors is None else frame_vectors[rows]
        close = logits(crops, frames, bank)
        labels += from_logits(sha256s[rows], close, scores[rows], bank, settings, site_list)
    return labels


def from_logits(
    sha256s: Sequence[str],
    logits: NDArray[np.float32],
    scores: Sequence[FrameScores],
    bank: Bank,
    settings: Labels,
    site_list: frozenset[str] | None = None,
) -> list[Label]:
    """As `label`, from the output of `logits`."""
    may = np.array(allowed(bank.labelset, site_list)) if site_list is not None else None
    free = probabilities(logits, bank)
    p = free if may is None else probabilities(np.where(may, logits, np.float32(-1e4)), bank)
    names, ranks, sure, raw = decide(p, bank, settings)
    best = np.argsort(-p, axis=1, kind="stable")[:, :TOP]
    shares = _types(p, scores, bank)
    labels: list[Label] = []
    for i, (sha, scored) in enumerate(zip(sha256s, scores, strict=True)):
        named = names[i], ranks[i], float(sure[i])
        kind, (name, rank, probability), reason = _verdict(scored, shares[i], named, settings)
        labels.append(
            Label(
                sha,
                kind,
                raw_name=bank.labelset.names[raw[i]] if raw[i] >= 0 else None,
                raw_probability=_round(p[i, raw[i]]) if raw[i] >= 0 else None,
                name=name,
                rank=rank,
                probability=probability,
                reason=reason,
                top=tuple(
                    (bank.labelset.names[k], _round(p[i, k])) for k in best[i] if p[i, k] > 0
                ),
                off_list=_off_list(free[i], may, bank),
            )
        )
    return labels


def decide(
    p: NDArray[np.float32], bank: Bank, settings: Labels
) -> tuple[list[str | None], list[str | None], NDArray[np.float32], NDArray[np.int64]]:
    """The narrowest rank whose surest name passes its bar, for each row of (n, taxa).

    returns   names, ranks (None: no rank passes), their probabilities, and the best single animal
              (-1 in a label set without animals)
    """
    taxa = bank.labelset.taxa
    animals = np.array([taxon.observation_type == "animal" for taxon in taxa])
    names: list[str | None] = [None] * len(p)
    ranks: list[str | None] = [None] * len(p)
    sure = np.zeros(len(p), np.float32)
    raw = np.full(len(p), -1)
    if not animals.any():
        return names, ranks, sure, raw
    raw = np.where(animals, p, -1).argmax(axis=1)
    open_rows = np.arange(len(p))
    for rank in RANKS:
        starts, stretch_names = _stretches(bank.labelset, rank)
        if not stretch_names:
            continue
        sums = np.add.reduceat(p[open_rows], starts, axis=1)[:, ::2]
        column = sums.argmax(axis=1)
        value = sums[np.arange(len(column)), column]
        passed = value >= _bar(rank, bank, settings)
        for row, k, v in zip(open_rows[passed], column[passed], value[passed], strict=True):
            names[row], ranks[row], sure[row] = stretch_names[k], rank, v
        open_rows = open_rows[~passed]
    return names, ranks, sure, raw


def _bar(rank: str, bank: Bank, settings: Labels) -> float:
    """The study's own bar, or the one that was measured for the model."""
    narrow = rank in ("subspecies", "species", "genus")
    own = settings.species_bar if narrow else settings.group_bar
    return bank.calibration.bar(rank) if own is None else own


def _stretches(labelset: LabelSet, rank: str) -> tuple[NDArray[np.int64], list[str]]:
    """Where each name of a rank begins and ends: pairs of columns for reduceat, names for pairs.

    Relatives stand side by side in a label set, so a sum over a rank is a sum over a stretch.
    """
    edges: list[int] = []
    names: list[str] = []
    for k, taxon in enumerate(labelset.taxa):
        own = taxon.name if taxon.rank == rank else dict(taxon.parents).get(rank)
        if own is None or taxon.observation_type != "animal":
            continue
        if names and names[-1] == own and edges[-1] == k:
            edges[-1] = k + 1
        else:
            edges += [k, k + 1]
            names.append(own)
    return _closed(edges, len(labelset.taxa)), names


def _closed(edges: list[int], width: int) -> NDArray[np.int64]:
    """reduceat sums from each index to the next; a last edge at the end of the row is left out."""
    return np.array(edges[:-1] if edges and edges[-1] == width else edges, np.int64)


def _verdict(
    scored: FrameScores,
    shares: Mapping[str, float],
    named: tuple[str | None, str | None, float],
    bars: Labels,
) -> tuple[str, Named, str]:
    """Observation type; name, rank and probability; and the reason."""
    if scored.state == "blank":
        return "blank", NAMELESS, "the frame filter calls it blank"
    kind = max(TYPES, key=lambda kind: (shares[kind], kind))
    name, rank, sure = named
    bar = bars.unknown_below if kind == "animal" else CALLED
    if (kind != "animal" or name is None) and _frame_shares(scored)[kind] < bar:
        return "unknown", NAMELESS, f"nothing reaches {bar:.2f}"
    share = _round(shares[kind])
    if kind == "human":
        return "human", ("Homo sapiens", "species", share), "person"
    if kind == "vehicle":
        return "vehicle", (None, None, share), "vehicle"
    if name is None:
        return "animal", (*EVERYTHING, share), "an animal, no rank is sure enough"
    reason = rank if rank in ("subspecies", "species") else f"rolled up to {rank}"
    return "animal", (name, rank, _round(sure)), reason


def _frame_shares(scored: FrameScores) -> dict[str, float]:
    return {"animal": scored.p_animal, "human": scored.p_human, "vehicle": scored.p_vehicle}


def _types(
    p: NDArray[np.float32], scores: Sequence[FrameScores], bank: Bank
) -> list[dict[str, float]]:
    """Shares of animal, human and vehicle: the frame model's, adjusted by the labeller's."""
    kinds = np.array([taxon.observation_type for taxon in bank.labelset.taxa])
    mass = {
        kind: p[:, kinds == kind].sum(axis=1) if (kinds == kind).any() else np.full(len(p), NEUTRAL)
        for kind in TYPES
    }
    shares: list[dict[str, float]] = []
    for i, scored in enumerate(scores):
        frame = _frame_shares(scored)  # p_human 0.5 is a person's level: the animal has the rest
        frame["animal"] *= 1 - max(scored.p_human, scored.p_vehicle)
        both = {kind: frame[kind] * (FLOOR + float(mass[kind][i])) for kind in TYPES}
        total = sum(both.values())
        shares.append({kind: both[kind] / total if total else 0.0 for kind in TYPES})
    return shares


def _off_list(
    free: NDArray[np.float32], may: NDArray[np.bool_] | None, bank: Bank
) -> tuple[tuple[str, float], ...]:
    """Taxa that the site list took away, the surest first."""
    if may is None:
        return ()
    off = np.flatnonzero(~may & (free >= OFF_LIST_FROM))
    off = off[np.argsort(-free[off], kind="stable")][:TOP]
    return tuple((bank.labelset.names[k], _round(free[k])) for k in off)


def _of_view(vectors: Vectors, bank: Bank) -> NDArray[np.float32]:
    """(n, taxa) of one view. A taxon's forms share its chance: log of their mean likelihood.

    A prototype adds its own likelihood: a picture unlike it keeps what the texts gave.
    """
    out = _of_texts(vectors, bank)
    for name, prototype in bank.prototypes:
        k = bank.labelset.names.index(name)
        out[:, k] = np.logaddexp(out[:, k], _scaled(vectors, prototype, bank))
    return out


def _scaled(vectors: Vectors, texts: NDArray[np.float32], bank: Bank) -> NDArray[np.float32]:
    """Logits of vectors (n, d) for texts (m, d) or one (d,)."""
    close: NDArray[np.float32] = np.asarray(vectors, np.float32) @ texts.T
    temperature = np.float32(bank.calibration.temperature)
    return (close * np.float32(bank.scale) + np.float32(bank.bias)) / temperature


def _of_texts(vectors: Vectors, bank: Bank) -> NDArray[np.float32]:
    close, taxa = _scaled(vectors, bank.vectors, bank), len(bank.labelset.taxa)
    if len(bank.owner) == taxa:
        return close
    out = np.empty((len(close), taxa), np.float32)
    for k in range(taxa):
        own = close[:, bank.owner == k]
        top = own.max(axis=1, keepdims=True)
        out[:, k] = top[:, 0] + np.log(np.exp(own - top).mean(axis=1))
    return out


def _kept(key: str, prompts: Iterable[Sequence[str]], encoder: Encoder) -> NDArray[np.float32]:
    """Vectors of prompt groups from the cache, or encoded now and kept there."""
    place = runtime.cache_dir() / "banks" / key
    groups = list(prompts)
    try:
        found: NDArray[Any] = np.load(place, allow_pickle=False)
        if found.ndim == 2 and len(found) == len(groups) and np.isfinite(found).all():
            return found.astype(np.float32)
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged: encoded again
    vectors = text_vectors(groups, encoder)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not the run
        _write(place, vectors)
    return vectors


def text_vectors(groups: Sequence[Sequence[str]], encoder: Encoder) -> NDArray[np.float32]:
    """(groups, d): the mean of each group's unit vectors, of unit length again."""
    flat = encoder.texts([text for group in groups for text in group])
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
    sums = np.add.reduceat(flat, starts, axis=0)
    unit: NDArray[np.float32] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return unit


def _write(place: Path, vectors: NDArray[np.float32]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, suffix=".npy", delete=False) as file:
        np.save(file, vectors)
    os.replace(file.name, place)


def _round(value: float) -> float:
    return round(float(value), 6)
