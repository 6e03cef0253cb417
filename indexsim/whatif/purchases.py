"""The world ``no-boj``: the series of a market without the Bank of Japan's purchases of funds.

From the close of the first session on, every price is what the chosen estimate (`indexsim.boj.EFFECTS`) leaves
of it: a close without the purchases up to that day; an open, a night, and both prices around lunch without
those up to the day before, since the Bank buys in the afternoon. All series are scaled alike: that
the purchases leaned towards the Nikkei 225 is not seen. Row t depends on rows up to t only.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from indexsim import rules
from indexsim.boj.days import DISCRETIONARY, SUPPORTIVE
from indexsim.boj.effect import effect_of, remaining, scale_series
from indexsim.errors import MissingData
from indexsim.market import MarketData
from indexsim.whatif.worlds import World

#: Series that are scaled; a market needs one of the indexes.
INDEXES = ("n225", "index", "topix")
SERIES = (*INDEXES, "etf_1321", "etf_1306")
#: Prices of stocks: nobody says what each would be, and without them no index is rebuilt.
STOCKS = ("closes", "opens", "special_quotes", "suspensions")
#: What belongs to the real market and stays as it is.
KEPT = ("nikkei_vi", "distributions", "dividends")
#: Columns set by the end of the session, and those before the afternoon.
_CLOSES, _OPENS = ("close", "settle", "tr", "net_tr", "price_index"), ("open", "night_open", "night_close")
_LUNCH = ("morning_close", "afternoon_open")
_BOUGHT = "boj_etf_purchases"


def without_purchases(
    market: MarketData, world: World, last: date | None = None
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...], tuple[str, ...]]:
    """Return the frames of the world, the files it does not have, and what it lacks, a sentence each.

    Parameters
    ----------
    market : MarketData
        The whole of its folder, with boj_etf_purchases and an index.
    world : World
        With `World.effect`.
    last : date, optional
        Errors after this day stop nothing; None is the end.

    Raises
    ------
    MissingData
        There are no purchases, no index, or for ``elasticity`` and ``multiplier`` no series to scale by.
    DataError
        The purchases, or the series that market value is scaled by, have errors.
    """
    asked = f"build the world {world}"
    market.require([_BOUGHT], asked)
    if not any(market.has(name) for name in INDEXES):
        raise MissingData(
            asked=asked,
            found=f"none of {', '.join(INDEXES)}",
            rule="the purchases are taken out of a series",
            todo="add one of them (data/README.md has its columns)",
        )
    effect = effect_of(world.effect)
    used = [_BOUGHT, *([scale_series(market)] if effect.of_market else [])]
    market.refuse_errors(dict.fromkeys(used, (date.min, last or date.max)), asked)
    first = market.span[0]
    left = remaining(market, effect, first)
    frames = {name: _series(market.table(name), left) for name in (*SERIES, "total_return") if market.has(name)}
    if market.has("halves"):
        frames["halves"] = _rows(market.table("halves"), left, "series", SERIES)
    if market.has("futures"):
        frames["futures"] = _rows(market.table("futures"), left, "root", ("nikkei", "topix"))
    bought = market.table(_BOUGHT)
    blank = {name: np.nan for name in (DISCRETIONARY, SUPPORTIVE) if name in bought}
    frames[_BOUGHT] = bought.assign(**blank)
    dropped = tuple(name for name in STOCKS if market.has(name))
    return frames, dropped, _missing(market, world, first, dropped)


def _series(frame: pd.DataFrame, left: pd.Series) -> pd.DataFrame:
    """Scale a file of one row a day; high and low hold the scaled open and close."""
    by_close, by_open = _factors(pd.DatetimeIndex(frame.index), left)
    scaled = frame.assign(**_scaled(frame, by_close, by_open))
    ends = scaled[[name for name in ("open", "close") if name in scaled]]
    if "high" in frame:
        scaled["high"] = _round(frame["high"] * by_close).clip(lower=ends.max(axis=1))
    if "low" in frame:
        scaled["low"] = _round(frame["low"] * by_close).clip(upper=ends.min(axis=1))
    return scaled


def _rows(frame: pd.DataFrame, left: pd.Series, column: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Scale the rows of a long file that are about the named series or contracts."""
    own = frame[column].isin(names).to_numpy()
    by_close, by_open = _factors(pd.DatetimeIndex(frame["date"]), left)
    return frame.assign(**_scaled(frame, np.where(own, by_close, 1.0), np.where(own, by_open, 1.0)))


def _scaled(frame: pd.DataFrame, by_close: np.ndarray, by_open: np.ndarray) -> dict[str, pd.Series]:
    factors = dict.fromkeys(_CLOSES, by_close) | dict.fromkeys((*_OPENS, *_LUNCH), by_open)
    return {name: _round(frame[name] * factor) for name, factor in factors.items() if name in frame}


def _factors(days: pd.DatetimeIndex, left: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return by row what is left at the close, and before the afternoon; 1 before the world starts."""
    values = np.concatenate([[1.0], left.to_numpy("float64")])
    at = left.index.searchsorted(days, side="right")
    # A row that is no session stands after the session before it.
    before = left.index.searchsorted(days, side="left")
    return values[at], values[before]


def _round(prices: pd.Series) -> pd.Series:
    return prices.round(rules.LEVEL_DECIMALS)


def _missing(market: MarketData, world: World, first: pd.Timestamp, dropped: tuple[str, ...]) -> tuple[str, ...]:
    effect, bought = effect_of(world.effect), market.table(_BOUGHT).index
    said = [
        f"COUNTERFACTUAL: every series is that of the world {world} ({effect.meaning}, {effect.source}); it never was",
        f"purchases after {first:%Y-%m-%d} and up to {bought[-1]:%Y-%m-%d} count; later ones, and sales, do not",
        "all series are scaled alike: that the purchases leaned towards the Nikkei 225 is not seen",
        f"{_BOUGHT}: blank; in the world the Bank buys no funds",
    ]
    if effect.of_market:
        said.append(f"the value of the market is one known value scaled by {scale_series(market)}")
    if dropped:
        said.append(f"{', '.join(dropped)}: left out; no index is rebuilt, and no stock can be traded")
    kept = [name for name in KEPT if market.has(name)]
    return (*said, *([f"{', '.join(kept)}: as in the real market"] if kept else []))
