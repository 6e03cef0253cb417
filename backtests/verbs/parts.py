"""What ``index`` says on request: levels, contributions, and the index at one close by stock and sector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from backtests.verbs.shared import Answer
from indexsim import answers
from indexsim.errors import SpecError, nearest
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt


def levels(rebuilt: Rebuilt) -> list[Answer]:
    """Return the rebuilt and the published level of each session."""
    return [
        {"date": f"{day:%Y-%m-%d}", "level": float(level), "published": None if np.isnan(seen) else float(seen)}
        for day, level, seen in zip(rebuilt.levels.index, rebuilt.levels, rebuilt.published, strict=True)
    ]


def contributions(market: MarketData, rebuilt: Rebuilt, start: date, end: date) -> Answer:
    """Return the points that each stock and each sector gave between two closes, largest first."""
    points = rebuilt.index.contributions(start, end)
    sectors = answers.by_sector(points, answers.sectors_of(market))
    return {
        "contributions": [{"code": c, "points": float(p)} for c, p in _largest(points).items()],
        "contributions_by_sector": [{"sector": s, "points": float(p)} for s, p in _largest(sectors).items()],
    }


@dataclass(frozen=True)
class Look:
    """What was asked about the index at one close.

    Attributes
    ----------
    on : date or None
        The session; None is that of `weights`, or the last one.
    weights : date or None
        All weights of that session.
    sectors, concentration : bool
    points : tuple of str
        Codes whose +1 % is asked for.
    """

    on: date | None
    weights: date | None
    sectors: bool
    concentration: bool
    points: tuple[str, ...]

    @property
    def asked(self) -> bool:
        """Whether anything was."""
        return bool(self.weights or self.sectors or self.concentration or self.points)

    def refuse_idle_day(self) -> None:
        """Raise `SpecError` for a day with nothing to show on it, or a second one."""
        if self.on is None or (self.asked and self.weights in (None, self.on)):
            return
        raise SpecError(
            asked=f"look at the index on {self.on}",
            found=f"weights of {self.weights}" if self.weights else "nothing to show on it",
            rule="--on DATE is the session of --sectors, --concentration and --points; --weights DATE names its own",
            todo="ask for two days in two commands" if self.weights else "add one of the three",
        )

    def answer(self, market: MarketData, rebuilt: Rebuilt) -> Answer:
        """Return what was asked as plain JSON values.

        Raises
        ------
        MissingData
            The day is no session of the index.
        SpecError
            A code is not in the index on that day.
        """
        day = self.on or self.weights or rebuilt.levels.index[-1].date()
        basket = rebuilt.index.regime(day).basket
        refuse_unknown(self.points, basket.codes, day)
        said: dict[str, Any] = answers.answer(rebuilt.index, day, answers.sectors_of(market))
        stocks = {row["code"]: row for row in said["stocks"]}
        found: Answer = {"on": _session(said)}
        if self.weights:
            held = _largest(rebuilt.index.weights(day)).items()
            found["weights"] = [
                {"code": c, "weight": float(w), "one_percent": stocks[str(c)]["effect"]} for c, w in held
            ]
        if self.weights or self.concentration:
            found["concentration"] = said["concentration"]
        if self.weights or self.sectors:
            found["sectors"] = [_explained(row) for row in said["sectors"]]
        if self.points:
            found["points"] = [_stock(stocks[code]) for code in dict.fromkeys(self.points)]
        return found


def refuse_unknown(asked: Iterable[str], held: Iterable[str], day: date) -> None:
    """Raise `SpecError` for the first code that is not in the index on a day, with the nearest one that is."""
    known = set(held)
    for code in asked:
        if code not in known:
            hint = nearest(code, known)
            raise SpecError(
                asked=f"the points of +1 % of {code!r}",
                found=f"no such code in the index on {day}",
                rule=f"a code of one of the {len(known)} names held on that session",
                todo=hint if hint.startswith("did you mean") else f"`--weights {day}` lists them",
            )


def _session(said: Mapping[str, Any]) -> Answer:
    """Return the session looked at; the move is that since the close before."""
    names = ("date", "level", "divisor", "names", "since", "move", "divisor_rounding")
    session = {name: said[name] for name in names}
    return session if said["since"] else {**session, "why": "the first session has none before it to move from"}


def _explained(row: Answer) -> Answer:
    return row if row["points"] is not None else {**row, "why": "the first session has none before it to move from"}


def _stock(row: Answer) -> Answer:
    """Return code, sector, weight and points of +1 % of a stock."""
    return {"code": row["code"], "sector": row["sector"], "weight": row["weight"], "one_percent": row["effect"]}


def _largest(values: pd.Series) -> pd.Series:
    """Sort by size, largest first; equal ones stay in the order of the basket."""
    return values.sort_values(ascending=False, kind="stable")
