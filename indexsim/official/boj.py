"""Files of the Bank of Japan: purchases of funds, and the accounts of every ten days.

| file | says |
|---|---|
| purchases | a row a day: funds, funds that support firms, real estate trusts, loans of funds; 100 million yen |
| accounts | one day: a line for each item, then the total of the assets; thousand yen |
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from indexsim.errors import DataError, Finding
from indexsim.official.cells import day_of, numbers_of, refuse
from indexsim.official.layout import Hints, Layout
from indexsim.official.reading import PUBLISHER, Reading, by_day, typed
from indexsim.official.sheet import Sheet, plain, refused
from indexsim.official.words import meaning

#: Column of ``boj_etf_purchases`` -> what its header holds, in the order in which it is looked for.
_PURCHASES = (
    ("lending_etf", ("貸付", "貸出", "lending")),
    ("j_reit", ("j-reit", "jreit", "不動産投資")),
    ("supportive_etf", ("設備", "人材", "支援", "support", "physical")),
    ("index_etf", ("etf", "上場投資信託")),
)
_ACCOUNTS = ("営業毎旬報告", "bankofjapanaccounts")
_PART = r"[・(]?(うち|ofwhich)"
_TOTAL = ("合計", "資産合計", "総資産", "total", "totalassets")
#: Unit as it is written -> how many of it are 100 million yen.
_UNITS = {"千円": 100_000, "thousandyen": 100_000, "百万円": 100, "億円": 1, "100millionyen": 1}


def _purchase_columns(sheet: Sheet) -> dict[str, str]:
    """Return header -> column of the file, for the columns that are purchases."""
    found: dict[str, str] = {}
    for header in sheet.header[1:]:
        for name, marks in _PURCHASES:
            if header and name not in found.values() and any(mark in header for mark in marks):
                found[header] = name
                break
    return found


def _is_purchases(sheet: Sheet) -> bool:
    columns = set(_purchase_columns(sheet).values())
    dated = bool(sheet.header) and meaning(sheet.header[0]) == "date"
    return dated and "index_etf" in columns and len(columns) >= 2


def _purchases(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    columns = _purchase_columns(sheet)
    _refuse_unread(sheet, body, columns)
    frame, findings = typed(body, sheet.name, ())
    scale = _unit(sheet)
    if not scale:
        told = "no unit is written: taken as 100 million yen, as the Bank gives them"
        findings.append(Finding(sheet.name, "", "", "unit-is-said", told, "warning"))
        scale = 1
    for header, name in columns.items():
        values, found = numbers_of(body[header], sheet.name, name)
        refuse(sheet.name, name, "amount-in-range", body[header], values < 0, "is below zero")
        frame[name] = values / scale
        findings += found
    frame = by_day(frame, sheet.name, findings)
    kind = "Bank of Japan, purchases of funds"
    return Reading(sheet.name, kind, PUBLISHER, {"boj_etf_purchases": frame}, tuple(findings), "none")


def _refuse_unread(sheet: Sheet, body: pd.DataFrame, columns: dict[str, str]) -> None:
    """Refuse a further column of amounts: which purchases it holds no word says."""
    for name in (str(name) for name in body.columns[1:] if name not in columns):
        if body[name].str.contains(r"\d", regex=True).any():
            known = ", ".join(mark for _, marks in _PURCHASES for mark in marks)
            found = f"amounts under {name!r}, which no word tells apart ({known})"
            finding = Finding(sheet.name, "header", name, "column-is-known", found)
            raise DataError(
                [finding], f"import {sheet.name}", "head the column with one of these words, or leave it out"
            )


def _unit(sheet: Sheet) -> int:
    """Return how many units of the sheet are 100 million yen, from what stands above its rows; 0 if nothing says."""
    head = _flat(sheet, 12)
    found = [scale for unit, scale in _UNITS.items() if unit in head]
    return found[0] if found else 0


def _holds_unit(row: str) -> bool:
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", row)).casefold()
    return any(unit in text for unit in _UNITS)


def _flat(sheet: Sheet, rows: int) -> str:
    cells = sheet.cells.iloc[:rows].fillna("").to_numpy().ravel()
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", "".join(str(cell) for cell in cells))).casefold()


def _is_accounts(sheet: Sheet) -> bool:
    head = _flat(sheet, 12)
    return any(mark in head for mark in _ACCOUNTS)


def _accounts(sheet: Sheet, hints: Hints) -> Reading:
    day = _account_day(sheet)
    scale = _unit(sheet)
    if not scale:
        todo = "add the line with the unit, as (単位:千円)"
        raise refused(sheet.name, "no unit of its amounts", "accounts say their unit", todo)
    rows = sheet.cells.fillna("")
    label = rows.iloc[:, 0].map(plain)
    totals = np.flatnonzero(label.isin(_TOTAL).to_numpy())
    if not len(totals):
        raise refused(sheet.name, "no line for the total", f"one of {', '.join(_TOTAL)}", "get the file again, whole")
    # What stands above the unit is the head; a line below it that has no amount is a caption.
    unit = next(at for at in range(len(rows)) if _holds_unit("".join(rows.iloc[at])))
    items = rows.iloc[unit + 1 : totals[0] + 1]
    caption = ~items.iloc[:, 1:].apply("".join, axis=1).str.contains(r"\d", regex=True)
    part = label.loc[items.index].str.match(_PART)  # contained in the item above it
    amount, _ = numbers_of(items.iloc[:, 1][~caption & ~part], sheet.name, "amount")
    parts, total = amount[:-1], amount[-1]
    if np.isnan(total) or abs(np.nansum(parts) - total) > len(parts):
        found = f"items of {np.nansum(parts):,.0f} under a total of {total:,.0f}"
        raise DataError([Finding(sheet.name, "", "amount", "items-add-up", found)], f"import {sheet.name}")
    frame = pd.DataFrame({"total_assets_100m_yen": [total / scale]}, index=pd.DatetimeIndex([day], name="date"))
    kind = f"Bank of Japan, accounts as of {day:%Y-%m-%d}"
    return Reading(sheet.name, kind, PUBLISHER, {"boj_assets": frame}, (), "none")


def _account_day(sheet: Sheet) -> pd.Timestamp:
    text = unicodedata.normalize("NFKC", " ".join(str(c) for c in sheet.cells.iloc[:12].fillna("").to_numpy().ravel()))
    era = re.search(
        r"((?:令和|平成|昭和)\s*(?:\d{1,2}|元)年\s*\d{1,2}月\s*\d{1,2}日|\d{4}年\d{1,2}月\d{1,2}日)\s*現在", text
    )
    day = day_of(era[1]) if era else None
    english = re.search(r"(?:as of |\()([A-Z][a-z]+ \d{1,2})\s*,?\s*(\d{4})", text, re.IGNORECASE)
    if day is None and english is None:
        todo = "add the line with the day, as (令和7年10月20日現在)"
        raise refused(sheet.name, "no day of the accounts", "accounts say the day they are of", todo)
    found = (
        pd.Timestamp(day) if day else pd.to_datetime(f"{english[1]}, {english[2]}" if english else "", errors="coerce")
    )
    if pd.isna(found):
        raise refused(sheet.name, "a day that is none", "accounts say the day they are of", "correct the day")
    return found


LAYOUTS = (
    Layout("boj-accounts", "accounts of the Bank of Japan", _is_accounts, _accounts),
    Layout("boj-purchases", "purchases of funds by the Bank of Japan", _is_purchases, _purchases),
)
