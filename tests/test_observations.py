"""Several animals in one picture and one visit: all are kept and counted, each at its own time."""

import csv
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import reading, writing
from db.core.rows import refresh_ids
from db.integrity.check import check
from db.store.batches import save_batch, save_recipe, set_current
from db.store.deployments import save_deployments
from db.store.files import save_files
from db.store.labels import save_labels
from db.store.media import media_of, save_media
from db.store.reviewing.reviews import reviews_of, save_reviews
from db.store.scores import save_window
from db.store.visits import save_visits, visits_of
from db.store.windows import save_windows, windows_left
from flows.facts.package import gather
from flows.facts.sheets import drawn_blanks
from flows.facts.study import read_labelled_visits, read_sightings
from flows.services.reviewing.reviews import import_reviews
from flows.services.study.population import read_study, study_request
from pipeline.answers import answers
from pipeline.exchange.camtrap_dp import observation_rows
from pipeline.exchange.paths import local_stamp
from pipeline.exchange.reviews import write_sheet
from pipeline.records import (
    Deployment,
    Found,
    FrameScores,
    Label,
    Media,
    Review,
    Stretch,
    Visit,
    Window,
    WindowScores,
)

SIX = datetime(2026, 5, 1, 6)
ZEBRA, LION, WILDEBEEST = "Equus quagga", "Panthera leo", "Connochaetes taurinus"
# A herd's visit of two hours and twenty minutes, one picture a minute: zebras at 06:00-06:02 and
# 08:20, wildebeest between them, a lion at 08:00; what else is blank
SHOWS = {0: ZEBRA, 1: ZEBRA, 2: ZEBRA, 120: LION, 121: LION, 140: ZEBRA}
MINUTES = range(141)


def sha(minute: int) -> str:
    return f"{minute:064x}"


def at(minute: float) -> datetime:
    return SIX + timedelta(minutes=minute)


def stretch(*minutes: int, count: int | None = None) -> Stretch:
    return Stretch(sha(minutes[0]), at(minutes[0]), at(minutes[-1]), len(minutes), count)


HERD = Visit(
    "A", at(0), at(140), tuple(sha(minute) for minute in MINUTES), "activityDetection", "animal",
    WILDEBEEST, "species", 0.9, None, None,
    (("animal", ZEBRA, 4), ("animal", LION, 2)),
    (
        (stretch(*range(3, 120)), stretch(*range(122, 140))),
        (stretch(0, 1, 2), stretch(140)),
        (stretch(120, 121),),
    ),
)  # fmt: skip


def fill(engine, visits=(HERD,)) -> int:
    """The herd's visit as the machine named it, at a station that watched for a week."""
    with writing(engine) as conn:
        recipes = [save_recipe(conn, step, {"step": step}) for step in ("look", "label", "flag")]
        batch = save_batch(conn, "card", "/card", "content")
        place = Deployment(
            "A", "S", None, -2.3, 34.8, None, at(-60), at(7 * 1440), 180, source="table"
        )
        save_deployments(conn, [place])
        media = [
            Media(sha(n), f"A/{n:03}.JPG", 1, taken_at=at(n), clock="exif", deployment_id="A",
                  capture_method="activityDetection")
            for n in MINUTES
        ]  # fmt: skip
        save_media(conn, batch, media)
        save_files(conn, batch, [(Found(one.path, "picture", 1), one.sha256) for one in media])
        windows = (media[:128], media[128:])
        save_windows(
            conn,
            batch,
            [
                Window("A", n, tuple(one.sha256 for one in some), (0,) * len(some))
                for n, some in enumerate(windows)
            ],
        )
        for window, _ in windows_left(conn, batch, recipes[0]):
            some = windows[0] if window == 1 else windows[1]
            looks = tuple(
                FrameScores(one.sha256, 0.1, 0.9, 0.0, 0.0, 0.3, "kept", "fused", "colour", 0.4,
                            0.1, None)
                for one in some
            )  # fmt: skip
            save_window(conn, window, recipes[0], WindowScores(looks, (), ()))
        names = {n: SHOWS.get(n, WILDEBEEST) for n in MINUTES}
        labels = [
            Label(sha(n), "animal", name, 0.9, name, "species", 0.9, "")
            for n, name in names.items()
        ]
        save_labels(conn, recipes[1], labels)
        set_current(conn, batch, *recipes)
        save_visits(conn, recipes[1], visits)
    return batch


def told(conn, query: str) -> list[tuple]:
    return [tuple(row) for row in conn.execute(sa.text(query))]


def animal(minute: int, name: str | None, count: int | None = None, **more) -> Review:
    return Review(sha(minute), "animal", name, count, **{"reviewer": "eva", **more})


@pytest.fixture
def conn(database):
    fill(database)
    with writing(database) as conn:
        yield conn


MEDIA_ROWS = """
SELECT observation_id, scientific_name, count, life_stage FROM observations
WHERE observation_level = 'media' AND media_id = '{}' ORDER BY observation_id
"""
EVENT_ROWS = """
SELECT scientific_name, count, life_stage FROM observations
WHERE observation_level = 'event' AND classification_method = 'human' ORDER BY observation_id
"""


# --- any number of observations ---


def test_zebra_and_wildebeest_in_one_picture_are_both_kept(conn):
    save_reviews(conn, [animal(5, ZEBRA, 2), animal(5, WILDEBEEST, 7)], "a.csv")
    first = f"m:{sha(5)}"
    assert told(conn, MEDIA_ROWS.format(sha(5))) == [
        (first, WILDEBEEST, 7, None),
        (f"{first}:1", ZEBRA, 2, None),
    ]
    assert sorted(told(conn, EVENT_ROWS)) == [(WILDEBEEST, 7, None), (ZEBRA, 2, None)]
    shown = f"SELECT scientific_name, method FROM media_status WHERE media_id = '{sha(5)}'"
    assert told(conn, shown) == [(WILDEBEEST, "human")], "one row a picture: the larger count"
    seen = told(conn, "SELECT scientific_name, individuals FROM species_by_day ORDER BY 1")
    assert seen == [(WILDEBEEST, 7), (ZEBRA, 2), (LION, None)], "nobody reviewed the lions"
    assert told(conn, "SELECT count(*) FROM reviews WHERE newest") == [(2,)]
    assert check(conn) == []


def test_one_adult_and_three_young_are_four_lions(conn):
    cub = animal(120, LION, 3, life_stage="juvenile")
    save_reviews(conn, [animal(120, LION, 1, life_stage="adult", sex="female"), cub], "a.csv")
    save_reviews(conn, [animal(121, LION, 2, life_stage="adult")], "a.csv")
    taxa = f"SELECT count, pictures, method FROM event_taxa WHERE name = '{LION}'"
    assert told(conn, taxa) == [(4, 2, "human")]
    assert told(conn, EVENT_ROWS) == [(LION, 3, "juvenile"), (LION, 1, "adult")]
    events = f"SELECT count, started_at FROM independent_events WHERE scientific_name = '{LION}'"
    assert told(conn, events) == [(4, at(120).isoformat())]


def test_animals_without_a_number_are_one_at_least_beside_those_with_one(conn):
    rows = [
        animal(120, LION, None, life_stage="adult"),
        animal(120, LION, 3, life_stage="juvenile"),
    ]
    save_reviews(conn, rows, "a.csv")
    count = f"SELECT count FROM event_taxa WHERE name = '{LION}'"
    assert told(conn, count) == [(4,)]
    save_reviews(conn, [animal(120, LION)], "b.csv")
    assert told(conn, count) == [(None,)]


def test_a_later_answer_replaces_an_earlier_one_as_a_whole(conn):
    both = [animal(5, ZEBRA, 2), animal(5, WILDEBEEST, 7)]
    save_reviews(conn, both, "a.csv")
    juma = animal(5, LION, 1, reviewer="Juma")
    save_reviews(conn, [juma], "b.csv")
    assert [row[1] for row in told(conn, MEDIA_ROWS.format(sha(5)))] == [LION]
    assert reviews_of(conn, 1) == [juma]
    numbers = told(conn, "SELECT answer, scientific_name, newest FROM reviews ORDER BY 1, 2")
    assert [(row[0], bool(row[2])) for row in numbers] == [(1, False), (1, False), (2, True)]
    save_reviews(conn, both, "a.csv")
    assert {row[1] for row in told(conn, MEDIA_ROWS.format(sha(5)))} == {ZEBRA, WILDEBEEST}


def test_the_same_sheet_twice_adds_nothing_in_whatever_order_its_rows_stand(conn):
    noon = datetime(2026, 6, 1, 12)
    rows = [animal(5, ZEBRA, 2), animal(5, WILDEBEEST, 7), animal(120, LION, 1, reviewed_at=noon),
            animal(120, ZEBRA, reviewed_at=noon), animal(0, LION, purpose="event"),
            animal(0, ZEBRA, purpose="event")]  # fmt: skip
    assert save_reviews(conn, rows, "a.csv") == (6, [])
    assert save_reviews(conn, rows[::-1], "again.csv") == (0, [])
    assert told(conn, "SELECT count(*) FROM review") == [(6,)]


def test_rows_of_one_person_on_one_day_are_one_answer_with_their_latest_time():
    first, second = datetime(2026, 6, 1, 12), datetime(2026, 6, 1, 12, 0, 7)
    rows = [animal(5, ZEBRA, reviewed_at=first), animal(5, LION, 9, reviewed_at=second),
            Review(sha(5), "human", reviewer="eva", reviewed_at=first),
            animal(5, LION, reviewed_at=first + timedelta(days=1))]  # fmt: skip
    today, tomorrow = answers(rows)
    assert [row.name for row in today] == [None, LION, ZEBRA], "people first, then the larger count"
    assert {row.reviewed_at for row in today} == {second} and len(tomorrow) == 1


def test_a_person_beside_an_animal_hides_the_picture_and_no_count_is_mixed_up(conn):
    rows = [animal(5, "Canis familiaris", 9), Review(sha(5), "human", None, 2, "eva")]
    save_reviews(conn, rows, "a.csv")
    shown = f"SELECT observation_type FROM media_status WHERE media_id = '{sha(5)}'"
    assert told(conn, shown) == [("human",)]
    kinds = "SELECT observation_type, count FROM event_taxa WHERE method = 'human'"
    assert sorted(told(conn, kinds)) == [("animal", 9), ("human", 2)]


# --- sheets ---

HEAD = "media_id,observation_type,scientific_name,count,life_stage,sex,purpose,reviewer\n"


def test_a_sample_sheet_with_fox_and_badger_answers_for_both(database, database_url, tmp_path):
    fill(database)
    table = tmp_path / "sample.csv"
    rows = [f"{sha(0)},animal,{name},1,,,event,Amina" for name in ("Vulpes vulpes", "Meles meles")]
    table.write_text(HEAD + "\n".join(rows) + "\n", "utf-8")
    for saved in (2, 0):
        found = import_reviews(database_url, table, None)
        assert (found.saved, found.of_visits, found.rivals) == (saved, 2, 0)
    with reading(database) as conn:
        [visit] = read_labelled_visits(conn)
        assert set(visit.answer) == {"Vulpes vulpes", "Meles meles"}
        assert set(told(conn, "SELECT scientific_name, visits FROM independent_events")) == {
            ("Vulpes vulpes", 1),
            ("Meles meles", 1),
        }
    made = read_study(database_url, study_request(None, None, None))
    assert made.basis.names == ["Meles meles", "Vulpes vulpes"]


def test_a_written_sheet_shows_every_row_of_the_answer_and_comes_back_the_same(conn, tmp_path):
    from db.queries.exchange.named_pictures import find_pictures
    from db.store.reviewing.draws import save_draws
    from pipeline.exchange.reviews import read_reviews
    from pipeline.records import Draw

    save_draws(conn, 1, 1, [Draw(sha(n), "A", 2, 2, 1.0) for n in (5, 6)], 7)
    rows = [animal(5, LION, 1, life_stage="adult"), animal(5, LION, 3, life_stage="juvenile")]
    save_reviews(conn, [replace(row, purpose="audit") for row in rows], "a.csv")
    blanks = drawn_blanks(conn, None, 0.2)
    assert [len(blank.rows) for blank in blanks] == [2, 1]
    write_sheet(tmp_path / "audit.csv", [row for blank in blanks for row in blank.rows])
    with (tmp_path / "audit.csv").open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["number"] for row in written] == ["1", "1", "2"]
    assert [row["life_stage"] for row in written] == ["juvenile", "adult", ""]
    found = read_reviews(tmp_path / "audit.csv", lambda names: find_pictures(conn, names))
    assert save_reviews(conn, found.reviews, "audit.csv") == (0, [])


# --- its own times ---


def test_each_species_of_a_visit_has_the_times_and_the_picture_that_show_it(conn):
    query = (
        "SELECT scientific_name, event_start, event_end, first_media_id FROM observations"
        " WHERE observation_level = 'event' ORDER BY event_start"
    )
    assert told(conn, query) == [
        (ZEBRA, at(0).isoformat(), at(140).isoformat(), sha(0)),
        (WILDEBEEST, at(3).isoformat(), at(139).isoformat(), sha(3)),
        (LION, at(120).isoformat(), at(121).isoformat(), sha(120)),
    ]
    events = "SELECT event_id, scientific_name, started_at, first_media_id FROM events"
    assert told(conn, events) == [(sha(0), WILDEBEEST, at(3).isoformat(), sha(3))]
    files = 'SELECT "DateTimeOriginal", "FileName" FROM record_table WHERE "Species" = \'{}\''
    assert told(conn, files.format(LION)) == [("2026-05-01 08:00:00", "A/120.JPG")]
    hours = "SELECT hour FROM activity_by_hour WHERE scientific_name = '{}'"
    assert told(conn, hours.format(LION)) == [(8,)]


def test_zebras_at_six_and_at_twenty_past_eight_are_two_independent_events(conn, database_url):
    query = "SELECT started_at, ended_at FROM independent_events WHERE scientific_name = '{}'"
    ends = [(at(0), at(2)), (at(140), at(140))]
    assert sorted(told(conn, query.format(ZEBRA))) == [
        (a.isoformat(), b.isoformat()) for a, b in ends
    ]
    assert len(told(conn, query.format(WILDEBEEST))) == 1, "away for two minutes only"
    assert len(told(conn, "SELECT * FROM events")) == 1
    assert len(read_sightings(conn)) == 5
    conn.commit()
    made = read_study(database_url, study_request(None, None, None))
    rates = {rate.name: rate.events for rate in made.rates}
    assert rates == {ZEBRA: 2, WILDEBEEST: 1, LION: 1}
    first = {made.basis.kept[i].path for i in made.basis.first.tolist()}
    assert first == {"A/000.JPG", "A/003.JPG", "A/120.JPG", "A/140.JPG"}


def test_the_package_has_the_lion_at_its_own_time(conn):
    package = gather(conn)
    rows = list(
        observation_rows(package.pictures, package.events, lambda _: 180, ("media", "event"))
    )
    lions = [row for row in rows if row["scientificName"] == LION]
    assert {row["eventStart"] for row in lions if row["observationLevel"] == "event"} == {
        "2026-05-01T08:00:00+03:00"
    }
    assert [row["mediaID"] for row in lions if row["observationLevel"] == "media"] == [
        sha(120),
        sha(121),
    ]
    assert {row["eventID"] for row in rows} == {sha(0)}


def test_what_people_told_of_a_whole_visit_is_where_pictures_show_it(conn):
    save_reviews(conn, [animal(0, LION, 1, purpose="event"), animal(0, ZEBRA, 5, purpose="event"),
                        animal(0, "Vulpes vulpes", purpose="event")], "s.csv")  # fmt: skip
    query = "SELECT scientific_name, started_at, ended_at, pictures FROM {} ORDER BY 2, 3, 1"
    taxa = "SELECT name, started_at, ended_at, pictures FROM event_taxa ORDER BY 2, 3, 1"
    assert told(conn, taxa) == [
        (ZEBRA, at(0).isoformat(), at(140).isoformat(), 4),
        ("Vulpes vulpes", at(0).isoformat(), at(140).isoformat(), 141),
        (LION, at(120).isoformat(), at(121).isoformat(), 2),
    ], "no picture was called a fox: then it may be on any"
    seen = told(conn, query.format("independent_events"))
    assert [row[0] for row in seen] == [ZEBRA, "Vulpes vulpes", LION, ZEBRA]
    save_reviews(conn, [animal(130, LION)], "p.csv")
    human = "SELECT ended_at FROM event_taxa WHERE name = '{}'"
    assert told(conn, human.format(LION)) == [(at(130).isoformat(),)]


def media_rows(conn, minute: int) -> list[tuple]:
    """What the view and the package say of a picture; both must say the same."""
    query = (
        "SELECT scientific_name, classification_method, classified_by, classification_probability "
        f"FROM observations WHERE observation_level = 'media' AND media_id = '{sha(minute)}' "
        "ORDER BY observation_id"
    )
    rows = told(conn, query)
    [shown] = [one for one in gather(conn).pictures if one.sha256 == sha(minute)]
    assert [(one.name, one.method) for one in shown.observations] == [row[:2] for row in rows]
    return rows


def test_a_picture_has_of_a_whole_visits_answer_what_it_shows_and_no_other_species(conn):
    both = [animal(0, "Cervus canadensis", 2, purpose="event"), animal(0, LION, purpose="event")]
    save_reviews(conn, both, "s.csv")
    assert media_rows(conn, 0) == [(ZEBRA, "machine", "camtriage", 0.9)], "the machine's word"
    fits = [animal(0, "Cervus canadensis", 2, purpose="event"), animal(0, ZEBRA, purpose="event")]
    save_reviews(conn, fits, "t.csv")
    assert media_rows(conn, 0) == [(ZEBRA, "human", "eva", None)]
    query = EVENT_ROWS.replace("count, life_stage", "classified_by")
    assert sorted(told(conn, query)) == [("Cervus canadensis", "eva"), (ZEBRA, "eva")]
    files = 'SELECT "Species", "FileName" FROM record_table WHERE method = \'human\' ORDER BY 1'
    assert told(conn, files)[0] == ("Cervus canadensis", "A/000.JPG"), "as db/README.md says"
    save_reviews(conn, [animal(0, LION, purpose="event")], "u.csv")
    assert media_rows(conn, 0) == [(LION, "human", "eva", None)], "the only one is on all"
    conn.execute(sa.update(schema.look).values(state="blank").where(schema.look.c.media_id == 1))
    refresh_ids(conn, [1])
    assert media_rows(conn, 0)[0][:2] == (None, "machine"), "but not on one that was set aside"


def test_comments_and_times_of_answers_stand_at_both_levels(conn):
    noon = datetime(2026, 6, 1, 12)
    words = {"reviewed_at": noon, "comment": "by the tree"}
    save_reviews(conn, [animal(120, LION, **words)], "a.csv")
    package = gather(conn)
    rows = observation_rows(package.pictures, package.events, lambda _: 180, ("media", "event"))
    lions = [row for row in rows if row["scientificName"] == LION and row["classifiedBy"] == "eva"]
    assert [row["observationLevel"] for row in lions] == ["media", "event"]
    for row in lions:
        assert row["observationComments"] == "by the tree"
        assert row["classificationTimestamp"] == local_stamp(noon)
    query = (
        "SELECT observation_level, classification_timestamp, observation_comments FROM observations"
        " WHERE classified_by = 'eva' ORDER BY 1"
    )
    told_then = (noon.isoformat(), "by the tree")
    assert told(conn, query) == [("event", *told_then), ("media", *told_then)]
    save_reviews(conn, [animal(0, LION, purpose="event", **words)], "b.csv")
    [seen] = [one for event in gather(conn).events for one in event.observations]
    assert (seen.told_at, seen.comment, seen.by) == (noon, "by the tree", "eva")


def test_one_species_told_of_a_whole_visit_is_on_all_of_its_pictures(conn):
    save_reviews(conn, [animal(0, LION, 3, purpose="event")], "s.csv")
    query = "SELECT scientific_name, started_at, ended_at, pictures, count FROM events"
    assert told(conn, query) == [(LION, at(0).isoformat(), at(140).isoformat(), 141, 3)]


def test_a_name_that_people_correct_holds_for_the_pictures_that_the_machine_called_the_same(conn):
    save_reviews(conn, [animal(0, "Equus grevyi", 2), animal(140, "Equus grevyi", 1)], "a.csv")
    query = (
        "SELECT started_at, ended_at, count, pictures FROM independent_events"
        " WHERE scientific_name = '{}' ORDER BY 1"
    )
    assert told(conn, query.format("Equus grevyi")) == [
        (at(0).isoformat(), at(2).isoformat(), 2, 3),
        (at(140).isoformat(), at(140).isoformat(), 1, 1),
    ]
    others = "SELECT name, method, pictures FROM event_taxa ORDER BY position"
    assert told(conn, others) == [
        (WILDEBEEST, "machine", 135),
        ("Equus grevyi", "human", 4),
        (LION, "machine", 2),
    ], "what nobody reviewed stays"
    save_reviews(conn, [animal(1, ZEBRA, 2)], "b.csv")
    assert told(conn, query.format("Equus grevyi"))[0][1] == at(0).isoformat(), "two names: unsure"
    assert told(conn, query.format(ZEBRA)) == [(at(1).isoformat(), at(2).isoformat(), 2, 2)]


def test_a_visit_comes_back_with_its_stretches(conn):
    assert visits_of(conn, 1, 2) == [HERD]
    assert len(media_of(conn, 1)) == len(MINUTES)
    assert check(conn) == []
    assert json.dumps(told(conn, "SELECT count(*) FROM visit_stretch")) == "[[4]]"
