"""Databases with flags and channels that hear of them, for the tests and the benchmark."""

import multiprocessing
from datetime import datetime
from pathlib import Path

from db.core.engine import open_database, writing
from db.store.batches import all_batches, batch_row
from db.store.deployments import deployments_of
from db.store.flags import flags_of, save_flags
from db.store.visits import visits_of
from flows.execution import databases
from flows.facts.alerts import queue
from flows.run_options import StartedRun
from flows.services.alerts.send import send_alerts
from pipeline.alerts.channels import Alerting, load_alerting
from pipeline.records import Flag, Visit
from tests.makers import fill

MORNING = datetime(2026, 3, 2, 7, 0)  # UTC; ten o'clock in Nairobi


def channels(folder: Path, text: str) -> Alerting:
    file = folder / "alerts.toml"
    file.write_text(f'timezone = "Africa/Nairobi"\n{text}', "utf-8")
    return load_alerting(file)


def flagged(url: str, pictures: int) -> int:
    """A database of made-up cards, each visit of which is flagged; how many flags there are."""
    engine, found = open_database(url), 0
    with writing(engine) as conn:
        fill(conn, pictures)
        for batch_id in all_batches(conn):
            row = batch_row(conn, batch_id)
            visits = visits_of(conn, batch_id, row["label_recipe_id"])
            flags = [made_up(visit) for visit in visits]
            save_flags(conn, row["flag_recipe_id"], flags)
            found += len(flags)
    engine.dispose()
    return found


def made_up(visit: Visit) -> Flag:
    words = "Suspected: a person at night."
    about = (("human_at_night",), 2, 0.6, words)
    return Flag(visit.deployment_id, visit.started_at, visit.sha256s, *about)


def queue_all(url: str, alerting: Alerting, at: datetime) -> int:
    """What the step of the flags does, on every card; how many alerts were queued."""
    engine, queued = open_database(url), 0
    with writing(engine) as conn:
        for batch_id in all_batches(conn):
            row = batch_row(conn, batch_id)
            recipes = (row[f"{step}_recipe_id"] for step in ("look", "label", "flag"))
            run = StartedRun(batch_id, row["name"], None, *recipes, seed="")
            flags = flags_of(conn, batch_id, run.flag)
            for place in deployments_of(conn, batch_id):
                mine = [one for one in flags if one.deployment_id == place.deployment_id]
                queued += queue(conn, alerting, run, place, mine, at)
    engine.dispose()
    return queued


def rows(url: str, query: str) -> list[tuple]:
    engine = open_database(url)
    with engine.connect() as conn:
        found = [tuple(row) for row in conn.exec_driver_sql(query)]
    engine.dispose()
    return found


def states(url: str) -> dict[str, int]:
    return dict(rows(url, "SELECT state, count(*) FROM alerts GROUP BY state"))


def drain(url: str, alerting: Alerting, at: datetime, **more):
    return send_alerts(url, alerting, lambda: at, **more)


def drain_in_a_process(url: str, alerting: Alerting, at: datetime):
    """A process of its own that drains, and may be killed: it has no connection of ours."""
    for engine in databases._engines.values():
        engine.dispose()
    databases._engines.clear()
    process = multiprocessing.get_context("fork").Process(target=drain, args=(url, alerting, at))
    process.start()
    return process
