"""The dated facts of the Nikkei 225: what changed in it, when, and how sure that is.

Readers of the tables under ``data/facts`` that tell its history: constituents and factors, divisors,
steps of the weight cap, reviews. A table says what was published or follows from it; a blank cell is
unknown. Confidence is H, M, L or B, from high to background knowledge.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from indexsim.errors import DataError, Finding

FACTS = Path(__file__).resolve().parent.parent / "data" / "facts"

Cells = dict[str, str]
T = TypeVar("T")


@dataclass(frozen=True)
class IndexEvent:
    """A change of the constituents or of a factor.

    Attributes
    ----------
    effective : date
        First session of the change (ex-date of a split).
    announced : date or None
        Earliest publication that a source dates; None is unknown.
    code, name : str
    event : str
        A word of the column ``event`` of ``factors``: ``add``, ``split 3:1``, ``step cap``, ...
    factor_before, factor_after : Fraction or None
        50 / presumed par or price adjustment factor, cap included. Before an entry and after an exit
        there is none; elsewhere None is unknown.
    confidence, source, note : str
    """

    effective: date
    announced: date | None
    code: str
    name: str
    event: str
    factor_before: Fraction | None
    factor_after: Fraction | None
    confidence: str
    source: str
    note: str


@dataclass(frozen=True)
class PublishedDivisor:
    """A value of the divisor.

    Attributes
    ----------
    effective : date
    divisor : Decimal
        As many decimals as the source has.
    tolerance : Decimal or None
        Half the width of the range that a derived value lies in, where the source tells.
    dated : {"from", "on", "month"}
        In force from that session, in force on that day, or on an unknown day of that month.
    basis : {"published", "chained", "derived"}
        Printed by somebody, computed exactly from a printed one (A14), or fitted to levels and weights.
    what, confidence, source : str
    """

    effective: date
    divisor: Decimal
    tolerance: Decimal | None
    dated: Literal["from", "on", "month"]
    basis: Literal["published", "chained", "derived"]
    what: str
    confidence: str
    source: str


@dataclass(frozen=True)
class CapNotice:
    """A step of the weight cap (A17, A19).

    Attributes
    ----------
    base_date : date
        Session whose closing weight was tested.
    weight : Fraction or None
        That weight, a fraction of one; None is unknown.
    announced, effective : date
    code : str
    ratio_before, ratio_after : Fraction
        Capping ratio, 1 where the name is not capped.
    factor_before, factor_after : Fraction
        Cap-adjusted factor; divided by the ratio it is the uncapped one.
    confidence, source : str
    """

    base_date: date
    weight: Fraction | None
    announced: date
    effective: date
    code: str
    ratio_before: Fraction
    ratio_after: Fraction
    factor_before: Fraction
    factor_after: Fraction
    confidence: str
    source: str


@dataclass(frozen=True)
class Review:
    """A review with its entries and exits (A20, A22).

    Attributes
    ----------
    base_date : date or None
        Session whose prices and volumes were ranked; None for an extraordinary replacement.
    announced : date or None
        None is unknown.
    effective : date
        First session of the change; in stages, or with an entry after the exit, `note` says so.
    kind : {"periodic", "extraordinary"}
    entering, leaving : tuple of str
        Codes, ascending.
    confidence, source, note : str
    """

    base_date: date | None
    announced: date | None
    effective: date
    kind: Literal["periodic", "extraordinary"]
    entering: tuple[str, ...]
    leaving: tuple[str, ...]
    confidence: str
    source: str
    note: str


@cache
def index_events() -> tuple[IndexEvent, ...]:
    """Return the changes of constituents and factors since 2015, in the order in which they act.

    Examples
    --------
    >>> [(str(e.effective), e.event, float(e.factor_after)) for e in index_events() if e.code == "9983"][:2]
    [('2023-02-27', 'split 3:1', 3.0), ('2024-10-01', 'step cap', 2.7)]
    """
    return read_table(FACTS / "index_events.csv", _index_event)


@cache
def published_divisors() -> tuple[PublishedDivisor, ...]:
    """Return the known values of the divisor, oldest first.

    Examples
    --------
    >>> [str(d.divisor) for d in published_divisors() if d.effective == date(2025, 7, 4)]
    ['29.61653922']
    """
    return read_table(FACTS / "published_divisors.csv", _published_divisor)


@cache
def cap_steps() -> tuple[CapNotice, ...]:
    """Return the steps of the weight cap, oldest first.

    Examples
    --------
    >>> [(step.code, float(step.ratio_after)) for step in cap_steps()][0]
    ('9983', 0.9)
    """
    return read_table(FACTS / "cap_steps.csv", _cap_notice)


@cache
def reviews() -> tuple[Review, ...]:
    """Return the periodic reviews and the extraordinary replacements, oldest first.

    Examples
    --------
    >>> [review.entering for review in reviews() if review.effective == date(2021, 10, 1)]
    [('6861', '6981', '7974')]
    """
    return read_table(FACTS / "reviews.csv", _review)


def read_table(path: Path, row_of: Callable[[Cells], T]) -> tuple[T, ...]:
    """Return the rows of a fact table, typed.

    Parameters
    ----------
    path : Path
        CSV with a header.
    row_of : callable dict of str to str -> T
        Makes one row of its cells; blank is "".

    Raises
    ------
    DataError
        Naming the file and the line of every row with a missing column or a cell that cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    rows, findings = [], []
    for line, row in enumerate(cells, 2):
        try:
            rows.append(row_of(row))
        except (KeyError, ValueError, ArithmeticError, TypeError) as error:
            found = f"{type(error).__name__}: {error}"
            findings.append(Finding(path.name, f"line {line}", "", "fact-readable", found))
    if findings:
        raise DataError(findings, asked="read the fact tables")
    return tuple(rows)


def _index_event(row: Cells) -> IndexEvent:
    return IndexEvent(
        effective=date.fromisoformat(row["effective_date"]),
        announced=_optional(date.fromisoformat, row["announced_date"]),
        code=row["code"],
        name=row["name"],
        event=row["event"],
        factor_before=_optional(Fraction, row["factor_before"]),
        factor_after=_optional(Fraction, row["factor_after"]),
        confidence=row["confidence"],
        source=row["source"],
        note=row["note"],
    )


def _published_divisor(row: Cells) -> PublishedDivisor:
    return PublishedDivisor(
        effective=date.fromisoformat(row["effective_date"]),
        divisor=Decimal(row["divisor"]),
        tolerance=_optional(Decimal, row["tolerance"]),
        dated=_one_of(("from", "on", "month"), row["dated"]),
        basis=_one_of(("published", "chained", "derived"), row["basis"]),
        what=row["what"],
        confidence=row["confidence"],
        source=row["source"],
    )


def _cap_notice(row: Cells) -> CapNotice:
    return CapNotice(
        base_date=date.fromisoformat(row["base_date"]),
        weight=_optional(Fraction, row["weight"]),
        announced=date.fromisoformat(row["announced"]),
        effective=date.fromisoformat(row["effective"]),
        code=row["code"],
        ratio_before=Fraction(row["ratio_before"]),
        ratio_after=Fraction(row["ratio_after"]),
        factor_before=Fraction(row["factor_before"]),
        factor_after=Fraction(row["factor_after"]),
        confidence=row["confidence"],
        source=row["source"],
    )


def _review(row: Cells) -> Review:
    return Review(
        base_date=_optional(date.fromisoformat, row["base_date"]),
        announced=_optional(date.fromisoformat, row["announced_date"]),
        effective=date.fromisoformat(row["effective_date"]),
        kind=_one_of(("periodic", "extraordinary"), row["kind"]),
        entering=tuple(row["in"].split(";")) if row["in"] else (),
        leaving=tuple(row["out"].split(";")) if row["out"] else (),
        confidence=row["confidence"],
        source=row["source"],
        note=row["note"],
    )


def _optional(convert: Callable[[str], T], text: str) -> T | None:
    return convert(text) if text else None


def _one_of(words: tuple[T, ...], text: str) -> T:
    for word in words:
        if word == text:
            return word
    raise ValueError(f"{text!r} is none of {words}")
