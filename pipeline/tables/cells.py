"""Text from anywhere in a cell of a table: no formula for a spreadsheet, no markup for a page.

File names, EXIF, tables and label sets come from anywhere. What is quoted here for a spreadsheet is
taken back by `as_meant` when the table is read again. Packages for other programs (Camtrap DP,
MegaDetector) hold text as it is: they are no tables to click on.
"""

from datetime import datetime

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula, whatever a file was called."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, str) and _looks_like_formula(value):
        return "'" + value
    return value


def as_meant(cell: str) -> str:
    """A cell read back: without the quote that `plain_cell` put before it."""
    return cell[1:] if cell.startswith("'") and _looks_like_formula(cell[1:]) else cell


def _looks_like_formula(text: str) -> bool:
    """A number is none, even a negative one; nor is a quoted formula, which may come twice."""
    if not text.lstrip("'").startswith(FORMULA):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def markdown_cell(value: object) -> str:
    """Text that stays text: no markup of its own, no new line, no new column."""
    text = "" if value is None else " ".join(str(value).split())
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\\", "\\\\")):
        text = text.replace(sign, safe)
    for sign in "|`*_[]":
        text = text.replace(sign, "\\" + sign)
    return text
