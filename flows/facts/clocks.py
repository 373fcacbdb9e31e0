"""Doubts about clocks, from what each deployment's pictures say."""

from collections.abc import Collection, Iterator

from sqlalchemy import Connection

from db.core.rows import now
from db.queries.clocks import timed_pictures
from db.store.deployments import all_deployments
from db.store.repairs import believed
from pipeline.card.suspects import Shot, Suspect, suspects


def doubts(
    conn: Connection,
    batch_ids: Collection[int] | None = None,
    names: Collection[str] | None = None,
) -> Iterator[Suspect]:
    """All doubts about clocks, by deployment; of these batches and deployments alone where they
    are given."""
    places = believed(conn, all_deployments(conn))
    by_name = {place.deployment_id: place for place in places}
    today = now()
    for name, pictures in timed_pictures(conn, batch_ids, names):
        shots = [
            Shot(f"{batch}/{path.rpartition('/')[0]}", path, at, light, clock, offset_min)
            for batch, path, at, light, clock, offset_min in pictures
        ]
        yield from suspects(by_name[name], shots, today)
