"""Buy the afternoon of a weak morning, when the Bank of Japan is expected to buy, or the day after it said so.

S002 (Hattori and Yoshida): the Bank bought on nearly every day whose TOPIX return from the
previous close to the morning close lay in its lowest decile, and on none above the median. It never
published a rule; the press read fixed lines off its purchases (E3). The strategy buys at the afternoon
open of such days and tests whether being there pays. `strategies.boj_dip_daily` does the same on daily bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from indexsim.bars import MORNING, Bars, Clock
from indexsim.errors import MissingData
from indexsim.facts import FACTS, Cells, read_table
from indexsim.known import known_at, rule_of
from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled

MODES = ("foresee", "follow")
TRIGGERS = ("quantile", "era", "level")
EXITS = ("close", "next_open", "next_morning", "sessions", "positive")
#: Most that `level` may ask a morning to have lost, as a fraction: beyond it is percent by mistake.
DEEPEST = 0.2
PURCHASES = "boj_etf_purchases"


def _era(row: Cells) -> tuple[date, float]:
    return date.fromisoformat(row["first_day"]), float(row["trigger"] or -inf)


#: First day of each era and the return, a fraction, at or below which the Bank was seen to buy (E3, M).
ERAS = read_table(FACTS / "boj_triggers.csv", _era)


class BojDip(Ruled):
    """Buy at the afternoon open when TOPIX, overnight plus morning, has fallen as on days on which the Bank buys.

    ``mode = "foresee"`` takes a weak morning for a purchase to come: a return below a rolling quantile, at or below the
    line of its era (E3), or at or below a level; and never one above the quantile `none_above` (S002: none above the
    median). ``mode = "follow"`` waits until the Bank has published: a purchase is known at 19:00 of its day, so the
    order fills at the afternoon open of the session after, whatever the return.

    Each signal buys `size` more, up to `stack` signals at once; while that many are held, a further one prolongs. It
    needs ``halves``, morning closes of TOPIX; half days have no afternoon and give no signal.

    Source: S002. Limits: the lines of the eras were read off the purchases afterwards and their first days are in part
    assumptions (data/facts/boj_triggers.csv), so ``trigger = "era"`` has hindsight that no check can see; the Bank's
    fixed daily purchases of another kind (E1) are no signal.
    """

    clock: ClassVar[Clock] = "halves"

    @dataclass(frozen=True)
    class Params:
        """Parameters of `BojDip`.

        Attributes
        ----------
        instrument : str
            What is bought: an ETF or a future on the Nikkei or TOPIX.
        mode : {"foresee", "follow"}
            Buy before the Bank, on the return of the morning, or after it has published a purchase. Following uses
            none of the parameters from `trigger` to `between`.
        trigger : {"quantile", "era", "level"}
            A signal is a return below the rolling quantile `quantile`, at or below the line of its era (-1, -0.5, -1,
            -2 %), or at or below `level`.
        quantile : float
            For ``trigger = "quantile"``, as a fraction (0.10 = lowest decile).
        window : int
            Returns that the quantiles are taken over, one a session, today's not included.
        level : float
            For ``trigger = "level"``, as a fraction (-0.005 = -0.5 %).
        none_above : float
            A return above this quantile is no signal, whatever `trigger` says; 1.0 switches it off. A trigger below
            it, as the lowest decile is, never meets it.
        between : float
            What a return that does not reach the trigger, but lies at or below `none_above`, counts for, as a share of
            a signal; 0.0 is nothing.
        size : float
            Position on a signal, as a share of equity.
        stack : int
            Signals held at once at most.
        exit : {"close", "next_open", "next_morning", "sessions", "positive"}
            When to sell: at the close of the same session, the next session's open, the next
            session's morning close, the close of the session `sessions` later, or at the next bar's open once a bar
            after the purchase closes above the close of the session before.
        sessions : int
            Sessions to hold for ``exit = "sessions"``.
        """

        instrument: str = "etf_1306"
        mode: str = "foresee"
        trigger: str = "quantile"
        quantile: float = 0.10
        window: int = 250
        level: float = -0.005
        none_above: float = 0.5
        between: float = 0.0
        size: float = 1.0
        stack: int = 1
        exit: str = "next_open"
        sessions: int = 1

        def __post_init__(self) -> None:
            for name, known in (("mode", MODES), ("trigger", TRIGGERS), ("exit", EXITS)):
                if getattr(self, name) not in known:
                    raise ValueError(f"{name} {getattr(self, name)!r} is unknown; one of {', '.join(known)}")
            if not 0.0 < self.quantile < 1.0:
                raise ValueError(f"quantile {self.quantile:g} lies outside (0, 1)")
            if not 0.0 < self.none_above <= 1.0:
                raise ValueError(f"none_above {self.none_above:g} lies outside (0, 1]")
            if self.trigger == "quantile" and self.none_above < self.quantile:
                raise ValueError(f"none_above {self.none_above:g} lies below quantile {self.quantile:g}")
            if not -DEEPEST <= self.level <= 0.0:
                raise ValueError(f"level {self.level:g} lies outside [-{DEEPEST:g}, 0]; -0.005 is -0.5 %")
            if not 0.0 <= self.between <= 1.0:
                raise ValueError(f"between {self.between:g} lies outside [0, 1]")
            if self.window < 2:
                raise ValueError(f"window {self.window} is too short; at least 2 sessions")
            for name in ("stack", "sessions"):
                if getattr(self, name) < 1:
                    raise ValueError(f"{name} {getattr(self, name)} is below 1")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return (*files_read(params), "halves")

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("halves")
        since = since_close(market, bars) if reads_topix(params) else np.full(len(bars), np.nan)
        morning = bars.half == MORNING
        signal = np.zeros(len(bars))
        if params.mode == "follow":
            signal[morning] = published(market, bars.decided[morning])
        else:
            signal[morning] = weak(since[morning], bars.session[morning], params)
        return {"signal": signal, "since": since, "session": session_numbers(market, "halves")}

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        signal, n = features.signal, len(features.signal)
        at_open[:, 0] = 0.0
        at_close[:, 0] = 0.0
        until_positive, for_sessions = params.exit == "positive", params.exit == "sessions"
        # The bar of the exit counted from the signal's, and whether it is at the bar's close.
        bars_later = 1 if params.exit == "close" else 2
        closing = params.exit == "close" or params.exit == "next_morning" or for_sessions
        for row in range(n):
            if signal[row] > 0.0:
                sold = row + bars_later
                if until_positive:
                    sold = after_rising(features.since, row + 1)
                elif for_sessions:
                    sold = last_bar(features.session, row + 1, params.sessions)
                # Row t is about bar t + 1: held from the open and the close of each bar before that of the exit.
                for t in range(row, min(sold - 1, n)):
                    at_open[t, 0] += signal[row]
                    at_close[t, 0] += signal[row]
                if closing and row < sold <= n:
                    at_open[sold - 1, 0] += signal[row]
        size, most = params.size, float(params.stack)
        for t in range(n):
            at_open[t, 0] = size * min(at_open[t, 0], most)
            at_close[t, 0] = size * min(at_close[t, 0], most)


def after_rising(since: np.ndarray, bar: int) -> int:
    """Return the bar after the first one, from `bar` on, that closes above the session before; beyond all: not yet."""
    while bar < len(since) and not since[bar] > 0.0:
        bar += 1
    return bar + 1


def last_bar(session: np.ndarray, bar: int, sessions: int) -> int:
    """Return the last bar of the session that is `sessions` after that of a bar, or the last one there is."""
    bar = min(bar, len(session) - 1)
    wanted = session[bar] + sessions
    while bar + 1 < len(session) and session[bar + 1] <= wanted:
        bar += 1
    return bar


def reads_topix(params: BojDip.Params) -> bool:
    """Say whether the return of TOPIX decides anything."""
    return params.mode == "foresee" or params.exit == "positive"


def files_read(params: BojDip.Params) -> tuple[str, ...]:
    """Return the files of the signal and of the exit."""
    follows = (PURCHASES,) if params.mode == "follow" else ()
    return (*follows, *(("topix",) if reads_topix(params) else ()))


def since_close(market: MarketData, bars: Bars) -> np.ndarray:
    """Return the change of TOPIX from the close of the session before to each bar's close, shape (n_bars,).

    A fraction; NaN in the first session and where either is unknown.
    """
    close = market.prices("topix", bars).close
    number = np.cumsum(np.append(False, bars.session[1:] != bars.session[:-1])[: len(bars)])
    before = np.append(np.nan, close[bars.last_of_session])[number]
    change: np.ndarray = close / before - 1.0
    return change


def weak(returns: np.ndarray, sessions: np.ndarray, params: BojDip.Params) -> np.ndarray:
    """Return what each session's return counts for as a signal: 1.0, `between` or 0.0.

    Parameters
    ----------
    returns : ndarray of float64, shape (n,)
        Fractions, one a session; NaN is unknown, no signal, and no part of a window.
    sessions : ndarray of datetime64[D], shape (n,)
    params : BojDip.Params

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    found = np.zeros(len(returns))
    known = ~np.isnan(returns)
    values = pd.Series(returns[known])
    windows = values.rolling(params.window)
    if params.trigger == "quantile":
        reached = values < windows.quantile(params.quantile).shift(1)
    else:
        reached = values <= (_era_lines(sessions[known]) if params.trigger == "era" else params.level)
    if params.trigger == "quantile" and params.between == 0.0:
        found[known] = reached
        return found
    bound = windows.quantile(params.none_above).shift(1) if params.none_above < 1.0 else inf
    # While the window is not full there is no bound: the trigger alone counts, and nothing lies between.
    found[known] = np.where(reached & ~(values > bound), 1.0, np.where(values <= bound, params.between, 0.0))
    return found


def _era_lines(sessions: np.ndarray) -> np.ndarray:
    """Return the line of each session's era, a fraction; minus infinity where the Bank did not buy."""
    first = np.array([day for day, _ in ERAS], dtype="datetime64[D]")
    lines = np.array([-inf, *(line for _, line in ERAS)])
    found: np.ndarray = lines[np.searchsorted(first, sessions, side="right")]
    return found


def published(market: MarketData, decided: np.ndarray) -> np.ndarray:
    """Say at which decisions a purchase of the Bank has become known since the decision before.

    Parameters
    ----------
    market : MarketData
    decided : ndarray of datetime64[m], shape (n,)
        Ascending. What was known at the first one is not news.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    bought = column(market, PURCHASES, "index_etf")
    days = pd.DatetimeIndex(bought.index[bought > 0.0])
    count = np.searchsorted(known_at(rule_of(PURCHASES, "index_etf"), days), decided, side="right")
    return np.diff(count, prepend=count[:1]) > 0


def session_numbers(market: MarketData, clock: Clock) -> np.ndarray:
    """Return the number of each bar's session, and of the next two bars: whether the first of them ends its session.

    The last decision is about that bar. The calendar, unlike prices, is known in advance.
    """
    ahead = market.schedule(clock, 2)
    numbers: np.ndarray = np.cumsum(np.append(True, ahead.session[1:] != ahead.session[:-1]))
    return numbers


def column(market: MarketData, name: str, wanted: str) -> pd.Series:
    """Return a column of a file of days as far as it is known.

    Raises
    ------
    MissingData
        Where the file has no such column: it is optional, and nothing would ever be bought.
    """
    table = market.table(name)
    if wanted not in table:
        raise MissingData(
            asked=f"read {wanted} of {name}",
            found=f"the file has {', '.join(map(str, table.columns))}",
            rule=f"the signal is made of the column {wanted}",
            todo="add the column (data/README.md), or layer another folder with --market",
        )
    return table[wanted]
