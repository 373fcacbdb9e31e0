"""Folders of files made to harm, each as a card, as a card of an inbox and as a camera's stream.

    python -m tests.benchmarks.hostile_cards FOLDER ... [--postgresql]

Each way must end with every file accounted for and exit code 0, a database in which `camtriage
check` finds nothing, a second look that finds nothing new, and files that are as they were.
"""

import argparse
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import sqlalchemy as sa

from db.core.engine import migrate, open_database, reading
from flows.run_options import RunOptions
from flows.services.streams.watch import Watch
from pipeline.card.inbox import folders_in, settled
from pipeline.streams import settle
from tests.commands import close_databases, typed
from tests.conftest import in_database
from tests.servers import making_databases, postgresql

LARGEST_READ = 100 << 20  # bytes; of larger files, sparse ones, size and time are compared


def state(card: Path) -> str:
    """A digest of every file's name, kind, size, time and bytes."""
    digest = hashlib.sha256()
    for path, info in _walk(os.fsencode(card)):
        digest.update(path + repr((info.st_mode, info.st_size, info.st_mtime_ns)).encode())
        if stat.S_ISREG(info.st_mode) and info.st_size <= LARGEST_READ:
            digest.update(Path(os.fsdecode(path)).read_bytes())
    return digest.hexdigest()


def _walk(folder: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    folders.append(entry.path)
                else:
                    yield entry.path, info


def as_a_card(card: Path, url: str) -> str:
    """By `run`, twice; what went wrong, or nothing."""
    words = ("run", card, "--name", "hostile", "--threads", "2", "--database", url)
    first, again = (typed(*words, cwd=card.parent) for _ in range(2))
    if first.returncode or again.returncode:
        return f"exit codes {first.returncode}, {again.returncode}: {first.stderr[-300:]!r}"
    if "Everything was already known" not in again.stdout + again.stderr:
        return f"the second run found something new: {again.stdout[-300:]!r}"
    return ""


def of_an_inbox(card: Path, url: str) -> str:
    """The listing that the inbox compares, twice; then by `ingest` and `run`."""
    first, again = folders_in(card.parent), folders_in(card.parent)
    if not settled(first, again)[str(card)].pictures:
        return "the inbox never takes it"
    said = typed("ingest", card, "--name", "hostile", "--database", url, cwd=card.parent)
    return f"ingest: {said.stderr[-300:]!r}" if said.returncode else as_a_card(card, url)


def as_a_stream(card: Path, url: str) -> str:
    """Looked at until nothing is new; one look more of a watch that has just begun."""
    options = RunOptions(database=url, threads=2)
    with patch.multiple(settle, QUIET_S=0.0, QUIET_CLIP_S=0.0, LONGEST_S=0.0):
        told = list(Watch(card.parent, options).once())
        again = list(Watch(card.parent, options).once())
    wrong = [one.line for one in (*told, *again) if one.wrong]
    if wrong or not told or again:
        return f"{wrong or 'nothing told'}, then {[one.line for one in again]}"[:500]
    return ""


WAYS: tuple[Callable[[Path, str], str], ...] = (as_a_card, of_an_inbox, as_a_stream)


COUNTS = "files pictures unreadable videos others skipped unprocessed failed blank kept"


def accounted(url: str, files: int) -> tuple[str, str]:
    """(what became of the files, what is wrong with that or nothing)."""
    said = typed("check", "--database", url, cwd=Path.cwd())
    engine = open_database(url, create=False, migrate=False)
    columns = ", ".join(("closes", "troubles", *COUNTS.split()))
    query = f"SELECT {columns} FROM run_summary ORDER BY run_id DESC LIMIT 1"
    with reading(engine) as conn:
        closes, troubles, *numbers = conn.execute(sa.text(query)).one()
    engine.dispose()
    named = zip((*COUNTS.split(), "file problems"), (*numbers, troubles), strict=True)
    told = ", ".join(f"{number} {what}" for what, number in named if number)
    if said.returncode or not closes:
        return told, f"the sum does not close; check: {said.stdout[-300:]}"
    missing = files - numbers[0]
    return told, f"{missing} files are not in the database" if missing else ""


def take(way: Callable[[Path, str], str], source: Path, url: str, folder: Path) -> str:
    """A line: what became of a copy of the folder, and what is wrong."""
    card = folder / "streams" / source.name
    card.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", source, card], check=True)
    before, begun = state(card), time.process_time()
    wrong = way(card, url)
    seconds = time.process_time() - begun
    files = list(_walk(os.fsencode(card)))
    if way is as_a_stream:  # what is hidden or no file never arrives
        files = [one for one in files if stat.S_ISREG(one[1].st_mode) and b"/." not in one[0]]
    told, more = accounted(url, len(files))
    more = more or ("" if state(card) == before else "the originals changed")
    close_databases()
    subprocess.run(["rm", "-rf", card], check=True)  # Python's own cannot go as deep
    end = f"WRONG: {wrong or more}" if wrong or more else "as it should"
    return f"{way.__name__} {source.name}: {told}; {seconds:.0f} s of processor; {end}"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folders", nargs="+", type=Path)
    words.add_argument("--postgresql", action="store_true")
    given = words.parse_args()
    lines = []
    with ExitStack() as stack:
        server = stack.enter_context(postgresql()) if given.postgresql else ""
        for nth, (source, way) in enumerate((f, w) for f in given.folders for w in WAYS):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = f"sqlite:///{folder}/hostile.db"
            if server:
                with making_databases(server) as run:
                    run(f"CREATE DATABASE card{nth}")
                url = in_database(server, f"card{nth}")
                migrate(url)
            lines.append(take(way, source.resolve(), url, folder))
            print(lines[-1], flush=True)
    sys.exit(any("WRONG" in line for line in lines))


if __name__ == "__main__":
    main()
