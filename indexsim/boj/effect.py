"""What a purchase does to prices: three published estimates, side by side because they disagree.

Each is a lift of the level by a purchase, from the close of its day on and for good: neither paper found a
reversal. Both measured across stocks; the first draws the conclusion for the whole market itself, for the
multiplier it is this project's step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from indexsim import sessions
from indexsim.boj.days import purchases
from indexsim.errors import MissingData, unknown_name
from indexsim.market import MarketData

TRILLION = 1e12


@dataclass(frozen=True)
class Effect:
    """An estimate of what purchases do.

    Attributes
    ----------
    name : str
    size : float
        Lift in percent by percent of the market bought; for ``bp`` a fraction by trillion yen.
    low, high : float
        Range that the source gives; `size` where it gives none.
    of_market : bool
        Whether the lift is by share of the market; else it is by yen.
    meaning, source : str
    """

    name: str
    size: float
    low: float
    high: float
    of_market: bool
    meaning: str
    source: str


#: The estimates by name (E4). 22 bp a trillion is what an elasticity of 1 makes of a market worth 455 trillion.
EFFECTS: dict[str, Effect] = {
    each.name: each
    for each in (
        Effect(
            "elasticity",
            1.0,
            1.0,
            1.0,
            True,
            "1 % of the market bought lifts it by 1 %",
            "Barbon and Gianinazzi, Review of Asset Pricing Studies 9 (2019), ssrn.com/abstract=2925198 (E4, H)",
        ),
        Effect(
            "bp",
            0.0022,
            0.0022,
            0.0022,
            False,
            "a trillion yen lifts the market by 22 bp",
            "Barbon and Gianinazzi, Review of Asset Pricing Studies 9 (2019), ssrn.com/abstract=2925198 (E4, H)",
        ),
        Effect(
            "multiplier",
            7.5,
            6.0,
            9.0,
            True,
            "1 % of the market bought lifts it by 6 to 9 %; 7.5 is taken",
            "Ichiue, University of Tokyo working paper 49 (2024), econpapers.repec.org/RePEc:upd:utmpwp:049 (E4, H)",
        ),
    )
}

#: The day, and the levels of the indexes then, of the market value all others are scaled from.
VALUE_DAY, LEVEL_THEN = date(2017, 7, 31), {"topix": 1618.61, "n225": 19925.18}
#: Yen all listed shares were worth then: "just below 20 trillion" held, "around 3.2 %" of the market (E4, M).
VALUE_THEN = 20e12 / 0.032


def effect_of(name: str) -> Effect:
    """Return an estimate by name.

    Raises
    ------
    SpecError
        There is none of that name.
    """
    if name not in EFFECTS:
        raise unknown_name("effect of the Bank's purchases", name, EFFECTS)
    return EFFECTS[name]


def scale_series(market: MarketData) -> str:
    """Return the series market value is scaled by: topix, else n225.

    Raises
    ------
    MissingData
        The market has neither.
    """
    for name in LEVEL_THEN:
        if market.has(name):
            return name
    raise MissingData(
        asked="scale the value of the market",
        found="neither topix nor n225",
        rule="market value is taken to move with an index",
        todo="add topix (data/README.md has its columns)",
    )


def market_value(market: MarketData) -> pd.Series:
    """Return what all listed shares were worth at the close of each session before, in yen.

    One known value, moved with TOPIX (else with the Nikkei): issues and buy-backs are not seen. Of the
    session before, so that a purchase is not measured by the close that it moved.
    """
    name = scale_series(market)
    closes = market.table(name)["close"]
    worth = closes * (VALUE_THEN / LEVEL_THEN[name])
    moved: pd.Series = worth.reindex(_spanned(closes.index)).ffill().shift(1)
    return moved


def lifts(yen: pd.Series, value: pd.Series, effect: Effect, size: float | None = None) -> pd.Series:
    """Return the lift of the level by each purchase, a fraction.

    Parameters
    ----------
    yen : Series of shape (n_sessions,)
        Purchases.
    value : Series
        Market value by session (`market_value`); not used for ``bp``. A purchase on a day without is no lift.
    effect : Effect
    size : float, optional
        Instead of the effect's own.

    Examples
    --------
    Half a trillion of a market worth 500 trillion:

    >>> yen, value = pd.Series([0.5e12]), pd.Series([500e12])
    >>> [round(1e4 * float(lifts(yen, value, each).iloc[0]), 1) for each in EFFECTS.values()]
    [10.0, 11.0, 75.0]
    """
    size = effect.size if size is None else size
    share = yen / value.reindex(yen.index) if effect.of_market else yen / TRILLION
    return (size * share).fillna(0.0)


def remaining(market: MarketData, effect: Effect, since: pd.Timestamp, size: float | None = None) -> pd.Series:
    """Return what is left of each close without the purchases after a session: 1 there, smaller later.

    Parameters
    ----------
    market : MarketData
        With boj_etf_purchases; discretionary and supportive purchases both count.
    effect : Effect
    since : Timestamp
        The session at whose close the world starts.
    size : float, optional
        Instead of the effect's own.

    Returns
    -------
    Series of shape (n_sessions,)
        By session from `since` on. Row t depends on purchases up to t and on closes before t only.
    """
    bought = purchases(market).sum(axis=1)
    value = market_value(market) if effect.of_market else pd.Series(dtype="float64")
    lift = lifts(bought, value, effect, size)
    index = sessions.all_sessions()
    index = index[index >= since]
    lift = lift[lift.index > since].reindex(index).fillna(0.0)
    left: pd.Series = np.exp(-np.log1p(lift).cumsum())
    return left


def _spanned(dates: pd.Index) -> pd.DatetimeIndex:
    index = sessions.all_sessions()
    # One session more: the value of the last close belongs to the next session.
    stop = int(index.searchsorted(dates[-1], side="right")) + 1
    return pd.DatetimeIndex(index[(index >= dates[0]) & (np.arange(len(index)) < stop)])
