"""What known events will do when they act, at the closes of a decision before them.

Which names an event is about, what they weigh, and what trackers will trade in them. The closes before
the event, from which `indexsim.flows` counts, are not known yet; a decision counts from its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import isfinite, nan

import numpy as np
import pandas as pd

from indexsim import flows, sessions
from indexsim.bars import Bars
from indexsim.basket import Basket
from indexsim.errors import nearest
from indexsim.events import CapStep, Event, FactorStep, Replace, Split, parse_events
from indexsim.market import MarketData
from indexsim.rounding import exact_price

#: Kinds of events. Splits are one kind, and two by what takes them (A10, A11); "steps" are those of a
#: factor whose row does not say why.
KINDS = ("splits", "splits-by-factor", "splits-by-divisor", "additions", "deletions", "cap", "phase-in", "steps")

#: Stands for all names an event is not about: nobody asks for the trades in them.
_REST = ""


def kinds_in(text: str, among: Collection[str] = KINDS) -> tuple[str, ...]:
    """Return the kinds that a text names, separated by commas.

    Raises
    ------
    ValueError
        For no kind, or an unknown one, with the nearest.

    Examples
    --------
    >>> kinds_in("additions, cap")
    ('additions', 'cap')
    """
    kinds = tuple(word.strip() for word in text.split(","))
    for kind in kinds:
        if kind not in among:
            raise ValueError(f"events {text!r}: {kind!r} is no kind of event; {nearest(kind, among)}")
    return kinds


def codes_of(event: Event, kinds: Collection[str] = KINDS) -> tuple[str, ...]:
    """Return the codes that an event is about in one of its kinds, each once.

    Examples
    --------
    >>> event = Replace({"3697": Fraction(1)}, ("7762",), effective=date(2025, 10, 1))
    >>> codes_of(event), codes_of(event, ["deletions"]), codes_of(event, ["cap"])
    (('3697', '7762'), ('7762',), ())
    """
    about = _by_kind(event)
    return tuple(dict.fromkeys(code for kind, codes in about.items() if kind in kinds for code in codes))


def _by_kind(event: Event) -> dict[str, tuple[str, ...]]:
    match event:
        case Replace():
            return {"additions": tuple(event.entering), "deletions": event.leaving}
        case Split():
            return {"splits": (event.code,), f"splits-by-{event.by}": (event.code,)}
        case CapStep():
            return {"cap": (event.code,)}
        case FactorStep():
            return {"phase-in" if event.phase_in else "steps": (event.code,)}
    return {}


def decision_rows(bars: Bars, days: Iterable[date | None], offset: int) -> np.ndarray:
    """Return the rows decided in the session before the one that lies `offset` sessions from each day.

    Parameters
    ----------
    bars : Bars
        One a session.
    days : iterable of date or None, n of them
    offset : int

    Returns
    -------
    ndarray of int64, shape (n,)
        -1 before the first bar and where there is no day, the number of bars behind the last.
    """
    index = pd.DatetimeIndex(list(days))
    dated = index[index.notna()]
    at = (sessions.shift(dated, offset - 1) if offset != 1 else dated).to_numpy().astype("datetime64[D]")
    row = np.searchsorted(bars.session, at)
    found = np.full(len(index), -1)
    found[index.notna()] = np.where((row == 0) & ~np.isin(at, bars.session[:1]), -1, row)
    return found


@dataclass(frozen=True)
class Standing:
    """The index at the close of one session.

    Attributes
    ----------
    factors : mapping of code to Fraction
    closes : mapping of code to float
        Yen, of every name of the file, constituent or not; NaN where it has none.
    total : float
        Sum of price x factor; NaN where a constituent has no close, and before the initial basket.
    """

    factors: Mapping[str, Fraction]
    closes: Mapping[str, float]
    total: float

    def weight(self, event: Event, codes: Iterable[str]) -> float:
        """Return the largest weight among codes of an event, NaN if one is unknown.

        A name that enters counts with the factor it enters with, over the sum before it is in.
        """
        entering = event.entering if isinstance(event, Replace) else {}
        factors = {code: entering.get(code, self.factors.get(code)) for code in codes}
        weights = [self.closes.get(c, nan) * float(nan if f is None else f) / self.total for c, f in factors.items()]
        return float(np.max(weights)) if weights else nan

    def tracker_yen(self, event: Event, assets: int) -> dict[str, float]:
        """Return what a tracker would trade in an event's names if it acted at these closes (`indexsim.flows`).

        Returns
        -------
        dict of code to float
            Yen, below zero is sold. Empty where a price is unknown, or where the event cannot be applied to this
            basket because another one comes between.
        """
        about = codes_of(event)
        entering = event.entering if isinstance(event, Replace) else {}
        held = {code: self.factors[code] for code in about if code in self.factors}
        fits = all((code in entering) != (code in held) for code in about)
        if not fits or not isfinite(self.total) or not all(isfinite(self.closes.get(code, nan)) for code in about):
            return {}
        prices = {code: exact_price(self.closes[code]) for code in about}
        rest = Fraction(self.total) - sum((factor * prices[code] for code, factor in held.items()), Fraction(0))
        prices[_REST] = max(rest, Fraction(0))
        basket = Basket({**held, _REST: Fraction(1)}, event.effective)
        standard = event.standard(prices)
        had = flows.delivered(event, basket, flows.holdings(basket, prices, assets), prices, standard)
        wanted = flows.holdings(basket.apply(event), standard, assets)
        return {code: float((wanted.get(code, 0) - had.get(code, 0)) * standard[code]) for code in about}


def standings(market: MarketData, days: np.ndarray) -> dict[date, Standing]:
    """Return the index at the closes of some sessions, as far as the market knows them.

    Parameters
    ----------
    market : MarketData
        With closes and factors.
    days : ndarray of datetime64[D], shape (n,)
        Any order, repeats allowed.
    """
    wanted = np.unique(days)
    if not len(wanted):
        return {}
    closes, rows = market.table("closes"), market.table("factors")
    at = closes.index.get_indexer(pd.DatetimeIndex(wanted))
    prices = closes.iloc[at].to_numpy(dtype="float64", copy=True)
    prices[at < 0] = nan
    initial, _ = parse_events(rows[rows["event"] == "initial"])
    factors: Mapping[str, Fraction] = initial.factors
    numbers = {code: float(factor) for code, factor in factors.items()}
    coming, names = list(market.events), closes.columns.tolist()
    found = {}
    for day, line in zip(wanted.tolist(), prices.tolist(), strict=True):
        while coming and coming[0].effective <= day:
            before, factors = factors, coming.pop(0).change(factors)
            # Few of them change, and to divide all of them each time costs more than the rest.
            numbers = {c: numbers[c] if f is before.get(c) else float(f) for c, f in factors.items()}
        by_code = dict(zip(names, line, strict=True))
        total = sum(number * by_code.get(code, nan) for code, number in numbers.items())
        found[day] = Standing(factors, by_code, total if day >= initial.since else nan)
    return found
