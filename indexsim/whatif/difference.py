"""The difference between a world's index and the real one, by stock and by event.

Both indices are portfolios of factor / divisor shares of each name. Their difference is a portfolio too: what it
gains, stock by stock, is the difference of the levels. Every session on which either index changes
adds a trade to it that costs nothing (both levels stay); what that trade gains from then on, in the names that
either index still holds, is what the event was worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from indexsim.errors import SpecError
from indexsim.events import SpinOff
from indexsim.index import DIVISOR_ROUNDING, PriceWeightedIndex, Regime
from indexsim.market import MarketData
from indexsim.rebuild import rebuild

#: Row of `Difference.by_event` for what differs from the first session on.
START = "start"
#: Points below which an event is not listed.
NOTHING = 1e-6
#: The one row, by stock and by event, of a world that scales series.
_ALL = (("all", "code"), ("purchases of the Bank of Japan", "event"))
#: Causes named in each part of a label.
_NAMED = 3


@dataclass(frozen=True, eq=False)
class Difference:
    """A world's index beside the real one.

    Attributes
    ----------
    levels : DataFrame of float64, shape (n_sessions, 2)
        Columns ``real`` and ``world``, rounded as published.
    by_stock, by_event : Series of float64
        Points of the last session's difference, by code and by session with its causes. Each sums to the
        difference of the unrounded levels; the row "divisor rounding" is what rounding the divisors did.
    """

    levels: pd.DataFrame
    by_stock: pd.Series
    by_event: pd.Series

    @property
    def points(self) -> float:
        """World minus real level on the last session."""
        last = self.levels.iloc[-1]
        return round(float(last["world"] - last["real"]), 2)


def difference(base: MarketData, world: MarketData) -> Difference:
    """Explain the difference of a world to its real market.

    Raises
    ------
    SpecError
        The two markets do not have the same sessions.
    """
    return explain(rebuild(base).index, rebuild(world).index)


def explain(real: PriceWeightedIndex, world: PriceWeightedIndex) -> Difference:
    """Explain the difference of two indices that start at the same level.

    Parameters
    ----------
    real, world : PriceWeightedIndex
        On the same sessions.

    Raises
    ------
    SpecError
        They do not have the same sessions.
    """
    if not real.closes.index.equals(world.closes.index):
        raise SpecError(
            asked="compare a world with the real index",
            found=f"{len(world.closes)} and {len(real.closes)} sessions",
            rule="both indices have the same sessions",
            todo="build the world from the market it is compared with",
        )
    levels = pd.DataFrame({"real": real.levels(), "world": world.levels()})
    return Difference(levels, *_explained(_Pair(real, world)))


def scaled(base: MarketData, world: MarketData) -> Difference:
    """Return the difference of a world of scaled series (``no-boj``): all of it by the purchases, none by stock.

    Raises
    ------
    MissingData
        The market has neither n225 nor index nor topix.
    """
    name = next((each for each in ("n225", "index", "topix") if base.has(each)), "n225")
    levels = pd.DataFrame({"real": base.table(name)["close"], "world": world.table(name)["close"]}).dropna()
    levels = levels.loc[world.span[0] :]
    points = float(levels["world"].iloc[-1] - levels["real"].iloc[-1])
    return Difference(levels, *(_series([label], np.array([points]), 0.0, kind) for label, kind in _ALL))


class _Pair:
    """The two indices as arrays over the codes that either holds."""

    def __init__(self, real: PriceWeightedIndex, world: PriceWeightedIndex) -> None:
        self.regimes = ({r.row: r for r in real.regimes}, {r.row: r for r in world.regimes})
        held = (code for own in self.regimes for r in own.values() for code in (*r.basket.codes, *r.base))
        self.codes = list(dict.fromkeys(held))
        self.at = {code: number for number, code in enumerate(self.codes)}
        self.closes = world.closes.reindex(columns=self.codes).to_numpy(np.float64)
        self.rows = sorted({*self.regimes[0], *self.regimes[1]})

    def begun(self, row: int) -> tuple[Regime, ...]:
        """Return the regimes, real first, that begin on a row."""
        return tuple(own[row] for own in self.regimes if row in own)

    def holdings(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the shares of the real index and of the world's, for one unit of each, from a row on."""
        real, world = (self._shares(own[max(r for r in own if r <= row)]) for own in self.regimes)
        return real, world

    def opening(self, row: int) -> np.ndarray:
        """Return the closes before a row on its basis: standard prices where a regime begins."""
        prices: np.ndarray = self.closes[max(row - 1, 0)].copy()
        for regime in self.begun(row):
            for code, price in regime.base.items():
                prices[self.at[code]] = float(price)
        return prices

    def spin_offs(self, row: int) -> list[tuple[int, int, float]]:
        """Return child, parent and new shares per share of the parent."""
        found = {}
        for regime in self.begun(row):
            for event in regime.events:
                if isinstance(event, SpinOff):
                    share = float(event.factor / regime.basket.factors[event.parent])
                    found[event.code] = (self.at[event.code], self.at[event.parent], share)
        return list(found.values())

    def label(self, row: int) -> str:
        """Return the session and its causes: those of both indices, then those of either."""
        if row == 0:
            return START
        real, world = ([str(e) for e in own[row].events] if row in own else [] for own in self.regimes)
        parts = (
            ("", [cause for cause in real if cause in world]),
            ("in reality ", [cause for cause in real if cause not in world]),
            ("in the world ", [cause for cause in world if cause not in real]),
        )
        said = "; ".join(f"{who}{_listed(causes)}" for who, causes in parts if causes)
        return f"{self.begun(row)[0].session}: {said}"

    def _shares(self, regime: Regime) -> np.ndarray:
        found = np.zeros(len(self.codes))
        divisor = float(regime.divisor)
        for code, factor in regime.basket.factors.items():
            found[self.at[code]] = float(factor) / divisor
        return found


def _listed(causes: list[str]) -> str:
    more = f" and {len(causes) - _NAMED} more" if len(causes) > _NAMED else ""
    return "; ".join(causes[:_NAMED]) + more


def _explained(pair: _Pair) -> tuple[pd.Series, pd.Series]:
    trades = np.zeros((len(pair.rows), len(pair.codes)))
    by_event, by_stock, rounding = np.zeros(len(pair.rows)), np.zeros(len(pair.codes)), 0.0
    for number, (row, stop) in enumerate(pairwise([*pair.rows, len(pair.closes)])):
        real, world = pair.holdings(row)
        held, opening = world - real, pair.opening(row)
        if row:
            rounding += _value(held, opening) - _value(trades.sum(axis=0), pair.closes[row - 1])
            _carry(trades, pair, row, opening)
        trades[number] = held - trades.sum(axis=0)
        # What neither holds adds up to nothing, and its prices may hide a split: it ends here.
        trades[:, (real == 0) & (world == 0)] = 0.0
        moves = np.nan_to_num(pair.closes[stop - 1] - opening)
        by_event += trades @ moves
        by_stock += held * moves
    return (
        _series(pair.codes, by_stock, rounding, "code"),
        _series([pair.label(row) for row in pair.rows], by_event, rounding, "event"),
    )


def _carry(trades: np.ndarray, pair: _Pair, row: int, opening: np.ndarray) -> None:
    """Bring past trades onto the basis of a row: a split keeps their value, a spun-off company comes along."""
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = pair.closes[row - 1] / opening
    trades *= np.where(np.isfinite(growth), growth, 1.0)
    for child, parent, share in pair.spin_offs(row):
        trades[:, child] += trades[:, parent] * share


def _value(shares: np.ndarray, prices: np.ndarray) -> float:
    return float(np.nansum(shares * prices))


def _series(names: list[str], points: np.ndarray, rounding: float, kind: str) -> pd.Series:
    listed = {name: float(value) for name, value in zip(names, points, strict=True) if abs(value) > NOTHING}
    if abs(rounding) > NOTHING:
        listed[DIVISOR_ROUNDING] = rounding
    return pd.Series(listed, index=pd.Index(listed, name=kind, dtype="str"), name="points", dtype="float64")
