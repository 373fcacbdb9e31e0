"""`camtriage relabel`: other names from the stored vectors; no picture is touched."""

from db.core.engine import reading, writing
from db.store.batches import (
    all_batches,
    batch_by_name,
    batch_row,
    read_recipe,
    save_recipe,
    start_run,
)
from flows.execution import loaded as models
from flows.execution.databases import known_database
from flows.run_options import Begun, Job
from flows.steps import recipes
from flows.steps.finish import finish
from flows.steps.flags import flags
from flows.steps.ingest import VERSION
from flows.steps.label import label
from flows.steps.summary import Summary
from flows.steps.visits import visits
from pipeline.errors import SettingsError
from pipeline.species.labelset import load_labelset, load_site_list


def relabel(job: Job, way) -> list[Summary]:
    """Name one batch (job.name) or all of them again, each under the look that it has."""
    job.load_settings()
    load_labelset(job.labels)
    if job.sites:
        load_site_list(job.sites)
    with reading(known_database(job.database)) as conn:
        if job.name and batch_by_name(conn, job.name) is None:
            raise SettingsError(f"--name {job.name}: no such batch in this database")
        chosen = [batch_by_name(conn, job.name)] if job.name else all_batches(conn)
    return [_relabel_one(job, way, batch_id) for batch_id in chosen]


def _relabel_one(job: Job, way, batch_id: int) -> Summary:
    begun = _begin(job, batch_id)
    for function in (label, visits, flags):
        way.step(function, job, begun)
    return finish(job, begun, 0, 0.0)


def _begin(job: Job, batch_id: int) -> Begun:
    """A run that keeps the batch's look and gives it new names and flags."""
    settings, encoder = job.load_settings(), models.encoder(job.labeller, job.pretrained)
    with writing(known_database(job.database)) as conn:
        batch = batch_row(conn, batch_id)
        look = read_recipe(conn, batch["look_recipe_id"])
        if look["encoder"] != recipes.identity(encoder):
            raise SettingsError(
                f"batch {batch['name']} has vectors of {look['encoder']['name']}, not of "
                f"{encoder.name}: name that model with --labeller, or run the card again"
            )
        named = recipes.label_recipe(look, job, settings, load_labelset(job.labels))
        flagged = recipes.flag_recipe(named, settings)
        return Begun(
            batch_id,
            batch["name"],
            start_run(
                conn,
                batch_id,
                VERSION,
                settings.as_dict(),
                {f"labeller {encoder.name}": encoder.sha256},
            ),
            batch["look_recipe_id"],
            save_recipe(conn, "label", named),
            save_recipe(conn, "flag", flagged),
            seed="",
        )
