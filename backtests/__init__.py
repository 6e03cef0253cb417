"""Experiments: specs, the engine, the books, results and reports.

Each verb of the command line is a function here; they are imported when first used, because
``--help`` must not wait for pandas.

>>> import backtests
>>> callable(backtests.load_spec)
True
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Spec": "backtests.spec",
    "load_spec": "backtests.spec",
    "Result": "backtests.result",
    "run": "backtests.run",
    "check": "backtests.verbs",
    "index": "backtests.verbs",
    "sample": "backtests.verbs",
    "describe": "backtests.verbs",
    "demo": "backtests.verbs",
    "report": "backtests.verbs",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
