"""What `camtriage models` and `camtriage doctor` print."""

from pathlib import Path

from pipeline.counted import counted
from pipeline.errors import CamtriageError


def print_models() -> int:
    """What is offered: one line a model, and what to know about it."""
    from pipeline.models.catalogue import OFFERS, is_here

    for one in OFFERS:
        here = "here" if is_here(one) else "not here"
        print(f"{one.name:<24} {one.task:<12} {one.megabytes:>5} MB  {one.licence:<14} {here}")
        print(f"    {one.source}: {one.note}")
    print("fetch the rest with: camtriage models pull field (or one of the names)")
    return 0


def pull_models(name: str, folder: Path | None) -> int:
    """Fetch a profile or one model; what is here already is only checked."""
    from pipeline.models.pull import pull

    for place in pull(name, folder):
        print(place)
    return 0


def print_doctor(database: str, settings: str | None) -> int:
    """Every check on a line; what does not work says what to do about it."""
    from flows.services.doctor import examine
    from pipeline.settings import load_settings

    own = load_settings(Path(settings) if settings else None)
    about, deployments = _database(database)
    for one in [about, *examine(own, deployments)]:
        print(f"{'works' if one.ok else 'look '}  {one.name}: {one.detail}")
        if one.what_to_do:
            print(f"       -> {one.what_to_do}")
    return 0


def print_benchmark(threads: int) -> int:
    """Pictures a second of each part on this machine, and what a run would use."""
    from flows.services.benchmark import advice, measure

    for one in measure(threads):
        note = "" if one.used else "   (not used, to compare)"
        print(f"{one.per_second:8.1f} pictures/s  {one.part}{note}", flush=True)
    print(advice(threads))
    return 0


def _database(url: str) -> tuple:
    """A check of the database, and its deployments; the doctor makes none and changes none."""
    from db.core.engine import reading, shown
    from db.store.batches import all_batches
    from db.store.deployments import all_deployments
    from flows.execution.databases import environment_url, is_there, joined_database
    from flows.services.doctor import Check

    try:
        if not is_there(url):
            return Check("database", True, f"{shown(environment_url(url))}: a run makes it"), []
        with reading(joined_database(url)) as conn:
            cards, places = counted(len(all_batches(conn)), "card"), all_deployments(conn)
    except CamtriageError as why:
        return Check("database", False, str(why), "no other command works until it does"), []
    return Check("database", True, f"{shown(environment_url(url))}: {cards}"), places
