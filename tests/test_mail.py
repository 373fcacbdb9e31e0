"""Pictures that come by mail, from a real IMAP server over TLS on loopback."""

import random
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest

from flows.services.streams import watch
from flows.services.streams.mail import MailTrouble, Post, mailbox_of
from flows.services.streams.watch import Fetching
from pipeline.errors import SettingsError
from pipeline.streams.mail import (
    Camera,
    Mailbox,
    attachments,
    camera_of,
    load_mailbox,
    safe_name,
    subject_of,
)
from tests import cards
from tests.mailboxes import imap
from tests.prefect_servers import until

RULES = """server = "127.0.0.1"
port = {0}
user = "cameras@example.org"
secret = "env:IMAP_PASSWORD"
most_mb = 1
[cameras.CamA]
sender = "Cam-A@modem.example"
[cameras.CamB]
sender = "gateway@modem.example"
subject = "cam-b"
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    with imap(tmp_path) as held:
        monkeypatch.setenv("SSL_CERT_FILE", held.certificate)
        monkeypatch.setenv("IMAP_PASSWORD", held.password)
        yield held


@pytest.fixture
def post(server, tmp_path):
    (tmp_path / "mail.toml").write_text(RULES.format(server.port))
    return Post(mailbox_of(str(tmp_path / "mail.toml")), tmp_path / "streams")


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> bytes:
    file = tmp_path_factory.mktemp("drawn") / "a.jpg"
    cards.save(cards.picture(1), file, None)
    return file.read_bytes()


def letter(sender: str, subject: str, *files: tuple[str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = f"The camera <{sender}>", subject
    message.set_content("A picture.")
    for name, data in files:
        message.add_attachment(data, maintype="image", subtype="jpeg", filename=name)
    return message.as_bytes()


def names(paths: tuple[Path, ...]) -> list[str]:
    return [f"{path.parent.name}/{path.name}" for path in paths]


def test_pictures_of_unseen_messages_go_into_the_folder_of_their_camera(server, post, picture):
    server.deliver(letter("cam-a@modem.example", "motion", ("a.jpg", picture), ("b.jpg", picture)))
    server.deliver(letter("gateway@modem.example", "CAM-B motion", ("../../b b.jpg", picture)))
    server.deliver(letter("gateway@modem.example", "CAM-C motion", ("c.jpg", picture)))
    server.deliver(letter("cam-a@modem.example", "battery low"))
    server.deliver(letter("cam-a@modem.example", "large", ("large.jpg", b"x" * 10**6)))
    told = post.fetch()
    assert names(told.saved) == ["CamA/77-1-0-a.jpg", "CamA/77-1-1-b.jpg", "CamB/77-2-0-b_b.jpg"]
    assert [path.read_bytes() for path in told.saved] == [picture] * 3
    assert [line.partition(":")[0] for line in told.left] == [
        "left unseen, of no camera",
        "left unseen, no picture in it",
        "left unseen, larger than 1 MB",
    ]
    assert server.seen == {1, 2}, "the others are for people"
    assert post.fetch().saved == () == post.fetch().left, "told once, fetched once"


def test_a_message_is_marked_as_seen_only_when_its_picture_is_saved(server, post, picture):
    server.deliver(letter("cam-a@modem.example", "motion", ("a.jpg", picture)))
    server.die_at = "STORE"
    with pytest.raises(MailTrouble):
        post.fetch()
    assert server.seen == set() and (post.streams / "CamA" / "77-1-0-a.jpg").exists()
    assert names(post.fetch().saved) == ["CamA/77-1-0-a.jpg"], "under the same name"
    assert server.seen == {1} and len([*(post.streams / "CamA").iterdir()]) == 1


def test_a_stream_asks_its_mailbox_beside_the_looks(server, post, picture, monkeypatch):
    monkeypatch.setattr(watch, "FETCH_EVERY_S", 0.0)
    server.deliver(letter("cam-a@modem.example", "motion", ("a.jpg", picture)))
    server.deliver(letter("somebody@example.org", "hello"))
    fetching = Fetching(post)
    assert fetching.news() == [], "it has only begun"
    assert until(lambda: fetching.running.done(), 20, 0.02)
    assert [told.line for told in fetching.news()] == [
        "left unseen, of no camera: somebody@example.org: hello"
    ]
    assert (post.streams / "CamA" / "77-1-0-a.jpg").read_bytes() == picture
    monkeypatch.setenv("IMAP_PASSWORD", "mistyped-secret")
    fetching.news()
    assert until(lambda: [told for told in fetching.news() if told.wrong], 20, 0.02)
    fetching.pool.shutdown()


def test_a_wrong_password_and_a_foreign_certificate_are_one_line_without_it(
    server, post, monkeypatch
):
    monkeypatch.setenv("IMAP_PASSWORD", "mistyped-secret")
    with pytest.raises(MailTrouble, match=r"^mail of 127.0.0.1: .*wrong") as why:
        post.fetch()
    assert "mistyped" not in str(why.value)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailTrouble, match="certificate"):
        post.fetch()
    monkeypatch.delenv("IMAP_PASSWORD")
    with pytest.raises(SettingsError, match="the environment has no IMAP_PASSWORD"):
        post.fetch()


def test_a_message_of_damaged_bytes_is_no_ones_or_has_fewer_pictures(picture):
    box = Mailbox("s", "u", "env:X", cameras=(Camera("CamA", sender="a@b"),))
    whole, luck = letter("a@b", "motion é", ("é.jpg", picture[:300])), random.Random(5)
    assert camera_of(box, whole) == "CamA"
    heads = [b"Subject: =?ut\xff-8?q?a?=\n\n", b"From: =?utf-8?b?!!!?= <\n\n", b"\xff\xfe\0" * 9]
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(6):
            damaged[luck.randrange(len(damaged))] = luck.randrange(256)
        heads.append(bytes(damaged))
    for head in heads:
        assert camera_of(box, head) in (None, "CamA") and subject_of(head).isprintable()
        with suppress(SettingsError):
            assert len(attachments(head)) <= 1


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("DSC_0001.JPG", "DSC_0001.JPG"),
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("C:\\cam\\..\\a b.jpg", "a_b.jpg"),
        (".hidden.jpg", "hidden.jpg"),
        ("x" * 300 + ".jpg", "x" * 76 + ".jpg"),
        ("\u202egpj.exe\x00.jpg", "gpj.exe_.jpg"),
        ("..", ""),
    ],
)
def test_a_name_from_outside_leads_nowhere(name, safe):
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('secret = "hunter2"', "must say where it is"),
        ("port = 0", "port is 1 to 65535"),
        ('port = "993"', "is not what stands there"),
        ('tls = "none"', "unknown: tls"),
        ('[cameras."../x"]\nsender = "a@b"', "not a name for a folder"),
        ("[cameras.CamC]", "sender or subject must be given"),
        ("cameras = 3", "stands there twice|write each camera"),
    ],
)
def test_a_wrong_mail_toml_is_one_line(tmp_path, wrong, said):
    given = RULES.format(993)
    name = wrong.partition(" ")[0]
    lines = [line for line in given.splitlines() if not line.startswith(f"{name} =")]
    where = len(lines) if wrong.startswith("[") else 0
    (tmp_path / "mail.toml").write_text("\n".join([*lines[:where], wrong, *lines[where:]]))
    with pytest.raises(SettingsError, match=said):
        load_mailbox(tmp_path / "mail.toml")
