"""The verbs ``drivers`` and ``vehicles``: what moves returns, and one exposure through many instruments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from backtests import drivers as regressions
from backtests import vehicles as exposures
from backtests.stored import read_stored
from backtests.verbs.shared import Answer, Folders, about, paths
from indexsim.market import MarketData


def drivers(
    folders: Folders,
    *,
    of: str = "n225",
    names: Sequence[str] = (),
    step: int = 5,
    ahead: int = 0,
    window: int = 0,
    run: Path | str | None = None,
) -> Answer:
    """Regress returns on the drivers a market holds, and attribute them (`backtests.drivers`).

    Parameters
    ----------
    run : path, optional
        Folder of a stored run: its net returns instead of those of the series `of`.
    """
    market = MarketData.open(*paths(folders))
    returns = None if run is None else read_stored(Path(run), "take the returns of").result.returns["net"]
    found = regressions.drivers(market, returns, of=of, names=names, step=step, ahead=ahead, window=window)
    return {**found, **about(market, missing=found.pop("missing"))}


def vehicles(
    folders: Folders,
    *,
    share: float = 1.0,
    cash: int = 50_000_000,
    start: date | None = None,
    end: date | None = None,
) -> Answer:
    """Hold one exposure through funds, futures and CFDs, and count the ruins by leverage (`backtests.vehicles`)."""
    return exposures.vehicles(paths(folders), share=share, cash=cash, start=start, end=end)
