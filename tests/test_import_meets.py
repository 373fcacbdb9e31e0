"""What a data set says of pictures, and the card that brings them: before it or after it."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from makers import fill

from db.core import schema
from db.core.engine import open_database, reading, writing
from db.integrity.check import check
from flows.execution.databases import known_database
from flows.run_options import RunOptions
from flows.services.exchange.export import export_camtrap_dp
from flows.services.exchange.incoming import import_data_set
from flows.services.study.population import read_study, study_request
from flows.steps.ingest import ingest
from pipeline.population.study.tables import population_tables
from tests.test_camtrap_dp import PROJECT
from tests.test_import import ask, copy_of

SAME = ("events", "effort", "rai", "activity")


@pytest.fixture(scope="module")
def card(camera_trap: Path) -> Path:
    """Ten pictures of one visit, which the official example has too."""
    return camera_trap / "cards" / "be_camtrapdp"


@pytest.fixture(scope="module")
def told(camera_trap: Path, tmp_path_factory) -> Path:
    """The example as if a person had named the heron on them."""

    def by_a_person(name, rows):
        for row in rows if name == "observations" else ():
            if row["classificationMethod"] == "machine":
                row |= {"classificationMethod": "human", "classifiedBy": "Lien"}
        return rows

    folder = tmp_path_factory.mktemp("told") / "package"
    return copy_of(camera_trap / "camtrap_dp", folder, by_a_person)


def ingested(url: str, card: Path) -> tuple[str, ...]:
    return ingest(RunOptions(card=str(card), name="be", database=url)).notes


ON_THE_CARD = """
SELECT m.deployment_id, m.scientific_name, m.method, r.reviewer FROM media_status m
LEFT JOIN reviews r ON r.media_id = m.media_id WHERE m.batch = 'be'
"""
HERON = [("62c200a9", "Ardea", "human", "Lien")]


@pytest.fixture(scope="module")
def before_the_card(told, card, tmp_path_factory) -> tuple[str, tuple[str, ...]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('before')}/c.db"
    import_data_set(url, told)
    return url, ingested(url, card)


def test_a_card_that_comes_later_brings_the_bytes_of_what_people_named(before_the_card):
    url, notes = before_the_card
    assert notes == ("10 pictures met what data sets say of them.",)
    assert ask(url, ON_THE_CARD) == HERON * 10
    assert ask(url, "SELECT count(*) FROM media_status") == [(423,)]
    with reading(known_database(url)) as conn:
        assert check(conn) == []


def test_the_same_data_set_after_its_card_adds_nothing(before_the_card, told, card):
    url, _ = before_the_card
    again = import_data_set(url, told)
    assert (again.pictures.new, again.pictures.known, again.answers) == (0, 423, 0)
    assert ask(url, ON_THE_CARD) == HERON * 10
    assert ingested(url, card) == ()


def test_a_data_set_that_comes_after_the_card_finds_its_pictures(told, card, tmp_path):
    url = f"sqlite:///{tmp_path}/c.db"
    ingested(url, card)
    done = import_data_set(url, told)
    assert (done.pictures.met, done.pictures.new) == (10, 413)
    assert done.pictures.apart == {("62c200a9", "be"): 10}  # told: its effort is without them
    seen = [row[1:] for row in ask(url, ON_THE_CARD)]  # the card's own deployment stays
    assert seen == [row[1:] for row in HERON * 10]


def test_numbers_of_an_exported_card_are_the_same_where_it_is_imported(
    empty_sqlite, tmp_path, project_file
):
    """Events, effort, rates and hours, by machine and people, without the pictures."""
    url, other = (f"sqlite:///{tmp_path}/{name}.db" for name in ("pictures", "imported"))
    shutil.copy(empty_sqlite, tmp_path / "pictures.db")
    with writing(open_database(url)) as conn:
        fill(conn, 160)
        period = {"started_at": datetime(2026, 1, 1), "ended_at": datetime(2027, 1, 1)}
        conn.execute(sa.update(schema.deployment).values(period))
    export_camtrap_dp(url, tmp_path / "package", project_file, exact=True)
    import_data_set(other, tmp_path / "package")
    request = study_request(None, None, None)
    known, found = (population_tables(read_study(one, request), "").rows for one in (url, other))
    for name in SAME:
        here, there = (
            [dict(zip(head, row, strict=True)) for row in rows]
            for head, *rows in (known[name], found[name])
        )
        partly = {row["scientific_name"] for row in here if row.get("events_left_out")}
        assert len(partly) <= 1  # its pictures without a time are in no package
        whole = [row for row in here if row.get("scientific_name") not in partly]
        assert len(whole) > 2
        assert whole == [row for row in there if row.get("scientific_name") not in partly]


@pytest.fixture(scope="module")
def project_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("project") / "project.toml"
    path.write_text(PROJECT)
    return path
