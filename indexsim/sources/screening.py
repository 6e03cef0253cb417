"""What of an answer may go into a market: rows of sessions, final, and columns that are what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from indexsim import known, sessions
from indexsim.schema import FILES
from indexsim.sources.answers import SourceError
from indexsim.sources.source import Frames, Wanted

#: Days after its own up to which a row may still be under way; what comes later is published whole.
_UNDER_WAY = 1
#: Share of the rows given with a close beyond their high or low above which columns must be mixed up.
_MIXED_UP = 0.05
#: Rows of a series outside Tokyo below which such a share says nothing: their closes and highs end at other hours.
_FEW = 3


@dataclass(frozen=True)
class Screened:
    """An answer without what may not go into a market.

    Attributes
    ----------
    wanted : Wanted
    frames : mapping of file to DataFrame
    left_out : tuple of (file, date, why)
        Rows of the answer that are not in `frames`.
    """

    wanted: Wanted
    frames: Frames
    left_out: tuple[tuple[str, str, str], ...]


def screen(wanted: Wanted, frames: Frames, now: datetime) -> Screened:
    """Leave out rows of days without trading, and those not final yet.

    Parameters
    ----------
    wanted : Wanted
    frames : mapping of file to DataFrame
    now : datetime
        In Japan.

    Raises
    ------
    SourceError
        Columns are mixed up.
    """
    left_out: list[tuple[str, str, str]] = []
    kept: Frames = {}
    for file, frame in frames.items():
        _not_mixed_up(wanted, file, frame)
        closed = _no_session(pd.DatetimeIndex(frame.index)) & FILES[file].tokyo
        traded = frame[~closed]
        early = _early(file, traded, now)
        prices = early.drop(columns="volume", errors="ignore")
        unfinished = (early if prices.empty else prices).any(axis=1).to_numpy()
        left_out += [(file, f"{day:%Y-%m-%d}", "no session of the Tokyo market") for day in frame.index[closed]]
        left_out += [(file, f"{day:%Y-%m-%d}", "not final yet") for day in traded.index[unfinished]]
        kept[file] = traded.mask(early)[~unfinished]
    return Screened(wanted, kept, tuple(left_out))


def _no_session(days: pd.DatetimeIndex) -> np.ndarray:
    inside = (days >= pd.Timestamp(sessions.FIRST_DAY)) & (days <= pd.Timestamp(sessions.LAST_DAY))
    return np.asarray(inside & ~days.isin(sessions.all_sessions()))


def _early(file: str, frame: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return which cells are not final at a moment; none of a source that publishes only what is final."""
    early = pd.DataFrame(False, index=frame.index, columns=frame.columns)
    for column in frame:
        rule = known.rule_of(file, str(column))
        if rule.days <= _UNDER_WAY:
            early[column] = known.known_at(rule, pd.DatetimeIndex(frame.index)) > np.datetime64(now, "m")
    return early


def _not_mixed_up(wanted: Wanted, file: str, frame: pd.DataFrame) -> None:
    if not {"high", "low", "close"} <= set(frame.columns) or (len(frame) < _FEW and not FILES[file].tokyo):
        return
    off = (frame["close"] > frame["high"]) | (frame["close"] < frame["low"])
    if off.sum() > _MIXED_UP * len(frame):
        raise SourceError(
            asked=wanted.asked,
            found=f"{off.sum()} of {len(frame)} closes beyond their high or low, the first on {off.idxmax():%Y-%m-%d}",
            rule="high >= close >= low: else columns are mixed up",
            todo="the source may have changed its format; open the address in a browser",
        )
