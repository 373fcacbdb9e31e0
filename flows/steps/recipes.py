"""A recipe is everything that shapes a result; its hash tells whether a step is to be done again.

Three, chained: look (models, fusion, boxes, code), label (look + label set, site list, bars),
flag (label + rules). Change one, and only the steps from there on run.
"""

import hashlib
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from flows.run_options import NamingOptions, RunOptions
from pipeline.models.runtime import device
from pipeline.settings import Settings
from pipeline.species.labelset import LabelSet

Recipe = dict[str, Any]  # as it is stored: plain values

LOOK_VERSION = 2  # raise when the code of pipeline/frames changes what comes out
LABEL_VERSION = 1  # the same for pipeline/species
FLAG_VERSION = 1  # the same for pipeline/poaching


class Model(Protocol):
    """A loaded model says which one it is."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...


def frame_recipe(options: RunOptions, settings: Settings, frame: Model, encoder: Model) -> Recipe:
    """The recipe of the frame scores, stored as `look`. frame, encoder: the loaded models."""
    elsewhere = {} if device() == "cpu" else {"device": device()}  # rounds in another way
    return {
        "version": LOOK_VERSION,
        **elsewhere,
        "frame_model": identity(frame),
        "encoder": identity(encoder),
        "blank": asdict(settings.blank),
        "boxes": _digest_of(options.boxes),
    }


def label_recipe(
    look: Recipe, options: NamingOptions, settings: Settings, labelset: LabelSet
) -> Recipe:
    """The recipe of the names; look: the recipe that the vectors came from."""
    return {
        "version": LABEL_VERSION,
        "look": look,
        "label_set": {"name": labelset.name, "digest": labelset.digest},
        "sites": _digest_of(options.sites),
        "labels": asdict(settings.labels),
        "visit_gap_s": settings.windows.visit_gap_s,
    }


def flag_recipe(label: Recipe, settings: Settings) -> Recipe:
    return {"version": FLAG_VERSION, "label": label, "poaching": asdict(settings.poaching)}


def identity(model: Model) -> dict[str, str]:
    """A loaded model's name, without the folder it lies in on this machine, and its hash."""
    return {"name": Path(model.name.removeprefix("local-dir:")).name, "sha256": model.sha256}


def _digest_of(path: str | None) -> str | None:
    return _digest(path, Path(path).stat().st_mtime_ns, Path(path).stat().st_size) if path else None


@lru_cache(maxsize=8)
def _digest(path: str, _changed_at: int, _size: int) -> str:
    """Asked for with every few windows; read again only when the file has changed."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
