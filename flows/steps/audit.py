"""A random sample of the blanks, embedded, for a person to look at."""

import hashlib

from db.core.engine import reading, writing
from db.store.draws import blanks_not_covered, draws_of, save_draws
from db.store.files import save_file_problems
from db.store.media import media_named
from db.store.scores import frame_scores_named, save_embeddings
from db.store.windows import windows_left
from flows.execution import loaded as models
from flows.execution.databases import database
from flows.execution.retry import patient
from flows.run_options import Begun, Job
from flows.steps.card import opener
from pipeline.frames import score
from pipeline.trust.audit import draw


@patient
def audit(job: Job, begun: Begun, tell=None) -> None:
    """Draw a sample of the blanks that no earlier draw covers, and embed it.

    Only when every window is done: half of a card would be a stratum of its own."""
    with reading(database(job.database)) as conn:
        if windows_left(conn, begun.batch_id, begun.look):
            return
        earlier = draws_of(conn, begun.batch_id, begun.look)
        blanks = blanks_not_covered(conn, begun.batch_id, begun.look, earlier)
        if not blanks:
            return
    seed = int(hashlib.sha256(begun.seed.encode()).hexdigest()[:8], 16)
    new = draw(blanks, job.load_settings().audit, seed, earlier)
    with reading(database(job.database)) as conn:
        chosen = media_named(conn, [one.sha256 for one in new])
        looks = frame_scores_named(conn, begun.look, [one.sha256 for one in new])
    crops = {sha: one.crop for sha, one in looks.items()}
    encoder = models.encoder(job.labeller, job.pretrained)
    each = models.pool(job.workers()).map
    vectors, troubles = score.embed(chosen, crops, opener(job.card), encoder, each)
    with writing(database(job.database)) as conn:
        save_draws(conn, begun.batch_id, begun.look, [*earlier, *new], seed)
        save_embeddings(conn, begun.look, vectors)
        save_file_problems(conn, begun.batch_id, troubles)
