"""What ex-dividend days take off a pair: points of a market by hand, the estimate by hand, and what is said of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.claims import exdividend
from backtests.claims.events import kinds_of_days
from backtests.claims.exdividend import Expected, expected_moves, expected_of
from backtests.claims.gather import gather
from backtests.claims.tests import TESTS
from indexsim import sessions
from indexsim.market import MarketData
from tests.opposite_series import Floats

#: (100 + 200) yen over a divisor of 0.02 are 15,000 points; 2 + 1 yen are 150. The index shares of TOPIX are 5 and 5:
#: 1,500 yen at 1,500 points, of which 10 + 5 go ex.
FILES = {
    "closes": "date,1301,1302\n2021-03-26,100,200\n2021-03-29,100,200\n2021-03-30,98,199\n2021-03-31,98,199\n",
    "factors": "effective_date,code,factor,event\n2021-03-26,1301,1,initial\n2021-03-26,1302,1,initial\n",
    "divisors": "effective_date,divisor\n2021-03-26,0.02\n",
    "dividends": "ex_date,code,yen\n2021-03-30,1301,2\n2021-03-30,1302,1\n2021-09-29,1301,9\n",
    "shares_ffw": "date,code,shares,ffw\n2021-03-26,1301,10,0.5\n2021-03-26,1302,20,0.25\n",
    "topix": "date,close\n2021-03-26,1500\n2021-03-29,1500\n2021-03-30,1485\n2021-03-31,1485\n",
    "n225": "date,close\n2021-03-26,15000\n2021-03-29,15000\n2021-03-30,14850\n2021-03-31,14850\n",
}


def market(folder: Path, **changed: str) -> MarketData:
    """Return the market of `FILES` with other files; an empty text leaves a file out."""
    for name, text in (FILES | changed).items():
        if text:
            (folder / f"{name}.csv").write_text(text, "utf-8")
    return MarketData.open(folder)


def test_a_market_tells_the_points_of_both_indexes(tmp_path: Path) -> None:
    found = expected_of(market(tmp_path))

    assert found.points["n225"].tolist() == pytest.approx([0, 0, 150, 0])
    assert found.points["topix"].tolist() == pytest.approx([0, 0, 15, 0])
    assert found.uncovered == {"n225": 0.0, "topix": 0.0}
    assert found.missing == {}


def test_what_is_missing_is_named_file_by_file(tmp_path: Path) -> None:
    assert expected_of(market(tmp_path, shares_ffw="", divisors="")).missing == {
        "n225": "divisors",
        "topix": "shares_ffw",
    }
    assert expected_of(None).missing["topix"] == "topix, closes, shares_ffw, dividends"


def test_a_constituent_without_dividends_makes_the_points_incomplete(tmp_path: Path) -> None:
    """1302 weighs 199 of 297 yen in the one and 995 of 1,485 in the other: 67.0 %."""
    found = expected_of(market(tmp_path, dividends="ex_date,code,yen\n2021-03-30,1301,2\n2021-03-30,1302,\n"))

    assert found.points == {}
    assert set(found.missing.values()) == {"dividends of constituents that weigh 67.0% in a year"}


def test_a_basket_that_cannot_be_used_is_missing_and_no_error(tmp_path: Path) -> None:
    found = expected_of(market(tmp_path, closes=FILES["closes"].replace("2021-03-29,100,200", "2021-03-29,100,")))

    assert set(found.missing) == {"n225", "topix"}
    assert all(text.startswith("a basket (") for text in found.missing.values())


def test_every_test_is_handed_what_is_expected(tmp_path: Path) -> None:
    assert gather([], market(tmp_path), None)[exdividend.INPUT].points["n225"].sum() == pytest.approx(150)


# By hand: six sessions; the points of the long leg are 2 on the second and 3 on the fifth, those of the short leg 1.

ROWS = sessions.sessions("2021-03-01", "2021-03-08")
LONG = pd.Series([100.0, 100, 200, 200, 300, 300], ROWS)
SHORT = pd.Series(50.0, ROWS)
TOLD = Expected(
    {"n225": pd.Series([0, 2.0, 0, 0, 3.0, 0], ROWS), "topix": pd.Series([0, 1.0, 0, 0, 1.0, 0], ROWS)},
    {"n225": 0.004, "topix": 0.0},
    {},
)
LEGS = (("n225", LONG), ("topix", SHORT))
NONE = np.zeros(6, dtype=np.int64)


def test_points_are_taken_over_the_close_the_return_begins_at() -> None:
    gone, said = expected_moves(TOLD, LEGS, np.zeros(6), NONE, np.array([4]), (1, 0))

    # -2/100 + 1/50 on the second session, -3/200 + 1/50 on the fifth.
    assert gone[1:] == pytest.approx([0.0, 0.0, 0.0, 0.005, 0.0])
    assert (
        said == "less the expected points of n225 (0.4% of the weight without) and topix (0.0% of the weight without)"
    )


def test_a_window_holds_all_its_ex_days() -> None:
    gone, _ = expected_moves(TOLD, LEGS[:1], np.zeros(6), NONE, np.array([3]), (2, 1))

    # Around the fourth session: from the second's close to the fifth's, which leaves out the points of the second.
    assert gone[3] == pytest.approx(-3 / 100)
    assert gone[2] == pytest.approx(-2 / 100)


def test_points_that_do_not_reach_an_event_are_not_used() -> None:
    short = Expected({**TOLD.points, "n225": TOLD.points["n225"].iloc[:3]}, TOLD.uncovered, {})
    _, said = expected_moves(short, LEGS, np.zeros(6), NONE, np.array([4]), (1, 0))

    assert said.endswith("expected points would take n225: closes beyond 2021-03-01 to 2021-03-03")


def test_the_estimate_leaves_out_events_and_each_day_itself() -> None:
    kinds = np.array([0, 3, 0, 3, 3, 3, 1, 2, 0, 2])
    daily = np.array([9.0, 1.0, 9.0, 2.0, 6.0, 50.0, 7.0, 4.0, 9.0, 8.0])
    closes = pd.Series(1.0, sessions.sessions("2021-03-01", "2021-03-12"))
    gone, said = expected_moves(expected_of(None), [("n225", closes)], daily, kinds, np.array([5]), (1, 0))

    # Kind 3 without the event on row 5: 1, 2 and 6, mean 3. Each of them has the mean of the other two, the event all.
    # Of kind 1 there is but one day, so nothing is known of it; kind 2 has 4 and 8, one for the other.
    assert gone == pytest.approx([0, 4.0, 0, 3.5, 1.5, 3.0, np.nan, 8.0, 0, 4.0], nan_ok=True)
    assert "3.00000 on 3 ex-days of March and September, 6.00000 on 2 ex-days of June and December" in said
    assert said.endswith("expected points would take n225: closes, factors, divisors, dividends")


def test_an_ex_day_within_the_window_of_an_event_is_no_measure() -> None:
    kinds, daily = np.array([3, 3, 0, 0, 0, 3, 0, 0]), np.array([1.0, 3.0, 0, 0, 0, 50.0, 0, 0])
    closes = pd.Series(1.0, sessions.sessions("2021-03-01", "2021-03-10"))
    gone, _ = expected_moves(expected_of(None), [("n225", closes)], daily, kinds, np.array([4]), (1, 2))

    # The window of row 4 has rows 4, 5 and 6; row 5 is expected to move by (1 + 3) / 2.
    assert gone[3:6] == pytest.approx([2.0, 2.0, 2.0])


# Whole worlds: every ex-day of March and September takes dividends off the Nikkei, 2 % where a split acts, else 1 %.


def world(pressure: float, told: bool) -> tuple[dict[str, Any], int]:
    """Return a market with splits on every second of these ex-days, which press by so much, and their number."""
    days = sessions.sessions("2017-01-04", "2024-12-30")
    ex = np.flatnonzero(kinds_of_days(days) % 4 == 3)
    splits = ex[::2]
    falls = np.zeros(len(days))
    falls[ex], falls[splits] = 0.01, 0.02
    moves = 0.0001 * np.random.default_rng(1).standard_normal(len(days)) - falls
    moves[splits] += pressure
    closes: Floats = 20_000 * np.cumprod(1 + moves)
    points = pd.Series(falls * np.concatenate([[20_000], closes[:-1]]), days)
    frame = {
        "effective_date": days[splits].strftime("%Y-%m-%d"),
        "announced_date": "",
        "code": "1",
        "event": "split 2:1",
    }
    inputs: dict[str, Any] = {
        "n225": pd.DataFrame({"close": closes}, days),
        "topix": pd.DataFrame({"close": 1_500.0}, days),
        "index_events": pd.DataFrame(frame),
    }
    if told:
        inputs[exdividend.INPUT] = Expected({"n225": points, "topix": 0 * points}, {"n225": 0.0, "topix": 0.0}, {})
    return inputs, len(splits)


PARAMS = {
    "events": ["split"], "anchor": "effective", "before": 1, "after": 0, "long": "n225.close", "short": "topix.close",
    "direction": "below", "remove_dividends": True,
}  # fmt: skip


@pytest.mark.parametrize("pressure", [0.0, -0.004])
def test_told_points_leave_the_pressure_of_the_split_alone(pressure: float) -> None:
    inputs, splits = world(pressure, told=True)
    found = TESTS["event_pair"](inputs, PARAMS)

    assert found.n == splits
    assert found.effect == pytest.approx(pressure, abs=1e-4)
    assert "less the expected points of n225" in found.note


def test_an_estimate_takes_off_what_other_ex_days_lose_and_says_so() -> None:
    found = TESTS["event_pair"](world(-0.004, told=False)[0], PARAMS)

    # The splits' days lose 2.4 %, the other ex-days 1 %.
    assert found.effect == pytest.approx(-0.014, abs=1e-4)
    assert "plain mean -0.014" in found.note
    assert "less the mean of ex-days outside events (-0.0" in found.note
    assert "expected points would take n225: closes, factors, divisors, dividends; topix: " in found.note


def test_without_removal_the_plain_mean_holds_the_dividends() -> None:
    found = TESTS["event_pair"](world(-0.004, told=True)[0], {**PARAMS, "remove_dividends": False})

    assert "plain mean -0.024" in found.note
    assert "dividends" not in found.note
