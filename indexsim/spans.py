"""The walk along the events: spans of sessions with one basket, and the prices they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain, groupby
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.basket import Basket
from indexsim.closes import exact_row, session_of
from indexsim.divisor import standard_prices
from indexsim.errors import Finding
from indexsim.events import Event, Replace
from indexsim.rounding import exact_price, exact_sum


@dataclass(frozen=True)
class Span:
    """Sessions from a row on with one basket, and the events that began it."""

    row: int
    basket: Basket
    events: tuple[Event, ...]


def follow_events(sessions: pd.Index, basket: Basket, events: Sequence[Event]) -> list[Span]:
    """Cut the sessions where the basket or the basis of its prices changes."""
    spans = [Span(0, basket, ())]
    placed = sorted(events, key=lambda event: event.effective)
    rows = sessions.searchsorted(pd.DatetimeIndex([event.effective for event in placed]))
    for row, group in groupby(zip(rows.tolist(), placed, strict=True), key=lambda pair: pair[0]):
        if row >= len(sessions):
            break
        here = tuple(event for _, event in group)
        after = spans[-1].basket
        for event in here:
            after = after.apply(event)
        spans = [Span(0, after, ())] if row == 0 else [*spans, Span(row, after, here)]
    return spans


def missing_prices(closes: pd.DataFrame, spans: Sequence[Span]) -> list[Finding]:
    """Find every close that a constituent, or an entrant on the session before, lacks."""
    if findings := missing_columns(closes, spans, "closes.csv"):
        return findings
    values, columns = closes.to_numpy(np.float64), columns_of(closes)
    missing: set[tuple[int, str]] = set()
    for span, stop in zip(spans, [*(span.row for span in spans[1:]), len(closes)], strict=True):
        needed = [(span.row, stop, span.basket.codes)]
        if span.row:
            needed.append((span.row - 1, span.row, entering(span.events)))
        for low, high, codes in needed:
            absent = np.isnan(values[low:high, [columns[code] for code in codes]])
            missing |= {(low + int(row), codes[at]) for row, at in zip(*absent.nonzero(), strict=True)}
    return [
        Finding(
            "closes.csv", session_of(closes, row).isoformat(), code, "missing-price", "a constituent without a close"
        )
        for row, code in sorted(missing)
    ]


class Held(Protocol):
    """What has a basket and the events that began it."""

    @property
    def basket(self) -> Basket:
        """The basket."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The events."""


def missing_columns(prices: pd.DataFrame, spans: Sequence[Held], file: str) -> list[Finding]:
    """Find every code that is held or comes in and has no column."""
    held = dict.fromkeys(code for span in spans for code in (*span.basket.codes, *entering(span.events)))
    absent = [code for code in held if code not in prices.columns]
    return [Finding(file, "", code, "missing-price", "no column for a constituent") for code in absent]


def columns_of(prices: pd.DataFrame) -> dict[str, int]:
    """Return the column of each code."""
    return {code: column for column, code in enumerate(prices.columns.tolist())}


def exact_sums(
    values: NDArray[np.float64], columns: Mapping[str, int], old: Span, new: Span
) -> tuple[Fraction, Fraction]:
    """Return the sums around a change, exactly: what no event names is added up once.

    Parameters
    ----------
    values : float array of shape (n_sessions, n_codes)
        Closes in yen as traded.
    columns : mapping of code to column
    old, new : Span

    Returns
    -------
    tuple of Fraction
        The closes before x old factors, the standard prices x new factors, yen.
    """
    row, before, after = values[new.row - 1], old.basket.factors, new.basket.factors
    parts = [factor.as_integer_ratio() for factor in before.values()]
    last = exact_sum(
        row[[columns[code] for code in before]], [over for over, _ in parts], [under for _, under in parts]
    )
    touched, priced = dict.fromkeys(chain.from_iterable(map(named, new.events))), {*before, *entering(new.events)}
    closes = {code: exact_price(row[columns[code]]) for code in touched if code in priced}
    prices = standard_prices(closes, new.events)
    move = sum((prices[code] * after[code] for code in touched if code in after), Fraction(0))
    return last, last + move - sum((closes[code] * before[code] for code in touched if code in before), Fraction(0))


def named(event: Event) -> tuple[str, ...]:
    """Return the codes whose factor or standard price an event may change."""
    return (*event.leaving, *event.entering) if isinstance(event, Replace) else (event.code,)


def entering(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the codes that some events bring in at a price of their own."""
    return tuple(code for event in events if isinstance(event, Replace) for code in event.entering)


class StandardPrices(Mapping[str, Fraction]):
    """The closes before a change on the basis after it, in yen (A3); worked out when first asked for."""

    def __init__(self, closes: pd.DataFrame, old: Span, new: Span) -> None:
        self._closes, self._codes, self._row, self._events = closes, old.basket.codes, new.row - 1, new.events

    @cached_property
    def _prices(self) -> dict[str, Fraction]:
        last = exact_row(self._closes, self._row, [*self._codes, *entering(self._events)])
        return standard_prices(last, self._events)

    def __getitem__(self, code: str) -> Fraction:
        return self._prices[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._prices)

    def __len__(self) -> int:
        return len(self._prices)
