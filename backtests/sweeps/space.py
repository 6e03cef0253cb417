"""The trials of a sweep by number: a grid or a sample, worked out where asked for and never held as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from backtests.loading import wrong
from backtests.sweeps.axes import Axis, Continuous, Steps
from backtests.sweeps.constraints import Constraint
from indexsim.errors import SpecError, unknown_name

Columns = dict[str, np.ndarray]

GRID, RANDOM, SOBOL, SEARCH = SAMPLES = ("grid", "random", "sobol", "search")
#: Trials of a grid: their numbers are int64.
MOST_IN_GRID = 2**62
#: Trials of a sample: points of scipy's Sobol sequence.
MOST_DRAWN = 2**30
#: Trials of a search: each is asked with regard to all before it.
MOST_SEARCHED = 10_000
#: Trials looked at together when they are counted: the columns of so many stay in the cache.
_BLOCK = 2**16


class Tried(Protocol):
    """Where the trials of a search come from: `backtests.sweeps.search.Search`."""

    def columns(self, lo: int, hi: int) -> Columns:
        """Return the settings of the trials lo to hi - 1, a column an axis."""


@dataclass(frozen=True)
class Space:
    """What is varied, and how.

    Attributes
    ----------
    axes : tuple of Axis
    constraints : tuple of Constraint
        A trial that breaks one is none: its number stays unused.
    sample : {"grid", "random", "sobol", "search"}
        All combinations, the last axis fastest; or draws, independent or of a scrambled Sobol sequence, or each round
        of them led by the figures of those before.
    draws : int
        Trials of a sample; 0 for a grid.
    seed : int
        Seed of the sample.
    tried : Tried or None
        The trials of a search that runs or has run; they follow from its figures.

    Raises
    ------
    SpecError
        Without an axis, with too many trials, or with a continuous axis in a grid.

    Examples
    --------
    >>> from backtests.sweeps.axes import Listed, Range
    >>> space = Space((Listed("low", float, (12.0, 15.0)), Range("sma", int, 20, 20, 1, 3)))
    >>> space.size, space.settings(4)
    (6, {'low': 15.0, 'sma': 40})
    """

    axes: tuple[Axis, ...]
    constraints: tuple[Constraint, ...] = ()
    sample: str = GRID
    draws: int = 0
    seed: int = 1
    tried: Tried | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.sample not in SAMPLES:
            raise unknown_name("sample", self.sample, SAMPLES)
        if not self.axes:
            raise wrong("make a sweep", "nothing is varied", "at least one axis", "name one in [sweep.over]")
        if self.sample == GRID:
            self._check_grid()
            return
        most = MOST_SEARCHED if self.sample == SEARCH else MOST_DRAWN
        if not 0 < self.draws <= most:
            rule = f"1 to {most} trials of a {self.sample} sample"
            raise wrong(f"draw a {self.sample} sample", f"trials = {self.draws}", rule, "say trials = 1000, or so")
        if self.sample == SEARCH:
            self._check_search()

    def _check_grid(self) -> None:
        loose = next((axis.name for axis in self.axes if isinstance(axis, Continuous)), None)
        if loose is not None:
            rule = "a range of a grid has a step or a count; without them it is for random and Sobol samples"
            raise wrong(f"make a grid over {loose}", "no step and no count", rule, f"add one to {loose}")
        if self.size > MOST_IN_GRID:
            raise wrong("make a grid", f"{self.size} trials", f"at most {MOST_IN_GRID}", 'use sample = "random"')

    def _check_search(self) -> None:
        """Refuse to search what a grid, of twice the trials, would try as a whole."""
        combinations = math.prod(axis.size for axis in self.axes)
        # Without a continuous axis, and few enough to be counted at once.
        if 0 < combinations <= _BLOCK:
            allowed = replace(self, sample=GRID, draws=0).planned()
            if allowed < 2 * self.draws:
                rule, todo = "a search tries at most half of what a grid would", 'use sample = "grid"'
                raise wrong(f"search with trials = {self.draws}", f"{allowed} combinations in all", rule, todo)

    @property
    def size(self) -> int:
        """Number of trial numbers, those that break a constraint among them."""
        return self.draws if self.sample != GRID else math.prod(axis.size for axis in self.axes)

    def columns(self, lo: int, hi: int, names: Iterable[str] | None = None) -> Columns:
        """Return the settings of the trials ``lo`` up to, not including, ``hi``, a column an axis.

        Parameters
        ----------
        lo, hi : int
            Within 0 and `size`. How a space is cut changes nothing.
        names : iterable of str, optional
            Only these axes.

        Returns
        -------
        dict of ndarray, shape (hi - lo,)
            int64, float64 or bool; of texts, dates and markets (tuples of folders) object.

        Raises
        ------
        SpecError
            There are no such trials.
        """
        if not 0 <= lo <= hi <= self.size:
            found = f"this sweep has the trials 0 to {self.size - 1}"
            raise wrong(f"work out the trials {lo} to {hi - 1}", found, "a trial of the sweep", "correct the number")
        wanted = {axis.name for axis in self.axes} if names is None else set(names)
        if self.sample == GRID:
            return self._grid(np.arange(lo, hi, dtype=np.int64), wanted)
        if self.sample == SEARCH:
            return {name: column for name, column in self._searched(lo, hi).items() if name in wanted}
        uniform = self._uniform(lo, hi)
        return {a.name: a.drawn(uniform[:, at]) for at, a in enumerate(self.axes) if a.name in wanted}

    def allowed(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return which rows fulfil all constraints, bool, shape (n,); the columns are as `columns` returns them."""
        result = np.ones(len(next(iter(columns.values()))), dtype=bool)
        for constraint in self.constraints:
            result &= constraint.holds(columns)
        return result

    def planned(self) -> int:
        """Count the trials that break no constraint."""
        if not self.constraints or self.sample == SEARCH:  # which draws again
            return self.size
        named = {name for constraint in self.constraints for name in constraint.axes}
        bound = tuple(axis for axis in self.axes if axis.name in named) or self.axes[:1]
        if self.sample != GRID:
            return self._counted(bound)
        # The axes that no constraint names only multiply.
        part = replace(self, axes=bound)
        return part._counted(bound) * (self.size // part.size)

    def settings(self, trial: int) -> dict[str, Any]:
        """Return what one trial sets, by name, as Python values."""
        return {name: column.tolist()[0] for name, column in self.columns(trial, trial + 1).items()}

    def trial_of(self, settings: Mapping[str, Any]) -> int:
        """Return the number of the trial of a grid that sets given values.

        Raises
        ------
        SpecError
            It lies outside the grid, or the sweep is a sample.
        """
        indices = []
        for axis in self._steps():
            if axis.name not in settings:
                raise wrong("find a trial", f"no {axis.name!r}", "a trial sets every axis", f"name {axis.name}")
            indices.append(axis.index_of(settings[axis.name]))
        return sum(index * stride for index, stride in zip(indices, self._strides(), strict=True))

    def neighbours(self, trial: int) -> list[int]:
        """Return the trials of a grid one step away along one numeric axis, as far as they break no constraint.

        The next lower and the next higher value, in the order of the axes; a list may name values in any order.

        Raises
        ------
        SpecError
            There is no such trial, or the sweep is a sample.
        """
        settings = self.settings(trial)
        near = []
        for axis, stride in zip(self._steps(), self._strides(), strict=True):
            index = axis.index_of(settings[axis.name])
            near += [trial + (other - index) * stride for other in axis.beside(index)]
        if not near:
            return []
        trials = np.array(near, dtype=np.int64)
        columns = self._grid(trials, set(settings))
        return [int(t) for t in trials[self.allowed(columns)]]

    def _searched(self, lo: int, hi: int) -> Columns:
        if self.tried is None:
            asked, rule = f"work out the trials {lo} to {hi - 1}", "trials of a search follow from each other's figures"
            raise wrong(asked, "a search that is not run", rule, "run it; the table of its trials has them")
        return self.tried.columns(lo, hi)

    def _steps(self) -> Sequence[Steps]:
        if self.sample != GRID:
            raise self._no_grid()
        return [axis for axis in self.axes if isinstance(axis, Steps)]

    def _no_grid(self) -> SpecError:
        rule = "trials of a grid have places; draws have none"
        return wrong("find a trial by its place", f"a {self.sample} sample", rule, 'use sample = "grid"')

    def _strides(self) -> list[int]:
        """Return by how much the number of a trial grows with a step of each axis."""
        sizes = [axis.size for axis in self.axes]
        return [math.prod(sizes[at + 1 :]) for at in range(len(sizes))]

    def _grid(self, trials: np.ndarray, wanted: set[str]) -> Columns:
        steps = zip(self._steps(), self._strides(), strict=True)
        return {a.name: a.values(trials // stride % a.size) for a, stride in steps if a.name in wanted}

    def _counted(self, axes: Sequence[Axis]) -> int:
        """Count what the constraints allow, the axes they name being given, a block at a time."""
        names = [axis.name for axis in axes]
        # A Sobol sequence is walked from its beginning for every block.
        step = 16 * _BLOCK if self.sample == SOBOL else _BLOCK
        blocks = (self.columns(lo, hi, names) for lo, hi in spans(self.size, step))
        return sum(int(np.count_nonzero(self.allowed(columns))) for columns in blocks)

    def _uniform(self, lo: int, hi: int) -> np.ndarray:
        """Return the draws from [0, 1) behind some trials, shape (hi - lo, axes): a row is the same in any cut."""
        if self.sample == SOBOL:
            return _sobol(len(self.axes), self.seed, lo, hi)
        # A draw takes one step of the generator, so that it can be set to any row at once.
        bits = np.random.PCG64(self.seed)
        bits.advance(lo * len(self.axes))
        return np.random.Generator(bits).random((hi - lo, len(self.axes)))


def spans(size: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of at most `step` numbers that 0 up to `size` falls into.

    Examples
    --------
    >>> list(spans(5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    return ((lo, min(lo + step, size)) for lo in range(0, size, step))


def _sobol(width: int, seed: int, lo: int, hi: int) -> np.ndarray:
    # scipy.stats takes longer to import than the rest together, and only samples need it.
    from scipy.stats import qmc

    engine = qmc.Sobol(width, scramble=True, rng=np.random.default_rng(seed))
    if lo:
        rows = engine.fast_forward(lo).random(hi - lo)
    else:
        # Point by point at first: scipy warns of a first draw that is no power of two, which a later one may be.
        rows = np.vstack([engine.random(1), engine.random(hi - 1)])[:hi] if hi else engine.random(0)
    return np.asarray(rows, dtype=np.float64)
