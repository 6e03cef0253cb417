"""The Nikkei 225 beside TOPIX, also where a market holds only a part of the two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from backtests.verbs.shared import Answer
from indexsim import compare, floatcap
from indexsim.market import MarketData
from indexsim.rebuild import EXACT, FILES, can_rebuild, rebuild

ASKED = "compare the Nikkei with TOPIX"
#: What TOPIX is rebuilt from, at its published level on the first session.
FLOAT_FILES = ("closes", "shares_ffw", "topix")


def comparison(market: MarketData) -> Answer:
    """Return the comparison table and the NT ratio by year.

    Returns
    -------
    dict
        ``table``: rows as `indexsim.compare.table` gives them. ``nt_ratio``: ``from``, ``to``, ``days``, ``last`` and
        ``by_year`` [{year, last, low, high}], or null with ``nt_ratio_why``. ``sources``: the file of
        each, ``rebuilt`` for a Nikkei from constituents where there is no ``n225``, null where there is none.

    Raises
    ------
    MissingData
        The market holds neither of the two, or two series without a day in common.
    DataError
        What is there has errors.
    """
    if market.has("n225") and market.has("topix"):
        table, ratio = compare.table(market), _by_year(compare.nt_ratio(market))
        return {"table": table, "nt_ratio": ratio, "sources": {"n225": "n225", "topix": "topix"}}
    if not (can_rebuild(market) or market.has("n225") or market.has("topix")):
        market.require(["n225", "topix"], ASKED)
    sources = {name: name if market.has(name) else None for name in ("n225", "topix")}
    sources["n225"] = sources["n225"] or ("rebuilt" if can_rebuild(market) else None)
    return {**_of_parts(_nikkei(market), _topix(market)), "sources": sources}


def lacking(market: MarketData) -> list[str]:
    """Return a sentence for each file that the comparison would use and the market does not hold."""
    return [f"{name}: not there" for name in dict.fromkeys([*FILES, "n225", *FLOAT_FILES]) if not market.has(name)]


@dataclass(frozen=True)
class _Side:
    """One of the two indexes: its closes, and what a rebuilt one says of its weighting and count."""

    name: str
    closes: pd.Series | None
    absent: str
    weighting: Answer
    count: Answer


def _nikkei(market: MarketData) -> _Side:
    closes, rebuilt = _series(market, "n225"), rebuild(market) if can_rebuild(market) else None
    if rebuilt is None:
        weighting, count = _unknown("n225", _lacking(market, FILES))
    else:
        held = len(rebuilt.index.regimes[-1].basket)
        weighting, count = _proved("n225", compare.PRICE, rebuilt.errors, held)
        closes = rebuilt.levels if closes is None else closes
    return _Side("n225", closes, f"n225 missing, and {_lacking(market, FILES)}", weighting, count)


def _topix(market: MarketData) -> _Side:
    closes = _series(market, "topix")
    if closes is None or not all(market.has(name) for name in FLOAT_FILES):
        weighting, count = _unknown("topix", _lacking(market, FLOAT_FILES))
    else:
        index = floatcap.rebuild(market)
        held = len(index.regimes[-1].shares)
        weighting, count = _proved("topix", compare.MARKET_VALUE, (index.levels() - closes).dropna(), held)
    return _Side("topix", closes, "topix missing", weighting, count)


def _series(market: MarketData, name: str) -> pd.Series | None:
    if not market.has(name):
        return None
    market.refuse_errors({name: (date.min, date.max)}, ASKED)
    return market.table(name)["close"].dropna()


def _lacking(market: MarketData, files: tuple[str, ...]) -> str:
    missing = [name for name in files if not market.has(name)]
    return f"{', '.join(missing)} missing to rebuild it from"


def _proved(name: str, weighting: str, errors: pd.Series, count: int) -> tuple[Answer, Answer]:
    """Name weighting and count of an index that agrees with what was published, as `compare.table` does."""
    exact = int((errors.abs() < EXACT).sum())
    if not len(errors) or exact < compare.AGREEMENT * len(errors):
        why = f"rebuilt by {weighting} it equals the published close on {exact} of {len(errors)} days"
        return _unknown(name, why)
    return {name: weighting, f"{name}_exact_days": exact, f"{name}_days": len(errors)}, {name: count}


def _unknown(name: str, why: str) -> tuple[Answer, Answer]:
    cells: Answer = {name: None, f"{name}_why": why}
    return cells, cells


def _of_parts(nikkei: _Side, topix: _Side) -> Answer:
    """Return the answer where one of the two published series is not there."""
    sides = (nikkei, topix)
    table = [
        {"what": "weighting", **nikkei.weighting, **topix.weighting},
        {"what": "count", **nikkei.count, **topix.count},
        {"what": "volatility", "years": compare.YEARS, **_volatility(nikkei), **_volatility(topix)},
    ]
    why = "; ".join(side.absent for side in sides if side.closes is None)
    if nikkei.closes is not None and topix.closes is not None:
        ratio = (nikkei.closes / topix.closes).dropna()
        if len(ratio):
            last = {"on": f"{ratio.index[-1]:%Y-%m-%d}", "value": round(float(ratio.iloc[-1]), 4)}
            return {"table": [*table, {"what": "nt_ratio", **last}], "nt_ratio": _by_year(ratio)}
        why = "no day with a close of both"
    return {
        "table": [*table, {"what": "nt_ratio", "value": None, "value_why": why}],
        "nt_ratio": None,
        "nt_ratio_why": why,
    }


def _volatility(side: _Side) -> Answer:
    if side.closes is None:
        return {side.name: None, f"{side.name}_why": side.absent}
    found = compare.volatility(side.closes)
    said: Answer = {side.name: found, f"{side.name}_to": f"{side.closes.index[-1]:%Y-%m-%d}"}
    if found is None:
        said[f"{side.name}_why"] = f"the first close is that of {side.closes.index[0]:%Y-%m-%d}"
    return said


def _by_year(ratio: pd.Series) -> Answer:
    """Return the NT ratio by calendar year, rounded to four decimals."""
    days = pd.DatetimeIndex(ratio.index)
    return {
        "from": f"{days[0]:%Y-%m-%d}",
        "to": f"{days[-1]:%Y-%m-%d}",
        "days": len(ratio),
        "last": round(float(ratio.iloc[-1]), 4),
        "by_year": [
            {"year": year, **{name: round(float(value), 4) for name, value in _ends(values).items()}}
            for year, values in ((int(str(y)), values) for y, values in ratio.groupby(days.year))
        ],
    }


def _ends(values: pd.Series) -> dict[str, float]:
    return {"last": values.iloc[-1], "low": values.min(), "high": values.max()}
