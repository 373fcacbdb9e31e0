"""A random sample of the blanks, embedded, for a person to look at."""

import hashlib
from dataclasses import replace

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
from pipeline.records import Draw
from pipeline.settings import Audit
from pipeline.trust.audit import Blank, draw

ROUND = 100  # blanks of a stream, as they came, from which a sample is drawn once they are together
PART = 5  # one in so many of them is drawn


@patient
def audit(options: RunOptions, run: StartedRun, tell: Progress | None = None) -> None:
    """Draw a sample of the blanks that no earlier draw covers, and embed it.

    Only when every window is done: half of a card would be a stratum of its own. One by one every
    blank of a stream would be drawn: there each ROUND of them is a draw."""
    with reading(ready_database(options.database)) as conn:
        if windows_left(conn, run.batch_id, run.look):
            return
        earlier = draws_of(conn, run.batch_id, run.look)
        blanks = blanks_not_covered(conn, run.batch_id, run.look, earlier)
    seed = int(hashlib.sha256(run.seed.encode()).hexdigest()[:8], 16)
    settings = options.load_settings().audit
    if run.stream:
        new = in_rounds(blanks, settings, seed, earlier)
    else:
        new = draw(blanks, settings, seed, earlier) if blanks else []
    if not new:
        return
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


def in_rounds(blanks: list[Blank], settings: Audit, seed: int, earlier: list[Draw]) -> list[Draw]:
    """Samples of each ROUND of a stream's blanks that is full; the rest waits.

    blanks    in the order in which they came, so that how many come at once changes nothing
    """
    new: list[Draw] = []
    settings = replace(settings, pictures=ROUND // PART)
    for begin in range(0, len(blanks) - ROUND + 1, ROUND):
        new += draw(blanks[begin : begin + ROUND], settings, seed, [*earlier, *new])
    return new
