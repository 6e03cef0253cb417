"""Files of publishers, vendors and the user into one market folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from indexsim.errors import DataError, Finding, ToolError
from indexsim.gathering import inferred, weights
from indexsim.gathering.assembly import Assembly
from indexsim.gathering.gather import gather
from indexsim.gathering.reconcile import Conflict
from indexsim.gathering.splits import KnownSplit, from_facts, from_table, joined
from indexsim.gathering.stocks import Undo
from indexsim.market import Folder, MarketData
from indexsim.official.cells import merged
from indexsim.official.layout import Hints
from indexsim.official.reading import SPLITS, Reading
from indexsim.official.recognise import read_file
from indexsim.rebuild import Rebuilt, can_rebuild, rebuild
from indexsim.schema import FILES
from indexsim.shelf import changing, put

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes
    ----------
    took : tuple of dict
        ``file``, ``as``, ``rows``, ``from``, ``to``.
    conflicts : tuple of Conflict
        Cells in which sources differ.
    findings : tuple of Finding
        What was left out, inferred, or may be wrong.
    wrote : tuple of str
        Files of the market that changed.
    rebuilt : Rebuilt or None
        The index, where the market can rebuild it.
    """

    took: tuple[dict[str, object], ...]
    conflicts: tuple[Conflict, ...]
    findings: tuple[Finding, ...]
    wrote: tuple[str, ...]
    rebuilt: Rebuilt | None


def import_files(
    paths: Sequence[Path],
    into: Path,
    *,
    kinds: Sequence[str] = (),
    unadjust: bool = False,
    splits: Path | None = None,
    adjusted_to: date | None = None,
) -> Imported:
    """Import files into a market folder.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders.
    into : Path
        The market folder; it is made if need be. What it holds stays where nothing new speaks.
    kinds : sequence of str
        ``KIND`` or ``NAME=KIND`` for files that say too little of themselves.
    unadjust : bool
        Bring split-adjusted prices and dividends back to what was traded and paid.
    splits : Path, optional
        A table of splits beside those of the facts.
    adjusted_to : date, optional
        Day up to which sources adjust; None lets their volumes tell.

    Raises
    ------
    ToolError
        A file cannot be read or can be read in two ways, sources contradict themselves, or the gate refuses the
        outcome. The folder is then as it was.
    """
    held = _held(into)
    readings, left_out = gather(paths, kinds, held)
    known, told = _known_splits(readings, splits)
    assembly = Assembly(held, tuple(readings), Undo(unadjust, tuple(known), adjusted_to))
    frames, conflicts, said = assembly.frames()
    with changing(into) as fresh:
        wrote = _write(fresh, held, frames)
        rebuilt, doubts = _rebuilt(fresh)
        more, gaps = _inferred(fresh, rebuilt) if unadjust else ([], [])
        if more:
            frames, conflicts, said = assembly.frames(more)
            wrote = _write(fresh, held, frames)
            rebuilt, doubts = _rebuilt(fresh)
        conflicts = [*conflicts, *weights.differing(readings, rebuilt)]
        doubts = [*_absent(fresh, wrote), *doubts]
    about_files = [finding for reading in readings for finding in reading.findings]
    return Imported(
        tuple(_took(reading) for reading in readings),
        tuple(conflicts),
        tuple(dict.fromkeys([*left_out, *told, *merged(about_files), *said, *gaps, *doubts])),
        wrote,
        rebuilt,
    )


def _held(into: Path) -> Frames:
    """Return what a folder holds already; nothing where it is new or empty."""
    if not into.is_dir() or not any(path.suffix in (".csv", ".parquet") for path in into.iterdir()):
        return {}
    folder = Folder([into])
    errors = [f for name in folder.files for f in folder.findings(name) if f.severity == "error"]
    if errors:
        raise DataError(errors, asked=f"import into {into}", todo="correct the folder first")
    return {name: folder.frame(name) for name in folder.files}


def _known_splits(readings: Sequence[Reading], path: Path | None) -> tuple[list[KnownSplit], list[Finding]]:
    """Return the splits of the facts, then those of the files."""
    tables = [(reading.file, reading.frames[SPLITS]) for reading in readings if SPLITS in reading.frames]
    findings: list[Finding] = []
    if path is not None:
        reading = read_file(path, Hints("splits"), path.name)
        findings += reading.findings
        tables.append((reading.file, reading.frames[SPLITS]))
    known = from_facts()
    for file, frame in tables:
        known, said = joined(known, from_table(frame, file))
        findings += said
    return known, findings


def _write(fresh: Path, held: Frames, frames: Frames) -> tuple[str, ...]:
    """Write what is not in the folder already, and return the names."""
    changed = {name: frame for name, frame in frames.items() if not _same(held.get(name), frame)}
    put(fresh, changed)
    return tuple(sorted(changed))


def _absent(fresh: Path, wrote: Sequence[str]) -> list[Finding]:
    """Return the sessions that the files written lack."""
    folder = Folder([fresh])
    series = [name for name in wrote if FILES[name].date_indexed and not FILES[name].wide]
    return [finding for name in series for finding in folder.findings(name) if finding.rule == "missing-session"]


def _same(one: pd.DataFrame | None, other: pd.DataFrame) -> bool:
    if one is None or list(one.columns) != list(other.columns) or len(one) != len(other):
        return False
    if not one.index.equals(other.index):
        return False
    return all(one[c].equals(other[c]) or (one[c].astype(str) == other[c].astype(str)).all() for c in one.columns)


def _rebuilt(fresh: Path) -> tuple[Rebuilt | None, list[Finding]]:
    """Return the index that the folder rebuilds, and why it does not."""
    try:
        market = MarketData.open(fresh)
        if not can_rebuild(market):
            return None, []
        index = rebuild(market)
    except DataError as error:
        return None, [*error.findings]
    except ToolError as error:
        return None, [Finding("factors", "", "event", "event-applies", f"{error.asked}: {error.found}; {error.rule}")]
    return index, list(index.findings)


def _inferred(fresh: Path, rebuilt: Rebuilt | None) -> tuple[list[KnownSplit], list[Finding]]:
    """Return the splits that no table tells and one whole ratio explains."""
    if rebuilt is None or not rebuilt.source:
        return [], []
    market = MarketData.open(fresh)
    volumes = market.table("volumes") if market.has("volumes") else None
    return inferred.infer(inferred.lacking(rebuilt.index, rebuilt.published), volumes, f"{rebuilt.source}.csv")


def _took(reading: Reading) -> dict[str, object]:
    """Return what a file was taken for, with its rows and days."""
    days: list[pd.Timestamp] = []
    for frame in reading.frames.values():
        column = next((c for c in ("date", "ex_date", "effective_date") if c in frame), "")
        found = frame.index if isinstance(frame.index, pd.DatetimeIndex) else pd.to_datetime(frame.get(column, []))
        days += [found.min(), found.max()] if len(found) else []
    return {
        "file": reading.file,
        "as": reading.kind,
        "rows": max(len(frame) for frame in reading.frames.values()),
        "from": f"{min(days):%Y-%m-%d}" if days else None,
        "to": f"{max(days):%Y-%m-%d}" if days else None,
    }
