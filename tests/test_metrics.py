"""Metrics against values worked out by hand and against empyrical with its annualization set."""

from __future__ import annotations

import math

import empyrical as ep
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from backtests import metrics
from backtests.contributions import money_weighted
from backtests.metrics import UndefinedError

YEAR = 245.0

RETURNS = st.lists(st.floats(-0.2, 0.2, allow_nan=False), min_size=3, max_size=60)


@pytest.fixture(scope="module")
def returns() -> pd.Series:
    days = pd.bdate_range("2010-01-04", periods=700)
    return pd.Series(np.random.default_rng(7).normal(0.0004, 0.012, len(days)), index=days)


def test_hand_worked_series() -> None:
    three = [0.10, -0.20, 0.05]

    assert metrics.total_return(three) == pytest.approx(1.1 * 0.8 * 1.05 - 1)
    assert metrics.max_drawdown(three) == pytest.approx(-0.20)
    assert metrics.worst(three) == -0.20
    assert metrics.best(three) == 0.10
    assert metrics.winning(three) == pytest.approx(2 / 3)
    assert metrics.cagr(three, 3) == pytest.approx(-0.076)
    assert metrics.calmar(three, 3) == pytest.approx(-0.076 / 0.20)


def test_volatility_is_of_the_sample() -> None:
    # Deviations +-0.01 around 0.02, divisor n - 1 = 1: variance 0.0002.
    assert metrics.ann_vol([0.01, 0.03], 200) == pytest.approx(math.sqrt(0.0002 * 200))
    assert metrics.sharpe([0.01, 0.03], 200) == pytest.approx(20.0)


def test_downside_counts_all_sessions() -> None:
    # Mean 0.01; downside sqrt((0.02 ** 2 + 0 + 0 + 0) / 4) = 0.01.
    assert metrics.sortino([-0.02, 0.02, 0.02, 0.02], 4) == pytest.approx(2.0)


def test_first_session_counts_in_the_drawdown() -> None:
    assert metrics.max_drawdown([-0.10, 0.02]) == pytest.approx(-0.10)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.cagr, ep.annual_return),
        (metrics.ann_vol, ep.annual_volatility),
        (metrics.sharpe, ep.sharpe_ratio),
        (metrics.sortino, ep.sortino_ratio),
        (metrics.calmar, ep.calmar_ratio),
    ],
)
def test_yearly_figures_agree_with_empyrical(returns: pd.Series, ours, theirs) -> None:  # type: ignore[no-untyped-def]
    assert ours(returns, YEAR) == pytest.approx(theirs(returns, annualization=YEAR), rel=1e-10)


def test_plain_figures_agree_with_empyrical_and_scipy(returns: pd.Series) -> None:
    assert metrics.total_return(returns) == pytest.approx(ep.cum_returns_final(returns), rel=1e-12)
    assert metrics.max_drawdown(returns) == pytest.approx(ep.max_drawdown(returns), rel=1e-12)
    assert metrics.value_at_risk(returns) == pytest.approx(ep.value_at_risk(returns), rel=1e-12)
    assert metrics.skew(returns) == pytest.approx(stats.skew(returns), rel=1e-10)
    assert metrics.kurtosis(returns) == pytest.approx(stats.kurtosis(returns), rel=1e-10)


@pytest.mark.parametrize("year", [241.0, 252.0])
def test_sessions_per_year_is_what_the_caller_says(returns: pd.Series, year: float) -> None:
    assert metrics.sharpe(returns, year) == pytest.approx(metrics.sharpe(returns, 1.0) * math.sqrt(year))


@pytest.mark.parametrize(
    ("figure", "returns", "reason"),
    [
        (lambda r: metrics.sharpe(r, YEAR), [0.0, 0.0], "zero volatility"),
        (lambda r: metrics.sharpe(r, YEAR), [0.1] * 7, "zero volatility"),
        (lambda r: metrics.sharpe(r, YEAR), [0.01], "fewer than 2 sessions"),
        (lambda r: metrics.sortino(r, YEAR), [0.01, 0.02], "no losing session"),
        (lambda r: metrics.calmar(r, YEAR), [0.01, 0.02], "no drawdown"),
        (lambda r: metrics.cagr(r, YEAR), [-1.5], "fell below zero"),
        (metrics.total_return, [], "no sessions"),
        (metrics.total_return, [0.1, math.nan], "1 of 2 session returns are unknown"),
        (metrics.skew, [0.02, 0.02, 0.02], "zero volatility"),
    ],
)
def test_undefined_figures_say_why(figure, returns: list[float], reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UndefinedError, match=reason):
        figure(returns)


def test_total_loss_is_defined() -> None:
    assert metrics.total_return([0.5, -1.0, 0.3]) == -1.0
    assert metrics.cagr([0.5, -1.0, 0.3], YEAR) == -1.0
    assert metrics.max_drawdown([0.5, -1.0, 0.3]) == -1.0


@pytest.mark.parametrize("returns", [[], [0.0], [0.0, 0.0], [-1.0, 0.0], [0.1, math.nan], [0.01] * 5, [-0.02, 0.03]])
def test_summary_never_holds_nan(returns: list[float]) -> None:
    summary = metrics.summary(pd.Series(returns, dtype=float), YEAR)

    for name, value in summary.items():
        if value is None:
            assert summary[f"{name}_why"]
        elif not isinstance(value, str):
            assert math.isfinite(value)


def test_turnover_by_hand() -> None:
    # 300 yen traded over a mean of 150 in 2 sessions of a year of 4: 2 times in half a year.
    assert metrics.turnover([100.0, -200.0], [100.0, 200.0], 4) == pytest.approx(4.0)
    assert metrics.turnover([], [100.0], 4) == 0.0


def test_trades_are_closed_round_trips() -> None:
    assert metrics.n_trades(pd.DataFrame({"net": [1.0, -2.0]})) == 2


def test_drawdowns_by_hand() -> None:
    days = pd.to_datetime(["2024-01-04", "2024-01-05", "2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12"])
    first, second = metrics.drawdowns(pd.Series([100.0, 90.0, 101.0, 99.99, 80.8, 99.0], days))

    assert first.depth == pytest.approx(-0.2)
    assert (first.peak, first.valley, first.recovery, first.sessions) == (days[2], days[4], None, 3)
    assert second.depth == pytest.approx(-0.1)
    assert (second.peak, second.valley, second.recovery, second.sessions) == (days[0], days[1], days[2], 2)


@given(RETURNS)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_deepest_drawdown_is_the_maximum(returns: list[float]) -> None:
    equity = pd.Series(np.concatenate(([1.0], np.cumprod(1 + np.array(returns)))))
    equity.index = pd.bdate_range("2020-01-01", periods=len(equity))
    deepest = metrics.drawdowns(equity, top=1)

    assert (deepest[0].depth if deepest else 0.0) == pytest.approx(metrics.max_drawdown(returns), abs=1e-15)


@given(RETURNS, st.floats(0.1, 10.0))
@settings(derandomize=True, max_examples=60, deadline=None)
def test_more_leverage_does_not_move_the_sharpe_ratio(returns: list[float], scale: float) -> None:
    series = np.array(returns)
    if np.std(series) < 1e-6:
        return

    assert metrics.sharpe(series * scale, YEAR) == pytest.approx(metrics.sharpe(series, YEAR), rel=1e-9, abs=1e-9)


def test_money_weighted_over_thousands_of_sessions() -> None:
    """1 % a session on 100 yen, and on 50 more before the last: (1.01 ** 5,000 x 100 + 1.01 x 50) at the end."""
    paid_in = np.zeros(5_000)
    paid_in[-1] = 50.0
    end = 100.0 * 1.01**5_000 + 50.0 * 1.01

    assert money_weighted(100.0, paid_in, end, 1.0) == pytest.approx(0.01, rel=1e-9)
