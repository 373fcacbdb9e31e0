"""What goes out to portals and programs: whole, readable there, and no more than may be told."""

import csv
import io
import json
import sqlite3
import struct
import xml.etree.ElementTree as ET
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from makers import fill
from test_camtrap_dp import GATE, LEOPARD, PERSON, PROJECT, package, picture

from db.core.engine import open_database, writing
from db.store.deployments import all_deployments, save_deployments
from flows.services.exchange import outgoing
from flows.services.exchange.incoming import import_data_set
from flows.services.exchange.outgoing import Sharing
from pipeline.errors import InputError
from pipeline.exchange.answers.read import read_answers
from pipeline.exchange.answers.taxonomy import seven_fields
from pipeline.exchange.camtrap_dp import export
from pipeline.exchange.outgoing.geojson import write_geojson
from pipeline.exchange.outgoing.geopackage import write_geopackage
from pipeline.exchange.outgoing.layers import layers
from pipeline.exchange.outgoing.public import Places, is_protected, public_places
from pipeline.exchange.outgoing.speciesnet import label
from pipeline.exchange.outgoing.taxonomy import chain_of
from pipeline.exchange.outgoing.timelapse import export_timelapse
from pipeline.exchange.package import Event
from pipeline.exchange.project import Project, read_project
from pipeline.records import DayAlone
from pipeline.species.answers import taxa_of
from pipeline.species.labelset import load_labelset
from pipeline.tables.reader import read_table

DWC = "{http://rs.tdwg.org/dwc/text/}"
TAXA = taxa_of(load_labelset("starter"))
LION = replace(LEOPARD, name="Panthera leo")
FAR = replace(GATE, deployment_id="far", location_id="B", latitude=-3.5)


@pytest.fixture(scope="module")
def given(tmp_path_factory, url_of_module) -> tuple[str, Path]:
    """A database of 200 pictures whose deployments are complete, and project.toml."""
    engine = open_database(url_of_module)
    whole = {"started_at": datetime(2020, 1, 1), "ended_at": datetime(2030, 1, 1)}
    with writing(engine) as conn:
        fill(conn, 200)
        save_deployments(conn, [replace(place, **whole) for place in all_deployments(conn)])
    engine.dispose()
    project = tmp_path_factory.mktemp("project") / "project.toml"
    project.write_text(PROJECT)
    return url_of_module, project


@pytest.fixture(scope="module")
def about(tmp_path_factory) -> Project:
    path = tmp_path_factory.mktemp("about") / "project.toml"
    path.write_text(PROJECT)
    return read_project(path)


def rows(url: str, query: str) -> list[tuple]:
    engine = open_database(url)
    with engine.connect() as conn:
        found = [tuple(row) for row in conn.exec_driver_sql(query)]
    engine.dispose()
    return found


def one(url: str, query: str) -> int:
    [(found,)] = rows(url, query)
    return found


def unpacked(path: Path) -> tuple[ET.Element, dict[str, list[dict[str, str]]]]:
    """meta.xml, and the tables by file as it describes them."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    meta = ET.fromstring(files["meta.xml"])
    ET.fromstring(files["eml.xml"])
    tables = {}
    for part in meta:
        name = part.find(f"{DWC}files/{DWC}location").text
        rows = [*csv.reader(io.StringIO(files[name]))]
        fields = [field.attrib for field in part.iter(f"{DWC}field")]
        terms = {int(f["index"]): f["term"].rpartition("/")[2] for f in fields}
        assert [terms[n] for n in range(len(rows[0]))] == rows[0], "a column is its term"
        tables[name] = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return meta, tables


def test_an_archive_has_gbif_s_terms_and_as_many_occurrences_as_the_view(given, tmp_path):
    url, project = given
    done = outgoing.export_darwin_core(url, tmp_path / "a.zip", project, Sharing())
    meta, tables = unpacked(tmp_path / "a.zip")
    rows = tables["occurrence.csv"]
    seen = "FROM observations WHERE observation_level = 'event' AND observation_type = 'animal'"
    timed = one(url, f"SELECT count(*) {seen} AND event_start IS NOT NULL")
    assert len(rows) == done.counts["occurrences"] == timed > 0
    timeless = one(url, f"SELECT count(*) {seen} AND event_start IS NULL")
    assert done.counts["animals left out: their visits have no time"] == timeless
    assert len({row["occurrenceID"] for row in rows}) == len(rows)
    for row in rows:
        assert row["basisOfRecord"] == "MachineObservation" and row["occurrenceStatus"] == "present"
        assert row["scientificName"] and row["kingdom"] == "Animalia" and row["eventDate"]
        assert row["decimalLatitude"] == f"{float(row['decimalLatitude']):.2f}"
        assert int(row["coordinateUncertaintyInMeters"]) > 700
        assert row["dataGeneralizations"] == "coordinates rounded to 0.01 of a degree"
        assert row["license"].startswith("http://creativecommons.org/publicdomain/zero")
        assert datetime.fromisoformat(row["eventDate"].split("/")[0]).utcoffset()
    known = {row["occurrenceID"] for row in rows}
    assert {row["occurrenceID"] for row in tables["multimedia.csv"]} <= known
    assert meta.get("metadata") == "eml.xml"


def test_an_archive_has_no_people_and_says_where_pictures_lie(about, tmp_path):
    mixed = Event("a1", "gate", DAY, DAY, (LION, PERSON))
    alone = Event("b1", "gate", DAY, DAY, (LION,))
    pictures = (
        picture("a1", LION),
        picture("b1", LION, event="b1"),
        picture("b2", LION, event="b1", p_human=0.9),
        picture("c1", PERSON, event=None),
    )
    content = package(*pictures, events=(mixed, alone))
    archive = outgoing.Archive(content, about, Places(), TAXA, 0.3, "https://x.org/")
    done = outgoing.export_archive(archive, tmp_path / "a.zip")
    _, tables = unpacked(tmp_path / "a.zip")
    assert done == {"occurrences": 2, "pictures": 1}
    assert [row["accessURI"] for row in tables["multimedia.csv"]] == [
        "https://x.org/DCIM/100RECNX/b1.JPG"
    ]
    first = tables["occurrence.csv"][0]
    ranks = first["family"], first["genus"], first["taxonRank"]
    assert ranks == ("Felidae", "Panthera", "species")
    with pytest.raises(InputError, match="is there already"):
        outgoing.export_archive(archive, tmp_path / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


DAY = datetime(2026, 5, 1, 6, 30)


def test_a_day_without_an_hour_stays_one(about, tmp_path):
    day = DayAlone(2026, 5, 1)
    seen = Event("a1", "gate", day, day, (LION,))
    archive = outgoing.Archive(package(events=(seen,)), about, Places(), TAXA, 0.3)
    outgoing.export_archive(archive, tmp_path / "a.zip")
    assert unpacked(tmp_path / "a.zip")[1]["occurrence.csv"][0]["eventDate"] == "2026-05-01"


def test_a_deployment_without_a_place_is_named_and_nothing_is_written(about, tmp_path):
    lost = package(deployments=(replace(GATE, latitude=None),))
    archive = outgoing.Archive(lost, about, Places(), TAXA, 0.3)
    with pytest.raises(InputError, match="Darwin Core needs more about 1 deployment: gate"):
        outgoing.export_archive(archive, tmp_path / "a.zip")
    assert not [*tmp_path.iterdir()]


# --- places of protected species


@pytest.mark.parametrize(
    "name, listed, yes",
    [
        ("Panthera leo", "Panthera leo", True),
        ("Panthera leo", "Felidae", True),
        ("Panthera", "Panthera leo", True),
        ("Panthera pardus", "Panthera leo", False),
        ("Felidae", "Panthera leo", False),
        ("Nova species", "Nova", True),
    ],
)
def test_a_listed_name_protects_what_is_in_it_and_the_genus_it_is_in(name, listed, yes):
    assert is_protected(name, {listed}, TAXA) is yes


def test_a_place_of_a_protected_species_is_rounded_for_all_that_was_seen_there():
    """Also for another deployment at the same station, which would give the first away."""
    sister = replace(GATE, deployment_id="sister", latitude=-2.2)
    twin = replace(FAR, deployment_id="twin", location_id="C")
    seen = Event("a1", "gate", DAY, DAY, (LION,))
    content = package(events=(seen,), deployments=(GATE, sister, FAR, twin))
    places = public_places(content, True, {"Panthera leo"}, TAXA)
    assert places.guarded == {"gate", "sister"}
    assert places.of(GATE)[:2] == ("-2.1", "34.9") and places.of(GATE)[2] > 7000
    assert places.of(GATE)[3] == "coordinates rounded to 0.1 of a degree"
    assert places.of(FAR) == ("-3.5", "34.876543", None, None)
    nothing = public_places(content, False, frozenset(), TAXA)
    assert nothing.of(GATE)[:2] == ("-2.12", "34.88")


def test_a_camtrap_dp_package_guards_the_same_places(about, tmp_path):
    named = replace(GATE, location_name="Lion den")
    content = package(deployments=(named, FAR))
    export(content, about, tmp_path / "p", exact=True, guarded=frozenset({"gate"}))
    lines = (tmp_path / "p" / "deployments.csv").read_text("utf-8").splitlines()
    gate, far = csv.DictReader(lines)
    assert (gate["latitude"], gate["longitude"], gate["locationName"]) == ("-2.1", "34.9", "")
    assert int(gate["coordinateUncertainty"]) > 7000
    assert far["longitude"] == "34.876543"
    described = json.loads((tmp_path / "p" / "datapackage.json").read_text())
    assert described["coordinatePrecision"] == 0.1


# --- Wildlife Insights


def test_wildlife_insights_tables_fit_together_and_are_read_back_as_deployments(given, tmp_path):
    url, project = given
    done = outgoing.export_wildlife_insights(url, tmp_path / "wi", project, Sharing())
    tables = {
        name: [*csv.DictReader((tmp_path / "wi" / f"{name}.csv").read_text("utf-8").splitlines())]
        for name in ("projects", "cameras", "deployments", "images")
    }
    assert {row["project_id"] for rows in tables.values() for row in rows} == {"ridge-2026"}
    places = {row["deployment_id"] for row in tables["deployments"]}
    assert {row["deployment_id"] for row in tables["images"]} <= places
    assert {row["camera_id"] for row in tables["deployments"]} == {
        row["camera_id"] for row in tables["cameras"]
    }
    words = {row["common_name"] for row in tables["images"]}
    assert "Blank" in words and not words & {"Human", "Vehicle"}
    hidden = "('human', 'vehicle')"
    where = f"SELECT count(DISTINCT media_id) FROM observations WHERE observation_type IN {hidden}"
    left = done.counts["pictures left out: people or vehicles on them (--people)"]
    assert left == one(url, f"{where} AND observation_level = 'media'") > 0
    more = outgoing.export_wildlife_insights(url, tmp_path / "all", project, Sharing(people=True))
    assert more.counts["images"] >= done.counts["images"] + left
    assert datetime.strptime(tables["images"][0]["timestamp"], "%Y-%m-%d %H:%M:%S")


def test_what_people_and_models_said_stays_apart_when_the_tables_come_back(given, tmp_path):
    url, project = given
    outgoing.export_wildlife_insights(url, tmp_path / "wi", project, Sharing(people=True))
    back = f"sqlite:///{tmp_path}/back.db"
    import_data_set(back, tmp_path / "wi")
    query = (
        "SELECT classification_method, observation_type, scientific_name, count(*)"
        " FROM observations WHERE observation_level = 'media' AND event_start IS NOT NULL"
        " AND observation_type IN ('animal', 'human', 'vehicle', 'blank') GROUP BY 1, 2, 3"
    )
    there, here = rows(url, query), rows(back, query)
    assert sorted(map(str, there)) == sorted(map(str, here))


def test_the_seven_taxon_fields_come_together(about, tmp_path):
    pictures = (picture("a1", LION), picture("b1", replace(LEOPARD, name=None, rank=None)))
    upload = outgoing.Upload(package(*pictures), about, Places(), TAXA, media_url="gs://b/")
    outgoing.export_tables(upload, tmp_path / "wi")
    lion, animal = csv.DictReader((tmp_path / "wi" / "images.csv").read_text().splitlines())
    ranks = ("class", "order", "family", "genus", "species")
    assert [lion[rank] for rank in ranks] == ["Mammalia", "Carnivora", "Felidae", "Panthera", "leo"]
    assert lion["location"] == "gs://b/DCIM/100RECNX/a1.JPG"
    assert animal["common_name"] == "Animal" and not animal["class"]


# --- Timelapse and SpeciesNet


def test_timelapse_finds_each_picture_by_folder_and_file(tmp_path):
    two = picture("a1", LION, copies=("a1.JPG",), further=(replace(LEOPARD, comment="cub"),))
    blank = picture("b1", replace(LEOPARD, observation_type="blank", name=None), state="blank")
    done = export_timelapse(package(two, blank), tmp_path / "t")
    table = read_table(tmp_path / "t" / "timelapse.csv", ())
    assert [row.text("File") for row in table.rows] == ["a1.JPG", "a1.JPG", "b1.JPG"]
    assert [row.text("RelativePath") for row in table.rows] == [
        *(r"DCIM\100RECNX", None, r"DCIM\100RECNX")
    ]
    assert table.rows[0].text("Species") == "Panthera leo"
    assert table.rows[0].text("Note") == "also Panthera pardus"
    assert [row.text("Empty") for row in table.rows] == ["false", "false", "true"]
    found = json.loads((tmp_path / "t" / "timelapse_recognitions.json").read_text())
    assert {image["file"] for image in found["images"]} == {
        *("DCIM/100RECNX/a1.JPG", "a1.JPG", "DCIM/100RECNX/b1.JPG")
    }
    assert done["pictures"] == 3


def test_our_predictions_are_read_back_as_answers(given, tmp_path):
    url, _ = given
    done = outgoing.export_speciesnet(url, tmp_path / "p.json", Sharing())
    answers = read_answers(tmp_path / "p.json", {})
    assert answers.program == "speciesnet"
    assert len(answers.by_file) + len(answers.failed) == done.counts["pictures"]
    kept = one(url, "SELECT count(*) FROM labels WHERE observation_type = 'animal'")
    animals = [a for a in answers.by_file.values() if a.observation_type == "animal"]
    assert len(animals) >= kept > 0, "copies of a picture have entries of their own"
    names = one(
        url,
        "SELECT count(DISTINCT scientific_name) FROM labels WHERE observation_type = 'animal'",
    )
    assert len({a.guesses[0][0] for a in animals if a.guesses}) == names


@pytest.mark.parametrize("name", ["Panthera leo", "Felidae", "Mammalia", "Canis lupus familiaris"])
def test_a_label_of_ours_says_the_same_when_it_comes_back(name):
    kind, chain, _ = seven_fields(label("animal", name, None, TAXA))
    assert (kind, chain[0][1]) == ("animal", name)
    assert [seven_fields(label(k))[0] for k in ("blank", "human", "vehicle", "unknown")] == [
        *("blank", "human", "vehicle", "unknown")
    ]


def test_a_name_that_nobody_knows_has_the_ranks_that_its_words_say():
    assert chain_of("Nova species", None, {}) == (("species", "Nova species"), ("genus", "Nova"))
    assert chain_of("Novidae", "family", {}) == (("family", "Novidae"),)
    assert chain_of("Animalia", "kingdom", {}) == chain_of(None, None, {}) == ()


# --- maps


def test_a_map_has_stations_and_visits_without_people(given, tmp_path):
    url, _ = given
    done = outgoing.export_map(url, tmp_path / "m.geojson", Sharing())
    found = json.loads((tmp_path / "m.geojson").read_text())["features"]
    kinds = {f["properties"].get("observation_type") for f in found}
    assert kinds == {None, "animal"} or kinds == {None, "animal", "unknown"}
    assert done.counts["stations"] == one(url, "SELECT count(*) FROM stations")
    seen = "SELECT count(*) FROM observations WHERE observation_level = 'event'"
    animals = [f for f in found if f["properties"].get("observation_type") == "animal"]
    assert len(animals) == one(url, f"{seen} AND observation_type = 'animal'")
    x, y = found[0]["geometry"]["coordinates"]
    assert (x, y) == (round(x, 2), round(y, 2)) and 34 < x < 35 and -3 < y < -2
    outgoing.export_map(url, tmp_path / "all.geojson", Sharing(people=True))
    assert '"human"' in (tmp_path / "all.geojson").read_text()


def test_a_geopackage_is_one_by_its_own_tables(tmp_path):
    drawn, _ = layers(package(deployments=(GATE, FAR)), Places(exact=True), False)
    write_geopackage(drawn, tmp_path / "m.gpkg")
    write_geojson(drawn, tmp_path / "m.geojson")
    with closing(sqlite3.connect(tmp_path / "m.gpkg")) as file:
        assert file.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not file.execute("PRAGMA foreign_key_check").fetchall()
        names = file.execute("SELECT table_name, srs_id FROM gpkg_contents").fetchall()
        assert names == [("stations", 4326), ("events", 4326)]
        [(blob, station), _] = file.execute("SELECT geom, station FROM stations").fetchall()
        assert blob[:4] == b"GP\x00\x01" and struct.unpack("<i", blob[4:8]) == (4326,)
        assert station == "A"
        assert struct.unpack("<BIdd", blob[8:]) == (1, 1, GATE.longitude, GATE.latitude)
    with pytest.raises(InputError, match="is there already"):
        write_geopackage(drawn, tmp_path / "m.gpkg")


def test_a_map_needs_a_place_and_an_ending(tmp_path, given):
    with pytest.raises(InputError, match="no deployment has a place"):
        layers(package(deployments=(replace(GATE, latitude=None),)), Places(), False)
    with pytest.raises(InputError, match=r"\.geojson or \.gpkg"):
        outgoing.export_map(given[0], tmp_path / "m.shp", Sharing())
