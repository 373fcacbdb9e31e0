"""The bytes of another program's results, where they can be held in memory at all."""

from pathlib import Path

from pipeline.errors import SettingsError

MOST_BYTES = 2 << 30  # MegaDetector's results of a million pictures are a half of it


def contents(path: Path) -> bytes:
    """The whole file. SettingsError in one line: it cannot be read, or holds more than any."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{path}: larger than {MOST_BYTES >> 30} GB: give it card by card")
        return path.read_bytes()
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read: {why.strerror or why}") from why
