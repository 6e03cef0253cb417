"""Where the prices, volumes, splits and payments of an instrument come from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.trading.curves import CARRY, ROLL, ROLL_BEFORE, make_curve
from backtests.trading.execution import PER_WHOLE, PER_YEN
from backtests.trading.instruments import Instrument
from indexsim.bars import AFTERNOON, MORNING, NIGHT, WHOLE, Bars
from indexsim.errors import MissingData, unknown_name
from indexsim.events import Split
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData

#: The rule that a fund's price must be one at which it could trade; may be waived.
ADJUSTED = "price-as-traded"

#: Sessions over which usual volume and volatility are measured for the impact of an order.
IMPACT_SESSIONS = 20


@dataclass(frozen=True)
class Conventions:
    """What the spec says about prices and terms.

    Attributes
    ----------
    futures : {"carry", "index"}
        What a future is worth where the market has no prices of it (`backtests.trading.curves`).
    expiry : {"roll", "settle"}
    roll_before : int
        Sessions before the last trading day at whose close a position is rolled.
    impact : float
        Slippage of an order of a whole day's volume, in daily standard deviations; it falls with the square root.
    sized_by_volume : bool
        Whether volumes are needed though there is no impact.
    cash_rate : float
        What cash earns, a fraction a year.
    waived : collection of str
        With `ADJUSTED` in it, adjusted prices of funds are rounded to 0.01 yen.
    """

    futures: str = CARRY
    expiry: str = ROLL
    roll_before: int = ROLL_BEFORE
    impact: float = 0.0
    sized_by_volume: bool = False
    cash_rate: float = 0.0
    waived: Collection[str] = ()


@dataclass(frozen=True)
class Quotes:
    """Prices of one instrument on n bars.

    Attributes
    ----------
    open, close : ndarray of float64, shape (n,)
        Yen or points; NaN without a print.
    rolled, settled : ndarray of float64, shape (n,)
        Futures only: close of the contract that is rolled into, price at which one ends; NaN elsewhere.
    notes : tuple of str
        Where they come from.
    """

    open: np.ndarray
    close: np.ndarray
    rolled: np.ndarray
    settled: np.ndarray
    notes: tuple[str, ...] = ()


def quotes_of(
    market: MarketData, i: Instrument, bars: Bars, how: Conventions, index: PriceWeightedIndex | None
) -> Quotes:
    """Return the prices of an instrument on bars.

    Raises
    ------
    SpecError, MissingData, DataError
        A stock without a column, a file that is absent, a future that cannot be priced (`make_curve`).
    """
    none = np.full(len(bars), np.nan)
    if i.kind == "future":
        terms = {"model": how.futures, "expiry": how.expiry, "roll_before": how.roll_before}
        curve = make_curve(market, i, bars, **terms, index=index)  # type: ignore[arg-type]
        return Quotes(curve.open, curve.close, curve.next_close, curve.settle, curve.notes)
    if i.kind == "stock":
        return Quotes(*_stock(market, i, bars), none, none)
    prices = market.prices(i.series, bars)
    return Quotes(prices.open, prices.close, none, none)


def _stock(market: MarketData, i: Instrument, bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    """Return opens and closes of a stock; around lunch and at night there are none."""
    found = []
    for name, absent in (("opens", AFTERNOON), ("closes", MORNING)):
        market.require([name], f"trade {i.name}")
        table = market.table(name)
        if i.series not in table:
            raise unknown_name(f"code in {name}", i.series, map(str, table.columns))
        prices = table[i.series].reindex(pd.DatetimeIndex(bars.session)).to_numpy(np.float64, copy=True)
        prices[(bars.half == absent) | (bars.half == NIGHT)] = np.nan
        found.append(prices)
    return found[0], found[1]


def splits_of(market: MarketData, i: Instrument, bars: Bars) -> dict[int, tuple[int, int]]:
    """Return the splits of a stock, by the bar before whose open they act."""
    if i.kind != "stock" or not market.has("factors"):
        return {}
    found = {}
    # From the folder, not from what is known: a split of the last bar acts, announced or not.
    for event in market.folder.events[1]:
        if isinstance(event, Split) and event.code == i.series:
            at = int(bars.first_of_day(np.array([event.effective], dtype="datetime64[D]"))[0])
            if 0 < at < len(bars):
                found[at] = event.ratio.as_integer_ratio()
    return found


def distributions_of(market: MarketData, i: Instrument, bars: Bars) -> np.ndarray:
    """Return the sen per share paid to who held before each bar's open, int64, shape (n,)."""
    paid = np.zeros(len(bars), dtype=np.int64)
    if not i.payments or not market.has(i.payments):
        return paid
    # From the folder, not from what is known: the payment of the last bar's ex-date is made, known or not.
    table = market.folder.frame(i.payments)
    own = table[(table["code"] == i.series) & table["yen"].notna()]
    # A payment whose ex-date is no session falls on the first bar after it.
    at = bars.first_of_day(own["ex_date"].to_numpy().astype("datetime64[D]"))
    inside = (at < len(bars)) & (own["ex_date"] >= pd.Timestamp(bars.session[0])).to_numpy()
    np.add.at(paid, at[inside], np.rint(own["yen"].to_numpy()[inside] * PER_YEN).astype(np.int64))
    return paid


def volumes_of(
    market: MarketData, i: Instrument, bars: Bars, how: Conventions, closes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the volume of each bar and the impact per square root of a share.

    Half of a session's volume counts for each of its halves, all of it for its day, none for a night. Impact
    follows the volume and the volatility of the sessions before: sigma x sqrt(quantity / mean volume).

    Raises
    ------
    MissingData
        They are needed and absent.
    """
    volume, impact = np.zeros(len(bars), dtype=np.int64), np.zeros(len(bars))
    if not (how.impact or how.sized_by_volume):
        return volume, impact
    own = _volume_of(market, i)
    ends = bars.last_of_session
    days = pd.DatetimeIndex(bars.session)
    shares = np.where(bars.half == WHOLE, 1.0, np.where(bars.half == NIGHT, 0.0, 0.5))
    volume = np.nan_to_num(own.reindex(days).to_numpy(np.float64) * shares).astype(np.int64)
    daily = pd.Series(closes[ends], index=days[ends])
    sigma = daily.pct_change(fill_method=None).rolling(IMPACT_SESSIONS).std().shift(1)
    usual = own.reindex(daily.index).rolling(IMPACT_SESSIONS).mean().shift(1)
    per_root = (how.impact * sigma / np.sqrt(usual.where(usual > 0)) * PER_WHOLE).reindex(days)
    return volume, np.nan_to_num(per_root.to_numpy(np.float64))


def _volume_of(market: MarketData, i: Instrument) -> pd.Series:
    """Return the volumes of an instrument by session."""
    if i.kind == "stock" and market.has("volumes") and i.series in market.table("volumes"):
        return market.table("volumes")[i.series]
    if i.kind == "etf" and "volume" in market.table(i.series):
        return market.table(i.series)["volume"]
    raise MissingData(
        asked=f"size orders of {i.name} by volume",
        found="no volumes of it",
        rule="impact and volume_share need the column volume (funds) or the file volumes (stocks)",
        todo="add the volumes, or leave impact and volume_share out",
    )
