"""SPA and StepM against arch, with its own resamples; the stationary bootstrap against arch and plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arch.bootstrap import SPA, StationaryBootstrap, StepM
from numpy.typing import NDArray

from backtests.overfit import blocks as reading
from backtests.overfit.blocks import ArrayBlocks
from backtests.overfit.bootstrap import indices, spread, weights
from backtests.overfit.spa import Highest, Resampling, p_values, spa, step_m
from tests.overfit_worlds import noise, planted

Floats = NDArray[np.float64]


def blocks_of(excess: Floats, held: Floats | None = None) -> ArrayBlocks:
    t = excess.shape[1]
    held = np.zeros(t) if held is None else held
    return ArrayBlocks(excess + held, excess**2, np.full(t, 20), held, 245.0)


def sweep(seed: int, n: int = 12, t: int = 60) -> Floats:
    """Trials of unlike boldness; some better, some worse beyond doubt: the three p-values differ."""
    rng = np.random.default_rng(seed)
    common, own = rng.standard_t(5, t), rng.standard_t(5, (n, t))
    bold = rng.uniform(0.005, 0.03, n)[:, None]
    return bold * (0.6 * common + 0.8 * own + np.linspace(-1.2, 0.4, n)[:, None])


def losses(excess: Floats) -> tuple[Floats, Floats]:
    """What arch takes: the benchmark's losses and the models'; their difference is the excess."""
    return np.zeros(excess.shape[1]), -excess.T


@pytest.mark.parametrize(("t", "length"), [(20, 3), (7, 1), (50, 10)])
def test_the_resamples_are_those_of_arch(t: int, length: int) -> None:
    rows = indices(t, 30, length, seed=7)
    theirs = [data[0][0] for data in StationaryBootstrap(length, np.arange(t), seed=7).bootstrap(30)]

    assert rows.tolist() == np.array(theirs).tolist()


def test_weights_give_the_mean_of_a_resample() -> None:
    series = np.random.default_rng(0).standard_normal(15)
    rows = indices(15, 40, 4, seed=1)

    assert series @ weights(rows) == pytest.approx(series[rows].mean(axis=1), abs=1e-15)


def test_spread_is_the_variance_of_the_resampled_mean() -> None:
    series = np.random.default_rng(2).standard_normal(9).cumsum()
    centred = series - series.mean()
    means = series @ weights(indices(9, 40_000, 3, seed=3))

    assert centred @ spread(9, 3) @ centred == pytest.approx(9 * means.var(), rel=0.03)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("length", [1, 4])
def test_the_plain_p_values_are_those_of_arch(seed: int, length: int) -> None:
    excess = sweep(seed)
    oracle = SPA(*losses(excess), block_size=length, reps=300, seed=seed)
    oracle.compute()
    ours = spa(blocks_of(excess, np.linspace(-0.1, 0.1, 60)), Resampling(60, 300, length, seed, studentised=False))

    assert (ours.lower, ours.consistent, ours.upper) == pytest.approx(tuple(oracle.pvalues), abs=1e-12)


def deviations(excess: Floats, length: float) -> Floats:
    """Standard errors by plain loops, times the root of t: Politis and Romano's variance."""
    n, t = excess.shape
    centred = excess - excess.mean(axis=1, keepdims=True)
    total = (centred**2).sum(axis=1)
    for lag in range(1, t):
        kappa = (1 - lag / t) * (1 - 1 / length) ** lag + lag / t * (1 - 1 / length) ** (t - lag)
        total += 2 * kappa * np.array([centred[i, lag:] @ centred[i, :-lag] for i in range(n)])
    return np.sqrt(total / t)


@pytest.mark.parametrize("seed", range(6))
def test_the_studentised_p_values_are_those_of_arch_on_divided_differences(seed: int) -> None:
    excess = sweep(seed)
    oracle = SPA(*losses(excess / deviations(excess, 3)[:, None]), block_size=3, reps=300, seed=seed)
    oracle.compute()
    ours = spa(blocks_of(excess), Resampling(60, 300, 3, seed))

    assert (ours.lower, ours.consistent, ours.upper) == pytest.approx(tuple(oracle.pvalues), abs=1e-12)


def test_the_three_p_values_differ_where_some_trials_are_hopeless() -> None:
    ours = spa(blocks_of(sweep(0)), Resampling(60, 1000))

    assert ours.lower < ours.consistent < ours.upper


def named(excess: Floats, how: Resampling, size: float) -> list[int]:
    blocks = blocks_of(excess)
    highest = Highest(how)
    reading.stream(blocks, highest)
    return [int(row) for row in np.flatnonzero(step_m(blocks, highest, size))]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("studentised", [True, False])
def test_the_names_are_those_of_arch(seed: int, studentised: bool) -> None:
    excess = sweep(seed) + np.linspace(-0.01, 0.012, 12)[:, None]
    divided = excess / deviations(excess, 2)[:, None] if studentised else excess
    oracle = StepM(*losses(divided), size=0.1, block_size=2, reps=300, seed=seed)
    oracle.compute()
    ours = named(excess, Resampling(60, 300, 2, seed, studentised), 0.1)

    assert 0 < len(ours) < 12
    assert ours == [int(row) for row in oracle.superior_models]


def test_a_second_step_names_what_the_first_one_could_not() -> None:
    rng = np.random.default_rng(0)
    # A trial that always wins widely, and one that beats the rest only once the first is gone: resamples of the first
    # are wild (unstudentised), so that its luck hides the second.
    excess = 0.001 * rng.standard_normal((3, 40))
    excess[0] += 0.05 + 0.05 * rng.standard_normal(40)
    excess[1] += 0.004
    how = Resampling(40, 400, studentised=False)
    highest = Highest(how)
    reading.stream(blocks_of(excess), highest)
    first = highest.statistics > np.percentile(highest.maxima[1], 95)

    assert first.tolist() == [True, False, False]
    assert named(excess, how, 0.05) == [0, 1]


def test_a_trial_that_is_the_benchmark_is_neither_better_nor_counted() -> None:
    excess = sweep(1)
    noise_of_float32 = 1e-9 * np.random.default_rng(0).standard_normal((1, 60))
    how = Resampling(60, 200)
    alone, beside = Highest(how), Highest(how)
    reading.stream(blocks_of(excess), alone)
    reading.stream(blocks_of(np.vstack([noise_of_float32, excess])), beside)

    assert beside.statistics[0] == -np.inf
    assert np.array_equal(alone.maxima, beside.maxima)
    assert p_values(alone) == p_values(beside)


def test_how_the_trials_are_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = planted("alike 0.6", 60, 50, 2.5, np.random.default_rng(4)).blocks
    how = Resampling(50, 200)
    whole = Highest(how)
    reading.stream(blocks, whole)
    names = step_m(blocks, whole)
    monkeypatch.setattr(reading, "PIECE", 7)
    pieces = Highest(how)
    reading.stream(blocks, pieces)

    assert names.any()
    assert pieces.maxima == pytest.approx(whole.maxima, abs=1e-12)
    assert np.array_equal(step_m(blocks, pieces), names)


def test_the_benchmark_is_taken_off_and_no_session_of_it() -> None:
    """A sweep that earns more only because its benchmark rose is no better than it."""
    world = noise("alike 0.95", 20, 60, np.random.default_rng(5))
    risen = replace(world.blocks, sums=world.blocks.sums + 0.03, benchmark=world.blocks.benchmark + 0.03)
    how = Resampling(60, 300)
    one, two = spa(world.blocks, how), spa(risen, how)

    assert (two.lower, two.consistent, two.upper) == (one.lower, one.consistent, one.upper)
