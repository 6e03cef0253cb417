"""The claims as data: one TOML file for each seed, written before any test was run.

A claim says in its own words what a seed asserts, what would refute it, and how it is tested: by the name of a test
(`backtests.claims.tests`), by ``fact`` (a value of ``data/facts/claims_facts.csv``), or not at all (``untestable``,
with the file that would settle it).
"""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexsim.errors import SpecError

SEEDS = Path(__file__).parent / "seeds"
FACT, UNTESTABLE = "fact", "untestable"
#: Fewest observations of a claim that says in which direction something lies, unless it names its own number.
FEWEST = 10


@dataclass(frozen=True)
class Claim:
    """One assertion of a seed.

    Attributes
    ----------
    id : str
        As ``S001-07``: seed and number.
    seed, seed_date : str
        The article, and the day it was written (ISO): later data are shown apart.
    asserts, falsified_by : str
        What is asserted and what would refute it.
    test : str
        Name of a test, ``fact`` or ``untestable``.
    inputs : tuple of str
        What the test reads: files of a market, frames of a folder of constituents.
    params : mapping
        What the test takes, with ``direction`` and ``threshold`` where the claim has them.
    min_n : int
        With fewer observations the verdict is "insufficient".
    fact : str
        Id of a row of ``claims_facts.csv``.
    asserted : str or float
        What the seed says the fact is; texts and lists (``a;b``) are compared word by word.
    tolerance : float or None
        How far a number may be off.
    settled_by : str
        File that would settle a claim which cannot be tested.

    Examples
    --------
    >>> Claim("S001-07", "S001", "2026-01-20", "x", "y", "untestable").draw
    905136884
    """

    id: str
    seed: str
    seed_date: str
    asserts: str
    falsified_by: str
    test: str
    inputs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    min_n: int = 1
    fact: str = ""
    asserted: str | float = ""
    tolerance: float | None = None
    settled_by: str = ""

    @property
    def draw(self) -> int:
        """Seed of the claim's random draws: a checksum of its id."""
        return zlib.crc32(self.id.encode())

    @property
    def numeric(self) -> bool:
        """Whether a test measures something."""
        return self.test not in (FACT, UNTESTABLE)

    def arguments(self) -> dict[str, Any]:
        """Return what the test is called with."""
        return {**self.params, "id": self.id, "seed": self.draw, "seed_date": self.seed_date}


def catalogue(folder: Path = SEEDS) -> tuple[Claim, ...]:
    """Return every claim, by id.

    Raises
    ------
    SpecError
        A claim without its parts, with a part that is none, or an id that stands twice.
    """
    claims = [claim for path in sorted(folder.glob("*.toml")) for claim in _of_file(path)]
    ids = [claim.id for claim in claims]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise _refuse(twice[0], "its id stands twice", "every claim has an id of its own")
    return tuple(sorted(claims, key=lambda claim: claim.id))


_PARTS = {"id", "asserts", "falsified_by", "test"}
_MORE = {"inputs", "params", "direction", "threshold", "min_n", "fact", "asserted", "tolerance", "settled_by"}
#: What each kind of claim must have.
_NEEDED = {FACT: {"fact", "asserted"}, UNTESTABLE: {"settled_by"}}


def _of_file(path: Path) -> list[Claim]:
    body = tomllib.loads(path.read_text("utf-8"))
    return [_claim(row, str(body["seed"]), str(body["seed_date"])) for row in body["claim"]]


def _claim(row: dict[str, Any], seed: str, seed_date: str) -> Claim:
    name = str(row.get("id", f"a claim of {seed}"))
    needed = _PARTS | _NEEDED.get(str(row.get("test")), set())
    if lacking := sorted(needed - row.keys()):
        raise _refuse(name, f"{', '.join(lacking)} missing", f"a claim has {', '.join(sorted(needed))}")
    if unknown := sorted(row.keys() - _PARTS - _MORE):
        raise _refuse(name, f"{', '.join(unknown)} is no part", f"parts are {', '.join(sorted(_PARTS | _MORE))}")
    params = dict(row.get("params", {}))
    params |= {part: row[part] for part in ("direction", "threshold") if part in row}
    return Claim(
        id=name,
        seed=seed,
        seed_date=seed_date,
        asserts=str(row["asserts"]),
        falsified_by=str(row["falsified_by"]),
        test=str(row["test"]),
        inputs=tuple(row.get("inputs", ())),
        params=params,
        min_n=int(row.get("min_n", FEWEST if "direction" in row else 1)),
        fact=str(row.get("fact", "")),
        asserted=row.get("asserted", ""),
        tolerance=row.get("tolerance"),
        settled_by=str(row.get("settled_by", "")),
    )


def _refuse(name: str, found: str, rule: str) -> SpecError:
    return SpecError(asked=f"read the claim {name}", found=found, rule=rule, todo="correct its file in claims/seeds")
