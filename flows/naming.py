"""The steps after looking: they need vectors and scores, and, but for the audit, no picture."""

import hashlib
from pathlib import Path

from db import read, save
from db.audit import audited, draws_of
from db.engine import reading, writing
from flows import models
from flows.begun import Begun
from flows.engines import database
from flows.job import Job, opener
from pipeline.frames import look as looking
from pipeline.poaching import context as seeing
from pipeline.poaching.rules import flag_visits
from pipeline.species import zeroshot
from pipeline.species.labelset import load_labelset, load_site_list
from pipeline.species.visits import form_visits
from pipeline.trust.audit import draw


def audit(job: Job, begun: Begun, tell=None) -> None:
    """Draw a sample of the blanks that no earlier draw covers, and embed it."""
    with reading(database(job.database)) as conn:
        earlier = draws_of(conn, begun.batch_id, begun.look)
        blanks = audited(conn, begun.batch_id, begun.look, earlier)
        media = {one.sha256: one for one in read.media_of(conn, begun.batch_id)}
        looks = read.looks_of(conn, begun.batch_id, begun.look)
    if not blanks:
        return
    seed = int(hashlib.sha256(begun.seed.encode()).hexdigest()[:8], 16)
    new = draw(blanks, job.load_settings().audit, seed)
    chosen = [media[one.sha256] for one in new]
    crops = {one.sha256: looks[one.sha256].crop for one in chosen}
    encoder = models.encoder(job.labeller, job.pretrained)
    vectors, troubles = looking.embed(chosen, crops, opener(job.card), encoder)
    with writing(database(job.database)) as conn:
        save.save_draws(conn, begun.batch_id, begun.look, [*earlier, *new], seed)
        save.save_embeddings(conn, begun.look, vectors)
        save.save_troubles(conn, begun.batch_id, troubles)
