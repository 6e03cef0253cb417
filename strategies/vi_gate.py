"""Exposure to the Nikkei gated by its volatility index, with trend.

S001 proposes: below VI 20 be aggressive, from 20 to 30 follow the trend, above 30 reduce. The
bands are conventions, not findings (H10), and therefore parameters.

To come with the issue on strategies: exposure above 1x, a hedge above the upper band, early lock-in,
yen resonance, bands as rolling quantiles, regular contributions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features, Strategy, Targets, no_orders


class ViGate(Strategy):
    """Hold a share of equity in the Nikkei that depends on the VI band and the trend.

    The VI used is the last close known at the decision: that of the session before, because the
    index is computed until after the cash close. A session whose VI is unknown holds nothing.
    Orders fill at the next open, and only when the band or the trend changes.
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
            Exposure in each band, as a share of equity.
        sma : int
            Sessions of the simple moving average of the Nikkei's close that defines the trend (up:
            the close stands above it); 0 means no trend is asked for.
        trend_in : {"normal", "all"}
            Bands in which the exposure needs an uptrend: the middle one as in S001, or all.
        """

        instrument: str = "etf_1321"
        low: float = 20.0
        high: float = 30.0
        calm: float = 1.0
        normal: float = 1.0
        stressed: float = 0.0
        sma: int = 100
        trend_in: str = "normal"

        def __post_init__(self) -> None:
            if not self.low <= self.high:
                raise ValueError(f"low {self.low:g} lies above high {self.high:g}; low <= high")
            if self.sma < 0:
                raise ValueError(f"sma {self.sma} is negative; 0 or a number of sessions")
            if self.trend_in not in ("normal", "all"):
                raise ValueError(f"trend_in {self.trend_in!r} is unknown; 'normal' or 'all'")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("n225", "nikkei_vi")

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        close = market.known("n225", "close", bars)
        return {"vi": market.known("nikkei_vi", "close", bars), "above": _above_average(close, params.sma)}

    @staticmethod
    def decide(features: Features, params: Params) -> Targets:
        vi, below = features["vi"], features["above"] != 1.0
        everywhere = params.trend_in == "all"
        # In this order, so that a VI that is unknown is in no band.
        bands = [vi < params.low, vi < params.high, vi >= params.high]
        wanted = np.select(bands, [params.calm, params.normal, params.stressed], 0.0)
        gated = np.select(bands, [everywhere, True, everywhere], False)
        exposure = np.where(gated & below, 0.0, wanted).reshape(-1, 1)
        return Targets((params.instrument,), exposure, no_orders(len(vi), 1))


def _above_average(close: np.ndarray, window: int) -> np.ndarray:
    """1.0 where the close stands above its mean over `window` sessions, else 0.0 (too short: 0.0)."""
    if window == 0:
        return np.ones(len(close))
    above = np.zeros(len(close))
    if len(close) >= window:
        mean = np.lib.stride_tricks.sliding_window_view(close, window).mean(axis=1)
        above[window - 1 :] = close[window - 1 :] > mean
    return above
