"""What is known about deployments goes out as a table and comes back filled in."""

import csv
import io
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.card.deployment_table import read_table
from pipeline.exchange.columns import DEPLOYMENTS
from pipeline.exchange.deployments import rows_of
from pipeline.records import Deployment
from pipeline.tables.writer import write_table
from tests import cards
from tests.test_command_line import camtriage
from tests.test_tables_writer import misread

WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=2, max_size=12).filter(
    lambda text: text not in ("NA", "NaN", "nan") and not misread(text)
)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)).map(
    lambda at: at.replace(microsecond=0)
)


@given(
    name=WORDS,
    place=st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    period=st.none() | st.tuples(TIMES, st.integers(0, 400), st.integers(-720, 840)),
    tags=st.none() | WORDS,
    suspect=st.none() | st.booleans(),
)
def test_what_is_written_is_read_back_the_same(
    tmp_path_factory, name, place, period, tags, suspect
):
    begun, days, offset = period or (None, 0, None)
    one = Deployment(
        name,
        latitude=place and place[0],
        longitude=place and place[1],
        started_at=begun,
        ended_at=begun and begun + timedelta(days=days),
        utc_offset_min=offset,
        tags=tags,
        timestamp_issues=suspect,
        source="table",
        other={"habitat": "wood"},
    )
    path = tmp_path_factory.mktemp("table") / "deployments.csv"
    write_table(path, DEPLOYMENTS, rows_of([one]))
    assert read_table(path) == [one]


def test_a_card_without_a_table_gets_one_later_and_is_then_exported(tmp_path):
    cards.card(tmp_path / "card", pictures=12, broken=False)
    camtriage("run", "card", "--name", "k", cwd=tmp_path)
    project = tmp_path / "project.toml"
    project.write_text(PROJECT)
    export = ["export", "camtrap-dp", "package", "--project", "project.toml"]
    refused = camtriage(*export, cwd=tmp_path)
    assert refused.returncode == 2 and "k/Cam0" in refused.stderr
    rows = list(csv.DictReader(io.StringIO(camtriage("deployments", "list", cwd=tmp_path).stdout)))
    assert [row["deploymentID"] for row in rows] == ["k/Cam0", "k/Cam1"]
    for row in rows:
        row |= {"latitude": "-1.5", "longitude": "35.0"}
        row |= {"deploymentStart": "2026-04-30T10:00:00+03:00"}
        row |= {"deploymentEnd": "2026-05-20T10:00:00+03:00"}
    with open(tmp_path / "deployments.csv", "w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    said = camtriage("deployments", "import", "deployments.csv", cwd=tmp_path)
    assert "2 deployments brought up to date, 0 added" in said.stdout
    assert "outside" not in said.stdout
    assert camtriage(*export, cwd=tmp_path).returncode == 0
    late = (tmp_path / "deployments.csv").read_text().replace("2026-04-30", "2026-05-10")
    (tmp_path / "late.csv").write_text(late)
    said = camtriage("deployments", "import", "late.csv", cwd=tmp_path)
    assert "k/Cam0: 6 pictures were taken outside its period" in said.stdout
    assert (tmp_path / "package" / "datapackage.json").exists()


PROJECT = """
title = "Meadow"
samplingDesign = "opportunistic"
captureMethod = ["activityDetection"]
individualAnimals = false
observationLevel = ["media", "event"]

[[contributors]]
title = "A. Ranger"
role = "contact"
"""
