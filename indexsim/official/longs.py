"""Long tables of many stocks, as public copies give them: prices, splits, dividends.

| file | columns |
|---|---|
| prices | date, code, open, high, low, close, volume |
| splits | ex_date, code, ratio (new shares for an old one) |
| dividends | ex_date, code, dividend_split_adjusted (yen a share) |

Whether prices are as traded or adjusted for splits no header says: `indexsim.gathering.splits` finds out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from indexsim.errors import DataError, Finding
from indexsim.official.cells import merged, refuse
from indexsim.official.layout import PRICES, Hints, Layout, positive
from indexsim.official.reading import OTHER, PAYMENTS, SPLITS, STOCKS, Reading, exchanged, keyed, out_of_order, typed
from indexsim.official.sheet import Sheet
from indexsim.official.words import CODE, meaning

_MOST_OUT_OF_ORDER = 0.05
#: The code of TOPIX among indices.
TOPIX = "0000"


def stocks(file: str, body: pd.DataFrame, columns: tuple[str, ...] = PRICES) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the rows of a long table of prices, each code and day once, held against high >= close >= low.

    Raises
    ------
    DataError
        A code is none, or columns are exchanged.
    """
    frame, findings = typed(body, file, columns)
    bad = ~frame["code"].str.fullmatch(CODE.pattern).to_numpy(dtype=bool)
    refuse(file, "code", "code", frame["code"], bad, "is no code of four characters")
    findings = merged(findings)
    frame = keyed(frame, ["date", "code"], file, findings)
    known = {finding.row for finding in findings if finding.rule == "cell-not-filled"}
    findings += _blank(frame, file, known)
    frame = frame[frame["close"].notna()]
    positive(frame, file)
    _order(frame, file, findings)
    return frame, findings


def _blank(frame: pd.DataFrame, file: str, known: set[str]) -> list[Finding]:
    """Warn of rows without a close, but on the days that have a finding already."""
    rows = frame[frame["close"].isna()]
    rows = rows[~rows["date"].dt.strftime("%Y-%m-%d").isin(known)]
    if rows.empty:
        return []
    first = rows.iloc[0]
    found = f"no close in {len(rows)} rows, first {first['code']} on {first['date']:%Y-%m-%d}: unknown"
    return [Finding(file, "", "close", "cell-blank", found, "warning")]


def _order(frame: pd.DataFrame, file: str, findings: list[Finding]) -> None:
    wrong = out_of_order(frame)
    by_code = frame.sort_values(["code", "date"], kind="stable")
    swapped = "open" in frame and exchanged(by_code["open"].to_numpy(), by_code["close"].to_numpy())
    if swapped or (wrong.sum() > 2 and wrong.mean() > _MOST_OUT_OF_ORDER):
        how = "opens and closes" if swapped else f"{int(wrong.sum())} of {len(frame)} rows"
        found = f"{how} are not as high >= close >= low and time have it: columns are exchanged"
        raise DataError([Finding(file, "", "", "columns-in-order", found)], f"import {file}", "correct the header")
    if wrong.any():
        first = frame[wrong].iloc[0]
        found = f"{int(wrong.sum())} rows are not high >= close >= low, first {first['code']}"
        findings.append(Finding(file, f"{first['date']:%Y-%m-%d}", "", "row-in-order", found, "warning"))


def _means(sheet: Sheet) -> set[str]:
    return {meaning(name) for name in sheet.header if name}


def _is_prices(sheet: Sheet) -> bool:
    means = _means(sheet)
    others = means & {"factor", "weight", "adj_factor", "par"}
    return {"date", "code", "close"} <= means and not others and not is_topix(sheet)


def _prices(sheet: Sheet, hints: Hints) -> Reading:
    frame, findings = stocks(sheet.name, sheet.body())
    kind = f"long prices of {frame['code'].nunique()} stocks"
    return Reading(sheet.name, kind, OTHER, {STOCKS: frame}, tuple(findings))


def is_topix(sheet: Sheet) -> bool:
    """Say whether the first code of a sheet is that of TOPIX among indices."""
    at = next((at for at, name in enumerate(sheet.header) if meaning(name) == "code"), -1)
    rows = sheet.cells.iloc[sheet.header_row + 1 : sheet.header_row + 2]
    return at >= 0 and len(rows) > 0 and str(rows.iloc[0, at]) == TOPIX


def _is_splits(sheet: Sheet) -> bool:
    return {"ex_date", "code", "ratio"} <= _means(sheet)


def _splits(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    frame, findings = typed(body, sheet.name, ("ratio",), "ex_date")
    frame = frame.rename(columns={"date": "ex_date"})
    refuse(sheet.name, "ratio", "ratio-positive", body["ratio"], ~(frame["ratio"] > 0).to_numpy(), "is no ratio")
    plain = frame[frame["ratio"] == 1]
    if len(plain):
        found = f"{len(plain)} ratios of 1.0, first {plain['code'].iloc[0]}: cut from a small one, as 1.1? left out"
        findings.append(Finding(sheet.name, "", "ratio", "ratio-says-nothing", found, "warning"))
    frame = keyed(frame[frame["ratio"] != 1], ["ex_date", "code"], sheet.name, findings)
    return Reading(sheet.name, "table of splits", OTHER, {SPLITS: frame.reset_index(drop=True)}, tuple(findings))


def _is_dividends(sheet: Sheet) -> bool:
    return {"ex_date", "code", "dividend"} <= _means(sheet)


def _dividends(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    frame, findings = typed(body, sheet.name, ("dividend",), "ex_date")
    frame = frame.rename(columns={"date": "ex_date", "dividend": "yen"})
    bad = ~(np.isnan(frame["yen"]) | (frame["yen"] >= 0)).to_numpy(dtype=bool)
    column = next(str(name) for name in body.columns if meaning(str(name)) == "dividend")
    refuse(sheet.name, column, "amount-in-range", body[column], bad, "is below zero")
    frame = keyed(frame, ["ex_date", "code"], sheet.name, findings).reset_index(drop=True)
    kind = "dividends, adjusted for splits"
    return Reading(sheet.name, kind, OTHER, {PAYMENTS: frame}, tuple(findings), "splits")


LAYOUTS = (
    Layout("stocks", "long prices of many stocks", _is_prices, _prices),
    Layout("splits", "table of splits", _is_splits, _splits),
    Layout("dividends", "dividends adjusted for splits", _is_dividends, _dividends),
)
