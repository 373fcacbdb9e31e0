"""Who is told: `alerts.toml`, one table a channel.

    timezone = "Africa/Nairobi"

    [channels.headquarters]
    kind = "earthranger"
    to = "https://reserve.pamdas.org"
    secret = "env:EARTHRANGER_TOKEN"
    event_type = "camera_trap_alert"

No secret stands in the file: it names a variable of the environment, or a Secret block of Prefect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import time
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.errors import SettingsError
from pipeline.poaching.rules import rule_names
from pipeline.toml import read_toml

SPECIES = "species"  # named among the rules of an alert about an animal on a channel's list
Hours: TypeAlias = tuple[time, time]  # from, to; over midnight where the second is earlier
DIGESTED = ("email", "telegram", "apprise")  # people read them: one message a morning, not hundreds
NEEDS = {  # of each kind, beside `to`: what it cannot do without
    "earthranger": ("secret",),
    "email": ("sender",),
    "telegram": ("secret",),
    "webhook": ("secret",),
    "command": (),
    "apprise": (),
}
OF_KIND = {  # settings that only some kinds know
    "event_type": ("earthranger",),
    "provider": ("earthranger",),
    "sender": ("email",),
    "user": ("email",),
    "tls": ("email",),
    "digest": tuple(kind for kind in NEEDS if kind != "earthranger"),
}
TLS = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True)
class Channel:
    """One receiver and what it wants to hear."""

    name: str
    kind: str  # a key of NEEDS
    to: str = ""  # an address: of a site, a mailbox, a chat, a program
    secret: str = ""  # env:NAME or block:NAME
    event_type: str = "camera_trap_alert"
    provider: str = ""  # EarthRanger's camera-trap endpoint in place of an event
    server: str = "localhost:587"  # of e-mail; of Telegram, a server of one's own
    sender: str = ""
    user: str = ""
    tls: str = "starttls"
    rules: tuple[str, ...] = ()  # empty: every rule
    severity: int = 1  # from here up
    species: tuple[str, ...] = ()  # an animal of these names is an alert too
    stations: tuple[str, ...] = ()  # empty: every station and deployment
    hours: Hours | None = None  # of the pictures, camera clock
    quiet: Hours | None = None  # nothing is sent
    historic: bool = True  # also of cards that are read late
    night: bool = False  # historic ones at night too
    digest: bool = False  # historic ones as one message each morning
    people: bool = False  # pictures of people as they are
    exact: bool = False  # coordinates as they are
    timeout_s: int = 20


@dataclass(frozen=True, slots=True)
class Alerting:
    """All channels, and when an alert is live."""

    channels: tuple[Channel, ...] = ()
    timezone: str = ""  # empty: this machine's; of hours, and of cameras whose offset is not known
    live_hours: float = 2.0  # from picture to arrival, at most
    night_hours: Hours = field(default=(time(18), time(6)))
    digest_at: time = time(7)
    review_url: str = ""  # of `camtriage review open`, without its key: messages link to the flag


def load_alerting(path: Path) -> Alerting:
    """What the file says. SettingsError in one line: unknown, missing, or a secret in the file."""
    given = dict(read_toml(path))
    channels = given.pop("channels", {})
    if type(channels) is not dict or any(type(one) is not dict for one in channels.values()):
        raise SettingsError(f"{path}: write each channel as [channels.NAME]")
    own = _read(path, "", Alerting, given, {"channels"})
    made = tuple(_channel(path, name, of) for name, of in channels.items())
    if own.get("timezone"):
        try:
            ZoneInfo(own["timezone"])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = own["timezone"]
            raise SettingsError(f"{path}: timezone {zone!r}: write Africa/Nairobi, say") from None
    if (url := own.get("review_url")) and not _is_address(url):
        raise SettingsError(
            f"{path}: review_url: write http://MACHINE:PORT, without a key: each has his own"
        )
    if not 0 < own.get("live_hours", 1) <= 24 * 7:
        raise SettingsError(f"{path}: live_hours must be above 0 and at most 168")
    return Alerting(channels=made, **own)


def _is_address(text: str) -> bool:
    """A web address with nothing behind its path: no key of a person."""
    try:
        parts = urlsplit(text)
        plain = not (parts.query or parts.fragment or parts.username or parts.password)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and plain
    except ValueError:
        return False


def _channel(path: Path, name: str, given: Mapping[str, Any]) -> Channel:
    where = f"[channels.{name}] "
    own = _read(path, where, Channel, given, {"name"})
    kind = own.get("kind")
    if kind not in NEEDS:
        raise SettingsError(f"{path}: {where}kind must be one of {', '.join(NEEDS)}")
    if wrong := [key for key in own if kind not in OF_KIND.get(key, (kind,))]:
        raise SettingsError(f"{path}: {where}{', '.join(wrong)}: not of the kind {kind}")
    if kind == "apprise" and not own.get("secret"):
        raise SettingsError(f"{path}: {where}secret must name where its address is: env:NAME")
    needed = (*NEEDS[kind], *(() if kind == "apprise" else ("to",)))
    if missing := [key for key in needed if not own.get(key)]:
        raise SettingsError(f"{path}: {where}{', '.join(missing)} must be given")
    if (secret := own.get("secret", "")) and not secret.startswith(("env:", "block:")):
        raise SettingsError(
            f"{path}: {where}secret must say where it is, not what it is: env:NAME or block:NAME"
        )
    if own.get("tls", "tls") not in TLS:
        raise SettingsError(f"{path}: {where}tls must be one of {', '.join(TLS)}")
    if not 1 <= own.get("severity", 1) <= 3 or not 1 <= own.get("timeout_s", 1) <= 600:
        raise SettingsError(f"{path}: {where}severity is 1, 2 or 3; timeout_s 1 to 600")
    if unknown := set(own.get("rules", ())) - {*rule_names(), SPECIES}:
        raise SettingsError(f"{path}: {where}no such rules: {', '.join(sorted(unknown))}")
    return Channel(**{"name": name, "digest": kind in DIGESTED, **own})


def _read(
    path: Path, where: str, kind: type[Any], given: Mapping[str, Any], ours: Iterable[str]
) -> dict[str, Any]:
    """The fields of a dataclass from a table, each of its own kind."""
    known = {one.name: one for one in fields(kind) if one.name not in ours}
    if wrong := sorted(given.keys() - known.keys()):
        told = f"{', '.join(wrong)}; known: {', '.join(known)}"
        raise SettingsError(f"{path}: {where}unknown: {told}")
    return {name: _value(path, where, known[name], value) for name, value in given.items()}


def _value(path: Path, where: str, wanted: Any, value: Any) -> Any:
    name, default = wanted.name, wanted.default
    if name in ("hours", "quiet", "night_hours"):
        return _hours(path, where, name, value)
    if name == "digest_at":
        return _clock(path, where, name, value)
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise SettingsError(f'{path}: {where}{name} is a list, ["a", "b"]')
    wants = str if default is MISSING else type(default)
    fits = type(value) is wants or (wants is float and type(value) is int)
    if not fits:
        raise SettingsError(f"{path}: {where}{name}: {value!r:.40} is not what stands there")
    if wants is str and any(not letter.isprintable() for letter in value):
        raise SettingsError(f"{path}: {where}{name} holds a letter that cannot be printed")
    return value


def _hours(path: Path, where: str, name: str, value: object) -> Hours:
    begin, dash, end = str(value).partition("-")
    if not dash:
        raise SettingsError(f'{path}: {where}{name} is written "22:00-06:00"')
    return _clock(path, where, name, begin), _clock(path, where, name, end)


def _clock(path: Path, where: str, name: str, value: object) -> time:
    try:
        return time.fromisoformat(str(value).strip()).replace(tzinfo=None)
    except ValueError:
        raise SettingsError(f"{path}: {where}{name}: {value!r:.40} is no hour: 22:00") from None
