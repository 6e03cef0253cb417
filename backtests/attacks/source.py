"""The attack by another source: the same spec on another market folder, or in another world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backtests.attacks.case import Attack, Case
from backtests.prepare import prepare
from indexsim.errors import ToolError

NAME = "other source"


@dataclass(frozen=True)
class Source:
    """Where else the run is to be computed.

    Attributes
    ----------
    market : tuple of Path
        Folders in layers; none is the run's own.
    what_if : str
        A world of `indexsim.whatif`; "" is the run's own.
    """

    market: tuple[Path, ...] = ()
    what_if: str = ""

    def __bool__(self) -> bool:
        return bool(self.market or self.what_if)


def other_source(case: Case, source: Source) -> tuple[Attack, str | None]:
    """Run the same spec on another source; also return the fingerprint of what was found there."""
    what = "The same spec was run on other data."
    if not source:
        return Attack(NAME, what, why="none was given: --market DIR names one, --what-if W a world"), None
    spec, own = case.setup.spec, case.setup.market
    places = source.market or spec.market
    try:
        setup = prepare(replace(spec, market=places, what_if=source.what_if or spec.what_if))
        if setup.market.fingerprint == own.fingerprint:
            return Attack(NAME, what, why="the data given are those of the run"), own.fingerprint
        found = case.on(setup)
    except ToolError as error:
        return Attack(NAME, what, why=str(error)), None
    days = setup.traded.session
    world = f" in the world {source.what_if}" if source.what_if else ""
    said = f"The same spec was run on {_names(places)}{world}, {days[0]} to {days[-1]}."
    return case.attack(NAME, said, found), setup.market.fingerprint


def _names(places: Sequence[Path]) -> str:
    """Return the folders by name: where they lie on a machine is nobody's."""
    return ", ".join(path.resolve().name for path in places)
