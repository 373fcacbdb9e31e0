"""A real data set of others in and out: Algar's 3786 records of 20 stations (WildCo).

    python -m tests.benchmarks.round_trip [--stations 20] [--folder ../shared/reference]

Its tables are laid out as camtrapR's, imported, exported as Camtrap DP, validated by frictionless
against the official schemas, and imported into a second database, which is exported and validated
too: both packages must hold the same rows, both databases the independent events that WildCo
published.
"""

import argparse
import csv
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from db.core.engine import reading
from flows.execution.databases import known_database
from flows.services.deployments import offset_everywhere
from flows.services.exchange.export import export_camtrap_dp
from flows.services.exchange.incoming import import_data_set
from tests import tables
from tests.test_camtrap_dp import PROJECT, faults

SAME = {
    "deployments": "deploymentID locationID latitude longitude deploymentStart deploymentEnd",
    "media": "deploymentID timestamp filePath",
    "observations": "deploymentID eventStart eventEnd observationLevel observationType"
    " scientificName count",
}
OFFSET = "-07:00"  # Alberta, as cameras keep it
STATION = "Deployment.Location.ID"


@dataclass(frozen=True, slots=True)
class Trip:
    """What became of the data set."""

    records: int
    expected: int  # independent events that were published
    events: tuple[int, int]  # in the first database and in the second one
    rows: dict[str, int]  # of the first package
    differ: int  # rows that stand in one of the two packages alone
    faults: tuple[str, ...]


def round_trip(folder: Path, stations: int) -> Trip:
    """In, out, in and out again, of so many stations."""
    season, project = folder / "season", folder / "project.toml"
    season.mkdir()
    project.write_text(PROJECT)
    records, names = lay_out(season, stations)
    urls = [f"sqlite:///{folder / name}" for name in ("one.db", "two.db")]
    packages = [folder / "out", folder / "again"]
    import_data_set(urls[0], season)
    offset_everywhere(urls[0], OFFSET)
    export_camtrap_dp(urls[0], packages[0], project, exact=True)
    import_data_set(urls[1], packages[0])
    export_camtrap_dp(urls[1], packages[1], project, exact=True)
    first, second = ({name: rows_of(place, name) for name in SAME} for place in packages)
    return Trip(
        records,
        sum(row["station"] in names for row in tables.rows("algar/expected_events_30min.csv")),
        (events(urls[0]), events(urls[1])),
        {name: sum(rows.values()) for name, rows in first.items()},
        sum(sum(((first[n] - second[n]) + (second[n] - first[n])).values()) for n in SAME),
        tuple(said for place in packages for said in faults(place, tables.FOLDER / "camtrap_dp")),
    )


def lay_out(season: Path, stations: int) -> tuple[int, frozenset[str]]:
    """camtrapR's two tables; how many records, and the stations they are of."""
    places = {row[STATION]: row for row in tables.rows("algar/stations.csv")}
    names = frozenset(sorted(places)[:stations])
    write(
        season / "stations.csv",
        ("Station", "session", "Setup_date", "Retrieval_date", "longitude", "latitude"),
        (
            (
                *(row[STATION], row["Deployment.ID"], row["Camera.Deployment.Begin.Date"]),
                row["Camera.Deployment.End.Date"].replace("NA", ""),
                *(places[row[STATION]][name] for name in ("Longitude", "Latitude")),
            )
            for row in tables.rows("algar/deployments.csv")
            if row[STATION] in names
        ),
    )
    seen = [row for row in tables.rows("algar/records.csv") if row[STATION] in names]
    write(
        season / "records.csv",
        ("Station", "Species", "DateTimeOriginal", "count"),
        (
            (
                *(row[STATION], row["Species"], row["Date_Time.Captured"]),
                row["Number.of.Animals"].replace("NA", ""),
            )
            for row in seen
        ),
    )
    return len(seen), names


def write(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


def rows_of(package: Path, name: str) -> Counter[tuple[str, ...]]:
    """The rows of a table of a package, without the keys that an import gives."""
    with (package / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return Counter(
            tuple(row[key] for key in SAME[name].split()) for row in csv.DictReader(file)
        )


def events(url: str) -> int:
    with reading(known_database(url)) as conn:
        return conn.execute(sa.text("SELECT count(*) FROM independent_events")).scalar_one()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--stations", type=int, default=20)
    words.add_argument("--folder", type=Path, default=tables.FOLDER)
    given = words.parse_args()
    tables.FOLDER = given.folder
    with tempfile.TemporaryDirectory() as folder:
        trip = round_trip(Path(folder), given.stations)
    print(f"{trip.records} records in; out: {trip.rows}, {len(trip.faults)} faults")
    print(f"independent events: published {trip.expected}, here {trip.events[0]}")
    print(f"after the way out and in again {trip.events[1]}, {trip.differ} rows differ")


if __name__ == "__main__":
    main()
