"""How often the best of a sweep's past is below the middle of its future: PBO by CSCV.

Bailey, Borwein, Lopez de Prado and Zhu (2015), "The probability of backtest overfitting", Journal of Computational
Finance. The blocks are cut into S groups; every choice of half of them is once the past, the rest its future. The
trial with the highest Sharpe ratio of the past is ranked among all trials in the future.

The Sharpe ratio is the one over the benchmark, of block returns: what every trial earns by holding the market would
otherwise look like skill that lasts. Without a benchmark it is that of session returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from backtests.overfit.blocks import NOISE, Blocks, Floats, Ints, Piece, stream
from backtests.overfit.kernels import choose, rank

#: Groups by number of trials at most: the work grows with trials times combinations (12,870, 924, 252, 70).
GROUPS = ((20_000, 16), (1_000_000, 12), (4_000_000, 10))
FEWEST_GROUPS = 8
#: Sharpe ratios closer than this tie: what is left is rounding.
TIE = 1e-12
#: A variance at or below the first is none: such a Sharpe ratio counts as 0, the figure of doing nothing.
LIMITS = np.array([NOISE**2, TIE])


@dataclass(frozen=True)
class Pbo:
    """What became of the best of the past.

    Attributes
    ----------
    pbo : float
        Share of the combinations in which it was not above the middle: logit at or below 0.
    loss : float
        Share in which its Sharpe ratio of the future was not above 0.
    logits : ndarray, shape (combinations,)
        Of its rank of the future over the number of trials + 1; a tie counts as the middle of its ranks.
    past, future : ndarray, shape (combinations,)
        Its Sharpe ratios.
    rows : ndarray of int64, shape (combinations,)
        Which trial it was.
    trials, groups : int
    """

    pbo: float
    loss: float
    logits: Floats
    past: Floats
    future: Floats
    rows: Ints
    trials: int
    groups: int


def groups_for(trials: int, blocks: int) -> int:
    """Return the number of groups S: even, and no more than there are blocks.

    Examples
    --------
    >>> groups_for(500, 245), groups_for(1_000_000, 245), groups_for(500, 9), groups_for(10**8, 245)
    (16, 12, 8, 8)
    """
    most = next((groups for least, groups in GROUPS if trials <= least), FEWEST_GROUPS)
    return min(most, blocks - blocks % 2)


class Cut:
    """The groups of blocks and every way to halve them.

    Parameters
    ----------
    blocks : Blocks
    groups : int
        Even. Groups are neighbouring blocks; the first ones have a block more where they do not divide evenly.
    """

    def __init__(self, blocks: Blocks, groups: int) -> None:
        t = len(blocks.sessions)
        sizes = np.full(groups, t // groups) + (np.arange(groups) < t % groups)
        self.starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        self.over_benchmark = blocks.benchmark is not None
        observations = sizes if self.over_benchmark else np.add.reduceat(blocks.sessions, self.starts)
        self.past = _halves(groups)
        self.past_masks, self.future_masks = _masks(self.past), _masks(~self.past)
        self.past_count = observations.astype(np.float64) @ self.past
        self.future_count = observations.astype(np.float64) @ ~self.past

    def moments(self, piece: Piece) -> tuple[Floats, Floats]:
        """Return sums and sums of squares per group, both of shape (m, groups)."""
        sums = piece.excess if self.over_benchmark else piece.sums
        squares = piece.excess**2 if self.over_benchmark else piece.squares
        return np.add.reduceat(sums, self.starts, axis=1), np.add.reduceat(squares, self.starts, axis=1)


def _halves(groups: int) -> NDArray[np.bool_]:
    """Return which groups are the past, shape (groups, combinations)."""
    past = list(combinations(range(groups), groups // 2))
    inside = np.zeros((groups, len(past)), dtype=np.bool_)
    inside[np.array(past).T, np.arange(len(past))] = True
    return inside


def _masks(inside: NDArray[np.bool_]) -> Ints:
    """Return each combination as two numbers, of bits for the first and the second half of the groups."""
    half = len(inside) // 2
    bits = 1 << np.arange(half)
    return np.stack([bits @ inside[:half], bits @ inside[half:]]).astype(np.int64)


class Past:
    """Reads trials, keeps the best of the past for each combination (first pass).

    Attributes
    ----------
    best : ndarray, shape (combinations,)
        Its Sharpe ratio.
    row : ndarray of int64, shape (combinations,)
    """

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        groups, many = cut.past.shape
        self.best, self.row = np.full(many, -np.inf), np.full(many, -1, dtype=np.int64)
        self._sums, self._squares = np.zeros((many, groups)), np.zeros((many, groups))

    def add(self, piece: Piece) -> None:
        """Look at some more trials."""
        sums, squares = self.cut.moments(piece)
        choose(sums, squares, self.cut.past_masks, self.cut.past_count, LIMITS, piece.first, self.best, self.row)
        new = np.flatnonzero(self.row >= piece.first)
        self._sums[new], self._squares[new] = sums[self.row[new] - piece.first], squares[self.row[new] - piece.first]

    @property
    def future(self) -> Floats:
        """Sharpe ratio out of sample of the best of the past, shape (combinations,)."""
        count, outside = self.cut.future_count, ~self.cut.past.T
        sums, squares = (self._sums * outside).sum(axis=1), (self._squares * outside).sum(axis=1)
        variance = (squares - sums**2 / count) / (count - 1.0)
        live = variance > LIMITS[0]
        return np.where(live, sums / count / np.sqrt(np.where(live, variance, 1.0)), 0.0)


class Future:
    """Reads trials, ranks the best of the past among them (second pass)."""

    def __init__(self, past: Past) -> None:
        self.past = past
        self._chosen = past.future
        self._below, self._equal = np.zeros_like(past.row), np.zeros_like(past.row)
        self._trials = 0

    def add(self, piece: Piece) -> None:
        """Compare with some more trials."""
        cut, (sums, squares) = self.past.cut, self.past.cut.moments(piece)
        rank(sums, squares, cut.future_masks, cut.future_count, LIMITS, self._chosen, self._below, self._equal)
        self._trials += len(sums)

    def result(self) -> Pbo:
        """Return the ranks as logits."""
        share = (self._below + (self._equal + 1) / 2) / (self._trials + 1)
        logits = np.log(share / (1.0 - share))
        # What is left of a logit of 0 is rounding; the smallest step from the middle is far above.
        pbo, loss = float(np.mean(logits <= TIE)), float(np.mean(self._chosen <= 0.0))
        past, groups = self.past, len(self.past.cut.starts)
        return Pbo(pbo, loss, logits, past.best, self._chosen, past.row, self._trials, groups)


def pbo(blocks: Blocks, groups: int) -> Pbo:
    """Return the probability of backtest overfitting, in two passes.

    Parameters
    ----------
    blocks : Blocks
        Of at least 2 trials.
    groups : int
        S, even; see `groups_for`.
    """
    past = Past(Cut(blocks, groups))
    stream(blocks, past)
    future = Future(past)
    stream(blocks, future)
    return future.result()
