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
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from indexsim import gate, known, sessions
from indexsim.bars import AFTERNOON, MORNING, NIGHT, Bars, Clock, make_bars
from indexsim.basket import Basket
from indexsim.columns import Column, Columns
from indexsim.errors import DataError, Finding, MissingData, SpecError, unknown_name
from indexsim.events import Event, parse_events
from indexsim.known import Moments
from indexsim.schema import FILES, MARKER

#: Files whose rows need not become known in their order.
_ANNOUNCED = ("factors", "dividends", "distributions", "suspensions")
#: Columns of ``futures`` without which there are no night bars.
NIGHTS = ("night_open", "night_close")
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

    #: What a world (`indexsim.whatif`) does not have or takes over unchanged, a sentence each.
    missing: tuple[str, ...] = ()

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
        self._judged: dict[str, tuple[Finding, ...]] = {}
        self.columns = Columns(self.frame)
        #: Bars of the calendar by clock and days beyond the last session: every view begins with the same ones.
        self.bars: dict[tuple[Clock, int], Bars] = {}

    @property
    def origin(self) -> Folder:
        """The folder that is on disk: a world's is the one it was made from."""
        return self

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
        """Return what the gate found in a file, in the light of the files beside it."""
        if name not in self._judged:
            self._judged[name] = gate.judge(name, *self._table(name), self)
        return self._judged[name]

    def _table(self, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
        if name not in self._read:
            self._read[name] = gate.read_table(self.files[name], FILES[name])
        return self._read[name]

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
        if not isinstance(moment, np.datetime64):
            moment = pd.Timestamp(moment).to_datetime64()
        at: np.datetime64 = moment.astype("datetime64[m]")
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

    @property
    def has_nights(self) -> bool:
        """Whether the file of futures has columns for the night."""
        return self.has("futures") and set(NIGHTS) <= set(self.folder.frame("futures").columns)

    def require_nights(self) -> None:
        """Raise `MissingData` where the market has no night prices."""
        self.require(["futures"], "trade on nights")
        if not self.has_nights:
            raise MissingData(
                asked="trade on nights",
                found=f"no column {' and '.join(NIGHTS)} in {self.folder.files['futures'].name}",
                rule="a night bar opens and closes at the night prices of futures, and at nothing else",
                todo="add the columns (data/README.md says what they hold), or trade on the clock daily",
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
            return frame[self.folder.columns.known_times(name) <= now]
        rows, cells = self.folder.columns.extent(name, now)
        visible = frame.iloc[:rows]
        cut = {c: visible[c].where(np.arange(rows) < n) for c, n in cells.items() if n < rows}
        return visible.assign(**cut)

    def bars(self, clock: Clock) -> Bars:
        """Return the bars of every session the market spans, as far as they are decided.

        Raises
        ------
        MissingData
            For ``halves`` in a market without morning closes, for ``nights`` in one without night prices.
        """
        if clock == "halves":
            self.require(["halves"], "trade on halves")
        if clock == "nights":
            self.require_nights()
        if (clock, 0) not in self.folder.bars:
            self.folder.bars[clock, 0] = make_bars(*self.span, clock)
        whole = self.folder.bars[clock, 0]
        return whole if self.now is None else whole.until(self.now)

    def schedule(self, clock: Clock, ahead: int) -> Bars:
        """Return the decided bars and the next `ahead` ones: the calendar is known before the prices.

        Shorter where the session table ends.
        """
        days = 15 + 2 * ahead
        if (clock, days) not in self.folder.bars:
            first, last = self.span
            beyond = min(last + pd.Timedelta(days=days), pd.Timestamp(sessions.LAST_DAY))
            self.folder.bars[clock, days] = make_bars(first, beyond, clock)
        return self.folder.bars[clock, days][: len(self.bars(clock)) + ahead]

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

    def _column(self, name: str, column: str) -> Column:
        """Return a column of a file of days; MissingData where there is none."""
        self.require([name], f"read {name}")
        held = self.folder.columns.of(name, column)
        if held is None:
            raise MissingData(
                asked=f"read {column} of {name} by bars",
                found=f"{self.folder.files[name].name} has {', '.join(map(str, self.folder.frame(name).columns[:8]))}",
                rule="a column of a file that has one row a day",
                todo="name a column that is there (data/README.md), or read the rows with `table`",
            )
        return held

    def prices(self, series: str, bars: Bars) -> BarPrices:
        """Return a series' opens and closes on bars; NaN where it has no print.

        A morning bar closes at ``halves.morning_close``, an afternoon bar opens at
        ``halves.afternoon_open``; a series without halves prints NaN there. Nothing of the cash market
        prints at night.
        """
        close, opens = self._column(series, "close"), self.folder.columns.of(series, "open")
        closed = close.on(bars.session, self.now)
        opened = opens.on(bars.session, self.now) if opens else np.full(len(bars), np.nan)
        if bars.clock == "halves":
            self.require(["halves"], "read halves")
            for values, column, half in ((closed, "morning_close", MORNING), (opened, "afternoon_open", AFTERNOON)):
                own = bars.half == half
                values[own] = self.folder.columns.lunch(series, column).on(bars.session, self.now)[own]
        if bars.clock == "nights":
            opened[bars.half == NIGHT] = closed[bars.half == NIGHT] = np.nan
        return BarPrices(opened, closed)

    def known(self, name: str, column: str, bars: Bars) -> np.ndarray:
        """Return the last value of a column known at each bar's decision.

        Returns
        -------
        ndarray of float64, shape (n_bars,)
            NaN where nothing is known yet, or where the last row is older than the column's
            ``good_for`` (`indexsim.known`).
        """
        return self._column(name, column).last_known(bars, self.now)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of ``factors`` that are known, in order of effect."""
        self.require(["factors"], "read the events")
        events = self.folder.events[1]
        if self.now is None:
            return events
        return tuple(compress(events, (self.folder.event_times <= self.now).tolist()))

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
            if f.severity == "error" and gate.lies_in(f, first, last) and not (f.waivable and f.rule in waived)
        ]
        errors += [f for f in self.folder.about_files if f.severity == "error" and Path(f.file).stem in spans]
        if errors:
            raise DataError(errors, asked)

    def warnings(self, names: Iterable[str], first: date, last: date) -> list[Finding]:
        """Return the warnings about the named files whose rows lie in [first, last]."""
        found = [f for name in names if self.has(name) for f in self.folder.findings(name)]
        return [f for f in found if f.severity == "warning" and gate.lies_in(f, first, last)]


def known_from(event: Event) -> np.datetime64:
    """Return when an event may be known (Japan time): see `indexsim.known.event_moments`."""
    return known.moment_of(event.effective, event.announced)
