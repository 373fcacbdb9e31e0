"""The programs in tests/benchmarks, on so few pictures that only ratios of one run mean much."""

from db.core.engine import writing
from db.integrity.check import check
from tests.benchmarks import end_to_end, memory, million_rows, million_visits
from tests.benchmarks.pictures import with_exif
from tests.makers import fill


def test_a_run_needs_less_processor_than_a_plain_loop_over_the_same_networks(tmp_path):
    card = memory.make_small_card(tmp_path / "card", 1, (3264, 2448))
    paths = sorted(card.rglob("*.JPG"))
    kept = {end_to_end.sha_of(paths[0])}
    peer = end_to_end.peer(paths * 3, kept, (320, 448), tmp_path / "peer.db")
    floor = end_to_end.floor(paths * 3, 1.0, "starter")
    ours = sum(one.processor_ms for one in floor.values())
    assert ours < 0.8 * peer.processor_ms  # a third to a sixth is usual


def test_a_database_grows_to_copies_of_itself(database):
    with writing(database) as conn:
        fill(conn, 50)
        million_rows.grow(conn, 3)
        for table in ("media", "status", "arrival", "visit"):
            counted = conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert counted and counted % 3 == 0, table
        assert check(conn) == []


def test_pictures_told_apart_by_their_exif_have_the_same_pixels(tmp_path):
    from datetime import datetime, timedelta

    from pipeline.frames.decode import decode

    first = datetime(2026, 1, 1)
    jpeg = memory.jpeg(1)
    one, other = (with_exif(jpeg, first + timedelta(hours=h), "A") for h in (0, 1))
    assert one != other
    assert (decode(one).pixels == decode(other).pixels).all()


def test_each_question_to_many_visits_is_timed_on_either_database(database_url):
    found = million_visits.measure(database_url, 400, 10)
    assert {"How often", "camtriage population"} <= found.keys()
    assert all(clock > 0 for clock, _ in found.values())
