"""Sheets of visits: the random sample behind corrected numbers, and the queue of open cells."""

import sys
from pathlib import Path

from db.core.engine import reading, writing
from db.queries.population.sample import pictures_of, read_calls, save_sample
from flows.execution.databases import known_database
from flows.services.study.population import read_basis
from pipeline.errors import SettingsError
from pipeline.population.correction import sample as sampling
from pipeline.population.correction.sample import LabelledVisit
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.cell_queue import open_cells
from pipeline.population.study.species_occupancy import any_history
from pipeline.report.event_sheet import Asked, row_of, write_event_sheet
from pipeline.settings import load_settings

SAMPLE = (
    "These {0} visits were drawn at random from all visits, whatever the machine called them: "
    "people, vehicles and what it could not name among them, because an animal may be there too. "
    "What people see in them corrects the numbers of every species: camtriage population."
)
QUEUE = (
    "Each of these {0} visits stands for a station and an occasion in which a species was named "
    "and nobody has confirmed it yet. One confirmed visit settles its cell; if it is refused, the "
    "next surest visit of the cell comes with the next queue."
)


def write_sample(
    database: str, out: Path, events: int, seed: int, settings: str | None, show_people: bool
) -> list[Path]:
    """Draw a stratified sample, keep it, and write the sheet of what nobody has answered."""
    bar = load_settings(Path(settings) if settings else None).poaching.pixelate_bar
    _a_folder(out)
    with writing(known_database(database)) as conn:
        calls = read_calls(conn)
        draws = sampling.draw_sample(calls, events, seed)
        about = {
            "seed": seed,
            "events": events,
            "batches": sorted({call.batch for call in calls}),
            "strata": {draw.stratum: draw.stratum_size for draw in draws},
        }
        save_sample(conn, draws, about, seed)
        by_sha = {call.sha256: call for call in calls}
        drawn = [by_sha[draw.sha256] for draw in draws]
        open_ = [call for call in drawn if call.answer is None]
        asked = _asked(conn, open_, bar)
        words = SAMPLE.format(len(open_))
        paths = write_event_sheet(  # before the draw is kept: a folder may refuse it
            asked, out, "sample", "A random sample of visits", words, show_people
        )
    strata = len(about["strata"])
    print(
        f"{len(drawn)} of {len(calls)} visits drawn from {strata} strata, seed {seed}; "
        f"{len(drawn) - len(open_)} answered already, {len(open_)} in the sheet",
        file=sys.stderr,
    )
    return paths


def write_queue(
    database: str, out: Path, ask: StudyRequest, settings: str | None, show_people: bool, most: int
) -> list[Path]:
    """The sheet of visits that settle open cells of occupancy, the commonest species first."""
    bar = load_settings(Path(settings) if settings else None).poaching.pixelate_bar
    _a_folder(out)
    rests_on = read_basis(database, ask)
    grid = any_history(rests_on)
    with reading(known_database(database)) as conn:
        found = open_cells(rests_on, read_calls(conn), grid)
        some = found[:most]
        questions = [f"{hit.species}?" for hit, _ in some]
        asked = _asked(conn, [call for _, call in some], bar, questions)
    if absent := set(rests_on.request.species) - {one.taxon for one in rests_on.kept}:
        print(f"no visit is called {', '.join(sorted(absent))}", file=sys.stderr)
    words = QUEUE.format(len(some))
    paths = write_event_sheet(asked, out, "queue", "Open cells of occupancy", words, show_people)
    print(f"{len(found)} open cells, {len(some)} in the sheet", file=sys.stderr)
    return paths


def _asked(
    conn, calls: list[LabelledVisit], bar: float, questions: list[str] | None = None
) -> list[Asked]:
    pictures = pictures_of(conn, [call.sha256 for call in calls])
    made = []
    for call, question in zip(calls, questions or [""] * len(calls), strict=True):
        some = pictures[call.sha256]
        people = call.kind == "human" or any((p or 0) >= bar for _, _, p in some)
        shown = tuple((root, path) for path, root, _ in some)
        made.append(Asked(row_of(call, some[0][0]), shown, people, question))
    return made


def _a_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out} is a file: give a folder")
