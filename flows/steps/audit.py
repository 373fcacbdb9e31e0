"""A random sample of the blanks, embedded, for a person to look at."""

import hashlib

from db.core.engine import reading, writing
from db.store.files import save_file_problems
from db.store.media import media_named
from db.store.reviewing.draws import blanks_not_covered, draws_of, save_draws
from db.store.scores import frame_scores_named, save_embeddings
from db.store.windows import windows_left
from flows.execution import loaded as models
from flows.execution.databases import ready_database
from flows.execution.retry import patient
from flows.execution.ways import Progress
from flows.run_options import RunOptions, StartedRun
from flows.steps.card import opener
from pipeline.frames import score
from pipeline.trust.audit import draw


@patient
def audit(options: RunOptions, run: StartedRun, tell: Progress | None = None) -> None:
    """Draw a sample of the blanks that no earlier draw covers, and embed it.

    Only when every window is done: half of a card would be a stratum of its own."""
    with reading(ready_database(options.database)) as conn:
        if windows_left(conn, run.batch_id, run.look):
            return
        earlier = draws_of(conn, run.batch_id, run.look)
        blanks = blanks_not_covered(conn, run.batch_id, run.look, earlier)
        if not blanks:
            return
    seed = int(hashlib.sha256(run.seed.encode()).hexdigest()[:8], 16)
    new = draw(blanks, options.load_settings().audit, seed, earlier)
    with reading(ready_database(options.database)) as conn:
        chosen = media_named(conn, [draw.sha256 for draw in new])
        scores = frame_scores_named(conn, run.look, [draw.sha256 for draw in new])
    encoder = models.encoder(options.labeller, options.pretrained)
    each = models.pool(options.workers()).map
    vectors, troubles = score.embed(chosen, scores, opener(options.card), encoder, each)
    with writing(ready_database(options.database)) as conn:
        save_draws(conn, run.batch_id, run.look, [*earlier, *new], seed)
        save_embeddings(conn, run.look, vectors)
        save_file_problems(conn, run.batch_id, troubles)
