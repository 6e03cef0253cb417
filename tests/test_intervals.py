"""Intervals of a run's figures: against arch's resamples and plain loops, joint, honest about what does not exist."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import StationaryBootstrap

from backtests import intervals as module
from backtests import metrics
from backtests.claims.statistics import DRAWS
from backtests.expectation import FIGURES
from backtests.intervals import SEED, intervals
from tests.conftest import count

YEAR = 245.0


def frame(n: int, seed: int = 5, mean: float = 0.0004) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = rng.normal(0.0002, 0.012, n)
    net = 0.5 * index + rng.normal(mean, 0.006, n)
    columns = {"net": net, "gross": net + 0.0001, "benchmark_price": index, "benchmark_total": index + 0.00007}
    return pd.DataFrame(columns)


def test_intervals_are_those_of_archs_resamples_one_by_one() -> None:
    returns = frame(300)
    found = intervals(returns, YEAR)
    drawn = [data[0][0] for data in StationaryBootstrap(found["block"], returns.to_numpy(), seed=SEED).bootstrap(DRAWS)]
    plain = {
        "cagr": [metrics.cagr(rows[:, 0], YEAR) for rows in drawn],
        "sharpe": [metrics.sharpe(rows[:, 0], YEAR) for rows in drawn],
        "max_drawdown": [metrics.max_drawdown(rows[:, 0]) for rows in drawn],
        "cagr over total": [metrics.cagr(rows[:, 0], YEAR) - metrics.cagr(rows[:, 3], YEAR) for rows in drawn],
        "sharpe over price": [metrics.sharpe(rows[:, 0], YEAR) - metrics.sharpe(rows[:, 2], YEAR) for rows in drawn],
    }
    for figure, sample in plain.items():
        row = found["net"][figure]

        np.testing.assert_allclose([row["low"], row["high"]], np.quantile(sample, [0.05, 0.95]), rtol=1e-9)


def test_values_are_the_figures_of_the_page() -> None:
    returns = frame(300)
    found = intervals(returns, YEAR)["gross"]

    assert found["cagr"]["value"] == metrics.cagr(returns["gross"], YEAR)
    assert found["max_drawdown over price"]["value"] == pytest.approx(
        metrics.max_drawdown(returns["gross"]) - metrics.max_drawdown(returns["benchmark_price"])
    )
    assert set(found) == set(FIGURES)


def test_what_account_and_index_share_stays_shared() -> None:
    returns = frame(200)
    returns["net"] = returns["benchmark_total"]
    found = intervals(returns, YEAR)["net"]

    for figure in ("cagr over total", "sharpe over total", "max_drawdown over total"):
        assert found[figure] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["cagr"]["low"] < found["cagr"]["high"]


def test_a_long_series_is_drawn_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"net": frame(50)["net"].to_numpy()}
    whole = module.resampled(values, 4.0, YEAR)["net"]["cagr"]
    monkeypatch.setattr(module, "_CELLS", 50 * 100)
    pieces = module.resampled(values, 4.0, YEAR)["net"]["cagr"]

    assert len(whole) == len(pieces) == DRAWS
    np.testing.assert_array_equal(whole[:100], pieces[:100])
    # A piece with the seed of another would repeat it.
    assert not np.array_equal(pieces[:100], pieces[100:200])


def test_what_does_not_exist_says_why() -> None:
    returns = frame(60)
    returns["net"] = 0.0
    returns.loc[3, "benchmark_price"] = np.nan
    returns.loc[59, "gross"] = -1.5
    found = intervals(returns, YEAR)
    flat = intervals(frame(60).assign(benchmark_price=0.0), YEAR)["net"]

    assert found["net"]["cagr"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["net"]["sharpe"] == {"value": None, "low": None, "high": None, "why": "zero volatility"}
    assert found["net"]["cagr over price"]["why"] == "the index: 1 of 60 session returns are unknown"
    assert flat["sharpe over price"]["why"] == "the index: zero volatility"
    assert found["net"]["sharpe over total"]["why"] == "zero volatility"
    assert found["gross"]["cagr"]["why"] == "the account fell below zero"


def test_a_figure_undefined_in_some_resamples_has_no_interval() -> None:
    returns = frame(30)
    returns["net"] = 0.0
    returns.loc[7, "net"] = 0.01
    row = intervals(returns, YEAR)["net"]["sharpe"]

    assert row["value"] is None
    assert "undefined in" in row["why"]


@pytest.mark.parametrize("sessions", [0, 1, 2])
def test_next_to_no_sessions(sessions: int) -> None:
    found = intervals(frame(sessions), YEAR)

    assert (found["net"]["cagr"]["value"] is None) == (sessions == 0)
    # Of two sessions, a resample may hold one twice.
    assert found["net"]["sharpe"]["why"]


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    worlds, held = count(400), 0
    for world in range(worlds):
        values = np.random.default_rng(1000 + world).normal(0.0005, 0.01, 500)
        low, high = np.quantile(module.resampled({"net": values}, 8.0, YEAR)["net"]["sharpe"], [0.05, 0.95])
        held += bool(low <= 0.05 * YEAR**0.5 <= high)

    # 90 % of the worlds, less four standard errors.
    assert held / worlds > 0.90 - 4 * (0.09 / worlds) ** 0.5
    assert held < worlds or worlds < 100
