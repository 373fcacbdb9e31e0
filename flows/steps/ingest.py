"""The first step: a card is in the database with its whole plan, or not at all."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.core.schema import canonical
from db.store.batches import (
    batch_by_name,
    batch_of_most,
    batch_row,
    find_batch,
    is_stream,
    last_run,
    read_recipe,
    save_batch,
    save_recipe,
    start_run,
    stuck,
)
from db.store.deployments import deployments_of, forget_empty, save_deployments
from db.store.files import save_file_problems, save_files
from db.store.media import save_media, unplanned_media
from db.store.outages import save_outages
from db.store.windows import next_numbers, save_windows, windows_left
from flows.execution import loaded as models
from flows.execution.databases import is_there, ready_database
from flows.execution.memory import give_back
from flows.execution.retry import patient
from flows.execution.ways import Progress
from flows.run_options import RunOptions, StartedRun, kept_settings
from flows.steps import recipes
from flows.steps.again import (
    follow_the_folder,
    meet_data_sets,
    with_known_places,
    with_streams_places,
)
from flows.steps.answers import naming_recipe, refuse_foreign_answers, source_of
from flows.steps.boxes import refuse_strangers
from flows.steps.card import Card, read_card
from flows.steps.certified import certified_look
from flows.version import version
from pipeline.card.windows import plan
from pipeline.counted import counted
from pipeline.errors import SettingsError
from pipeline.poaching.scene import facts


@patient
def ingest(options: RunOptions, tell: Progress | None = None) -> StartedRun:
    """Read the card and save files, pictures, deployments, problems and the plan at once."""
    card = read_card(options, lambda *found: _known_as(options, *found), tell)
    refuse_strangers(options.boxes, (picture.path for picture in card.media))
    refuse_foreign_answers(options, (picture.path for picture in card.media))
    run = save_card(options, card)
    give_back()
    return run


def save_card(options: RunOptions, card: Card) -> StartedRun:
    """One transaction: a card is in the database with its whole plan, or not at all."""
    with writing(ready_database(options.database)) as conn:
        known = batch_by_name(conn, card.name)
        if known is not None and is_stream(conn, known) and not card.is_stream:
            raise SettingsError(
                f"--name {card.name}: pictures come to it by themselves (camtriage stream); give "
                "the card another name"
            )
        batch_id = save_batch(conn, card.name, str(card.root.resolve()), card.content)
        if known is not None and not card.is_stream:
            follow_the_folder(conn, batch_id, card)
        if not card.is_stream and not options.deployments:
            card = with_streams_places(conn, card)
            card = with_known_places(conn, batch_id, card) if known is not None else card
        card, met = meet_data_sets(conn, batch_id, card)
        before = _facts(conn, batch_id)
        save_deployments(conn, card.deployments)
        doubled = save_media(conn, batch_id, card.media)
        if options.deployments and len(doubled) == len(card.media):
            raise SettingsError(
                f"{options.deployments}: all pictures of {card.name} are known already, in other "
                "deployments; to complete those: camtriage deployments import"
            )
        outages = save_outages(conn, card.outages)
        save_files(conn, batch_id, card.files())
        forget_empty(conn, card.deployments)
        save_file_problems(conn, batch_id, chain(card.problems, doubled))
        for name in sorted(deployment.deployment_id for deployment in card.deployments):
            new = unplanned_media(conn, batch_id, name)
            numbers = next_numbers(conn, [name])
            save_windows(conn, batch_id, plan(new, options.load_settings().windows, numbers))
        run = _begin(conn, options, batch_id, card.name, before != _facts(conn, batch_id))
        entered = f"{counted(outages, 'outage')} entered from the table's columns of problems."
        given_up = names_given_up(conn, batch_id, run.label)
        return replace(run, notes=(*met, *((entered,) if outages else ()), *given_up))


def names_given_up(conn: Connection, batch_id: int, label: int) -> tuple[str, ...]:
    """Said where names that were learned, or another program's, give way to those of this run."""
    current = batch_row(conn, batch_id)["label_recipe_id"]
    if current in (None, label):
        return ()
    before, now = read_recipe(conn, current), read_recipe(conn, label)
    learned = before.get("learned", {}).get("name")
    whose = {"--labeller": learned and f"learned:{learned}", "--answers": source_of(before)}
    if "learned" in now or source_of(now):
        return ()
    return tuple(
        f"Its names came by {option} {name}, which this run does not have: they are made without "
        f"it. `camtriage relabel {option} {name}` gives them back; give {option} to each run."
        for option, name in whose.items()
        if name
    )


def _facts(conn: Connection, batch_id: int) -> dict[str, tuple[object, ...]]:
    """What the poaching rules see of each deployment."""
    return {place.deployment_id: facts(place) for place in deployments_of(conn, batch_id)}


def _begin(
    conn: Connection, options: RunOptions, batch_id: int, name: str, new_facts: bool
) -> StartedRun:
    """The recipes of this run, and a row for it unless nothing is left to do.

    new_facts   a table reports other facts of a deployment, and the poaching rules use these
    """
    settings = options.load_settings()
    frame, detector = models.frame_model(options.frame), models.detector(options.detector)
    encoder = models.encoder(options.labeller, options.pretrained)
    certified = certified_look(conn, options, settings, frame, encoder, detector)
    settings, look = certified.settings, certified.look
    label_ = naming_recipe(conn, batch_id, look, options, settings)
    flag_ = recipes.flag_recipe(label_, settings, certified.levels)
    steps = {"look": look, "label": label_, "flag": flag_}
    ids = {
        step: save_recipe(conn, step, recipe, source_of(recipe)) for step, recipe in steps.items()
    }
    left = windows_left(conn, batch_id, ids["look"])
    run_id: int | None = None
    careful: tuple[int, ...] = ()
    if new_facts or not _all_done(conn, batch_id, ids, left):
        shas = {
            f"frame model {frame.name}": frame.sha256,
            **({f"detector {detector.name}": detector.sha256} if detector else {}),
            **models.naming(options.labeller, options.pretrained),
        }
        if left and stuck(conn, batch_id, len(left)):  # a picture may kill its decoder
            careful = tuple(id for id, _ in left[: 2 * options.workers()])
        run_id = start_run(conn, batch_id, version(), kept_settings(options), shas, len(left))
    about = (f"{name}\n{canonical(look)}", (), is_stream(conn, batch_id), careful)
    return StartedRun(batch_id, name, run_id, ids["look"], ids["label"], ids["flag"], *about)


def _all_done(
    conn: Connection, batch_id: int, ids: dict[str, int], left: Sequence[tuple[int, int]]
) -> bool:
    """Whether the last run finished with these recipes and no window is left."""
    current = batch_row(conn, batch_id)
    same = all(current[f"{step}_recipe_id"] == id for step, id in ids.items())
    finished = last_run(conn, batch_id) == "finished"
    return same and finished and not left


def _known_as(options: RunOptions, content: str, shas: Iterable[str]) -> str | None:
    """The name under which exactly these pictures are known; without a name, most of them."""
    if not is_there(options.database):
        return None  # nothing is made before the whole card has been read
    with reading(ready_database(options.database)) as conn:
        batch_id = find_batch(conn, content)
        if batch_id is None and options.name is None:
            batch_id = batch_of_most(conn, shas)
        return batch_row(conn, batch_id)["name"] if batch_id else None


def other_name(options: RunOptions, run: StartedRun) -> tuple[str, ...]:
    """The same card twice is one card, whatever it is called the second time."""
    if options.name in (None, run.batch):
        return ()
    return (f"These pictures are known as batch {run.batch}; that name stays.",)
