"""A data set in a folder, a file, or a zip file, opened without trusting what it says of itself."""

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from pipeline.errors import SettingsError
from pipeline.tables.reader import MOST_BYTES, shown

TABLES = (".csv", ".json", ".txt", ".tsv")  # pictures in a package stay in it
MOST_FILES = 1_000_000
MOST_TABLES = 50
MOST_IN_ALL = 2 * MOST_BYTES


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """The folder or file itself; of a zip file a folder with its tables, for as long as it is used.

    SettingsError: none of these, or a zip file that leads out of its folder or is too large.
    """
    if source.is_dir() or (source.is_file() and source.suffix.lower() != ".zip"):
        yield source
        return
    if not source.is_file():
        raise SettingsError(f"{source}: is not there; give the folder or zip of a data set")
    with TemporaryDirectory(prefix="camtriage-") as folder:
        to = Path(folder) / source.stem
        to.mkdir()
        _unpack(source, to)
        inside = [*to.iterdir()]
        yield inside[0] if len(inside) == 1 and inside[0].is_dir() else to


def _unpack(source: Path, to: Path) -> None:
    try:
        with zipfile.ZipFile(source) as packed:
            members = _tables(source, packed.infolist())
            left = MOST_IN_ALL
            for member in members:
                left -= _copy(source, packed, member, to, min(left, MOST_BYTES))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError) as why:
        raise SettingsError(f"{source}: cannot be unpacked: {why}") from why


def _tables(source: Path, members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The members that are read; SettingsError where any of all leads out of the folder."""
    if len(members) > MOST_FILES:
        raise SettingsError(f"{source}: holds {len(members)} files: this is no data set")
    chosen: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        name, path = member.filename, PurePosixPath(member.filename)
        linked = stat.S_ISLNK(member.external_attr >> 16)
        if linked or path.is_absolute() or {"..", ""} & {*path.parts} or set(name) & set("\\:\0"):
            raise SettingsError(f"{source}: {shown(name)} leads out of its folder: not unpacked")
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
        if member.is_dir() or hidden or path.suffix.lower() not in TABLES:
            continue
        if name in chosen:
            raise SettingsError(f"{source}: holds {shown(name)} twice")
        if member.flag_bits & 1:
            raise SettingsError(f"{source}: {shown(name)} asks for a password: unpack it first")
        chosen[name] = member
    if len(chosen) > MOST_TABLES:
        raise SettingsError(f"{source}: holds {len(chosen)} tables: this is no data set")
    if sum(member.file_size for member in chosen.values()) > MOST_IN_ALL:
        raise SettingsError(_too_large(source))
    return [*chosen.values()]


def _copy(
    source: Path, packed: zipfile.ZipFile, member: zipfile.ZipInfo, to: Path, most: int
) -> int:
    """Unpack one table; what it says of its size may be a lie, so the bytes are counted."""
    target = to / PurePosixPath(member.filename)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with packed.open(member) as given, target.open("xb") as file:
        while part := given.read(1 << 20):
            written += len(part)
            if written > most:
                raise SettingsError(_too_large(source))
            file.write(part)
    return written


def _too_large(source: Path) -> str:
    return f"{source}: its tables are larger than {MOST_IN_ALL // 10**6} MB: not unpacked"
