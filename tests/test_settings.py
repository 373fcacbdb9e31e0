"""A study's own numbers: what they may be is said before anything is done."""

from datetime import date

import pytest

from flows.run_options import RunOptions
from flows.services.study.report import write_day
from pipeline.errors import SettingsError
from pipeline.settings import Settings


@pytest.fixture
def loaded(tmp_path):
    def load(text: str) -> Settings:
        (tmp_path / "study.toml").write_text(text, "utf-8")
        return RunOptions(card="card", settings=str(tmp_path / "study.toml")).load_settings()

    return load


def test_what_is_given_counts_and_the_rest_stays(loaded):
    found = loaded("[windows]\nburst_gap_s = 5\n[blank]\nthreshold = 0.9\n")
    assert (found.windows.burst_gap_s, found.blank.threshold) == (5, 0.9)
    assert found.windows.size == Settings().windows.size
    assert loaded("") == Settings() == RunOptions(card="card").load_settings()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[windows]\nsize = 0", r"size must be from 1 to 1000, not 0"),
        ("[windows]\nsize = 1.5", r"size must be a whole number, not 1\.5"),
        ("[windows]\nvisit_gap_s = -inf", "visit_gap_s must be from 0 to 86400, not -inf"),
        ("[blank]\nthreshold = nan", "threshold must be from 0 to 1, not nan"),
        ("[blank]\nthreshold = 7", "threshold must be from 0 to 1, not 7"),
        ("[blank]\nthreshold = -1", "threshold must be from 0 to 1, not -1"),
        ("[labels]\nunknown_below = 5", "unknown_below must be from 0 to 1"),
        ("[audit]\npictures = 99999999999999999999", "pictures must be from 0 to 1000000"),
        ("[poaching]\ngroup_size = 0", "group_size must be from 1"),
        ('[poaching]\nstaff_hours = "25:00-3"', "staff_hours: write HH:MM-HH:MM"),
        ('[poaching]\nstaff_hours = "-5:00-8:00"', "staff_hours: write HH:MM-HH:MM"),
        ('[poaching]\nstaff_hours = "noon-night"', "staff_hours: write HH:MM-HH:MM"),
        ("[poaching]\nstaff_hours = nan", "staff_hours must be a text in quotes"),
        ("[poaching]\nstaff_hours = -5", "staff_hours must be a text in quotes"),
        ('[poaching]\nstaff_days = "foo"', "staff_days foo: write it as 2026-"),
        ("[poaching]\nstaff_days = 3", "staff_days must be a text in quotes"),
        ("[ingest]\nfile_date = 1", "file_date must be true or false"),
        ("[blanks]\nthreshold = 0.5", "unknown section: blanks; known: ingest"),
        ("[blank]\ntreshold = 0.5", r"unknown setting in \[blank\]: treshold; known: threshold"),
        ("blank = 1", r"blank is a section, write \[blank\]"),
        ("[blank", "cannot be read as TOML"),
        ("a = " + "[" * 5000, "cannot be read as TOML"),
        ("a = " + "9" * 5000, "cannot be read as TOML"),
        ("# " + "x" * 4_000_000, "larger than 4 MB"),
    ],
)
def test_what_cannot_be_is_named(loaded, text, why):
    with pytest.raises(SettingsError, match=why) as told:
        loaded(text)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


def test_a_page_of_a_day_refuses_what_a_run_refuses(empty_sqlite, tmp_path):
    (tmp_path / "study.toml").write_text('[poaching]\nstaff_hours = "-5:00-8:00"')
    with pytest.raises(SettingsError, match=r"study\.toml: \[poaching\] staff_hours: write HH:MM"):
        write_day(
            f"sqlite:///{empty_sqlite}", date(2026, 5, 1), tmp_path, f"{tmp_path / 'study.toml'}"
        )
    assert [one.name for one in tmp_path.iterdir()] == ["study.toml"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file"):
        RunOptions(card="card", settings=str(tmp_path / "none.toml")).load_settings()
