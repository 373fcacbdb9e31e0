"""A study as a whole: the same numbers in the tables and on the page, none without its ground."""

import csv
import io
import re
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from itertools import combinations

import numpy as np
import pytest

from pipeline.population.correction.sample import LabelledVisit
from pipeline.population.effort.basis import basis
from pipeline.population.estimates import activity, hours
from pipeline.population.estimates.rates import WIDENED
from pipeline.population.events.sightings import Sighting, StudyRequest
from pipeline.population.study.cell_queue import open_cells
from pipeline.population.study.species_occupancy import any_history
from pipeline.population.study.study import study
from pipeline.population.study.tables import population_tables
from pipeline.records import Deployment
from pipeline.report import population_plots as plots
from pipeline.report import words
from pipeline.report.population_page import _activity as activity_rows
from pipeline.report.population_page import population_page
from pipeline.species.labelset import load_labelset, wider_names

FIRST = datetime(2024, 3, 1)
YEARS = timedelta(days=730)


def places(number: int = 6, begin=FIRST, end=FIRST + YEARS) -> list[Deployment]:
    return [
        Deployment(f"d{i}", f"S{i}", None, -2.0 - i / 50, 34.8 + i / 70, None, begin, end, 180)
        for i in range(number)
    ]


def seen(place: int, at: datetime, name="Panthera leo", method="machine", **more) -> Sighting:
    given = {"deployment": f"d{place}", "kind": "animal", "name": name, "method": method}
    given |= {"rank": "species" if method == "machine" else None, "individuals": None}
    given |= {"started_at": at.isoformat(), "ended_at": at.isoformat(), "path": "a/1.jpg"}
    key = hash((place, at, name)) % 10**9
    return Sighting(**(given | {"media_id": key, "capture_method": None} | more))


def wild(seed: int = 1, number: int = 300) -> list[Sighting]:
    """Lions by night, zebras by day, two years, some stations better than others."""
    rng, made = np.random.default_rng(seed), []
    for name, hour, weight in (("Panthera leo", 23, 1.5), ("Equus quagga", 11, 0.7)):
        for _ in range(number):
            day = int(rng.integers(0, 729))
            at = FIRST + timedelta(days=day, hours=float(hour + rng.normal(0, 3)))
            at = min(max(at, FIRST), FIRST + YEARS - timedelta(hours=1)).replace(microsecond=0)
            place = int(6 * rng.random() ** weight)
            method = "human" if rng.random() < 0.5 else "machine"
            made.append(seen(place, at, name, method))
    return made


@pytest.fixture(scope="module")
def whole():
    made = study(basis(wild(), places(), StudyRequest()))
    tables = population_tables(made, "0")
    return made, tables, population_page(made, tables, "0")


def numbers_of(page: str) -> list[str]:
    text = unescape(re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.DOTALL))
    return re.split(r"[\s–()]+", re.sub(r"<[^>]+>", " ", text).replace("\u202f", "_"))


PRINTED = {  # table: columns whose every number stands on the page
    "rai": ("events", "rai", "rai_low", "rai_high", "mean_of_stations"),
    "rai_by_station": ("events", "effort_days", "rai"),
    "rai_by_month": ("events", "effort_days", "rai", "rai_low", "rai_high"),
    "presence": ("days_per_100", "days_low", "days_high"),
    "occupancy": ("naive", "psi", "psi_low", "psi_high", "p", "cells_confirmed", "cells_open"),
    "activity": ("events", "active_share", "active_low", "active_high"),
    "overlap": ("overlap", "low", "high"),
    "effort": ("camera_days", "station_camera_days"),
}


def test_every_number_of_the_tables_stands_on_the_page(whole):
    _, tables, page = whole
    printed = set(numbers_of(page))
    for name, columns in PRINTED.items():
        rows = tables.rows[name]
        told = 0
        for row in rows[1:]:
            cells = dict(zip(rows[0], row, strict=True))
            if cells.get("basis") == "labels" and cells["cells_confirmed"]:
                continue  # the page shows the better of the two
            for column in columns:
                if cells[column] != "":
                    value = cells[column]
                    whole = isinstance(value, int)
                    text = words.number(value) if whole else words.decimal(float(value))
                    assert text.replace("\u202f", "_") in printed, (name, column, cells)
                    told += 1
        assert told, name


def test_change_and_richness_are_the_same_on_the_page_and_in_their_tables(whole):
    _, tables, page = whole
    text = unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u202f", " ")
    rows = {
        name: [dict(zip(found[0], row, strict=True)) for row in found[1:]]
        for name, found in tables.rows.items()
        if name in ("trend", "richness")
    }
    for row in rows["trend"]:
        if row["season"] == "change":
            ends = [words.signed(float(row[key])) for key in ("change_low", "change_high")]
            told = [words.signed(float(row["change_percent"])), " to ".join(ends)]
            told += [f"× {words.decimal(float(row['smallest_visible_times']))}"]
        else:
            told = [words.decimal(float(row[key])) for key in ("rai", "rai_low", "rai_high")]
            told += [f"({row['events']})"]
        assert [one for one in told if one.replace("\u202f", " ") not in text] == [], row
    for row in rows["richness"]:
        if row["measure"].startswith(("Chao", "Shannon", "Simpson", "inverse")):
            assert words.decimal(float(row["value"])) in text, row
    confirmed = next(
        row["value"] for row in rows["richness"] if row["measure"] == "confirmed events"
    )
    assert f"{confirmed} events at 6 stations" in text


def test_the_totals_agree_in_every_table(whole):
    made, tables, page = whole

    def total(name, column="events"):
        rows = tables.rows[name]
        return sum(int(row[rows[0].index(column)] or 0) for row in rows[1:])

    events = sum(row[-4] for row in tables.rows["events"][1:])
    clock = sum(row[2] for row in tables.rows["activity"][1:] if row[1] == "clock")
    assert events == total("rai") == total("rai_by_station") == total("rai_by_month") == clock
    assert events == len(tables.rows["record_table"]) - 1 == sum(one.events for one in made.rates)
    assert f"<b>{words.number(events)}</b><span>independent events" in page


def test_an_animal_that_nobody_could_name_is_an_event_and_no_name():
    nameless = seen(1, FIRST + timedelta(days=9), None)
    made = study(basis([*wild(number=20), nameless], places(), StudyRequest()))
    assert {rate.name for rate in made.rates} == {"Panthera leo", "Equus quagga", "animal"}
    page = population_page(made, population_tables(made, "0"), "0")
    assert "<b>2</b><span>names with an independent event" in page


def test_the_same_study_gives_the_same_page_and_it_loads_nothing(whole):
    page = whole[2]
    again = study(basis(wild(), places(), StudyRequest()))
    assert population_page(again, population_tables(again, "0"), "0") == page
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]+"|<!DOCTYPE[^>]*>', "", page)
    assert "://" not in without_namespaces and "<script" not in page and "src=" not in page


def test_hostile_names_stay_text_on_the_page_and_in_the_plots():
    bad = "<script>alert(1)</script>$x^2$"
    some = [*wild(2, 12), *(seen(0, FIRST + timedelta(days=d), bad) for d in range(12))]
    there = [*places(), Deployment("x", bad, None, 1.0, 1.0, None, FIRST, FIRST + YEARS)]
    made = study(basis(some, there, StudyRequest()))
    page = population_page(made, population_tables(made, "0"), "0")
    assert "<script" not in page and "&lt;script&gt;" in page


def test_a_silent_camera_is_no_zero_and_has_no_rate():
    there = [*places(3), Deployment("gone", "Lost")]
    made = study(basis([seen(0, FIRST)], there, StudyRequest()))
    tables = population_tables(made, "0")
    row = next(one for one in tables.rows["rai_by_station"] if one[0] == "Lost")
    assert row[2:5] == ["", "", ""]
    [one] = made.occupied
    assert "Lost" not in one.history.stations


def test_outages_are_taken_out_of_every_number_and_told():
    begin = FIRST + timedelta(days=30)
    out = {"d0": [(begin, FIRST + YEARS)]}
    made = study(basis(wild(), places(), StudyRequest(), out))
    assert made.rates[0].effort_days == pytest.approx(5 * 730 + 30)
    assert made.months["2024-06"][0].stations == 5
    tables = population_tables(made, "0")
    assert "1 outage at 1 of 6 deployments with a period, entered" in tables.outages


def test_an_event_in_an_outage_is_in_no_rate_and_months_add_up_to_the_total():
    begin, end = FIRST + timedelta(days=31), FIRST + timedelta(days=61)
    out = {f"d{i}": [(begin, end)] for i in range(6)}
    some = [seen(i % 6, FIRST + timedelta(days=20 + i, hours=5)) for i in range(60)]
    made = study(basis(some, places(), StudyRequest(), out))
    tables = population_tables(made, "0")
    inside = sum(begin <= datetime.fromisoformat(one.started_at) < end for one in some)
    rows = [dict(zip(tables.rows["about"][0], row, strict=True)) for row in tables.rows["about"]]
    said = {row["item"]: row["value"] for row in rows}
    assert said["left out: events in an outage, in events.csv alone"] == inside == 30
    assert said["left out: other events without effort, in events.csv alone"] == 0
    by_month = {month: rates[0].events for month, rates in made.months.items()}
    assert made.rates[0].events == sum(by_month.values()) == 60 - inside
    assert made.basis.seen.sum() == made.days.clock["Panthera leo"].n == 60 - inside
    assert by_month["2024-04"] == 0 and made.months["2024-04"][0].pooled is None
    page = unescape(population_page(made, tables, "0"))
    assert "events in an outage" in page and "began while a camera of the station worked" in page


def test_a_species_seen_once_has_no_lower_upper_limit_than_one_never_seen():
    there = places(3, end=FIRST + timedelta(days=250))
    some = [seen(0, FIRST + timedelta(days=40)), seen(1, FIRST + timedelta(days=90), "Lynx lynx")]
    ask = StudyRequest(species=("Panthera leo", "Equus quagga"))
    made = study(basis(some, there, ask))
    every = [made.rates, made.presence, *made.months.values()]
    for rates in every:
        never, once = sorted(rates, key=lambda one: one.name)
        assert never.high == once.high if not once.events else never.high < once.high
    tables = population_tables(made, "0")
    assert tables.rows["rai"][2][tables.rows["rai"][0].index("interval")] == WIDENED
    assert "never narrower than intervals from counting" in population_page(made, tables, "0")


# --- the day ---


def test_below_ten_events_there_are_dots_and_no_curve():
    few = [seen(i % 3, FIRST + timedelta(days=i, hours=i)) for i in range(9)]
    made = study(basis(few, places(), StudyRequest()))
    assert made.days.clock["Panthera leo"].n == 9 and not made.days.curves
    [row] = activity_rows(made, ["Panthera leo"])
    assert row.clock.curve is None and row.clock.n == 9


def test_binned_draws_give_the_curve_and_the_overlap_of_the_exact_ones():
    rng = np.random.default_rng(5)
    a, b = rng.vonmises(1, 2, 400) % hours.TURN, rng.vonmises(3, 1, 300) % hours.TURN
    at_a, at_b = rng.integers(0, 8, 400), rng.integers(0, 8, 300)
    times = {"a": hours.times_of(a, at_a, 8), "b": hours.times_of(b, at_b, 8)}
    [(_, _, one)] = hours.overlaps(times, 300)
    exact = []
    for _ in range(300):
        places = rng.integers(0, 8, 8)
        pair = (np.concatenate([t[at == place] for place in places])
                for t, at in ((a, at_a), (b, at_b)))  # fmt: skip
        exact.append(activity.dhat4(*pair))
    limits = activity.limits(activity.dhat4(a, b), np.array(exact))
    assert (one.value, one.estimator) == (activity.dhat4(a, b), "Dhat4")
    assert (one.low, one.high) == pytest.approx(limits, abs=0.03)
    binned = hours.Drawn.of(times["a"].bins.sum(0, keepdims=True)).density[0]
    want = activity.density(a, hours.CENTRES, activity.bandwidth(a))
    assert np.abs(binned - want).max() < 0.01 * want.max()
    curve = hours.curves(times, 300)["a"]
    assert (curve.low <= curve.density).all() and (curve.density <= curve.high).all()
    assert curve.density[:-1].mean() * 24 == pytest.approx(1, abs=1e-6)


def test_sun_time_needs_a_place_and_an_offset_and_says_how_many_have_none():
    some = [*places(3), Deployment("d3", "S3", None, None, None, None, FIRST, FIRST + YEARS)]
    made = study(
        basis([seen(i, FIRST + timedelta(days=9)) for i in range(4)], some, StudyRequest())
    )
    assert made.days.without_sun == 1 and made.days.sun["Panthera leo"].n == 3
    assert 5 < made.days.sunrise_h < 8 < 16 < made.days.sunset_h < 20


def test_why_there_is_no_curve_is_the_true_reason():
    """Twelve events, all at the same minute; of a few places the sun is not known."""
    same = [seen(i % 3, FIRST + timedelta(days=i, hours=6)) for i in range(12)]
    [row] = activity_rows(study(basis(same, places(3), StudyRequest())), ["Panthera leo"])
    assert (
        row.clock.curve is None and row.clock.why == "no curve fits: all at one time, or too even"
    )
    some = [seen(i % 3, FIRST + timedelta(days=i, hours=6 + i / 3)) for i in range(12)]
    there = [replace(place, utc_offset_min=None) for place in places(3)]
    [row] = activity_rows(study(basis(some, there, StudyRequest())), ["Panthera leo"])
    assert row.clock.curve and row.clock.why == "" and row.sun.why == "no sun time"
    there[0] = places(1)[0]
    [row] = activity_rows(study(basis(some, there, StudyRequest())), ["Panthera leo"])
    assert row.sun.why == "fewer than 10 events have a sun time"
    page = page_of(same, places(3))
    assert "no curve fits" in page and ">fewer than 10 events<" not in page


def test_an_event_over_a_months_end_is_in_one_month_for_rate_days_and_occupancy():
    """Pictures at 23:50 and 00:10: one event, of the day it began."""
    late = datetime(2024, 3, 31, 23, 50)
    some = [seen(0, late), seen(0, late + timedelta(minutes=20))]
    made = study(basis(some, places(2), StudyRequest(occasion_days=31)))
    assert [made.months[m][0].events for m in ("2024-03", "2024-04")] == [1, 0]
    assert made.presence[0].events == 1
    assert made.occupied[0].history.cells[0, :2].tolist() == [1, 0]
    april = StudyRequest(begin=late.date() + timedelta(days=1), species=("Panthera leo",))
    made = study(basis(some, places(2), april))
    assert made.rates[0].events == made.presence[0].events == made.occupied[0].raw.detected == 0


def test_days_seen_stay_within_0_and_100():
    """A camera that stood for six hours and saw a lion; another that sees one every day."""
    ends = [FIRST + timedelta(hours=hours) for hours in (6, 6, 240)]
    short = [
        Deployment(f"d{i}", f"S{i}", started_at=FIRST, ended_at=end) for i, end in enumerate(ends)
    ]
    some = [seen(i, FIRST + timedelta(days=d, hours=5)) for i in range(3) for d in range(10)]
    for there in (short, short[:2]):
        made = study(
            basis([s for s in some if s.deployment < f"d{len(there)}"], there, StudyRequest())
        )
        [one] = made.presence
        assert 0 <= one.low <= one.pooled <= one.high <= 100 and one.mean_of_stations <= 100


def test_a_station_alone_says_why_it_has_no_interval():
    page = page_of([seen(0, FIRST + timedelta(days=1))], places(1))
    assert "one station: none" in page


# --- change ---


def test_two_years_of_the_same_months_are_compared_and_one_is_not(whole):
    made = whole[0]
    assert made.trend.seasons == ("2024/25", "2025/26") and len(made.trend.months) == 12
    assert all(one.percent is not None and one.low < one.high for one in made.trend.changes)
    short = study(basis(wild(), places(end=FIRST + timedelta(days=200)), StudyRequest()))
    assert not short.trend.seasons and "one season only" in short.trend.why


def test_a_season_that_has_just_begun_does_not_shrink_the_comparison():
    there = places(end=FIRST + YEARS + timedelta(days=40))
    made = study(basis(wild(), there, StudyRequest()))
    assert len(made.trend.seasons) == 2 and len(made.trend.months) == 12


def test_a_decline_that_was_put_in_comes_out():
    rng = np.random.default_rng(3)
    some = [one for one in wild(4, 500) if one.started_at < "2025-03" or rng.random() < 0.5]
    made = study(basis(some, places(), StudyRequest()))
    for one in made.trend.changes:
        assert -75 < one.low < -40 and one.high < -20


# --- occupancy and richness ---


def test_open_cells_are_told_and_closed_ones_carry_the_plain_model():
    some = [seen(i, FIRST + timedelta(days=3 + 7 * j)) for i in range(3) for j in range(4)]
    [one] = study(basis(some, places(), StudyRequest())).occupied
    assert (one.cells_confirmed, one.cells_open) == (0, 12)
    assert one.checked is None and one.partly is None and one.raw.naive == 0.5
    assert np.isnan(one.confirmed.cells).sum() == 12
    half = [*some[:6], *(one._replace(method="human") for one in some[6:])]
    [one] = study(basis(half, places(), StudyRequest())).occupied
    assert one.checked is None and one.partly.status in ("ok", "boundary")
    sure = [one._replace(method="human") for one in some]
    [one] = study(basis(sure, places(), StudyRequest())).occupied
    assert one.checked is one.raw and one.cells_open == 0


def test_a_visit_that_may_be_the_species_leaves_its_cell_open():
    """Lions confirmed in two weeks; in a third the model said Mammalia, and nobody looked."""
    week = [FIRST + timedelta(days=3 + 7 * j) for j in range(3)]
    some = [seen(0, at, method="human") for at in week[:2]]
    some += [seen(0, week[2], "Mammalia", rank="class"), seen(1, week[0], "Aves", rank="class")]
    wider = wider_names(load_labelset())
    assert {"Panthera", "Felidae", "Carnivora", "Mammalia"} <= wider["Panthera leo"]
    ask = StudyRequest(species=("Panthera leo",))
    [one] = study(basis(some, places(2), ask, wider=wider)).occupied
    assert (one.cells_confirmed, one.cells_open) == (2, 1) and one.checked is None
    assert np.isnan(one.confirmed.cells[0, 2]) and one.confirmed.cells[1, 0] == 0
    calls = [
        LabelledVisit(str(i), "card", s.deployment, s.started_at, "animal", s.name, 0.9)
        for i, s in enumerate(some[2:])
    ]
    ground = basis(some, places(2), ask, wider=wider)
    asked = open_cells(ground, calls, any_history(ground))
    assert [(hit.species, visit.taxon) for hit, visit in asked] == [("Panthera leo", "Mammalia")]
    told = [calls[0]._replace(answer=("Equus quagga",)), calls[1]]
    assert open_cells(ground, told, any_history(ground)) == []
    told_ = [*some[:2], some[2]._replace(method="human", name="Equus quagga"), some[3]]
    [one] = study(basis(told_, places(2), ask, wider=wider)).occupied
    assert one.cells_open == 0 and one.checked is not None
    [other] = study(
        basis(
            [seen(0, FIRST, "Panthera onca", "human"), seen(0, week[1], "Felidae", rank="family")],
            places(2),
            StudyRequest(species=("Panthera onca",)),
            wider=wider,
        )
    ).occupied
    assert other.cells_open == 1, "a name that nobody listed stands under its genus"


def test_several_years_are_no_closed_survey_and_the_page_says_so(whole):
    text = unescape(re.sub(r"<[^>]+>", "", whole[2]))
    assert "105 occasions over 2.0 years are fitted as one closed survey" in text
    season = [one for one in wild() if one.started_at < "2024-06"]
    page = page_of(season, places(), StudyRequest(end=datetime(2024, 5, 31).date()))
    assert "one closed survey" not in page


def test_a_share_at_the_border_with_a_wide_interval_is_no_sure_number():
    some = [seen(i, FIRST + timedelta(days=3 + i)) for i in range(3)]
    there = places(3, end=FIRST + timedelta(days=50))
    made = study(basis(some, there, StudyRequest()))
    [one] = made.occupied
    assert one.raw.psi.value > 0.999 and one.raw.psi.profile[0] < 0.8
    page = population_page(made, population_tables(made, "0"), "0")
    table = page[page.index("modelled ψ") :]
    assert "<b>1</b>" not in table[: table.index("</table>")] and "read the interval" in table


def test_names_that_hold_each_other_are_not_compared():
    some = []
    for i in range(12):
        for j, (name, rank) in enumerate(
            [("Panthera leo", "species"), ("Equus", "genus"), ("Felidae", "family"),
             ("Mammalia", "class"), ("Panthera", "genus")]
        ):  # fmt: skip
            at = FIRST + timedelta(days=3 * i, hours=5 + j + i % 5 / 2)
            some.append(seen(i % 3, at, name, rank=rank))
        some.append(
            seen(i % 3, FIRST + timedelta(days=3 * i, hours=19 + i % 4), None, kind="human")
        )
    ask = StudyRequest(species=("animal", "human"))
    made = study(basis(some, places(3), ask))
    pairs = {frozenset(pair[:2]) for pair in made.days.overlaps}
    assert pairs == {frozenset(one) for one in combinations(("Equus", "Panthera leo", "human"), 2)}
    assert len(made.days.curves) == 6
    page = population_page(made, population_tables(made, "0"), "0")
    assert "Each name counts by itself, whatever its rank" in page
    assert "Each name counts by itself" not in page_of(some[:1], places(3))


def test_species_accumulated_are_never_fewer_than_none():
    some = [
        seen(i, FIRST + timedelta(days=i), f"Felis {'abcdefgh'[i]}us", "human") for i in range(5)
    ]
    made = study(basis(some[:1], places(6), StudyRequest()))
    rows = population_tables(made, "0").rows["richness"]
    lows = [float(row[3]) for row in rows if row[0] == "species at so many stations"]
    assert made.richness.accumulated[0] < 1.96 * made.richness.accumulated_sd[0]
    assert min(lows) == 0


def test_why_there_is_no_change_stands_at_the_left_of_its_cells():
    page = page_of([seen(0, FIRST), seen(1, FIRST + timedelta(days=3))], places())
    assert '<td colspan="3" class="note">no event in a season</td>' in page


def test_histories_follow_the_day_and_the_least_effort_asked_for():
    some = [seen(0, FIRST + timedelta(days=3))]
    begin = FIRST + timedelta(days=10, hours=12)
    late = Deployment("late", "T", None, 1.0, 1.0, None, begin, FIRST + YEARS)
    there = [*places(2), late]
    first = study(basis(some, there, StudyRequest(day1="station"))).occupied[0].history
    assert first.starts[2] == np.datetime64(FIRST + timedelta(days=10))
    strict = study(basis(some, there, StudyRequest(least_days=7))).occupied[0].history
    assert np.isnan(strict.cells[2, :2]).all() and not np.isnan(strict.cells[2, 2])


def test_only_confirmed_species_count_for_richness():
    some = [seen(i, FIRST + timedelta(days=i), method="human") for i in range(4)]
    some += [seen(5, FIRST, "Loxodonta africana"), seen(4, FIRST, "Mammalia", rank="class")]
    found = study(basis(some, places(), StudyRequest())).richness
    assert found.confirmed == ("Panthera leo",) and found.model_only == ("Loxodonta africana",)
    assert found.events == 4


def test_one_species_says_nothing_of_those_that_were_not_seen():
    some = [seen(i, FIRST + timedelta(days=i), method="human") for i in range(4)]
    made = study(basis(some, places(), StudyRequest()))
    assert made.richness.chao1 is None and made.richness.chao2 is None
    assert not [r for r in population_tables(made, "0").rows["richness"] if "Chao" in str(r[0])]
    text = page_of(some, places())
    assert (
        "One species says nothing about how many were not seen" in text and "Chao2, wh" not in text
    )
    both = study(basis([*some, seen(1, FIRST, "Lynx lynx", "human")], places(), StudyRequest()))
    assert both.richness.chao2.value >= 2


def test_no_confirmed_species_is_no_estimate():
    made = study(basis([seen(0, FIRST)], places(), StudyRequest()))
    assert made.richness.chao2 is None and made.richness.model_only == ("Panthera leo",)


def test_tables_are_plain_csv(whole):
    for rows in whole[1].rows.values():
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        read = list(csv.reader(io.StringIO(text.getvalue())))
        assert len({len(row) for row in read}) == 1


# --- figures ---


def few_stations(years: int = 12) -> tuple[list[Sighting], list[Deployment]]:
    """A dozen seasons from one camera, and a second one for a fortnight."""
    begin = datetime(2013, 4, 9)
    there = [
        Deployment("d0", "S0", started_at=begin, ended_at=begin + timedelta(days=365 * years)),
        Deployment("d1", "S1", started_at=begin + timedelta(days=900),
                   ended_at=begin + timedelta(days=914)),
    ]  # fmt: skip
    some = [seen(0, begin + timedelta(days=700, hours=h), method="human") for h in range(0, 72, 2)]
    some += [seen(0, begin + timedelta(days=2000, hours=5), method="human")]
    some += [seen(1, begin + timedelta(days=903), "Lynx lynx", method="human")]
    return some, there


def dots(plot: str) -> list[list[tuple[bool, bool]]]:
    """Of each small plot, each dot: whether it lies within the axes, and whether it is filled."""
    box = r'<clipPath id="(\w+)">\s*<rect x="[^"]+" y="([^"]+)" width="[^"]+" height="([^"]+)"'
    boxes = {key: (float(top), float(tall)) for key, top, tall in re.findall(box, plot)}
    dot = r'<g clip-path="url\(#(\w+)\)">\s*<use [^>]*?y="([^"]+)" style="([^"]*)"'
    found = []
    for axes in plot.split('<g id="axes_')[1:]:
        here = []
        for key, y, style in re.findall(dot, axes):
            top, tall = boxes[key]
            here.append((top <= float(y) <= top + tall, "fill-opacity: 0" not in style))
        found.append(here)
    return found


def test_a_month_with_events_at_one_station_only_is_in_the_figure():
    made = study(basis(*few_stations(), StudyRequest()))
    figures = {plots.month_plot: made.months.values(), plots.trend_plot: made.trend.rates}
    for plot, columns in figures.items():
        rates = [[column[i] for column in columns] for i in range(2)]
        for drawn, own in zip(dots(plot(made, made.basis.names)), rates, strict=True):
            assert all(inside for inside, _ in drawn)
            assert sum(filled for _, filled in drawn) == sum(one.events > 0 for one in own)
            assert len(drawn) == sum(one.pooled is not None for one in own)
    single = next(r for m in made.months.values() for r in m if r.events and r.high is None)
    assert single.pooled > 0


def test_a_low_rate_is_a_dot_and_none_at_all_a_ring():
    some, there = few_stations()
    made = study(
        basis(some, there, StudyRequest(species=("Panthera leo", "Lynx lynx", "Equus quagga")))
    )
    rings = re.findall(r"<use [^>]*fill-opacity: 0; stroke: #4f7a5b", plots.rate_plot(made.rates))
    assert len(rings) == 1 and made.rates[0].events == 0


@pytest.mark.filterwarnings("error")  # one station alone: nothing goes with anything
def test_months_that_nobody_watched_are_gaps():
    gap = {"d0": [(datetime(2015, 9, 1), datetime(2016, 1, 1))]}
    some, there = few_stations(4)
    made = study(basis(some[:-1], [there[0]], StudyRequest(), gap))
    (drawn,) = dots(plots.month_plot(made, ["Panthera leo"]))
    assert len(drawn) == len(made.months) - 4


@pytest.mark.parametrize("wide", [0.0, 0.02, 0.3, 2.0])
@pytest.mark.parametrize("tall", [0.0, 0.02, 0.3, 2.0])
@pytest.mark.parametrize("latitude", [-2.0, 65.0])
def test_a_map_holds_every_circle_whole_and_is_as_tall_as_its_place(wide, tall, latitude):
    side = 1.8
    x, y = 35 + wide * np.array([0, 0.4, 1]), latitude + tall * np.array([1, 0, 0.7])
    east, north, ratio = plots._extent(x, y, side)
    assert 0.45 <= ratio <= 1.2
    stretch = 1 / np.cos(np.radians(y.mean()))
    assert np.diff(north) * stretch == pytest.approx(np.diff(east) * ratio), "as on the ground"
    radius_in = np.sqrt(plots.AREA / np.pi) / 72
    for at, (low, high), inches in ((x, east, side), (y, north, side * ratio)):
        room = min(at.min() - low, high - at.max()) / (high - low) * inches
        assert room >= radius_in


def test_a_map_names_its_axes_and_a_phone_says_that_figures_go_on(whole):
    text = whole[2]
    assert "longitude, degrees" in text and "latitude, degrees" in text
    assert ".plot::before" in text and '<figure class="plot"><svg' in text


def test_a_dozen_seasons_do_not_print_over_each_other():
    made = study(basis(*few_stations(), StudyRequest()))
    for axes in plots.trend_plot(made, made.basis.names).split('<g id="axes_')[1:]:
        assert 2 <= len(re.findall(r">20\d\d/\d\d<", axes)) <= 4


@pytest.mark.parametrize("years", [0.1, 2])
def test_effort_without_any_event_is_a_page_that_says_so(years):
    there = places(3, end=FIRST + timedelta(days=365 * years))
    for some in ([], [seen(0, FIRST + timedelta(days=1), None, kind="human")]):
        made = study(basis(some, there, StudyRequest()))
        tables = population_tables(made, "0")
        page = population_page(made, tables, "0")
        assert "No independent event of an animal" in page and "<b>0</b><span>indep" in page
        assert [len(rows) for name, rows in tables.rows.items() if name in ("rai", "events")] == [
            1,
            1,
        ]
        assert "No visit" in page and len(tables.rows["effort"]) == 4


# --- the page's words ---


def page_of(some, there, ask=None, outages=None) -> str:
    made = study(basis(some, there, ask or StudyRequest(), outages))
    return population_page(made, population_tables(made, "0"), "0")


def test_change_stands_before_the_seasons_and_every_season_says_where_it_begins():
    page = page_of(*few_stations())
    text = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))
    assert "twelve months that begin in April: 2013/14 began in April 2013" in text
    assert "in all twelve months of each season" in text and "last column is the factor" not in text
    head = text[text.index("taxon change a year") :]
    assert head.index("stations") < head.index("2013/14")


def test_months_of_a_season_over_the_new_year_are_told_as_the_season_goes():
    season = [(datetime(year, 11, 1), datetime(year + 1, 2, 1)) for year in (2023, 2024)]
    there = [Deployment(f"d{i}", "S", started_at=a, ended_at=b) for i, (a, b) in enumerate(season)]
    page = page_of([seen(i, a) for i, (a, _) in enumerate(season)], there)
    assert "in November to January of each season" in page and "began in November 2023" in page


def test_tables_repeat_their_head_in_print_and_a_heading_stays_with_its_figure(whole):
    page = whole[2]
    tables = re.findall(r"<table>.*?</table>", page, flags=re.DOTALL)
    assert tables and all("<thead>" in one for one in tables if "<th" in one)
    assert "h2, h3, h2 + p, h3 + p, .bar, .key { break-after: avoid; }" in page


def test_one_is_said_in_the_singular():
    page = page_of([seen(0, FIRST, method="human")], places(1))
    for words_ in ("1 outages", "1 visits", "1 events", "1 stations", "1 pictures", "1 pairs"):
        assert words_ not in re.sub(r"<[^>]+>", " ", page)
    out = {"d0": [(FIRST, FIRST + timedelta(days=3))]}
    assert "Outages: 1 outage at 1 of 1 deployment with" in page_of(
        [seen(0, FIRST)], places(1), None, out
    )
