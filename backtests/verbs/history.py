"""The verb ``history``: what happened between lists of factors of two dates or more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from backtests.verbs.shared import Answer, Folders, about, paths
from indexsim import shelf
from indexsim.errors import SpecError, unknown_name
from indexsim.facts import index_events
from indexsim.history import FactorList, History, infer, read_list
from indexsim.history.rows import agreement, to_rows
from indexsim.market import MarketData
from indexsim.schema import MARKER
from indexsim.suspension import quoted

#: What ``data/facts/index_events.csv`` is used for.
FACTS = ("check", "source", "no")


def history(
    folders: Folders,
    lists: Sequence[tuple[Path | str, date | None]],
    *,
    facts: str = "check",
    out: Path | str | None = None,
) -> Answer:
    """Infer from official lists of factors what happened between them, and write it as events.

    Parameters
    ----------
    folders : path or sequence of paths
        A market with ``closes`` and the published level (``index`` or ``n225``). Its ``divisors``, where it has them,
        say the divisor in force on the day of the first list.
    lists : sequence of (path, day)
        Lists of factors; None takes the day that the file says.
    facts : {"check", "source", "no"}
        Hold what was found against ``data/facts/index_events.csv``, let it also place what the levels leave open, or
        do not look at it.
    out : path, optional
        Market folder that gets ``factors`` and ``divisors``, where nothing is ambiguous.

    Returns
    -------
    dict
        ``found`` [{date, code, event, before, after, by}], ``ambiguous`` [{code, what, candidates, why}], ``misfits``
        (dates whose level no history fits), ``divisor`` {value, fitted}, ``rebuilt`` {days, exact_days, max_abs_error}
        (null with ``why``), ``facts`` [{date, code, found, facts, agree}], ``path``.

    Raises
    ------
    MissingData, DataError, SpecError
        Closes, levels or a list are not there or cannot be used.
    """
    if facts not in FACTS:
        raise unknown_name("use of the facts", facts, FACTS)
    market = MarketData.open(*paths(folders))
    _refuse_synthetic(market, out)
    read = sorted((read_list(Path(path), day) for path, day in lists), key=lambda each: each.day)
    source = next((name for name in ("index", "n225") if market.has(name)), "index")
    market.require(["closes", source], "infer the history of the factors")
    first, last = (read[0].day, read[-1].day) if read else (date.min, date.max)
    market.refuse_errors(dict.fromkeys(["closes", source], (first, last)), "infer the history of the factors")
    closes, levels = quoted(market, "infer the history of the factors"), market.table(source)["close"]
    known = index_events() if facts != "no" else ()
    found = infer(read, closes, levels, _divisor(market, first), known if facts == "source" else ())
    answer: Answer = _answer(found)
    answer["facts"] = agreement(found, known, last)
    return {**answer, **_written(found, read, closes, levels, out), **about(market)}


def _refuse_synthetic(market: MarketData, out: Path | str | None) -> None:
    """Raise `SpecError` where events of a synthetic market would be written as if they were gathered."""
    if out is not None and market.synthetic is not None:
        raise SpecError(
            asked=f"write the history of a synthetic market to {out}",
            found=f"{MARKER} in the market",
            rule="synthetic data is never written where nothing says that it is",
            todo="leave --out away",
        )


def _divisor(market: MarketData, day: date) -> Decimal | None:
    """Return the divisor that the market says was in force on a day."""
    if not market.has("divisors"):
        return None
    table = market.table("divisors")
    before = table[table["effective_date"] <= pd.Timestamp(day)]
    return Decimal(before["divisor"].iloc[-1]) if len(before) else None


def _answer(found: History) -> Answer:
    return {
        "found": [
            {
                "date": p.session.isoformat(),
                "code": p.change.code,
                "event": str(p.change).partition(" ")[2].partition(" (")[0],
                "before": None if p.change.before is None else float(p.change.before),
                "after": None if p.change.after is None else float(p.change.after),
                "by": p.by,
            }
            for p in found.placed
        ],
        "ambiguous": [
            {"code": a.code, "what": a.what, "candidates": list(a.candidates), "why": a.why} for a in found.ambiguous
        ],
        "misfits": [day.isoformat() for day in found.misfits],
        "divisor": {"value": None if found.divisor is None else str(found.divisor), "fitted": found.fitted},
    }


def _written(
    found: History, read: Sequence[FactorList], closes: pd.DataFrame, levels: pd.Series, out: Path | str | None
) -> Answer:
    """Rebuild the index of a sure history, and write its files where that is asked for."""
    if found.ambiguous or found.divisor is None:
        why = "something is ambiguous" if found.ambiguous else "no level tells a divisor"
        return {"rebuilt": None, "path": None, "why": f"{why}: nothing was written"}
    last = pd.Timestamp(read[-1].day)
    rows = to_rows(found, closes.loc[:last], levels.loc[:last])
    worst = None if np.isnan(rows.worst) else round(rows.worst, 6)
    answer: Answer = {"rebuilt": {"days": rows.days, "exact_days": rows.exact_days, "max_abs_error": worst}}
    if out is not None:
        with shelf.changing(Path(out)) as fresh:
            shelf.put(fresh, {"factors": rows.factors, "divisors": rows.divisors})
    return {**answer, "path": None if out is None else str(out)}
