"""PSR, DSR, minimum track record, effective trials: the papers' examples, skfolio, purgedcv, simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from purgedcv import min_track_record_length
from scipy import stats
from skfolio.measures import deflated_sharpe_ratio, probabilistic_sharpe_ratio

from backtests.metrics import UndefinedError
from backtests.overfit.blocks import ArrayBlocks, stream
from backtests.overfit.deflated import (
    Moments,
    TrialSharpes,
    deflated,
    effective_trials,
    expected_maximum,
    min_track_record,
    moments,
    psr,
)
from backtests.overfit.spa import Highest, Resampling

SKEWED = np.random.default_rng(0).gamma(2.0, 0.01, 400) - 0.0185


def test_the_example_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014): 2.5 a year, 1,250 days, 100 trials of variance 1/2, skew -3, kurtosis 10."""
    one = Moments(2.5 / math.sqrt(250), 1250, -3.0, 10.0)

    assert math.sqrt(0.5 / 250) * expected_maximum(100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated(one, 100, 0.5 / 250) == pytest.approx(0.9004, abs=5e-5)
    assert deflated(one, 46, 0.5 / 250) == pytest.approx(0.9505, abs=5e-5)


def test_the_record_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2012): 2 a year is above 1 after 2.73 years of normal days."""
    one = Moments(2.0 / math.sqrt(250), 10, 0.0, 3.0)

    assert min_track_record(one, 1.0 / math.sqrt(250)) / 250 == pytest.approx(2.73, abs=0.005)


def test_probabilistic_and_deflated_are_those_of_skfolio() -> None:
    sharpes = np.random.default_rng(1).normal(0.02, 0.05, 37)

    assert psr(moments(SKEWED), 0.03) == pytest.approx(probabilistic_sharpe_ratio(SKEWED, 0.03), abs=1e-12)
    assert deflated(moments(SKEWED), 37, float(sharpes.var(ddof=1))) == pytest.approx(
        deflated_sharpe_ratio(SKEWED, sharpes), abs=1e-12
    )
    assert deflated(moments(SKEWED), 1, 1.0) == pytest.approx(probabilistic_sharpe_ratio(SKEWED), abs=1e-12)


def test_the_minimum_record_is_that_of_purgedcv_before_it_rounds_up() -> None:
    one = moments(SKEWED)
    theirs = min_track_record_length(one.sharpe, 0.01, 0.1, one.skew, one.kurtosis)

    assert math.ceil(min_track_record(one, 0.01, 0.9)) == theirs


def test_after_the_minimum_record_the_trust_is_reached() -> None:
    one = moments(SKEWED)
    sessions = min_track_record(one)
    # Whole sessions on both sides of it.
    trust = [psr(Moments(one.sharpe, n, one.skew, one.kurtosis)) for n in (math.floor(sessions), math.ceil(sessions))]

    assert trust[0] < 0.95 <= trust[1]


def test_what_does_not_exist_says_why() -> None:
    for returns, why in (([0.1, 0.2], "3 sessions"), ([0.1, 0.2, math.nan], "unknown"), ([0.1] * 5, "no volatility")):
        with pytest.raises(UndefinedError, match=why):
            moments(returns)
    with pytest.raises(UndefinedError, match="long enough"):
        min_track_record(Moments(-0.1, 100, 0.0, 3.0))
    with pytest.raises(UndefinedError, match="no sampling variance"):
        psr(Moments(1.0, 100, 3.0, 3.0))


def test_the_expected_maximum_is_that_of_draws() -> None:
    highest = np.random.default_rng(2).standard_normal((20_000, 50)).max(axis=1)

    assert expected_maximum(50) == pytest.approx(highest.mean(), rel=0.02)


def sweep(common: float, n: int, seed: int) -> ArrayBlocks:
    """n trials that share a part of their variance."""
    rng = np.random.default_rng(seed)
    excess = 0.02 * (
        math.sqrt(common) * rng.standard_normal(200) + math.sqrt(1 - common) * rng.standard_normal((n, 200))
    )
    return ArrayBlocks(excess, excess**2, np.full(200, 20), np.zeros(200), 245.0)


def effective(blocks: ArrayBlocks) -> float:
    highest = Highest(Resampling(200, 4_000))
    stream(blocks, highest)
    return effective_trials(highest.maxima[2] * math.sqrt(200), blocks.trials)


def test_independent_trials_count_one_by_one_and_copies_once() -> None:
    assert effective(sweep(0.0, 40, 0)) == pytest.approx(40, rel=0.15)
    assert effective(sweep(1.0, 40, 0)) == pytest.approx(1.0, abs=0.5)
    ten_families = sweep(0.0, 10, 3)
    copies = np.repeat(ten_families.sums, 30, axis=0) * np.linspace(1, 2, 300)[:, None]
    assert effective(ArrayBlocks(copies, copies**2, ten_families.sessions, np.zeros(200), 245.0)) == pytest.approx(
        effective(ten_families), rel=1e-9
    )


def test_related_trials_count_as_the_best_of_them_says() -> None:
    """With a correlation of r the best of n is expected at sqrt(1 - r) of that of n independent ones."""
    expected = math.sqrt(0.5) * expected_maximum(300)

    assert expected_maximum(effective(sweep(0.5, 300, 4))) == pytest.approx(expected, rel=0.06)


def test_there_are_never_more_effective_trials_than_trials() -> None:
    assert effective_trials(np.array([5.0]), 10) == 10.0


def test_the_variance_of_the_trials_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.overfit.blocks.PIECE", 7)
    blocks = sweep(0.3, 60, 5)
    excess = blocks.sums.copy()
    excess[3] = 0.0  # holds the benchmark: it has no Sharpe ratio
    read = TrialSharpes(20.0)
    stream(ArrayBlocks(excess, excess**2, blocks.sessions, blocks.benchmark, 245.0), read)
    kept = np.delete(excess, 3, axis=0)
    sharpes = kept.mean(axis=1) / kept.std(axis=1, ddof=1) / math.sqrt(20)

    assert read.count == 59
    assert read.mean == pytest.approx(sharpes.mean(), rel=1e-12)
    assert read.variance == pytest.approx(sharpes.var(ddof=1), rel=1e-12)


def test_the_moments_are_those_of_scipy() -> None:
    one = moments(SKEWED)

    assert one.skew == pytest.approx(stats.skew(SKEWED), rel=1e-12)
    assert one.kurtosis == pytest.approx(stats.kurtosis(SKEWED, fisher=False), rel=1e-12)
