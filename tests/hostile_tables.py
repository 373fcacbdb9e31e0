"""Tables, settings and results made to harm, in the forms that people hand in: a few of each; and
how a command that is given one must end."""

import hashlib
import json
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database

HEADS = {
    "reviews": "media_id,observation_type,scientific_name,count,reviewer,reviewed_at,comment",
    "deployments": "deploymentID,locationID,latitude,longitude,deploymentStart,deploymentEnd",
}
NESTED = 100_000
LONGEST_LINE = 4000  # letters: twenty faults of a table


def write(folder: Path, sha256: str, deployment: str, path: str) -> list[Path]:
    """The files. They speak of this picture and deployment, so that more than a name is read."""
    folder.mkdir(parents=True, exist_ok=True)
    box = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.2, 0.2]}
    made = {
        "count_inf.csv": f"{HEADS['reviews']}\n{sha256},animal,,inf,a,,\n",
        "count_1e999.csv": f"{HEADS['reviews']}\n{sha256},animal,,1e999,a,,\n",
        "name_long.csv": f"{HEADS['reviews']}\n{sha256},animal,{'A' * 120_000},1,a,,\n",
        "name_nul.csv": f"{HEADS['reviews']}\n{sha256},animal,Pan\0thera,1,a,,\n",
        "name_escape.csv": f"{HEADS['reviews']}\n{sha256},animal,\x1b]0;x\x07,1,a,,\n",
        "name_bidi.csv": f"{HEADS['reviews']}\n{sha256},animal,\u202eabc,1,a,,\n",
        "name_formula.csv": f"{HEADS['reviews']}\n{sha256},animal,=cmd|'/C calc'!A0,1,=1,,@S\n",
        "name_surrogate.csv": f"{HEADS['reviews']}\n{sha256},animal,\ud800,1,a,,\n",
        "place_inf.csv": f"{HEADS['deployments']}\n{deployment},,inf,nan,,\n",
        "start_year1.csv": f"{HEADS['deployments']}\n{deployment},,1,1,0001-01-01T00:00+14:00,\n",
        "end_year9999.csv": f"{HEADS['deployments']}\n{deployment},,1,1,,9999-12-31T23:59-12:00\n",
        "empty.csv": "",
        "nested.json": "[" * NESTED,
        "nested_images.json": '{"images":' + "[" * NESTED + "]" * NESTED + "}",
        "nested.toml": "a=" + "[" * NESTED,
        "conf_nan.json": _results(path, [{**box, "conf": float("nan")}]),
        "conf_digits.json": _results(path, [{**box, "conf": 10**400}]),
        "category_list.json": _results(path, [{**box, "category": [1]}]),
        "failure_object.json": json.dumps({"images": [{"file": path, "failure": {"a": 1}}]}),
        "digits.json": '{"images":[],"detection_categories":{},"info":' + "9" * 5000 + "}",
        "nan.toml": "[poaching]\nhuman_bar = nan\n",
        "huge.toml": "[windows]\nsize = 99999999999\nvisit_gap_s = 1e308\n",
        "date.toml": "[poaching]\nstaff_days = 2026-01-01\n",
        "channel.toml": '[channels.a]\nkind = ["webhook"]\nto = "http://[::1"\n',
        "whole.geojson": '{"type":"FeatureCollection","features":{"a":1}}',
    }
    for name, text in made.items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 50)
    (folder / "half.json").write_bytes(b"\xff\xfe\x00")
    (folder / "torn16.csv").write_bytes(b"\xff\xfe" + "media_id,count\n".encode("utf-16-le") + b"a")
    return sorted(folder.iterdir())


def _results(path: str, detections: list[dict]) -> str:
    images = [{"file": path, "detections": detections}]
    return json.dumps({"detection_categories": {"1": "animal"}, "images": images})


def state(url: str) -> str:
    """A digest of every row of every table."""
    engine, digest = open_database(url, create=False, migrate=False), hashlib.sha256()
    with closing(engine.connect()) as conn:
        for table in schema.metadata.sorted_tables:
            rows = sorted(repr(tuple(row)) for row in conn.execute(sa.select(table)))
            digest.update(f"{table.name} {rows}".encode("utf-8", "surrogatepass"))
    engine.dispose()
    return digest.hexdigest()


def fault(said: SimpleNamespace, changed: bool) -> str:
    """What is wrong with how a command ended; empty: nothing.

    said      as tests.commands.typed gives it
    changed   whether the database is another than before
    """
    lines = [line for line in said.stderr.splitlines() if line.strip() and "━" not in line]
    if said.returncode not in (0, 2):
        return f"exit code {said.returncode}: {said.stderr[-300:]!r}"
    if any(not (letter.isprintable() or letter in "\n\t") for letter in said.stderr):
        return f"commands the terminal: {said.stderr[:200]!r}"
    if said.returncode == 0:
        return ""
    if changed:
        return f"refused, and the database changed: {said.stderr[-300:]!r}"
    if len(lines) != 1 or not lines[0].startswith("camtriage: "):
        return f"not one line: {said.stderr[:400]!r}"
    return f"a line of {len(lines[0])} letters" if len(lines[0]) > LONGEST_LINE else ""
