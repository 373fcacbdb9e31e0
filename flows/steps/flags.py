"""The poaching rules, asked about every visit."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.store.deployments import deployments_of
from db.store.flags import save_flags
from db.store.labels import labels_of
from db.store.media import media_of
from db.store.reviewing.reviews import reviews_of
from db.store.scores import Vectors, frame_scores_of, vectors_of
from db.store.visits import visits_of
from flows.execution.databases import ready_database
from flows.execution.retry import patient
from flows.execution.ways import Progress
from flows.facts.alerts import alerting_of, queue
from flows.run_options import NamingOptions, StartedRun
from flows.steps.certified import certified_settings
from pipeline.poaching import context
from pipeline.poaching.flags import flag_visits
from pipeline.records import Deployment, Flag
from pipeline.settings import Settings


@patient
def flags(options: NamingOptions, run: StartedRun, tell: Progress | None = None) -> None:
    """Ask the poaching rules about every visit of this card's deployments."""
    told = alerting_of()
    with reading(ready_database(options.database)) as conn:
        places = deployments_of(conn, run.batch_id)
    for done, place in enumerate(places, 1):
        with reading(ready_database(options.database)) as conn:
            settings, _ = certified_settings(conn, options, options.load_settings())
            found = found_flags(conn, settings, run, [place], options)
        with writing(ready_database(options.database)) as conn:
            save_flags(conn, run.flag, found, [place.deployment_id])
            queue(conn, told, run, place, found)
        if tell:
            tell(done, len(places))


def found_flags(
    conn: Connection,
    settings: Settings,
    run: StartedRun,
    places: Sequence[Deployment],
    options: NamingOptions | None = None,
) -> list[Flag]:
    """The flags of some deployments, from the current visits; with options, the labeller is asked
    about weapons and snares."""
    batch, among = run.batch_id, [place.deployment_id for place in places]
    return flag_visits(
        visits_of(conn, batch, run.label, among),
        frame_scores_of(conn, batch, run.look, among),
        labels_of(conn, batch, run.label, among),
        places,
        settings,
        _context(options, vectors_of(conn, batch, run.look, among)) if options else None,
        reviews_of(conn, batch, among),
        media_of(conn, batch, among),
    )


def _context(
    options: NamingOptions, chunks: Iterator[Vectors]
) -> dict[str, dict[str, float]] | None:
    """Weapon, snare, carcass and so on, where the labeller is general enough to be asked."""
    from flows.execution import loaded as models  # here: other rules need no models

    if not context.can_tell(models.labeller_name(options.labeller)):
        return None
    encoder = models.encoder(options.labeller, options.pretrained)
    prompts = encoder.texts(context.texts())
    scores: dict[str, dict[str, float]] = {}
    for shas, _, frames in chunks:
        found = context.context_scores(frames, prompts, encoder.family, encoder.scale, encoder.bias)
        scores |= context.by_picture(shas, found)
    return scores
