"""Tables go out so that no spreadsheet runs them, and come back as they were."""

import csv
import io
import os
import sys
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.terminal import print_table
from pipeline.tables.reader import MISSING, read_table
from pipeline.tables.writer import table_text, write_table


def misread(text: str) -> bool:
    """Looks like UTF-8 that a spreadsheet took for a Windows code page: it would be put right."""
    try:
        return not text.isascii() and bool(text.encode("cp1252").decode())
    except UnicodeError:
        try:
            return bool(text.encode("latin-1").decode())
        except UnicodeError:
            return False


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
TEXTS = CELLS.map(str.strip).filter(lambda text: text not in MISSING and not misread(text))
HEAD = ("name", "what", "count")


@settings(deadline=None)  # files are written
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS, st.integers() | st.none()), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    for mark, line_end in ((False, "\n"), (True, "\r\n")):
        assert write_table(path, HEAD, rows, mark=mark, line_end=line_end) == len(rows)
        table = read_table(path, HEAD)
        read = [(row.text("name"), row.text("what"), row.whole("count")) for row in table.rows]
        table.faults.refuse()
        assert read == rows


@given(st.sampled_from(("", "=", "+", "-", "@", "\t", "\r", "'=")), CELLS)
def test_no_cell_begins_as_a_formula_does(start, text):
    written = io.StringIO(table_text(["a"], [[start + text]]), newline="")
    cell = ([*list(csv.reader(written))[1], ""])[0]
    if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        assert isinstance(float(cell), float), "a number, no formula"


def test_cells_have_one_form():
    row = [None, datetime(2026, 5, 1, 8), 12.5, "=1+1", "-5", True]
    assert table_text(["a"], [row]) == "a\n,2026-05-01 08:00:00,12.5,'=1+1,-5,True\n"
    assert table_text(["a"], [["=1+1", "x"]], as_it_is=True, line_end="\r\n") == "a\r\n=1+1,x\r\n"


def test_a_table_that_breaks_off_leaves_the_old_one(tmp_path):
    def broken():
        yield ["new"]
        raise OSError("the disk is full")

    path = tmp_path / "table.csv"
    write_table(path, ["a"], [["old"]])
    with pytest.raises(OSError, match="full"):
        write_table(path, ["a"], broken())
    assert path.read_text() == "a\nold\n" and os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("code", ("utf-8", "cp1252", "utf-16", "ascii"))
def test_a_printed_table_comes_back_whatever_the_shell_writes(tmp_path, monkeypatch, code):
    for names in (["Forêt", "Ñuñoa"], ["Čertova", "山A"]):
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, code, newline=""))
        print_table(["name"], [[name] for name in names])
        sys.stdout.flush()
        path = tmp_path / "table.csv"
        path.write_bytes(out.getvalue())
        assert [row.text("name") for row in read_table(path, ["name"]).rows] == names
