"""Who is to be told of which flag: written in the transaction that saves the flags."""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from db.core.rows import now
from db.store.alerts import NewAlert, queue_alerts, taken_utc
from db.store.visits import visits_of
from flows.run_options import StartedRun
from pipeline.alerts.channels import Alerting, load_alerting
from pipeline.alerts.choose import Sighting, age, opens_at, sightings, utc, wanted
from pipeline.errors import SettingsError
from pipeline.records import Deployment, Flag, Visit

VARIABLE = "CAMTRIAGE_ALERTS"  # names alerts.toml, in each worker's environment


def alerting_of(file: str | None = None) -> Alerting | None:
    """The channels of `file`, else of CAMTRIAGE_ALERTS; None where neither is given."""
    named = file or os.environ.get(VARIABLE)
    return load_alerting(Path(named)) if named else None


def needed_alerting(file: str | None) -> Alerting:
    """The same; SettingsError where nobody says who is told."""
    if found := alerting_of(file):
        return found
    raise SettingsError(f"no channels: give --alerts alerts.toml, or set {VARIABLE}")


def queue(
    conn: Connection,
    alerting: Alerting | None,
    run: StartedRun,
    place: Deployment,
    flags: Sequence[Flag],
    at: datetime | None = None,
) -> int:
    """Queue what the channels want to hear of a deployment; how many alerts.

    flags   all of this deployment, just saved
    """
    if alerting is None:
        return 0
    at = at or now()
    visits: Sequence[Visit] = ()
    if any(channel.species for channel in alerting.channels):
        visits = visits_of(conn, run.batch_id, run.label, [place.deployment_id])
    seen = sightings(flags, visits)
    times = taken_utc(conn, [one.sha256s[0] for one in seen])
    new = [alert for one in seen for alert in _alerts(alerting, one, place.location_id, times, at)]
    return queue_alerts(conn, new, at)


def _alerts(
    alerting: Alerting,
    seen: Sighting,
    station: str | None,
    times: dict[str, datetime],
    at: datetime,
) -> Iterable[NewAlert]:
    seen_at = times.get(seen.sha256s[0])
    if seen_at is None and seen.started_at is not None:
        seen_at = utc(seen.started_at, alerting)
    for channel in alerting.channels:
        if (heard := wanted(channel, seen, station)) is None:
            continue
        old = age(seen_at, at, alerting)
        if old == "historic" and not channel.historic:
            continue
        yield NewAlert(
            sha256s=heard.sha256s,
            channel=channel.name,
            age=old,
            severity=heard.severity,
            rules=heard.rules,
            reason=heard.reason,
            seen_at=seen_at,
            next_try_at=opens_at(channel, alerting, old, at),
        )
