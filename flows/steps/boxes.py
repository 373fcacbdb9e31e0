"""Another detector's boxes, matched to the pictures of a card. Its file is read once in a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from db.core.engine import reading
from db.store.media import media_of
from flows.execution.databases import known_database
from flows.run_options import RunOptions
from pipeline.errors import SettingsError
from pipeline.exchange.matching import match
from pipeline.exchange.megadetector import ReadInfo, read_results
from pipeline.records import Detection

_ONE_AT_A_TIME = Lock()  # threads that ask at once would read the file as often


@dataclass(frozen=True, slots=True)
class _Fit:
    """What a results file has for one card."""

    info: ReadInfo
    boxes: Mapping[str, list[Detection]]  # by the card's own paths
    unknown: int  # entries that are no picture of the card
    missing: int  # pictures of the card that it does not have


def check_boxes(path: str) -> None:
    """SettingsError in one line for a file that is none; what was read is kept for the run."""
    _results(path)


def refuse_strangers(path: str | None, paths: Iterable[str]) -> None:
    """SettingsError where no entry of a results file is a picture of this card."""
    if path is None:
        return
    boxes, info = _results(path)
    names = [*boxes, *info.failed]
    ours = list(paths)
    if match(dict.fromkeys(names), ours).found:
        return
    forget_boxes()
    if not names:
        raise SettingsError(f"{path}: no picture in it; give this card's, or no --boxes")
    raise SettingsError(
        f"{path}: none of its {len(names)} entries is a picture of this card (it has "
        f"{names[0]}, the card {ours[0] if ours else 'no picture'}): nothing was saved; give the "
        "results of this card, made from its folder or from one above or below"
    )


def forget_boxes() -> None:
    """Give the memory of a results file back: a season's has hundreds of megabytes."""
    _read.cache_clear()


def boxes_for(
    path: str | None, database: str, batch_id: int
) -> Mapping[str, list[Detection]] | None:
    """Boxes by the card's own paths; None where none were given."""
    return _matched(path, database, batch_id).boxes if path else None


def boxes_warnings(options: RunOptions, batch_id: int) -> tuple[str, ...]:
    """One line about boxes that match no picture, and pictures without; nothing where all fit."""
    path = options.boxes
    if path is None:
        return ()
    fit = _matched(path, options.database, batch_id)
    names = 0 if options.answers else fit.info.names
    counts = {
        "entries match no picture": fit.unknown,
        "pictures are not in it": fit.missing,
        "entries failed there": len(fit.info.failed),
        "entries stand there twice (done counts before failed, then the later)": fit.info.twice,
        f"entries have a name, too: --answers {path} takes those": names,
        **{f"boxes left out ({why})": n for why, n in fit.info.ignored.items()},
    }
    counted = [f"{n} {what}" for what, n in counts.items() if n]
    return (f"{path}: {', '.join(counted)}.",) if counted else ()


def _matched(path: str, database: str, batch_id: int) -> _Fit:
    with _ONE_AT_A_TIME:
        return _fit(path, database, batch_id, *changed_at_and_size(path))


@lru_cache(maxsize=2)
def _fit(path: str, database: str, batch_id: int, changed_at: int, size: int) -> _Fit:
    boxes, info = _read(path, changed_at, size)
    with reading(known_database(database)) as conn:
        found = match(boxes, [picture.path for picture in media_of(conn, batch_id)])
    forget_boxes()
    return _Fit(info, found.found, len(found.unknown), len(found.missing))


def _results(path: str) -> tuple[dict[str, list[Detection]], ReadInfo]:
    return _read(path, *changed_at_and_size(path))


def changed_at_and_size(path: str) -> tuple[int, int]:
    """When a file was changed last, and its size: another file of that name is read again."""
    try:
        stat = Path(path).stat()
    except OSError:
        return 0, 0  # read_results says what is wrong
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=1)
def _read(path: str, _changed_at: int, _size: int) -> tuple[dict[str, list[Detection]], ReadInfo]:
    return read_results(Path(path))
