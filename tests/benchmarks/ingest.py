"""What ingest costs a file, and that it does not grow with the card: 1 k, 10 k and 100 k files.

    python -m tests.benchmarks.ingest [--files 1000 10000 100000]

Small real JPEG files with EXIF, all different, two thousand a camera; `camtriage ingest` as a
process of its own, into a new SQLite file, then the same card once more, when it is known. The
file's own cost is told by the processor's time, start-up (an empty run of the program) taken off.
"""

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from tests.cards import picture

PER_CAMERA = 2000


def draw_card(root: Path, files: int) -> Path:
    """`files` small JPEGs: one picture, each with a time and a comment of its own."""
    image = picture(1, size=(160, 120))
    for camera in range(0, files, PER_CAMERA):
        folder = root / f"Cam{camera // PER_CAMERA:03}" / "DCIM" / "100RECNX"
        folder.mkdir(parents=True)
        for n in range(min(PER_CAMERA, files - camera)):
            exif = Image.Exif()
            exif[0x010F], exif[0x0110] = "RECONYX", "HYPERFIRE 2"
            taken = datetime(2026, 1, 1) + timedelta(minutes=n)
            exif.get_ifd(0x8769)[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
            exif.get_ifd(0x8769)[0xA431] = f"A{camera}"
            data = io.BytesIO()
            image.save(data, "JPEG", quality=60, exif=exif, comment=f"{camera} {n}".encode())
            (folder / f"RCNX{n:04}.JPG").write_bytes(data.getvalue())
    return root


def ingest(card: Path, database: str) -> tuple[float, float, float]:
    """(seconds by the clock, seconds of processor, peak MiB) of `camtriage ingest`."""
    words = [sys.executable, "-m", "flows.cli", "ingest", str(card), "--database", database]
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as child:
        _, status, own = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"ingest ended with {child.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, worked, own.ru_maxrss / 1024


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--files", type=int, nargs="+", default=[1000, 10_000, 100_000])
    args = given.parse_args()
    print("   files   clock s  files/s  processor ms a file  peak MiB   known: clock s")
    with tempfile.TemporaryDirectory() as folder:
        start = ingest(draw_card(Path(folder) / "one", 1), f"sqlite:///{folder}/one.db")
        for files in args.files:
            card = draw_card(Path(folder) / f"card{files}", files)
            database = f"sqlite:///{folder}/{files}.db"
            clock, worked, peak = ingest(card, database)
            each = 1000 * (worked - start[1]) / files
            again, _, _ = ingest(card, database)
            rate = files / (clock - start[0])
            print(
                f"{files:8} {clock:9.1f} {rate:8.0f} {each:20.2f} {peak:9.0f} {again:16.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
