"""Reads every TOML file that people hand in: settings, label sets, site lists, a project."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError, in_one_line

MOST_BYTES = 4_000_000  # all 6 600 mammals with prompts take a third of it
TWICE = re.compile(r"^Cannot (?:overwrite a value|declare .* twice) \(at (?:line (\d+)|end)")


def read_toml(path: Path) -> dict[str, Any]:
    """What the file says. SettingsError in one line."""
    try:
        with path.open("rb") as file:
            written = file.read(MOST_BYTES + 1)
        if len(written) > MOST_BYTES:
            raise SettingsError(f"{path}: larger than {MOST_BYTES // 10**6} MB")
        return tomllib.loads(written.decode("utf-8-sig"))
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read: {why.strerror or why}") from why
    except (ValueError, RecursionError) as why:  # also lists in lists, a number of 5 000 digits
        said = in_one_line(why)
        if twice := TWICE.search(said):
            raise SettingsError(f"{path}: {_twice(written, twice[1])}") from why
        raise SettingsError(f"{path}: cannot be read as TOML: {said}") from why


def _twice(written: bytes, line: str | None) -> str:
    """What stands in this line, else in the last one, and once more above it."""
    lines = written.decode("utf-8-sig").split("\n")
    number = int(line) if line else len(lines)
    name = lines[number - 1].split("=")[0].strip()[:50]
    return f"line {number}: {name} stands there twice: keep one"
