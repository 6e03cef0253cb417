"""Daily prices of vendors: Stooq, Yahoo, yfinance, and any table of day, open, high, low, close.

| file | columns |
|---|---|
| Stooq | Date, Open, High, Low, Close[, Volume], English or Polish; in bulk with <TICKER> |
| Yahoo | Date, Open, High, Low, Close, Adj Close, Volume; ``null`` where there is none |
| yfinance | Date, ..., [Adj Close,] Volume[, Dividends, Stock Splits]; or three lines of header: Price, Ticker, Date |

Close is adjusted for splits in all of them; without Adj Close that of yfinance is adjusted for dividends too.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from indexsim.errors import DataError, Finding, SpecError
from indexsim.official.layout import Hints, Layout, as_file, one_series, out_of_range, which
from indexsim.official.reading import OTHER, STOCKS, Reading
from indexsim.official.sheet import Sheet, plain, refused
from indexsim.official.words import CODE, meaning, series_of


def _means(sheet: Sheet) -> set[str]:
    return {meaning(name) for name in sheet.header if name}


def _is_single(sheet: Sheet) -> bool:
    means = _means(sheet)
    return {"date", "close"} <= means and not means & {"code", "ticker", "weight", "factor", "par", "adj_factor"}


def _single(sheet: Sheet, hints: Hints) -> Reading:
    frame, findings = one_series(sheet, sheet.body())
    series = which(sheet, frame["close"], hints)
    findings += out_of_range(series, frame["close"], sheet.name)
    name, adjusted = _vendor(sheet)
    frames = as_file(series, frame, sheet.name)
    kind = f"{name}, daily prices: {series}"
    if not CODE.fullmatch(series):
        adjusted = _held_as_traded(sheet.name, series, frame, adjusted)
    return Reading(sheet.name, kind, OTHER, frames, tuple(findings), adjusted)


def _vendor(sheet: Sheet) -> tuple[str, str]:
    """Return the name of the vendor that heads its columns so, and what its closes are adjusted for."""
    means = _means(sheet)
    if "adj_close" in means:
        return "Yahoo", "splits"
    if {"dividends", "splits"} & means:
        return "yfinance", "all"
    return "vendor", "unknown"


def _held_as_traded(file: str, series: str, frame: pd.DataFrame, adjusted: str) -> str:
    """Refuse prices of a fund that were adjusted for its distributions: those were never traded."""
    if not series.startswith("etf_"):
        return "none"
    tenths = frame["close"] * 10
    odd = (tenths - tenths.round()).abs() > 1e-6
    if odd.mean() > 0.05:
        found = f"{int(odd.sum())} of {len(frame)} closes are no multiple of 0.1 yen: adjusted for distributions"
        todo = "download prices as traded (yfinance: auto_adjust=False)"
        raise DataError([Finding(file, "", "close", "price-as-traded", found)], f"import {file}", todo)
    return "none"


def _is_bulk(sheet: Sheet) -> bool:
    return {"date", "ticker", "close"} <= _means(sheet)


def _bulk(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    column = next(str(name) for name in body.columns if meaning(str(name)) == "ticker")
    parts = []
    for ticker in body[column].unique():
        rows = body[body[column] == ticker]
        parts.append(_named(sheet, rows.drop(columns=column), str(ticker), "unknown"))
    return _joined(sheet.name, "vendor, daily prices with tickers", parts)


def _is_many(sheet: Sheet) -> bool:
    if sheet.header_row < 0 or len(sheet.cells) < sheet.header_row + 4:
        return False
    firsts = {_line(sheet, below)[0].casefold() for below in (0, 1)}
    return "ticker" in firsts and firsts <= {"ticker", "price", ""}


def _line(sheet: Sheet, below: int) -> list[str]:
    return [cell if isinstance(cell, str) else "" for cell in sheet.cells.iloc[sheet.header_row + below]]


def _many(sheet: Sheet, hints: Hints) -> Reading:
    """Read the three lines that yfinance heads its columns with: field, ticker, and the name of the days."""
    upper, lower = _line(sheet, 0), _line(sheet, 1)
    tickers, names = (upper, lower) if upper[0].casefold() == "ticker" else (lower, upper)
    fields = [plain(name) for name in names]
    wide = max(at for at, ticker in enumerate(tickers) if ticker) + 1
    adjusted = "splits" if "adjclose" in fields else "all"
    numbered = ["date", *(f"column{at}" for at in range(1, wide))]
    cells = sheet.cells.iloc[:, :wide].copy()
    cells.iloc[sheet.header_row + 2] = numbered
    inner = Sheet(sheet.name, cells.iloc[sheet.header_row + 2 :], sheet.ends)
    body = inner.body()
    parts = []
    for ticker in dict.fromkeys(ticker for ticker in tickers[1:wide] if ticker):
        own = {f"column{at}": fields[at] for at in range(1, wide) if tickers[at] == ticker}
        parts.append(_named(sheet, body[["date", *own]].rename(columns=own), ticker, adjusted))
    return _joined(sheet.name, "yfinance, daily prices", parts)


def _named(sheet: Sheet, body: pd.DataFrame, ticker: str, adjusted: str) -> Reading:
    """Read the columns of one ticker."""
    series = series_of(ticker)
    if not series:
        todo = "leave it out, or import it alone with --as SERIES"
        raise refused(sheet.name, f"the ticker {ticker}", "a ticker of a series or a stock of Tokyo", todo)
    blank = (body.drop(columns="date") == "").all(axis=1)
    frame, findings = one_series(sheet, body[~blank])
    findings += out_of_range(series, frame["close"], sheet.name)
    if not CODE.fullmatch(series):
        adjusted = _held_as_traded(sheet.name, series, frame, adjusted)
    return Reading(sheet.name, series, OTHER, as_file(series, frame, sheet.name), tuple(findings), adjusted)


def _joined(file: str, what: str, parts: list[Reading]) -> Reading:
    frames: dict[str, pd.DataFrame] = {}
    for part in parts:
        for name, frame in part.frames.items():
            if name in frames and name != STOCKS:
                raise SpecError(
                    asked=f"import {file}",
                    found=f"two tickers for {name}",
                    rule="one source for a series in a file",
                    todo="leave one of them out",
                )
            frames[name] = pd.concat([frames[name], frame], ignore_index=True) if name in frames else frame
    adjusted = next((part.adjusted for part in parts if STOCKS in part.frames), "none")
    findings = tuple(replace(f, column=f"{part.kind} {f.column}".strip()) for part in parts for f in part.findings)
    kinds = ", ".join(part.kind for part in parts[:6]) + (f", ... ({len(parts)})" if len(parts) > 6 else "")
    return Reading(file, f"{what}: {kinds}", OTHER, frames, findings, adjusted)


LAYOUTS = (
    Layout("yfinance", "prices of several tickers from yfinance", _is_many, _many),
    Layout("tickers", "prices with a column of tickers", _is_bulk, _bulk),
    Layout("prices", "daily prices of one series", _is_single, _single),
)
