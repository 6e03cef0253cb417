"""A made-up history of an index, as long as the real one: the workload of the index part."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd

from indexsim.basket import Basket
from indexsim.events import CapStep, Event, ExRights, Replace, Split

SESSIONS, CODES, HELD, EVENTS = 14_000, 420, 225, 1_000

#: Of 1,000 events, how many are splits by factor, by divisor, cap steps and rights issues; the others replace a name.
SPLITS, BY_DIVISOR, CAPS, RIGHTS = 480, 80, 120, 125


def long_history() -> tuple[pd.DataFrame, Basket, tuple[Event, ...]]:
    """Return the closes, NaN where a code is not held, the first basket and the events, as a market gives them."""
    random = np.random.default_rng(1)
    days = pd.bdate_range("1970-01-05", periods=SESSIONS, name="session")
    codes = [str(1300 + position) for position in range(CODES)]
    prices = np.round(random.uniform(1_000, 90_000, (SESSIONS, CODES))) / 10
    held, waiting = dict.fromkeys(codes[:HELD], Fraction(1)), codes[HELD:]
    basket, events = Basket(held, date(1970, 1, 5)), list[Event]()
    since, absent = dict.fromkeys(held, 0), np.ones((SESSIONS, CODES), bool)
    kinds = ["split"] * SPLITS + ["divisor"] * BY_DIVISOR + ["cap"] * CAPS + ["rights"] * RIGHTS
    kinds += ["replace"] * len(waiting)
    rows = np.sort(random.choice(np.arange(2, SESSIONS), EVENTS, replace=False)).tolist()
    for row, kind in zip(rows, random.permutation(kinds).tolist(), strict=True):
        code = list(held)[int(random.integers(HELD))]
        if kind == "replace":
            absent[since.pop(code) : row, codes.index(code)] = False
            since[waiting[0]] = row - 1
        event = _event(kind, code, held[code], waiting, days[row].date())
        held = event.change(held)
        events.append(event)
    for code, first in since.items():
        absent[first:, codes.index(code)] = False
    prices[absent] = np.nan
    return pd.DataFrame(prices, days, codes), basket, tuple(events)


def _event(kind: str, code: str, factor: Fraction, waiting: list[str], day: date) -> Event:
    if kind == "replace":
        return Replace({waiting.pop(0): Fraction(1)}, (code,), effective=day)
    if kind == "split":
        ratio = Fraction(3) if factor < 20 else Fraction(1, 10)
        return Split(code, ratio, factor * ratio, effective=day)
    if kind == "divisor":
        return Split(code, Fraction(11, 10), by="divisor", effective=day)
    if kind == "cap":
        return CapStep(code, factor * Fraction(9, 10) if factor.denominator < 1000 else Fraction(1), effective=day)
    return ExRights(code, Fraction(1), Fraction(10), Fraction(50), effective=day)
