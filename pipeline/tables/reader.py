"""Reads every table, whatever spreadsheet or program saved it, and names all its faults at once.

UTF-8, UTF-16 or a Windows code page; commas, semicolons or tabs; headings in any capitals, with
blanks or underscores; a decimal comma where none parts columns; dates in the order that their
column tells. What pipeline.tables.writer quoted for a spreadsheet is taken back.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.tables.cells import as_meant
from pipeline.tables.times import Order, Typed, how_to_write, order_of, typed_time

MISSING = frozenset(("", "NA", "NaN", "nan"))  # Camtrap DP's words for: not known
_TRUE = "true yes 1 wahr ja vrai oui verdadero sí si verdadeiro sim vero waar"
_FALSE = "false no 0 falsch nein faux non falso não onwaar nee"
FLAGS = {word: True for word in _TRUE.split()} | {word: False for word in _FALSE.split()}
MOST_FAULTS = 20  # of a table are named in one message
MOST_BYTES = 500_000_000  # no table of this kind is larger; a disk read by mistake is
LONGEST_SHOWN, LONGEST_HEAD = 60, 400  # characters of a cell and of all headings in a message
LONGEST_NAME = 2000  # bytes in UTF-8; no index of PostgreSQL takes more than 2 700
LONGEST_CELL = 131_072  # csv's own limit at first; any package may raise csv's for the process

_NUMBER = re.compile(r"[-+]?(?:\d+[.]?\d*|[.]\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_MISREAD = {  # letters of Windows' code page by the bytes that they were
    ord(letter): byte
    for byte in range(0x80, 0xA0)
    if (letter := bytes([byte]).decode("cp1252", "ignore"))
}


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a table, collected until `refuse` raises all of it."""

    path: Path
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, words: str) -> None:
        self.found.append((line, words))

    def refuse(self) -> None:
        """SettingsError with the first MOST_FAULTS of them, if there are any."""
        if not self.found:
            return
        lines = sorted(self.found, key=lambda fault: fault[0])
        named = [f"line {line}: {words}" for line, words in lines[:MOST_FAULTS]]
        if len(lines) > MOST_FAULTS:
            named.append(f"and {len(lines) - MOST_FAULTS} more")
        raise SettingsError(f"{self.path}: {'; '.join(named)}")


@dataclass(frozen=True)
class Table:
    """A table read. `headings`: how the file writes the columns that it has, by our names."""

    path: Path
    headings: Mapping[str, str]
    decimal_comma: bool  # 12,5 is a number: no comma parts columns
    faults: Faults
    rows: list["Row"] = field(default_factory=list, repr=False, compare=False)
    orders: dict[str, Order] = field(default_factory=dict)  # of columns, once they are known

    def order(self, name: str) -> Order:
        """Whether day or month comes first in the dates of a column."""
        if name not in self.orders:
            self.orders[name] = order_of(row.cells.get(name, "") for row in self.rows)
        return self.orders[name]


@dataclass(frozen=True, slots=True)
class Row:
    """One row with any cell filled. What cannot be read is None, and among the table's faults."""

    table: Table
    line: int  # of the file, where the row begins
    cells: dict[str, str]  # by our names of the columns; without those that say nothing

    def fault(self, words: str) -> None:
        self.table.faults.add(self.line, words)

    def text(self, name: str) -> str | None:
        return self.cells.get(name)

    def filled(self, name: str) -> str:
        """The text of a cell that must not be empty and names something."""
        if name not in self.cells:
            self.fault(f"{self.table.headings.get(name, name)} is empty")
        return self.named(name) or ""

    def named(self, name: str) -> str | None:
        """The text of a cell that names something, at most LONGEST_NAME bytes."""
        text = self.cells.get(name)
        if text and len(text.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
            heading = self.table.headings.get(name, name)
            self.fault(f"{heading} holds {len(text)} characters, too many for a name")
            return None
        return text

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """A finite number from low to high."""
        return self._number(name, low, high, "number")

    def pointed(self, name: str) -> str | None:
        """The text, with a point for the comma of a decimal number where none parts columns."""
        text = self.cells.get(name)
        return _pointed(text) if text and self.table.decimal_comma else text

    def whole(self, name: str, low: float = -math.inf, high: float = math.inf) -> int | None:
        """A whole number from low to high; 2.0 is one."""
        value = self._number(name, low, high, "whole number")
        if value is None:
            return None
        text = self.cells[name]  # exactly, however many digits
        return int(text) if text.lstrip("+-").isdigit() else int(value)

    def flag(self, name: str) -> bool | None:
        """true, yes or 1; false, no or 0, as spreadsheets write them in several languages; capitals
        do not matter."""
        text = self.cells.get(name)
        value = None if text is None else FLAGS.get(text.lower())
        if text is not None and value is None:
            self.fault(f"{self._shown(name)} is neither true nor false: write true or false")
        return value

    def time(self, name: str, offset: bool = True) -> Typed | None:
        """A time or a day alone, with an offset only where one may be typed."""
        text = self.cells.get(name)
        if text is None:
            return None
        typed = typed_time(text, self.table.order(name))
        if typed is None or (typed.at.tzinfo and not offset):
            form = f"2026-05-01T09:30:00{'+02:00' if offset else ', without an offset'}"
            self.fault(f"{self._shown(name)} is no time like {form}{how_to_write(text)}")
            return None
        return typed

    def _number(self, name: str, low: float, high: float, kind: str) -> float | None:
        text = self.pointed(name)
        if text is None:
            return None
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        whole = kind == "number" or value == math.trunc(value if math.isfinite(value) else 0)
        if low <= value <= high and math.isfinite(value) and whole:
            return value
        hint = _as_point(text, kind == "number")
        self.fault(f"{self._shown(name)} is no {kind}{_bounds(low, high)}{hint}")
        return None

    def _shown(self, name: str) -> str:
        """The column as its file writes it, with what stands in it."""
        return f"{self.table.headings.get(name, name)} {shown(self.cells[name])}"


def _pointed(text: str) -> str:
    pointed = text.replace(",", ".", 1)
    return pointed if "," in text and _NUMBER.fullmatch(pointed) else text


def _as_point(text: str, decimals: bool) -> str:
    """How to write a number that has a comma; '' where no other way of writing makes it one."""
    pointed = _pointed(text)
    if pointed == text:
        return ""
    if not decimals:
        pointed = pointed.rstrip("0").removesuffix(".")
        if not pointed.lstrip("+-").isdigit():
            return ""
    return f"; write it as {pointed}"


def _bounds(low: float, high: float) -> str:
    if high == math.inf:
        return "" if low == -math.inf else f" of {low:.10g} or more"
    return f" {low:.10g} to {high:.10g}"


def shown(text: str) -> str:
    """A cell in a message: quoted, never long."""
    cut = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
    return repr(cut)


def read_table(
    path: Path,
    needed: Iterable[str] = (),
    known: Iterable[str] = (),
    also: Mapping[str, str] | None = None,
    advice: str = "",
    instead: Mapping[str, str] | None = None,
) -> Table:
    """A table with its rows in the file's order, empty ones left out. SettingsError in one line.

    needed  columns that it must have, by our names
    known   further columns of ours; all others keep the name that they have
    also    other names of ours: {"label": "observation_type"}; small, no blanks or underscores
    advice  what to do where a needed column is missing
    instead  as `also`, but only where no other heading is that column of ours
    """
    path, needed = Path(path), tuple(needed)
    ours = {_plain(name): name for name in (*needed, *known)} | dict(also or {})
    text, mark, skipped = _parted(read_text(path))
    records = _records(path, text, mark, skipped)
    _, head = next(records, (1, []))
    while head and not head[-1]:
        head.pop()
    names = [ours.get(_plain(heading), heading) for heading in head]
    for other, name in (instead or {}).items():
        if name not in names:
            names = [name if _plain(now) == other else now for now in names]
    table = Table(path, _headings(path, names, head, needed, advice), mark != ",", Faults(path))
    for line, cells in records:
        pairs = zip(names, cells, strict=False)
        filled = {name: cell for name, cell in pairs if name and cell not in MISSING}
        row = Row(table, line, filled)
        if surplus := sum(map(bool, cells[len(names) :])):
            row.fault(f"{counted(surplus, 'value')} more than columns: {_MORE[mark]}")
        if row.cells or surplus:
            table.rows.append(row)
    return table


def typed_row(cells: Mapping[str, str]) -> Row:
    """What was typed, by our names of the columns, to be read as a row of a table is."""
    table = Table(Path(), {name: name for name in cells}, True, Faults(Path()))
    filled = {name: text for name, text in cells.items() if text not in MISSING}
    table.rows.append(Row(table, 1, filled))
    return table.rows[0]


_MORE = {
    ",": "decimals with a comma need columns parted by semicolons",
    ";": "text that holds a semicolon belongs in quotation marks",
    "\t": "text that holds a tab belongs in quotation marks",
}


def _plain(heading: str) -> str:
    """A heading as it is compared: Deployment ID, deployment_id and deploymentID are the same."""
    return re.sub(r"[\s_]+", "", heading).casefold()


def _headings(
    path: Path, names: Sequence[str], head: Sequence[str], needed: Sequence[str], advice: str
) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, heading in zip(names, head, strict=True):
        if name in found:
            both = f"{shown(found[name])} and {shown(heading)}; keep one"
            raise SettingsError(
                f"{path}: two columns mean the same: {name[:LONGEST_SHOWN]}: {both}"
            )
        if name:
            found[name] = heading
    if missing := [name for name in needed if name not in found]:
        there = ", ".join(found.values()) or "nothing"
        there = there if len(there) <= LONGEST_HEAD else there[:LONGEST_HEAD] + "..."
        needs = f"the table needs {', '.join(needed)}; found: {there}{advice and '; ' + advice}"
        raise SettingsError(f"{path}: no column {', '.join(missing)}: {needs}")
    return found


def read_text(path: Path) -> str:
    """What a file says, whatever wrote it. SettingsError in one line."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read: {why.strerror or why}; give a CSV") from why
    except ValueError as why:  # a NUL in the path
        raise SettingsError(f"{path}: cannot be read: {why}") from why
    if len(data) > MOST_BYTES:
        raise SettingsError(f"{path}: larger than {MOST_BYTES // 10**6} MB: this is no such table")
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16") if wide else _narrow(data)
    except UnicodeDecodeError as why:
        line = data.count(b"\n", 0, why.start) + 1
        raise SettingsError(f"{path}: line {line}: unreadable letters; {_SAVE}") from why
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SettingsError(f"{path}: line {line}: holds what is no text (NUL); {_SAVE}")
    return text


_SAVE = "save the table as CSV UTF-8 in the program that it comes from"


def _narrow(data: bytes) -> str:
    """UTF-8, or what Excel on Windows writes; UTF-8 that was misread as that is corrected."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")
    if text.isascii():
        return text
    try:
        meant = text.translate(_MISREAD).encode("latin-1").decode("utf-8-sig")
    except UnicodeError:
        return text  # a letter that is no such misreading: then no letter is
    return meant if any(letter.isalpha() and letter > "\x7f" for letter in meant) else text


def _parted(text: str) -> tuple[str, str, int]:
    """(text from its head on, what parts its columns, lines that were left out before it)."""
    if declared := re.match(r"\"?sep=([,;\t])\"?[^\S\r\n]*(\r\n|\r|\n|$)", text, re.IGNORECASE):
        return text[declared.end() :], declared[1], 1
    head = re.match(r"[ \r\n]*([^\r\n]*)", text)
    plain = re.sub(r'"[^"]*"', "", head[1] if head else "")
    return text, max(",;\t", key=plain.count), 0


def _records(path: Path, text: str, mark: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, cells) of every row with a filled cell."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    line = 1 + skipped
    try:
        for cells in reader:
            if max(map(len, cells), default=0) > LONGEST_CELL:
                raise csv.Error(f"field larger than field limit ({LONGEST_CELL})")
            plain = [as_meant(cell.strip()) for cell in cells]
            if any(plain):
                yield line, plain
            line = reader.line_num + 1 + skipped
    except csv.Error as why:
        words = "is a quotation mark one too few or too many?"
        raise SettingsError(f"{path}: line {line}: not a CSV file: {why}; {words}") from why
