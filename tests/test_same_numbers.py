"""Copies change no number, and silence is not absence: through the commands, on both databases."""

import csv
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core.engine import open_database, reading
from flows.cli.main import app
from tests import cards
from tests.cards import BEGIN

DEPLOYMENTS = "deploymentID,locationID,deploymentStart,deploymentEnd,latitude,longitude\n"
VIEWS = ("independent_events", "watched", "stations", "record_table", "station_days")


def camtriage(*words) -> int:
    """A command as it is typed, in this process."""
    return app([str(one) for one in words], standalone_mode=False) or 0


def day(number: int) -> str:
    return (BEGIN + timedelta(days=number)).isoformat() + "Z"


@pytest.fixture(scope="module")
def study(url_of_module, tmp_path_factory):
    """Two cameras with pictures; one that was silent, one that was broken from first to last day,
    and one whose period nobody knows."""
    rows = [
        ("Cam0", "A", day(-1), day(5)),
        ("Cam1", "B", day(-1), day(5)),
        ("silent", "C", day(-1), day(9)),
        ("broken", "D", day(-1), day(3)),
        ("unknown", "E", "", ""),
    ]
    folder = tmp_path_factory.mktemp("study")
    table = folder / "deployments.csv"
    table.write_text(DEPLOYMENTS + "".join(",".join(row) + ",-2,34\n" for row in rows))
    card = cards.card(folder / "card", pictures=24, cameras=2)
    words = ("--database", url_of_module)
    assert camtriage("run", card, "--name", "one", "--deployments", table, *words) == 0
    assert camtriage("deployments", "import", table, *words) == 0
    begun = day(-1).rstrip("Z")
    assert camtriage("outages", "add", "broken", "--from", begun, "--reason", "theft", *words) == 0
    return url_of_module, card, folder


def tables(url: str, folder: Path) -> dict[str, list[dict]]:
    """What `camtriage population` writes, and the views, without the keys of rows."""
    shutil.rmtree(folder, ignore_errors=True)
    assert camtriage("population", "--out", folder, "--database", url) == 0
    found = {
        one.name: list(csv.DictReader(one.read_text("utf-8").splitlines()))
        for one in sorted(folder.glob("*.csv"))
    }
    engine = open_database(url)
    with reading(engine) as conn:
        for view in VIEWS:
            rows = conn.execute(sa.text(f"SELECT * FROM {view}")).mappings()
            found[view] = sorted((dict(row) for row in rows), key=str)
    engine.dispose()
    return found


def test_the_same_card_overlapping_cards_and_two_peoples_copies_change_no_number(study):
    url, card, folder = study
    before = tables(url, folder / "before")
    assert before["rai.csv"] and before["independent_events"]
    half = folder / "half"
    for path in sorted(card.rglob("*.JPG"))[::2]:
        target = half / path.relative_to(card)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    theirs = folder / "Juma" / "card"
    shutil.copytree(card, theirs)
    for number, copy in enumerate((card, half, theirs)):
        assert camtriage("run", copy, "--name", f"again {number}", "--database", url) == 0
        assert tables(url, folder / "after") == before


def test_a_silent_camera_is_a_zero_only_where_it_watched(study):
    url, _, folder = study
    found = tables(url, folder / "tables")
    by_station = {row["station"]: row for row in found["rai_by_station.csv"]}
    assert set(by_station) == set("ABCDE")
    assert (by_station["C"]["events"], by_station["C"]["rai"]) == ("0", "0")
    for station in "DE":  # 0 days, and not known: no rate, and no zero either
        assert (by_station[station]["events"], by_station[station]["rai"]) == ("", "")
    effort = {row["station"]: row["effort_days"] for row in found["stations"]}
    assert effort["C"] == pytest.approx(10)
    assert not effort["D"] and effort["E"] is None
    histories = [name for name in found if name.startswith("history") and "effort" not in name]
    assert histories
    for name in histories:
        cells = {row.pop("station"): set(row.values()) for row in found[name]}
        assert cells["D"] == {"NA"} and "0" in cells["C"], name
    watched = {row["station"]: row["effort_days"] for row in found["station_days"]}
    assert watched["D"] == 0 and watched["C"] > 0 and "E" not in watched
