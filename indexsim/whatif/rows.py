"""Baskets and events back into rows of ``factors``: what `indexsim.events.parse_events` reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from indexsim.basket import Basket
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split

_COLUMNS = ("effective_date", "code", "factor", "event", "announced_date")


def to_rows(basket: Basket, events: Iterable[Event]) -> pd.DataFrame:
    """Return the frame of text that reads back as the basket and the events.

    Returns
    -------
    DataFrame
        Columns of ``factors``; factors as exact fractions ("12/5").

    Examples
    --------
    >>> from datetime import date
    >>> split = Split("9983", Fraction(3), effective=date(2023, 2, 27))
    >>> to_rows(Basket({"9983": Fraction(1)}, date(2023, 1, 4)), [split])["event"].tolist()
    ['initial', 'split 3:1']
    """
    rows = [(basket.since.isoformat(), code, str(factor), "initial", "") for code, factor in basket.factors.items()]
    for event in events:
        announced = "" if event.announced is None else event.announced.isoformat()
        rows += [(event.effective.isoformat(), *cells, announced) for cells in _cells(event)]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype="object")


def _cells(event: Event) -> Iterator[tuple[str, str, str]]:
    """Yield code, factor and word of every row of an event."""
    if isinstance(event, Replace):
        yield from ((code, "", "remove") for code in event.leaving)
        yield from ((code, str(factor), "add") for code, factor in event.entering.items())
    elif isinstance(event, Split):
        word = "split-by-divisor" if event.by == "divisor" else "split"
        yield event.code, "" if event.factor is None else str(event.factor), f"{word} {_ratio(event.ratio)}"
    elif isinstance(event, ExRights):
        paid = format(Decimal(event.paid.numerator) / Decimal(event.paid.denominator), "f")
        yield event.code, "", f"rights {_ratio(event.new / event.held)}@{paid}"
    elif isinstance(event, SpinOff):
        yield event.code, str(event.factor), f"spin-off of {event.parent}"
    else:
        yield event.code, str(event.factor), _step(event)


def _step(event: FactorStep | CapStep) -> str:
    if isinstance(event, CapStep):
        return "step cap"
    return "step phase-in" if event.phase_in else "step"


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}:{value.denominator}"
