"""A card that is known already, read again from another folder or without its table, or named by a
data set of others.

What a picture's place is called must not change because somebody gave the folder above, or left the
table out the second time: its deployment stays, and the paths of the card follow it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from db.core.rows import chunks
from db.store.batches import brought_by_streams
from db.store.deployments import all_deployments
from db.store.files import move_paths
from db.store.incoming.meeting import give_bytes, homes_of, known_bytes, waiting
from db.store.media import brought_before, media_of
from db.store.visits import save_visits, visits_of
from flows.steps.card import Card
from pipeline.card.packed import Packed
from pipeline.counted import counted
from pipeline.exchange.incoming.meeting import Bytes, meet
from pipeline.exchange.incoming.told import without
from pipeline.records import Media

Change = tuple[str, str]  # what is taken from the beginning of a path, what is put before it


def follow_the_folder(conn: Connection, batch_id: int, card: Card) -> None:
    """Where most pictures lie in another folder than before, all paths of the card follow."""
    votes: Counter[Change] = Counter()
    for part in chunks(card.media):
        known = brought_before(conn, batch_id, [picture.sha256 for picture in part])
        votes.update(
            _change(known[picture.sha256][0], picture.path)
            for picture in part
            if picture.sha256 in known
        )
    most = votes.most_common(1)
    if most and most[0][0] != ("", "") and 2 * most[0][1] > votes.total():
        move_paths(conn, batch_id, *most[0][0])


def _change(before: str, now: str) -> Change:
    """('', 'A/') for B/1.jpg that is A/B/1.jpg now: the beginnings that differ."""
    old, new = before.split("/"), now.split("/")
    while old and new and old[-1] == new[-1]:
        old.pop()
        new.pop()
    taken, put = ("/".join([*parts, ""]) if parts else "" for parts in (old, new))
    return taken, put


def with_known_places(conn: Connection, batch_id: int, card: Card) -> Card:
    """The card with the deployments that its pictures have already; new pictures go where all
    known ones of their folder and camera are."""
    return _at_homes(conn, card, partial(_homes, conn, batch_id))


def with_streams_places(conn: Connection, card: Card) -> Card:
    """The card with the deployments of the pictures that its camera had sent before by itself;
    its other pictures of that folder go there too."""
    sent = brought_by_streams(conn, (picture.sha256 for picture in card.media))
    if not sent:
        return card
    return _at_homes(conn, card, lambda part: [sent.get(picture.sha256) for picture in part])


def _at_homes(
    conn: Connection, card: Card, homes_of: Callable[[list[Media]], Sequence[str | None]]
) -> Card:
    seen: dict[str, Counter[str]] = defaultdict(Counter)  # by the name that the folder gives
    for part in chunks(card.media):
        for picture, home in zip(part, homes_of(part), strict=True):
            if home:
                seen[picture.deployment_id][home] += 1
    if all(homes.keys() == {name} for name, homes in seen.items()):
        return card
    named = {name: next(iter(homes)) for name, homes in seen.items() if len(homes) == 1}
    media = Packed(Media)
    for part in chunks(card.media):
        for picture, home in zip(part, homes_of(part), strict=True):
            name = home or named.get(picture.deployment_id, picture.deployment_id)
            media.append(replace(picture, deployment_id=name))
    used = {picture.deployment_id for picture in media}
    places = {place.deployment_id: place for place in card.deployments}
    places |= {place.deployment_id: place for place in all_deployments(conn)}
    return replace(card, media=media, deployments=tuple(places[name] for name in sorted(used)))


def _homes(conn: Connection, batch_id: int, media: list[Media]) -> list[str | None]:
    """The deployment of each picture that this card brought before from the same file."""
    known: Mapping[str, tuple[str, str]] = brought_before(
        conn, batch_id, [picture.sha256 for picture in media]
    )
    homes = (known.get(picture.sha256, ("", "")) for picture in media)
    return [
        home if path == picture.path else None
        for picture, (path, home) in zip(media, homes, strict=True)
    ]


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

    def places(part: list[Media]) -> list[str | None]:
        return [homes.get(picture.sha256) for picture in part]

    several = counted(len(met.doubtful), "picture")
    doubtful = f"; {several} of them might be several here" if met.doubtful else ""
    told = f"{counted(len(met.pairs), 'picture')} met what data sets say of them{doubtful}."
    return _at_homes(conn, card, places), (told,)


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
