"""What can have happened to a code between two lists of factors, and on which sessions its closes allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import rules
from indexsim.events import is_large_split
from indexsim.events.parsing import LARGEST_CUT
from indexsim.gate.suspicions import USUAL_SPLITS, beyond_limit
from indexsim.review.selection import first_half

Floats = NDArray[np.float64]

#: Shares after a split for those before, and the inverse: whole numbers, and these.
BROKEN_RATIOS = (Fraction(11, 10), Fraction(6, 5), Fraction(13, 10), Fraction(3, 2), Fraction(5, 2))
LARGEST_RATIO = 100
#: How far a close may lie from the one before, once the split is taken out: a day's limit.
NEAR = 1.3


@dataclass(frozen=True, order=True)
class Change:
    """What happens to one code on one session.

    Attributes
    ----------
    code : str
    kind : {"add", "remove", "split", "step", "spin-off"}
    before, after : Fraction or None
        Factor before and after; None out of the basket.
    ratio : Fraction or None
        New shares per old, of a split.
    parent : str
        Of a spin-off, where it is known.
    """

    code: str
    kind: str
    before: Fraction | None
    after: Fraction | None
    ratio: Fraction | None = None
    parent: str = ""

    def __str__(self) -> str:
        ends = " to ".join(f"{float(f):g}" for f in (self.before, self.after) if f is not None)
        split = f" {self.ratio.numerator}:{self.ratio.denominator}" if self.ratio else ""
        return f"{self.code} {self.kind}{split}{self.parent and ' of '}{self.parent} ({ends})"


@dataclass(frozen=True)
class Prices:
    """Closes of a stretch of sessions.

    Attributes
    ----------
    sessions : tuple of date
    codes : dict of code to column
    raw : ndarray of float64, shape (n_sessions, n_codes)
        As traded; NaN where there is none.
    last : ndarray of float64, shape (n_sessions, n_codes)
        The last one known.
    """

    sessions: tuple[date, ...]
    codes: Mapping[str, int]
    raw: Floats
    last: Floats

    @classmethod
    def of(cls, closes: pd.DataFrame) -> Prices:
        """Return the closes of a frame, one column a code."""
        days = tuple(day.date() for day in pd.DatetimeIndex(closes.index))
        codes = {str(code): column for column, code in enumerate(closes.columns)}
        return cls(days, codes, closes.to_numpy(np.float64), closes.ffill().to_numpy(np.float64))


def is_ratio(ratio: Fraction) -> bool:
    """Say whether a split has such a ratio: a whole number, a usual broken one, or the inverse of one.

    Examples
    --------
    >>> is_ratio(Fraction(7)), is_ratio(Fraction(1, 5)), is_ratio(Fraction(8, 9))
    (True, True, False)
    """
    above = max(ratio, 1 / ratio)
    return above != 1 and ((above.denominator == 1 and above <= LARGEST_RATIO) or above in BROKEN_RATIOS)


def ratios(before: Fraction, after: Fraction) -> tuple[Fraction, ...]:
    """Return the split ratios that lead from a factor to another: the exact one, else those behind a cut factor (A7).

    Examples
    --------
    >>> ratios(Fraction(1, 10), Fraction(7, 10)), ratios(Fraction(5, 2), Fraction(4, 5))
    ((Fraction(7, 1),), (Fraction(1, 3),))
    """
    if is_ratio(after / before):
        return (after / before,)
    whole = [Fraction(n) for n in range(2, LARGEST_RATIO + 1)]
    large = [ratio for ratio in (*whole, *BROKEN_RATIOS) if is_large_split(ratio)]
    possible = [*large, *(1 / ratio for ratio in large)]
    cut = [r for r in possible if before * r != after and after <= before * r < after + LARGEST_CUT]
    return tuple(sorted(cut))


def splits(
    prices: Prices, code: str, before: Fraction, after: Fraction, rows: range
) -> Iterator[tuple[int, Change, bool]]:
    """Yield the sessions on which the close moved as a split would move it.

    Yields
    ------
    row : int
    change : Change
    clear : bool
        Whether no session's limit allows the move without a split.
    """
    column = prices.codes[code]
    for row in rows:
        base, price = prices.last[row - 1, column], prices.raw[row, column]
        for ratio in ratios(before, after):
            move = price / base
            if abs(np.log(move * float(ratio))) < min(np.log(NEAR), abs(np.log(move))):
                clear = bool(beyond_limit(np.array(base), np.array(price), np.array(1)))
                yield row, Change(code, "split", before, after, ratio), clear


def jumps(prices: Prices, code: str, rows: range) -> Iterator[tuple[int, Fraction]]:
    """Yield the sessions on which a close moved beyond its limit by about a usual ratio, with each such ratio."""
    column = prices.codes[code]
    usual = [Fraction(ratio).limit_denominator(10) for ratio in USUAL_SPLITS]
    for row in rows:
        base, price = prices.last[row - 1, column], prices.raw[row, column]
        if beyond_limit(np.array(base), np.array(price), np.array(1)):
            for ratio in (*usual, *(1 / ratio for ratio in usual)):
                if abs(np.log(price / base * float(ratio))) < np.log(NEAR):
                    yield row, ratio


def pending(held: Mapping[str, Fraction], wanted: Mapping[str, Fraction], day: date) -> list[Change]:
    """Return the changes without a split that lead from a basket towards a list, on a day."""
    found = [Change(code, "remove", factor, None) for code, factor in held.items() if code not in wanted]
    for code, factor in wanted.items():
        if code not in held:
            found.append(Change(code, "add", None, factor))
            half = first_half(factor)
            if rules.PHASE_IN_BELOW.on(day) is not None and half != factor:
                found.append(Change(code, "add", None, half))
        elif held[code] != factor:
            found.append(Change(code, "step", held[code], factor))
    return sorted(found, key=lambda change: (change.code, change.kind, change.after or Fraction(0)))
