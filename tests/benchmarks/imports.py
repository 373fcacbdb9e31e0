"""How long a large data set of others takes to come in, and to be counted afterwards.

A Camtrap DP of `--observations` rows, half of them on single pictures and half on their events,
told by people at 100 cameras. python -m tests.benchmarks.imports --observations 100000
"""

import argparse
import csv
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.services.exchange.incoming import import_data_set
from flows.services.study.population import study_request, write_study

CAMERAS = 100
TAXA = ("Capreolus capreolus", "Vulpes vulpes", "Sus scrofa", "Meles meles", "")
BEGIN = datetime(2026, 1, 1)


def write(folder: Path, observations: int) -> None:
    """The package: one event every half hour or so, one picture each."""
    folder.mkdir()
    events = observations // 2
    names = ("deployments", "media", "observations")
    files = [{"name": name, "path": f"{name}.csv"} for name in names]
    about = {"name": f"benchmark-{observations}", "resources": files}
    (folder / "datapackage.json").write_text(json.dumps(about), "utf-8")
    of = -(-events // CAMERAS)
    ends = BEGIN + timedelta(minutes=37 * (of + 1))
    _table(
        folder / "deployments.csv",
        "deploymentID,locationID,latitude,longitude,deploymentStart,deploymentEnd",
        ([f"d{n}", f"s{n}", 50 + n / 100, 5, _at(BEGIN), _at(ends)] for n in range(CAMERAS)),
    )
    _table(
        folder / "media.csv",
        "mediaID,deploymentID,timestamp,filePath,filePublic,fileMediatype",
        (
            (f"m{n}", f"d{n % CAMERAS}", _at(_time(n)), f"d/{n}.jpg", "true", "image/jpeg")
            for n in range(events)
        ),
    )
    _table(
        folder / "observations.csv",
        "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,"
        "observationType,scientificName,count,classificationMethod,classifiedBy",
        (row for n in range(events) for row in _rows(n)),
    )


def _rows(n: int) -> Iterator[list[object]]:
    name, at = TAXA[n % len(TAXA)], _at(_time(n))
    for level in ("media", "event"):
        yield [
            f"{level}{n}", f"d{n % CAMERAS}", f"m{n}" if level == "media" else "", f"e{n}", at, at,
            level, "animal" if name else "blank", name, 1 if name else "", "human", "N. N.",
        ]  # fmt: skip


def _time(n: int) -> datetime:
    return BEGIN + timedelta(minutes=37 * (n // CAMERAS))


def _at(at: datetime) -> str:
    return f"{at.isoformat()}+01:00"


def _table(path: Path, head: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head.split(","))
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observations", type=int, default=100_000)
    parser.add_argument("--database", help="URL of an empty database; else a SQLite file")
    given = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place)
        write(folder / "package", given.observations)
        url = given.database or f"sqlite:///{folder / 'imported.db'}"
        for what in ("the first time", "again"):
            wall, cpu = time.perf_counter(), time.process_time()
            done = import_data_set(url, folder / "package")
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(f"{what}: {wall:.1f} s, {cpu:.1f} s of this process; {done.answers} answers new")
        wall, cpu = time.perf_counter(), time.process_time()
        write_study(url, study_request(None, None, None), folder / "study")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"population: {wall:.1f} s, {cpu:.1f} s of this process")


if __name__ == "__main__":
    main()
