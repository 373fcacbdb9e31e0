"""Tables that other programs and careless hands make are taken over, or refused in one line."""

from datetime import datetime

import pytest

from db.core.engine import open_database, writing
from db.store.deployments import all_deployments, save_deployments
from db.store.outages import outages
from flows.run_options import RunOptions
from flows.services.deployments import import_deployments
from flows.services.reviewing.reviews import import_reviews
from flows.steps.ingest import ingest
from pipeline.card.deployment_table import read_whole
from pipeline.errors import InputError, SettingsError
from pipeline.records import Deployment, Outage
from tests import cards
from tests.commands import camtriage

CAMTRAPR = (
    "Station,utm_y,utm_x,Setup_date,Retrieval_date,Problem1_from,Problem1_to\n"
    "Cam0,232000,555000,25/04/2026,01/06/2026,10/05/2026,14/05/2026\n"
    "Cam1,232000,555100,25/04/2026,01/06/2026,,\n"
)


@pytest.fixture
def card(tmp_path):
    return cards.card(tmp_path / "card", pictures=8, broken=False)


@pytest.fixture
def url(tmp_path, card):
    url = f"sqlite:///{tmp_path}/c.db"
    ingest(RunOptions(card=str(card), name="c", database=url, threads=2))
    return url


def written(tmp_path, text: str, name="table.csv"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def places(url: str) -> dict[str, Deployment]:
    with open_database(url).connect() as conn:
        return {place.deployment_id: place for place in all_deployments(conn)}


def test_camtrapr_s_table_of_stations_is_taken_over_with_its_problems(url, tmp_path, capsys):
    before = places(url)
    table = written(tmp_path, CAMTRAPR)
    assert camtriage("deployments", "import", table, "--database", url) == 0
    said = capsys.readouterr().out
    assert "2 deployments brought up to date, 0 added" in said
    assert "Cam0 is c/Cam0 here" in said
    assert "1 outage entered" in said
    assert "kept, and used for nothing: utm_y, utm_x" in said and "degrees" in said
    found = places(url)
    assert list(found) == ["c/Cam0", "c/Cam1"]
    assert (found["c/Cam0"].location_id, found["c/Cam0"].ended_at) == ("Cam0", datetime(2026, 6, 2))
    assert found["c/Cam0"].camera_id == before["c/Cam0"].camera_id == "A0"  # no such column
    with open_database(url).connect() as conn:
        [(_, outage)] = outages(conn)
    assert outage == Outage("c/Cam0", datetime(2026, 5, 10), datetime(2026, 5, 15), "Problem1")
    assert camtriage("deployments", "import", table, "--database", url) == 0
    assert places(url) == found and "outage" not in capsys.readouterr().out.split("Cam1 is")[1]


def test_a_run_with_camtrapr_s_table_takes_its_problems_too(tmp_path, card):
    url, table = f"sqlite:///{tmp_path}/r.db", written(tmp_path, CAMTRAPR)
    options = RunOptions(card=str(card), name="c", database=url, deployments=str(table), threads=2)
    assert ingest(options).notes == ("1 outage entered from the table's columns of problems.",)
    assert ingest(options).notes == ()
    assert list(places(url)) == ["Cam0", "Cam1"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Cam0,,,,,,14/05/2026", "Problem1_to without its from"),
        ("Cam0,,,,,14/05/2026,10/05/2026", "Problem1 ends before it begins"),
        ("Cam0,,,,,soon,", "Problem1_from 'soon' is no time"),
        ("Cam0,,,25/04/2026,01/06/2026,25/07/2026,26/07/2026", "Cam0 2026-07-25"),
    ],
)
def test_problems_that_cannot_be_are_refused_and_nothing_is_imported(url, tmp_path, row, words):
    before = places(url)
    table = written(tmp_path, CAMTRAPR.splitlines()[0] + "\n" + row + "\n")
    with pytest.raises(InputError, match=words) as told:
        import_deployments(url, table)
    assert "\n" not in str(told.value) and places(url) == before


@pytest.mark.parametrize(
    "head",
    [
        "deployment_id,placename,longitude,latitude,start_date,end_date",
        "deploymentid,LocationName,Longitude,Latitude,deploymentstart,deploymentend",
        "Station,location name,lon,lat,Setup_date,Retrieval_date",
        "STATION,location_name,decimalLongitude,decimalLatitude,SetupDate,RetrievalDate",
    ],
)
def test_places_under_other_headings_reach_the_deployments_that_they_mean(url, tmp_path, head):
    table = written(tmp_path, f"{head}\ncam0,Oak,2.1,37.5,2026-04-25,2026-06-01\n")
    done = import_deployments(url, table)
    assert (done.updated, done.added, done.places) == (1, (), (("cam0", "c/Cam0"),))
    oak = places(url)["c/Cam0"]
    assert (oak.location_name, oak.latitude, oak.longitude) == ("Oak", 37.5, 2.1)
    assert (oak.started_at, oak.ended_at) == (datetime(2026, 4, 25), datetime(2026, 6, 2))


def test_a_further_column_station_stays_one_beside_deploymentid(tmp_path):
    read = read_whole(written(tmp_path, "deploymentID,Station,lat,latitude,longitude\nd,S,9,1,2\n"))
    assert [place.deployment_id for place in read.deployments] == ["d"]
    assert read.deployments[0].other == {"Station": "S", "lat": "9"}
    assert read.unused == ("Station", "lat")


def test_a_place_where_two_cards_hung_is_refused_by_both_names(url, tmp_path, card):
    ingest(RunOptions(card=str(cards.card(tmp_path / "june", 12)), name="june", database=url))
    with pytest.raises(SettingsError, match=r"cam 1 \(here: c/Cam1, june/Cam1\)"):
        import_deployments(url, written(tmp_path, "deploymentID\ncam 1\n"))
    assert "cam 1" not in places(url)


def test_two_rows_that_mean_one_deployment_are_refused(url, tmp_path):
    with pytest.raises(SettingsError, match=r"CAM0 \(here: c/Cam0\); Cam 0 \(here: c/Cam0\)"):
        import_deployments(url, written(tmp_path, "deploymentID\nCAM0\nCam 0\n"))


# --- Timelapse

TIMELAPSE = "RootFolder,File,RelativePath,DateTime,DeleteFlag,Empty,Species,Count,Note,Analyst\n"
FOLDER = "Cam{}\\DCIM\\100RECNX"


def timelapse(*rows: str, head: str = TIMELAPSE) -> str:
    begin = [
        f"card,RCNX000{n + 1}.JPG,{FOLDER.format(0)},2026-05-01 06:00:00,false," for n in range(4)
    ]
    return head + "".join(f"{a}{b}\n" for a, b in zip(begin, rows, strict=False))


def reviews(url: str) -> list[tuple]:
    engine = open_database(url)
    with engine.connect() as conn:
        query = """SELECT m.path, r.observation_type, r.scientific_name, r.reviewer, r.comment
        FROM reviews r JOIN pictures m ON m.media_id = r.media_id ORDER BY 1"""
        return [tuple(row) for row in conn.exec_driver_sql(query)]


def test_labels_of_timelapse_come_in_as_reviews(url, tmp_path):
    table = timelapse(
        "false,Deer,2,,Amina", "true,,0,,Amina", "false,none,0,,Amina", "false,,0,later,Amina"
    )
    done = import_reviews(url, written(tmp_path, "\ufeff" + table), None)
    assert (done.saved, done.empty) == (3, 1)
    path = "Cam0/DCIM/100RECNX/RCNX000"
    assert reviews(url) == [
        (f"{path}1.JPG", "animal", "Cervidae", "Amina", None),
        (f"{path}2.JPG", "blank", None, "Amina", None),
        (f"{path}3.JPG", "blank", None, "Amina", None),
    ]
    assert import_reviews(url, written(tmp_path, table), None).saved == 0


def test_people_and_cars_of_timelapse_are_no_animals(url, tmp_path):
    table = timelapse("false,Person,1,one with a bag,", "false,car,1,,", "false,Homo sapiens,,,")
    import_reviews(url, written(tmp_path, table), "Juma")
    assert [row[1:3] for row in reviews(url)] == [
        ("human", "Homo sapiens"), ("vehicle", None), ("human", "Homo sapiens")
    ]  # fmt: skip
    assert reviews(url)[0][3:] == ("Juma", "one with a bag")


@pytest.mark.parametrize(
    "path", [r"Cam0\DCIM\100RECNX\RCNX0001.JPG", "Cam0/DCIM/100RECNX/RCNX0001.JPG"]
)
def test_a_path_with_windows_strokes_is_the_same_path(url, tmp_path, path):
    import_reviews(url, written(tmp_path, f"path,label\n{path},blank\n"), None)
    assert len(reviews(url)) == 1


def test_timelapse_begun_inside_the_card_is_found_by_its_root_folder(url, tmp_path):
    row = "Cam0,RCNX0001.JPG,DCIM\\100RECNX,,false,true,,0,,\n"
    import_reviews(url, written(tmp_path, TIMELAPSE + row), None)
    assert len(reviews(url)) == 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("File,RelativePath,Remark\na.JPG,,x\n", "no column observation_type, or Species"),
        ("Species,Count\nDeer,2\n", "no column media_id .* nor Timelapse's File and RelativePath"),
        ("File,RelativePath,Species\nx.JPG,Cam7,Deer\n", "line 2: no such picture: Cam7/x.JPG"),
    ],
)
def test_what_timelapse_does_not_say_is_one_line(url, tmp_path, table, words):
    with pytest.raises(SettingsError, match=words) as told:
        import_reviews(url, written(tmp_path, table), None)
    assert "\n" not in str(told.value)


# --- the README's own round trip


@pytest.mark.parametrize("code", ["utf-8", "cp1252", "utf-16", "utf-8-sig"])
def test_names_of_many_scripts_come_back_whatever_wrote_the_list(url, tmp_path, code, capsys):
    names = ("c/Ñuñoa", "c/Forêt", "c/Plain", *(["c/Čertova", "c/山A"] if "utf" in code else ()))
    with writing(open_database(url)) as conn:
        save_deployments(conn, [Deployment(name, location_name=name) for name in names])
    before = places(url)
    assert camtriage("deployments", "list", "--database", url) == 0
    text = capsys.readouterr().out
    (tmp_path / "t.csv").write_bytes(text.encode(code))
    done = import_deployments(url, tmp_path / "t.csv")
    assert (done.added, done.places, list(places(url))) == ((), (), list(before))
    (tmp_path / "t.csv").write_bytes(text.encode().decode("cp1252", "replace").encode())
    assert import_deployments(url, tmp_path / "t.csv").added == ()
