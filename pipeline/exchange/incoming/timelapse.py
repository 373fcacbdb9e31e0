"""Timelapse's CSV: File, RelativePath, DateTime, and the columns that a project chose for itself.

A small TOML says which column is what:

    [columns]
    scientific_name = "Species"
    count = "How many"
    deployment = "Camera"      # else the folder is the deployment
    [names]
    "Roe deer" = "Capreolus capreolus"
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.exchange.incoming.dataset import (
    DataSet,
    LeftOut,
    Seen,
    camera_time,
    unknown_columns,
)
from pipeline.exchange.incoming.words import choice, kind_of
from pipeline.records import LIFE_STAGES, SEXES, Deployment, NamedPicture
from pipeline.tables.reader import FLAGS, Row, Table, read_table
from pipeline.toml import read_toml

OURS = {  # our names, and Timelapse's usual columns for them
    "scientific_name": "species",
    "count": "count",
    "empty": "empty",
    "deployment": "deployment",
    "comment": "note",
    "reviewer": "analyst",
    "life_stage": "lifestage",
    "sex": "sex",
    "behavior": "behavior",
    "individual_id": "individualid",
}
NEEDED = ("File", "RelativePath", "DateTime")
OF_THE_PROGRAM = frozenset((*NEEDED, *OURS, "RootFolder", "DeleteFlag", "ImageQuality"))
MOST_ANIMALS = 1_000_000


def read(table_path: Path, name: str | None = None, columns: Path | None = None) -> DataSet:
    """The table; SettingsError names every faulty row, and what in `columns` is not in it."""
    if table_path.is_dir():
        table_path = _only_table(table_path)
    mapped, names = _mapping(columns)
    also = {_plain(heading): ours for ours, heading in mapped.items()}
    usual = {heading: ours for ours, heading in OURS.items() if ours not in mapped}
    table = read_table(table_path, NEEDED, (), also, instead=usual)
    absent = [heading for ours, heading in mapped.items() if ours not in table.headings]
    if absent:
        raise SettingsError(f"{columns}: no column {', '.join(absent)} in {table_path}")
    if not {"scientific_name", "empty"} & table.headings.keys():
        raise SettingsError(
            f"{table_path}: no column Species: name the one that holds the labels with --columns, "
            'a TOML file: [columns] scientific_name = "..."'
        )
    left_out = LeftOut()
    data_set = name or table_path.stem
    pictures: dict[str, NamedPicture] = {}
    seen = list(_observations(table, data_set, names, pictures, left_out))
    table.faults.refuse()
    homes = sorted({picture.deployment_id for picture in pictures.values()})
    return DataSet(
        name=data_set,
        form="Timelapse",
        deployments=tuple(Deployment(home, source="folder") for home in homes),
        pictures=tuple(pictures.values()),
        seen=tuple(seen),
        rows={"pictures": len(table.rows)},
        unknown=unknown_columns(table, OF_THE_PROGRAM),
        left_out=left_out.counts(),
    )


def _only_table(folder: Path) -> Path:
    found = sorted(folder.glob("*.csv"))
    if len(found) != 1:
        raise SettingsError(f"{folder}: holds {len(found)} tables: give the CSV itself")
    return found[0]


def _mapping(path: Path | None) -> tuple[dict[str, str], dict[str, str]]:
    """(headings by our names of columns, scientific names by labels)."""
    if path is None:
        return {}, {}
    given = read_toml(path)
    if strange := given.keys() - {"columns", "names"}:
        raise SettingsError(f"{path}: unknown {', '.join(sorted(strange))}; known: columns, names")
    found = []
    for part in ("columns", "names"):
        pairs = given.get(part, {})
        if not isinstance(pairs, Mapping) or not all(isinstance(v, str) for v in pairs.values()):
            raise SettingsError(f'{path}: [{part}] holds lines like: this = "that"')
        found.append({str(key): str(value) for key, value in pairs.items()})
    columns, names = found
    if strange := columns.keys() - OURS.keys():
        known = ", ".join(OURS)
        raise SettingsError(f"{path}: unknown column {', '.join(sorted(strange))}; known: {known}")
    return columns, {key.casefold(): value for key, value in names.items()}


def _observations(
    table: Table,
    data_set: str,
    names: Mapping[str, str],
    pictures: dict[str, NamedPicture],
    left_out: LeftOut,
) -> Iterator[Seen]:
    for row in table.rows:
        file = row.filled("File")
        folder = (row.named("RelativePath") or "").replace("\\", "/").strip("/")
        path = f"{folder}/{file}" if folder else file
        home = row.named("deployment") or folder or data_set
        at, _ = camera_time(row.time("DateTime", offset=False), None)
        if path not in pictures:
            pictures[path] = NamedPicture(path, home, path, file, at)
        picture = pictures[path]
        label = row.named("scientific_name") or ""
        kind, name = _taxon(row, label, names)
        animal = kind in ("animal", "human")
        yield Seen(
            deployment_id=picture.deployment_id,
            picture=path,
            event=None,
            started_at=picture.taken_at,
            ended_at=picture.taken_at,
            observation_type=kind,
            name=name,
            count=row.whole("count", 0, MOST_ANIMALS) or None if kind != "blank" else None,
            life_stage=choice(row, "life_stage", LIFE_STAGES, left_out) if animal else None,
            sex=choice(row, "sex", SEXES, left_out) if animal else None,
            behavior=row.named("behavior") if animal else None,
            individual_id=row.named("individual_id") if animal else None,
            by=row.named("reviewer"),
            comment=row.text("comment"),
        )


def _taxon(row: Row, label: str, names: Mapping[str, str]) -> tuple[str, str | None]:
    """(observation type, name); unclassified where nobody filled the row in."""
    if not label:
        empty = FLAGS.get((row.text("empty") or "").casefold())
        return ("blank" if empty else "unclassified"), None
    name = names.get(label.casefold(), label)
    kind = kind_of(name)
    return kind, name if kind == "animal" else None


def _plain(heading: str) -> str:
    return "".join(heading.split()).replace("_", "").casefold()
