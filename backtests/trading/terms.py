"""Terms that change with the date and the price: margins and price limits, read from ``data/facts``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from backtests.trading.execution import PER_WHOLE, PER_YEN
from indexsim.tick_sizes import Integers, Steps, TickTable, steps_of, tick_table

#: Price limits of a day: the one it begins with, and after the first and the second time it was widened.
FIRST, SECOND, WIDEST = 1, 2, 3

#: Ticks that price limits are rounded to. Stocks and funds: the general table, the coarsest, so that no
#: print of a name whose own table is not known lies beyond.
_GRIDS = {"tse": "stock"}


@dataclass(frozen=True)
class MarginTable:
    """What a position binds, by date.

    Attributes
    ----------
    steps : tuple of (first day, (initial, maintenance))
        Ascending; parts of the notional in 1e-6. Below maintenance a position is closed.
    """

    steps: Steps[tuple[int, int]]

    def rates(self, sessions: np.ndarray) -> tuple[Integers, Integers]:
        """Return initial and maintenance margin in force on each day.

        Parameters
        ----------
        sessions : ndarray of datetime64[D], shape (n,)

        Returns
        -------
        two ndarrays of int64, shape (n,)
            In 1e-6 of the notional.
        """
        days = np.array([since for since, _ in self.steps], dtype="datetime64[D]")
        rates = np.array([pair for _, pair in self.steps], dtype=np.int64)
        found = rates[np.searchsorted(days, sessions, side="right") - 1]
        return found[:, 0], found[:, 1]


@dataclass(frozen=True)
class LimitBand:
    """How far a price may go from a reference price below `below`.

    Attributes
    ----------
    below : float
        In 0.01 yen; the bound belongs to the next band.
    fixed : tuple of int
        Widths in 0.01 yen at the three levels; zeros where they are shares.
    share : tuple of int
        Widths as parts of the reference, in 1e-6.
    step : int
        A width from a share is truncated to a multiple of this, in 0.01 yen.
    """

    below: float
    fixed: tuple[int, int, int]
    share: tuple[int, int, int]
    step: int


@dataclass(frozen=True)
class LimitTable:
    """Price limits of one table by date and reference price.

    Attributes
    ----------
    steps : tuple of (first day, bands)
        Ascending. Without steps there is no limit.
    grid : TickTable or None
        Limits are rounded outward to these ticks: 5631 closed 504 yen up on 2017-11-07, at 3,380.
    """

    steps: Steps[tuple[LimitBand, ...]]
    grid: TickTable | None = None

    def limits(self, sessions: np.ndarray, references: np.ndarray, level: int = WIDEST) -> tuple[Integers, Integers]:
        """Return the lowest and the highest price of each day.

        Parameters
        ----------
        sessions : ndarray of datetime64[D], shape (n,)
        references : ndarray of int64, shape (n,)
            Price the limits are counted from, in 0.01 yen: the last close, on the basis of the day
            where a split or another event changed it; 0 where it is unknown.
        level : {1, 2, 3}
            `FIRST`, `SECOND` or `WIDEST`. The limits of futures (D4) widen during the day, night session
            included, when a price meets them, so by the open of the cash market any of the three may be
            in force and the data does not say which. No price lies beyond the widest: that is the default.
            Stocks and funds have one (G5).

        Returns
        -------
        two ndarrays of int64, shape (n,)
            In 0.01 yen; 0 where there is no limit.

        Examples
        --------
        8 % of 28,780 are 2,302.4, truncated to 2,300:

        >>> day, reference = np.array(["2025-06-02"], "datetime64[D]"), np.array([2_878_000])
        >>> [price.tolist() for price in limit_table("nikkei_future").limits(day, reference, FIRST)]
        [[2648000], [3108000]]
        """
        width = np.zeros(len(references), dtype=np.int64)
        for since, bands in self.steps:
            inside = (sessions >= since) & (references > 0)
            width[inside] = _widths(bands, references[inside], level)
        lower = np.where(width > 0, np.maximum(references - width, 0), 0)
        upper = np.where(width > 0, references + width, 0)
        if self.grid is None:
            return lower, upper
        below, above = self.grid.ticks(sessions, lower), self.grid.ticks(sessions, upper)
        return lower // below * below, -(-upper // above) * above


def _widths(bands: tuple[LimitBand, ...], references: np.ndarray, level: int) -> Integers:
    at = np.searchsorted([b.below for b in bands], references, side="right")
    fixed, share = (np.array([pick(b)[level - 1] for b in bands], np.int64)[at] for pick in (_fixed, _share))
    step = np.array([b.step for b in bands], dtype=np.int64)[at]
    widths: Integers = fixed + references * share // PER_WHOLE // step * step
    return widths


def _fixed(band: LimitBand) -> tuple[int, int, int]:
    return band.fixed


def _share(band: LimitBand) -> tuple[int, int, int]:
    return band.share


@cache
def margin_table(name: str) -> MarginTable:
    """Return a margin table of ``data/facts/margins.csv``.

    Examples
    --------
    The Nikkei futures bound 1,620,000 yen of 19.1 million when the market fell in 2020 (D6):

    >>> day = np.array(["2020-03-30"], dtype="datetime64[D]")
    >>> [rate.tolist() for rate in margin_table("futures").rates(day)]
    [[85000], [85000]]
    """
    steps = steps_of("margins", name, lambda row: (_rate(row["initial"]), _rate(row["maintenance"])))
    return MarginTable(tuple((since, rows[-1]) for since, rows in steps))


@cache
def limit_table(name: str) -> LimitTable:
    """Return a table of ``data/facts/price_limits.csv``; the empty name has no limits."""
    return LimitTable(steps_of("price_limits", name, _band), tick_table(_GRIDS[name]) if name in _GRIDS else None)


def _band(row: dict[str, str]) -> LimitBand:
    none = (0, 0, 0)
    fixed = row["unit"] == "yen"
    read = _units if fixed else _rate
    first, second, third = (read(row[level]) for level in ("first", "second", "third"))
    widths = (first, second, third)
    step = _units(row["step"]) if row["step"] else 1
    below = _up_to(row["reference_below"])
    return LimitBand(below, widths if fixed else none, none if fixed else widths, step)


def _units(text: str) -> int:
    return round(float(text) * PER_YEN)


def _rate(text: str) -> int:
    return round(float(text) * PER_WHOLE)


def _up_to(text: str) -> float:
    return float(text) * PER_YEN if text else np.inf
