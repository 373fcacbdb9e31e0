"""Wildlife Insights' four tables for bulk upload: projects, cameras, deployments, images.

An image has a row for each observation of a picture. What only people who know the project can tell
(its number there, bait, sensor height ...) comes from project.toml or stays empty.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError
from pipeline.exchange.outgoing.public import PEOPLE, Places
from pipeline.exchange.outgoing.taxonomy import RANKS, chain_of, epithet
from pipeline.exchange.package import Observation, Package, Picture
from pipeline.exchange.paths import file_path, free_text
from pipeline.exchange.project import Project
from pipeline.records import DayAlone, Deployment
from pipeline.species.answers import Taxa
from pipeline.tables.whole import whole_folder
from pipeline.tables.writer import write_table

PROJECTS = (
    *("project_id", "project_name", "project_objectives", "project_species"),
    *("project_species_individual", "project_sensor_layout"),
    *("project_sensor_layout_targeted_type", "project_bait_use", "project_bait_type"),
    *("project_stratification", "project_stratification_type", "project_sensor_method"),
    *("project_individual_animals", "project_blank_images", "project_sensor_cluster"),
    *("project_admin", "project_admin_email", "project_admin_organization", "country_code"),
    *("embargo", "initiative_id", "metadata_license", "image_license"),
)
CAMERAS = ("project_id", "camera_id", "make", "model", "serial_number", "year_purchased")
DEPLOYMENTS = (
    *("project_id", "deployment_id", "placename", "longitude", "latitude", "start_date"),
    *("end_date", "bait_type", "bait_description", "feature_type", "feature_type_methodology"),
    *("camera_id", "quiet_period", "camera_functioning", "sensor_height", "height_other"),
    *("sensor_orientation", "orientation_other", "recorded_by"),
)
IMAGES = (
    *("project_id", "deployment_id", "image_id", "location", "identified_by", "wi_taxon_id"),
    *("class", "order", "family", "genus", "species", "common_name", "uncertainty"),
    *("timestamp", "number_of_objects", "highlighted", "age", "sex", "animal_recognizable"),
    *("individual_id", "individual_animal_notes", "markings"),
)
TAXON = {  # Wildlife Insights' own numbers of what is no animal, and of what nobody could name
    "blank": ("f1856211-cfb7-4a5b-9158-c0f72fd09ee6", "Blank"),
    "unknown": ("f2efdae9-efb8-48fb-8a91-eccf79ab4ffb", "No CV Result"),
    "vehicle": ("e2895ed5-780b-48f6-8a11-9e27cb594511", "Vehicle"),
    "animal": ("1f689929-883d-4dae-958c-3d57ab5b6c16", "Animal"),
    "human": ("990ae9dd-7a59-4344-afcb-1b7b21368000", "Human"),
}
LAYOUTS = {
    "simpleRandom": "Randomized",
    "systematicRandom": "Systematic",
    "clusteredRandom": "Randomized",
    "targeted": "Targeted",
    "opportunistic": "Convenience",
}
MACHINE = "Computer vision"  # how identified_by tells a model from a person there
METHODS = {"both": "Both", "activityDetection": "Sensor Detection", "timeLapse": "Time Lapse"}
AGES = {"adult": "Adult", "subadult": "Subadult", "juvenile": "Juvenile"}
SEXES = {"female": "Female", "male": "Male"}
Row = dict[str, object]  # by column


@dataclass(frozen=True, slots=True)
class Upload:
    """All that the tables are made of."""

    package: Package
    project: Project
    places: Places
    taxa: Taxa
    people: bool = False  # rows of people and vehicles too
    media_url: str | None = None  # where the pictures lie, before their paths (gs://bucket/folder/)


def export_tables(upload: Upload, folder: Path) -> dict[str, int]:
    """Write the four tables into a folder. Returns rows of each, and what was left out.

    Raises InputError where a deployment has no place or period.
    """
    places = upload.package.deployments
    _refuse_incomplete(places)
    images, left = _images(upload)
    cameras = {row["camera_id"]: row for row in map(_camera, places)}
    tables = (
        ("projects", PROJECTS, [_project(upload.project)]),
        ("cameras", CAMERAS, [*cameras.values()]),
        (
            "deployments",
            DEPLOYMENTS,
            [_deployment(d, upload.places) for d in upload.package.deployments],
        ),
        ("images", IMAGES, images),
    )
    same = {"project_id": _project_id(upload.project)}
    counts = {}
    with whole_folder(folder, "tables") as to:
        for name, columns, rows in tables:
            cells = ([_cell({**row, **same}.get(column)) for column in columns] for row in rows)
            counts[name] = write_table(to / f"{name}.csv", columns, cells, as_it_is=True)
    return {**counts, **{what: n for what, n in left.items() if n}}


def _refuse_incomplete(deployments: tuple[Deployment, ...]) -> None:
    lacking = [
        place.deployment_id
        for place in deployments
        if None in (place.latitude, place.longitude, place.started_at, place.ended_at)
    ]
    if lacking:
        raise InputError(
            f"Wildlife Insights needs place and period of {', '.join(lacking)}: write them out "
            "with camtriage deployments list > deployments.csv, fill them in, and read them back "
            "with camtriage deployments import; nothing was written"
        )
    if not deployments:
        raise InputError("nothing to export: no deployment has pictures here")


def _project_id(project: Project) -> str:
    about = project.project
    return str(about.get("id") or project.package.get("name") or about["title"])


def _project(project: Project) -> Row:
    about, admin = project.project, project.contributors[0]
    ways = about["captureMethod"]
    rights = {license["scope"]: license.get("name") for license in project.licenses}
    return {
        "project_name": about["title"],
        "project_objectives": about.get("description"),
        "project_sensor_layout": LAYOUTS.get(str(about["samplingDesign"])),
        "project_sensor_method": METHODS["both" if len(ways) > 1 else ways[0]],
        "project_individual_animals": "Yes" if about["individualAnimals"] else "No",
        "project_blank_images": "No",
        "project_sensor_cluster": "No",
        "project_admin": admin["title"],
        "project_admin_email": admin.get("email"),
        "project_admin_organization": admin.get("organization"),
        "metadata_license": rights.get("data"),
        "image_license": rights.get("media"),
    }


def _camera(place: Deployment) -> Row:
    return {"camera_id": _camera_id(place), "model": place.camera_model}


def _camera_id(place: Deployment) -> str:
    """A deployment whose camera is not known has one of its own."""
    return place.camera_id or f"camera of {place.deployment_id}"


def _deployment(place: Deployment, places: Places) -> Row:
    latitude, longitude, *_ = places.of(place)
    return {
        "deployment_id": place.deployment_id,
        "placename": place.location_id or places.name_of(place) or place.deployment_id,
        "longitude": longitude,
        "latitude": latitude,
        "start_date": place.started_at,
        "end_date": place.ended_at,
        "camera_id": _camera_id(place),
        "camera_functioning": "Camera Functioning",
        "bait_type": {"true": "Other", "false": "None"}.get(place.other.get("baitUse", "").lower()),
        "recorded_by": place.other.get("setupBy"),
    }


def _images(upload: Upload) -> tuple[list[Row], dict[str, int]]:
    """Rows of images.csv; and what is not among them, by reason."""
    rows: list[Row] = []
    left = {
        "pictures left out: people or vehicles on them (--people)": 0,
        "pictures left out: no time": 0,
        "pictures left out: not classified": 0,
    }
    no_people, no_time, no_class = left
    for picture in upload.package.pictures:
        kinds = {seen.observation_type for seen in picture.observations}
        if "unclassified" in kinds:
            left[no_class] += 1
        elif picture.taken_at is None or isinstance(picture.taken_at, DayAlone):
            left[no_time] += 1
        elif not upload.people and kinds & set(PEOPLE):
            left[no_people] += 1
        else:
            rows += _rows(picture, upload)
    return rows, left


def _rows(picture: Picture, upload: Upload) -> Iterator[Row]:
    where = file_path(picture.path)
    assert picture.taken_at is not None  # _images has none without
    for seen in picture.observations:
        yield {
            "deployment_id": picture.deployment_id,
            "image_id": picture.sha256,
            "location": (upload.media_url or "") + where,
            "identified_by": seen.by if seen.method == "human" else MACHINE,
            **_taxon(seen, upload.taxa),
            "uncertainty": f"{1 - seen.probability:.2f}" if seen.probability is not None else None,
            "timestamp": picture.taken_at.replace(microsecond=0),
            "number_of_objects": seen.count or (None if seen.observation_type == "blank" else 1),
            "highlighted": "FALSE",
            "age": AGES.get(seen.life_stage or ""),
            "sex": SEXES.get(seen.sex or ""),
            "animal_recognizable": "TRUE" if seen.individual_id else "FALSE",
            "individual_id": seen.individual_id,
            "individual_animal_notes": seen.comment,
        }


def _taxon(seen: Observation, taxa: Taxa) -> Row:
    """The seven fields together; a name without a number there has none."""
    chain = chain_of(seen.name, seen.rank, taxa) if seen.observation_type == "animal" else ()
    if not chain:
        number, word = TAXON[seen.observation_type]
        human = ("Mammalia", "Primates", "Hominidae", "Homo", "sapiens")
        ranks = dict(zip(RANKS, human, strict=True)) if seen.observation_type == "human" else {}
        return {"wi_taxon_id": number, "common_name": word, **ranks}
    ranks = {rank: name for rank, name in chain if rank in RANKS[:4]}
    return {**ranks, "species": epithet(chain) or None, "common_name": chain[0][1]}


def _cell(value: object) -> object:
    return free_text(value) if isinstance(value, str) else value
