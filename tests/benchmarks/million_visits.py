"""How long events, rates, histories and the population command take, and how that grows.

    python -m tests.benchmarks.million_visits [--visits 10000 100000 1000000] [--stations 200]
        [--no-postgresql]

Visits are written as they stand in the tables: they come in waves, at some stations more than at
others, over two years. Each step runs twice, the quicker one counts; seconds of this process's
processor stand beside: of PostgreSQL they are those of Python alone. `camtriage population` once.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, make_url

from db.core import schema
from db.core.engine import migrate, open_database, reading, writing
from db.store.deployments import all_deployments
from flows.facts.study import read_sightings
from pipeline.population.effort.basis import Basis, basis
from pipeline.population.estimates.histories import detection_history
from pipeline.population.estimates.rates import rai
from pipeline.population.events.sightings import StudyRequest
from tests.benchmarks.million_rows import queries
from tests.servers import making_databases, postgresql

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
    asked = queries()

    def rests_on() -> Basis:
        return basis(read_sightings(conn), all_deployments(conn), StudyRequest(effort="noon"))

    def rates() -> int:
        made = rests_on()
        return len(rai(made.seen, made.effort, made.names))

    def history() -> int:
        made = rests_on()
        one = made.taxa == TAXA[0]
        return detection_history(made.daily(), made.station[one], made.times[one], 7).cells.size

    sql = {
        "view independent_events": "SELECT count(*) FROM independent_events",
        "How often": asked["How often"],
        "Where": asked["Where"].replace("Equus quagga", TAXA[0]),
        "Is it rising": asked["Is it rising"].replace("Equus quagga", TAXA[0]),
        "A detection history": asked["A detection history"].replace("Equus quagga", TAXA[0]),
        "view record_table": "SELECT count(*) FROM record_table",
    }
    return {
        name: lambda text=text: len(conn.exec_driver_sql(text.replace("%", "%%")).all())
        for name, text in sql.items()
    } | {"RAI of all species, bootstrap": rates, "weekly history, arrays": history}


def timed(step: Callable) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processor."""
    begun, worked = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - begun, time.process_time() - worked


def measure(url: str, visits: int, stations: int) -> dict[str, tuple[float, float]]:
    """Of a fresh database at `url`."""
    migrate(url)
    engine = open_database(url)
    with writing(engine) as conn:
        fill(conn, visits, stations)
        conn.exec_driver_sql("ANALYZE")
    with reading(engine) as conn:
        found = {name: min(timed(step), timed(step)) for name, step in steps(conn).items()}
    engine.dispose()
    return found | population(url)


def population(url: str) -> dict[str, tuple[float, float]]:
    """`camtriage population`, its page and all its tables, once."""
    from flows.services.study.population import study_request, write_study

    with tempfile.TemporaryDirectory() as folder:
        ask = study_request(None, None, None)
        return {"camtriage population": timed(lambda: write_study(url, ask, Path(folder)))}


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--visits", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    given.add_argument("--stations", type=int, default=200)
    given.add_argument("--no-postgresql", action="store_true")
    args = given.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places = {"SQLite": lambda n: f"sqlite:///{folder}/{n}.db"}
        if not args.no_postgresql:
            server = stack.enter_context(postgresql())
            places["PostgreSQL"] = lambda n: stack.enter_context(_new(server, f"visits_{n}"))
        for name, url_of in places.items():
            found = {n: measure(url_of(n), n, args.stations) for n in args.visits}
            print(f"\n{name}: seconds (of the processor, here)\n")
            print("| | " + " | ".join(f"{n:,}" for n in found) + " |")
            print("|---|" + "--:|" * len(found))
            for step in found[args.visits[0]]:
                cells = [f"{one[step][0]:.2f} ({one[step][1]:.2f})" for one in found.values()]
                print(f"| {step} | " + " | ".join(cells) + " |", flush=True)


@contextmanager
def _new(server: str, name: str):
    with making_databases(server) as run:
        run(f"CREATE DATABASE {name}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    main()
