"""What a large labeller takes: time and memory to load, a picture, a set of 2 000 taxa.

    python -m tests.benchmarks.towers [--models ViT-B-16,ViT-L-14,coca_ViT-L-14] [--pictures 16]

open_clip's architectures with random weights, through the real loader: what a model knows does not
change its speed. Each has a process of its own, with an empty cache: `load` exports the image tower
(once a model), `again` finds it. Seconds by the clock and of processor; the most memory each held.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline.species import towers
from pipeline.species.encoder import load_encoder
from tests.test_labeller_families import saved

MODELS = "ViT-B-32,ViT-B-16,coca_ViT-B-32,ViT-L-14,coca_ViT-L-14"
TAXA = 2000
TEXTS = [
    f"a camera trap photo of Genus{nth // 20} species{nth}, a kind of mammal" for nth in range(TAXA)
]


def make(folder: Path, name: str) -> None:
    """A folder with this architecture and random weights."""
    towers.register()
    import open_clip

    saved(folder, open_clip.get_model_config(name))


def load(folder: Path, pictures: int, texts: int) -> dict[str, float]:
    """What this process takes for loading, for so many pictures and for so many texts."""
    took = {}
    begun, used = time.monotonic(), time.process_time()
    encoder = load_encoder(f"local-dir:{folder}", threads=os.cpu_count() or 1)
    took["load_s"] = time.monotonic() - begun
    took["load_mb"] = _peak_mb()
    dice = np.random.default_rng(1)
    shown = [dice.integers(0, 255, (240, 320, 3), np.uint8) for _ in range(pictures)]
    if pictures:
        encoder.images(shown[:4])
        begun, used = time.monotonic(), time.process_time()
        encoder.images(shown)
        took["picture_s"] = (time.monotonic() - begun) / pictures
        took["picture_cpu_s"] = (time.process_time() - used) / pictures
        took["pictures_mb"] = _peak_mb()
    if texts:
        begun = time.monotonic()
        encoder.texts(TEXTS[:texts])
        took["texts_s"] = (time.monotonic() - begun) * TAXA / texts
        took["texts_mb"] = _peak_mb()
    return took


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _child(env: dict[str, str], *words: object) -> dict[str, float]:
    """One step in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.towers", *map(str, words)]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}


def measure(name: str, pictures: int, texts: int) -> str:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as home:
        folder, env = Path(home) / "model", os.environ | {"XDG_CACHE_HOME": f"{home}/cache"}
        _child(env, "--make", folder, "--models", name)
        first = _child(env, "--load", folder, "--pictures", 0, "--texts", 0)
        again = _child(env, "--load", folder, "--pictures", pictures, "--texts", 0)
        words = _child(env, "--load", folder, "--pictures", 0, "--texts", texts)
        size = (folder / "open_clip_model.safetensors").stat().st_size / 1e6
    return (
        f"{name:<16}{size:>8.0f}{first['load_s']:>8.0f}{first['load_mb']:>9.0f}"
        f"{again['load_s']:>8.1f}{again['picture_s']:>11.2f}{again['picture_cpu_s']:>11.2f}"
        f"{again['pictures_mb']:>9.0f}{words['texts_s']:>9.0f}{words['texts_mb']:>9.0f}"
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--models", default=MODELS, help="parted by commas")
    words.add_argument("--pictures", type=int, default=16)
    words.add_argument("--texts", type=int, default=256, help="of the 2 000, scaled up")
    words.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    words.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.make:
        return make(given.make, given.models)
    if given.load:
        return print(json.dumps(load(given.load, given.pictures, given.texts)))
    print(f"{'':<16}{'':>8}{'first':>8}{'':>9}{'again':>8}{'a picture':>22}{'':>9}{TAXA:>9} taxa")
    print(
        f"{'model':<16}{'MB':>8}{'load s':>8}{'MB peak':>9}{'load s':>8}{'clock s':>11}"
        f"{'processor s':>11}{'MB peak':>9}{'s':>9}{'MB peak':>9}"
    )
    for name in given.models.split(","):
        print(measure(name, given.pictures, given.texts), flush=True)


if __name__ == "__main__":
    main()
