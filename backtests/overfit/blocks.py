"""What the overfit statistics read: all trials of a sweep as block sums, a piece at a time.

A sweep stores for every trial the sums and the sums of squares of its session log returns per block of 20
sessions. Every statistic here reads them as pieces of `PIECE` trials, so that memory does not grow with the
number of trials (but for 17 bytes a trial of the SPA test). A pass over the trials feeds several statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexsim.errors import ToolError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Trials of a piece: its products with 1,000 resamples stay near the processor.
PIECE = 512
#: A deviation of block returns below this is the rounding of stored float32 sums (about 3e-9), not risk.
NOISE = 1e-7


class BlocksError(ToolError):
    """Block sums that do not fit together, or are not finite."""


class Blocks(Protocol):
    """All trials of a sweep; can be iterated several times, each time in trial order.

    Iterating gives chunks ``(sums, squares)``, float arrays of shape (trials of the chunk, T): sums and sums of squares
    of session log returns per block. Failed trials give no row; they are counted by the caller.
    """

    @property
    def trials(self) -> int:
        """How many rows it gives."""

    @property
    def sessions(self) -> Ints:
        """Sessions of each block, shape (T,)."""

    @property
    def benchmark(self) -> Floats | None:
        """Sums of session log returns of holding the index per block, shape (T,); None where there is none."""

    @property
    def sessions_per_year(self) -> float:
        """Sessions of a year, from the session table."""

    def __iter__(self) -> Iterator[tuple[Floats, Floats]]:
        """Give the chunks."""


@dataclass(frozen=True)
class ArrayBlocks:
    """Blocks that are in memory.

    Attributes
    ----------
    sums, squares : ndarray, shape (n_trials, T)
    sessions : ndarray of int64, shape (T,)
    benchmark : ndarray, shape (T,), or None
    sessions_per_year : float

    Examples
    --------
    >>> one = ArrayBlocks(np.zeros((3, 2)), np.zeros((3, 2)), np.array([20, 20]), None, 245.0)
    >>> [piece.sums.shape for piece in pieces(one)]
    [(3, 2)]
    """

    sums: Floats
    squares: Floats
    sessions: Ints
    benchmark: Floats | None
    sessions_per_year: float

    @property
    def trials(self) -> int:
        """How many there are."""
        return len(self.sums)

    def __iter__(self) -> Iterator[tuple[Floats, Floats]]:
        """Give everything as one chunk."""
        yield self.sums, self.squares


@dataclass(frozen=True)
class Piece:
    """Some neighbouring trials.

    Attributes
    ----------
    first : int
        Row of the first one: trials are numbered as they come, from 0.
    sums, squares : ndarray of float64, shape (m, T)
    excess : ndarray of float64, shape (m, T)
        Block log returns over the benchmark; without a benchmark, over nothing.
    """

    first: int
    sums: Floats
    squares: Floats
    excess: Floats


class Reader(Protocol):
    """A statistic that is fed with pieces."""

    def add(self, piece: Piece) -> None:
        """Take some more trials."""


def pieces(blocks: Blocks) -> Iterator[Piece]:
    """Cut the chunks into pieces of at most `PIECE` trials.

    Raises
    ------
    BlocksError
        Shapes that do not fit, or a number that is not finite.
    """
    held = 0.0 if blocks.benchmark is None else np.asarray(blocks.benchmark, dtype=np.float64)
    first = 0
    for sums, squares in blocks:
        _check(blocks, sums, squares, first)
        for start in range(0, len(sums), PIECE):
            some = np.asarray(sums[start : start + PIECE], dtype=np.float64)
            squared = np.asarray(squares[start : start + PIECE], dtype=np.float64)
            yield Piece(first + start, some, squared, some - held)
        first += len(sums)


def stream(blocks: Blocks, *readers: Reader) -> None:
    """Feed every trial to every reader in one pass.

    Raises
    ------
    BlocksError
        As `pieces`; or not as many trials as announced.
    """
    n = 0
    for piece in pieces(blocks):
        for reader in readers:
            reader.add(piece)
        n = piece.first + len(piece.sums)
    if n != blocks.trials:
        asked, rule = "read the block sums of all trials", f"{blocks.trials} trials have a row"
        raise BlocksError(asked=asked, found=f"{n} rows", rule=rule, todo=_AGAIN)


def _check(blocks: Blocks, sums: Floats, squares: Floats, first: int) -> None:
    """Refuse a chunk that cannot be what it says."""
    t = len(blocks.sessions)
    asked = f"read the block sums of the trials from row {first} on"
    if sums.ndim != 2 or sums.shape != squares.shape or sums.shape[1] != t:
        found = f"sums of shape {sums.shape} and squares of shape {squares.shape}"
        raise BlocksError(asked=asked, found=found, rule=f"both have a row per trial and {t} blocks", todo=_AGAIN)
    benchmark = blocks.benchmark
    if benchmark is not None and (np.shape(benchmark) != (t,) or not np.isfinite(benchmark).all()):
        found = f"a benchmark of shape {np.shape(benchmark)}, finite: {bool(np.isfinite(benchmark).all())}"
        raise BlocksError(asked=asked, found=found, rule=f"it has {t} finite sums, or is None", todo=_AGAIN)
    if not (np.isfinite(sums).all() and np.isfinite(squares).all()):
        found = "a sum that is not a finite number"
        rule = "only trials that were done have block sums"
        raise BlocksError(asked=asked, found=found, rule=rule, todo=_AGAIN)


_AGAIN = "run the sweep's chunk again"
