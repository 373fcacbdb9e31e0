"""Data sets of others come in, without a single picture."""

import csv
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core.engine import reading
from db.integrity.check import check
from db.integrity.dump import dump
from flows.execution.databases import known_database
from flows.services.exchange.export import export_camtrap_dp
from flows.services.exchange.incoming import import_data_set
from pipeline.errors import SettingsError
from pipeline.exchange.incoming import opened
from tests.benchmarks.round_trip import round_trip
from tests.references import Difference, camtrapr
from tests.references.through_sql import read_records
from tests.tables import rows as reference
from tests.test_camtrap_dp import PROJECT, faults
from tests.visits import read_stays

ANIMALS = """
SELECT scientific_name, count(*) FROM independent_events
WHERE observation_type = 'animal' AND in_effort = 'yes' GROUP BY 1 ORDER BY 1
"""


@pytest.fixture(scope="module")
def example(camera_trap: Path) -> Path:
    """The official example of Camtrap DP."""
    return camera_trap / "camtrap_dp"


@pytest.fixture(scope="module")
def imported(url_of_module, example):
    """A database that holds the example and nothing else, and what its import came to."""
    return url_of_module, import_data_set(url_of_module, example)


def ask(url: str, sql: str) -> list[tuple]:
    with reading(known_database(url)) as conn:
        return [tuple(row) for row in conn.execute(sa.text(sql))]


def faults_in(url: str) -> list[str]:
    with reading(known_database(url)) as conn:
        return check(conn)


def all_of(url: str) -> list[str]:
    with reading(known_database(url)) as conn:
        return list(dump(conn))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def copy_of(package: Path, folder: Path, change=lambda name, rows: rows, name=None) -> Path:
    """A copy of a package whose tables were changed."""
    shutil.copytree(package, folder)
    for path in folder.glob("*.csv"):
        given = table(path)
        write(path, change(path.stem, given))
    if name:
        about = json.loads((folder / "datapackage.json").read_text("utf-8"))
        (folder / "datapackage.json").write_text(json.dumps({**about, "name": name}), "utf-8")
    return folder


def test_a_data_set_of_others_can_be_analysed_without_a_picture(imported, example):
    url, done = imported
    assert done.rows == {"deployments": 4, "media": 423, "observations": 549}
    assert (done.pictures.new, done.seen["human"], done.seen["machine"]) == (423, 526, 22)
    assert faults_in(url) == []
    known = [row for row in table(example / "observations.csv") if row["mediaID"]]
    people = [row for row in known if row["classificationMethod"] == "human"]
    sql = "SELECT count(*) FROM observations WHERE observation_level = 'media' AND"
    assert ask(url, f"{sql} classification_method = 'human'") == [(len(people),)]
    programs = "SELECT DISTINCT classified_by FROM observations WHERE classification_method ="
    assert ask(url, f"{programs} 'machine'") == [("Western Europe species model Version 1",)]


def test_events_and_effort_of_a_list_of_events_are_those_that_camtraptor_counts(tmp_path):
    """Camtrap DP 0.1, and no table of media: every event stands for itself."""
    url, package = f"sqlite:///{tmp_path}/mica.db", tmp_path / "mica"
    package.mkdir()
    for name in ("deployments", "observations"):
        given = reference(f"camtraptor/{name}.csv")
        write(package / f"{name}.csv", given)
    files = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "observations")]
    (package / "datapackage.json").write_text(json.dumps({"name": "mica", "resources": files}))
    done = import_data_set(url, package)
    assert (done.pictures.standing, done.pictures.new, faults_in(url)) == (27, 0, [])
    sql = "SELECT deployment_id, scientific_name, sum(events), sum(individuals)"
    seen = {
        (row[0], row[1]): row[2:] for row in ask(url, f"{sql} FROM species_by_day GROUP BY 1, 2")
    }
    for nth, name in enumerate(("n_obs", "n_individuals")):
        known = {
            (row["deploymentID"], row["scientificName"]): int(row["n"])
            for row in reference(f"camtraptor/{name}.csv")
        }
        ours = {key: counts[nth] for key, counts in seen.items() if key[1]}
        assert ours == {key: n for key, n in known.items() if n}
    sql = "SELECT d.deployment_id, s.effort_days FROM stations s JOIN deployments d"
    days = dict(ask(url, f"{sql} ON d.location_id = s.station"))
    for row in reference("camtraptor/effort_day.csv"):
        assert days[row["deploymentID"]] == pytest.approx(float(row["effort"]), abs=1e-6)


def test_an_event_that_lists_its_pictures_later_is_not_counted_twice(
    example, tmp_path, database_url
):
    def events_alone(name, rows):
        if name == "observations":
            return [row for row in rows if row["observationLevel"] == "event"]
        return rows

    def unlisted(name, rows):
        return rows[:1] if name == "media" else events_alone(name, rows)

    url = database_url
    import_data_set(url, copy_of(example, tmp_path / "first", unlisted))
    seen = ask(url, ANIMALS)
    done = import_data_set(url, copy_of(example, tmp_path / "second", events_alone))
    assert (done.answers, done.pictures.gone, faults_in(url)) == (0, 0, [])
    assert ask(url, ANIMALS) == seen
    stood = "SELECT count(*) FROM media_status WHERE media_id LIKE 'visit-%'"
    assert ask(url, stood) == [(0,)]


def test_its_events_are_those_that_its_own_table_of_events_has(imported, example):
    known: dict[tuple[str, str], set[str]] = {}
    for row in table(example / "observations.csv"):
        if row["observationLevel"] == "event" and row["observationType"] == "animal":
            known.setdefault((row["deploymentID"], row["scientificName"]), set()).add(
                row["eventID"]
            )
    sql = "SELECT deployment_id, scientific_name, sum(events) FROM species_by_day"
    seen = ask(imported[0], f"{sql} WHERE observation_type = 'animal' GROUP BY 1, 2")
    assert {(place, name): n for place, name, n in seen} == {
        key: len(events) for key, events in known.items()
    }


def test_the_same_data_set_a_second_time_adds_nothing(imported, example):
    url, _ = imported
    before = all_of(url)
    again = import_data_set(url, example)
    assert (again.pictures.new, again.pictures.known, again.answers) == (0, 423, 0)
    assert all_of(url) == before


def test_a_dry_run_writes_nothing(url_of_module, imported, example, tmp_path):
    before = all_of(url_of_module)
    other = copy_of(example, tmp_path / "other", name="another-one")
    done = import_data_set(url_of_module, other, name="another-one", dry_run=True)
    assert done.pictures.new == 423
    assert all_of(url_of_module) == before
    nowhere = f"sqlite:///{tmp_path}/none.db"
    assert import_data_set(nowhere, example, dry_run=True).pictures.new == 423
    assert not (tmp_path / "none.db").exists()


def test_it_goes_out_again_as_a_valid_package_with_the_same_rows(
    imported, example, tmp_path, camera_trap
):
    url, _ = imported
    project = tmp_path / "project.toml"
    project.write_text(PROJECT)
    export_camtrap_dp(url, tmp_path / "out", project, exact=True)
    assert faults(tmp_path / "out", camera_trap.parent / "reference" / "camtrap_dp") == []
    media = table(tmp_path / "out" / "media.csv")
    given = table(example / "media.csv")
    assert sorted((m["filePath"], m["fileName"], m["timestamp"]) for m in media) == sorted(
        (m["filePath"], m["fileName"], m["timestamp"]) for m in given
    )
    keys = ("observationType", "scientificName", "count", "lifeStage", "sex", "behavior")
    keys += ("classificationMethod", "classifiedBy", "classificationProbability")

    def said(folder: Path, level: str) -> list[tuple[str, ...]]:
        found = table(folder / "observations.csv")
        return sorted(
            tuple(
                f"{float(row[key]):.2f}" if "Prob" in key and row[key] else row[key] for key in keys
            )
            for row in found
            if row["observationLevel"] == level
        )

    assert said(tmp_path / "out", "media") == said(example, "media")
    differ = set(said(tmp_path / "out", "event")) ^ set(said(example, "event"))
    assert len(differ) <= 2  # an event called unclassified, whose pictures show a person


def test_a_changed_data_set_says_what_changed_and_answers_stay(url_of_module, example, tmp_path):
    def corrected(name, rows):
        if name != "observations":
            return rows
        fox = [row for row in rows if row["scientificName"] == "Vulpes vulpes"]
        for row in fox:
            row["scientificName"] = "Canis lupus"
        return rows

    first = copy_of(example, tmp_path / "first", name="changing")
    second = copy_of(first, tmp_path / "second", corrected)
    import_data_set(url_of_module, first, name="changing")
    done = import_data_set(url_of_module, second)
    assert (done.answers, done.changed, dict(done.new_names)) == (7, 7, {"Canis lupus": 7})
    assert faults_in(url_of_module) == []
    assert ask(url_of_module, "SELECT count(*) FROM reviews WHERE scientific_name = 'Canis lupus'")


def test_what_is_no_data_set_is_refused_in_one_line_and_nothing_is_written(example, tmp_path):
    url = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(SettingsError, match="no data set that is known"):
        import_data_set(url, tmp_path)

    def far_away(name, rows):
        for row in rows if name == "deployments" else ():
            row["latitude"] = "-3"
        return rows

    def many(name, rows):
        for row in rows[:1] if name == "observations" else ():
            row["count"] = "1e999"
        return rows

    for nth, (name, data) in enumerate(
        (
            ("datapackage.json", b"[" * 100_000),
            ("datapackage.json", b'{"resources": 1}'),
            ("observations.csv", bytes(range(256)) * 50),
            ("observations.csv", b"deploymentID,eventStart\n00a2c20d,0001-01-01T00:00:00+14:00\n"),
            ("media.csv", b"mediaID,deploymentID\n" + b"x" * 3000 + b",00a2c20d\n"),
        )
    ):
        broken = copy_of(example, tmp_path / f"broken{nth}")
        (broken / name).write_bytes(data)
        with pytest.raises(SettingsError) as why:
            import_data_set(url, broken)
        assert "\n" not in str(why.value)
    with pytest.raises(SettingsError, match="line 2: count '1e999' is no whole number"):
        import_data_set(url, copy_of(example, tmp_path / "many", many))
    assert not (tmp_path / "none.db").exists()
    import_data_set(url, example)
    before = all_of(url)
    with pytest.raises(SettingsError, match=r"others here: 00a2c20d .* km away"):
        import_data_set(url, copy_of(example, tmp_path / "far", far_away, name="far"))
    assert all_of(url) == before


def packed(folder: Path, *members: tuple[str, str]) -> Path:
    path = folder / "packed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members:
            file.writestr(name, text)
    return path


def test_a_package_may_be_packed_and_one_that_leads_out_of_its_folder_is_refused(
    example, tmp_path, monkeypatch
):
    members = [(f"mica/{path.name}", path.read_text("utf-8")) for path in example.iterdir()]
    url = f"sqlite:///{tmp_path}/packed.db"
    path = packed(tmp_path, *members, ("mica/media/1.jpg", "a picture stays in it"))
    assert import_data_set(url, path).pictures.new == 423
    before = all_of(url)
    for name in ("../out.csv", "/etc/out.csv", "a\\b.csv", "C:x.csv"):
        with pytest.raises(SettingsError, match="leads out of its folder"):
            import_data_set(url, packed(tmp_path, *members, (name, "x")))
    monkeypatch.setattr(opened, "MOST_BYTES", 100_000)
    with pytest.raises(SettingsError, match="its tables are larger than"):
        import_data_set(url, packed(tmp_path, *members, ("bomb.csv", "0" * 200_000)))
    monkeypatch.undo()
    (tmp_path / "torn.zip").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SettingsError, match="cannot be unpacked"):
        import_data_set(url, tmp_path / "torn.zip")
    about = json.loads((example / "datapackage.json").read_text("utf-8"))
    about["resources"][0]["path"] = "../../secret.csv"
    outside = copy_of(example, tmp_path / "outside")
    (outside / "datapackage.json").write_text(json.dumps(about))
    with pytest.raises(SettingsError, match="lies outside the package"):
        import_data_set(url, outside)
    assert all_of(url) == before


def test_wildlife_insights_tables_come_in_with_who_identified_each_picture(tmp_path):
    url, folder = f"sqlite:///{tmp_path}/wi.db", tmp_path / "wi"
    folder.mkdir()
    place = {"project_id": "7", "longitude": 39.8, "latitude": -2.9, "feature_type": "Trail game"}
    spring = {"start_date": "2019-04-17 00:00:00", "end_date": "2019-05-26 00:00:00"}
    autumn = {"start_date": "2019-07-24 00:00:00", "end_date": "2019-09-21 00:00:00"}
    write(
        folder / "deployments.csv",
        [
            {"deployment_id": name, "placename": "i9", "camera_id": "C09", **place, **period}
            for name, period in (("i9 spring", spring), ("i9 autumn", autumn))
        ],
    )
    write(folder / "cameras.csv", [{"camera_id": "C09", "make": "Bushnell", "model": "Trophy"}])
    write(folder / "projects.csv", [{"project_id": "7", "project_short_name": "Dakatcha"}])
    porcupine = {"class": "Mammalia", "order": "Rodentia", "family": "Hystricidae"}
    porcupine |= {"genus": "Hystrix", "species": "cristata", "common_name": "Crested Porcupine"}
    suni = {"class": "Mammalia", "genus": "Nesotragus", "species": "moschatus"}
    person = {"class": "Mammalia", "genus": "Homo", "species": "sapiens", "common_name": "Human"}

    def image(name, home, second, taxon, **more):
        said = dict.fromkeys((*porcupine, "is_blank", "number_of_objects", "cv_confidence"), "")
        at = f"2019-{'05' if home == 'i9 spring' else '08'}-01 07:35:{second:02}"
        said |= {"image_id": name, "deployment_id": home, "filename": f"{name}.JPG"}
        return said | {"timestamp": at, "identified_by": "R. N.", **taxon, **more}

    rows = [
        image("a1", "i9 spring", 1, porcupine, number_of_objects=2),
        image("a2", "i9 spring", 9, porcupine, number_of_objects=1),
        image("a2", "i9 spring", 9, suni, number_of_objects=1),
        image("b1", "i9 autumn", 1, suni, identified_by="Computer vision", cv_confidence=0.93),
        image("b2", "i9 autumn", 55, person),
        image("b3", "i9 autumn", 58, {}, is_blank=1),
        image("b4", "nowhere", 58, {}, is_blank=1),
    ]
    write(folder / "images_7.csv", rows)
    done = import_data_set(url, folder)
    assert (done.name, done.form, done.pictures.new) == ("Dakatcha", "Wildlife Insights", 5)
    assert [*done.left_out] == ["images of a deployment that is not in deployments.csv: nowhere"]
    sql = "SELECT deployment_id, scientific_name, count, method FROM events WHERE started_at"
    assert ask(url, f"{sql} < '2019-06' ORDER BY 2") == [
        ("i9 spring", "Hystrix cristata", 2, "human")
    ]
    taxa = (
        "SELECT scientific_name, classified_by FROM observations WHERE observation_level = 'media'"
    )
    assert ask(url, f"{taxa} AND deployment_id = 'i9 autumn' ORDER BY event_start") == [
        ("Nesotragus moschatus", "Computer vision"), ("Homo sapiens", "R. N."), (None, "R. N."),
    ]  # fmt: skip
    assert ask(url, "SELECT station, effort_days FROM stations") == [("i9", 98.0)]
    assert faults_in(url) == []


def test_camtrapr_tables_give_the_numbers_that_camtrapr_gives(tmp_path):
    url, folder = f"sqlite:///{tmp_path}/c.db", tmp_path / "season"
    folder.mkdir()
    for name in ("camtraps", "record_table_sample"):
        write(folder / f"{name}.csv", reference(f"camtrapr/{name}.csv"))
    done = import_data_set(url, folder)
    assert (done.rows, done.outages) == ({"stations": 3, "records": 39}, 1)
    sql = "SELECT scientific_name, count(*), count(DISTINCT station) FROM independent_events"
    known = [
        (row["species"], int(row["n_events"]), int(row["n_stations"]))
        for row in reference("camtrapr/report_events_by_species.csv")
    ]
    assert ask(url, f"{sql} GROUP BY 1 ORDER BY 1") == known
    with reading(known_database(url)) as conn:
        stays, found = read_stays(conn), read_records(conn)
    compared = [*camtrapr.compare_operation("with_problems", stays)]
    compared += camtrapr.compare_report("_with_problems", stays)
    for name in ("PBE_1_survey", "PBE_10_survey_effort", "VTA_7_station_effort"):
        compared += camtrapr.compare_history(name, stays, found)
    assert all(one.held for one in compared if isinstance(one, Difference)), compared


def test_a_season_of_others_goes_out_and_in_again_with_the_same_rows_and_events(tmp_path):
    """Some stations of Algar; tests/benchmarks/round_trip.py takes all of them."""
    reference("algar/stations.csv")  # skipped where there are none
    trip = round_trip(tmp_path, stations=4)
    assert trip.faults == () and trip.differ == 0
    assert trip.events == (trip.expected, trip.expected) and trip.expected > 50
    assert trip.rows["media"] <= trip.records < trip.rows["observations"]


def test_a_timelapse_table_is_mapped_by_a_small_file(tmp_path):
    url = f"sqlite:///{tmp_path}/t.db"
    row = {"RootFolder": "card", "File": "IMG_0001.JPG", "RelativePath": "Site 1\\CamA"}
    row |= {"DateTime": "2026-05-01 07:00:00", "DeleteFlag": "false", "How many": "2"}
    row |= {"What": "Roe deer", "Analyst": "Amina", "Weather": "wet"}
    table = tmp_path / "season.csv"
    write(
        table,
        [
            row,
            row | {"File": "IMG_0002.JPG", "What": "nothing", "How many": ""},
            row | {"File": "IMG_0003.JPG", "What": "", "How many": ""},
            row | {"File": "IMG_0004.JPG", "RelativePath": "", "What": "Person"},
        ],
    )
    with pytest.raises(SettingsError, match=r"no column Species: .* with --columns"):
        import_data_set(url, table)
    columns = tmp_path / "columns.toml"
    columns.write_text(
        '[columns]\nscientific_name = "What"\ncount = "How many"\n'
        '[names]\n"roe deer" = "Capreolus capreolus"\n'
    )
    done = import_data_set(url, table, columns=columns)
    assert (done.name, done.unknown) == ("season", ("season.csv: Weather",))
    sql = "SELECT deployment_id, path, observation_type, scientific_name FROM media_status"
    assert ask(url, f"{sql} ORDER BY path") == [
        ("season", "IMG_0004.JPG", "human", None),
        ("Site 1/CamA", "Site 1/CamA/IMG_0001.JPG", "animal", "Capreolus capreolus"),
        ("Site 1/CamA", "Site 1/CamA/IMG_0002.JPG", "blank", None),
        ("Site 1/CamA", "Site 1/CamA/IMG_0003.JPG", "unclassified", None),
    ]
    assert ask(url, "SELECT DISTINCT reviewer, count FROM reviews WHERE count = 2")
    assert faults_in(url) == []
