"""The Nikkei by the yen: trend, level, regime, and which dollar is known when."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.__main__ import main
from indexsim import sessions
from indexsim.market import MarketData
from strategies.yen_beta import YenBeta
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

SPEC = ROOT / "backtests/specs/yen_beta.toml"
NAN = float("nan")
#: Exposures that differ, so that a test sees which one was chosen.
OWN = YenBeta.Params(weak=0.9, strong=0.2, below=-1.0, unrelated=0.4, beta_window=0)


def market(folder: Path, dollar: list[float], closes: list[float] | None = None) -> MarketData:
    days = sessions.sessions("2023-01-04", "2023-12-29")
    for name, values in (("usdjpy", dollar), ("n225", closes or [100.0] * len(dollar))):
        frame = pd.DataFrame({"close": values}, index=days[: len(values)].rename("date"))
        frame.to_csv(folder / f"{name}.csv")
    return MarketData.open(folder)


def exposure(params: YenBeta.Params, **features: list[float]) -> list[float]:
    targets = YenBeta.decide({name: np.array(values) for name, values in features.items()}, params)
    assert np.isnan(targets.at_close).all()
    return targets.at_open[:, 0].tolist()


def test_a_dollar_above_its_reference_is_a_weak_yen_and_an_equal_one_is_not() -> None:
    assert exposure(OWN, dollar=[141.0, 140.0, 139.0], reference=[140.0] * 3) == [0.9, 0.2, 0.2]


def test_below_the_level_the_trend_does_not_count_and_at_the_level_it_does() -> None:
    assert exposure(OWN, dollar=[129.99, 129.99, 130.0], reference=[120.0, NAN, 120.0]) == [-1.0, -1.0, 0.9]


def test_without_a_level_there_is_no_below() -> None:
    assert exposure(replace(OWN, level=0.0), dollar=[80.0], reference=[70.0]) == [0.9]


def test_what_is_unknown_holds_nothing() -> None:
    assert exposure(OWN, dollar=[NAN, 140.0], reference=[NAN, NAN]) == [0.0, 0.0]
    assert exposure(replace(OWN, beta_window=9), dollar=[140.0], reference=[139.0], beta=[NAN]) == [0.0]


def test_the_trend_counts_only_while_the_index_went_with_the_dollar() -> None:
    params = replace(OWN, beta_window=9, beta_min=0.5)

    assert exposure(params, dollar=[140.0] * 3, reference=[139.0] * 3, beta=[0.6, 0.5, -1.0]) == [0.9, 0.4, 0.4]


def test_the_dollar_is_the_close_of_the_night_before(tmp_path: Path) -> None:
    """Each New York close is known the next morning: the row of the third session sees the second one."""
    features = YenBeta.features(market(tmp_path, [131.0, 132.0, 133.0, 134.0]), replace(OWN, trend="change", window=1))

    np.testing.assert_array_equal(features["dollar"], [NAN, 131.0, 132.0, 133.0])
    np.testing.assert_array_equal(features["reference"], [NAN, NAN, 131.0, 132.0])


def test_the_average_is_that_of_the_last_sessions_with_the_present_one(tmp_path: Path) -> None:
    # Known: -, 131, 133, 138. Means over two: -, -, 132, 135.5.
    features = YenBeta.features(market(tmp_path, [131.0, 133.0, 138.0, 140.0]), replace(OWN, window=2))

    np.testing.assert_array_equal(features["reference"], [NAN, NAN, 132.0, 135.5])


def test_a_history_shorter_than_the_window_holds_nothing(tmp_path: Path) -> None:
    for trend in ("sma", "change"):
        params = replace(OWN, trend=trend, window=50)

        assert YenBeta.targets(market(tmp_path, [140.0] * 4), params).at_open[:, 0].tolist() == [0.0] * 4


def test_the_slope_is_that_of_numpy_over_the_window(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    dollar = 140.0 * np.cumprod(1 + 0.01 * rng.standard_normal(60))
    closes = 30_000.0 * np.cumprod(1 + 0.01 * rng.standard_normal(60))
    params = replace(OWN, beta_window=20)
    beta = YenBeta.features(market(tmp_path, dollar.tolist(), closes.tolist()), params)["beta"]
    index_return, dollar_return = closes[1:] / closes[:-1] - 1, dollar[1:] / dollar[:-1] - 1

    # Row t: the index's returns of rows t-19..t beside the dollar's of one session before each.
    for t in (21, 40, 59):
        expected = np.polyfit(dollar_return[t - 21 : t - 1], index_return[t - 20 : t], 1)[0]
        assert beta[t] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(beta[:21]).all()


def test_a_dollar_that_does_not_move_has_no_slope(tmp_path: Path) -> None:
    closes = [100.0 + t % 3 for t in range(40)]

    assert np.isnan(
        YenBeta.features(market(tmp_path, [140.1] * 40, closes), replace(OWN, beta_window=10))["beta"]
    ).all()


def test_the_index_is_needed_for_the_slope_alone() -> None:
    assert YenBeta.needs(YenBeta.Params()) == ("usdjpy", "n225")
    assert YenBeta.needs(OWN) == ("usdjpy",)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"trend": "ema"}, "trend 'ema'"),
        ({"window": 0}, "window 0"),
        ({"level": -1.0}, "level -1"),
        ({"beta_window": 2}, "beta_window 2"),
        ({"below": NAN}, "below nan"),
        ({"weak": float("inf")}, "weak inf"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        YenBeta.Params(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("trend", ["sma", "change"])
def test_it_does_not_look_ahead(trend: str, small_market: MarketData) -> None:
    params = YenBeta.Params(trend=trend, window=20, level=115.0, below=-1.0, beta_window=60, unrelated=0.3)
    targets = YenBeta.targets(small_market, params)

    assert set(np.unique(targets.at_open)) == {-1.0, 0.0, 0.3, 1.0}  # every rule acts
    assert leaks_of(YenBeta, params, small_market, "all") == []


@pytest.mark.real
def test_it_runs_on_the_real_series(real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["run", str(SPEC), "--market", str(real / "series"), "--out", str(tmp_path), "--json", "-"])
    answer = json.loads(capsys.readouterr().out)

    assert status == 0
    assert answer["lookahead"]["leaks"] == []
    assert answer["data"]["from"] >= "2000-01-06"
    assert answer["net"]["n_trades"] > 10


@pytest.mark.real
def test_below_130_the_seed_level_it_was_out_in_most_of_history(real: Path) -> None:
    """H13: since 2022 the dollar was below 130 only briefly; before, almost always."""
    market = MarketData.open(real / "series")
    bars = market.bars("daily")
    held = YenBeta.targets(market, replace(OWN, below=0.0)).at_open[:, 0]
    dollar = market.table("usdjpy")["close"]
    late = bars.session >= np.datetime64("2022-05-01")

    assert (dollar["2000":"2021"] < 130.0).mean() > 0.95  # type: ignore[misc]
    assert (held[late] == 0.0).mean() < 0.1
