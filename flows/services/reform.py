"""Visits and flags of a deployment, formed again after its times have changed.

As `relabel` does, from what is stored; no picture is touched. Other times make other visits: their
names must come out of the same label set, list and settings as before, so whatever differs is
refused with the option that helps.
"""

from sqlalchemy import Connection

from db.store.batches import read_recipe
from db.store.deployments import deployments_of
from db.store.flags import save_flags
from db.store.visits import save_visits
from flows.execution import loaded as models
from flows.run_options import NamingOptions, StartedRun
from flows.services.flags_again import shown_recipes
from flows.steps import recipes
from flows.steps.flags import found_flags
from flows.steps.visits import formed_visits
from pipeline.errors import SettingsError
from pipeline.species.labelset import load_labelset

OPTIONS = {  # what of a recipe differs -> the option that was another one then
    "label_set": "--labels",
    "sites": "--sites",
    "labels": "--settings",
    "visit_gap_s": "--settings",
    "poaching": "--settings",
}


def reform(conn: Connection, job: NamingOptions, deployment_id: str) -> int:
    """Form them under every recipe that is shown for this deployment; how many visits there are."""
    total = 0
    for begun in shown_recipes(conn, deployment_id):
        _refuse_other_names(conn, job, begun)
        formed = formed_visits(conn, job, begun, [deployment_id])
        save_visits(conn, begun.label, formed, [deployment_id])
        if begun.flag is not None:
            places = [
                place
                for place in deployments_of(conn, begun.batch_id)
                if place.deployment_id == deployment_id
            ]
            found = found_flags(conn, job.load_settings(), begun, places, job)
            save_flags(conn, begun.flag, found, [deployment_id])
        total += len(formed)
    return total


def _refuse_other_names(conn: Connection, job: NamingOptions, begun: StartedRun) -> None:
    """SettingsError where this job's options would name or flag otherwise than the batch's run."""
    was = read_recipe(conn, begun.label)
    encoder = models.encoder(job.labeller, job.pretrained)
    if was["look"]["encoder"] != recipes.identity(encoder):
        raise SettingsError(_other(begun, was["look"]["encoder"]["name"], ["--labeller"]))
    settings = job.load_settings()
    now = recipes.label_recipe(was["look"], job, settings, load_labelset(job.labels))
    differs = {key for key in was if was[key] != now.get(key)}
    if begun.flag is not None:
        flagged = recipes.with_rules(read_recipe(conn, begun.flag))
        now = recipes.flag_recipe(was, settings)
        differs |= {key for key in flagged if flagged[key] != now.get(key)}
    if differs & {"version", "rules"}:
        raise SettingsError(f"batch {begun.batch} was named by an older camtriage: relabel first")
    if differs:
        options = sorted({OPTIONS.get(key, key) for key in differs})
        raise SettingsError(_other(begun, was["label_set"]["name"], options))


def _other(begun: StartedRun, names: str, options: list[str]) -> str:
    return (
        f"batch {begun.batch} was named with {names} and other options: give {', '.join(options)} "
        "as for its run, so that its visits keep their names; nothing was changed"
    )
