"""`camtriage certify`: from reviews to a certificate, from its name to a run."""

import csv

import pytest
import sqlalchemy as sa

from db.core.engine import open_database, reading, writing
from db.core.schema import certificate, recipe
from db.queries.certificates import (
    certified_batches,
    drawn_visits,
    named_pictures,
    reviewed_pictures,
)
from db.queries.population.sample import save_sample
from db.store.reviewing.reviews import save_reviews
from flows.facts.study import read_labelled_visits
from pipeline.errors import SettingsError
from pipeline.population.correction.sample import draw_sample
from pipeline.records import Review
from tests import cards
from tests.commands import camtriage
from tests.makers import fill

ALONE = ("--detector", "none")  # which keeps pictures of both cameras


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """A card of two cameras, run, and a table with an answer on each of its pictures."""
    folder = tmp_path_factory.mktemp("certify")
    card = cards.card(folder / "card", pictures=16, broken=False)
    url = f"sqlite:///{folder}/camtriage.db"
    assert camtriage("run", card, "--name", "mara", *ALONE, "--database", url) == 0
    with reading(open_database(url)) as conn:
        rows = conn.execute(sa.text("SELECT media_id, state FROM media_status")).all()
    table = folder / "answers.csv"
    with table.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["media_id", "observation_type"])
        out.writerows((sha, "animal" if state == "kept" else "blank") for sha, state in rows)
    return card, url, table


def certify(url: str, *words: object) -> int:
    return camtriage("certify", "--database", url, *words)


def stored(url: str, table: sa.Table) -> list[sa.RowMapping]:
    with reading(open_database(url)) as conn:
        return list(conn.execute(sa.select(table)).mappings())


def test_reviews_become_a_certificate_and_runs_use_it_by_name(reviewed, capsys):
    card, url, table = reviewed
    low = ("--recall", 0.5, "--confidence", 0.7)  # as much as two stations can prove
    with pytest.raises(SettingsError, match="no certificate without an honest sample"):
        certify(url, *low)
    with pytest.raises(SettingsError, match=r"57 more stations.*add rows to the table"):
        certify(url, "--labels", table)
    assert stored(url, certificate) == []
    camtriage("review", "import", table, "--database", url)
    assert certify(url, *low, "--name", "two") == 0
    page = card.parent / "two.html"
    assert certify(url, *low, "--name", "two", "--page", page) == 0
    assert "At least <b>50 %</b> of the pictures" in page.read_text("utf-8")
    assert "known already" in capsys.readouterr().out
    [row] = stored(url, certificate)
    assert (row["counted"], row["n"], row["misses"]) == ("stations", 2, 0)
    assert certify(url, *low, "--level", "visit", "--name", "visits") == 0
    assert [one["level"] for one in stored(url, certificate)] == ["picture", "visit"]
    with pytest.raises(SettingsError, match="a certificate of that name stands"):
        certify(url, "--recall", 0.5, "--confidence", 0.6, "--name", "two")

    with pytest.raises(SettingsError, match=r"has 0 pictures .*queue 'Audit of the blanks'"):
        certify(url, "--kind", "vehicle")
    people = card.parent / "people.csv"
    people.write_text(table.read_text().replace("animal", "human"))
    certify(url, *low, "--kind", "human", "--labels", people, "--by", "light", "--name", "people")
    assert "of the pictures that show people are called so" in capsys.readouterr().out
    [level] = [one for one in stored(url, certificate) if one["kind"] == "human"]

    assert camtriage("run", card, *ALONE, "--database", url, "--certificate", "two") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of the blanks │ two" in said and "of the people │ uncertified" in said
    look = stored(url, recipe)[-3]["description"]
    assert look["blank"]["threshold"] == row["threshold"]
    assert look["certificate"] == {"name": "two", "data": row["data_hash"]}
    both = ("--certificate", "two, people")  # without a detector a person's score follows p_blank
    with pytest.raises(SettingsError, match=r"people is void here: .* another blank"):
        camtriage("run", card, *ALONE, "--database", url, *both)

    assert camtriage("run", card, *ALONE, "--database", url, "--certificate", "people") == 0
    flag = stored(url, recipe)[-1]["description"]
    assert flag["poaching"]["human_bar"] == level["threshold"]
    assert flag["certificates"] == {"human": {"name": "people", "data": level["data_hash"]}}
    assert level["models"]["windows"] == {"size": 128, "burst_gap_s": 10.0}
    assert camtriage("report", "--database", url, "--out", card.parent) == 0
    [page] = card.parent.glob("*.md")
    said = "Threshold for blanks: uncertified. Level of people: certificate people."
    assert said in page.read_text("utf-8")


def test_cameras_with_unanswered_kept_pictures_are_left_out_on_both_databases(database):
    with writing(database) as conn:
        fill(conn, 60, cameras=2, cards=1)
        rows, partly = reviewed_pictures(conn)
        assert (rows, partly) == ([], 2)
        kept = sa.text("SELECT media_id FROM media_status WHERE state = 'kept'")
        save_reviews(conn, [Review(sha, "animal") for sha in conn.scalars(kept)], "all.csv")
        rows, partly = reviewed_pictures(conn)
        assert (len(rows), partly) == (60, 0)
        assert {row.sha256 for row in named_pictures(conn, [rows[0].sha256])} == {rows[0].sha256}
        assert certified_batches(conn, ["card-0"]) == {"card-0": {}}


def test_the_visits_of_a_random_sample_come_with_their_stratum_and_what_people_saw(database):
    with writing(database) as conn:
        fill(conn, 60, cameras=2, cards=1)
        draws = draw_sample(read_labelled_visits(conn), 12, seed=3)
        save_sample(conn, draws, {"strata": {}, "batches": []}, 3)
        first, second = draws[0].sha256, draws[1].sha256
        said = [Review(first, "human", purpose="event"), Review(second, "blank", purpose="event")]
        save_reviews(conn, said, "sample.csv")
        found = {draw.sha256: (draw, seen, rows) for draw, seen, rows in drawn_visits(conn)}
        assert found.keys() == {draw.sha256 for draw in draws}
        assert found[first][0].stratum == draws[0].stratum
        assert "human" in found[first][1] and "blank" in found[second][1]
        assert all(first in {row.sha256 for row in rows} for first, (_, _, rows) in found.items())


def test_another_burst_gap_makes_a_certificate_void(reviewed):
    card, url, table = reviewed
    certify(url, "--labels", table, "--recall", 0.5, "--confidence", 0.7, "--name", "gap")
    (settings := card.parent / "study.toml").write_text("[windows]\nburst_gap_s = 2\n")
    words = ("--certificate", "gap", "--settings", settings)
    with pytest.raises(SettingsError, match=r"gap is void here: .* another windows"):
        camtriage("run", card, *ALONE, "--database", url, *words)
    with pytest.raises(SettingsError, match="two of them are for not blank"):
        camtriage("run", card, *ALONE, "--database", url, "--certificate", "gap,two")


def test_a_certificate_is_void_for_other_models_and_unknown_under_other_names(reviewed):
    card, url, table = reviewed
    certify(url, "--labels", table, "--recall", 0.5, "--confidence", 0.7, "--name", "other")
    with pytest.raises(SettingsError, match=r"no such certificate; there are: .*other"):
        camtriage("run", card, "--database", url, "--certificate", "else")
    with writing(open_database(url)) as conn:
        mine = certificate.c.name == "other"
        models = conn.execute(sa.select(certificate.c.models).where(mine)).scalar_one()
        models["frame_model"]["sha256"] = "0" * 64
        conn.execute(sa.update(certificate).where(mine).values(models=models))
    before = stored(url, recipe)
    with pytest.raises(SettingsError, match=r"certificate other is void here: .* frame model"):
        camtriage("run", card, "--database", url, "--certificate", "other")
    assert stored(url, recipe) == before
