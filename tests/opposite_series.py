"""What the opposite worlds are made of: rows within what a claim looks at, and files with moves in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtests.claims.catalogue import Claim
from indexsim import sessions

Floats = NDArray[np.float64]
World = dict[str, pd.DataFrame]
Params = Mapping[str, Any]

#: Rows of a made series, by frequency.
_ROWS = {"D": 6000, "W": 900, "M": 320, "Q": 115}


def days(claim: Claim, freq: str = "D") -> pd.DatetimeIndex:
    """Return rows at a frequency that lie within what the claim looks at, up to the seed's date."""
    first = str(claim.params.get("first", claim.params.get("start", "2000-01-04")))
    last = min(str(claim.params.get("last", claim.params.get("end", "2025-10-31"))), claim.seed_date, "2025-10-31")
    if freq == "D":
        rows = sessions.sessions(max(first, "1985-01-04"), last)
    else:
        rows = pd.date_range(first, last, freq={"W": "W-FRI", "M": "ME", "Q": "QE"}[freq])
    return rows[-_ROWS[freq] :]


def level(moves: Floats, start: float = 100.0) -> Floats:
    return np.asarray(start * np.cumprod(1 + moves))


def frame(values: Floats, rows: pd.DatetimeIndex, column: str = "close") -> pd.DataFrame:
    """Return a file: for a price also its open, high and low, all alike."""
    names = ("open", "high", "low", "close") if column in ("close", "high") else (column,)
    return pd.DataFrame(dict.fromkeys(names, values), rows)


def place(world: World, text: str, moves: Floats, rows: pd.DatetimeIndex, rng: np.random.Generator) -> None:
    """Make the series of that name move so; the lower side of a ratio moves on its own."""
    top, _, bottom = text.partition("/")
    if bottom:
        own = 0.01 * rng.standard_normal(len(rows))
        place(world, bottom, own, rows, rng)
        place(world, top, (1 + moves) * (1 + own) - 1, rows, rng)
    elif top.startswith("stocks:"):
        codes = top.removeprefix("stocks:").split("+")
        long = pd.concat([frame(level(moves), rows).assign(code=code) for code in codes])
        world["ohlcv"] = long.rename_axis("date").reset_index().assign(volume=1)
    else:
        file, _, column = top.partition(".")
        world[file] = frame(level(moves), rows, column or "close")


def place_changes(world: World, text: str, moves: Floats, rows: pd.DatetimeIndex) -> None:
    file, _, column = text.partition(".")
    world[file] = frame(5 + np.cumsum(moves), rows, column)


def way(claim: Claim, sign: int) -> int:
    """Return +1 where the figure should come out high: asserted above and true, or below and false."""
    return sign if claim.params.get("direction", "above") == "above" else -sign


def mixed(share: float, other: Floats, rng: np.random.Generator) -> Floats:
    """Return noise of which so much is another series."""
    return share * other + (1 - abs(share)) * np.std(other) * rng.standard_normal(len(other))


def correlated(other: Floats, share: float, rng: np.random.Generator) -> Floats:
    """Return noise whose sample correlation with another series is exactly that."""
    z = (other - other.mean()) / other.std()
    noise = rng.standard_normal(len(other))
    noise -= noise.mean() + z * np.mean(z * noise)
    return np.asarray(0.01 * (share * z + np.sqrt(1 - share**2) * noise / noise.std()))


def flat(text: str, rows: pd.DatetimeIndex, values: Any) -> World:
    """Return a file with the given values, or one value throughout."""
    file, _, column = text.partition(".")
    return {
        file: frame(np.broadcast_to(np.asarray(values, dtype=np.float64), len(rows)).copy(), rows, column or "close")
    }
