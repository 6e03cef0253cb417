"""What would have been: the market under other rules of the index, each a market that strategies can trade.

A world is the real market with another basket and other events: `build` translates the events of
``factors``, chains the divisor again and lays the index that follows over the folder. `difference`
says what the other rules made of the level, stock by stock and event by event.
"""

from __future__ import annotations

from indexsim.whatif.answers import answer, as_answer, compared
from indexsim.whatif.difference import Difference, difference
from indexsim.whatif.folder import build
from indexsim.whatif.worlds import World, parse, worlds

__all__ = [
    "Difference",
    "World",
    "answer",
    "as_answer",
    "build",
    "compared",
    "difference",
    "parse",
    "worlds",
]
