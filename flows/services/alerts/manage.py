"""What people do with alerts: see them, quiet them, try a channel."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.core.engine import reading, writing
from db.core.rows import now
from db.store.alerts import alerts_named, alerts_shown, end_alerts
from flows.execution.databases import known_database
from flows.services.alerts.deliver import deliver
from flows.services.alerts.outcome import Outcome
from flows.services.alerts.secrets import secret_of
from flows.services.flags import the_one
from pipeline.alerts.channels import Alerting
from pipeline.alerts.message import Alert
from pipeline.errors import InputError


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert as the view `alerts` shows it."""

    flag_id: str
    channel: str
    state: str
    age: str
    severity: int
    deployment_id: str
    seen_at: str | None  # UTC
    tries: int
    next_try_at: str | None  # UTC
    error: str | None


def list_alerts(database: str) -> tuple[ShownAlert, ...]:
    """All alerts, the newest first."""
    with reading(known_database(database)) as conn:
        return tuple(_shown(row) for row in alerts_shown(conn))


def acknowledge(database: str, names: Sequence[str], who: str | None) -> tuple[ShownAlert, ...]:
    """Quiet the alerts of these visits on every channel, all or none; as they are now.

    names   flag_id or its first letters, at least six
    """
    with writing(known_database(database)) as conn:
        chosen = [the_one(name, alerts_named(conn, name.lower()), "alert") for name in names]
        at = now()
        return tuple(
            _shown(row)
            for flag_id in dict.fromkeys(chosen)
            for row in end_alerts(conn, flag_id, "acknowledged", who, at)
        )


def try_channel(alerting: Alerting, name: str) -> Outcome:
    """Send one alert that says it is a test. InputError: no such channel, or no secret for it."""
    channels = {channel.name: channel for channel in alerting.channels}
    if name not in channels:
        raise InputError(f"{name}: no such channel; there are: {', '.join(channels) or 'none'}")
    secret_of(channels[name])  # else it would say that it tries again
    at = now()
    words = "Test: this is no alert; somebody tried the channel."
    test = Alert("0" * 64, "test", None, None, None, None, at, 1, (), words, "live", 0)
    return deliver(channels[name], alerting, [test], at)


def _shown(row: object) -> ShownAlert:
    return ShownAlert(**{name: getattr(row, name) for name in ShownAlert.__slots__})
