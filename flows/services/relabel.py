"""Other names from the stored vectors; no picture is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from db.core.engine import reading, writing
from db.store.batches import (
    all_batches,
    batch_by_name,
    batch_row,
    is_data_set,
    read_recipe,
    save_recipe,
    start_run,
)
from db.store.media import media_of
from flows.execution import loaded as models
from flows.execution.databases import known_database
from flows.execution.directly import Directly
from flows.execution.ways import Way
from flows.run_options import NamingOptions, StartedRun, kept_settings
from flows.steps import recipes
from flows.steps.answers import (
    answers_warnings,
    check_answers,
    naming_recipe,
    refuse_foreign_answers,
    source_of,
)
from flows.steps.finish import finish
from flows.steps.flags import flags
from flows.steps.label import check_learned, label, naming_warnings
from flows.steps.summary import Summary
from flows.steps.visits import visits
from flows.version import version
from pipeline.errors import SettingsError
from pipeline.species.labelset import LabelSet, load_labelset, load_site_list


@dataclass(frozen=True, slots=True)
class Relabelled:
    """The batches that were named again, and with what."""

    labelset: LabelSet | None  # None: another program's names were taken
    summaries: tuple[Summary, ...]


def relabel(options: NamingOptions, name: str | None = None, way: Way | None = None) -> Relabelled:
    """Name one batch (of that name) or all of them again, each from the vectors that it has."""
    options.load_settings()
    labelset = None if options.answers else load_labelset(options.labels)
    check_learned(options)
    if options.sites:
        load_site_list(Path(options.sites))
    check_answers(options)
    chosen = _batches(options.database, name)
    _refuse_foreign(options, chosen)
    way = way or Directly(1)
    return Relabelled(labelset, tuple(_one_batch(options, way, batch_id) for batch_id in chosen))


def _batches(database: str, name: str | None) -> Sequence[int]:
    with reading(known_database(database)) as conn:
        if not name:
            return all_batches(conn)
        found = batch_by_name(conn, name)
        if found is not None and is_data_set(conn, found):
            raise SettingsError(f"--name {name}: is a data set of others, and has no vectors")
    if found is None:
        raise SettingsError(f"--name {name}: no such batch in this database")
    return [found]


def _refuse_foreign(options: NamingOptions, chosen: Sequence[int]) -> None:
    """SettingsError where a file of answers has no picture of one of these batches."""
    for batch_id in chosen if options.answers else ():
        with reading(known_database(options.database)) as conn:
            media = media_of(conn, batch_id)
        refuse_foreign_answers(options, (picture.path for picture in media))


def _one_batch(options: NamingOptions, way: Way, batch_id: int) -> Summary:
    begun = _begin(options, batch_id)
    for function in (label, visits, flags):
        way.step(function, options, begun)
    told = (*naming_warnings(options), *answers_warnings(options, begun))
    return finish(options, begun, warnings=told)


def _begin(options: NamingOptions, batch_id: int) -> StartedRun:
    """A run that keeps the batch's vectors and gives it new names and flags."""
    settings = options.load_settings()
    encoder = models.encoder(options.labeller, options.pretrained)
    with writing(known_database(options.database)) as conn:
        batch = batch_row(conn, batch_id)
        look = read_recipe(conn, batch["look_recipe_id"])
        if options.answers is None and look["encoder"] != recipes.identity(encoder):
            raise SettingsError(
                f"batch {batch['name']} has vectors of {look['encoder']['name']}, not of "
                f"{encoder.name}: name that model with --labeller, or run the card again"
            )
        named = naming_recipe(conn, batch_id, look, options, settings)
        flagged = recipes.flag_recipe(named, settings)
        return StartedRun(
            batch_id,
            batch["name"],
            start_run(
                conn,
                batch_id,
                version(),
                kept_settings(options),
                models.naming(options.labeller, options.pretrained),
            ),
            batch["look_recipe_id"],
            save_recipe(conn, "label", named, source_of(named)),
            save_recipe(conn, "flag", flagged),
            seed="",
        )
