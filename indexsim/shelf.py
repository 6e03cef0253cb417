"""A market folder is changed whole or not at all: the new version takes the old one's place once it passes the gate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd

from indexsim import gate
from indexsim.errors import DataError, Finding, ToolError
from indexsim.folders import replacing
from indexsim.market import Folder
from indexsim.schema import FILES, MARKER

#: Cells above which a new file is Parquet, not CSV: more than a person would read.
GLANCE = 200_000

#: Keys of the marker of a sample that say which part of it a folder holds.
PARTS = ("cut", "parts")


@contextmanager
def changing(folder: Path) -> Iterator[Path]:
    """Yield a copy of a market folder, to be changed; it takes the folder's place when the block ends well.

    Until then the folder is as it was, whatever goes wrong. A folder that does not exist begins empty.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    DataError
        A file that was changed has errors which it did not have before.
    ToolError
        `folder` is a file, or a synthetic market, which real data must not be mixed with.
    """
    refuse_unfit(folder)
    before = {_anywhere(finding) for finding in _errors(folder)} if folder.is_dir() else set()
    with replacing(folder) as fresh:
        if folder.is_dir():
            shutil.copytree(folder, fresh, dirs_exist_ok=True)
        yield fresh
        if found := [finding for finding in _errors(fresh) if _anywhere(finding) not in before]:
            todo = "nothing was changed; correct the source of the data"
            raise DataError(found, asked=f"change the market folder {folder}", todo=todo)


@contextmanager
def making(folder: Path, *sources: Folder) -> Iterator[Path]:
    """Yield an empty folder that becomes a market folder when the block ends well and all its files pass the gate.

    Parameters
    ----------
    folder : Path
        Does not exist yet, or is empty.
    *sources : Folder
        Markets that the new one is made from: what is made from a synthetic market is marked as it is.

    Raises
    ------
    DataError
        A file that was written has an error of a kind that no source has in the file of this name and column.
    ToolError
        There is something in `folder` already, or a synthetic market and another one would be mixed.
    """
    marker, before = _marker_of(sources), {_kind(finding) for source in sources for finding in _errors_of(source)}
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ToolError(
            asked=f"write a market to {folder}",
            found="it is a file" if folder.is_file() else "something is in it already",
            rule="a market made from others goes to a new folder or an empty one",
            todo="name another folder, or remove this one",
        )
    with replacing(folder) as fresh:
        if marker is not None:
            (fresh / MARKER).write_bytes(marker)
        yield fresh
        if found := [finding for finding in _errors(fresh) if _kind(finding) not in before]:
            raise DataError(found, asked=f"write a market to {folder}", todo="nothing was written; correct the files")


def _marker_of(sources: Sequence[Folder]) -> bytes | None:
    """Return the marker of what is made from some folders, None where none has one."""
    paths = [path for source in sources for path in source.paths]
    markers = [(path / MARKER).read_bytes() if (path / MARKER).is_file() else None for path in paths]
    samples = [None if marker is None else _sample_of(marker) for marker in markers]
    if any(sample != samples[0] for sample in samples):
        said = ", ".join(f"{p} {'synthetic' if m else 'real'}" for p, m in zip(paths, markers, strict=True))
        raise ToolError(
            asked=f"make one market of {len(paths)} folders",
            found=f"of other kinds, or of other samples: {said}",
            rule="real data is never mixed with a synthetic market, nor one sample with another",
            todo="name folders of one kind",
        )
    if len(set(markers)) < 2 or not isinstance(samples[0], dict):
        return markers[0]
    return (json.dumps({**samples[0], "parts": len(markers)}, indent=2) + "\n").encode()


def _sample_of(marker: bytes) -> object:
    """Return what a marker says of the sample, whatever part of it the folder holds; unreadable ones as they are."""
    try:
        said = json.loads(marker)
    except ValueError:
        return marker
    return {key: value for key, value in said.items() if key not in PARTS} if isinstance(said, dict) else marker


def put(folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write frames as files of a market folder, in place of those of the same name.

    Parameters
    ----------
    folder : Path
        As `changing` yields it.
    frames : mapping of file name without ending to DataFrame
        As `indexsim.gate.read_table` returns them: indexed by date where a row is a day. A file keeps its ending; a new
        one is CSV up to `GLANCE` cells.
    """
    for name, frame in frames.items():
        _write(folder, name, frame, ending_of(folder, name) or (".csv" if frame.size <= GLANCE else ".parquet"))


def write(folder: Path, name: str, frame: pd.DataFrame, ending: str) -> None:
    """Write one frame with the ending given, and remove the file of the same name with the other ending."""
    _write(folder, name, frame, ending)
    for other in gate.ENDINGS:
        if other != ending:
            (folder / f"{name}{other}").unlink(missing_ok=True)


def ending_of(folder: Path, name: str) -> str | None:
    """Return the ending of a file in a market folder; None where there is none."""
    return next((ending for ending in gate.ENDINGS if (folder / f"{name}{ending}").is_file()), None)


def _write(folder: Path, name: str, frame: pd.DataFrame, ending: str) -> None:
    schema = FILES[name]
    first = schema.columns[0].name
    rows = frame.rename_axis(first).reset_index() if schema.date_indexed else frame
    save(folder / f"{name}{ending}", rows)


def save(path: Path, rows: pd.DataFrame) -> None:
    """Write rows as CSV or Parquet, by the ending; the index is left out."""
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    else:
        rows.to_csv(path, index=False, date_format="%Y-%m-%d", lineterminator="\n")


def _errors(folder: Path) -> list[Finding]:
    """Return the errors of every file of a folder, each read anew."""
    if not any((folder / f"{name}{ending}").is_file() for name in FILES for ending in gate.ENDINGS):
        return []
    return _errors_of(Folder([folder]))


def _errors_of(market: Folder) -> list[Finding]:
    found = [*market.about_files, *(f for name in market.files for f in market.findings(name))]
    return [finding for finding in found if finding.severity == "error"]


def _anywhere(finding: Finding) -> Finding:
    """Return a finding as it would be in a file of the other ending."""
    return replace(finding, file=finding.file.split(".")[0])


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.file.split(".")[0], finding.column, finding.rule


def refuse_unfit(folder: Path) -> None:
    """Raise ToolError for what cannot be changed: a file, or a synthetic market."""
    if folder.exists() and not folder.is_dir():
        raise ToolError(
            asked=f"change the market folder {folder}",
            found="it is a file",
            rule="a market is a folder",
            todo="name a folder; it is made if need be",
        )
    if (folder / MARKER).is_file():
        raise ToolError(
            asked=f"change the market folder {folder}",
            found=f"{MARKER} says that it is synthetic",
            rule="real data is never mixed with a synthetic market",
            todo="name another folder",
        )
