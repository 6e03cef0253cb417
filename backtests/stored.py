"""A finished run as its folder tells it, made ready to be repeated: the same spec on the very same data."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backtests.prepare import Setup, open_market, prepare
from backtests.result import Result
from backtests.spec import Spec, load_spec, to_toml
from backtests.version import ROOT
from indexsim.errors import MissingData

_NAMED = re.compile(r"backtests run (.+?)/spec\.toml")


@dataclass(frozen=True)
class Stored:
    """A run that lies in a folder.

    Attributes
    ----------
    folder : Path
    result : Result
    """

    folder: Path
    result: Result

    @property
    def place(self) -> Path:
        """The folder it was written as: its command and the paths of its spec are relative to that."""
        named = _NAMED.search(str(self.result.facts["command"]))
        return Path(os.path.normpath(ROOT / named[1])) if named else self.folder

    def spec_again(self, setup: Setup) -> str:
        """Return the spec of a repetition as text: what it names may lie elsewhere now, and is named as it was."""
        raw = tomllib.loads(self.result.spec_text)
        strategy = str(self.place / raw["strategy"]) if ".py:" in raw["strategy"] else raw["strategy"]
        named = replace(setup.spec, market=tuple(self.place / path for path in raw["market"]), strategy=strategy)
        return to_toml(named, setup.params, self.place)

    @property
    def fingerprint(self) -> str:
        """Hash of the data it was made of."""
        return str(self.result.facts["data"]["fingerprint"])


def read_stored(folder: Path, asked: str) -> Stored:
    """Return the run that lies in a folder.

    Raises
    ------
    MissingData
        There is none, or a part of it is missing or cannot be read.
    """
    folder = folder.resolve()
    try:
        return Stored(folder, Result.read(folder))
    except (OSError, ValueError) as error:
        there = (folder / "facts.json").is_file()
        raise MissingData(
            asked=f"{asked} {folder}",
            found=str(error) if there else "no stored run there",
            rule="a run's folder holds facts.json, spec.toml and its frames",
            todo="run its spec again" if there else "name a folder under reports/",
        ) from error


def made_ready(stored: Stored, asked: str, market: Sequence[Path] = ()) -> Setup:
    """Return a stored run made ready to be computed again.

    Parameters
    ----------
    market : sequence of Path
        Where its data lie, if not where its spec says.

    Raises
    ------
    MissingData
        Its data are not there; the fingerprint is named.
    SpecError, DataError
        As `prepare`.
    """
    spec = load_spec(stored.folder / "spec.toml")
    spec = replace(spec, market=tuple(market) or spec.market)
    _refuse_other_data(spec, stored.fingerprint, f"{asked} {stored.folder}")
    return prepare(spec)


def _refuse_other_data(spec: Spec, fingerprint: str, asked: str) -> None:
    places = ", ".join(str(path) for path in spec.market)
    try:
        found = open_market(spec).fingerprint
    except MissingData as error:
        raise _missing(asked, fingerprint, error.asked + ": " + error.found) from error
    if found != fingerprint:
        raise _missing(asked, fingerprint, f"{places} has the fingerprint {found}")


def _missing(asked: str, fingerprint: str, found: str) -> MissingData:
    return MissingData(
        asked=asked,
        found=f"its data, fingerprint {fingerprint}, are missing: {found}",
        rule="a report is repeated on the very data it was made of",
        todo="bring them back, or say where they lie with --market DIR",
    )
