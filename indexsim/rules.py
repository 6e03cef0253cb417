"""The rulebook as dated constants: what held when, each with its source.

A constant that changed over time is a `Dated`: steps of (first day in force, value). Logic asks
for the value on a day and never holds a date of its own.

An id such as A10 in a docstring or a comment of the project is a row of ``data/facts/rules.csv``,
with the fact in words, its confidence (H, M, L or B: high to background knowledge) and its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Dated(Generic[T]):
    """A value that changed on known days.

    Attributes
    ----------
    steps : tuple of (date or None, value)
        Ascending first days in force; None means "from the beginning".
    source : str
        Id in ``data/facts/rules.csv``, or the source itself, and confidence.
    """

    steps: tuple[tuple[date | None, T], ...]
    source: str

    def on(self, day: date) -> T:
        """Return the value in force on a day.

        Examples
        --------
        >>> DIVISOR_DECIMALS.on(date(2022, 5, 31)), DIVISOR_DECIMALS.on(date(2022, 6, 1))
        (3, 8)
        """
        value = self.steps[0][1]
        for since, step in self.steps:
            if since is None or since <= day:
                value = step
        return value


#: Decimals of a published divisor, rounded half-up.
DIVISOR_DECIMALS: Dated[int] = Dated(((None, 3), (date(2022, 6, 1), 8)), "A15, M text, H numbers")

#: Decimals of a published level, rounded half-up.
LEVEL_DECIMALS = 2

#: How a price is scaled: 50 / presumed par, then the price adjustment factor.
FACTOR_REGIME: Dated[str] = Dated(((None, "presumed par"), (date(2021, 10, 1), "factor")), "A6 A7, H")

#: Presumed par value for which the factor is one, in yen.
PAR_UNIT = 50

#: Smallest split ratio (or its inverse) that moves the factor and leaves the divisor alone.
SPLIT_BY_FACTOR_FROM = Fraction(3, 2)  # A11: 1.1 went by divisor, 1.5 by factor; M
