"""The clock: bars by session and half, with the hours of their date."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from indexsim import derivatives
from indexsim.bars import AFTERNOON, MORNING, NIGHT, WHOLE, Bars, Clock, make_bars


def bars(first: str, last: str, clock: Clock) -> Bars:
    return make_bars(pd.Timestamp(first), pd.Timestamp(last), clock)


def text(moments: np.ndarray) -> list[str]:
    return [str(moment) for moment in moments]


def test_one_bar_a_session() -> None:
    daily = bars("2025-09-19", "2025-09-24", "daily")  # the 23rd is a holiday

    assert text(daily.session) == ["2025-09-19", "2025-09-22", "2025-09-24"]
    assert text(daily.opened) == ["2025-09-19T09:00", "2025-09-22T09:00", "2025-09-24T09:00"]
    assert text(daily.decided) == ["2025-09-19T15:30", "2025-09-22T15:30", "2025-09-24T15:30"]
    assert daily.half.tolist() == [WHOLE] * 3


@pytest.mark.parametrize(
    ("day", "opened", "decided"),
    [
        ("1991-04-26", ["09:00", "13:00"], ["11:00", "15:00"]),
        ("1991-04-30", ["09:00", "12:30"], ["11:00", "15:00"]),
        ("2011-11-18", ["09:00", "12:30"], ["11:00", "15:00"]),
        ("2011-11-21", ["09:00", "12:30"], ["11:30", "15:00"]),
        ("2024-11-01", ["09:00", "12:30"], ["11:30", "15:00"]),
        ("2024-11-05", ["09:00", "12:30"], ["11:30", "15:30"]),
    ],
)
def test_the_hours_are_those_of_the_date(day: str, opened: list[str], decided: list[str]) -> None:
    two = bars(day, day, "halves")

    assert [t[-5:] for t in text(two.opened)] == opened
    assert [t[-5:] for t in text(two.decided)] == decided


def test_a_half_day_has_one_bar() -> None:
    turn = bars("2008-12-29", "2009-01-06", "halves")  # 12-30 and 01-05 were mornings only

    assert text(turn.session) == ["2008-12-29", "2008-12-29", "2008-12-30", "2009-01-05", "2009-01-06", "2009-01-06"]
    assert turn.half.tolist() == [MORNING, AFTERNOON, WHOLE, WHOLE, MORNING, AFTERNOON]
    assert text(turn.decided)[2:4] == ["2008-12-30T11:00", "2009-01-05T11:00"]
    assert turn.last_of_session.tolist() == [False, True, True, True, False, True]


def test_a_half_day_of_daily_bars_ends_at_noon_too() -> None:
    assert text(bars("2009-01-05", "2009-01-05", "daily").decided) == ["2009-01-05T11:00"]


def test_a_day_without_trading_has_no_bar() -> None:
    assert text(bars("2020-09-30", "2020-10-02", "daily").session) == ["2020-09-30", "2020-10-02"]


def test_no_session_no_bar() -> None:
    weekend = bars("2025-09-27", "2025-09-28", "halves")

    assert len(weekend) == len(bars("2025-09-27", "2025-09-28", "nights")) == 0
    assert weekend.last_of_session.tolist() == []


def test_until_holds_what_is_decided_at_the_moment_itself() -> None:
    two = bars("2025-09-25", "2025-09-26", "halves")

    assert len(two.until(np.datetime64("2025-09-25T11:29"))) == 0
    assert len(two.until(np.datetime64("2025-09-25T11:30"))) == 1
    assert text(two.until(np.datetime64("2025-09-26T15:29")).decided)[-1] == "2025-09-26T11:30"


def test_between_takes_whole_sessions() -> None:
    two = bars("2025-09-24", "2025-09-30", "halves")
    part = two[two.between(np.datetime64("2025-09-26"), np.datetime64("2025-09-29"))]

    assert text(part.sessions) == ["2025-09-26", "2025-09-29"]
    assert len(part) == 4


@pytest.mark.parametrize(
    ("session", "opened", "decided"),
    [
        ("2007-09-19", "2007-09-18T16:30", "2007-09-18T19:00"),  # the first one
        ("2016-07-15", "2016-07-14T16:30", "2016-07-15T03:00"),
        ("2016-07-20", "2016-07-19T16:30", "2016-07-20T05:30"),
        ("2020-10-02", "2020-10-01T16:30", "2020-10-02T05:30"),  # an outage stopped the cash market the day before
        ("2021-09-17", "2021-09-16T16:30", "2021-09-17T05:30"),
        ("2021-09-22", "2021-09-21T16:30", "2021-09-22T06:00"),
        ("2024-11-01", "2024-10-31T16:30", "2024-11-01T06:00"),
        ("2024-11-05", "2024-11-01T16:30", "2024-11-02T06:00"),  # a Tuesday; on Monday nothing traded
        ("2024-11-06", "2024-11-05T17:00", "2024-11-06T06:00"),
        ("2025-09-29", "2025-09-26T17:00", "2025-09-27T06:00"),  # a Monday
        ("2025-02-25", "2025-02-21T17:00", "2025-02-25T06:00"),  # a Tuesday; on Monday the futures traded
    ],
)
def test_the_night_booked_on_a_session_comes_before_its_day(session: str, opened: str, decided: str) -> None:
    two = bars(session, session, "nights")
    day = bars(session, session, "daily")

    assert text(two.session) == [session, session]
    assert two.half.tolist() == [NIGHT, WHOLE]
    assert text(two.opened) == [opened, *text(day.opened)]
    assert text(two.decided) == [decided, *text(day.decided)]
    assert two.last_of_session.tolist() == [False, True]


@pytest.mark.parametrize(
    "session",
    [
        "2007-09-18",  # the first night began on its evening
        "2009-01-05",  # after a half day
        "2009-01-06",
        "2016-07-19",  # no night on the evening of Friday, 2016-07-15
        "2021-09-21",  # nor on 2021-09-17
    ],
)
def test_without_a_night_there_is_the_day_alone(session: str) -> None:
    one, day = bars(session, session, "nights"), bars(session, session, "daily")

    assert one.half.tolist() == [WHOLE]
    assert text(one.decided) == text(day.decided)


def test_the_nights_at_once_are_those_one_by_one() -> None:
    """Every evening of twenty years, joined where a holiday lies between them."""
    found: dict[str, list[str]] = {}
    for day in derivatives.trading_days("2007-09-01", "2027-12-29"):
        if hours := derivatives.night_session(day):
            both = [f"{day + pd.Timedelta(minutes=m):%Y-%m-%dT%H:%M}" for m in hours]
            booked = str(derivatives.booked_on(day, night=True))
            found[booked] = [found.get(booked, both)[0], both[1]]
    table = derivatives.nights()
    rows = zip(*(text(part) for part in table), strict=True)

    assert len(found) > 4_900
    assert {session: [opened, closed] for session, opened, closed in rows} == found


def test_the_first_bar_of_a_day_is_not_its_night() -> None:
    """Monday the 29th has rows 2 and 3; the 27th was a Saturday."""
    two = bars("2025-09-26", "2025-09-29", "nights")
    days = np.array(["2025-09-26", "2025-09-27", "2025-09-29", "2025-09-30"], dtype="datetime64[D]")

    assert two.first_of_day(days).tolist() == [1, 3, 3, 4]
    assert bars("2025-09-26", "2025-09-29", "halves").first_of_day(days).tolist() == [0, 2, 2, 4]


@pytest.mark.parametrize("clock", ["daily", "halves", "nights"])
def test_time_runs_forward(clock: Clock) -> None:
    """Over the whole table: a bar opens before it is decided, and after the one before it."""
    every = bars("1985-01-01", "2027-12-31", clock)

    assert (every.opened < every.decided).all()
    assert (every.opened[1:] > every.decided[:-1]).all()


def test_bars_cannot_be_written_to() -> None:
    daily = bars("2025-09-25", "2025-09-26", "daily")

    with pytest.raises(ValueError, match="read-only"):
        daily.decided[0] = np.datetime64("2030-01-01T00:00")
