"""The store of a sweep: finished chunks as immutable Parquet files that survive any crash.

A chunk is on the disk whole or not at all, under a name that holds the hash of its bytes, with a key that
says which sweep it belongs to. What is missing is what is to be run; nothing else is remembered.

    <folder>/plan.json                     key, chunks, planned, chunk (trials of one), identity
    <folder>/chunks/000012-<16 hex>.parquet
    <folder>/damaged/                      files that were found in chunks/ and are none of its own
    <folder>/table.parquet                 all trials without block sums
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtests.sweeps import tables
from backtests.sweeps.lock import StoreError, disk_error, sweep_parts, sync_folder, whole
from backtests.sweeps.tables import BLOCKS, CHUNKS, DAMAGED, STATUS, TABLE, Footer

if TYPE_CHECKING:
    import pandas as pd

_HASHERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Damaged:
    """A file that was set aside: its name and what was found."""

    name: str
    found: str


@dataclass
class Store:
    """The chunks of one sweep.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    key : str
        Content key of the sweep: the hash of spec, data, code, seed and the size of a chunk.
    chunks : int
        How many there are to be.

    Attributes
    ----------
    damaged : list of Damaged
        What `done` has set aside so far.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()), key="a1b2", chunks=2)
    >>> _ = store.write(1, pa.table({"trial": [5, 6], "status": [0, 0], "sharpe": [0.5, 1.5]}))
    >>> store.done()
    {1}
    >>> store.query("select max(sharpe) as best from trials")
       best
    0   1.5
    """

    folder: Path
    key: str
    chunks: int
    damaged: list[Damaged] = field(default_factory=list, compare=False)
    #: Path -> what the file system said of it when its bytes were found right.
    _checked: dict[Path, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)

    def done(self) -> set[int]:
        """Return the chunks that need not be run: on the disk, with the right bytes, of this sweep.

        All other files are moved to ``damaged/`` and listed in `damaged`, and what dead writers left is removed.
        A file is hashed once in the life of this object.
        """
        return set(self._files())

    def write(self, number: int, table: pa.Table) -> Path:
        """Write a chunk and return its file, which is on the disk then.

        A second writer of the same chunk writes the same bytes under the same name.

        Parameters
        ----------
        number : int
            The chunk's, from 0.
        table : Table
            A row per trial, in trial order: `trial`, `status`, axes, figures, `log_sum`, `log_square`.

        Raises
        ------
        StoreError
            If the disk is full or the folder cannot be written; nothing half-written is left.
        """
        if not 0 <= number < self.chunks:
            raise ValueError(f"chunk {number} of {self.chunks}")
        content = tables.encode(table, self.key, number)
        path = self.folder / CHUNKS / tables.file_name(number, content)
        try:
            self._make_folder(CHUNKS)
            with whole(path) as file:
                file.write(content)
            self._checked[path] = _mark(path)
        except OSError as error:
            asked = f"write chunk {number} of {self.chunks} in {self.folder}"
            raise disk_error(error, asked, self.folder, self._still_needed(len(content))) from error
        return path

    def read(self, number: int) -> pa.Table:
        """Return one chunk; a StoreError says that it is not there, or not whole."""
        right = [p for p in (self.folder / CHUNKS).glob(f"{number:06d}-*.parquet") if self._flaw(p) == ""]
        if len(right) != 1:
            raise self._missing(f"read chunk {number}", {number})
        return _read(right[0])

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the chunks that are there in order, one at a time; `columns` of them, or all."""
        for path in self._files().values():
            yield _read(path, columns)

    def blocks(self, *columns: str) -> Iterator[tuple[NDArray[np.float64], ...]]:
        """Yield block sums chunk by chunk, of the trials that are done; a chunk without any is passed over.

        Parameters
        ----------
        *columns : str
            Which of them; `log_sum` and `log_square` unless given.

        Yields
        ------
        tuple of ndarray of shape (trials, blocks)
            One array per column, in trial order.
        """
        names = columns or BLOCKS
        for table in self.tables(["status", *names]):
            done = table.filter(pc.equal(table["status"], STATUS.index("done")))
            if len(done):
                yield tuple(_matrix(done[name]) for name in names)

    def frame(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the trials as a frame in trial order; without `columns`, all but the block sums."""
        files = self._files().values()
        names = _scalar_schema(files).names if columns is None else list(columns)
        parts = [_read(path, names) for path in files]
        frame: pd.DataFrame = pa.concat_tables(parts or [pa.table({name: [] for name in names})]).to_pandas()
        return frame

    def query(self, sql: str, /, **params: Any) -> pd.DataFrame:
        """Answer one SELECT over the view ``trials`` (without block sums); it can read and write nothing else.

        `sql` is in DuckDB's dialect, with parameters as ``$name``.

        Raises
        ------
        SpecError
            If the SQL is not one statement that only reads, or DuckDB refuses it.
        """
        return tables.select(self._trials(), sql, params)

    def finish(self) -> Path:
        """Write ``table.parquet``: all trials in order without block sums, a row group a chunk; return its path.

        A StoreError says that chunks are missing or that the disk is full.
        """
        files = self._files()
        if missing := set(range(self.chunks)) - set(files):
            raise self._missing("write the table of all trials", missing)
        path = self.folder / TABLE
        footer, schema = self._together(files), _scalar_schema(files.values())
        try:
            with whole(path) as file:
                _write_all(files.values(), schema.with_metadata(tables.metadata(footer)), file)
        except OSError as error:
            raise disk_error(error, f"write {path}", self.folder, footer.trials * len(schema) * 8) from error
        return path

    def _files(self) -> dict[int, Path]:
        """Return the right files by chunk; all others are set aside."""
        folder = self.folder / CHUNKS
        sweep_parts(folder)
        paths = sorted(p for p in folder.glob("*") if not p.name.startswith("."))
        with ThreadPoolExecutor(_HASHERS) as pool:
            flaws = list(pool.map(self._flaw, paths))
        right: dict[int, list[Path]] = defaultdict(list)
        for path, found in zip(paths, flaws, strict=True):
            if found:
                self._set_aside(path, found)
            elif found == "":
                right[tables.number_of(path.name) or 0].append(path)
        return {number: found[0] for number, found in sorted(right.items()) if self._agree(found)}

    def _flaw(self, path: Path) -> str | None:
        """Say what is wrong with a file; empty if nothing is, None where it has gone meanwhile."""
        try:
            mark = _mark(path)
            if self._checked.get(path) != mark:
                if found := tables.flaw(path, self.key, self.chunks):
                    return found
                self._checked[path] = mark
        except FileNotFoundError:
            return None
        return ""

    def _agree(self, paths: Sequence[Path]) -> bool:
        """Set aside right files of one chunk with other bytes: which is true, only a new run can say."""
        if len(paths) == 1:
            return True
        for path in paths:
            self._set_aside(path, f"one of {len(paths)} files of its chunk that differ: trials that do not repeat")
        return False

    def _set_aside(self, path: Path, found: str) -> None:
        try:
            self._make_folder(DAMAGED)
            path.replace(self.folder / DAMAGED / path.name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error(error, f"set aside {path} ({found})", self.folder) from error
        self.damaged.append(Damaged(path.name, found))

    def _make_folder(self, name: str) -> None:
        if not (self.folder / name).is_dir():
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            for made_in in (self.folder, self.folder.parent):
                sync_folder(made_in)

    def _missing(self, asked: str, numbers: set[int]) -> StoreError:
        shown = ", ".join(str(n) for n in sorted(numbers)[:5]) + ", ..." * (len(numbers) > 5)
        return StoreError(
            asked=f"{asked} in {self.folder}",
            found=f"{len(numbers)} of {self.chunks} chunks are not there: {shown}",
            rule="a chunk is there once it has been run and its file is whole",
            todo="give the command of the sweep again: it runs what is missing",
        )

    def _still_needed(self, chunk: int) -> int:
        """Return the bytes of the chunks that are not there yet, each of so many bytes."""
        there = {tables.number_of(p.name) for p in (self.folder / CHUNKS).glob("[0-9]*.parquet")}
        return chunk * max(1, self.chunks - len(there))

    def _together(self, files: dict[int, Path]) -> Footer:
        """Return the footer of all trials; chunks must follow on each other."""
        footers = [f for f in map(tables.read_footer, files.values()) if f is not None and f.trials]
        if any(after.first <= before.last for before, after in itertools.pairwise(footers)):
            raise ValueError(f"{self.folder}: the trials of its chunks overlap")
        ends = (footers[0].first, footers[-1].last) if footers else (-1, -1)
        return Footer(self.key, *ends, *(sum(getattr(f, name) for f in footers) for name in STATUS))

    def _trials(self) -> list[Path]:
        """Return the files that hold the trials: the one of all if it is there and of this sweep."""
        footer = tables.read_footer(self.folder / TABLE)
        return [self.folder / TABLE] if footer and footer.key == self.key else list(self._files().values())


def _mark(path: Path) -> tuple[int, ...]:
    found = path.lstat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    with pq.ParquetFile(path) as file:
        table = file.read(columns=None if columns is None else list(columns)).replace_schema_metadata(None)
    return table if columns is None else table.select(list(columns))


def _scalar_schema(paths: Iterable[Path]) -> pa.Schema:
    """Return the columns of the files without block sums; none where there is no file."""
    path = next(iter(paths), None)
    schema = pa.schema([]) if path is None else pq.read_schema(path)
    return pa.schema([f for f in schema if f.name not in BLOCKS])


def _write_all(paths: Iterable[Path], schema: pa.Schema, file: BinaryIO) -> None:
    with pq.ParquetWriter(file, schema, **tables.layout(schema)) as writer:
        for path in paths:
            if len(table := _read(path, schema.names)):
                writer.write_table(table)


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return a column of lists of one length as a matrix, a row per trial."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float64).reshape(len(column), -1)
