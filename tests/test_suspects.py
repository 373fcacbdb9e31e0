"""Clocks that contradict their own pictures are named, with what would help."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from db.store.batches import save_batch
from db.store.deployments import save_deployments
from db.store.media import save_media
from db.store.repairs import save_repair
from flows.facts.clocks import doubts
from pipeline.card.sun import sun_height
from pipeline.card.suspects import HIGH, LOW, Shot, suspects, too_few_by_light
from pipeline.records import ClockRepair, DayAlone, Deployment, Media
from tests.commands import camtriage

NINE = datetime(2021, 4, 11, 20, 43, 9)
NOW = datetime(2026, 1, 1)
MARA = Deployment("A", latitude=-1.5, longitude=35.0, utc_offset_min=180, source="table")


def series(*times, lights=()) -> list[Shot]:
    lights = [*lights, *[None] * len(times)]
    return [Shot("card", f"a/RCNX{n:04}.JPG", at, lights[n]) for n, at in enumerate(times)]


ANY = Deployment("A")


def told(shots, place=ANY) -> list[tuple[str, int]]:
    return [(one.kind, one.pictures) for one in suspects(place, shots, NOW)]


DAYS = [NINE + timedelta(days=n) for n in range(10)]


def test_a_clock_that_goes_back_while_the_files_go_on_is_doubted_from_that_file():
    reset = [datetime(2013, 1, 1, 0, n) for n in range(5)]
    [one] = suspects(Deployment("A"), series(*DAYS, *reset), NOW)
    assert (one.kind, one.first) == ("back", "a/RCNX0010.JPG")
    assert "from 2021-04-20 20:43 to 2013-01-01 00:00 at RCNX0010.JPG" in one.sentence
    assert one.options == "--by ... --from-file RCNX0010.JPG"


def test_an_hour_back_is_a_doubt_where_names_follow_time():
    assert told(series(*DAYS, DAYS[-1] - timedelta(hours=1))) == [("back", 1)]
    assert told(series(*DAYS, DAYS[-1] - timedelta(seconds=3))) == []
    assert told(series(NINE, NINE - timedelta(hours=1), NINE)) == [], "three files show no order"


def test_names_without_order_of_time_are_no_doubt_by_the_hour():
    assert told(series(*(NINE + timedelta(hours=n * 7 % 11) for n in range(30)))) == []
    assert told([]) == []


def test_another_folder_begins_anew():
    shots = [*series(*DAYS), Shot("card/b", "b/RCNX0001.JPG", NINE - timedelta(days=90), None)]
    assert told(shots) == []


def test_never_set_ahead_and_without_a_time_are_counted():
    shots = series(*(datetime(2000, 1, 1, 0, n) for n in range(9)), datetime(2099, 1, 1), None)
    assert told(shots) == [("none", 1), ("unset", 9), ("ahead", 1)]
    [_, unset, _] = suspects(Deployment("A"), shots, NOW)
    assert unset.options.endswith("--from-file RCNX0000.JPG --to-file RCNX0008.JPG")


def test_a_day_without_an_hour_and_the_files_own_date_are_doubts():
    shots = series(DayAlone(2021, 4, 4), NINE)
    [day] = suspects(ANY, shots, NOW)
    assert (day.kind, day.pictures) == ("day", 1) and "camtriage clock set" in day.sentence
    assert told([replace(shots[1], clock="file_date")]) == [("file_date", 1)]


def test_many_pictures_at_exactly_midnight_are_a_doubt_but_not_those_of_every_hour():
    midnights = [datetime(2021, 5, 1) + timedelta(days=n) for n in range(5)]
    assert told(series(*midnights, midnights[-1] + timedelta(hours=9, minutes=1))) == [
        ("midnight", 5)
    ]
    assert told(series(*midnights[:4])) == [], "four may be chance, or one burst"
    hourly = [midnights[0] + timedelta(hours=n) for n in range(200)]
    assert told(series(*hourly)) == []


def autumn(*times):
    """Ten days before the night in which Europe's clocks go back, then that night."""
    night = datetime(2026, 10, 25)
    before = [night - timedelta(days=11 - n, hours=7) for n in range(11)]
    after = [night + timedelta(hours=h, minutes=m) for h, m in times]
    return series(*before, *after)


def test_a_clock_that_repeats_an_hour_follows_summer_time_and_is_repaired_by_it():
    shots = autumn((2, 40), (2, 50), (2, 5), (2, 30), (14, 0))
    [summer] = suspects(ANY, shots, datetime(2027, 1, 1))
    assert (summer.kind, summer.options) == ("summer", "--by +1h --from-file RCNX0013.JPG")
    assert "from 2026-10-25 02:50 back to 2026-10-25 02:05 at RCNX0013.JPG" in summer.sentence
    assert suspects(ANY, autumn((2, 40), (2, 50), (3, 5)), datetime(2027, 1, 1)) == []
    [small] = suspects(ANY, autumn((2, 59), (2, 57), (3, 5)), datetime(2027, 1, 1))
    assert small.kind == "summer", "two minutes show it in that night alone"


def test_another_hour_back_is_no_summer_time():
    monday = autumn((26, 40), (26, 5), (40, 0))
    assert [d.kind for d in suspects(ANY, monday, datetime(2027, 1, 1))] == ["back"]
    twice = autumn((2, 40), (2, 5), (30, 0), (2, 30))
    assert [d.kind for d in suspects(ANY, twice, datetime(2027, 1, 1))] == ["back"]


def test_pictures_or_a_table_at_two_offsets_are_a_clock_that_follows_summer_time():
    shots = [replace(shot, offset_min=120 if n < 8 else 60) for n, shot in enumerate(series(*DAYS))]
    place = Deployment("A", utc_offset_min=120)
    [summer] = suspects(place, shots, NOW)
    assert (summer.kind, summer.pictures) == ("summer", 2)
    assert summer.options == "--zone +01:00 --from-file RCNX0008.JPG"
    assert "+02:00 and +01:00" in summer.sentence
    winter = replace(place, utc_offset_min=60)
    assert suspects(winter, shots, NOW)[0].options == (
        "--zone +02:00 --from-file RCNX0000.JPG --to-file RCNX0007.JPG"
    )
    assert suspects(ANY, shots, NOW)[0].options == "", "no offset, no zone to move from"
    table = replace(place, other={"deploymentEndOffset": "+01:00"})
    [summer] = suspects(table, series(*DAYS), NOW)
    assert "the start at +02:00 and the end at +01:00" in summer.sentence
    assert suspects(table, [replace(shot, clock="repaired") for shot in series(*DAYS)], NOW) == []


def test_a_clock_is_ahead_only_by_more_than_any_zone_explains():
    assert told(series(NOW, NOW + timedelta(days=1))) == []
    assert told(series(NOW, NOW + timedelta(days=1, seconds=1))) == [("ahead", 1)]


def test_ten_minutes_back_are_two_clocks_in_a_burst_and_a_second_more_is_a_doubt():
    assert told(series(*DAYS, DAYS[-1] - timedelta(minutes=10))) == []
    assert told(series(*DAYS, DAYS[-1] - timedelta(minutes=10, seconds=1))) == [("back", 1)]


def test_more_than_half_of_the_pictures_by_day_must_be_dark_before_a_clock_is_doubted():
    noon, night = datetime(2021, 5, 1, 11), datetime(2021, 5, 1, 18)
    evenings = [night + timedelta(days=12 + n) for n in range(20)]
    for dark, found in ((6, []), (7, [("light", 7)])):
        noons = [noon + timedelta(days=n) for n in range(12)]
        lights = ["infrared"] * dark + ["colour"] * (12 - dark) + ["infrared"] * 20
        assert told(series(*noons, *evenings, lights=lights)) == found, dark


def test_pictures_outside_the_period_of_a_table_are_counted():
    place = Deployment("A", started_at=DAYS[2], ended_at=DAYS[5], source="table")
    assert told(series(*DAYS), place) == [("outside", 6)]
    assert told(series(*DAYS), Deployment("A", timestamp_issues=True)) == [("table", 10)]


def test_the_year_that_brings_the_pictures_into_the_period_is_proposed():
    table = Deployment(
        "A", started_at=datetime(2031, 4, 1), ended_at=datetime(2031, 5, 1), source="table"
    )
    [one] = suspects(table, series(*DAYS), datetime(2040, 1, 1))
    assert one.kind == "outside" and one.options == "--year 2031"
    assert "10 of 10 pictures lie outside" in one.sentence and "2031 would fit" in one.sentence


def test_no_year_is_proposed_where_none_or_several_fit():
    def options(start: datetime, end: datetime | None) -> list[str]:
        place = Deployment("A", started_at=start, ended_at=end, source="table")
        return [one.options for one in suspects(place, series(*DAYS), NOW)]

    assert options(datetime(2023, 6, 1), datetime(2023, 7, 1)) == [""]
    assert options(datetime(2022, 1, 1), datetime(2025, 1, 1)) == [""]
    assert options(datetime(2022, 1, 1), None) == [""]
    assert options(DAYS[2], DAYS[5]) == [""]
    new_year = [datetime(2020, 12, 30), datetime(2021, 1, 2), datetime(2021, 1, 4)]
    place = Deployment("A", started_at=datetime(2018, 12, 1), ended_at=datetime(2019, 2, 1),
                       source="table")  # fmt: skip
    [one] = suspects(place, series(*new_year), NOW)
    assert one.options == "--year 2018", "of the first picture"


def lit(place: Deployment, wrong_h: float) -> list[Shot]:
    """A picture an hour for six days, lit by the sun, dated by a clock that is wrong."""
    times, lights = [], []
    for n in range(144):
        true = datetime(2021, 5, 1) + timedelta(hours=n)
        utc = true - timedelta(minutes=place.utc_offset_min)
        dark = sun_height(utc, place.latitude, place.longitude) < -4
        times.append(true + timedelta(hours=wrong_h))
        lights.append("infrared" if dark else "colour")
    return series(*times, lights=lights)


def test_light_and_sun_agree_where_the_clock_is_right():
    assert told(lit(MARA, 0), MARA) == [] and told(lit(MARA, 2), MARA) == []


@pytest.mark.parametrize("wrong_h", [12, 9, -7])
@pytest.mark.parametrize("latitude", [-1.5, 52.0])
def test_night_pictures_at_noon_tell_how_far_the_clock_is_off(wrong_h, latitude):
    place = Deployment("A", latitude=latitude, longitude=35.0, utc_offset_min=180)
    [one] = suspects(place, lit(place, wrong_h), NOW)
    assert one.kind == "light" and "would fit" in one.sentence
    found = int(one.options.removeprefix("--by ").removesuffix("h"))
    assert min(abs(found + wrong_h) % 24, 24 - abs(found + wrong_h) % 24) <= 1


def test_without_a_place_midday_and_midnight_stand_for_the_sun():
    nowhere = Deployment("A")
    [one] = suspects(nowhere, lit(MARA, 12), NOW)
    assert "around midday are infrared: perhaps half a day off" in one.sentence
    assert told(lit(MARA, 0), nowhere) == []


@pytest.mark.parametrize("place", [MARA, ANY])
@pytest.mark.parametrize("light", ["colour", "infrared"])
def test_a_camera_whose_pictures_are_all_alike_says_nothing_of_its_clock(place, light):
    other = "infrared" if light == "colour" else "colour"
    hours = [datetime(2021, 5, 1) + timedelta(hours=n) for n in range(144)]
    by_night = [at for at in hours if at.hour in (22, 23, 0, 1)]
    by_day = [at for at in hours if at.hour in (10, 11, 12, 13)]
    for times in (hours, by_night, by_day):
        lights = [light] * len(times)
        assert told(series(*times, lights=lights), place) == []
        assert told(series(*times, lights=[other, *lights[1:]]), place) == [], "one misread"


def test_a_camera_with_few_pictures_of_either_light_is_named_and_not_called_right(
    database, database_url, capsys
):
    """Twelve hours off, with nine pictures in colour and three in infrared: nothing to judge by."""
    shots = lit(MARA, 12)
    colour = [shot for shot in shots if shot.light == "colour"]
    infrared = [shot for shot in shots if shot.light == "infrared"]
    assert too_few_by_light([*colour[:9], *infrared[:3]]) and told(colour[:9], MARA) == []
    assert not too_few_by_light([*colour[:9], *infrared[:5]])
    with database.begin() as conn:
        save_deployments(conn, [MARA])
        batch = save_batch(conn, "card", "/card", "card")
        at, sha = datetime(2021, 5, 1, 9), "0" * 64
        save_media(conn, batch, [Media(sha, "A/1.JPG", 1, taken_at=at, deployment_id="A")])
    assert camtriage("clock", "suspects", "--database", database_url) == 0
    assert capsys.readouterr().out == (
        "no clock looks wrong\n"
        "too few pictures to judge by light, 5 in colour and 5 in infrared at least: A\n"
    )


def test_a_polar_summer_without_night_raises_no_doubt():
    pole = Deployment("A", latitude=78.0, longitude=16.0, utc_offset_min=60)
    times = [datetime(2021, 6, 20) + timedelta(hours=n) for n in range(48)]
    assert told(series(*times, lights=["colour"] * 48), pole) == []
    assert HIGH > 0 > LOW


def test_a_clock_that_was_repaired_is_no_longer_doubted(database):
    media = [
        Media(f"{n:064}", f"A/{n:04}.JPG", 1, taken_at=datetime(2000, 1, 1, n), clock="exif",
              deployment_id="A")
        for n in range(12)
    ]  # fmt: skip
    with database.begin() as conn:
        save_deployments(conn, [Deployment("A")])
        batch = save_batch(conn, "card", "/card", "card")
        save_media(conn, batch, media)
        assert [one.kind for one in doubts(conn)] == ["unset"]
        assert [doubt.deployment_id for doubt in doubts(conn, [batch])] == ["A"]
        save_repair(conn, ClockRepair("A", "year", {"seconds": 25 * 365 * 86400}))
        assert list(doubts(conn, names=["A"])) == []
