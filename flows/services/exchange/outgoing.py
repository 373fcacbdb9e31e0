"""Results for other programs and portals: Darwin Core, Wildlife Insights, Timelapse, SpeciesNet,
GeoJSON and GeoPackage."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from db.core.engine import reading
from db.store.batches import all_batches, label_recipes
from db.store.reviewing.reviews import names_in_use
from flows.execution.databases import known_database
from flows.facts.package import gather
from flows.run_options import study_settings
from flows.steps.answers import taxa_in
from pipeline.errors import InputError
from pipeline.exchange.outgoing.darwin_core import Archive, export_archive
from pipeline.exchange.outgoing.geojson import write_geojson
from pipeline.exchange.outgoing.geopackage import write_geopackage
from pipeline.exchange.outgoing.layers import layers
from pipeline.exchange.outgoing.public import Places, public_places
from pipeline.exchange.outgoing.speciesnet import export_predictions
from pipeline.exchange.outgoing.timelapse import export_timelapse
from pipeline.exchange.outgoing.wildlife_insights import Upload, export_tables
from pipeline.exchange.package import Package
from pipeline.exchange.project import read_project
from pipeline.species.answers import Chain, taxa_of, with_wider
from pipeline.species.labelset import load_labelset, load_site_list
from pipeline.species.world import with_world

WRITERS = {".geojson": write_geojson, ".json": write_geojson, ".gpkg": write_geopackage}


@dataclass(frozen=True, slots=True)
class Sharing:
    """What goes out, and how exactly places are told."""

    batch: str | None = None  # None: every batch
    exact: bool = False
    protected: Path | None = None  # names, one a line: places where they were seen are rounded more
    people: bool = False  # people and vehicles too, where a format can hold them
    labels: str = "starter"  # the label set that knows which genus is in which family


@dataclass(frozen=True, slots=True)
class Written:
    """A file or folder that was written."""

    path: Path
    counts: Mapping[str, int]  # rows by table, and what was left out by reason
    rounded: int = 0  # deployments at places of protected species


class Results(NamedTuple):
    """What goes out of a database."""

    package: Package
    taxa: dict[str, Chain]
    places: Places


def export_darwin_core(
    database: str,
    file: Path,
    project: Path,
    sharing: Sharing,
    settings: str | None = None,
    media_url: str | None = None,
) -> Written:
    """A Darwin Core archive, a new .zip; InputError names what is missing, with nothing written."""
    bar = study_settings(settings).poaching.pixelate_bar
    described, found = read_project(project), results(database, sharing)
    archive = Archive(found.package, described, found.places, found.taxa, bar, media_url)
    return Written(file, export_archive(archive, file), len(found.places.guarded))


def export_wildlife_insights(
    database: str, folder: Path, project: Path, sharing: Sharing, media_url: str | None = None
) -> Written:
    """Wildlife Insights' four tables in a new folder."""
    described, found = read_project(project), results(database, sharing)
    upload = Upload(found.package, described, found.places, found.taxa, sharing.people, media_url)
    return Written(folder, export_tables(upload, folder), len(found.places.guarded))


def export_map(database: str, file: Path, sharing: Sharing) -> Written:
    """Stations and visits as a new .geojson or .gpkg."""
    if file.suffix.lower() not in WRITERS:
        raise InputError(f"{file}: name it .geojson or .gpkg, as what it shall be")
    found = results(database, sharing)
    drawn, left = layers(found.package, found.places, sharing.people)
    WRITERS[file.suffix.lower()](drawn, file)
    counts = {**{layer.name: len(layer.rows) for layer in drawn}, **left}
    return Written(file, counts, len(found.places.guarded))


def export_for_timelapse(database: str, folder: Path, batch: str | None = None) -> Written:
    """Timelapse's table and recognitions in a new folder."""
    with reading(known_database(database)) as conn:
        package = gather(conn, [batch] if batch else None)
    return Written(folder, export_timelapse(package, folder))


def export_speciesnet(database: str, file: Path, sharing: Sharing) -> Written:
    """The models' results as a new SpeciesNet predictions file."""
    found = results(database, sharing)
    return Written(file, export_predictions(found.package, found.taxa, file))


def results(database: str, sharing: Sharing) -> Results:
    """Pictures and visits, what is above each name, and places as exactly as they may be told."""
    protected = load_site_list(sharing.protected) if sharing.protected else frozenset()
    with reading(known_database(database)) as conn:
        package = gather(conn, [sharing.batch] if sharing.batch else None)
        taxa = _taxa(conn, sharing.labels)
    return Results(package, taxa, public_places(package, sharing.exact, protected, taxa))


def _taxa(conn: Connection, labels: str) -> dict[str, Chain]:
    """What is above each name: by the label set, else by the answers that names were taken
    from, else by the bundled names of the world."""
    taken = [
        chain
        for batch_id in all_batches(conn)
        for recipe in label_recipes(conn, batch_id)
        if "answers" in recipe
        for chain in taxa_in(recipe["answers"]).values()
    ]
    own = load_labelset(labels)
    return {
        **taxa_of(with_world(own, names_in_use(conn))),
        **with_wider(taken),
        **taxa_of(own),
    }
