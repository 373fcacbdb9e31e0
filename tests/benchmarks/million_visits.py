"""How long independent events, rates and a detection history take over a million visits.

    python -m tests.benchmarks.million_visits [--visits 1000000] [--stations 200]
        [--database sqlite:///visits.db]

Visits are written as they stand in the tables: they come in waves, at some stations more than at
others, over two years. An empty database is filled; one with visits is measured as it is. Each step
is run twice, the quicker one counts. "Here" is the time of this process's processor: on a busy
machine with SQLite only it means much.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from db import schema
from db.engine import migrate, open_database, reading, writing
from db.population import events_sql, independent_events, read_records, read_stays
from pipeline.population.effort import watches
from pipeline.population.events import RULES, tally
from pipeline.population.histories import detection_history
from pipeline.population.operation import operation
from pipeline.population.rates import rai

BEGIN, DAYS = datetime(2024, 1, 1), 730
TAXA = [f"Species {i:02}" for i in range(24)]
PICTURE = {"size": 1, "mediatype": "image/jpeg", "width": 1, "height": 1, "clock": "exif"}
CHUNK = 50_000


def fill(conn: Connection, visits: int, stations: int, seed: int = 1) -> None:
    """One batch with `visits` visits of one picture each."""
    draw = np.random.default_rng(seed)
    insert = conn.execute
    insert(schema.recipe.insert(), [{"id": 1, "step": "label", "hash": "l", "description": {}}])
    insert(schema.batch.insert(), [{"id": 1, "name": "card", "root": "/", "label_recipe_id": 1}])
    end = datetime(2025, 12, 31)
    insert(
        schema.deployment.insert(),
        [
            {"id": i + 1, "name": f"d{i}", "location_id": f"S{i:03}", "started_at": BEGIN}
            | {"ended_at": end, "source": "table", "other": {}}
            for i in range(stations)
        ],
    )
    waves = visits // 4 + 1  # one animal or group that comes and goes before one camera
    start = np.sort(draw.integers(0, DAYS * 86400, waves))
    where = 1 + (stations * draw.random(waves) ** 1.5).astype(int)
    what = (len(TAXA) * draw.random(waves) ** 2).astype(int)
    of = draw.integers(0, waves, visits)
    second = start[of] + draw.exponential(1200, visits).astype(int)
    begun, place, taxon = (np.datetime64(BEGIN, "s") + second).tolist(), where[of], what[of]
    for at in range(0, visits, CHUNK):
        _fill(conn, range(at, min(at + CHUNK, visits)), begun, place.tolist(), taxon.tolist())


def _fill(conn: Connection, some: range, begun: list, place: list, taxon: list) -> None:
    media, visit, name = [], [], []
    for i in some:
        of = {"id": i + 1, "batch_id": 1, "deployment_id": place[i]}
        media.append(of | PICTURE | {"sha256": f"{i:064}", "path": str(i), "orientation": 1})
        at = {"started_at": begun[i], "ended_at": begun[i]}
        visit.append(of | at | {"recipe_id": 1, "media_id": i + 1, "pictures": 1})
        said = {"observation_type": "animal", "name": TAXA[taxon[i]], "pictures": 1}
        name.append({"visit_id": i + 1, "position": 0} | said)
    for table, rows in ((schema.media, media), (schema.visit, visit), (schema.visit_taxon, name)):
        conn.execute(table.insert(), rows)


def steps(conn: Connection) -> dict[str, Callable]:
    """What is measured, by name."""
    sql = {
        f"events in SQL, {rule}": lambda rule=rule: conn.exec_driver_sql(
            f"SELECT count(*) FROM ({events_sql(conn.dialect.name, 1800, rule)}) e"
        ).scalar()
        for rule in RULES
    }

    def rates():
        made, watched = independent_events(conn, 1800), watches(read_stays(conn), "noon")
        names = [one.station for one in watched]
        events = tally(made.station, made.species, names, TAXA)
        return len(rai(events, [one.days for one in watched], TAXA))

    def history():
        found = read_records(conn)
        one = found.where(found.species == TAXA[0])
        camera = operation(watches(read_stays(conn), "noon"))
        return detection_history(camera, one.station, one.time, 7).cells.size

    return sql | {"RAI of all species with bootstrap": rates, "weekly history": history}


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--visits", type=int, default=1_000_000)
    given.add_argument("--stations", type=int, default=200)
    given.add_argument("--database")
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite:///{Path(folder) / 'visits.db'}"
        if not url.startswith("sqlite"):
            migrate(url)
        engine = open_database(url)
        with writing(engine) as conn:
            if not conn.execute(sa.select(sa.func.count(schema.visit.c.id))).scalar():
                fill(conn, args.visits, args.stations)
        with reading(engine) as conn:
            for name, step in steps(conn).items():
                clock = []
                for _ in range(2):
                    begun, worked = time.perf_counter(), time.process_time()
                    result = step()
                    clock.append((time.perf_counter() - begun, time.process_time() - worked))
                wall, worked = min(clock)
                print(f"{name}: {wall:.2f} s, {worked:.2f} s here ({result:,})", flush=True)
        engine.dispose()


if __name__ == "__main__":
    main()
