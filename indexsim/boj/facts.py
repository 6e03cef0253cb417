"""What is known of the Bank's programme: caps and pace, allocation by date, eras, sales.

Readers of ``data/facts/boj_caps.csv`` and ``boj_allocation.csv``, and the figures of the sales.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache

from indexsim.facts import FACTS, Cells, read_table
from indexsim.rules import Dated

TOPIX, NIKKEI, JPX400 = "topix", "nikkei", "jpx400"

#: Pace of the programme by first day; the last era is that of the "2 % rule", after which funds are bought rarely.
ERAS: Dated[str] = Dated(
    (
        (None, "outstanding cap"),
        (date(2013, 4, 4), "1 trillion a year"),
        (date(2014, 10, 31), "3 trillion a year"),
        (date(2016, 7, 29), "6 trillion a year"),
        (date(2020, 3, 16), "up to 12 trillion a year"),
        (date(2021, 4, 1), "2 % rule"),
    ),
    "E1, H; the last one E3, M",
)


@dataclass(frozen=True)
class Cap:
    """A cap or a pace of the programme.

    Attributes
    ----------
    decided, effective : date or None
        None is unknown.
    kind : str
        ``outstanding`` (cap of what is held), ``pace`` and ``ceiling`` (a year), ``sale`` (a year, at cost).
    trillion_yen : float or None
        None where the decision names no amount.
    what, confidence, source : str
    """

    decided: date | None
    effective: date | None
    kind: str
    trillion_yen: float | None
    what: str
    confidence: str
    source: str


@dataclass(frozen=True)
class Allocation:
    """How a purchase was spread over the indexes (E2).

    Attributes
    ----------
    decided : date or None
        None is unknown.
    effective : date
    topix_only, by_value : Fraction
        Shares of a purchase: straight to TOPIX, and by the market value of the funds on each index.
    nikkei_of_value, jpx400_of_value : Fraction
        Shares of the second part, TOPIX having the rest.
    net_of_bank : bool
        Whether market value leaves out what the Bank holds.
    confidence, source : str
    """

    decided: date | None
    effective: date
    topix_only: Fraction
    by_value: Fraction
    nikkei_of_value: Fraction
    jpx400_of_value: Fraction
    net_of_bank: bool
    confidence: str
    source: str

    @property
    def shares(self) -> Mapping[str, float]:
        """Share of a purchase by index; they sum to one."""
        nikkei, jpx400 = self.by_value * self.nikkei_of_value, self.by_value * self.jpx400_of_value
        return {TOPIX: float(1 - nikkei - jpx400), NIKKEI: float(nikkei), JPX400: float(jpx400)}


@dataclass(frozen=True)
class Sales:
    """The sales of the funds.

    Attributes
    ----------
    decided : date
    begun : str
        Month of the first sale.
    book, market : float
        Trillion yen a year, at cost and at the prices of the decision.
    book_held : float
        Trillion yen at cost before the first sale.
    """

    decided: date
    begun: str
    book: float
    market: float
    book_held: float

    @property
    def years(self) -> float:
        """Years until everything is sold, at that pace."""
        return self.book_held / self.book


#: The sales (E6, H).
SALES = Sales(date(2025, 9, 19), "2026-01", 0.33, 0.62, 37.1861)


@cache
def caps() -> tuple[Cap, ...]:
    """Return caps and pace, in the order of their decisions.

    Examples
    --------
    >>> [cap.trillion_yen for cap in caps() if cap.decided == date(2020, 3, 16)]
    [12.0]
    """
    return read_table(FACTS / "boj_caps.csv", _cap)


@cache
def allocations() -> tuple[Allocation, ...]:
    """Return the rules of allocation, oldest first.

    Examples
    --------
    >>> {index: round(share, 3) for index, share in allocations()[2].shares.items()}
    {'topix': 0.7, 'nikkei': 0.279, 'jpx400': 0.021}
    """
    return read_table(FACTS / "boj_allocation.csv", _allocation)


def allocation_on(day: date) -> Allocation:
    """Return the allocation in force on a day; before the first purchase that of the first one."""
    found = allocations()[0]
    for each in allocations():
        if each.effective <= day:
            found = each
    return found


def _cap(row: Cells) -> Cap:
    return Cap(
        decided=date.fromisoformat(row["decided"]) if row["decided"] else None,
        effective=date.fromisoformat(row["effective"]) if row["effective"] else None,
        kind=row["kind"],
        trillion_yen=float(row["trillion_yen"]) if row["trillion_yen"] else None,
        what=row["what"],
        confidence=row["confidence"],
        source=row["source"],
    )


def _allocation(row: Cells) -> Allocation:
    first, second = Fraction(row["topix_only"]), Fraction(row["by_value"])
    return Allocation(
        decided=date.fromisoformat(row["decided"]) if row["decided"] else None,
        effective=date.fromisoformat(row["effective"]),
        topix_only=first / (first + second),
        by_value=second / (first + second),
        nikkei_of_value=Fraction(row["nikkei_of_value"]),
        jpx400_of_value=Fraction(row["jpx400_of_value"]),
        net_of_bank=row["net_of_bank"] == "yes",
        confidence=row["confidence"],
        source=row["source"],
    )
