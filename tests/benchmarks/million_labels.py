"""How long other names for a million stored vectors take: `camtriage relabel` with 500 taxa.

    python -m tests.benchmarks.million_labels [--vectors 1000000] [--taxa 500]
        [--database sqlite:///labels.db]

Half the vectors are crops, half whole frames of the same pictures, drawn around the taxa so that
names of every rank come out. First the arithmetic alone (logits, probabilities, roll-up over
stored vectors in memory), then the command as a whole, by its steps. Seconds are those of this
process's processor, and by the clock beside them.
"""

import argparse
import tempfile
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from db.core import schema
from db.core.engine import migrate, open_database, reading, writing
from db.store.scores import vectors_of
from flows.execution import loaded as models
from flows.run_options import RunOptions
from flows.services.relabel import relabel
from flows.steps import recipes
from pipeline.settings import Settings
from pipeline.species import zeroshot
from pipeline.species.labelset import load_labelset

CHUNK = 20_000
EVERY_S, PER_VISIT = 3600, 3


class Quietly:
    """A way of running the steps that says how long each took."""

    def step(self, function, *args):
        with told(f"  {function.__name__}"):
            return function(*args)


@contextmanager
def told(name: str):
    clock, worked = time.perf_counter(), time.process_time()
    yield
    clock, worked = time.perf_counter() - clock, time.process_time() - worked
    print(f"{name:<42} {worked:8.1f} s of processor {clock:8.1f} s by the clock", flush=True)


def taxa(number: int) -> str:
    """A label set: five species to a genus, five genera to a family, in Latin that nobody knows."""
    lines = ['name = "many"', 'templates = ["a photo of a {name}"]', "", "[lineage]"]
    families = [f"Family{_letters(i)}idae" for i in range(-(-number // 25))]
    lines += [f'{one} = ["Order{_letters(i // 5)}", "Mammalia"]' for i, one in enumerate(families)]
    for i in range(number):
        name = f"Genus{_letters(i // 5)} species{_letters(i)}"
        lines += ["", "[[taxon]]", f'scientific = "{name}"', 'rank = "species"']
        lines += [f'family = "{families[i // 25]}"', f'common = ["animal number {i}"]']
    return "\n".join(lines) + "\n"


def _letters(i: int) -> str:
    return "".join(chr(97 + i // 26**power % 26) for power in (2, 1, 0))


def vectors(bank: zeroshot.Bank, number: int, seed: int) -> np.ndarray:
    """(number, d) float16 of unit length, near one taxon's vector each, some nearer than others."""
    draw = np.random.default_rng(seed)
    near = bank.vectors[draw.integers(0, len(bank.vectors), number)]
    spread = draw.uniform(0.02, 0.12, (number, 1)).astype(np.float32)
    found = near + spread * draw.standard_normal(near.shape, dtype=np.float32)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)


def fill(engine: sa.Engine, pictures: int, bank: zeroshot.Bank, job: RunOptions) -> None:
    """One card of kept pictures on 200 cameras, three a visit, with their vectors."""
    encoder, frame = models.encoder("starter", None), models.frame_model("starter")
    look = recipes.frame_recipe(job, Settings(), frame, encoder)
    with writing(engine) as conn:
        row = {"id": 1, "step": "look", "hash": "look", "description": look}
        conn.execute(schema.recipe.insert(), [row])
        card = {"id": 1, "name": "card", "root": "/card", "look_recipe_id": 1}
        conn.execute(schema.batch.insert(), [card])
        places = [
            {"id": i + 1, "name": f"D{i:03}", "source": "folder", "other": {}} for i in range(200)
        ]
        conn.execute(schema.deployment.insert(), places)
        for start in range(0, pictures, CHUNK):
            rows = range(start, min(start + CHUNK, pictures))
            _fill(conn, rows, pictures, vectors(bank, 2 * len(rows), start))


def _fill(conn: sa.Connection, rows: range, pictures: int, given: np.ndarray) -> None:
    media, looks, embeddings, status = [], [], [], []
    per_camera = -(-pictures // 200)
    for nth, i in enumerate(rows):
        camera, n = divmod(i, per_camera)
        taken = datetime(2026, 1, 1) + timedelta(seconds=(n // PER_VISIT) * EVERY_S + n % PER_VISIT)
        home = {"batch_id": 1, "deployment_id": camera + 1}
        picture = {"size": 1, "mediatype": "image/jpeg", "width": 1, "height": 1, "orientation": 1}
        media.append(
            {"id": i + 1, "sha256": f"{i:064x}", "path": f"{i}.JPG", "taken_at": taken}
            | {"clock": "exif", "burst": n // PER_VISIT, "position": 0, **home, **picture}
        )
        scores = {"p_blank": 0.1, "p_animal": 0.9, "p_human": 0.01, "p_vehicle": 0.01}
        seen = {"state": "kept", "decided_by": "fused", "light": "colour"}
        seen |= {"luma": 0.5, "contrast": 0.2, "crop_source": "evidence", "logits": [1, 0, 0, 0]}
        looks.append({"media_id": i + 1, "recipe_id": 1, **scores, **seen})
        key = {"media_id": i + 1, "recipe_id": 1}
        embeddings += [
            {**key, "view": view, "vector": given[2 * nth + k].tobytes()}
            for k, view in enumerate(("crop", "frame"))
        ]
        status.append({"media_id": i + 1, "state": "kept", **home, "observation_type": "animal"})
    tables = (schema.media, schema.look, schema.embedding, schema.status)
    for table, values in zip(tables, (media, looks, embeddings, status), strict=True):
        conn.execute(table.insert(), values)


def arithmetic(engine: sa.Engine, bank: zeroshot.Bank) -> None:
    """Logits, probabilities and roll-up over all vectors, which lie in memory."""
    with reading(engine) as conn, told("reading the vectors"):
        chunks = list(vectors_of(conn, 1, 1))
    with told("arithmetic alone"):
        for _, crops, frames in chunks:
            p = zeroshot.probabilities(zeroshot.logits(crops, frames, bank), bank)
            zeroshot.decide(p, bank, Settings().labels)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--vectors", type=int, default=1_000_000)
    given.add_argument("--taxa", type=int, default=500)
    given.add_argument("--database", help="an empty one; default: a temporary SQLite file")
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "many.toml"
        labels.write_text(taxa(args.taxa), "utf-8")
        job = RunOptions(
            database=args.database or f"sqlite:///{folder}/labels.db", labels=str(labels)
        )
        with told(f"texts of {args.taxa} taxa to vectors, once"):
            bank = zeroshot.bank(load_labelset(str(labels)), models.encoder("starter", None))
        migrate(job.database)
        engine = open_database(job.database)
        fill(engine, args.vectors // 2, bank, job)
        arithmetic(engine, bank)
        with told("relabel, everything"):
            relabel(job, None, Quietly())
        with reading(engine) as conn:
            counted = sa.select(schema.label.c.rank, sa.func.count()).group_by(schema.label.c.rank)
            print(dict(sorted((str(rank), n) for rank, n in conn.execute(counted))))
        engine.dispose()


if __name__ == "__main__":
    main()
