"""Deployments from the folders alone: one per camera folder, split where serial numbers differ."""

import re
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from statistics import median

from pipeline.records import Deployment, Media

ROLL_OVER = re.compile(  # folders that cameras begin by themselves, every thousand files or so
    r"DCIM|\d{3}(RECNX|EK\d{3}|_BTCF|MEDIA|DSCIM|MFCAM|HCOIM|BMCIM|CUDDY|CANON|NIKON|OLYMP|MSDCF"
    r"|GOPRO|IMAGE|PHOTO|_FUJI|_PANA)",
    re.IGNORECASE,
)
IN_DCIM = re.compile(r"\d{3}\w{5}", re.ASCII)  # the standard's own rule, right below a DCIM


Facts = tuple[int | None, str | None, str | None, str | None]  # offset, serial, make, model


def station_folder(path: str) -> str:
    """The folder that stands for the camera: without DCIM and roll-over folders; '' is the card.

    'CamA/DCIM/101RECNX/RCNX0001.JPG' -> 'CamA'
    """
    kept, before = [], ""
    for part in path.split("/")[:-1]:
        in_dcim = before.upper() == "DCIM" and IN_DCIM.fullmatch(part)
        if not (ROLL_OVER.fullmatch(part) or in_dcim):
            kept.append(part)
        before = part
    return "/".join(kept)


def from_folders(media: Iterable[Media], batch: str) -> tuple[list[str], list[Deployment]]:
    """The name of every picture's deployment, in the order of media; the deployments, sorted.

    'mara-2026-11/CamA', or 'mara-2026-11/CamA#H500EE06130468' where the folder holds several
    cameras. A picture without a serial number goes with the folder's only camera; beside several
    it stays with the folder's plain name.

    media  is read twice
    """
    folders: list[str] = []
    serials: dict[str, set[str]] = defaultdict(set)
    for picture in media:
        folder = sys.intern(station_folder(picture.path))  # one text object for many pictures
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
