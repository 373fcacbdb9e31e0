"""What a user's GeoJSON draws: a park's border, rivers, roads, a coast."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

from pipeline.errors import InputError

LARGEST = 50_000_000  # bytes of a file
MOST_POINTS = 500_000
Point: TypeAlias = tuple[float, float]  # degrees east, degrees north
Line: TypeAlias = tuple[Point, ...]
_DEPTH = {  # lists around a point
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
_LINES = ("LineString", "MultiLineString")


@dataclass(frozen=True, slots=True)
class Backdrop:
    """Everything of a file, in degrees."""

    areas: tuple[tuple[Line, ...], ...] = ()  # rings of each polygon
    lines: tuple[Line, ...] = ()
    points: tuple[Point, ...] = ()


def read_backdrop(path: Path) -> Backdrop:
    """Read a GeoJSON file (RFC 7946, WGS 84); InputError says what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: more than {LARGEST // 1_000_000} MB: simplify it first")
        given = json.loads(path.read_bytes())
    except OSError as why:
        raise InputError(f"{path}: cannot be read: {why.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: no GeoJSON: it cannot be read as JSON") from None
    areas: list[tuple[Line, ...]] = []
    lines: list[Line] = []
    points: list[Point] = []
    many = 0
    for kind, coordinates in _geometries(path, given):
        found = _lines(path, coordinates, _DEPTH[kind])
        many += sum(map(len, found))
        if many > MOST_POINTS:
            raise InputError(f"{path}: more than {MOST_POINTS} points: simplify it first")
        if kind in _LINES:
            lines += found
        elif kind in ("Point", "MultiPoint"):
            points += chain.from_iterable(found)
        else:
            polygons = [coordinates] if kind == "Polygon" else coordinates
            areas += [tuple(_lines(path, rings, 2)) for rings in polygons]
    if not many:
        raise InputError(f"{path}: no GeoJSON: it has no point, line or area")
    return Backdrop(tuple(areas), tuple(lines), tuple(points))


def _geometries(path: Path, given: object) -> Iterator[tuple[str, Any]]:
    """(type, coordinates) of every geometry, in the order of the file."""
    waiting = [given]
    while waiting:
        part = waiting.pop()
        if part is None:
            continue
        if not isinstance(part, dict):
            raise InputError(f"{path}: no GeoJSON: an object has no type")
        kind = part.get("type")
        inner = {"FeatureCollection": "features", "GeometryCollection": "geometries"}.get(str(kind))
        if inner:
            parts = part.get(inner)
            waiting += reversed(parts if isinstance(parts, list) else [])
        elif kind == "Feature":
            waiting.append(part.get("geometry"))
        elif kind in _DEPTH:
            yield str(kind), part.get("coordinates")
        else:
            raise InputError(f"{path}: no GeoJSON: unknown type {ascii(kind)[:40]}")


def _lines(path: Path, given: object, depth: int) -> list[Line]:
    """Lists of points, from so many lists within each other."""
    if depth <= 1:
        points = given if depth else [given]
        if not isinstance(points, list):
            raise InputError(f"{path}: no GeoJSON: coordinates are no list")
        return [tuple(_point(path, point) for point in points)]
    if not isinstance(given, list):
        raise InputError(f"{path}: no GeoJSON: coordinates are no list")
    return [line for part in given for line in _lines(path, part, depth - 1)]


def _point(path: Path, given: object) -> Point:
    numbers = given[:2] if isinstance(given, list) else []
    if len(numbers) < 2 or not all(type(n) in (int, float) and isfinite(n) for n in numbers):
        raise InputError(f"{path}: no GeoJSON: a point is [degrees east, degrees north]")
    east, north = float(numbers[0]), float(numbers[1])
    if not (-540 <= east <= 540 and -90 <= north <= 90):
        raise InputError(
            f"{path}: {east:g}, {north:g} are no degrees: save it in WGS 84 (EPSG:4326)"
        )
    return east, north
