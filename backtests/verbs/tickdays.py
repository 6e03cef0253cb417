"""The index tick by tick, as a part of the verb ``index``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from backtests.sweeps.lock import whole
from backtests.verbs.shared import Answer
from indexsim.errors import SpecError
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt
from indexsim.ticks import TickDay, tick_file

_ENDINGS = (".csv", ".parquet")


def refuse_idle_file(session: date | None, out: Path | str | None) -> None:
    """Raise `SpecError` for a file that nothing would be written to, or of no known ending."""
    if out is None or (session is not None and Path(out).suffix in _ENDINGS):
        return
    raise SpecError(
        asked=f"write the levels of ticks to {out}",
        found="no session of ticks" if session is None else f"the ending {Path(out).suffix!r}",
        rule="the level at each time of --ticks DATE is written as .csv or .parquet",
        todo="give --ticks, or name another file",
    )


def replayed(market: MarketData, rebuilt: Rebuilt, session: date, out: Path | None = None) -> Answer:
    """Return what the ticks of a session say of the index, and write the level at each time where that is asked for.

    Returns
    -------
    dict
        ``session``, ``opening`` (level of the standard prices), ``open``, ``high``, ``low``, ``close``, ``count``,
        ``left_out`` (rows that could not be taken), ``times``, ``index_close`` (of the closing prices), ``findings``,
        ``path``.
    """
    day = TickDay(tick_file(market.folder.paths, session), rebuilt.index, session)
    if out is None:
        times = sum(len(bars) for bars in day.bars())
    else:
        with whole(out) as file:
            times = _write(day, file, out.suffix)
    said = {name: _known(getattr(day.summary, name)) for name in ("opening", "open", "high", "low", "close")}
    return {
        "session": session.isoformat(),
        **said,
        "count": day.summary.count,
        "left_out": day.summary.left_out,
        "times": times,
        "index_close": float(rebuilt.levels[pd.Timestamp(session)]),
        "findings": [f.as_dict() for f in day.findings],
        "path": None if out is None else str(out),
    }


def _known(level: float) -> float | None:
    return None if np.isnan(level) else level


def _write(day: TickDay, file: BinaryIO, ending: str) -> int:
    """Write the bars piece by piece; return how many there are."""
    import pyarrow as pa
    from pyarrow import parquet

    times, writer = 0, None
    for bars in day.bars():
        if ending == ".csv":
            bars.to_csv(file, index=False, header=times == 0, lineterminator="\n")
        else:
            table = pa.Table.from_pandas(bars, preserve_index=False)
            writer = writer or parquet.ParquetWriter(file, table.schema)
            writer.write_table(table)
        times += len(bars)
    if writer is not None:
        writer.close()
    return times
