"""The dips of `strategies.boj_dip` in a market without morning closes: overnight returns alone, a session late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from indexsim.bars import Clock
from indexsim.market import MarketData
from strategies.base import Features
from strategies.boj_dip import BojDip, column, files_read, published, session_numbers, since_close, weak


class BojDipDaily(BojDip):
    """Buy at the open after a session that began with a weak overnight return of TOPIX: `BojDip` on daily bars.

    OVERNIGHT ONLY: without morning closes the return is that from a close to the next open, while the Bank went by
    overnight plus morning (S002). And a session late: a daily bar is decided at its close, so the afternoon of the
    session itself, in which the Bank buys, cannot be bought. What is tested is the day after: S002 says that the Bank
    goes on buying while returns stay negative. For the afternoon itself use `BojDip` and a market with ``halves``.

    ``mode = "follow"`` fills two sessions after the purchase: it is known at 19:00, decided on at the next close,
    and bought at the open after that.

    Needs ``topix`` with opens. Source: S002. Limits: those of `BojDip`; the lines of the eras (E3) are about the
    morning, and applied to the overnight return alone.
    """

    clock: ClassVar[Clock] = "daily"

    @dataclass(frozen=True)
    class Params(BojDip.Params):
        """Parameters of `BojDipDaily`: those of `BojDip` (``python -m backtests describe boj_dip``).

        Attributes
        ----------
        instrument, mode, trigger, quantile, window, level, none_above, between, size, stack, sessions
            As there, of the overnight return: from a close to the next open.
        exit : {"close", "next_open", "sessions", "positive"}
            As there, counted from the session bought. A daily market has no morning close to sell at.
        """

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.exit == "next_morning":
                raise ValueError("exit 'next_morning' needs morning closes; on daily bars close, next_open or sessions")

    @classmethod
    def needs(cls, params: BojDip.Params) -> tuple[str, ...]:
        return files_read(params)

    @staticmethod
    def features(market: MarketData, params: BojDip.Params) -> Features:
        bars = market.bars("daily")
        needed = "topix" in files_read(params)
        since = since_close(market, bars) if needed else np.full(len(bars), np.nan)
        if params.mode == "follow":
            signal = published(market, bars.decided).astype(np.float64)
        else:
            column(market, "topix", "open")
            prices = market.prices("topix", bars)
            overnight = np.append(np.nan, prices.open[1:] / prices.close[:-1] - 1.0)[: len(bars)]
            signal = weak(overnight, bars.session, params)
        return {"signal": signal, "since": since, "session": session_numbers(market, "daily")}
