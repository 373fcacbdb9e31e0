"""What the database remembers of the inbox, and what a run that failed leaves behind."""

from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, Running

import db.store.batches
from db.core.engine import reading, writing
from db.store import arrivals
from db.store.batches import save_batch, start_run
from db.store.files import save_files
from flows.prefect.hooks import last_words
from flows.prefect.watch import TRIES, ending, wanted
from pipeline.card.inbox import Listing
from pipeline.records import Found

CARD = Listing("abc", 1, {"a.jpg": 4})


def known(conn):
    return arrivals.arrivals(conn)


def test_a_card_is_taken_once(database):
    with writing(database) as conn:
        assert wanted({"/in/mara": CARD}, known(conn)) == {"/in/mara": CARD}
        arrivals.take(conn, "/in/mara", "abc", "run 1")
        assert wanted({"/in/mara": CARD}, known(conn)) == {}
        arrivals.close(conn, "run 1", "done")
        assert wanted({"/in/mara": CARD}, known(conn)) == {}


def test_a_card_whose_files_changed_is_taken_again(database):
    with writing(database) as conn:
        arrivals.take(conn, "/in/mara", "abc", "run 1")
        arrivals.close(conn, "run 1", "done")
        fuller = Listing("def", 2, {"a.jpg": 4, "b.jpg": 4})
        assert wanted({"/in/mara": fuller}, known(conn)) == {"/in/mara": fuller}


def test_a_card_that_failed_is_tried_three_times_and_then_waits_for_a_person(database):
    with writing(database) as conn:
        for number in range(TRIES):
            assert wanted({"/in/mara": CARD}, known(conn))
            arrivals.take(conn, "/in/mara", "abc", f"run {number}")
            arrivals.take(conn, "/in/mara", "abc", f"run {number}")  # the run itself says so too
            arrivals.close(conn, f"run {number}", "failed", "no room on the disk")
        assert wanted({"/in/mara": CARD}, known(conn)) == {}
        assert known(conn)["/in/mara", "abc"].tries == TRIES


def test_a_card_that_a_person_cancelled_is_left_alone(database):
    with writing(database) as conn:
        arrivals.take(conn, "/in/mara", "abc", "run 1")
        arrivals.close(conn, "run 1", "cancelled")
        assert wanted({"/in/mara": CARD}, known(conn)) == {}


def test_only_a_run_that_is_over_or_forgotten_gives_its_card_back():
    assert ending(lambda run: Running(), "1") is None
    assert ending(lambda run: Pending(), "1") is None
    assert ending(lambda run: Completed(), "1") == ("done", "")
    assert ending(lambda run: Cancelled(message="by hand"), "1") == ("cancelled", "by hand")
    assert ending(lambda run: Failed(message="no disk"), "1") == ("failed", "no disk")
    assert ending(lambda run: Crashed(message="no heartbeat"), "1") == ("failed", "no heartbeat")
    assert ending(lambda run: None, "1") == ("failed", "Prefect does not know the run any more")


def test_a_failure_ends_the_open_run_of_its_card_and_keeps_what_it_counted(database):
    with writing(database) as conn:
        batch = save_batch(conn, "mara", "/in/mara", "abc")
        other = save_batch(conn, "kaeng", "/in/kaeng", "def")
        for one in (batch, batch, other):
            start_run(conn, one, "1", {}, {}, left=5)
        arrivals.leave_failure(conn, "/in/mara", "the card is gone")
    with reading(database) as conn:
        rows = conn.exec_driver_sql(
            "SELECT batch, status, message FROM run_summary ORDER BY run_id"
        )
        assert [tuple(row) for row in rows] == [
            ("mara", "failed", "the card is gone"),
            ("mara", "failed", "the card is gone"),
            ("kaeng", "running", None),
        ]
        assert db.store.batches.stuck(conn, batch, 5), (
            "two runs that died make the next one careful"
        )


def test_a_failure_before_anything_was_saved_leaves_a_row_too(database):
    with writing(database) as conn:
        arrivals.leave_failure(conn, "/in/mara", "no pictures")
        [row] = conn.exec_driver_sql("SELECT status, message, batch FROM run_summary").all()
    assert tuple(row) == ("failed", "/in/mara: no pictures", None)


def test_a_folder_that_grew_keeps_its_batch_and_one_that_was_replaced_does_not(database):
    with writing(database) as conn:
        batch = save_batch(conn, "mara-1", "/in/mara", "abc")
        here = [Found("a.jpg", "picture", 4, 0.0), Found("Thumbs.db", "skipped", 9, 0.0)]
        save_files(conn, batch, [(one, None) for one in here])
        grew = {"a.jpg": 4, "b.jpg": 5}
        assert arrivals.batch_that_grew(conn, "/in/mara", grew) == "mara-1"
        assert arrivals.batch_that_grew(conn, "/in/mara", {"a.jpg": 7, "b.jpg": 5}) is None
        assert arrivals.batch_that_grew(conn, "/in/mara", {"b.jpg": 5}) is None
        assert arrivals.batch_that_grew(conn, "/in/kaeng", grew) is None


def test_a_reason_that_ends_in_a_full_stop_gets_no_second_one():
    said = last_words("/in/mara", "cancelled", "by manual cancellation.")
    assert said.startswith("/in/mara: cancelled: by manual cancellation. What was done is kept")
