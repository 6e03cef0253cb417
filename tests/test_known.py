"""Release lags: when a row of a file may be known, in Japan time."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from indexsim import sessions
from indexsim.known import KnownAt, acts_at, event_moments, known_at, moment_of, release_of, rule_of


def when(file: str, column: str, day: str) -> str:
    return str(known_at(rule_of(file, column), pd.DatetimeIndex([day]))[0])


@pytest.mark.parametrize(
    ("file", "column", "day", "moment"),
    [
        ("n225", "open", "2025-09-26", "2025-09-26T09:00"),
        ("n225", "high", "2025-09-26", "2025-09-26T15:30"),
        ("n225", "close", "2025-09-26", "2025-09-26T15:30"),
        ("n225", "close", "2024-11-01", "2024-11-01T15:00"),
        ("n225", "close", "2009-01-05", "2009-01-05T11:00"),  # a half day
        ("closes", "1332", "2025-09-26", "2025-09-26T15:30"),
        ("opens", "1332", "2025-09-26", "2025-09-26T09:00"),
        ("halves", "morning_close", "2025-09-26", "2025-09-26T11:30"),
        ("halves", "morning_close", "2011-11-18", "2011-11-18T11:00"),
        ("halves", "afternoon_open", "2025-09-26", "2025-09-26T12:30"),
        ("futures", "night_open", "2025-09-29", "2025-09-27T06:00"),  # the night of a Monday ends on Saturday
        ("futures", "night_close", "2021-09-17", "2021-09-17T05:30"),
        ("futures", "night_close", "2016-07-19", "2016-07-19T09:00"),  # there was no night: not before the day opens
        ("nikkei_vi", "close", "2025-09-26", "2025-09-26T16:00"),
        ("nikkei_vi", "close", "2024-11-01", "2024-11-01T15:30"),
        ("usdjpy", "close", "2025-09-26", "2025-09-27T07:00"),
        ("usdjpy", "open", "2025-09-26", "2025-09-27T07:00"),
        ("sp500", "close", "2025-09-26", "2025-09-27T07:00"),
        ("boj_etf_purchases", "index_etf", "2020-03-13", "2020-03-13T19:00"),
        ("boj_assets", "total_assets_100m_yen", "2020-03-31", "2020-04-10T10:00"),
        ("total_return", "tr", "2025-09-26", "2025-09-26T18:00"),
        ("gdp", "gdp_bn_yen_saar", "2020-01-01", "2020-05-20T09:00"),  # 2020 is a leap year
        ("n225_morning_approx", "am_ret_to_11h", "2020-03-13", "2020-03-13T12:00"),
    ],
)
def test_when_a_value_is_known(file: str, column: str, day: str, moment: str) -> None:
    assert when(file, column, day) == moment


def test_a_row_before_the_session_table_is_known_that_day() -> None:
    assert when("n225", "close", "1949-05-16") == "1949-05-16T15:00"


@pytest.mark.parametrize(
    ("effective", "announced", "moment"),
    [
        ("2025-10-01", "2025-09-03", "2025-09-03T18:00"),  # the evening of the announcement
        ("2025-10-01", None, "2025-10-01T09:00"),  # without one, when it acts
        ("2025-10-01", "2025-10-01", "2025-10-01T09:00"),  # never after it acts
        ("2025-09-27", None, "2025-09-29T09:00"),  # a Saturday: it acts on Monday
        ("1949-05-16", None, "1949-05-16T15:00"),  # before the table
    ],
)
def test_when_an_event_is_known(effective: str, announced: str | None, moment: str) -> None:
    known = moment_of(date.fromisoformat(effective), None if announced is None else date.fromisoformat(announced))

    assert str(known) == moment


def test_events_at_once_and_one_by_one_agree() -> None:
    effective = pd.DatetimeIndex(["2025-10-01", "2025-09-27", "NaT"])
    announced = pd.DatetimeIndex(["2025-09-03", "NaT", "NaT"])
    moments = event_moments(effective, announced)

    assert [str(m) for m in moments] == ["2025-09-03T18:00", "2025-09-29T09:00", "NaT"]


def test_an_event_acts_at_an_open() -> None:
    """Of the first session on or after its date, for every day of the table."""
    days = pd.date_range("2019-01-01", "2020-12-31")
    acting = pd.DatetimeIndex(acts_at(days))

    assert acting.normalize().isin(sessions.sessions("2019-01-01", "2021-01-10")).all()
    assert (acting >= days).all()
    assert ((acting.hour == 9) & (acting.minute == 0)).all()


def test_the_close_before_the_longest_pause_is_still_the_last_close() -> None:
    """Ten days off in 2019: what is good for less would be unknown on the morning of 2019-05-07."""
    table = sessions.sessions(sessions.FIRST_DAY, sessions.LAST_DAY)
    pause = np.diff(table.to_numpy().astype("datetime64[D]").astype(int)).max()

    assert pause == 11
    assert KnownAt("close").good_for > pause


def test_a_release_in_words() -> None:
    assert release_of("nikkei_vi", "close") == "30 min after the close"
    assert release_of("usdjpy", "close") == "07:00, 1 day later"
    assert release_of("boj_assets", "total_assets_100m_yen") == "10:00, 10 days later"
    assert release_of("constituents", "name") == ""
