"""The options of a run, defined once.

The command line's options, the parameters of the Prefect flow, their help, their checks and what a
run stores of them all come from the fields of these classes. Plain dataclasses, because they travel
to every worker, and because pydantic alone would take half as long to import as all of
`camtriage --help`; Prefect makes its pydantic schema from the same fields.
"""

import functools
import inspect
import os
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pipeline.errors import CardError, DatabaseError, SettingsError
from pipeline.settings import Settings, load_settings

DEFAULT_DATABASE = "sqlite:///camtriage.db"
LONGEST_NAME = 200  # bytes, of a batch: copies of its blanks lie in a folder of that name
MOST_THREADS = 1024

Options = TypeVar("Options", bound="NamingOptions")
Result = TypeVar("Result")


def study_settings(file: str | None) -> Settings:
    """A study's numbers, checked whole before anything is done; SettingsError names what is wrong,
    staff days and hours too."""
    from pipeline.poaching.scene import read_calendar  # here: every command imports this file

    settings = load_settings(Path(file) if file else None)
    try:
        read_calendar(settings.poaching)
    except SettingsError as why:
        raise SettingsError(f"{file}: {why}") from None
    return settings


def option(
    default: Any,
    help: str,
    metavar: str | None = None,
    within: tuple[int, int] | None = None,
    is_path: bool = False,
    secret: bool = False,
) -> Any:
    """A field with what the command line and Prefect say about it.

    is_path   a file or folder: another machine finds it by CAMTRIAGE_PATH_MAP
    secret    may hold a password: never shown, never stored
    """
    metadata = {
        "help": help,
        "metavar": metavar,
        "within": within,
        "is_path": is_path,
        "secret": secret,
    }
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class NamingOptions:
    """What names are made of: enough to label stored vectors again."""

    # empty: the database of the environment in which a step runs
    database: str = option(
        "",
        "Else CAMTRIAGE_DATABASE_URL, else camtriage.db here.",
        metavar="URL",
        secret=True,
    )
    settings: str | None = option(
        None, "The study's own numbers, a TOML file.", metavar="TOML", is_path=True
    )
    labels: str = option("starter", "Label set: a name, or a TOML file.", is_path=True)
    sites: str | None = option(
        None,
        "Species that may occur here, one a line.",
        metavar="FILE",
        is_path=True,
    )
    answers: str | None = option(
        None,
        "Another program's names for this card, in place of the labeller's: a file, or speciesnet, "
        "megadetector, ... for names that are here already.",
        metavar="FILE",
        is_path=True,
    )
    labeller: str = option(
        "starter",
        "starter, learned:NAME, hf-hub:ORG/REPO, local-dir:FOLDER, or an open_clip name.",
        is_path=True,
    )
    pretrained: str | None = option(None, "Tag or file for an open_clip name.", is_path=True)

    def load_settings(self) -> Settings:
        """The study's numbers, checked whole; SettingsError names what is wrong."""
        return study_settings(self.settings)

    def stored(self) -> dict[str, Any]:
        """What a run's row keeps of them, by name; its batch knows the card and its name."""
        left_out = {"card", "name"} | {f.name for f in fields(self) if f.metadata["secret"]}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}


@dataclass(frozen=True, kw_only=True)
class RunOptions(NamingOptions):
    """One card and how to process it. Raises SettingsError for a value that cannot be."""

    card: str = option("", "Folder of the card's pictures.", metavar="CARD", is_path=True)
    name: str | None = option(
        None, "Name of the batch; without one the card's content decides.", metavar="NAME"
    )
    deployments: str | None = option(
        None,
        "Camtrap DP deployments.csv: which camera was where, and when.",
        metavar="CSV",
        is_path=True,
    )
    frame: str = option("starter", "Frame model: starter, or a folder.", is_path=True)
    detector: str = option(
        "starter",
        "Detector of animals, people and vehicles: starter, none, a folder, or local:FILE.onnx.",
        is_path=True,
    )
    boxes: str | None = option(
        None,
        "Results of MegaDetector or SpeciesNet for this card, in place of the detector's.",
        metavar="JSON",
        is_path=True,
    )
    certificate: str | None = option(
        None,
        "Certificates of `camtriage certify` whose thresholds stand, parted by commas.",
        metavar="NAME",
    )
    file_date: bool = option(False, "Believe a file's own date if nothing else has one.")
    threads: int = option(0, "0: one per core.", within=(0, MOST_THREADS))

    def __post_init__(self) -> None:
        check_batch_name(self.name)
        for option_field in fields(self):
            if bounds := option_field.metadata["within"]:
                check_within(option_field.name, getattr(self, option_field.name), *bounds)

    def workers(self) -> int:
        """Threads that decode and score."""
        return self.threads or os.cpu_count() or 1

    def windows(self) -> int:
        """Windows in memory at once: while one is saved, another feeds the threads."""
        return min(self.workers(), 2 + self.workers() // 16)

    def here(self) -> "RunOptions":
        """The same with its folders and files as this machine sees them: CAMTRIAGE_PATH_MAP."""
        pairs = path_map(os.environ.get("CAMTRIAGE_PATH_MAP", ""))
        paths = {f.name: getattr(self, f.name) for f in fields(self) if f.metadata["is_path"]}
        mapped: dict[str, Any] = {k: _mapped(path, pairs) for k, path in paths.items() if path}
        return replace(self, **mapped)


def kept_settings(options: NamingOptions) -> dict[str, Any]:
    """What a run's row says of how it was made: the study's settings, and its options."""
    return {**options.load_settings().as_dict(), "options": options.stored()}


def check_within(name: str, value: int, low: int, high: int) -> None:
    """SettingsError unless low <= value <= high."""
    if not low <= value <= high:
        raise SettingsError(f"--{name} {value}: give a number from {low} to {high}")


def check_batch_name(name: str | None) -> None:
    """SettingsError where it cannot be shown on a line, or cannot name a folder."""
    if name and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise SettingsError("--name: holds characters that cannot be shown; use plain words")
    if name is not None and (not name.strip() or len(name.encode()) > LONGEST_NAME):
        raise SettingsError(f"--name: give a word of at most {LONGEST_NAME} bytes")


def parameters(
    kind: type[NamingOptions], only: Iterable[str] | None = None, leave_out: Iterable[str] = ()
) -> list[tuple["Field[Any]", inspect.Parameter]]:
    """The fields of an options class as keyword parameters of a function, in their order."""
    hints, skipped = get_type_hints(kind), set(leave_out)
    chosen = [f for f in fields(kind) if f.name not in skipped]
    if only is not None:
        chosen = [f for f in chosen if f.name in set(only)]
    chosen.sort(key=lambda f: f.name != "card")  # the one argument stands first
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [
        (f, inspect.Parameter(f.name, keyword, default=f.default, annotation=hints[f.name]))
        for f in chosen
    ]


def spread(
    function: Callable[..., Result],
    given: list[inspect.Parameter],
    make: Callable[..., NamingOptions],
) -> Callable[..., Result]:
    """`function(options, ...)` as a function with these parameters in place of `options`."""
    before = inspect.signature(function)
    _, *own = before.parameters.values()
    every = sorted((*given, *own), key=lambda p: p.default is not inspect.Parameter.empty)
    signature = before.replace(parameters=every)
    names = [parameter.name for parameter in given]

    @functools.wraps(function)
    def called(*args: Any, **more: Any) -> Result:
        values = signature.bind(*args, **more).arguments
        options = make(**{name: values.pop(name) for name in names if name in values})
        return function(options, **values)

    called.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    called.__annotations__["return"] = signature.return_annotation
    vars(called)["__signature__"] = signature
    return called


def path_map(text: str) -> list[tuple[str, str]]:
    """'/media/card=/mnt/nas/card;/data=/srv/data': where another machine's folders lie here."""
    pairs = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        there, equals, own = part.partition("=")
        if not (equals and there.strip("/\\") and own):
            raise SettingsError(
                f"CAMTRIAGE_PATH_MAP: {part}: write it as /media/card=/mnt/nas/card;/data=/srv/data"
            )
        pairs.append((there.rstrip("/\\"), own.rstrip("/\\")))
    return pairs


def _mapped(path: str, pairs: list[tuple[str, str]]) -> str:
    kind = next((kind for kind in ("local-dir:", "local:") if path.startswith(kind)), "")
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


def card_folder(path: str) -> Path:
    """The card's folder; CardError says why it cannot be one."""
    if not path:
        raise CardError("the card's folder: an empty word; is a variable of your script not set?")
    folder = Path(path)
    if not folder.exists():
        raise CardError(f"{path}: no such folder; is the card mounted?")
    if not folder.is_dir():
        raise CardError(f"{path}: not a folder; give the card's folder, not a file")
    return folder


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A batch in the database, and the recipes that this run works to."""

    batch_id: int
    batch: str
    run_id: int | None  # None: nothing is left to do, and nothing will be written
    look: int  # ids of recipes: of the frame scores,
    label: int  # of the labels,
    flag: int  # of the flags
    seed: str  # of the audit's draw: the batch and what shaped its scores
    notes: tuple[str, ...] = ()  # what else was saved with the card, a sentence each
    stream: bool = False  # pictures come one by one: earlier ones are their background
    careful: tuple[int, ...] = ()  # windows that two runs died over: decoded in a child process
