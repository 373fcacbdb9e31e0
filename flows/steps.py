"""The steps of a run, in their one order. `run_card` is the whole chain; flows/ways.py and
flows/triage.py say how a step is run, never what it does.

Each step saves what it made before the next begins, and the database alone knows what is done: a
run that was killed is started again with the same command and goes on.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from db import read, save
from flows import models, recipes
from flows.card import Card, read_card
from flows.engines import database
from flows.job import Job, card_folder
from flows.naming import audit, flags, label, visits
from flows.summary import Summary
from pipeline.card.scan import os_path
from pipeline.card.windows import plan
from pipeline.errors import CardError
from pipeline.exchange.megadetector import read_results
from pipeline.frames import look as looking
from pipeline.records import Media, Window
from pipeline.species.labelset import load_labelset, load_site_list


def run_card(job: Job, way) -> Summary:
    """Every step for one card. Bad input is refused before anything is written."""
    check_inputs(job)
    begun = way.step(ingest, job)
    left = windows_left(job, begun)
    started = time.perf_counter()
    some = way.windows_at_once
    way.each(look_at, [left[i : i + some] for i in range(0, len(left), some)], pictures, job, begun)
    seconds = time.perf_counter() - started
    for function in (audit, label, visits, flags):
        way.step(function, job, begun)
    return finish(job, begun, pictures(left), seconds)


def check_inputs(job: Job) -> None:
    """Load all that can be wrong: settings, models, label set, site list, boxes, the folder."""
    card_folder(job.card)
    job.load_settings()
    models.frame_model(job.frame)
    models.encoder(job.labeller, job.pretrained)
    load_labelset(job.labels)
    if job.sites:
        load_site_list(Path(job.sites))
    models.boxes(job.boxes)


def ingest(job: Job, tell=None) -> Begun:
    """Read the card and save files, pictures, deployments, troubles and the plan at once."""
    return save_card(job, read_card(job, lambda content: _known_as(job, content), tell))


def save_card(job: Job, card: Card) -> Begun:
    """One transaction: a card is in the database with its whole plan, or not at all."""
    settings = job.load_settings()
    with database(job.database).begin() as conn:
        batch_id = save.save_batch(conn, card.name, str(card.root.resolve()), card.content)
        save.save_deployments(conn, card.deployments)
        doubled = save.save_media(conn, batch_id, card.media)
        shas = {one.path: one.sha256 for one in card.media}
        save.save_files(conn, batch_id, card.found, shas)
        save.save_troubles(conn, batch_id, [*card.troubles, *doubled])
        new = read.unplanned_media(conn, batch_id)
        numbers = read.next_numbers(conn, sorted({one.deployment_id for one in new}))
        save.save_windows(conn, batch_id, plan(new, settings.windows, numbers))
        return _begin(conn, job, settings, batch_id, card.name)


def look_at(windows: Sequence[tuple[int, Window]], job: Job, begun: Begun) -> int:
    """Look at some windows; each is saved and marked done in one transaction of its own."""
    settings, root = job.load_settings(), card_folder(job.card)
    frame, encoder = models.frame_model(job.frame), models.encoder(job.labeller, job.pretrained)
    for window_id, window in windows:
        with database(job.database).connect() as conn:
            media = read.media_of_window(conn, begun.batch_id, window_id)
        seen = looking.look_at(
            media, window.bursts, _opener(root), frame, encoder, settings, models.boxes(job.boxes)
        )
        with database(job.database).begin() as conn:
            save.save_seen(conn, window_id, begun.look, seen)
    return pictures(windows)


def pictures(windows: Sequence[tuple[int, Window]]) -> int:
    return sum(len(window.sha256s) for _, window in windows)


def _opener(root: Path):
    """Bytes of a picture; a card that was pulled out stops the run, a lost file does not."""

    def open_picture(one: Media) -> bytes:
        try:
            return (root / os_path(one.path)).read_bytes()
        except OSError as why:
            if not root.is_dir() or not any(root.iterdir()):
                raise CardError(f"{root}: the card is gone; put it back and run again") from why
            raise

    return open_picture
