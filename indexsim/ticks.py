"""The ticks of a session, read in pieces: the index after each, in memory that does not grow with their number.

A market folder may hold ``ticks/2025-07-03.csv`` or ``.parquet`` (`indexsim.schema.TICKS`). A row that cannot be placed
or used is left out with a finding; a price that is left out moves no level.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import DataError, Finding, MissingData
from indexsim.gate import ENDINGS, LISTED
from indexsim.index import PriceWeightedIndex
from indexsim.schema import TICKS
from indexsim.stream import Stream, countable

#: The folder of ticks in a market.
FOLDER = "ticks"
#: Rows in memory at a time; a piece of a CSV is about as large.
ROWS = 50_000
_BYTES = 1 << 21

Moments = NDArray[np.datetime64]


@dataclass
class Summary:
    """A session of ticks so far.

    Attributes
    ----------
    opening : float
        Level of the standard prices, before the first tick.
    open, high, low, close : float
        Level after the first tick, the extremes, and the last one; NaN without ticks.
    count, left_out : int
        Ticks taken, and rows that were not.
    """

    opening: float
    open: float = np.nan
    high: float = np.nan
    low: float = np.nan
    close: float = np.nan
    count: int = 0
    left_out: int = 0

    def take(self, levels: NDArray[np.float64]) -> None:
        """Go on with the levels after some ticks."""
        if not len(levels):
            return
        self.open = float(levels[0]) if self.count == 0 else self.open
        self.high, self.low = float(np.fmax(self.high, levels.max())), float(np.fmin(self.low, levels.min()))
        self.close, self.count = float(levels[-1]), self.count + len(levels)


class TickDay:
    """The ticks of one session on their way through the index.

    Parameters
    ----------
    path : Path
        `tick_file` of a market folder.
    index : PriceWeightedIndex
        Holds the session and the one before.
    session : date

    Attributes
    ----------
    summary : Summary
    findings : list of Finding
        At most `LISTED` of a rule, and one for the rest once `bars` has ended.
    """

    def __init__(self, path: Path, index: PriceWeightedIndex, session: date) -> None:
        self._path, self._session = path, session
        self._codes = frozenset(index.regime(session).basket.codes)
        self._stream = Stream.opening(index, session)
        self._latest = np.datetime64(session, "us")
        self._seen: Counter[str] = Counter()
        self.summary = Summary(self._stream.level)
        self.findings: list[Finding] = []

    def bars(self) -> Iterator[pd.DataFrame]:
        """Yield the index at each time with a tick, in pieces.

        Yields
        ------
        DataFrame
            ``time`` (ascending, each once), ``open``, ``high``, ``low``, ``close`` (the level after the first tick of
            that time, the extremes, and after the last one), ``count``.

        Raises
        ------
        DataError
            The file cannot be read, or lacks a column.
        """
        open_bar: pd.DataFrame | None = None
        line = 2
        for piece in _pieces(self._path):
            good = self._usable(piece, line)
            line += len(piece)
            levels = self._stream.replay(good)
            self.summary.take(levels.to_numpy())
            bars = _grouped(levels)
            if open_bar is not None and len(bars):
                bars = _joined(open_bar, bars)
            if len(bars):
                open_bar, bars = bars.iloc[-1:], bars.iloc[:-1]
                if len(bars):
                    yield bars.reset_index(drop=True)
        self._end()
        if open_bar is not None:
            yield open_bar.reset_index(drop=True)

    def _usable(self, piece: pd.DataFrame, line: int) -> pd.DataFrame:
        """Return the rows that can be taken; every other one has a finding."""
        times = pd.to_datetime(piece["time"], format="ISO8601", errors="coerce").to_numpy().astype("datetime64[us]")
        prices = pd.to_numeric(piece["price"], errors="coerce").to_numpy(np.float64)
        codes = piece["code"].to_numpy(dtype=object)
        known = np.array([code in self._codes for code in codes], dtype=bool)
        placed = times.astype("datetime64[D]") == np.datetime64(self._session, "D")
        ordered = self._in_order(times, placed)
        self._flag("time", "tick-of-the-session", ~placed, piece["time"], line, f"is no time of {self._session}")
        self._flag("time", "ticks-ascend", placed & ~ordered, piece["time"], line, "comes after a later one")
        self._flag("code", "unknown-code", ~known, piece["code"], line, "is no constituent of the session")
        rule, priced = "is no price above zero in whole thousandths of a yen", countable(prices)
        self._flag("price", "price-in-range", ~priced, piece["price"], line, rule)
        good = placed & ordered & known & priced
        self.summary.left_out += int((~good).sum())
        return pd.DataFrame({"time": times[good], "code": codes[good], "price": prices[good]})

    def _in_order(self, times: Moments, placed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Say which times are not before one that came earlier, also in the pieces before."""
        counted = np.where(placed, times, self._latest)
        latest = np.maximum.accumulate(np.append(self._latest, counted))
        self._latest = latest[-1]
        ordered: NDArray[np.bool_] = counted >= latest[1:]
        return ordered

    def _flag(self, column: str, rule: str, bad: NDArray[np.bool_], cells: pd.Series, line: int, found: str) -> None:
        rows = np.flatnonzero(bad)
        for row in rows[: max(0, LISTED - self._seen[rule])].tolist():
            said = f"{cells.iloc[row]!r} {found}; left out"
            self.findings.append(Finding(f"{FOLDER}/{self._path.name}", f"line {line + row}", column, rule, said))
        self._seen[rule] += len(rows)

    def _end(self) -> None:
        for rule, count in self._seen.items():
            if count > LISTED:
                said = f"{count - LISTED} more rows like these, left out"
                self.findings.append(Finding(f"{FOLDER}/{self._path.name}", "", "", rule, said))


def tick_files(folder: Path) -> dict[date, Path]:
    """Return the files of ticks in a market folder by session; other names are not read.

    Raises
    ------
    DataError
        A session has two.
    """
    found: dict[date, Path] = {}
    for path in sorted((folder / FOLDER).glob("????-??-??.*")):
        if path.suffix not in ENDINGS:
            continue
        try:
            day = date.fromisoformat(path.stem)
        except ValueError:
            continue
        if day in found:
            said = f"stands beside {found[day].name}; one of the two must go"
            raise DataError(
                [Finding(f"{FOLDER}/{path.name}", "", "", "file-once", said)], asked=f"find ticks in {folder}"
            )
        found[day] = path
    return found


def copy_ticks(files: Mapping[date, Path], folder: Path) -> None:
    """Copy files of ticks into a market folder."""
    for path in files.values():
        (folder / FOLDER).mkdir(exist_ok=True)
        shutil.copyfile(path, folder / FOLDER / path.name)


def tick_file(folders: tuple[Path, ...], session: date) -> Path:
    """Return the file of a session's ticks in a market; a later layer wins.

    Raises
    ------
    MissingData
        No layer has one.
    """
    for folder in reversed(folders):
        if path := tick_files(folder).get(session):
            return path
    raise MissingData(
        asked=f"read the ticks of {session}",
        found=f"no {FOLDER}/{session}.csv or .parquet in {', '.join(map(str, folders))}",
        rule="the ticks of a session are a file of the folder ticks, named by its day",
        todo="add the file (data/README.md has its columns)",
    )


def _pieces(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of a file, some at a time, cells of a CSV as text."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    names = [column.name for column in TICKS.columns]
    try:
        if path.suffix == ".parquet":
            # A buffered stream: else a row group is in memory whole.
            file = parquet.ParquetFile(path, buffer_size=_BYTES, pre_buffer=False)
            batches = file.iter_batches(batch_size=ROWS, columns=names)
            header = file.schema_arrow.names
        else:
            text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=names)
            # Of a path the file would be mapped, and count as memory.
            reader = csv.open_csv(
                pa.OSFile(str(path)), csv.ReadOptions(block_size=_BYTES, use_threads=False), convert_options=text
            )
            batches, header = iter(reader), names
        if absent := [name for name in names if name not in header]:
            raise KeyError(f"no column {', '.join(absent)}; the header has {', '.join(header)}")
        for batch in batches:
            for start in range(0, batch.num_rows, ROWS):
                yield batch.slice(start, ROWS).to_pandas()
    except (pa.ArrowException, KeyError, OSError) as error:
        said = str(error.args[0] if error.args else error).splitlines()[0]
        finding = Finding(f"{FOLDER}/{path.name}", "", "", "file-is-readable", said)
        raise DataError([finding], asked=f"read the ticks in {path}") from error


def _grouped(levels: pd.Series) -> pd.DataFrame:
    """Return the levels of each time as a bar."""
    by_time = levels.groupby(level=0)
    bars = by_time.agg(["first", "max", "min", "last", "count"])
    bars.columns = pd.Index(["open", "high", "low", "close", "count"])
    return bars.rename_axis("time").reset_index()


def _joined(before: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Return bars with the one that the piece before ended in, as one where the time is the same."""
    if before["time"].iloc[0] != bars["time"].iloc[0]:
        return pd.concat([before, bars], ignore_index=True)
    one, other = before.iloc[0], bars.iloc[0]
    high, low = max(one["high"], other["high"]), min(one["low"], other["low"])
    values = [one["time"], one["open"], high, low, other["close"], one["count"] + other["count"]]
    return pd.concat([pd.DataFrame([values], columns=bars.columns), bars.iloc[1:]], ignore_index=True)
