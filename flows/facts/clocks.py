"""Doubts about clocks, from what each deployment's pictures say."""

from collections.abc import Collection, Iterator

from sqlalchemy import Connection

from db.core.rows import now
from db.queries.clocks import timed_pictures
from db.store.deployments import all_deployments
from db.store.repairs import believed
from pipeline.card.suspects import Shot, Suspect, suspects, too_few_by_light
from pipeline.records import Deployment


def doubts(
    conn: Connection,
    batch_ids: Collection[int] | None = None,
    names: Collection[str] | None = None,
) -> Iterator[Suspect]:
    """All doubts about clocks, by deployment; of these batches and deployments alone where they
    are given."""
    today = now()
    for place, shots in _shots(conn, batch_ids, names):
        yield from suspects(place, shots, today)


def doubts_and_unjudged(
    conn: Connection, names: Collection[str] | None = None
) -> tuple[list[Suspect], list[str]]:
    """The same, and the deployments whose pictures are too few to judge by light."""
    today = now()
    found: list[Suspect] = []
    unjudged = []
    for place, shots in _shots(conn, None, names):
        found += suspects(place, shots, today)
        if too_few_by_light(shots):
            unjudged.append(place.deployment_id)
    return found, unjudged


def _shots(
    conn: Connection, batch_ids: Collection[int] | None, names: Collection[str] | None
) -> Iterator[tuple[Deployment, list[Shot]]]:
    places = believed(conn, all_deployments(conn))
    by_name = {place.deployment_id: place for place in places}
    for name, pictures in timed_pictures(conn, batch_ids, names):
        shots = [
            Shot(f"{batch}/{path.rpartition('/')[0]}", path, at, light, clock, offset_min)
            for batch, path, at, light, clock, offset_min in pictures
        ]
        yield by_name[name], shots
