"""Stations as one SVG: names, a scale bar, north up; no tiles and no network.

Degrees become kilometres around the middle of the stations: right to a percent over a few hundred
kilometres. What it looks like is said by the page's style sheet (classes station, name, area, ...).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import cos, floor, log10, radians, sqrt

from pipeline.report.maps.geojson import Backdrop, Line, Point

WIDTH = 1000  # units of the drawing
SHORTEST, TALLEST = 420, 900
MARGIN = 70
KM_A_DEGREE = 111.32
LEAST_KM = 0.4  # shown, where stations are closer or there is one only
SMALLEST, LARGEST = 5, 20  # radius of a station
LETTER, LINE = 7.5, 15  # width and height of a letter of a name
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class MapStation:
    """A station to draw."""

    name: str
    latitude: float
    longitude: float
    events: int
    link: str  # where a click leads


@dataclass(frozen=True, slots=True)
class _Frame:
    """From degrees to the drawing."""

    east: float  # degrees of the middle
    north: float
    scale: float  # units a kilometre
    height: float

    def at(self, point: Point) -> tuple[float, float]:
        turned = (point[0] - self.east + 540) % 360 - 180
        x = turned * KM_A_DEGREE * cos(radians(self.north)) * self.scale
        y = (self.north - point[1]) * KM_A_DEGREE * self.scale
        return WIDTH / 2 + x, self.height / 2 + y


def station_map(stations: Sequence[MapStation], backdrop: Backdrop | None = None) -> str:
    """The drawing as an <svg> element; an empty text where there is no station."""
    if not stations:
        return ""
    frame = _frame([(station.longitude, station.latitude) for station in stations])
    parts = [*_drawn(backdrop, frame), *_stations(stations, frame), *_scale_bar(frame)]
    size = f'viewBox="0 0 {WIDTH} {frame.height:.0f}"'
    title = f"Map of {len(stations)} station{'' if len(stations) == 1 else 's'}"
    return (
        f'<svg {size} class="map" role="img" aria-label="{title}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _frame(points: Sequence[Point]) -> _Frame:
    first = points[0][0]
    east = [(x - first + 540) % 360 - 180 + first for x, _ in points]  # across the date line too
    north = [y for _, y in points]
    middle = (min(east) + max(east)) / 2, (min(north) + max(north)) / 2
    wide = (max(east) - min(east)) * KM_A_DEGREE * cos(radians(middle[1]))
    tall = (max(north) - min(north)) * KM_A_DEGREE
    wide, tall = max(wide, LEAST_KM), max(tall, LEAST_KM / 2)
    inner = WIDTH - 2 * MARGIN
    height = min(max(inner * tall / wide + 2 * MARGIN, SHORTEST), TALLEST)
    scale = min(inner / wide, (height - 2 * MARGIN) / tall)
    return _Frame(middle[0], middle[1], scale, height)


def _drawn(backdrop: Backdrop | None, frame: _Frame) -> Iterable[str]:
    if backdrop is None:
        return
    for rings in backdrop.areas:
        if path := "".join(_path(ring, frame, "Z") for ring in rings):
            yield f'<path class="area" fill-rule="evenodd" d="{path}"/>'
    for line in backdrop.lines:
        if path := _path(line, frame, ""):
            yield f'<path class="line" fill="none" d="{path}"/>'
    for point in backdrop.points:
        x, y = frame.at(point)
        if 0 <= x <= WIDTH and 0 <= y <= frame.height:
            yield f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="2"/>'


def _path(line: Line, frame: _Frame, end: str) -> str:
    """A line of the drawing; empty where it is wholly outside. Very near points are one."""
    points = [frame.at(point) for point in line]
    if not points or not _may_show(points, frame.height):
        return ""
    kept = [points[0]]
    for x, y in points[1:]:
        if abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= 1:
            kept.append((x, y))
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) + end


def _may_show(points: Sequence[tuple[float, float]], height: float) -> bool:
    x, y = [point[0] for point in points], [point[1] for point in points]
    return min(x) <= WIDTH and max(x) >= 0 and min(y) <= height and max(y) >= 0


def _stations(stations: Sequence[MapStation], frame: _Frame) -> Iterable[str]:
    """Circles, the largest below, and names where there is room for them."""
    most = max(station.events for station in stations) or 1
    order = sorted(stations, key=lambda station: (-station.events, station.name))
    circles = []
    for station in order:
        x, y = frame.at((station.longitude, station.latitude))
        radius = SMALLEST + (LARGEST - SMALLEST) * sqrt(station.events / most)
        circles.append((station, x, y, radius))
    taken: list[Box] = [(x - r, y - r, x + r, y + r) for _, x, y, r in circles]
    for station, x, y, radius in circles:
        what = f"{station.name}: {station.events} visit{'' if station.events == 1 else 's'}"
        yield (
            f'<a href="{escape(station.link)}"><circle class="station" cx="{x:.1f}" cy="{y:.1f}" '
            f'r="{radius:.1f}"><title>{escape(what)}</title></circle></a>'
        )
    for station, x, y, radius in circles:
        if place := _room(station.name, x, y, radius, taken, frame.height):
            left, base = place
            yield f'<text class="name" x="{left:.1f}" y="{base:.1f}">{escape(station.name)}</text>'


def _room(
    name: str, x: float, y: float, radius: float, taken: list[Box], height: float
) -> tuple[float, float] | None:
    """Where a name may begin beside its station, without covering anything; None: nowhere."""
    wide = LETTER * len(name)
    for left, base in (
        (x + radius + 4, y + 5),
        (x - radius - 4 - wide, y + 5),
        (x - wide / 2, y - radius - 5),
        (x - wide / 2, y + radius + LINE),
    ):
        box = left, base - LINE + 3, left + wide, base + 3
        inside = box[0] >= 2 and box[1] >= 2 and box[2] <= WIDTH - 2 and box[3] <= height - 2
        if inside and not any(_meet(box, other) for other in taken):
            taken.append(box)
            return left, base
    return None


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _scale_bar(frame: _Frame) -> Iterable[str]:
    """A round length of at most a fifth of the width, bottom left, and an arrow to the north."""
    longest = WIDTH / 5 / frame.scale
    ten = 10.0 ** floor(log10(longest))
    km = max(step * ten for step in (1, 2, 5) if step * ten <= longest)
    words = f"{km:g} km" if km >= 1 else f"{km * 1000:g} m"
    y, wide = frame.height - 18, km * frame.scale
    ticks = f"M20 {y - 6:.1f}V{y:.1f}H{20 + wide:.1f}V{y - 6:.1f}"
    yield f'<path class="scale" fill="none" d="{ticks}"/>'
    yield f'<text class="scale-text" x="{26 + wide:.1f}" y="{y:.1f}">{words}</text>'
    yield f'<path class="north" d="M{WIDTH - 24} 44V18m-6 9l6 -10l6 10"/>'
    yield f'<text class="scale-text" x="{WIDTH - 29}" y="60">N</text>'
