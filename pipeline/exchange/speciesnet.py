"""SpeciesNet's own results ("predictions") in MegaDetector's form: the boxes are the same.

Its names of species are no part of this: they are answers (pipeline/exchange/answers).
"""

from collections import Counter
from typing import Any

KINDS = {"1": "animal", "2": "human", "3": "vehicle"}


def as_megadetector(given: object) -> object:
    """A results file in MegaDetector's form; what is not SpeciesNet's comes back as it is."""
    if not isinstance(given, dict) or not isinstance(given.get("predictions"), list):
        return given
    return {
        "info": {"detector": f"SpeciesNet {model_version(given)}".strip()},
        "detection_categories": KINDS,
        "images": [_image(entry) for entry in given["predictions"]],
    }


def model_version(given: dict[str, Any]) -> str:
    """Which SpeciesNet it was, as most of its predictions say; empty: none does."""
    versions = Counter(
        str(entry["model_version"])
        for entry in [*given["predictions"], given]
        if isinstance(entry, dict) and entry.get("model_version")
    )
    return max(versions, key=lambda version: versions[version], default="")


def _image(entry: object) -> object:
    """One picture: an empty list says that nothing was found, a failure says nothing."""
    if not isinstance(entry, dict):
        return entry
    image: dict[str, Any] = {
        "file": entry.get("filepath"),
        "detections": entry.get("detections"),
        "prediction": entry.get("prediction"),
    }
    failures = entry.get("failures")
    if isinstance(failures, list) and "DETECTOR" in failures:
        image["failure"] = "its detector failed"
    return image
