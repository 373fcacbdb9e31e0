"""Reads every TOML file that people hand in: settings, label sets, site lists, a project."""

import tomllib
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError, in_one_line

MOST_BYTES = 4_000_000  # all 6 600 mammals with prompts take a third of it


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
        raise SettingsError(f"{path}: cannot be read as TOML: {in_one_line(why)}") from why
