"""Filters of a queue that name what is not here: refused, instead of an empty queue."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from db.core.engine import reading
from db.queries.reviewing.queues import KINDS_BY_NAME, choices, is_deployment
from flows.execution.databases import known_database
from flows.services.reviewing.queues import Queue
from pipeline.errors import InputError

MOST_TOLD = 3  # names that a refusal gives
LONGEST_TOLD = 40  # letters of what was typed


def refuse_unknown(database: str, queue: Queue, common: Mapping[str, str]) -> None:
    """InputError, with the names nearest to it, where the filter of a queue names a deployment that
    is not here, or a species that the machine saw in no visit.

    common   scientific -> common name
    """
    place, species = queue.filter.deployment, queue.filter.species
    if place is None and species is None:
        return
    with reading(known_database(database)) as conn:
        lost = place is not None and not is_deployment(conn, place)
        places, names = choices(conn) if lost or species is not None else ([], [])
    if lost and place is not None:
        raise InputError(f"no deployment {place[:LONGEST_TOLD]}; {_nearest(place, places, {})}")
    if species is not None and species not in (*names, *KINDS_BY_NAME):
        about = f"no visit that the machine called {species[:LONGEST_TOLD]}"
        raise InputError(f"{about}; {_nearest(species, names, common)}")


def _nearest(typed: str, known: Sequence[str], common: Mapping[str, str]) -> str:
    """Some of what is here, the most like `typed` first."""

    def likeness(name: str) -> float:
        written = (name, common.get(name, name))
        return max(SequenceMatcher(None, typed.lower(), one.lower()).ratio() for one in written)

    told = sorted(known, key=lambda name: (-likeness(name), name))[:MOST_TOLD]
    more = f" and {len(known) - len(told)} more" if len(known) > len(told) else ""
    called = [f"{name} ({common[name]})" if name in common else name for name in told]
    return f"there are {', '.join(called)}{more}" if told else "there is none yet"
