"""A market: everything one or more folders say, checked, frozen, and served by time.

`MarketData.until(t)` is the only door to the past: the market it returns holds nothing that was not
known at t, and its own `until` leads back only. A strategy that gives the same targets on the whole
market and on ``until(t)`` did not look ahead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from indexsim import gate, known, sessions
from indexsim.bars import AFTERNOON, MORNING, Bars, Clock, make_bars
from indexsim.basket import Basket
from indexsim.errors import DataError, Finding, MissingData, SpecError, unknown_name
from indexsim.events import Event, parse_events
from indexsim.known import Moments
from indexsim.schema import FILES, MARKER

#: Files whose rows may be known before their own date.
_ANNOUNCED = ("factors", "dividends", "distributions")
#: Series that span the clock of a market: the first one present.
BASE_SERIES = ("n225", "index", "topix", "closes")


@dataclass(frozen=True)
class BarPrices:
    """Opens and closes of one series on given bars.

    Attributes
    ----------
    open, close : ndarray of float64, shape (n_bars,)
        In the series' unit; NaN where the series has no print.
    """

    open: np.ndarray
    close: np.ndarray


class Folder:
    """The files behind a market, each read and checked once, when it is first asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        if not paths:
            raise SpecError(
                asked="open a market",
                found="no folder was named",
                rule="a market is one folder or several in layers",
                todo="name one with --market DIR, or write one with `python -m backtests sample DIR`",
            )
        self.paths = tuple(paths)
        self.files: dict[str, Path] = {}
        self.markers: list[Path] = []
        self.about_files: list[Finding] = []
        for path in self.paths:
            self._add_layer(path)
        if not self.files:
            raise MissingData(
                asked=f"open the market {', '.join(str(p) for p in self.paths)}",
                found="no file of a market in it",
                rule="files are known by their names (data/README.md), as closes.csv or n225.parquet",
                todo="name the folder that holds them, or write one with `python -m backtests sample DIR`",
            )
        self._read: dict[str, tuple[pd.DataFrame, tuple[Finding, ...]]] = {}
        self._known: dict[tuple[str, str], Moments] = {}

    def _add_layer(self, path: Path) -> None:
        if not path.is_dir():
            raise MissingData(
                asked=f"open the market folder {path}",
                found="it is a file" if path.exists() else "no such folder",
                rule="a market is a folder of CSV or Parquet files (data/README.md)",
                todo="check the path, or write a market with `python -m backtests sample DIR`",
            )
        paths = [path / f"{name}{ending}" for name in FILES for ending in gate.ENDINGS]
        layer = {found.stem: found for found in paths if found.is_file()}
        self.files.update(layer)
        # What lies under a later layer is not read, so nothing about it counts.
        kept = [f for f in self.about_files if Path(f.file).stem not in layer]
        self.about_files = [*kept, *gate.unknown_files(path)]
        if (path / MARKER).is_file():
            self.markers.append(path / MARKER)

    def frame(self, name: str) -> pd.DataFrame:
        """Return a file's frame as the gate left it; writing to it changes nothing here."""
        return self._table(name)[0].copy(deep=False)

    def findings(self, name: str) -> tuple[Finding, ...]:
        """Return what the gate found in a file."""
        return self._table(name)[1]

    def _table(self, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
        if name not in self._read:
            self._read[name] = gate.read_table(self.files[name], FILES[name])
        return self._read[name]

    def known_times(self, name: str, column: str) -> Moments:
        """Return when each row's value in a column is known, datetime64[m]: ascending but where rows are announced."""
        key = (name, column)
        if key not in self._known:
            self._known[key] = _known_times(name, column, self._table(name)[0])
        return self._known[key]

    @cached_property
    def events(self) -> tuple[Basket, tuple[Event, ...]]:
        """The initial basket and every event of ``factors``, parsed once."""
        return parse_events(self.frame("factors"), self.files["factors"].name)

    @cached_property
    def event_times(self) -> Moments:
        """When each event may be known, datetime64[m]."""
        events = self.events[1]
        effective, announced = (
            pd.DatetimeIndex([getattr(e, day) for e in events]) for day in ("effective", "announced")
        )
        return known.event_moments(effective, announced)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the names and bytes of the files in force, and of the markers of a sample."""
        digest = hashlib.sha256()
        for path in [*(self.files[name] for name in sorted(self.files)), *self.markers]:
            digest.update(f"{path.name}\0".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    @cached_property
    def synthetic(self) -> dict[str, Any] | None:
        """What the marker of a sample market says, or None for data that was gathered.

        A marker that cannot be read still marks.
        """
        if not self.markers:
            return None
        try:
            said = json.loads(self.markers[0].read_bytes())
        except (ValueError, RecursionError):
            said = None
        return said if isinstance(said, dict) and said else {"synthetic": True}


def _known_times(name: str, column: str, frame: pd.DataFrame) -> Moments:
    if name == "factors":
        effective, announced = (
            pd.to_datetime(frame[c], format="%Y-%m-%d", errors="coerce")
            if c in frame
            else pd.Series(pd.NaT, frame.index)
            for c in ("effective_date", "announced_date")
        )
        return known.event_moments(pd.DatetimeIndex(effective), pd.DatetimeIndex(announced))
    dates = frame.index.to_series() if FILES[name].date_indexed else frame[FILES[name].columns[0].name]
    if "announced_date" in frame:
        dates = frame["announced_date"].fillna(dates)
    return known.known_at(known.rule_of(name, column), pd.DatetimeIndex(dates))


class MarketData:
    """Serve one market by time.

    Parameters
    ----------
    folder : Folder
        The files; shared by every view of the market.
    now : datetime64[m] or None
        Nothing known after this moment (Japan time) is served; None serves all.

    Raises
    ------
    MissingData
        Where a series is asked for that the market does not hold.
    """

    def __init__(self, folder: Folder, now: np.datetime64 | None = None) -> None:
        self.folder = folder
        self.now = now
        self._cache: dict[Any, Any] = {}

    @classmethod
    def open(cls, *paths: Path | str) -> MarketData:
        """Open one folder, or several in layers: a later one wins by whole file."""
        return cls(Folder([Path(p) for p in paths]))

    def until(self, moment: np.datetime64 | str) -> MarketData:
        """Return the market as it was known at a moment (Japan time), never later than this one's own."""
        at: np.datetime64 = pd.Timestamp(moment).floor("min").to_datetime64().astype("datetime64[m]")
        return MarketData(self.folder, at if self.now is None else min(at, self.now))

    @property
    def fingerprint(self) -> str:
        """Hash of the data, the same for every view of it."""
        return self.folder.fingerprint

    @property
    def synthetic(self) -> dict[str, Any] | None:
        """Seed, version and planted effects of a sample market; None for gathered data."""
        return self.folder.synthetic

    def has(self, name: str) -> bool:
        """Whether the market holds a file."""
        return name in self.folder.files

    def require(self, names: Iterable[str], asked: str) -> None:
        """Raise `MissingData` naming every file of `names` that is not there."""
        names = tuple(names)
        for name in names:
            if name not in FILES:
                raise unknown_name("file of a market", name, FILES)
        missing = [name for name in names if not self.has(name)]
        if missing:
            raise MissingData(
                asked=asked,
                found=f"{', '.join(missing)} missing in {', '.join(str(p) for p in self.folder.paths)}",
                rule=f"{asked} needs {', '.join(names)}",
                todo="add the file (data/README.md has its columns) or layer another folder with --market",
            )

    def table(self, name: str) -> pd.DataFrame:
        """Return a file's rows as far as they are known.

        Returns
        -------
        DataFrame
            Date-indexed for series and wide files; cells not yet known are NaN, rows of which nothing
            is known are absent.
        """
        self.require([name], f"read {name}")
        if self.now is None:
            return self.folder.frame(name)
        key = ("table", name)
        if key not in self._cache:
            self._cache[key] = self._visible(name, self.folder.frame(name), self.now)
        frame: pd.DataFrame = self._cache[key]
        return frame.copy(deep=False)

    def _visible(self, name: str, frame: pd.DataFrame, now: np.datetime64) -> pd.DataFrame:
        if name == "constituents":
            return frame
        if name in _ANNOUNCED:
            return frame[self.folder.known_times(name, "*") <= now]
        columns = [c.name for c in FILES[name].columns if c.name in frame and frame[c.name].dtype.kind == "f"]
        if not any((name, c) in known.RULES for c in columns):
            return frame.iloc[: self._count(name, "*", now)]
        counts = {c: self._count(name, c, now) for c in columns}
        visible = frame.iloc[: max(counts.values())]
        row = np.arange(len(visible))
        return visible.assign(**{c: visible[c].where(row < count) for c, count in counts.items()})

    def _count(self, name: str, column: str, now: np.datetime64) -> int:
        return int(np.searchsorted(self.folder.known_times(name, column), now, side="right"))

    def bars(self, clock: Clock) -> Bars:
        """Return the bars of every session the market spans, as far as they are decided.

        Raises
        ------
        MissingData
            For ``halves`` in a market without morning closes.
        """
        if clock == "halves":
            self.require(["halves"], "trade on halves")
        key = ("bars", clock)
        if key not in self._cache:
            first, last = self.span
            bars = make_bars(first, last, clock)
            self._cache[key] = bars if self.now is None else bars.until(self.now)
        result: Bars = self._cache[key]
        return result

    def schedule(self, clock: Clock, ahead: int) -> Bars:
        """Return the decided bars and the next `ahead` ones: the calendar is known before the prices.

        Shorter where the session table ends.
        """
        first, last = self.span
        beyond = min(last + pd.Timedelta(days=15 + 2 * ahead), pd.Timestamp(sessions.LAST_DAY))
        return make_bars(first, beyond, clock)[: len(self.bars(clock)) + ahead]

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last session of the base series (`BASE_SERIES`), inside the session table."""
        base = next((name for name in BASE_SERIES if self.has(name)), None)
        if base is None:
            self.require([BASE_SERIES[0]], "find the sessions of the market")
        index = self.folder.frame(str(base)).index
        table = sessions.all_sessions()
        inside = index[(index >= table[0]) & (index <= table[-1])]
        if inside.empty:
            raise DataError(
                [Finding(self.folder.files[str(base)].name, "", "", "file-has-sessions", "no session in it")]
            )
        return inside[0], inside[-1]

    def _column(self, name: str, column: str) -> pd.Series:
        """Return a column of a file of days as far as it is known; MissingData where there is none."""
        frame = self.table(name)
        if column not in frame or not FILES[name].date_indexed:
            raise MissingData(
                asked=f"read {column} of {name} by bars",
                found=f"{self.folder.files[name].name} has {', '.join(map(str, frame.columns[:8]))}",
                rule="a column of a file that has one row a day",
                todo="name a column that is there (data/README.md), or read the rows with `table`",
            )
        return frame[column]

    def prices(self, series: str, bars: Bars) -> BarPrices:
        """Return a series' opens and closes on bars; NaN where it has no print.

        A morning bar closes at ``halves.morning_close``, an afternoon bar opens at
        ``halves.afternoon_open``; a series without halves prints NaN there.
        """
        days = pd.DatetimeIndex(bars.session)
        close = self._column(series, "close").reindex(days).to_numpy(dtype="float64", copy=True)
        opened = np.full(len(bars), np.nan)
        if "open" in self.table(series):
            opened = self._column(series, "open").reindex(days).to_numpy(dtype="float64", copy=True)
        if bars.clock == "halves":
            halves = self.table("halves")
            lunch = halves[halves["series"] == series].set_index("date").reindex(days)
            morning, afternoon = bars.half == MORNING, bars.half == AFTERNOON
            close[morning] = lunch["morning_close"].to_numpy()[morning]
            opened[afternoon] = lunch["afternoon_open"].to_numpy()[afternoon]
        return BarPrices(opened, close)

    def known(self, name: str, column: str, bars: Bars) -> np.ndarray:
        """Return the last value of a column known at each bar's decision.

        Returns
        -------
        ndarray of float64, shape (n_bars,)
            NaN where nothing is known yet, or where the last row is older than the column's
            ``good_for`` (`indexsim.known`).
        """
        series = self._column(name, column)
        if series.empty:
            return np.full(len(bars), np.nan)
        times = self.folder.known_times(name, column)[: len(series)]
        at = np.searchsorted(times, bars.decided, side="right") - 1
        row = np.maximum(at, 0)
        age = bars.session - series.index.to_numpy().astype("datetime64[D]")[row]
        good = (at >= 0) & (age <= np.timedelta64(known.rule_of(name, column).good_for, "D"))
        return np.where(good, series.to_numpy(dtype="float64")[row], np.nan)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of ``factors`` that are known, in order of effect."""
        self.require(["factors"], "read the events")
        events = self.folder.events[1]
        if self.now is None:
            return events
        return tuple(e for e, when in zip(events, self.folder.event_times, strict=True) if when <= self.now)

    def refuse_errors(self, spans: Mapping[str, tuple[date, date]], asked: str, waived: Iterable[str] = ()) -> None:
        """Raise `DataError` for errors in the named files inside their spans.

        Parameters
        ----------
        spans : mapping of file name -> (first day, last day)
            The rows that are needed; an error without a date always counts.
        waived : iterable of str
            Rules that may be broken where the finding is waivable.
        """
        waived = frozenset(waived)
        errors = [
            f
            for name, (first, last) in spans.items()
            for f in self.folder.findings(name)
            if f.severity == "error" and _inside(f, first, last) and not (f.waivable and f.rule in waived)
        ]
        errors += [f for f in self.folder.about_files if f.severity == "error" and Path(f.file).stem in spans]
        if errors:
            raise DataError(errors, asked)

    def warnings(self, names: Iterable[str], first: date, last: date) -> list[Finding]:
        """Return the warnings about the named files whose rows lie in [first, last]."""
        found = [f for name in names if self.has(name) for f in self.folder.findings(name)]
        return [f for f in found if f.severity == "warning" and _inside(f, first, last)]


def known_from(event: Event) -> np.datetime64:
    """Return when an event may be known (Japan time): see `indexsim.known.event_moments`."""
    return known.moment_of(event.effective, event.announced)


def _inside(finding: Finding, first: date, last: date) -> bool:
    """Say whether a finding lies in [first, last]; one without dates always does."""
    start, _, end = finding.row.partition("..")
    return not start[:4].isdigit() or (start <= last.isoformat() and (end or start) >= first.isoformat())
