"""Blank and kept pictures are listed or copied: into the folder that was named and nowhere else."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core.engine import open_database, writing
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.services.exchange.hand_over import CopiedPictures, copy_pictures, pictures_in_state
from pipeline.errors import CardError, SettingsError
from tests import cards
from tests.commands import camtriage

FIRST = "Cam0/DCIM/100RECNX/RCNX0001.JPG"


@pytest.fixture
def card(tmp_path) -> tuple[str, Path]:
    """A small card, all of it called blank: (database, folder)."""
    (tmp_path / "s.toml").write_text("[blank]\nthreshold = 0.0\n")
    folder = cards.card(tmp_path / "reader" / "card", pictures=2, cameras=1, broken=False)
    url = f"sqlite:///{tmp_path / 'c.db'}"
    run_job(
        RunOptions(card=str(folder), name="c", database=url, settings=str(tmp_path / "s.toml")),
        as_flow=False,
    )
    return url, folder


def copied(url: str, to: Path) -> CopiedPictures:
    return copy_pictures(pictures_in_state(url, "blank"), to)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_copies_keep_the_cards_own_folders_under_its_name(card, tmp_path, capsys):
    url, folder = card
    assert camtriage("blanks", "--copy", tmp_path / "out", "--database", url) == 0
    assert files_in(tmp_path / "out") == [f"c/{name}" for name in files_in(folder)]
    assert capsys.readouterr().out == f"2 pictures in {tmp_path / 'out'}\n"


def test_a_copy_that_broke_off_is_made_whole_and_a_whole_one_left_alone(card, tmp_path):
    url, folder = card
    copied(url, tmp_path / "out")
    first, second = (tmp_path / "out" / "c" / name for name in files_in(folder))
    first.write_bytes(first.read_bytes()[:99])
    whole = second.stat().st_ino, second.stat().st_ctime_ns
    copied(url, tmp_path / "out")
    assert first.read_bytes() == (folder / FIRST).read_bytes()
    assert (second.stat().st_ino, second.stat().st_ctime_ns) == whole


def test_a_picture_that_is_gone_is_counted_and_the_command_ends_with_1(card, tmp_path, capsys):
    url, folder = card
    (folder / FIRST).unlink()
    done = copied(url, tmp_path / "first")
    assert done.copied == 1 and [picture.path for picture in done.gone] == [FIRST]
    words = ("--name", "c", "--copy", tmp_path / "out", "--database", url)
    assert camtriage("blanks", *words) == 1
    assert "1 picture in" in (said := capsys.readouterr().out) and "1 not there any more" in said


def test_nothing_is_copied_onto_the_card_itself(card):
    url, folder = card
    before = files_in(folder)
    with pytest.raises(CardError, match="lies on the card itself"):
        copied(url, folder / "copies")
    assert files_in(folder) == before


def test_a_link_in_the_folder_leads_no_copy_out_of_it(card, tmp_path):
    url, _ = card
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "c").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CardError, match="would be copied outside"):
        copied(url, tmp_path / "out")
    assert files_in(tmp_path / "elsewhere") == []


def test_a_database_from_elsewhere_leads_no_copy_out_of_the_folder(card, tmp_path):
    """Whoever made it may have written any path into it."""
    url, folder = card
    (folder.parents[1] / "own.jpg").write_bytes(b"own")
    engine = open_database(url)
    with writing(engine) as conn:
        there = sa.text("UPDATE file SET path = '../../own.jpg' WHERE path = :path")
        conn.execute(there, {"path": FIRST})
    engine.dispose()
    with pytest.raises(CardError, match="would be copied outside"):
        copied(url, tmp_path / "far" / "out")
    assert not (tmp_path / "far" / "own.jpg").exists()


def test_a_cards_name_is_the_name_of_one_folder(card, tmp_path):
    url, _ = card
    engine = open_database(url)
    with writing(engine) as conn:
        conn.execute(sa.text("UPDATE batch SET name = '../x/y'"))
    engine.dispose()
    assert copied(url, tmp_path / "out").copied == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".._x_y"]


def test_a_batch_that_is_not_there_is_said(card):
    with pytest.raises(SettingsError, match="no such batch"):
        pictures_in_state(card[0], "kept", "mara")
