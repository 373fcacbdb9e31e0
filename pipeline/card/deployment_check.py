"""What is missing or contradictory in deployments: one line each that says what to do."""

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, combinations, pairwise
from math import asin, cos, hypot, radians, sin
from shlex import quote
from subprocess import list2cmdline

from pipeline.records import Deployment, Taken

SPOT_M = 10  # two places nearer than this are one spot, where no uncertainty is given
WIDEST_SPOT_M = 100  # places blurred by more, as published ones are, say nothing of one spot
METRES_A_DEGREE = 111_000  # of latitude
APART_M = 500  # deployments of one place farther apart than this are two places
SILENT_DAYS = 180  # from start to first picture or from last to end: more is probably a wrong year
A_DAY = timedelta(days=1)  # the zone of a clock may not be known
EARTH_M = 6_371_000


Spans = Sequence[tuple[datetime, datetime | None]]  # (from, to), None: to the end


def faults(
    deployments: Sequence[Deployment],
    taken: Mapping[str, Taken],
    out: Mapping[str, Spans],
    now: datetime,
) -> list[str]:
    """Sorted by deployment; none: places, periods and cameras are complete and agree.

    out  accepted outages by deployment
    now  UTC
    """
    found = [
        *(pair for deployment in deployments for pair in _missing(deployment, taken)),
        *_twice_at_once(deployments),
        *_two_places(deployments),
        *one_spot(deployments),
        *(pair for deployment in deployments for pair in _outside(deployment, taken)),
        *(pair for deployment in deployments for pair in _untimed(deployment, taken)),
        *slips(deployments, taken, out, now),
    ]
    return [f"{name}: {what}" for name, what in sorted(found, key=lambda fault: fault[0])]


def slips(
    deployments: Sequence[Deployment],
    taken: Mapping[str, Taken],
    out: Mapping[str, Spans],
    now: datetime,
) -> Iterator[tuple[str, str]]:
    """(deployment, what is probably a mistake): a wrong year, which would be effort, and 0, 0."""
    for deployment in deployments:
        name, mine = deployment.deployment_id, taken.get(deployment.deployment_id, Taken())
        if deployment.latitude == 0 == deployment.longitude:
            yield name, "latitude and longitude are both 0: give --latitude and --longitude"
        for what, at in (("start", deployment.started_at), ("end", deployment.ended_at)):
            if at and at > now + A_DAY:
                yield name, f"its {what} {at} lies in the future: correct --{what}"
        for what, at, days, seen in _silences(deployment, mine, out.get(name, ()), now):
            if days > SILENT_DAYS:
                yield (
                    name,
                    f"its {what} {at} lies {days} days {seen}, and all of them are effort: correct "
                    f"--{what}, or say when its camera was out with camtriage outages add",
                )


def _silences(
    deployment: Deployment, mine: Taken, out: Spans, now: datetime
) -> Iterator[tuple[str, datetime, int, str]]:
    """Each end of the period and the days, without outages, to the nearest picture within it."""
    start, end = deployment.started_at or datetime.min, deployment.ended_at or datetime.max
    if deployment.started_at and mine.first and start <= mine.first <= end:
        yield (
            "start",
            start,
            _days(start, mine.first, out),
            f"before the first picture {_minute(mine.first)}",
        )
    if deployment.ended_at and mine.last and start <= mine.last <= end <= now + A_DAY:
        yield "end", end, _days(mine.last, end, out), f"after the last picture {_minute(mine.last)}"


def _days(begin: datetime, end: datetime, out: Spans) -> int:
    """Whole days between two times without those of outages, which do not overlap."""
    gone = (min(b or end, end) - max(a, begin) for a, b in out)
    return (end - begin - sum((max(outage, timedelta()) for outage in gone), timedelta())).days


def _missing(deployment: Deployment, taken: Mapping[str, Taken]) -> Iterator[tuple[str, str]]:
    mine = taken.get(deployment.deployment_id, Taken())
    for what, value, option, seen in (
        ("start", deployment.started_at, "--start", f"first picture {_minute(mine.first)}"),
        ("end", deployment.ended_at, "--end", f"last picture {_minute(mine.last)}"),
    ):
        if value is None:
            hint = f" ({seen})" if mine.first else ""
            yield (
                deployment.deployment_id,
                f"no {what}{hint}: its effort is not known; give {option}",
            )
    if deployment.latitude is None:
        yield deployment.deployment_id, "no place: give --latitude and --longitude"
    if deployment.utc_offset_min is None:
        yield deployment.deployment_id, "no offset of its clock: give --offset, for example +03:00"
    if not mine.pictures and deployment.started_at and deployment.ended_at:
        yield (
            deployment.deployment_id,
            "no picture at all: run its card, or say when its camera was out with "
            "camtriage outages add",
        )


def _untimed(deployment: Deployment, taken: Mapping[str, Taken]) -> Iterator[tuple[str, str]]:
    """What they show was there on some day: no zero of that deployment is sure."""
    mine = taken.get(deployment.deployment_id, Taken())
    if mine.untimed:
        yield (
            deployment.deployment_id,
            f"{mine.untimed} of {mine.pictures} pictures have no time: what they show is not known "
            "on all its days, and never counted as not seen (NA in histories, no rate); enter the "
            "times with camtriage clock set",
        )


def _twice_at_once(deployments: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
    """One camera cannot be in two places at a time; two cameras can be at one station."""
    by_camera: dict[str, list[tuple[datetime, datetime, Deployment]]] = defaultdict(list)
    for deployment in deployments:
        if deployment.camera_id and deployment.started_at and deployment.ended_at:
            period = (deployment.started_at, deployment.ended_at, deployment)
            by_camera[deployment.camera_id].append(period)
    for camera, periods in sorted(by_camera.items()):
        in_time = sorted(periods, key=lambda period: period[:2])
        for (_, first_end, deployment), (start, other_end, other) in combinations(in_time, 2):
            end = min(first_end, other_end)
            if start < end:
                yield (
                    other.deployment_id,
                    f"camera {camera} is in {deployment.deployment_id} too from {start} to "
                    f"{end}: correct --start, --end or --camera of one of them",
                )


def _two_places(deployments: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
    by_place = defaultdict(list)
    for deployment in deployments:
        if (
            deployment.location_id
            and deployment.latitude is not None
            and deployment.longitude is not None
        ):
            by_place[deployment.location_id].append(deployment)
    for place, there in sorted(by_place.items()):
        for deployment, other in pairwise(sorted(there, key=lambda x: x.deployment_id)):
            apart = metres(deployment, other)
            if apart > APART_M:
                yield (
                    other.deployment_id,
                    f"location {place} lies {apart:.0f} m from where {deployment.deployment_id} "
                    "has it: a camera that moved has another --location; else correct its place",
                )


def one_spot(deployments: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
    """Several stations that are probably one: a line each, with the commands that join them.

    Their names differ by blanks or capitals alone; or a deployment without a locationID, which is a
    station of its own, lies where another one does, within what is known of both places.
    """
    in_order = sorted(deployments, key=lambda deployment: deployment.deployment_id)
    stations: dict[str, str] = {}  # the first deployment of each
    first_of = {
        deployment.deployment_id: stations.setdefault(
            _station(deployment), deployment.deployment_id
        )
        for deployment in in_order
    }
    for deployment, other in chain(_named_alike(in_order), _near(in_order)):
        here, there_too = first_of[deployment.deployment_id], first_of[other.deployment_id]
        first_of = {name: here if first == there_too else first for name, first in first_of.items()}
    spots: dict[str, list[Deployment]] = defaultdict(list)
    for deployment in in_order:
        spots[first_of[deployment.deployment_id]].append(deployment)
    for there in spots.values():
        names = dict.fromkeys(_station(deployment) for deployment in there)
        if len(names) > 1:
            name = _spot_name(there)
            commands = "; ".join(
                f"camtriage deployments edit {_typed(deployment.deployment_id)} --location "
                f"{_typed(name)}"
                for deployment in there
                if deployment.location_id != name
            )
            yield (
                there[0].deployment_id,
                f"{len(names)} stations at one spot ({', '.join(map(repr, names))}): each "
                f"has events and effort of its own; if they are one: {commands}",
            )


def _typed(name: str) -> str:
    """A name as this machine's shell takes it."""
    return list2cmdline([name]) if os.name == "nt" else quote(name)


def _station(deployment: Deployment) -> str:
    return deployment.location_id or deployment.deployment_id


def _spot_name(there: Sequence[Deployment]) -> str:
    """The name that most of them have: the station's, else the place's in words."""
    named = [deployment.location_id for deployment in there if deployment.location_id]
    named = named or [deployment.location_name for deployment in there if deployment.location_name]
    counts = Counter(named or [there[0].deployment_id])
    return min(counts, key=lambda name: (-counts[name], name)).strip()


def _named_alike(in_order: Sequence[Deployment]) -> Iterator[tuple[Deployment, Deployment]]:
    """(first, other) of stations whose places have one name but for blanks and capitals."""
    by_name: dict[str, Deployment] = {}
    for deployment in in_order:
        name = deployment.location_id or deployment.location_name or ""
        plain = "".join(unicodedata.normalize("NFC", name).casefold().split())
        first = by_name.setdefault(plain, deployment) if plain else deployment
        if _station(first) != _station(deployment):
            yield first, deployment


def _near(in_order: Sequence[Deployment]) -> Iterator[tuple[Deployment, Deployment]]:
    """(first, other) of stations at one spot of which one has no locationID. By strips of latitude:
    thousands of deployments are not compared with each other one by one."""
    placed = [place for place in in_order if None not in (place.latitude, place.longitude)]
    reach = WIDEST_SPOT_M / METRES_A_DEGREE
    by_latitude = sorted(placed, key=lambda place: place.latitude or 0)
    for i, deployment in enumerate(by_latitude):
        for other in by_latitude[i + 1 :]:
            if (other.latitude or 0) - (deployment.latitude or 0) > reach:
                break
            one_station = _station(deployment) == _station(other)
            if one_station or (deployment.location_id and other.location_id):
                continue
            if metres(deployment, other) <= max(_reach(deployment), _reach(other)):
                first, second = sorted((deployment, other), key=lambda x: x.deployment_id)
                yield first, second


def _reach(deployment: Deployment) -> float:
    return min(max(deployment.coordinate_uncertainty_m or 0, SPOT_M), WIDEST_SPOT_M)


def _outside(deployment: Deployment, taken: Mapping[str, Taken]) -> Iterator[tuple[str, str]]:
    mine = taken.get(deployment.deployment_id, Taken())
    for number, when, seen in (
        (
            mine.early,
            f"before its start {deployment.started_at}",
            f"the first {_minute(mine.first)}",
        ),
        (mine.late, f"after its end {deployment.ended_at}", f"the last {_minute(mine.last)}"),
    ):
        if number:
            yield (
                deployment.deployment_id,
                f"{number} of {mine.pictures} pictures were taken {when}, {seen}: a wrong clock "
                "(camtriage clock suspects) or a wrong period",
            )


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _place(deployment: Deployment) -> tuple[float, float]:
    assert deployment.latitude is not None and deployment.longitude is not None
    return deployment.latitude, deployment.longitude


def metres(deployment: Deployment, other: Deployment) -> float:
    """The distance along the ground between the places of two deployments."""
    (lat, lon), (other_lat, other_lon) = _place(deployment), _place(other)
    a, b = radians(lat), radians(other_lat)
    south, west = (b - a) / 2, radians(other_lon - lon) / 2
    return 2 * EARTH_M * asin(min(1.0, hypot(sin(south), (cos(a) * cos(b)) ** 0.5 * sin(west))))
