"""Whatever is wrong in a database, `camtriage check` tells it."""

import sqlite3
from contextlib import closing

import pytest

from db.core.engine import open_database, reading, writing
from db.core.schema import metadata
from db.integrity.check import check
from db.store.batches import save_batch
from db.store.deployments import save_deployments
from db.store.files import save_files
from db.store.media import save_media
from flows.facts.originals import check_files
from pipeline.records import Deployment, Found, Media
from tests.makers import fill

WRONG = {  # what was done by hand -> what is said about it
    "DELETE FROM look WHERE media_id = 1": "never looked at",
    "DELETE FROM window_done WHERE work_window_id = 1": "belong to windows that are not done",
    "UPDATE media SET work_window_id = NULL WHERE id = 3": "lie in no window",
    "UPDATE media SET position = 90 WHERE id = 3": "lost or doubled pictures",
    "UPDATE work_window SET batch_id = 2 WHERE batch_id = 1": "in a window of another card",
    "DELETE FROM file WHERE media_id = 2": "stand in no file of their card",
    "UPDATE file SET kind = 'sound' WHERE kind = 'video'": "files of an unknown kind",
    "UPDATE file SET kind = 'other' WHERE media_id = 2": "are of another kind",
    "UPDATE file SET media_id = NULL WHERE media_id = 2": "ended nowhere",
    "DELETE FROM trouble": "ended nowhere",
    "UPDATE trouble SET reason = 'whim'": "troubles of an unknown reason",
    "UPDATE media SET sha256 = 'X' WHERE id = 2": "sha-256 is none",
    "UPDATE media SET taken_at = 'yesterday' WHERE id = 2": "media.taken_at: 1 row cannot be read",
    "UPDATE look SET logits = '[1.5' WHERE media_id = 2": "look.logits: 1 row cannot be read",
    "UPDATE look SET state = 'lost' WHERE media_id = 2": "looks of an unknown state",
    "UPDATE look SET p_blank = NULL": "looks without scores",
    "UPDATE look SET p_human = 1.5 WHERE media_id = 2": "scores beyond 0 and 1",
    "UPDATE look SET p_human = p_human / 2": "current results are stale",
    "UPDATE box SET category = 'ghost'": "boxes of an unknown kind",
    "UPDATE box SET x = 0.75": "boxes beyond their picture",
    "UPDATE box SET recipe_id = recipe_id + 1": "boxes of pictures that were never scored",
    "UPDATE label SET probability = -0.1": "probabilities beyond 0 and 1",
    "UPDATE label SET observation_type = 'ghost'": "labels of an unknown kind",
    "DELETE FROM label": "have vectors and no label",
    "UPDATE review SET observation_type = 'ghost'": "reviews of an unknown kind",
    "UPDATE review SET life_stage = 'old'": "reviews of an unknown life stage",
    "UPDATE review SET position = 1 WHERE id = 1": "answers that have lost a row",
    "UPDATE review SET answer = 1, media_id = 1, position = id - 1": "blank and something else",
    "UPDATE visit_taxon SET media_id = 1": "begin with a picture of another visit",
    "UPDATE recipe SET description = '{}'": "its description was changed",
    "UPDATE recipe SET step = 'flag' WHERE step = 'label'": "of another step",
    "UPDATE embedding SET vector = SUBSTR(vector, 1, 2) WHERE media_id < 50": "between 2 and 16",
    "DELETE FROM visit_taxon WHERE position = 0": "have lost pictures or their label",
    "UPDATE visit SET pictures = pictures + 1": "have lost pictures or their label",
    "DELETE FROM visit_media": "visits without their first picture",
    "UPDATE visit SET deployment_id = deployment_id % 4 + 1": "pictures of another deployment",
    "DELETE FROM flag_media": "flags without their first picture",
    "UPDATE audit_draw SET probability = 0": "an impossible chance",
    "UPDATE status SET name = 'Yeti' WHERE state = 'kept'": "current results are stale",
    "DELETE FROM status": "current results are stale",
    "DROP INDEX ix_media_batch_id": "index ix_media_batch_id is missing",
    "DROP VIEW flags": "view flags is missing",
}


def faults(engine) -> list[str]:
    with reading(engine) as conn:
        return check(conn)


def test_nothing_is_wrong_with_a_filled_database(database):
    with writing(database) as conn:
        fill(conn, 400)
    assert faults(database) == []


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('check')}/a.db")
    with writing(engine) as conn:
        fill(conn, 400)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("deed", WRONG)
def test_each_wrong_is_told_and_an_untouched_one_is_not(filled, deed):
    with filled.connect() as conn:
        conn.exec_driver_sql(deed)
        said = check(conn)
        conn.rollback()
    assert any(WRONG[deed] in line for line in said), said
    assert all("\n" not in line for line in said)


KEYS = [str(c) for t in metadata.tables.values() for c in t.columns if c.foreign_keys]


@pytest.mark.parametrize("key", KEYS)
def test_a_child_of_nobody_is_told_for_every_key(filled, key):
    table, column = key.split(".")
    path = filled.url.database
    copy = f"{path}.{key}"
    with closing(sqlite3.connect(path)) as ours, closing(sqlite3.connect(copy)) as raw:
        ours.backup(raw)
        raw.isolation_level = None
        raw.execute("PRAGMA foreign_keys = OFF")
        changed = raw.execute(f"UPDATE OR IGNORE {table} SET {column} = 999999").rowcount
    if not changed:
        return  # the makers leave this table empty
    engine = open_database(f"sqlite:///{copy}")
    parent = next(iter(metadata.tables[table].c[column].foreign_keys)).column.table.name
    assert any(f"{table}: " in one and f"no {parent}" in one for one in faults(engine))
    engine.dispose()


def test_a_damaged_page_is_told_and_ends_no_check(tmp_path):
    path = tmp_path / "a.db"
    engine = open_database(f"sqlite:///{path}")
    with writing(engine) as conn:
        fill(conn, 400)
    with engine.connect() as conn:
        conn.exec_driver_sql("COMMIT")
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        conn.exec_driver_sql("BEGIN")
    engine.dispose()
    data = bytearray(path.read_bytes())
    pages = len(data) // 4096
    for page in range(pages * 2 // 3, pages, 7):  # before them lies the list of the tables
        data[page * 4096 + 8 : page * 4096 + 200] = b"\xff" * 192
    path.write_bytes(data)
    said = faults(open_database(f"sqlite:///{path}"))
    assert said and all(one.startswith("SQLite: ") for one in said)


def test_originals_are_read_again_and_a_card_that_is_away_is_one_line(database, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    for name in ("same.jpg", "other.jpg", "gone.jpg", "film.avi", "cut.avi"):
        (card / name).write_bytes(b"abc")
    names = [one.name for one in card.iterdir()]
    with writing(database) as conn:
        batch = save_batch(conn, "c", str(card), None)
        media = [Media(sha, "same.jpg", 3, deployment_id="A")]
        save_deployments(conn, [Deployment("A")])
        save_media(conn, batch, media)
        kinds = {".jpg": "picture", ".avi": "video"}
        found = [Found(one, kinds[one[-4:]], 3) for one in names]
        save_files(conn, batch, [(one, sha if one.kind == "picture" else None) for one in found])
    (card / "other.jpg").write_bytes(b"abd")
    (card / "gone.jpg").unlink()
    (card / "cut.avi").write_bytes(b"ab")
    with reading(database) as conn:
        said = list(check_files(conn, batch))
        assert [one.split(": ")[0] for one in said] == ["cut.avi", "gone.jpg", "other.jpg"]
        card.rename(tmp_path / "pocket")
        [line] = check_files(conn, batch)
        assert "the card is not there" in line
