"""A report repeated from its own spec in a place of its own, and its bytes compared file by file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backtests.attacks import attacks_in, repeat_attacks
from backtests.prepare import Setup
from backtests.report import write_run
from backtests.report.changes import BESIDE
from backtests.run import compute
from backtests.stored import Stored, made_ready, read_stored
from backtests.version import code_hash


@dataclass(frozen=True)
class Verified:
    """What a repetition found.

    Attributes
    ----------
    stored : Stored
    setup : Setup
    equal : tuple of str
        Files with the same bytes.
    differs : dict of str to str
        Files that differ, with the first place where, or which side lacks them.
    code : str
        Hash of the code that repeated it.
    """

    stored: Stored
    setup: Setup
    equal: tuple[str, ...]
    differs: dict[str, str]
    code: str

    @property
    def written_by(self) -> str:
        """Hash of the code that wrote the report."""
        return str(self.stored.result.facts["code"])


def verify(folder: Path, market: Sequence[Path] = ()) -> Verified:
    """Repeat a report and compare; nothing is written into its folder.

    Parameters
    ----------
    market : sequence of Path
        Where its data lie, if not where its spec says.

    Raises
    ------
    MissingData
        There is no report, or its data are not there; the missing fingerprint is named.
    """
    stored = read_stored(folder, "verify")
    setup = made_ready(stored, "verify", market)
    with tempfile.TemporaryDirectory(prefix="verify-") as place:
        again = Path(place) / stored.folder.name
        again.mkdir()
        _repeat(stored, setup, again)
        names = sorted(_files(stored.folder) | _files(again))
        said = {name: _difference(stored.folder / name, again / name) for name in names}
    equal = tuple(name for name, how in said.items() if not how)
    return Verified(stored, setup, equal, {name: how for name, how in said.items() if how}, code_hash())


def _repeat(stored: Stored, setup: Setup, folder: Path) -> None:
    """Write the report again, with the attacks on it where it has any."""
    result = replace(compute(setup, stored.place.parent), spec_text=stored.spec_again(setup))
    result.write(folder)
    if attacks_in(stored.folder):
        repeat_attacks(stored.folder, setup, result, folder)
    write_run(result, folder)


def _files(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - set(BESIDE)


def _difference(stored: Path, again: Path) -> str:
    """Say where two files first differ, or which one is missing; "" where they are equal."""
    if not stored.is_file():
        return "missing in the report"
    if not again.is_file():
        return "no part of the report"
    one, other = stored.read_bytes(), again.read_bytes()
    if one == other:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if stored.suffix in (".parquet", ".png"):
        return f"byte {at + 1}"
    lines = one.count(b"\n", 0, at)
    return f"line {lines + 1}"
