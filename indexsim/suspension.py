"""The prices that enter an index: special quote, else close, else standard price (A3).

A missing close stops the index, and should: it is far more often a hole in the data than a
suspension. So nothing is filled here but what is declared, code by code and day by day, in the file
``suspensions``. `prices_used` is the one place where a market's prices for an index come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from indexsim.divisor import standard_prices
from indexsim.errors import DataError, Finding, SpecError, unknown_name
from indexsim.events import Event, ExRights, Split
from indexsim.market import MarketData
from indexsim.rounding import exact_price

#: First and last day without trading, both included.
Span = tuple[date, date]

#: The files that say what stands for a close, where a market has them.
FILES = ("special_quotes", "suspensions")


def prices_used(market: MarketData, asked: str, last: date | None = None) -> pd.DataFrame:
    """Return the prices of a market that enter an index: special quote, else close, else standard price (A3).

    Parameters
    ----------
    market : MarketData
        With ``closes``; ``special_quotes`` and ``suspensions`` are used where they are there. The splits and
        rights on the way are those of ``factors``.
    asked : str
        What the caller wanted, for an error.
    last : date, optional
        Last session; None is the last one known.

    Returns
    -------
    DataFrame of shape (n_sessions, n_codes)
        Yen as traded. What is still NaN has no price, and no suspension says why.

    Raises
    ------
    DataError
        One of the two files has errors, names a code that ``closes`` does not have, or contradicts the prices.
    """
    used = [name for name in FILES if market.has(name)]
    market.refuse_errors(dict.fromkeys(used, (date.min, last or date.max)), asked)
    prices = quoted(market, asked).loc[: None if last is None else pd.Timestamp(last)]
    return _carried(market, prices, asked) if "suspensions" in used else prices


def quoted(market: MarketData, asked: str) -> pd.DataFrame:
    """Return the closes of a market, each cell with a special quote replaced by it (A3).

    Raises
    ------
    DataError
        A code of ``special_quotes`` has no closes.
    """
    closes = market.table("closes")
    if not market.has("special_quotes"):
        return closes
    quotes = market.table("special_quotes")
    file = market.folder.files["special_quotes"].name
    _refuse_unknown([("", code, code) for code in quotes.columns], closes, file, asked)
    quotes = quotes.reindex(index=closes.index, columns=closes.columns)
    return quotes.where(quotes.notna(), closes)


def _carried(market: MarketData, prices: pd.DataFrame, asked: str) -> pd.DataFrame:
    """Carry prices through the declared suspensions; what speaks against one names its line."""
    # All of the folder's, whatever is known: a view holds no price of a later day that could be filled.
    declared = market.folder.frame("suspensions")
    file = market.folder.files["suspensions"].name
    spans = [
        (f"line {line}", code, (first.date(), last.date()))
        for line, (code, first, last) in enumerate(
            zip(declared["code"], declared["first_date"], declared["last_date"], strict=True), 2
        )
    ]
    _refuse_unknown([(line, "code", code) for line, code, _ in spans], prices, file, asked)
    suspended: dict[str, list[Span]] = {}
    for _, code, span in spans:
        suspended.setdefault(code, []).append(span)

    def by_its_line(finding: Finding) -> Finding:
        day = date.fromisoformat(finding.row)
        line = next(n for n, code, (first, last) in spans if code == finding.column and first <= day <= last)
        return replace(finding, file=file, row=line, column="code", found=f"{finding.column} on {day}: {finding.found}")

    # Outside of the try: what speaks against an event is not about a suspension.
    events = market.events if market.has("factors") else ()
    try:
        return carry(prices, suspended, events)
    except DataError as error:
        raise DataError([by_its_line(f) for f in error.findings], asked) from None


def _refuse_unknown(named: Sequence[tuple[str, str, str]], closes: pd.DataFrame, file: str, asked: str) -> None:
    """Raise for each (row, column, code) of a file whose code has no closes."""
    found = "closes has no column for {}"
    absent = [
        Finding(file, row, column, "unknown-code", found.format(code))
        for row, column, code in named
        if code not in closes.columns
    ]
    if absent:
        raise DataError(absent, asked)


def unbuildable(findings: Sequence[Finding], asked: str) -> DataError:
    """Return the error of an index that cannot be built; for a missing price it says what may stand for one."""
    if not any(finding.rule == "missing-price" for finding in findings):
        return DataError(findings, asked)
    todo = "add the price, or, if the stock was suspended, declare its days in `suspensions` (data/README.md)"
    return DataError(findings, asked, todo)


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
