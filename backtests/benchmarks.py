"""What a run is compared with: the Nikkei as a price index and as a total-return index, and TOPIX."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from indexsim import sessions
from indexsim.bars import Bars
from indexsim.market import MarketData


@dataclass(frozen=True)
class Benchmark:
    """A series to compare with.

    Attributes
    ----------
    name : str
        Column in `Result.returns`.
    file, column : str
        Where its levels stand.
    label : str
    """

    name: str
    file: str
    column: str
    label: str


PRICE = Benchmark("benchmark_price", "n225", "close", "price benchmark")
TOTAL = Benchmark("benchmark_total", "total_return", "tr", "total-return benchmark")
TOPIX = Benchmark("benchmark_topix", "topix", "close", "TOPIX benchmark")
BENCHMARKS = (PRICE, TOTAL, TOPIX)


def levels(market: MarketData, bars: Bars, benchmark: Benchmark) -> pd.Series:
    """Return a benchmark's level by session, from the session before the first bar; NaN where absent."""
    days = with_start(bars)
    if not market.has(benchmark.file):
        return pd.Series(np.nan, index=days)
    return market.folder.frame(benchmark.file)[benchmark.column].reindex(days)


def missing(market: MarketData, bars: Bars, benchmark: Benchmark) -> str:
    """Say which sessions a benchmark lacks, or ""."""
    if not market.has(benchmark.file):
        return f"{benchmark.file}: absent; no {benchmark.label}"
    level = levels(market, bars, benchmark)
    absent = level.isna()
    return f"{benchmark.file}: {absent_spans(absent)}; no {benchmark.label} there" if absent.any() else ""


def absent_spans(absent: pd.Series) -> str:
    """Say how many sessions are absent, and from when to when.

    Parameters
    ----------
    absent : Series of bool
        By session; at least one is True.
    """
    spans = [days.index for _, days in absent[absent].groupby((~absent).cumsum()[absent])]
    said = ", ".join(f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}" for days in spans[:3])
    more = f" and {len(spans) - 3} more spans" if len(spans) > 3 else ""
    return f"{int(absent.sum())} of {len(absent)} sessions absent ({said}{more})"


def with_start(bars: Bars) -> pd.DatetimeIndex:
    """Return the sessions of the bars, with the session before the first."""
    days = pd.DatetimeIndex(bars.sessions.astype("datetime64[ns]"), name="session")
    return days.insert(0, sessions.shift(days[:1], -1)[0])
