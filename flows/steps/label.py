"""Names from stored vectors, or from another program's answers; no picture is opened."""

from functools import lru_cache
from pathlib import Path

from db.core.engine import reading, writing
from db.store.labels import save_labels, unlabelled
from db.store.scores import frame_scores_named, vectors_of
from flows.execution import loaded as models
from flows.execution.databases import ready_database
from flows.execution.retry import patient
from flows.execution.ways import Progress
from flows.run_options import NamingOptions, StartedRun
from flows.steps.answers import answers_of, label_by_answers
from pipeline.species import zeroshot
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
    settings, bank, sites, done = (
        options.load_settings().labels,
        bank_of(options),
        sites_of(options),
        0,
    )
    with reading(ready_database(options.database)) as conn:
        for shas, crops, frames in vectors_of(conn, run.batch_id, run.look):
            looks = frame_scores_named(conn, run.look, shas)
            seen = [looks[sha] for sha in shas]
            labels = zeroshot.label(shas, crops, frames, seen, bank, settings, sites)
            with writing(ready_database(options.database)) as other:
                save_labels(other, run.label, labels)
            done += len(shas)
            if tell:
                tell(done, max(done, left))


def naming_warnings(options: NamingOptions) -> tuple[str, ...]:
    """What a user should know of the label set though nothing failed: names never seen."""
    warning = None if options.answers else bank_of(options).warning
    return (warning,) if warning else ()


def bank_of(options: NamingOptions) -> zeroshot.Bank:
    return _bank(options.labels, options.labeller, options.pretrained)


@lru_cache(maxsize=4)
def _bank(labels: str, labeller: str, pretrained: str | None) -> zeroshot.Bank:
    return zeroshot.bank(load_labelset(labels), models.encoder(labeller, pretrained))


def sites_of(options: NamingOptions) -> frozenset[str] | None:
    return load_site_list(Path(options.sites)) if options.sites else None
