"""The key of Prefect's API: who has it can make every worker run any command."""

import os
import secrets
import urllib.error
import urllib.request
from pathlib import Path

from pipeline.errors import SettingsError

FILE = "api.key"  # in Prefect's home
GIVEN = ("PREFECT_API_AUTH_STRING", "PREFECT_API_KEY")  # by the user, who then knows better


def key_file() -> Path:
    """Where this user's key lies, made by `camtriage server`."""
    return Path(os.environ["PREFECT_HOME"]) / FILE


def place_of_key() -> str:
    """Where a person reads the key."""
    kept = kept_key()
    return str(key_file()) if kept and kept == made_key() else f"${GIVEN[0]}"


def made_key() -> str:
    """The key of this user, "camtriage:..."; made with mode 600 where there is none yet."""
    if found := os.environ.get(GIVEN[0]) or kept_key():
        return found
    try:
        handle = os.open(key_file(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SettingsError(f"{key_file()}: holds no key; remove it, a new one is made") from None
    with os.fdopen(handle, "w") as file:
        file.write(key := f"camtriage:{secrets.token_urlsafe(32)}")
    return key


def kept_key() -> str | None:
    """What the file holds. SettingsError where others on this machine can read it."""
    file = key_file()
    if not file.exists():
        return None
    if os.name != "nt" and file.stat().st_mode & 0o077:
        raise SettingsError(f"{file}: others can read this key: chmod 600 {file}, or remove it")
    return file.read_text("utf-8").strip() or None


def take_key() -> None:
    """Let Prefect's clients in this process, and those it starts, use the kept key."""
    if not any(os.environ.get(name) for name in GIVEN) and (key := kept_key()):
        os.environ[GIVEN[0]] = key


def is_open(api: str) -> bool:
    """Whether the API answers who shows no key. OSError: it does not answer at all."""
    try:
        urllib.request.urlopen(f"{api}/admin/version", timeout=60).close()
    except urllib.error.HTTPError as refused:
        refused.close()
        return False
    return True
