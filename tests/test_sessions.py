"""The session table against the published levels, two public calendars and answers made by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.errors import MissingData, SpecError
from indexsim.holidays import national_holidays, public_holidays
from indexsim.sessions import (
    FIRST_DAY,
    LAST_DAY,
    OUTAGES,
    afternoon_open_minute,
    close_minute,
    is_half_day,
    is_session,
    morning_close_minute,
    open_minute,
    per_year,
    sessions,
    shift,
)

#: Rows of the level file on days that were no sessions: New Year, three public holidays, the outage.
STALE_LEVELS = ["1985-01-02", "1986-03-21", "1988-11-23", "1997-02-11", "2020-10-01"]

#: Sessions without a row in the level file, which has no Saturday before April 1985.
MISSING_LEVELS = [
    *["1985-01-05", "1985-01-19", "1985-01-26", "1985-02-02", "1985-02-16", "1985-02-23", "1985-02-26"],
    *["1985-03-02", "1985-03-16", "1985-03-23", "1985-03-30"],
]

HOURS = [open_minute, morning_close_minute, afternoon_open_minute, close_minute]


def days(*iso: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(iso)


def isos(index: pd.DatetimeIndex) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in index]


@pytest.mark.real
def test_every_published_level_falls_on_a_session_and_every_session_has_one(real: Path) -> None:
    levels = pd.DatetimeIndex(pd.read_csv(real / "series" / "n225.csv", parse_dates=["date"])["date"])
    levels = levels[levels >= pd.Timestamp(FIRST_DAY)]
    table = sessions(FIRST_DAY, levels[-1])

    assert isos(levels.difference(table)) == STALE_LEVELS
    assert isos(table.difference(levels)) == MISSING_LEVELS


#: exchange_calendars uses what pandas 4 will drop.
FROM_PANDAS_4 = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")


@FROM_PANDAS_4
def test_sessions_agree_with_exchange_calendars_but_for_its_missing_may_1998() -> None:
    xtks = pytest.importorskip("exchange_calendars").get_calendar("XTKS", start="1997-01-01", end="2026-12-31")
    table = sessions("1997-01-01", "2026-12-31")

    assert isos(table.difference(xtks.sessions)) == ["1998-05-06"]
    assert isos(xtks.sessions.difference(table)) == []


@FROM_PANDAS_4
def test_opens_and_closes_agree_with_exchange_calendars_but_for_half_days() -> None:
    xtks = pytest.importorskip("exchange_calendars").get_calendar("XTKS", start="1997-01-01", end="2026-12-31")
    full = xtks.sessions[~is_half_day(xtks.sessions)]
    opens, closes = (utc[full].dt.tz_convert("Asia/Tokyo").dt for utc in (xtks.opens, xtks.closes))

    np.testing.assert_array_equal(open_minute(full), opens.hour * 60 + opens.minute)
    np.testing.assert_array_equal(close_minute(full), closes.hour * 60 + closes.minute)


def test_holidays_agree_with_jpholiday_but_for_its_sandwich_before_the_law() -> None:
    jpholiday = pytest.importorskip("jpholiday")
    years = range(FIRST_DAY.year, LAST_DAY.year + 1)
    ours = {day for year in years for day in public_holidays(year)}
    theirs = {day for year in years for day, _ in jpholiday.year_holidays(year)}

    assert ours - theirs == set()
    assert theirs - ours == {date(1985, 5, 4)}  # the law is of December 1985, and the Saturday traded


@FROM_PANDAS_4
def test_sessions_of_2027_agree_with_exchange_calendars() -> None:
    xtks = pytest.importorskip("exchange_calendars").get_calendar("XTKS", start="2026-01-01", end="2027-12-31")

    assert isos(xtks.sessions) == isos(sessions("2026-01-01", LAST_DAY))


@FROM_PANDAS_4
def test_exchange_calendars_closes_at_three_on_the_half_days_since_1997() -> None:
    xtks = pytest.importorskip("exchange_calendars").get_calendar("XTKS", start="1997-01-01", end="2026-12-31")
    closes = xtks.closes[xtks.sessions].dt.tz_convert("Asia/Tokyo").dt
    differ = xtks.sessions[close_minute(xtks.sessions) != closes.hour * 60 + closes.minute]

    assert isos(differ)[:3] == ["1997-01-06", "1997-12-30", "1998-01-05"]
    assert isos(differ)[-3:] == ["2008-01-04", "2008-12-30", "2009-01-05"]
    assert len(differ) == 13 + 12  # first sessions of 1997 to 2009, last ones of 1997 to 2008
    assert set(close_minute(differ)) == {11 * 60}


@FROM_PANDAS_4
def test_exchange_calendars_has_the_lunch_of_2011_in_every_year() -> None:
    xtks = pytest.importorskip("exchange_calendars").get_calendar("XTKS", start="1997-01-01", end="2026-12-31")
    full = xtks.sessions[~is_half_day(xtks.sessions)]
    starts, ends = (utc[full].dt.tz_convert("Asia/Tokyo").dt for utc in (xtks.break_starts, xtks.break_ends))
    differ = full[morning_close_minute(full) != starts.hour * 60 + starts.minute]

    assert isos(differ) == isos(full[full < "2011-11-21"])
    np.testing.assert_array_equal(afternoon_open_minute(full), ends.hour * 60 + ends.minute)


def test_sessions_without_saturdays_are_the_weekdays_that_jpholiday_leaves_but_for_the_outage() -> None:
    jpholiday = pytest.importorskip("jpholiday")
    weekdays = pd.bdate_range("1989-02-01", LAST_DAY)
    turn = {(12, 31), (1, 1), (1, 2), (1, 3)}
    left = [day for day in weekdays if not jpholiday.is_holiday(day.date()) and (day.month, day.day) not in turn]
    table = sessions("1989-02-01", LAST_DAY)

    assert isos(pd.DatetimeIndex(left).difference(table)) == ["2020-10-01"]
    assert isos(table.difference(pd.DatetimeIndex(left))) == []


@pytest.mark.parametrize(
    ("first", "last", "open_days"),
    [
        ("1985-05-02", "1985-05-07", ["1985-05-02", "1985-05-04", "1985-05-07"]),  # no sandwich yet; 6th substitute
        ("1988-05-02", "1988-05-06", ["1988-05-02", "1988-05-06"]),  # first sandwiched weekday
        ("1989-02-23", "1989-02-27", ["1989-02-23", "1989-02-27"]),  # funeral of the Emperor, Saturdays over
        ("1990-11-09", "1990-11-13", ["1990-11-09", "1990-11-13"]),  # enthronement
        ("1993-06-08", "1993-06-10", ["1993-06-08", "1993-06-10"]),  # wedding
        ("1998-05-01", "1998-05-07", ["1998-05-01", "1998-05-06", "1998-05-07"]),  # substitute was Monday 4 May
        ("2009-05-01", "2009-05-07", ["2009-05-01", "2009-05-07"]),  # the 2007 rule rolls to Wednesday
        ("2009-09-18", "2009-09-24", ["2009-09-18", "2009-09-24"]),  # sandwiched between Monday and equinox
        ("2019-04-26", "2019-05-07", ["2019-04-26", "2019-05-07"]),  # ten days
        ("2019-12-20", "2019-12-24", ["2019-12-20", "2019-12-23", "2019-12-24"]),  # no Emperor's Birthday in 2019
        ("2020-07-20", "2020-07-27", ["2020-07-20", "2020-07-21", "2020-07-22", "2020-07-27"]),  # Olympic games
        ("2021-08-06", "2021-08-11", ["2021-08-06", "2021-08-10", "2021-08-11"]),  # moved to Sunday, substitute Monday
        ("2024-12-27", "2025-01-06", ["2024-12-27", "2024-12-30", "2025-01-06"]),  # turn of the year
        ("1988-12-27", "1989-01-04", ["1988-12-27", "1988-12-28", "1989-01-04"]),  # the year ended on the 28th
    ],
)
def test_open_days_around_holidays(first: str, last: str, open_days: list[str]) -> None:
    assert isos(sessions(first, last)) == open_days


def test_no_two_national_holidays_are_neighbours_before_2007() -> None:
    """The substitute rule of 2007 is applied to all years on this ground."""
    named = [day for year in range(FIRST_DAY.year, 2007) for day in national_holidays(year)]

    assert min(later - day for day, later in pairwise(named)) > timedelta(days=1)


def test_january_1989_has_one_saturday_and_stops_for_the_emperor() -> None:
    off = {1, 2, 3, 7, 8, 14, 15, 16, 21, 22, 29}  # 7: death; 14, 21: 2nd, 3rd Saturday; 16: substitute

    assert [day.day for day in sessions("1989-01-01", "1989-01-31")] == [d for d in range(1, 32) if d not in off]


@pytest.mark.parametrize(
    ("saturday", "traded"),
    [
        ("1986-07-12", False),  # 2nd
        ("1986-07-19", True),  # 3rd, still open
        ("1986-08-09", False),  # 2nd
        ("1986-08-16", False),  # 3rd, closed from this month
        ("1986-08-23", True),
        ("1986-08-30", True),  # 5th
        ("1989-01-28", True),  # the last
        ("1989-02-04", False),
    ],
)
def test_saturdays_traded_but_for_the_second_and_later_the_third(saturday: str, traded: bool) -> None:
    assert is_session(saturday) is traded


def test_an_outage_is_no_session_though_its_neighbours_are() -> None:
    assert list(OUTAGES) == [date(1989, 1, 7), date(2020, 10, 1)]
    assert isos(sessions("2020-09-30", "2020-10-02")) == ["2020-09-30", "2020-10-02"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("1985-01-07", ("9:00", "11:00", "13:00", "15:00")),
        ("1985-04-06", ("9:00", "11:00", "11:00", "11:00")),  # a Saturday
        ("1991-04-26", ("9:00", "11:00", "13:00", "15:00")),
        ("1991-04-30", ("9:00", "11:00", "12:30", "15:00")),
        ("2009-01-05", ("9:00", "11:00", "11:00", "11:00")),  # the last half day
        ("2009-12-30", ("9:00", "11:00", "12:30", "15:00")),
        ("2011-11-18", ("9:00", "11:00", "12:30", "15:00")),
        ("2011-11-21", ("9:00", "11:30", "12:30", "15:00")),
        ("2024-11-01", ("9:00", "11:30", "12:30", "15:00")),
        ("2024-11-05", ("9:00", "11:30", "12:30", "15:30")),
    ],
)
def test_hours_by_date(day: str, hours: tuple[str, ...]) -> None:
    minutes = [int(clock.split(":")[0]) * 60 + int(clock.split(":")[1]) for clock in hours]

    assert [hour(days(day))[0] for hour in HOURS] == minutes


def test_half_days_are_saturdays_and_the_turn_of_the_year_to_january_2009() -> None:
    given_days = {
        "1987-12-28": True,  # last session of 1987, a Monday
        "1988-01-04": True,
        "1988-01-05": False,
        "1988-01-30": True,  # a Saturday
        "1988-02-13": False,  # a second Saturday: no session, no half day
        "2008-12-29": False,
        "2008-12-30": True,
        "2009-01-05": True,
        "2009-12-30": False,
        "2010-01-04": False,
    }
    half = is_half_day(days(*given_days))

    assert half.dtype == bool
    assert half.tolist() == list(given_days.values())


def test_from_february_1989_a_year_has_two_half_days_and_from_2010_none() -> None:
    table = sessions("1990-01-01", LAST_DAY)
    per_calendar_year = pd.Series(is_half_day(table)).groupby(table.year).sum()

    assert per_calendar_year.loc[1990:2008].eq(2).all()
    assert per_calendar_year.loc[2009] == 1
    assert per_calendar_year.loc[2010:].eq(0).all()


@pytest.mark.parametrize("hour", HOURS)
def test_a_day_without_a_session_has_no_hours(hour: Callable[[pd.DatetimeIndex], np.ndarray]) -> None:
    with pytest.raises(SpecError, match="2020-10-01") as caught:
        hour(days("2020-09-30", "2020-10-01"))

    assert caught.value.found == "no session on 1 of 2 days"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2019-01-01", "2019-12-31", 241.0),
        ("2019-07-01", "2019-07-01", 241.0),  # a day stands for its year
        ("2018-12-28", "2019-01-04", (245 + 241) / 2),
        ("2000-02-01", "2000-03-01", 248.0),
        ("2006-02-01", "2006-03-01", 248.0),
        ("2012-02-01", "2012-03-01", 248.0),
        ("2020-01-01", "2020-12-31", 242.0),  # 262 weekdays - 16 holidays - 3 more at the turn of the year - the outage
    ],
)
def test_sessions_per_year(start: str, end: str, expected: float) -> None:
    assert per_year(start, end) == expected


def test_shift_counts_from_the_nearest_session_behind_the_move() -> None:
    monday, saturday, tuesday = "2025-01-06", "2025-01-11", "2025-01-14"  # Monday 13 January was a holiday
    start = days(monday, saturday, tuesday)

    assert isos(shift(start, 1)) == ["2025-01-07", "2025-01-14", "2025-01-15"]
    assert isos(shift(start, 2)) == ["2025-01-08", "2025-01-15", "2025-01-16"]
    assert isos(shift(start, -1)) == ["2024-12-30", "2025-01-10", "2025-01-10"]
    assert isos(shift(start, -2)) == ["2024-12-27", "2025-01-09", "2025-01-09"]
    assert isos(shift(start, 0)) == ["2025-01-06", "2025-01-14", "2025-01-14"]


def test_shift_keeps_order_name_and_unit() -> None:
    for unit in ("ns", "us"):
        start = pd.DatetimeIndex(["2025-06-09", "2025-06-05", "2025-06-05"], name="announced").as_unit(unit)
        expected = pd.DatetimeIndex(["2025-06-10", "2025-06-06", "2025-06-06"], name="announced").as_unit(unit)

        pd.testing.assert_index_equal(shift(start, 1), expected)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.dates(date(1985, 2, 1), date(2027, 11, 30)), st.integers(-15, 15).filter(bool))
def test_shift_walks_day_by_day(start: date, n: int) -> None:
    step = pd.Timedelta(days=1 if n > 0 else -1)
    walker, left = pd.Timestamp(start), abs(n)
    while left:
        walker += step
        left -= is_session(walker)

    assert shift(pd.DatetimeIndex([start]), n)[0] == walker


def test_sessions_are_named_ascending_midnights_with_both_ends() -> None:
    table = sessions(date(2025, 6, 5), pd.Timestamp("2025-06-09"))

    assert table.name == "session"
    assert isos(table) == ["2025-06-05", "2025-06-06", "2025-06-09"]
    assert len(sessions("2025-06-07", "2025-06-08")) == 0


def test_nothing_asked_is_nothing_answered() -> None:
    none = pd.DatetimeIndex([])

    assert len(shift(none, 1)) == len(is_half_day(none)) == len(close_minute(none)) == 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda: sessions("1984-12-28", "1985-01-10"),
        lambda: sessions("2027-12-01", "2028-01-04"),
        lambda: is_session("2028-01-04"),
        lambda: per_year("1984-01-01", "1985-12-31"),
        lambda: is_half_day(days("2025-01-06", "1984-12-28")),
        lambda: close_minute(days("2028-01-04")),
        lambda: shift(days("1985-01-04"), -1),
        lambda: shift(days("2027-12-30"), 1),
    ],
)
def test_outside_the_table_is_refused_with_its_span(ask: Callable[[], object]) -> None:
    with pytest.raises(MissingData) as caught:
        ask()

    assert caught.value.rule == "the session table holds 1985-01-01 to 2027-12-31"
    assert all(caught.value.as_dict().values())


@pytest.mark.parametrize(
    "ask",
    [
        lambda: sessions("2025-02-01", "2025-01-01"),
        lambda: per_year("2025-02-01", "2025-01-01"),
        lambda: is_session("2025-13-01"),
        lambda: is_session("2025-06-09 15:00"),
        lambda: is_half_day(pd.DatetimeIndex(["2025-06-09", pd.NaT])),
    ],
)
def test_what_is_no_naive_midnight_or_runs_backwards_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(SpecError) as caught:
        ask()

    assert all(caught.value.as_dict().values())


def test_days_in_a_time_zone_are_refused_by_its_name() -> None:
    with pytest.raises(SpecError, match="days in time zone UTC"):
        shift(days("2025-06-09").tz_localize("UTC"), 1)
