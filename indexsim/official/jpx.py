"""Files of the exchange: TOPIX, and what J-Quants gives as CSV.

| file | columns |
|---|---|
| TOPIX | day, open, high, low, close in Japanese words |
| J-Quants, stocks | Date, Code (5 characters), Open/O, ... as traded, an adjustment factor and adjusted prices |
| J-Quants, TOPIX | Date, (Code 0000,) Open/O, High/H, Low/L, Close/C |
"""

from __future__ import annotations

import pandas as pd

from indexsim.errors import DataError, Finding
from indexsim.official.layout import PRICES, Hints, Layout, as_file, one_series, out_of_range, which
from indexsim.official.longs import TOPIX, is_topix, stocks
from indexsim.official.reading import EXCHANGE, OTHER, PUBLISHER, SPLITS, STOCKS, Reading
from indexsim.official.sheet import Sheet
from indexsim.official.words import meaning

_LETTERS = {"o", "h", "l", "c"}
_JAPANESE = {"始値", "高値", "安値", "終値"}


def _is_index(sheet: Sheet) -> bool:
    header = {name for name in sheet.header if name}
    means = {meaning(name) for name in header}
    if "date" not in means or means & {"ticker", "weight", "factor", "volume", "adj_close"}:
        return False
    if "code" in means:
        return "close" in means and "adj_factor" not in means and is_topix(sheet)
    japanese = header >= _JAPANESE and "データ日付" not in header and _open_first(sheet)
    return japanese or (header >= _LETTERS and "adj_factor" not in means)


def _open_first(sheet: Sheet) -> bool:
    means = [meaning(name) for name in sheet.header if name]
    return means.index("open") < means.index("close")


def _index(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    codes = {str(code) for name in body.columns if meaning(str(name)) == "code" for code in body[name]}
    if codes - {TOPIX}:
        found = f"indices {', '.join(sorted(codes)[:5])}"
        finding = Finding(sheet.name, "", "code", "one-index", f"{found}; TOPIX is {TOPIX}")
        raise DataError([finding], f"import {sheet.name}", f"leave the rows of {TOPIX} alone in it")
    frame, findings = one_series(sheet, body)
    series = "topix" if codes and not hints.chosen else which(sheet, frame["close"], hints, ("topix", "n225"))
    findings += out_of_range(series, frame["close"], sheet.name)
    rank = PUBLISHER if series == "topix" else OTHER
    kind = f"exchange, daily levels: {series}"
    return Reading(sheet.name, kind, rank, as_file(series, frame, sheet.name), tuple(findings), "none")


def _is_stocks(sheet: Sheet) -> bool:
    header = set(sheet.header)
    means = {meaning(name) for name in header if name}
    return {"date", "code", "close", "adj_factor"} <= means


def _stocks(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    code = next(str(name) for name in body.columns if meaning(str(name)) == "code")
    codes = body[code].str.normalize("NFKC")
    # Five characters: the code, and 0 for its common shares. Other classes of shares are no constituents.
    long = codes.str.len() == 5
    body = body.assign(**{code: codes.where(~long, codes.str[:4])})[~long | codes.str.endswith("0")]
    if body.empty:
        found = "no common shares: a code of five characters that ends in 0"
        raise DataError([Finding(sheet.name, "", "code", "file-has-rows", found)], f"import {sheet.name}")
    frame, findings = stocks(sheet.name, body, (*PRICES, "adj_factor"))
    frames = {STOCKS: frame[["date", "code", *(c for c in PRICES if c in frame)]]}
    # A factor of 0.2 on a day says five new shares for an old one from that day on.
    split = frame[frame["adj_factor"].notna() & (frame["adj_factor"] != 1)]
    if len(split):
        rows = {"ex_date": split["date"], "code": split["code"], "ratio": 1 / split["adj_factor"]}
        frames[SPLITS] = pd.DataFrame(rows).reset_index(drop=True)
    return Reading(sheet.name, "J-Quants, daily prices as traded", EXCHANGE, frames, tuple(findings), "none")


LAYOUTS = (
    Layout("jpx-index", "daily levels of TOPIX from the exchange", _is_index, _index),
    Layout("jquants-stocks", "daily prices of stocks from J-Quants", _is_stocks, _stocks),
)
