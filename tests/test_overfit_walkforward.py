"""Walk-forward: the folds of skfolio, a sweep by hand, plain loops, and no look at what comes later."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from skfolio.measures import deflated_sharpe_ratio
from skfolio.model_selection import WalkForward

from backtests.overfit import blocks as reading
from backtests.overfit.blocks import ArrayBlocks, BlocksError
from backtests.overfit.walkforward import Fold, folds, walk_forward


def sweep(seed: int, n: int = 9, t: int = 30, per_block: int = 20) -> ArrayBlocks:
    rng = np.random.default_rng(seed)
    returns = 0.01 * rng.standard_normal((n, t, per_block)) * rng.uniform(0.5, 2, (n, 1, 1)) + 0.0003
    held = 0.02 * rng.standard_normal(t) + 0.004
    return ArrayBlocks(returns.sum(axis=2), (returns**2).sum(axis=2), np.full(t, per_block), held, 245.0)


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize(
    ("t", "train", "test", "purge"), [(30, 10, 5, 0), (31, 10, 5, 2), (29, 7, 3, 1), (12, 8, 4, 0)]
)
def test_the_folds_are_those_of_skfolio(t: int, train: int, test: int, purge: int, anchored: bool) -> None:
    oracle = WalkForward(test_size=test, train_size=train, purged_size=purge, expand_train=anchored)
    theirs = [(list(a), list(b)) for a, b in oracle.split(np.zeros((t, 1)))]
    ours = folds(t, train, test, purge, anchored)

    assert [(list(range(f.train_from, f.train_to)), list(range(f.test_from, f.test_to))) for f in ours] == theirs
    assert {f.gap for f in ours} == {purge}


@pytest.mark.parametrize(("train", "test", "purge"), [(1, 2, 0), (5, 0, 0), (5, 2, -1), (6, 4, 1)])
def test_folds_that_do_not_fit_are_refused(train: int, test: int, purge: int) -> None:
    with pytest.raises(BlocksError, match="walk forward"):
        folds(10, train, test, purge)


def by_hand() -> ArrayBlocks:
    """Two trials, six blocks of two sessions, each session half of its block."""
    sums = np.array([[0.02, 0.04, 0.90, -0.02, 0.00, 0.01], [0.01, 0.02, 0.00, 0.06, 0.10, 0.03]])
    squares = sums**2 / 2 + np.array([[0.0001], [0.0004]])
    return ArrayBlocks(sums, squares, np.full(6, 2), np.full(6, 0.01), 8.0)


def test_a_sweep_by_hand() -> None:
    told = walk_forward(by_hand(), folds(6, 2, 1, purge=1), attempted=5)
    first = told["folds"][0]

    # Train blocks 0 and 1: 0.06 against 0.03 in four sessions, less risk: the first trial. Block 2 is the gap.
    assert (first["train"], first["test"], first["chosen"]) == ([0, 2], [3, 4], 0)
    assert first["return_in"] == pytest.approx(0.06 * 8 / 4)
    assert first["return_out"] == pytest.approx(-0.02 * 8 / 2)
    assert first["excess_in"] == pytest.approx((0.06 - 0.02) * 8 / 4)
    assert first["excess_out"] == pytest.approx((-0.02 - 0.01) * 8 / 2)
    # Squares 0.0002 + 0.0001 + 0.0008 + 0.0001, mean 0.015: variance (0.0012 - 0.0009) / 3.
    assert first["sharpe_in"] == pytest.approx(0.015 / math.sqrt(0.0001) * math.sqrt(8))
    # Squares 0.0002 + 0.0001, mean -0.01: variance (0.0003 - 0.0002) / 1.
    assert first["sharpe_out"] == pytest.approx(-0.01 / math.sqrt(0.0001) * math.sqrt(8))
    # Folds 2 and 3 train on blocks 1-2 and 2-3: the gap of the first fold is theirs.
    assert [row["train"] for row in told["folds"]] == [[0, 2], [1, 3], [2, 4]]
    assert [row["chosen"] for row in told["folds"][:2]] == [0, 0]
    assert told["joined"]["sums"][:2] == pytest.approx([-0.02, 0.00])
    assert told["joined"]["benchmark"] == pytest.approx([0.01] * 3)
    assert told["joined"]["sessions"] == 6
    joined = sum(told["joined"]["sums"])
    assert told["joined"]["return"] == pytest.approx(joined * 8 / 6)
    assert told["joined"]["excess"] == pytest.approx((joined - 0.03) * 8 / 6)
    assert told["n_trials"] == 5


def test_the_choice_is_made_by_the_declared_figure() -> None:
    sums = np.array([[0.05, 0.05, 0.0], [0.09, 0.05, 0.0]])
    squares = np.array([[0.002, 0.002, 0.001], [0.030, 0.030, 0.001]])
    blocks = ArrayBlocks(sums, squares, np.full(3, 20), None, 245.0)
    cut = folds(3, 2, 1)

    assert walk_forward(blocks, cut, "sharpe")["folds"][0]["chosen"] == 0
    assert walk_forward(blocks, cut, "total_return")["folds"][0]["chosen"] == 1


def test_equal_to_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE", 4)
    blocks = sweep(18)
    told = walk_forward(blocks, folds(30, 12, 4, purge=1, anchored=True))
    assert len(told["folds"]) == 4
    expected = []
    for fold in range(4):
        train, test = slice(0, 12 + 4 * fold), slice(13 + 4 * fold, 17 + 4 * fold)
        n = 20 * len(range(30)[train])
        mean = blocks.sums[:, train].sum(axis=1) / n
        sharpe = mean / np.sqrt((blocks.squares[:, train].sum(axis=1) - n * mean**2) / (n - 1))
        best = int(np.argmax(sharpe))
        expected.append(best)
        row = told["folds"][fold]
        assert row["chosen"] == best
        assert row["sharpe_in"] == pytest.approx(sharpe[best] * math.sqrt(245))
        assert row["return_out"] == pytest.approx(blocks.sums[best, test].sum() * 245 / 80)
        excess = (blocks.sums - blocks.benchmark)[:, train]
        assert row["deflated"] == pytest.approx(
            deflated_sharpe_ratio(excess[best], excess.mean(axis=1) / excess.std(axis=1, ddof=1)), abs=1e-9
        )
    assert len(set(expected)) > 1
    joined = np.concatenate([blocks.sums[best, 13 + 4 * k : 17 + 4 * k] for k, best in enumerate(expected)])
    assert told["joined"]["sums"] == pytest.approx(joined)
    inside, outside = ([row[f"sharpe_{name}"] for row in told["folds"]] for name in ("in", "out"))
    assert told["kept"] == pytest.approx(sum(outside) / sum(inside))
    assert told["rank_correlation"] == pytest.approx(stats.spearmanr(inside, outside).statistic)


def test_a_choice_knows_nothing_of_gap_and_test() -> None:
    blocks = sweep(2)
    fold = [Fold(5, 15, 17, 22)]
    outside = np.r_[0:5, 15:30]
    other = blocks.sums.copy()
    other[:, outside] = np.random.default_rng(3).standard_normal((9, len(outside)))
    one, two = walk_forward(blocks, fold), walk_forward(replace(blocks, sums=other), fold)

    assert one["folds"][0]["chosen"] == two["folds"][0]["chosen"]
    assert one["folds"][0]["sharpe_in"] == two["folds"][0]["sharpe_in"]
    assert one["folds"][0]["return_out"] != two["folds"][0]["return_out"]


def test_the_first_of_equals_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE", 1)
    one = sweep(6, n=1)
    twice = replace(one, sums=np.vstack([one.sums] * 2), squares=np.vstack([one.squares] * 2))

    assert walk_forward(twice, folds(30, 20, 5))["folds"][0]["chosen"] == 0


def test_more_trials_deflate_more() -> None:
    cut = folds(30, 20, 5)
    few, many = (walk_forward(sweep(4), cut, attempted=n)["folds"][0]["deflated"] for n in (9, 9_000))

    assert many < few


def test_what_does_not_exist_is_null_with_a_reason() -> None:
    flat = ArrayBlocks(np.zeros((2, 6)), np.zeros((2, 6)), np.full(6, 20), None, 245.0)
    told = walk_forward(flat, folds(6, 3, 2))
    row = told["folds"][0]

    assert (row["deflated"], row["deflated_why"], row["excess_in"]) == (None, "no benchmark", None)
    assert (told["kept"], told["rank_correlation"]) == (None, None)
    assert "not above 0" in told["kept_why"]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
