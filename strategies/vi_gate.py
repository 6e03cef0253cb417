"""Exposure to the Nikkei gated by its volatility index, with trend, early lock-in and the yen.

S001 proposes: below VI 20 be aggressive, from 20 to 30 follow the trend, above 30 reduce or hedge; take profit
when the VI rises while the index is still strong; beware when the yen rises fast at the same time. The
bands are conventions, not findings (H10), that the VI leads tops is a claim without a source (H11), and S001 names no
number for "rises": all of them are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features, Strategy, Targets, no_orders
from strategies.signals import above_average, before, lasting, rolling_high, share_below

BANDS = ("level", "quantile")
JUMPS = ("points", "share")


class ViGate(Strategy):
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
            _check_signals(self)
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
    def decide(features: Features, params: Params) -> Targets:
        exposure = _by_band(features, params)
        if params.jump:
            jumped = features["vi_rise"] >= params.jump
            near = features["below_high"] <= params.near_high
            exposure = _at_most(params.locked, exposure, jumped & near, params)
            if params.yen_rise:
                exposure = _at_most(0.0, exposure, jumped & (features["yen_rise"] >= params.yen_rise), params)
        core = params.core if params.hedge else 0.0
        held = np.column_stack([np.full(len(exposure), core), exposure - core] if params.hedge else [exposure])
        held[np.isnan(_measure(features, params)[0])] = 0.0
        return Targets(ViGate.instruments(params), held, no_orders(*held.shape))


def _measure(features: Features, params: ViGate.Params) -> tuple[np.ndarray, float, float]:
    """What the bands are about, NaN where unknown, and their two bounds."""
    if params.band == "quantile":
        return features["share_below"], params.low_quantile, params.high_quantile
    return features["vi"], params.low, params.high


def _by_band(features: Features, params: ViGate.Params) -> np.ndarray:
    """Exposure by band and trend, as a share of equity."""
    (value, low, high), below = _measure(features, params), features["above"] != 1.0
    everywhere = params.trend_in == "all"
    # In this order, so that a VI that is unknown is in no band.
    bands = [value < low, value < high, value >= high]
    wanted = np.select(bands, [params.calm, params.normal, params.stressed], 0.0)
    gated = np.select(bands, [everywhere, True, everywhere], False)
    return np.where(gated & below, 0.0, wanted)


def _at_most(most: float, exposure: np.ndarray, triggered: np.ndarray, params: ViGate.Params) -> np.ndarray:
    """Cap the exposure for as long as a trigger lasts."""
    return np.where(lasting(triggered, params.lock_sessions), np.minimum(exposure, most), exposure)


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
    for name in ("calm", "normal", "stressed", "locked"):
        if not isfinite(getattr(params, name)):
            raise ValueError(f"{name} {getattr(params, name):g} is not finite")


def _check_signals(params: ViGate.Params) -> None:
    """Refuse a lock-in or a resonance that cannot be."""
    if params.jump_unit not in JUMPS:
        raise ValueError(f"jump_unit {params.jump_unit!r} is unknown; one of {', '.join(JUMPS)}")
    if not 0 <= params.jump < float("inf"):
        raise ValueError(f"jump {params.jump:g} is no rise; 0 or above")
    for name in ("near_high", "yen_rise"):
        if not 0 <= getattr(params, name) < 1:
            raise ValueError(f"{name} {getattr(params, name):g} lies outside [0, 1)")
    if params.yen_rise and not params.jump:
        raise ValueError(f"yen_rise {params.yen_rise:g} without a jump: the resonance needs both")
    for name in ("jump_over", "high_window", "yen_over", "lock_sessions"):
        if getattr(params, name) < 1:
            raise ValueError(f"{name} {getattr(params, name)} is below 1 session")
