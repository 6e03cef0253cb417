"""Experiments: specs, the engine, the books, results and reports.

What the command line does, `backtests.verbs` does: one function a verb. `backtests.sweep` is the verb ``sweep`` that
returns a frame of all trials (`backtests.verbs.trials`). Nothing is imported here before it is asked for, because
``--help`` must not wait for pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtests.verbs import trials as sweep

__all__ = ["sweep"]


def __getattr__(name: str) -> Any:
    if name == "sweep":
        from backtests.verbs import trials

        return trials
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
