"""What was seen: by filter a page at a time, by looks, on a map, and with the flags."""

import numpy as np
import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, reading, writing
from flows.execution import loaded
from flows.services.reviewing import seen
from flows.services.reviewing.seen import (
    asked_filter,
    in_words,
    more_like,
    seen_page,
    stations_seen,
)
from pipeline.errors import InputError
from tests.makers import fill

PICTURES = 400
FILTERS = (  # words of the address, and the same in SQL over the views
    ({}, "TRUE"),
    ({"state": "kept"}, "state = 'kept'"),
    ({"species": "human"}, "observation_type = 'human'"),
    ({"deployment": "K001 2026"}, "deployment_id = 'K001 2026'"),
    ({"from": "2026-03-01", "to": "2026-03-01"}, "substr(taken_at, 1, 10) = '2026-03-01'"),
    (
        {"light": "infrared", "state": "blank"},
        "state = 'blank' AND media_id IN (SELECT m.sha256 FROM look k JOIN media m"
        " ON m.id = k.media_id WHERE k.light = 'infrared')",
    ),
)


@pytest.fixture(scope="module")
def card(url_of_module) -> str:
    engine = open_database(url_of_module)
    with writing(engine) as conn:
        fill(conn, PICTURES)
    engine.dispose()
    return url_of_module


def told(url: str, query: str) -> list[tuple]:
    engine = open_database(url)
    with reading(engine) as conn:
        found = [tuple(row) for row in conn.execute(sa.text(query))]
    engine.dispose()
    return found


@pytest.mark.parametrize(("words", "where"), FILTERS)
def test_every_picture_of_a_filter_is_on_one_page_only(card, words, where):
    wanted, found, before = asked_filter(words), [], 0
    while True:
        page = seen_page(card, wanted, before)
        found += [picture.media_id for picture in page.pictures]
        if not (before := page.before):
            break
    [(expected,)] = told(card, f"SELECT count(*) FROM media_status WHERE {where}")
    assert len(found) == len(set(found)) == expected > 0
    assert found == sorted(found, reverse=True)


def test_a_name_finds_its_pictures(card):
    [(name, many)] = told(
        card,
        "SELECT scientific_name, count(*) FROM media_status WHERE scientific_name IS NOT NULL"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
    )
    page = seen_page(card, asked_filter({"species": name}))
    assert {picture.name for picture in page.pictures} == {name}
    assert len(page.pictures) == min(many, seen.PAGE)


def test_a_filter_that_is_none_is_refused_and_a_hostile_one_finds_nothing(card):
    for words in (
        {"species": "a\0"},
        {"light": "x"},
        {"state": "y"},
        {"from": "1.5."},
        {"species": "a" * 300},
    ):
        with pytest.raises(InputError):
            asked_filter(words)
    hostile = asked_filter({"species": "' OR 1=1 --", "deployment": "<b>"})
    assert seen_page(card, hostile).pictures == ()


def test_pictures_that_look_alike_come_first_and_one_without_a_vector_says_why(card):
    """All vectors of the card are the same but two."""
    engine = open_database(card)
    other = np.array([1, 0, 0, 0, 0, 0, 0, 0], np.float16).tobytes()
    with writing(engine) as conn:
        e = schema.embedding
        keys = conn.execute(sa.select(e.c.media_id).distinct().order_by(e.c.media_id)).scalars()
        twins = list(keys)[3:5]
        conn.execute(sa.update(e).where(e.c.media_id.in_(twins)).values(vector=other))
    engine.dispose()
    page = more_like(card, twins[1], asked_filter({}))
    assert [picture.media_id for picture in page.pictures[:2]] == twins
    assert page.pictures[1].likeness == 1 > page.pictures[2].likeness
    assert len({picture.media_id for picture in page.pictures}) == len(page.pictures) == seen.PAGE
    with pytest.raises(InputError, match="no vector"):
        more_like(card, 10**6, asked_filter({}))


def test_words_find_the_pictures_that_fit_them_by_the_bundled_labeller(tmp_path):
    """Of three pictures each has the vector of a word; what reads words is the real thing."""
    url, words = f"sqlite:///{tmp_path / 'words.db'}", ("zebra", "warthog", "elephant")
    encoder = loaded.encoder("starter", None)
    engine = open_database(url)
    with pytest.raises(InputError, match="no run"):
        in_words(url, "zebra", asked_filter({}))
    with writing(engine) as conn:
        fill(conn, 40, cameras=1, cards=1)
        e, p, r = schema.embedding, schema.recipe, schema.run
        identity = {"encoder": {"name": "starter", "sha256": encoder.sha256}}
        conn.execute(sa.update(p).where(p.c.step == "look").values(description=identity))
        conn.execute(sa.update(r).values(settings={"options": {"labeller": "starter"}}))
        keys = conn.execute(sa.select(e.c.media_id).distinct().order_by(e.c.media_id)).scalars()
        by_word = dict(zip(words, keys, strict=False))
        conn.execute(sa.delete(e).where(e.c.media_id.not_in(by_word.values())))
        for key, vector in zip(by_word.values(), encoder.texts(words), strict=True):
            stored = vector.astype(np.float16).tobytes()
            conn.execute(sa.update(e).where(e.c.media_id == key).values(vector=stored))
    engine.dispose()
    for word, key in by_word.items():
        found = in_words(url, word, asked_filter({})).pictures
        assert (len(found), found[0].media_id) == (3, key)
    for nothing in ("", " ", "a\0"):
        with pytest.raises(InputError, match="words"):
            in_words(url, nothing, asked_filter({}))


def test_stations_have_the_visits_that_show_something(card):
    found = stations_seen(card)
    [(visits,)] = told(
        card, "SELECT count(*) FROM events WHERE observation_type NOT IN ('blank', 'unclassified')"
    )
    assert sum(station.events for station in found) == visits > 0
    assert len(found) == len({station.name for station in found})


def test_a_flag_has_its_pictures_and_another_name_has_none(card):
    [(flag, pictures)] = told(card, "SELECT flag_id, pictures FROM flags ORDER BY 1 LIMIT 1")
    found = seen.flag_pictures(card, flag)
    assert len(found) == pictures and flag in [sha for _, sha in found]
    with pytest.raises(InputError, match="no such flag"):
        seen.flag_pictures(card, "' OR '1'='1")
