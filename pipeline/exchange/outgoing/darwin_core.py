"""A Darwin Core archive, as GBIF takes it: occurrences of animals, and their public pictures.

One occurrence is one taxon of one visit, as an observation at level event. Blank, unknown and
unclassified visits, people and vehicles are no occurrences. Reviewers' names go out as they are.
"""

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape, quoteattr

from pipeline.exchange.camtrap_dp import is_public, people_events
from pipeline.exchange.outgoing.eml import eml
from pipeline.exchange.outgoing.public import Places, animal_rows
from pipeline.exchange.outgoing.taxonomy import chain_of
from pipeline.exchange.package import Event, Observation, Package, Picture
from pipeline.exchange.paths import file_path, free_text, local_stamp, stamp
from pipeline.exchange.project import Project
from pipeline.exchange.required import period, refuse_incomplete
from pipeline.records import DayAlone, Deployment
from pipeline.species.answers import Taxa
from pipeline.tables.whole import whole_file
from pipeline.tables.writer import write_table

DWC, DC = "http://rs.tdwg.org/dwc/terms/", "http://purl.org/dc/terms/"
AC, XMP = "http://rs.tdwg.org/ac/terms/", "http://ns.adobe.com/xap/1.0/"
OCCURRENCE = {
    **{
        name: DWC + name
        for name in (
            *("occurrenceID", "basisOfRecord", "occurrenceStatus", "scientificName", "taxonRank"),
            *("kingdom", "class", "order", "family", "genus", "eventID", "parentEventID"),
            *("eventDate", "samplingProtocol", "locationID", "locality", "decimalLatitude"),
            *("decimalLongitude", "geodeticDatum", "coordinateUncertaintyInMeters"),
            *("dataGeneralizations", "individualCount", "sex", "lifeStage", "behavior"),
            *("organismID", "identifiedBy", "dateIdentified", "identificationRemarks"),
            *("occurrenceRemarks", "datasetName"),
        )
    },
    "license": DC + "license",
}
MULTIMEDIA = {
    "occurrenceID": DWC + "occurrenceID",
    "identifier": DC + "identifier",
    "accessURI": AC + "accessURI",
    "type": DC + "type",
    "format": DC + "format",
    "CreateDate": XMP + "CreateDate",
    "captureDevice": AC + "captureDevice",
    "rights": DC + "rights",
}
LICENSES = {
    "CC0-1.0": "http://creativecommons.org/publicdomain/zero/1.0/legalcode",
    "CC-BY-4.0": "http://creativecommons.org/licenses/by/4.0/legalcode",
    "CC-BY-NC-4.0": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
}
Row = dict[str, object]  # by column


@dataclass(frozen=True, slots=True)
class Archive:
    """All that an archive is made of."""

    package: Package
    project: Project
    places: Places
    taxa: Taxa
    pixelate_bar: float  # p_human from which a picture is not public
    media_url: str | None = None  # the address before the pictures' paths; None: not to be reached


def export_archive(archive: Archive, path: Path) -> dict[str, int]:
    """Write the archive into a new .zip. Returns rows of each table and what was left out.

    Raises InputError: one line that names every deployment and what it lacks.
    """
    refuse_incomplete(archive.package.deployments, "Darwin Core")
    events = archive.package.events
    rows = list(animal_rows(events))
    public = _pictures(archive)
    timeless = sum(
        seen.observation_type == "animal"
        for event in events
        if event.started_at is None
        for seen in event.observations
    )
    with whole_file(path) as working, TemporaryDirectory() as folder:
        to = Path(folder)
        counts = {
            "occurrences": _table(to / "occurrence.csv", OCCURRENCE, _occurrences(archive, rows)),
            "pictures": _table(to / "multimedia.csv", MULTIMEDIA, _media(archive, rows, public)),
        }
        (to / "meta.xml").write_text(meta(), "utf-8")
        (to / "eml.xml").write_text(eml(archive.project, archive.package), "utf-8")
        with zipfile.ZipFile(working, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in sorted(to.iterdir()):
                packed.write(file, file.name)
    return {
        **counts,
        **({"animals left out: their visits have no time": timeless} if timeless else {}),
    }


def _pictures(archive: Archive) -> dict[str, list[Picture]]:
    """Public pictures that show an animal, by visit."""
    private = people_events(archive.package)
    found: defaultdict[str, list[Picture]] = defaultdict(list)
    for picture in archive.package.pictures:
        kinds = {seen.observation_type for seen in picture.observations}
        if (
            picture.event
            and "animal" in kinds
            and is_public(picture, archive.pixelate_bar, private)
        ):
            found[picture.event].append(picture)
    return found


def _occurrences(archive: Archive, rows: list[tuple[str, Event, Observation]]) -> Iterator[Row]:
    by_name = {place.deployment_id: place for place in archive.package.deployments}
    title = archive.project.project["title"]
    license_url = _license(archive.project, "data")
    for name, event, seen in rows:
        place = by_name[event.deployment_id]
        yield {
            "occurrenceID": name,
            "datasetName": title,
            "license": license_url,
            **_taxon(seen, archive.taxa),
            **_where(place, archive.places),
            **_when(event, seen, place),
            **_seen(seen),
        }


def _taxon(seen: Observation, taxa: Taxa) -> Row:
    chain = chain_of(seen.name, seen.rank, taxa)
    ranks = dict(chain)
    known = {rank: ranks.get(rank) for rank in ("class", "order", "family", "genus")}
    rank = chain[0][0] if chain else ("kingdom" if seen.name in (None, "Animalia") else seen.rank)
    return {
        "scientificName": seen.name or "Animalia",
        "taxonRank": rank,
        "kingdom": "Animalia",
        **known,
    }


def _where(place: Deployment, places: Places) -> Row:
    latitude, longitude, uncertainty, done = places.of(place)
    return {
        "parentEventID": place.deployment_id,
        "locationID": place.location_id,
        "locality": places.name_of(place),
        "decimalLatitude": latitude,
        "decimalLongitude": longitude,
        "geodeticDatum": "EPSG:4326",
        "coordinateUncertaintyInMeters": uncertainty,
        "dataGeneralizations": done,
    }


def _when(event: Event, seen: Observation, place: Deployment) -> Row:
    """The interval from the first to the last picture that shows it, with the offset."""
    offset = period(place)[2] if event.utc_offset_min is None else event.utc_offset_min
    begins = seen.started_at or event.started_at
    ends = seen.ended_at or event.ended_at or begins
    assert begins is not None and ends is not None  # animal_rows has no others
    first, last = _date(begins, offset), _date(ends, offset)
    return {
        "eventID": event.id,
        "eventDate": first if first == last else f"{first}/{last}",
        "samplingProtocol": "camera trap",
    }


def _date(at: datetime, offset: int) -> str:
    return at.isoformat() if isinstance(at, DayAlone) else stamp(at, offset)


def _day_or_time(told_at: datetime) -> str:
    return told_at.isoformat() if isinstance(told_at, DayAlone) else local_stamp(told_at)


def _seen(seen: Observation) -> Row:
    machine = seen.method == "machine"
    chance = f", probability {seen.probability:.2f}" if machine and seen.probability else ""
    return {
        "basisOfRecord": "MachineObservation",
        "occurrenceStatus": "present",
        "individualCount": seen.count or None,
        "sex": seen.sex,
        "lifeStage": seen.life_stage,
        "behavior": seen.behavior,
        "organismID": seen.individual_id,
        "identifiedBy": seen.by,
        "dateIdentified": _day_or_time(seen.told_at) if seen.told_at else None,
        "identificationRemarks": f"by a {seen.method}{chance}" if seen.method else None,
        "occurrenceRemarks": seen.comment,
    }


def _media(
    archive: Archive,
    rows: list[tuple[str, Event, Observation]],
    public: Mapping[str, list[Picture]],
) -> Iterator[Row]:
    """A row for each occurrence and picture of its visit on which the taxon was called."""
    by_name = {place.deployment_id: place for place in archive.package.deployments}
    rights = _license(archive.project, "media")
    for name, event, seen in rows:
        for picture in public.get(event.id, ()):
            if all(shown.name != seen.name for shown in picture.observations):
                continue
            place = by_name[picture.deployment_id]
            offset = picture.utc_offset_min
            at = picture.taken_at
            yield {
                "occurrenceID": name,
                "identifier": picture.sha256,
                "accessURI": archive.media_url and archive.media_url + file_path(picture.path),
                "type": "MovingImage" if picture.mediatype.startswith("video/") else "StillImage",
                "format": picture.mediatype,
                "CreateDate": at and _date(at, period(place)[2] if offset is None else offset),
                "captureDevice": place.camera_model,
                "rights": rights,
            }


def _license(project: Project, scope: str) -> str | None:
    """Its address, where it is one that GBIF takes, else as it is written."""
    for license in project.licenses:
        if license.get("scope") == scope:
            name = str(license.get("name") or "")
            return LICENSES.get(name) or license.get("path") or name
    return None


def _table(path: Path, terms: Mapping[str, str], rows: Iterator[Row]) -> int:
    cells = ([_cell(row.get(name)) for name in terms] for row in rows)
    return write_table(path, list(terms), cells, as_it_is=True)


def _cell(value: object) -> object:
    return " ".join(free_text(value).split("\n")) if isinstance(value, str) else value


def meta() -> str:
    """meta.xml: which column of which table is which term."""
    parts = (
        _described("core", "id", "occurrence.csv", DWC + "Occurrence", OCCURRENCE),
        _described("extension", "coreid", "multimedia.csv", AC + "Multimedia", MULTIMEDIA),
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">\n'
        f"{''.join(parts)}</archive>\n"
    )


def _described(kind: str, key: str, file: str, row: str, terms: Mapping[str, str]) -> str:
    fields = "".join(
        f"    <field index={quoteattr(str(index))} term={quoteattr(term)}/>\n"
        for index, term in enumerate(terms.values())
    )
    return (
        f'  <{kind} encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n"'
        f' fieldsEnclosedBy="&quot;" ignoreHeaderLines="1" rowType={quoteattr(row)}>\n'
        f"    <files><location>{escape(file)}</location></files>\n"
        f'    <{key} index="0"/>\n{fields}  </{kind}>\n'
    )
