"""Wildlife Insights' download: deployments.csv, images.csv, cameras.csv and projects.csv.

A picture has a row for each thing that was seen on it. Who identified it is a person unless the
column says computer vision.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.card.deployment_table import read_whole
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

RANKS = ("class", "order", "family", "genus")
MACHINES = ("computer vision", "cv", "ai")
READ = (
    *("deployment_id", "image_id", "filename", "location", "is_blank", "identified_by"),
    *(*RANKS, "species", "common_name", "timestamp", "age", "sex", "individual_id"),
    *("number_of_objects", "group_size", "individual_animal_notes", "behavior", "cv_confidence"),
    "sequence_id",
)
KNOWN = frozenset((*READ, "project_id", "wi_taxon_id", "uncertainty", "license", "markings"))
KNOWN |= {"highlighted", "bounding_boxes", "animal_recognizable"}
MOST_ANIMALS = 1_000_000


def read(folder: Path, name: str | None = None) -> DataSet:
    """The download in a folder; SettingsError names every faulty row."""
    given = read_whole(folder / "deployments.csv")
    models = _camera_models(folder / "cameras.csv")
    deployments = tuple(
        replace(
            place,
            location_id=place.location_id or place.location_name,
            camera_model=place.camera_model or models.get(place.camera_id or ""),
        )
        for place in given.deployments
    )
    places = {place.deployment_id: place for place in deployments}
    left_out = LeftOut()
    unknown: list[str] = []
    pictures: dict[str, NamedPicture] = {}
    seen: list[Seen] = []
    ranks: dict[str, str] = {}
    rows = 0
    for path in images(folder):
        table = read_table(path, ("deployment_id", "image_id", "timestamp"), READ)
        rows += len(table.rows)
        unknown += unknown_columns(table, KNOWN)
        seen += _observations(table, places, pictures, ranks, left_out)
        table.faults.refuse()
    return DataSet(
        name=name or _project(folder / "projects.csv") or folder.name,
        form="Wildlife Insights",
        deployments=deployments,
        pictures=tuple(pictures.values()),
        seen=tuple(seen),
        outages=given.outages,
        ranks=ranks,
        rows={"deployments": len(places), "images": rows},
        unknown=tuple(unknown),
        left_out=left_out.counts(),
    )


def images(folder: Path) -> list[Path]:
    """images.csv, or the parts that a large project comes in."""
    return sorted(path for path in folder.glob("*.csv") if path.name.lower().startswith("images"))


def _observations(
    table: Table,
    places: Mapping[str, Deployment],
    pictures: dict[str, NamedPicture],
    ranks: dict[str, str],
    left_out: LeftOut,
) -> Iterator[Seen]:
    for row in table.rows:
        home, image = row.filled("deployment_id"), row.filled("image_id")
        if home not in places:
            left_out.add("images of a deployment that is not in deployments.csv", home)
            continue
        at, offset = camera_time(row.time("timestamp"), places[home])
        if image not in pictures:
            path = row.text("location") or row.text("filename") or image
            file = row.text("filename") or path.rpartition("/")[2]
            pictures[image] = NamedPicture(
                image, home, path, file, at, offset, event=row.named("sequence_id")
            )
        yield _observation(row, pictures[image], ranks, left_out)


def _observation(row: Row, picture: NamedPicture, ranks: dict[str, str], left_out: LeftOut) -> Seen:
    kind, name, rank = _taxon(row)
    if name and rank:
        ranks[name] = rank
    by = row.named("identified_by")
    machine = (by or "").casefold() in MACHINES
    one = row.whole("number_of_objects", 0, MOST_ANIMALS)
    count = one or row.whole("group_size", 0, MOST_ANIMALS) or None
    animal = kind in ("animal", "human")
    return Seen(
        deployment_id=picture.deployment_id,
        picture=picture.source_id,
        event=picture.event,
        started_at=picture.taken_at,
        ended_at=picture.taken_at,
        observation_type=kind,
        name=name,
        count=count if kind != "blank" else None,
        life_stage=choice(row, "age", LIFE_STAGES, left_out) if animal else None,
        sex=choice(row, "sex", SEXES, left_out) if animal else None,
        behavior=row.named("behavior") if animal else None,
        individual_id=row.named("individual_id") if animal else None,
        method="machine" if machine else "human",
        by=by,
        probability=row.number("cv_confidence", 0, 1) if machine else None,
        comment=row.text("individual_animal_notes"),
    )


def _taxon(row: Row) -> tuple[str, str | None, str | None]:
    """(observation type, scientific name, its rank): as narrow as it was identified."""
    if FLAGS.get((row.text("is_blank") or "").casefold()):
        return "blank", None, None
    genus, species = row.named("genus"), row.named("species")
    common = kind_of(row.text("common_name") or "")
    if genus and genus.casefold() == "homo":
        return "human", "Homo sapiens" if species else "Homo", "species" if species else "genus"
    if genus and species:
        return "animal", f"{genus} {species}", "species"
    for rank in reversed(RANKS):
        if name := row.named(rank):
            kind = kind_of(name)
            return (kind, name, rank) if kind == "animal" else (kind, None, None)
    said = row.text("common_name")
    return (common, None, None) if said else ("unclassified", None, None)


def _camera_models(path: Path) -> dict[str, str]:
    """Make and model by camera_id."""
    if not path.is_file():
        return {}
    table = read_table(path, ("camera_id",), ("make", "model"))
    return {
        row.filled("camera_id"): " ".join(filter(None, (row.text("make"), row.text("model"))))
        for row in table.rows
    }


def _project(path: Path) -> str | None:
    if not path.is_file():
        return None
    table = read_table(path, (), ("project_id", "project_short_name", "project_name"))
    names = ("project_short_name", "project_name", "project_id")
    told = [row.named(name) for row in table.rows for name in names]
    if len(table.rows) > 1:
        raise SettingsError(f"{path}: {len(table.rows)} projects: import each by itself")
    return next(filter(None, told), None)
