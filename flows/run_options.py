"""What was asked for, checked before anything is written."""

import os
import unicodedata
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from pipeline.errors import CardError, DatabaseError, SettingsError
from pipeline.settings import Settings, load_settings

DEFAULT_DATABASE = "sqlite:///camtriage.db"
LONGEST_NAME = 200  # bytes, of a batch: copies of its blanks lie in a folder of that name
MOST_THREADS = 1024


@dataclass(frozen=True, slots=True)
class Job:
    """One card and how to look at it. Plain values, so that it travels to any worker."""

    card: str  # folder
    name: str | None = None  # of the batch; None: the card's content decides whether it is known
    # may hold a password; empty: the one of the environment where a step runs
    database: str = field(default=DEFAULT_DATABASE, repr=False)
    settings: str | None = None  # TOML file
    deployments: str | None = None  # Camtrap DP deployments.csv
    labels: str = "starter"  # name of a label set, or a TOML file
    sites: str | None = None  # species that may occur here
    frame: str = "starter"  # frame model: name or folder
    labeller: str = "starter"  # open_clip model: starter, name, hf-hub:..., local-dir:...
    pretrained: str | None = None  # tag or file, for open_clip's own names
    boxes: str | None = None  # MegaDetector results for this card
    threads: int = 0  # 0: one per core
    file_date: bool = False  # believe a file's own date where nothing else has one

    def workers(self) -> int:
        return self.threads or os.cpu_count() or 1

    def windows(self) -> int:
        """In memory at once: while one is summed up and saved, another feeds the threads."""
        return min(self.workers(), 2 + self.workers() // 16)

    def load_settings(self) -> Settings:
        from pipeline.poaching.scene import read_calendar  # here: every command imports this room

        found = load_settings(Path(self.settings) if self.settings else None)
        read_calendar(found.poaching)  # a slip in it is told before anything is done
        return found

    def here(self) -> "Job":
        """The same with its folders and files as this machine sees them: CAMTRIAGE_PATH_MAP."""
        pairs = path_map(os.environ.get("CAMTRIAGE_PATH_MAP", ""))
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        mapped = {
            name: _mapped(value, pairs)
            for name, value in given.items()
            if isinstance(value, str) and name not in ("name", "database")
        }
        return replace(self, **mapped) if pairs else self


def path_map(text: str) -> list[tuple[str, str]]:
    """'/media/card=/mnt/nas/card;/data=/srv/data': where another machine's folders lie here."""
    pairs = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        there, equals, own = part.partition("=")
        if not (equals and there.strip("/\\") and own):
            raise SettingsError(
                f"CAMTRIAGE_PATH_MAP: {part}: write it as /media/card=/mnt/nas/card;/data=/srv/data"
            )
        pairs.append((there.rstrip("/\\"), own.rstrip("/\\")))
    return pairs


def _mapped(path: str, pairs: list[tuple[str, str]]) -> str:
    kind = "local-dir:" if path.startswith("local-dir:") else ""
    bare = path.removeprefix(kind)
    for there, own in pairs:
        rest = bare.removeprefix(there)
        if rest != bare and rest[:1] in ("", "/", "\\"):
            return kind + own + rest.replace("\\", "/")
    return path


def database_url(given: str | None) -> str:
    """--database, else CAMTRIAGE_DATABASE_URL, else camtriage.db here."""
    if given == "":
        raise DatabaseError("--database: an empty word; is a variable of your script not set?")
    url = given or os.environ.get("CAMTRIAGE_DATABASE_URL") or DEFAULT_DATABASE
    if "://" not in url:
        shown = "--database:" if "@" in url else f"{url}:"  # it may hold a password
        raise DatabaseError(
            f"{shown} not a database URL; write sqlite:///FILE or postgresql://user@host/name"
        )
    return url


def batch_name(given: str | None) -> str | None:
    """--name, unless it holds what ends a line or commands a terminal, or can name no folder."""
    if given and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in given):
        raise SettingsError("--name: holds characters that cannot be shown; use plain words")
    if given is not None and (not given.strip() or len(given.encode()) > LONGEST_NAME):
        raise SettingsError(f"--name: give a word of at most {LONGEST_NAME} bytes")
    return given


def card_folder(path: str) -> Path:
    """The card's folder, or one line that says why it cannot be one."""
    if not path:
        raise CardError("the card's folder: an empty word; is a variable of your script not set?")
    folder = Path(path)
    if not folder.exists():
        raise CardError(f"{path}: no such folder; is the card mounted?")
    if not folder.is_dir():
        raise CardError(f"{path}: not a folder; give the card's folder, not a file")
    return folder


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch in the database, and the recipes that this run works to."""

    batch_id: int
    batch: str
    run_id: int | None  # None: nothing is left to do, and nothing will be written
    look: int  # ids of recipes
    label: int
    flag: int
    seed: str  # of the audit's draw: the batch and what shaped its scores
    careful: tuple[int, ...] = ()  # windows that two runs died over: decoded in a child process
