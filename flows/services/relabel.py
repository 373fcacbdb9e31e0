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
from flows.execution.ways import Way
from flows.run_options import NamingOptions, StartedRun, kept_settings
from flows.steps import recipes
from flows.steps.finish import finish
from flows.steps.flags import flags
from flows.steps.ingest import VERSION
from flows.steps.label import label, naming_warnings
from flows.steps.summary import Summary
from flows.steps.visits import visits
from pipeline.errors import SettingsError
from pipeline.species.labelset import load_labelset, load_site_list


def relabel(job: NamingOptions, name: str | None, way: Way) -> list[Summary]:
    """Name one batch (of that name) or all of them again, each under the look that it has."""
    job.load_settings()
    load_labelset(job.labels)
    if job.sites:
        load_site_list(job.sites)
    with reading(known_database(job.database)) as conn:
        if name and batch_by_name(conn, name) is None:
            raise SettingsError(f"--name {name}: no such batch in this database")
        chosen = [batch_by_name(conn, name)] if name else all_batches(conn)
    return [_relabel_one(job, way, batch_id) for batch_id in chosen]


def _relabel_one(job: NamingOptions, way: Way, batch_id: int) -> Summary:
    begun = _begin(job, batch_id)
    for function in (label, visits, flags):
        way.step(function, job, begun)
    return finish(job, begun, warnings=naming_warnings(job))


def _begin(job: NamingOptions, batch_id: int) -> StartedRun:
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
        return StartedRun(
            batch_id,
            batch["name"],
            start_run(
                conn,
                batch_id,
                VERSION,
                kept_settings(job),
                {f"labeller {encoder.name}": encoder.sha256},
            ),
            batch["look_recipe_id"],
            save_recipe(conn, "label", named),
            save_recipe(conn, "flag", flagged),
            seed="",
        )
