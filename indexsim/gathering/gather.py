"""Paths to readings: every file of every folder named is read, and what one tells helps to tell another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from indexsim.errors import Finding, SpecError
from indexsim.official.identity import FUNDS
from indexsim.official.layout import AmbiguousFile, Hints
from indexsim.official.reading import Reading
from indexsim.official.recognise import check_kind, read_file
from indexsim.official.sheet import refused

#: Endings of files that are looked at in a folder.
_ENDINGS = (".csv", ".csv.gz", ".tsv", ".txt", ".parquet")
#: Ending of a file that an older version of a market is kept under, and of others that hold no data.
_NOT_DATA = (".md", ".json")


def gather(
    paths: Sequence[Path], kinds: Sequence[str], held: Mapping[str, pd.DataFrame]
) -> tuple[list[Reading], list[Finding]]:
    """Read every file.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders; a folder gives its files by name.
    kinds : sequence of str
        ``KIND`` for every file that needs one, or ``NAME=KIND``.
    held : mapping of file to DataFrame
        What the market holds already.

    Returns
    -------
    readings : list of Reading
        In the order of the paths.
    findings : list of Finding
        Files of folders that were left out.

    Raises
    ------
    ToolError
        A path is not there, or a file cannot be read, or has several readings.
    """
    files, findings = _files(paths)
    named = _kinds(kinds, files)
    known = {name: held[name]["close"] for name in FUNDS.values() if name in held and "close" in held[name]}
    readings: dict[str, Reading] = {}
    waiting: list[tuple[str, Path]] = []
    for label, path in files.items():
        try:
            readings[label] = read_file(path, Hints(named.get(label, ""), known), label)
        except AmbiguousFile:
            waiting.append((label, path))
    for reading in readings.values():
        known |= {n: f["close"] for n, f in reading.frames.items() if n in FUNDS.values() and n not in known}
    for label, path in waiting:
        kind = named.get(label, named.get("", ""))
        readings[label] = read_file(path, Hints(kind, known), label)
    return [readings[label] for label in files], findings


def _files(paths: Sequence[Path]) -> tuple[dict[str, Path], list[Finding]]:
    """Return the files by the name they go by in an answer, each once."""
    if not paths:
        raise SpecError(
            asked="import files", found="no path", rule="a path is a file or a folder", todo="name one or several"
        )
    found: list[Path] = []
    findings: list[Finding] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            found += [p for p in inside if p.name.lower().endswith(_ENDINGS)]
            odd = [p for p in inside if not p.name.lower().endswith((*_ENDINGS, *_NOT_DATA))]
            findings += [Finding(p.name, "", "", "file-ending", "not a table, left out", "warning") for p in odd]
        elif path.exists():
            found.append(path)
        else:
            raise refused(str(path), "no such file or folder", "a path is a file or a folder", "check the path")
    once = list({path.resolve(): path for path in found}.values())
    if not once:
        names = ", ".join(str(path) for path in paths)
        raise refused(names, "no table in it", f"tables end in {', '.join(_ENDINGS)}", "name the files")
    called = [path.name for path in once]
    return {p.name if called.count(p.name) == 1 else f"{p.parent.name}/{p.name}": p for p in once}, findings


def _kinds(kinds: Sequence[str], files: Mapping[str, Path]) -> dict[str, str]:
    """Return the kind that is named for each file; under "" the one for whatever needs one."""
    named: dict[str, str] = {}
    for text in kinds:
        name, _, kind = text.rpartition("=")
        check_kind(kind)
        if name and name not in files:
            raise SpecError(
                asked=f"read {name} as {kind}",
                found="no such file among those to be imported",
                rule="--as takes KIND, or NAME=KIND with the name of a file",
                todo=f"the files are {', '.join(list(files)[:8])}",
            )
        if named.get(name, kind) != kind:
            raise SpecError(
                asked="import files",
                found=f"{named[name]} and {kind} for {name or 'one file'}",
                rule="a file is of one kind",
                todo="name the file, as --as prices.csv=topix",
            )
        named[name] = kind
    if "" in named and len(files) == 1:
        named[next(iter(files))] = named[""]
    return named
