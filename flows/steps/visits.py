"""Visits, formed from what is stored of each deployment."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.store.deployments import deployments_of
from db.store.labels import labels_of
from db.store.media import bursts_of, media_of
from db.store.scores import Vectors, frame_scores_of, vectors_of
from db.store.visits import save_visits
from flows.execution.databases import database
from flows.execution.retry import patient
from flows.run_options import Begun, Job
from flows.steps.label import bank_of, sites_of
from pipeline.records import Visit
from pipeline.species import zeroshot
from pipeline.species.visits import form_visits


@patient
def visits(job: Job, begun: Begun, tell=None) -> None:
    """Form the visits of this card's deployments anew, with what other cards brought to them."""
    with reading(database(job.database)) as conn:
        places = deployments_of(conn, begun.batch_id)
    for done, one in enumerate(places, 1):  # one after the other: memory for one
        with reading(database(job.database)) as conn:
            formed = formed_visits(conn, job, begun, [one.deployment_id])
        with writing(database(job.database)) as conn:
            save_visits(conn, begun.label, formed, [one.deployment_id])
        if tell:
            tell(done, len(places))


def formed_visits(conn: Connection, job: Job, begun: Begun, among: Sequence[str]) -> list[Visit]:
    """The visits of some deployments, from the vectors, looks and labels that are kept."""
    bank = bank_of(job)
    media = media_of(conn, begun.batch_id, among)
    looks = frame_scores_of(conn, begun.batch_id, begun.look, among)
    labels = labels_of(conn, begun.batch_id, begun.label, among)
    bursts = bursts_of(conn, begun.batch_id, among)
    logits = dict(_logits(vectors_of(conn, begun.batch_id, begun.look, among), bank))
    looked = [one for one in media if one.sha256 in looks]
    return form_visits(
        looked, looks, labels, logits, bank, job.load_settings(), bursts, sites_of(job)
    )


def _logits(chunks: Iterator[Vectors], bank: zeroshot.Bank) -> Iterator[tuple]:
    for shas, crops, frames in chunks:
        yield from zip(shas, zeroshot.logits(crops, frames, bank), strict=True)
