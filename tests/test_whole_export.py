"""An export of a whole database has all of it, and no more of it is public than was."""

import csv
from dataclasses import replace

import pytest
import sqlalchemy as sa
from makers import fill
from test_camtrap_dp import GATE, PROJECT

from db.core.engine import open_database, writing
from db.store.deployments import save_deployments
from flows.services.exchange.export import export_camtrap_dp
from flows.services.exchange.incoming import import_data_set
from tests.commands import camtriage

PLACES = "UPDATE deployment SET started_at = '2020-01-01', ended_at = '2030-01-01'"
LIKE_PEOPLE = "UPDATE look SET p_human = 0.25 WHERE media_id % 3 = 0"


@pytest.fixture(scope="module")
def given(tmp_path_factory, url_of_module):
    """A database with three deployments of which no picture is here, and project.toml."""
    engine = open_database(url_of_module)
    with writing(engine) as conn:
        fill(conn, 40)
        conn.exec_driver_sql(PLACES)
        conn.execute(sa.text(LIKE_PEOPLE))
        bare = replace(GATE, deployment_id="bare", started_at=None, ended_at=None)
        placeless = replace(GATE, deployment_id="placeless", latitude=None, longitude=None)
        save_deployments(conn, [replace(GATE, deployment_id="emptycam"), bare, placeless])
    engine.dispose()
    project = tmp_path_factory.mktemp("project") / "project.toml"
    project.write_text(PROJECT)
    return url_of_module, project


def column(path, key, value):
    with path.open(newline="", encoding="utf-8") as file:
        return {row[key]: row[value] for row in csv.DictReader(file)}


def test_a_deployment_without_a_picture_goes_out_with_the_whole_and_its_effort(given, tmp_path):
    url, project = given
    done = export_camtrap_dp(url, tmp_path / "all", project)
    ends = column(tmp_path / "all" / "deployments.csv", "deploymentID", "deploymentEnd")
    assert len(ends) == 5 == done.counts["deployments"]
    assert ends["emptycam"] == "2026-05-04T06:30:15+03:00"
    assert done.deployments_left_out == ("bare", "placeless")


def test_what_is_left_out_is_told_and_a_card_has_its_own_deployments(given, tmp_path, capsys):
    url, project = given
    words = ("--project", project, "--database", url)
    assert camtriage("export", "camtrap-dp", tmp_path / "all", *words) == 0
    said = capsys.readouterr().out
    why = "their place, period or offset is not known"
    assert f"2 deployments without pictures left out, {why}: bare, placeless\n" in said
    assert camtriage("export", "camtrap-dp", tmp_path / "one", *words, "--name", "card-0") == 0
    said = capsys.readouterr().out
    assert "3 deployments without pictures left out, they belong to no card: bare, emptycam" in said
    assert len(column(tmp_path / "one" / "deployments.csv", "deploymentID", "locationID")) == 2


def test_a_picture_that_was_not_public_is_not_public_after_a_round_trip(given, tmp_path):
    url, project = given
    export_camtrap_dp(url, tmp_path / "out", project)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    import_data_set(other, tmp_path / "out")
    export_camtrap_dp(other, tmp_path / "again", project)
    before, after = (
        column(tmp_path / name / "media.csv", "filePath", "filePublic") for name in ("out", "again")
    )
    assert set(before.values()) == {"true", "false"}
    assert after == before
    assert len(column(tmp_path / "again" / "deployments.csv", "deploymentID", "cameraID")) == 5
