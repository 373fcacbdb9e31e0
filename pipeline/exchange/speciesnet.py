"""SpeciesNet's own results ("predictions") in MegaDetector's form: the boxes are the same.

Its names of species are not taken: what camtriage states comes from one labeller, with one meaning
of its scores.
"""

from typing import Any

KINDS = {"1": "animal", "2": "human", "3": "vehicle"}


def as_megadetector(given: object) -> object:
    """A results file in MegaDetector's form; what is not SpeciesNet's comes back as it is."""
    if not isinstance(given, dict) or not isinstance(given.get("predictions"), list):
        return given
    return {
        "info": {"detector": f"SpeciesNet {given.get('model_version') or ''}".strip()},
        "detection_categories": KINDS,
        "images": [_image(entry) for entry in given["predictions"]],
    }


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
