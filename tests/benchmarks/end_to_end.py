"""How fast a card of 8-megapixel pictures becomes a finished database, beside two yardsticks.

    python -m tests.benchmarks.end_to_end [--pictures 2000] [--peer 60] [--folder FOLDER]

peer    what most programs do, with the same networks: open each picture in full, the default
        transforms of timm and open_clip, PyTorch, one picture at a time, one commit a picture; the
        labeller opens kept pictures again; no detector. Timed on some pictures, by default 60.
floor   each part of our work alone, on all cores at once, with nothing to wait for; summed. What
        is embedded: the pictures that are kept, and the blanks drawn for the audit
ours    `camtriage run` as a process of its own, from its start to the finished database; the same
        card once more with --detector none

Once with the frame model at 224 x 224 and once at the size it is shipped with. The clock counts, so
the machine has to be quiet; the seconds of processor beside it mean something on a busy one too.
FOLDER keeps the drawn pictures for the next time.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from PIL import Image

from db.core import schema
from db.core.engine import reading, writing
from db.store.batches import batch_row
from db.store.scores import frame_scores_of, save_window
from db.store.windows import window_of, windows_left
from flows.execution.databases import ready_database
from flows.run_options import RunOptions, StartedRun
from flows.steps.card import read_card
from flows.steps.flags import flags
from flows.steps.ingest import save_card
from flows.steps.label import bank_of, label
from flows.steps.visits import visits
from pipeline.card import exif
from pipeline.frames import background, blank, classifier
from pipeline.frames import detector as detectors
from pipeline.frames.decode import decode
from pipeline.frames.light import light_of
from pipeline.frames.score import _embeddings
from pipeline.frames.views import view_shift
from pipeline.records import Embedding, WindowScores
from pipeline.species import encoder as labellers
from tests.benchmarks.pictures import make_card
from tests.benchmarks.timing import Took, process, timed

SAMPLE = 192  # pictures on which the parts of the floor are timed
CORES = os.cpu_count() or 1


def frame_model(folder: Path, size: tuple[int, int]) -> Path:
    """The bundled frame model at another input size: as fast as one trained for it."""
    facts = json.loads((classifier.STARTER / "frame.json").read_text("utf-8"))
    classifier.save_frame_model(_network(), {**facts, "size": list(size)}, folder)
    return folder


def _network():
    facts = json.loads((classifier.STARTER / "frame.json").read_text("utf-8"))
    return classifier._network(facts, {n: classifier.STARTER / n for n in facts["files"]})


def peer(paths: Sequence[Path], kept: set[str], size: tuple[int, int], place: Path) -> Took:
    """The yardstick of the docstring; kept: sha-256 of what ours kept, so both label the same."""
    from pipeline.species import towers

    towers.register()  # before open_clip is imported
    import exifread
    import open_clip
    import timm
    import torch

    net, mean = _network(), (0.5, 0.5, 0.5)
    to_frame = timm.data.create_transform((3, *size), interpolation="bicubic", mean=mean, std=mean)
    model, to_label = open_clip.create_model_from_pretrained(f"local-dir:{labellers.STARTER}")
    texts = torch.randn(512, 100)
    width = model.eval().encode_image(torch.zeros(1, 3, 224, 224)).shape[1]

    def one(path: Path, rows: sqlite3.Connection) -> None:
        picture = Image.open(path).convert("RGB")
        deep, (fine, coarse) = net.body.forward_intermediates(to_frame(picture)[None], indices=2)
        logits, _ = net.head(fine, coarse, deep.mean(dim=(2, 3)))
        with path.open("rb") as file:
            taken = str(exifread.process_file(file).get("EXIF DateTimeOriginal"))
        name = None
        if path in labelled:
            again = to_label(Image.open(path).convert("RGB"))[None]
            name = int((model.encode_image(again, normalize=True) @ texts[:width]).argmax())
        rows.execute("INSERT INTO seen VALUES (?, ?, ?, ?)", (str(path), taken, str(logits), name))
        rows.commit()

    labelled = {path for path in paths if sha_of(path) in kept}

    def loop() -> None:
        for path in paths:
            one(path, rows)

    with closing(sqlite3.connect(place)) as rows, torch.inference_mode():
        rows.execute("CREATE TABLE seen (path, taken, logits, name)")
        one(paths[0], rows)  # the first picture warms up
        return timed(loop, len(paths))


def ours(card: Path, url: str, frame: str, pictures: int, detector: str = "starter") -> Took:
    """`camtriage run` as a process, from its start to its end."""
    command = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", "card"]
    command += ["--database", url, "--frame", frame, "--detector", detector]
    return process(command, pictures)


def sha_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def floor(paths: Sequence[Path], share: float, frame: str) -> dict[str, Took]:
    """Took by part, each alone on all cores; share: of the pictures that are embedded."""
    model, encoder = classifier.load_frame_model(frame), labellers.load_encoder()
    sharp = detectors.load_detector()
    paths = _spread(paths, SAMPLE)
    data, count = [one.read_bytes() for one in paths], len(paths)
    found: dict[str, Took] = {}
    with ThreadPoolExecutor(CORES) as pool:

        def part(name: str, function: Callable, items: Iterable) -> list:
            results: list = []
            found[name] = timed(lambda: results.extend(pool.map(function, items)), count)
            return results

        part("read and hash", sha_of, paths)
        part("EXIF", lambda one: exif.read(Image.open(io.BytesIO(one)), "1.jpg"), data)
        small = part("decode", lambda one: decode(one).pixels, data)
        outs = part("frame model", lambda one: model.run([model.prepare(one)]), small)
        part("detector", lambda one: sharp.run([classifier.squeeze(one, sharp.size)]), small)
        lights = part("light", lambda one: light_of(one).light, small)
        windows = [slice(at, at + 64) for at in range(0, count, 64)]
        part("background", lambda some: _background(outs[some], lights[some], model), windows)
        kept = [(str(n), one, (0.2, 0.2, 0.38, 0.5)) for n, one in enumerate(small)]
        kept = kept[: max(1, round(share * count))]
        found["embed"] = timed(lambda: _embeddings(kept, encoder, pool.map), count)
    return found


def _background(outs: Sequence, lights: Sequence[str], model) -> None:
    out = classifier.joined(outs)
    novelty = background.novelty_map(out.cells, lights)
    view_shift(out.cells, lights)
    blank.decide(out.logits, novelty, [0] * len(lights), model.fusion)


def _rows(card: Path, url: str, frame: str, scratch: str) -> dict[str, Took]:
    """What the run wrote, written once more, and the steps after looking."""
    job = RunOptions(card=str(card), name="card", database=scratch, frame=frame)
    read_in = read_card(job)
    with reading(ready_database(url)) as conn:
        current = batch_row(conn, 1)["look_recipe_id"]
        looks = frame_scores_of(conn, 1, current)
        vectors = _vectors(conn, current)
    begun: list[StartedRun] = []

    def write() -> None:
        begun.append(save_card(job, read_in))
        with reading(ready_database(scratch)) as conn:
            left = windows_left(conn, begun[0].batch_id, begun[0].look)
            windows = [(id, window_of(conn, id)) for id, _ in left]
        for window_id, window in windows:
            seen = [looks[sha] for sha in window.sha256s]
            kept = [e for one in seen if one.state == "kept" for e in vectors[one.sha256]]
            with writing(ready_database(scratch)) as conn:
                save_window(
                    conn, window_id, begun[0].look, WindowScores(tuple(seen), tuple(kept), ())
                )

    def after() -> None:
        for step in (label, visits, flags):
            step(job, begun[0])

    count = len(read_in.media)
    rows = timed(write, count)
    bank_of(job)
    return {"rows": rows, "names, visits, flags": timed(after, count)}


def _vectors(conn, recipe_id: int) -> dict[str, list[Embedding]]:
    e, m = schema.embedding.c, schema.media.c
    query = sa.select(m.sha256, e.view, e.vector).join(schema.embedding, e.media_id == m.id)
    found: dict[str, list[Embedding]] = {}
    for row in conn.execute(query.where(e.recipe_id == recipe_id)):
        found.setdefault(row[0], []).append(Embedding(*row))
    return found


def _spread(paths: Sequence[Path], most: int) -> list[Path]:
    """At most so many, from all over the card."""
    steps = np.linspace(0, len(paths) - 1, min(most, len(paths)))
    return [paths[round(at)] for at in steps]


@dataclass(frozen=True, slots=True)
class Measured:
    """One card at one input size."""

    ours: Took
    without: Took  # a detector
    peer: Took
    floor: dict[str, Took]
    beside: dict[str, Took]  # parts of a run that the floor leaves out
    kept: float  # share

    @property
    def floor_ms(self) -> float:
        return sum(one.ms for one in self.floor.values())


def measure(card: Path, frame: str, size: tuple[int, int], peers: int, folder: Path) -> Measured:
    paths = sorted(card.rglob("*.JPG"))
    url, scratch = f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/scratch.db"
    folder.mkdir(parents=True)
    without = ours(card, f"sqlite:///{folder}/without.db", frame, len(paths), "none")
    took = ours(card, url, frame, len(paths))
    with reading(ready_database(url)) as conn:
        query = "SELECT sha256, state FROM media JOIN status ON media_id = id"
        states = dict(conn.execute(sa.text(query)).all())
        drawn = conn.execute(sa.text("SELECT count(*) FROM audit_draw")).scalar_one()
    kept = {sha for sha, state in states.items() if state == "kept"}
    embedded = (len(kept) + drawn) / len(states)
    parts = floor(paths, embedded, frame) | _rows(card, url, frame, scratch)
    few = folder / "one"
    few.mkdir()
    shutil.copy(paths[0], few)
    start = ours(few, f"sqlite:///{folder}/few.db", frame, len(paths))
    beside = {"start-up (a card of one)": start, "audit: decoded again": _again(paths, drawn)}
    rivals = peer(_spread(paths, peers), kept, size, folder / "peer.db")
    return Measured(took, without, rivals, parts, beside, len(kept) / len(states))


def _again(paths: Sequence[Path], drawn: int) -> Took:
    """The blanks drawn for the audit are decoded a second time, once it is known which they are."""
    some = _spread(paths, drawn)
    with ThreadPoolExecutor(CORES) as pool:
        return timed(lambda: list(pool.map(lambda one: decode(one.read_bytes()), some)), len(paths))


def told(name: str, one: Measured) -> str:
    """The table of one measurement."""
    n = one.ours.pictures
    lines = [
        f"{name}: {n} pictures, {one.kept:.0%} kept, {CORES} cores",
        f"{'':26}pictures/s   ms by clock   ms of processor   peak MB",
        _line("ours, the whole process", one.ours),
        _line("ours, without the detector", one.without),
        _line(f"peer, on {one.peer.pictures} of them", one.peer),
        f"{'floor':26}{1000 / one.floor_ms:10.1f}{one.floor_ms:14.2f}"
        f"{sum(part.processor_ms for part in one.floor.values()):18.2f}",
        f"without the detector, which the peer has not, ours is {one.peer.ms / one.without.ms:.1f} "
        "times as fast as the peer by the clock, "
        f"{one.peer.processor_ms / one.without.processor_ms:.1f} times by processor; with it "
        f"{one.peer.ms / one.ours.ms:.1f} and {one.peer.processor_ms / one.ours.processor_ms:.1f} "
        f"times, and reaches {one.floor_ms / one.ours.ms:.0%} of the floor",
        f"and takes {one.ours.processor_ms / one.without.processor_ms:.2f} times the processor of "
        "a run without the detector",
        "where the floor's and our time goes, ms by clock and of processor a picture:",
    ]
    parts = one.floor | one.beside
    lines += [f"  {part:26}{took.ms:8.2f}{took.processor_ms:8.2f}" for part, took in parts.items()]
    rest = one.ours.ms - sum(took.ms for took in parts.values())
    lines.append(f"  {'waiting and other':26}{rest:8.2f}")
    return "\n".join(lines)


def _line(name: str, took: Took) -> str:
    peak = f"{took.peak_mb:10.0f}" if took.peak_mb else ""
    return f"{name:26}{1000 / took.ms:10.1f}{took.ms:14.2f}{took.processor_ms:18.2f}{peak}"


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    given.add_argument("--pictures", type=int, default=2000)
    given.add_argument("--peer", type=int, default=60, help="pictures for the peer loop")
    given.add_argument("--folder", type=Path, help="keeps the drawn pictures for the next time")
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        card = make_card(place / "card", args.pictures, args.folder or place / "drawn")
        small = str(frame_model(place / "224", (224, 224)))
        for name, frame, size in (
            ("224 x 224", small, (224, 224)),
            ("320 x 448, as shipped", "starter", (320, 448)),
        ):
            print(told(name, measure(card, frame, size, args.peer, place / f"{size[0]}px")))
            print(flush=True)


if __name__ == "__main__":
    main()
