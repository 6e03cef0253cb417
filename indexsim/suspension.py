"""Suspended stocks: a constituent without a close carries its standard price (A3).

A missing close stops the index, and should: it is far more often a hole in the data than a
suspension. So nothing is filled here but what the caller declares, code by code and day by day.

A market folder needs no file of its own for this: whoever gathers the data calls `carry` on the
closes and writes what it returns, and keeps the declaration (code, first day, last day, source)
beside the folder. The filled cells are then closes like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from indexsim.divisor import standard_prices
from indexsim.errors import DataError, Finding, SpecError, unknown_name
from indexsim.events import Event, ExRights, Split
from indexsim.rounding import exact_price

#: First and last day without trading, both included.
Span = tuple[date, date]


def carry(closes: pd.DataFrame, suspended: Mapping[str, Iterable[Span]], events: Sequence[Event] = ()) -> pd.DataFrame:
    """Fill the closes of suspended stocks with the standard price.

    Parameters
    ----------
    closes : DataFrame of shape (n_sessions, n_codes)
        Sorted DatetimeIndex, yen as traded, NaN where there was no trade. Stays as it is.
    suspended : mapping of code to spans
        Each span is (first day, last day), both included; days between that are no sessions are passed over.
    events : sequence of Event
        Splits and rights issues: on an ex-date within a span the standard price is the theoretical one, in the
        new basis, and is carried from there. Others do not matter here.

    Returns
    -------
    DataFrame
        A copy in which only the declared cells differ: each holds the close before the span. All other
        NaN are still NaN, and will stop the index.

    Raises
    ------
    SpecError
        A code has no column, or a span ends before it starts.
    DataError
        A declared day has a close (rule ``suspended-with-price``), or there is no close on the session before a
        span (rule ``standard-price``); every such cell is named and nothing is filled.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2025-09-25", "2025-09-26", "2025-09-29"])
    >>> closes = pd.DataFrame({"7203": [2800.0, np.nan, 2850.0]}, days)
    >>> carry(closes, {"7203": [(date(2025, 9, 26), date(2025, 9, 26))]})["7203"].tolist()
    [2800.0, 2800.0, 2850.0]
    """
    filled = closes.copy()
    findings: list[Finding] = []
    for code, spans in suspended.items():
        if code not in closes.columns:
            raise unknown_name("code", code, map(str, closes.columns))
        prices = closes[code].to_numpy(np.float64, copy=True)
        own = [event for event in events if isinstance(event, Split | ExRights) and event.code == code]
        rows = sorted({row for span in spans for row in _rows(closes, code, span)})
        findings += _contradictions(closes, code, rows)
        for row in rows:
            prices[row] = np.nan if row == 0 else _standard(prices[row - 1], code, _effective(closes, row, own))
        filled[code] = prices
    if findings:
        raise DataError(findings, asked="carry the prices of suspended stocks")
    return filled


def _rows(closes: pd.DataFrame, code: str, span: Span) -> range:
    """Return the rows of the sessions within a span."""
    first, last = span
    if last < first:
        raise SpecError(
            asked=f"carry the price of {code} from {first} to {last}",
            found="the last day is before the first",
            rule="a span is (first day, last day), both included",
            todo="exchange the two days",
        )
    low = int(closes.index.searchsorted(pd.Timestamp(first)))
    return range(low, int(closes.index.searchsorted(pd.Timestamp(last), side="right")))


def _contradictions(closes: pd.DataFrame, code: str, rows: Sequence[int]) -> Iterator[Finding]:
    """Yield what speaks against a suspension on these rows, in order."""
    missing = closes[code].isna().to_numpy()
    for row in rows:
        day = f"{closes.index[row]:%Y-%m-%d}"
        if not missing[row]:
            found = f"{closes[code].iloc[row]:g} yen, but the stock is declared suspended"
            yield Finding("closes.csv", day, code, "suspended-with-price", found)
        if row - 1 not in rows and (row == 0 or missing[row - 1]):
            found = "suspended, and without a close on the session before"
            yield Finding("closes.csv", day, code, "standard-price", found)


def _effective(closes: pd.DataFrame, row: int, events: Iterable[Event]) -> list[Event]:
    """Return the events that act on a session: effective after the one before, up to it."""
    before, today = closes.index[row - 1], closes.index[row]
    return [event for event in events if before < pd.Timestamp(event.effective) <= today]


def _standard(close: float, code: str, events: Sequence[Event]) -> float:
    if np.isnan(close) or not events:
        return float(close)
    return float(standard_prices({code: exact_price(close)}, events)[code])
