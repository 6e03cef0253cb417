"""Statistics and a hash of the orders of every shipped spec on the small market: ``tests/answers/golden_runs.json``.

They were written by the code itself. They prove nothing; they guard against a change that nobody meant. After one
that is meant: ``python -m tests.golden_runs "what changed, and why it may"``, and the same words into CHANGELOG.md.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backtests import metrics
from backtests.prepare import prepare
from backtests.run import execution_of
from backtests.spec import load_spec
from tests.conftest import ROOT, SPECS, write_small

ANSWERS = ROOT / "tests/answers/golden_runs.json"
NOTE = "Written by the code itself: proves nothing, guards against change. See tests/golden_runs.py."


def statistics(path: Path, market: Path) -> dict[str, Any]:
    """Return what a shipped spec does on a market: exact counts and sen, ratios, the hash of its orders."""
    setup = prepare(replace(load_spec(path), market=(market,), start=None, end=None))
    _, execution = execution_of(setup)
    start, paid = setup.spec.cash * 100, execution.book.costs(len(setup.traded))
    ends = execution.equity[setup.traded.last_of_session].astype(np.float64)
    returns = np.diff(ends, prepend=start) / np.append(start, ends[:-1])
    orders = [(str(setup.traded.decided[o.bar]), o.k, int(o.quantity), o.at_close, o.status) for o in execution.orders]
    return {
        "end_sen": int(execution.equity[-1]),
        "costs_sen": int(np.sum(paid)),
        "orders": len(orders),
        "rejected": sum(order[-1] != "filled" for order in orders),
        "fills": len(execution.book.fills),
        "sharpe": metrics.figure("sharpe", lambda: metrics.sharpe(returns, 245.0))["sharpe"],
        "max_drawdown": metrics.max_drawdown(returns),
        "orders_hash": hashlib.sha256(json.dumps(orders).encode()).hexdigest()[:16],
    }


def digest(specs: dict[str, Any]) -> str:
    """Return the hash of all statistics, ratios to nine digits."""
    plain = {
        name: {k: f"{v:.9g}" if isinstance(v, float) else v for k, v in row.items()} for name, row in specs.items()
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def main(reason: str) -> None:
    """Write the statistics anew, with the reason of the change."""
    with tempfile.TemporaryDirectory() as folder:
        specs = {path.stem: statistics(path, write_small(Path(folder) / "small")) for path in SPECS}
    before = json.loads(ANSWERS.read_text("utf-8"))["changes"] if ANSWERS.exists() else []
    changes = [*before, {"digest": digest(specs), "reason": reason}]
    ANSWERS.parent.mkdir(exist_ok=True)
    text = json.dumps({"note": NOTE, "changes": changes, "specs": specs}, indent=1, ensure_ascii=False)
    ANSWERS.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
