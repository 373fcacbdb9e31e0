"""Pictures that come by themselves: taken when they have arrived, once, with the rows of a card."""

import io
import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from ftplib import FTP_TLS
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from db.core.engine import open_database
from db.integrity.check import check
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.services.streams.watch import Watch
from flows.steps import audit
from pipeline.card.inbox import folders_in
from pipeline.errors import CardError, SettingsError
from pipeline.streams import settle
from pipeline.streams.settle import Arriving
from tests import cards
from tests.ftp import PASSWORD, ftps
from tests.prefect_servers import until
from tests.receivers import site
from tests.test_two_ways import dump_of

NOON = datetime.now().replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1)


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def at_once(monkeypatch):
    """What lies in a folder has settled."""
    monkeypatch.setattr(settle, "QUIET_S", 0.0)


def send(streams: Path, camera: str, number: int, at: datetime | None = None, black=False) -> Path:
    """A picture as the camera's modem stores it, in a folder of its day."""
    image = cards.picture(number, animal=number % 4 == 0)
    if black:
        image = Image.new("RGB", image.size, (2, 2, number))
    file = streams / camera / "2026" / f"P{number:04}.JPG"
    cards.save(image, file, at or NOON + timedelta(minutes=10 * number), camera)
    return file


def options(url: str) -> RunOptions:
    return RunOptions(database=url, detector="none", threads=1)


def look(streams: Path, url: str) -> list[str]:
    """One look by a process that has just been started; what it says went wrong fails the test."""
    told = list(Watch(streams, options(url)).once())
    assert not [one.line for one in told if one.wrong]
    return [one.line for one in told]


def rows(url: str, query: str) -> list[tuple]:
    engine = open_database(url)
    with engine.connect() as conn:
        found = [tuple(row) for row in conn.execute(sa.text(query))]
    engine.dispose()
    return found


def names(arriving: Arriving, taken=()) -> list[str]:
    return [file.path for file in arriving.arrived(dict(taken))]


def test_a_picture_that_still_grows_has_not_arrived(tmp_path):
    clock, whole = Clock(), send(tmp_path, "CamA", 1).read_bytes()
    arriving, path = Arriving(tmp_path / "CamA", clock), "2026/P0001.JPG"
    file = tmp_path / "CamA" / path
    file.write_bytes(whole[:1000])
    assert names(arriving) == []
    clock.now = 1.5
    file.write_bytes(whole[:2000])
    assert names(arriving) == []
    clock.now = 3.0
    file.write_bytes(whole)
    assert names(arriving) == [] and arriving.waiting == 1
    clock.now = 5.5
    assert names(arriving) == [path] and arriving.waiting == 0
    assert names(arriving, {path: len(whole)}.items()) == []


def test_a_half_uploaded_picture_waits_for_its_end_ten_minutes(tmp_path):
    clock, file = Clock(), send(tmp_path, "CamA", 1)
    file.write_bytes(file.read_bytes()[:2000])
    arriving = Arriving(tmp_path / "CamA", clock)
    for clock.now in (0.0, 5.0, 300.0):
        assert names(arriving) == []
    clock.now = 601.0
    assert names(arriving) == ["2026/P0001.JPG"], "it will not get better"


def test_a_file_larger_than_any_picture_is_never_read_and_taken_in_the_end(tmp_path):
    clock, file = Clock(), send(tmp_path, "CamA", 1)
    with file.open("r+b") as sparse:
        sparse.truncate(1 << 40)
    arriving = Arriving(tmp_path / "CamA", clock)
    for clock.now in (0.0, 5.0):
        assert names(arriving) == []
    clock.now = 601.0
    assert names(arriving) == ["2026/P0001.JPG"], "a file problem says that it is too large"


def test_a_jpeg_of_thousands_of_scans_is_not_decoded_to_see_whether_it_is_whole(tmp_path):
    clock, file = Clock(), tmp_path / "CamA" / "P0001.JPG"
    file.parent.mkdir()
    cards.picture(1).save(file, progressive=True)
    whole = file.read_bytes()
    last = whole[whole.rfind(b"\xff\xda") : -2]
    file.write_bytes(whole[:-2] + last * 300 + whole[-2:])
    arriving = Arriving(tmp_path / "CamA", clock)
    for clock.now in (0.0, 5.0):
        assert names(arriving) == []
    clock.now = 601.0
    assert names(arriving) == ["P0001.JPG"], "a file problem says why"


def test_a_file_that_its_sender_will_rename_is_left_alone(tmp_path):
    clock, file = Clock(), send(tmp_path, "CamA", 1)
    file.rename(file.with_name("P0001.JPG.filepart"))
    arriving = Arriving(tmp_path / "CamA", clock)
    for clock.now in (0.0, 5000.0):
        assert names(arriving) == [] and arriving.waiting == 1


@pytest.mark.filterwarnings("ignore:The asyn:DeprecationWarning")  # pyftpdlib on Python 3.11
def test_what_a_camera_uploads_by_ftps_is_taken_when_it_is_whole(tmp_path, monkeypatch):
    """With a real server and client; the link breaks in the middle of a picture."""
    pytest.importorskip("pyftpdlib", reason="pip install pyftpdlib pyopenssl")
    pytest.importorskip("OpenSSL")
    whole = send(tmp_path / "on the camera", "CamA", 1).read_bytes()
    home, clock = tmp_path / "streams" / "CamA", Clock()
    home.mkdir(parents=True)
    arriving = Arriving(home, clock)
    with ftps(tmp_path, home) as address, FTP_TLS() as client:
        client.connect(*address)
        client.login("CamA", PASSWORD)
        client.prot_p()
        link = client.transfercmd("STOR P0001.JPG")
        link.sendall(whole[:-1000])
        assert until(lambda: sum(file.stat().st_size for file in home.iterdir()) > 0, 20, 0.05)
        for clock.now in (0.0, 60.0):
            assert names(arriving) == [], "half of it"
        link.unwrap()
        link.close()
        client.voidresp()
        client.mkd("20260302")
        client.storbinary("STOR 20260302/P0001.JPG", io.BytesIO(whole))
        for clock.now in (61.0, 64.0):
            found = names(arriving)
    assert found == ["20260302/P0001.JPG"] and arriving.waiting == 1


def test_the_folder_of_streams_is_no_card_of_the_inbox(tmp_path):
    send(tmp_path / "streams", "CamA", 1)
    send(tmp_path, "mara", 1)
    assert list(folders_in(tmp_path)) == [str(tmp_path / "mara")]


def test_pictures_become_the_rows_of_a_card_once(database_url, tmp_path, at_once):
    streams = tmp_path / "streams"
    for number in range(1, 9):
        send(streams, "CamA", number)
    [first] = look(streams, database_url)
    assert first.startswith("streams/CamA: 8 files in ")
    came, whole = re.fullmatch(r".* s: (.*); (.*) in all", first).groups()
    assert came == whole and came.count("kept") == 1 and came.endswith("0 flags")
    alone = send(streams, "CamA", 9)
    shutil.copy(alone, alone.with_name("again.JPG"))
    [second] = look(streams, database_url)
    came, whole = re.fullmatch(r".*: 2 files in [0-9.]+ s: (.*); (.*) in all", second).groups()
    kept, blank = (re.fullmatch(r"(\d+) kept, (\d+) blank, 0 flags", came)).groups()
    assert int(kept) + int(blank) == 1, "one picture, though two files show it"
    kept, blank = (re.fullmatch(r"(\d+) kept, (\d+) blank, 0 flags", whole)).groups()
    assert int(kept) + int(blank) == 9
    seen = "SELECT deployment_id, count(*), count(DISTINCT state) FROM media_status GROUP BY 1"
    assert [row[:2] for row in rows(database_url, seen)] == [("streams/CamA", 9)]
    judged = "SELECT count(*), count(novelty) FROM look"
    assert rows(database_url, judged) == [(9, 9)], "the ninth stands before the eight earlier ones"
    [files] = rows(database_url, "SELECT files, pictures, closes FROM run_summary LIMIT 1")
    assert files[:2] == (10, 10) and files[2]
    engine = open_database(database_url)
    with engine.connect() as conn:
        assert check(conn) == []
    engine.dispose()
    card = tmp_path / "card of May" / "CamA"
    shutil.copytree(streams / "CamA", card)
    send(card.parent, "CamA", 10)
    run_job(RunOptions(card=str(card.parent), database=database_url, detector="none"), False)
    assert [row[:2] for row in rows(database_url, seen)] == [("streams/CamA", 10)], "a full card"
    assert look(streams, database_url) == []
    by_hand = replace(options(database_url), card=str(streams / "CamA"), name="streams/CamA")
    with pytest.raises(SettingsError, match="give the card another name"):
        run_job(by_hand, False)


class Killed(BaseException):
    """As a kill: no handler of ours sees it."""


@contextmanager
def killed_at(nth: float) -> Iterator[list[object]]:
    """Ends the process, so to say, at the nth statement to the database; gives those before."""
    seen: list[object] = []

    def count(*statement: object) -> None:
        if len(seen) >= nth:
            raise Killed
        seen.append(statement[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


def test_a_look_that_is_killed_anywhere_costs_nothing(tmp_path, at_once, empty_sqlite):
    streams = tmp_path / "streams"
    send(streams, "CamA", 4)
    whole = f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'whole.db')}"
    with killed_at(math.inf) as statements:
        look(streams, whole)
    for part in (0.4, 0.8):  # more of them: tests/benchmarks/stream_kills.py
        url = f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / f'{part}.db')}"
        with pytest.raises(Killed), killed_at(part * len(statements)):
            list(Watch(streams, options(url)).once())
        look(streams, url)
        assert dump_of(url) == dump_of(whole), f"killed after {part} of it"


def test_who_is_to_be_told_of_a_picture_is_told_in_the_same_look(
    tmp_path, at_once, empty_sqlite, monkeypatch
):
    streams, url = tmp_path / "streams", f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'c.db')}"
    monkeypatch.setenv("HOOK_KEY", "signed with this")
    monkeypatch.setenv("CAMTRIAGE_ALERTS", str(tmp_path / "alerts.toml"))
    with site() as receiver:
        (tmp_path / "alerts.toml").write_text(
            f'live_hours = 48\n[channels.hook]\nkind = "webhook"\nto = "{receiver.url}/hook"\n'
            'secret = "env:HOOK_KEY"\n'
        )
        for number in range(1, 5):
            send(streams, "CamA", number)
        watch = Watch(streams, options(url))
        list(watch.once())
        assert receiver.hooks == []
        for number in (5, 6, 9):
            send(streams, "CamA", number, black=True)
        told = [one.line for one in watch.once()]
        assert told[0].count("1 flag") == 2, "it came now, and is all there is"
        assert told[-1] == "sent 1 alert"
        send(streams, "CamA", 10)
        [line] = [one.line for one in watch.once()]
        assert "0 flags; " in line and line.endswith("1 flag in all")
        list(watch.once())
    [(_, body)] = receiver.hooks
    alert = json.loads(body)
    assert alert["age"] == "live" and "camera_" in alert["rules"][0]


def test_a_folder_that_cannot_be_a_stream_is_told_once_and_stops_no_other(tmp_path, at_once):
    url, long = f"sqlite:///{tmp_path / 'c.db'}", "x" * 200
    send(tmp_path, long, 1)
    send(tmp_path, "CamA", 2)
    (tmp_path / "loose.jpg").write_bytes(b"\xff\xd8\xff")
    watch = Watch(tmp_path, options(url))
    told = [one.line for one in watch.once()]
    assert len(told) == 3 and "loose in" in told[0] and "at most 200 bytes" in told[2]
    assert not [one for one in watch.once()]
    with pytest.raises(CardError, match="no such folder; make it"):
        Watch(tmp_path / "unmounted", options(url))
    assert os.path.exists(tmp_path / "loose.jpg")


def test_of_each_hundred_blanks_of_a_stream_some_are_drawn_for_the_audit(
    tmp_path, at_once, empty_sqlite, monkeypatch
):
    monkeypatch.setattr(audit, "ROUND", 4)  # in place of a hundred
    monkeypatch.setattr(audit, "PART", 2)
    (tmp_path / "s.toml").write_text("[blank]\nthreshold = 0.0\n[audit]\nper_stratum = 1\n")
    streams, url = tmp_path / "streams", f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'c.db')}"
    streams.mkdir()
    watch = Watch(streams, replace(options(url), settings=str(tmp_path / "s.toml")))
    strata = "SELECT stratum, blanks, drawn FROM audit_strata ORDER BY 1"
    found = []
    for numbers in (range(1, 4), range(4, 10), range(10, 12)):
        for number in numbers:
            send(streams, "CamA", number)
        assert not [one.line for one in watch.once() if one.wrong]
        found.append(rows(url, strata))
    assert found[0] == [], "three are not enough"
    for blanks_drawn in (found[1], found[2]):
        assert sum(row[1] for row in blanks_drawn) == 8 and sum(row[2] for row in blanks_drawn) == 4
    assert found[1] == found[2], "what is drawn stays; the rest waits"
    engine = open_database(url)
    with engine.connect() as conn:
        assert check(conn) == []
    engine.dispose()
