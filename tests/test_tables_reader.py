"""Tables are read however a spreadsheet left them, or refused with every fault at once."""

import csv
import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.tables.reader import read_table

NEEDED, KNOWN = ("deploymentID",), ("deploymentStart", "latitude", "timestampIssues", "count")


@pytest.fixture
def table(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def read(path, **more):
    return read_table(path, NEEDED, KNOWN, **more)


def faults(made) -> str:
    with pytest.raises(SettingsError) as told:
        made.faults.refuse()
    assert "\n" not in str(told.value)
    return str(told.value)


SPELLINGS = st.sampled_from(
    (
        ("deploymentID", "latitude", "deploymentStart"),
        ("Deployment ID", "LATITUDE", "deployment_start"),
        (" deployment_id ", "Latitude", "Deployment  Start"),
        ("DEPLOYMENTID", "lati tude", "DeploymentStart"),
    )
)


@settings(deadline=None)  # files are written
@given(
    SPELLINGS,
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "cp1252")),
    st.sampled_from(",;\t"),
    st.sampled_from(("\n", "\r\n", "\r")),
    *(st.booleans(), st.booleans(), st.booleans()),
)
def test_the_same_rows_however_a_program_left_them(
    tmp_path_factory, names, code, mark, end, told, wide, spaced
):
    number = "-2.5" if mark == "," else "-2,5"
    rows = [[*names, "habitat"], [f'"Forêt{mark} Ñuñoa"', number, "1.5.2026 08:00", "'=wood"], []]
    rows += [["d2", "", "2026-05-02", "NA"]]
    more = ["", ""] if wide else []
    lines = [mark.join([*row, *more] if row else ["", "", ""]) for row in rows]
    lines = ([f"sep={mark}"] if told else []) + ([""] if spaced else []) + lines + ["", mark * 9]
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(end.join(lines).encode(code))
    made = read(path)
    got = [
        (row.text("deploymentID"), row.number("latitude", -90, 90), row.time("deploymentStart"))
        for row in made.rows
    ]
    made.faults.refuse()
    (first, latitude, start), (second, none, day) = got
    assert (first, latitude, start.at) == (f"Forêt{mark} Ñuñoa", -2.5, datetime(2026, 5, 1, 8))
    assert (second, none, day.at, day.whole_day) == ("d2", None, datetime(2026, 5, 2), True)
    assert [row.text("habitat") for row in made.rows] == ["=wood", None]
    assert [row.line for row in made.rows] == [2 + told + spaced, 4 + told + spaced]


def test_letters_that_a_spreadsheet_misread_are_put_right(table):
    names = ["Ñuñoa", "Forêt", "Čertova", "山A", "Ávila", "Ítaca", "Plain"]
    text = "deploymentID\n" + "\n".join(names) + "\n"
    bent = "".join(
        letter.to_bytes().decode("cp1252", "ignore") or chr(letter) for letter in text.encode()
    )
    for whole in (text, bent, "\ufeff" + bent):
        assert [row.text("deploymentID") for row in read(table(whole)).rows] == names


def test_the_columns_dates_tell_their_order(table):
    def days(*dates: str):
        made = read(table("deploymentID,deploymentStart\n" + "".join(f"d,{d}\n" for d in dates)))
        return made, [typed and typed.at.date().isoformat() for typed in
                      (row.time("deploymentStart") for row in made.rows)]  # fmt: skip

    assert days("05/04/2009", "25/04/2009")[1] == ["2009-04-05", "2009-04-25"]
    assert days("05/04/2009", "04/25/2009")[1] == ["2009-05-04", "2009-04-25"]
    made, got = days("05/04/2009", "2009-04-25", "06/05/2009")
    assert got == [None, "2009-04-25", None]
    said = faults(made)
    assert "line 2: deploymentStart '05/04/2009' is no time like" in said
    assert "; write the year first: 2009-04-05 or 2009-05-04; line 4: " in said
    made, got = days("25/04/2009", "04/25/2009", "05/05/2009 8:00")
    assert got == [None] * 3 and faults(made).count("write the year first") == 3


def test_every_fault_has_its_line_and_the_columns_own_heading(table):
    rows = [
        "d1,91,soon,maybe,2.5",
        'd2,"1,5",,yes,2.0',
        "d3,nan(),,peut-être,1e400",
        "d4,1,,0,1,x,y",
        'd5,1,,0,"2,0"',
        'd6,1,,0,"2,5"',
    ]
    made = read(table("ID,Latitude,Start,timestampIssues,count\n" + "\n".join(rows)),
                also={"id": "deploymentID", "start": "deploymentStart"})  # fmt: skip
    for row in made.rows:
        row.number("latitude", -90, 90), row.time("deploymentStart")
        row.flag("timestampIssues"), row.whole("count", 0)
    assert faults(made).split(": ", 1)[1] == "; ".join(
        (
            "line 2: Latitude '91' is no number -90 to 90",
            "line 2: Start 'soon' is no time like 2026-05-01T09:30:00+02:00",
            "line 2: timestampIssues 'maybe' is neither true nor false: write true or false",
            "line 2: count '2.5' is no whole number of 0 or more",
            "line 3: Latitude '1,5' is no number -90 to 90; write it as 1.5",
            "line 4: Latitude 'nan()' is no number -90 to 90",
            "line 4: timestampIssues 'peut-être' is neither true nor false: write true or false",
            "line 4: count '1e400' is no whole number of 0 or more",
            "line 5: 2 values more than columns: decimals with a comma need columns parted by "
            "semicolons",
            "line 6: count '2,0' is no whole number of 0 or more; write it as 2",
            "line 7: count '2,5' is no whole number of 0 or more",
        )
    )


def test_twenty_faults_are_named_and_the_others_counted(table):
    made = read(table("deploymentID,latitude\n" + "d,x\n" * 53))
    for row in made.rows:
        row.number("latitude")
    said = faults(made)
    assert "line 21: " in said and "line 22: " not in said and said.endswith("; and 33 more")


@pytest.mark.parametrize(
    ("text", "value"),
    (
        *(("12.5", 12.5), ("12,5", 12.5), ("-1e2", -100), (".5", 0.5), ("+3", 3), ("1,2E1", 12)),
        *((bad, None) for bad in ("1_0", "٣", "inf", "1,2,5", "1.234,5", "0x1", "1 000", "-")),
    ),
)
def test_numbers_are_what_a_spreadsheet_calls_so(table, text, value):
    made = read(table(f"deploymentID;latitude\nd;{text}\n"))
    assert made.rows[0].number("latitude") == value
    assert bool(made.faults.found) == (value is None)


def test_flags_and_whole_numbers(table):
    made = read(table("deploymentID;timestampIssues;count\na;TRUE;2,0\nb;No;7\nc;1;\nd;NA;1e3"))
    assert [row.flag("timestampIssues") for row in made.rows] == [True, False, True, None]
    assert [row.whole("count") for row in made.rows] == [2, 7, None, 1000]
    made.faults.refuse()


def test_row_names_without_a_heading_are_left_out_and_unknown_columns_stay(table):
    made = read(table(',deploymentID,My Own\n1,d1,"a\nb"\n2,d2,\n3,,\n'))
    assert [row.cells for row in made.rows] == [
        {"deploymentID": "d1", "My Own": "a\nb"},
        {"deploymentID": "d2"},
    ]
    assert [row.line for row in made.rows] == [2, 4]


@pytest.mark.parametrize(
    ("data", "words"),
    (
        (b"", "no column deploymentID: .* found: nothing"),
        (b"\n\n , ,\n", "no column deploymentID"),
        (b"deploymentID|latitude\nd1|1\n", r"found: deploymentID\|latitude"),
        (b"deploymentID,Deployment ID\nd1,d2\n", "two columns mean the same: deploymentID"),
        (b"deploymentID,x,x\nd1,1,2\n", "two columns mean the same: x"),
        (b'deploymentID\nd0\n"d1\nd2\n', "line 3: not a CSV file"),
        (b'deploymentID\n"d1"x\n', "line 2: not a CSV file"),
        (b"deploymentID\n\x81\xff\n", "line 2: unreadable letters; save .* CSV UTF-8"),
        (b"deploymentID\nd\0\n", "line 2: holds what is no text .*; save .* CSV UTF-8"),
        (bytes(range(256)) * 50, "line 2: .*save .* CSV UTF-8"),
        (b"PK\x03\x04\x14\0\x06\0", "line 1: .*save .* CSV UTF-8"),
        (b"\xff\xfed\0\0\xd8x\0", "line 1: unreadable letters"),
        (b"deploymentID\n" + b"x" * 140_000, "line 2: not a CSV file: field larger"),
        (b"deploymentID" + b",x" * 140_000, "two columns mean the same: x"),
    ),
)
def test_what_is_no_such_table_is_one_line(table, data, words):
    with pytest.raises(SettingsError, match=words) as told:
        read(table(data))
    assert "\n" not in str(told.value) and len(str(told.value)) < 1000


def test_a_cell_without_end_is_refused_whatever_another_package_allows(table):
    before = csv.field_size_limit(10**9)
    try:
        with pytest.raises(SettingsError, match="line 2: not a CSV file: field larger"):
            read(table(b"deploymentID\n" + b"x" * 140_000))
    finally:
        csv.field_size_limit(before)


def test_a_path_that_cannot_be_read_is_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv", tmp_path / "a\0b", tmp_path / ("x" * 999)):
        with pytest.raises(SettingsError, match="cannot be read: "):
            read(path)


@settings(deadline=None)  # files are written
@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "table.csv"
    path.write_bytes(data)
    try:
        read_table(path)
    except SettingsError as why:
        assert "\n" not in str(why)


def test_a_long_table_takes_seconds(table):
    lines = [f"d{n},{n % 90}.5,2026-05-01 8:00,true,{n}" for n in range(200_000)]
    path = table("deploymentID,latitude,deploymentStart,timestampIssues,count\n" + "\n".join(lines))
    begun = time.process_time()
    made = read(path)
    for row in made.rows:
        row.number("latitude", -90, 90), row.time("deploymentStart")
        row.flag("timestampIssues"), row.whole("count", 0)
    made.faults.refuse()
    assert len(made.rows) == 200_000 and time.process_time() - begun < 15
