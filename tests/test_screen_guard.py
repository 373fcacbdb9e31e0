"""Attacks on the review screen: other pages and names, paths, hostile words, all harmless."""

import io
import shutil

import pytest
import sqlalchemy as sa
from PIL import Image

from db.core import schema
from db.core.engine import open_database, reading, writing
from flows.services.reviewing.pictures import Roots
from flows.web.app import make_app, make_desk
from tests.screens import HOME, PORT, Browser, browser, fill_with_pictures, second

ANIMAL = [{"observation_type": "animal", "name": "Equus quagga", "count": 2}]
ADDRESSES = {  # every address of the screen, as somebody asks it -> what it answers him
    "GET /": ("/", 200),
    "POST /reviewer": ("/reviewer", 303),
    "GET /review": ("/review", 200),
    "POST /api/next": ("/api/next", 200),
    "POST /api/hold": ("/api/hold", 200),
    "POST /api/visit": ("/api/visit", 200),
    "POST /api/save": ("/api/save", 400),  # without an answer
    "POST /api/undo": ("/api/undo", 200),
    "POST /api/reveal": ("/api/reveal", 200),
    "POST /api/favourite": ("/api/favourite", 400),  # of no picture
    "POST /api/size": ("/api/size", 200),
    "GET /api/names": ("/api/names?q=zebr", 200),
    "GET /grid": ("/grid", 200),
    "POST /api/alike": ("/api/alike", 200),
    "POST /api/alike/save": ("/api/alike/save", 400),  # without answers
    "POST /api/alike/undo": ("/api/alike/undo", 200),
    "GET /picture/{media_id:int}/{size:str}.jpg": ("/picture/1/big.jpg", 200),
    "GET /flags": ("/flags", 200),
    "GET /flags/{flag_id}": ("/flags/none", 400),
    "POST /flags/{flag_id}": ("/flags/none", 400),
    "GET /seen": ("/seen", 200),
    "GET /visit/{media_id:int}": ("/visit/1", 200),
    "GET /map": ("/map", 200),
    "GET /static": ("/static/review.js", 200),
}


@pytest.fixture(scope="module")
def url(empty_sqlite, tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    shutil.copy(empty_sqlite, folder / "camtriage.db")
    made = f"sqlite:///{folder / 'camtriage.db'}"
    fill_with_pictures(made, folder, 24)
    return made


@pytest.fixture(scope="module")
def amina(url):
    return browser(url)


def reviews(url) -> int:
    engine = open_database(url)
    with reading(engine) as conn:
        found = conn.execute(sa.text("SELECT count(*) FROM review")).scalar()
    engine.dispose()
    return found


def names_of(app) -> list[str]:
    """Every address of the application with its method; one that a new file adds is among them."""
    return [
        f"{method} {route.path}"
        for route in app.routes
        for method in sorted((getattr(route, "methods", None) or {"GET"}) - {"HEAD"})
    ]


def asked(client, name: str, **headers: str):
    """An address as the page would ask it, without a word about anything."""
    body = {"json": {}} if name.startswith("POST /api") else {}
    return client.request(name.partition(" ")[0], ADDRESSES[name][0], headers=headers, **body)


def test_every_address_is_known_here_and_answers_its_reviewer(amina):
    assert sorted(names_of(amina.app)) == sorted(ADDRESSES)
    for name, (_, status) in ADDRESSES.items():
        answer = asked(amina, name)
        assert answer.status_code == status, f"{name}: {answer.text[:200]}"
        assert not any(head.startswith("access-control") for head in answer.headers), name


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a@127.0.0.1:x"])
def test_every_address_refuses_a_name_that_was_made_to_point_here(amina, host):
    for name in ADDRESSES:
        assert asked(amina, name, host=host).status_code == 421, name


def test_every_address_that_changes_something_refuses_another_page(url, amina):
    before = reviews(url)
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{PORT + 1}"):
        for name in ADDRESSES:
            if name.startswith("POST"):
                assert asked(amina, name, origin=origin).status_code == 403, name
    assert reviews(url) == before


def test_every_address_refuses_who_has_no_key_or_another_one(amina):
    stranger = Browser(amina.app, None)
    for cookie in (None, "guess"):
        if cookie:
            stranger.cookies.set(amina.app.state.desk.key_cookie, cookie)
        for name in ADDRESSES:
            assert asked(stranger, name).status_code == 403, name


def test_who_has_no_key_gets_nothing(url):
    stranger = browser(url, name=None)
    stranger.cookies.clear()
    for address in ("/", "/review", "/static/review.js", "/picture/1/big.jpg", "/?key=guess"):
        answer = stranger.get(address)
        assert answer.status_code == 403, address
        assert "Equus" not in answer.text
    assert stranger.post("/api/undo", json={}).status_code == 403


def test_another_page_in_the_same_browser_can_change_nothing(url, amina):
    before = reviews(url)
    body = {"media_ids": [1], "purpose": "event", "said": ANIMAL}
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{PORT + 1}", "file://"):
        headers = {"origin": origin}
        assert amina.post("/api/save", json=body, headers=headers).status_code == 403
        form = {"reviewer": "Mallory"}
        assert amina.post("/reviewer", data=form, headers=headers).status_code == 403
    text = amina.post("/api/save", content=b"{}", headers={"content-type": "text/plain"})
    assert text.status_code == 400
    assert reviews(url) == before


@pytest.mark.parametrize(
    "address",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/guard.py",
        "/picture/..%2f..%2fetc%2fpasswd/big.jpg",
        "/picture/1/..%2f..%2fx.jpg",
        "/picture/-1/big.jpg",
        "/picture/99999999999999999999/big.jpg",
        "/picture/1/huge.jpg",
    ],
)
def test_no_address_is_a_path_of_this_machine(amina, address):
    answer = amina.get(address)
    assert answer.status_code in (400, 404)
    assert "import" not in answer.text and "root:" not in answer.text


def test_a_picture_whose_path_leads_out_of_its_card_is_not_sent(url, amina, tmp_path):
    secret = tmp_path / "secret.jpg"
    Image.new("RGB", (9, 9), "red").save(secret)
    engine = open_database(url)
    [item] = amina.ask("next", queue={}, after=0, most=1)["items"]
    key = item["media_id"]
    with writing(engine) as conn:
        m = schema.media
        old = conn.execute(sa.select(m.c.path, m.c.size).where(m.c.id == key)).one()
        out = {"path": "../" * 20 + str(secret)[1:], "size": secret.stat().st_size}
        conn.execute(sa.update(m).where(m.c.id == key).values(**out))
    try:
        answer = amina.get(f"/picture/{key}/full.jpg")
        assert answer.status_code == 404 or Image.open(io.BytesIO(answer.content)).width == 640
    finally:
        with writing(engine) as conn:
            conn.execute(sa.update(m).where(m.c.id == key).values(path=old.path, size=old.size))
        engine.dispose()


def test_hostile_names_and_comments_stay_text(url, amina):
    nasty = "</script><script>alert(1)</script>"
    mallory = second(amina, nasty)
    refused = mallory.get("/review", params={"deployment": nasty})
    page = mallory.get(refused.headers["location"])
    assert "<script>alert" not in page.text and "&lt;script&gt;" in page.text
    assert "<script>alert" not in mallory.get("/", params={"why": nasty}).text


def test_pages_let_no_foreign_or_inline_script_run(amina):
    for address in ("/", "/review", "/static/review.js", "/picture/1/big.jpg"):
        rules = amina.get(address).headers["content-security-policy"]
        assert "default-src 'none'" in rules and "script-src 'self';" in rules
        assert "unsafe" not in rules
    for address in ("/", "/review"):
        text = amina.get(address).text
        assert " style=" not in text and " onclick" not in text and "http://" not in text


def test_a_body_that_is_too_large_or_no_json_is_refused(amina):
    large = b'{"queue": "' + b"x" * 300_000 + b'"}'
    head = {"content-type": "application/json"}
    assert amina.post("/api/next", content=large, headers=head).status_code == 413
    for body in (b"{", b"[]", b"[" * 100_000, b'{"media_ids": ["1"]}', b'{"media_ids": [1e9]}'):
        assert amina.post("/api/save", content=body, headers=head).status_code == 400


def test_the_key_goes_into_a_cookie_that_no_other_page_sends(url):
    desk = make_desk(url, Roots(), 0.2, PORT, users=["Amina", "Ben"])
    for key, user in desk.users.items():
        client = Browser(make_app(desk), None)
        answer = client.get("/", params={"key": key})
        cookie = answer.headers["set-cookie"].lower()
        assert answer.status_code == 303 and answer.headers["location"] == "/"
        assert "httponly" in cookie and "samesite=strict" in cookie
        page = client.get("/").text
        assert f"<strong>{user}</strong>" in page and "Somebody else" not in page
    assert HOME in client.headers["origin"]
