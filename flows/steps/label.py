"""Names from stored vectors; no picture is opened."""

from functools import lru_cache
from pathlib import Path

from db.core.engine import reading, writing
from db.store.labels import save_labels, unlabelled
from db.store.scores import frame_scores_named, vectors_of
from flows.execution import loaded as models
from flows.execution.databases import database
from flows.execution.retry import patient
from flows.run_options import Begun, Job
from pipeline.species import zeroshot
from pipeline.species.labelset import load_labelset, load_site_list


@patient
def label(job: Job, begun: Begun, tell=None) -> None:
    """Name every picture that has vectors, unless this recipe has named them all."""
    settings, bank, sites, done = job.load_settings().labels, bank_of(job), sites_of(job), 0
    with reading(database(job.database)) as conn:
        left = unlabelled(conn, begun.batch_id, begun.look, begun.label)
        if not left:
            return
        for shas, crops, frames in vectors_of(conn, begun.batch_id, begun.look):
            looks = frame_scores_named(conn, begun.look, shas)
            seen = [looks[sha] for sha in shas]
            labels = zeroshot.label(shas, crops, frames, seen, bank, settings, sites)
            with writing(database(job.database)) as other:
                save_labels(other, begun.label, labels)
            done += len(shas)
            if tell:
                tell(done, max(done, left))


def bank_of(job: Job) -> zeroshot.Bank:
    return _bank(job.labels, job.labeller, job.pretrained)


@lru_cache(maxsize=4)
def _bank(labels: str, labeller: str, pretrained: str | None) -> zeroshot.Bank:
    return zeroshot.bank(load_labelset(labels), models.encoder(labeller, pretrained))


def sites_of(job: Job) -> frozenset[str] | None:
    return load_site_list(Path(job.sites)) if job.sites else None
