"""Alerts against real receivers: each visit is told once, whatever goes wrong between."""

import hashlib
import hmac
import io
import json
import sys
from datetime import timedelta

import pytest
from PIL import Image

from db.core.engine import open_database, writing
from db.store.flags import save_verdict
from flows.facts import alerts as step
from flows.run_options import NamingOptions, StartedRun
from flows.services.alerts import manage
from flows.steps import flags as flags_step
from pipeline.errors import InputError, SettingsError
from tests.alerting import (
    MORNING,
    channels,
    drain,
    drain_in_a_process,
    flagged,
    queue_all,
    rows,
    states,
)
from tests.receivers import mailbox, site
from tests.screens import browser

TOKEN = "key-of-the-site"
RANGER = """
[channels.ranger]
kind = "earthranger"
to = "{0}"
secret = "env:ER_TOKEN"
"""
HOOK = """
[channels.hook]
kind = "webhook"
to = "{0}/hook"
secret = "env:HOOK_KEY"
night = true
"""


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("ER_TOKEN", TOKEN)
    monkeypatch.setenv("HOOK_KEY", "signed-with-this")


@pytest.fixture(scope="module")
def made_up(empty_sqlite, tmp_path_factory):
    """A SQLite database with flags, to copy."""
    file = tmp_path_factory.mktemp("made") / "c.db"
    file.write_bytes(empty_sqlite.read_bytes())
    flagged(f"sqlite:///{file}", 60)
    return file


@pytest.fixture
def url(made_up, tmp_path):
    (tmp_path / "c.db").write_bytes(made_up.read_bytes())
    return f"sqlite:///{tmp_path}/c.db"


def flags_in(url: str) -> int:
    return rows(url, "SELECT count(*) FROM flags")[0][0]


@pytest.fixture
def receiver():
    with site(TOKEN) as held:
        yield held


def test_each_flag_is_one_alert_a_channel_however_often_it_is_queued(
    database_url, receiver, tmp_path
):
    alerting = channels(tmp_path, (RANGER + HOOK).format(receiver.url))
    flags = flagged(database_url, 60)
    assert queue_all(database_url, alerting, MORNING) == 2 * flags > 0
    assert queue_all(database_url, alerting, MORNING) == 0
    told = drain(database_url, alerting, MORNING)
    assert (told.sent, told.waiting, told.failed, told.troubles) == (2 * flags, 0, 0, ())
    assert len(receiver.events) == len(receiver.hooks) == flags
    assert drain(database_url, alerting, MORNING + timedelta(days=1)).sent == 0
    event = next(one for one in receiver.events.values() if "time" in one)
    assert event["time"].endswith("+03:00") and event["event_type"] == "camera_trap_alert"
    assert all(round(part, 2) == part for part in event["location"].values())
    assert "(historic)" in event["title"] and event["event_details"]["age"] == "historic"
    ours = {row[0] for row in rows(database_url, "SELECT receipt FROM alerts")}
    assert "event-0" in ours


def test_a_wrong_event_type_is_one_line_and_not_tried_for_ever(url, receiver, tmp_path):
    alerting = channels(tmp_path, (RANGER + 'event_type = "no_such"\n').format(receiver.url))
    flags = flags_in(url)
    queue_all(url, alerting, MORNING)
    told = drain(url, alerting, MORNING)
    assert told.failed == flags and len(told.troubles) == 1
    assert "given up: HTTP 400 Bad Request: Value 'no_such' does not exist." in told.troubles[0]
    assert drain(url, alerting, MORNING + timedelta(days=1)).failed == 0
    right = channels(tmp_path, RANGER.format(receiver.url))
    assert drain(url, right, MORNING, failed_too=True).sent == flags


def test_a_receiver_that_is_busy_broken_or_silent_is_asked_again_later(url, receiver, tmp_path):
    alerting = channels(tmp_path, (HOOK + "timeout_s = 1\n").format(receiver.url))
    flags = flags_in(url)
    queue_all(url, alerting, MORNING)
    receiver.answers.extend([200, 429])
    receiver.retry_after = "7200"
    first = drain(url, alerting, MORNING)
    assert (first.sent, first.waiting) == (1, flags - 1), "the others wait as long as it asked"
    soon = drain(url, alerting, MORNING + timedelta(hours=1))
    assert (soon.sent, soon.waiting, soon.later) == (0, 0, flags - 1)
    receiver.answers.extend([500, "hang", 409])
    later = drain(url, alerting, MORNING + timedelta(hours=2, minutes=1))
    assert (later.sent, later.waiting) == (flags - 3, 2), "409: it is there already"
    assert any("HTTP 500" in line for line in later.troubles)
    assert any("no answer within 1 s" in line for line in later.troubles)
    assert drain(url, alerting, MORNING + timedelta(hours=3)).sent == 2
    assert states(url) == {"sent": flags} and len(receiver.hooks) == flags


def test_after_three_days_without_a_network_each_is_told_once_by_day_and_called_historic(
    database_url, receiver, tmp_path
):
    gone = channels(tmp_path, "live_hours = 100\n" + RANGER.format("http://127.0.0.1:9"))
    flags = flagged(database_url, 60)
    queue_all(database_url, gone, MORNING)
    ages = "SELECT DISTINCT age FROM alerts WHERE seen_at IS NOT NULL"
    assert rows(database_url, ages) == [("live",)]
    for hours in range(0, 72, 6):
        told = drain(database_url, gone, MORNING + timedelta(hours=hours))
        assert told.sent == told.failed == 0
    back = channels(tmp_path, RANGER.format(receiver.url))
    night = MORNING + timedelta(days=3, hours=10)  # eight in the evening
    assert drain(database_url, back, night).sent == 0 and not receiver.events
    waits = drain(database_url, back, night + timedelta(hours=9))
    assert (waits.sent, waits.later) == (0, flags) and waits.next_at <= night + timedelta(hours=11)
    assert drain(database_url, back, night + timedelta(hours=11)).sent == flags
    assert len(receiver.events) == flags
    assert all("(historic)" in event["title"] for event in receiver.events.values())


def test_a_process_that_is_killed_tells_each_at_least_once_and_once_where_that_can_be_told(
    database_url, receiver, tmp_path
):
    alerting = channels(tmp_path, (RANGER + HOOK).format(receiver.url))
    flags = flagged(database_url, 60)
    queue_all(database_url, alerting, MORNING)
    kills, at = 0, MORNING
    for nth, answer in enumerate(("takes and hangs", 200, "takes and hangs", "hang", 200)):
        receiver.answers.extend([200, answer])
        process = drain_in_a_process(database_url, alerting, at)
        receiver.wait_for(receiver.asked + 2)
        process.kill()
        process.join()
        receiver.answers.clear()
        kills += process.exitcode == -9
        at += timedelta(minutes=11 + nth)
    while drain(database_url, alerting, at := at + timedelta(minutes=11)).sent:
        pass
    assert kills >= 3 and states(database_url) == {"sent": 2 * flags}
    ids = [event["event_details"]["id"] for event in receiver.events.values()]
    assert len(ids) == len({*ids}) == flags, "EarthRanger is asked before a repetition"
    keys = [head["Idempotency-Key"] for head, _ in receiver.hooks]
    assert len({*keys}) == flags


def test_what_somebody_judged_or_acknowledged_is_quiet(url, receiver, tmp_path):
    alerting = channels(tmp_path, RANGER.format(receiver.url))
    flags = flags_in(url)
    names = [row[0] for row in rows(url, "SELECT flag_id FROM flags ORDER BY flag_id")]
    queue_all(url, alerting, MORNING)
    engine = open_database(url)
    with writing(engine) as conn:
        save_verdict(conn, names[0], False, "Amina")
        save_verdict(conn, names[1], True, "Amina")
    [acked] = manage.acknowledge(url, [names[2][:8]], "Juma")
    assert acked.state == "acknowledged"
    told = drain(url, alerting, MORNING)
    assert (told.sent, told.quiet) == (flags - 3, 2)
    assert states(url) == {"sent": flags - 3, "acknowledged": 2, "dismissed": 1}
    with pytest.raises(InputError, match="no such alert"):
        manage.acknowledge(url, ["ffffff000"], None)
    engine.dispose()


def test_a_message_opens_its_flag_on_the_review_screen_and_a_word_there_makes_it_quiet(
    url, receiver, tmp_path
):
    page = 'review_url = "http://127.0.0.1:8123/"\n'
    alerting = channels(tmp_path, page + HOOK.format(receiver.url))
    flags = flags_in(url)
    queue_all(url, alerting, MORNING)
    receiver.answers.extend([200, 429])
    receiver.retry_after = "3600"
    assert drain(url, alerting, MORNING).sent == 1
    link = json.loads(receiver.hooks[0][1])["link"]
    ranger, address = browser(url), link.removeprefix("http://127.0.0.1:8123")
    assert ranger.get(address).status_code == 200
    queued = "SELECT flag_id FROM alerts WHERE state = 'queued' ORDER BY alert_id"
    waiting = [f"/flags/{row[0]}" for row in rows(url, queued)]
    for there, said in ((address, "confirm"), (waiting[0], "confirm"), (waiting[1], "dismiss")):
        assert ranger.post(there, data={"said": said}).status_code == 303
    assert states(url) == {"acknowledged": 2, "dismissed": 1, "queued": flags - 3}
    assert rows(url, "SELECT DISTINCT said_by FROM alerts WHERE state <> 'queued'") == [("Amina",)]
    assert drain(url, alerting, MORNING + timedelta(hours=2)).sent == flags - 3


def test_alerts_come_with_the_flags_or_neither_does(database_url, receiver, tmp_path, monkeypatch):
    alerting = channels(tmp_path, RANGER.format(receiver.url))
    monkeypatch.setenv("CAMTRIAGE_ALERTS", str(tmp_path / "alerts.toml"))
    flagged(database_url, 60)
    engine = open_database(database_url)
    with writing(engine) as conn:
        for table in ("flag_media", "flag"):
            conn.exec_driver_sql(f"DELETE FROM {table}")
        conn.exec_driver_sql("UPDATE deployment SET tags = 'access:closed'")
    engine.dispose()
    run = StartedRun(1, "card-0", None, 1, 2, 3, seed="")
    with monkeypatch.context() as broken:
        broken.setattr(step, "queue_alerts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            flags_step.flags(NamingOptions(database=database_url), run)
    assert rows(database_url, "SELECT count(*) FROM flag") == [(0,)]
    flags_step.flags(NamingOptions(database=database_url), run)
    [[found]] = rows(database_url, "SELECT count(*) FROM flag")
    assert found > 0 and states(database_url) == {"queued": found}
    assert drain(database_url, alerting, MORNING + timedelta(days=300)).sent == found


PEOPLE = HOOK.replace("hook]", "patrol]") + "people = true\n"


@pytest.mark.parametrize("people", [True, False])
def test_people_are_blocks_unless_the_channel_may_see_them(
    url, receiver, tmp_path, people, monkeypatch
):
    monkeypatch.setenv("BOT", TOKEN)
    text = f"""
    [channels.chat]
    kind = "telegram"
    to = "42"
    server = "{receiver.url}"
    secret = "env:BOT"
    digest = false
    people = {str(people).lower()}
    """
    alerting = channels(tmp_path, text)
    [[path]] = rows(
        url, "SELECT p.path FROM flags f JOIN pictures p ON p.media_id = f.flag_id"
        " ORDER BY f.flag_id LIMIT 1",
    )  # fmt: skip
    noise = Image.effect_noise((640, 480), 90).convert("RGB")
    engine = open_database(url)
    with writing(engine) as conn:
        conn.exec_driver_sql(f"UPDATE batch SET root = '{tmp_path}'")
    engine.dispose()
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    noise.save(file, quality=95)
    queue_all(url, alerting, MORNING)
    assert not drain(url, alerting, MORNING).troubles
    [photo] = [message["photo"] for message in receiver.messages if "photo" in message]
    shown = Image.open(io.BytesIO(photo)).convert("L")
    rough = sum(abs(shown.getpixel((x, 240)) - shown.getpixel((x + 1, 240))) for x in range(600))
    assert (rough > 6000) == people
    seen = rows(url, "SELECT reviewer, task FROM people_access")
    assert seen == ([("channel chat", "alerts")] if people else [])


@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")  # of apprise
def test_every_channel_says_it_in_its_own_way(url, receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("BOT", TOKEN)
    monkeypatch.setenv("APPRISE", f"json://{receiver.url.removeprefix('http://')}/hook")
    kept = tmp_path / "heard.json"
    program = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"a\").write(sys.stdin.read())'"
    with mailbox() as post:
        text = f"""
        [channels.mail]
        kind = "email"
        to = "ranger@reserve.example"
        sender = "camtriage@reserve.example"
        server = "{post.server}"
        tls = "none"
        [channels.chat]
        kind = "telegram"
        to = "42"
        server = "{receiver.url}"
        secret = "env:BOT"
        digest = false
        [channels.siren]
        kind = "command"
        to = '''{program} {kept}'''
        [channels.any]
        kind = "apprise"
        secret = "env:APPRISE"
        """
        page = 'review_url = "https://screen.example"\n'
        alerting = channels(tmp_path, page + text + HOOK.format(receiver.url))
        for name in ("mail", "chat", "siren", "any", "hook"):
            assert manage.try_channel(alerting, name).sent, name
        post.letters.clear()
        receiver.hooks.clear()
        receiver.messages.clear()
        kept.unlink()
        flags = flags_in(url)
        queue_all(url, alerting, MORNING)
        drain(url, alerting, MORNING)
        assert not post.letters, "people get the historic ones in the morning"
        told = drain(url, alerting, MORNING + timedelta(hours=21, minutes=5))
    assert told.troubles == () and states(url) == {"sent": 5 * flags}
    [letter] = post.letters
    assert f"{flags} historic alerts" in letter["Subject"]
    assert "\nsee and judge them: https://screen.example/flags" in letter.get_content()
    assert letter.get_content().count("[") == flags and letter["Message-ID"]
    assert len(receiver.messages) == flags and receiver.messages[0]["chat_id"] == "42"
    assert sum("when: 2026-03-0" in one["text"] for one in receiver.messages) >= flags - 4
    assert kept.read_text().count('"rules": ["human_at_night"]') == flags
    signed = [(head, body) for head, body in receiver.hooks if "X-Camtriage-Signature" in head]
    assert len(signed) == flags and len(receiver.hooks) == flags + 1
    for head, body in signed:
        words = head["X-Camtriage-Time"].encode() + b"." + body
        right = hmac.new(b"signed-with-this", words, hashlib.sha256).hexdigest()
        assert head["X-Camtriage-Signature"] == f"sha256={right}"
        assert head["Idempotency-Key"] == json.loads(body)["id"]


@pytest.mark.parametrize("address", ["screen:8123", "http://x/?key=abc", "http://[::1", "http://"])
def test_the_address_of_the_screen_is_one_without_a_key(address, tmp_path):
    with pytest.raises(SettingsError, match="review_url: write http://MACHINE:PORT, without a key"):
        channels(tmp_path, f'review_url = "{address}"\n')


def test_a_channel_tried_without_its_secret_is_refused_once_in_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("HOOK_KEY")
    with pytest.raises(SettingsError, match=r"^channel hook: its secret is missing"):
        manage.try_channel(channels(tmp_path, HOOK.format("http://127.0.0.1:9")), "hook")


def test_no_secret_is_told_by_rows_or_errors(url, receiver, tmp_path, monkeypatch):
    wrong = "12345:a-secret-nobody-may-read"
    monkeypatch.setenv("BOT", wrong)
    text = f"""
    [channels.chat]
    kind = "telegram"
    to = "42"
    server = "{receiver.url}"
    secret = "env:BOT"
    digest = false
    [channels.gone]
    kind = "telegram"
    to = "42"
    server = "http://127.0.0.1:9"
    secret = "env:BOT"
    digest = false
    [channels.unset]
    kind = "telegram"
    to = "42"
    secret = "env:NOBODY_SET_THIS"
    digest = false
    """
    alerting = channels(tmp_path, text)
    queue_all(url, alerting, MORNING)
    told = drain(url, alerting, MORNING)
    assert told.sent == told.failed == 0
    assert any("the environment has no NOBODY_SET_THIS" in line for line in told.troubles)
    written = (tmp_path / "c.db").read_bytes() + (tmp_path / "c.db-wal").read_bytes()
    for part in (wrong, wrong.split(":")[1]):
        assert part not in str(told) and part.encode() not in written


WRONG = {
    'kind = "pigeon"': "kind must be one of",
    'kind = "webhook"\nto = "http://x"': "secret must be given",
    'kind = "webhook"\nto = "http://x"\nsecret = "hunter2"': "where it is, not what it is",
    'kind = "command"\nto = "x"\nrules = ["no_such"]': "no such rules: no_such",
    'kind = "command"\nto = "x"\nquiet = "22-x"': "is no hour",
    'kind = "command"\nto = "x"\nseverity = "high"': "severity",
    'kind = "command"\nto = "x"\nloud = true': "unknown: loud",
    'kind = "command"\nto = "x"\nevent_type = "y"': "not of the kind command",
    'kind = "command"\nto = "x\\u202e"': "cannot be printed",
}


@pytest.mark.parametrize("text", WRONG)
def test_channels_that_cannot_be_are_refused_in_one_line_without_what_is_secret(text, tmp_path):
    with pytest.raises(SettingsError, match=WRONG[text]) as why:
        channels(tmp_path, f"[channels.one]\n{text}\n")
    assert "\n" not in str(why.value) and "hunter2" not in str(why.value)
