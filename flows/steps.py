"""The steps of a run, in their one order. `run_card` is the whole chain; flows/ways.py and
flows/triage.py say how a step is run, never what it does.

Each step saves what it made before the next begins, and the database alone knows what is done: a
run that was killed is started again with the same command and goes on.
"""

import platform
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

import db.summary
from db import read, save
from db.engine import reading, writing
from db.schema import canonical
from flows import models, recipes
from flows.boxes import boxes_for, words_about
from flows.card import Card, opener, read_card
from flows.engines import database, is_there, joined_database
from flows.job import Begun, Job, card_folder
from flows.memory import give_back
from flows.naming import audit, bank_of, flags, label, visits
from flows.patience import patient
from flows.summary import Summary, exit_code
from pipeline.card.windows import plan
from pipeline.errors import CamtriageError, DatabaseChanged, SettingsError, in_one_line
from pipeline.exchange.megadetector import read_results
from pipeline.frames import look as looking
from pipeline.poaching.scene import facts
from pipeline.species.labelset import load_labelset, load_site_list

VERSION = "0.1.0"


def run_card(job: Job, way) -> Summary:
    """Every step for one card. Bad input is refused before anything is written."""
    given, job = job, job.here()  # another machine maps the folders as they were given
    check_inputs(job)
    begun = way.step(ingest, job)
    if begun.run_id is None:
        return replace(summarise(job, begun), warnings=_other_name(job, begun))
    try:
        return _steps(job, given, begun, way)
    except KeyboardInterrupt:
        left_off(job, begun, "stopped by hand; run it again")
        raise
    except Exception as why:  # whatever it was: who looks at the runs should not wait for this one
        left_off(job, begun, in_one_line(why))
        raise


def _steps(job: Job, given: Job, begun: Begun, way) -> Summary:
    """What comes after ingest. given: the job as other machines are told it."""
    left = _windows_left(job, begun)
    started, some = time.perf_counter(), way.windows_at_once
    pieces = [left[i : i + some] for i in range(0, len(left), some)]
    way.each(look_at, pieces, pictures, given, begun)
    seconds = time.perf_counter() - started
    for function in (audit, label, visits, flags):
        way.step(function, job, begun)
    return finish(job, begun, pictures(left), seconds)


def check_inputs(job: Job) -> None:
    """Load all that can be wrong: folder, settings, models, label set, site list, boxes."""
    card_folder(job.card)
    job.load_settings()
    models.frame_model(job.frame)
    models.encoder(job.labeller, job.pretrained)
    load_labelset(job.labels)
    if job.sites:
        load_site_list(Path(job.sites))
    if job.boxes:
        read_results(Path(job.boxes))


@patient
def ingest(job: Job, tell=None) -> Begun:
    """Read the card and save files, pictures, deployments, troubles and the plan at once."""
    begun = save_card(job, read_card(job, lambda *found: _known_as(job, *found), tell))
    give_back()
    return begun


def save_card(job: Job, card: Card) -> Begun:
    """One transaction: a card is in the database with its whole plan, or not at all."""
    with writing(database(job.database)) as conn:
        batch_id = save.save_batch(conn, card.name, str(card.root.resolve()), card.content)
        before = _facts(conn, batch_id)
        save.save_deployments(conn, card.deployments)
        doubled = save.save_media(conn, batch_id, card.media)
        if job.deployments and len(doubled) == len(card.media):
            raise SettingsError(
                f"{job.deployments}: all pictures of {card.name} are known already, in other "
                "deployments; to complete those: camtriage deployments import"
            )
        save.save_files(conn, batch_id, card.files())
        save.forget_empty(conn, card.deployments)
        save.save_troubles(conn, batch_id, chain(card.troubles, doubled))
        for place in sorted(one.deployment_id for one in card.deployments):
            new = read.unplanned_media(conn, batch_id, place)
            numbers = read.next_numbers(conn, [place])
            save.save_windows(conn, batch_id, plan(new, job.load_settings().windows, numbers))
        return _begin(conn, job, batch_id, card.name, before != _facts(conn, batch_id))


def _facts(conn, batch_id: int) -> dict[str, tuple]:
    return {one.deployment_id: facts(one) for one in read.deployments_of(conn, batch_id)}


def _begin(conn, job: Job, batch_id: int, name: str, told: bool) -> Begun:
    """The recipes of this run, and a row for it unless nothing is left to do. `told`: its table
    says something else of a deployment than was known, and rules look at that."""
    settings, labelset = job.load_settings(), load_labelset(job.labels)
    frame, encoder = models.frame_model(job.frame), models.encoder(job.labeller, job.pretrained)
    look = recipes.look_recipe(job, settings, frame, encoder)
    label_ = recipes.label_recipe(look, job, settings, labelset)
    steps = {"look": look, "label": label_, "flag": recipes.flag_recipe(label_, settings)}
    ids = {step: save.save_recipe(conn, step, recipe) for step, recipe in steps.items()}
    left = read.windows_left(conn, batch_id, ids["look"])
    run_id, careful = None, ()
    if told or not _all_done(conn, batch_id, ids, left):
        shas = {
            f"frame model {frame.name}": frame.sha256,
            f"labeller {encoder.name}": encoder.sha256,
        }
        if left and db.summary.stuck(conn, batch_id, len(left)):  # a picture may kill its decoder
            careful = tuple(id for id, _ in left[: 2 * job.workers()])
        run_id = save.start_run(conn, batch_id, VERSION, settings.as_dict(), shas, len(left))
    seed = f"{name}\n{canonical(look)}"
    return Begun(batch_id, name, run_id, **ids, seed=seed, careful=careful)


def _all_done(conn, batch_id: int, ids: dict[str, int], left: list) -> bool:
    """Whether the last run finished with these recipes and no window is left."""
    current = read.batch_row(conn, batch_id)
    same = all(current[f"{step}_recipe_id"] == id for step, id in ids.items())
    finished = db.summary.last_run(conn, batch_id) == "finished"
    return same and finished and not left


@patient
def look_at(windows: Sequence[tuple[int, int]], job: Job, begun: Begun) -> int:
    """Look at some windows, (key, pictures) each; each is saved and marked done in one transaction
    of its own."""
    job = job.here()
    settings, read_bytes = job.load_settings(), opener(job.card)
    each = models.pool(job.workers()).map
    frame, encoder = models.frame_model(job.frame), models.encoder(job.labeller, job.pretrained)
    engine = joined_database(job.database)
    _same_look(engine, begun, recipes.look_recipe(job, settings, frame, encoder))
    for window_id, _ in windows:
        with reading(engine) as conn:
            media = read.media_of_window(conn, window_id)
            bursts = read.window(conn, window_id).bursts
        look = looking.look_in_child if window_id in begun.careful else looking.look_at
        boxes = boxes_for(job.boxes, job.database, begun.batch_id)
        seen = look(media, bursts, read_bytes, frame, encoder, settings, boxes, each=each)
        with writing(engine) as conn:
            _same_database(conn, begun)
            save.save_seen(conn, window_id, begun.look, seen)
        give_back()
    return pictures(windows)


def _same_database(conn, begun: Begun) -> None:
    """A backup restored meanwhile knows nothing of this run, or another card by its key."""
    if not read.is_run_of(conn, begun.run_id, begun.batch_id, begun.batch):
        raise DatabaseChanged(
            f"batch {begun.batch}: the database was replaced while this run wrote into it; run the "
            "command again"
        )


def _same_look(engine, begun: Begun, recipe: dict) -> None:
    """On another machine: what looks there must be what the run was begun with."""
    with reading(engine) as conn:
        asked = read.recipe(conn, begun.look)
    if differing := sorted(
        part for part in asked if canonical(asked[part]) != canonical(recipe.get(part))
    ):
        raise SettingsError(
            f"{platform.node()} would look with another {', '.join(differing)} than the run was "
            "begun with: install the same camtriage, models and settings on every machine"
        )


@patient
def finish(job: Job, begun: Begun, looked: int, seconds: float) -> Summary:
    """Make this run's results the ones that the views show, and close its row."""
    with writing(database(job.database)) as conn:
        _same_database(conn, begun)
        save.set_current(conn, begun.batch_id, begun.look, begun.label, begun.flag)
    summary = replace(summarise(job, begun, looked, seconds), warnings=_warnings(job, begun))
    counts = {"files": summary.files, "pictures": summary.pictures, **summary.states}
    with writing(database(job.database)) as conn:
        status = "unfinished" if exit_code(summary) else "finished"
        save.end_run(conn, begun.run_id, status, counts)
    return summary


def left_off(job: Job, begun: Begun, why: str) -> None:
    """Tell the run's row, as long as the database is not what failed and is still its own."""
    with suppress(CamtriageError, SQLAlchemyError), writing(database(job.database)) as conn:
        _same_database(conn, begun)
        save.end_run(conn, begun.run_id, "unfinished", None, why)


def summarise(job: Job, begun: Begun, looked: int = 0, seconds: float = 0.0) -> Summary:
    with reading(database(job.database)) as conn:
        files = read.file_counts(conn, begun.batch_id)
        return Summary(
            batch=begun.batch,
            known=begun.run_id is None,
            files=files.found,
            pictures=files.pictures,
            troubled=files.unreadable,
            other={**files.other, "skipped": files.skipped} if files.skipped else {**files.other},
            troubles=len(read.troubles_of(conn, begun.batch_id)),
            states=db.summary.states(conn, begun.batch_id),
            species=db.summary.species(conn, begun.batch_id),
            flags=db.summary.flags(conn, begun.batch_id, begun.flag),
            audit=db.summary.drawn(conn, begun.batch_id, begun.look),
            undone=len(read.windows_left(conn, begun.batch_id, begun.look)),
            looked=looked,
            seconds=seconds,
        )


def pictures(windows: Sequence[tuple[int, int]]) -> int:
    return sum(pictures for _, pictures in windows)


@patient
def _windows_left(job: Job, begun: Begun) -> list[tuple[int, int]]:
    with reading(database(job.database)) as conn:
        return read.windows_left(conn, begun.batch_id, begun.look)


def _known_as(job: Job, content: str, shas: Iterable[str]) -> str | None:
    """The name under which exactly these pictures are known; without a name, most of them."""
    if not is_there(job.database):
        return None  # nothing is made before the whole card has been read
    with reading(database(job.database)) as conn:
        batch_id = read.find_batch(conn, content)
        if batch_id is None and job.name is None:
            batch_id = read.batch_of_most(conn, shas)
        return read.batch_row(conn, batch_id)["name"] if batch_id else None


def _warnings(job: Job, begun: Begun) -> tuple[str, ...]:
    """What a user should know though nothing failed: names never seen, boxes that match nothing."""
    unseen = bank_of(job).warning
    about = words_about(job.boxes, job.database, begun.batch_id)
    return (*_other_name(job, begun), *([unseen] if unseen else []), *about)


def _other_name(job: Job, begun: Begun) -> tuple[str, ...]:
    """The same card twice is one card, whatever it is called the second time."""
    if job.name in (None, begun.batch):
        return ()
    return (f"These pictures are known as batch {begun.batch}; that name stays.",)
