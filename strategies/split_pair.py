"""Short the Nikkei, long TOPIX of equal yen around the splits of constituents.

S001 claims that a split lowers a stock's weight, so that trackers must sell and the Nikkei
falls against TOPIX. Since 2005 a large split moves the factor and nothing else (A10, H1):
the trade is here so that the claim can be tested, not because it should work.

To come with the issue on strategies: anchor announced or effective, additions, deletions, cap and
phase-in steps as events, hedge by rolling beta, a minimum weight, ETFs as legs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from indexsim import sessions
from indexsim.bars import Bars
from indexsim.events import Split
from indexsim.market import MarketData, known_from
from strategies.base import Features, Strategy, Targets, no_orders


class SplitPair(Strategy):
    """Hold the pair from the close of one session to the close of another, both relative to the ex-date.

    Both legs fill at the same closes and are sized to the same share of equity, in whole contracts.
    A split that was not announced when its entry had to be decided is not traded; windows that
    overlap are held as one.
    """

    @dataclass(frozen=True)
    class Params:
        """Parameters of `SplitPair`.

        Attributes
        ----------
        nikkei, topix : str
            Instruments of the short and the long leg.
        share : float
            Notional of each leg as a share of equity.
        entry_offset : int
            Session of the entry close, counted from the ex-date: -1 is the session before it.
        exit_offset : int
            Session of the exit close: 0 is the ex-date itself. Must lie after the entry.
        """

        nikkei: str = "nikkei_mini"
        topix: str = "topix_mini"
        share: float = 1.0
        entry_offset: int = -1
        exit_offset: int = 0

        def __post_init__(self) -> None:
            if self.exit_offset <= self.entry_offset:
                raise ValueError(f"exit_offset {self.exit_offset} is not after entry_offset {self.entry_offset}")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.nikkei, params.topix)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("factors",)

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        hold = np.zeros(len(bars))
        splits = [event for event in market.events if isinstance(event, Split)]
        for split, first, last in zip(splits, *_rows(splits, bars, params), strict=True):
            if 0 <= first < len(bars) and known_from(split) <= bars.decided[first]:
                hold[first:last] = 1.0
        return {"hold": hold}

    @staticmethod
    def decide(features: Features, params: Params) -> Targets:
        hold = features["hold"]
        legs = np.column_stack([-params.share * hold, params.share * hold])
        return Targets((params.nikkei, params.topix), no_orders(len(hold), 2), legs)


def _rows(splits: Sequence[Split], bars: Bars, params: SplitPair.Params) -> tuple[list[int], list[int]]:
    """Rows [first, last) of each split whose decision, filled at the next close, keeps the pair.

    A fill at the close of session s is decided on the session before s; first is -1 before the first bar.
    """
    ex_dates = pd.DatetimeIndex([split.effective for split in splits])
    offsets = (params.entry_offset - 1, params.exit_offset - 1)
    decided = [sessions.shift(ex_dates, n) if n else ex_dates for n in offsets]
    entry, leave = (days.to_numpy().astype("datetime64[D]") for days in decided)
    first, last = np.searchsorted(bars.session, entry), np.searchsorted(bars.session, leave)
    before = (first == 0) & ~np.isin(entry, bars.session[:1])
    return np.where(before, -1, first).tolist(), last.tolist()
