"""The special quotations of a market: first prices on every SQ day, beside the published open."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtests.verbs.shared import Answer
from indexsim.errors import DataError
from indexsim.expiry import sq_days
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt
from indexsim.sq import special_quotation

#: Names said of those without a first price.
NAMED = 5


def quotations(market: MarketData, rebuilt: Rebuilt) -> list[Answer]:
    """Return the SQ value of every SQ day between the first and the last session of the index.

    Returns
    -------
    list of dict
        ``date``, ``quarterly`` (futures settle), ``sq``, ``open`` (published, of that day) and ``gap`` (sq - open),
        all points.
        What is not known is null, with ``sq_why``, ``open_why`` or ``gap_why``.

    Raises
    ------
    MissingData
        The market holds no ``opens``.
    DataError
        The opens have errors.
    """
    asked = "compute special quotations"
    market.require(["opens"], asked)
    first, last = (day.date() for day in (rebuilt.levels.index[0], rebuilt.levels.index[-1]))
    market.refuse_errors({"opens": (first, last)}, asked)
    opens, published = market.table("opens"), _published_opens(market, rebuilt)
    quarterly = set(sq_days(first, last, quarterly=True))
    rows = []
    for day in sq_days(first, last):
        row = {"date": f"{day:%Y-%m-%d}", "quarterly": day in quarterly}
        sq, sq_why = _quotation(rebuilt, opens, day)
        open_ = float(published.get(day, np.nan))
        row |= {"sq": sq, **sq_why, **_known("open", open_, f"no published open of that day in {_files(rebuilt)}")}
        gap = np.nan if sq is None else round(sq - open_, 2)
        rows.append(row | _known("gap", gap, "it needs both"))
    return rows


def _quotation(rebuilt: Rebuilt, opens: pd.DataFrame, day: pd.Timestamp) -> tuple[float | None, Answer]:
    """Return the value of a day, or None and why there is none."""
    if day not in rebuilt.levels.index:
        return None, {"sq_why": "no closes on that day, so no session of the index"}
    if day not in opens.index:
        return None, {"sq_why": "no row of opens on that day"}
    try:
        return special_quotation(rebuilt.index, day.date(), opens.loc[[day]].iloc[0]), {}
    except DataError as error:
        codes = [finding.column for finding in error.findings]
        more = f" and {len(codes) - NAMED} more" if len(codes) > NAMED else ""
        return None, {"sq_why": f"no first price of {', '.join(codes[:NAMED])}{more}"}


def _known(name: str, value: float, why: str) -> Answer:
    """Return a number under its name, or null and why."""
    return {name: None, f"{name}_why": why} if np.isnan(value) else {name: float(value)}


def _published_opens(market: MarketData, rebuilt: Rebuilt) -> pd.Series:
    """Return the published opening levels by day, of the file that the levels are compared with."""
    frame = market.table(rebuilt.source) if rebuilt.source else pd.DataFrame()
    return frame["open"] if "open" in frame else pd.Series(dtype="float64")


def _files(rebuilt: Rebuilt) -> str:
    return rebuilt.source or "index, n225"
