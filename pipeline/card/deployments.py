"""Which deployment a picture belongs to: by a Camtrap DP table, or by its folder."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.card.folders import from_folders, station_folders
from pipeline.card.packed import Packed
from pipeline.errors import InputError
from pipeline.records import DayAlone, Deployment, FileProblem, Media

ROOT = "(the card itself)"  # in messages: pictures that are in no folder


def assign(
    media: Iterable[Media], batch: str, table: Sequence[Deployment] | None = None
) -> tuple[Packed[Media], list[Deployment], Packed[FileProblem]]:
    """Give every picture its deployment: from the table where there is one, else from its folder.

    media  is read several times

    Returns the pictures in their order, the deployments that have some, sorted, and a problem for
    each picture taken outside its deployment's period. Raises InputError where a picture belongs to
    none of the table's deployments, or to several.
    """
    problems = Packed(FileProblem)
    if table is None:
        names, deployments = from_folders(media, batch)
    else:
        homes = _homes(media, batch, table)
        names = [home.deployment_id for home in homes]
        used = dict(zip(names, homes, strict=True))
        deployments = [used[name] for name in sorted(used)]
        problems.extend(
            FileProblem(picture.path, "ingest", "outside_deployment", _when(picture, home))
            for picture, home in zip(media, homes, strict=True)
            if picture.taken_at and _days_outside(home, picture.taken_at)
        )
    placed = (
        replace(picture, deployment_id=name) for picture, name in zip(media, names, strict=True)
    )
    return Packed(Media, placed), deployments, problems


def _homes(media: Iterable[Media], batch: str, table: Sequence[Deployment]) -> list[Deployment]:
    """The deployment of every picture, or InputError naming the folders that have none."""
    found: dict[tuple[str, str | None], list[Deployment]] = {}
    shared: dict[tuple[str, ...], list[Deployment]] = {}  # one list, many pictures
    fits: list[list[Deployment]] = []
    stations = station_folders(media)
    sure: dict[str, dict[str, Deployment]] = defaultdict(dict)  # by folder
    for picture in media:
        key = (picture.path.rpartition("/")[0], picture.serial)
        if key not in found:
            found[key] = _named(*key, table) or _named(batch, None, table)
        fit = _by_period(found[key], picture.taken_at)
        fits.append(shared.setdefault(tuple(home.deployment_id for home in fit), fit))
        if len(fits[-1]) == 1:
            sure[_folder(picture, stations)][fits[-1][0].deployment_id] = fits[-1][0]
    homes: list[Deployment] = []
    without: set[str] = set()
    several: dict[str, list[Deployment]] = {}
    for picture, fit in zip(media, fits, strict=True):
        folder = _folder(picture, stations)
        if len(fit) > 1 and picture.taken_at is None and len(sure[folder]) == 1:
            fit = [*sure[folder].values()]  # without a time: as the others of its folder
        homes += fit[:1]
        if not fit:
            without.add(folder or ROOT)
        elif len(fit) > 1:
            several[folder or ROOT] = fit
    _refuse(without, several, table)
    return homes


def _folder(picture: Media, stations: Mapping[str, str]) -> str:
    return stations[picture.path.rpartition("/")[0]]


def _named(folders: str, serial: str | None, table: Sequence[Deployment]) -> list[Deployment]:
    """The deployments that folders or serial number name: by identifier, place, then camera.

    The deepest folder that names one counts. Several cameras at one place: the serial decides.
    """
    folders = f"/{_same(folders)}/"
    of_camera = [deployment for deployment in table if serial and deployment.camera_id == serial]
    for names in (
        lambda deployment: (deployment.deployment_id,),
        lambda deployment: (deployment.location_id, deployment.location_name),
        lambda deployment: (deployment.camera_id,),
    ):
        depths = [max(_depth(folders, name) for name in names(deployment)) for deployment in table]
        deepest = max(depths, default=-1)
        if deepest >= 0:
            hits = [
                deployment
                for deployment, depth in zip(table, depths, strict=True)
                if depth == deepest
            ]
            return [deployment for deployment in hits if deployment in of_camera] or hits
    return of_camera


def _depth(folders: str, name: str | None) -> int:
    """How deep in '/batch/a/b/' the folder (or folders) `name` stands; -1: nowhere."""
    if not name:
        return -1
    at = folders.rfind(f"/{_same(name)}/")
    return at + len(name) if at >= 0 else -1


def _same(text: str) -> str:
    """One spelling: a Mac writes é as two characters, a table as one."""
    return unicodedata.normalize("NFC", text).casefold()


def _by_period(fits: list[Deployment], taken_at: datetime | None) -> list[Deployment]:
    """Of several deployments those that ran at that time, else those that ran nearest to it.

    The moment at which one ends and another begins belongs to the later; halfway between two
    belongs to the earlier.
    """
    if len(fits) < 2 or taken_at is None:
        return fits

    def rank(deployment: Deployment) -> tuple[float, bool, bool]:
        before = deployment.started_at is not None and taken_at < deployment.started_at
        return _days_outside(deployment, taken_at), before, taken_at == deployment.ended_at

    ranks = [rank(deployment) for deployment in fits]
    best = min(ranks)
    return [deployment for deployment, rank in zip(fits, ranks, strict=True) if rank == best]


def _days_outside(deployment: Deployment, taken_at: datetime) -> float:
    """Days before the start or after the end; 0 inside. A bound that is not known is open; of a
    DayAlone any hour may be inside."""
    last = taken_at + timedelta(days=1) if isinstance(taken_at, DayAlone) else taken_at
    early = (deployment.started_at - last).total_seconds() if deployment.started_at else 0
    late = (taken_at - deployment.ended_at).total_seconds() if deployment.ended_at else 0
    return max(early, late, 0) / 86400


def _when(picture: Media, home: Deployment) -> str:
    period = f"{home.started_at or '...'} to {home.ended_at or '...'}"
    return f"taken {picture.taken_at}, {home.deployment_id} ran {period}"


def _refuse(
    without: set[str], several: dict[str, list[Deployment]], table: Sequence[Deployment]
) -> None:
    if without:
        known = _few(deployment.deployment_id for deployment in table)
        raise InputError(
            f"no deployment of the table fits the folders {_few(without)}; known: {known}. "
            "Name each folder after its deploymentID or location, or give the row the camera's "
            "serial number as cameraID"
        )
    if several:
        folder, fits = min(several.items())
        raise InputError(
            f"folder {folder}: pictures fit several deployments "
            f"({_few(deployment.deployment_id for deployment in fits)}); name the folder after its "
            "deploymentID"
        )


def _few(names: Iterable[str], most: int = 12) -> str:
    names = sorted(names)
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
