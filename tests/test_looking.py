"""Pages of flags, of what was seen and of stations: what they give, and whom they refuse."""

import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, reading, writing
from flows.services.flags import judge_flags, list_flags, one_flag
from flows.services.reviewing.agreement import SEED, SHARE
from pipeline.report.maps.geojson import Backdrop
from pipeline.trust.agreement import drawn_again
from tests.screens import Browser, browser, fill_with_pictures, second

BAD = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> str:
    """A card on SQLite: the queries run on both databases in tests/test_seen.py."""
    folder = tmp_path_factory.mktemp("looking")
    url = f"sqlite:///{folder / 'camtriage.db'}"
    fill_with_pictures(url, folder)
    return url


@pytest.fixture(scope="module")
def amina(url) -> Browser:
    return browser(url)


def rows(url: str, query: str) -> list[tuple]:
    engine = open_database(url)
    with reading(engine) as conn:
        found = [tuple(row) for row in conn.execute(sa.text(query))]
    engine.dispose()
    return found


def flag_ids(url: str) -> list[str]:
    return [flag for (flag,) in rows(url, "SELECT flag_id FROM flags ORDER BY flag_id")]


@pytest.mark.parametrize("address", ["/", "/flags", "/seen", "/map"])
def test_every_page_leads_to_the_others_and_has_no_style_or_script_within(amina, address):
    page = amina.get(address)
    assert page.status_code == 200
    for other in ("/flags", "/seen", "/map"):
        assert f'href="{other}"' in page.text
    assert "style=" not in page.text and "<style" not in page.text, "the page forbids them"


@pytest.mark.parametrize("address", ["/flags", "/seen", "/map", "/visit/1"])
def test_who_did_not_say_a_name_is_asked_for_it_first_and_who_has_no_key_is_refused(url, address):
    nobody = browser(url, None)
    assert nobody.get(address).headers["location"] == "/"
    assert Browser(nobody.app, None).get(address).status_code == 403


def test_a_flag_shows_people_and_writes_down_to_whom(url, amina):
    flag = flag_ids(url)[0]
    [(key,)] = rows(url, f"SELECT id FROM media WHERE sha256 = '{flag}'")
    hidden = amina.get(f"/picture/{key}/strip.jpg").content
    before = len(rows(url, "SELECT * FROM people_access"))
    page = amina.get(f"/flags/{flag}")
    assert f"/picture/{key}/big.jpg" in page.text and "Amina saw them" in page.text
    seen = rows(url, "SELECT media_id, reviewer, task FROM people_access")
    assert (flag, "Amina", "flags") in seen and len(seen) > before
    assert amina.get(f"/picture/{key}/strip.jpg").content != hidden
    assert second(amina, "Ben").get(f"/picture/{key}/strip.jpg").content == hidden


def test_a_flag_is_confirmed_and_dismissed_with_a_comment_as_on_the_command_line(url, amina):
    first, other = flag_ids(url)[:2]
    answer = amina.post(f"/flags/{first}", data={"said": "confirm", "comment": f" two\nmen {BAD}"})
    assert answer.status_code == 303 and answer.headers["location"].startswith("/flags/")
    status = f"SELECT status, reviewer, comment FROM flags WHERE flag_id = '{first}'"
    assert rows(url, status) == [("confirmed", "Amina", f"two men {BAD}")]
    after = amina.get(answer.headers["location"]).text
    assert f'confirmed: <a href="/flags/{first}">{one_flag(url, first).flag.title}</a>' in after
    assert "confirmed: <a" not in amina.get(f"/flags/{other}?last=none").text
    for page in (amina.get("/flags"), amina.get(f"/flags/{first}")):
        assert "&lt;script&gt;" in page.text and BAD not in page.text
    amina.post(f"/flags/{first}", data={"said": "dismiss", "comment": ""})
    assert rows(url, status) == [("dismissed", "Amina", None)]
    [judged] = judge_flags(url, [other], True, "Ben", "snare")
    assert (judged.reviewer, judged.comment) == ("Ben", "snare")
    assert "Ben: snare" in amina.get("/flags").text
    assert len(rows(url, "SELECT id FROM verdict")) == 3, "earlier words are kept"


def test_beside_a_flag_are_those_of_the_list_and_the_next_suspected_one(url):
    listed = list_flags(url)
    names, suspected = ([f.flag_id for f in listed if f.status in kinds] for kinds in (
        ("suspected", "confirmed", "dismissed"), ("suspected",)
    ))  # fmt: skip
    for at, flag in enumerate(listed):
        found = one_flag(url, flag.flag_id)
        assert found.flag == flag
        assert found.before == (names[at - 1] if at else None)
        assert found.after == (names[at + 1] if at + 1 < len(names) else None)
        later = [one for one in names[at + 1 :] + names[:at] if one in suspected]
        assert found.suspected == (later[0] if later else None)


def test_what_is_no_verdict_no_flag_or_comes_from_another_page_changes_nothing(url, amina):
    flag = flag_ids(url)[-1]
    before = rows(url, "SELECT id FROM verdict")
    for form in ({"said": "burn"}, {}, {"said": "confirm", "comment": "x" * 3000}):
        assert "why=" in amina.post(f"/flags/{flag}", data=form).headers["location"]
    for name in ("nothing", "%27%20OR%201=1", "..%2f..%2fetc%2fpasswd", flag[:-1]):
        assert amina.post(f"/flags/{name}", data={"said": "confirm"}).status_code in (400, 404)
        assert amina.get(f"/flags/{name}").status_code in (400, 404)
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9"):
        form = {"said": "confirm"}
        answer = amina.post(f"/flags/{flag}", data=form, headers={"origin": origin})
        assert answer.status_code == 403
    rebound = amina.get(f"/flags/{flag}", headers={"host": "evil.example"})
    assert rebound.status_code == 421
    assert rows(url, "SELECT id FROM verdict") == before


def test_pictures_are_paged_and_filters_stay_in_the_links(amina):
    page = amina.get("/seen", params={"state": "kept", "deployment": "K000 2026"})
    assert page.text.count("/strip.jpg") > 5
    assert "more like this" in page.text and "state=kept" in page.text
    first = amina.get("/seen").text
    assert "before=" in first
    link = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    later = amina.get(link).text
    assert later.split("/strip.jpg")[0] != first.split("/strip.jpg")[0]


def test_a_filter_that_is_none_is_said_on_the_page_and_no_word_of_it_is_markup(amina):
    page = amina.get("/seen", params={"light": BAD, "species": BAD})
    assert page.status_code == 200 and 'role="alert"' in page.text and BAD not in page.text
    for words in ({"before": "-1"}, {"before": "9" * 99}, {"like": "x"}, {"like": "4000000000"}):
        assert amina.get("/seen", params=words).status_code == 200
    assert "No picture is so" in amina.get("/seen", params={"species": "' OR 1=1 --"}).text


def test_a_visit_shows_every_answer_and_which_one_counts(url, amina):
    [(key,)] = rows(url, "SELECT media_id FROM visit ORDER BY id LIMIT 1")
    for client, name in ((amina, "Lynx lynx"), (second(amina, "Ben"), "Genetta ficta")):
        said = [{"observation_type": "animal", "name": name, "count": 2, "comment": BAD}]
        client.ask("save", media_ids=[key], purpose="event", said=said)
    page = amina.get(f"/visit/{key}")
    parts = page.text.split("What people said")[1]
    first, newest = parts.index("Eurasian lynx"), parts.index("Genetta ficta")
    assert parts.count("<td>counts</td>") == 1
    assert first < parts.index("<td>counts</td>") < newest
    assert BAD not in page.text and "at=" in page.text
    assert amina.get("/visit/999999999").status_code == 400
    assert amina.get("/visit/99999999999").status_code == 400
    assert amina.get("/visit/..%2f1").status_code == 404


def test_times_are_shown_to_the_second_where_a_camera_wrote_less(url, amina):
    visit = "SELECT v.media_id, d.name FROM visit v JOIN deployment d ON d.id = v.deployment_id"
    [(key, place)] = rows(url, f"{visit} ORDER BY v.id LIMIT 1")
    picture, engine = schema.status.c.media_id == key, open_database(url)
    with writing(engine) as conn:
        was = conn.execute(sa.select(schema.status.c.taken_at).where(picture)).scalar_one()
        less = was.replace(microsecond=950000)
        conn.execute(sa.update(schema.status).where(picture).values(taken_at=less))
    day = f"{was:%Y-%m-%d}"
    seen = amina.get("/seen", params={"deployment": place, "from": day, "to": day})
    pages = [amina.get(f"/visit/{key}").text, seen.text]
    with writing(engine) as conn:
        conn.execute(sa.update(schema.status).where(picture).values(taken_at=was))
    engine.dispose()
    for page in pages:
        assert f"{was}</p>" in page and ".95" not in page


def test_stations_are_on_the_map_with_what_lies_behind_and_hostile_names_are_text(url):
    engine = open_database(url)
    with writing(engine) as conn:
        d = schema.deployment
        conn.execute(sa.update(d).where(d.c.id == 1).values(location_id=BAD, location_name=BAD))
        places = conn.execute(sa.select(d.c.id, d.c.latitude)).all()
        conn.execute(sa.update(d).where(d.c.id == 2).values(latitude=None, longitude=None))
    engine.dispose()
    ring = ((-180.0, -80.0), (180.0, -80.0), (180.0, 80.0), (-180.0, 80.0))
    page = browser(url, backdrop=Backdrop(((ring,),))).get("/map").text
    assert page.count('class="station"') == sum(row.latitude is not None for row in places) - 1
    assert ('class="area"' in page and " km</text>" in page) or " m</text>" in page
    assert BAD not in page and "1 without coordinates" in page


def test_a_second_look_is_blind_and_is_asked_of_others_only(url, amina):
    """Of the drawn visits; and what Ben says takes the visit out of his queue."""
    ben, queue = second(amina, "Ben"), {"kind": "second"}
    lion = [{"observation_type": "animal", "name": "Panthera leo"}]
    visits = rows(url, "SELECT v.media_id, m.sha256 FROM visit v JOIN media m ON m.id = v.media_id")
    drawn = [key for key, sha in visits if drawn_again(sha, SHARE, SEED)]
    for key in drawn:
        amina.ask("save", media_ids=[key], purpose="event", said=lion)
    assert amina.ask("next", queue=queue, after=0, most=5)["items"] == []
    before = ben.ask("size", queue=queue)
    [item] = ben.ask("next", queue=queue, after=0, most=1)["items"]
    assert item["media_id"] in drawn
    assert item["answer"] is None and not any(frame["answer"] for frame in item["frames"])
    ben.ask("save", media_ids=[item["media_id"]], purpose="event", said=lion)
    after = ben.ask("size", queue=queue)
    assert (after["total"], after["answered"]) == (before["total"], before["answered"] + 1)
    page = ben.get("/review", params=queue)
    assert page.status_code == 200 and "A second look" in page.text
