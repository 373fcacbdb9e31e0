"""Names from stored vectors, or from another program's answers; no picture is opened."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.store.deployments import deployments_of
from db.store.labels import save_labels, unlabelled
from db.store.scores import frame_scores_named, vectors_of
from flows.execution import loaded as models
from flows.execution.databases import ready_database
from flows.execution.retry import patient
from flows.execution.ways import Progress
from flows.run_options import NamingOptions, StartedRun
from flows.steps.answers import answers_of, label_by_answers
from pipeline.errors import SettingsError
from pipeline.species import learned, zeroshot
from pipeline.species.labelset import load_labelset, load_site_list


@patient
def label(options: NamingOptions, run: StartedRun, tell: Progress | None = None) -> None:
    """Name every kept picture, unless this recipe has named them all."""
    with reading(ready_database(options.database)) as conn:
        left = unlabelled(conn, run.batch_id, run.look, run.label)
        answers = answers_of(conn, run.label)
    if left and answers:
        label_by_answers(options, run, answers, tell)
    elif left:
        _label_by_vectors(options, run, left, tell)


def _label_by_vectors(
    options: NamingOptions, run: StartedRun, left: int, tell: Progress | None
) -> None:
    settings, sites, done = options.load_settings().labels, sites_of(options), 0
    with reading(ready_database(options.database)) as conn:
        for among, bank in _banks(conn, options, run.batch_id):
            for shas, crops, frames in vectors_of(conn, run.batch_id, run.look, among):
                looks = frame_scores_named(conn, run.look, shas)
                seen = [looks[sha] for sha in shas]
                labels = zeroshot.label(shas, crops, frames, seen, bank, settings, sites)
                with writing(ready_database(options.database)) as other:
                    save_labels(other, run.label, labels)
                done += len(shas)
                if tell:
                    tell(done, max(done, left))


def _banks(
    conn: Connection, options: NamingOptions, batch_id: int
) -> Iterator[tuple[list[str] | None, zeroshot.Bank]]:
    """Deployments (None: all) and the bank that names their pictures."""
    head = models.learned(options.labeller)
    if head is None or not head.only_at:
        yield None, bank_of(options)
        return
    for place in deployments_of(conn, batch_id):
        yield [place.deployment_id], bank_of(options, place.deployment_id)


def naming_warnings(options: NamingOptions) -> tuple[str, ...]:
    """What a user should know of the label set though nothing failed: names never seen."""
    warning = None if options.answers else bank_of(options).warning
    return (warning,) if warning else ()


def bank_of(options: NamingOptions, deployment: str | None = None) -> zeroshot.Bank:
    """Names as vectors; where some were learned from reviews, with what was learned over them.

    deployment   one for which it was not judged gets the labeller's own names"""
    head = models.learned(options.labeller)
    bank = _bank(options.labels, options.labeller, options.pretrained)
    if head is None or (deployment is not None and not head.speaks_at(deployment)):
        return bank
    check_learned(options)
    return learned.mixed(bank, head)


def check_learned(options: NamingOptions) -> None:
    """SettingsError where names were learned beside another label set than these options have."""
    head = models.learned(options.labeller)
    if head is None:
        return
    beside = head.facts["label_set"]
    if beside["digest"] != load_labelset(options.labels).digest:
        raise SettingsError(
            f"{options.labeller} was learned beside the label set {beside['name']}, not "
            f"{options.labels}: give that one with --labels, or learn it again"
        )


@lru_cache(maxsize=4)
def _bank(labels: str, labeller: str, pretrained: str | None) -> zeroshot.Bank:
    return zeroshot.bank(load_labelset(labels), models.encoder(labeller, pretrained))


def sites_of(options: NamingOptions) -> frozenset[str] | None:
    return load_site_list(Path(options.sites)) if options.sites else None
