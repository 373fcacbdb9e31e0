"""What the views say, told on a small card: who wins, what is counted, and that sums agree."""

from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa

from db.core import views
from db.core.engine import reading, writing
from db.queries.exchange.sheets import drawn_blanks
from db.store.batches import save_batch, save_recipe, set_current, start_run
from db.store.deployments import save_deployments
from db.store.files import save_files
from db.store.flags import save_flags, save_verdict
from db.store.labels import save_labels
from db.store.media import save_media
from db.store.reviewing.draws import save_draws
from db.store.reviewing.reviews import save_reviews
from db.store.visits import save_visits
from pipeline.records import Deployment, Draw, Found, Media, Review, Visit
from tests.makers import fill
from tests.test_save import FLAG, LABELS, MEDIA, SHAS, VISIT, ingested, looked

MEDIA_STATUS = [
    "media_id",
    "batch",
    "deployment_id",
    "path",
    "taken_at",
    "state",
    "audit_drawn",
    "audit_probability",
    "p_blank",
    "p_animal",
    "p_human",
    "p_vehicle",
    "novelty",
    "decided_by",
    "observation_type",
    "scientific_name",
    "probability",
    "method",
]


@pytest.fixture
def conn(database):
    """A card of six pictures: three blank, two kept in one visit, one that failed."""
    with writing(database) as conn:
        batch = ingested(conn)
        look = looked(conn, batch)
        label, flag = (save_recipe(conn, step, {}) for step in ("label", "flag"))
        save_labels(conn, label, LABELS)
        save_visits(conn, label, [VISIT])
        save_flags(conn, flag, [FLAG])
        save_draws(conn, batch, look, [Draw(SHAS[0], "A | colour | 0", 3, 1, 1 / 3)], 7)
        set_current(conn, batch, look, label, flag)
        yield conn


def rows(conn, query: str) -> list[tuple]:
    return [tuple(row) for row in conn.execute(sa.text(query))]


def review(conn, n: int, kind: str, name: str | None = None, count: int | None = None) -> None:
    when = datetime(2026, 6, 1)
    save_reviews(conn, [Review(SHAS[n], kind, name, count, "eva", when)], "test")


def test_media_status_has_the_columns_it_promises(conn):
    assert list(conn.execute(sa.text("SELECT * FROM media_status")).keys()) == MEDIA_STATUS


def test_every_picture_has_one_row_and_its_state(conn):
    assert rows(conn, "SELECT state, observation_type, method FROM media_status ORDER BY path") == [
        *[("blank", "blank", "machine")] * 3,
        ("kept", "animal", "machine"),
        ("kept", "unknown", "machine"),
        ("failed", "unclassified", None),
    ]


def test_before_anything_is_looked_at_pictures_are_unprocessed(database):
    with writing(database) as conn:
        ingested(conn)
        found = rows(conn, "SELECT DISTINCT state, observation_type, p_blank FROM media_status")
    assert found == [("unprocessed", "unclassified", None)]


def test_the_sample_of_the_audit_is_marked_with_its_probability(conn):
    query = "SELECT media_id, audit_probability FROM media_status WHERE audit_drawn"
    assert rows(conn, query) == [(SHAS[0], pytest.approx(1 / 3))]


def test_a_persons_word_wins_in_what_is_seen_and_leaves_the_machines_scores(conn):
    review(conn, 0, "animal", "Sus scrofa", 2)
    query = "SELECT {} FROM media_status WHERE media_id = '" + SHAS[0] + "'"
    assert rows(conn, query.format("observation_type, scientific_name, probability, method")) == [
        ("animal", "Sus scrofa", None, "human")
    ]
    assert rows(conn, query.format("state, p_blank")) == [("blank", pytest.approx(0.9))]
    media = "SELECT scientific_name, count, classified_by, classification_method FROM observations"
    assert rows(conn, f"{media} WHERE observation_id = 'm:{SHAS[0]}'") == [
        ("Sus scrofa", 2, "eva", "human")
    ]


def test_what_a_person_found_on_a_blank_picture_is_an_event(conn):
    review(conn, 0, "animal", "Sus scrofa", 2)
    query = "SELECT event_id, scientific_name, pictures, count, method FROM events"
    assert (SHAS[0], "Sus scrofa", 1, 2, "human") in rows(conn, query)
    review(conn, 1, "blank")
    assert len(rows(conn, query)) == 2


def test_a_visit_has_a_row_in_events_and_one_for_each_taxon_in_observations(conn):
    assert rows(conn, "SELECT event_id, scientific_name, pictures FROM events") == [
        (SHAS[3], "Lynx", 1)
    ]
    query = "SELECT observation_type, scientific_name FROM observations"
    assert rows(conn, f"{query} WHERE observation_level = 'event' ORDER BY observation_id") == [
        ("animal", "Lynx"),
        ("human", None),
    ]


def test_a_person_who_names_one_picture_of_a_visit_names_the_visit(conn):
    review(conn, 4, "animal", "Lynx lynx", 1)
    query = "SELECT scientific_name, probability, count, count_basis, method FROM events"
    assert rows(conn, query) == [("Lynx lynx", None, 1, "review", "human")]
    taxa = "SELECT scientific_name FROM observations WHERE observation_level = 'event'"
    assert rows(conn, taxa) == [("Lynx lynx",)]


def test_what_a_person_says_of_a_whole_visit_counts_all_of_its_pictures(conn):
    query = "SELECT scientific_name, pictures FROM events"
    save_reviews(conn, [Review(SHAS[3], "animal", "Vulpes vulpes", purpose="event")], "s.csv")
    assert rows(conn, query) == [("Vulpes vulpes", 2)]
    review(conn, 4, "human")
    assert rows(conn, query) == [("Vulpes vulpes", 1)], "one of them shows something else"


def test_a_visit_is_blank_only_once_every_picture_of_it_was_called_blank(conn):
    query = "SELECT observation_type, method FROM events"
    review(conn, 3, "blank")
    assert rows(conn, query) == [("animal", "machine")]
    review(conn, 4, "blank")
    assert rows(conn, query) == [("blank", "human")]
    assert rows(conn, "SELECT * FROM species_by_day") == []


def test_of_two_taxa_that_people_saw_the_commoner_leads(conn):
    more = [replace(MEDIA[5], sha256="e" * 64, path="A/more.JPG")]
    save_media(conn, 1, more)
    visit = replace(VISIT, sha256s=(SHAS[3], SHAS[4], "e" * 64), others=())
    label = conn.execute(sa.text("SELECT id FROM recipe WHERE step = 'label'")).scalar()
    save_visits(conn, label, [visit])
    review(conn, 3, "animal", "Lynx lynx")
    review(conn, 4, "animal", "Capreolus capreolus")
    save_reviews(conn, [Review("e" * 64, "animal", "Capreolus capreolus")], "test")
    assert rows(conn, "SELECT scientific_name, pictures FROM events") == [
        ("Capreolus capreolus", 2)
    ]
    assert rows(conn, "SELECT scientific_name, events FROM species_by_day ORDER BY 1") == [
        ("Capreolus capreolus", 1),
        ("Lynx lynx", 1),
    ]


def test_a_flag_is_suspected_until_a_person_speaks(conn):
    query = "SELECT flag_id, status, reviewer, rules, pictures FROM flags"
    assert rows(conn, query) == [(SHAS[3], "suspected", None, '["night","closed"]', 1)]
    save_verdict(conn, SHAS[3], True, "eva")
    save_verdict(conn, SHAS[3], False, "juma", "the warden")
    assert rows(conn, query)[0][1:3] == ("dismissed", "juma")


def test_an_audit_counts_what_was_missed_and_says_unaudited_before_it(conn):
    query = "SELECT blanks, kept, drawn, reviewed, missed, verdict FROM audit_by_deployment"
    assert rows(conn, query) == [(3, 2, 1, 0, 0, "unaudited")]
    save_reviews(conn, [Review(SHAS[0], "human", purpose="event")], "test")
    assert rows(conn, query) == [(3, 2, 1, 0, 0, "unaudited")], "of a visit, not of this picture"
    review(conn, 0, "animal", "Sus scrofa")
    assert rows(conn, query) == [(3, 2, 1, 1, 1, "audited")]
    review_later = Review(SHAS[0], "unknown", reviewed_at=datetime(2026, 7, 1))
    save_reviews(conn, [review_later], "test")
    assert rows(conn, "SELECT reviewed, undecided FROM audit_strata") == [(0, 1)]


def test_utc_is_derived_from_the_pictures_own_offset_else_from_its_deployments(conn):
    at = datetime(2026, 1, 1, 1, 30)
    places = [Deployment("B", utc_offset_min=-210, source="table"), Deployment("C")]
    save_deployments(conn, places)
    some = [
        Media("b" * 64, "B/1", 1, taken_at=at, utc_offset_min=180, deployment_id="B"),
        Media("c" * 64, "B/2", 1, taken_at=at, deployment_id="B"),
        Media("d" * 64, "C/1", 1, taken_at=at, deployment_id="C"),
        Media("e" * 64, "B/3", 1, deployment_id="B"),
    ]
    save_media(conn, 1, some)
    query = "SELECT taken_at, taken_at_utc FROM pictures WHERE path LIKE '_/_' ORDER BY media_id"
    assert rows(conn, query) == [
        ("2026-01-01T01:30:00", "2025-12-31T22:30:00Z"),
        ("2026-01-01T01:30:00", "2026-01-01T05:00:00Z"),
        ("2026-01-01T01:30:00", None),
        (None, None),
    ]


def test_a_quiet_camera_is_told_from_the_end_of_its_deployment_else_from_its_card(conn):
    place = Deployment("B", ended_at=datetime(2026, 5, 11, 12), source="table")
    save_deployments(conn, [place])
    last = Media("b" * 64, "B/1", 1, taken_at=datetime(2026, 5, 6, 12), deployment_id="B")
    save_media(conn, 1, [last])
    query = "SELECT deployment_id, quiet_days, expected_by FROM quiet_cameras ORDER BY 1"
    [a, b] = rows(conn, query)
    assert a == ("A", pytest.approx(5.2465, abs=1e-3), "last picture on the card")
    assert b == ("B", pytest.approx(5.0), "end of deployment")


def test_a_camera_that_goes_on_with_another_card_was_silent_until_its_next_picture(conn):
    """Silence lasts to the end of the deployment, not of each card on which it has pictures."""
    ends = datetime(2026, 6, 30)
    save_deployments(conn, [Deployment("B", ended_at=ends, source="table")])
    days = {"b": datetime(2026, 5, 6), "c": datetime(2026, 5, 8), "d": datetime(2026, 6, 25)}
    second = save_batch(conn, "second", "/second", "second")
    for name, at in days.items():
        media = Media(name * 64, f"B/{name}", 1, taken_at=at, deployment_id="B")
        save_media(conn, 1 if name == "b" else second, [media])
    query = """SELECT batch, quiet_days, expected_by FROM quiet_cameras
        WHERE deployment_id = 'B' ORDER BY last_picture_at"""
    first, last = rows(conn, query)
    assert first[1:] == (pytest.approx(2.0), "next card")
    assert last == ("second", pytest.approx(5.0), "end of deployment")


def test_effort_runs_from_set_up_to_taken_down_or_over_the_pictures(conn):
    place = Deployment("B", None, None, started_at=datetime(2026, 5, 1),
                       ended_at=datetime(2026, 5, 11, 12), source="table")  # fmt: skip
    save_deployments(conn, [place])
    query = "SELECT deployment_id, effort_days, effort_basis, pictures FROM deployments ORDER BY 1"
    [a, b] = rows(conn, query)
    assert a == ("A", pytest.approx(5.5 / 1440, rel=0.1), "pictures", 6)
    assert b == ("B", pytest.approx(10.5), "dates", 0)


def test_visits_of_an_earlier_label_set_are_not_shown(conn):
    other = save_recipe(conn, "label", {"set": "other"})
    boar = replace(VISIT, name="Sus scrofa", others=())
    save_visits(conn, other, [boar])
    assert [row[0] for row in rows(conn, "SELECT scientific_name FROM events")] == ["Lynx"]
    set_current(conn, 1, label=other)
    assert [row[0] for row in rows(conn, "SELECT scientific_name FROM events")] == ["Sus scrofa"]


def test_a_later_card_leaves_the_events_of_an_earlier_one_under_its_own_recipe(conn):
    batch = save_batch(conn, "june", "/june", "june")
    june = Media("9" * 64, "A/june.JPG", 1, taken_at=datetime(2026, 6, 1), deployment_id="A")
    save_media(conn, batch, [june])
    label = save_recipe(conn, "label", {"set": "newer"})
    seen = Visit("A", june.taken_at, june.taken_at, ("9" * 64,), None,
                 "animal", "Vulpes", "genus", 0.9, None, None)  # fmt: skip
    save_visits(conn, label, [seen])
    set_current(conn, batch, label=label)
    query = "SELECT batch, scientific_name FROM events ORDER BY 1"
    assert rows(conn, query) == [("card", "Lynx"), ("june", "Vulpes")]


def test_all_views_count_the_same_pictures_and_events(database):
    """One population for the report, the views and the exports (screen and file agree)."""
    with writing(database) as conn:
        fill(conn, 600)
    with reading(database) as conn:

        def count(query):
            return conn.execute(sa.text(f"SELECT {query}")).scalar()

        pictures = {
            "media_status": count("count(*) FROM media_status"),
            "observations": count("count(*) FROM observations WHERE observation_level = 'media'"),
            "days": count("sum(pictures) FROM pictures_by_day"),
            "deployments": count("sum(pictures) FROM deployments"),
            "pictures": count("count(*) FROM pictures"),
            "files": count("count(DISTINCT media_id) FROM files"),
            "runs": count("sum(unprocessed + failed + blank + kept) FROM run_summary"),
        }
        assert set(pictures.values()) == {600}, pictures
        events = {
            "events": count("count(*) FROM events"),
            "linked": count(
                "count(DISTINCT event_id) FROM observations WHERE event_id IS NOT NULL"
            ),
        }
        assert len(set(events.values())) == 1, events
        taxa = count(
            "count(*) FROM observations "
            "WHERE observation_level = 'event' AND observation_type <> 'blank'"
        )
        assert taxa == count("sum(events) FROM species_by_day")
        assert count("count(*) FROM run_summary WHERE NOT closes") == 0


def test_no_view_hides_or_doubles_a_key(conn):
    for name, key in (
        ("media_status", "media_id"),
        ("observations", "observation_id"),
        ("events", "event_id"),
        ("flags", "flag_id"),
        ("deployments", "deployment_id"),
    ):
        assert name in views.VIEWS
        [(total, distinct, filled)] = rows(
            conn, f"SELECT count(*), count(DISTINCT {key}), count({key}) FROM {name}"
        )
        assert total == distinct == filled, name


def test_what_a_person_says_of_one_picture_wins_over_what_is_said_of_its_visit(conn):
    review(conn, 3, "animal", "Lynx lynx")
    later = datetime(2026, 7, 1)
    of_visit = Review(SHAS[3], "animal", "Vulpes", None, "eva", later, purpose="event")
    save_reviews(conn, [of_visit], "s.csv")
    query = f"SELECT scientific_name FROM media_status WHERE media_id = '{SHAS[3]}'"
    assert rows(conn, query) == [("Lynx lynx",)]


def test_a_name_that_a_person_leaves_empty_takes_the_machines_away(conn):
    query = f"SELECT scientific_name FROM media_status WHERE media_id = '{SHAS[3]}'"
    assert rows(conn, query) == [("Lynx",)]
    review(conn, 3, "human")
    assert rows(conn, query) == [(None,)]


def test_a_draw_from_an_earlier_models_blanks_is_asked_for_no_longer(conn):
    other = save_recipe(conn, "look", {"model": "earlier"})
    save_draws(conn, 1, other, [Draw(SHAS[1], "A | colour | 0", 3, 1, 1 / 3)], 7)
    assert rows(conn, "SELECT media_id FROM media_status WHERE audit_drawn") == [(SHAS[0],)]
    assert [blank.sha256 for blank in drawn_blanks(conn, "card")] == [SHAS[0]]


def test_what_a_person_says_of_a_visit_answers_no_question_of_the_audit(conn):
    save_reviews(conn, [Review(SHAS[0], "human", purpose="event")], "s.csv")
    [blank] = drawn_blanks(conn, None)
    assert blank.observation_type is None
    review(conn, 0, "blank")
    [blank] = drawn_blanks(conn, None)
    assert blank.observation_type == "blank"


def test_a_run_whose_card_has_lost_a_file_does_not_close(conn):
    start_run(conn, 1, "0.1.0", {}, {})
    assert rows(conn, "SELECT closes FROM run_summary") == [(True,)]
    save_files(conn, 1, [(Found("A/bad.JPG", "picture", 0), None)])
    assert rows(conn, "SELECT closes FROM run_summary") == [(False,)]
