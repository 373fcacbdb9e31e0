"""Another detector's boxes, matched to the pictures of a card."""

from functools import lru_cache
from pathlib import Path

from db.core.engine import reading
from db.store.media import media_of
from flows.execution.databases import known_database
from pipeline.exchange.matching import Matched, match
from pipeline.exchange.megadetector import read_results
from pipeline.records import Detection


def boxes_for(path: str | None, database: str, batch_id: int) -> dict[str, list[Detection]] | None:
    """Boxes by the card's own paths; None where none were given."""
    return _matched(path, database, batch_id).boxes if path else None


def boxes_warnings(path: str | None, database: str, batch_id: int) -> tuple[str, ...]:
    """One line about boxes that match no picture, and pictures without; nothing where all fit."""
    if path is None:
        return ()
    info, found = read_results(Path(path))[1], _matched(path, database, batch_id)
    counts = {
        "entries match no picture": len(found.unknown),
        "pictures are not in it": len(found.missing),
        "entries failed there": len(info.failed),
        **{f"boxes left out ({why})": n for why, n in info.ignored.items()},
    }
    counted = [f"{n} {what}" for what, n in counts.items() if n]
    return (f"{path}: {', '.join(counted)}.",) if counted else ()


@lru_cache(maxsize=2)
def _matched(path: str, database: str, batch_id: int) -> Matched:
    boxes = read_results(Path(path))[0]
    with reading(known_database(database)) as conn:
        return match(boxes, [picture.path for picture in media_of(conn, batch_id)])
