"""Flows: what a fund that tracks the index must trade at each event.

A tracker holds assets x factor / sum of prices x factors of every name (A13). An event sets new
holdings; a corporate action delivers some of them for nothing, and what is left must be traded.
A split handled by the factor delivers exactly the new holding, so its trade is zero; one handled by
the divisor delivers too much, and the difference is sold (A10, A11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pandas as pd

from indexsim.basket import Basket
from indexsim.divisor import price_sum
from indexsim.errors import SpecError
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split
from indexsim.index import PriceWeightedIndex, Regime
from indexsim.market import MarketData
from indexsim.rebuild import rebuild
from indexsim.rounding import exact_price

#: Sessions before an event over which a name's volume is taken.
VOLUME_SESSIONS = 60
#: Share of a session's volume that the trackers trade; at 1 a flow is counted in whole sessions.
PARTICIPATION = 1.0


@dataclass(frozen=True)
class Trade:
    """What is traded in one name.

    Attributes
    ----------
    code : str
    shares : Fraction
        Unrounded; below zero is sold. On the basis of the event's session.
    yen : Fraction
        At the standard price of that session, which is the close before where nothing changed it (A3).
    days_of_volume : float or None
        Sessions it takes at the participation; None where the volume is unknown.
    why : str
        Why it is unknown, else empty.
    """

    code: str
    shares: Fraction
    yen: Fraction
    days_of_volume: float | None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the trade as plain JSON values."""
        answer = {
            "code": self.code,
            "shares": float(self.shares),
            "yen": float(self.yen),
            "days_of_volume": self.days_of_volume,
        }
        return {**answer, "why": self.why} if self.days_of_volume is None else answer


@dataclass(frozen=True)
class Flow:
    """What one event makes a tracker trade.

    Attributes
    ----------
    session : date
        First session on which the event acts; trackers trade at the close before.
    event : Event
    trades : tuple of Trade
        Of every name held before or after, but those with nothing to trade. The yen sum to zero.
    turnover : Fraction
        Bought plus sold over the assets.
    """

    session: date
    event: Event
    trades: tuple[Trade, ...]
    turnover: Fraction

    @property
    def kind(self) -> str:
        """The event in a word or three: "replacement", "cap step", "split by factor", ..."""
        match self.event:
            case Split(by=way):
                return f"split by {way}"
            case FactorStep(phase_in=True):
                return "phase-in step"
        return _KINDS.get(type(self.event), type(self.event).__name__)

    def as_dict(self) -> dict[str, Any]:
        """Return the flow as plain JSON values."""
        return {
            "effective": self.session.isoformat(),
            "kind": self.kind,
            "event": str(self.event),
            "trades": [trade.as_dict() for trade in self.trades],
            "turnover": float(self.turnover),
        }


_KINDS: dict[type, str] = {
    Replace: "replacement",
    FactorStep: "factor step",
    CapStep: "cap step",
    ExRights: "rights issue",
    SpinOff: "spin-off",
}


def flows(
    index: PriceWeightedIndex,
    assets: int,
    volumes: pd.DataFrame | None = None,
    sessions: int = VOLUME_SESSIONS,
    participation: float = PARTICIPATION,
) -> tuple[Flow, ...]:
    """Return what a tracker trades at each event after the first session, in order of effect.

    Events of one session follow each other; their trades in a name add up to that day's.

    Parameters
    ----------
    index : PriceWeightedIndex
    assets : int
        Yen that the tracker is worth at the close before every event.
    volumes : DataFrame of shape (n_sessions, n_codes), optional
        Shares traded, as traded. None is unknown.
    sessions : int
        A name's volume is the median of those known in so many sessions before the event, restated for
        the splits of constituents between.
    participation : float
        Share of that volume which the tracker trades in a session, above 0 and at most 1.

    Raises
    ------
    SpecError
        Assets, sessions or participation out of range.

    Examples
    --------
    A cap step of a name with 10.45 % at a ratio of 0.9: sold is 0.946 % of the assets (A19, GT8).

    >>> from decimal import Decimal
    >>> closes = pd.DataFrame({"A": 1045.0, "B": 8955.0}, pd.DatetimeIndex(["2024-09-30", "2024-10-01"]))
    >>> basket = Basket({"A": Fraction(1), "B": Fraction(1)}, date(2024, 9, 30))
    >>> step = CapStep("A", Fraction("0.9"), effective=date(2024, 10, 1))
    >>> [flow] = flows(PriceWeightedIndex.build(closes, basket, [step], Decimal(1)), assets=1_000_000)
    >>> [(trade.code, round(float(trade.yen))) for trade in flow.trades]
    [('A', -9457), ('B', 9457)]
    """
    _check(assets, sessions, participation)
    found: list[Flow] = []
    for old, new in pairwise(index.regimes):
        volume = None if volumes is None else _usual_volume(index, volumes, new, sessions)
        for event, shares, yen in _session_trades(index, old, new, assets):
            trades = tuple(
                Trade(code, shares[code], yen[code], *_days(code, shares[code], volume, participation, sessions))
                for code in shares
            )
            found.append(Flow(new.session, event, trades, sum(map(abs, yen.values()), Fraction(0)) / assets))
    return tuple(found)


def answer(
    market: MarketData, assets: int, sessions: int = VOLUME_SESSIONS, participation: float = PARTICIPATION
) -> dict[str, Any]:
    """Return what trackers of a market's index must trade, as plain JSON values.

    Parameters
    ----------
    market : MarketData
        With closes, factors and divisors; volumes where days of volume are wanted.
    assets, sessions, participation
        As for `flows`.

    Returns
    -------
    dict
        ``assets``, ``volume_sessions``, ``participation``, and ``events`` [{effective, kind, event, trades
        [{code, shares, yen, days_of_volume}], turnover}]. Where days_of_volume is None, ``why`` stands
        beside it.

    Raises
    ------
    SpecError
        A parameter out of range.
    MissingData, DataError
        The index cannot be rebuilt, or the volumes have errors.
    """
    _check(assets, sessions, participation)
    volumes = None
    if market.has("volumes"):
        market.refuse_errors({"volumes": (date.min, date.max)}, "count flows in days of volume")
        volumes = market.table("volumes")
    found = flows(rebuild(market).index, assets, volumes, sessions, participation)
    return {
        "assets": assets,
        "volume_sessions": sessions,
        "participation": participation,
        "events": [flow.as_dict() for flow in found],
    }


def _check(assets: int, sessions: int, participation: float) -> None:
    rules = {
        "assets": (assets, assets > 0, "the assets are above zero"),
        "sessions": (sessions, sessions >= 1, "volumes are taken over at least one session"),
        "participation": (participation, 0 < participation <= 1, "a share of the volume is above 0 and at most 1"),
    }
    for name, (value, good, rule) in rules.items():
        if not good:
            raise SpecError(asked=f"flows with {name} {value}", found=f"{value}", rule=rule, todo=f"correct {name}")


def _session_trades(
    index: PriceWeightedIndex, old: Regime, new: Regime, assets: int
) -> list[tuple[Event, dict[str, Fraction], dict[str, Fraction]]]:
    """Return for each event of a session the shares, on the basis after all of them, and yen by code."""
    basket, prices = old.basket, _closes_before(index, old, new)
    steps = []
    for event in new.events:
        after, standard = basket.apply(event), event.standard(prices)
        held = delivered(event, basket, holdings(basket, prices, assets), prices, standard)
        wanted = holdings(after, standard, assets)
        codes = dict.fromkeys([*held, *wanted])
        trades = {code: wanted.get(code, Fraction(0)) - held.get(code, Fraction(0)) for code in codes}
        steps.append((event, {code: shares for code, shares in trades.items() if shares}, standard))
        basket, prices = after, standard
    return [
        (
            event,
            {code: shares * _ratio(standard[code], prices[code]) for code, shares in trades.items()},
            {code: shares * standard[code] for code, shares in trades.items()},
        )
        for event, trades, standard in steps
    ]


def holdings(basket: Basket, prices: Mapping[str, Fraction], assets: int) -> dict[str, Fraction]:
    """Return the shares of each name that a tracker holds: assets x factor / sum (A13).

    Parameters
    ----------
    basket : Basket
    prices : mapping of code to Fraction
        Yen.
    assets : int
        Yen.
    """
    unit = assets / price_sum(basket, prices)
    return {code: factor * unit for code, factor in basket.factors.items()}


def delivered(
    event: Event,
    basket: Basket,
    held: Mapping[str, Fraction],
    closes: Mapping[str, Fraction],
    standard: Mapping[str, Fraction],
) -> dict[str, Fraction]:
    """Return the holdings after a corporate action and before any trade.

    A split multiplies the shares by its ratio. Rights bring no money in: as many are sold as pay for the
    rest, which leaves close / theoretical price shares for one. A spun-off company comes in the ratio
    of the two factors, as its entry without a step of the divisor implies (A23).

    Parameters
    ----------
    event : Event
    basket : Basket
        Before it.
    held : mapping of code to Fraction
        Shares before it.
    closes, standard : mapping of code to Fraction
        Prices before it and on the basis after it, yen.
    """
    if isinstance(event, SpinOff):
        return {**held, event.code: held[event.parent] * event.factor / basket.factors[event.parent]}
    return {code: shares * _ratio(closes[code], standard[code]) for code, shares in held.items()}


def _ratio(before: Fraction, after: Fraction) -> Fraction:
    """Return how many shares one becomes; a company still valued at zero stays as it is."""
    return before / after if after else Fraction(1)


def _closes_before(index: PriceWeightedIndex, old: Regime, new: Regime) -> dict[str, Fraction]:
    row = index.closes.iloc[new.row - 1]
    codes = dict.fromkeys([*old.basket.codes, *new.basket.codes])
    return {code: exact_price(row[code]) for code in codes if code in row.index and row[code] == row[code]}


def _usual_volume(index: PriceWeightedIndex, volumes: pd.DataFrame, regime: Regime, sessions: int) -> pd.Series:
    """Return the median volume of each name before a session, in shares of its basis; NaN where unknown."""
    window = volumes[volumes.index < pd.Timestamp(regime.session)].tail(sessions).astype("float64")
    for other in index.regimes:
        before = window.index < pd.Timestamp(other.session)
        if other.session > regime.session or not before.any():
            continue
        for event in other.events:
            if isinstance(event, Split) and event.code in window:
                window.loc[before, event.code] *= float(event.ratio)
    return window.median()


def _days(
    code: str, shares: Fraction, volume: pd.Series | None, participation: float, sessions: int
) -> tuple[float | None, str]:
    """Return the days of volume, or None and why."""
    if volume is None:
        return None, "the market has no volumes"
    if code not in volume:
        return None, f"the volumes have no column for {code}"
    if not volume[code] > 0:
        return None, f"no volume of {code} in the {sessions} sessions before, or a median of zero"
    return float(abs(shares)) / (float(volume[code]) * participation), ""
