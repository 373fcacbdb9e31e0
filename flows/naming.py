"""The steps after looking: scores and vectors are all they need, but for the audit's sample."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection

from db import read, read_events, save, save_events
from db.audit import blanks_not_covered, draws_of
from db.engine import reading, writing
from flows import models
from flows.card import opener
from flows.engines import database
from flows.job import Begun, Job
from flows.patience import patient
from pipeline.frames import look as looking
from pipeline.poaching import context
from pipeline.poaching.rules import flag_visits
from pipeline.records import Deployment, Flag, Visit
from pipeline.settings import Settings
from pipeline.species import zeroshot
from pipeline.species.labelset import load_labelset, load_site_list
from pipeline.species.visits import form_visits
from pipeline.trust.audit import draw


@patient
def audit(job: Job, begun: Begun, tell=None) -> None:
    """Draw a sample of the blanks that no earlier draw covers, and embed it.

    Only when every window is done: half of a card would be a stratum of its own."""
    with reading(database(job.database)) as conn:
        if read.windows_left(conn, begun.batch_id, begun.look):
            return
        earlier = draws_of(conn, begun.batch_id, begun.look)
        blanks = blanks_not_covered(conn, begun.batch_id, begun.look, earlier)
        if not blanks:
            return
    seed = int(hashlib.sha256(begun.seed.encode()).hexdigest()[:8], 16)
    new = draw(blanks, job.load_settings().audit, seed, earlier)
    with reading(database(job.database)) as conn:
        chosen = read.media_named(conn, [one.sha256 for one in new])
        looks = read.looks_named(conn, begun.look, [one.sha256 for one in new])
    crops = {sha: one.crop for sha, one in looks.items()}
    encoder = models.encoder(job.labeller, job.pretrained)
    each = models.pool(job.workers()).map
    vectors, troubles = looking.embed(chosen, crops, opener(job.card), encoder, each)
    with writing(database(job.database)) as conn:
        save.save_draws(conn, begun.batch_id, begun.look, [*earlier, *new], seed)
        save.save_embeddings(conn, begun.look, vectors)
        save.save_troubles(conn, begun.batch_id, troubles)


@patient
def label(job: Job, begun: Begun, tell=None) -> None:
    """Name every picture that has vectors, unless this recipe has named them all."""
    settings, bank, sites, done = job.load_settings().labels, bank_of(job), _sites(job), 0
    with reading(database(job.database)) as conn:
        left = read.unlabelled(conn, begun.batch_id, begun.look, begun.label)
        if not left:
            return
        for shas, crops, frames in read.vectors_of(conn, begun.batch_id, begun.look):
            looks = read.looks_named(conn, begun.look, shas)
            seen = [looks[sha] for sha in shas]
            labels = zeroshot.label(shas, crops, frames, seen, bank, settings, sites)
            with writing(database(job.database)) as other:
                save.save_labels(other, begun.label, labels)
            done += len(shas)
            if tell:
                tell(done, max(done, left))


@patient
def visits(job: Job, begun: Begun, tell=None) -> None:
    """Form the visits of this card's deployments anew, with what other cards brought to them."""
    with reading(database(job.database)) as conn:
        places = read.deployments_of(conn, begun.batch_id)
    for done, one in enumerate(places, 1):  # one after the other: memory for one
        with reading(database(job.database)) as conn:
            formed = formed_visits(conn, job, begun, [one.deployment_id])
        with writing(database(job.database)) as conn:
            save_events.save_visits(conn, begun.label, formed, [one.deployment_id])
        if tell:
            tell(done, len(places))


def formed_visits(conn: Connection, job: Job, begun: Begun, among: Sequence[str]) -> list[Visit]:
    """The visits of some deployments, from the vectors, looks and labels that are kept."""
    bank = bank_of(job)
    media = read.media_of(conn, begun.batch_id, among)
    looks = read.looks_of(conn, begun.batch_id, begun.look, among)
    labels = read.labels_of(conn, begun.batch_id, begun.label, among)
    bursts = read.bursts_of(conn, begun.batch_id, among)
    logits = dict(_logits(read.vectors_of(conn, begun.batch_id, begun.look, among), bank))
    looked = [one for one in media if one.sha256 in looks]
    return form_visits(
        looked, looks, labels, logits, bank, job.load_settings(), bursts, _sites(job)
    )


@patient
def flags(job: Job, begun: Begun, tell=None) -> None:
    """Ask the poaching rules about every visit of this card's deployments."""
    with reading(database(job.database)) as conn:
        places = read.deployments_of(conn, begun.batch_id)
    for done, one in enumerate(places, 1):
        with reading(database(job.database)) as conn:
            found = found_flags(conn, job.load_settings(), begun, [one], job)
        with writing(database(job.database)) as conn:
            save_events.save_flags(conn, begun.flag, found, [one.deployment_id])
        if tell:
            tell(done, len(places))


def found_flags(
    conn: Connection,
    settings: Settings,
    begun: Begun,
    places: Sequence[Deployment],
    job: Job | None = None,
) -> list[Flag]:
    """The flags of some deployments, from the visits that stand; with a job, its labeller is asked
    about weapons and snares."""
    batch, among = begun.batch_id, [one.deployment_id for one in places]
    return flag_visits(
        read_events.visits_of(conn, batch, begun.label, among),
        read.looks_of(conn, batch, begun.look, among),
        read.labels_of(conn, batch, begun.label, among),
        places,
        settings,
        _context(job, read.vectors_of(conn, batch, begun.look, among)) if job else None,
        read.reviews_of(conn, batch, among),
        read.media_of(conn, batch, among),
    )


def bank_of(job: Job) -> zeroshot.Bank:
    return _bank(job.labels, job.labeller, job.pretrained)


@lru_cache(maxsize=4)
def _bank(labels: str, labeller: str, pretrained: str | None) -> zeroshot.Bank:
    return zeroshot.bank(load_labelset(labels), models.encoder(labeller, pretrained))


def _sites(job: Job) -> frozenset[str] | None:
    return load_site_list(Path(job.sites)) if job.sites else None


def _logits(chunks: Iterator[read.Vectors], bank: zeroshot.Bank) -> Iterator[tuple]:
    for shas, crops, frames in chunks:
        yield from zip(shas, zeroshot.logits(crops, frames, bank), strict=True)


def _context(job: Job, chunks: Iterator[read.Vectors]) -> dict | None:
    """Weapon, snare, carcass and so on, where the labeller is general enough to be asked."""
    if not context.can_tell(job.labeller):
        return None
    encoder = models.encoder(job.labeller, job.pretrained)
    prompts, scores = encoder.texts(context.texts()), {}
    for shas, _, frames in chunks:
        told = context.context_scores(frames, prompts, encoder.family, encoder.scale, encoder.bias)
        scores |= context.by_picture(shas, told)
    return scores
