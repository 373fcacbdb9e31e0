"""Deployments from the folders alone: one per camera folder, split where serial numbers differ."""

import re
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from statistics import median

from pipeline.records import Deployment, Media

KNOWN = re.compile(  # what some makers write, for a lone folder that has nothing to compare with
    r"\d{3}(RECNX|EK\d{3}|_BTCF|MEDIA|DSCIM|MFCAM|HCOIM|BMCIM|CUDDY|CANON|NIKON|OLYMP|MSDCF"
    r"|GOPRO|IMAGE|PHOTO|_FUJI|_PANA)",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"(\d{3})([A-Z0-9_]{5}|[a-z0-9_]{5})", re.ASCII)  # the standard's (DCF) form
COPY = re.compile(r"(.+?)( - (?:copy|kopie|copie|copia|cópia)| copy(?: \d+)?)?( \(\d+\))?", re.I)
FULL = 900  # files in a folder: cameras begin another after 999 or 1000, and count on from 1

Facts = tuple[int | None, str | None, str | None, str | None]  # offset, serial, make, model


@dataclass(slots=True)
class _Inside:
    """What the pictures below one folder say."""

    pictures: int = 0
    numbers: tuple[int, int] | None = None  # the first and last in the names of files
    times: tuple[datetime, datetime] | None = None
    serials: set[str] = field(default_factory=set)
    shas: set[str] = field(default_factory=set)  # only of copies and what they are copies of

    def add(self, picture: Media, keep_sha: bool) -> None:
        self.pictures += 1
        if digits := re.findall(r"\d+", picture.path.rpartition("/")[2].rpartition(".")[0]):
            number = int(digits[-1][-9:])
            low, high = self.numbers or (number, number)
            self.numbers = min(low, number), max(high, number)
        if (at := picture.taken_at) is not None:
            begin, end = self.times or (at, at)
            self.times = min(begin, at), max(end, at)
        if picture.serial:
            self.serials.add(picture.serial)
        if keep_sha:
            self.shas.add(picture.sha256)


def station_folders(media: Iterable[Media]) -> dict[str, str]:
    """The folder that stands for the camera, by each folder that holds a picture; '' is the card.

    'CamA/DCIM/101RECNX' -> 'CamA'. A folder that the camera began by itself is told by what lies
    beside it: one suffix, file numbers that go on, one camera. A site called 123Creek stays one.

    media  is read twice
    """
    inside = _insides(media)
    siblings: dict[tuple[str, str], list[str]] = defaultdict(list)  # (parent, suffix) -> folders
    by_camera: set[str] = set()
    for folder in sorted(inside):
        parent, _, name = folder.rpartition("/")
        name, _ = _original(name)
        if KNOWN.fullmatch(name):
            by_camera.add(folder)
        elif found := NUMBERED.fullmatch(name):
            siblings[parent, found[2].upper()].append(folder)
    suffixes = Counter(parent for parent, _ in siblings)
    for (parent, _), beside in siblings.items():
        firsts = [inside[folder] for folder in beside if _first(folder) == folder]
        alone = parent.rpartition("/")[2].upper() == "DCIM" and suffixes[parent] == 1
        if _one_camera(firsts) and all(
            _goes_on(*pair) or (alone and not _at_once(*pair)) for pair in pairwise(firsts)
        ):
            by_camera.update(beside if alone or len(firsts) > 1 else ())
    copies = {folder for folder in inside if _is_copy(folder, inside)}
    return {folder: _station(folder, by_camera, copies) for folder in inside}


def _insides(media: Iterable[Media]) -> dict[str, _Inside]:
    """Every folder and folder above it, by its path."""
    above: dict[str, list[str]] = {}
    for picture in media:
        folder = picture.path.rpartition("/")[0]
        if folder not in above:
            parts = folder.split("/")
            above[folder] = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    every = {folder for folders in above.values() for folder in folders}
    copies = {folder for folder in every if _first(folder) in every - {folder}}
    copies |= {_first(folder) for folder in copies}
    inside = {folder: _Inside() for folder in every}
    asked = copies | {folder for folder in every if _may_be_a_camera_s(folder.rpartition("/")[2])}
    above = {folder: [f for f in folders if f in asked] for folder, folders in above.items()}
    for picture in media if asked else ():
        for folder in above[picture.path.rpartition("/")[0]]:
            inside[folder].add(picture, folder in copies)
    return inside


def _may_be_a_camera_s(name: str) -> bool:
    """A numbered folder of which only its pictures can say who began it."""
    return bool(NUMBERED.fullmatch(name)) and not KNOWN.fullmatch(name)


def _one_camera(beside: Sequence[_Inside]) -> bool:
    return len(set().union(*(folder.serials for folder in beside))) <= 1


def _goes_on(before: _Inside, after: _Inside) -> bool:
    """Whether the files of one folder are counted on in the next."""
    if before.numbers is None or after.numbers is None:
        return False
    next_number = after.numbers[0] == before.numbers[1] + 1
    later = after.numbers[0] > before.numbers[1] or before.pictures >= FULL
    return next_number or (later and not _at_once(before, after))


def _at_once(before: _Inside, after: _Inside) -> bool:
    """Whether pictures of both were taken between each other: by two cameras."""
    if before.times is None or after.times is None:
        return False
    return max(before.times[0], after.times[0]) < min(before.times[1], after.times[1])


def _original(name: str) -> tuple[str, str]:
    """The name without what a computer puts behind a copy's, and that: ('CamA', ' - Copy')."""
    found = COPY.fullmatch(name)
    return (found[1], name[len(found[1]) :]) if found else (name, "")


def _first(folder: str) -> str:
    """The folder that this one may be a copy of; itself where its name says no copy."""
    parent, stroke, name = folder.rpartition("/")
    return parent + stroke + _original(name)[0]


def _is_copy(folder: str, inside: Mapping[str, _Inside]) -> bool:
    """A copy of the folder beside it, and of no other camera. People too call a second camera
    'CamA (2)': that is a copy only where pictures or the camera's number say so."""
    first = _first(folder)
    if first == folder or first not in inside:
        return False
    mine, its = inside[folder], inside[first]
    if mine.serials and its.serials:
        return bool(mine.serials & its.serials)
    return not mine.shas.isdisjoint(its.shas) or not _original(folder)[1].startswith(" (")


def _station(folder: str, by_camera: Collection[str], copies: Collection[str]) -> str:
    kept, path = [], ""
    for part in folder.split("/"):
        path = f"{path}/{part}" if path else part
        if part.upper() != "DCIM" and path not in by_camera:
            kept.append(_original(part)[0] if path in copies else part)
    return "/".join(kept)


def from_folders(media: Iterable[Media], batch: str) -> tuple[list[str], list[Deployment]]:
    """The name of every picture's deployment, in the order of media; the deployments, sorted.

    'mara-2026-11/CamA', or 'mara-2026-11/CamA#H500EE06130468' where the folder holds several
    cameras. A picture without a serial number goes with the folder's only camera; beside several
    it stays with the folder's plain name.

    media  is read several times
    """
    stations = station_folders(media)
    folders: list[str] = []
    serials: dict[str, set[str]] = defaultdict(set)
    for picture in media:
        folder = stations[picture.path.rpartition("/")[0]]  # one text object for many pictures
        folders.append(folder)
        serials[folder] |= {picture.serial} if picture.serial else set()
    names: list[str] = []
    place_of: dict[str, str] = {}
    cameras: dict[str, Counter[Facts]] = defaultdict(Counter)  # by deployment: how many pictures
    fixes: dict[str, array[float]] = defaultdict(
        lambda: array("d")
    )  # latitude, longitude, latitude, ...
    for picture, folder in zip(media, folders, strict=True):
        name = f"{batch}/{folder}" if folder else batch
        if picture.serial and len(serials[folder]) > 1:
            name = f"{name}#{picture.serial}"
        names.append(sys.intern(name))
        place_of[name] = folder or batch
        cameras[name][picture.utc_offset_min, picture.serial, picture.make, picture.model] += 1
        if picture.latitude is not None and picture.longitude is not None:
            fixes[name].extend((picture.latitude, picture.longitude))
    found = [
        _described(name, place_of[name], cameras[name], fixes[name]) for name in sorted(cameras)
    ]
    return names, found


def one_place(media: Iterable[Media], name: str, place: str) -> Deployment:
    """One deployment for all of these pictures, whatever folders they lie in."""
    cameras: Counter[Facts] = Counter()
    fixes = array("d")
    for picture in media:
        cameras[picture.utc_offset_min, picture.serial, picture.make, picture.model] += 1
        if picture.latitude is not None and picture.longitude is not None:
            fixes.extend((picture.latitude, picture.longitude))
    return _described(name, place, cameras, fixes)


def _described(name: str, place: str, cameras: Counter[Facts], fixes: "array[float]") -> Deployment:
    """A deployment from what its pictures have of camera and place; its period is not known.

    cameras  how many pictures have (utc_offset_min, serial, make, model)
    fixes    (2n,) latitude, longitude of each picture that has them
    """
    offsets = {offset for offset, *_ in cameras}
    return Deployment(
        name,
        location_name=place,
        latitude=round(median(fixes[::2]), 7) if fixes else None,
        longitude=round(median(fixes[1::2]), 7) if fixes else None,
        utc_offset_min=offsets.pop() if len(offsets) == 1 else None,
        camera_id=_usual(serial for _, serial, *_ in cameras.elements()),
        camera_model=_usual(" ".join(filter(None, camera)) for _, _, *camera in cameras.elements()),
    )


def _usual(texts: Iterable[str | None]) -> str | None:
    """The most frequent text; among equals the first in the alphabet."""
    counts = Counter(text for text in texts if text)
    return min(counts, key=lambda text: (-counts[text], text), default=None)
