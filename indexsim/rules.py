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

#: Weight above which a name is capped, by the effective date of the review; None: there is no cap.
CAP_THRESHOLD: Dated[Fraction | None] = Dated(
    (
        (None, None),
        (date(2022, 10, 1), Fraction(12, 100)),
        (date(2023, 10, 1), Fraction(11, 100)),
        (date(2024, 10, 1), Fraction(10, 100)),
    ),
    "A17, H",
)

#: How far a capping ratio moves at one review.
CAP_RATIO_STEP = Fraction(1, 10)  # A18, H

#: Weight below which a capped name gets a step back; no number is published.
CAP_RELEASE_WEIGHT = Fraction(5, 100)  # A18, B

#: Months whose first session is the effective date of a review.
REVIEW_MONTHS: Dated[tuple[int, ...]] = Dated(((None, (10,)), (date(2023, 4, 1), (4, 10))), "A20, H")

#: A review is announced on this session of March or September: seen on the second to the fourth.
REVIEW_ANNOUNCED_SESSION = 3  # A20, H cases

#: Most names that one review exchanges; a rule since 2021, taken for the reviews before it too.
MAX_REPLACEMENTS = 3  # A20, H

#: Market segment whose names are ranked, on the base date.
ELIGIBLE_SEGMENT: Dated[str] = Dated(((None, "First Section"), (date(2022, 4, 4), "Prime")), "A21, M")

#: Years up to the base date over which liquidity is measured.
LIQUIDITY_YEARS = 5  # A21, M

#: What the price fluctuation is divided by, by the effective date of the review.
FLUCTUATION_PER: Dated[str] = Dated(((None, "volume"), (date(2022, 10, 1), "value")), "A21, M")

#: Share of the rank by trading value in the score; the rank by price fluctuation has the rest. Not published.
TRADING_VALUE_SHARE = Fraction(1, 2)  # A21, B

#: Best ranks: members below the first go, outsiders within the second come in.
ELIGIBLE_RANK, MUST_HAVE_RANK = 450, 75  # A21, M

#: Weight that a new constituent may not exceed at the closes of the base date.
ENTRY_WEIGHT = Fraction(1, 100)  # A8, H

#: Share of trading value / coming weight below which an entry is phased, by its effective date; None: none is.
PHASE_IN_BELOW: Dated[Fraction | None] = Dated(
    ((None, None), (date(2023, 10, 1), Fraction(4, 10))),
    "A9, rule H, number M: any value between 0.35 and 0.47 reproduces the cases",
)

#: Years up to the base date over which that share of trading value is measured.
PHASE_IN_YEARS = 1  # A9, M

#: Seconds between two published levels. Only the year of the last two steps is known: its first session is taken.
PUBLISHED_EVERY: Dated[int] = Dated(((None, 60), (date(2010, 1, 4), 15), (date(2017, 1, 4), 5)), "A4, M")
