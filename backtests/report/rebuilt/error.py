"""How far a rebuilt index is from the published one, session by session, and what the market says of the worst."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from backtests.report.plots import axis, kept
from indexsim.market import MarketData
from indexsim.rebuild import EXACT, FILES, Rebuilt

#: Sessions listed.
WORST = 10
#: Decimals of points: the levels have two, and what is left is rounding.
_POINTS = 6
_NOTHING = "the market names no event, finding or suspension on this session"

Part = dict[str, Any]


def levels(rebuilt: Rebuilt) -> Part:
    """Return the curves of the rebuilt and the published level and of the error, thinned to what a page can show.

    Between two kept sessions the error keeps its largest value, so that no bad day is lost.
    """
    days, errors = rebuilt.levels.index, rebuilt.levels - rebuilt.published
    places = kept(len(days))
    level, published = ([_number(series.iloc[at]) for at in places] for series in (rebuilt.levels, rebuilt.published))
    largest = [_largest(errors.to_numpy()[a + 1 : b + 1]) for a, b in pairwise([-1, *places])]
    return {
        "sessions": [f"{days[at]:%Y-%m-%d}" for at in places],
        "level": level,
        "published": published,
        "ticks": axis([level, published]),
        "error": largest,
        "error_ticks": axis([largest], [0.0], most=4),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _largest(errors: np.ndarray) -> float | None:
    known = errors[~np.isnan(errors)]
    return round(float(known[np.abs(known).argmax()]), _POINTS) + 0.0 if len(known) else None


def size(rebuilt: Rebuilt) -> Part:
    """Return the root of the mean squared error in points, and the largest error in fractions of the level."""
    errors = rebuilt.errors
    if errors.empty:
        why = "no published level to compare with"
        return {"rms_error": None, "rms_error_why": why, "max_relative": None, "max_relative_why": why}
    relative = (errors / rebuilt.published.loc[errors.index]).abs().max()
    return {"rms_error": round(float(np.sqrt((errors**2).mean())), _POINTS), "max_relative": round(float(relative), 10)}


def worst(market: MarketData, rebuilt: Rebuilt) -> list[Part]:
    """Return the sessions that are not exact and differ most, with what the market says of each."""
    errors = rebuilt.errors
    far = errors[errors.abs() >= EXACT]
    order = far.abs().sort_values(ascending=False, kind="stable").head(WORST).index
    return [_day(market, rebuilt, pd.Timestamp(day), float(errors[day])) for day in order]


def _day(market: MarketData, rebuilt: Rebuilt, day: pd.Timestamp, error: float) -> Part:
    causes = _causes(market, rebuilt, day.date())
    published = float(rebuilt.published[day])
    return {
        "date": f"{day:%Y-%m-%d}",
        "level": float(rebuilt.levels[day]),
        "published": published,
        "error": round(error, 2),
        "relative": round(error / published, 10),
        "causes": "; ".join(causes) or None,
        **({} if causes else {"causes_why": _NOTHING}),
    }


def _causes(market: MarketData, rebuilt: Rebuilt, day: date) -> list[str]:
    """Return the events, findings and suspensions of a session."""
    found = [str(event) for regime in rebuilt.index.regimes if regime.session == day for event in regime.events]
    for name in (*FILES, rebuilt.source):
        if name and market.has(name):
            found += [f"{f.file}: {f.found}" for f in market.folder.findings(name) if f.row == day.isoformat()]
    if market.has("suspensions"):
        rows = market.table("suspensions").reset_index()
        inside = (rows["first_date"] <= pd.Timestamp(day)) & (pd.Timestamp(day) <= rows["last_date"])
        found += [f"{code} suspended" for code in rows.loc[inside, "code"]]
    return found


def table(rebuilt: Rebuilt) -> pd.DataFrame:
    """Return every session: ``date``, ``level``, ``published``, ``error`` (points)."""
    errors = (rebuilt.levels - rebuilt.published).round(_POINTS)
    columns = {"level": rebuilt.levels, "published": rebuilt.published, "error": errors + 0.0}
    return pd.DataFrame(
        {"date": [f"{day:%Y-%m-%d}" for day in rebuilt.levels.index]} | {k: v.to_numpy() for k, v in columns.items()}
    )
