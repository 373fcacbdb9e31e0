"""Times as people and spreadsheets type them: never one that may be another."""

from datetime import date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError, SettingsError
from pipeline.tables.times import (
    Typed,
    how_to_write,
    option_day,
    option_time,
    order_of,
    typed_hour,
    typed_time,
)

EIGHT = Typed(datetime(2026, 5, 1, 8), whole_day=False)
MAY_DAY = Typed(datetime(2026, 5, 1), whole_day=True)


@pytest.mark.parametrize(
    "text",
    (
        *("2026-05-01T08:00:00", "2026-05-01 8:00", "2026/5/1 08:00", " 2026-05-01T08:00 "),
        *("1.5.2026 08:00", "01.05.2026 8:00:00", "01.05.2026, 08:00", "2026-05-01 8:00 AM"),
    ),
)
def test_the_same_morning_in_every_spelling(text):
    assert typed_time(text) == EIGHT


@pytest.mark.parametrize("text", ("2026-05-01", "2026/05/01", "1.5.2026", "01.05.2026"))
def test_a_day_alone_is_told_apart_from_its_midnight(text):
    assert typed_time(text) == MAY_DAY
    midnight = typed_time(f"{text} 00:00")
    assert midnight is not None and not midnight.whole_day and midnight.at == MAY_DAY.at


def test_the_column_tells_whether_day_or_month_comes_first():
    assert order_of(["05/04/2009", "", "soon"]) == ""
    assert order_of(["05/04/2009", "25/04/2009 08:00"]) == "day"
    assert order_of(["05/04/2009", "04/25/2009"]) == "month"
    assert order_of(["25/04/2009", "04/25/2009"]) == "mixed"
    assert order_of(["99/99/2009"]) == ""
    for order, day in (("day", date(2009, 4, 5)), ("month", date(2009, 5, 4))):
        typed = typed_time("05/04/2009 8:00 pm", order)
        assert typed is not None and typed.at == datetime(day.year, day.month, day.day, 20)
    for order in ("", "mixed"):
        assert typed_time("05/04/2009", order) is None
    assert typed_time("05/05/2009") == Typed(datetime(2009, 5, 5), whole_day=True)
    assert typed_time("25.04.2009", "mixed") is None


@pytest.mark.parametrize(
    "text",
    (
        *("", "soon", "05/06/26", "2026-02-30", "2026-05-01T25:00", "2026-05-01 24:00", "13 May"),
        *("2026-05-01T08:00+99:00", "2026-05-01 13:00 pm", "2026-05-01 8", "1026-05-01"),
        *("9999-12-31", "0001-01-01T00:00:00+14:00", "2026-05/01", "٢٠٢٦-05-01", "2026-05-01 x"),
    ),
)
def test_what_is_no_time_is_none(text):
    assert typed_time(text) is None


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 12, 31)), st.none() | st.integers(-48, 56))
def test_all_that_python_writes_is_read(at, quarters):
    if quarters is not None:
        at = at.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    for text in (at.isoformat(), at.isoformat(" "), f"{at:%d.%m.%Y %H:%M:%S.%f}{at:%z}"):
        typed = typed_time(text)
        assert typed is not None and typed.at == at and typed.at.utcoffset() == at.utcoffset()


@given(st.dates(date(1900, 1, 1), date(2200, 12, 31)), st.sampled_from("-/."))
def test_a_date_with_the_year_last_is_its_own_day_or_none(day, mark):
    text = f"{day.day}{mark}{day.month}{mark}{day.year}"
    for order in (order_of([text]), "day"):
        typed = typed_time(text, order)
        assert typed is None or typed.at.date() == day
    assert (typed_time(text, order_of([text])) is None) == (
        mark != "." and day.day <= 12 and day.day != day.month
    )
    assert f"{day}" in how_to_write(text)


def test_the_hint_names_every_day_that_may_be_meant():
    assert how_to_write("05/04/2009") == "; write the year first: 2009-04-05 or 2009-05-04"
    assert how_to_write("25/4/2009 8:00") == "; write the year first: 2009-04-25"
    assert how_to_write("05/06/26") == "; write the year first: 2026-06-05 or 2026-05-06"
    assert how_to_write("99/99/2009") == how_to_write("soon") == how_to_write("2026-05-01") == ""
    assert how_to_write("4999-04-27T11:41") == "; its year must lie from 1900 to 2299"


def test_options_take_what_is_plain_and_say_how_to_write_the_rest():
    assert option_time("--from", "2026-05-01 8:00") == EIGHT.at
    assert option_day("--date", "25/04/2009") == date(2009, 4, 25)
    with pytest.raises(InputError, match=r"--from 05/04/2009: .*2009-04-05 or 2009-05-04"):
        option_time("--from", "05/04/2009")
    with pytest.raises(InputError, match="without an offset"):
        option_time("--from", "2026-05-01T08:00+02:00")
    for wrong in ("yesterday", "2026-05-01 8:00"):
        with pytest.raises(SettingsError, match=f"--date {wrong}: write it as 2026-11-21"):
            option_day("--date", wrong)
    assert typed_hour("8:30") == time(8, 30) and typed_hour("8:00 pm") == time(20)
    assert typed_hour("25:00") is typed_hour("8:00Z") is typed_hour("noon") is None
