"""The answers about reviews, in plain JSON values: a review, the candidates for the next one, the hit rate.

What is computed stands in `indexsim.review.simulation`; `simulate`, `substitute` and `Settings` can be had from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from math import isfinite
from typing import Any

import pandas as pd

from indexsim import rules
from indexsim.errors import MissingData
from indexsim.events import CapStep, Replace
from indexsim.market import MarketData
from indexsim.review.dates import ReviewDates, next_announced, on_base, reviews_between
from indexsim.review.selection import Standing
from indexsim.review.simulation import DEFAULT, NEAR_SESSIONS, Reasoned, Review, Settings, simulate, substitute

__all__ = ["Settings", "answer", "hit_rate", "next_candidates", "simulate", "substitute"]

#: Fewest years of prices before a base date for a review to be replayed.
FEWEST_YEARS = 1
#: How far below the threshold a weight is still a candidate for the cap.
NEAR_CAP = Fraction(1, 100)
#: Names listed beyond the chosen ones on either side.
RUNNERS_UP = 5


def answer(market: MarketData, at: date, settings: Settings = DEFAULT) -> dict[str, Any]:
    """Return the periodic review as of a base date, as plain JSON values.

    Parameters
    ----------
    market : MarketData
    at : date
        A base date: the last session of July, or, from 2023, of January.
    settings : Settings

    Returns
    -------
    dict
        ``review`` (its dates), ``events`` (rows as in ``factors``, with a reason), ``candidates`` (in, out, cap),
        ``held_back``, ``sectors``, ``ranking``, ``missing`` and ``warnings``.

    Raises
    ------
    SpecError
        `at` is no base date.
    MissingData, DataError
        As `simulate`.
    """
    review = simulate(market, on_base(at, settings.announced_session), settings)
    return {
        "review": review.dates.as_dict(),
        "events": [row for reasoned in review.events for row in _rows(reasoned)],
        "candidates": _candidates(review, settings),
        "held_back": [{"code": pick.code, "reason": pick.reason} for pick in review.selection.held_back],
        "sectors": _sectors(review),
        "ranking": [_ranked(standing) for standing in review.snapshot.standings],
        "missing": list(review.snapshot.missing),
        "warnings": list(review.warnings),
    }


def next_candidates(market: MarketData, at: date, settings: Settings = DEFAULT) -> dict[str, Any]:
    """Return who would come in, go and be capped at the next review that is announced after a day.

    Parameters
    ----------
    market : MarketData
    at : date
        The last session up to this day stands for the base date, if that is still to come.
    settings : Settings

    Returns
    -------
    dict
        ``as_of`` (the session whose closes were taken), ``review`` (dates of the next one), ``in``, ``out``, ``cap``,
        ``missing``, ``warnings``. A name with ``chosen`` false is a runner-up.

    Raises
    ------
    MissingData, DataError
        As `simulate`, or there is no session up to that day.
    """
    market.require(["closes"], "name the candidates of the next review")
    sessions = market.table("closes").index
    dates = next_announced(at, settings.announced_session)
    past = sessions[sessions <= pd.Timestamp(min(at, dates.base))]
    if past.empty:
        raise MissingData(
            asked=f"name the candidates as of {at}",
            found="no session up to that day",
            rule="the closes of a session decide",
            todo="name a later day",
        )
    as_of = past[-1].date()
    review = simulate(market, ReviewDates(as_of, dates.announced, dates.effective), settings)
    return {
        "as_of": as_of.isoformat(),
        "review": dates.as_dict(),
        **_candidates(review, settings),
        "missing": list(review.snapshot.missing),
        "warnings": list(review.warnings),
    }


def hit_rate(market: MarketData, settings: Settings = DEFAULT) -> dict[str, Any]:
    """Replay the past reviews of a market and count how many simulated changes occurred.

    A review is replayed from `FEWEST_YEARS` after the first close; a recorded change belongs to it if it took
    effect within `NEAR_SESSIONS` sessions of its effective date.

    Returns
    -------
    dict
        ``reviews``: a row each with the simulated and recorded names. ``in``, ``out``, ``cap``: names ``simulated``,
        ``recorded`` and in both (``hits``); ``hit_rate`` = hits / simulated, null with a ``why`` where nothing
        was simulated. ``synthetic``: whether the changes of the market were drawn at random.
    """
    market.require(["closes", "factors"], "replay past reviews")
    sessions = market.table("closes").index
    rows = []
    for dates in reviews_between(sessions[0].date(), sessions[-1].date(), settings.announced_session):
        if (dates.base - sessions[0].date()).days >= 365 * FEWEST_YEARS:
            rows.append(_replayed(market, simulate(market, dates, settings)))
    return {
        "reviews": rows,
        **{side: _hits([row[side] for row in rows]) for side in ("in", "out", "cap")},
        "synthetic": market.synthetic is not None,
    }


def _replayed(market: MarketData, review: Review) -> dict[str, Any]:
    actual = [e for e in market.events if review.dates.is_near(e.effective, NEAR_SESSIONS)]
    swaps = [e for e in actual if isinstance(e, Replace)]
    recorded = {
        "in": [code for e in swaps for code in e.entering],
        "out": [code for e in swaps for code in e.leaving],
        "cap": [e.code for e in actual if isinstance(e, CapStep)],
    }
    simulated = {
        "in": [pick.code for pick in review.selection.entering],
        "out": [pick.code for pick in review.selection.leaving],
        "cap": list(review.caps),
    }
    sides = {side: {"simulated": simulated[side], "recorded": recorded[side]} for side in simulated}
    return {**review.dates.as_dict(), "years_of_data": round(review.snapshot.years, 2), **sides}


def _hits(rows: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, Any]:
    simulated = sum(len(row["simulated"]) for row in rows)
    hits = sum(len({*row["simulated"]} & {*row["recorded"]}) for row in rows)
    counted: dict[str, Any] = {
        "simulated": simulated,
        "recorded": sum(len(row["recorded"]) for row in rows),
        "hits": hits,
        "hit_rate": hits / simulated if simulated else None,
    }
    return counted if simulated else {**counted, "why": "no change was simulated"}


def _rows(reasoned: Reasoned) -> list[dict[str, Any]]:
    """Return an event as rows of ``factors``, each with its reason."""
    event = reasoned.event
    if isinstance(event, Replace):
        parts: list[tuple[str, Fraction | None, str]] = [(code, None, "remove") for code in event.leaving]
        parts += [(code, factor, "add") for code, factor in event.entering.items()]
    else:
        parts = [(event.code, event.factor, "step cap" if isinstance(event, CapStep) else "step phase-in")]
    return [
        {
            "effective_date": event.effective.isoformat(),
            "announced_date": event.announced.isoformat() if event.announced else None,
            "code": code,
            "factor": None if factor is None else _factor_text(factor),
            "event": word,
            "reason": reasoned.reasons[code],
        }
        for code, factor, word in parts
    ]


def _factor_text(factor: Fraction) -> str:
    """Write a factor as ``factors`` does: a decimal where that is exact, else a fraction."""
    decimal = f"{float(factor):.10g}"
    return decimal if Fraction(decimal) == factor else str(factor)


def _candidates(review: Review, settings: Settings) -> dict[str, list[dict[str, Any]]]:
    chosen, standings = review.selection, review.snapshot.standings
    picked = {pick.code for pick in (*chosen.entering, *chosen.leaving)}
    outside = [
        s for s in standings if not s.name.member and s.code not in picked and (s.rank or 0) <= settings.eligible
    ]
    inside = [s for s in reversed(standings) if s.name.member and s.code not in picked]
    limit = rules.CAP_THRESHOLD.on(review.dates.effective)
    heavy = [
        (code, weight)
        for code, weight in review.snapshot.weights.items()
        if code in review.caps or (limit is not None and weight > limit - NEAR_CAP)
    ]
    return {
        "in": [_candidate(pick.standing, pick.reason) for pick in chosen.entering]
        + [_candidate(standing) for standing in outside[:RUNNERS_UP]],
        "out": [_candidate(pick.standing, pick.reason) for pick in chosen.leaving]
        + [_candidate(standing) for standing in inside[:RUNNERS_UP]],
        "cap": [_cap_candidate(review, code, weight) for code, weight in sorted(heavy, key=lambda pair: -pair[1])],
    }


def _candidate(standing: Standing, reason: str | None = None) -> dict[str, Any]:
    return {
        "code": standing.code,
        "sector": standing.name.sector,
        "rank": standing.rank,
        "chosen": reason is not None,
        "reason": reason,
    }


def _cap_candidate(review: Review, code: str, weight: Fraction) -> dict[str, Any]:
    decision = review.caps.get(code)
    return {
        "code": code,
        "weight": float(weight),
        "ratio": float(review.snapshot.ratios.get(code, Fraction(1))),
        "chosen": decision is not None,
        "ratio_after": None if decision is None else float(decision.after),
        "reason": None if decision is None else decision.reason,
    }


def _sectors(review: Review) -> list[dict[str, Any]]:
    """Return each sector's members before and after against its target."""
    chosen = review.selection
    rows = []
    for sector, target in chosen.targets.items():
        before = sum(s.name.member and s.name.sector == sector for s in review.snapshot.standings)
        into = sum(pick.standing.name.sector == sector for pick in chosen.entering)
        out = sum(pick.standing.name.sector == sector for pick in chosen.leaving)
        rows.append({"sector": sector, "target": float(target), "before": before, "after": before + into - out})
    return rows


def _ranked(standing: Standing) -> dict[str, Any]:
    name = standing.name
    fluctuation = name.fluctuation if isfinite(name.fluctuation) else None  # JSON knows no infinity
    return {
        "rank": standing.rank,
        "code": name.code,
        "sector": name.sector,
        "member": name.member,
        "trading_value_yen": name.value,
        "fluctuation": fluctuation,
    }
