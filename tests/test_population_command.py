"""`camtriage population`: numbers counted by hand, on both databases, and as a user types it."""

import csv
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import writing
from db.store.batches import save_batch, save_recipe, set_current
from db.store.deployments import all_deployments, save_deployments
from db.store.media import save_media
from db.store.outages import accepted_outages, save_outages
from db.store.reviewing.reviews import save_reviews
from db.store.visits import save_visits
from flows.cli.report import study_lines
from flows.facts.study import read_sightings
from flows.services.study.population import WrittenStudy, read_study, study_request
from flows.services.study.sample import write_queue
from pipeline.errors import InputError, PopulationError, SettingsError
from pipeline.population.effort.basis import basis
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.study import study
from pipeline.population.study.tables import Tables, population_tables
from pipeline.records import Deployment, Media, Outage, Review, Visit
from tests.commands import typed

FOX = ("animal", "Vulpes vulpes", "species")
MAMMAL = ("animal", "Mammalia", "class")
PERSON = ("human", "Homo sapiens", "species")
UNKNOWN = ("unknown", None, None)


def may(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 5, day, hour, minute)


PLACES = [  # 10, 5 + 5, 20 and an unknown number of days
    Deployment("A1", "A", None, 1.5, 30.0, None, may(1), may(11), source="table"),
    Deployment("B1", "B", started_at=may(1), ended_at=may(6), source="table"),
    Deployment("B2", "B", started_at=may(8), ended_at=may(13), source="table"),
    Deployment("C1", "C", started_at=may(1), ended_at=may(21), source="table"),
    Deployment("D1", "D"),
]
VISITS = [  # deployment, begins, minutes, taxon, capture method
    ("A1", may(2, 10), 5, FOX, None),
    ("A1", may(2, 10, 34), 0, FOX, None),  # 29 minutes after the last, 34 after the first picture
    ("A1", may(2, 11, 10), 0, FOX, None),
    ("A1", may(15), 0, FOX, None),  # the camera was gone by then
    ("D1", None, 0, FOX, None),  # without a period it hides no zero: tests/test_untimed.py
    ("A1", may(5), 0, FOX, "timeLapse"),
    ("A1", may(4), 0, MAMMAL, None),
    ("A1", may(2, 9), 0, PERSON, None),
    ("A1", may(2, 9, 30), 0, UNKNOWN, None),
    ("B1", may(3, 12), 0, FOX, None),  # a person says so
    ("B2", may(9, 12), 0, FOX, None),
    ("D1", may(2, 8), 0, FOX, None),
]


def fill(engine, places=PLACES) -> None:
    with writing(engine) as conn:
        label = save_recipe(conn, "label", {"step": "label"})
        look = save_recipe(conn, "look", {"step": "look"})
        flag = save_recipe(conn, "flag", {"step": "flag"})
        batch = save_batch(conn, "card", "/card", "content")
        save_deployments(conn, places)
        media = [
            Media(
                f"{i:064}",
                f"{one[0]}/DCIM/{i:04}.JPG",
                size=1,
                width=1,
                height=1,
                taken_at=one[1],
                deployment_id=one[0],
            )
            for i, one in enumerate(VISITS)
        ]
        save_media(conn, batch, media)
        save_visits(conn, label, [visit(*both) for both in zip(media, VISITS, strict=True)])
        save_reviews(
            conn,
            [Review(media[9].sha256, "animal", "Vulpes vulpes", 2, "Juma", may(30))],
            "sheet.csv",
        )
        set_current(conn, batch, look, label, flag)


def visit(media: Media, row: tuple) -> Visit:
    place, begun, minutes, (kind, name, rank), method = row
    ended = begun and begun + timedelta(minutes=minutes)
    return Visit(place, begun, ended, (media.sha256,), method, kind, name, rank, 0.8, None, None)


def tables(engine, **words):
    """Tables by name, each a list of dicts; and the histories."""
    given = {"begin": None, "end": None, "species": None, "gap_min": 30, "rule": "lastRecord"}
    ask = study_request(**(given | {"effort_rule": "exact", "occasion_days": 7} | words))
    with engine.connect() as conn:
        rests_on = basis(read_sightings(conn), all_deployments(conn), ask, accepted_outages(conn))
        made = population_tables(study(rests_on), "0")
    found = {
        name: [dict(zip(rows[0], map(str, row), strict=True)) for row in rows[1:]]
        for name, rows in made.rows.items()
    }
    return found, made


@pytest.fixture
def filled(database):
    fill(database)
    return database


def about(found) -> dict:
    return {row["item"]: row["value"] for row in found["about"]}


def of(rows, **what) -> dict:
    (one,) = [row for row in rows if what.items() <= row.items()]
    return one


def test_rates_events_and_effort_are_those_counted_by_hand(filled):
    found, _ = tables(filled)
    fox, mammal = (of(found["rai"], scientific_name=n) for n in ("Vulpes vulpes", "Mammalia"))
    assert (fox["events"], fox["effort_days"], fox["rai"]) == ("4", "40", "10")
    assert (fox["stations_seen"], fox["stations"], fox["events_left_out"]) == ("2", "3", "2")
    assert float(fox["rai_low"]) < 10 < float(fox["rai_high"])
    assert "bootstrap" in fox["interval"] and fox["rule"] == "lastRecord"
    assert (mammal["events"], mammal["rai"], mammal["rank"]) == ("1", "2.5", "class")
    days = {row["deployment"]: row["camera_days"] for row in found["effort"]}
    assert days == {"A1": "10", "B1": "5", "B2": "5", "C1": "20", "D1": ""}


def test_a_station_without_effort_has_no_rate_and_a_silent_one_a_zero(filled):
    found, _ = tables(filled, species=["Vulpes vulpes"])
    by_station = {r["station"]: (r["events"], r["rai"]) for r in found["rai_by_station"]}
    assert by_station == {"A": ("2", "20"), "B": ("2", "20"), "C": ("0", "0"), "D": ("", "")}


def test_the_rule_decides_what_is_one_event(filled):
    def foxes(**words):
        rows = tables(filled, species=["Vulpes vulpes"], **words)[0]["events"]
        return sum(row["station"] == "A" and row["in_effort"] == "1" for row in rows)

    assert foxes() == 2
    assert foxes(rule="lastIndependentRecord") == 3
    assert foxes(gap_min=36) == 2 and foxes(gap_min=37) == 1 and foxes(gap_min=0) == 3


def test_effort_follows_the_rule_and_the_dates(filled):
    assert of(tables(filled, effort_rule="inclusive")[0]["rai"], scientific_name="Mammalia")[
        "effort_days"
    ] == str(10 + 5 + 5 + 20)  # periods do not hold the midnight that ends them
    found, _ = tables(filled, begin="2026-05-02", end="2026-05-08")
    fox = of(found["rai"], scientific_name="Vulpes vulpes")
    assert (fox["events"], fox["effort_days"]) == ("3", str(7 + 5 + 7))
    assert float(fox["rai"]) == pytest.approx(300 / 19)
    assert about(found)["left out: visits outside the dates"] == "2"


def test_nothing_is_left_out_silently(filled):
    found, made = tables(filled)
    said = about(found)
    for why in ("human", "unknown", "time-lapse", "no time"):
        assert said[f"visits left out: {why}"] == "1"
    assert made.without_period == ("D1",) and said["deployment without a period"] == "D1"
    assert said["left out: deployments without a period"] == "1"
    assert said["left out: other events without effort, in events.csv alone"] == "2"
    assert said["left out: events in an outage, in events.csv alone"] == "0"
    assert made.visits + 4 == len(VISITS)


def test_a_deployment_without_a_period_lends_no_event_to_its_station(database):
    fill(database, [*PLACES[:4], Deployment("D1", "C")])
    found, _ = tables(database, species=["Vulpes vulpes"])
    assert of(found["rai_by_station"], station="C")["events"] == "0"


def test_people_are_in_the_tables_only_if_named(filled):
    assert all("Homo" not in str(rows) for rows in tables(filled)[0].values())
    for name in ("human", "Homo sapiens"):
        (row,) = tables(filled, species=[name])[0]["rai"]
        assert (row["scientific_name"], row["events"]) == ("Homo sapiens", "1")


def test_a_species_never_seen_has_a_zero_with_an_upper_bound(filled):
    (row,) = tables(filled, species=["Panthera leo"])[0]["rai"]
    assert (row["events"], row["rai"], row["rai_low"]) == ("0", "0", "0")
    assert float(row["rai_high"]) == pytest.approx(100 * 3.6888794541 / 40)


def test_what_a_person_said_is_marked(filled):
    found, made = tables(filled, species=["Vulpes vulpes"])
    told = of(found["events"], started_at="2026-05-03T12:00:00")
    assert (told["method"], told["count"], told["count_known"]) == ("human", "2", "1")
    assert of(found["rai"])["method"] == "machine and human" and made.reviewed == 1


def test_tables_have_the_shape_that_camtrapr_reads(filled):
    found, _ = tables(filled, species=["Vulpes vulpes"])
    first, second = found["record_table"][:2]
    assert first["DateTimeOriginal"] == "2026-05-02 10:00:00" and first["delta.time.secs"] == "0"
    assert (first["Directory"], first["FileName"]) == ("A1/DCIM", "0000.JPG")
    assert (second["Time"], second["delta.time.mins"]) == ("11:10:00", "36")
    known = {row["Station"] for row in found["station_table"]}
    assert {row["Station"] for row in found["record_table"]} == {"A", "B"} < known
    assert len(found["record_table"]) == 4 and len(found["events"]) == 6
    station = of(found["station_table"], Station="B")
    assert station["Setup_date"] == "2026-05-01 00:00:00"
    assert station["Problem1_from"] == "2026-05-06 00:00:00"
    assert station["Problem1_to"] == "2026-05-08 00:00:00"
    assert of(found["station_table"], Station="A")["Problem1_from"] == ""


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ({"begin": "2027-01-01"}, "no deployment ran from 2027-01-01 on"),
        ({"end": "2025-03-01"}, "no deployment ran up to 2025-03-01"),
        ({"begin": "2015-01-01", "end": "2015-06-01"}, "ran from 2015-01-01 to 2015-06-01"),
    ],
)
def test_dates_without_a_camera_are_told_with_those_that_have_one(filled, dates, words):
    with pytest.raises(PopulationError) as told:
        tables(filled, **dates)
    said = str(told.value)
    assert words in said and "cameras ran from 2026-05-01 to 2026-05-20" in said
    assert "fill in" not in said and "1 of 5 deployments without a period" in said


def test_dates_on_which_every_camera_was_out_are_told_so(filled):
    with writing(filled) as conn:
        save_outages(conn, [Outage("C1", may(14), None, "fire")])
    with pytest.raises(PopulationError, match=r"no camera worked from 2026-05-15 on.*outages"):
        tables(filled, begin="2026-05-15")


def test_a_wrong_year_is_told_with_its_deployment(database):
    wrong = Deployment("C2", "C", started_at=may(1), ended_at=datetime(2206, 5, 21))
    fill(database, [*PLACES[:3], wrong, PLACES[4]])
    with pytest.raises(InputError, match=r"C2: .*2026-05-01 to 2206-05-20.*year.*deployments edit"):
        tables(database)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--from", {"begin": "May"}),
        ("--to", {"begin": "2026-05-02", "end": "2026-05-01"}),
        ("--gap-min", {"gap_min": -1}),
        ("--gap-min", {"gap_min": float("nan")}),
        ("--rule", {"rule": "first"}),
        ("--effort", {"effort_rule": "midnight"}),
        ("--occasion-days", {"occasion_days": 0}),
    ],
)
def test_words_that_cannot_be_are_named(option, words):
    given = {"begin": None, "end": None, "species": None, "gap_min": 30, "rule": "lastRecord"}
    with pytest.raises(SettingsError, match=option):
        study_request(**(given | {"effort_rule": "exact", "occasion_days": 7} | words))


def camtriage(*words, cwd, url):
    return typed("population", *words, cwd=cwd, CAMTRIAGE_DATABASE_URL=url)


def test_the_command_writes_files_prints_their_paths_and_says_what_they_are(
    filled, database_url, tmp_path
):
    said = camtriage("--out", "tables", cwd=tmp_path, url=database_url)
    assert said.returncode == 0, said.stderr
    paths = said.stdout.splitlines()
    assert len(paths) == 18 + 4 + 2 and all((tmp_path / one).is_file() for one in paths)
    assert "8 visits, 1 of them told by people" in said.stderr and "uncorrected" in said.stderr
    assert "1 deployment without a period" in said.stderr and "deployments list" in said.stderr
    with (tmp_path / "tables/history_vulpes_vulpes.csv").open(newline="") as file:
        history = list(csv.reader(file))
    assert history == [
        ["station", "o1", "o2", "o3"],
        ["A", "1", "0", "NA"],
        ["B", "1", "1", "NA"],
        ["C", "0", "0", "0"],
    ]
    with (tmp_path / "tables/history_vulpes_vulpes_effort.csv").open(newline="") as file:
        assert [row[1:] for row in csv.reader(file)][1:] == [
            ["7", "3", "NA"],
            ["5", "5", "NA"],
            ["7", "7", "6"],
        ]


def test_without_periods_the_command_ends_with_2_and_writes_nothing(
    database, database_url, tmp_path
):
    fill(database, [Deployment(one.deployment_id, one.location_id) for one in PLACES])
    said = camtriage("--out", "tables", cwd=tmp_path, url=database_url)
    assert said.returncode == 2 and not (tmp_path / "tables").exists()
    assert said.stderr.count("\n") == 1 and "5 of 5 deployments without a period" in said.stderr


@pytest.mark.parametrize(
    ("given", "near"),
    [("Dragon dragon", ""), ("fox", "Vulpes vulpes (red fox)"), ("Vulpes vulpis", "Vulpes vulpes")],
)
def test_a_name_that_is_none_ends_with_2_and_near_names_before_anything_is_written(
    filled, database_url, tmp_path, given, near
):
    out = tmp_path / "tables"
    out.mkdir()
    (out / "rai.csv").write_text("kept")
    said = camtriage("--species", given, "--out", out, cwd=tmp_path, url=database_url)
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert f"--species '{given}'" in said.stderr and near in said.stderr
    assert [one.read_text() for one in out.iterdir()] == ["kept"]
    ask = study_request(None, None, [given])
    with pytest.raises(SettingsError, match=given):
        write_queue(database_url, tmp_path / "queue", ask, None, False, 500)
    assert not (tmp_path / "queue").exists()


@pytest.mark.parametrize("given", ["vulpes  VULPES", "Red fox", "Vulpes vulpes"])
def test_capitals_do_not_matter_and_a_known_vernacular_name_is_its_species(
    filled, database_url, given
):
    found = read_study(database_url, study_request(None, None, [given, "Vulpes vulpes"]))
    assert [(one.name, one.events) for one in found.rates] == [("Vulpes vulpes", 4)]


def test_a_species_of_the_label_set_that_was_never_seen_is_a_zero(filled, database_url):
    found = read_study(database_url, study_request(None, None, ["panthera leo"]))
    assert [(one.name, one.events) for one in found.rates] == [("Panthera leo", 0)]


def test_a_name_that_no_visit_carries_is_told_and_those_that_are_here(
    filled, database_url, tmp_path
):
    said = camtriage("--species", "panthera leo", "--out", "t", cwd=tmp_path, url=database_url)
    assert said.returncode == 0 and "told by people" not in said.stderr
    words = "no visit has the name Panthera leo; names here: Vulpes vulpes, Mammalia"
    assert words in said.stderr.splitlines()[0]
    page = (tmp_path / "t/population.html").read_text("utf-8")
    assert words[1:] in page and "Every visit was named by people" not in page
    both = ["--species", "Panthera leo", "--species", "Vulpes vulpes"]
    said = camtriage(*both, "--out", "t", cwd=tmp_path, url=database_url)
    assert "7 visits, 1 of them told" in said.stderr and words in said.stderr


def test_dates_without_a_visit_are_no_visits_told_by_people(filled, database_url, tmp_path):
    dates = ["--from", "2026-05-18", "--to", "2026-05-20"]
    said = camtriage(*dates, "--out", "t", cwd=tmp_path, url=database_url)
    assert said.stderr.startswith("no visit from 2026-05-18 to 2026-05-20\n")
    assert "No visit from 2026-05-18 to 2026-05-20." in (tmp_path / "t/population.html").read_text()


def test_labels_of_another_set_may_have_names_that_are_not_known_here(filled, database_url):
    with writing(filled) as conn:
        label = save_recipe(conn, "label", {"label_set": {"name": "mine", "digest": "ab"}})
        conn.execute(sa.update(schema.batch).values(label_recipe_id=label))
    found = read_study(database_url, study_request(None, None, ["Draco volans"]))
    assert [(one.name, one.events) for one in found.rates] == [("Draco volans", 0)]
    with pytest.raises(SettingsError, match="dragon"):
        read_study(database_url, study_request(None, None, ["dragon"]))


def test_histories_of_an_earlier_call_are_told_and_left(filled, database_url, tmp_path):
    camtriage("--out", "tables", cwd=tmp_path, url=database_url)
    said = camtriage("--species", "Mammalia", "--out", "tables", cwd=tmp_path, url=database_url)
    assert "3 history files of other calls, left as found: history_vulpes_vul" in said.stderr
    assert (tmp_path / "tables/history_vulpes_vulpes.csv").exists()


@pytest.mark.parametrize(
    ("reviewed", "answers", "says", "not_so"),
    [
        (0, 0, "1 visit, 0 of them told by people, the rest by the machine; raw", "sample take"),
        (1, 0, "1 visit, each told by people", "uncorrected"),
        (0, 99, "99 answers of the random sample take the machine's errors out", "raw"),
        (1, 99, "each told by people; 99 answers", "uncorrected"),
    ],
)
def test_the_last_lines_say_what_is_true_of_these_names(reviewed, answers, says, not_so):
    made = Tables({}, {}, {}, (), 1, reviewed, "none")
    first = next(study_lines(WrittenStudy(StudyRequest(), (), (), made, "", [], answers)))
    assert says in first and not_so not in first
