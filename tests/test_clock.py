"""Every form a camera writes a time in; what is impossible is no time."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.card import clock
from pipeline.card.clock import TimeText
from pipeline.records import DayAlone

NINE = datetime(2021, 4, 11, 20, 43, 9)


@pytest.mark.parametrize(
    "text",
    [
        "2021:04:11 20:43:09",
        "2021-04-11 20:43:09",
        "2021/04/11 20:43:09",
        "2021-04-11T20:43:09",
        "2021-04-11T20:43:09+02:00",  # the zone is sources elsewhere: camera time stays as it is
        "2021:04:11 20:43:09\0\0",
        "  2021:04:11 20:43:09 ",
        "2021:4:11 20:43:9",
        "2021:04:11 08:43:09 PM",
    ],
)
def test_all_these_are_the_same_second(text):
    assert clock.parse(text) == NINE


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2021:04:11 24:00:00", datetime(2021, 4, 12)),
        ("2021:12:31 23:59:60", datetime(2022, 1, 1)),
        ("2021:04:11 12:05:00 AM", datetime(2021, 4, 11, 0, 5)),
        ("2021:04:11 20:43", datetime(2021, 4, 11, 20, 43)),
        ("2021:04:11", datetime(2021, 4, 11)),
    ],
)
def test_odd_forms_mean_what_the_camera_meant(text, when):
    assert clock.parse(text) == when


@pytest.mark.parametrize(
    "text",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "",
        "\0" * 19,
        "2021:13:01 00:00:00",
        "2021:02:29 10:00:00",
        "2021:04:11 24:00:01",
        "2021:04:11 25:00:00",
        "2021:04:11 20:60:00",
        "0201:04:11 20:43:09",
        "65535:04:11 20:43:09",
        "11:04:2021 20:43:09",
        "soon",
        "²021:04:11 20:43:09",
    ],
)
def test_what_is_impossible_is_no_time(text):
    assert clock.parse(text) is None


def test_sub_seconds_are_digits_after_the_point():
    assert clock.parse("2021:04:11 20:43:09", "050").microsecond == 50_000
    assert clock.parse("2021:04:11 20:43:09", "5").microsecond == 500_000
    assert clock.parse("2021:04:11 20:43:09", " \0") == NINE
    assert clock.parse("2021:04:11 20:43:09.25").microsecond == 250_000


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=8))
def test_no_text_makes_the_parser_fall(text, sub_seconds):
    found = clock.parse(text, sub_seconds)
    assert found is None or found.tzinfo is None, "camera time has no zone"
    clock.from_name(text)
    offset = clock.offset_minutes(text)
    assert offset is None or abs(offset) < 24 * 60


@settings(deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)))
def test_every_time_a_camera_can_write_is_read_back(when):
    text = f"{when:%Y:%m:%d %H:%M:%S}"
    assert clock.parse(text, f"{when.microsecond:06}") == when
    assert clock.from_name(f"a/{when:%Y%m%d_%H%M%S}_x.jpg") == text


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("+02:00", 120),
        ("-03:30", -210),
        ("+1400", 840),
        ("Z", 0),
        ("+00:00\0", 0),
        ("", None),
        ("   :  ", None),
        ("+25:00", None),
        ("+02:75", None),
    ],
)
def test_an_offset_is_in_minutes_or_it_is_none(text, minutes):
    assert clock.offset_minutes(text) == minutes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("StationA__2009-04-10__05-07-00(1).JPG", "2009:04:10 05:07:00"),
        ("d/20131108_141105_590b9c02.jpg", "2013:11:08 14:11:05"),
        ("Cat2024-09-17T05_00_30.658251.jpg", "2024:09:17 05:00:30.658251"),
        ("20221108024254_002225.JPG", "2022:11:08 02:42:54"),
        ("IMG_20230101_120000.jpg", "2023:01:01 12:00:00"),
        ("Camera1_00_20260501083015.jpg", "2026:05:01 08:30:15"),
        ("RLC-511_01_20260501083016123.jpg", "2026:05:01 08:30:16.123"),  # milliseconds glued on
        ("192.168.1.64_01_20260501083017245_MOTION.jpg", "2026:05:01 08:30:17.245"),
        ("NVR.20260501_083019123.jpg", "2026:05:01 08:30:19.123"),
        ("WIN_20260501_08_30_21_Pro.jpg", "2026:05:01 08:30:21"),
        ("Screenshot 2026-05-01 at 08.30.22.png", "2026:05:01 08:30:22"),
        ("2026-05-01 08-30-23 Cam A.jpg", "2026:05:01 08:30:23"),
        ("2026-05-01_08h30m31s.jpg", "2026:05:01 08:30:31"),
        ("20210531082538-RCNX0031.JPG", ""),  # the day of uploading
        ("vj_ga_hu_1_2019-07-08_0001.JPG", "2019:07:08"),  # a day and a counter
        ("2021-05-28_SYFR0041_deer.JPG", "2021:05:28"),
        ("IMG-20260501-WA0007.jpg", "2026:05:01"),
        ("M2E20L0-0R350B400I_20260501_0830.jpg", "2026:05:01"),  # no seconds
        ("20260501_996030.jpg", "2026:05:01"),
        ("12080069.JPG", ""),  # month, day and a counter
        ("01052026_083029.jpg", ""),  # the day first, or the month
        ("260501083028.jpg", ""),  # half a year's number
        ("cam_1777624227.jpg", ""),
        ("CAM12345678901234567890.jpg", ""),
        ("IMG_20269999_999999.jpg", ""),
        ("08.30.18[M][0@0][0].jpg", ""),
        ("20211399_250000.JPG", ""),
        ("20131108_141105/IMG_0001.JPG", ""),  # a folder's name is no picture's time
    ],
)
def test_a_time_in_a_name_counts_only_with_its_seconds(name, text):
    assert clock.from_name(name) == text


def test_the_first_that_knows_a_time_is_believed_and_named():
    sources = [
        TimeText("exif", "0000:00:00 00:00:00"),
        TimeText("makernote", "2021:04:11 20:43:09"),
        TimeText("file_name", "2022:01:01 00:00:00"),
    ]
    assert clock.believe(sources) == (NINE, "makernote", "2021:04:11 20:43:09")


def test_a_date_without_hours_counts_only_where_nobody_knows_better():
    date = TimeText("exif", "2021:04:11")
    assert clock.believe([date, TimeText("exif", "2021:04:11 20:43:09")])[0] == NINE
    day = clock.believe([date, TimeText("file_name", "")])[0]
    assert isinstance(day, DayAlone) and day == datetime(2021, 4, 11)


@pytest.mark.parametrize("hours", ["", "   :  :  ", " :  :", " --:--:--", "T", "\0\0"])
def test_a_day_without_an_hour_is_a_day_and_not_midnight(hours):
    found = clock.parse(f"2026:05:04{hours}")
    assert isinstance(found, DayAlone) and str(found) == f"{found:%Y-%m-%d %H:%M}" == "2026-05-04"
    assert not isinstance(clock.parse("2026:05:04 00:00:00"), DayAlone)


def test_a_files_own_date_gives_the_hour_only_of_the_same_day():
    day = TimeText("exif", "2026:05:04   :  :  ")
    same, later = (TimeText("file_date", f"2026:05:0{n} 07:00:00") for n in (4, 6))
    assert clock.believe([day, same]) == (datetime(2026, 5, 4, 7), "file_date", same.text)
    assert clock.believe([day, later]) == (datetime(2026, 5, 4), "exif", "2026:05:04   :  :")


def test_a_text_that_is_no_time_is_kept_for_a_person():
    sources = [TimeText("exif", " \0"), TimeText("exif", "0000:00:00 00:00:00")]
    assert clock.believe(sources) == (None, "none", "0000:00:00 00:00:00")
    assert clock.believe([]) == (None, "none", None)


def test_a_disk_that_claims_nonsense_gives_no_file_date():
    assert clock.parse(clock.from_seconds(1_620_000_000)).year == 2021
    assert [clock.from_seconds(nonsense) for nonsense in (1e300, float("nan"))] == ["", ""]
