"""Each step of a run by itself: what it refuses, what it leaves alone, and how a run ends."""

import sqlite3
import time
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from db.core.backup import backup, restore
from db.core.engine import open_database, reading
from db.store.reviewing.draws import draws_of
from db.store.windows import windows_left
from flows.execution.directly import Directly
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.steps.audit import audit
from flows.steps.card import opener
from flows.steps.chain import left_off
from flows.steps.finish import finish
from flows.steps.ingest import ingest
from flows.steps.score import score_windows
from flows.steps.summary import Summary, exit_code
from pipeline.errors import CardGone, DatabaseChanged, SettingsError
from pipeline.records import Media
from tests import cards
from tests.test_two_ways import dump_of


@pytest.fixture
def options(tmp_path) -> RunOptions:
    """A card of one camera in several windows, almost every picture of it taken for blank."""
    (tmp_path / "small.toml").write_text("[windows]\nsize = 4\n[blank]\nthreshold = 0.02\n")
    card = cards.card(tmp_path / "card", pictures=12, cameras=1, broken=False)
    return RunOptions(
        card=str(card),
        name="c",
        database=f"sqlite:///{tmp_path}/c.db",
        settings=str(tmp_path / "small.toml"),
        threads=1,
    )


def rows(options: RunOptions, query: str) -> list[tuple]:
    with reading(open_database(options.database)) as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]


def left_of(options: RunOptions, begun) -> list[tuple[int, int]]:
    with reading(open_database(options.database)) as conn:
        return windows_left(conn, begun.batch_id, begun.look)


def drawn_of(options: RunOptions, begun) -> list:
    with reading(open_database(options.database)) as conn:
        return draws_of(conn, begun.batch_id, begun.look)


def test_a_card_is_in_the_database_with_its_whole_plan_or_not_at_all(options):
    with pytest.raises(SettingsError):
        ingest(replace(options, labels="no such label set"))
    for table in ("batch", "deployment", "media", "file", "work_window"):
        assert rows(options, f"SELECT * FROM {table}") == []


def test_a_machine_with_other_settings_scores_no_window_of_a_run(options, tmp_path):
    begun = ingest(options)
    left = left_of(options, begun)
    other = tmp_path / "other.toml"
    other.write_text("[windows]\nsize = 4\n[blank]\nthreshold = 0.75\n")
    with pytest.raises(SettingsError, match="would score with another blank than the run"):
        score_windows(left, replace(options, settings=str(other)), begun)
    assert left and left_of(options, begun) == left


def test_a_machine_with_a_detector_scores_no_window_of_a_run_without_one(options):
    begun = ingest(replace(options, detector="none"))
    left = left_of(options, begun)
    with pytest.raises(SettingsError, match="would score with another detector than the run"):
        score_windows(left, options, begun)
    assert left and left_of(options, begun) == left


def test_half_a_card_is_not_drawn_from(options):
    begun = ingest(options)
    first, *others = left_of(options, begun)
    score_windows([first], options, begun)
    audit(options, begun)
    assert drawn_of(options, begun) == []
    score_windows(others, options, begun)
    audit(options, begun)
    assert drawn_of(options, begun)


def test_a_card_that_grew_is_drawn_from_again_and_keeps_its_first_draw(options, tmp_path):
    run_job(options, as_flow=False)
    begun = ingest(options)
    first = drawn_of(options, begun)
    cards.card(tmp_path / "card", pictures=40, cameras=1, broken=False)
    run_job(options, as_flow=False)
    both = {draw.sha256: draw for draw in drawn_of(options, begun)}
    assert first and [both.pop(draw.sha256) for draw in first] == first
    assert both and all(" | round 2 | " in draw.stratum for draw in both.values())


def test_a_known_card_keeps_its_name_whatever_it_is_called_later(options):
    run_job(options, as_flow=False)
    summary = run_job(replace(options, name="another"), as_flow=False)
    assert (summary.batch, summary.known) == ("c", True)
    assert "known as batch c" in " ".join(summary.warnings)
    assert rows(options, "SELECT name FROM batch") == [("c",)]


def test_a_run_ends_well_once_every_file_picture_and_window_is_accounted_for():
    whole = Summary("c", False, 4, 2, 1, {"video": 1}, 1, {"blank": 1, "kept": 1})
    assert exit_code(whole) == 0
    assert exit_code(replace(whole, undone=1)) == 1
    assert exit_code(replace(whole, files=5)) == 1
    assert exit_code(replace(whole, states={"blank": 1, "unprocessed": 1})) == 1


def test_people_without_a_flag_are_told_with_what_the_rules_lack(options, monkeypatch):
    begun = ingest(options)
    seen = {"Homo sapiens": 2, "vehicle": 1, "Mammalia": 5}
    monkeypatch.setattr("flows.steps.finish.summary.species", lambda conn, batch: seen)
    assert any(
        "3 visits of people or vehicles and no flag" in one
        for one in finish(options, begun).warnings
    )
    monkeypatch.setattr("flows.steps.finish.summary.flags", lambda conn, batch, recipe: 1)
    assert not finish(options, begun).warnings


def test_a_run_that_leaves_windows_is_unfinished(options):
    begun = ingest(options)
    assert exit_code(finish(options, begun)) == 1
    assert rows(options, "SELECT status FROM run_summary") == [("unfinished",)]


def test_a_run_does_not_end_in_a_database_that_took_its_place(options, tmp_path):
    """The other one has a card and a run by the very same keys, under another name."""
    elsewhere = replace(options, name="x", database=f"sqlite:///{tmp_path}/elsewhere.db")
    ingest(elsewhere)
    backup(elsewhere.database, tmp_path / "b")
    begun = ingest(options)
    restore(options.database, tmp_path / "b", replace=True)
    with pytest.raises(DatabaseChanged, match="batch c: the database was replaced"):
        finish(options, begun)
    left_off(options, begun, "stopped by hand")
    assert dump_of(options.database) == dump_of(elsewhere.database)
    query = "SELECT batch, status, message FROM run_summary"
    assert rows(options, query) == [("x", "running", None)]
    assert rows(options, "SELECT look_recipe_id FROM batch") == [(None,)]


def test_a_card_whose_folder_stands_empty_is_gone_and_a_lost_file_alone_is_not(tmp_path):
    picture = Media("a" * 64, "A/1.JPG", 1, deployment_id="A")
    with pytest.raises(CardGone):
        opener(str(tmp_path / "unmounted"))(picture)
    with pytest.raises(CardGone):
        opener(str(tmp_path))(picture)
    (tmp_path / "2.JPG").touch()
    with pytest.raises(FileNotFoundError):
        opener(str(tmp_path))(picture)


def test_a_full_disk_ends_the_run_at_once():
    begun = []

    def score_windows(item: int) -> None:
        begun.append(item)
        time.sleep(0.02)  # as any window takes longer than to hear of one that failed
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk is full"))

    with pytest.raises(OperationalError):
        Directly(1).each(score_windows, range(200), lambda item: 1)
    assert len(begun) < 200


def test_a_folder_that_only_begins_like_a_mapped_one_stays(monkeypatch):
    monkeypatch.setenv("CAMTRIAGE_PATH_MAP", "/media/card=/mnt/nas")
    for card, here in (
        ("/media/card2", "/media/card2"),
        ("/media/card", "/mnt/nas"),
        ("/media/card/DCIM", "/mnt/nas/DCIM"),
        (r"/media/card\DCIM", "/mnt/nas/DCIM"),
    ):
        assert RunOptions(card=card).here().card == here
