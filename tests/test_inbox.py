"""The inbox: each subfolder a card, taken only when it has settled."""

import os
import sys
from pathlib import Path

import pytest

from flows.prefect.watch import as_rows, wanted
from pipeline.card.inbox import Listing, folders_in, listing, never_taken, settled
from pipeline.errors import CardError


def put(folder, *names, data=b"jpeg"):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(data)
    return folder


def test_each_subfolder_with_a_picture_is_a_card_of_its_own(tmp_path):
    put(tmp_path / "mara" / "DCIM" / "100RECNX", "a.jpg", "b.JPG")
    put(tmp_path / "kaeng", "c.png")
    put(tmp_path / "notes", "readme.txt")
    put(tmp_path / ".Trash-1000", "d.jpg")
    (tmp_path / "empty").mkdir()
    found = folders_in(tmp_path)
    assert {Path(folder).name: one.pictures for folder, one in found.items()} == {
        "empty": 0,
        "kaeng": 1,
        "mara": 2,
        "notes": 0,
    }
    assert list(wanted(found, {})) == [str(tmp_path / "kaeng"), str(tmp_path / "mara")]


def test_a_card_that_still_grows_is_left_until_it_has_settled(tmp_path):
    card = put(tmp_path / "card", "a.jpg")
    whole = put(tmp_path / "whole", "z.jpg")
    first = folders_in(tmp_path)
    put(card, "b.jpg", data=b"half")
    second = folders_in(tmp_path)
    put(card, "b.jpg", data=b"half and the other half")
    third = folders_in(tmp_path)
    assert list(settled(first, second)) == [str(whole)], "a file came"
    assert list(settled(second, third)) == [str(whole)], "a file grew"
    assert list(settled(third, folders_in(tmp_path))) == [str(card), str(whole)]


def test_a_card_seen_for_the_first_time_has_not_settled(tmp_path):
    put(tmp_path / "card", "a.jpg")
    assert settled({}, folders_in(tmp_path)) == {}


def test_what_a_computer_leaves_behind_does_not_change_a_card(tmp_path):
    card = put(tmp_path / "card", "a.jpg")
    before = listing(card)
    put(card, "Thumbs.db", "._a.jpg")
    assert listing(card) == before
    put(card, "a note.txt")
    assert listing(card).digest != before.digest


def test_a_file_that_changed_its_name_changes_the_card(tmp_path):
    card = put(tmp_path / "card", "a.jpg")
    before = listing(card).digest
    (card / "a.jpg").rename(card / "b.jpg")
    assert listing(card).digest != before


def test_an_inbox_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CardError, match="is the inbox there, and mounted"):
        folders_in(tmp_path / "unmounted")


def test_a_folder_of_clips_alone_is_a_card_where_clips_can_be_read(tmp_path, monkeypatch):
    put(tmp_path / "films", "a.avi", "b.mp4")
    assert [one.pictures for one in folders_in(tmp_path).values()] == [2]
    monkeypatch.setattr("pipeline.card.scan.video", lambda: False)
    assert [one.pictures for one in folders_in(tmp_path).values()] == [0]


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text: Linux alone")
def test_what_will_never_be_taken_is_said(tmp_path):
    put(tmp_path, "loose.jpg", "loose too.JPG", "readme.txt")
    put(tmp_path / "sounds", "a.wav")
    odd = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(odd)
    (tmp_path / os.fsdecode(b"caf\xe9") / "a.jpg").write_bytes(b"jpeg")
    found = folders_in(tmp_path)
    assert wanted(found, {}) == {}
    loose, sounds, name = never_taken(tmp_path, found)
    assert sounds == "sounds: holds no picture"
    assert loose.startswith("2 pictures loose in") and "rename the folder" in name


def test_what_will_never_be_taken_is_shown_also_when_no_card_is_taken(tmp_path):
    odd = ["films: holds no picture"]
    assert as_rows({}, {}, odd) == [
        {"card": "", "pictures": "will not be taken: films: holds no picture"}
    ]
    found = {"/in/mara": Listing("abc", 7, {})}
    rows = as_rows({**found, "/in/kaeng": Listing("def", 1, {})}, found, odd)
    assert [one["pictures"] for one in rows[:2]] == [7, "still being copied"] and len(rows) == 3
