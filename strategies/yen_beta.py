"""The Nikkei by the yen: long while the dollar rises, out or short below a level.

S001 says that a weak yen lifts the Nikkei, and that below 130 yen a dollar the index falls by 10 % or more
with a probability above 70 %. No source for that number was found, and since 2022 the dollar has been below 130 only
briefly (H13): the level is a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled

TRENDS = ("sma", "change")


class YenBeta(Ruled):
    """Hold the Nikkei by the trend of the dollar in yen, and leave it or sell it short below a level of the dollar.

    The dollar rises where it stands above its own mean, or above its value some sessions ago. The rule counts only in
    the regime in which the Nikkei went with the dollar: where the slope of the index on it, over the sessions before,
    is above a bound. Orders fill at the next open, and only when the exposure changes.

    S001. The dollar is that of the New York close of the night before, the last one known in Tokyo at the close:
    what it did during the Tokyo day comes with the next session, so a slope of daily changes is too small.
    A session on which the dollar, its trend or the slope is unknown holds nothing.

    Needs ``usdjpy`` and ``n225``, with ``beta_window = 0`` only ``usdjpy``.
    """

    optional: ClassVar[tuple[str, ...]] = ("beta",)

    @dataclass(frozen=True)
    class Params:
        """Parameters of `YenBeta`.

        Attributes
        ----------
        instrument : str
            What is held: a future on the Nikkei or TOPIX, or an ETF.
        trend : {"sma", "change"}
            The dollar rises where it stands above its simple moving average, or above its value `window` sessions ago.
        window : int
            Tokyo sessions of the average or of the change.
        weak : float
            Exposure while the dollar rises (a weakening yen), as a share of equity.
        strong : float
            Exposure while it does not, as a share of equity.
        level : float
            Yen per US dollar below which `below` holds instead, whatever the trend; 0 means no level.
        below : float
            Exposure below `level`, as a share of equity: 0 is out, -1 is short.
        beta_window : int
            Sessions of the slope of the Nikkei's daily return on the dollar's; 0 means that no slope is asked for.
        beta_min : float
            The trend counts while the slope is above it, per 1 % of the dollar in %.
        unrelated : float
            Exposure while the slope is not above it, as a share of equity.
        """

        instrument: str = "nikkei_mini"
        trend: str = "sma"
        window: int = 60
        weak: float = 1.0
        strong: float = 0.0
        level: float = 130.0
        below: float = 0.0
        beta_window: int = 250
        beta_min: float = 0.0
        unrelated: float = 0.0

        def __post_init__(self) -> None:
            if self.trend not in TRENDS:
                raise ValueError(f"trend {self.trend!r} is unknown; one of {', '.join(TRENDS)}")
            if self.window < 1:
                raise ValueError(f"window {self.window} is below 1 session")
            if self.level < 0 or not isfinite(self.level):
                raise ValueError(f"level {self.level:g} is no rate; 0 or yen per US dollar")
            if self.beta_window < 0 or self.beta_window in (1, 2):
                raise ValueError(f"beta_window {self.beta_window} gives no slope; 0 or at least 3 sessions")
            for name in ("weak", "strong", "below", "beta_min", "unrelated"):
                if not isfinite(getattr(self, name)):
                    raise ValueError(f"{name} {getattr(self, name):g} is not finite")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("usdjpy", "n225") if params.beta_window else ("usdjpy",)

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        dollar = market.known("usdjpy", "close", bars)
        features = {"dollar": dollar, "reference": _reference(dollar, params)}
        if params.beta_window:
            index = market.known("n225", "close", bars)
            features["beta"] = _slope(_returns(index), _returns(dollar), params.beta_window)
        return features

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        dollar, reference = features.dollar, features.reference
        for t in range(len(dollar)):
            exposure = params.weak if dollar[t] > reference[t] else params.strong
            unknown = np.isnan(reference[t])
            if params.beta_window > 0:
                exposure = exposure if features.beta[t] > params.beta_min else params.unrelated
                unknown = unknown or np.isnan(features.beta[t])
            # The level needs neither trend nor slope, but nothing is held without the dollar.
            if unknown or np.isnan(dollar[t]):
                exposure = 0.0
            at_open[t, 0] = params.below if dollar[t] < params.level else exposure


def _reference(dollar: np.ndarray, params: YenBeta.Params) -> np.ndarray:
    """What the dollar is held against, yen: its mean, or its value before; NaN while there are too few sessions."""
    n, window = len(dollar), params.window
    reference = np.full(n, np.nan)
    if params.trend == "change":
        reference[window:] = dollar[: max(n - window, 0)]
    elif n >= window:
        reference[window - 1 :] = np.lib.stride_tricks.sliding_window_view(dollar, window).mean(axis=1)
    return reference


def _returns(level: np.ndarray) -> np.ndarray:
    returns = np.full(len(level), np.nan)
    returns[1:] = level[1:] / level[:-1] - 1.0
    return returns


def _slope(y: np.ndarray, x: np.ndarray, window: int) -> np.ndarray:
    """Slope of y on x (least squares with a constant) over the last `window` rows; NaN where one is unknown.

    By running sums, which only ever add: a shorter history gives the same bits.
    """
    known = ~(np.isnan(y) | np.isnan(x))
    x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
    n, sx, sy, sxx, sxy = (_rolling(v, window) for v in (known.astype(float), x, y, x * x, x * y))
    spread = window * sxx - sx * sx
    # An x that does not move has no slope; what rounding leaves of its spread is not one.
    usable = (n == window) & (spread > 1e-12 * np.maximum(window * sxx, 1e-300))
    slope: np.ndarray = np.where(usable, (window * sxy - sx * sy) / np.where(usable, spread, 1.0), np.nan)
    return slope


def _rolling(values: np.ndarray, window: int) -> np.ndarray:
    """Sum over the last `window` rows; fewer at the beginning."""
    total = np.cumsum(values)
    total[window:] -= total[:-window].copy()
    return total
