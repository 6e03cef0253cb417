"""A part of a market, from one day to another: what was known on the last evening, of what counts from the first day.

The basket and the divisor at the new start are those in force there, so the index of the part is the index of the
whole, to the last digit; this is checked before the folder is written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from indexsim import shelf
from indexsim.errors import DataError, Finding, MissingData, SpecError
from indexsim.market import MarketData
from indexsim.rebuild import can_rebuild, rebuild
from indexsim.reshape.events import cut_factors
from indexsim.schema import FILES, MARKER, FileSchema
from indexsim.ticks import copy_ticks, tick_files

#: Files whose rows hold, code by code, until the next one.
IN_FORCE = ("universe", "shares_ffw")


@dataclass(frozen=True)
class Cut:
    """What a cut wrote.

    Attributes
    ----------
    files : dict of name to int
        Rows of each file.
    left_out : tuple of str
        Files of which no row lies in the part.
    sessions : int or None
        Sessions on which the index of the part was compared with that of the whole, and is the same; None where the
        market has no constituents.
    """

    files: dict[str, int]
    left_out: tuple[str, ...]
    sessions: int | None


def cut(folder: Path, first: date, last: date, out: Path) -> Cut:
    """Write the part of a market from a day to a day as a market of its own.

    Parameters
    ----------
    folder : Path
    first, last : date
        Both included; they need not be sessions. Events and payments after `last` stay where they were announced by
        then. A file with a calendar of its own keeps the row before `first`, which was the last one known.
    out : Path
        A new folder.

    Raises
    ------
    SpecError
        The part ends before it begins.
    MissingData
        No session of the index lies in it.
    DataError
        An error up to `last` stops the index, or it would not be the same in the part.
    """
    if last < first:
        raise SpecError(
            asked=f"cut {folder} from {first} to {last}",
            found="the end is before the start",
            rule="a part runs forward in time",
            todo="exchange the two days",
        )
    market = MarketData.open(folder)
    frames = {name: _rows(FILES[name], market.folder.frame(name), first, last) for name in market.folder.files}
    if market.has("factors"):
        frames |= _events(market, first, last)
    kept = {name: frame for name, frame in sorted(frames.items()) if len(frame)}
    with shelf.making(out, market.folder) as fresh:
        for name, frame in kept.items():
            shelf.write(fresh, name, frame, market.folder.files[name].suffix)
        _mark(fresh, first, last)
        copy_ticks({day: path for day, path in tick_files(folder).items() if first <= day <= last}, fresh)
        sessions = _same_index(market, MarketData.open(fresh), last) if can_rebuild(market) else None
    left_out = tuple(name for name in sorted(frames) if name not in kept)
    return Cut({name: len(frame) for name, frame in kept.items()}, left_out, sessions)


def _rows(schema: FileSchema, frame: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Return the rows of a file that count in the part."""
    if schema.name == "suspensions":
        inside = (frame["last_date"] >= pd.Timestamp(first)) & (frame["first_date"] <= pd.Timestamp(last))
        return frame[inside]
    if not schema.dated:
        return frame
    days = pd.Series(frame.index if schema.date_indexed else frame[schema.columns[0].name]).set_axis(frame.index)
    since, until = days >= pd.Timestamp(first), days <= pd.Timestamp(last)
    if "announced_date" in frame:
        until |= frame["announced_date"] <= pd.Timestamp(last)
    if schema.name in IN_FORCE:
        since |= _newest(days <= pd.Timestamp(first), frame["code"])
    elif schema.name == "divisors" or (schema.date_indexed and not schema.tokyo):
        since |= days == days[~since].max()
    return frame[since & until]


def _newest(before: pd.Series, codes: pd.Series) -> pd.Series:
    """Say of each row whether it is the last one of its code among some rows."""
    return before & ~codes[before].duplicated(keep="last").reindex(codes.index, fill_value=True)


def _events(market: MarketData, first: date, last: date) -> dict[str, pd.DataFrame]:
    """Return factors and divisors from the first session of the part on."""
    closes = (
        market.folder.frame("closes").loc[pd.Timestamp(first) : pd.Timestamp(last)] if market.has("closes") else None
    )
    if closes is not None and closes.empty:
        raise MissingData(
            asked=f"cut the events from {first} to {last}",
            found="no row of closes lies in between",
            rule="a part with constituents has a session",
            todo="name other days",
        )
    start = first if closes is None else closes.index[0].date()
    frames = {"factors": cut_factors(market.folder.frame("factors"), start, last)}
    if market.has("divisors"):
        frames["divisors"] = _divisors(market, start, last)
    return frames


def _divisors(market: MarketData, start: date, last: date) -> pd.DataFrame:
    """Return the divisor in force at the start, and what was published of it later."""
    frame = market.folder.frame("divisors")
    days = frame["effective_date"]
    inside = frame[(days > pd.Timestamp(start)) & (days <= pd.Timestamp(last))]
    if not can_rebuild(market):  # without closes nothing says which divisor follows: the published rows it is
        published: pd.DataFrame = frame[
            (days <= pd.Timestamp(last)) & (days >= days[days <= pd.Timestamp(start)].max())
        ]
        return published
    entry = next(e for e in reversed(rebuild(market, start).index.ledger.entries) if e.session <= start)
    note = f"in force from {entry.session}: {entry.event}"
    first = pd.DataFrame(
        {"effective_date": [pd.Timestamp(start)], "divisor": [format(entry.after, "f")], "note": [note]}
    )
    return pd.concat([first, inside], ignore_index=True)


def _mark(folder: Path, first: date, last: date) -> None:
    """Say in the marker of a sample that this is a part of it."""
    marker = folder / MARKER
    if marker.is_file():
        ends = {"from": None if first == date.min else f"{first}", "to": None if last == date.max else f"{last}"}
        said = {**json.loads(marker.read_text("utf-8")), "cut": ends}
        marker.write_text(json.dumps(said, indent=2) + "\n", "utf-8")


def _same_index(whole: MarketData, part: MarketData, last: date) -> int:
    """Return on how many sessions the index of the part is that of the whole; refuse any other."""
    levels = rebuild(part).levels
    expected = rebuild(whole, last).levels.reindex(levels.index)
    if not levels.equals(expected):
        day = levels.index[(levels != expected).to_numpy()][0]
        found = f"{levels[day]:.2f} in the part, {expected[day]:.2f} in the whole"
        finding = Finding("factors", f"{day:%Y-%m-%d}", "", "cut-keeps-index", found)
        raise DataError([finding], asked="cut the market", todo="name another first day")
    return len(levels)
