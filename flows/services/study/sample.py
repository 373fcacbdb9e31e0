"""Sheets of visits: the random sample behind corrected numbers, and the queue of open cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from db.core.engine import reading, writing
from db.queries.population.sample import pictures_of, save_sample
from db.store.deployments import all_deployments
from flows.execution.databases import known_database
from flows.facts.study import read_labelled_visits
from flows.run_options import study_settings
from flows.services.study.population import check_folder, read_basis
from pipeline.population.correction import sample as sampling
from pipeline.population.correction.openings import Opening, before_drawn, openings
from pipeline.population.correction.sample import LabelledVisit
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.cell_queue import open_cells
from pipeline.population.study.species_occupancy import any_history
from pipeline.population.study.verify import Hit
from pipeline.report.event_sheet import VisitQuestion, row_of, write_event_sheet

SAMPLE = (
    "These {0} visits were drawn at random from all visits, whatever the model called them: "
    "people, vehicles and what it could not name among them, because an animal may be there too. "
    "What people see in them corrects the numbers of every species: camtriage population."
)
BEFORE = (
    " {0} more come after them: visits of the half hour before a drawn one that shows an animal. "
    "Was it there already? What people see in them tells which visits begin an independent event."
)
QUEUE = (
    "Each of these {0} visits stands for a station and an occasion in which a species was named "
    "and nobody has confirmed it yet. One confirmed visit settles its cell; if it is refused, the "
    "next surest visit of the cell comes with the next queue."
)


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """A random sample of visits and its sheet."""

    paths: tuple[Path, ...]  # page and table
    visits: int  # from which it was drawn
    drawn: int
    in_sheet: int  # drawn, and not answered yet
    before: int  # visits before drawn ones in the sheet too
    strata: int
    seed: int


@dataclass(frozen=True, slots=True)
class VisitQueue:
    """Visits that settle open cells of occupancy, and their sheet."""

    paths: tuple[Path, ...]  # page and table
    cells: int  # that are open
    in_sheet: int
    absent: tuple[str, ...]  # names that were wanted and that no visit carries


def write_sample(
    database: str, out: Path, events: int, seed: int, settings: str | None, show_people: bool
) -> DrawnSample:
    """Draw a stratified sample, keep it, and write the sheet of what nobody has answered."""
    bar = study_settings(settings).poaching.pixelate_bar
    check_folder(out)
    with writing(known_database(database)) as conn:
        calls = read_labelled_visits(conn)
        draws = sampling.draw_sample(calls, events, seed)
        strata = {draw.stratum: draw.stratum_size for draw in draws}
        about = {
            "seed": seed,
            "events": events,
            "batches": sorted({call.batch for call in calls}),
            "strata": strata,
        }
        drawn = {draw.sha256 for draw in draws}
        by_sha = {call.sha256: call for call in calls}
        about["answered"] = sorted(sha for sha in drawn if by_sha[sha].answer is not None)
        save_sample(conn, draws, about, seed)
        unanswered = [by_sha[draw.sha256] for draw in draws if by_sha[draw.sha256].answer is None]
        earlier = list(before_drawn(_openings(conn, calls), frozenset(drawn)))
        words = SAMPLE.format(len(unanswered))
        words += BEFORE.format(len(earlier)) if earlier else ""
        questions = [""] * len(unanswered) + ["the half hour before a drawn visit"] * len(earlier)
        paths = write_event_sheet(  # before the draw is kept: a folder may refuse it
            _asked(conn, [*unanswered, *earlier], bar, questions),
            out,
            "sample",
            "A random sample of visits",
            words,
            show_people,
        )
    sheet = len(unanswered), len(earlier)
    return DrawnSample(tuple(paths), len(calls), len(drawn), *sheet, len(strata), seed)


def _openings(conn: Connection, calls: Sequence[LabelledVisit]) -> list[Opening]:
    """Of all visits, with the gap that a study has where nobody says another."""
    station = {d.deployment_id: d.location_id or d.deployment_id for d in all_deployments(conn)}
    return openings(calls, [station[call.deployment] for call in calls], StudyRequest().gap_s)


def write_queue(
    database: str,
    out: Path,
    request: StudyRequest,
    settings: str | None,
    show_people: bool,
    most: int,
) -> VisitQueue:
    """Write the sheet of visits that settle open cells of occupancy, commonest species first.

    most  visits in the sheet
    """
    bar = study_settings(settings).poaching.pixelate_bar
    check_folder(out)
    rests_on = read_basis(database, request)
    with reading(known_database(database)) as conn:
        cells = open_cells(rests_on, read_labelled_visits(conn), any_history(rests_on))
        first = dict(list(_by_visit(cells).items())[:most])
        questions = [" ".join(f"{name}?" for name in names) for _, names in first.values()]
        asked = _asked(conn, [call for call, _ in first.values()], bar, questions)
    absent = set(rests_on.request.species) - {sighting.taxon for sighting in rests_on.kept}
    words = QUEUE.format(len(first))
    paths = write_event_sheet(asked, out, "queue", "Open cells of occupancy", words, show_people)
    return VisitQueue(tuple(paths), len(cells), len(first), tuple(sorted(absent)))


def open_visits(database: str, request: StudyRequest) -> dict[str, list[str]]:
    """The visits that settle open cells of occupancy by the sha256 of their first picture, each
    with the species that are in question; the commonest species first."""
    rests_on = read_basis(database, request)
    with reading(known_database(database)) as conn:
        cells = open_cells(rests_on, read_labelled_visits(conn), any_history(rests_on))
    return {sha: names for sha, (_, names) in _by_visit(cells).items()}


def _by_visit(
    cells: Sequence[tuple[Hit, LabelledVisit]],
) -> dict[str, tuple[LabelledVisit, list[str]]]:
    """A visit is asked about once, whatever number of cells it settles."""
    first: dict[str, tuple[LabelledVisit, list[str]]] = {}
    for hit, call in cells:
        first.setdefault(call.sha256, (call, []))[1].append(hit.species)
    return first


def _asked(
    conn: Connection,
    calls: Sequence[LabelledVisit],
    bar: float,
    questions: Sequence[str] | None = None,
) -> list[VisitQuestion]:
    """The visits as the sheet shows them. bar: p_human from which a picture is pixelated."""
    pictures = pictures_of(conn, [call.sha256 for call in calls])
    made = []
    for call, question in zip(calls, questions or [""] * len(calls), strict=True):
        of_visit = pictures[call.sha256]
        people = call.kind == "human" or any((p_human or 0) >= bar for _, _, p_human in of_visit)
        shown = tuple((root, path) for path, root, _ in of_visit)
        made.append(VisitQuestion(row_of(call, of_visit[0][0]), shown, people, question))
    return made
