"""Tables of the commands go out and come back, whatever a spreadsheet made of them on the way."""

import contextlib
import csv
import io
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from db.core.engine import open_database, writing
from db.store.deployments import all_deployments, save_deployments
from db.store.outages import outages, save_outages
from flows.services.outages import import_outages
from pipeline.errors import InputError
from pipeline.exchange.reviews import SheetRow, read_reviews, write_sheet
from pipeline.records import Deployment, Outage
from tests.commands import camtriage

MAY = datetime(2026, 5, 1, 8)
PLACES = (
    Deployment(
        "c/Ñuñoa", location_id="Ñuñoa", location_name="=1+1", latitude=-33.456, longitude=-70.5,
        coordinate_uncertainty_m=30, started_at=MAY, ended_at=MAY + timedelta(days=40),
        utc_offset_min=-240, camera_id="S1", tags="access:closed | -x", timestamp_issues=None,
        source="table", other={"cameraHeight": "1.5", "habitat": "a; b, c"},
    ),
    Deployment("=1+1", started_at=MAY, ended_at=MAY + timedelta(days=9), source="table"),
    Deployment("Forêt", latitude=0.0, longitude=1e-05, source="table"),
)  # fmt: skip
OUTAGES = (
    Outage("=1+1", MAY, MAY + timedelta(hours=30), "@battery, snow", said_by="-Amina"),
    Outage("c/Ñuñoa", MAY + timedelta(days=11), None, "+theft"),
)


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path}/c.db"
    with writing(open_database(url)) as conn:
        save_deployments(conn, PLACES)
        save_outages(conn, OUTAGES)
    return url


def printed(code: str, *words: object) -> bytes:
    """What a command sends into a file where a shell writes in this code page."""
    out = io.TextIOWrapper(io.BytesIO(), code, newline="", errors="backslashreplace")
    with contextlib.redirect_stdout(out):
        assert camtriage(*words) == 0
        out.flush()
    return out.buffer.getvalue()


def as_excel_saves_it(text: str, offsets: bool) -> bytes:
    """In German: semicolons, decimal commas, 01.05.2026 08:00, empty columns, Windows' letters."""
    rows = []
    for cells in csv.reader(io.StringIO(text, newline="")):
        plain = [re.sub(r"^(-?\d+)\.(\d+)$", r"\1,\2", cell) for cell in cells]
        zone = "" if offsets else r"(?:[-+]\d\d:\d\d)?"
        day = rf"^(\d{{4}})-(\d\d)-(\d\d)[T ](\d\d:\d\d):\d\d{zone}$"
        rows.append([*(re.sub(day, r"\3.\2.\1 \4", cell) for cell in plain), "", ""])
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([*rows, [""] * 9])
    return out.getvalue().encode("cp1252")


def kept(url: str) -> tuple[object, ...]:
    with open_database(url).connect() as conn:
        return tuple(all_deployments(conn)), tuple(outages(conn))


def ways(listed: bytes) -> dict[str, bytes]:
    text = listed.decode()
    return {
        "as it is": listed,
        "German Excel": as_excel_saves_it(text, offsets=True),
        "German Excel, offsets lost": as_excel_saves_it(text, offsets=False),
        "misread by Excel": listed.decode("cp1252", "replace").encode(),
        "Unicode text": text.replace(",", "\t").encode("utf-16") if '"' not in text else listed,
    }


@pytest.mark.parametrize("what", ("deployments", "outages"))
def test_what_is_listed_comes_back_without_a_change(url, tmp_path, capsys, what):
    before, table = kept(url), tmp_path / "table.csv"
    listed = printed("utf-8", what, "list", "--database", url)
    assert "'=1+1" in listed.decode() and "=1+1" not in re.findall(
        r"(?:^|,)(=[^,]*)", listed.decode()
    )
    for way, data in ways(listed).items():
        table.write_bytes(data)
        assert camtriage(what, "import", table, "--database", url) == 0, way
        assert kept(url) == before, way
    assert " 0 added" in (said := capsys.readouterr().out) or "0 outages entered, 2 known" in said


@pytest.mark.parametrize("code", ("cp1252", "utf-16", "ascii"))
def test_what_a_shell_of_another_code_page_wrote_comes_back(url, tmp_path, capsys, code):
    if code == "ascii":
        with writing(open_database(url)) as conn:
            save_deployments(conn, [Deployment("Čertova 山", source="table")])
    before, table = kept(url), tmp_path / "table.csv"
    for what in ("deployments", "outages"):
        table.write_bytes(printed(code, what, "list", "--database", url))
        assert camtriage(what, "import", table, "--database", url) == 0
    assert kept(url) == before


def test_a_sheet_of_reviews_filled_in_by_german_excel_is_read(tmp_path):
    sha = "a" * 64
    seen = ("animal", "Lynx lynx", 2)
    row = SheetRow(
        sha, "c", "Ñuñoa", "Ñuñoa/1.JPG", MAY, *seen, reviewer="=Amina", reviewed_at=MAY
    )  # fmt: skip
    write_sheet(tmp_path / "audit.csv", [row])
    saved = as_excel_saves_it((tmp_path / "audit.csv").read_text("utf-8-sig"), offsets=True)
    (tmp_path / "audit.csv").write_bytes(saved)
    [review] = read_reviews(tmp_path / "audit.csv", lambda names: [[sha] for _ in names]).reviews
    assert (review.name, review.count, review.reviewer, review.reviewed_at) == (
        "Lynx lynx", 2, "=Amina", MAY)  # fmt: skip


HOSTILE = {
    "empty": b"",
    "binary": bytes(range(256)) * 50,
    "nul": b"media_id,deploymentID,start,end,reason,label,scientific_name\na\0b,1,2,3,4,5,6\n",
    "workbook": b"PK\x03\x04\x14\0\x06\0\x08\0",
    "damaged UTF-16": b"\xff\xfe" + "deploymentID,".encode("utf-16-le") + b"\x00\xd8x",
    "one heading twice": b"deploymentID,Deployment ID\n1,2\n",
    "no end of a quotation": b'deploymentID,start,end,reason\n"d1,2026-05-01,,\n',
    "another table": b"name,colour\n1,2\n",
}
COMMANDS = {
    "deployments": ["deployments", "import"],
    "outages": ["outages", "import"],
    "reviews": ["review", "import"],
    "sensitivity": ["population", "--out", "OUT", "--sensitivity"],
    "labels": ["train", "judge"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", (*HOSTILE, "a folder", "nowhere"))
def test_what_is_no_table_is_one_line_that_says_what_to_do(url, tmp_path, kind, command):
    path = tmp_path / "table.csv"
    if kind == "a folder":
        path.mkdir()
    elif kind != "nowhere":
        path.write_bytes(HOSTILE[kind])
    words = [str(tmp_path / "out") if word == "OUT" else word for word in COMMANDS[command]]
    before = kept(url)
    with pytest.raises(InputError) as told:
        camtriage(*words, path, *([] if command == "labels" else ["--database", url]))
    assert str(told.value).startswith(f"{path}: ") and "\n" not in str(told.value)
    assert len(str(told.value)) < 500 and kept(url) == before


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("deployments", "deploymentID\n{}"),
        ("deployments", "deploymentID,locationID\nS1,{}"),
        ("outages", "deploymentID,start,end,reason\n{},2026-05-01,,x"),
        ("review", "path,observation_type,scientific_name\na.jpg,animal,{}"),
    ],
)
def test_a_name_that_is_longer_than_an_index_of_a_database_takes_is_one_line(
    url, tmp_path, command, table
):
    (tmp_path / "t.csv").write_text(table.format("x" * 100_000) + "\n")
    with pytest.raises(InputError, match="100000 characters, too many for a name") as told:
        camtriage(command, "import", tmp_path / "t.csv", "--database", url)
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


def test_every_fault_of_a_table_of_outages_is_told_with_its_line(url, tmp_path):
    table = tmp_path / "outages.csv"
    table.write_text(
        "Deployment ID,start,end,reason,accepted\n=1+1,05/06/2026,,,\n,2026-05-03,,,\n"
        "=1+1,2026-05-09,2026-05-08,,\n=1+1,2026-05-03T08:00+02:00,,,maybe\n,,,,no\n"
    )
    with pytest.raises(InputError) as told:
        import_outages(url, table)
    faults = str(told.value).removeprefix(f"{table}: ").split("; line ")
    assert [fault.split(": ")[0].removeprefix("line ") for fault in faults] == list("23455")
    assert "write the year first: 2026-06-05 or 2026-05-06" in faults[0]
    assert "ends before it begins" in faults[2] and "without an offset" in faults[4]


def test_a_table_that_calls_a_deployment_by_the_last_part_of_its_name_adds_none(url, tmp_path):
    table = tmp_path / "places.csv"
    table.write_text("Deployment_ID,Latitude,Longitude\nÑuñoa,1,2\nForêt,1,2\n", "utf-8")
    before = [place.deployment_id for place in kept(url)[0]]
    camtriage("deployments", "import", table, "--database", url)
    after = kept(url)[0]
    assert [place.deployment_id for place in after] == before
    assert [place.latitude for place in after if "/" in place.deployment_id] == [1]


def test_a_table_of_wildlife_insights_is_taken_over_with_camtrapr_s_problems(url, tmp_path, capsys):
    table = tmp_path / "wildlife_insights.csv"
    table.write_text(
        "project_id,deployment_id,placename,longitude,latitude,start_date,end_date,feature_type,"
        "camera_id,Problem1_from,Problem1_to\n"
        "p1,Forêt,Oak,2.1,37.5,2026-05-01 00:00:00,2026-06-01 00:00:00,Trail game,C1,2026-05-10,\n",
        "utf-8",
    )
    assert camtriage("deployments", "import", table, "--database", url) == 0
    said = capsys.readouterr().out
    assert "1 deployment brought up to date, 0 added" in said
    assert "1 outage entered from its columns of problems" in said
    assert "kept, and used for nothing: project_id\n" in said
    assert datetime(2026, 5, 10) in [outage.started_at for _, outage in kept(url)[1]]
    [wood] = [place for place in kept(url)[0] if place.deployment_id == "Forêt"]
    assert (wood.location_name, wood.latitude, wood.camera_id) == ("Oak", 37.5, "C1")
    assert (wood.started_at, wood.ended_at) == (datetime(2026, 5, 1), datetime(2026, 6, 1))
    assert wood.other["featureType"] == "trailGame"


def test_a_refused_table_is_one_line_and_exit_code_2(url, tmp_path):
    """As a shell sees it: exit code 2, one line, no traceback."""
    (tmp_path / "table.csv").write_bytes(HOSTILE["binary"])
    said = subprocess.run(
        [sys.executable, "-m", "flows.cli", "outages", "import", tmp_path / "table.csv",
         "--database", url], capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert said.returncode == 2 and said.stdout == "" and said.stderr.count("\n") == 1
