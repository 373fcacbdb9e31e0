"""For Timelapse: a table that it imports into its own, and recognitions that it shows.

It finds pictures by RelativePath (backslashes, empty at the root) and File, from the folder that it
opens: the card. One row a picture is all that it has, so what else was seen stands in Note.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.exchange.megadetector import export_results
from pipeline.exchange.package import Package, Picture
from pipeline.exchange.paths import free_text
from pipeline.tables.whole import whole_folder
from pipeline.tables.writer import write_table

COLUMNS = (
    *("File", "RelativePath", "DateTime", "DeleteFlag", "Species", "Count", "Empty"),
    *("Sex", "LifeStage", "Behavior", "Individual", "Analyst", "Confidence", "Note"),
)
TABLE, RECOGNITIONS = "timelapse.csv", "timelapse_recognitions.json"
WORDS = {"human": "human", "vehicle": "vehicle", "unknown": "unknown"}
Row = dict[str, object]  # by column


def export_timelapse(package: Package, folder: Path) -> dict[str, int]:
    """Write table and recognitions into a folder, from where they are copied beside the pictures.

    Returns rows and boxes.
    """
    with whole_folder(folder, "files") as to:
        boxes = export_results(package, to / RECOGNITIONS)
        rows = [row for picture in package.pictures for row in _rows(picture)]
        cells = ([_cell(row.get(name)) for name in COLUMNS] for row in rows)
        count = write_table(to / TABLE, COLUMNS, cells)
    return {"pictures": count, "boxes": boxes["boxes"]}


def _rows(picture: Picture) -> Iterator[Row]:
    """A row for each place where the picture lies."""
    seen, further = picture.observation, picture.further
    kind = seen.observation_type
    word = seen.name or kind if kind == "animal" else WORDS.get(kind)
    others = [f"also {other.name or other.observation_type}" for other in further]
    known = kind != "unclassified"
    for path in (picture.path, *picture.copies):
        place, _, file = path.rpartition("/")
        yield {
            "File": file,
            "RelativePath": place.replace("/", "\\"),
            "DateTime": picture.taken_at.replace(microsecond=0) if picture.taken_at else None,
            "DeleteFlag": "false",
            "Species": word,
            "Count": seen.count or None,
            "Empty": ("true" if kind == "blank" else "false") if known else None,
            "Sex": seen.sex,
            "LifeStage": seen.life_stage,
            "Behavior": seen.behavior,
            "Individual": seen.individual_id,
            "Analyst": seen.by,
            "Confidence": None if seen.probability is None else f"{seen.probability:.2f}",
            "Note": "; ".join(filter(None, (seen.comment, *others))) or None,
        }


def _cell(value: object) -> object:
    return free_text(value) if isinstance(value, str) else value
