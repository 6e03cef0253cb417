"""What a pair leaves unhedged, in yen and in beta."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.residuals import residuals
from backtests.result import Result
from indexsim import sessions
from indexsim.market import MarketData

DAYS = sessions.sessions("2023-01-04", "2023-01-16")
# 01-04 05 06 | 10 11 12 13 | 16: Nikkei returns are twice those of TOPIX.
MOVES = np.array([0.0, 0.01, -0.02, 0.03, 0.01, -0.01, 0.02, 0.01])


def market(folder: Path) -> MarketData:
    for name, times in (("n225", 2.0), ("topix", 1.0)):
        closes = 100.0 * np.cumprod(1.0 + times * MOVES)
        pd.DataFrame({"close": closes}, index=DAYS.rename("date")).to_csv(folder / f"{name}.csv")
    return MarketData.open(folder)


def result(nikkei: list[float], topix: list[float]) -> Result:
    """A run whose first bar is that of 01-05, on an account of 1,000 yen."""
    positions = pd.DataFrame({"nikkei_mini": nikkei, "topix_mini": topix, "cash": 0.0}, index=DAYS[1:])
    equity = pd.DataFrame({"net": 1000.0, "gross": 1000.0}, index=DAYS)
    none = pd.DataFrame()
    facts = {"params": {"nikkei": "nikkei_mini", "topix": "topix_mini"}}
    return Result(facts, "", equity, none, positions, none, none, none, none)


def left_open(run: Result, made: MarketData, window: int = 250) -> pd.DataFrame:
    legs = run.facts["params"]["nikkei"], run.facts["params"]["topix"]
    return residuals(run.positions, run.equity["net"], legs, made, window)


def test_each_trade_has_the_yen_and_the_beta_it_left_open(tmp_path: Path) -> None:
    # Held at the closes of 01-06 and 01-10, and again from that of 01-13 to the end of the run.
    run = result([0.0, -500.0, -510.0, 0.0, 0.0, -300.0, -310.0], [0.0, 480.0, 470.0, 0.0, 0.0, 600.0, 610.0])
    table = left_open(run, market(tmp_path), 3)

    assert table["opened"].tolist() == [pd.Timestamp("2023-01-06"), pd.Timestamp("2023-01-13")]
    assert table["closed"].iloc[0] == pd.Timestamp("2023-01-11")
    assert table["closed"].isna().tolist() == [False, True]
    assert table["residual"].tolist() == [-20.0, 300.0]
    # Two returns are known on 01-06, seven on 01-13: 2 x -300 + 600 leaves nothing.
    assert np.isnan(table["beta"].iloc[0])
    assert table["beta"].iloc[1] == pytest.approx(2.0)
    assert table["net_beta"].iloc[1] == pytest.approx(0.0, abs=1e-12)


def test_an_equal_notional_leaves_the_beta_that_exceeds_one(tmp_path: Path) -> None:
    run = result([0.0] * 5 + [-400.0, 0.0], [0.0] * 5 + [400.0, 0.0])
    table = left_open(run, market(tmp_path), 3)

    # 2 x -400 + 400 of an account of 1,000.
    assert table["residual"].tolist() == [0.0]
    assert table["net_beta"].tolist() == pytest.approx([-0.4])


def test_a_leg_that_was_refused_stands_open_and_no_trade_is_no_row(tmp_path: Path) -> None:
    made = market(tmp_path)

    assert left_open(result([0.0] * 7, [0.0, 0.0, 50.0, 0.0, 0.0, 0.0, 0.0]), made)["residual"].tolist() == [50.0]
    assert left_open(result([0.0] * 7, [0.0] * 7), made).empty
