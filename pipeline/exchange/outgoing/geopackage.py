"""Layers as a GeoPackage 1.3: an SQLite file with tables of its own, one a layer, EPSG:4326."""

import sqlite3
import struct
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pipeline.exchange.outgoing.layers import Layer, Point
from pipeline.tables.whole import whole_file

GPKG = 0x47504B47  # "GPKG"
VERSION = 10300
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]'
)
TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
  description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
  identifier TEXT UNIQUE, description TEXT DEFAULT '', last_change DATETIME NOT NULL,
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  PRIMARY KEY (table_name, column_name), UNIQUE (table_name),
  FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
"""
KNOWN = (
    ("Undefined Cartesian", -1, "NONE", -1, "undefined", None),
    ("Undefined geographic", 0, "NONE", 0, "undefined", None),
    ("WGS 84", 4326, "EPSG", 4326, WGS84, "longitude, latitude"),
)


def write_geopackage(layers: Sequence[Layer], path: Path) -> None:
    """Write a new file; InputError where it is there already."""
    with whole_file(path) as working, closing(sqlite3.connect(working)) as file:
        file.execute(f"PRAGMA application_id = {GPKG}")
        file.execute(f"PRAGMA user_version = {VERSION}")
        file.executescript(TABLES)
        file.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", KNOWN)
        for layer in layers:
            _add(file, layer)
        file.commit()


def _add(file: sqlite3.Connection, layer: Layer) -> None:
    """One table: fid, geom, and the layer's columns, each as its values are."""
    columns = ", ".join(
        f'"{name}" {_kind([row[at] for _, row in layer.rows])}'
        for at, name in enumerate(layer.columns)
    )
    file.execute(
        f'CREATE TABLE "{layer.name}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, '
        f"geom POINT, {columns})"
    )
    marks = ", ".join("?" * (len(layer.columns) + 2))
    rows = ((None, _geometry(point), *row) for point, row in layer.rows)
    file.executemany(f'INSERT INTO "{layer.name}" VALUES ({marks})', rows)
    changed = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    x, y = ([point[at] for point, _ in layer.rows] for at in (0, 1))
    box = (min(x), min(y), max(x), max(y)) if layer.rows else (None,) * 4
    file.execute(
        "INSERT INTO gpkg_contents VALUES (?, 'features', ?, '', ?, ?, ?, ?, ?, 4326)",
        (layer.name, layer.name, changed, *box),
    )
    file.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POINT', 4326, 0, 0)", (layer.name,)
    )


def _kind(values: Sequence[object]) -> str:
    return "INTEGER" if any(isinstance(value, int) for value in values) else "TEXT"


def _geometry(point: Point) -> bytes:
    """A GeoPackage binary header without an envelope, then a point as little-endian WKB."""
    return struct.pack("<2sBBi", b"GP", 0, 1, 4326) + struct.pack("<BIdd", 1, 1, *point)
