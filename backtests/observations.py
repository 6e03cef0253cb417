"""What a regression on drivers looks at: which outside series, over which stretches, changed by how much.

Each series enters with the change of its value *as known* (`indexsim.known`) at the closes of Tokyo: a session's
return stands beside the New York close of the night before, yields published that morning, accounts and GDP from
their release on. Nothing that came after the close explains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import MissingData, SpecError, unknown_name
from indexsim.market import MarketData

Floats = NDArray[np.float64]

RELATIVE, DIFFERENCE = "relative change, as a fraction", "difference, in percentage points"
#: What a fit needs above its coefficients.
SPARE = 10


@dataclass(frozen=True)
class Driver:
    """An outside series.

    Attributes
    ----------
    name : str
    file, column : str
        Where its values stand in a market.
    change : str
        `RELATIVE` or `DIFFERENCE`.
    scale : float
        What a difference is multiplied by to be in percentage points.
    sessions : int
        Shortest observation, in sessions, whose change says something: a quarterly figure does not move most days.
    """

    name: str
    file: str
    column: str
    change: str = RELATIVE
    scale: float = 1.0
    sessions: int = 1


_ALL = (
    Driver("usdjpy", "usdjpy", "close"),
    Driver("world", "sp500", "close"),
    Driver("oil", "oil", "close"),
    Driver("yield_10y", "jgb_yields", "y10", DIFFERENCE),
    Driver("short_rate", "rates", "rate", DIFFERENCE, 100.0),
    Driver("boj_assets", "boj_assets", "total_assets_100m_yen", sessions=20),
    Driver("gdp", "gdp", "gdp_bn_yen_saar", sessions=60),
)
DRIVERS: Mapping[str, Driver] = {driver.name: driver for driver in _ALL}


@dataclass(frozen=True)
class Observations:
    """Returns and the changes beside them, oldest first; n of them, k drivers.

    Attributes
    ----------
    begin, end : ndarray of datetime64[D], shape (n,)
        Session at whose close the return begins and ends.
    y : ndarray of float64, shape (n,)
        Return, a fraction; known throughout.
    x : ndarray of float64, shape (n, k)
        Changes of the drivers; NaN where unknown.
    """

    begin: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    y: Floats
    x: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where every driver is known, shape (n,)."""
        return np.asarray(~np.isnan(self.x).any(axis=1), dtype=np.bool_)

    @property
    def unknown(self) -> int:
        """How many observations lack a driver."""
        return int((~self.known).sum())


def choose(market: MarketData, names: Sequence[str], step: int) -> tuple[list[Driver], list[str]]:
    """Return the drivers to use, and a sentence for each that is left out."""
    for name in names:
        if name not in DRIVERS:
            raise unknown_name("driver", name, DRIVERS)
    wanted = [DRIVERS[name] for name in dict.fromkeys(names)]
    market.require(dict.fromkeys(d.file for d in wanted), "take drivers")
    for driver in wanted:
        if step < driver.sessions:
            raise SpecError(
                asked=f"take {driver.name} as a driver with step = {step}",
                found="its value stands still in most observations of that length",
                rule=f"{driver.name} needs a step of {driver.sessions} sessions or more",
                todo=f"set step = {driver.sessions}, or leave {driver.name} out",
            )
    missing = []
    for driver in () if wanted else DRIVERS.values():
        if not market.has(driver.file):
            missing.append(f"{driver.file}: absent; {driver.name} is no driver")
        elif step < driver.sessions:
            missing.append(f"{driver.name}: left out, it needs a step of {driver.sessions} sessions or more")
    found = wanted or [d for d in DRIVERS.values() if market.has(d.file) and step >= d.sessions]
    if not found:
        raise MissingData(
            asked="take drivers",
            found="the market holds none that suits",
            rule=f"at least one of {', '.join(dict.fromkeys(d.file for d in DRIVERS.values()))}",
            todo="add a file (data/README.md has its columns) or layer another folder with --market",
        )
    return found, missing


def levels_behind(market: MarketData, returns: pd.Series | None, of: str) -> Floats:
    """Return the level behind the returns at each bar's close; NaN where there is none."""
    bars = market.bars("daily")
    if returns is None:
        return market.known(of, "close", bars)
    days = pd.DatetimeIndex(returns.index).to_numpy().astype("datetime64[D]")
    values = returns.to_numpy(dtype="float64")
    first = int(np.searchsorted(bars.session, days[0])) if len(days) else 0
    if not len(days) or first == 0 or not np.array_equal(bars.session[first : first + len(days)], days):
        raise _unfit("returns on other days than the market's sessions, or none, or one on its very first")
    if not np.isfinite(values).all() or (values <= -1.0).any():
        raise _unfit("a return that is unknown, or a loss of everything")
    level = np.full(len(bars), np.nan)
    level[first - 1 : first + len(days)] = np.cumprod(np.append(1.0, 1.0 + values))
    return level


def _unfit(found: str) -> SpecError:
    return SpecError(
        asked="take drivers of returns",
        found=found,
        rule="a return above -1 for every session of the market from the first to the last of them",
        todo="pass Result.returns['net'] of a run on this market",
    )


def observe(
    market: MarketData, level: Floats, chosen: Sequence[Driver], step: int, ahead: int
) -> tuple[Observations, list[str]]:
    """Cut the history into observations and keep those from the first to the last with every driver known.

    Parameters
    ----------
    level : ndarray of float64, shape (n_bars,)
        See `levels_behind`.

    Returns
    -------
    Observations
    list of str
        Which drivers end the observations before the returns end, or begin them later.
    """
    bars = market.bars("daily")
    there = np.flatnonzero(~np.isnan(level))
    if not len(there):
        raise too_few(0, len(chosen))
    at = np.arange(there[-1], there[0] - 1, -step)[::-1]
    values = np.column_stack([market.known(d.file, d.column, bars)[at] for d in chosen])
    x = np.column_stack([_changes(values[:, k], d) for k, d in enumerate(chosen)])
    y, day = level[at[1:]] / level[at[:-1]] - 1.0, bars.session[at]
    cut = len(y) - ahead
    data = Observations(day[:-1][ahead:], day[1:][ahead:], y[ahead:], x[: max(cut, 0)])
    # A level that is unknown inside the history would leave a hole in what the parts sum to.
    if np.isnan(data.y).any():
        raise MissingData(
            asked="take drivers",
            found=f"no level for more than two weeks before {data.end[np.isnan(data.y)][0]}",
            rule="a level at the close of every session between the first and the last",
            todo="fill the hole in the file, or begin after it",
        )
    rows = np.flatnonzero(data.known)
    if not len(rows):
        raise too_few(0, len(chosen))
    return part(data, slice(rows[0], rows[-1] + 1)), _bounding(data, chosen)


def _bounding(data: Observations, chosen: Sequence[Driver]) -> list[str]:
    """Say which drivers begin last and end first, where that is inside the history."""
    spans = [np.flatnonzero(~np.isnan(column))[[0, -1]] for column in data.x.T]
    first, last = max(s[0] for s in spans), min(s[1] for s in spans)
    said = []
    for driver, span in zip(chosen, spans, strict=True):
        if span[0] == first > 0:
            said.append(f"{driver.name}: its changes are known from {data.begin[first]} on; nothing before is used")
        if span[1] == last < len(data.y) - 1:
            said.append(f"{driver.name}: its changes are known until {data.end[last]}; nothing after is used")
    return said


def part(data: Observations, rows: Any) -> Observations:
    """Return some of the observations: a slice, or a mask of shape (n,)."""
    return Observations(data.begin[rows], data.end[rows], data.y[rows], data.x[rows])


def _changes(values: Floats, driver: Driver) -> Floats:
    """Change from each value to the next; a relative one is unknown where a value is not above zero (oil, 2020)."""
    if driver.change == DIFFERENCE:
        return driver.scale * np.diff(values)
    positive = np.where(values > 0, values, np.nan)
    changes: Floats = positive[1:] / positive[:-1] - 1.0
    return changes


def without_still(data: Observations, chosen: list[Driver]) -> tuple[Observations, list[Driver], list[str]]:
    """Leave out drivers that never move: they cannot be told from the constant."""
    moves = [bool(np.ptp(data.x[data.known, k])) for k in range(len(chosen))]
    said = [f"{d.name}: left out, it never moves" for d, m in zip(chosen, moves, strict=True) if not m]
    kept = [d for d, m in zip(chosen, moves, strict=True) if m]
    if not kept:
        raise MissingData(
            asked="take drivers",
            found=", ".join(said),
            rule="a driver moves",
            todo="take a longer history or other drivers",
        )
    return Observations(data.begin, data.end, data.y, data.x[:, moves]), kept, said


def too_few(n: int, k: int) -> MissingData:
    """Return the refusal of n observations for k drivers."""
    return MissingData(
        asked="take drivers",
        found=f"{n} observations on which the return and every driver are known",
        rule=f"{k} drivers need {k + 1 + SPARE} observations",
        todo="take a longer history, a shorter step, or fewer drivers",
    )
