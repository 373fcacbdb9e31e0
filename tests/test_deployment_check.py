"""`camtriage deployments edit` and `check`: whole, and each fault a line that says what to do."""

import shlex
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.core.engine import open_database, writing
from db.store.batches import save_batch
from db.store.deployments import all_deployments, save_deployments
from db.store.media import save_media
from db.store.outages import save_outages
from flows.services.deployments import (
    check_deployments,
    edit_deployment,
    edited,
    import_deployments,
    list_deployments,
    remove_deployment,
)
from pipeline.card.deployment_check import faults, metres
from pipeline.errors import InputError, SettingsError
from pipeline.records import Deployment, Media, Outage, Taken
from tests.commands import camtriage
from tests.test_deployment_tables import TIMES

MAY = datetime(2026, 5, 1)
WHOLE = Deployment(
    "A1",
    location_id="A",
    latitude=-1.5,
    longitude=35.0,
    started_at=MAY,
    ended_at=MAY + timedelta(days=30),
    utc_offset_min=180,
    camera_id="cam 7",
    source="table",
)
NOW = datetime(2026, 8, 1)
SEEN = Taken(9, MAY, MAY + timedelta(days=3))


def told(*deployments, **taken) -> list[str]:
    seen = {one.deployment_id: SEEN for one in deployments} | taken
    return faults(deployments, seen, {}, NOW)


def test_a_whole_deployment_has_no_fault():
    assert told(WHOLE) == []


def test_what_is_missing_is_named_with_the_option_that_gives_it():
    lines = " ".join(told(Deployment("A1")))
    for option in ("--start", "--end", "--latitude", "--offset", "last picture 2026-05-04"):
        assert option in lines
    assert "no picture at all" in " ".join(told(WHOLE, A1=Taken()))


def test_one_camera_in_two_places_at_a_time_is_a_fault_two_cameras_at_one_place_are_not():
    second = replace(WHOLE, deployment_id="A2", camera_id="cam 8")
    assert told(WHOLE, second) == []
    [line] = told(WHOLE, replace(second, camera_id="cam 7", started_at=MAY + timedelta(days=9)))
    assert line.startswith("A2: camera cam 7 is in A1 too from 2026-05-10 00:00:00 to 2026-05-31")
    after = replace(second, camera_id="cam 7", started_at=WHOLE.ended_at, ended_at=NOW)
    assert told(WHOLE, after) == [], "a card change: one ends when the next begins"


def test_a_camera_that_moved_is_another_location():
    moved = replace(WHOLE, deployment_id="A2", camera_id="other", latitude=-1.51)
    [line] = told(WHOLE, moved)
    assert "location A lies 1112 m from where A1 has it" in line
    assert told(WHOLE, replace(moved, location_id="B")) == []
    assert metres(WHOLE, WHOLE) == 0


def test_pictures_outside_their_deployment_are_counted_before_and_after():
    lines = told(WHOLE, A1=Taken(9, MAY - timedelta(days=9), MAY + timedelta(days=99), 2, 3))
    assert "2 of 9 pictures were taken before its start" in lines[0]
    assert "3 of 9 pictures were taken after its end" in lines[1]


def test_an_end_of_another_year_is_a_fault_and_says_the_days():
    [line] = told(replace(WHOLE, started_at=MAY - timedelta(days=365)))
    assert "A1: its start 2025-05-01 00:00:00 lies 365 days before the first picture" in line
    old, last = MAY - timedelta(days=3652), MAY - timedelta(days=3648)
    ten = replace(WHOLE, started_at=old)
    [line] = told(ten, A1=Taken(9, old, last))
    assert "its end 2026-05-31 00:00:00 lies 3678 days after the last picture 2016-05-05" in line
    assert "correct --end" in line
    out = {"A1": [(last, None)]}
    assert faults([ten], {"A1": Taken(9, old, last)}, out, NOW) == [], "an outage explains it"
    most = {"A1": [(last - timedelta(days=9), MAY), (MAY + timedelta(days=9), None)]}
    assert faults([ten], {"A1": Taken(9, old, last)}, most, NOW) == []


def test_a_start_or_end_in_the_future_is_a_fault_tomorrow_is_not():
    [line] = told(replace(WHOLE, ended_at=datetime(2209, 5, 31)))
    assert line.startswith("A1: its end 2209-05-31 00:00:00 lies in the future")
    assert told(replace(WHOLE, ended_at=NOW + timedelta(hours=14))) == []


def test_pictures_all_outside_the_period_are_one_fault():
    wrong = replace(WHOLE, started_at=datetime(2016, 5, 1), ended_at=datetime(2017, 5, 30))
    [line] = told(wrong, A1=replace(SEEN, late=9))
    assert "9 of 9 pictures were taken after its end" in line


def test_coordinates_0_0_are_nowhere():
    [line] = told(replace(WHOLE, latitude=0.0, longitude=0.0))
    assert "A1: latitude and longitude are both 0" in line
    assert told(replace(WHOLE, latitude=0.0)) == [], "on the equator"


@pytest.fixture
def url(database_url):
    media = [
        Media(f"{n:064}", f"A1/{n}.JPG", 1, taken_at=MAY + timedelta(days=n), clock="exif",
              deployment_id="A1")
        for n in range(5)
    ]  # fmt: skip
    engine = open_database(database_url)
    with writing(engine) as conn:
        save_deployments(conn, [Deployment("A1", location_name="CamA", camera_id="S1")])
        save_media(conn, save_batch(conn, "card", "/card", "c"), media)
    engine.dispose()
    return database_url


def place(url) -> Deployment:
    engine = open_database(url)
    with engine.connect() as conn:
        [one] = all_deployments(conn)
    engine.dispose()
    return one


def test_an_edit_changes_what_is_named_and_the_check_is_then_content(url, capsys):
    assert camtriage("deployments", "check", "--database", url) == 1
    words = ["--latitude=-1.5", "--longitude=35", "--tags=access:closed", "--offset=+03:00"]
    words += ["--start=2026-04-30T10:00", "--end=2026-05-20"]
    assert camtriage("deployments", "edit", "A1", *words, "--database", url) == 0
    said = capsys.readouterr().out
    assert "A1: deploymentEnd nothing -> 2026-05-21T00:00:00+03:00" in said
    edited_place = place(url)
    assert (edited_place.location_name, edited_place.camera_id) == ("CamA", "S1")
    assert (edited_place.tags, edited_place.utc_offset_min) == ("access:closed", 180)
    assert edited_place.started_at == datetime(2026, 4, 30, 10)
    assert camtriage("deployments", "check", "--database", url) == 0
    assert capsys.readouterr().out == "no fault found in 1 deployment\n"
    done = edit_deployment(url, "A1", {"deploymentTags": ""})
    assert (done.before, done.after) == (edited_place, replace(edited_place, tags=None))
    assert place(url) == done.after
    engine = open_database(url)
    with writing(engine) as conn:
        save_outages(conn, [Outage("A1", MAY, MAY + timedelta(days=2), "battery")])
    engine.dispose()
    checked = check_deployments(url)
    [fault] = checked.faults
    assert checked.deployments == 1
    assert fault.startswith("A1: 1 picture was taken within its outage of 2026-05-01")
    assert camtriage("deployments", "check", "--database", url) == 1
    assert capsys.readouterr().out.startswith(f"{fault}\n1 fault; ")


def test_a_wrong_year_is_told_when_it_is_typed(url, tmp_path, capsys):
    (tmp_path / "d.csv").write_text("deploymentID,deploymentStart\nA1,2016-05-01\n")
    [doubt] = import_deployments(url, tmp_path / "d.csv").doubts
    assert doubt.startswith("A1: its start 2016-05-01 00:00:00 lies 3652 days before")
    period = ("--start", "2026-05-01", "--end", "2209-05-31")
    camtriage("deployments", "edit", "A1", *period, "--database", url)
    assert "A1: its end 2209-06-01 00:00:00 lies in the future" in capsys.readouterr().out


def test_a_table_without_offsets_takes_none_away_and_says_so(url, tmp_path, capsys):
    edit_deployment(url, "A1", {}, "+08:00")
    for row in ("A1,2026-05-01", "A1,"):
        (tmp_path / "d.csv").write_text(f"deploymentID,deploymentStart\n{row}\n")
        camtriage("deployments", "import", tmp_path / "d.csv", "--database", url)
        said = capsys.readouterr().out
        assert "no time with an offset is given for A1: the known offset stays" in said
        assert place(url).utc_offset_min == 480
    (tmp_path / "d.csv").write_text("deploymentID,deploymentStart\nA1,2026-05-01T00:00:00+03:00\n")
    done = import_deployments(url, tmp_path / "d.csv")
    assert (done.updated, done.added, done.kept_offsets) == (1, (), ())
    assert place(url).utc_offset_min == 180
    with pytest.raises(InputError, match="leave one out"):
        edit_deployment(url, "A1", {"deploymentStart": "2026-05-01T00:00:00+03:00"}, "")
    edit_deployment(url, "A1", {}, "")
    assert place(url).utc_offset_min is None and place(url).started_at == MAY


def test_a_slip_in_a_table_is_taken_back_and_what_has_pictures_stays(url, tmp_path, capsys):
    (tmp_path / "d.csv").write_text("deploymentID\nA1\nAl\n")
    camtriage("deployments", "import", tmp_path / "d.csv", "--database", url)
    said = capsys.readouterr().out
    assert said.startswith("1 deployment brought up to date, 1 added\n")
    assert "belongs to these yet: Al\nif one is a slip" in said
    again = import_deployments(url, tmp_path / "d.csv")
    assert (again.updated, again.unchanged, again.added) == (0, 2, ())
    assert [known.deployment_id for known in list_deployments(url)] == ["A1", "Al"]
    camtriage("deployments", "remove", "Al", "--database", url)
    assert capsys.readouterr().out == "Al: removed\n"
    assert place(url).deployment_id == "A1"
    for name, told in (("A1", "it stays"), ("Al", "no such deployment")):
        with pytest.raises(InputError, match=told):
            remove_deployment(url, name)
    assert place(url).deployment_id == "A1"


@pytest.mark.parametrize(
    ("name", "words", "offset", "said"),
    [
        ("A1", {}, None, "nothing to change"),
        ("B9", {"locationID": "B"}, None, "no such deployment"),
        ("A1", {"latitude": "95", "longitude": "1"}, None, "no number -90 to 90"),
        ("A1", {"latitude": "9"}, None, "belong together"),
        ("A1", {"deploymentStart": "soon"}, None, "no time like"),
        ("A1", {"deploymentStart": "2026-05-02", "deploymentEnd": "2026-05-01"}, None, "before"),
        ("A1", {}, "east", "write it as"),
    ],
)
def test_what_a_table_would_refuse_is_refused_and_nothing_changes(url, name, words, offset, said):
    before = place(url)
    with pytest.raises((InputError, SettingsError), match=said):
        edit_deployment(url, name, words, offset)
    assert place(url) == before


@given(start=TIMES, end=TIMES, offset=st.integers(-47, 55).map(lambda n: 15 * n))
def test_another_offset_moves_no_time_of_the_camera(start, end, offset):
    one = replace(WHOLE, started_at=min(start, end), ended_at=max(start, end), utc_offset_min=0)
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    new = edited(one, {}, f"{sign}{minutes // 60:02}:{minutes % 60:02}")
    assert new == replace(one, utc_offset_min=offset)


def test_a_time_with_an_offset_is_turned_into_the_cameras_clock():
    new = edited(WHOLE, {"deploymentStart": "2026-05-01T00:00:00+00:00"}, "+03:00")
    assert new.started_at == datetime(2026, 5, 1, 3) and new.ended_at == WHOLE.ended_at
    bare = edited(Deployment("B"), {"deploymentStart": "2026-05-01T09:00:00+02:00"}, None)
    assert (bare.started_at, bare.utc_offset_min) == (datetime(2026, 5, 1, 9), 120)


# --- one spot, several stations


def at(name, station=None, place=None, lat=-1.5, lon=35.0, within=None) -> Deployment:
    return replace(
        WHOLE, deployment_id=name, location_id=station, location_name=place, latitude=lat,
        longitude=lon, coordinate_uncertainty_m=within, camera_id=name,
    )  # fmt: skip


def spots(*deployments) -> list[str]:
    return [line for line in told(*deployments) if "at one spot" in line]


def test_deployments_at_one_place_without_a_station_are_one_warning_with_its_commands():
    [line] = spots(at("may/A", place="Old oak"), at("june/A", place="Old oak"), at("x", lat=-2))
    assert line.startswith("june/A: 2 stations at one spot ('june/A', 'may/A')")
    assert line.endswith(
        "if they are one: camtriage deployments edit june/A --location 'Old oak'; "
        "camtriage deployments edit may/A --location 'Old oak'"
    )


@pytest.mark.parametrize(
    ("metres_apart", "within", "is_one"),
    [(5, None, True), (15, None, False), (25, 30, True), (45, 30, False), (300, 5000, False)],
)
def test_a_spot_is_as_wide_as_its_coordinates_are_uncertain(metres_apart, within, is_one):
    other = at("b", lat=-1.5 + metres_apart / 111_195, within=within)
    assert bool(spots(at("a"), other)) == is_one


def test_a_deployment_without_a_station_joins_the_station_at_its_place():
    [line] = spots(at("a", "Ridge"), at("b", "Ridge"), at("c", lat=-1.50001))
    assert line.endswith("if they are one: camtriage deployments edit c --location Ridge")


def test_stations_that_a_person_named_apart_at_one_place_stay_apart():
    assert spots(at("a", "Ridge, left camera"), at("b", "Ridge, right camera")) == []


@pytest.mark.parametrize("other", ["ridge 1", "Ridge  1", "RIDGE1", "Ridge 1 "])
def test_stations_whose_names_differ_by_blanks_or_capitals_alone_are_told(other):
    places = at("a", "Ridge 1"), at("b", "Ridge 1", lat=-1.6), at("c", other, lat=-1.7)
    [line] = spots(*places)
    assert "2 stations at one spot" in line
    assert line.endswith("camtriage deployments edit c --location 'Ridge 1'")
    assert spots(at("a", "Ridge 1"), at("b", "Ridge 10", lat=-1.6)) == []


def test_what_the_warning_says_joins_the_stations(tmp_path):
    url = f"sqlite:///{tmp_path}/c.db"
    with writing(open_database(url)) as conn:
        save_deployments(conn, [at("a", "ridge 1 "), at("b", place="Ridge 1", lat=-1.6)])
    [line] = [line for line in check_deployments(url).faults if "at one spot" in line]
    for command in line.partition("if they are one: ")[2].split("; "):
        words = shlex.split(command)[1:]
        assert camtriage(*words, "--database", url) == 0
    assert not [line for line in check_deployments(url).faults if "at one spot" in line]
    assert len({place.location_id for place in list_deployments(url)}) == 1


def test_thousands_of_deployments_are_compared_in_a_moment():
    many = [at(f"d{n}", lat=-1.5 + n / 1000, lon=30 + n % 7) for n in range(3000)]
    begun = time.perf_counter()
    assert len(spots(*many, at("near", lat=many[5].latitude, lon=many[5].longitude))) == 1
    assert time.perf_counter() - begun < 5
