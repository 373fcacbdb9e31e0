"""When cameras did not work: said by people, suggested by silence, and no effort once accepted."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.core.engine import open_database, writing
from db.store.batches import save_batch
from db.store.deployments import save_deployments
from db.store.media import save_media
from db.store.outages import (
    accept_outage,
    accepted_outages,
    outages,
    propose_outages,
    remove_outage,
    save_outages,
    waiting,
)
from flows.services import outages as services
from pipeline.errors import InputError
from pipeline.population.effort.effort import watches
from pipeline.population.effort.silence import proposals
from pipeline.records import Deployment, Media, Outage
from tests.commands import camtriage
from tests.test_population_command import PLACES, fill, may, of, tables
from tests.visits import read_stays

MAY = may(1)
PLACE = Deployment("A", started_at=MAY, ended_at=MAY + timedelta(days=60), source="table")


# --- said by people ---


@pytest.fixture
def filled(database):
    fill(database)
    return database


def enter(engine, *given: Outage) -> int:
    with writing(engine) as conn:
        return save_outages(conn, given)


def test_accepted_outages_leave_the_rates_the_effort_and_the_view(filled):
    enter(
        filled,
        Outage("A1", may(3), may(5), "battery"),
        Outage("B2", may(12), None, "theft"),
        Outage("C1", may(20), may(30), "only a day of it lies in the deployment"),
    )
    found, made = tables(filled)
    days = {row["deployment"]: row["camera_days"] for row in found["effort"]}
    assert days == {"A1": "8", "B1": "5", "B2": "4", "C1": "19", "D1": ""}
    fox = of(found["rai"], scientific_name="Vulpes vulpes")
    assert (fox["events"], fox["effort_days"]) == ("4", "36")
    said = (
        "3 outages at 3 of 4 deployments with a period, entered or accepted by people: subtracted"
    )
    assert made.outages == said and of(found["about"], item="outages")["value"] == said
    with filled.connect() as conn:
        view = "SELECT deployment_id, effort_days, outage_days FROM deployments"
        shown = {row[0]: row[1:] for row in conn.exec_driver_sql(view)}
        stays = sum(one.days for one in watches(read_stays(conn), "exact"))
    assert shown["A1"] == pytest.approx((8, 2)) and shown["B2"] == pytest.approx((4, 1))
    assert shown["C1"] == pytest.approx((19, 1)) and stays == 36


def test_a_proposal_counts_for_nothing_before_it_is_accepted(filled):
    enter(filled, Outage("A1", may(3), may(5), "silence", "proposed", accepted=True))
    with writing(filled) as conn:
        conn.exec_driver_sql("UPDATE outage SET accepted = FALSE")
        assert accepted_outages(conn) == {}
        query = "SELECT effort_days FROM deployments WHERE deployment_id = 'A1'"
        assert conn.exec_driver_sql(query).scalar() == pytest.approx(10)
    assert tables(filled)[1].outages.startswith("none are known")


def proposed(engine, *given: Outage) -> list[tuple]:
    """What waits for a person after these proposals: (number, begins, ends)."""
    with writing(engine) as conn:
        propose_outages(conn, ["A1", "C1"], given)
        return [(key, one.started_at.day, one.ended_at.day) for key, one in waiting(conn)]


def test_a_dismissed_proposal_is_not_made_again_but_one_that_reaches_beyond_it_is(filled):
    first, other = (
        Outage("C1", may(5), may(9), "silence", "proposed", accepted=False),
        Outage("A1", may(3), may(5), "silence", "proposed", accepted=False),
    )
    (keep, *_), (number, *_) = proposed(filled, first, other)
    with writing(filled) as conn:
        assert remove_outage(conn, number) == first
        accept_outage(conn, keep, "Amina")
        remove_outage(conn, keep)
        assert accepted_outages(conn) == {} and waiting(conn) == []
    shorter, longer = replace(first, started_at=may(6)), replace(first, ended_at=may(12))
    assert proposed(filled, first, other) == [] and proposed(filled, shorter) == []
    [(number, *days)] = proposed(filled, longer)
    assert days == [5, 12]
    with writing(filled) as conn:
        remove_outage(conn, number)
        remove_outage(conn, number)  # once more: the dismissal is forgotten
    assert [days for _, *days in proposed(filled, first)] == [[5, 9]]


def test_a_dismissed_proposal_may_be_accepted_after_all_or_entered(filled):
    one = Outage("C1", may(5), may(9), "silence", "proposed", accepted=False)
    [(number, *_)] = proposed(filled, one)
    with writing(filled) as conn:
        remove_outage(conn, number)
        accept_outage(conn, number, "Amina")
        assert outages(conn)[0][1].source == "proposed"
        remove_outage(conn, number)
    assert enter(filled, Outage("C1", may(5), may(8), "snow")) == 1
    with filled.connect() as conn:
        assert [one.source for _, one in outages(conn, accepted=True)] == ["entered"]


def test_weeks_in_which_a_camera_was_out_are_not_known_and_no_absence(filled):
    enter(filled, Outage("C1", may(8), may(15), "snow"))
    history = tables(filled)[1].histories["Vulpes vulpes"]
    row = dict(zip(history.stations, history.cells.tolist(), strict=True))["C"]
    assert [str(one) for one in row] == ["0.0", "nan", "0.0"]


def test_camtrapr_gets_outages_and_gaps_apart_and_within_the_station(filled):
    enter(filled, Outage("B1", may(5), None, "battery"), Outage("B2", may(9), may(10, 12), "snow"))
    table = {row["Station"]: row for row in tables(filled)[0]["station_table"]}
    problems = [table["B"][f"Problem{n}_{end}"] for n in (1, 2) for end in ("from", "to")]
    assert problems == [
        *("2026-05-05 00:00:00", "2026-05-08 00:00:00"),
        *("2026-05-09 00:00:00", "2026-05-10 12:00:00"),
    ]
    assert table["B"]["Retrieval_date"] == "2026-05-13 00:00:00"
    assert table["A"]["Problem1_from"] == ""


def test_the_same_outage_twice_is_one_and_two_over_each_other_are_refused(filled):
    first = Outage("A1", may(3), may(5), "battery")
    assert enter(filled, first) == 1 and enter(filled, first) == 0
    for wrong, said in (
        (Outage("A1", may(4), may(6)), "overlaps"),
        (Outage("A1", may(2), None), "overlaps"),
        (Outage("A1", may(6), may(6)), "ends before it begins"),
        (Outage("A1", may(11), may(12)), "outside the deployment"),
        (Outage("A1", may(1) - timedelta(days=2), may(1)), "outside the deployment"),
        (Outage("Z9", may(4), may(6)), "no such deployment"),
    ):
        with pytest.raises(InputError, match=said):
            enter(filled, Outage("C1", may(4), may(5)), wrong)
    with filled.connect() as conn:
        assert [one for _, one in outages(conn)] == [first], "all of them or none"
    assert enter(filled, Outage("A1", may(5), may(6))) == 1, "one may begin where another ends"


# --- suggested by silence ---


def at_hours(*hours: float, method: str | None = None) -> list:
    return [(MAY + timedelta(hours=one), method) for one in hours]


def lapse(hours) -> list:
    return at_hours(*hours, method="timeLapse")


def test_a_missing_heartbeat_is_proposed_to_the_minute_it_came_back():
    daily = [12 + 24 * day for day in range(60) if not 20 <= day < 25]
    [one] = proposals(PLACE, lapse(daily))
    assert (one.started_at, one.ended_at) == (may(20, 12), may(26, 12))
    assert not one.accepted and one.source == "proposed" and "24.0 hours" in one.reason


def test_nights_without_time_lapse_are_no_silence_but_a_missing_day_is():
    by_day = [24 * day + hour for day in range(60) for hour in range(6, 19)]
    assert proposals(PLACE, lapse(by_day)) == []
    [one] = proposals(PLACE, lapse(hour for hour in by_day if not 480 <= hour < 504))
    assert (one.started_at, one.ended_at) == (may(20, 18), may(22, 6))


def test_a_motion_picture_proves_that_the_camera_worked_without_its_heartbeat():
    daily = [12 + 24 * day for day in range(60) if not 20 <= day < 22]
    assert proposals(PLACE, lapse(daily) + at_hours(24 * 20 + 12, 24 * 21 + 12)) == []


def test_one_beat_and_a_half_is_late_and_a_minute_more_is_a_silence():
    for late, found in ((36.0, 0), (36 + 1 / 60, 1)):
        daily = [12 + 24 * day for day in range(30)]
        daily += [daily[-1] + late + 24 * day for day in range(29)]  # to its last day
        assert len(proposals(PLACE, lapse(daily))) == found


def test_a_heartbeat_that_ends_is_proposed_to_the_end_of_the_deployment():
    [one] = proposals(PLACE, lapse(12 + 24 * day for day in range(30)))
    assert one.started_at == may(30, 12) and one.ended_at is None


def test_silence_is_long_against_the_cameras_own_gaps():
    busy = [6 * n for n in range(240) if not 20 <= 6 * n / 24 < 25]
    [one] = proposals(PLACE, at_hours(*busy))
    assert (one.ended_at - one.started_at) > timedelta(days=5)
    gaps = [*[12, 30, 70, 20, 110, 45] * 4, 144]
    seldom = np.cumsum(gaps).tolist()
    assert proposals(PLACE, at_hours(*seldom)) == [], "six days are not much for this one"


def test_a_camera_with_few_pictures_is_doubted_for_a_very_long_end_alone():
    [one] = proposals(PLACE, at_hours(1, 2, 30))
    assert one.ended_at is None and "too few to know" in one.reason
    [one] = proposals(PLACE, [])
    assert one.started_at == MAY and "no picture at all" in one.reason
    assert proposals(PLACE, at_hours(1, 24 * 50)) == []
    assert proposals(Deployment("A"), at_hours(1, 2, 30)) == [], "its end is not known"


def test_half_of_the_time_without_a_picture_is_very_long():
    half = (PLACE.ended_at - MAY) / timedelta(hours=2)
    assert len(proposals(PLACE, at_hours(1, half))) == 1
    assert proposals(PLACE, at_hours(1, half + 1)) == []


def test_what_a_person_has_accepted_is_not_proposed_again():
    known = Outage("A", may(20), may(27))
    daily = [12 + 24 * day for day in range(60) if not 20 <= day < 25]
    assert proposals(PLACE, lapse(daily), known=[known]) == []


@given(st.lists(st.integers(0, 1439), max_size=80), st.booleans())
def test_proposals_lie_in_the_deployment_apart_and_hold_no_picture(hours, beats):
    seen = at_hours(*hours, method="timeLapse" if beats else None)
    made = proposals(PLACE, seen)
    ends = [(one.started_at, one.ended_at or PLACE.ended_at) for one in made]
    assert ends == sorted(ends)
    assert all(MAY <= a < b <= PLACE.ended_at for a, b in ends)
    assert all(b <= c for (_, b), (c, _) in pairwise(ends))
    assert not any(a < at < b for a, b in ends for at, _ in seen)


def test_a_camera_triggered_at_chance_is_seldom_doubted():
    """Of a hundred seasons of chance, a handful at most."""
    doubted = 0
    for seed in range(100):
        gaps = np.random.default_rng(seed).exponential(8, 400)
        season = [float(hour) for hour in np.cumsum(gaps) if hour < 1440]
        doubted += bool(proposals(PLACE, at_hours(*season)))
    assert doubted <= 6


# --- as a user types it ---


@pytest.fixture
def url(tmp_path):
    """A camera with a daily time-lapse picture that is missing for five days, and another."""
    url = f"sqlite:///{tmp_path}/c.db"
    days = [day for day in range(40) if not 20 <= day < 25]
    media = [
        Media(
            f"{n:064}", f"A1/{n}.JPG", 1, taken_at=MAY + timedelta(days=day, hours=12),
            clock="exif", capture_method="timeLapse", deployment_id="A1",
        )
        for n, day in enumerate(days)
    ]  # fmt: skip
    with writing(open_database(url)) as conn:
        places = [Deployment("A1", started_at=MAY, ended_at=MAY + timedelta(days=40)), *PLACES[1:]]
        save_deployments(conn, places)
        save_media(conn, save_batch(conn, "card", "/card", "content"), media)
    return url


def listed(capsys) -> list[dict]:
    text = capsys.readouterr().out
    return list(csv.DictReader(io.StringIO(text.partition("none of these")[0])))


def test_suggested_accepted_and_removed(url, capsys):
    camtriage("outages", "suggest", "A1", "--database", url)
    [one] = listed(capsys)
    assert (one["start"], one["end"]) == ("2026-05-20T12:00:00", "2026-05-26T12:00:00")
    assert (one["days"], one["accepted"]) == ("6.00", "no")
    camtriage("outages", "suggest", "A1", "--database", url)
    [again] = listed(capsys)
    assert again | {"number": ""} == one | {"number": ""}, "proposals are replaced, not added"
    camtriage("outages", "accept", again["number"], "--who", "Amina", "--database", url)
    camtriage("outages", "suggest", "A1", "--database", url)
    assert "1 outage accepted" in capsys.readouterr().out
    camtriage("outages", "list", "--database", url)
    [kept] = listed(capsys)
    assert (kept["accepted"], kept["by"], kept["source"]) == ("yes", "Amina", "proposed")
    camtriage("outages", "remove", kept["number"], "--database", url)
    assert "dismissed: A1 2026-05-20" in capsys.readouterr().out
    for wrong in (["accept", "99"], ["suggest", "Z"]):
        with pytest.raises(InputError, match="no "):
            camtriage("outages", *wrong, "--database", url)


def test_the_services_give_outages_as_data_and_print_nothing(url, capsys):
    suggested = services.suggest_outages(url, ["A1"])
    [waiting] = suggested.waiting
    assert suggested.not_judged == () and waiting.outage.started_at == may(20, 12)
    assert not waiting.outage.accepted
    assert services.accept_outages(url, [waiting.number], "Amina") == services.AcceptedOutages(1, 0)
    assert services.accept_outages(url, [waiting.number]) == services.AcceptedOutages(0, 1)
    [listed] = services.list_outages(url)
    assert listed.outage == replace(waiting.outage, accepted=True, said_by="Amina")
    entered = services.add_outage(url, "A1", "2026-05-03", "2026-05-04", "battery")
    assert (entered.new, entered.known) == (1, 0)
    assert [(outage.reason, pictures) for outage, pictures in entered.within] == [("battery", 2)]
    assert services.remove_outages(url, [waiting.number]) == (listed.outage,)
    assert capsys.readouterr() == ("", "")


def test_a_camera_whose_clock_is_wrong_is_not_judged_and_that_is_told(url, capsys):
    with writing(open_database(url)) as conn:
        conn.exec_driver_sql("UPDATE deployment SET timestamp_issues = TRUE WHERE name = 'A1'")
    assert services.suggest_outages(url).not_judged == ("A1",)
    assert camtriage("outages", "suggest", "--database", url) == 0
    assert capsys.readouterr().err == "A1: left out, its clock is not to be trusted\n"


def test_a_table_is_read_back_as_it_was_listed_and_days_are_whole(url, capsys, tmp_path):
    table = tmp_path / "outages.csv"
    table.write_text(
        "deploymentID,start,end,reason\nA1,2026-05-03,2026-05-05,snow\nC1,2026-05-20,,\n"
    )
    assert camtriage("outages", "import", table, "--who", "Juma", "--database", url) == 0
    assert "4" not in capsys.readouterr().out.split("outages")[0]
    camtriage("outages", "list", "--database", url)
    text = capsys.readouterr().out
    assert "A1,2026-05-03T00:00:00,2026-05-06T00:00:00,3.00,snow,entered,yes,Juma" in text
    table.write_text(text)
    camtriage("outages", "import", table, "--database", url)
    assert "0 outages entered, 2 known" in capsys.readouterr().out
    for wrong, said in (
        ("deploymentID,start\nA1,2026-05-03\n", "no column end, reason"),
        ("deploymentID,start,end,reason\nC1,2026-05-03,,\nA1,soon,,\n", "line 3: start 'soon'"),
    ):
        table.write_text(wrong)
        with pytest.raises(InputError, match=said):
            services.import_outages(url, table)
    with pytest.raises(InputError, match="cannot be read"):
        services.import_outages(url, tmp_path / "none.csv")
    camtriage("outages", "list", "--database", url)
    assert capsys.readouterr().out == text


def test_an_outage_that_ends_before_it_begins_is_told_as_it_was_typed(url, tmp_path):
    with pytest.raises(InputError, match="A1 2026-05-12 to 2026-05-11: the outage ends before it"):
        services.add_outage(url, "A1", "2026-05-12", "2026-05-11")
    assert services.add_outage(url, "A1", "2026-05-12", "2026-05-12").new == 1, "all of the day"


def test_pictures_within_an_outage_are_told(url, capsys):
    words = ("A1", "--from", "2026-05-03", "--to", "2026-05-04", "--reason", "battery")
    camtriage("outages", "add", *words, "--database", url)
    assert "2 pictures were taken within it" in capsys.readouterr().out
