"""One alert, or a digest of several, to one channel."""

from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from flows.services.alerts import local, web
from flows.services.alerts.outcome import Outcome, later, refused
from flows.services.alerts.secrets import secret_of, without
from pipeline.alerts.channels import Alerting, Channel
from pipeline.alerts.choose import key
from pipeline.alerts.message import Alert, digest, payload, text, title, told
from pipeline.errors import SettingsError


def deliver(
    channel: Channel,
    alerting: Alerting,
    alerts: Sequence[Alert],
    now: datetime,
    repeated: bool = False,
) -> Outcome:
    """Send; what came of it, with no secret in its words.

    alerts    one, or several that go as a digest
    repeated  an earlier try may have reached the receiver, without our hearing of it
    """
    try:
        secret = secret_of(channel)
    except SettingsError as why:
        return later(str(why))
    shown = [told(alert, channel) for alert in alerts]
    try:
        outcome = _sent(channel, alerting, shown, now, secret, repeated)
    except Exception as why:  # a library's own errors may hold the address, and the secret in it
        outcome = later(f"{type(why).__name__}: {why}")
    clean = without(outcome.words, secret)
    return Outcome(outcome.sent, clean, outcome.again, outcome.retry_after_s, outcome.receipt)


def _sent(
    channel: Channel,
    alerting: Alerting,
    alerts: Sequence[Alert],
    now: datetime,
    secret: str,
    repeated: bool,
) -> Outcome:
    first = alerts[0]
    name = _name(channel, alerts)
    if len(alerts) == 1:
        subject, words, picture = title(first), text(first, alerting, now), first.picture
    else:
        (subject, words), picture = digest(alerts, alerting), None
    if channel.kind == "earthranger":
        return web.earthranger(channel, alerting, first, secret, repeated)
    if channel.kind == "email":
        return local.email(channel, subject, words, picture, secret, name)
    if channel.kind == "telegram":
        return web.telegram(channel, words, picture, secret)
    if channel.kind == "apprise":
        return local.by_apprise(subject, words, secret)
    bodies = [payload(alert, channel, alerting) for alert in alerts]
    body = bodies[0] if len(bodies) == 1 else {"id": name, "title": subject, "alerts": bodies}
    if channel.kind == "webhook":
        return web.webhook(channel, body, secret)
    if channel.kind == "command":
        return local.command(channel, body)
    return refused(f"a channel of kind {channel.kind} is not known")


def _name(channel: Channel, alerts: Sequence[Alert]) -> str:
    """The same for the same alerts."""
    keys = [str(key(alert.flag_id, channel.name)) for alert in alerts]
    return keys[0] if len(keys) == 1 else str(uuid5(NAMESPACE_URL, " ".join(sorted(keys))))
