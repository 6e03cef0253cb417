"""A history as rows of ``factors`` and ``divisors``, rebuilt and held against the published levels and the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pandas as pd

from indexsim import rules
from indexsim.errors import DataError, Finding
from indexsim.events import parse_events
from indexsim.facts import IndexEvent
from indexsim.history.changes import Change
from indexsim.history.inference import History, Placed
from indexsim.index import PriceWeightedIndex
from indexsim.rebuild import EXACT
from indexsim.review.selection import first_half

#: The same where the first divisor was fitted to a level: a unit of the last digit, which rounding may turn over.
FITTED = 0.015


@dataclass(frozen=True)
class Rows:
    """The files of a history, and how well they rebuild what was published.

    Attributes
    ----------
    factors, divisors : DataFrame
        As files of a market folder; ``note`` says where a row is from.
    days, exact_days : int
        Sessions with a published level from the first list on, and those rebuilt to the last digit (within `FITTED`
        where the first divisor was fitted).
    worst : float
        Largest difference, points.
    """

    factors: pd.DataFrame
    divisors: pd.DataFrame
    days: int
    exact_days: int
    worst: float


def to_rows(history: History, closes: pd.DataFrame, levels: pd.Series) -> Rows:
    """Return the rows of a history and rebuild the index from them.

    Parameters
    ----------
    closes, levels
        As `infer` took them.

    Raises
    ------
    DataError
        Something in the history is ambiguous, or no level told a divisor.
    """
    unsure = [
        Finding("factors", "", a.code, "history-is-sure", f"{a.what}: {len(a.candidates)} candidates; {a.why}")
        for a in history.ambiguous
    ]
    if history.divisor is None:
        unsure.append(Finding("divisors", "", "", "history-is-sure", "no level tells a divisor"))
    if unsure or history.divisor is None:
        todo = "add closes and levels, another list, or a source of events"
        raise DataError(unsure, asked="write the history of the factors", todo=todo)
    factors = _factors(history)
    filled = closes.ffill().loc[pd.Timestamp(_first_session(history, closes)) :]
    index = PriceWeightedIndex.build(filled, *parse_events(factors), history.divisor)
    start = (
        "fitted to the level of the day; others fit too" if history.fitted else "in force on the day of the first list"
    )
    entries = index.ledger.entries
    divisors = pd.DataFrame(
        {
            "effective_date": [history.first.day, *(e.session for e in entries[1:])],
            "divisor": [format(e.after, "f") for e in entries],
            "note": [start, *(f"inferred: {e.event}" for e in entries[1:])],
        }
    ).astype({"effective_date": "datetime64[us]"})
    errors = (index.levels() - levels.reindex(filled.index)).dropna().abs()
    bound = FITTED if history.fitted else EXACT
    return Rows(factors, divisors, len(errors), int((errors < bound).sum()), float(errors.max()))


def agreement(history: History, facts: Sequence[IndexEvent], last: date) -> list[dict[str, object]]:
    """Return what facts say of the same days: each change found, and each one that was not.

    Returns
    -------
    list of dict
        ``date``, ``code``, ``found``, ``facts`` (None where they have nothing), ``agree``.
    """
    told = {(e.effective, e.code): e for e in facts if history.first.day < e.effective <= last}
    rows: list[dict[str, object]] = []
    for p in history.placed:
        fact = told.pop((p.session, p.change.code), None)
        agree = fact is not None and fact.event.split(" ")[0] == p.change.kind and fact.factor_after == p.change.after
        agree = agree or (fact is not None and fact.event == p.change.kind == "remove")
        rows.append(_row(p.session, p.change.code, str(p.change), fact, agree if fact else None))
    return rows + [_row(day, code, None, fact, False) for (day, code), fact in sorted(told.items())]


def _row(day: date, code: str, found: str | None, fact: IndexEvent | None, agree: bool | None) -> dict[str, object]:
    said = None if fact is None else f"{fact.event}: {fact.source}"
    return {"date": day.isoformat(), "code": code, "found": found, "facts": said, "agree": agree}


def _first_session(history: History, closes: pd.DataFrame) -> date:
    days = pd.DatetimeIndex(closes.index)
    first: date = days[days <= pd.Timestamp(history.first.day)][-1].date()
    return first


def _factors(history: History) -> pd.DataFrame:
    day = history.first.day.isoformat()
    rows = [
        (day, code, _text(factor), "initial", "from the first list") for code, factor in history.first.factors.items()
    ]
    rows += [
        (p.session.isoformat(), p.change.code, _text(p.change.after), _word(p), f"inferred from the {p.by}")
        for p in history.placed
    ]
    columns = ["effective_date", "code", "factor", "event", "note"]
    return pd.DataFrame(rows, columns=columns, dtype="object").assign(announced_date="")[
        [*columns[:4], "announced_date", "note"]
    ]


def _word(placed: Placed) -> str:
    """Return the word of a change in ``factors``."""
    change = placed.change
    if change.kind == "split" and change.ratio:
        return f"split {change.ratio.numerator}:{change.ratio.denominator}"
    if change.kind == "spin-off":
        return f"spin-off of {change.parent}"
    if change.kind == "step" and _second_half(change, placed.session):
        return "step phase-in"
    return change.kind


def _second_half(change: Change, session: date) -> bool:
    """Say whether a step is from the first half of a phased entry to the whole (A9)."""
    phased = rules.PHASE_IN_BELOW.on(session) is not None
    return phased and change.after is not None and change.before == first_half(change.after) != change.after


def _text(factor: Fraction | None) -> str:
    """Return a factor as it is published: with decimals where it has an end, else as a fraction."""
    if factor is None:
        return ""
    exact = Fraction(repr(float(factor))) == factor
    return repr(float(factor)) if exact else str(factor)
