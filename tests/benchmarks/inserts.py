"""Rows a second that `db.core.rows.upsert` writes: media, look, embedding, label, new and again.

    python -m tests.benchmarks.inserts [--database postgresql://...] [--rows 20000] [--chunk 1000]

Seconds are of the processor, this process's and (on this computer) its PostgreSQL backend's: what
else the machine does does not count. `executemany` is SQLAlchemy Core's plain way; `bare` is that
without conflicts.
"""

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Table

from db.core import rows as writing_rows
from db.core import schema
from db.core.engine import migrate, open_database, writing

KEYS = {
    "media": ("sha256",),
    "look": ("media_id", "recipe_id"),
    "embedding": ("media_id", "recipe_id", "view"),
    "label": ("media_id", "recipe_id"),
}
MEDIA = {
    **{"size": 500_000, "mediatype": "image/jpeg", "width": 2048, "height": 1536, "clock": "exif"},
    **{"make": "RECONYX", "model": "HF2", "serial": "H1", "orientation": 1, "temperature_c": 21.0},
}
LOOK = {
    **{"state": "kept", "p_blank": 0.1, "p_animal": 0.9, "p_human": 0.01, "p_vehicle": 0.02},
    **{"novelty": 0.4, "decided_by": "fused", "light": "colour", "luma": 0.4, "contrast": 0.2},
    **{"crop_x": 0.2, "crop_y": 0.2, "crop_width": 0.5, "crop_height": 0.5},
    **{"crop_source": "evidence", "logits": [1.5, -2.0, -3.0, 0.25]},
}
LABEL = {
    **{"observation_type": "animal", "raw_name": "Equus quagga", "raw_probability": 0.7},
    **{"name": "Equidae", "rank": "family", "probability": 0.8, "reason": "up", "off_list": []},
    "top": [["Equus quagga", 0.7], ["Equus grevyi", 0.1]],
}


def made(table: str, n: int, turn: int) -> list[dict]:
    """`n` rows of a table; those of media are new in every turn."""
    if table == "media":
        home = {"batch_id": 1, "deployment_id": 1}
        paths = [f"Cam1/DCIM/100RECNX/RCNX{turn}-{i:07}.JPG" for i in range(n)]
        shas = (f"{turn:08x}{i:056x}" for i in range(n))
        return [MEDIA | home | {"path": p, "sha256": s} for p, s in zip(paths, shas, strict=True)]
    ids = [{"media_id": i + 1, "recipe_id": turn} for i in range(n)]
    if table == "embedding":
        return [one | {"view": "crop", "vector": bytes(range(256)) * 2} for one in ids]
    return [one | (LOOK if table == "look" else LABEL) for one in ids]


def executemany(conn: Connection, table: Table, rows: list[dict], key, update) -> None:
    writing_rows.executemany(conn, table, rows, key, update)


def bare(conn: Connection, table: Table, rows: list[dict], key, update) -> None:
    conn.execute(table.insert(), rows)


def ways(dialect: str) -> dict[str, Callable]:
    found = {"executemany": executemany, "bare": bare}
    return {"upsert": writing_rows.upsert, **found} if dialect == "postgresql" else found


def worked(conn: Connection) -> float:
    """Seconds of processor so far, here and in the server's process for this connection."""
    here = time.process_time()
    if conn.dialect.name == "sqlite":
        return here
    pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return here + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--database", help="an empty one; default: a temporary SQLite file")
    given.add_argument("--rows", type=int, default=20_000)
    given.add_argument("--chunk", type=int, default=1000, help="rows of one transaction")
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite:///{Path(folder) / 'inserts.db'}"
        migrate(url)
        engine = open_database(url)
        turns = itertools.count(1)
        with writing(engine) as conn:
            conn.execute(schema.batch.insert(), {"name": "inserts", "root": "/"})
            home = {"name": "inserts", "source": "folder", "other": {}}
            conn.execute(schema.deployment.insert(), home)
            some = [{"step": "look", "hash": str(i), "description": {}} for i in range(100)]
            conn.execute(schema.recipe.insert(), some)
        print(f"{'':10} {'':12} {'new rows/s':>11} {'again':>11}   chunks of {args.chunk}")
        for table, (name, way) in itertools.product(KEYS, ways(engine.dialect.name).items()):
            rows = made(table, args.rows, next(turns))
            update = [k for k in rows[0] if k not in KEYS[table]] if table != "media" else ()
            speeds = []
            for _ in range(1 if name == "bare" else 2):
                with writing(engine) as conn:
                    begun = worked(conn)
                for at in range(0, len(rows), args.chunk):
                    with writing(engine) as conn:
                        some = rows[at : at + args.chunk]
                        way(conn, schema.metadata.tables[table], some, KEYS[table], update)
                with writing(engine) as conn:
                    speeds.append(f"{len(rows) / (worked(conn) - begun):11,.0f}")
            print(f"{table:10} {name:12} {' '.join(speeds)}", flush=True)
        engine.dispose()


if __name__ == "__main__":
    main()
