"""The steps of a run, in their one order. `run_card` is the whole chain; flows/execution and
flows/prefect say how a step is run, never what it does.

Each step saves what it made before the next begins, and the database alone knows what is done: a
run that was killed is started again with the same command and goes on.
"""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from db.core.engine import writing
from db.store.batches import (
    end_run,
)
from flows.execution import loaded as models
from flows.execution.databases import ready_database
from flows.execution.ways import Way
from flows.facts.alerts import alerting_of
from flows.run_options import RunOptions, StartedRun, card_folder
from flows.steps.answers import answers_warnings, check_answers
from flows.steps.audit import audit
from flows.steps.boxes import boxes_warnings, check_boxes, forget_boxes
from flows.steps.certified import check_certificate
from flows.steps.finish import finish, same_database, summarise
from flows.steps.flags import flags
from flows.steps.ingest import ingest, other_name
from flows.steps.label import check_learned, label, naming_warnings
from flows.steps.score import pictures, score_windows, windows_left_of
from flows.steps.summary import Summary
from flows.steps.visits import visits
from pipeline.errors import CamtriageError, in_one_line
from pipeline.species.labelset import load_labelset, load_site_list


def run_card(options: RunOptions, way: Way) -> Summary:
    """Every step for one card. Bad input is refused before anything is written."""
    given, options = options, options.here()  # another machine maps the folders as they were given
    check_inputs(options)
    return carry_on(options, given, way.step(ingest, options), way)


def carry_on(options: RunOptions, given: RunOptions, run: StartedRun, way: Way) -> Summary:
    """Every step after ingest, for a run that it began. given: as they travel to other machines."""
    if run.run_id is None:
        forget_boxes()
        return replace(summarise(options, run), warnings=(*other_name(options, run), *run.notes))
    try:
        return _steps(options, given, run, way)
    except KeyboardInterrupt:
        left_off(options, run, "stopped by hand; run it again")
        raise
    except Exception as why:  # whatever it was: nobody should wait for this run any more
        left_off(options, run, in_one_line(why))
        raise


def _steps(options: RunOptions, given: RunOptions, run: StartedRun, way: Way) -> Summary:
    """What comes after ingest."""
    left = windows_left_of(options, run)
    started, size = time.perf_counter(), way.windows_at_once
    pieces = [left[i : i + size] for i in range(0, len(left), size)]
    way.each(score_windows, pieces, pictures, given, run)
    seconds = time.perf_counter() - started
    for function in (audit, label, visits, flags):
        way.step(function, options, run)
    warnings = (
        *other_name(options, run),
        *run.notes,
        *naming_warnings(options),
        *boxes_warnings(options, run.batch_id),
        *answers_warnings(options, run),
    )
    return finish(options, run, pictures(left), seconds, warnings)


def check_inputs(options: RunOptions) -> None:
    """Load all that can be wrong: folder, settings, models, lists, boxes, answers, channels."""
    card_folder(options.card)
    options.load_settings()
    models.frame_model(options.frame)
    models.detector(options.detector)
    models.encoder(options.labeller, options.pretrained)
    load_labelset(options.labels)
    check_learned(options)
    if options.sites:
        load_site_list(Path(options.sites))
    if options.boxes:
        check_boxes(options.boxes)
    check_answers(options)
    check_certificate(options)
    alerting_of()


def left_off(options: RunOptions, run: StartedRun, why: str) -> None:
    """Tell the run's row, as long as the database is not what failed and is still its own."""
    with (
        suppress(CamtriageError, SQLAlchemyError),
        writing(ready_database(options.database)) as conn,
    ):
        same_database(conn, run)
        assert run.run_id is not None
        end_run(conn, run.run_id, "unfinished", None, why)
