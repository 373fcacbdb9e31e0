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
from flows.execution.databases import database
from flows.run_options import Begun, Job, card_folder
from flows.steps.audit import audit
from flows.steps.finish import finish, same_database, summarise
from flows.steps.flags import flags
from flows.steps.ingest import ingest, other_name
from flows.steps.label import label
from flows.steps.score import pictures, score_windows, windows_left_of
from flows.steps.summary import Summary
from flows.steps.visits import visits
from pipeline.errors import CamtriageError, in_one_line
from pipeline.exchange.megadetector import read_results
from pipeline.species.labelset import load_labelset, load_site_list


def run_card(job: Job, way) -> Summary:
    """Every step for one card. Bad input is refused before anything is written."""
    given, job = job, job.here()  # another machine maps the folders as they were given
    check_inputs(job)
    begun = way.step(ingest, job)
    if begun.run_id is None:
        return replace(summarise(job, begun), warnings=other_name(job, begun))
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
    left = windows_left_of(job, begun)
    started, some = time.perf_counter(), way.windows_at_once
    pieces = [left[i : i + some] for i in range(0, len(left), some)]
    way.each(score_windows, pieces, pictures, given, begun)
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


def left_off(job: Job, begun: Begun, why: str) -> None:
    """Tell the run's row, as long as the database is not what failed and is still its own."""
    with suppress(CamtriageError, SQLAlchemyError), writing(database(job.database)) as conn:
        same_database(conn, begun)
        end_run(conn, begun.run_id, "unfinished", None, why)
