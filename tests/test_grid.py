"""Visits that look alike, answered together: which come, for whom, and what is saved."""

import shutil

import numpy as np
import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, reading, writing
from flows.services.reviewing.queues import asked_queue
from flows.services.reviewing.screen.alike import next_alike
from pipeline.errors import InputError
from tests.screens import browser, fill_with_pictures, second

ALL = {"kind": "visits"}
HUMANS = {"kind": "visits", "species": "human"}
IMPALAS = {"kind": "visits", "species": "Aepyceros melampus"}


@pytest.fixture(scope="module")
def url(empty_sqlite, tmp_path_factory):
    """On SQLite: test_own_queue makes a grid on both databases."""
    folder = tmp_path_factory.mktemp("grid")
    shutil.copy(empty_sqlite, folder / "camtriage.db")
    made = f"sqlite:///{folder / 'camtriage.db'}"
    fill_with_pictures(made, folder)
    return made


@pytest.fixture
def amina(url):
    """A screen on which nobody has anything before him."""
    engine = open_database(url)
    with writing(engine) as conn:
        conn.execute(sa.delete(schema.review_claim))
    engine.dispose()
    return browser(url)


def told(url, query):
    engine = open_database(url)
    with reading(engine) as conn:
        found = [tuple(row) for row in conn.execute(sa.text(query))]
    engine.dispose()
    return found


def grid(client, queue=ALL, most=4, **more):
    return client.ask("alike", queue=queue, after=0, most=most, **more)


def keys(page):
    return [item["media_id"] for item in page["items"]]


def word(item):
    return [(said["observation_type"], said["name"]) for said in item["machine"]]


def answers(page):
    said = [{"observation_type": "animal", "name": "Aepyceros melampus"}]
    return [{"media_id": key, "said": said} for key in keys(page)]


def standing(url):
    return told(
        url, "SELECT media_id, name, purpose, reviewer FROM review WHERE withdrawn_at IS NULL"
    )


def test_the_first_visit_comes_and_those_of_its_name_that_look_most_like_it(url, amina):
    first, *others = keys(grid(amina, IMPALAS, 40))
    twins = others[-2:]
    turn_vectors(url, [first, *twins])
    page = grid(amina, IMPALAS, 4, keep=[])
    assert keys(page)[0] == first and set(keys(page)[1:3]) == set(twins) and page["compared"]
    assert len({str(word(item)) for item in page["items"]}) == 1


def turn_vectors(url, visits):
    """Give all pictures of these visits a vector of their own."""
    engine, e, x, v = open_database(url), schema.embedding, schema.visit_media.c, schema.visit.c
    other = np.array([1, 0, 0, 0, 0, 0, 0, 0], np.float16).tobytes()
    of_them = sa.select(x.media_id).join(schema.visit, v.id == x.visit_id)
    with writing(engine) as conn:
        within = e.c.media_id.in_(of_them.where(v.media_id.in_(visits)))
        conn.execute(sa.update(e).where(within).values(vector=other))
    engine.dispose()


def test_one_that_has_no_vectors_comes_with_the_next_of_its_name_and_says_so(url, amina):
    [human] = told(url, "SELECT min(visit_id) FROM visit_taxon WHERE observation_type = 'human'")[0]
    engine, e, x = open_database(url), schema.embedding, schema.visit_media.c
    with writing(engine) as conn:
        of_it = sa.select(x.media_id).where(x.visit_id == human)
        conn.execute(sa.delete(e).where(e.c.media_id.in_(of_it)))
    engine.dispose()
    page = grid(amina, HUMANS, 3)
    assert not page["compared"] and len(page["items"]) > 1


def test_what_one_key_says_is_a_row_for_each_visit_and_is_taken_back_as_a_whole(url, amina):
    before, page = standing(url), grid(amina, IMPALAS, 3)
    size = amina.ask("size", queue=IMPALAS)
    assert amina.ask("alike/save", queue=IMPALAS, answers=answers(page)) == {"saved": 3}
    new = [row for row in standing(url) if row not in before]
    mine = ("Aepyceros melampus", "event", "Amina")
    assert sorted(new) == sorted((key, *mine) for key in keys(page))
    assert amina.ask("size", queue=IMPALAS)["answered"] == size["answered"] + 3
    assert not set(keys(grid(amina, IMPALAS, 40))) & set(keys(page))
    later = browser(url)  # another process
    back = later.ask("alike/undo", queue=IMPALAS)
    assert set(keys(back)) == set(keys(page)) and standing(url) == before
    later.ask("alike/undo", queue=IMPALAS, again=True)
    assert len(standing(url)) == len(before) + 3
    said = later.ask("undo", queue=ALL)  # on the other screen: all of them too
    assert said["answers"] == 3 and standing(url) == before


def test_two_reviewers_never_have_a_visit_in_both_grids_nor_in_a_grid_and_alone(amina):
    ben = second(amina, "Ben")
    mine, his = keys(grid(amina, IMPALAS, 5)), keys(grid(ben, IMPALAS, 5))
    assert len(mine) == 5 and his and not set(mine) & set(his)
    alone = ben.ask("next", queue=IMPALAS, after=0, most=5, keep=his[:1])["items"]
    assert not {item["media_id"] for item in alone} & set(mine)
    kept = keys(grid(amina, IMPALAS, 40, keep=mine))
    assert not set(kept) & set(mine)
    ben.ask("next", queue=IMPALAS, after=0, most=1)
    assert not set(keys(grid(ben, IMPALAS, 40))) & set(mine), "she still has them"


def test_what_was_left_out_comes_no_more_until_the_queue_begins_again(amina):
    page = grid(amina, IMPALAS, 3)
    after = grid(amina, IMPALAS, 40, passed=keys(page))
    assert keys(after) and not set(keys(after)) & set(keys(page))
    assert keys(grid(amina, IMPALAS, 3))[0] == keys(page)[0]


def test_an_answer_that_cannot_be_saves_nothing_of_the_whole_grid(url, amina):
    before, page = standing(url), grid(amina, IMPALAS, 2)
    fine, other = answers(page)
    for wrong in (
        [fine, {**other, "said": []}],
        [fine, {**other, "said": [{"observation_type": "ghost"}]}],
        [fine, {"media_id": 10**6, "said": fine["said"]}],
        [fine, "blank"],
        [{**fine, "media_id": key} for key in range(41)],
        [],
        None,
    ):
        answer = amina.post("/api/alike/save", json={"queue": IMPALAS, "answers": wrong})
        assert answer.status_code == 400 and "\n" not in answer.json()["error"]
    assert standing(url) == before


@pytest.mark.parametrize("queue", [{"kind": "audit"}, {"kind": "sample"}, {"answered": "yes"}])
def test_a_queue_whose_order_counts_has_no_grid(url, amina, queue):
    assert amina.get("/grid", params=queue).headers["location"].startswith("/?why=")
    with pytest.raises(InputError, match="no grid here"):
        next_alike(amina.app.state.desk.queues, asked_queue(queue), "Amina", 0, 4)
    assert 'href="/grid' not in amina.get("/review", params=queue).text


def test_the_pages_lead_to_the_grid_and_it_shows_its_keys(amina):
    assert 'href="/grid?kind=people"' in amina.get("/").text
    assert 'href="/grid?kind=visits"' in amina.get("/review", params=ALL).text
    page = amina.get("/grid", params=ALL)
    assert page.status_code == 200 and "take back all that my last key answered" in page.text
    assert "style=" not in page.text and 'href="/review?kind=visits"' in page.text
    assert browser(amina.app.state.desk.database, None).get("/grid").headers["location"] == "/"


def test_people_in_a_grid_are_blocks_and_the_queue_of_people_shows_them_and_is_written_down(
    url, amina
):
    dora = second(amina, "Dora")
    looks = "SELECT count(*) FROM access_to_people WHERE reviewer = 'Dora'"
    page = grid(dora, HUMANS, 2)
    item = page["items"][0]
    key = item["media_id"]
    assert key in item["hidden"]
    hidden = dora.get(f"/picture/{key}/tile.jpg").content
    assert told(url, looks) == [(0,)]
    assert key in keys(grid(dora, {**HUMANS, "kind": "people"}, 40))
    assert dora.get(f"/picture/{key}/tile.jpg").content != hidden
    assert told(url, looks) == [(1,)]
