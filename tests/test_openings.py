"""Corrected numbers are of independent events: which visits open one, and by whose word."""

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest

from pipeline.population.correction.correction import corrected, only_sampled
from pipeline.population.correction.openings import before_drawn, openings
from pipeline.population.correction.sample import LabelledVisit, Sample, strata_of
from pipeline.population.effort.basis import basis
from pipeline.population.events.sightings import StudyRequest
from pipeline.population.study.study import study
from pipeline.population.study.tables import population_tables
from pipeline.report.population_page import population_page
from tests.test_study import FIRST, places, seen

FOX, LION, MAMMAL = "Vulpes vulpes", "Panthera leo", "Mammalia"


def visit(minute: float, name=FOX, answer=None, long=0.0, place=0, sure=0.9) -> LabelledVisit:
    at = FIRST + timedelta(minutes=minute)
    end = (at + timedelta(minutes=long)).isoformat()
    key = f"{place}{minute:010.2f}{name}"
    return LabelledVisit(
        key, "card", f"d{place}", at.isoformat(), "animal", name, sure, answer, end
    )


def opened(*visits: LabelledVisit, gap_s=1800.0):
    found = openings(visits, [v.deployment for v in visits], gap_s)
    return [o.said for o in found], [o.seen for o in found]


def test_by_the_model_as_many_visits_open_an_event_as_there_are_events():
    """The same rule as that of events: random visits, long and short, at three stations."""
    rng = np.random.default_rng(1)
    some = [
        visit(float(rng.uniform(0, 20_000)), rng.choice([FOX, LION]), None,
              float(rng.exponential(20)), int(rng.integers(3)))
        for _ in range(900)
    ]  # fmt: skip
    sightings = [
        seen(int(v.deployment[1:]), datetime.fromisoformat(v.started_at), v.name,
             started_at=v.started_at, ended_at=v.ended_at)
        for v in some
    ]  # fmt: skip
    events = basis(sightings, places(3), StudyRequest()).counted
    found = openings(some, [v.deployment for v in some], 1800)
    assert Counter(o.said for o in found if o.said) == Counter(events.species.tolist())
    assert len(events) < 850
    assert all(o.said for o in openings(some, ["all"] * 900, 0))


def test_people_tell_whether_the_species_was_there_before():
    fox, other = visit(0, MAMMAL), visit(10, MAMMAL, (FOX,))
    found = openings([fox, other], ["S", "S"], 1800)
    assert [o.seen for o in found] == [(), (FOX,)] and found[1].guessed
    assert list(before_drawn(found, frozenset([other.sha256]))) == [fox]
    for answer, seen_ in (((FOX,), ()), ((LION,), (FOX,)), ((), (FOX,))):
        told = openings([fox._replace(answer=answer), other], ["S", "S"], 1800)
        assert told[1].seen == seen_ and not told[1].guessed
        assert not list(before_drawn(told, frozenset([other.sha256])))
    apart = openings([fox._replace(answer=(FOX,)), other], ["S", "T"], 1800)
    assert apart[1].seen == (FOX,), "at another station it is another event"


def test_of_a_herd_each_species_opens_an_event_of_its_own():
    said, told = opened(visit(0, MAMMAL, (LION,)), visit(9, MAMMAL, (LION, FOX)))
    assert said == [MAMMAL, None] and told == [(LION,), (FOX,)]


def test_nobody_is_asked_what_was_before_a_person_or_nothing():
    some = [visit(0), visit(5, answer=("human",)), visit(9, answer=())]
    found = openings(some, ["S"] * 3, 1800)
    assert not list(before_drawn(found, frozenset(v.sha256 for v in some[1:])))


def herd_of(seed=0, number=400):
    """Chains of one to four visits; every third fox is called Mammalia by the model."""
    rng, made, truth = np.random.default_rng(seed), [], {}
    for i in range(number):
        minute, place = 750.0 * i + rng.uniform(0, 600), int(rng.integers(6))
        name = FOX if rng.random() < 0.6 else LION
        for n in range(int(rng.integers(1, 5))):
            said = MAMMAL if name == FOX and rng.random() < 1 / 3 else name
            one = visit(minute + 12 * n, said, None, 2, place)
            made.append(one)
            truth[one.sha256] = name
    return made, truth


def drawn_from(made, truth, share=0.3, before=True) -> Sample:
    """A random sample, answered, with the visits before drawn ones answered or not."""
    rng = np.random.default_rng(5)
    drawn = frozenset(v.sha256 for v in made if rng.random() < share)
    told = [v._replace(answer=(truth[v.sha256],)) if v.sha256 in drawn else v for v in made]
    if before:
        found = openings(told, [v.deployment for v in told], 1800)
        asked = {v.sha256 for v in before_drawn(found, drawn)}
        told = [v._replace(answer=(truth[v.sha256],)) if v.sha256 in asked else v for v in told]
    sizes = {name: len(some) for name, some in strata_of(told).items()}
    return Sample(told, drawn, sizes, frozenset({"card"}), 1)


@pytest.fixture(scope="module")
def ground():
    some = [seen(0, FIRST + timedelta(days=3), name) for name in (FOX, MAMMAL)]
    return basis(some, places(), StudyRequest())


def true_events(truth_of, made) -> Counter:
    told = [v._replace(name=truth_of[v.sha256]) for v in made]
    found = openings(told, [v.deployment for v in told], 1800)
    return Counter(o.said for o in found if o.said)


def test_corrected_events_hold_the_truth_where_raw_ones_and_visits_do_not(ground):
    made, truth = herd_of()
    true = true_events(truth, made)
    found = corrected(ground, drawn_from(made, truth))
    rows = {row.name: row for row in found.rows}
    for name in (FOX, LION):
        assert rows[name].total.low <= true[name] <= rows[name].total.high
        assert rows[name].total.value == pytest.approx(true[name], rel=0.12)
    assert rows[MAMMAL].total.value < 0.1 * rows[MAMMAL].total.raw
    visits = sum(name == FOX for name in truth.values())
    assert visits > 2 * true[FOX], "the number of visits would be twice the number of events"
    assert found.guessed == 0
    half = corrected(ground, drawn_from(made, truth, before=False))
    assert half.guessed > 50, "what the model's names decided is told"


def test_months_and_stations_have_numbers_where_enough_answers_lie_in_them(ground):
    made, truth = herd_of()
    found = corrected(ground, drawn_from(made, truth))
    known = [part for part in found.months if part.value is not None]
    assert known and all(part.answers >= 30 for part in known)
    assert any(part.value is None for part in found.months), "months without a visit"
    for parts in (found.months, found.stations):
        foxes = [part for part in parts if part.name == FOX and part.value is not None]
        assert foxes and all(0 <= p.low <= p.value <= p.high for p in foxes)
    at = {part.part: part for part in found.stations if part.name == FOX}
    by_station = Counter()
    for place in range(6):
        here = [v for v in made if v.deployment == f"d{place}"]
        by_station[f"S{place}"] = true_events(truth, here)[FOX]
    held = [at[s].low <= 100 * n / at[s].effort_days <= at[s].high for s, n in by_station.items()]
    assert sum(held) >= 5


def test_a_name_that_only_drawn_visits_have_is_in_no_raw_rate():
    """The model says Mammalia to all; people found foxes among the drawn ones."""
    made = [visit(3000.0 * i, MAMMAL, None, 0, i % 6) for i in range(120)]
    truth = {v.sha256: FOX if i % 2 else LION for i, v in enumerate(made)}
    sample = drawn_from(made, truth, 0.5)
    sightings = [
        seen(int(v.deployment[1:]), datetime.fromisoformat(v.started_at),
             v.answer[0] if v.answer else MAMMAL, "human" if v.answer else "machine",
             rank=None if v.answer else "class")
        for v in sample.visits
    ]  # fmt: skip
    ground = basis(sightings, places(), StudyRequest())
    assert only_sampled(ground, sample) == {FOX, LION}
    assert only_sampled(ground, None) == frozenset()
    made_ = study(ground, sample)
    assert [rate.name for rate in made_.rates] == [MAMMAL]
    assert made_.sampled == (LION, FOX)
    right = {row.name: row for row in made_.corrected.rows}
    assert right[FOX].total.value == pytest.approx(60, abs=12)
    assert right[MAMMAL].total.value == 0
    tables = population_tables(made_, "0")
    page = population_page(made_, tables, "0")
    headline = page[page.index("<h2>How often</h2>") : page.index("How often, corrected")]
    assert headline.count("known from the reviewed sample alone") == 2
    assert "of the labels" in headline
    about = dict(row for row in tables.rows["about"] if row[0].startswith("known from"))
    assert list(about) == ["known from the sample alone, in corrected numbers only"]
    assert {row[1] for row in tables.rows["corrected"][1:]} == {"event"}
    assert tables.rows["corrected_by_month"][0][0] == "month"


def test_another_rule_for_events_has_no_corrected_numbers_and_says_why(ground):
    made, truth = herd_of(number=60)
    other = basis([], places(), StudyRequest(rule="lastIndependentRecord"))
    assert "lastRecord only" in corrected(other, drawn_from(made, truth)).why
