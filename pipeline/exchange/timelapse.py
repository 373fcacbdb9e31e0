"""Labels made in Timelapse: its table as rows that `review import` knows.

Timelapse names a picture by File and RelativePath (backslashes, empty at the root), and a project
chooses its own columns: here Species, Count, Empty, Note and Analyst are understood. Whoever writes
no observation_type says by Species and Empty what a picture shows.
"""

from dataclasses import replace

from pipeline.tables.reader import FLAGS, Row, Table

INSTEAD = {"note": "comment", "notes": "comment", "analyst": "reviewer"}  # as read_table's
BLANK = {"blank", "empty", "nothing", "none", "no animal", "nil"}
HUMAN = {"human", "person", "people", "homo sapiens"}
VEHICLE = {"vehicle", "car"}


def understood(table: Table) -> Table:
    """The table with path and observation_type where it says them in Timelapse's way."""
    columns = {name.replace("_", "").replace(" ", "").casefold(): name for name in table.headings}
    file, folder, empty = (columns.get(name) for name in ("file", "relativepath", "empty"))
    headings = dict(table.headings)
    if file and not {"media_id", "path"} & headings.keys():
        headings["path"] = headings[file]
        for row in table.rows:
            if name := row.text(file):
                where = row.text(folder) if folder else None
                row.cells["path"] = f"{where}/{name}" if where else name
    if "observation_type" not in headings and {"scientific_name", empty} & headings.keys():
        headings["observation_type"] = headings[empty or "scientific_name"]
        for row in table.rows:
            _say(row, empty)
    return replace(table, headings=headings)


def other_paths(row: Row, path: str) -> list[str]:
    """Where a picture that is not at `path` may lie: by Windows' strokes, or a folder above."""
    plain = path.replace("\\", "/")
    root = row.text("RootFolder")
    return [plain, *([f"{root}/{plain}"] if root else [])]


def _say(row: Row, empty: str | None) -> None:
    """observation_type of a row by Species and Empty; a row with neither is not filled in."""
    word = (row.text("scientific_name") or "").casefold()
    is_empty = bool(empty and FLAGS.get((row.text(empty) or "").casefold()))
    kinds = (("blank", BLANK), ("human", HUMAN), ("vehicle", VEHICLE))
    said = next((kind for kind, words in kinds if word in words), "animal" if word else None)
    said = said or ("blank" if is_empty else None)
    if said:
        row.cells["observation_type"] = said
    unsaid = {"blank": ("scientific_name",), "vehicle": ("scientific_name",)}
    for name in unsaid.get(said, ()) if said else ("count", "comment"):
        row.cells.pop(name, None)
