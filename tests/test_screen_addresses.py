"""The review screen's addresses without a browser: what they give, and whom they refuse."""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from PIL import Image

from db.core import schema
from db.core.engine import open_database, reading, writing
from db.queries.exchange.package import picture_rows
from flows.services.reviewing.queues import Queue
from tests.screens import browser, fill_with_pictures, second

ANIMAL = [{"observation_type": "animal", "name": "Equus quagga", "count": 2}]
ALL = {"kind": "visits"}


@pytest.fixture(scope="module")
def url(url_of_module, tmp_path_factory):
    fill_with_pictures(url_of_module, tmp_path_factory.mktemp("cards"))
    return url_of_module


@pytest.fixture(scope="module")
def amina(url):
    return browser(url)


def rows(url, query):
    engine = open_database(url)
    with reading(engine) as conn:
        found = conn.execute(sa.text(query)).all()
    engine.dispose()
    return found


def next_one(client, queue=ALL, after=0):
    [item] = client.ask("next", queue=queue, after=after, most=1)["items"]
    return item


def told(url, media_id):
    """(type, name, count, reviewer) of the answer on a visit that counts."""
    return rows(
        url,
        "SELECT r.observation_type, r.name, r.count, r.reviewer FROM review r JOIN current_review c"
        f" ON c.review_id = r.id WHERE r.media_id = {media_id} AND r.purpose = 'event'",
    )


def looks_of(url, reviewer):
    """(picture, task) of everything that was shown to somebody as it is."""
    told = f"SELECT media_id, task FROM access_to_people WHERE reviewer = '{reviewer}'"
    return sorted((row.media_id, row.task) for row in rows(url, told))


def test_an_answer_is_in_the_database_when_the_address_returns_and_the_visit_leaves_the_queue(
    url, amina
):
    item = next_one(amina)
    assert amina.ask("save", media_ids=[item["media_id"]], purpose="event", said=ANIMAL) == {
        "saved": 1,
        "common": {"Equus quagga": "plains zebra"},
    }
    assert told(url, item["media_id"]) == [("animal", "Equus quagga", 2, "Amina")]
    assert next_one(amina)["media_id"] != item["media_id"]


def test_what_was_taken_back_counts_no_more_and_counts_again_when_it_is_given_again(url, amina):
    item = next_one(amina)
    place = {"media_ids": [item["media_id"]], "purpose": "event"}
    amina.ask("save", **place, said=ANIMAL)
    amina.ask("save", **place, said=[{"observation_type": "blank"}])
    assert amina.ask("undo", queue=ALL)["item"]["media_id"] == item["media_id"]
    assert told(url, item["media_id"]) == [("animal", "Equus quagga", 2, "Amina")]
    later = browser(url)  # another process: undo remembers nothing itself
    later.ask("undo", queue=ALL)
    assert told(url, item["media_id"]) == []
    assert next_one(later)["media_id"] == item["media_id"]
    for _ in range(2):
        later.ask("undo", queue=ALL, again=True)
    assert told(url, item["media_id"]) == [("blank", None, None, "Amina")]
    assert later.ask("undo", queue=ALL, again=True)["item"] is None
    later.ask("undo", queue=ALL)
    later.ask("save", **place, said=[{"observation_type": "unknown"}])
    assert later.ask("undo", queue=ALL, again=True)["item"] is None, "a new answer ends the redo"


def test_undo_and_redo_tell_what_was_taken_back_and_of_which_pictures(amina):
    item = next_one(amina)
    keys = [frame["media_id"] for frame in item["frames"]][:2]
    amina.ask("save", media_ids=keys, purpose="review", said=[{"observation_type": "blank"}])
    amina.ask("save", media_ids=[item["media_id"]], purpose="event", said=ANIMAL)
    undone = amina.ask("undo", queue=ALL)
    assert [(said["name"], said["count"]) for said in undone["said"]] == [("Equus quagga", 2)]
    assert (undone["common"], undone["pictures"]) == ({"Equus quagga": "plains zebra"}, [])
    undone = amina.ask("undo", queue=ALL)
    assert [said["observation_type"] for said in undone["said"]] == ["blank"]
    assert undone["pictures"] == keys
    assert amina.ask("undo", queue=ALL, again=True)["pictures"] == keys
    amina.ask("undo", queue=ALL)


def test_only_what_was_taken_back_since_the_last_answer_is_given_again(url, amina):
    one, two = (item["media_id"] for item in amina.ask("next", queue=ALL, after=0, most=2)["items"])
    for key, kind in ((one, "blank"), (two, "human")):
        said = [{"observation_type": kind}]
        amina.ask("save", media_ids=[key], purpose="event", said=said)
        amina.ask("undo", queue=ALL)
    assert amina.ask("undo", queue=ALL, again=True)["item"]["media_id"] == two
    assert told(url, two) == [("human", None, None, "Amina")] and told(url, one) == []
    assert amina.ask("undo", queue=ALL, again=True)["item"] is None
    amina.ask("undo", queue=ALL)  # for the tests after this one


def test_nobody_takes_back_what_another_said(amina):
    assert second(amina, "Nobody yet").ask("undo", queue=ALL)["item"] is None


def test_two_reviewers_never_have_the_same_visit(amina):
    ben = second(amina, "Ben")
    seen = [client.ask("next", queue=ALL, after=0, most=5)["items"] for client in (amina, ben)]
    mine, his = ({item["media_id"] for item in items} for items in seen)
    assert len(mine) == 5 and his and not mine & his
    kept = amina.ask("next", queue=ALL, after=0, most=1, keep=[min(mine)])["items"]
    assert {item["media_id"] for item in kept} & (mine | his) <= mine - {min(mine)}


def test_the_audit_asks_about_single_pictures_and_its_answers_count_there(url, amina):
    queue = {"kind": "audit"}
    before = amina.ask("size", queue=queue)
    item = next_one(amina, queue)
    asked = [frame["media_id"] for frame in item["frames"] if frame["asked"]]
    assert not item["of_visit"] and asked == [item["media_id"]]
    amina.ask("save", media_ids=asked, purpose="audit", said=[{"observation_type": "blank"}])
    after = amina.ask("size", queue=queue)
    assert after["answered"] == before["answered"] + 1 and after["total"] == before["total"]
    amina.ask("undo", queue=queue)


def test_what_the_next_answers_do_to_an_interval_has_a_unit(amina):
    said = amina.ask("size", queue={"kind": "audit"}, interval=True)["interval"]
    assert re.search(r"\d+ more answers?: about ±[\d.]+ points$", said)


@pytest.mark.parametrize("kind", ["visits", "doubtful", "people", "flags", "cells", "audit"])
def test_every_queue_has_a_page_a_size_and_a_next_one(amina, kind):
    queue = {"kind": kind} | ({"below": "0.9"} if kind == "doubtful" else {})
    page = amina.get("/review", params=queue)
    assert page.status_code == 200 and f'data-kind="{kind}"' in page.text
    size = amina.ask("size", queue=queue)
    assert 0 <= size["answered"] < size["total"]
    item = next_one(amina, queue)
    assert item["frames"] and item["deployment"] and item["machine"]


def test_the_queue_of_flags_shows_why_and_leads_to_the_page_where_a_flag_is_judged(amina):
    queue = {"kind": "flags"}
    flag = next_one(amina, queue)["flag"]
    assert (flag["severity"], flag["reason"]) == ("look today", "A person at night.")
    assert flag["reason"] in amina.get(f"/flags/{flag['flag_id']}").text
    assert "confirm or dismiss it" in amina.get("/review", params=queue).text
    assert "confirm or dismiss it" not in amina.get("/review", params=ALL).text
    assert next_one(amina)["flag"] is None, "other queues say nothing of it"


def test_an_old_list_stands_until_the_next_one_is_made_and_nobody_waits_for_it(amina):
    queues = amina.app.state.desk.queues
    size = queues.size(Queue("flags"), "Amina")
    old = queues._lists["flags"]
    old.stands_until = 0
    assert queues.size(Queue("flags"), "Amina") == size
    give_up = time.monotonic() + 60
    while queues._lists["flags"] is old and time.monotonic() < give_up:
        time.sleep(0.02)
    assert queues._lists["flags"] is not old
    assert queues.size(Queue("flags"), "Amina") == size


def test_a_queue_that_cannot_be_made_says_why_it_has_none(empty_sqlite):
    size = browser(f"sqlite:///{empty_sqlite}").ask("size", queue={"kind": "cells"})
    assert size["total"] == 0 and "no camera-day is known" in size["why"]


def test_the_first_page_has_no_backticks_and_shows_the_keys(amina):
    page = amina.get("/").text
    assert "`" not in page and "<code>camtriage review sample</code>" in page
    assert "take back my last answer" in page


def test_a_visit_that_may_show_a_person_nobody_named_says_so_with_its_probability(url, amina):
    [(key, p)] = rows(
        url,
        "SELECT v.media_id, k.p_human FROM visit v JOIN visit_taxon t ON t.visit_id = v.id"
        " JOIN look k ON k.media_id = v.media_id"
        " WHERE t.name = 'Mammalia' ORDER BY v.id LIMIT 1",
    )
    place = {"queue": {"kind": "people"}, "media_id": key}
    assert amina.ask("visit", **place)["item"]["may_show"] == []
    set_p_human(url, key, 0.25)
    try:
        [said] = amina.ask("visit", **place)["item"]["may_show"]
    finally:
        set_p_human(url, key, p)
    assert (said["observation_type"], said["probability"]) == ("human", 0.25)


def set_p_human(url, key, p):
    engine = open_database(url)
    with writing(engine) as conn:
        where = schema.look.c.media_id == key
        conn.execute(sa.update(schema.look).where(where).values(p_human=p))
    engine.dispose()


def test_a_filter_names_deployment_species_and_days(amina):
    place = next_one(amina)["deployment"]
    item = next_one(amina, {"deployment": place, "species": "Equus quagga", "from": "2026-01-01"})
    assert item["deployment"] == place
    assert {"Equus quagga"} <= {said["name"] for said in item["machine"]}
    nothing = amina.ask("next", queue={"deployment": "' OR 1=1 --"}, after=0, most=5)
    assert nothing["items"] == []


@pytest.mark.parametrize("page", ["/review", "/grid"])
def test_a_deployment_or_species_that_is_not_here_is_said_with_those_nearest_to_it(amina, page):
    place = next_one(amina)["deployment"]
    for words, told in (
        ({"deployment": place[:4]}, f"no deployment {place[:4]}; there are {place}, "),
        ({"species": "plains zebra"}, "called plains zebra; there are Equus quagga (plains zebra)"),
    ):
        refused = amina.get(page, params={"kind": "visits", **words})
        assert refused.status_code == 303 and refused.headers["location"].startswith("/?why=")
        assert told in amina.get(refused.headers["location"]).text
    for words in ({"deployment": place, "species": "Equus quagga"}, {"species": "human"}):
        assert amina.get(page, params={"kind": "visits", **words}).status_code == 200


@pytest.mark.parametrize(
    "queue",
    [{"kind": "every"}, {"from": "1.5.2026"}, {"kind": "doubtful", "below": "2"}, {"sql": "x"}],
)
def test_a_filter_that_is_not_understood_is_said_in_one_line(amina, queue):
    answer = amina.post("/api/next", json={"queue": queue})
    assert answer.status_code == 400 and answer.json()["error"].count("\n") == 0
    assert amina.get("/review", params=queue).status_code == 303


def test_a_picture_is_a_jpeg_no_larger_than_asked_and_without_what_the_camera_wrote(amina):
    key = next_one(amina)["frames"][0]["media_id"]
    for size, longest in (("strip", 240), ("big", 640), ("full", 640)):
        answer = amina.get(f"/picture/{key}/{size}.jpg")
        image = Image.open(io.BytesIO(answer.content))
        assert (image.format, max(image.size)) == ("JPEG", longest)
        assert not image.getexif()


def test_people_are_blocks_until_a_reviewer_asks_and_then_it_is_logged(url, amina):
    [key] = rows(url, "SELECT min(media_id) FROM status WHERE observation_type = 'human'")[0]
    address, dora = f"/picture/{key}/big.jpg", second(amina, "Dora")
    hidden = dora.get(address)
    item = dora.ask("visit", queue=ALL, media_id=key, of_visit=False)["item"]
    assert key in item["hidden"]
    dora.ask("reveal", queue=ALL, media_ids=[key])
    assert hidden.content != dora.get(address).content
    assert dora.get(address).headers["cache-control"] == "no-store"
    assert second(amina, "Ben").get(address).content == hidden.content, "for her alone"
    assert looks_of(url, "Dora") == [(key, "visits")]


@pytest.mark.parametrize("kind", ["people", "flags"])
def test_what_a_queue_shows_of_people_is_written_down_once_a_picture(url, amina, kind):
    queue, name = {"kind": kind}, f"Ranger of {kind}"
    ranger, pictures = second(amina, name), amina.app.state.desk.pictures
    [first] = rows(
        url,
        "SELECT min(v.media_id) FROM visit_taxon t JOIN visit v ON v.id = t.visit_id"
        " WHERE observation_type = 'human'",
    )[0]
    item = ranger.ask("visit", queue=queue, media_id=first)["item"]
    keys = [frame["media_id"] for frame in item["frames"]]
    people = [key for key in keys if pictures.people_on(key)]
    assert people and looks_of(url, name) == [], "nothing was sent yet"
    for key in keys:
        for size in ("big", "strip", "big"):
            assert ranger.get(f"/picture/{key}/{size}.jpg").status_code == 200
    assert looks_of(url, name) == sorted((key, kind) for key in people)


def test_a_card_that_is_away_is_named_with_the_option_that_helps(url, amina, tmp_path):
    engine = open_database(url)
    with writing(engine) as conn:
        home = conn.execute(sa.select(schema.batch.c.root)).scalar()
        at = schema.batch.c.root == home
        conn.execute(sa.update(schema.batch).where(at).values(root=str(tmp_path / "away")))
        key = conn.execute(
            sa.text(
                f"SELECT m.id FROM media m JOIN batch b ON b.id = m.batch_id"
                f" WHERE b.root = '{tmp_path / 'away'}'"
            )
        ).scalar()
    try:
        item = amina.ask("visit", queue=ALL, media_id=key, of_visit=False)["item"]
        assert "--root card-0=FOLDER" in item["missing"]
        answer = amina.get(f"/picture/{key}/strip.jpg")
        assert answer.status_code == 404 and answer.json()["error"] == item["missing"]
    finally:
        with writing(engine) as conn:
            away = schema.batch.c.root == str(tmp_path / "away")
            conn.execute(sa.update(schema.batch).where(away).values(root=home))
        engine.dispose()


def test_a_picture_that_a_data_set_only_named_says_so(url, amina):
    engine, m = open_database(url), schema.media.c
    key, sha = rows(url, "SELECT max(id), sha256 FROM media GROUP BY sha256 ORDER BY 1 DESC")[0]
    for name in ("named-" + sha[:58], sha):
        with writing(engine) as conn:
            conn.execute(sa.update(schema.media).where(m.id == key).values(sha256=name))
        status = 404 if name != sha else 200
        assert amina.get(f"/picture/{key}/strip.jpg").status_code == status
    engine.dispose()


def test_species_are_found_by_any_of_their_names(amina):
    found = amina.get("/api/names", params={"q": "zebra"}).json()["names"]
    assert "Equus quagga" in {one["taxon"]["name"] for one in found}


def test_a_favourite_is_exported_until_it_is_none_any_more(url, amina):
    def exported():
        engine = open_database(url)
        with reading(engine) as conn:
            keys = conn.execute(sa.select(schema.batch.c.id)).scalars().all()
            found = [row.sha256 for row in picture_rows(conn, keys) if row.favourite]
        engine.dispose()
        return found

    key = next_one(amina)["media_id"]
    assert amina.ask("favourite", media_id=key) == {"favourite": True}
    assert len(exported()) == 1
    assert amina.ask("favourite", media_id=key) == {"favourite": False}
    assert exported() == []


def test_the_visit_before_and_after_at_the_same_camera(amina):
    here = next_one(amina)
    after = amina.ask("visit", queue=ALL, media_id=here["media_id"], step=1)["item"]
    assert after["deployment"] == here["deployment"]
    assert after["started_at"] >= here["started_at"]
    back = amina.ask("visit", queue=ALL, media_id=after["media_id"], step=-1)["item"]
    assert back["media_id"] == here["media_id"]


@pytest.mark.parametrize(
    "said",
    [
        [],
        [{"observation_type": "ghost"}],
        [{"observation_type": "blank", "count": 3}],
        [{"observation_type": "animal", "count": 0}],
        [{"observation_type": "animal", "sex": "both"}],
        [{"observation_type": "animal", "name": "x" * 201}],
        [{"observation_type": "blank"}, {"observation_type": "animal"}],
        [{"observation_type": "animal"}, {"observation_type": "animal", "count": 2}],
        [{"observation_type": "animal", "reviewer": "Ben"}],
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_nothing_is_saved(url, amina, said):
    key = next_one(amina)["media_id"]
    before = rows(url, "SELECT count(*) FROM review")
    answer = amina.post("/api/save", json={"media_ids": [key], "purpose": "event", "said": said})
    assert answer.status_code == 400
    assert rows(url, "SELECT count(*) FROM review") == before


def test_flags_follow_what_people_saw_once_the_reviewer_pauses(url, amina):
    from flows.services.reviewing.flags_later import FlagsLater

    later = FlagsLater(url, pause_s=0.01)
    later.start()
    item = next_one(amina, {"kind": "people"})
    later.tell([item["media_id"]])
    later.end()
    later._thread.join()  # on a slow machine the rules are still being read
    assert later._due == set()


def test_many_who_ask_at_the_same_moment_get_different_visits(url, amina):
    queues = amina.app.state.desk.queues
    with ThreadPoolExecutor(4) as pool:
        given = pool.map(lambda name: queues.next_items(Queue("visits"), name, 0, 3), "ABCD")
        keys = [item.media_id for items in given for item in items]
    assert len(keys) == len(set(keys)) == 12
