"""Visits, formed from what is stored of each deployment."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.store.deployments import deployments_of
from db.store.labels import labels_of
from db.store.media import bursts_of, media_of
from db.store.scores import Vectors, frame_scores_of, vectors_of
from db.store.visits import save_visits
from flows.execution.databases import ready_database
from flows.execution.retry import patient
from flows.execution.ways import Progress
from flows.run_options import NamingOptions, StartedRun
from flows.steps.answers import answers_of, taxa_in
from flows.steps.label import bank_of, sites_of
from pipeline.records import Visit
from pipeline.species import zeroshot
from pipeline.species.answers import ByAnswers
from pipeline.species.visit_names import ByVectors, Namer
from pipeline.species.visits import form_visits


@patient
def visits(options: NamingOptions, run: StartedRun, tell: Progress | None = None) -> None:
    """Form the visits of this card's deployments again, with what other cards brought to them."""
    with reading(ready_database(options.database)) as conn:
        places = deployments_of(conn, run.batch_id)
    for done, place in enumerate(places, 1):  # one at a time, to save memory
        with reading(ready_database(options.database)) as conn:
            formed = formed_visits(conn, options, run, place.deployment_id)
        with writing(ready_database(options.database)) as conn:
            save_visits(conn, run.label, formed, [place.deployment_id])
        if tell:
            tell(done, len(places))


def formed_visits(
    conn: Connection, options: NamingOptions, run: StartedRun, deployment_id: str
) -> list[Visit]:
    """The visits of one deployment, from the stored vectors, frame scores and labels."""
    among = [deployment_id]
    media = media_of(conn, run.batch_id, among)
    scores = frame_scores_of(conn, run.batch_id, run.look, among)
    labels = labels_of(conn, run.batch_id, run.label, among)
    bursts = bursts_of(conn, run.batch_id, among)
    settings, answers = options.load_settings(), answers_of(conn, run.label)
    namer: Namer
    if answers:
        namer = ByAnswers(labels, taxa_in(answers))
    else:
        bank = bank_of(options, deployment_id)
        logits = dict(_logits(vectors_of(conn, run.batch_id, run.look, among), bank))
        namer = ByVectors(logits, bank, settings.labels, sites_of(options))
    scored = [picture for picture in media if picture.sha256 in scores]
    return form_visits(scored, scores, labels, namer, settings, bursts)


def _logits(
    chunks: Iterator[Vectors], bank: zeroshot.Bank
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for shas, crops, frames in chunks:
        yield from zip(shas, zeroshot.logits(crops, frames, bank), strict=True)
