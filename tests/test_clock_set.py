"""`camtriage clock set`: times of pictures that have none, shown, written, and taken back."""

from datetime import datetime

import pytest

from db.core.engine import open_database
from db.integrity.check import _repairs, _status
from db.integrity.dump import dump
from db.store.files import file_counts
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.services.clock_set import preview_set, write_set
from flows.services.clocks import list_repairs, suspects, undo_shift
from pipeline.errors import CamtriageError
from tests import cards
from tests.commands import camtriage

TIMES = "path,time\nCam9/1.jpg,2026-05-01 06:00:00\nCam9/2.jpg,2026-05-01 06:00:20\n"
TIMES += "Cam9/3.jpg,01.05.2026 21:30\nCam9/4.jpg,2026-05-02\n"


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """A run card with a camera whose four pictures have no time: (job, its dump)."""
    folder = tmp_path_factory.mktemp("set")
    cards.card(folder / "card", pictures=6, broken=False)
    for n in range(1, 5):
        cards.save(cards.picture(900 + n, animal=True), folder / f"card/Cam9/{n}.jpg", None)
    job = RunOptions(card=str(folder / "card"), name="k", database=f"sqlite:///{folder}/k.db")
    run_job(job, as_flow=False)
    return job, told(job)


def told(job: RunOptions) -> list[str]:
    with open_database(job.database).connect() as conn:
        assert [*_repairs(conn), *_status(conn)] == []
        return list(dump(conn))


def timeless(job: RunOptions) -> int:
    with open_database(job.database).connect() as conn:
        return file_counts(conn, 1).timeless


def rows(job: RunOptions, query: str) -> list[tuple]:
    with open_database(job.database).connect() as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]


@pytest.fixture
def table(tmp_path):
    def write(text: str = TIMES):
        (tmp_path / "times.csv").write_text(text, "utf-8")
        return tmp_path / "times.csv"

    return write


EVENTS = "SELECT started_at, pictures FROM events WHERE deployment_id = 'k/Cam9' ORDER BY 1"
SHOWN = "SELECT taken_at FROM media_status WHERE deployment_id = 'k/Cam9' ORDER BY path"


def test_it_is_shown_first_and_nothing_is_written(card, table, capsys):
    job, before = card
    assert camtriage("clock", "set", str(table()), "--database", job.database) == 0
    said = capsys.readouterr().out
    assert "k/Cam9 (card k): 4 pictures, set: 4 times entered, 2026-05-01T06:00:00 to" in said
    assert "no time              2026-05-01T06:00:20  Cam9/2.jpg" in said and "add --yes" in said
    assert told(job) == before


def test_times_make_visits_are_listed_and_are_undone_without_a_trace(card, table):
    job, before = card
    assert rows(job, EVENTS) == [(None, 1)] * 4 and timeless(job) == 4
    [written] = write_set(job, table(), "Ann", "off the banner")
    assert rows(job, SHOWN) == [
        *(("2026-05-01T06:00:00",), ("2026-05-01T06:00:20",), ("2026-05-01T21:30:00",)),
        ("2026-05-02",),
    ]
    assert rows(job, EVENTS) == [
        *(("2026-05-01T06:00:00", 2), ("2026-05-01T21:30:00", 1), ("2026-05-02", 1))
    ]
    first = "SELECT first_picture_at, last_picture_at FROM deployments WHERE location_id IS NULL"
    assert ("2026-05-01T06:00:00", "2026-05-02") in rows(job, first)
    assert timeless(job) == 0
    kinds = "SELECT DISTINCT clock_repair FROM pictures WHERE deployment_id = 'k/Cam9'"
    assert rows(job, kinds) == [("set",)]
    assert not [s for s in suspects(job.database, ["k/Cam9"]).suspects if s.kind == "none"]
    [listed] = list_repairs(job.database)
    assert (listed.pictures, listed.repair.kind, listed.repair.made_by) == (4, "set", "Ann")
    with pytest.raises(CamtriageError, match="a picture has one repair: camtriage clock undo 1"):
        preview_set(job.database, table())
    undo_shift(job, written.number)
    assert list_repairs(job.database)[0].pictures == 4
    assert told(job) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,time\nCam9/7.jpg,2026-05-01 06:00\n", "line 2: no such picture: 'Cam9/7.jpg'"),
        ("path,time\nCam9/1.jpg,\n", "line 2: time is empty"),
        ("path,time\nCam9/1.jpg,noon\n", "line 2: time 'noon' is no time like"),
        ("path,time\nCam9/1.jpg,1926-05-01 06:00\n", "years from 1990 to"),
        ("path,time\nCam0/DCIM/100RECNX/RCNX0001.JPG,2026-05-01 06:00\n", "has a time, 2026-05-01"),
        (TIMES + "Cam9/1.jpg,2026-05-09 06:00\n", "line 6: 'Cam9/1.jpg' has another time in an"),
        ("path,time,deployment\nCam9/1.jpg,2026-05-01 06:00,k/Cam0\n", "no such picture"),
        ("name,time\na,2026-05-01\n", "no column path"),
        ("path,time\n", "no row with a time"),
    ],
)
def test_a_table_with_a_fault_writes_nothing_and_names_the_line(card, table, text, said):
    job, before = card
    with pytest.raises(CamtriageError) as refused:
        write_set(job, table(text))
    assert said in str(refused.value)
    assert told(job) == before


def test_where_two_cards_hold_one_path_batch_or_deployment_decides(card, table, tmp_path):
    job, _ = card
    folder = tmp_path / "other"
    cards.save(cards.picture(77, animal=True), folder / "Cam9/1.jpg", None)
    two = RunOptions(card=str(folder), name="m", database=job.database)
    run_job(two, as_flow=False)
    with pytest.raises(
        CamtriageError, match=r"2 pictures are called .*: add a column batch or dep"
    ):
        preview_set(two.database, table("path,time\nCam9/1.jpg,2026-05-01 06:00\n"))
    for column, value in (("batch", "m"), ("deploymentID", "m/Cam9")):
        text = f"file,timestamp,{column}\nCam9/1.jpg,2026-05-01 06:00,{value}\n"
        [preview] = preview_set(two.database, table(text))
        assert preview.repair.deployment_id == "m/Cam9"
        assert [p.after for p in preview.pictures] == [datetime(2026, 5, 1, 6)]
