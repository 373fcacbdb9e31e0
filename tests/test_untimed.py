"""No time is not "watched, not seen": a species on pictures without a time is unknown there."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from db.core.engine import open_database, writing
from db.store.batches import save_batch
from db.store.deployments import save_deployments
from db.store.media import save_media
from flows.services.deployments import check_deployments
from flows.services.outages import suggest_outages
from pipeline.population.effort.basis import basis
from pipeline.population.events.sightings import Sighting, StudyRequest
from pipeline.population.study.study import study
from pipeline.population.study.tables import population_tables
from pipeline.records import Deployment, Media
from pipeline.report.population_markdown import as_markdown
from pipeline.report.population_page import population_page

MAY = datetime(2026, 5, 1)
WEEK = timedelta(days=7)
PLACES = [  # S1 has two stays of a week, one after the other; the others two weeks
    Deployment("a1", "S1", started_at=MAY, ended_at=MAY + WEEK),
    Deployment("a2", "S1", started_at=MAY + WEEK, ended_at=MAY + 2 * WEEK),
    *(Deployment(f"b{n}", f"S{n}", started_at=MAY, ended_at=MAY + 2 * WEEK) for n in (2, 3)),
]


def seen(place: str, name: str, day: float | None, key: int) -> Sighting:
    at = None if day is None else (MAY + timedelta(days=day)).isoformat()
    return Sighting(
        place, "animal", name, "species", "human", at, at, key, f"{key}.jpg", None, None
    )


def made(*sightings, **request):
    found = study(basis(sightings, PLACES, StudyRequest(occasion_days=7, **request)))
    return found, population_tables(found, "0")


CAT, FOX = "Felis silvestris", "Vulpes vulpes"


def test_a_species_seen_without_a_time_has_no_zero_in_that_deployments_period():
    found, tables = made(seen("a1", CAT, None, 1), seen("b2", CAT, 3, 2), seen("b2", FOX, 3, 3))
    nan = np.nan
    cat, fox = (tables.histories[name] for name in (CAT, FOX))
    assert cat.stations == ("S1", "S2", "S3")
    np.testing.assert_array_equal(cat.cells, [[nan, 0], [1, 0], [0, 0]])
    np.testing.assert_array_equal(cat.effort, [[nan, 7], [7, 7], [7, 7]])
    np.testing.assert_array_equal(fox.cells, [[0, 0], [1, 0], [0, 0]])
    np.testing.assert_array_equal(tables.confirmed[CAT].cells, cat.cells)
    rates = {rate.name: rate for rate in found.rates}
    assert (rates[CAT].events, rates[CAT].effort_days) == (1, 35), "the week at a1 is not known"
    assert (rates[FOX].events, rates[FOX].effort_days) == (1, 42)
    presence = {rate.name: rate for rate in found.presence}
    assert (presence[CAT].effort_days, presence[FOX].effort_days) == (35, 42)
    [month] = found.months.values()
    assert {rate.name: rate.effort_days for rate in month} == {CAT: 35, FOX: 42}


def test_a_timed_detection_stays_one_and_its_event_is_in_no_rate_of_the_unknown_week():
    found, tables = made(seen("a1", CAT, None, 1), seen("a1", CAT, 2, 2), seen("a2", CAT, 9, 3))
    np.testing.assert_array_equal(tables.histories[CAT].cells[0], [1, 1])
    [rate] = found.rates
    assert (rate.events, rate.effort_days) == (1, 35)


def test_where_no_day_is_known_there_is_neither_rate_nor_zero_and_everybody_is_told():
    pictures = [seen(place, CAT, None, n) for n, place in enumerate(("a1", "a2", "b2", "b3"))]
    found, tables = made(*pictures, seen("b2", FOX, 3, 9))
    rate = next(rate for rate in found.rates if rate.name == CAT)
    assert (rate.events, rate.stations, rate.pooled) == (0, 0, None)
    assert rate.interval == "pictures without a time may show it: no rate, and no zero"
    assert np.isnan(tables.histories[CAT].cells).all()
    by_station = [row for row in tables.rows["rai_by_station"] if row[1] == CAT]
    assert {(row[2], row[4]) for row in by_station} == {("", "")}
    about = dict(tables.rows["about"][1:])
    assert about["visits left out: no time"] == 4
    told = f"4 visits without a time ({CAT} 4) at a1, a2, b2, b3"
    assert about["clocks"].startswith(told) and "clock set" in about["clocks"]
    nobody = [replace(rate, stations=0, events=0, pooled=None) for rate in found.rates]
    months = {"1999-01": nobody, **found.months}
    page = population_page(replace(found, months=months), tables, "0")
    assert told in page
    assert "<td>1999-01</td>" not in page, "a month in which nobody watched has no row"
    assert told in as_markdown(found, tables)


def test_only_what_is_asked_for_and_what_a_trigger_took_is_unknown():
    lapse = seen("a1", CAT, None, 1)._replace(capture_method="timeLapse")
    found, _ = made(lapse, seen("a1", CAT, None, 2), seen("b2", FOX, 3, 3), species=(FOX,))
    assert found.basis.untimed.visits == {} and found.basis.names == [FOX]
    found, _ = made(lapse, seen("b2", FOX, 3, 3))
    assert found.basis.untimed.visits == {}


@pytest.fixture
def url(tmp_path):
    """A camera of which no picture has a time, one of which one has none, and one without any."""
    url = f"sqlite:///{tmp_path}/u.db"
    month = {"started_at": MAY, "ended_at": MAY + timedelta(days=60), "source": "table"}
    with writing(open_database(url)) as conn:
        save_deployments(conn, [Deployment(name, **month) for name in ("none", "one", "empty")])
        batch = save_batch(conn, "card", "/", "x")
        times = {"none": [None, None], "one": [None, MAY + timedelta(days=2)]}
        save_media(
            conn,
            batch,
            [
                Media(f"{name}{n}", f"{name}/{n}.jpg", 1, taken_at=at, deployment_id=name)
                for name, some in times.items()
                for n, at in enumerate(some)
            ],
        )
    return url


def test_the_check_says_what_pictures_without_a_time_do_to_every_number(url):
    lines = [line for line in check_deployments(url).faults if "no time" in line]
    assert [line.partition(": what")[0] for line in lines] == [
        "none: 2 of 2 pictures have no time",
        "one: 1 of 2 pictures have no time",
    ]
    assert all("enter the times with camtriage clock set" in line for line in lines)


def test_no_silence_is_suggested_where_pictures_have_no_time(url):
    suggested = suggest_outages(url)
    assert suggested.without_time == ("none",)
    reasons = {found.outage.deployment_id: found.outage.reason for found in suggested.waiting}
    assert reasons["empty"].startswith("no picture at all")
    assert reasons["one"].endswith("; 1 picture without a time may be of it")
