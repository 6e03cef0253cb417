"""Exposure to the Nikkei gated by its volatility index, with trend, early lock-in and the yen.

S001 proposes: below VI 20 be aggressive, from 20 to 30 follow the trend, above 30 reduce or hedge; take profit
when the VI rises while the index is still strong; beware when the yen rises fast at the same time. The
bands are conventions, not findings (H10), that the VI leads tops is a claim without a source (H11), and S001 names no
number for "rises": all of them are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, ClassVar

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled
from strategies.signals import above_average, before, rolling_high, share_below

BANDS = ("level", "quantile")
JUMPS = ("points", "share")


class ViGate(Ruled):
    """Hold a share of equity in the Nikkei that depends on the VI band and the trend.

    The VI used is the last close known at the decision: that of the session before, because the
    index is computed until after the cash close. A session whose VI is unknown holds nothing.
    Orders fill at the next open, and only when the exposure changes.

    Off by default: a lock-in takes exposure off when the VI has jumped while the index stands near its high,
    a resonance all of it when the VI has jumped and the yen has risen fast. Neither ever adds exposure.

    S001. Exposure above 1 needs a future: an order for more of a fund than the account can pay is rejected whole. The
    index is that of the decision and the dollar that of New York the night before, so that both have already seen the
    session of the VI's jump.

    Needs ``n225`` and ``nikkei_vi``, and ``usdjpy`` for the resonance.
    """

    optional: ClassVar[tuple[str, ...]] = ("share_below", "vi_rise", "below_high", "yen_rise")

    @dataclass(frozen=True)
    class Params:
        """Parameters of `ViGate`.

        Attributes
        ----------
        instrument : str
            What is bought: an ETF or a future on the Nikkei.
        low, high : float
            Bounds of the middle band, in VI points (percent a year): below `low` is calm, from `low`
            up to `high` is normal, `high` and above is stressed.
        calm, normal, stressed : float
            Exposure in each band, as a share of equity; below zero is short.
        sma : int
            Sessions of the simple moving average of the Nikkei's close that defines the trend (up:
            the close stands above it); 0 means no trend is asked for.
        trend_in : {"normal", "all"}
            Bands in which the exposure needs an uptrend: the middle one as in S001, or all.
        band : {"level", "quantile"}
            Whether the bands are VI points or the share of the VIs of the `window` sessions before that lay lower.
        low_quantile, high_quantile : float
            Bounds for ``band = "quantile"``, 0 to 1.
        window : int
            Sessions for ``band = "quantile"``, today's not included. One without a VI leaves it unknown.
        jump : float
            Rise of the VI that counts as a jump, in `jump_unit`; 0 means neither lock-in nor resonance.
        jump_unit : {"points", "share"}
            VI points, or a share of the VI before (0.2 = 20 % of it).
        jump_over : int
            Sessions over which the VI rises.
        near_high : float
            Near its high is a close of the Nikkei at most this share below its highest close (0.02 = 2 %).
        high_window : int
            Sessions of the highest close, today's included; as long as there are fewer, nothing is locked in.
        locked : float
            Exposure a lock-in leaves at most, as a share of equity; below zero is a hedge.
        yen_rise : float
            Fall of the dollar that counts as a fast rise of the yen, as a share (0.02 = 2 %); 0 means no resonance.
        yen_over : int
            Sessions over which the dollar falls.
        lock_sessions : int
            Decisions a lock-in or a resonance lasts for, its own included; another one prolongs it.
        hedge : str
            A future on the Nikkei that carries what the exposure differs from `core`; "" trades `instrument` alone.
        core : float
            Share of equity that stays in `instrument` where there is a `hedge`, above 0 up to 1. A fund binds all of
            it: the rest has to cover the margin of the future. It outgrows its share unless the spec says
            ``rebalance = "every-bar"``.
        """

        instrument: str = "etf_1321"
        low: float = 20.0
        high: float = 30.0
        calm: float = 1.0
        normal: float = 1.0
        stressed: float = 0.0
        sma: int = 100
        trend_in: str = "normal"
        band: str = "level"
        low_quantile: float = 0.4
        high_quantile: float = 0.95
        window: int = 250
        jump: float = 0.0
        jump_unit: str = "points"
        jump_over: int = 1
        near_high: float = 0.02
        high_window: int = 250
        locked: float = 0.5
        yen_rise: float = 0.0
        yen_over: int = 5
        lock_sessions: int = 5
        hedge: str = ""
        core: float = 0.8

        def __post_init__(self) -> None:
            _check_bands(self)
            _check_signals(
                self.jump, self.jump_unit, self.near_high, self.yen_rise,
                (self.jump_over, self.high_window, self.yen_over, self.lock_sessions),
            )  # fmt: skip
            if self.hedge == self.instrument:
                raise ValueError(f"hedge {self.hedge!r} is the instrument; name a future beside it")
            if not 0 < self.core <= 1:
                raise ValueError(f"core {self.core:g} lies outside (0, 1]")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument, params.hedge) if params.hedge else (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("n225", "nikkei_vi", "usdjpy") if params.yen_rise else ("n225", "nikkei_vi")

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        close, vi = market.known("n225", "close", bars), market.known("nikkei_vi", "close", bars)
        features = {"vi": vi, "above": above_average(close, params.sma)}
        if params.band == "quantile":
            features["share_below"] = share_below(vi, params.window)
        if params.jump:
            earlier = before(vi, params.jump_over)
            features["vi_rise"] = (vi - earlier) / (earlier if params.jump_unit == "share" else 1.0)
            features["below_high"] = 1.0 - close / rolling_high(close, params.high_window)
        if params.yen_rise:
            dollar = market.known("usdjpy", "close", bars)
            features["yen_rise"] = 1.0 - dollar / before(dollar, params.yen_over)
        return features

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        exposure = at_open[:, at_open.shape[1] - 1]
        by_band(features, params, exposure)
        if params.jump > 0.0:
            cap(features, params, exposure)
        if at_open.shape[1] == 2:
            at_open[:, 0] = params.core
            exposure -= params.core
        if at_open.shape[1] == 2 or params.jump > 0.0:
            value = measure(features, params)
            for t in range(len(value)):
                if np.isnan(value[t]):
                    at_open[t] = 0.0


def measure(features: Any, params: Any) -> Any:
    """What the bands are about, NaN where unknown."""
    return features.share_below if params.band == "quantile" else features.vi


def by_band(features: Any, params: Any, exposure: np.ndarray) -> None:
    """Fill in the exposure by band and trend, as a share of equity."""
    calm, normal, stressed = params.calm, params.normal, params.stressed
    down = (0.0, 0.0, 0.0) if params.trend_in == "all" else (calm, 0.0, stressed)
    if params.band == "quantile":
        low, high = params.low_quantile, params.high_quantile
        choose(features.share_below, features.above, low, high, (calm, normal, stressed), down, exposure)
    else:
        choose(features.vi, features.above, params.low, params.high, (calm, normal, stressed), down, exposure)


def choose(value: Any, above: Any, low: float, high: float, rising: Any, falling: Any, exposure: Any) -> None:
    """Fill in one of the three exposures of an uptrend, or of a downtrend; without branches, several rows at once."""
    for t in range(len(value)):
        up = above[t] == 1.0
        calm = rising[0] if up else falling[0]
        normal = rising[1] if up else falling[1]
        stressed = rising[2] if up else falling[2]
        # A value that is unknown is in no band.
        upper = stressed if value[t] >= high else 0.0
        upper = normal if value[t] < high else upper
        exposure[t] = calm if value[t] < low else upper


def cap(features: Any, params: Any, exposure: np.ndarray) -> None:
    """Take exposure off for as long as a lock-in or a resonance lasts."""
    locked = resonant = 0
    for t in range(len(exposure)):
        jumped = features.vi_rise[t] >= params.jump
        locked = params.lock_sessions if jumped and features.below_high[t] <= params.near_high else locked - 1
        if locked > 0:
            exposure[t] = min(exposure[t], params.locked)
        if params.yen_rise > 0.0:
            resonant = params.lock_sessions if jumped and features.yen_rise[t] >= params.yen_rise else resonant - 1
            if resonant > 0:
                exposure[t] = min(exposure[t], 0.0)


def _check_bands(params: ViGate.Params) -> None:
    """Refuse bands that are none."""
    low, high = params.low_quantile, params.high_quantile
    if not params.low <= params.high:
        raise ValueError(f"low {params.low:g} lies above high {params.high:g}; low <= high")
    if not 0 <= low <= high <= 1:
        raise ValueError(f"low_quantile {low:g}, high_quantile {high:g}: 0 <= low <= high <= 1")
    if params.sma < 0:
        raise ValueError(f"sma {params.sma} is negative; 0 or a number of sessions")
    if params.trend_in not in ("normal", "all"):
        raise ValueError(f"trend_in {params.trend_in!r} is unknown; 'normal' or 'all'")
    if params.band not in BANDS:
        raise ValueError(f"band {params.band!r} is unknown; one of {', '.join(BANDS)}")
    if params.window < 1:
        raise ValueError(f"window {params.window} is below 1 session")
    if not isfinite(params.calm + params.normal + params.stressed + params.locked):
        for name in ("calm", "normal", "stressed", "locked"):
            if not isfinite(getattr(params, name)):
                raise ValueError(f"{name} {getattr(params, name):g} is not finite")


@lru_cache(maxsize=256)  # a sweep over other parameters asks the same again and again
def _check_signals(
    jump: float, jump_unit: str, near_high: float, yen_rise: float, counts: tuple[int, int, int, int]
) -> None:
    """Refuse a lock-in or a resonance that cannot be."""
    if jump_unit not in JUMPS:
        raise ValueError(f"jump_unit {jump_unit!r} is unknown; one of {', '.join(JUMPS)}")
    if not 0 <= jump < float("inf"):
        raise ValueError(f"jump {jump:g} is no rise; 0 or above")
    for name, share in (("near_high", near_high), ("yen_rise", yen_rise)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} {share:g} lies outside [0, 1)")
    if yen_rise and not jump:
        raise ValueError(f"yen_rise {yen_rise:g} without a jump: the resonance needs both")
    for name, sessions in zip(("jump_over", "high_window", "yen_over", "lock_sessions"), counts, strict=True):
        if sessions < 1:
            raise ValueError(f"{name} {sessions} is below 1 session")
