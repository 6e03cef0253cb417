"""Our metrics against the test vectors that empyrical-reloaded publishes.

Series and expected values are those of its tests/conftest.py and tests/test_stats.py (Apache-2.0,
https://github.com/stefan-jansen/empyrical-reloaded at 31173cf), a year of 252 days, 52 weeks or 12 months. What is
NaN or infinite there is undefined here. A NaN at the head of a series is dropped, as empyrical does; where empyrical
counts its day all the same (years of growth), the series has a zero there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest

from backtests import metrics, shape
from backtests.metrics import UndefinedError

DAYS, WEEKS, MONTHS = 252, 52, 12

SERIES = {
    name: [one / 100 for one in percent]
    for name, percent in {
        "empty": [],
        "one": [1.0],
        "simple": [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        "positive": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        "negative": [0.0, -6.0, -7.0, -1.0, -9.0, -2.0, -6.0, -8.0, -5.0],
        "all_negative": [-2.0, -6.0, -7.0, -1.0, -9.0, -2.0, -6.0, -8.0, -5.0],
        "mixed": [1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0],
        "by_period": [0.0, 1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0],
        "up_down_up": [10.0, -10.0, 10.0],
        "flat": [1.0] * 9,
        "flat_long": [1.0] * 1000,
        "flat_yearly": [3.0] * 3,
        "none": [0.0] * 8,
    }.items()
}
SERIES["df_one"] = [-0.00171614, 0.01322056, 0.03063862, -0.01422057, -0.00489779, 0.01268925, -0.03357711, 0.01797036]
SERIES["df_two"] = [0.01846232, 0.00793951, -0.01448395, 0.00422537, -0.00339611, 0.03756813, 0.0151531, 0.03549769]

UNDEFINED = None
Figure = Callable[[Sequence[float]], float]


def yearly(function: Callable[[Sequence[float], float], float], year: float) -> Figure:
    """Return a metric of a series alone."""
    return partial(_swapped, function, year)


def _swapped(function: Callable[[Sequence[float], float], float], year: float, returns: Sequence[float]) -> float:
    return function(returns, year)


def agrees(figure: Figure, returns: Sequence[float], expected: float | None, places: int = 8) -> None:
    """Check one published value."""
    if expected is UNDEFINED:
        with pytest.raises(UndefinedError):
            figure(returns)
    else:
        assert figure(returns) == pytest.approx(expected, rel=0, abs=1.5 * 10**-places)


def beyond(name: str, other: str | float) -> list[float]:
    """Return a series less a rate, or less another series on the same days (of `mixed` the first day is unknown)."""
    less = [other] * len(SERIES[name]) if isinstance(other, float) else SERIES[other][-len(SERIES[name]) :]
    return [a - b for a, b in zip(SERIES[name], less, strict=True)]


@pytest.mark.parametrize(
    ("name", "expected"), [("empty", UNDEFINED), ("one", 0.01), ("mixed", 0.03893), ("negative", -0.36590)]
)
def test_total_return(name: str, expected: float | None) -> None:
    agrees(metrics.total_return, SERIES[name], expected, places=4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("empty", UNDEFINED), ("one", 0.0), ("simple", 0.0), ("mixed", -0.1), ("positive", 0.0),
        ("negative", -0.36590730), ("all_negative", -0.378589157), ("up_down_up", -0.10),
    ],
)  # fmt: skip
def test_max_drawdown(name: str, expected: float | None) -> None:
    agrees(metrics.max_drawdown, SERIES[name], expected)


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [
        ("empty", DAYS, UNDEFINED), ("one", DAYS, 11.274002099240244), ("by_period", DAYS, 1.9135925373194231),
        ("flat_long", DAYS, 11.274002099240256), ("flat_yearly", 1, 0.03),
        ("by_period", WEEKS, 0.24690830513998208), ("by_period", MONTHS, 0.052242061386048144),
    ],
)  # fmt: skip
def test_cagr(name: str, year: float, expected: float | None) -> None:
    agrees(yearly(metrics.cagr, year), SERIES[name], expected)


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [
        ("flat_long", DAYS, 0.0), ("mixed", DAYS, 0.9136465399704637),
        ("by_period", WEEKS, 0.38851569394870583), ("by_period", MONTHS, 0.18663690238892558),
    ],
)  # fmt: skip
def test_volatility(name: str, year: float, expected: float) -> None:
    agrees(yearly(metrics.ann_vol, year), SERIES[name], expected)


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [
        ("empty", DAYS, UNDEFINED), ("one", DAYS, UNDEFINED), ("by_period", DAYS, 19.135925373194233),
        ("by_period", WEEKS, 2.4690830513998208), ("by_period", MONTHS, 0.52242061386048144),
    ],
)  # fmt: skip
def test_calmar(name: str, year: float, expected: float | None) -> None:
    agrees(yearly(metrics.calmar, year), SERIES[name], expected)


@pytest.mark.parametrize(
    ("name", "risk_free", "expected"),
    [
        ("empty", 0.0, UNDEFINED), ("one", 0.0, UNDEFINED), ("mixed", "mixed", UNDEFINED),
        ("mixed", 0.0, 1.7238613961706866), ("mixed", "simple", 0.34111411441060574),
        ("positive", 0.0, 52.915026221291804), ("negative", 0.0, -24.406808633910085), ("flat", 0.0, UNDEFINED),
    ],
)  # fmt: skip
def test_sharpe(name: str, risk_free: str | float, expected: float | None) -> None:
    agrees(yearly(metrics.sharpe, DAYS), beyond(name, risk_free), expected)


@pytest.mark.parametrize(
    ("name", "required", "year", "expected"),
    [
        ("empty", 0.0, DAYS, UNDEFINED), ("one", 0.0, DAYS, UNDEFINED), ("mixed", "mixed", DAYS, UNDEFINED),
        ("mixed", 0.0, DAYS, 2.605531251673693), ("mixed", "flat", DAYS, -1.3934779588919977),
        ("positive", 0.0, DAYS, UNDEFINED), ("negative", 0.0, DAYS, -13.532743075043401),
        ("simple", 0.0, DAYS, UNDEFINED), ("by_period", 0.0, WEEKS, 1.1158901056866439),
        ("by_period", 0.0, MONTHS, 0.53605626741889756), ("df_one", 0.0, DAYS, 3.0639640966566306),
        ("df_two", 0.0, DAYS, 38.090963117002495), ("df_one", 0.0, WEEKS, 1.3918264112070571),
        ("df_two", 0.0, WEEKS, 17.303077589064618), ("df_one", 0.0, MONTHS, 0.6686117809312383),
        ("df_two", 0.0, MONTHS, 8.3121296084492844),
    ],
)  # fmt: skip
def test_sortino(name: str, required: str | float, year: float, expected: float | None) -> None:
    agrees(yearly(metrics.sortino, year), beyond(name, required), expected)


@pytest.mark.parametrize(
    ("name", "required", "year", "expected"),
    [
        ("empty", 0.0, DAYS, UNDEFINED), ("one", 0.0, DAYS, 0.0), ("none", 0.0, DAYS, 0.0),
        ("mixed", 0.0, DAYS, 0.60448325038829653), ("mixed", 0.1, DAYS, 1.7161730681956295),
        ("by_period", 0.0, WEEKS, 0.25888650451930134), ("by_period", 0.1, WEEKS, 0.7733045971672482),
        ("by_period", 0.0, MONTHS, 0.1243650540411842), ("by_period", 0.1, MONTHS, 0.37148351242013422),
        ("df_one", 0.0, DAYS, 0.20671788246185202), ("df_two", 0.0, DAYS, 0.083495680595704475),
        ("df_one", 0.0, WEEKS, 0.093902996054410062), ("df_two", 0.0, WEEKS, 0.037928477556776516),
        ("df_one", 0.0, MONTHS, 0.045109540184877193), ("df_two", 0.0, MONTHS, 0.018220251263412916),
    ],
)  # fmt: skip
def test_downside_risk(name: str, required: float, year: float, expected: float | None) -> None:
    def figure(returns: Sequence[float]) -> float:
        return shape.downside_risk(returns, year, required)

    agrees(figure, SERIES[name], expected)


@pytest.mark.parametrize(
    ("name", "risk_free", "required", "expected"),
    [
        ("empty", 0.0, 0.0, UNDEFINED), ("one", 0.0, 0.0, UNDEFINED), ("mixed", 0.0, 10.0, 0.83354263497557934),
        ("mixed", 0.01, 0.0, 0.8125), ("positive", 0.01, 0.0, UNDEFINED), ("positive", 0.011, 0.0, 1.125),
        ("positive", 0.02, 0.0, 0.0), ("negative", 0.01, 0.0, 0.0),
    ],
)  # fmt: skip
def test_omega(name: str, risk_free: float, required: float, expected: float | None) -> None:
    # A required return is per year there.
    threshold = risk_free + ((1 + required) ** (1 / DAYS) - 1)

    agrees(partial(shape.omega, threshold=threshold), SERIES[name], expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("empty", UNDEFINED), ("one", UNDEFINED), ("mixed", 0.1529973665111273), ("flat_long", 1.0)],
)
def test_stability(name: str, expected: float | None) -> None:
    agrees(shape.stability, SERIES[name], expected)


@pytest.mark.parametrize(("name", "expected"), [("empty", UNDEFINED), ("one", 1.0), ("mixed", 0.9473684210526313)])
def test_tail_ratio(name: str, expected: float | None) -> None:
    agrees(shape.tail_ratio, SERIES[name], expected, places=1)


@pytest.mark.parametrize(
    ("returns", "share", "expected"),
    [
        ([1.0, 2.0], 0.0, 1.0), ([1.0, 2.0], 0.3, 1.3), ([1.0, 2.0], 1.0, 2.0),
        ([1, 81, 82, 83, 84, 85], 0.1, 41), ([1, 81, 82, 83, 84, 85], 0.2, 81), ([1, 81, 82, 83, 84, 85], 0.3, 81.5),
    ],
)  # fmt: skip
def test_value_at_risk(returns: list[float], share: float, expected: float) -> None:
    agrees(partial(metrics.value_at_risk, share=share), returns, expected)


@pytest.mark.parametrize("share", [0, 0.0499, 0.05, 0.20, 0.999, 1])
def test_expected_shortfall_is_the_mean_at_or_below_the_value_at_risk(share: float) -> None:
    returns = np.random.default_rng(1337).normal(0, 0.02, 21)
    below = returns[returns <= metrics.value_at_risk(returns, share)]

    agrees(partial(shape.expected_shortfall, share=share), returns.tolist(), float(below.mean()))


@pytest.mark.parametrize(
    ("name", "benchmark", "sign", "expected"),
    [
        ("empty", "empty", 1, UNDEFINED), ("one", "one", 1, UNDEFINED),
        ("mixed", "negative", 1, (-0.9997853834885004, -0.71296296296296313)),
        ("mixed", "mixed", 1, (0.0, 1.0)), ("mixed", "mixed", -1, (0.0, -1.0)),
    ],
)  # fmt: skip
def test_alpha_and_beta(name: str, benchmark: str, sign: int, expected: tuple[float, float] | None) -> None:
    other = [sign * one for one in SERIES[benchmark][-len(SERIES[name]) :]] if SERIES[name] else []

    agrees(lambda returns: shape.alpha(returns, other, DAYS), SERIES[name], expected and expected[0])
    agrees(lambda returns: shape.beta(returns, other), SERIES[name], expected and expected[1])
