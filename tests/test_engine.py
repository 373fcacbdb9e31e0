"""Opening, creating and migrating the database; and what happens when two want it at once."""

import os
import re
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from db.core import engine as engines
from db.core import schema
from db.core.engine import migrate, open_database, reading, writing
from db.core.schema import HEAD, VERSION_TABLE
from db.integrity.dump import dump
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from pipeline.errors import DatabaseAway, DatabaseError, DatabaseHeld
from tests import cards
from tests.conftest import in_database, making_databases

ROOT = Path(__file__).parents[1]
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


def refusal(url: str, **options) -> str:
    with pytest.raises((DatabaseError, DatabaseAway)) as why:
        open_database(url, **options)
    assert "\n" not in str(why.value)
    return str(why.value)


def versions(engine) -> list[str]:
    with reading(engine) as conn:
        return list(conn.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalars())


def test_opening_a_sqlite_database_that_is_not_there_makes_it(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/new.db")
    assert versions(engine) == [HEAD]
    with reading(engine) as conn:
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert conn.exec_driver_sql("PRAGMA busy_timeout").scalar() == 120_000
    with writing(engine) as conn:
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_other_engines_of_the_process_keep_their_own_settings(tmp_path):
    open_database(f"sqlite:///{tmp_path}/ours.db")
    theirs = sa.create_engine(f"sqlite:///{tmp_path}/theirs.db")
    with theirs.connect() as conn:
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 0


def test_without_create_a_missing_database_is_refused_and_not_made(tmp_path):
    assert "no such database" in refusal(f"sqlite:///{tmp_path}/new.db", create=False)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"\xff\xd8 no database at all")
    assert "not a SQLite database" in refusal(f"sqlite:///{path}")
    assert path.read_bytes() == b"\xff\xd8 no database at all"


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE album (name text)")
    before = path.read_bytes()
    assert "another program" in refusal(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "new.db"
    with writing(open_database(f"sqlite:///{path}")) as conn:
        conn.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    assert "newer camtriage" in refusal(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["here", "sqlite://", "mysql://a:b@c/d", "sqlite:////no/such/x.db"])
def test_what_is_no_usable_url_is_refused_in_one_line(url):
    assert refusal(url)


def test_a_password_is_never_printed():
    said = refusal("postgresql://eve:hunter2@127.0.0.1:1/db?password=hunter2&connect_timeout=2")
    assert "hunter2" not in said and "eve" in said


def test_a_server_that_refuses_by_name_is_bad_input_and_one_that_is_silent_is_away(postgres_url):
    nobody = make_url(postgres_url).set(username="nobody").render_as_string(False)
    for url in (nobody, in_database(postgres_url, "nowhere"), "postgresql://a@no.invalid/db"):
        with pytest.raises(DatabaseError):
            open_database(url)
    with pytest.raises(DatabaseAway, match="when it answers"):
        open_database("postgresql://a@127.0.0.1:1/db?connect_timeout=2")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://eve:hunt/er2@127.0.0.1/db",
        "postgresql://eve:hunter2@127.0.0.1:port/db",
        "postgresql:/eve:hunter2@127.0.0.1/db",
        "postgres//eve:hunter2@127.0.0.1/db",
        "mysql://eve:hunter2@127.0.0.1/db",
        "postgresql://eve:hunter2@127.0.0.1:1/db?sslmode=hunter2x",
    ],
)
def test_a_password_in_a_url_with_a_slip_is_not_printed_either(url, tmp_path):
    command = [sys.executable, "-m", "flows.cli", "report", "--database", url]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=ENV)
    assert said.returncode in (1, 2) and said.stderr.startswith("camtriage: ")
    assert len(said.stderr.splitlines()) == 1
    assert not {"hunter2", "hunt", "er2"} & set(re.findall(r"\w+", said.stdout + said.stderr))


def test_a_password_of_the_database_stands_in_no_row_of_a_run(postgres_copy, tmp_path):
    secret = secrets.token_hex(8)
    url = make_url(postgres_copy).set(password=secret).render_as_string(hide_password=False)
    run_job(
        job := RunOptions(card=str(cards.card(tmp_path / "card", 3)), database=url), as_flow=False
    )
    assert secret in url and secret not in repr(job)
    engine = open_database(url)
    with reading(engine) as conn:
        for table in schema.metadata.sorted_tables:
            assert secret not in str(conn.execute(sa.select(table)).all())
        assert secret not in "\n".join(dump(conn))
    engine.dispose()


def test_a_missing_driver_names_the_extra_that_brings_it(tmp_path):
    hidden = "import sys; sys.modules['psycopg'] = None\n"
    code = hidden + (
        "from db.core.engine import open_database\nfrom pipeline.errors import DatabaseError\n"
        "try:\n open_database('postgresql://me@localhost/x')\n"
        "except DatabaseError as why:\n print(why)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "camtriage[postgres]" in said.stdout


def test_an_empty_postgresql_database_says_how_to_migrate_and_then_opens(postgres_url):
    with making_databases(postgres_url) as run:
        run("DROP DATABASE IF EXISTS camtriage_bare")
        run("CREATE DATABASE camtriage_bare")
    url = in_database(postgres_url, "camtriage_bare")
    assert "camtriage db migrate" in refusal(url)
    errors = []
    both = [threading.Thread(target=lambda: _try(migrate, url, errors)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert errors == []
    engine = open_database(url)
    assert versions(engine) == [HEAD]
    engine.dispose()
    with making_databases(postgres_url) as run:
        run("DROP DATABASE camtriage_bare WITH (FORCE)")


def _try(function, url, errors):
    try:
        function(url)
    except Exception as why:
        errors.append(why)


def test_two_that_make_one_sqlite_database_at_once_both_get_it(tmp_path):
    code = (
        "import sys\nfrom db.core.engine import open_database, writing\n"
        "from db.store.batches import save_batch\n"
        "engine = open_database(sys.argv[1])\n"
        "for i in range(20):\n"
        " with writing(engine) as conn:\n"
        "  save_batch(conn, f'{sys.argv[2]} {i}', '/x', None)\n"
    )
    url = f"sqlite:///{tmp_path}/shared.db"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, url, name], cwd=ROOT) for name in ("a", "b")
    ]
    assert [one.wait(60) for one in runs] == [0, 0]
    with reading(open_database(url)) as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(schema.batch)).scalar() == 40


def test_a_reader_is_not_held_up_by_a_writer(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/one.db")
    with writing(engine) as writer:
        writer.execute(schema.batch.insert(), {"name": "a", "root": "/"})
        begun = time.monotonic()
        with reading(engine) as reader:
            assert reader.execute(sa.select(schema.batch)).all() == []
        assert time.monotonic() - begun < 5


def test_a_reader_sees_one_moment_however_long_it_reads(database):
    names = sa.select(schema.batch.c.name)
    with reading(database) as reader:
        assert reader.execute(names).all() == []
        with writing(database) as writer:
            writer.execute(schema.batch.insert(), {"name": "a", "root": "/"})
        assert reader.execute(names).all() == []
    with reading(database) as reader:
        assert reader.execute(names).all() == [("a",)]


def test_a_transaction_that_reads_first_and_writes_later_waits_for_another_writer(tmp_path):
    """A deferred SQLite transaction would fail at once with 'database is locked'."""
    engine = open_database(f"sqlite:///{tmp_path}/one.db")
    inside, done = threading.Event(), []

    def other():
        with writing(engine) as conn:
            inside.set()
            conn.execute(sa.select(schema.batch)).all()
            time.sleep(0.3)
            conn.execute(schema.batch.insert(), {"name": "slow", "root": "/"})
        done.append("slow")

    slow = threading.Thread(target=other)
    slow.start()
    inside.wait()
    with writing(engine) as conn:
        conn.execute(sa.select(schema.batch)).all()
        conn.execute(schema.batch.insert(), {"name": "quick", "root": "/"})
        assert done == ["slow"]
    slow.join()


def test_an_error_inside_a_transaction_leaves_nothing_behind(database):
    with pytest.raises(ZeroDivisionError), writing(database) as conn:
        conn.execute(schema.batch.insert(), {"name": "a", "root": "/"})
        raise ZeroDivisionError
    with reading(database) as conn:
        assert conn.execute(sa.select(schema.batch)).all() == []


def test_looking_at_a_database_that_this_process_has_open_drops_none_of_its_locks(tmp_path):
    """Else the next process to close the file takes the -wal away under those who write."""
    path = tmp_path / "a.db"
    engine = open_database(f"sqlite:///{path}")
    with reading(engine) as conn:
        conn.exec_driver_sql("SELECT * FROM about").all()
        open_database(f"sqlite:///{path}", create=False).dispose()
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM about')"
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        assert Path(f"{path}-wal").exists()
    with writing(engine) as conn:
        conn.exec_driver_sql("INSERT INTO about VALUES ('still', 'here')")


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE", "journal"])
def test_a_database_that_another_program_holds_is_waited_for_and_that_is_said(
    tmp_path, monkeypatch, caplog, how
):
    """`journal`: a browser that put the file back into the old mode, in which readers wait too."""
    path = tmp_path / "held.db"
    engine = open_database(f"sqlite:///{path}")
    engine.dispose()
    monkeypatch.setattr(engines, "TOLD_S", 0.2)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if how == "journal":
        other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE" if how == "journal" else f"BEGIN {how}")
    other.execute("UPDATE about SET value = value")
    freed = threading.Timer(1.0, other.execute, ["ROLLBACK"])
    freed.start()
    begun = time.monotonic()
    with writing(open_database(f"sqlite:///{path}")) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM about").scalar()
    assert 0.8 < time.monotonic() - begun < 5
    freed.join()
    other.close()
    [line] = {record.getMessage() for record in caplog.records}
    assert line == f"{path}: another program holds it; waiting for it, for 120 s at most"


def test_a_database_that_is_held_too_long_is_one_line_with_its_name(tmp_path, monkeypatch):
    path = tmp_path / "held.db"
    open_database(f"sqlite:///{path}").dispose()
    monkeypatch.setattr(engines, "TOLD_S", 0.1)
    monkeypatch.setattr(engines, "BUSY_S", 0.4)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        engine = open_database(f"sqlite:///{path}")
        with pytest.raises(DatabaseHeld, match="close that program") as why, writing(engine):
            pass
        other.execute("ROLLBACK")
    assert str(why.value).startswith(f"{path}: another program") and "\n" not in str(why.value)
