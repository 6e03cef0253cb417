"""The basket with its factors along a stretch of sessions, from one official list and the dated facts.

A list says who is in and with which factor on its day. The facts say what changed before and after it. The index
starts at the latest divisor that is known to the last decimal on or before the day of the list, one session early
where the prices reach there: a divisor changes such that the level at the close before is the same under both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pandas as pd

from indexsim import sessions
from indexsim.errors import DataError, Finding, ToolError
from indexsim.facts import IndexEvent, PublishedDivisor, index_events, published_divisors

#: How many names the index has when nothing is under way.
USUAL = 225


@dataclass(frozen=True)
class Members:
    """A basket, what happens to it, and the divisor it starts with.

    Attributes
    ----------
    factors, divisors : DataFrame
        Files of a market.
    start : date
        First session.
    findings : tuple of Finding
    """

    factors: pd.DataFrame
    divisors: pd.DataFrame
    start: date
    findings: tuple[Finding, ...]


def members(listed: pd.DataFrame, file: str, first: date | None, last: date | None) -> Members:
    """Return the basket along a stretch of sessions.

    Parameters
    ----------
    listed : DataFrame
        ``date`` (one day), ``code``, ``factor`` (text, exact).
    file : str
        Where the list comes from, for findings.
    first, last : date or None
        First and last session with prices; None is unknown.

    Raises
    ------
    DataError
        The list and the facts contradict each other.
    ToolError
        No divisor is known exactly by the day of the list.
    """
    day = listed["date"].iloc[0].date()
    end = last or day
    events = [event for event in index_events() if event.effective <= end or _foreseen(event, end)]
    _check_count(listed, file, events, day)
    anchor, start, of = _start(day, events, first)
    basket = {str(c): Fraction(str(f)) for c, f in zip(listed["code"], listed["factor"], strict=True)}
    for event in reversed([e for e in events if of < e.effective <= day]):
        _undo(basket, event, file)
    for event in [e for e in events if day < e.effective <= of]:
        _apply(basket, event, file)
    ahead = [event for event in events if event.effective > of]
    told, unknown = _written(ahead)
    rows = [(start.isoformat(), code, _text(factor), "initial", "") for code, factor in sorted(basket.items())]
    frame = pd.DataFrame([*rows, *told], columns=["effective_date", "code", "factor", "event", "announced_date"])
    contradicted = _contradicted(listed, file, [event for event in events if event.effective <= day])
    return Members(frame, _divisors(anchor, start, end), start, (*contradicted, *unknown, *_unsure(ahead)))


def _foreseen(event: IndexEvent, end: date) -> bool:
    """Say whether an event after the last session was announced by then, so that it is known to come."""
    return event.announced is not None and event.announced <= end < event.effective


def _check_count(listed: pd.DataFrame, file: str, events: Sequence[IndexEvent], day: date) -> None:
    """Refuse a list of too many or too few names: it was cut."""
    expected = USUAL + sum(_adds(event) for event in events if event.effective <= day)
    if len(listed) != expected:
        found = f"{len(listed)} names, but the index had {expected} on {day}"
        raise DataError(
            [Finding(file, "", "code", "list-is-whole", found)], f"import {file}", "get the file again, whole"
        )


def _contradicted(listed: pd.DataFrame, file: str, events: Sequence[IndexEvent]) -> list[Finding]:
    """Warn of factors that are not what the last event before the list led to: the list counts."""
    basket = {str(c): Fraction(str(f)) for c, f in zip(listed["code"], listed["factor"], strict=True)}
    last = {event.code: event for event in events}
    found = []
    for code, event in sorted(last.items()):
        led_to = None if event.event == "remove" else event.factor_after
        if basket.get(code) != led_to and (led_to is not None or event.event == "remove"):
            said = f"{basket.get(code)}, but {event.event} on {event.effective} led to {led_to}; the list counts"
            found.append(Finding(file, "", code, "list-as-facts", said, "warning"))
    return found


def _adds(event: IndexEvent) -> int:
    word = event.event.split(" ")[0]
    return {"add": 1, "spin-off": 1, "remove": -1}.get(word, 0)


def _anchor(day: date) -> PublishedDivisor:
    """Return the latest exact divisor in force from a session up to the day of the list."""
    told = index_events()[0].effective  # before it nobody told what changed
    known = [d for d in _exact() if told <= d.effective <= day]
    if not known:
        raise ToolError(
            asked=f"date the basket of {day}",
            found="no divisor is known exactly by then",
            rule="an index starts with an exact divisor (data/facts/published_divisors.csv)",
            todo="import a later list, or write factors and divisors as data/README.md describes",
        )
    return known[-1]


def _exact() -> list[PublishedDivisor]:
    return [d for d in published_divisors() if d.dated == "from" and d.basis in ("published", "chained")]


def _start(day: date, events: Sequence[IndexEvent], first: date | None) -> tuple[PublishedDivisor, date, date]:
    """Return the divisor to start with, the first session, and the day whose basket that is.

    The first session is the one before the divisor's; where prices begin after it, the first with prices, under the
    latest divisor by then, if nothing moved it in between.
    """
    anchor, table = _anchor(day), sessions.all_sessions()
    before: date = table[int(table.searchsorted(pd.Timestamp(anchor.effective))) - 1].date()
    if first is None or first <= before:
        return anchor, before, anchor.effective
    anchor = _anchor(first)
    moved = [e for e in events if anchor.effective < e.effective <= first and not e.event.startswith("split")]
    if moved:
        raise ToolError(
            asked=f"start the index on {first}",
            found=f"the divisor of {anchor.effective} was followed by {moved[0].event} of {moved[0].code} "
            f"on {moved[0].effective}, before the first price",
            rule="an index starts with an exact divisor (data/facts/published_divisors.csv)",
            todo=f"import prices that begin by {before}",
        )
    return anchor, first, first


def _undo(basket: dict[str, Fraction], event: IndexEvent, file: str) -> None:
    """Take an event back; the list must hold what it led to."""
    word = event.event.split(" ")[0]
    led_to = None if word == "remove" else event.factor_after
    if word != "split-by-divisor" and basket.get(event.code) != led_to:
        found = f"{basket.get(event.code)}, but {event.event} on {event.effective} led to {led_to}"
        raise DataError([Finding(file, "", event.code, "list-as-facts", found)], f"import {file}")
    if word in ("add", "spin-off"):
        del basket[event.code]
    elif event.factor_before is None:
        found = f"{event.event} on {event.effective}: the factor before it is not known"
        raise DataError([Finding(file, "", event.code, "list-as-facts", found)], f"import {file}")
    else:
        basket[event.code] = event.factor_before


def _apply(basket: dict[str, Fraction], event: IndexEvent, file: str) -> None:
    """Do what an event after the list does."""
    if event.event == "remove":
        basket.pop(event.code, None)
    elif event.factor_after is not None:
        basket[event.code] = event.factor_after
    elif not event.event.startswith("split-by"):
        found = f"{event.event} on {event.effective}: the factor after it is not known"
        raise DataError([Finding(file, "", event.code, "list-as-facts", found)], f"import {file}")


def _written(events: Iterable[IndexEvent]) -> tuple[list[tuple[str, ...]], list[Finding]]:
    """Return events as rows of ``factors``; one that needs a factor nobody knows is named and left out."""
    rows: list[tuple[str, ...]] = []
    unknown: list[Finding] = []
    for event in events:
        factor = "" if event.event == "remove" else _text(event.factor_after)
        if not factor and event.event != "remove":
            found = f"{event.event} on {event.effective}: its factor is not known; left out"
            unknown.append(Finding("factors.csv", str(event.effective), event.code, "factor-unknown", found, "warning"))
            continue
        announced = event.announced.isoformat() if event.announced else ""
        rows.append((event.effective.isoformat(), event.code, factor, event.event, announced))
    return rows, unknown


def _unsure(events: Iterable[IndexEvent]) -> list[Finding]:
    """Warn of events that rest on less than a primary source."""
    return [
        Finding("factors.csv", str(e.effective), e.code, "fact-unsure", f"{e.event}: {e.confidence}", "warning")
        for e in events
        if e.confidence != "H"
    ]


def _text(factor: Fraction | None) -> str:
    """Write a factor exactly: as a decimal where it is one."""
    if factor is None:
        return ""
    below = factor.denominator
    while below % 2 == 0:
        below //= 2
    while below % 5 == 0:
        below //= 5
    return f"{float(factor):g}" if below == 1 else f"{factor.numerator}/{factor.denominator}"


def _divisors(anchor: PublishedDivisor, start: date, end: date) -> pd.DataFrame:
    """Return the divisor to start with, and the later ones that are known exactly, to be checked against."""
    later = [d for d in _exact() if max(anchor.effective, start) < d.effective <= end]
    rows = [(pd.Timestamp(start), str(anchor.divisor), f"{anchor.what}; in force from {anchor.effective}")]
    rows += [(pd.Timestamp(d.effective), str(d.divisor), d.what) for d in later]
    return pd.DataFrame(rows, columns=["effective_date", "divisor", "note"])
