"""Packages as Agouti writes them: events and some of their pictures, by several people."""

import csv
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core.engine import open_database, reading
from db.integrity.check import check
from flows.execution.databases import known_database
from flows.facts.clocks import doubts
from flows.services.exchange.export import export_camtrap_dp
from flows.services.exchange.incoming import import_data_set
from flows.services.study.population import read_study, study_request
from pipeline.errors import SettingsError
from pipeline.exchange.columns import MEDIA, OBSERVATIONS
from pipeline.population.study.tables import population_tables
from tests.test_camtrap_dp import PROJECT

PLACE = {
    "deploymentID": "post-1",
    "locationID": "post",
    "latitude": "48.2",
    "longitude": "1.3",
    "deploymentStart": "2021-04-12T09:00:00+01:00",
    "deploymentEnd": "2021-04-20T09:00:00+01:00",
}
NOTE = "no positions"


def written(folder: Path, name: str, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def picture(name: str, second: str, **more: str) -> dict[str, str]:
    at = f"2021-04-{second}+01:00"
    kept = {"captureMethod": "activityDetection", "fileMediatype": "image/jpeg"}
    kept |= {"filePath": f"https://pictures/{name}/file", "fileName": f"{name}.JPG"}
    return {"mediaID": name, "deploymentID": "post-1", "timestamp": at, **kept, **more}


def of_event(name: str, begins: str, ends: str, **more: str) -> dict[str, str]:
    at = {"eventStart": f"2021-04-{begins}+01:00", "eventEnd": f"2021-04-{ends}+01:00"}
    kept = {"observationID": f"of-{name}", "eventID": name, "observationLevel": "event"}
    return {**kept, "deploymentID": "post-1", **at, **SAID, **more}


def of_picture(name: str, event: str, at: str, **more: str) -> dict[str, str]:
    """The camera's clock, said to be UTC."""
    at = f"2021-04-{at}+00:00"
    kept = {"observationID": f"of-{name}", "mediaID": name, "eventID": event}
    kept |= {"observationLevel": "media", "eventStart": at, "eventEnd": at}
    return {**kept, "deploymentID": "post-1", **SAID, "individualPositionRadius": "3.1", **more}


SAID = {
    "observationType": "animal",
    "scientificName": "Vulpes vulpes",
    "count": "1",
    "classificationMethod": "human",
    "classifiedBy": "Amina",
    "classificationTimestamp": "2022-02-02T12:00:00Z",
}
BLANK = {"observationType": "blank", "scientificName": "", "count": ""}
SETUP = {"observationType": "unclassified", "scientificName": "", "cameraSetupType": "calibration"}
PICTURES = [
    picture("d1", "12T10:07:00"),
    picture("a1", "13T03:10:23"),
    picture("a2", "13T03:10:24"),
    picture("a3", "13T03:10:25"),
    picture("t1", "13T03:10:25", captureMethod="timeLapse"),
    picture("b1", "14T06:12:40", favorite="false"),
    picture("c1", "15T19:40:10", mediaComments="sequenceID:c"),
    picture("c2", "15T19:40:11", mediaComments="sequenceID:c; dusk"),
]
SEEN = [
    of_event("a", "13T03:10:23", "13T03:10:25", individualSpeed="0.8"),
    of_picture("a1", "a", "13T03:10:23"),
    of_event("b", "14T06:12:40", "14T06:12:40", observationComments=NOTE),
    of_picture("b1", "b", "14T06:12:40"),
    of_event("c", "15T19:40:10", "15T19:40:10"),
    of_event("c", "15T19:40:10", "15T19:40:10", **BLANK),
    of_event("d", "12T10:05:00", "12T10:09:00", **SETUP),
]


def package(folder: Path, seen: list[dict[str, str]] = SEEN, name: str = "foxes") -> Path:
    folder.mkdir()
    written(folder, "deployments", [PLACE], tuple(PLACE))
    written(folder, "media", PICTURES, MEDIA)
    written(folder, "observations", seen, OBSERVATIONS)
    files = [{"name": n, "path": f"{n}.csv"} for n in ("deployments", "media", "observations")]
    about = {"name": name, "resources": files}
    (folder / "datapackage.json").write_text(json.dumps(about), "utf-8")
    return folder


def ask(url: str, sql: str) -> list[tuple]:
    with reading(known_database(url)) as conn:
        return [tuple(row) for row in conn.execute(sa.text(sql))]


@pytest.fixture(scope="module")
def foxes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agouti")
    url = f"sqlite:///{folder}/foxes.db"
    return url, import_data_set(url, package(folder / "foxes"))


def test_an_event_has_the_pictures_that_were_taken_meanwhile_beside_those_that_name_it(foxes):
    url, _ = foxes
    sql = "SELECT count(*) FROM visit_media GROUP BY visit_id ORDER BY visit_id"
    assert ask(url, sql) == [(1,), (3,), (1,), (2,)]
    with reading(known_database(url)) as conn:
        assert check(conn) == []


def test_what_was_written_of_an_event_is_kept_where_its_pictures_say_the_rest(foxes, tmp_path):
    url, _ = foxes
    sql = "SELECT scientific_name, count, comment FROM reviews WHERE purpose = 'event'"
    assert ("Vulpes vulpes", 1, NOTE) in ask(url, sql)
    (tmp_path / "project.toml").write_text(PROJECT)
    export_camtrap_dp(url, tmp_path / "out", tmp_path / "project.toml", exact=True)
    with (tmp_path / "out" / "observations.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["observationLevel"] == "event"]
    known = [row for row in rows if row["observationType"] == "animal"]
    assert [row["observationComments"] for row in known] == ["", NOTE, ""]
    assert [row["count"] for row in known] == ["1", "1", "1"]


def test_standard_columns_that_are_not_kept_are_told_where_they_say_something(foxes):
    assert set(foxes[1].unknown) == {
        "observations.csv: individualPositionRadius",
        "observations.csv: individualSpeed",
        "observations.csv: cameraSetupType",
        "media.csv: mediaComments",
    }


def test_what_nobody_named_makes_no_event_of_a_study(foxes):
    request = study_request(None, None, None)
    tables = population_tables(read_study(foxes[0], request), "").rows
    head, *rows = tables["events"]
    assert {row[head.index("scientific_name")] for row in rows} == {"Vulpes vulpes"}
    assert ["visits left out: unclassified", 1] in tables["about"]


@pytest.mark.parametrize("view", ["independent_events", "species_by_day", "activity_by_hour"])
def test_what_nobody_named_is_in_no_view_of_events(foxes, view):
    with open_database(foxes[0]).connect() as conn:
        kinds = conn.exec_driver_sql(f"SELECT DISTINCT observation_type FROM {view}").scalars()
        assert [*kinds] == ["animal"]


def test_a_data_set_in_which_nobody_named_anything_says_so(tmp_path):
    url = f"sqlite:///{tmp_path}/u.db"
    import_data_set(url, package(tmp_path / "u", [row | SETUP for row in SEEN]))
    tables = population_tables(read_study(url, study_request(None, None, None)), "")
    assert tables.no_visit == "no visit of an animal; left out: 4 unclassified"


def test_names_in_no_order_are_no_doubt_about_a_clock(tmp_path):
    """Events without pictures, called as a program numbers them: by chance."""
    url = f"sqlite:///{tmp_path}/n.db"
    days = [f"{day}T10:00:00" for day in (16, 13, 18, 14, 19)]
    seen = [of_event(f"n{nth}", day, day) for nth, day in enumerate(days)]
    assert import_data_set(url, package(tmp_path / "n", seen)).pictures.standing == 5
    with reading(known_database(url)) as conn:
        assert [*doubts(conn)] == []


def test_every_row_of_people_is_accounted_for(foxes):
    """Of an event with a fox that somebody called blank as well, the fox stays."""
    _, done = foxes
    assert done.seen["human"] == 6
    assert (done.answers, done.as_others) == (5, 1)


def test_a_later_download_under_another_name_is_not_counted_twice(tmp_path):
    """Agouti puts the time of the download into the name."""
    url = f"sqlite:///{tmp_path}/d.db"
    first, again = (f"foxes-2022020312{minute}00" for minute in (22, 41))
    import_data_set(url, package(tmp_path / "first", SEEN[:-1], first))
    later = package(tmp_path / "again", name=again)
    with pytest.raises(
        SettingsError, match=f"8 of its 8 pictures are in {first} already: .*--name"
    ):
        import_data_set(url, later)
    assert ask(url, "SELECT count(*) FROM media_status") == [(8,)]
    done = import_data_set(url, later, name=first)
    assert (done.pictures.new, done.pictures.known, done.answers) == (0, 8, 0)
    assert import_data_set(url, later, name=again).pictures.new == 8


def test_a_machine_is_one_in_other_words_too_and_an_unknown_word_is_refused(tmp_path):
    def by(word: str) -> list[dict[str, str]]:
        return [row | {"classificationMethod": word} for row in SEEN]

    url = f"sqlite:///{tmp_path}/m.db"
    for nth, word in enumerate(("machine learning", "Machine", "machine")):
        again = import_data_set(url, package(tmp_path / f"m{nth}", by(word)))
        assert (again.answers, again.seen["human"], again.seen["machine"]) == (0, 0, 6)
    assert import_data_set(url, package(tmp_path / "people", by("Human"))).answers == 5
    with pytest.raises(SettingsError, match="classificationMethod 'guessed': known are human, m"):
        import_data_set(url, package(tmp_path / "guessed", by("guessed")))
