"""PBO by hand, by plain loops, and against purgedcv, which differs only for a rank exactly in the middle."""

from __future__ import annotations

from itertools import combinations
from math import log, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from purgedcv import probability_of_backtest_overfitting
from scipy import stats

from backtests.overfit import blocks as reading
from backtests.overfit.blocks import ArrayBlocks
from backtests.overfit.pbo import Pbo, groups_for, pbo

Floats = NDArray[np.float64]


def over_benchmark(excess: Floats) -> ArrayBlocks:
    t = excess.shape[1]
    held = np.linspace(-0.05, 0.07, t)
    return ArrayBlocks(excess + held, np.ones(excess.shape), np.full(t, 20), held, 245.0)


def trials(seed: int, n: int, t: int) -> Floats:
    rng = np.random.default_rng(seed)
    return 0.02 * (rng.standard_normal((n, t)) + 0.7 * rng.standard_normal(t) + 0.1 * rng.standard_normal((n, 1)))


def test_two_trials_that_take_turns_are_all_luck() -> None:
    # Half by half: mean 3 and -3, deviation sqrt(2).
    excess = np.array([[2.0, 4.0, -4.0, -2.0], [-2.0, -4.0, 4.0, 2.0]])
    found = pbo(over_benchmark(excess), 2)

    assert (found.pbo, found.loss, found.groups, found.trials) == (1.0, 1.0, 2, 2)
    assert found.rows.tolist() == [0, 1]
    # Rank 1 of 2: a share of 1/3.
    assert found.logits == pytest.approx([log(0.5)] * 2)
    assert found.past == pytest.approx([3 / sqrt(2)] * 2)
    assert found.future == pytest.approx([-3 / sqrt(2)] * 2)


def test_a_trial_that_is_always_better_is_no_luck() -> None:
    excess = np.array([[1.0, 2.0, 1.5, 2.5], [-1.0, -0.2, -0.5, 0.1]])
    found = pbo(over_benchmark(excess), 4)

    assert (found.pbo, found.loss, len(found.logits)) == (0.0, 0.0, 6)
    assert found.logits == pytest.approx([log(2.0)] * 6)


def test_the_rank_of_equals_is_their_middle_and_the_middle_is_no_success() -> None:
    # Three trials alike: each has rank 2 of 3, a share of 1/2, a logit of 0.
    excess = np.tile([[0.3, 0.1, -0.2, 0.2]], (3, 1))
    found = pbo(over_benchmark(excess), 4)

    assert found.logits == pytest.approx([0.0] * 6, abs=1e-12)
    assert found.pbo == 1.0
    assert found.rows.tolist() == [0] * 6


def naive(values: Floats, groups: int) -> Pbo:
    """CSCV by loops, over observations that are given one by one."""
    parts = np.array_split(np.arange(values.shape[1]), groups)

    def sharpe(x: Floats) -> float:
        return float(x.mean() / x.std(ddof=1)) if x.std() > 1e-7 else 0.0

    rows, past, future, logits = [], [], [], []
    for inside in combinations(range(groups), groups // 2):
        seen = np.concatenate([parts[g] for g in inside])
        unseen = np.concatenate([parts[g] for g in range(groups) if g not in inside])
        before, after = (np.array([sharpe(row[at]) for row in values]) for at in (seen, unseen))
        best = int(np.argmax(before))
        share = stats.rankdata(after)[best] / (len(values) + 1)
        rows.append(best)
        past.append(before[best])
        future.append(after[best])
        logits.append(log(share / (1 - share)))
    low = float(np.mean(np.array(logits) <= 1e-12))
    loss = float(np.mean(np.array(future) <= 0))
    return Pbo(low, loss, np.array(logits), np.array(past), np.array(future), np.array(rows), len(values), groups)


def assert_same(found: Pbo, expected: Pbo) -> None:
    assert found.rows.tolist() == expected.rows.tolist()
    assert found.logits == pytest.approx(expected.logits, abs=1e-12)
    assert found.past == pytest.approx(expected.past, rel=1e-9)
    assert found.future == pytest.approx(expected.future, rel=1e-9)
    assert (found.pbo, found.loss, found.trials) == (expected.pbo, expected.loss, expected.trials)


@pytest.mark.parametrize(("seed", "n", "t", "groups"), [(0, 9, 24, 8), (1, 20, 31, 6), (2, 7, 17, 10), (3, 2, 8, 4)])
def test_pbo_is_what_loops_say_over_the_benchmark(seed: int, n: int, t: int, groups: int) -> None:
    excess = trials(seed, n, t)
    # One that holds the benchmark, and two alike.
    excess[0], excess[-1] = 0.0, excess[1]

    assert_same(pbo(over_benchmark(excess), groups), naive(excess, groups))


def test_without_a_benchmark_sessions_are_the_observations() -> None:
    sessions = trials(5, 8, 160) / 4 + 0.001
    cut = sessions.reshape(8, 16, 10)
    blocks = ArrayBlocks(cut.sum(axis=2), (cut**2).sum(axis=2), np.full(16, 10), None, 245.0)

    assert_same(pbo(blocks, 8), naive(sessions, 8))


@pytest.mark.parametrize(("seed", "n", "t", "groups"), [(0, 12, 40, 8), (1, 30, 37, 10), (4, 11, 26, 6)])
def test_pbo_is_that_of_purgedcv_but_for_the_middle(seed: int, n: int, t: int, groups: int) -> None:
    excess = trials(seed, n, t)
    found, oracle = pbo(over_benchmark(excess), groups), probability_of_backtest_overfitting(excess, groups)

    # It counts futures where this counts pasts: the same halves, in the opposite order.
    assert found.logits == pytest.approx(oracle.logits[::-1], abs=1e-12)
    assert np.c_[found.past, found.future] == pytest.approx(oracle.is_oos_performance[::-1], rel=1e-9)
    assert float(np.mean(found.logits < -1e-12)) == oracle.pbo
    middle = float(np.mean(abs(found.logits) <= 1e-12))
    assert found.pbo == pytest.approx(oracle.pbo + middle)
    assert (middle > 0) == (n % 2 == 1)


def test_how_the_trials_are_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = over_benchmark(trials(6, 50, 32))
    whole = pbo(blocks, 8)
    monkeypatch.setattr(reading, "PIECE", 7)

    assert_same(pbo(blocks, 8), whole)


def test_more_trials_are_halved_in_fewer_ways() -> None:
    assert [groups_for(n, 245) for n in (2, 20_000, 20_001, 1_000_000, 1_000_001, 4_000_001)] == [16, 16, 12, 12, 10, 8]
    assert [groups_for(2, t) for t in (4, 5, 15, 16, 17)] == [4, 4, 14, 16, 16]
