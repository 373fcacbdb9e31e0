"""Channels that speak HTTP: EarthRanger, Telegram, a webhook."""

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from flows.services.alerts.outcome import Outcome, later, of_answer, refused, sent
from pipeline.alerts.channels import Alerting, Channel
from pipeline.alerts.choose import key
from pipeline.alerts.message import NAME_LETTERS, PRIORITY, Alert, moment, payload, title

if TYPE_CHECKING:
    import httpx

TELEGRAM = "https://api.telegram.org"
LONGEST_CAPTION, LONGEST_TEXT = 1024, 4096  # letters, Telegram's own limits


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust; reading it costs more than a small answer."""
    return ssl.create_default_context()


def _asked(channel: Channel, ask: "Callable[[httpx.Client], Outcome]") -> Outcome:
    """The outcome of a talk with a server; one that does not answer may do so later."""
    import httpx

    try:
        with httpx.Client(timeout=channel.timeout_s, verify=_certificates()) as client:
            return ask(client)
    except httpx.TimeoutException:
        return later(f"no answer within {channel.timeout_s} s")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as why:
        return refused(f"not an address: {why}")
    except (httpx.HTTPError, OSError) as why:
        return later(f"not reached: {why}")


def earthranger(
    channel: Channel, alerting: Alerting, alert: Alert, token: str, repeated: bool
) -> Outcome:
    """An event of EarthRanger with the picture attached, or a picture of its camera-trap sensor."""
    site = f"{channel.to.rstrip('/')}/api/v1.0"

    def ask(client: "httpx.Client") -> Outcome:
        client.headers["Authorization"] = f"Bearer {token}"
        if channel.provider:
            return _camera_trap(client, site, channel, alerting, alert)
        return _event(client, site, _event_of(channel, alerting, alert), alert, repeated)

    return _asked(channel, ask)


def _camera_trap(
    client: "httpx.Client", site: str, channel: Channel, alerting: Alerting, alert: Alert
) -> Outcome:
    """The file's name tells a repetition: 409 says that it is there."""
    if alert.picture is None:
        return refused("the camera-trap sensor takes pictures alone, and this one cannot be read")
    form = {
        "camera_name": alert.deployment_id,
        "camera_description": alert.reason,
        "time": moment(alert, alerting) or "",
        "location": json.dumps(_location(alert)),
    }
    name = f"{key(alert.flag_id, channel.name)}.jpg"
    files = {"filecontent.file": (name, alert.picture, "image/jpeg")}
    url = f"{site}/sensors/camera-trap/{channel.provider}/status/"
    return of_answer(client.post(url, data=form, files=files), name)


def _event_of(channel: Channel, alerting: Alerting, alert: Alert) -> dict[str, Any]:
    body: dict[str, Any] = {
        "event_type": channel.event_type,
        "title": title(alert),
        "priority": PRIORITY[max(1, alert.severity)],
        "state": "active",
        "event_details": payload(alert, channel, alerting),
    }
    if when := moment(alert, alerting):
        body["time"] = when
    if where := _location(alert):
        body["location"] = where
    return body


def _event(
    client: "httpx.Client", site: str, body: dict[str, Any], alert: Alert, repeated: bool
) -> Outcome:
    """Before a repetition the site is asked whether the event is there: it takes any number."""
    ours = str(body["event_details"]["id"])
    found = _event_there(client, site, alert, ours) if repeated else None
    if not found:
        answer = client.post(f"{site}/activity/events/", json=body)
        if not answer.is_success:
            return of_answer(answer)
        found = str(_data(answer).get("id", ""))
    if found and alert.picture is not None:
        files = {"filecontent.file": (f"{ours}.jpg", alert.picture, "image/jpeg")}
        filed = of_answer(client.post(f"{site}/activity/event/{found}/files/", files=files), found)
        return filed if filed.again else sent(found)  # the event is there, with or without it
    return sent(found)


def _event_there(client: "httpx.Client", site: str, alert: Alert, ours: str) -> str | None:
    """The site's id of our event from an earlier try."""
    about = {"filter": json.dumps({"text": alert.flag_id[:NAME_LETTERS]}), "page_size": "25"}
    answer = client.get(f"{site}/activity/events/", params=about)
    results = _data(answer).get("results", []) if answer.is_success else []
    for event in results if isinstance(results, list) else []:
        if isinstance(event, dict) and event.get("event_details", {}).get("id") == ours:
            return str(event.get("id"))
    return None


def _data(answer: "httpx.Response") -> dict[str, Any]:
    try:
        found = answer.json().get("data", {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _location(alert: Alert) -> dict[str, float]:
    if alert.latitude is None or alert.longitude is None:
        return {}
    return {"latitude": alert.latitude, "longitude": alert.longitude}


def webhook(channel: Channel, body: dict[str, Any], secret: str) -> Outcome:
    """Signed JSON: X-Camtriage-Signature is the HMAC-SHA256 of `time.body`, X-Camtriage-Time says
    when, Idempotency-Key tells a repetition."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    at = str(int(time.time()))
    signed = hmac.new(secret.encode(), at.encode() + b"." + text, hashlib.sha256).hexdigest()
    head = {
        "Content-Type": "application/json",
        "Idempotency-Key": str(body["id"]),
        "X-Camtriage-Time": at,
        "X-Camtriage-Signature": f"sha256={signed}",
    }

    def ask(client: "httpx.Client") -> Outcome:
        return of_answer(client.post(channel.to, content=text, headers=head))

    return _asked(channel, ask)


def telegram(channel: Channel, text: str, picture: bytes | None, token: str) -> Outcome:
    """A message, or a picture with the text below it, to the chat `to`."""
    server = channel.server if "://" in channel.server else TELEGRAM
    bot = f"{server}/bot{token}"

    def ask(client: "httpx.Client") -> Outcome:
        if picture is None:
            body = {"chat_id": channel.to, "text": text[:LONGEST_TEXT]}
            return _of_telegram(client.post(f"{bot}/sendMessage", data=body))
        body = {"chat_id": channel.to, "caption": text[:LONGEST_CAPTION]}
        files = {"photo": ("alert.jpg", picture, "image/jpeg")}
        return _of_telegram(client.post(f"{bot}/sendPhoto", data=body, files=files))

    return _asked(channel, ask)


def _of_telegram(answer: "httpx.Response") -> Outcome:
    """Its own body says how long to wait."""
    outcome = of_answer(answer)
    try:
        said = answer.json()
        asked: Sequence[float] = [float(said["parameters"]["retry_after"])]
    except (ValueError, KeyError, TypeError, RecursionError):
        asked = []
    if outcome.again and asked:
        return later(outcome.words, asked[0])
    return outcome
