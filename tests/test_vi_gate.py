"""The VI gate: bands, trend, and what is known when."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim import sessions
from indexsim.market import MarketData
from strategies.vi_gate import ViGate

UP, DOWN = 1.0, 0.0


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


def test_bounds_are_parameters() -> None:
    assert exposure([21.0, 23.0, 25.0], [UP] * 3, low=22.0, high=24.0) == [1.5, 0.8, 0.1]


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"low": 31.0}, "low 31 lies above high 30"), ({"sma": -1}, "sma -1"), ({"trend_in": "some"}, "trend_in 'some'")],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        ViGate.Params(**changes)  # type: ignore[arg-type]


def market(folder: Path, closes: list[float], vi: list[float]) -> MarketData:
    days = sessions.sessions("2023-01-04", "2023-12-29")[: len(closes)]
    for name, values in (("n225", closes), ("nikkei_vi", vi)):
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
