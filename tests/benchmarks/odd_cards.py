"""Cards that are made to take for ever: how long does a run take, and how much memory?

    python -m tests.benchmarks.odd_cards [--only WORD] [--files 200000] [--folders 5000]

Each card is run by `camtriage run` in a fresh process with a fresh database; each holds one sound
picture, so that there is something to look at. What is measured is the whole command: most of a
small card's time and memory are the models (the card *plain*).
"""

import argparse
import os
import shlex
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tests import cards
from tests.benchmarks.timing import process

AT = datetime(2026, 5, 1, 6, 30)
ENTRY = struct.Struct("<HHII")  # tag, type, count, value or where it stands
EXIF_FOLDER, GPS_FOLDER, SUB_FOLDERS, MAKER_NOTE = 0x8769, 0x8825, 0x014A, 0x927C


def plain(card: Path) -> None:
    """One sound picture alone."""


def nested(card: Path, folders: int = 5000) -> None:
    """Folder in folder, nearly as deep as a path can say, a picture at the bottom."""
    _down(card, min(folders, 1900))


def too_deep(card: Path, folders: int = 5000) -> None:
    """Folder in folder, deeper than any path can say."""
    _down(card, folders)


def _down(card: Path, folders: int) -> None:
    here = os.getcwd()
    os.chdir(card)
    try:
        for _ in range(folders):
            os.mkdir("d")
            os.chdir("d")
        _picture(Path("deep.jpg"), 2)
    finally:
        os.chdir(here)


def many_folders(card: Path, folders: int = 5000) -> None:
    """Folders side by side, each with one picture file that is none."""
    for number in range(folders):
        (card / f"{number:05}").mkdir()
        (card / f"{number:05}" / "x.jpg").write_bytes(b"no picture %d" % number)


def tiny_files(card: Path, files: int = 200_000) -> None:
    """Half of them called pictures, half something else."""
    for number in range(files):
        if number % 1000 == 0:
            folder = card / f"{number // 1000:03}"
            folder.mkdir()
        ending = "jpg" if number % 2 else "txt"
        (folder / f"{number:06}.{ending}").write_bytes(b"%d" % number)


def sparse(card: Path) -> None:
    """Ten gigabytes of nothing, and a thousand megabytes, under a picture's name."""
    for name, size in (
        ("10GB.jpg", 10 << 30),
        ("1000MB.jpg", 1000 << 20),
        ("300MB.jpg", 300 << 20),
    ):
        with (card / name).open("wb") as file:
            file.truncate(size)


def exif_counts(card: Path) -> None:
    """Tags that claim to hold thousands of millions of values."""
    for number, (kind, most) in enumerate(((7, 0xFFFFFFFF), (5, 0x1FFFFFFF), (12, 0x1FFFFFFF))):
        tags = ((0x010F, 2), (0x829A, kind), (0x9286, 7), (MAKER_NOTE, 7))
        _with_exif(card / f"{number}.jpg", _tiff([(tag, kind, most, 8) for tag, kind in tags]))


def exif_loops(card: Path) -> None:
    """Folders of tags that lead to themselves, each to many, and a chain of thousands."""
    ring = [(tag, 4, 1, 8) for tag in (EXIF_FOLDER, GPS_FOLDER, SUB_FOLDERS, 0xA005)]
    _with_exif(card / "ring.jpg", _tiff(ring, after=8))
    _with_exif(card / "fan.jpg", _tiff([(SUB_FOLDERS, 4, 10_000, 8)] * 500))
    step = 2 + ENTRY.size + 4  # a folder of one tag, which leads to the next
    chain = b"II*\0" + struct.pack("<I", 8)
    for number in range(1, 3600):
        at = 8 + number * step
        chain += struct.pack("<H", 1) + ENTRY.pack(EXIF_FOLDER, 4, 1, at) + struct.pack("<I", at)
    _with_exif(card / "chain.jpg", chain)


def exif_entries(card: Path) -> None:
    """Sixty thousand tags: claimed by one block, and there in twenty blocks of three thousand."""
    _with_exif(card / "claimed.jpg", b"II*\0\x08\0\0\0\xff\xff" + os.urandom(60_000))
    block = _tiff([(0x9000 + number % 0x6FFF, 4, 1, number) for number in range(3000)])
    _with_exif(card / "there.jpg", *[block] * 20)


CARDS: tuple[Callable[..., None], ...] = (
    *(plain, nested, too_deep, many_folders, tiny_files, sparse),
    *(exif_counts, exif_loops, exif_entries),
)


def _tiff(entries: list[tuple[int, int, int, int]], after: int = 0) -> bytes:
    """A block of EXIF with one folder. after: where the next folder is said to stand."""
    folder = struct.pack("<H", len(entries)) + b"".join(ENTRY.pack(*entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + folder + struct.pack("<I", after)


def _with_exif(path: Path, *blocks: bytes) -> None:
    _picture(path, len(path.name) * 7 + len(blocks[0]))
    data = path.read_bytes()
    bodies = [b"Exif\0\0" + block for block in blocks]
    segments = [b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies]
    path.write_bytes(data[:2] + b"".join(segments) + data[2:])


def _picture(path: Path, seed: int) -> None:
    cards.save(cards.picture(seed, animal=True), path, None)


def measure(make: Callable[..., None], folder: Path, **sizes: int) -> str:
    """A line: how the run ended, its seconds and its memory."""
    card = folder / "card"
    cards.save(cards.picture(1, animal=True), card / "sound.jpg", AT)
    make(card, **sizes)
    command = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", "odd"]
    command += ["--threads", "2", "--database", f"sqlite:///{folder}/odd.db"]
    said = folder / "said"
    shell = f"{shlex.join(command)} > {said} 2>&1; echo exit code $? >> {said}"
    took = process(["sh", "-c", shell], 1)
    subprocess.run(["rm", "-rf", card], check=True)  # Python's own cannot go as deep
    numbers = (
        f"{took.clock_s:6.0f} s, {took.processor_s:6.1f} s of processor, {took.peak_mb:6.0f} MB"
    )
    lines = [line for line in said.read_text().splitlines() if line.strip() and "━" not in line]
    return f"{make.__name__:12} {numbers}; {lines[-1]}: {lines[-2]:.200}"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", default="", help="cards whose name holds this")
    words.add_argument("--files", type=int, default=200_000)
    words.add_argument("--folders", type=int, default=5000)
    given = words.parse_args()
    for make in CARDS:
        if given.only not in make.__name__:
            continue
        names = make.__code__.co_varnames[: make.__code__.co_argcount]
        sizes = {name: getattr(given, name) for name in ("files", "folders") if name in names}
        with tempfile.TemporaryDirectory() as folder:
            print(measure(make, Path(folder), **sizes), flush=True)


if __name__ == "__main__":
    main()
