"""SQ days and last trading days against the published ones; the roll against tables made by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.errors import MissingData, SpecError
from indexsim.expiry import (
    MAX_ROLL_BEFORE,
    MONTHLY,
    QUARTERLY,
    Contract,
    contracts,
    front,
    held_contracts,
    last_trading_day,
    sq_day,
    sq_days,
)
from indexsim.sessions import is_session, sessions


def days(*iso: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(iso)


def isos(index: pd.DatetimeIndex) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in index]


def held_names(index: pd.DatetimeIndex, months: tuple[int, ...], roll_before: int) -> tuple[list[str], list[str]]:
    """Return the names held before and after each close."""
    held = held_contracts(index, months, roll_before)
    before, after = ([held.contracts[i].name for i in rows] for rows in (held.before, held.after))
    return before, after


@pytest.mark.real
def test_all_published_sq_days(real: Path) -> None:
    published = pd.read_csv(real / "checks" / "sq_values_2000_2023.csv")

    assert len(published) == 286
    assert isos(sq_days("2000-01-01", "2023-10-31")) == published["sq_date"].tolist()


@pytest.mark.parametrize(
    ("month", "sq", "last"),
    [
        ((1988, 12), "1988-12-09", "1988-12-08"),  # the first contract
        ((1999, 1), "1999-01-08", "1999-01-07"),  # 1 January was a Friday
        ((2000, 2), "2000-02-10", "2000-02-09"),  # Foundation Day on the second Friday
        ((2016, 8), "2016-08-12", "2016-08-10"),  # Mountain Day on the Thursday
        ((2019, 5), "2019-05-10", "2019-05-09"),  # the week after ten days off
        ((2020, 10), "2020-10-09", "2020-10-08"),  # the week after the outage
        ((2022, 2), "2022-02-10", "2022-02-09"),  # Foundation Day on the second Friday
        ((2023, 8), "2023-08-10", "2023-08-09"),  # Mountain Day on the second Friday, with trading in futures
        ((2027, 2), "2027-02-12", "2027-02-10"),  # Foundation Day on the Thursday, with trading in futures
        ((2027, 12), "2027-12-10", "2027-12-09"),  # the last one of the table
    ],
)
def test_sq_and_last_trading_day_of_a_month(month: tuple[int, int], sq: str, last: str) -> None:
    contract = Contract(*month)

    assert (f"{contract.sq_day}", f"{contract.last_trading_day}") == (sq, last)
    assert (f"{sq_day(*month)}", f"{last_trading_day(*month)}") == (sq, last)


def test_every_sq_day_is_the_second_friday_or_the_session_before() -> None:
    for friday in pd.date_range("1989-07-01", "2027-12-31", freq="WOM-2FRI"):
        expected = friday
        while not is_session(expected):
            expected -= pd.Timedelta(days=1)
        before = expected - pd.Timedelta(days=1)
        while not is_session(before):
            before -= pd.Timedelta(days=1)

        assert sq_day(friday.year, friday.month) == expected.date()
        assert last_trading_day(friday.year, friday.month) == before.date()


def test_quarterly_sq_days_of_a_year() -> None:
    found = sq_days("2025-01-01", "2025-12-31", quarterly=True)

    assert isos(found) == ["2025-03-14", "2025-06-13", "2025-09-12", "2025-12-12"]
    assert (found.name, found.unit) == ("sq_day", "us")


def test_the_other_months_begin_with_the_options_of_june_1989() -> None:
    first_year = ["1988-12-09", "1989-03-10", "1989-06-09", "1989-07-14", "1989-08-11"]

    assert isos(sq_days("1985-01-01", "1989-08-31")) == first_year


def test_the_table_ends_with_2027() -> None:
    assert len(sq_days("1985-01-01", "2027-12-31")) == 3 + 6 + 38 * 12
    assert len(sq_days("1985-01-01", "2027-12-31", quarterly=True)) == 1 + 39 * 4


def test_both_ends_of_a_span_count() -> None:
    assert isos(sq_days("2025-09-12", "2025-12-12", quarterly=True)) == ["2025-09-12", "2025-12-12"]
    assert len(sq_days("2025-09-13", "2025-12-11", quarterly=True)) == 0


def test_contracts_are_ordered_by_time_and_named_by_month() -> None:
    found = contracts("2025-09-01", "2026-03-31", (3, 12))

    assert found == (Contract(2025, 12), Contract(2026, 3))
    assert [contract.name for contract in found] == ["2025-12", "2026-03"]
    assert Contract(2025, 12) < Contract(2026, 3) < Contract(2026, 6)


@pytest.mark.parametrize(
    ("day", "months", "roll_before", "expected"),
    [
        ("1988-09-03", QUARTERLY, 0, "1988-12"),  # the day of the listing
        ("2025-12-11", QUARTERLY, 0, "2025-12"),  # last trading day
        ("2025-12-12", QUARTERLY, 0, "2026-03"),  # SQ day
        ("2025-12-13", QUARTERLY, 0, "2026-03"),  # a Saturday
        ("2025-09-08", QUARTERLY, 3, "2025-09"),  # 11 September - 3 sessions
        ("2025-09-09", QUARTERLY, 3, "2025-12"),
        ("2025-12-12", MONTHLY, 0, "2026-01"),
        ("2027-12-30", QUARTERLY, 0, "2028-03"),  # held, though its expiry lies outside the table
        ("2027-12-30", (6, 12), 0, "2028-06"),
    ],
)
def test_the_front_contract(day: str, months: tuple[int, ...], roll_before: int, expected: str) -> None:
    assert front(day, months, roll_before).name == expected


def test_a_roll_on_the_last_trading_day() -> None:
    before, after = held_names(sessions("2025-12-09", "2025-12-15"), QUARTERLY, 0)

    #               Tue 9      Wed 10     Thu 11     Fri 12     Mon 15
    assert before == ["2025-12", "2025-12", "2025-12", "2026-03", "2026-03"]
    assert after == ["2025-12", "2025-12", "2026-03", "2026-03", "2026-03"]


def test_a_roll_two_sessions_earlier_steps_over_a_holiday() -> None:
    """2027-02 trades until Wednesday 10; Thursday 11 is a holiday on which only derivatives trade."""
    before, after = held_names(days("2027-02-05", "2027-02-08", "2027-02-09", "2027-02-11"), MONTHLY, 2)

    assert before == ["2027-02", "2027-02", "2027-03", "2027-03"]
    assert after == ["2027-02", "2027-03", "2027-03", "2027-03"]


def test_both_bars_of_a_session_are_told_the_same() -> None:
    halves = days("2025-12-10", "2025-12-10", "2025-12-11", "2025-12-11", "2025-12-12", "2025-12-12")
    held = held_contracts(halves)

    assert held.before.tolist() == [0, 0, 0, 0, 1, 1]
    assert held.after.tolist() == [0, 0, 1, 1, 1, 1]
    assert held.rolls.tolist() == [False, False, True, True, False, False]


def test_the_outage_counts_as_a_session_and_the_roll_waits_for_a_close() -> None:
    """Five sessions before Thursday 8 October 2020 was the day on which nothing traded."""
    cash = held_contracts(days("2020-09-30", "2020-10-02", "2020-10-05"), MONTHLY, 5)
    futures = held_contracts(days("2020-09-30", "2020-10-01", "2020-10-02"), MONTHLY, 5)

    assert (cash.before.tolist(), cash.after.tolist()) == ([0, 0, 1], [0, 1, 1])
    assert (futures.before.tolist(), futures.after.tolist()) == ([0, 0, 1], [0, 1, 1])
    assert futures.rolls.tolist() == [False, True, False]


def test_without_a_roll_the_contract_before_the_close_is_the_first_that_still_trades() -> None:
    table = sessions("2003-01-01", "2008-12-31")
    every = contracts("2003-01-01", "2009-12-31")
    ends = [contract.last_trading_day for contract in every]
    expected = [next(c for c, end in zip(every, ends, strict=True) if end >= day) for day in table.date]
    held = held_contracts(table)

    assert [held.contracts[i] for i in held.before] == expected
    assert held.rolls.sum() == 6 * 4


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.integers(0, 9000),
    st.integers(1, 300),
    st.integers(0, 300),
    st.sampled_from([QUARTERLY, MONTHLY, (6, 12)]),
    st.integers(0, MAX_ROLL_BEFORE),
)
def test_what_is_held_follows_on_and_does_not_depend_on_later_rows(
    start: int, rows: int, more: int, months: tuple[int, ...], roll_before: int
) -> None:
    table = sessions("1988-09-03", "2027-11-30")
    start = min(start, len(table) - rows - more)
    whole = table[start : start + rows + more]
    before, after = held_names(whole, months, roll_before)
    first_before, first_after = held_names(whole[:rows], months, roll_before)

    assert before[1:] == after[:-1]
    assert (first_before, first_after) == (before[:rows], after[:rows])


@pytest.mark.parametrize("roll_before", [0, 1, 5, MAX_ROLL_BEFORE])
def test_each_contract_is_rolled_once_and_so_many_sessions_before_its_end(roll_before: int) -> None:
    table = sessions("1990-01-01", "2027-11-30")
    held = held_contracts(table, MONTHLY, roll_before)
    rolled = np.flatnonzero(held.rolls)
    ends = [held.contracts[i].last_trading_day for i in held.before[rolled]]
    left = [len(sessions(table[row], end)) - 1 for row, end in zip(rolled, ends, strict=True)]
    outage = [end == date(2020, 10, 8) for end in ends]

    assert held.after[rolled].tolist() == (held.before[rolled] + 1).tolist()
    assert len(rolled) == 12 * 38 - 1
    # The day of the outage counts in the schedule and is not among the sessions.
    assert [n for n, near in zip(left, outage, strict=True) if not near] == [roll_before] * (len(rolled) - 1)
    assert left[outage.index(True)] == roll_before - (roll_before >= 5)


def test_nothing_asked_is_nothing_held() -> None:
    held = held_contracts(pd.DatetimeIndex([]))

    assert (held.contracts, len(held.before), len(held.after)) == ((), 0, 0)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: sq_days("1984-12-28", "1990-01-01"),
        lambda: sq_days("2027-12-01", "2028-01-31"),
        lambda: sq_day(1988, 9),
        lambda: last_trading_day(2028, 1),
        lambda: Contract(2028, 3).sq_day,
        lambda: front("1988-09-02"),
        lambda: front("2028-01-04"),
        lambda: held_contracts(days("2027-12-27"), MONTHLY, 5),  # 2028-01 may be rolled from 24 December on
    ],
)
def test_what_the_table_does_not_hold_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(MissingData) as caught:
        ask()

    assert all(caught.value.as_dict().values())


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda: Contract(2025, 13), "there is no such month"),
        (lambda: sq_day(2025, 0), "there is no such month"),
        (lambda: sq_days("2025-12-31", "2025-01-01"), "the start is after the end"),
        (lambda: contracts("2025-01-01", "2025-12-31", (12, 3)), "that is no set of months"),
        (lambda: contracts("2025-01-01", "2025-12-31", ()), "that is no set of months"),
        (lambda: front("2025-06-02", (3, 15)), "that is no set of months"),
        (lambda: front("2025-06-02", QUARTERLY, -1), "-1"),
        (lambda: front("2025-06-02", QUARTERLY, MAX_ROLL_BEFORE + 1), f"{MAX_ROLL_BEFORE + 1}"),
        (lambda: held_contracts(days("2025-06-03", "2025-06-02")), "they do not ascend"),
        (lambda: front("2025-06-02 15:00"), "2025-06-02 15:00:00"),
        (lambda: front("2025-13-01"), "that is no day"),
        (
            lambda: held_contracts(days("2025-12-10", "2025-12-12")),
            "no day from its roll day to its last trading day, 2025-12-11; the next one is 2025-12-12",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_four_parts(ask: Callable[[], object], found: str) -> None:
    with pytest.raises(SpecError) as caught:
        ask()

    assert caught.value.found == found
    assert all(caught.value.as_dict().values())
