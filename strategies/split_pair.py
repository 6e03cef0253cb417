"""Short the Nikkei, long TOPIX around the splits of constituents, or other events of the index.

S001 claims that a split lowers a stock's weight, so that trackers must sell and the Nikkei
falls against TOPIX. Since 2005 a large split moves the factor and nothing else (A10, H1):
the trade is here so that the claim can be tested, not because it should work. S001 also names the
restructuring of weights: entries, exits and steps of factors do make trackers trade (A16).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from indexsim import foreseen
from indexsim.bars import Bars
from indexsim.events import Event
from indexsim.market import MarketData, known_from
from strategies.base import Features
from strategies.rules import Ruled, for_features

ANCHORS = ("effective", "announced")
HEDGES = ("notional", "beta")


class SplitPair(Ruled):
    """Hold short Nikkei and long TOPIX from the close of one session to that of another, counted from an event.

    Both legs fill at the same closes, in whole contracts: what that leaves unhedged is told for each trade by
    `backtests.residuals`. An event that was not announced when its entry had to be decided is not traded;
    windows that overlap or touch are held as one, hedged as at its beginning.

    Source: S001, which names splits and "restructuring of weights", one session before to the ex-date.

    Limits: an announcement is known in its evening and a decision falls on a close, so the first fill is the
    close two sessions later. A leg that is a fund binds its notional: with two of them ``share`` stays below
    0.5. The weight at the decision counts closes of every constituent; where one is missing it is unknown,
    and the event is not traded. A row ``step`` of ``factors`` that does not say why is of the kind ``steps``.
    """

    @dataclass(frozen=True)
    class Params:
        """Parameters of `SplitPair`.

        Attributes
        ----------
        nikkei, topix : str
            Instruments of the short and the long leg: futures of any size or funds.
        share : float
            Notional of the Nikkei leg as a share of equity, that of the other follows from `hedge`. Below zero
            the pair is turned round: long Nikkei, short TOPIX.
        entry_offset : int
            Session of the entry close, counted from the anchor: -1 is the session before it. At least 2 from
            an announcement.
        exit_offset : int
            Session of the exit close, counted from the anchor: 0 is the anchor itself. Must lie after the entry.
        anchor : {"effective", "announced"}
            Session the offsets count from: the first on which the event acts (of a split the ex-date), or that
            of its announcement.
        events : str
            Kinds of events, separated by commas: splits (or only splits-by-factor, splits-by-divisor), additions,
            deletions, cap, phase-in, steps.
        hedge : {"notional", "beta"}
            TOPIX leg: as many yen as the Nikkei leg, or times the beta of Nikkei returns on TOPIX returns known
            at the decision to enter; a window without enough history for it is not traded.
        beta_window : int
            Sessions of returns that the beta is taken over.
        minimum_weight : float
            Smallest weight in the index, as a fraction, of the largest name the event is about, at the close of the
            decision to enter; 0 asks for none, and needs no ``closes``.
        """

        nikkei: str = "nikkei_mini"
        topix: str = "topix_mini"
        share: float = 1.0
        entry_offset: int = -1
        exit_offset: int = 0
        anchor: str = "effective"
        events: str = for_features("splits")
        hedge: str = "notional"
        beta_window: int = 250
        minimum_weight: float = 0.0

        def __post_init__(self) -> None:
            if self.exit_offset <= self.entry_offset:
                raise ValueError(f"exit_offset {self.exit_offset} is not after entry_offset {self.entry_offset}")
            if self.anchor not in ANCHORS:
                raise ValueError(f"anchor {self.anchor!r} is unknown; one of {', '.join(ANCHORS)}")
            if self.anchor == "announced" and self.entry_offset < 2:
                raise ValueError(f"entry_offset {self.entry_offset} comes before an announcement can be acted on: 2")
            if self.hedge not in HEDGES:
                raise ValueError(f"hedge {self.hedge!r} is unknown; one of {', '.join(HEDGES)}")
            if self.beta_window < 2:
                raise ValueError(f"beta_window {self.beta_window} is too short; at least 2 sessions")
            if not 0.0 <= self.minimum_weight < 1.0:
                raise ValueError(f"minimum_weight {self.minimum_weight:g} lies outside [0, 1)")
            foreseen.kinds_in(self.events)

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.nikkei, params.topix)

    @classmethod
    def legs(cls, params: Params) -> tuple[str, str] | None:
        return params.nikkei, params.topix

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        weighed = ("closes",) if params.minimum_weight > 0 else ()
        return ("factors", *weighed, *(("n225", "topix") if params.hedge == "beta" else ()))

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        kinds = foreseen.kinds_in(params.events)
        events = [event for event in market.events if foreseen.codes_of(event, kinds)]
        first, last = _rows(events, bars, params)
        traded = (first >= 0) & (first < len(bars))
        traded[traded] = [known_from(events[i]) <= bars.decided[first[i]] for i in np.flatnonzero(traded)]
        if params.minimum_weight > 0:
            traded[traded] = _weights(market, bars, events, first, traded, kinds) >= params.minimum_weight
        hold = np.zeros(len(bars))
        for i in np.flatnonzero(traded):
            hold[first[i] : last[i]] = 1.0
        ratio = known_beta(market, bars, params.beta_window) if params.hedge == "beta" else np.ones(len(bars))
        return {"hold": hold, "ratio": ratio}

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        holding, ratio = False, 0.0
        for t in range(len(features.hold)):
            hold = features.hold[t] == 1.0
            if hold and not holding:
                ratio = features.ratio[t]
            holding = hold
            held = hold and np.isfinite(ratio)
            at_close[t, 0] = -params.share if held else 0.0
            at_close[t, 1] = params.share * ratio if held else 0.0


def known_beta(market: MarketData, bars: Bars, window: int) -> np.ndarray:
    """Return the beta of the Nikkei's daily returns on those of TOPIX known at each bar's decision.

    Parameters
    ----------
    market : MarketData
        With n225 and topix.
    bars : Bars
        One a session.
    window : int
        Sessions of returns up to the bar's own.

    Returns
    -------
    ndarray of float64, shape (n_bars,)
        NaN before there are as many returns, and where TOPIX did not move.
    """
    nikkei, topix = (
        pd.Series(market.known(name, "close", bars)).pct_change(fill_method=None) for name in ("n225", "topix")
    )
    beta = (nikkei.rolling(window).cov(topix) / topix.rolling(window).var()).to_numpy()
    return np.where(np.isfinite(beta), beta, np.nan)


def _rows(events: Sequence[Event], bars: Bars, params: SplitPair.Params) -> tuple[np.ndarray, np.ndarray]:
    """Rows [first, last) of each event whose decision, filled at the next close, keeps the pair."""
    days = [event.announced if params.anchor == "announced" else event.effective for event in events]
    first, last = (foreseen.decision_rows(bars, days, n) for n in (params.entry_offset, params.exit_offset))
    return first, last


def _weights(
    market: MarketData, bars: Bars, events: Sequence[Event], first: np.ndarray, traded: np.ndarray, kinds: Sequence[str]
) -> np.ndarray:
    """Return the weight of each traded event's largest name at the close of its first row."""
    rows = np.flatnonzero(traded)
    days = bars.session[first[rows]]
    at = foreseen.standings(market, days)
    weights = [
        at[day].weight(events[i], foreseen.codes_of(events[i], kinds))
        for i, day in zip(rows.tolist(), days.tolist(), strict=True)
    ]
    return np.array(weights, dtype=np.float64)
