"""A database that can only be read: on a locked card, a read-only share, in another's folder."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.backup import backup
from db.core.engine import open_database, reading, writing
from db.integrity.dump import dump
from pipeline.errors import DatabaseError
from tests.makers import fill


@pytest.fixture
def folder():
    """A folder that everybody may enter, unlike pytest's own."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    yield place
    place.chmod(0o755)
    shutil.rmtree(place)


@pytest.fixture
def filled(folder) -> Path:
    """A filled database, closed: nothing lies beside it."""
    engine = open_database(f"sqlite:///{folder}/a.db")
    with writing(engine) as conn:
        fill(conn, 60)
    engine.dispose()
    (folder / "a.db").chmod(0o644)  # ours alone when it was made: here others may read it
    return folder / "a.db"


@pytest.fixture
def as_reader():
    """Rights only count for somebody who is not root."""
    if os.name != "posix":
        pytest.skip("rights of this kind are POSIX")
    was = os.geteuid()

    def become(path: Path) -> None:
        path.chmod(0o555 if path.is_dir() else 0o444)
        if was == 0:
            os.seteuid(65534)

    yield become
    os.seteuid(was)


def dumped(url: str) -> list[str]:
    engine = open_database(url, create=False)
    with reading(engine) as conn:
        lines = list(dump(conn))
    engine.dispose()
    return lines


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_file_or_folder_is_read_and_stays_as_it_is(filled, what, as_reader):
    url = f"sqlite:///{filled}"
    before = dumped(url)
    as_reader(filled if what == "file" else filled.parent)
    assert dumped(url) == before
    assert sorted(one.name for one in filled.parent.iterdir()) == ["a.db"]


def test_writing_into_a_read_only_database_is_refused_in_one_line(filled, as_reader):
    as_reader(filled.parent)
    engine = open_database(f"sqlite:///{filled}")
    with pytest.raises(DatabaseError, match="read-only here; copy it"), writing(engine):
        pass


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_database_is_backed_up_elsewhere(filled, what, as_reader):
    url = f"sqlite:///{filled}"
    (elsewhere := filled.parent / "elsewhere").mkdir()
    elsewhere.chmod(0o777)
    before = dumped(url)
    as_reader(filled if what == "file" else filled.parent)
    backup(url, elsewhere / "b.db")
    assert dumped(f"sqlite:///{elsewhere}/b.db") == before


def test_a_read_only_database_that_is_older_is_not_migrated_but_says_so(filled, as_reader):
    with closing(sqlite3.connect(filled)) as conn:
        conn.execute("UPDATE camtriage_version SET version_num = '0000'")
        conn.commit()
    as_reader(filled.parent)
    with pytest.raises(DatabaseError, match="read-only, and behind: copy it"):
        open_database(f"sqlite:///{filled}")


def test_what_a_killed_run_left_beside_a_read_only_database_is_never_passed_over(
    filled, folder, as_reader
):
    """Rows that lie in the -wal are read, or the database is refused: not half of it shown."""
    code = (
        "import os, sqlite3, sys\n"
        "conn = sqlite3.connect(sys.argv[1])\n"
        "conn.execute(\"UPDATE batch SET name = 'new name' WHERE id = 1\")\n"
        "conn.commit()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(filled)], check=False)
    assert (folder / "a.db-wal").stat().st_size
    for one in folder.iterdir():
        one.chmod(0o444)
    as_reader(folder)
    try:
        engine = open_database(f"sqlite:///{filled}")
    except DatabaseError as why:
        assert "\n" not in str(why)
        return
    with reading(engine) as conn:
        assert conn.execute(sa.select(schema.batch.c.name).order_by("id")).scalars().first() == (
            "new name"
        )
