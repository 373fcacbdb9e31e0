"""Secrets of channels: from the environment or a block of Prefect, and out of every text."""

import os
from typing import Any

from pipeline.alerts.channels import Channel
from pipeline.errors import SettingsError


def secret_of(channel: Channel) -> str:
    """What `secret` names; empty without one. SettingsError where it is not there."""
    return secret_at(channel.secret, f"channel {channel.name}")


def secret_at(place: str, whose: str) -> str:
    """The same of env:NAME or block:NAME. whose: for the error, channel hook, say"""
    kind, _, name = place.partition(":")
    if not name:
        return ""
    found = os.environ.get(name, "") if kind == "env" else _block(name)
    if not found:
        where = "the environment has no" if kind == "env" else "Prefect has no block"
        raise SettingsError(f"{whose}: its secret is missing: {where} {name}")
    return found


def _block(name: str) -> str:
    from flows.execution.environment import prepare_prefect

    prepare_prefect()
    from prefect.blocks.system import Secret

    load: Any = Secret.load  # by itself it would hand out a promise inside a flow
    try:
        return str(load(name, _sync=True).get())
    except ValueError:  # no such block
        return ""


def without(text: str, secret: str) -> str:
    """A text without the secret, in one line of at most 300 letters."""
    line = " ".join(text.split())
    for part in (secret, secret.partition(":")[2]):  # a token of Telegram stands in its address
        if len(part) >= 4:
            line = line.replace(part, "***")
    return "".join(letter for letter in line if letter.isprintable())[:300]
