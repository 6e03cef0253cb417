"""What the market was like on each session of a run: the Nikkei VI before it, the era of the Bank, events of the index.

Recorded with the run, so that a report can tell where a result comes from without looking at the market again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtests.benchmarks import with_start
from indexsim.bars import Bars
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split
from indexsim.market import MarketData
from indexsim.rules import Dated

COLUMNS = ("vi", "boj_era", "event")

#: The word of an event, as the column ``event`` has it; several of one session are joined by ", ".
WORDS: dict[type[Event], str] = {
    Replace: "constituents",
    Split: "split",
    CapStep: "cap step",
    FactorStep: "factor step",
    ExRights: "rights issue",
    SpinOff: "spin-off",
}


def eras() -> Dated[str]:
    """Return the eras of the Bank of Japan's fund purchases by first day, the years without them included.

    Examples
    --------
    >>> from datetime import date
    >>> [eras().on(date(year, 6, 1)) for year in (2009, 2015, 2025)]
    ['before the programme', '3 trillion a year', 'no new purchases']
    """
    from indexsim.boj.facts import ERAS as PACES
    from indexsim.boj.facts import SALES, caps

    first = next(cap.effective for cap in caps() if cap.effective)
    ended = next(cap.decided for cap in caps() if cap.kind == "pace" and cap.trillion_yen == 0)
    steps = ((None, "before the programme"), (first, PACES.steps[0][1]), *PACES.steps[1:])
    after = ((ended, "no new purchases"), (SALES.decided, "sales decided"))
    return Dated((*steps, *after), f"{PACES.source}; ends and sales E1 E6, H")


def recorded(market: MarketData, bars: Bars) -> pd.DataFrame:
    """Return what a report needs to know of each session of a run.

    Parameters
    ----------
    market : MarketData
        As known at the close of the last session.
    bars : Bars
        Those traded.

    Returns
    -------
    DataFrame of shape (n_sessions, 3)
        Index ``session``; ``vi`` (percent a year, close of the session before, so known before the open; NaN where
        absent), ``boj_era`` (text) and ``event`` (words of the events effective on it, "" where there are none, None
        where the market has no file of them).
    """
    days = with_start(bars)
    vi = market.folder.frame("nikkei_vi")["close"].reindex(days) if market.has("nikkei_vi") else np.nan
    before = pd.Series(vi, index=days, dtype="float64").shift(1).iloc[1:]
    era = eras()
    events = _events(market, pd.DatetimeIndex(before.index)) if market.has("factors") else None
    return pd.DataFrame(
        {
            "vi": before,
            "boj_era": pd.Series([era.on(day.date()) for day in before.index], index=before.index, dtype="str"),
            "event": pd.Series(events, index=before.index, dtype="str"),
        }
    )


def _events(market: MarketData, days: pd.DatetimeIndex) -> list[str]:
    """Return the words of the events effective on each session; one effective on no session acts on the next."""
    words: list[set[str]] = [set() for _ in days]
    for event in market.events:
        row = int(days.searchsorted(pd.Timestamp(event.effective)))
        if row < len(days) and (row > 0 or event.effective == days[0].date()):
            words[row].add(WORDS[type(event)])
    return [", ".join(word for word in WORDS.values() if word in found) for found in words]


def nothing() -> pd.DataFrame:
    """Return the record of a run that was made before there was one: no session."""
    index = pd.DatetimeIndex([], name="session")
    return pd.DataFrame({"vi": np.array([], dtype="float64"), "boj_era": "", "event": ""}, index=index)
