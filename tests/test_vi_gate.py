"""The VI gate: bands, trend, lock-in, resonance, hedge, and what is known when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import sessions
from indexsim.market import MarketData
from strategies.vi_gate import ViGate
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

UP, DOWN = 1.0, 0.0
NAN = float("nan")


def exposure(vi: list[float], above: list[float], **changes: object) -> list[float]:
    params = ViGate.Params(calm=1.5, normal=0.8, stressed=0.1, **changes)  # type: ignore[arg-type]
    targets = ViGate.decide({"vi": np.array(vi), "above": np.array(above)}, params)
    assert np.isnan(targets.at_close).all()
    return targets.at_open[:, 0].tolist()


def test_bands_are_calm_below_low_normal_from_low_and_stressed_from_high() -> None:
    assert exposure([19.99, 20.0, 29.99, 30.0], [UP] * 4) == [1.5, 0.8, 0.8, 0.1]


def test_seed_asks_for_a_trend_in_the_normal_band_only() -> None:
    assert exposure([15.0, 25.0, 35.0], [DOWN] * 3) == [1.5, 0.0, 0.1]


def test_trend_can_be_asked_for_in_all_bands() -> None:
    assert exposure([15.0, 25.0, 35.0], [DOWN] * 3, trend_in="all") == [0.0, 0.0, 0.0]
    assert exposure([15.0, 25.0, 35.0], [UP] * 3, trend_in="all") == [1.5, 0.8, 0.1]


def test_unknown_vi_holds_nothing() -> None:
    assert exposure([float("nan")], [UP]) == [0.0]


def test_stressed_may_be_short() -> None:
    targets = ViGate.decide({"vi": np.array([15.0, 35.0]), "above": np.array([UP, UP])}, ViGate.Params(stressed=-0.5))

    assert targets.at_open[:, 0].tolist() == [1.0, -0.5]


def test_bounds_are_parameters() -> None:
    assert exposure([21.0, 23.0, 25.0], [UP] * 3, low=22.0, high=24.0) == [1.5, 0.8, 0.1]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"low": 31.0}, "low 31 lies above high 30"),
        ({"sma": -1}, "sma -1"),
        ({"trend_in": "some"}, "trend_in 'some'"),
        ({"band": "rank"}, "band 'rank' is unknown; one of level, quantile"),
        ({"low_quantile": 0.96}, "low_quantile 0.96, high_quantile 0.95"),
        ({"high_quantile": 1.1}, "high_quantile 1.1"),
        ({"window": 0}, "window 0"),
        ({"calm": float("nan")}, "calm nan"),
        ({"locked": float("inf")}, "locked inf"),
        ({"jump": -1.0}, "jump -1"),
        ({"jump_unit": "percent"}, "jump_unit 'percent' is unknown; one of points, share"),
        ({"jump_over": 0}, "jump_over 0"),
        ({"near_high": 2.0}, "near_high 2 lies outside"),
        ({"high_window": 0}, "high_window 0"),
        ({"yen_rise": 0.02}, "yen_rise 0.02 without a jump"),
        ({"jump": 3.0, "yen_rise": 1.0}, "yen_rise 1 lies outside"),
        ({"yen_over": 0}, "yen_over 0"),
        ({"lock_sessions": 0}, "lock_sessions 0"),
        ({"hedge": "etf_1321"}, "hedge 'etf_1321' is the instrument"),
        ({"core": 0.0}, "core 0 lies outside"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        ViGate.Params(**changes)  # type: ignore[arg-type]


def market(folder: Path, closes: list[float], vi: list[float], **more: list[float]) -> MarketData:
    days = sessions.sessions("2023-01-04", "2023-12-29")[: len(closes)]
    for name, values in {"n225": closes, "nikkei_vi": vi, **more}.items():
        pd.DataFrame({"close": values}, index=days.rename("date")).to_csv(folder / f"{name}.csv")
    return MarketData.open(folder)


def test_the_vi_is_the_close_of_the_session_before(tmp_path: Path) -> None:
    # The VI jumps on the third session; its close comes after the cash close, so the fourth row sees it.
    params = ViGate.Params(sma=0)
    targets = ViGate.targets(market(tmp_path, [100.0] * 5, [15.0, 15.0, 45.0, 15.0, 15.0]), params)

    assert targets.at_open[:, 0].tolist() == [0.0, 1.0, 1.0, 0.0, 1.0]


def test_the_trend_is_the_close_above_its_own_mean(tmp_path: Path) -> None:
    # Means over 3: (1+2+3)/3 = 2 < 3 up; (2+3+2)/3 = 2.33 > 2 down; (3+2+4)/3 = 3 < 4 up; flat is not up.
    features = ViGate.features(market(tmp_path, [1, 2, 3, 2, 4, 4, 4], [25.0] * 7), ViGate.Params(sma=3))

    assert features["above"].tolist() == [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]


def test_any_instrument_may_be_named() -> None:
    params = ViGate.Params(instrument="nikkei_mini")

    assert ViGate.instruments(params) == ("nikkei_mini",)
    assert ViGate.decide({"vi": np.array([15.0]), "above": np.array([UP])}, params).instruments == ("nikkei_mini",)


# Bands as quantiles.


def test_bands_may_be_quantiles() -> None:
    params = ViGate.Params(band="quantile", calm=1.5, normal=0.8, stressed=0.1)
    below = np.array([0.0, 0.39, 0.4, 0.94, 0.95, 1.0, NAN])
    # Every VI is in the stressed band by its level, which does not count here.
    targets = ViGate.decide({"vi": np.full(7, 40.0), "above": np.full(7, UP), "share_below": below}, params)

    assert targets.at_open[:, 0].tolist() == [1.5, 1.5, 0.8, 0.8, 0.1, 0.1, 0.0]


def test_a_quantile_is_taken_over_the_vis_known_before_the_last_one(tmp_path: Path) -> None:
    # The seventh session knows the VIs up to the sixth, 30: of 20, 25, 30, 15 before it three lie lower.
    vi = [18.0, 20.0, 25.0, 30.0, 15.0, 30.0, 99.0]
    features = ViGate.features(market(tmp_path, [100.0] * 7, vi), ViGate.Params(band="quantile", window=4, sma=0))

    np.testing.assert_array_equal(features["share_below"], [NAN] * 5 + [0.0, 0.75])


# Lock-in and resonance.

PLAIN = {"calm": 1.5, "normal": 0.8, "stressed": 0.1, "jump": 3.0, "lock_sessions": 2}


def locked(vi: list[float], rise: list[float], below_high: list[float], **changes: object) -> list[float]:
    """Exposures; `yen` among the changes is the rise of the yen over the sessions asked for."""
    yen = changes.pop("yen", None)
    columns = {"vi": vi, "above": [UP] * len(vi), "vi_rise": rise, "below_high": below_high}
    features = {name: np.array(values) for name, values in columns.items()}
    if yen is not None:
        features["yen_rise"] = np.array(yen)
    params = ViGate.Params(**{**PLAIN, **changes})  # type: ignore[arg-type]
    return ViGate.decide(features, params).at_open[:, 0].tolist()


def test_a_jump_near_the_high_locks_in_for_some_sessions() -> None:
    assert locked([15.0] * 5, [NAN, 3.0, 0.0, 0.0, 2.9], [0.0, 0.02, 0.1, 0.0, 0.0]) == [1.5, 0.5, 0.5, 1.5, 1.5]


def test_a_jump_below_the_high_locks_nothing_in() -> None:
    assert locked([15.0] * 3, [5.0] * 3, [0.021, NAN, 0.5]) == [1.5] * 3


def test_a_lock_in_never_adds_exposure() -> None:
    assert locked([15.0, 25.0, 35.0], [9.0] * 3, [0.0] * 3) == [0.5, 0.5, 0.1]


def test_a_lock_in_may_be_a_hedge_but_not_without_a_vi() -> None:
    assert locked([15.0, NAN, 15.0], [9.0, NAN, 0.0], [0.0] * 3, locked=-0.5) == [-0.5, 0.0, 1.5]


def test_a_jump_with_a_fast_yen_is_out_wherever_the_index_stands() -> None:
    rise, yen = [5.0, 5.0, 0.0, 0.0, 0.0], [0.019, 0.02, 0.0, 0.05, NAN]

    assert locked([15.0] * 5, rise, [0.5] * 5, yen=yen, yen_rise=0.02) == [1.5, 0.0, 0.0, 1.5, 1.5]


def test_out_leaves_a_short_that_stands() -> None:
    assert locked([35.0], [9.0], [0.5], yen=[0.1], yen_rise=0.02, stressed=-0.4) == [-0.4]


def test_without_a_jump_asked_for_nothing_more_is_read(small_market: MarketData) -> None:
    assert set(ViGate.features(small_market, ViGate.Params())) == {"vi", "above"}
    assert ViGate.needs(ViGate.Params(jump=3.0)) == ("n225", "nikkei_vi")
    assert ViGate.needs(ViGate.Params(jump=3.0, yen_rise=0.02)) == ("n225", "nikkei_vi", "usdjpy")


def test_what_is_known_of_vi_index_and_yen_when(tmp_path: Path) -> None:
    made = market(
        tmp_path,
        closes=[100.0, 110.0, 99.0, 104.5, 121.0],
        vi=[20.0, 25.0, 20.0, 30.0, 99.0],
        usdjpy=[150.0, 150.0, 147.0, 150.0, 99.0],
    )
    points = ViGate.Params(sma=0, jump=1.0, high_window=2, yen_rise=0.01, yen_over=1)
    share = ViGate.Params(sma=0, jump=0.1, jump_unit="share", jump_over=2)
    features = ViGate.features(made, points)

    # VI and dollar are those of the session before, so that row 2 is the first to see a change; the index is today's.
    np.testing.assert_array_equal(features["vi_rise"], [NAN, NAN, 5.0, -5.0, 10.0])
    np.testing.assert_allclose(features["yen_rise"], [NAN, NAN, 0.0, 0.02, -3 / 147], atol=1e-15)
    np.testing.assert_allclose(features["below_high"], [NAN, 0.0, 0.1, 0.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(ViGate.features(made, share)["vi_rise"], [NAN, NAN, NAN, 0.0, 0.2], atol=1e-15)


# A fund that stays, a future beside it.


def test_a_hedge_carries_what_differs_from_the_core() -> None:
    params = ViGate.Params(calm=1.5, normal=0.75, stressed=0.25, hedge="nikkei_mini", core=0.75)
    vi = np.array([NAN, 15.0, 25.0, 25.0, 35.0])
    targets = ViGate.decide({"vi": vi, "above": np.array([UP, UP, UP, DOWN, UP])}, params)

    assert targets.instruments == ViGate.instruments(params) == ("etf_1321", "nikkei_mini")
    assert targets.at_open.tolist() == [[0.0, 0.0], [0.75, 0.75], [0.75, 0.0], [0.75, -0.75], [0.75, -0.5]]


# All of it together.

EVERYTHING = ViGate.Params(
    sma=20, band="quantile", window=60, jump=1.0, high_window=60, near_high=0.1, yen_rise=0.005, hedge="nikkei_mini"
)


def test_everything_together_does_not_look_ahead(small_market: MarketData) -> None:
    future = ViGate.targets(small_market, EVERYTHING).at_open[:, 1]
    without = ViGate.targets(small_market, replace(EVERYTHING, yen_rise=0.0)).at_open[:, 1]

    # Unknown, all in, locked in at a half, out: less 0.8 that stay in the fund.
    np.testing.assert_allclose(np.unique(future), [-0.8, -0.3, 0.0, 0.2], atol=1e-12)
    assert (future < without).any()
    assert leaks_of(ViGate, EVERYTHING, small_market, "all") == []


@pytest.mark.real
def test_years_without_a_vi_hold_nothing(real: Path) -> None:
    """Closes end on 2018-04-27, good for 14 days, and begin on 2021-01-04, known at the decision of the day after."""
    made = MarketData.open(real / "series")
    session = made.bars("daily").session

    for params, first in ((ViGate.Params(), "2021-01-05"), (ViGate.Params(band="quantile", window=250), "2022-01-13")):
        held = session[ViGate.targets(made, params).at_open[:, 0] != 0.0]
        later = held[held > np.datetime64("2018-04-27")]
        gap = np.flatnonzero(np.diff(later) > np.timedelta64(300, "D"))[0]

        assert later[gap] <= np.datetime64("2018-05-11")
        assert later[gap + 1] >= np.datetime64(first)


@pytest.mark.real
@pytest.mark.parametrize("name", ["vi_gate", "vi_gate_seed", "vi_gate_hedged"])
def test_it_runs_on_the_real_series(real: Path, tmp_path: Path, name: str) -> None:
    spec = replace(load_spec(ROOT / f"backtests/specs/{name}.toml"), market=(real / "series",))
    result = compute(prepare(spec), tmp_path)
    held = result.positions.drop(columns="cash").abs().sum(axis=1)

    assert result.facts["lookahead"]["leaks"] == []
    assert "nikkei_vi: 649 of" in " ".join(result.facts["data"]["missing"])
    assert not held["2018-05-15":"2021-01-05"].any()  # type: ignore[misc]
    assert held["2018-05-11"] > 0
