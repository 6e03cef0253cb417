"""Files of Nikkei: daily levels, the list of price adjustment factors, the list of weights.

| file | columns |
|---|---|
| daily | day, **close**, open, high, low, in this order; the Nikkei 225, its VI and its total return have one layout |
| factors | day, code, name, price adjustment factor (cap included) or presumed par, industry, sector |
| weights | day, code, name, industry, sector, weight in percent |

English or Japanese, UTF-8 or Shift_JIS, a line of copyright below.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd

from indexsim.errors import DataError, Finding
from indexsim.official.cells import refuse
from indexsim.official.layout import Hints, Layout, as_file, one_series, out_of_range, which
from indexsim.official.reading import FACTORS, PUBLISHER, WEIGHTS, Reading, keyed, refuse_sparse, typed
from indexsim.official.sheet import Sheet
from indexsim.official.words import CODE, meaning

#: Series that the publisher gives in the daily layout.
SERIES = ("n225", "nikkei_vi", "total_return")
#: How the publisher heads the day; other sources do not.
_OWN_DAY = ("dateofdata", "データ日付")
#: Column as it is headed -> column of the file, the highest first.
_TOTALS = {"total_return": "tr", "net_total_return": "net_tr", "close": "price_index"}
#: Weights are printed with 4 decimals of a percent, so 225 of them add up to 100 within this.
_SUM_WITHIN = 0.02


def _means(sheet: Sheet) -> list[str]:
    return [meaning(name) for name in sheet.header if name]


def _is_daily(sheet: Sheet) -> bool:
    means = _means(sheet)
    if (
        {"code", "ticker", "weight", "factor", "total_return"} & set(means)
        or "close" not in means
        or "date" not in means
    ):
        return False
    close_first = {"open", "high", "low"} <= set(means) and means.index("close") < means.index("open")
    return sheet.header[0] in _OWN_DAY or (close_first and not {"adj_close", "volume"} & set(means))


def _daily(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    frame, findings = one_series(sheet, body)
    series = which(sheet, frame["close"], hints, SERIES)
    findings += out_of_range(series, frame["close"], sheet.name)
    return Reading(
        sheet.name,
        f"Nikkei, daily levels: {series}",
        PUBLISHER,
        as_file(series, frame, sheet.name),
        tuple(findings),
        "none",
    )


def _is_total_return(sheet: Sheet) -> bool:
    return {"date", "total_return"} <= set(_means(sheet))


def _total_return(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    frame, findings = typed(body, sheet.name, tuple(_TOTALS))
    frame = keyed(frame, ["date"], sheet.name, findings).set_index("date").rename(columns=_TOTALS)
    refuse_sparse(pd.DatetimeIndex(frame.index), sheet.name)
    falling = [frame[name].to_numpy() for name in _TOTALS.values() if name in frame]
    if any((above < below).any() for above, below in pairwise(falling)):
        found = "not total return >= net total return >= price index: columns are exchanged"
        raise DataError([Finding(sheet.name, "", "", "columns-in-order", found)], f"import {sheet.name}")
    kind = "Nikkei, total return: total_return"
    return Reading(sheet.name, kind, PUBLISHER, {"total_return": frame}, tuple(findings), "none")


def _is_factors(sheet: Sheet) -> bool:
    means = set(_means(sheet))
    return {"date", "code"} <= means and bool(means & {"factor", "par"}) and "weight" not in means


def _factors(sheet: Sheet, hints: Hints) -> Reading:
    """Read a list of factors; each stays as it is written, a presumed par becomes 50 over it."""
    body = sheet.body()
    frame, findings = typed(body, sheet.name, ())
    named = {meaning(str(name)): str(name) for name in body.columns}
    _refuse_ratios(sheet, body)
    frame, kind = _members(sheet, frame, body, named, findings), "price adjustment factors"
    column = named.get("factor") or named["par"]
    written = body.loc[frame.index, column].str.normalize("NFKC").str.replace(",", "")
    factors = written.map(_fraction)
    refuse(sheet.name, column, "factor-positive", written, factors.isna().to_numpy(), "is no number above zero")
    if "factor" not in named:
        kind, written = "presumed par values", factors.map(lambda par: str(Fraction(50) / par))
    frame["factor"] = written
    day = pd.Timestamp(frame["date"].iloc[0])
    return Reading(
        sheet.name, f"Nikkei, list of {kind} of {day:%Y-%m-%d}", PUBLISHER, {FACTORS: frame}, tuple(findings)
    )


def _refuse_ratios(sheet: Sheet, body: pd.DataFrame) -> None:
    """Refuse a column of cap ratios beside the factors: whether the factors contain them no header says."""
    for name in (str(name) for name in body.columns if not meaning(str(name))):
        if ("キャップ" in name or "cap" in name) and (body[name].fillna("") != "").any():
            found = f"{name} beside the factors: are they adjusted for the cap already?"
            todo = "give a list whose factors are adjusted for the cap, without this column"
            raise DataError(
                [Finding(sheet.name, "header", name, "factor-is-capped", found)], f"import {sheet.name}", todo
            )


def _fraction(text: str) -> Fraction | None:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _is_weights(sheet: Sheet) -> bool:
    means = set(_means(sheet))
    return {"date", "code", "weight"} <= means and not means & {"factor", "par"} and "sector" in means


def _weights(sheet: Sheet, hints: Hints) -> Reading:
    body = sheet.body()
    frame, findings = typed(body, sheet.name, ("weight",))
    named = {meaning(str(name)): str(name) for name in body.columns}
    frame = _members(sheet, frame, body, named, findings)
    total = float(frame["weight"].sum())
    if frame["weight"].isna().any() or abs(total - 100) > _SUM_WITHIN:
        found = f"{len(frame)} weights that add up to {total:.4f} %, with {int(frame['weight'].isna().sum())} blank"
        raise DataError([Finding(sheet.name, "", "weight", "weights-add-up", found)], f"import {sheet.name}")
    day = pd.Timestamp(frame["date"].iloc[0])
    kind = f"Nikkei, list of weights of {day:%Y-%m-%d}"
    return Reading(sheet.name, kind, PUBLISHER, {WEIGHTS: frame}, tuple(findings))


def _members(
    sheet: Sheet, frame: pd.DataFrame, body: pd.DataFrame, named: dict[str, str], findings: list[Finding]
) -> pd.DataFrame:
    """Return the rows of a list with codes, names and sectors; one day, each code once."""
    for column in ("name", "industry", "sector"):
        if column in named:
            frame[column] = body[named[column]].str.normalize("NFKC")
    bad = ~frame["code"].map(lambda code: bool(CODE.fullmatch(code))).to_numpy(dtype=bool)
    refuse(sheet.name, "code", "code", frame["code"], bad, "is no code of four characters")
    days = np.unique(frame["date"].to_numpy())
    if len(days) > 1:
        shown = ", ".join(str(day)[:10] for day in days[:3])
        raise DataError(
            [Finding(sheet.name, "", "date", "one-day", f"a list of {len(days)} days: {shown}")],
            asked=f"import {sheet.name}",
            todo="import a list of one day",
        )
    return keyed(frame, ["code"], sheet.name, findings)


LAYOUTS = (
    Layout("nikkei-daily", "daily levels of Nikkei, close first", _is_daily, _daily),
    Layout("nikkei-total-return", "total return of Nikkei", _is_total_return, _total_return),
    Layout("nikkei-factors", "list of price adjustment factors", _is_factors, _factors),
    Layout("nikkei-weights", "list of weights", _is_weights, _weights),
)
