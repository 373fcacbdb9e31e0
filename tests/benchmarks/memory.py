"""Peak memory of `camtriage run` by the number of pictures: it must not grow with the card.

    python -m tests.benchmarks.memory [--pictures 1000,10000,100000]

Small drawn pictures, each with bytes of its own, 2 500 a camera; a frame model with random weights
at 64 x 96 pixels and a threshold that hides all, so that 100 000 take minutes. Every 25th is cut,
and cut pictures are always kept: they are embedded and named.
"""

import argparse
import io
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from tests import cards
from tests.benchmarks.pictures import with_exif
from tests.benchmarks.timing import Took, process
from tests.frame_models import make_frame_model

BEGIN = datetime(2020, 1, 1)
CAMERA = 2500  # pictures
DRAWN = 64  # different views
CUT = 25  # every so many is cut short


def make_small_card(folder: Path, pictures: int, size: tuple[int, int] = (192, 144)) -> Path:
    """Bursts of three every ten minutes; the same 64 pictures, told apart by time and camera."""
    drawn = [jpeg(number, size) for number in range(min(DRAWN, pictures))]
    for number in range(pictures):
        camera, shot = divmod(number, CAMERA)
        taken_at = BEGIN + timedelta(minutes=10 * (shot // 3), seconds=shot % 3)
        place = folder / f"Cam{camera:03}" / f"IMG_{shot:05}.JPG"
        if shot == 0:
            place.parent.mkdir(parents=True)
        whole = with_exif(drawn[number % DRAWN], taken_at, f"A{camera}")
        place.write_bytes(whole if (number + 1) % CUT else whole[:-200])
    return folder


def jpeg(number: int, size: tuple[int, int] = (192, 144)) -> bytes:
    file = io.BytesIO()
    cards.picture(number, animal=number % 3 == 0, size=size).save(file, "JPEG")
    return file.getvalue()


def measure(pictures: int, folder: Path) -> Took:
    """One run over a card of so many pictures, in a fresh process with a fresh database."""
    folder.mkdir(parents=True)
    make_frame_model(folder / "frame")
    (folder / "settings.toml").write_text("[blank]\nthreshold = 0.0\n", "utf-8")
    card = make_small_card(folder / "card", pictures)
    command = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", "card"]
    command += ["--database", f"sqlite:///{folder}/memory.db", "--frame", str(folder / "frame")]
    command += ["--settings", str(folder / "settings.toml")]
    return process(command, pictures)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    given.add_argument("--pictures", default="1000,10000,100000")
    print("  pictures   peak MB   ms of processor a picture   seconds")
    for pictures in map(int, given.parse_args().pictures.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            took = measure(pictures, Path(folder) / "run")
        print(f"{pictures:10d}{took.peak_mb:10.0f}{took.processor_ms:28.1f}{took.clock_s:10.0f}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
