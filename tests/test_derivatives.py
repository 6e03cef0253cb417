"""Days and hours of the futures, against the exchange's lists, a published schedule and hourly prices."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from indexsim.derivatives import (
    Hours,
    booked_on,
    day_session,
    holiday_trading,
    lunch_break,
    night_session,
    trading_days,
)
from indexsim.errors import MissingData, SpecError
from indexsim.facts import FACTS
from indexsim.sessions import close_minute, is_session, open_minute, sessions

#: Month and day of every day on which only derivatives traded, from the lists of the exchange and news of them.
HOLIDAYS = {
    2022: ["09-23", "10-10", "11-03", "11-23"],
    2023: ["01-03", "02-23", "03-21", "05-03", "05-04", "05-05", "07-17", "08-11", "09-18", "10-09", "11-23"],
    2024: ["01-03", "02-12", "02-23", "03-20", "04-29", "05-03", "05-06", "07-15", "09-23", "10-14"],
    2025: [
        *["01-03", "02-11", "02-24", "03-20", "04-29", "05-05", "05-06", "07-21", "08-11", "09-23"],
        *["10-13", "11-03", "11-24"],
    ],
    2026: [
        *["01-12", "02-11", "02-23", "03-20", "04-29", "05-04", "05-05", "05-06"],
        *["07-20", "08-11", "09-21", "09-22", "09-23", "10-12", "11-03"],
    ],
}


def isos(index: pd.DatetimeIndex) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in index]


def clock(hours: Hours | None) -> str | None:
    """Return hours as text; an hour past 24 is the next morning's."""
    if hours is None:
        return None
    return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in hours)


@pytest.mark.parametrize("year", HOLIDAYS)
def test_holiday_trading_of_a_year(year: int) -> None:
    found = holiday_trading(f"{year}-01-01", f"{year}-12-31")

    assert isos(found) == [f"{year}-{day}" for day in HOLIDAYS[year]]
    assert (found.name, found.unit) == ("session", "us")


def test_the_calendar_of_the_exchanges_data_service_counts_67_such_days_to_2027() -> None:
    assert len(holiday_trading("1985-01-01", "2027-12-31")) == 67


def test_a_planned_exception_stands_in_2027() -> None:
    assert "2027-09-20" not in isos(holiday_trading("2027-09-01", "2027-09-30"))
    assert isos(holiday_trading("2027-09-01", "2027-09-30")) == ["2027-09-23"]


def test_each_listed_exception_would_have_been_a_day_or_a_night() -> None:
    with (FACTS / "no_trading.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["date"], row["session"]) for row in csv.DictReader(file)]

    assert rows == sorted(rows)
    for day, session in rows:
        assert session in ("holiday", "night")
        assert pd.Timestamp(day).weekday() < 5
        assert is_session(day) is (session == "night")


def test_trading_days_are_sessions_holidays_and_the_day_only_the_cash_market_stood_still() -> None:
    assert isos(trading_days("2020-09-30", "2020-10-02")) == ["2020-09-30", "2020-10-01", "2020-10-02"]
    assert isos(trading_days("2024-12-27", "2025-01-06")) == ["2024-12-27", "2024-12-30", "2025-01-03", "2025-01-06"]
    assert isos(trading_days("1988-09-01", "1988-09-05")) == ["1988-09-03", "1988-09-05"]  # a Saturday, the listing
    assert len(trading_days("1989-01-07", "1989-01-07")) == 0  # death of the Emperor


@pytest.mark.real
def test_hourly_prices_of_2025_begin_on_the_days_and_nights_of_the_table(real: Path) -> None:
    prices = pd.read_csv(real / "intraday" / "n225_mini_hourly_2025.csv", parse_dates=["bar_start_jst"])
    start = pd.DatetimeIndex(prices["bar_start_jst"])
    start = start[(start >= "2025-01-21") & (start < "2025-10-01")]
    day = start[(start.hour >= 8) & (start.hour < 16)].normalize().unique()
    night = start[start.hour >= 16].normalize().unique()
    table = trading_days("2025-01-21", "2025-09-30")

    assert isos(day) == isos(table)
    assert isos(night) == isos(table[[night_session(session) is not None for session in table]])
    # 08:45 to 15:45 and 17:00 to 06:00; the closing auction of a night prints at six.
    assert set(start.hour) == {*range(8, 16), *range(17, 24), *range(7)}


@pytest.mark.parametrize(
    ("day", "session", "lunch", "night"),
    [
        ("1991-04-30", "09:00-15:10", "11:00-12:30", None),
        ("1992-02-12", "09:00-15:10", "11:00-12:30", None),
        ("1992-02-13", "09:00-15:00", "11:00-12:30", None),
        ("1995-01-04", "09:00-11:00", None, None),  # a half day
        ("1997-05-15", "09:00-15:00", "11:00-12:30", None),
        ("1997-05-16", "09:00-15:10", "11:00-12:30", None),
        ("2007-09-14", "09:00-15:10", "11:00-12:30", None),
        ("2007-09-18", "09:00-15:10", "11:00-12:30", "16:30-19:00"),
        ("2008-10-14", "09:00-15:10", "11:00-12:30", "16:30-20:00"),
        ("2008-12-30", "09:00-11:10", None, None),  # a half day
        ("2009-01-05", "09:00-11:10", None, None),  # the last one
        ("2009-12-30", "09:00-15:10", "11:00-12:30", "16:30-20:00"),
        ("2010-07-16", "09:00-15:10", "11:00-12:30", "16:30-20:00"),
        ("2010-07-20", "09:00-15:10", "11:00-12:30", "16:30-23:30"),
        ("2011-02-14", "09:00-15:15", None, "16:30-23:30"),
        ("2011-07-15", "09:00-15:15", None, "16:30-23:30"),
        ("2011-07-19", "09:00-15:15", None, "16:30-27:00"),
        ("2011-11-21", "09:00-15:15", None, "16:30-27:00"),  # the morning of the cash market, not of the futures
        ("2016-07-14", "09:00-15:15", None, "16:30-27:00"),
        ("2016-07-15", "09:00-15:15", None, None),  # before a new system
        ("2016-07-19", "08:45-15:15", None, "16:30-29:30"),
        ("2021-09-16", "08:45-15:15", None, "16:30-29:30"),
        ("2021-09-17", "08:45-15:15", None, None),  # before a new system
        ("2021-09-21", "08:45-15:15", None, "16:30-30:00"),
        ("2022-09-23", "08:45-15:15", None, "16:30-30:00"),  # a holiday, the first with trading
        ("2024-11-01", "08:45-15:15", None, "16:30-30:00"),
        ("2024-11-05", "08:45-15:45", None, "17:00-30:00"),
        ("2024-12-30", "08:45-15:45", None, "17:00-30:00"),
        ("2025-01-03", "08:45-15:45", None, "17:00-30:00"),  # a holiday
    ],
)
def test_hours_by_date(day: str, session: str, lunch: str | None, night: str | None) -> None:
    assert clock(day_session(day)) == session
    assert clock(lunch_break(day)) == lunch
    assert clock(night_session(day)) == night


def test_the_futures_trade_whenever_the_cash_market_does() -> None:
    table = sessions("1991-04-30", "2027-12-31")
    hours = [day_session(day) for day in table]

    assert all(futures.open <= cash for futures, cash in zip(hours, open_minute(table), strict=True))
    assert all(futures.close >= cash for futures, cash in zip(hours, close_minute(table), strict=True))


@pytest.mark.parametrize("day", ["2022-09-19", "2024-11-02", "2024-11-04", "2024-12-31", "2026-01-02", "2026-11-23"])
def test_a_day_without_trading_has_no_night_and_no_hours(day: str) -> None:
    assert night_session(day) is None
    with pytest.raises(SpecError) as caught:
        day_session(day)

    assert caught.value.found == "they did not trade"
    assert all(caught.value.as_dict().values())


@pytest.mark.parametrize(
    ("day", "night", "booked"),
    [
        ("2025-06-06", False, "2025-06-06"),
        ("2025-06-06", True, "2025-06-09"),  # Friday to Monday
        ("2024-12-30", True, "2025-01-06"),  # a broker's notice of that turn of the year
        ("2025-01-03", False, "2025-01-06"),  # the same notice
        ("2025-05-05", False, "2025-05-07"),
        ("2025-05-05", True, "2025-05-07"),
        ("2020-09-30", True, "2020-10-01"),  # the futures knew no outage
        ("2020-10-01", True, "2020-10-02"),
    ],
)
def test_a_trade_is_booked_on_a_business_day(day: str, night: bool, booked: str) -> None:
    assert f"{booked_on(day, night)}" == booked


@pytest.mark.parametrize(
    "ask",
    [
        lambda: day_session("1991-04-26"),  # traded, at hours that no source tells
        lambda: lunch_break("1991-04-26"),
        lambda: night_session("2028-01-04"),
        lambda: holiday_trading("2027-12-01", "2028-01-31"),
        lambda: trading_days("1984-12-28", "1990-01-01"),
        lambda: booked_on("2027-12-30", night=True),
    ],
)
def test_what_is_not_known_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(MissingData) as caught:
        ask()

    assert all(caught.value.as_dict().values())


@pytest.mark.parametrize(
    "ask",
    [
        lambda: holiday_trading("2025-02-01", "2025-01-01"),
        lambda: night_session("2025-06-09 15:00"),
        lambda: day_session("1988-09-02"),  # the day before the listing
        lambda: booked_on("2025-06-07"),
        lambda: day_session("2025-13-01"),
    ],
)
def test_what_cannot_be_asked_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(SpecError) as caught:
        ask()

    assert all(caught.value.as_dict().values())
