"""A data package that others can open: valid by the official schemas, right where none looks."""

import csv
import json
import math
import re
import shutil
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from db.core import schema
from db.core.engine import open_database, reading, writing
from db.store.outages import save_outages
from db.store.repairs import save_repair
from flows.facts.package import gather
from flows.services.exchange.export import export_camtrap_dp
from pipeline.card.scan import os_path, path_text
from pipeline.errors import DatabaseError, InputError, SettingsError
from pipeline.exchange.camtrap_dp import export, place
from pipeline.exchange.package import Event, Observation, Package, Picture
from pipeline.exchange.paths import file_path, local_stamp, stamp
from pipeline.exchange.project import read_project
from pipeline.records import ClockRepair, DayAlone, Deployment, Outage
from tests import test_population_command as population
from tests.commands import camtriage
from tests.makers import fill
from tests.test_population_command import may

TABLES = ("deployments", "media", "observations")
AT = datetime(2026, 5, 1, 6, 30, 15, 250_000)
PROJECT = """
title = "Leopards of the ridge"
samplingDesign = "targeted"
captureMethod = ["activityDetection", "timeLapse"]
individualAnimals = false
observationLevel = ["media", "event"]
[[contributors]]
title = "A. Ranger"
role = "contact"
[[licenses]]
name = "CC0-1.0"
scope = "data"
[[licenses]]
name = "CC-BY-4.0"
scope = "media"
[package]
name = "ridge-2026"
"""
GATE = Deployment(
    "gate",
    location_id="A",
    latitude=-2.123456,
    longitude=34.876543,
    started_at=AT - timedelta(days=3),
    ended_at=AT + timedelta(days=3),
    utc_offset_min=180,
    tags="access:staff",
    other={"cameraHeight": "0.6", "featureType": "trailGame", "baitUse": "false"},
)
LEOPARD = Observation("animal", "Panthera pardus", "species", None, 0.8, "machine", "labeller 12ab")
PERSON = Observation("human", None, None, 2, 0.9, "machine", "frame model 34cd")
BLANK = Observation("blank", None, None, None, 0.97, "machine", "frame model 34cd")


def picture(sha="a1", shown=LEOPARD, **kw) -> Picture:
    rest = {"p_animal": 0.8, "p_human": 0.01, "p_vehicle": 0.01, "event": "a1", "taken_at": AT}
    rest = {"deployment_id": "gate", "path": f"DCIM/100RECNX/{sha}.JPG"} | rest | kw
    return Picture(sha, observation=shown, **rest)


def package(*pictures, deployments=(GATE,), **kw) -> Package:
    pictures = pictures or (picture(),)
    events = kw.pop("events", (Event("a1", "gate", AT, AT, (pictures[0].observation,)),))
    return Package(tuple(deployments), tuple(pictures), tuple(events), **kw)


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    path = tmp_path_factory.mktemp("project") / "project.toml"
    path.write_text(PROJECT)
    return read_project(path)


@pytest.fixture
def written(tmp_path, project):
    """Export a package and read it back: counts, descriptor, and rows of the tables by name."""

    def write(content, folder="package", **kw):
        done = export(content, kw.pop("project", project), tmp_path / folder, **kw)
        return done, *read(tmp_path / folder)

    return write


def read(folder: Path):
    rows = {}
    for path in folder.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            rows[path.stem] = list(csv.DictReader(file))
    return json.loads((folder / "datapackage.json").read_text("utf-8")), rows


def test_who_said_so_is_the_model_with_its_hash_or_the_reviewer(empty_sqlite, tmp_path):
    path = shutil.copy(empty_sqlite, tmp_path / "camtriage.db")
    engine = open_database(f"sqlite:///{path}")
    models = {
        "frame_model": {"name": "starter", "sha256": "ab" * 32},
        "encoder": {"name": "ViT-B-32", "sha256": "cd" * 32},
    }
    label = {"look": models, "label_set": {"name": "mara", "digest": "ef" * 32}}
    with writing(engine) as conn:
        fill(conn, 200)
        for step, description in (("look", models), ("label", label)):
            change = sa.update(schema.recipe).where(schema.recipe.c.step == step)
            conn.execute(change.values(description=description))
        conn.execute(sa.update(schema.look).values(crop_source=None))
        content = gather(conn)
    engine.dispose()
    by = {
        (one.observation.observation_type, one.observation.method): one.observation.by
        for one in content.pictures
    }
    assert by["blank", "machine"] == "camtriage frame model starter abababababab"
    names = "camtriage labeller ViT-B-32 cdcdcdcdcdcd, label set mara efefefefefef"
    assert content.labeller == names and by["animal", "machine"] == f"{names}, made up"
    reviewers = {
        one.observation.by for one in content.pictures if one.observation.method == "human"
    }
    assert reviewers == {"Amina", "Juma"}
    told = {
        shown.by
        for event in content.events
        for shown in event.observations
        if shown.method == "human"
    }
    assert told <= {"Amina", "Juma", "Amina, Juma", None}


def test_what_reviewers_wrote_goes_with_what_they_saw(empty_sqlite, tmp_path):
    path = shutil.copy(empty_sqlite, tmp_path / "camtriage.db")
    engine = open_database(f"sqlite:///{path}")
    with writing(engine) as conn:
        fill(conn, 200)
        words = "seen by " + schema.review.c.reviewer
        conn.execute(sa.update(schema.review).values(comment=words))
        content = gather(conn)
    engine.dispose()
    shown = [seen for picture in content.pictures for seen in picture.observations]
    told = [seen for seen in shown if seen.method == "human"]
    assert told and all(seen.comment == f"seen by {seen.by}" for seen in told)
    assert all(seen.comment is None for seen in shown if seen.method != "human")
    of_visits = {seen.comment for event in content.events for seen in event.observations}
    assert of_visits & {"seen by Amina", "seen by Juma"}


@pytest.fixture(scope="session")
def official(camera_trap) -> Path:
    """The official schemas, read where they lie."""
    place = camera_trap.parent / "reference" / "camtrap_dp"
    if not (place / "camtrap-dp-profile.json").exists():
        pytest.skip(f"no official schemas: {place}")
    return place


def faults(folder: Path, official: Path) -> list[str]:
    """What frictionless and the profile find wrong, without the network.

    The profile's URL would be fetched, so tables are checked against local copies of their schemas
    and the descriptor against the profile's own part.
    """
    frictionless = pytest.importorskip("frictionless")
    about, _ = read(folder)
    profile = json.loads((official / "camtrap-dp-profile.json").read_text("utf-8"))
    own = {"$defs": profile["$defs"], **profile["allOf"][1]}
    del own["properties"]["spatial"]["$ref"]  # GeoJSON's schema is remote
    found = [one.message for one in jsonschema.Draft4Validator(own).iter_errors(about)]
    del about["profile"]
    for one in about["resources"]:
        if isinstance(one["schema"], dict):  # a table of our own
            continue
        name = one["schema"].rpartition("/")[2]
        one["schema"] = json.loads((official / name).read_text("utf-8"))
    report = frictionless.Package(about, basepath=str(folder)).validate()
    return found + [f"{e.type}: {e.message}" for t in report.tasks for e in t.errors]


# --- valid


def test_a_database_exports_a_valid_package_that_agrees_with_its_views(
    database_url, tmp_path, project, official
):
    engine = open_database(database_url)
    with writing(engine) as conn:
        fill(conn, 400)
        period = {"started_at": datetime(2026, 1, 1), "ended_at": datetime(2027, 1, 1)}
        conn.execute(sa.update(schema.deployment).values(period))
    with reading(engine) as conn:
        content = gather(conn)
        views = "SELECT observation_level, observation_type, count(*) FROM observations"
        timed = sa.text(f"{views} WHERE event_start IS NOT NULL GROUP BY 1, 2")
        seen = {(level, kind): n for level, kind, n in conn.execute(timed)}
        alone = gather(conn, ["card-1"])
        with pytest.raises(DatabaseError, match="no batch card-7 in the database; known: card-0"):
            gather(conn, ["card-7"])
    engine.dispose()
    done = export(content, project, tmp_path / "package")
    assert faults(tmp_path / "package", official) == []
    _, rows = read(tmp_path / "package")
    kinds = Counter((o["observationLevel"], o["observationType"]) for o in rows["observations"])
    assert kinds == seen
    assert done.left_out == len(rows["left_out"]) > 0
    assert {one.path.partition("/")[0] for one in content.pictures} == {"card-0", "card-1"}
    assert not any(one.path.startswith("card-1") for one in alone.pictures)


def test_all_columns_stand_in_the_order_of_the_schema(written, official, tmp_path):
    written(package())
    for name in TABLES:
        wanted = json.loads((official / f"{name}-table-schema.json").read_text("utf-8"))
        header = (tmp_path / "package" / f"{name}.csv").read_text("utf-8").splitlines()[0]
        assert header.split(",") == [one["name"] for one in wanted["fields"]]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1)
observation = st.builds(
    Observation,
    st.sampled_from(["animal", "human", "vehicle", "blank", "unknown", "unclassified"]),
    st.sampled_from([None, "Panthera pardus", "Felidae"]),
    st.sampled_from([None, "species", "family", "kind of cat"]),
    st.none() | st.integers(0, 9),
    st.none() | st.floats(0, 1),
    st.sampled_from([None, "machine", "human"]),
    st.none() | texts,
)


@st.composite
def packages(draw):
    cameras = draw(st.lists(texts.filter(lambda t: t not in ("NA", "NaN", "nan")), unique=True))
    offset = st.integers(-14 * 60, 14 * 60)
    deployments = [
        replace(
            GATE,
            deployment_id=name,
            latitude=draw(st.floats(-90, 90)),
            longitude=draw(st.floats(-180, 180)),
            utc_offset_min=draw(offset),
            location_name=draw(st.none() | texts),
        )
        for name in ["gate", *(one for one in cameras if one != "gate")]
    ]
    times = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))
    pictures, events = [], []
    for number in range(draw(st.integers(0, 5))):
        home = draw(st.sampled_from(deployments)).deployment_id
        at, spoken = draw(times), draw(observation)
        path = "/".join(draw(st.lists(texts, min_size=1, max_size=3)))
        lapse = draw(st.sampled_from([None, "timeLapse", "activityDetection"]))
        about = {"deployment_id": home, "path": path_text(path), "capture_method": lapse}
        pictures.append(picture(f"s{number}", spoken, taken_at=at, event=f"s{number}", **about))
        if draw(st.booleans()):
            taxa = tuple(draw(st.lists(observation, min_size=1, max_size=2)))
            events.append(Event(f"s{number}", home, at, at, taxa, lapse, draw(st.none() | offset)))
    return Package(tuple(deployments), tuple(pictures), tuple(events))


@settings(max_examples=15, deadline=None)
@given(content=packages(), exact=st.booleans())
def test_whatever_the_database_holds_the_package_is_valid(
    content, exact, project, official, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("any") / "package"
    done = export(content, project, folder, exact=exact)
    assert faults(folder, official) == []
    assert done.counts["media"] + done.left_out == len(content.pictures)


def test_a_reader_need_not_guess_what_parts_the_columns(written, official, tmp_path):
    camera = replace(GATE, deployment_id='"|')
    written(package(picture(deployment_id='"|'), deployments=(GATE, camera)))
    assert faults(tmp_path / "package", official) == []


def test_the_validator_of_these_tests_does_find_faults(written, official, tmp_path):
    written(package())
    broken = tmp_path / "package" / "media.csv"
    broken.write_text(broken.read_text().replace(",true,", ",perhaps,"))
    assert faults(tmp_path / "package", official) != []


def test_the_same_content_exported_again_is_the_same_but_for_the_time(written, tmp_path):
    content = package(picture(), picture("a2", PERSON), picture("a3", taken_at=None))
    written(content, "one")
    written(content, "two")
    for path in (tmp_path / "one").iterdir():
        first, second = (path.read_text(), (tmp_path / "two" / path.name).read_text())
        created = r'"created": "[^"]*"'
        assert re.sub(created, "", first) == re.sub(created, "", second)


# --- what no schema checks


def test_times_carry_the_deployments_offset_and_no_parts_of_seconds(written):
    _, _, rows = written(package())
    assert rows["media"][0]["timestamp"] == "2026-05-01T06:30:15+03:00"
    assert rows["observations"][0]["eventStart"] == "2026-05-01T06:30:15+03:00"
    assert stamp(AT, -210) == "2026-05-01T06:30:15-03:30"


def test_an_offset_that_the_camera_wrote_itself_wins(written):
    _, _, rows = written(package(picture(utc_offset_min=120)))
    assert rows["media"][0]["timestamp"].endswith("+02:00")


def test_blanks_have_no_count_and_people_no_probability(written):
    blank = replace(BLANK, count=0)
    _, _, rows = written(package(picture(shown=blank), picture("a2", PERSON)))
    first, second, *_ = rows["observations"]
    assert (first["count"], first["classificationProbability"]) == ("", "0.9700")
    assert (second["count"], second["classificationProbability"]) == ("2", "")
    assert second["classifiedBy"] == "frame model 34cd"


def test_the_box_of_what_was_seen_lies_inside_its_picture(written, official, tmp_path):
    for n, box in enumerate(((0.25, 0.5, 0.5, 0.25), (0.99996, 0.2, 0.00004, 0.8), (0, 0, 1, 1))):
        shown = replace(LEOPARD, box=box)
        event = Event("a1", "gate", AT, AT, (LEOPARD,))
        _, _, rows = written(package(picture(shown=shown), events=(event,)), f"package{n}")
        assert faults(tmp_path / f"package{n}", official) == []
        media, visit = rows["observations"]
        x, y, wide, high = (float(media[f"bbox{side}"]) for side in ("X", "Y", "Width", "Height"))
        assert x + wide <= 1.00001 and y + high <= 1.00001 and min(wide, high) > 0
        assert (x, y, wide, high) == pytest.approx(box, abs=2e-4)
        assert visit["bboxX"] == ""


def test_a_picture_s_box_is_around_its_sure_boxes_of_what_the_model_saw(empty_sqlite, tmp_path):
    path = shutil.copy(empty_sqlite, tmp_path / "camtriage.db")
    engine = open_database(f"sqlite:///{path}")
    with writing(engine) as conn:
        fill(conn, 200)
        more = (
            "INSERT INTO box SELECT media_id, recipe_id, 2, category, 0.6, 0.1, 0.2, 0.1, 0.1, 1,"
        )
        conn.execute(sa.text(f"{more} detector FROM box WHERE sure"))
        content = gather(conn)
    engine.dispose()
    boxed = [one for one in content.pictures if one.boxes]
    assert boxed and all(len(one.boxes) == 3 for one in boxed)
    for one in content.pictures:
        kinds = {box.category for box in one.boxes if box.sure}
        seen = one.observation
        if seen.method == "machine" and seen.observation_type in kinds:
            assert seen.box == pytest.approx((0.1, 0.2, 0.65, 0.55))
        else:
            assert seen.box is None


def test_a_review_names_its_reviewer_and_claims_no_probability(written):
    seen = Observation("animal", "Vulpes vulpes", None, 3, None, "human", "Amina")
    _, about, rows = written(package(picture(shown=seen)))
    row = rows["observations"][0]
    assert (row["classificationMethod"], row["classifiedBy"]) == ("human", "Amina")
    assert (row["count"], row["classificationProbability"]) == ("3", "")
    assert [one["scientificName"] for one in about["taxonomic"]] == ["Vulpes vulpes"]


def test_what_a_reviewer_wrote_beside_an_animal_is_its_comment(written, official, tmp_path):
    seen = Observation("animal", "Vulpes vulpes", None, 1, None, "human", "Amina")
    seen = replace(seen, comment="limps,\nleft hind leg")
    day = DayAlone(2026, 5, 1)
    _, _, rows = written(package(picture(shown=seen), picture("a2", seen, taken_at=day)))
    assert faults(tmp_path / "package", official) == []
    told = [row["observationComments"] for row in rows["observations"][:2]]
    assert told[0] == "limps,\nleft hind leg"
    assert told[1].startswith("limps,\nleft hind leg; the hour is not known")


def test_several_animals_of_a_picture_and_a_visit_are_valid_rows(written, official, tmp_path):
    young = Observation("animal", "Panthera pardus", None, 3, None, "human", "Amina", "juvenile")
    mother = replace(young, count=1, life_stage="adult", sex="female", individual_id="P1")
    person = Observation("human", None, None, 1, None, "human", "Amina")
    late = replace(young, started_at=AT + timedelta(hours=2), behavior="playing")
    shot = replace(picture(), observation=person, further=(young, mother), event="a1")
    visit = Event("a1", "gate", AT, AT + timedelta(hours=3), (mother, late))
    _, _, tables = written(package(shot, events=(visit,)))
    assert faults(tmp_path / "package", official) == []
    [media], rows = tables["media"], tables["observations"]
    assert media["filePublic"] == "false", "a person is on it too"
    of_media = [row for row in rows if row["observationLevel"] == "media"]
    assert [row["observationID"] for row in of_media] == ["a1_media", "a1_media_2", "a1_media_3"]
    assert [(row["lifeStage"], row["sex"], row["individualID"]) for row in of_media[1:]] == [
        ("juvenile", "", ""),
        ("adult", "female", "P1"),
    ]
    first, second = (row for row in rows if row["observationLevel"] == "event")
    assert second["eventStart"] > first["eventStart"] and second["behavior"] == "playing"


def test_when_a_person_looked_and_what_they_noted_are_valid_cells(written, official, tmp_path):
    told = partial(Observation, "animal", "Panthera pardus", method="human", by="Amina")
    seen = told(told_at=AT, comment="left ear torn\r\nsee notebook")
    day = told(told_at=DayAlone(2026, 6, 2), comment="again")
    pictures = (picture(shown=seen, utc_offset_min=0), picture("b2", day, event=None))
    _, _, rows = written(package(*pictures))
    assert faults(tmp_path / "package", official) == []
    first, second, visit = rows["observations"]
    assert first["eventStart"] == "2026-05-01T06:30:15+00:00", "as the camera wrote"
    assert first["classificationTimestamp"] == local_stamp(AT), "no camera's"
    assert first["observationComments"] == "left ear torn\nsee notebook"
    assert second["classificationTimestamp"] == local_stamp(DayAlone(2026, 6, 2))
    assert second["observationComments"].startswith("again; the hour of the classification is not")
    assert visit["observationComments"] == first["observationComments"]


def test_what_a_person_told_of_a_whole_visit_with_a_vehicle_hides_all_of_it(written):
    car = replace(PERSON, observation_type="vehicle", method="human", probability=None)
    for told, public in ((car, "false"), (replace(car, method="machine"), "true")):
        visit = Event("a1", "gate", AT, AT, (LEOPARD, told))
        _, _, rows = written(package(picture(), events=(visit,)), folder=told.method)
        assert rows["media"][0]["filePublic"] == public


def test_a_picture_nobody_looked_at_is_unclassified_by_nobody(written):
    waiting = Observation("unclassified", method="machine", by="frame model")
    _, _, rows = written(package(picture(shown=waiting, state="unprocessed"), events=()))
    row = rows["observations"][0]
    assert row["observationType"] == "unclassified"
    assert row["classificationMethod"] == row["classifiedBy"] == ""


def test_each_taxon_of_a_visit_has_a_row_without_a_picture(written):
    fox = Observation("animal", "Vulpes vulpes", "species", None, 0.7, "machine", "labeller")
    visit = Event("a1", "gate", AT, AT + timedelta(seconds=40), (LEOPARD, fox))
    _, _, rows = written(package(events=(visit,)))
    of_visit = [one for one in rows["observations"] if one["observationLevel"] == "event"]
    assert [one["scientificName"] for one in of_visit] == ["Panthera pardus", "Vulpes vulpes"]
    assert {one["mediaID"] for one in of_visit} == {""}
    assert {one["eventID"] for one in of_visit} == {rows["observations"][0]["eventID"]}
    assert of_visit[0]["eventEnd"] == "2026-05-01T06:30:55+03:00"


def test_time_lapse_pictures_are_media_but_no_events(written):
    lapse = {"capture_method": "timeLapse"}
    visit = Event("a1", "gate", AT, AT, (LEOPARD,), **lapse)
    _, _, rows = written(package(picture(**lapse), events=(visit,)))
    assert rows["media"][0]["captureMethod"] == "timeLapse"
    assert [one["observationLevel"] for one in rows["observations"]] == ["media"]
    assert rows["observations"][0]["eventID"] == ""


def test_visits_of_time_lapse_pictures_are_told_with_their_number(
    database, database_url, tmp_path, capsys
):
    whole = {"latitude": 1.5, "longitude": 30.0, "utc_offset_min": 180}
    whole |= {"started_at": may(1), "ended_at": may(21)}
    population.fill(database, [replace(one, **whole) for one in population.PLACES])
    (tmp_path / "p.toml").write_text(PROJECT)
    words = ("export", "camtrap-dp", tmp_path / "package", "--project", tmp_path / "p.toml")
    assert camtriage(*words, "--database", database_url) == 0
    said = capsys.readouterr().out
    line = "1 time-lapse visit without an event: pictures in media.csv, with their own observations"
    assert line in said.splitlines()
    (tmp_path / "p.toml").write_text(PROJECT.replace('["media", "event"]', '["event"]'))
    words = ("export", "camtrap-dp", tmp_path / "events", "--project", tmp_path / "p.toml")
    camtriage(*words, "--database", database_url)
    assert "pictures in media.csv, without any" in capsys.readouterr().out
    (tmp_path / "p.toml").write_text(PROJECT.replace('["media", "event"]', '["media"]'))
    done = export_camtrap_dp(database_url, tmp_path / "media", tmp_path / "p.toml")
    assert done.time_lapse == 0, "no events were asked for"
    assert done.levels == ("media",) and done.counts["deployments"] == len(population.PLACES)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "hidden",
    [
        picture("a2", PERSON, event=None),
        picture("a2", p_human=0.25, event=None),  # something like a person
        picture("a2", replace(PERSON, observation_type="vehicle"), event=None),  # number plates
        picture("a2", Observation("unclassified"), state="unprocessed", event=None),
    ],
)
def test_people_and_what_may_show_them_are_not_public(written, hidden):
    done, _, rows = written(package(picture(), hidden))
    assert [one["filePublic"] for one in rows["media"]] == ["true", "false"]
    assert done.counts["not public"] == 1


def test_no_picture_of_a_visit_with_a_person_is_public(written):
    around = [picture("a1", BLANK), picture("a2", PERSON), picture("a3", LEOPARD)]
    _, _, rows = written(package(*around, events=()))
    assert {one["filePublic"] for one in rows["media"]} == {"false"}


def test_pictures_without_a_time_are_left_out_and_listed(written):
    done, _, rows = written(package(picture(), picture("a2", taken_at=None)))
    assert done.left_out == 1
    assert [one["mediaID"] for one in rows["left_out"]] == ["a2"]
    assert [one["mediaID"] for one in rows["media"]] == ["a1"]


def test_a_clock_that_looks_wrong_marks_its_deployment(written):
    other = replace(GATE, deployment_id="ridge")
    late = picture("a2", deployment_id="ridge")
    content = package(picture(), late, deployments=(GATE, other), doubted=frozenset({"ridge"}))
    _, _, rows = written(content)
    assert [one["timestampIssues"] for one in rows["deployments"]] == ["false", "true"]


def test_outages_are_a_table_of_their_own_within_their_deployments(written, official, tmp_path):
    day = timedelta(days=1)
    given = (
        Outage("gate", AT - 9 * day, AT - day, "battery, snow"),
        Outage("gate", AT + day),
        Outage("gate", AT + 9 * day),
    )
    done, about, _ = written(package(outages=given))
    assert faults(tmp_path / "package", official) == [] and done.counts["outages"] == 2
    assert [one["name"] for one in about["resources"]] == [*TABLES, "outages"]
    table = [*csv.reader((tmp_path / "package" / "outages.csv").read_text("utf-8").splitlines())]
    assert table[1][1:] == [
        *("gate", "2026-04-28T06:30:15+03:00", "2026-04-30T06:30:15+03:00", "battery, snow")
    ]
    assert table[2][2:] == ["2026-05-02T06:30:15+03:00", "2026-05-04T06:30:15+03:00", ""]


def test_a_repaired_clock_marks_its_deployment_no_longer(database, project, tmp_path):
    """A year wrong, by the table and by its pictures; repaired, exported without a mark."""
    with writing(database) as conn:
        fill(conn, 60, cameras=1, cards=1)
        values = {"timestamp_issues": True, "ended_at": datetime(2026, 1, 1)}
        values["started_at"] = datetime(2025, 1, 1)
        conn.execute(sa.update(schema.deployment).values(values))
        before = gather(conn)
        year = ClockRepair("K000 2026", "year", {"seconds": -365 * 86400})
        save_repair(conn, year)
        after = gather(conn)
        save_outages(conn, [Outage("K000 2026", datetime(2025, 5, 1), None, "theft")])
        assert gather(conn).outages == (Outage("K000 2026", datetime(2025, 5, 1), None, "theft"),)
    for content, folder, issues in ((before, "a", "true"), (after, "b", "false")):
        export(content, project, tmp_path / folder)
        _, rows = read(tmp_path / folder)
        assert [one["timestampIssues"] for one in rows["deployments"]] == [issues]
    assert {one["timestamp"][:4] for one in rows["media"]} == {"2025"}
    assert {one["eventStart"][:4] for one in rows["observations"] if one["mediaID"]} == {"2025"}


def test_columns_of_the_owners_table_are_handed_on(written):
    _, _, rows = written(package())
    row = rows["deployments"][0]
    assert (row["cameraHeight"], row["featureType"]) == ("0.6", "trailGame")
    assert row["deploymentTags"] == "access:staff"


# --- places


def test_places_are_rounded_unless_exact_is_asked_for(written):
    _, about, rows = written(package())
    row = rows["deployments"][0]
    assert (row["latitude"], row["longitude"]) == ("-2.12", "34.88")
    assert int(row["coordinateUncertainty"]) > 700
    assert about["coordinatePrecision"] == 0.01
    assert about["spatial"] == {"type": "Point", "coordinates": [34.88, -2.12]}
    _, about, rows = written(package(), "exact", exact=True)
    assert rows["deployments"][0]["latitude"] == "-2.123456"
    assert "coordinatePrecision" not in about


@given(st.floats(-90, 90), st.floats(-180, 180), st.none() | st.integers(1, 5000))
def test_the_true_place_lies_within_the_uncertainty_of_the_rounded_one(north, east, known):
    one = replace(GATE, latitude=north, longitude=east, coordinate_uncertainty_m=known)
    rounded_north, rounded_east, uncertainty = place(one, exact=False)
    to = [math.radians(float(x)) for x in (rounded_north, rounded_east)]
    came = [math.radians(x) for x in (north, east)]
    half = math.sin((to[0] - came[0]) / 2) ** 2
    half += math.cos(to[0]) * math.cos(came[0]) * math.sin((to[1] - came[1]) / 2) ** 2
    moved = 2 * 6_371_000 * math.asin(math.sqrt(half))
    assert moved + (known or 30) <= uncertainty


# --- paths

ALLOWED = re.compile(r"^(?=^[^./~])(^((?!\.{2}).)*$).*$")


@given(st.lists(st.binary(min_size=1).filter(lambda b: not {0, 47} & set(b)), min_size=1))
def test_any_name_on_a_card_becomes_an_allowed_path_and_finds_back(parts):
    on_card = b"/".join(parts)
    written = file_path(path_text(on_card.decode("utf-8", "surrogateescape")))
    assert ALLOWED.match(written)
    assert "\\" not in written
    assert unquote_to_bytes(written) == on_card
    assert unquote_to_bytes(written).decode("utf-8", "surrogateescape") == os_path(
        path_text(on_card.decode("utf-8", "surrogateescape"))
    )


def test_an_ordinary_path_stays_as_it_is():
    assert file_path("Kamera 3 (Süd)/DCIM/100RECNX/IMG_0001.JPG") == (
        "Kamera 3 (Süd)/DCIM/100RECNX/IMG_0001.JPG"
    )
    assert file_path(".hidden/a..b/50%.jpg") == "%2Ehidden/a.%2Eb/50%25.jpg"


# --- refusals


def test_all_that_is_missing_is_named_at_once_and_nothing_is_written(tmp_path, project):
    bare = Deployment("hill")
    half = replace(GATE, deployment_id="river", utc_offset_min=None, other={"cameraTilt": "steep"})
    with pytest.raises(InputError) as refused:
        export(package(deployments=(GATE, bare, half)), project, tmp_path / "package")
    said = str(refused.value)
    assert "2 deployments: hill (place: latitude, longitude, period: " in said
    assert "river (UTC offset" in said
    assert "cameraTilt 'steep' is no whole number" in said
    assert "gate" not in said
    assert "\n" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused_and_stays_as_it_is(tmp_path, project):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        export(package(), project, tmp_path)
    with pytest.raises(InputError, match="is a file"):
        export(package(), project, tmp_path / "mine.txt")
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


def test_an_export_that_breaks_half_way_leaves_nothing(tmp_path, project):
    odd = picture("a2", replace(LEOPARD, probability="much"))
    with pytest.raises(ValueError, match="format"):
        export(package(picture(), odd, events=()), project, tmp_path / "package")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_used(tmp_path, project):
    (tmp_path / "package").mkdir()
    export(package(), project, tmp_path / "package")
    assert (tmp_path / "package" / "media.csv").exists()


def test_a_deployment_whose_name_means_missing_is_refused(tmp_path, project):
    with pytest.raises(InputError, match="its name means 'missing'"):
        export(package(deployments=(replace(GATE, deployment_id="NA"),)), project, tmp_path / "p")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('samplingDesign = "targeted"', ""), "samplingDesign is missing: one of simpleRandom"),
        (('"targeted"', '"everywhere"'), "samplingDesign must be one of"),
        (('["activityDetection", "timeLapse"]', '"timeLapse"'), "captureMethod must be a list"),
        (("= false", '= "no"'), "individualAnimals must be true or false"),
        (('["media", "event"]', '["sequence"]'), "observationLevel must be a list of media, event"),
        (('scope = "media"', 'scope = "data"'), "one with scope data and one with scope media"),
        (('role = "contact"', 'role = "boss"'), "contributor 1: role must be one of"),
        (('name = "ridge-2026"', 'name = "The Ridge"'), "small letters"),
        (("title =", "titel ="), "unknown: titel"),
        (("[[licenses]]", "[[licenses"), "cannot be read as TOML"),
        (("[[licenses]]", "a = " + "[" * 5000), "cannot be read as TOML"),
    ],
)
def test_a_wrong_project_file_is_refused_in_one_line(tmp_path, change, words):
    path = tmp_path / "project.toml"
    path.write_text(PROJECT.replace(*change))
    with pytest.raises(SettingsError) as refused:
        read_project(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_empty_project_file_names_everything_it_needs(tmp_path):
    path = tmp_path / "project.toml"
    path.write_text("")
    with pytest.raises(SettingsError) as refused:
        read_project(path)
    for word in ("title", "samplingDesign", "captureMethod", "observationLevel", "contributors"):
        assert word in str(refused.value)
    with pytest.raises(SettingsError, match=r"no such file; flows/README.md shows one"):
        read_project(tmp_path / "nowhere.toml")
