"""The headings of a table, to see what it is before all of it is read."""

import re
from pathlib import Path

START = 100_000  # bytes: no head is longer


def heads(path: Path) -> frozenset[str]:
    """Without capitals, blanks and underscores; empty where the file cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(START)
    except OSError:
        return frozenset()
    code = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(code, "replace").lstrip()
    line = text.splitlines()[0] if text else ""
    return frozenset(
        re.sub(r"[\s_]+", "", cell.strip().strip("\"'")).casefold()
        for cell in re.split(r"[,;\t]", line)
    )
