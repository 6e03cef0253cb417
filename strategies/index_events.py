"""Trade ahead of the funds that track the Nikkei: what they must buy and sell at an event that was announced.

Entries, exits and steps of factors make every tracker trade at the close before they act (A16, A20).
Additions of 1991-2002 rose from the announcement to the day before the change and fell from then on (F2);
of cap steps there are four, and no regular pattern was seen in them (F6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from indexsim import foreseen
from indexsim.events import CapStep, Event
from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled, for_features

#: Kinds of events at which trackers trade; a split by factor delivers what they need (A13).
KINDS = ("additions", "deletions", "cap", "phase-in", "steps", "splits-by-divisor")
HEDGED = ("none", "cap", "all")


class IndexEvents(Ruled):
    """Hold a share of what trackers will trade at an event, from its announcement to the close at which they trade.

    Additions are bought, deletions sold short, a capped name is sold short against the index future: each with
    the sign and in proportion to the trade of a fund of `assets_yen` (`indexsim.flows`), as far as the closes and
    the basket of the decision tell it. Names are traded as stocks, positions are not rebalanced.

    Source: S001 ("restructuring of weights"); F2, F6 on what was found. Sizes: A13, A19.

    Limits: an announcement is known in its evening and a decision falls on a close, so the first fill is the open
    two sessions later; the jump of the first morning is missed. An event without an announced date is not
    traded, nor is a name without a column in ``opens`` and ``closes``, or an event while a constituent has no
    close. Whether a share could be borrowed is not known; borrowing is charged. Each event is sized by itself:
    others of the same day change the index by little.

    Needs ``factors`` with announced dates, ``closes`` and ``opens``.
    """

    unit: ClassVar[str] = "notional"

    @dataclass(frozen=True)
    class Params:
        """Parameters of `IndexEvents`.

        Attributes
        ----------
        events : str
            Kinds of events, separated by commas: additions, deletions, cap, phase-in, steps (of a factor, without a
            reason), splits-by-divisor.
        assets_yen : int
            Yen that track the index. The default follows from 330 billion yen of sales estimated for the cap step
            of October 2024 (F6, A19); for that of April 2026 it would be 40 trillion.
        share : float
            Part of the trackers' trade that is taken, as a fraction: 0.0005 of a name entering with 1 % is 175
            million yen.
        entry_offset : int
            Session at whose open positions are taken, counted from the announcement; at least 2.
        exit_offset : int
            Session at whose close they are left, counted from the first on which the event acts: -1 is the close
            at which trackers trade. An event whose exit comes before its entry is not traded.
        hedge : {"none", "cap", "all"}
            Which trades are set against the future, yen for yen: none, cap steps, all.
        future : str
            Instrument of the hedge.
        """

        events: str = for_features("additions,deletions,cap")
        assets_yen: int = 35_000_000_000_000
        share: float = 0.0005
        entry_offset: int = 2
        exit_offset: int = -1
        hedge: str = "cap"
        future: str = "nikkei_mini"

        def __post_init__(self) -> None:
            foreseen.kinds_in(self.events, KINDS)
            if self.assets_yen <= 0:
                raise ValueError(f"assets_yen {self.assets_yen} is not above zero")
            if not 0.0 < self.share <= 1.0:
                raise ValueError(f"share {self.share:g} lies outside (0, 1]")
            if self.entry_offset < 2:
                raise ValueError(f"entry_offset {self.entry_offset} comes before an announcement can be acted on: 2")
            if self.hedge not in HEDGED:
                raise ValueError(f"hedge {self.hedge!r} is unknown; one of {', '.join(HEDGED)}")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return () if params.hedge == "none" else (params.future,)

    @classmethod
    def tradable(cls, market: MarketData, params: Params) -> tuple[str, ...]:
        return (*map(_stock, _codes(market, _events(market, params), params)), *cls.instruments(params))

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("factors", "closes", "opens")

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        events = _events(market, params)
        codes = _codes(market, events, params)
        first = foreseen.decision_rows(bars, (event.announced for event in events), params.entry_offset)
        last = foreseen.decision_rows(bars, (event.effective for event in events), params.exit_offset)
        # Decided a session after the announcement or later: what is decided is known.
        traded = np.flatnonzero((first >= 0) & (first < len(bars)) & (first <= last))
        at = foreseen.standings(market, bars.session[first[traded]])
        # Two instants a bar: what is wanted from its open, and from its close.
        wanted = np.zeros((2 * len(bars), len(codes)))
        hedged = np.zeros(2 * len(bars))
        for i in traded:
            event, held = events[i], slice(2 * first[i], 2 * last[i] + 1)
            yen = at[bars.session[first[i]].item()].tracker_yen(event, params.assets_yen)
            for code in foreseen.codes_of(event, foreseen.kinds_in(params.events, KINDS)):
                if code in yen and code in codes:
                    wanted[held, codes.index(code)] += yen[code]
                    hedged[held] += yen[code] if params.hedge == "all" or isinstance(event, CapStep) else 0.0
        return {
            "open_yen": wanted[0::2],
            "close_yen": wanted[1::2],
            "open_hedged": hedged[0::2],
            "close_hedged": hedged[1::2],
            "codes": np.array(codes, dtype=str),
        }

    @classmethod
    def names(cls, features: Features, params: Params) -> tuple[str, ...]:
        return (*map(_stock, features["codes"].tolist()), *cls.instruments(params))

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        for t in range(len(at_open)):
            for k in range(at_open.shape[1]):
                before = params.share * wanted(features, t - 1, k, True) if t > 0 else 0.0
                opening = params.share * wanted(features, t, k, False)
                closing = params.share * wanted(features, t, k, True)
                # Only changes are orders: a name that is not known yet has none.
                if opening != before:
                    at_open[t, k] = opening
                if closing != opening:
                    at_close[t, k] = closing


def wanted(features: Any, t: int, k: int, closing: bool) -> Any:
    """What trackers will trade in a column, or the future set against it, yen, from the open or the close on."""
    if k < features.open_yen.shape[1]:
        return features.close_yen[t, k] if closing else features.open_yen[t, k]
    return -(features.close_hedged[t] if closing else features.open_hedged[t])


def _stock(code: str) -> str:
    return f"stock_{code}"


def _events(market: MarketData, params: IndexEvents.Params) -> list[Event]:
    """Return the known events of the kinds asked for whose announcement is dated."""
    kinds = foreseen.kinds_in(params.events, KINDS)
    return [e for e in market.events if e.announced is not None and foreseen.codes_of(e, kinds)]


def _codes(market: MarketData, events: Sequence[Event], params: IndexEvents.Params) -> list[str]:
    """Return the codes of events that have opens and closes, in order of their first event."""
    kinds = foreseen.kinds_in(params.events, KINDS)
    opens, closes = (set(market.table(name).columns) for name in ("opens", "closes"))
    codes = dict.fromkeys(code for event in events for code in foreseen.codes_of(event, kinds))
    return [code for code in codes if code in opens and code in closes]
