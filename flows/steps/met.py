"""Pictures of a card that a data set of others has named: what is said of them stands on these."""

from collections.abc import Mapping

from sqlalchemy import Connection

from db.store.incoming.meeting import give_bytes, homes_of, known_bytes, waiting
from db.store.media import media_of
from db.store.visits import save_visits, visits_of
from flows.steps.again import at_places
from flows.steps.card import Card
from pipeline.counted import counted
from pipeline.exchange.incoming.meeting import Bytes, meet
from pipeline.exchange.incoming.told import without
from pipeline.records import Media


def meet_data_sets(conn: Connection, batch_id: int, card: Card) -> tuple[Card, tuple[str, ...]]:
    """The card with the deployments that the data sets say, and a sentence where any met."""
    times = [picture.taken_at for picture in card.media if picture.taken_at]
    named = list(waiting(conn, (min(times), max(times)) if times else None))
    if not named:
        return card, ()
    here = known_bytes(conn, [picture.sha256 for picture in card.media])
    pictures = {picture.sha256: picture for picture in card.media if picture.sha256 not in here}
    met = meet(
        named,
        (Bytes(p.sha256, p.path, p.taken_at, p.deployment_id) for p in pictures.values()),
    )
    if not met.pairs:
        return card, ()
    stand_ins = {one.source_id: pictures[found.media_id] for one, found in met.pairs}
    _leave_their_visits(conn, stand_ins)
    give_bytes(conn, batch_id, stand_ins)
    homes = {found.media_id: one.deployment_id for one, found in met.pairs}
    several = counted(len(met.doubtful), "picture")
    doubtful = f"; {several} of them might be several here" if met.doubtful else ""
    told = f"{counted(len(met.pairs), 'picture')} met what data sets say of them{doubtful}."
    return at_places(conn, card, homes), (told,)


def _leave_their_visits(conn: Connection, stand_ins: Mapping[str, Media]) -> None:
    """They will be in visits of the card; those of the data set go on without them."""
    for (batch_id, recipe), names in homes_of(conn, list(stand_ins)).items():
        taken = {one.sha256: one.taken_at for one in media_of(conn, batch_id, names)}
        left = [
            rest
            for visit in visits_of(conn, batch_id, recipe, names)
            if (rest := without(visit, stand_ins.keys(), taken))
        ]
        save_visits(conn, recipe, left, names)
