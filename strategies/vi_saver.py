"""Regular contributions to a fund on the Nikkei, more of them while its volatility index is low.

S001 advises to buy at regular intervals below VI 20 and to reduce above 30. The money comes from outside the
account: such a plan has two returns, that of the fund as it was held (time-weighted) and that of the saver's
yen (money-weighted), and only the second one knows when they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled


class ViSaver(Ruled):
    """Pay in an amount on the first session of each month, more where the VI is low, nothing where it is high.

    The VI is the last close known when the month before ends. The money arrives before the open of the month's first
    session, is counted in at its close, and buys at the next open: everything but what a whole lot
    and the reserve of a fund leave. A month without a payment orders nothing, and so does the time before the first
    one: the starting cash waits for it. A month whose VI is unknown is paid by the factor `unknown`.

    S001. The spec must say ``rebalance = "every-bar"``: the target is the same share of equity after each payment,
    which "on-change" would order once and never again. It is not given on other bars, so nothing else is rebalanced.

    Needs ``n225``, for the sessions, and ``nikkei_vi``.
    """

    @dataclass(frozen=True)
    class Params:
        """Parameters of `ViSaver`.

        Attributes
        ----------
        instrument : str
            What is bought: an ETF or a future on the Nikkei.
        monthly : float
            Yen paid in on the first session of a month, to be multiplied by the factor of its band.
        low, high : float
            Bounds of the middle band, in VI points (percent a year): below `low` is calm, from `low`
            up to `high` is normal, `high` and above is stressed.
        calm, normal, stressed, unknown : float
            Factors of `monthly` by band, 0 or above; `unknown` is that of a month without a VI.
        share : float
            Position after each payment, as a share of equity, above 0.
        """

        instrument: str = "etf_1321"
        monthly: float = 100_000.0
        low: float = 20.0
        high: float = 30.0
        calm: float = 2.0
        normal: float = 1.0
        stressed: float = 0.0
        unknown: float = 1.0
        share: float = 1.0

        def __post_init__(self) -> None:
            if not self.low <= self.high:
                raise ValueError(f"low {self.low:g} lies above high {self.high:g}; low <= high")
            for name in ("calm", "normal", "stressed", "unknown"):
                if not 0 <= getattr(self, name) < float("inf"):
                    raise ValueError(f"{name} {getattr(self, name):g} is no factor; 0 or above")
            for name in ("monthly", "share"):
                if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                    raise ValueError(f"{name} {getattr(self, name):g} buys nothing; a number above 0")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("n225", "nikkei_vi")

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        # One row longer than the bars: the calendar, unlike prices, is known in advance.
        month = market.schedule("daily", 1).session.astype("datetime64[M]").astype(np.int64)
        return {"vi": market.known("nikkei_vi", "close", market.bars("daily")), "month": month}

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        month = features.month
        for t in range(len(features.vi)):
            # Paid in before the open of row t, the money is part of the equity that row t sizes by.
            if t > 0 and deposits[t - 1] > 0.0:
                at_open[t, 0] = params.share
            # The session table may end with the market: then nothing is known to follow the last row.
            if t + 1 < len(month) and month[t + 1] != month[t]:
                deposits[t] = params.monthly * factor(features.vi[t], params)


def factor(vi: Any, params: Any) -> Any:
    """What a month's payment is multiplied by; a VI that is unknown is in no band."""
    if np.isnan(vi):
        return params.unknown
    return params.calm if vi < params.low else params.normal if vi < params.high else params.stressed
