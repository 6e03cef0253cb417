"""``cerebro.optstrategy`` of backtrader, as its users write it, on some cells of the grid."""

from __future__ import annotations

import time
from dataclasses import dataclass

import backtrader as bt
import numpy as np
import pandas as pd

from tests.bench.peers.environment import NotMeasuredError
from tests.bench.peers.given import CASH, FEE, SMA, WEIGHTS, Inputs

#: Cells it is timed on: every length, with two pairs of bounds.
CELLS = 20

_ANALYZERS: dict[str, dict[str, object]] = {
    "Returns": {},
    "SharpeRatio": {
        "timeframe": bt.TimeFrame.Days,
        "riskfreerate": 0.0,
        "annualize": False,
        "stddev_sample": True,
    },
    "DrawDown": {},
    "TradeAnalyzer": {},
}


class _Signals(bt.feeds.PandasData):  # type: ignore[misc]
    """The Nikkei's close, and the VI as a line of its own."""

    lines = ("vi",)
    params = (("open", -1), ("high", -1), ("low", -1), ("volume", -1), ("openinterest", -1), ("vi", "vi"))


class _GridA(bt.Strategy):  # type: ignore[misc]
    """Strategy A as a user of backtrader would write it, its grid as parameters.

    No other strategy of the process may bear its name: backtrader would not find it again when results come back.
    """

    params = (("sma", 100), ("low", 18.0), ("high", 26.0))

    def __init__(self) -> None:
        self.mean = bt.indicators.SMA(self.data1.close, period=self.p.sma)
        self.held = -1.0

    def next(self) -> None:
        vi = self.data1.vi[0]
        calm, normal, stressed = WEIGHTS
        up = self.data1.close[0] > self.mean[0]
        wanted = (calm if vi < self.p.low else normal if vi < self.p.high else stressed) if up else 0.0
        if wanted != self.held:
            self.held = wanted
            self.order_target_percent(self.data0, target=wanted)


@dataclass(frozen=True)
class Optstrategy:
    """What ``cerebro.optstrategy`` did with some cells of the grid.

    Attributes
    ----------
    rate : float
        Trials per second.
    figures : dict of tuple to dict
        By (sma, low, high): ``total_return``, ``sharpe`` (per session), ``max_drawdown``, ``n_trades`` (round trips).
    """

    rate: float
    figures: dict[tuple[int, float, float], dict[str, float]]


def optstrategy(inputs: Inputs) -> Optstrategy:
    """Time ``cerebro.optstrategy`` on 20 cells with two processes, frames in memory to figures of each."""
    signals = pd.DataFrame({"close": inputs.trend, "vi": inputs.vi}, index=inputs.prices.index)
    start = time.perf_counter()
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=inputs.prices, volume=-1, openinterest=-1), name="etf")
    cerebro.adddata(_Signals(dataname=signals), name="signals")
    cerebro.optstrategy(_GridA, sma=SMA, low=(18.0,), high=(24.0, 30.0))
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=FEE)
    for analyzer, asked in _ANALYZERS.items():
        cerebro.addanalyzer(getattr(bt.analyzers, analyzer), _name=analyzer, **asked)
    runs = [run for (run,) in cerebro.run(maxcpus=2)]
    seconds = time.perf_counter() - start
    if len(runs) != CELLS:
        raise NotMeasuredError(f"optstrategy ran {len(runs)} cells, not {CELLS}")
    return Optstrategy(CELLS / seconds, {(run.p.sma, run.p.low, run.p.high): _figures(run.analyzers) for run in runs})


def _figures(analyzers: object) -> dict[str, float]:
    found = {name: getattr(analyzers, name).get_analysis() for name in _ANALYZERS}
    return {
        "total_return": float(np.expm1(found["Returns"]["rtot"])),
        "sharpe": float(found["SharpeRatio"]["sharperatio"]),
        "max_drawdown": -float(found["DrawDown"]["max"]["drawdown"]) / 100.0,
        "n_trades": float(found["TradeAnalyzer"]["total"]["closed"]),
    }
