"""Walk-forward: choose by the past, earn in the future, again and again.

The blocks are cut into folds. In each one the trial with the best figure of the train blocks is chosen among all, and
what counts is what it earned in the test blocks after a gap. All of it is one pass over the trials: a fold keeps the
best trial so far with all its blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from scipy import stats

from backtests.metrics import UndefinedError, figure
from backtests.overfit.blocks import NOISE, Blocks, BlocksError, Floats, Piece, stream
from backtests.overfit.deflated import TrialSharpes, deflated, moments

Select = Literal["sharpe", "total_return"]


@dataclass(frozen=True)
class Fold:
    """Blocks of one fold, as half-open ranges.

    Examples
    --------
    >>> Fold(0, 6, 7, 9).gap
    1
    """

    train_from: int
    train_to: int
    test_from: int
    test_to: int

    @property
    def gap(self) -> int:
        """Blocks left out between train and test."""
        return self.test_from - self.train_to


def folds(t: int, train: int, test: int, purge: int = 0, anchored: bool = False) -> list[Fold]:
    """Return the folds of t blocks.

    Parameters
    ----------
    t, train, test : int
        Blocks: all, of the first train range, of each test range.
    purge : int
        Blocks left out between the two: as long as a trial's longest trade or memory.
    anchored : bool
        Every train range starts with the first block; else it moves on with the test range and keeps its length.

    Raises
    ------
    BlocksError
        No room for one fold, or a range without blocks.

    Examples
    --------
    >>> [(f.train_from, f.train_to, f.test_from, f.test_to) for f in folds(10, 4, 2, purge=1)]
    [(0, 4, 5, 7), (2, 6, 7, 9)]
    >>> [(f.train_from, f.train_to, f.test_from, f.test_to) for f in folds(10, 4, 2, purge=1, anchored=True)]
    [(0, 4, 5, 7), (0, 6, 7, 9)]
    """
    if train < 2 or test < 1 or purge < 0 or train + purge + test > t:
        raise BlocksError(
            asked=f"walk forward with {train} train blocks, a gap of {purge} and {test} test blocks",
            found=f"{t} blocks",
            rule="train has at least 2 blocks, test at least 1, and one fold fits",
            todo="choose shorter ranges or a longer history",
        )
    starts = range(train + purge, t - test + 1, test)
    return [Fold(0 if anchored else start - purge - train, start - purge, start, start + test) for start in starts]


class _Best:
    """Reads trials, keeps the best of a fold's train blocks with all its blocks."""

    def __init__(self, fold: Fold, blocks: Blocks, select: Select) -> None:
        self.fold, self.blocks, self.select = fold, blocks, select
        self.best, self.row = -math.inf, -1
        none = np.zeros(len(blocks.sessions))
        self.sums, self.squares, self.excess = none, none, none
        self.per_block = float(np.mean(blocks.sessions[fold.train_from : fold.train_to]))
        self.sharpes = TrialSharpes(self.per_block)

    def add(self, piece: Piece) -> None:
        """Look at some more trials; the first one of equals stays."""
        train = slice(self.fold.train_from, self.fold.train_to)
        sums, squares = piece.sums[:, train], piece.squares[:, train]
        self.sharpes.add(Piece(piece.first, sums, squares, piece.excess[:, train]))
        values = sums.sum(axis=1)
        if self.select == "sharpe":
            values = sharpes(values, squares.sum(axis=1), int(self.blocks.sessions[train].sum()))
        at = int(np.argmax(values))
        if values[at] > self.best:
            self.best, self.row = float(values[at]), piece.first + at
            self.sums, self.squares, self.excess = piece.sums[at], piece.squares[at], piece.excess[at]


def sharpes(sums: Floats, squares: Floats, sessions: int) -> Floats:
    """Return Sharpe ratios per session from sums and sums of squares; 0 where there is no volatility.

    Examples
    --------
    >>> sharpes(np.array([0.04, 0.0]), np.array([0.001, 0.0]), 2).round(6).tolist()  # returns of 0.03 and 0.01
    [1.414214, 0.0]
    """
    mean = sums / sessions
    variance = (squares - mean * sums) / max(sessions - 1, 1)
    live = variance > NOISE**2
    return np.where(live, mean / np.sqrt(np.where(live, variance, 1.0)), 0.0)


def walk_forward(
    blocks: Blocks, cut: list[Fold], select: Select = "sharpe", attempted: int | None = None
) -> dict[str, Any]:
    """Walk forward through all folds in one pass over the trials.

    Parameters
    ----------
    blocks : Blocks
    cut : list of Fold
        From `folds`.
    select : {"sharpe", "total_return"}
        The figure that chooses, of session log returns; the sweep's own rule.
    attempted : int, optional
        Trials with the failed ones: each fold's choice is deflated by this count. All rows where not given.

    Returns
    -------
    dict
        For JSON. `folds`: per fold its ranges of blocks, the row `chosen`, yearly Sharpe ratios `sharpe_in` and
        `sharpe_out`, log returns per year `return_in` and `return_out`, the same over the benchmark `excess_in` and
        `excess_out`, `deflated` (the deflated Sharpe ratio of the train blocks over the benchmark, by the raw count).
        `joined`: the test blocks one after the other: `sums`, `squares` and `benchmark` per block, `sessions`,
        `sharpe`, `excess`. `n_trials`, `kept` (mean of `sharpe_out` over mean of `sharpe_in`), `rank_correlation` of
        the two over the folds. What does not exist is None with its reason beside it.
    """
    count = blocks.trials if attempted is None else attempted
    best = [_Best(fold, blocks, select) for fold in cut]
    stream(blocks, *best)
    rows = [_row(one, count) for one in best]
    inside, outside = ([row[name] for row in rows] for name in ("sharpe_in", "sharpe_out"))
    answer: dict[str, Any] = {"n_trials": count, "select": select, "folds": rows, "joined": _joined(blocks, best)}
    answer |= figure("kept", partial(_kept, inside, outside))
    return answer | figure("rank_correlation", partial(_rank_correlation, inside, outside))


def _row(one: _Best, count: int) -> dict[str, Any]:
    """Return a fold's line of the table."""
    fold, blocks = one.fold, one.blocks
    row: dict[str, Any] = {
        "train": [fold.train_from, fold.train_to],
        "test": [fold.test_from, fold.test_to],
        "chosen": one.row,
    }
    spans = {"in": slice(fold.train_from, fold.train_to), "out": slice(fold.test_from, fold.test_to)}
    for name, span in spans.items():
        sessions = int(blocks.sessions[span].sum())
        per_year = blocks.sessions_per_year / sessions
        row[f"return_{name}"] = float(one.sums[span].sum()) * per_year
        row[f"sharpe_{name}"] = _yearly(one.sums[span], one.squares[span], sessions, blocks.sessions_per_year)
        held = blocks.benchmark is not None
        row[f"excess_{name}"] = float(one.excess[span].sum()) * per_year if held else None
        if not held:
            row[f"excess_{name}_why"] = "no benchmark"
    return row | figure("deflated", partial(_deflated, one, count))


def _yearly(sums: Floats, squares: Floats, sessions: int, per_year: float) -> float:
    return float(sharpes(sums.sum(keepdims=True), squares.sum(keepdims=True), sessions)[0]) * math.sqrt(per_year)


def _deflated(one: _Best, count: int) -> float:
    """Return the deflated Sharpe ratio of the chosen trial's train blocks over the benchmark, block by block."""
    if one.blocks.benchmark is None:
        raise UndefinedError("no benchmark")
    of_blocks = moments(one.excess[one.fold.train_from : one.fold.train_to])
    return deflated(of_blocks, count, one.sharpes.variance * one.per_block)


def _joined(blocks: Blocks, best: list[_Best]) -> dict[str, Any]:
    """Return the record of the test blocks, each by the trial that its fold had chosen."""
    spans = [slice(one.fold.test_from, one.fold.test_to) for one in best]
    sums = np.concatenate([one.sums[span] for one, span in zip(best, spans, strict=True)])
    squares = np.concatenate([one.squares[span] for one, span in zip(best, spans, strict=True)])
    sessions = int(sum(blocks.sessions[span].sum() for span in spans))
    held = None if blocks.benchmark is None else np.concatenate([blocks.benchmark[span] for span in spans])
    per_year = blocks.sessions_per_year / sessions
    return {
        "sums": sums.tolist(),
        "squares": squares.tolist(),
        "benchmark": None if held is None else held.tolist(),
        "sessions": sessions,
        "sharpe": _yearly(sums, squares, sessions, blocks.sessions_per_year),
        "return": float(sums.sum()) * per_year,
        "excess": None if held is None else float((sums - held).sum()) * per_year,
    }


def _kept(inside: list[float], outside: list[float]) -> float:
    """Return which share of the Sharpe ratio of the train blocks was left in the test blocks."""
    if not sum(inside) > 0:
        raise UndefinedError("the Sharpe ratios of the train blocks are not above 0")
    return sum(outside) / sum(inside)


def _rank_correlation(inside: list[float], outside: list[float]) -> float:
    """Return Spearman's correlation of train and test over the folds."""
    if len(inside) < 3 or len(set(inside)) < 2 or len(set(outside)) < 2:
        raise UndefinedError("fewer than 3 folds, or folds that do not differ")
    return float(stats.spearmanr(inside, outside).statistic)
