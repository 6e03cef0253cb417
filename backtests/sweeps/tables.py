"""What stands in the files of a sweep: a chunk as Parquet bytes, its footer, a query over the trials, how far it is."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtests.sweeps.lock import holder
from indexsim.errors import SpecError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

PLAN, CHUNKS, TABLE, DAMAGED = "plan.json", "chunks", "table.parquet", "damaged"

#: What a trial came to, by the number in the column `status`.
STATUS = ("done", "failed", "quarantined")
#: The columns of a list per trial: sums and sums of squares of session log returns, a number per block.
BLOCKS = ("log_sum", "log_square")

_NAME = re.compile(r"(\d{6,})-([0-9a-f]{16})\.parquet")
_META = b"sweep"
_READ = 1 << 20  # bytes hashed at a time
_QUERY_THREADS = 2
#: The rate is taken over so many of the latest chunks.
_LATEST = 32


@dataclass(frozen=True)
class Footer:
    """What a chunk's file says of itself.

    Attributes
    ----------
    key : str
        Content key of the chunk, see `chunk_key`; of the whole sweep in the file of all trials.
    first, last : int
        Lowest and highest trial; -1 where the constraints left no trial.
    done, failed, quarantined : int
        Trials that came to that.
    """

    key: str
    first: int
    last: int
    done: int
    failed: int
    quarantined: int

    @property
    def trials(self) -> int:
        """All trials of the chunk."""
        return self.done + self.failed + self.quarantined


def chunk_key(key: str, number: int, first: int, last: int) -> str:
    """Return the content key of a chunk: the sweep's key, the chunk's number and its trials, hashed."""
    return hashlib.sha256(json.dumps([key, number, first, last]).encode()).hexdigest()


def encode(table: pa.Table, key: str, number: int) -> bytes:
    """Return a chunk as the bytes of a Parquet file: the same table gives the same bytes in any process.

    Parameters
    ----------
    table : Table
        A row per trial with at least `trial` (rising) and `status`; other metadata of its schema is left out.
    key : str
        Content key of the sweep.
    number : int
        The chunk's.
    """
    trials = table["trial"].to_numpy()
    if table["trial"].null_count or (np.diff(trials) <= 0).any():
        raise ValueError(f"chunk {number}: its trials do not rise")
    first, last = (int(trials[0]), int(trials[-1])) if len(trials) else (-1, -1)
    counts = np.bincount(table["status"].to_numpy(), minlength=len(STATUS)).tolist()
    if len(counts) > len(STATUS):
        raise ValueError(f"chunk {number}: a status above {len(STATUS) - 1}")
    footer = Footer(chunk_key(key, number, first, last), first, last, *counts)
    # One piece per column: how a table was put together must not show in the file.
    table = table.combine_chunks().replace_schema_metadata(metadata(footer))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=max(1, len(table)), **layout(table.schema))
    return bytes(sink.getvalue())


def metadata(footer: Footer) -> dict[bytes, str]:
    """Return a footer as the metadata of a schema."""
    return {_META: json.dumps(vars(footer))}


def layout(schema: pa.Schema) -> dict[str, Any]:
    """Return how columns are written: plain, so that block sums reach the disk as fast as it takes them.

    Compression, dictionaries and statistics cost four fifths of the speed on the block sums and gain nothing:
    they are noise. Texts repeat, so they get a dictionary; statistics serve queries on scalars.
    """
    texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    scalars = [f.name for f in schema if not pa.types.is_nested(f.type)]
    return {"compression": "none", "use_dictionary": texts, "write_statistics": scalars, "store_schema": True}


def file_name(number: int, content: bytes) -> str:
    """Return the name of a chunk's file, which holds the start of the hash of its bytes."""
    return f"{number:06d}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"


def number_of(name: str) -> int | None:
    """Return the chunk a file name is for; None where it is no name of a chunk.

    Examples
    --------
    >>> number_of("000012-0123456789abcdef.parquet"), number_of("notes.txt")
    (12, None)
    """
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def read_footer(path: Path) -> Footer | None:
    """Return a file's footer without reading its columns; None where it is no whole file of a sweep."""
    try:
        found = pq.read_metadata(path).metadata
        return Footer(**json.loads((found or {})[_META]))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def flaw(path: Path, key: str, chunks: int) -> str:
    """Say what is wrong with a file of the sweep `key`; empty where its bytes and its origin are right.

    Raises
    ------
    FileNotFoundError
        If it has gone meanwhile.
    """
    match = _NAME.fullmatch(path.name)
    if not match:
        return "no file of a chunk"
    try:
        digest = _digest(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not digest.startswith(match[2]):
        return f"damaged: its bytes hash to {digest[:16]}"
    return "" if own_footer(path, key, chunks) else "of another sweep or another chunk"


def own_footer(path: Path, key: str, chunks: int) -> Footer | None:
    """Return the footer of a chunk's file if it was made for this sweep and this number, else None."""
    number, footer = number_of(path.name), read_footer(path)
    if number is None or footer is None or number >= chunks:
        return None
    return footer if footer.key == chunk_key(key, number, footer.first, footer.last) else None


def _digest(path: Path) -> str:
    """Hash a file a block at a time; hashing leaves other threads running."""
    digest, block = hashlib.sha256(), memoryview(bytearray(_READ))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(block[:count])
    return digest.hexdigest()


def select(files: Sequence[Path], sql: str, params: dict[str, Any]) -> pd.DataFrame:
    """Answer one SELECT over the view ``trials`` of these files; see `Store.query`."""
    import duckdb

    try:
        with duckdb.connect(config={"threads": _QUERY_THREADS, "temp_directory": ""}) as database:
            _open_trials(database, files)
            statements = database.extract_statements(sql)
            if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
                raise _no_query(sql, "it is no SELECT, or more than one statement")
            return database.execute(statements[0], params or None).df()
    except duckdb.Error as error:
        raise _no_query(sql, str(error).strip()) from error


def _open_trials(database: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Make the view and close everything else: no other file, no network, no setting."""
    paths = [str(path.resolve()) for path in files]
    if paths:
        names = ", ".join(_quoted(f.name, '"') for f in pq.read_schema(paths[0]) if f.name not in BLOCKS)
        # A bracket, star or question mark in a path is itself, not a pattern.
        patterns = [re.sub(r"[\[*?]", r"[\g<0>]", path) for path in paths]
        source = f"read_parquet({_listed(patterns)}, hive_partitioning = false)"
        database.execute(f"SET allowed_paths = {_listed([*paths, *patterns])}")
        database.execute(f"CREATE VIEW trials AS SELECT {names} FROM {source}")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _listed(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str, mark: str = "'") -> str:
    return mark + text.replace(mark, mark * 2) + mark


def _no_query(sql: str, found: str) -> SpecError:
    return SpecError(
        asked=f"query the trials: {sql}",
        found=found,
        rule="one SELECT over the view `trials`, which is there once a chunk is finished",
        todo="correct it; `describe trials` lists the columns",
    )


def status(folder: Path) -> dict[str, Any]:
    """Return how far a sweep is, from any process, while it runs or not; only the ends of files are read.

    Returns
    -------
    dict
        planned, done, failed, quarantined : trials; chunks : {done, of}; damaged : files in its chunks that are not
        its own; finished : whether the table of all trials is there; coordinator : {pid, host, since} or None;
        bytes : of all files; last_write : UTC time or None; rate : trials a second of the latest chunks,
        None with a `why` where fewer than two are there.

    Raises
    ------
    SpecError
        If `folder` is not the folder of a sweep.
    """
    plan, now = _plan(folder), holder(folder)
    files = {path: found for path in (folder / CHUNKS).glob("[!.]*") if (found := _stat(path))}
    ours = {path: footer for path in files if (footer := own_footer(path, plan["key"], plan["chunks"]))}
    numbers = {number_of(path.name): (files[path].st_mtime, footer) for path, footer in ours.items()}
    written = sorted(numbers.values(), key=lambda pair: pair[0])
    table = read_footer(folder / TABLE)
    return {
        "planned": plan["planned"],
        **{name: sum(getattr(footer, name) for _, footer in written) for name in STATUS},
        "chunks": {"done": len(numbers), "of": plan["chunks"]},
        "damaged": len(files) - len(ours),
        "finished": table is not None and table.key == plan["key"],
        "coordinator": now,
        "bytes": sum(found.st_size for path in folder.rglob("*") if path.is_file() and (found := _stat(path))),
        "last_write": _utc(written[-1][0]) if written else None,
        **_rate(written, now),
    }


def _plan(folder: Path) -> dict[str, Any]:
    try:
        plan: dict[str, Any] = json.loads((folder / PLAN).read_text("utf-8"))
        plan = {"key": str(plan["key"]), "chunks": int(plan["chunks"]), "planned": int(plan["planned"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SpecError(
            asked=f"show the sweep in {folder}",
            found=f"{PLAN} is not there, or it is not the plan of a sweep",
            rule="the folder of a sweep is OUT/SWEEP_ID, and holds its plan from the start",
            todo="name the folder that the sweep printed when it began",
        ) from error
    return plan


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:  # it has gone since it was listed
        return None


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _rate(written: Sequence[tuple[float, Footer]], now: dict[str, Any] | None) -> dict[str, Any]:
    """Return the trials a second between the latest chunks, those of the present coordinator if there is one."""
    since = datetime.fromisoformat(now["since"]).timestamp() if now and now["since"] else 0.0
    latest = [pair for pair in written if pair[0] >= since][-_LATEST:]
    span = latest[-1][0] - latest[0][0] if latest else 0.0
    if span <= 0:
        return {"rate": None, "why": "fewer than two chunks to measure between"}
    return {"rate": sum(footer.trials for _, footer in latest[1:]) / span}
