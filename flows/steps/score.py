"""The models score windows of pictures; each window is saved in one transaction of its own."""

import platform
from collections.abc import Sequence

from sqlalchemy import Engine

from db.core.engine import reading, writing
from db.core.schema import canonical
from db.store.batches import (
    read_recipe,
)
from db.store.media import (
    media_of_window,
)
from db.store.scores import save_window
from db.store.windows import window_of, windows_left
from flows.execution import loaded as models
from flows.execution.databases import joined_database, ready_database
from flows.execution.earlier import Kept
from flows.execution.memory import give_back
from flows.execution.retry import patient
from flows.run_options import RunOptions, StartedRun
from flows.steps import recipes
from flows.steps.boxes import boxes_for
from flows.steps.card import opener
from flows.steps.certified import certified_look
from flows.steps.finish import same_database
from pipeline.errors import SettingsError
from pipeline.frames import score


@patient
def score_windows(windows: Sequence[tuple[int, int]], options: RunOptions, run: StartedRun) -> int:
    """Score some windows, (key, pictures) each; each is saved and marked done in one transaction of
    its own. Returns the number of pictures."""
    options = options.here()
    settings, read_bytes = options.load_settings(), opener(options.card)
    each = models.pool(options.workers()).map
    frame, detector = models.frame_model(options.frame), models.detector(options.detector)
    encoder = models.encoder(options.labeller, options.pretrained)
    engine = joined_database(options.database)
    with reading(engine) as conn:
        certified = certified_look(conn, options, settings, frame, encoder, detector)
    settings = certified.settings
    _refuse_other_models(engine, run, certified.look)
    for window_id, _ in windows:
        with reading(engine) as conn:
            media = media_of_window(conn, window_id)
            bursts = window_of(conn, window_id).bursts
        scored = score.score_window_in_child if window_id in run.careful else score.score_window
        boxes = boxes_for(options.boxes, options.database, run.batch_id)
        found = scored(
            media,
            bursts,
            read_bytes,
            frame,
            encoder,
            settings,
            boxes,
            each=each,
            detector=detector,
            earlier=Kept(engine, window_id, run.look, read_bytes, frame) if run.stream else None,
        )
        with writing(engine) as conn:
            same_database(conn, run)
            save_window(conn, window_id, run.look, found)
        give_back()
    return pictures(windows)


def _refuse_other_models(engine: Engine, run: StartedRun, recipe: recipes.Recipe) -> None:
    """SettingsError where this machine has other models or settings than the run began with."""
    with reading(engine) as conn:
        begun_with = read_recipe(conn, run.look)
    if differing := sorted(
        part
        for part in begun_with | recipe
        if canonical(begun_with.get(part)) != canonical(recipe.get(part))
    ):
        raise SettingsError(
            f"{platform.node()} would score with another {', '.join(differing)} than the run was "
            "begun with: install the same camtriage, models and settings on every machine"
        )


@patient
def windows_left_of(options: RunOptions, run: StartedRun) -> list[tuple[int, int]]:
    """(key, pictures) of each window that has no results yet."""
    with reading(ready_database(options.database)) as conn:
        return windows_left(conn, run.batch_id, run.look)


def pictures(windows: Sequence[tuple[int, int]]) -> int:
    return sum(pictures for _, pictures in windows)
