"""A market whose future is another one: what was known at a moment stays, everything after it changes.

Truncating the future shows a strategy that uses it; changing it shows one that knows the future by
another way than the market's door. Both exist in memory and as a folder on disk.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from indexsim import sessions
from indexsim.errors import DataError, Finding
from indexsim.events import parse_events
from indexsim.known import Moments
from indexsim.market import Folder, MarketData
from indexsim.schema import FILES

#: Standard deviation of the noise, as a factor's logarithm: enough to cross any band of a strategy.
NOISE = 0.2
#: Sessions by which an event that nobody knows of is put off.
DELAY = 7


class Perturbed(Folder):
    """The folder of a market whose cells and events are noise as far as they are not known at a moment.

    Attributes
    ----------
    real : Folder
    at : datetime64[m]
    seed : int
    """

    def __init__(self, real: Folder, at: np.datetime64, seed: int) -> None:
        super().__init__(real.paths)
        self.real, self.at, self.seed = real, at, seed
        # A world of `indexsim.whatif` has other files than its paths.
        self.files = dict(real.files)
        self._changed: dict[str, pd.DataFrame] = {}

    def _table(self, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
        if name not in self._changed:
            self._changed[name] = perturbed(self.real, name, self.at, self.seed)
        return self._changed[name], ()


def perturb(market: MarketData, at: np.datetime64, seed: int) -> MarketData:
    """Return the market with another future after a moment (Japan time); as known at the same moment as before."""
    return MarketData(Perturbed(market.folder, at, seed), market.now)


def perturbed(folder: Folder, name: str, at: np.datetime64, seed: int) -> pd.DataFrame:
    """Return a file with every cell and event that is not known at a moment changed, its rows kept.

    Prices and amounts are multiplied by noise, zeros become something; unknown events act `DELAY`
    sessions later. Texts beside them stay.
    """
    frame = folder.frame(name)
    if name == "factors":
        return _events(folder, frame, at)
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    columns = [c for c in frame.columns if frame[c].dtype.kind == "f"]
    if name == "constituents" or not columns:
        return frame
    values = frame[columns].to_numpy(dtype="float64", copy=True)
    unknown = _unknown(folder, name, [str(c) for c in columns], at)
    noise = np.exp(random.normal(0.0, NOISE, values.shape))
    noisy = np.where(values == 0.0, noise * np.nanmean(np.abs(values)), values * noise)
    values[unknown] = noisy[unknown]
    return pd.concat([frame.drop(columns=columns), pd.DataFrame(values, frame.index, columns)], axis=1)[frame.columns]


def _unknown(folder: Folder, name: str, columns: list[str], at: np.datetime64) -> np.ndarray:
    """Return which cells are not known at a moment, shape (n_rows, n_columns)."""
    return np.column_stack([folder.columns.known_times(name, column) > at for column in columns])


def _events(folder: Folder, frame: pd.DataFrame, at: np.datetime64) -> pd.DataFrame:
    """Put off what nobody knows of; where that makes no sense of the rows around it, leave it out."""
    for changed in (_put_off(frame, folder.columns.known_times("factors"), at), known_events(folder, at)):
        try:
            parse_events(changed)
        except DataError:
            continue
        return changed
    return frame


def _put_off(frame: pd.DataFrame, moments: Moments, at: np.datetime64) -> pd.DataFrame:
    # Rows of one date act together: all of them are unknown, or none is moved.
    unknown = pd.Series(moments > at, frame.index).groupby(frame["effective_date"]).transform("all")
    dates = pd.to_datetime(frame["effective_date"], format="%Y-%m-%d", errors="coerce")
    movable = unknown & (dates < pd.Timestamp(sessions.LAST_DAY) - pd.Timedelta(days=4 * DELAY))
    later = sessions.shift(_on_sessions(pd.DatetimeIndex(dates[movable])), DELAY)
    changed = frame.copy()
    changed.loc[movable, "effective_date"] = later.strftime("%Y-%m-%d").to_numpy()
    return changed


def _on_sessions(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    table = sessions.all_sessions()
    return table[np.searchsorted(table.to_numpy(), days.to_numpy())]


def known_events(folder: Folder, at: np.datetime64) -> pd.DataFrame:
    """Return the rows of ``factors`` known at a moment: entries and exits of one date are known together."""
    frame = folder.frame("factors")
    known = pd.Series(folder.columns.known_times("factors") <= at, frame.index)
    swap = frame["event"].isin(["add", "remove"])
    together = known[swap].groupby(frame["effective_date"][swap]).transform("all")
    known[swap] = together
    return frame[known | (frame["event"] == "initial")]


def write_truncated(market: MarketData, at: np.datetime64, folder: Path) -> Path:
    """Write the market as it was known at a moment into a folder, and return it."""
    seen = market.until(at)
    for name in market.folder.files:
        _write(folder, name, known_events(market.folder, at) if name == "factors" else seen.table(name))
    return folder


def write_perturbed(market: MarketData, at: np.datetime64, seed: int, folder: Path) -> Path:
    """Write the market with another future after a moment into a folder, and return it."""
    for name in market.folder.files:
        _write(folder, name, perturbed(market.folder, name, at, seed))
    return folder


def _write(folder: Path, name: str, frame: pd.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = frame.rename_axis(FILES[name].columns[0].name).reset_index() if FILES[name].date_indexed else frame
    rows.to_parquet(folder / f"{name}.parquet", index=False)
