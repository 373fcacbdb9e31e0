"""What a user types, what he reads, and the exit code."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib import metadata

import pytest

from flows.version import version
from pipeline.errors import InputError
from tests import cards
from tests.commands import camtriage as command
from tests.commands import typed as camtriage


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A card that was run: (folder of the database, card)."""
    folder = tmp_path_factory.mktemp("done")
    card = cards.card(folder / "card", pictures=40)
    said = camtriage("run", card, "--name", "mara", cwd=folder)
    assert said.returncode == 0, said.stderr
    return folder, card, said


def test_a_run_ends_with_a_summary_in_which_every_file_is_accounted_for(done):
    _, _, said = done
    assert "batch mara" in said.stdout
    assert "46" in said.stdout and "every file accounted for" in said.stdout


def test_a_second_run_says_that_everything_was_known(done):
    folder, card, _ = done
    said = camtriage("run", card, "--name", "mara", cwd=folder)
    assert said.returncode == 0 and "already known" in said.stdout


def test_without_a_name_the_content_decides_whether_a_card_is_known(done):
    folder, card, _ = done
    said = camtriage("run", card, cwd=folder)
    assert "batch mara" in said.stdout and "already known" in said.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run", "nowhere"], "no such folder"),
        (["run", "a_file"], "not a folder"),
        (["run", "empty"], "no pictures"),
        (["run", "card", "--frame", "nothing"], "nothing"),
        (["run", "card", "--labeller", "no-such-model"], "no-such-model"),
        (["run", "card", "--labels", "none.toml"], "none.toml"),
        (["run", "card", "--settings", "none.toml"], "none.toml"),
        (["run", "card", "--boxes", "none.json"], "none.json"),
        (["run", "card", "--deployments", "none.csv"], "none.csv"),
        (["run", "card", "--database", "camtriage.db"], "not a database URL"),
        (["report", "--date", "yesterday"], "--date yesterday"),
        (["run", ""], "an empty word"),
        (["run", "card", "--name", " "], "--name"),
        (["run", "card", "--name", "n" * 300], "--name"),
        (["run", "card", "--database", ""], "--database: an empty word"),
        (["run", "card", "--database", "sqlite:///:memory:"], "needs a file"),
        (["run", "card", "--runner", "foo"], "--runner foo"),
        (["check", "--database", "sqlite:///nothing"], "holds nothing"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(tmp_path, words, line):
    cards.card(tmp_path / "card", pictures=2, broken=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a_file").write_text("x")
    (tmp_path / "nothing").touch()
    before = sorted(tmp_path.rglob("*"))
    said = camtriage(*words, cwd=tmp_path)
    assert said.returncode == 2, said.stderr
    [only] = [one for one in said.stderr.splitlines() if one.strip()]
    assert only.startswith("camtriage: ") and line in only
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("words", [("report", "--date", "{}"), ("report", "--settings", "{}")])
def test_whatever_is_typed_comes_back_as_one_line_that_fills_no_terminal(tmp_path, words):
    for typed_in in ("two\nlines", "\x1b[2J", "long" * 30_000):
        said = camtriage(*(word.format(typed_in) for word in words), cwd=tmp_path)
        assert said.returncode == 2 and said.stderr.count("\n") == 1
        assert said.stderr.strip().isprintable() and len(said.stderr) < 4000


def test_the_same_card_under_another_name_stays_the_card_it_was(done):
    folder, card, _ = done
    said = camtriage("run", card, "--name", "second", cwd=folder)
    assert said.returncode == 0
    assert (
        "known as batch mara; that name stays" in said.stdout and "batch second" not in said.stdout
    )


def test_a_card_that_was_fuller_or_emptier_before_is_the_same_card(tmp_path):
    card = cards.card(tmp_path / "card", pictures=24, broken=False)
    late = sorted(card.rglob("*.JPG"))[-6:]
    for one in late:
        one.rename(tmp_path / f"{one.parts[-4]}-{one.name}")
    camtriage("run", card, cwd=tmp_path)
    for one in late:
        (tmp_path / f"{one.parts[-4]}-{one.name}").rename(one)
    said = camtriage("run", card, cwd=tmp_path)
    assert said.returncode == 0
    rows = camtriage("deployments", "list", cwd=tmp_path).stdout.splitlines()
    assert len(rows) == 3, "two cameras and a heading"
    assert "every file accounted for, 0 with a problem" in said.stdout


def test_a_folder_that_cannot_be_written_is_one_line(done, tmp_path):
    folder, _, _ = done
    (tmp_path / "file").write_text("x")
    for words in (["report", "--out"], ["audit", "sheet", "--out"], ["kept", "--copy"]):
        said = camtriage(*words, tmp_path / "file", cwd=folder)
        assert said.returncode == 2, said.stderr
        assert said.stderr.startswith("camtriage: ") and len(said.stderr.splitlines()) == 1


def test_a_blank_on_which_a_person_saw_something_is_no_longer_handed_over_as_blank(done, tmp_path):
    folder, _, _ = done
    shutil.copy(folder / "camtriage.db", tmp_path / "camtriage.db")
    before = camtriage("blanks", cwd=tmp_path).stdout.splitlines()
    path = before[0].split("Cam", 1)[1]
    (tmp_path / "seen.csv").write_text(f"path,observation_type\nCam{path},animal\n")
    assert camtriage("review", "import", "seen.csv", cwd=tmp_path).returncode == 0
    assert len(camtriage("blanks", cwd=tmp_path).stdout.splitlines()) == len(before) - 1
    assert f"Cam{path}" in camtriage("kept", cwd=tmp_path).stdout


def test_a_run_tells_what_people_saw_not_what_the_machine_had_said(done, tmp_path):
    folder, card, _ = done
    shutil.copy(folder / "camtriage.db", tmp_path / "camtriage.db")
    path = camtriage("kept", cwd=tmp_path).stdout.splitlines()[0].split("Cam", 1)[1]
    (tmp_path / "seen.csv").write_text(
        f"path,observation_type,scientific_name\nCam{path},animal,Sus scrofa\n"
    )
    camtriage("review", "import", "seen.csv", cwd=tmp_path)
    said = camtriage("run", card, cwd=tmp_path)
    assert "nothing changed" in said.stdout and "Sus scrofa 1" in said.stdout


def test_the_doctor_looks_at_the_database_too_and_goes_on_where_it_is_none(done, tmp_path):
    folder, _, _ = done
    there = camtriage("doctor", cwd=folder).stdout
    assert "works  database: sqlite:///camtriage.db: 1 card\n" in there
    (tmp_path / "other").write_text("x" * 4096)
    said = camtriage("doctor", "--database", "sqlite:///other", cwd=tmp_path)
    assert said.returncode == 0 and "look   database: sqlite:///other: not a SQLite" in said.stdout
    assert "starter labeller" in said.stdout


def test_a_prefect_server_that_is_not_there_is_one_line(tmp_path):
    """In a process of its own: Prefect reads that address once."""
    cards.card(tmp_path / "card", pictures=2, broken=False)
    env = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    words = [sys.executable, "-m", "flows.cli", "run", "card"]
    said = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert said.returncode == 2 and not (tmp_path / "camtriage.db").exists()
    assert said.stderr.startswith("camtriage: Failed to reach API at http://127.0.0.1:9")
    assert len(said.stderr.splitlines()) == 1 and "unset PREFECT_API_URL" in said.stderr


def test_a_full_disk_is_something_unfinished_and_a_wrong_place_bad_input(done, small_disk):
    """Exit code 2 says that nothing was written: nobody knows that of a full disk."""
    folder, _, _ = done
    sheet = ("audit", "sheet", "--database", f"sqlite:///{folder / 'camtriage.db'}", "--out")
    (small_disk / "a file").touch()
    said = camtriage(*sheet, small_disk / "a file" / "audit", cwd=folder)
    assert said.returncode == 2 and said.stderr.count("\n") == 1
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    said = camtriage(*sheet, small_disk, cwd=folder)
    assert said.returncode == 1 and "No space left" in said.stderr


def test_threads_that_cannot_be_are_refused(tmp_path):
    for words in (["run", "card", "--threads", "-1"], ["doctor", "--benchmark", "--threads", "-3"]):
        said = camtriage(*words, cwd=tmp_path)
        assert (
            said.returncode == 2 and "--threads" in said.stderr and "Traceback" not in said.stderr
        )


def test_a_dry_run_prints_deployments_and_counts_and_writes_nothing(tmp_path):
    cards.card(tmp_path / "card", pictures=12)
    before = sorted(tmp_path.rglob("*"))
    said = camtriage("ingest", "card", "--name", "k", "--dry-run", cwd=tmp_path)
    assert said.returncode == 0
    assert "k/Cam0" in said.stdout and "k/Cam1" in said.stdout and "18 files" in said.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_blanks_and_kept_are_listed_and_copied_for_other_tools(done, tmp_path):
    folder, card, _ = done
    listed = camtriage("blanks", "--list", cwd=folder).stdout.splitlines()
    camtriage("kept", "--copy", tmp_path / "kept", cwd=folder)
    copied = camtriage("blanks", "--copy", tmp_path / "blanks", cwd=folder).stdout.splitlines()
    assert len(copied) == 1
    blanks = list((tmp_path / "blanks").rglob("*.JPG"))
    kept = list((tmp_path / "kept").rglob("*.JPG"))
    assert len(listed) == len(blanks)
    assert len(blanks) + len(kept) == 41  # 40, and the truncated one that is never blank
    assert len(list(card.rglob("*.JPG"))) == 44  # nothing moved


def test_every_step_is_told_in_a_users_words(done, tmp_path):
    folder, card, run = done
    told = [run, camtriage("relabel", cwd=folder), camtriage("ingest", card, cwd=tmp_path)]
    steps = [[line[:18].strip() for line in one.stderr.splitlines()] for one in told]
    named = ["naming", "visits", "flags"]
    assert steps == [
        ["reading files", "scoring pictures", "drawing the audit", *named], named, ["reading files"]
    ]  # fmt: skip


def test_relabel_reads_no_picture(done, tmp_path):
    folder, card, _ = done
    labels = tmp_path / "two.toml"
    labels.write_text(cards.TWO_TAXA)
    hidden = card.rename(folder / "hidden")
    try:
        said = camtriage("relabel", "--labels", labels, cwd=folder)
    finally:
        hidden.rename(card)
    assert said.returncode == 0, said.stderr
    assert "label set two: 2 taxa, digest " in said.stdout


def test_the_version_is_the_installed_packages_and_without_one_that_is_said(monkeypatch, capsys):
    assert command("--version") == 0
    assert capsys.readouterr().out == f"camtriage {metadata.version('camtriage')}\n"
    version.cache_clear()
    monkeypatch.setattr(metadata, "version", not_installed)
    with pytest.raises(InputError, match=r"not installed here.*pip install"):
        version()


def not_installed(name: str) -> str:
    raise metadata.PackageNotFoundError(name)


def test_help_answers_without_the_heavy_libraries(tmp_path):
    heavy = {"torch", "prefect", "sqlalchemy"}
    code = f"import sys, flows.cli; print(sorted({heavy} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "[]"
