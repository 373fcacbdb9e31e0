"""What populations are counted from: independent events, records, deployments, sightings.

Independent events are SQL (db.core.independence), the same on both databases;
pipeline.population.events.independent makes the same ones of the same visits.
"""

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema, views
from db.core.independence import events_source, record_source
from db.store.deployments import all_deployments
from db.store.outages import accepted_outages
from pipeline.population.effort.effort import Stay, stay_of
from pipeline.population.events.independent import Events, Records, records
from pipeline.population.events.sightings import Sighting


def events_sql(
    dialect: str, gap_s: float, rule: str = "lastRecord", within: str = "station"
) -> str:
    """The SELECT of independent events in the words of one database, ready to be made a view.

    within: station (the default), camera, deployment, or effort (where the stretch begins, empty
    outside of all): events of two of them stay apart."""
    return views.written_out(events_source(gap_s, rule, within), dialect)


def independent_events(
    conn: Connection, gap_s: float, rule: str = "lastRecord", within: str = "station"
) -> Events:
    """Every independent event, by station, taxon and time; rows are visits, frames pictures.
    Without a name, the observation type stands for the species: human, vehicle, unknown."""
    text = events_sql(conn.dialect.name, gap_s, rule, within)
    found = conn.exec_driver_sql(f"{text}\nORDER BY min(n)").all()  # ties in order of the visits
    columns = list(zip(*found, strict=True)) if found else [()] * 12
    station, inside, kind, name, begun, ended, visits, pictures, count, known, *_ = columns
    species = [said or type_ for said, type_ in zip(name, kind, strict=True)]
    made = Events(
        np.array(station, str),
        np.array(species, str),
        np.array(begun, "datetime64[us]"),
        np.array(ended, "datetime64[us]"),
        np.array(visits, np.int64),
        np.array(pictures, np.int64),
        np.array(count, np.int64),
        np.array(known, bool),
        np.array(inside, str),
        float(gap_s),
        rule,
        _untimed(conn),
    )
    return made.where(np.lexsort((made.started_at, made.within, made.species, made.station)))


def _untimed(conn: Connection) -> int:
    """Visits and taxa that would be records, had they a time."""
    return conn.exec_driver_sql(
        f"SELECT count(*) FROM ({record_source(timed=False)}) untimed"
    ).scalar_one()


def read_records(conn: Connection) -> Records:
    """Every visit and taxon as a record: for events within stretches of effort, and histories."""
    found = conn.exec_driver_sql(
        "SELECT station, taxon, started_at, media_id, count, ended_at"
        f" FROM ({record_source(timed=None)}) record"
    ).all()
    station, species, begun, frame, count, ended = zip(*found, strict=True) if found else [()] * 6
    return records(np.array(station, str), np.array(species, str), begun, frame, count, ended)


def read_stays(conn: Connection) -> list[Stay]:
    """Deployments as effort sees them, with their accepted outages; unknown ends stay unknown."""
    out = accepted_outages(conn)
    return [stay_of(one, out.get(one.deployment_id, ())) for one in all_deployments(conn)]


def label_sets(conn: Connection) -> set[str]:
    """Digests of the label sets whose names the views show; one that a recipe does not tell is
    left out."""
    r, b = schema.recipe.c, schema.batch.c
    found = conn.execute(sa.select(r.description).where(r.id.in_(sa.select(b.label_recipe_id))))
    return {one["label_set"]["digest"] for one in found.scalars() if "label_set" in one}


def read_sightings(conn: Connection) -> list[Sighting]:
    """Every visit and taxon that people did not call blank, time-lapse and untimed ones too."""
    found = conn.exec_driver_sql(
        "SELECT d.name, e.observation_type, e.name, e.taxon_rank, e.method, e.started_at,"
        " e.ended_at, e.first_media_id, m.path, e.count, e.capture_method"
        " FROM event_taxa e JOIN deployment d ON d.id = e.deployment_id"
        " JOIN media m ON m.id = e.first_media_id WHERE e.observation_type <> 'blank'"
        " ORDER BY d.name, e.started_at, e.first_media_id, e.position"
    )
    return [Sighting(*row) for row in found]
