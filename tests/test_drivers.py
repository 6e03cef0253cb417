"""Drivers: what is set beside which return, what is planted and found, and parts that sum to the whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.drivers import drivers
from backtests.observations import DRIVERS, Driver, choose, levels_behind, observe
from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import sessions
from indexsim.errors import MissingData, SpecError
from indexsim.market import MarketData
from tests.conftest import ROOT

DAYS = sessions.sessions("2021-01-04", "2023-12-29")
FLAT = np.full(len(DAYS), 100.0)


def write(folder: Path, name: str, values: Any, column: str = "close", days: pd.DatetimeIndex = DAYS) -> None:
    frame = pd.DataFrame({column: values}, index=days[: len(values)].rename("date"))
    frame.to_csv(folder / f"{name}.csv", float_format="%.12g")


def walk(seed: int, sd: float = 0.01, start: float = 100.0) -> np.ndarray:
    return start * np.cumprod(1 + sd * np.random.default_rng(seed).standard_normal(len(DAYS)))


def rate(level: np.ndarray) -> np.ndarray:
    return level[1:] / level[:-1] - 1


@pytest.fixture
def planted(tmp_path: Path) -> MarketData:
    """The Nikkei moves by 0.5 of the dollar's and 0.8 of the world's change of the New York day before; noise 0.2 %."""
    dollar, world = walk(1, 0.006, 140.0), walk(2)
    noise = 0.002 * np.random.default_rng(3).standard_normal(len(DAYS))
    change = np.zeros(len(DAYS))
    change[2:] = 0.5 * rate(dollar)[:-1] + 0.8 * rate(world)[:-1]
    for name, values in (("usdjpy", dollar), ("sp500", world), ("n225", 30_000 * np.cumprod(1 + change + noise))):
        write(tmp_path, name, values)
    return MarketData.open(tmp_path)


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows}


def test_planted_betas_are_found(planted: MarketData) -> None:
    answer = drivers(planted)
    found = by_name(answer["fit"]["coefficients"])

    assert list(found) == ["constant", "usdjpy", "world"]
    for name, beta in (("usdjpy", 0.5), ("world", 0.8)):
        assert abs(found[name]["beta"] - beta) < 4 * found[name]["se"]
        assert found[name]["se"] < 0.03
        assert found[name]["p"] < 1e-6
    assert found["constant"]["p"] > 0.001
    assert answer["fit"]["r2"] > 0.9


def test_a_tie_within_the_same_calendar_day_is_not_seen(tmp_path: Path) -> None:
    """New York closes after Tokyo: an index that moved with the New York day to come has no tie that could be known."""
    world = walk(2)
    write(tmp_path, "sp500", world)
    write(tmp_path, "n225", 300 * world)
    answer = drivers(MarketData.open(tmp_path))

    # The known change is that of the day before, and the walk does not repeat itself.
    assert answer["fit"]["r2"] < 0.02


def test_ahead_sets_the_changes_of_the_session_before(tmp_path: Path) -> None:
    dollar = walk(1)
    late = np.append(np.full(2, 30_000.0), 30_000 * dollar[:-2] / dollar[0])  # two sessions later
    write(tmp_path, "usdjpy", dollar)
    write(tmp_path, "n225", late)
    market = MarketData.open(tmp_path)

    assert drivers(market, ahead=1)["fit"]["r2"] == pytest.approx(1.0, abs=1e-6)
    assert drivers(market, ahead=0)["fit"]["r2"] < 0.02


def test_changes_are_those_of_known_values_over_closed_days(tmp_path: Path) -> None:
    """New York trades on days without a Tokyo session: the next session's change holds them all."""
    york = pd.date_range("2021-01-04", "2023-12-29", freq="B")
    world = pd.Series(100.0 * 1.001 ** np.arange(len(york)), york)
    write(tmp_path, "sp500", world.to_numpy(), days=york)
    write(tmp_path, "n225", walk(4))
    market = MarketData.open(tmp_path)
    level = levels_behind(market, None, "n225")
    data, _ = observe(market, level, [DRIVERS["world"]], step=1, ahead=0)
    change = pd.Series(data.x[:, 0], pd.DatetimeIndex(data.end))

    # 2021-05-06, after the holidays from 05-03 to 05-05, sees New York's 04-30, 05-03, 05-04 and 05-05 beside
    # 04-30 (Friday), which saw 04-29 (Thursday, a Tokyo holiday) and 04-28.
    assert change["2021-05-06"] == pytest.approx(1.001**4 - 1)
    assert change["2021-04-30"] == pytest.approx(1.001**2 - 1)
    assert change["2021-04-28"] == pytest.approx(0.001)


@pytest.mark.parametrize("step", [1, 5, 20])
def test_parts_sum_to_the_compounded_return(planted: MarketData, step: int) -> None:
    answer = drivers(planted, step=step)
    close = planted.table("n225")["close"]
    total = close[answer["to"]] / close[answer["from"]] - 1

    assert answer["attribution"]["total"] == pytest.approx(total, rel=1e-9)
    for row in (answer["attribution"], *answer["years"]):
        assert sum(row["parts"].values()) == pytest.approx(row["total"], abs=1e-12)
    assert np.prod([1 + row["total"] for row in answer["years"]]) - 1 == pytest.approx(total, rel=1e-9)


def test_attribution_by_hand() -> None:
    """Two observations, +10 % and -10 %: 0.99 at the end. In fractions of the start they are 0.1 and -0.11."""
    from backtests.drivers import _attribution
    from backtests.observations import Observations
    from backtests.regression import Fit

    day = np.array(["2021-01-04", "2021-01-05", "2021-01-06"], dtype="datetime64[D]")
    data = Observations(day[:2], day[1:], np.array([0.10, -0.10]), np.array([[0.04], [-0.06]]))
    fit = Fit(np.array([0.01, 2.0]), np.zeros(2), 2, 0, 0.0, 0.0, 0.0)
    found = _attribution(data, fit, [DRIVERS["usdjpy"]], slice(None))

    # Constant 0.01 x (1 + 1.1); dollar 2 x 0.04 - 2 x 0.06 x 1.1; residual 0.01 and 0.01 x 1.1.
    assert found["total"] == pytest.approx(-0.01)
    assert found["parts"]["constant"] == pytest.approx(0.021)
    assert found["parts"]["usdjpy"] == pytest.approx(0.08 - 0.132)
    assert found["parts"]["residual"] == pytest.approx(0.01 + 0.011)
    assert found["parts"]["unknown"] == 0.0


def test_returns_of_a_strategy_are_explained_on_their_own_sessions(planted: MarketData) -> None:
    close = planted.table("n225")["close"]
    half = (0.5 * close.pct_change())["2022-01-04":"2023-06-30"]  # type: ignore[misc]
    answer = drivers(planted, half)
    found = by_name(answer["fit"]["coefficients"])

    assert (answer["of"], answer["from"], answer["to"]) == ("returns", "2021-12-30", "2023-06-30")
    assert answer["fit"]["n"] == len(half)
    assert found["world"]["beta"] == pytest.approx(0.4, abs=0.04)
    assert answer["attribution"]["total"] == pytest.approx((1 + half).prod() - 1, rel=1e-9)


@pytest.mark.parametrize("broken", ["gap", "unknown", "ruin", "empty", "first"])
def test_returns_that_do_not_fit_the_sessions_are_refused(planted: MarketData, broken: str) -> None:
    returns = planted.table("n225")["close"].pct_change()
    given = {
        "gap": returns.iloc[1:].drop(returns.index[50]),
        "unknown": returns.iloc[1:].where(returns.index[1:] != returns.index[50]),
        "ruin": returns.iloc[1:].where(returns.index[1:] != returns.index[50], -1.0),
        "empty": returns.iloc[:0],
        "first": returns.fillna(0.0),
    }[broken]

    with pytest.raises(SpecError, match="returns"):
        drivers(planted, given)


def test_a_negative_oil_price_is_an_unknown_change_and_its_return_stands_apart(tmp_path: Path) -> None:
    oil = walk(5)
    oil[300] = -37.63
    write(tmp_path, "oil", oil)
    write(tmp_path, "n225", walk(6))
    answer = drivers(MarketData.open(tmp_path))

    # The change to it and the change from it, each known one session later.
    close = pd.Series(walk(6), DAYS)
    first, second = (close.iloc[t] / close.iloc[t - 1] - 1 for t in (301, 302))
    before = close.iloc[300] / close[answer["from"]]
    assert any(text.startswith("2 of ") for text in answer["missing"])
    assert answer["attribution"]["parts"]["unknown"] == pytest.approx(before * (first + (1 + first) * second), rel=1e-6)
    assert sum(answer["attribution"]["parts"].values()) == pytest.approx(answer["attribution"]["total"], abs=1e-12)


def test_a_difference_is_in_percentage_points(tmp_path: Path) -> None:
    """A yield in percent, and a short rate as a fraction: both move by a quarter of a point and back."""
    points = 0.25 * (np.arange(len(DAYS)) % 2)
    write(tmp_path, "jgb_yields", 1.0 + points, "y10")
    write(tmp_path, "rates", 0.01 + points / 100, "rate")
    write(tmp_path, "n225", walk(6))
    market = MarketData.open(tmp_path)
    chosen, _ = choose(market, (), 1)
    data, _ = observe(market, levels_behind(market, None, "n225"), chosen, 1, 0)

    assert [d.name for d in chosen] == ["yield_10y", "short_rate"]
    np.testing.assert_allclose(np.abs(data.x), 0.25, rtol=1e-9)


def test_rolling_windows_end_at_the_last_observation_and_show_a_change_of_regime(tmp_path: Path) -> None:
    dollar = walk(1)
    beta = np.where(np.arange(len(DAYS)) < 400, 1.0, -1.0)
    change = np.zeros(len(DAYS))
    change[2:] = beta[2:] * rate(dollar)[:-1]
    write(tmp_path, "usdjpy", dollar)
    write(tmp_path, "n225", 100 * np.cumprod(1 + change))
    rows = drivers(MarketData.open(tmp_path), window=100)["rolling"]
    betas = [by_name(row["coefficients"])["usdjpy"]["beta"] for row in rows]

    assert rows[-1]["to"] == str(DAYS[-1].date())
    assert all(row["n"] == 100 for row in rows)
    assert betas[0] == pytest.approx(1.0, abs=1e-6)
    assert betas[-1] == pytest.approx(-1.0, abs=1e-6)
    assert any(-0.9 < beta < 0.9 for beta in betas)


def test_bands_fit_each_level_of_a_driver_alone(tmp_path: Path) -> None:
    """Below 130 the index goes with the dollar, above it against it."""
    dollar = walk(9, 0.02, 130.0)
    change = np.zeros(len(DAYS))
    # A return begins at the close that knows the dollar of two sessions before the return's own date.
    change[2:] = np.where(dollar[:-2] < 130, 1.0, -1.0) * rate(dollar)[:-1]
    write(tmp_path, "usdjpy", dollar)
    write(tmp_path, "n225", 100 * np.cumprod(1 + change))
    rows = drivers(MarketData.open(tmp_path), bands=("usdjpy", (130.0,)))["bands"]

    assert [(row["low"], row["high"]) for row in rows] == [(None, 130.0), (130.0, None)]
    assert min(row["n"] for row in rows) > 50
    assert [by_name(row["coefficients"])["usdjpy"]["beta"] for row in rows] == pytest.approx([1.0, -1.0], abs=1e-6)


def test_a_band_without_observations_says_so(planted: MarketData) -> None:
    empty = drivers(planted, bands=("usdjpy", (1.0,)))["bands"][0]

    assert (empty["n"], empty["r2"], empty["coefficients"]) == (0, None, None)
    assert "0 observations" in empty["why"]


def test_what_is_absent_or_stands_still_is_said(planted: MarketData, tmp_path: Path) -> None:
    write(tmp_path, "oil", FLAT)
    write(
        tmp_path,
        "gdp",
        [500_000.0] * 3,
        "gdp_bn_yen_saar",
        pd.DatetimeIndex(["2021-01-01", "2021-04-01", "2021-07-01"]),
    )
    answer = drivers(MarketData.open(tmp_path))

    assert [d["name"] for d in answer["drivers"]] == ["usdjpy", "world"]
    assert "rates: absent; short_rate is no driver" in answer["missing"]
    assert "oil: left out, it never moves" in answer["missing"]
    assert "gdp: left out, it needs a step of 60 sessions or more" in answer["missing"]


def test_what_cannot_be_asked_is_refused(planted: MarketData, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean 'usdjpy'"):
        drivers(planted, names=("usdjp",))
    with pytest.raises(MissingData, match="oil missing"):
        drivers(planted, names=("oil",))
    with pytest.raises(SpecError, match="step = 0"):
        drivers(planted, step=0)
    with pytest.raises(MissingData, match="window"):
        drivers(planted, window=100_000)
    with pytest.raises(MissingData, match="observations"):
        drivers(planted, step=200)
    with pytest.raises(SpecError, match="did you mean"):
        drivers(planted, of="n22")

    write(tmp_path, "gdp", [5.0] * 3, "gdp_bn_yen_saar")
    with pytest.raises(SpecError, match="step of 60"):
        drivers(MarketData.open(tmp_path), names=("gdp",), step=5)

    # The world is the dollar once more.
    write(tmp_path, "sp500", 7 * walk(1, 0.006, 140.0))
    with pytest.raises(SpecError, match="cannot be told apart"):
        drivers(MarketData.open(tmp_path), names=("usdjpy", "world"))


def test_a_market_without_drivers_says_which_files_it_could_use(tmp_path: Path) -> None:
    write(tmp_path, "n225", walk(6))

    with pytest.raises(MissingData, match="usdjpy, sp500, oil, jgb_yields, rates, boj_assets, gdp"):
        drivers(MarketData.open(tmp_path))


def test_the_driver_that_ends_first_bounds_the_observations(planted: MarketData, tmp_path: Path) -> None:
    write(tmp_path, "oil", walk(5)[:300])
    answer = drivers(MarketData.open(tmp_path))

    # A value is good for 14 days; the last change is that from 300 on and zero while it is good.
    assert answer["to"] < str((DAYS[299] + pd.Timedelta(days=16)).date())
    assert any("oil: its changes are known until" in text for text in answer["missing"])


def test_the_answer_is_plain_json_and_the_same_twice(planted: MarketData) -> None:
    asked = {"window": 100, "bands": ("usdjpy", (140.0,)), "step": 2}
    first, second = (json.dumps(drivers(planted, **asked), allow_nan=False) for _ in range(2))  # type: ignore[arg-type]

    assert first == second


def test_a_view_explains_with_what_it_knows(planted: MarketData) -> None:
    """On the market until a day the answer ends there, and equals that of returns up to it."""
    view = planted.until("2022-06-30T15:00")
    whole = planted.table("n225")["close"].pct_change()["2021-01-05":"2022-06-30"]  # type: ignore[misc]

    seen, told = (by_name(drivers(*given)["fit"]["coefficients"]) for given in ((view,), (planted, whole)))
    assert drivers(view)["to"] == "2022-06-30"
    for name, row in seen.items():
        assert (row["beta"], row["se"]) == pytest.approx((told[name]["beta"], told[name]["se"]), rel=1e-6)


def test_every_driver_names_a_column_of_the_schema() -> None:
    from indexsim.schema import FILES

    assert all(FILES[d.file].column(d.column) is not None for d in DRIVERS.values())
    assert isinstance(DRIVERS["gdp"], Driver)


def test_a_run_of_the_sample_is_explained(small: Path) -> None:
    spec = replace(load_spec(ROOT / "backtests/specs/vi_gate.toml"), market=(small,))
    result = compute(prepare(spec), small)
    answer = drivers(MarketData.open(small), result.returns["net"], step=5)

    assert answer["attribution"]["total"] == pytest.approx(sum(answer["attribution"]["parts"].values()), abs=1e-12)
    assert [d["name"] for d in answer["drivers"]] == ["usdjpy"]


@pytest.mark.real
def test_the_nikkei_goes_with_new_york_and_the_dollar(real: Path) -> None:
    """S003 and S001: a fall of New York and a rise of the yen weigh on the Nikkei; weekly, 2000 to 2025."""
    answer = drivers(MarketData.open(real / "series"), step=5)
    found = by_name(answer["fit"]["coefficients"])

    assert found["world"]["low"] > 0.5
    assert found["usdjpy"]["low"] > 0.2
    assert answer["to"] == "2025-10-31"
    assert sum(answer["attribution"]["parts"].values()) == pytest.approx(answer["attribution"]["total"], abs=1e-10)


@pytest.mark.real
def test_by_quarters_growth_is_a_driver_as_far_as_it_is_published(real: Path) -> None:
    answer = drivers(MarketData.open(real / "series"), step=61)

    assert {"gdp", "boj_assets"} <= {d["name"] for d in answer["drivers"]}
    # Its last quarter begins on 2022-10-01 and is good for 260 days.
    assert answer["to"] < "2023-06-19"
