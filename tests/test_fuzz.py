"""Damaged and hostile pictures: each costs itself alone. Thousands: tests/benchmarks/fuzz.py."""

import pytest

from tests.benchmarks import fuzz

pytestmark = pytest.mark.filterwarnings("ignore::Warning:PIL")


def test_every_damaged_picture_ends_as_something_and_soon(tmp_path):
    names = fuzz.write(tmp_path, 250, seed=20261127)
    outcome = fuzz.read_and_decode(tmp_path, names)
    assert sum(outcome.ends.values()) == 250
    assert {"picture, whole", "picture, truncated"} < outcome.ends.keys()
    assert sum(n for end, n in outcome.ends.items() if end.startswith("no picture")) > 20
    assert outcome.slowest[0] < fuzz.SLOW_S, outcome


def test_a_card_of_damaged_pictures_is_run_to_its_end_with_every_file_accounted_for(tmp_path):
    names = fuzz.write(tmp_path / "files", 40, seed=7)
    said = fuzz.run_as_a_card(tmp_path / "files", names, tmp_path)
    assert "40" in said and "every file accounted for" in said
