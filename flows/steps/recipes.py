"""A recipe is everything that shapes a result; its hash tells whether a step is to be done again.

Three, chained: look (models, fusion, detector, boxes, code), label (look + label set, site list,
bars), flag (label + rules). Change one, and only the steps from there on run.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flows.run_options import NamingOptions, RunOptions
from pipeline.poaching.rules import rule_names
from pipeline.settings import Settings
from pipeline.species.labelset import LabelSet
from pipeline.trust.evidence import NOT_BLANK

if TYPE_CHECKING:
    from pipeline.frames.score import Detector

Recipe = dict[str, Any]  # as it is stored: plain values

LOOK_VERSION = 2  # raise when the code of pipeline/frames changes what comes out
LABEL_VERSION = 5  # the same for pipeline/species
FLAG_VERSION = 1  # the same for a rule of pipeline/poaching that exists; a new rule needs no number
FIRST_RULES = [  # what ran under a flag recipe that names no rules: those before recipes did
    *("human_unexpected", "vehicle_unexpected", "human_at_night", "group_on_foot", "dog"),
    *("camera_covered", "camera_dark", "camera_moved", "weapon_snare_or_carcass"),
]


class Model(Protocol):
    """A loaded model says which one it is."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...


def frame_recipe(
    options: RunOptions,
    settings: Settings,
    frame: Model,
    encoder: Model,
    detector: "Detector | None" = None,
) -> Recipe:
    """The recipe of the frame scores, stored as `look`. frame, encoder, detector: the loaded
    models; without a detector it is as it was before there was one."""
    from pipeline.models.runtime import device  # here: flags alone need no models

    elsewhere = {} if device() == "cpu" else {"device": device()}  # rounds in another way
    return {
        "version": LOOK_VERSION,
        **elsewhere,
        **({"detector": _detector(detector)} if detector else {}),
        "frame_model": identity(frame),
        "encoder": identity(encoder),
        "blank": asdict(settings.blank),
        "boxes": _digest_of(options.boxes),
    }


def certified_part(
    look: Mapping[str, Any], kind: str, windows: Mapping[str, Any], level: str
) -> Recipe:
    """Of a look recipe and the settings of windows what decides a score: a certificate holds for
    it alone.

    A certificate's own threshold, names, and a device's rounding change no decision. A threshold
    for blanks moves the level of people and vehicles only where no detector calls them.

    kind, level   of the certificate
    windows       [windows] of the run that planned the card
    """
    apart = ("encoder", "device", "certificate")
    kept = {part: value for part, value in look.items() if part not in apart}
    free = ("threshold",) if kind == NOT_BLANK or "detector" in look else ()
    blank = {name: value for name, value in look["blank"].items() if name not in free}
    names = ("size", "burst_gap_s") + (("visit_gap_s",) if level == "visit" else ())
    shaped = {name: windows[name] for name in names if name in windows}
    return {**kept, "blank": blank, "boxes": look["boxes"] is not None, "windows": shaped}


def label_recipe(
    look: Recipe, options: NamingOptions, settings: Settings, labelset: LabelSet
) -> Recipe:
    """The recipe of the names; look: the recipe that the vectors came from."""
    from flows.execution.loaded import learned  # here: flags alone need no models

    head = learned(options.labeller)
    return {
        **({"learned": identity(head)} if head else {}),
        "version": LABEL_VERSION,
        "look": look,
        "label_set": {"name": labelset.name, "digest": labelset.digest},
        "sites": _digest_of(options.sites),
        "labels": asdict(settings.labels),
        "visit_gap_s": settings.windows.visit_gap_s,
    }


def flag_recipe(
    label: Recipe, settings: Settings, certificates: Mapping[str, Any] | None = None
) -> Recipe:
    """The names of the rules are part of it: with a new rule, known cards get their flags again.

    certificates   of the levels for people and vehicles, by kind, where there are some"""
    return {
        **({"certificates": dict(certificates)} if certificates else {}),
        "version": FLAG_VERSION,
        "label": label,
        "poaching": asdict(settings.poaching),
        "rules": rule_names(),
    }


def with_rules(flagged: Mapping[str, Any]) -> Recipe:
    """A stored flag recipe, with the rules that it ran where it does not name them itself."""
    return {"rules": FIRST_RULES, **flagged}


def _detector(detector: "Detector") -> dict[str, Any]:
    """Which one, and its levels, to be read there: they are part of its hash."""
    own = {"own": detector.own} if detector.own else {}
    return {**identity(detector), "levels": detector.evidence.to_json(), **own}


def identity(model: Model) -> dict[str, str]:
    """A loaded model's name, without the folder it lies in on this machine, and its hash."""
    return {"name": Path(model.name.removeprefix("local-dir:")).name, "sha256": model.sha256}


def _digest_of(path: str | None) -> str | None:
    return _digest(path, Path(path).stat().st_mtime_ns, Path(path).stat().st_size) if path else None


@lru_cache(maxsize=8)
def _digest(path: str, _changed_at: int, _size: int) -> str:
    """Asked for with every few windows; read again only when the file has changed."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
