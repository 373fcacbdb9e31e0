"""Deployments from the folders alone: one per camera folder, split where serial numbers differ."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from pipeline.records import Deployment, Media

ROLL_OVER = re.compile(  # folders that cameras begin by themselves, every thousand files or so
    r"DCIM|\d{3}(RECNX|EK\d{3}|_BTCF|MEDIA|DSCIM|MFCAM|HCOIM|BMCIM|CUDDY|CANON|NIKON|OLYMP|MSDCF"
    r"|GOPRO|IMAGE|PHOTO|_FUJI|_PANA)",
    re.IGNORECASE,
)
IN_DCIM = re.compile(r"\d{3}\w{5}", re.ASCII)  # the standard's own rule, right below a DCIM


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


def from_folders(media: list[Media], batch: str) -> list[Deployment]:
    """Give every picture its deployment, in its place in the list; the deployments, sorted.

    'mara-2026-11/CamA', or 'mara-2026-11/CamA#H500EE06130468' where the folder holds several
    cameras. A picture without a serial number goes with the folder's only camera; beside several
    it stays with the folder's plain name.
    """
    folders = [sys.intern(station_folder(one.path)) for one in media]  # one text, many pictures
    serials: dict[str, set[str]] = defaultdict(set)
    for one, folder in zip(media, folders, strict=True):
        serials[folder] |= {one.serial} if one.serial else set()
    members, place_of = defaultdict(list), {}
    for at, (one, folder) in enumerate(zip(media, folders, strict=True)):
        name = f"{batch}/{folder}" if folder else batch
        if one.serial and len(serials[folder]) > 1:
            name = f"{name}#{one.serial}"
        name = sys.intern(name)
        place_of[name] = folder or batch
        media[at] = replace(one, deployment_id=name)
        members[name].append(media[at])
    return [_described(name, place_of[name], members[name]) for name in sorted(members)]


def _described(name: str, place: str, media: Sequence[Media]) -> Deployment:
    """What the pictures say about their camera and its place. When it stood there, they do not."""
    fixes = [(one.latitude, one.longitude) for one in media if one.latitude is not None]
    offsets = {one.utc_offset_min for one in media}
    return Deployment(
        name,
        location_name=place,
        latitude=round(median(fix[0] for fix in fixes), 7) if fixes else None,
        longitude=round(median(fix[1] for fix in fixes), 7) if fixes else None,
        utc_offset_min=offsets.pop() if len(offsets) == 1 else None,
        camera_id=_usual(one.serial for one in media),
        camera_model=_usual(" ".join(filter(None, (one.make, one.model))) for one in media),
    )


def _usual(words: Iterable[str | None]) -> str | None:
    """The most frequent one; among equals the first in the alphabet."""
    counts = Counter(word for word in words if word)
    return min(counts, key=lambda word: (-counts[word], word), default=None)
