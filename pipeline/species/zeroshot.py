"""Names from vectors: no picture, no network, a million at a time.

A bank holds a label set's texts as vectors (and picture prototypes, where a model brings some). A
vector's closeness to them gives probabilities; relatives' probabilities add up, and the narrowest
rank whose sum is sure enough gives the name. The best single taxon stays beside it, always.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.models import runtime
from pipeline.records import FrameScores, Label
from pipeline.settings import Labels
from pipeline.species.encoder import Calibration, Encoder
from pipeline.species.labelset import RANKS, LabelSet, allowed

TOP = 5
CHUNK = 32_768  # rows at a time: 500 taxa are 64 MB
OFF_LIST_FROM = 0.05  # probability from which a taxon off the site list is worth showing
EVERYTHING = ("Animalia", "kingdom")
TYPES = ("animal", "human", "vehicle")
NEUTRAL = 1 / len(TYPES)  # what a label set says of a type that it has no taxon for
FLOOR = 0.25  # how far the labeller alone may overrule the frame model: NEUTRAL + FLOOR : FLOOR


@dataclass(frozen=True)
class Bank:
    """A label set as one model understands it. Taxa in the label set's order."""

    labelset: LabelSet
    vectors: NDArray[np.float32]  # (m, d) of unit length: each form of each taxon
    owner: NDArray[np.int64]  # (m,) the taxon of each, rising
    family: str  # softmax or sigmoid
    scale: float
    bias: float
    calibration: Calibration = field(default_factory=Calibration)
    unseen: tuple[str, ...] = ()  # taxa that the model never met: their probability means little

    @property
    def warning(self) -> str | None:
        """One line where the label set asks for more than the model ever saw."""
        if not self.unseen:
            return None
        some = ", ".join(self.unseen[:5]) + (", ..." if len(self.unseen) > 5 else "")
        return (
            f"this labeller never saw {len(self.unseen)} of {len(self.labelset.taxa)} taxa "
            f"({some}) and will hardly name them; the field profile can (models pull field)"
        )


def bank(labelset: LabelSet, encoder: Encoder) -> Bank:
    """Texts to vectors: shipped with the model, kept from before, or encoded now."""
    prompts = [group for one in labelset.taxa for group in one.prompts]
    owner = np.repeat(np.arange(len(labelset.taxa)), [len(one.prompts) for one in labelset.taxa])
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
        tuple(one.name for one in labelset.taxa if not encoder.known((one.name, *one.common))),
    )


def logits(crops: NDArray | None, frames: NDArray | None, bank: Bank) -> NDArray[np.float32]:
    """(n, taxa): crop and whole frame together, calibrated. Rows of nan are views that are absent.

    crops, frames   (n, d) vectors of unit length, any float; one of them may be None
    """
    share = bank.calibration.crop_share
    if crops is None or frames is None:
        given = frames if crops is None else crops
        return _one_view(given, bank)
    close = share * _one_view(crops, bank) + (1 - share) * _one_view(frames, bank)
    for one, other in ((crops, frames), (frames, crops)):
        if (gone := np.isnan(np.asarray(one)[:, 0])).any():
            close[gone] = _one_view(np.asarray(other)[gone], bank)
    return close


def probabilities(logits: NDArray[np.float32], bank: Bank) -> NDArray[np.float32]:
    """(n, taxa). Softmax adds up to 1; sigmoid to at most 1, and to nearly 0 where nothing fits."""
    if bank.family == "sigmoid":
        each = 1 / (1 + np.exp(-logits))
        return each / np.maximum(each.sum(axis=1, keepdims=True), 1)
    each = np.exp(logits - logits.max(axis=1, keepdims=True))
    return each / each.sum(axis=1, keepdims=True)


def label(
    sha256s: Sequence[str],
    crop_vectors: NDArray | None,
    frame_vectors: NDArray | None,
    looks: Sequence[FrameScores],
    bank: Bank,
    settings: Labels,
    site_list: frozenset[str] | None = None,
) -> list[Label]:
    """A label for each picture; one that the frame filter calls blank stays blank.

    crop_vectors, frame_vectors   (n, d), in the order of sha256s and looks
    """
    views = [one for one in (crop_vectors, frame_vectors) if one is not None]
    labels: list[Label] = []
    for start in range(0, len(sha256s), CHUNK):
        rows = slice(start, start + CHUNK)
        parts = [None if one is None else one[rows] for one in (crop_vectors, frame_vectors)]
        close = logits(*parts, bank) if views else None
        labels += from_logits(sha256s[rows], close, looks[rows], bank, settings, site_list)
    return labels


def from_logits(
    sha256s: Sequence[str],
    logits: NDArray[np.float32],
    looks: Sequence[FrameScores],
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
    seen = _types(p, looks, bank)
    out = []
    for i, (sha, look) in enumerate(zip(sha256s, looks, strict=True)):
        top = tuple((bank.labelset.names[k], _round(p[i, k])) for k in best[i] if p[i, k] > 0)
        off = _off_list(free[i], may, bank)
        first = (bank.labelset.names[raw[i]], _round(p[i, raw[i]])) if raw[i] >= 0 else (None, None)
        verdict = _verdict(look, seen[i], (names[i], ranks[i], sure[i]), settings)
        out.append(Label(sha, verdict[0], *first, *verdict[1:], top, off))
    return out


def decide(
    p: NDArray[np.float32], bank: Bank, settings: Labels
) -> tuple[list[str | None], list[str | None], NDArray[np.float32], NDArray[np.int64]]:
    """The narrowest rank whose surest name passes its bar, for each row of (n, taxa).

    returns   names, ranks (None: no rank passes), their probabilities, and the best single animal
              (-1 in a label set without animals)
    """
    taxa = bank.labelset.taxa
    animals = np.array([one.observation_type == "animal" for one in taxa])
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
    """A study's own bar, or the one that was measured for the model."""
    measured = bank.calibration
    if rank in ("subspecies", "species", "genus"):
        own, known = settings.species_bar, measured.species_bar
    else:
        own = settings.group_bar
        known = measured.class_bar if rank == "class" else measured.group_bar
    return known if own is None else own


def _stretches(labelset: LabelSet, rank: str) -> tuple[NDArray[np.int64], list[str]]:
    """Where each name of a rank begins and ends: pairs of columns for reduceat, names for pairs.

    Relatives stand side by side in a label set, so a sum over a rank is a sum over a stretch.
    """
    edges: list[int] = []
    names: list[str] = []
    for k, one in enumerate(labelset.taxa):
        own = one.name if one.rank == rank else dict(one.parents).get(rank)
        if own is None or one.observation_type != "animal":
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
    look: FrameScores,
    seen: Mapping[str, float],
    named: tuple[str | None, str | None, float],
    bars: Labels,
) -> tuple[str, str | None, str | None, float | None, str]:
    """Observation type, name, rank, probability and the reason."""
    if look.state == "blank":
        return "blank", None, None, None, "the frame filter calls it blank"
    kind = max(TYPES, key=lambda one: (seen[one], one))
    name, rank, sure = named
    if kind != "animal" or name is None:
        said = {"animal": look.p_animal, "human": look.p_human, "vehicle": look.p_vehicle}[kind]
        if said < bars.unknown_below:
            return "unknown", None, None, None, f"nothing reaches {bars.unknown_below:.2f}"
    if kind == "human":
        return "human", "Homo sapiens", "species", _round(seen[kind]), "person"
    if kind == "vehicle":
        return "vehicle", None, None, _round(seen[kind]), "vehicle"
    if name is None:
        return "animal", *EVERYTHING, _round(seen["animal"]), "an animal, no rank is sure enough"
    reason = rank if rank in ("subspecies", "species") else f"rolled up to {rank}"
    return "animal", name, rank, _round(sure), reason


def _types(
    p: NDArray[np.float32], looks: Sequence[FrameScores], bank: Bank
) -> list[dict[str, float]]:
    """Shares of animal, human and vehicle: the frame model's word, bent by the labeller's."""
    kinds = np.array([one.observation_type for one in bank.labelset.taxa])
    mass = {
        kind: p[:, kinds == kind].sum(axis=1) if (kinds == kind).any() else np.full(len(p), NEUTRAL)
        for kind in TYPES
    }
    shares = []
    for i, look in enumerate(looks):
        said = {"animal": look.p_animal, "human": look.p_human, "vehicle": look.p_vehicle}
        bent = {kind: said[kind] * (FLOOR + float(mass[kind][i])) for kind in TYPES}
        total = sum(bent.values())
        shares.append({kind: bent[kind] / total if total else 0.0 for kind in TYPES})
    return shares


def _off_list(
    free: NDArray[np.float32], may: NDArray[np.bool_] | None, bank: Bank
) -> tuple[tuple[str, float], ...]:
    """What the site list took away, from the surest on."""
    if may is None:
        return ()
    gone = np.flatnonzero(~may & (free >= OFF_LIST_FROM))
    gone = gone[np.argsort(-free[gone], kind="stable")][:TOP]
    return tuple((bank.labelset.names[k], _round(free[k])) for k in gone)


def _one_view(vectors: NDArray, bank: Bank) -> NDArray[np.float32]:
    """(n, taxa) of one view. A taxon's forms share its chance: log of their mean likelihood."""
    close = np.asarray(vectors, np.float32) @ bank.vectors.T
    close = (close * np.float32(bank.scale) + np.float32(bank.bias)) / np.float32(
        bank.calibration.temperature
    )
    taxa = len(bank.labelset.taxa)
    if len(bank.owner) == taxa:
        return close
    out = np.empty((len(close), taxa), np.float32)
    for k in range(taxa):
        own = close[:, bank.owner == k]
        top = own.max(axis=1, keepdims=True)
        out[:, k] = top[:, 0] + np.log(np.exp(own - top).mean(axis=1))
    return out


def _kept(key: str, prompts: Iterable[Sequence[str]], encoder: Encoder) -> NDArray[np.float32]:
    """Vectors of prompt groups from the cache, or made and put there."""
    place = runtime.cache_dir() / "banks" / key
    groups = list(prompts)
    try:
        found = np.load(place, allow_pickle=False)
        if found.ndim == 2 and len(found) == len(groups) and np.isfinite(found).all():
            return found.astype(np.float32)
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged: made again
    vectors = text_vectors(groups, encoder)
    with contextlib.suppress(OSError):  # a home that cannot be written costs time, not the run
        _write(place, vectors)
    return vectors


def text_vectors(groups: Sequence[Sequence[str]], encoder: Encoder) -> NDArray[np.float32]:
    """(groups, d): the mean of each group's unit vectors, of unit length again."""
    flat = encoder.texts([text for group in groups for text in group])
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
    sums = np.add.reduceat(flat, starts, axis=0)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)


def _write(place: Path, vectors: NDArray[np.float32]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, suffix=".npy", delete=False) as file:
        np.save(file, vectors)
    os.replace(file.name, place)


def _round(value: float) -> float:
    return round(float(value), 6)
