"""The queue is drained: what is due goes out, each alert once where the receiver can tell."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from db.core.engine import reading, writing
from db.core.rows import now
from db.store.alerts import (
    claim_alerts,
    due_alerts,
    later_alerts,
    quiet_judged,
    requeue_failed,
    settle_alerts,
)
from flows.execution.databases import known_database
from flows.services.alerts.deliver import deliver
from flows.services.alerts.facts import facts_of
from flows.services.alerts.outcome import Outcome
from pipeline.alerts.channels import Alerting, Channel
from pipeline.alerts.choose import age, opens_at, wait
from pipeline.counted import counted

LEASE = timedelta(minutes=10)  # a process that died with alerts in hand holds them so long
MOST_TROUBLES = 3  # of one channel in one drain: then it is left for the next
Row = sa.Row[Any]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one drain."""

    sent: int = 0
    failed: int = 0  # given up: they can never be delivered as they stand
    waiting: int = 0  # due, and not taken: tried again later
    quiet: int = 0  # acknowledged, dismissed, or made by no rule any more
    later: int = 0  # that wait for their hour, or for their next try
    next_at: datetime | None = None  # of the first of them, UTC
    troubles: tuple[str, ...] = ()  # one line a channel and reason


def send_alerts(
    database: str,
    alerting: Alerting,
    clock: Clock = now,
    failed_too: bool = False,
    live_only: bool = False,
) -> Sent:
    """Send everything that is due by now. A channel that does not answer is left for its next try.

    clock        UTC, naive
    failed_too   also what was given up: the cause was put right
    live_only    nothing that was queued as historic
    """
    engine = known_database(database)
    with writing(engine) as conn:
        if failed_too:
            requeue_failed(conn, clock())
        quiet = quiet_judged(conn, clock())
    with reading(engine) as conn:
        due = [row for row in due_alerts(conn, clock()) if row.age == "live" or not live_only]
    drain = _Drain(engine, alerting, clock)
    for channel_name, rows in _by_channel(due).items():
        drain.channel(channel_name, rows)
    with reading(engine) as conn:
        later, next_at = later_alerts(conn, clock())
    counts, troubles = drain.counts, tuple(drain.troubles)
    sent = counts["sent"], counts["failed"], counts["waiting"]
    return Sent(*sent, quiet, later, next_at, troubles)


def _by_channel(due: Iterable[Row]) -> dict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in due:
        found[row.channel].append(row)
    return found


class _Drain:
    """One pass over the queue, and what came of it so far."""

    def __init__(self, engine: Engine, alerting: Alerting, clock: Clock) -> None:
        self.engine, self.alerting, self.clock = engine, alerting, clock
        self.channels = {channel.name: channel for channel in alerting.channels}
        self.counts: Counter[str] = Counter()
        self.troubles: dict[str, None] = {}

    def channel(self, name: str, rows: list[Row]) -> None:
        """Send what of this channel may go out at this hour."""
        if (channel := self.channels.get(name)) is None:
            self.counts["waiting"] += len(rows)
            self.troubles[f"{name}: {counted(len(rows), 'alert')}, but no such channel"] = None
            return
        parcels = self._parcels(channel, rows)
        wrong = 0
        for at, parcel in enumerate(parcels):
            outcome = self._send(channel, parcel)
            if outcome is None or outcome.sent or not outcome.again:
                continue
            wrong += 1
            if outcome.retry_after_s or wrong >= MOST_TROUBLES:
                left = [row for rows in parcels[at + 1 :] for row in rows]
                self.counts["waiting"] += len(left)
                if outcome.retry_after_s:
                    self._put_off(left, wait(1, outcome.retry_after_s))
                return

    def _parcels(self, channel: Channel, rows: list[Row]) -> list[list[Row]]:
        """Each alert by itself, the historic ones of a digest together; others are put off."""
        moment, single, together = self.clock(), [], []
        later: defaultdict[tuple[str, datetime], list[int]] = defaultdict(list)
        for row in rows:
            old = age(row.seen_at, moment, self.alerting)
            aged = row.age == "live" and old == "historic"
            old = "historic" if row.age == "historic" else old
            opens = opens_at(channel, self.alerting, old, moment, digest=aged)
            if opens > moment:
                later[old, opens].append(row.id)
            elif old == "historic" and channel.digest:
                together.append(row)
            else:
                single.append([row])
        with writing(self.engine) as conn:
            for (old, opens), ids in later.items():
                settle_alerts(conn, ids, age=old, next_try_at=opens)
        return [*single, *([together] if together else [])]

    def _send(self, channel: Channel, rows: Sequence[Row]) -> Outcome | None:
        """None: another process has them."""
        moment = self.clock()
        with writing(self.engine) as conn:
            taken = claim_alerts(conn, [row.id for row in rows], moment, moment + LEASE)
            mine = [row for row in rows if row.id in {*taken}]
            alerts = [facts_of(conn, channel, row, self._age(row), len(mine) == 1) for row in mine]
        if not mine:
            return None
        repeated = any(row.tries for row in mine)
        outcome = deliver(channel, self.alerting, alerts, moment, repeated)
        self._settle(channel, mine, outcome)
        return outcome

    def _age(self, row: Row) -> str:
        if row.age == "historic":
            return "historic"
        return age(row.seen_at, self.clock(), self.alerting)

    def _settle(self, channel: Channel, rows: Sequence[Row], outcome: Outcome) -> None:
        moment, ids = self.clock(), [row.id for row in rows]
        with writing(self.engine) as conn:
            for row in rows:
                settle_alerts(conn, [row.id], age=self._age(row))
            if outcome.sent:
                done = {"state": "sent", "receipt": outcome.receipt, "error": None}
                settle_alerts(conn, ids, ended_at=moment, **done)
            elif outcome.again:
                tries = max(row.tries for row in rows) + 1
                at = moment + wait(tries, outcome.retry_after_s)
                settle_alerts(conn, ids, error=outcome.words, next_try_at=at)
            else:
                settle_alerts(conn, ids, state="failed", error=outcome.words, ended_at=moment)
        what = "sent" if outcome.sent else "waiting" if outcome.again else "failed"
        self.counts[what] += len(rows)
        if not outcome.sent:
            after = "tried again later" if outcome.again else "given up"
            self.troubles[f"{channel.name}: {after}: {outcome.words}"] = None

    def _put_off(self, rows: Iterable[Row], by: timedelta) -> None:
        with writing(self.engine) as conn:
            settle_alerts(conn, [row.id for row in rows], next_try_at=self.clock() + by)
