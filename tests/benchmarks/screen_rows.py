"""What each filter of the review screen takes on a database of a million pictures.

    python -m tests.benchmarks.screen_rows [--pictures 1000000] [--database sqlite:///big.db]
        [--only seen] [--rounds 2]

The database is made as tests/benchmarks/million_rows.py does; nobody asks for pictures. Each
address is asked for some times: the first, when nothing is in memory, and the quickest of the
others. Seconds by the clock and of this process's processor (on PostgreSQL those of Python alone),
and the most memory that was held meanwhile.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from db.core import schema
from db.core.engine import migrate, open_database, reading
from tests.benchmarks.million_rows import make
from tests.screens import Browser, browser

NONE = "Ursus maritimus"  # a name that no picture has


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, with what is sent to it."""

    address: str
    body: dict | None = None

    @property
    def name(self) -> str:
        words = "" if self.body is None else json.dumps(self.body).replace('"', "")
        return f"{self.address} {words}".strip()


@dataclass(frozen=True, slots=True)
class Taken:
    """What the answer took."""

    clock_s: float
    processor_s: float
    peak_mb: float
    size: int  # bytes of the answer


def filters(engine: Engine) -> Iterator[dict[str, str]]:
    """Words of an address, as every filter of the screen has them: many rows, few, none."""
    d, v = schema.deployment.c, schema.visit.c
    with reading(engine) as conn:
        place = conn.execute(sa.select(d.name).order_by(d.id.desc()).limit(1)).scalar_one()
        days = [str(at)[:10] for at in conn.execute(_days(v)).one()]
    yield {}
    for name in ("Equus quagga", "human", NONE):
        yield {"species": name}
        yield {"species": name, "deployment": place}
    yield {"deployment": place}
    yield {"deployment": "no such camera"}
    yield {"from": days[0], "to": days[0]}
    yield {"from": days[1]}
    yield {"from": "2099-01-01"}
    yield {"to": days[0], "species": "Equus quagga", "deployment": place}
    yield {"from": days[1], "species": NONE}


def _days(v: sa.sql.ColumnCollection) -> sa.Select:
    return sa.select(sa.func.min(v.started_at), sa.func.max(v.started_at))


def everything(engine: Engine) -> Iterator[Asked]:
    """Every address that reads rows, by every filter it knows."""
    yield Asked("/")
    kinds = ("doubtful", "people", "flags", "cells", "audit", "second", "sample")
    queues = [{"kind": "visits", **words} for words in filters(engine)]
    queues += [{"kind": kind} for kind in kinds]
    queues += [{"kind": "visits", "answered": "yes"}, {"kind": "doubtful", "below": "1"}]
    queues += [{"kind": kind, "species": NONE} for kind in ("people", "doubtful")]
    last = _largest(engine, schema.visit.c.id)
    for queue in queues:
        yield Asked("/api/size", {"queue": queue})
        yield Asked("/api/next", {"queue": queue, "after": 0, "most": 3})
    yield Asked("/api/next", {"queue": {"kind": "visits"}, "after": last // 2, "most": 3})
    states = [{"state": state} for state in ("kept", "blank", "failed", "unprocessed")]
    lights = [{"light": light} for light in ("colour", "infrared")]
    both = [{**a, **b, "species": NONE} for a in states for b in lights]
    for words in [*filters(engine), *states, *lights, *both]:
        yield Asked(f"/seen?{'&'.join(f'{name}={word}' for name, word in words.items())}")
    middle = _largest(engine, schema.media.c.id) // 2
    yield Asked(f"/seen?before={middle}&species={NONE}")
    vectored = _largest(engine, schema.embedding.c.media_id)
    yield Asked(f"/seen?like={vectored}")
    yield Asked(f"/seen?like={vectored}&species={NONE}")
    yield Asked("/flags")
    yield Asked(f"/visit/{middle}")
    yield Asked("/map")


def _largest(engine: Engine, column: sa.Column) -> int:
    with reading(engine) as conn:
        return conn.execute(sa.select(sa.func.max(column))).scalar_one()


def take(client: Browser, asked: Asked) -> Taken:
    """Ask it once; an answer that is none of ours ends all."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
    begun, worked = time.perf_counter(), time.process_time()
    answer = (
        client.get(asked.address)
        if asked.body is None
        else client.post(asked.address, json=asked.body)
    )
    took = time.perf_counter() - begun, time.process_time() - worked
    if answer.status_code not in (200, 400):
        raise SystemExit(f"{asked.name}: {answer.status_code} {answer.text[:200]}")
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return Taken(*took, peak / 1024, len(answer.content))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--pictures", type=int, default=1_000_000)
    words.add_argument("--database", help="an empty one, or one made here; default: temporary")
    words.add_argument("--only", default="", help="addresses that hold this word")
    words.add_argument("--rounds", type=int, default=2)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="camtriage-rows-") as folder:
        url = given.database or f"sqlite:///{folder}/million.db"
        migrate(url)
        engine = open_database(url)
        with reading(engine) as conn:
            there = conn.execute(sa.select(schema.media.c.id).limit(1)).scalar()
        if there is None:
            make(engine, given.pictures)
        client = browser(url)
        print("first: clock  processor   then: clock  processor  MB peak    bytes  asked")
        for asked in everything(engine):
            if given.only in asked.name:
                first, *more = (take(client, asked) for _ in range(given.rounds))
                best = min(more or [first], key=lambda one: one.clock_s)
                print(
                    f"{first.clock_s:12.2f} {first.processor_s:10.2f} {best.clock_s:13.2f}"
                    f" {best.processor_s:10.2f} {first.peak_mb:8.0f} {best.size:8d}  {asked.name}",
                    flush=True,
                )
        engine.dispose()


if __name__ == "__main__":
    main()
