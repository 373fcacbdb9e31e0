"""Two databases dump the same exactly when they say the same."""

from db.core import schema
from db.core.engine import open_database, reading, writing
from db.integrity.dump import dump
from db.store.batches import end_run, save_batch, save_recipe, start_run
from tests.makers import fill
from tests.test_save import LOOKS, MEDIA, SEEN, SHAS, ingested, looked


def dumped(engine) -> list[str]:
    with reading(engine) as conn:
        return list(dump(conn))


def test_sqlite_and_postgresql_dump_the_same(database, tmp_path):
    here = open_database(f"sqlite:///{tmp_path}/other.db")
    for engine in (database, here):
        with writing(engine) as conn:
            fill(conn, 300)
    assert dumped(database) == dumped(here)


def test_the_order_of_work_the_root_and_runs_that_failed_leave_no_trace(tmp_path):
    engines = [open_database(f"sqlite:///{tmp_path}/{name}.db") for name in "ab"]
    with writing(engines[0]) as conn:
        batch = ingested(conn)
        recipe = looked(conn, batch)
    with writing(engines[1]) as conn:
        save_recipe(conn, "look", {"model": "m", "size": 448})
        batch = save_batch(conn, "card", "/elsewhere", "abc")
        run = start_run(conn, batch, "0.1.0", {}, {})
        end_run(conn, run, "failed", {})
        other = save_batch(conn, "gone", "/", None)
        conn.execute(schema.batch.delete().where(schema.batch.c.id == other))
        ingested(conn)
        assert looked(conn, batch) == recipe
    assert dumped(engines[0]) == dumped(engines[1])


def test_any_result_that_differs_shows(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    with writing(engine) as conn:
        batch = ingested(conn)
        looked(conn, batch)
    before = dumped(engine)
    for change in (
        "UPDATE look SET p_blank = p_blank + 0.001 WHERE media_id = 2",
        "UPDATE embedding SET vector = x'0000' WHERE view = 'crop'",
        "DELETE FROM trouble",
        "UPDATE media SET path = 'elsewhere' WHERE id = 1",
    ):
        with engine.connect() as conn:
            conn.exec_driver_sql(change)
            assert list(dump(conn)) != before, change


def test_differences_below_four_decimals_do_not_show(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    with writing(engine) as conn:
        looked(conn, ingested(conn))
    before = dumped(engine)
    with writing(engine) as conn:
        conn.exec_driver_sql(
            "UPDATE look SET p_human = -0.00001, luma = luma + 0.00001 WHERE state <> 'failed'"
        )
        conn.exec_driver_sql("UPDATE batch SET root = '/mnt/other'")
    assert dumped(engine) == before


def test_every_row_of_a_result_is_in_the_dump(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    with writing(engine) as conn:
        looked(conn, ingested(conn))
    lines = dumped(engine)
    count = {name: sum(line.startswith(f"{name} ") for line in lines) for name in ("media", "look")}
    assert count == {"media": len(MEDIA), "look": len(LOOKS) + len(SEEN.failed)}
    assert lines == sorted(lines, key=lambda line: line.split(" ")[0])
    assert not any("/media/card" in line for line in lines) and SHAS[0] in "".join(lines)
