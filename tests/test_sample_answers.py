"""What counts as an answer of the random sample, and which names are known because of it."""

import csv
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from db.core.engine import writing
from db.store.reviewing.reviews import save_reviews
from flows.facts.study import read_labelled_visits, read_sample
from flows.services.reviewing.reviews import import_reviews
from flows.services.study.population import read_study, study_request
from flows.services.study.sample import write_queue, write_sample
from pipeline.population.correction.correction import corrected, only_sampled
from pipeline.population.correction.openings import because_drawn, before_drawn, openings
from pipeline.population.correction.sample import Sample, draw_sample
from pipeline.population.effort.basis import basis
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.study import study
from pipeline.population.study.tables import population_tables
from pipeline.records import Review
from pipeline.report.population_page import population_page
from tests.test_openings import FOX, LION, MAMMAL, visit
from tests.test_sample import answer, fill, heap
from tests.test_study import FIRST, places, seen

COUNTED = ("events", "rai", "rai_by_station", "rai_by_month", "presence", "occupancy", "activity",
           "record_table")  # fmt: skip


def ground_of(visits, days: int = 730, stations: int = 6):
    """The basis of these visits, by people where they answered."""
    ends = FIRST + timedelta(days=days)
    sightings = [
        seen(int(v.deployment[1:]), datetime.fromisoformat(v.started_at), name, method,
             started_at=v.started_at, ended_at=v.ended_at, rank=None)
        for v in visits
        for name, method in ([(v.name, "machine")] if v.answer is None
                             else [(name, "human") for name in v.answer])
    ]  # fmt: skip
    return basis(sightings, places(stations, end=ends), StudyRequest())


def sample_of(visits, drawn, **more) -> Sample:
    """A draw of some of them; all have one stratum."""
    batches = frozenset({"card"})
    return Sample(visits, frozenset(drawn), {f"{MAMMAL} | sure": len(visits)}, batches, 1, **more)


def mammals(number: int, answered: int):
    """Every visit is a mammal by the machine; people saw foxes and lions in the first ones."""
    return [
        visit(1500.0 * i, MAMMAL, ((FOX, LION)[i % 2],) if i < answered else None, 0, i % 6)
        for i in range(number)
    ]


def test_where_people_told_of_every_visit_no_number_depends_on_a_draw():
    made = mammals(80, 80)
    ground = ground_of(made)
    plain = population_tables(study(ground, sample_of(made, ())), "0")
    for drawn in ([v.sha256 for v in made], [v.sha256 for v in made[:20]]):
        found = study(ground, sample_of(made, drawn))
        assert [rate.name for rate in found.rates] == [LION, FOX] and not found.sampled
        tables = population_tables(found, "0")
        assert {name: tables.rows[name] for name in COUNTED} == {
            name: plain.rows[name] for name in COUNTED
        }
        page = population_page(found, tables, "0")
        assert "known from the reviewed sample alone" not in page
        assert "People told of every visit" in page and ", corrected</th>" not in page


def test_a_new_card_of_a_few_visits_takes_no_name_out():
    made = mammals(100, 95)
    everything = [v.sha256 for v in made]
    found = study(ground_of(made), sample_of(made, everything))
    assert {FOX, LION} <= {rate.name for rate in found.rates}
    half = mammals(100, 50)
    assert only_sampled(ground_of(half), sample_of(half, everything)) == {FOX, LION}


def test_what_lies_outside_the_effort_is_not_needed_to_count():
    made = mammals(100, 60)
    everything = [v.sha256 for v in made]
    days = (datetime.fromisoformat(made[60].started_at) - FIRST).days
    found = study(ground_of(made, days), sample_of(made, everything))
    assert found.corrected.all_told and {FOX, LION} <= {rate.name for rate in found.rates}


def test_a_visit_that_is_asked_because_of_a_drawn_one_belongs_to_the_draw():
    """A fox passes twice within minutes, thirty times; the second visit of some is drawn."""
    made = [visit(1500.0 * i + 9 * n, MAMMAL, None, 0, i % 6) for i in range(90) for n in (0, 1)]
    drawn = frozenset(v.sha256 for v in made[1:90:2])
    made = [v._replace(answer=(FOX,)) if v.sha256 in drawn else v for v in made]
    assert only_sampled(ground_of(made), sample_of(made, drawn)) == {FOX}
    found = openings(made, [v.deployment for v in made], 1800)
    asked = {v.sha256 for v in before_drawn(found, drawn)}
    assert len(asked) == 45
    made = [v._replace(answer=(FOX,)) if v.sha256 in asked else v for v in made]
    again = openings(made, [v.deployment for v in made], 1800)
    assert because_drawn(again, drawn) == drawn | asked
    result = study(ground_of(made), sample_of(made, drawn))
    assert result.sampled == (FOX,) and [rate.name for rate in result.rates] == [MAMMAL]
    tables = population_tables(result, "0")
    assert FOX not in {row[0] for row in tables.rows["rai"]}


def test_an_earlier_draw_is_a_draw_too_and_an_answer_before_it_is_none_of_it():
    made = mammals(100, 50)
    first = frozenset(v.sha256 for v in made[:50])
    second = [v.sha256 for v in made[40:60]]
    ground = ground_of(made)
    assert only_sampled(ground, sample_of(made, second)) == frozenset(), "by chance alone"
    assert only_sampled(ground, sample_of(made, second, asked=first)) == {FOX, LION}
    known = frozenset(second) - first
    assert only_sampled(ground, sample_of(made, second, asked=known)) == frozenset()


def test_a_name_without_a_corrected_number_stays_in_the_raw_ones():
    made = mammals(100, 50)
    drawn = [v.sha256 for v in made]
    rule = replace(ground_of(made).request, rule="lastIndependentRecord")
    found = study(replace(ground_of(made), request=rule), sample_of(made, drawn))
    assert not found.corrected.rows and {FOX, LION} <= {rate.name for rate in found.rates}


def test_no_month_and_no_station_has_more_events_than_visits():
    made = [visit(300.0 * i, (MAMMAL, LION)[i % 2], None, 0, i % 3) for i in range(240)]
    draws = draw_sample(made, 80, 1)
    drawn = {draw.sha256 for draw in draws}
    rare = min(drawn)
    told = [
        v._replace(answer=(FOX,) if v.sha256 == rare else (v.name,)) if v.sha256 in drawn else v
        for v in made
    ]
    strata = {draw.stratum: draw.stratum_size for draw in draws}
    sample = Sample(told, frozenset(drawn), strata, frozenset({"card"}), 1)
    found = study(ground_of(told, stations=3), sample)
    parts = {"month": found.corrected.months, "station": found.corrected.stations}
    for what, some in parts.items():
        visits = {
            part.part: sum(
                part.part in (v.started_at[:7], f"S{v.deployment[1:]}") for v in made
            )
            for part in some
        }  # fmt: skip
        for part in (part for part in some if part.value is not None):
            most = 100 * visits[part.part] / part.effort_days
            assert part.low <= part.value <= part.high <= most + 1e-9, (what, part)
    capped = [part for part in found.corrected.months if part.capped]
    assert capped
    tables = population_tables(found, "0")
    head, *rows = tables.rows["corrected_by_month"]
    noted = {tuple(row[:2]) for row in rows if "as if every visit" in row[head.index("note")]}
    assert noted == {(part.part, part.name) for part in capped}
    assert "As if every visit of that month" in population_page(found, tables, "0")


def test_p_of_occupancy_says_for_which_effort_it_is():
    rng = np.random.default_rng(1)
    when = [(1440.0 * float(rng.uniform(0, 58)), int(rng.integers(3))) for _ in range(20)]
    whole = ground_of([visit(at, FOX, None, 0, place) for at, place in when], 59, 3)
    found = study(whole)
    [fox] = found.occupied
    days, cells = fox.raw.effort_of_p, fox.history.effort
    assert days == pytest.approx(cells[cells > 0].mean()) and 6 < days < 7
    tables = population_tables(found, "0")
    head, row = tables.rows["occupancy"]
    assert float(row[head.index("p_effort_days")]) == pytest.approx(days)
    page = population_page(found, tables, "0")
    assert f"<small>at {days:.2f} days</small>" in page and "mean effort" in page


# --- through the database ---


def test_an_answer_on_one_picture_of_several_answers_no_visit(database, database_url, tmp_path):
    calls, truth = heap(60)
    fill(database, calls)  # of two pictures each
    some = [call.sha256 for call in calls[:5]]
    second = [f"0x{sha[2:]}" for sha in some]
    said = [
        Review(second[0], "unknown", purpose="audit"),
        Review(second[1], "animal", name="Lynx rufus", purpose="audit"),
        Review(second[2], "animal", purpose="audit"),
        Review(some[3], "animal", name="Lynx rufus", purpose="review"),
        Review(second[3], "blank", purpose="audit"),
        Review(some[4], "animal", name="Lynx rufus", purpose="event"),
    ]
    with writing(database) as conn:
        save_reviews(conn, said, "sheet.csv")
        by_sha = {call.sha256: call for call in read_labelled_visits(conn)}
    found = [by_sha[sha] for sha in some]
    assert [v.answer for v in found] == [None, None, None, ("Lynx rufus",), ("Lynx rufus",)]
    parts = [("unknown",), ("Lynx rufus",), ("animal",), ("Lynx rufus",), ()]
    assert [v.in_part for v in found] == parts
    drawn = write_sample(database_url, tmp_path, 60, 1, None, False)
    assert (drawn.drawn, drawn.in_sheet) == (60, 58)
    with drawn.paths[1].open(encoding="utf-8-sig", newline="") as file:
        asked = {row["media_id"] for row in csv.DictReader(file)}
    assert asked == {call.sha256 for call in calls} - set(some[3:])
    answer(drawn.paths[1], truth)
    import_reviews(database_url, drawn.paths[1], "Amina")
    made = read_study(database_url, study_request(None, None, None))
    assert made.corrected.all_told and not made.corrected.in_part


def test_the_picture_of_a_visit_of_one_picture_answers_it(database):
    calls, _ = heap(40)
    fill(database, calls, 0)
    alone = calls[0].sha256
    with writing(database) as conn:
        save_reviews(conn, [Review(alone, "animal", name=FOX, purpose="review")], "other.csv")
        [found] = [call for call in read_labelled_visits(conn) if call.sha256 == alone]
    assert found.answer == (FOX,)


def test_a_draw_after_the_answers_takes_no_name_out(database, database_url, tmp_path):
    calls, _ = heap(120)
    fill(database, calls, 0)
    seen_ = [Review(c.sha256, "animal", name="Lynx rufus", purpose="event") for c in calls[:60]]
    with writing(database) as conn:
        save_reviews(conn, seen_, "queue.csv")
    before = read_study(database_url, study_request(None, None, None))
    for _ in range(2):
        write_sample(database_url, tmp_path, 120, 1, None, False)
    after = read_study(database_url, study_request(None, None, None))
    assert [rate.name for rate in after.rates] == [rate.name for rate in before.rates]
    assert "Lynx rufus" in {rate.name for rate in after.rates}
    with database.connect() as conn:
        sample = read_sample(conn)
    assert len(sample.drawn) == 120 and len(sample.by_draws) == 60


def test_a_cell_that_one_picture_confirms_is_not_asked_again(database, database_url, tmp_path):
    calls, _ = heap(60)
    fill(database, calls)
    lions = [call.sha256 for call in calls if call.name == "Panthera leo"]
    ask = study_request(None, None, ["Panthera leo"], occasion_days=800)

    def cells() -> int:
        found = write_queue(database_url, tmp_path, ask, None, False, 500)
        [lion] = read_study(database_url, ask).occupied
        assert lion.cells_open == found.cells
        return found.cells

    before = cells()
    with writing(database) as conn:
        said = Review(f"0x{lions[0][2:]}", "animal", name="Panthera leo", purpose="review")
        save_reviews(conn, [said], "other.csv")
    assert cells() == before - 1


def test_nothing_is_corrected_where_nothing_was_drawn(database, database_url):
    fill(database, heap(40)[0], 0)
    with database.connect() as conn:
        sample = read_sample(conn)
    made = read_study(database_url, study_request(None, None, None))
    assert corrected(made.basis, sample).why == "no random sample has been drawn yet"
