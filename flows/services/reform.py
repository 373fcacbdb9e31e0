"""Visits and flags of some deployments, formed again after their times or facts have changed.

As `relabel` does, from what is stored; no picture is touched. Other times make other visits: their
names must come out of the same label set, list and settings as before, so whatever differs is
refused with the option that helps. Other facts change flags alone, and those need only what their
recipe holds.
"""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from db.core import schema
from db.store.batches import read_recipe
from db.store.deployments import deployments_of
from db.store.flags import save_flags
from db.store.repairs import believed
from db.store.visits import save_visits
from flows.execution import loaded as models
from flows.run_options import Begun, Job
from flows.steps import recipes
from flows.steps.flags import found_flags
from flows.steps.visits import formed_visits
from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.poaching.context import can_tell
from pipeline.poaching.scene import facts
from pipeline.records import Deployment
from pipeline.settings import Poaching, Settings, Windows
from pipeline.species.labelset import load_labelset

OPTIONS = {  # what of a recipe differs -> the option that was another one then
    "label_set": "--labels",
    "sites": "--sites",
    "labels": "--settings",
    "visit_gap_s": "--settings",
    "poaching": "--settings",
}


def reform(conn: Connection, job: Job, deployment_id: str) -> int:
    """Form them under every recipe that is shown for this deployment; how many visits there are."""
    total = 0
    for begun in _shown(conn, deployment_id):
        _refuse_other_names(conn, job, begun)
        formed = formed_visits(conn, job, begun, [deployment_id])
        save_visits(conn, begun.label, formed, [deployment_id])
        if begun.flag is not None:
            places = [
                one
                for one in deployments_of(conn, begun.batch_id)
                if one.deployment_id == deployment_id
            ]
            found = found_flags(conn, job.load_settings(), begun, places, job)
            save_flags(conn, begun.flag, found, [deployment_id])
        total += len(formed)
    return total


def flags_again(
    conn: Connection, before: Iterable[Deployment], after: Iterable[Deployment]
) -> Iterator[str]:
    """Ask the rules again about deployments of which they see something new; a line where that
    makes other flags."""
    was = {one.deployment_id: facts(one) for one in before}
    new = [one for one in after if was.get(one.deployment_id, facts(one)) != facts(one)]
    for name, batch, count in flags_anew(conn, new):
        if count is None:
            yield stale(name, batch)
        elif count[0] != count[1]:
            was, now = (len(flags) for flags in count)
            yield f"{name}: {counted(now, 'flag')}, formed again (before: {was})"


def flags_anew(
    conn: Connection, places: Iterable[Deployment]
) -> Iterator[tuple[str, str, tuple[frozenset, frozenset] | None]]:
    """Ask the rules again: (deployment, batch, flags before and now); None in their place where
    what is stored does not do."""
    for place in believed(conn, places):
        for begun in _shown(conn, place.deployment_id):
            if begun.flag is None:
                continue
            settings = _settings_of(read_recipe(conn, begun.flag))
            if settings is None:
                yield place.deployment_id, begun.batch, None
                continue
            found = found_flags(conn, settings, begun, [place])
            before = _flags(conn, begun.flag, place.deployment_id)
            save_flags(conn, begun.flag, found, [place.deployment_id])
            now = _flags(conn, begun.flag, place.deployment_id)
            yield place.deployment_id, begun.batch, (before, now)


def _flags(conn: Connection, recipe_id: int, deployment: str) -> frozenset:
    g, d = schema.flag.c, schema.deployment.c
    mine = sa.select(g.media_id, g.severity, g.score, g.reason)
    mine = mine.join(schema.deployment, d.id == g.deployment_id)
    rows = conn.execute(mine.where(g.recipe_id == recipe_id, d.name == deployment))
    return frozenset(map(tuple, rows))


def stale(deployment: str, batch: str) -> str:
    return (
        f"{deployment}: its flags are those of before: camtriage relabel --name {batch}, with the "
        "options of its run, forms them again"
    )


def _settings_of(flagged: dict) -> Settings | None:
    """What flags were formed with; None: by other code, or with a labeller that must be asked."""
    given, label = flagged.get("poaching", {}), flagged.get("label", {})
    known = flagged.get("version") == recipes.FLAG_VERSION and given.keys() == set(
        Poaching.__slots__
    )
    if not known or can_tell(label["look"]["encoder"]["name"]):
        return None
    return Settings(windows=Windows(visit_gap_s=label["visit_gap_s"]), poaching=Poaching(**given))


def _shown(conn: Connection, deployment_id: str) -> list[Begun]:
    """The recipes that the views show for a deployment's pictures, each once, with one batch."""
    b, m, d = schema.batch.c, schema.media.c, schema.deployment.c
    mine = sa.select(m.batch_id).join(schema.deployment, d.id == m.deployment_id)
    query = sa.select(b.id, b.name, b.look_recipe_id, b.label_recipe_id, b.flag_recipe_id)
    rows = conn.execute(
        query.where(b.id.in_(mine.where(d.name == deployment_id)), b.label_recipe_id.is_not(None))
    )
    by_recipe = {row[2:]: row for row in rows}
    return [Begun(row[0], row[1], None, *row[2:], seed="") for row in by_recipe.values()]


def _refuse_other_names(conn: Connection, job: Job, begun: Begun) -> None:
    """SettingsError where this job's options would name or flag otherwise than the batch's run."""
    was = read_recipe(conn, begun.label)
    encoder = models.encoder(job.labeller, job.pretrained)
    if was["look"]["encoder"] != recipes.identity(encoder):
        raise SettingsError(_other(begun, was["look"]["encoder"]["name"], ["--labeller"]))
    settings = job.load_settings()
    now = recipes.label_recipe(was["look"], job, settings, load_labelset(job.labels))
    differs = {key for key in was if was[key] != now.get(key)}
    if begun.flag is not None:
        flagged = read_recipe(conn, begun.flag)
        now = recipes.flag_recipe(was, settings)
        differs |= {key for key in flagged if flagged[key] != now.get(key)}
    if "version" in differs:
        raise SettingsError(f"batch {begun.batch} was named by an older camtriage: relabel first")
    if differs:
        options = sorted({OPTIONS.get(key, key) for key in differs})
        raise SettingsError(_other(begun, was["label_set"]["name"], options))


def _other(begun: Begun, names: str, options: list[str]) -> str:
    return (
        f"batch {begun.batch} was named with {names} and other options: give {', '.join(options)} "
        "as for its run, so that its visits keep their names; nothing was changed"
    )
