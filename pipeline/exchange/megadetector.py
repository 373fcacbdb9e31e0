"""MegaDetector's results file, format 1.6 (written), and 1.0 to 1.6 (read); SpeciesNet's boxes.

Another format has the same name: a bare list with category names and pixel corners. It is refused.
Timelapse and other programs find pictures by `file`: relative to the card, '/' between the parts.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError
from pipeline.exchange import speciesnet
from pipeline.exchange.contents import contents
from pipeline.exchange.package import Package, Picture
from pipeline.exchange.paths import plain_path
from pipeline.records import Box, Detection
from pipeline.tables.whole import whole_file

FORMAT = "1.6"
CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}
OURS = {"animal": "animal", "person": "human", "human": "human", "vehicle": "vehicle"}
RAW = "a raw guess of the labeller, not stated"
LOWEST = 0.005  # MegaDetector's own: below it no box is written
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
HAIR = 1e-4  # a confidence may lie outside 0 to 1 by this much, from rounding
OVERSHOOT = 0.02  # a box may reach over the edge by this much, from rounding; it is cut there


@dataclass(frozen=True, slots=True)
class ReadInfo:
    """The description in a results file, and everything in it that could not be used."""

    info: dict[str, Any]  # as in the file
    pictures: int  # entries, failed ones too
    failed: tuple[str, ...]  # the detector could not open them
    ignored: Mapping[str, int] = field(default_factory=dict)  # boxes, by reason
    twice: int = 0  # entries of a picture that has another: done wins over failed, then the later
    names: int = 0  # entries with a species, which the boxes do without

    @property
    def detector(self) -> str:
        """Its name as the file has it."""
        return _detector(self.info)


# --- reading


def read_results(path: Path) -> tuple[dict[str, list[Detection]], ReadInfo]:
    """Boxes by file, '/' between the parts; an empty list: nothing was found.

    Raises SettingsError in one line for a file that has not this format.
    """
    path = Path(path)
    try:
        given = json.loads(contents(path))
    except (ValueError, RecursionError) as why:
        raise SettingsError(f"{path}: not JSON: {str(why).splitlines()[0]}") from why
    try:
        return _read(given)
    except _Wrong as why:
        raise SettingsError(f"{path}: not MegaDetector results: {why}") from why


class _Wrong(Exception):
    """What is wrong with a results file, without its name."""


def _read(given: object) -> tuple[dict[str, list[Detection]], ReadInfo]:
    if isinstance(given, list):
        raise _Wrong(
            "a bare list is the other format of that name (category names, pixel corners); "
            'write it in the format with "images" and "detection_categories"'
        )
    given = speciesnet.as_megadetector(given)
    if not isinstance(given, dict) or not isinstance(given.get("images"), list):
        raise _Wrong('no list "images" in it')
    categories = given.get("detection_categories")
    if not isinstance(categories, dict):
        raise _Wrong('no table "detection_categories" in it')
    boxes: dict[str, list[Detection]] = {}
    failed: dict[str, bool] = {}
    ignored: Counter[str] = Counter()
    names, info = 0, given.get("info")
    info = info if isinstance(info, dict) else {}
    by = _detector(info)
    for number, image in enumerate(given["images"]):
        name = _file(image, number)
        found = image.get("detections")
        if image.get("failure") or found is None:
            failed[name] = True
        else:
            boxes[name] = _detections(name, found, categories, ignored, by)
        names += bool(image.get("prediction"))
    failed = {name: True for name in failed if name not in boxes}
    return boxes, ReadInfo(
        info,
        len(given["images"]),
        tuple(failed),
        dict(ignored),
        len(given["images"]) - len(boxes) - len(failed),
        names,
    )


def _detector(info: Mapping[str, Any]) -> str:
    return str(info.get("detector") or "detector not named")


def _file(image: object, number: int) -> str:
    """The picture's path with '/', also from Windows."""
    name = image.get("file") if isinstance(image, dict) else None
    if not isinstance(name, str) or not name:
        raise _Wrong(f'picture {number} has no "file"')
    return plain_path(name)


def _detections(
    name: str, found: object, categories: dict[str, Any], ignored: Counter[str], by: str
) -> list[Detection]:
    if not isinstance(found, list):
        raise _Wrong(f'"detections" of {name} is no list')
    boxes = []
    for detection in found:
        if not isinstance(detection, dict):
            raise _Wrong(f"a detection of {name} is no table")
        category = str(categories.get(str(detection.get("category")), "")).lower()
        if category not in OURS:
            ignored[f"category {detection.get('category')!r} ({category or 'not named'})"] += 1
            continue
        box = _box(name, detection.get("bbox"))
        if box is None:
            ignored["box without area"] += 1
            continue
        confidence = _share(name, "conf", detection.get("conf"))
        number = detection.get("frame_number")  # of a clip
        number = number if type(number) is int and number >= 0 else None
        boxes.append(Detection(OURS[category], confidence, box, by=by, frame_number=number))
    return sorted(boxes, key=lambda box: -box.confidence)


def _box(name: str, given: object) -> Box | None:
    """Cut at the picture's edges; None where nothing is left of it."""
    if not isinstance(given, list) or len(given) != 4:
        raise _Wrong(f'"bbox" of {name} must be [x, y, width, height], 0 to 1')
    x, y, width, height = (_number(name, "bbox", side) for side in given)
    edges = (x, y, x + width, y + height)
    if min(edges) < -OVERSHOOT or max(edges) > 1 + OVERSHOOT:
        raise _Wrong(f'"bbox" of {name} lies outside 0 to 1: are these pixels?')
    left, top, right, bottom = (min(1.0, max(0.0, side)) for side in edges)
    if not (right > left and bottom > top):
        return None
    inside = (left, top) == (x, y) and (right, bottom) == edges[2:]
    return (x, y, width, height) if inside else (left, top, right - left, bottom - top)


def _share(name: str, what: str, given: object) -> float:
    value = _number(name, what, given)
    if not -HAIR <= value <= 1 + HAIR:
        raise _Wrong(f'"{what}" of {name} is {value}, not 0 to 1')
    return min(1.0, max(0.0, value))


def _number(name: str, what: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < 1e9:
        raise _Wrong(f'"{what}" of {name} is no number')
    return float(given)


# --- writing


def export_results(package: Package, path: Path) -> dict[str, int]:
    """Write our scores as detections. Returns how many pictures, of them failed, and boxes.

    Each kind with a score has the detector's sure boxes, or one box: the detector's unsure one, the
    crop, which is where the evidence is and no outline, or the whole picture. The first bears the
    picture's score, further ones the detector's confidence. Blank pictures keep their low scores,
    so that a reader may choose its own threshold. Reviews are not in it: these are the results of
    the models.
    """
    names = {name: said for picture in package.pictures for name, said, _ in _names(picture)}
    ids = {name: str(number) for number, name in enumerate(sorted(names))}
    images = [
        _image(picture, place, ids)
        for picture in package.pictures
        if picture.has_bytes
        for place in (picture.path, *picture.copies)
    ]
    images += [_failed(file, reason) for file, reason in package.unreadable]
    results: dict[str, Any] = {
        "info": _info(package, images),
        "detection_categories": CATEGORIES,
        **(_classes(ids, names) if names else {}),
        "images": sorted(images, key=lambda image: str(image["file"])),
    }
    with whole_file(path) as working:
        working.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", "utf-8")
    failed = sum("failure" in image for image in images)
    boxes = sum(len(image["detections"] or ()) for image in images)
    return {"pictures": len(images), "failed": failed, "boxes": boxes}


def _image(picture: Picture, path: str, ids: Mapping[str, str]) -> dict[str, Any]:
    if picture.state == "unprocessed":
        return _failed(path, "not scored yet")
    if picture.p_animal is None or picture.failure:
        return _failed(path, picture.failure or "could not be scored")
    scores = {"1": picture.p_animal, "2": picture.p_human, "3": picture.p_vehicle}
    found: list[dict[str, Any]] = [
        {
            "category": category,
            "conf": round(float(confidence), 4),
            "bbox": [round(float(side), 4) for side in box],
        }
        for category, p in scores.items()
        if p is not None and p >= LOWEST
        for box, confidence in _boxes(picture, OURS[CATEGORIES[category]], p)
    ]
    names = _names(picture)
    if names and found and found[0]["category"] == "1":
        found[0]["classifications"] = [[ids[name], round(float(p), 4)] for name, _, p in names]
    found.sort(key=lambda box: -float(box["conf"]))
    image: dict[str, Any] = {"file": path, "detections": found}
    if picture.frame_number is None:
        return image
    for box in found:
        box["frame_number"] = picture.frame_number
    return image | {"frame_rate": picture.frame_rate, "frames_processed": [*picture.frames]}


def _boxes(picture: Picture, kind: str, p: float) -> list[tuple[Box, float]]:
    """(box, confidence) of one kind, at least one; p: the picture's score of it."""
    drawn = [box for box in picture.boxes if box.category == kind]
    sure = [box for box in drawn if box.sure] or drawn[:1]
    if not sure:
        return [(picture.crop or WHOLE, p)]
    return [(sure[0].box, p), *((box.box, min(box.confidence, p)) for box in sure[1:])]


def _names(picture: Picture) -> list[tuple[str, str, float]]:
    """(name, what it is, probability), falling: what is stated, then raw guesses, marked as such.

    A reader takes the first for the answer. The best raw guess of a small labeller is mostly wrong
    where only "mammal" is stated, so that it must never look like a statement.
    """
    said: list[tuple[str, str, float]] = []
    if picture.stated:
        name, rank, p = picture.stated
        said.append((name, f"stated, {rank or 'no rank'}", p))
    known = {name for name, _, _ in said}
    said += [(f"{name} (raw guess)", RAW, p) for name, p in picture.top if name not in known]
    return sorted(said, key=lambda class_: (-class_[2], class_[1] == RAW))


def _classes(ids: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "classification_categories": {key: name for name, key in ids.items()},
        "classification_category_descriptions": {key: names[name] for name, key in ids.items()},
    }


def _failed(file: str, reason: str) -> dict[str, Any]:
    return {"file": file, "failure": reason, "detections": None}


def _info(package: Package, images: Sequence[dict[str, Any]]) -> dict[str, Any]:
    info: dict[str, Any] = {
        "format_version": FORMAT,
        "detector": package.frame_model or "camtriage",
    }
    if package.finished_at:
        info["detection_completion_time"] = f"{package.finished_at:%Y-%m-%d %H:%M:%S}"
    kept = {picture.path for picture in package.pictures if picture.state == "kept"}
    best = sorted(
        image["detections"][0]["conf"]
        for image in images
        if image["file"] in kept and image["detections"]
    )
    if best:  # thresholds differ from camera to camera: these are for these pictures alone
        info["detector_metadata"] = {
            "typical_detection_threshold": best[len(best) // 20],  # shows 95 % of what was kept
            "conservative_detection_threshold": best[len(best) // 100],
        }
    if any(picture.top for picture in package.pictures) and package.labeller:
        info["classifier"] = package.labeller
    return info
