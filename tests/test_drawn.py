"""The drawn card: real files with a truth beside each, and the same bytes for the same seed."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.frames.decode import decode
from pipeline.train.drawn.card import CROW, FIRST_DAY, FOX, draw_card

SMALL = {
    ("CamA", "glade"): (("blank", 1, (10, 11)),),
    ("CamD", "meadow"): ((FOX, 1, (23, 24)), ("car", 1, (23, 24))),
}
ONE = {("CamB", "meadow"): ((FOX, 1, (23, 24)),)}


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    return folder, draw_card(folder, 5, SMALL)


def bytes_of(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def pictures_of(folder: Path) -> dict[str, str]:
    return {k: v for k, v in bytes_of(folder).items() if Path(k).name.startswith("RCNX0")}


def test_every_picture_has_a_truth_and_every_truth_a_picture(card):
    folder, truths = card
    assert set(pictures_of(folder)) == {one.path for one in truths}
    assert {one.kind for one in truths} == {"animal", "blank", "vehicle"}
    assert {one.species for one in truths} == {FOX, CROW, None}


def test_the_same_seed_draws_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("one", 5), ("same", 5), ("other", 6)):
        draw_card(tmp_path / name, seed, ONE)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "same")
    pictures = {name: set(pictures_of(tmp_path / name).values()) for name in ("one", "other")}
    assert not pictures["one"] & pictures["other"]


def test_nights_are_grey_and_days_are_not(card):
    folder, truths = card
    for one in truths:
        pixels = decode((folder / one.path).read_bytes()).pixels.astype(int)
        spread = np.abs(pixels[:300, :, 0] - pixels[:300, :, 2]).mean()
        assert (spread < 2) == (one.light == "infrared"), one.path


def test_cameras_write_their_serial_and_time(card):
    folder, truths = card
    for one in truths:
        with Image.open(folder / one.path) as image:
            inner = image.getexif().get_ifd(0x8769)
        assert inner[0xA431] == f"DRAWN-{one.camera[-1]}"
        assert inner[0x9003] == f"{one.taken_at:%Y:%m:%d %H:%M:%S}"


def test_one_picture_is_cut_short_and_the_litter_of_real_cards_lies_around(card):
    folder, truths = card
    [cut] = [one for one in truths if not one.whole]
    assert decode((folder / cut.path).read_bytes()).truncated
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert {"._RCNX0001.JPG", "RCNX9001.JPG", "RCNX9002.JPG", "RCNX9003.AVI", "notes.txt"} <= names


def test_one_camera_falls_silent_and_its_clock_back_to_its_first_day(card):
    _, truths = card
    years = {one.taken_at.year for one in truths if one.camera == "CamD"}
    assert years == {2000, FIRST_DAY.year}
