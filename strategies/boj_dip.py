"""Buy the afternoon of a weak morning, when the Bank of Japan is expected to buy.

S002 (Hattori and Yoshida): the Bank bought on nearly every day whose TOPIX return from the
previous close to the morning close lay in its lowest decile, and on none above the median. The
strategy buys at the afternoon open of such days and tests whether being there pays.

To come with the issue on strategies: fixed triggers by era, stacking, exit when the return turns
positive, following the Bank after it published, an overnight-only form for daily markets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from indexsim.bars import MORNING, Clock
from indexsim.market import MarketData
from strategies.base import Features, Strategy, Targets

EXITS = ("close", "next_open", "next_morning", "sessions")


class BojDip(Strategy):
    """Buy at the afternoon open when overnight plus morning was in the lowest decile so far.

    Needs a market with morning closes. Half days have no afternoon and give no signal. A signal
    while the position is held prolongs it.
    """

    clock: ClassVar[Clock] = "halves"

    @dataclass(frozen=True)
    class Params:
        """Parameters of `BojDip`.

        Attributes
        ----------
        instrument : str
            What is bought: an ETF or a future on the Nikkei or TOPIX.
        quantile : float
            A signal is a return below this quantile, as a fraction (0.10 = lowest decile).
        window : int
            Sessions whose returns the quantile is taken over, today's not included.
        size : float
            Position on a signal, as a share of equity.
        exit : {"close", "next_open", "next_morning", "sessions"}
            When to sell: at the close of the same session, the next session's open, the next
            session's morning close, or the close of the session `sessions` later.
        sessions : int
            Sessions to hold for ``exit = "sessions"``.
        """

        instrument: str = "etf_1306"
        quantile: float = 0.10
        window: int = 250
        size: float = 1.0
        exit: str = "next_open"
        sessions: int = 1

        def __post_init__(self) -> None:
            if not 0.0 < self.quantile < 1.0:
                raise ValueError(f"quantile {self.quantile:g} lies outside (0, 1)")
            if self.window < 2:
                raise ValueError(f"window {self.window} is too short; at least 2 sessions")
            if self.exit not in EXITS:
                raise ValueError(f"exit {self.exit!r} is unknown; one of {', '.join(EXITS)}")
            if self.sessions < 1:
                raise ValueError(f"sessions {self.sessions} is below 1")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("topix", "halves")

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("halves")
        close = market.prices("topix", bars).close
        morning = bars.half == MORNING
        change = np.full(len(bars), np.nan)
        change[1:] = close[1:] / close[:-1] - 1.0
        returns = pd.Series(change[morning])
        bound = returns.rolling(params.window).quantile(params.quantile).shift(1)
        signal = np.zeros(len(bars))
        signal[morning] = returns < bound
        # One row longer than the bars: the calendar, unlike prices, is known in advance.
        ahead = market.schedule("halves", 1 + 2 * (params.sessions + 1))
        session_number = np.cumsum(np.append(True, ahead.session[1:] != ahead.session[:-1]))
        return {"signal": signal, "session": session_number, "morning": ahead.half == MORNING}

    @staticmethod
    def decide(features: Features, params: Params) -> Targets:
        signal = features["signal"]
        n = len(signal)
        # Two instants a bar: 2b is the open of bar b, 2b+1 its close. held[i]: hold from instant i on.
        held = np.zeros(2 * (n + 1))
        for t in range(n):
            if signal[t] == 1.0:
                held[2 * (t + 1) : _exit_instant(t, features, params)] = params.size
        return Targets((params.instrument,), held[2::2].reshape(-1, 1), held[3::2].reshape(-1, 1))


def _exit_instant(t: int, features: Features, params: BojDip.Params) -> int:
    """Return the instant at which a position signalled on morning bar t is sold."""
    if params.exit == "close":
        return 2 * (t + 1) + 1
    if params.exit == "next_open":
        return 2 * (t + 2)
    if params.exit == "next_morning":
        return 2 * (t + 2) + 1
    session = features["session"]
    last = t + 1
    while last + 1 < len(session) and session[last + 1] <= session[t] + params.sessions:
        last += 1
    return 2 * last + 1
