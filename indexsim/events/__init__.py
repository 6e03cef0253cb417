"""Events: dated facts that change a basket, a price basis, or both; and how ``factors`` tells them.

`kinds` says what each event does to the factors and to the closes of the session before, `parsing`
reads them from rows.
"""

from __future__ import annotations

from indexsim.events.kinds import (
    CapStep,
    Event,
    ExRights,
    FactorStep,
    Replace,
    SpinOff,
    Split,
    is_large_split,
    split_by_rule,
)
from indexsim.events.parsing import parse_events

__all__ = [
    "CapStep",
    "Event",
    "ExRights",
    "FactorStep",
    "Replace",
    "SpinOff",
    "Split",
    "is_large_split",
    "parse_events",
    "split_by_rule",
]
