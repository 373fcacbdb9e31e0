"""Visits written into a database as they stand in its tables, pictures and models aside."""

from collections.abc import Iterable
from itertools import count

from db.core import schema
from db.store.deployments import all_deployments
from db.store.outages import accepted_outages
from pipeline.population.effort.effort import Stay, stay_of

FILE = {"size": 1, "mediatype": "image/jpeg", "width": 1, "height": 1, "clock": "exif"}
FILE |= {"orientation": 1}
ONE = {"visit_taxon": {"pictures": 1}}


def put(conn, places: dict[str, dict], visits: Iterable[tuple]) -> None:
    """Deployments by name, and visits (deployment, begins, ends, type, name, count, basis, method)
    in one batch, written as they stand in the tables."""
    insert, keys = conn.execute, count(1)
    recipe = {"id": 1, "step": "label", "hash": "l", "description": {}}
    insert(schema.recipe.insert(), [recipe])
    insert(schema.batch.insert(), [{"id": 1, "name": "card", "root": "/", "label_recipe_id": 1}])
    number = {name: i for i, name in enumerate(places, 1)}
    plain = {"source": "table", "other": {}}
    insert(
        schema.deployment.insert(),
        [
            dict.fromkeys(("location_id", "camera_id", "started_at", "ended_at"))
            | plain
            | place
            | {"id": number[name], "name": name}
            for name, place in places.items()
        ],
    )
    media, visit, taxon = [], [], []
    for place, begins, ends, kind, name, animals, basis, method in visits:
        key = next(keys)
        of = {"batch_id": 1, "deployment_id": number[place]}
        media.append({"id": key, "sha256": f"{key:064}", "path": str(key), **of, **FILE})
        visit.append(
            {"id": key, "recipe_id": 1, "media_id": key, "started_at": begins, "ended_at": ends}
            | {"pictures": 1, "capture_method": method, "count": animals, "count_basis": basis}
            | of
        )
        taxon.append({"visit_id": key, "position": 0, "observation_type": kind, "name": name})
    for table, many in ((schema.media, media), (schema.visit, visit), (schema.visit_taxon, taxon)):
        if many:
            insert(table.insert(), [one | ONE.get(table.name, {}) for one in many])


def read_stays(conn) -> list[Stay]:
    """Deployments as effort sees them, with their accepted outages; unknown ends stay unknown."""
    out, places = accepted_outages(conn), all_deployments(conn)
    return [stay_of(place, out.get(place.deployment_id, ())) for place in places]
