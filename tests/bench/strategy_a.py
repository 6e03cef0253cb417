"""Strategy A as our side sweeps it; ``python -m tests.bench.strategy_a LAST fresh|million`` is a process that is timed.

What it imports is timed as well: nothing here that a sweep does not need.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from backtests.startup import unhurried_collection

#: The grid, the last axis fastest: 10 x 10 x 13 = 1,300 trials; the account.
SMA, LOW, HIGH = range(20, 201, 20), range(12, 22), range(22, 35)
WEIGHTS, CASH, FEE = (0.98, 0.49, 0.0), 1e8, 0.0005
TRIALS = len(SMA) * len(LOW) * len(HIGH)
#: Sessions of the sample that are swept over, and their blocks.
SESSIONS = 4_894
BLOCKS = -(-SESSIONS // 20)
#: Trials of a fresh process, and processes of a million.
FRESH_TRIALS, JOBS = 1_000, 2


def grid(highs: int = len(HIGH)) -> dict[str, Any]:
    """Return the axes, with the first so many values of the last."""
    return {"sma": list(SMA), "low": [float(x) for x in LOW], "high": [float(x) for x in HIGH[:highs]]}


def settled(axes: dict[str, Any], last: date) -> tuple[Any, Any]:
    """Return the plan of strategy A over some axes up to a session of the sample, and the markets it has opened."""
    from backtests.spec import Spec
    from backtests.sweeps.plan import make_plan
    from backtests.sweeps.sweep import opened_by, settle
    from backtests.version import ROOT

    params = {"calm": WEIGHTS[0], "normal": WEIGHTS[1], "stressed": WEIGHTS[2], "trend_in": "all"}
    spec = Spec(
        name="strategy_a",
        strategy="strategies.vi_gate:ViGate",
        market=(ROOT / "data" / "sample",),
        params=params,
        end=last,
        cash=int(CASH),
        reserve=0.0,
        slippage_bps=0.0,
    )
    plan, setup = settle(make_plan(spec, {"select": "sharpe", "over": axes}, Path.cwd()))
    return plan, opened_by(setup)


def fresh(last: date) -> int:
    """Compute and store 1,000 trials; return how many were."""
    from backtests.sweeps.task import SweepTask

    plan, opened = settled(grid(FRESH_TRIALS // (len(SMA) * len(LOW))), last)
    with tempfile.TemporaryDirectory() as folder:
        task = SweepTask(plan, Path(folder), "0" * 64, BLOCKS, opened)
        return sum(task(number) for number in range(plan.chunks))


def million(last: date) -> float:
    """Compute and store a million trials with two processes; return the seconds it took."""
    from backtests.sweeps.sweep import How, compute
    from backtests.sweeps.task import SweepTask

    axes = {
        "sma": [round(20 + 180 * at / 99) for at in range(100)],
        "low": {"from": 12.0, "to": 21.0, "count": 100},
        "high": {"from": 22.0, "to": 34.0, "count": 100},
    }
    plan, opened = settled(axes, last)
    with tempfile.TemporaryDirectory() as folder:
        task, began = SweepTask(plan, Path(folder), "0" * 64, BLOCKS, opened), time.perf_counter()
        compute(task, range(plan.chunks), How(jobs=JOBS), time.monotonic())
        return time.perf_counter() - began


if __name__ == "__main__":
    unhurried_collection()
    print(json.dumps({"fresh": fresh, "million": million}[sys.argv[2]](date.fromisoformat(sys.argv[1]))))
