"""Migrations end in the schema of the code, lose no row, and keep a copy of what was."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import db.engine
from db import schema, views
from db.dump import dump
from db.engine import migrate, open_database, reading, writing
from db.schema import HEAD, VERSION_TABLE
from pipeline.errors import DatabaseError
from tests.makers import fill

CARELESS = '''
"""Every batch has content. (For the test: the batch change that loses children.)"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.execute("update batch set content = name where content is null")
    with op.batch_alter_table("batch") as table:
        table.alter_column("content", existing_type=sa.Text(), nullable=False)
'''


def test_the_newest_migration_is_the_one_the_code_expects():
    config = Config()
    config.set_main_option("script_location", "db:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [HEAD]


def test_migrating_ends_in_the_tables_of_the_code(database):
    with database.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, schema.metadata) == []


def test_opening_again_changes_nothing_and_makes_no_backup(tmp_path):
    told = []
    for _ in range(2):
        open_database(f"sqlite:///{tmp_path}/a.db", tell=told.append).dispose()
    assert told == [] and not list(tmp_path.glob("*.backup"))


def older_views(engine) -> None:
    """Make a database look as if an earlier version had made its views."""
    with writing(engine) as conn:
        conn.exec_driver_sql("DROP VIEW flags")
        conn.exec_driver_sql("CREATE VIEW flags AS SELECT 'old' AS old")
        conn.exec_driver_sql("UPDATE about SET value = 'older' WHERE key = 'views'")


def test_views_of_an_earlier_version_are_replaced(database, database_url):
    older_views(database)
    database.dispose()
    if database_url.startswith("postgresql"):
        with pytest.raises(DatabaseError, match="camtriage db migrate"):
            open_database(database_url)
        migrate(database_url)
    engine = open_database(database_url)
    with reading(engine) as conn:
        assert len(sa.inspect(conn).get_columns("flags")) > 1
    engine.dispose()


def next_version(monkeypatch, tmp_path) -> None:
    """A program with one more migration than ours."""
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    ours = Path(db.engine.__file__).parent / "migrations"
    for name in ("env.py", "script.py.mako", "versions/0001_first_schema.py"):
        (scripts / name).write_text((ours / name).read_text("utf-8"), "utf-8")
    (scripts / "versions" / "0002_next.py").write_text(CARELESS.lstrip(), "utf-8")
    monkeypatch.setattr(db.engine, "HEAD", "0002")
    monkeypatch.setattr(db.engine, "SCRIPTS", str(scripts))


def test_remaking_a_parent_table_keeps_its_children(database, database_url, monkeypatch, tmp_path):
    """The trap: with foreign keys on, SQLite's drop of the old parent deletes the children."""
    with writing(database) as conn:
        fill(conn, 100)
    with reading(database) as conn:
        before = [line for line in dump(conn)]
    database.dispose()
    next_version(monkeypatch, tmp_path)
    migrate(database_url)
    engine = open_database(database_url)
    with reading(engine) as conn:
        assert list(dump(conn)) == before
        assert not sa.inspect(conn).get_columns("batch")[3]["nullable"]
        if conn.dialect.name == "sqlite":
            assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_an_older_sqlite_database_is_copied_by_sqlite_itself_before_it_is_migrated(
    tmp_path, monkeypatch
):
    """What still lies in the -wal beside the file is in the copy as well."""
    url, told = f"sqlite:///{tmp_path}/a.db", []
    engine = open_database(url)
    with writing(engine) as conn:
        fill(conn, 100)
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    next_version(monkeypatch, tmp_path)
    open_database(url, tell=told.append).dispose()
    backup = Path(told[0].split(": ")[1])
    assert backup.name.startswith("a.db.0001.") and backup.parent == tmp_path
    with sqlite3.connect(backup) as copy:
        assert copy.execute("SELECT count(*) FROM media").fetchone() == (100,)
        assert copy.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall() == [("0001",)]


def test_a_migration_that_would_orphan_rows_is_undone(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/a.db"
    engine = open_database(url)
    with writing(engine) as conn:
        fill(conn, 50)
    with reading(engine) as conn:
        before = list(dump(conn))
    engine.dispose()
    next_version(monkeypatch, tmp_path)
    bad = CARELESS.replace("update batch set", "delete from recipe --")
    (tmp_path / "migrations" / "versions" / "0002_next.py").write_text(bad.lstrip(), "utf-8")
    with pytest.raises(DatabaseError, match="would lose a parent"):
        open_database(url)
    monkeypatch.undo()
    with reading(open_database(url)) as conn:
        assert list(dump(conn)) == before


def test_going_back_to_nothing_leaves_nothing(tmp_path):
    from alembic import command

    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    with writing(engine) as conn:
        views.drop(conn, reversed(views.VIEWS))
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", "db:migrations")
        command.downgrade(config, "base")
        assert sa.inspect(conn).get_table_names() == [VERSION_TABLE]
