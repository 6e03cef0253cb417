"""The sweep of strategy A on our side: warm, in a fresh process, and a million trials with block sums on disk."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.measure import Measurement
from tests.bench.peers.given import CASH, FEE, HIGH, LOW, SMA, TRIALS, WEIGHTS
from tests.bench.sweep import FRESH_TRIALS, SESSIONS, given, optstrategy, vectorbt_fresh, vectorbt_rate
from tests.conftest import ROOT

#: Processes, as many as the budgets are stated for.
JOBS = 2
#: A worker sweeps the grid so often in a timed round: once takes a fraction of a tenth of a second.
TIMES = 10
#: Budgets of a million trials: seconds, and GiB of all processes together.
SECONDS, GIB = 30.0, 1.5


def plan_a(axes: dict[str, Any]) -> Any:
    """Return the plan of strategy A over some axes, on the first 4,894 sessions of the sample."""
    from backtests.spec import Spec
    from backtests.sweeps.plan import make_plan
    from backtests.sweeps.sweep import settle
    from backtests.verbs import SAMPLE

    params = {"calm": WEIGHTS[0], "normal": WEIGHTS[1], "stressed": WEIGHTS[2], "trend_in": "all"}
    spec = Spec(
        name="strategy_a",
        strategy="strategies.vi_gate:ViGate",
        market=(SAMPLE,),
        params=params,
        end=given().prices.index[SESSIONS - 1].date(),
        cash=int(CASH),
        reserve=0.0,
        slippage_bps=0.0,
    )
    assert FEE == 0.0005, "the fee of etf_1321 in data/facts/instruments.csv"
    return settle(make_plan(spec, {"select": "sharpe", "over": axes}, ROOT))[0]


def grid() -> dict[str, Any]:
    """Return the axes of the 1,300 trials."""
    return {"sma": list(SMA), "low": [float(x) for x in LOW], "high": [float(x) for x in HIGH]}


def sweep_warm() -> Measurement:
    """Trials a second, warm, with return, Sharpe, drawdown, trades and block sums, against vectorbt's first four."""
    return Measurement(
        "sweep: strategy A, warm / vectorbt", ours_warm(), vectorbt_rate(JOBS), 40.0, "higher", "trials/s"
    )


@cache
def ours_warm() -> float:
    """Return our warm trials per second: the median of five rounds of two processes."""
    context, plan = multiprocessing.get_context("fork"), plan_a(grid())
    rounds = []
    with context.Pool(JOBS, initializer=_warm, initargs=(plan,)) as pool:
        for _ in range(6):
            began = time.perf_counter()
            pool.map(_again, range(JOBS), chunksize=1)
            rounds.append(time.perf_counter() - began)
    return JOBS * TIMES * TRIALS / median(rounds[1:])


def _warm(plan: Any) -> None:
    from backtests.sweeps.evaluate import Evaluator

    _EVALUATORS.append(Evaluator(plan, -(-SESSIONS // 20)))
    _EVALUATORS[-1].table(0, TRIALS)


_EVALUATORS: list[Any] = []


def _again(_: int) -> None:
    for _round in range(TIMES):
        _EVALUATORS[-1].table(0, TRIALS)


def sweep_fresh() -> Measurement:
    """Seconds of a fresh process that computes and stores 1,000 trials, machine code cached, against vectorbt's."""
    call, spent = [sys.executable, "-m", "tests.bench.ours", "fresh"], []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run(call, check=True, cwd=ROOT)
        spent.append(time.perf_counter() - began)
    return Measurement("sweep: 1,000 trials, fresh process / vectorbt", median(spent[1:]), vectorbt_fresh(given()), 0.5)


def _fresh() -> None:
    from backtests.sweeps.task import SweepTask

    plan = plan_a({"sma": list(SMA), "low": [float(x) for x in LOW], "high": [float(x) for x in HIGH][:10]})
    with tempfile.TemporaryDirectory() as folder:
        task = SweepTask(plan, Path(folder), "0" * 64, -(-SESSIONS // 20))
        done = sum(task(number) for number in range(plan.chunks))
    assert done == FRESH_TRIALS


def sweep_optstrategy() -> Measurement:
    """Trials a second against ``cerebro.optstrategy``, timed on 20 cells."""
    peer = optstrategy(given()).rate
    return Measurement("sweep: strategy A, warm / optstrategy", ours_warm(), peer, 5_000.0, "higher", "trials/s")


@cache
def _million() -> dict[str, float]:
    """Compute and store a million trials with two processes, watched from outside."""
    import psutil

    process = subprocess.Popen([sys.executable, "-m", "tests.bench.ours", "million"], cwd=ROOT, stdout=subprocess.PIPE)
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            family = [watched, *watched.children(recursive=True)]
            # Shared pages are counted once: what each process has for itself, and the shared part of the largest.
            peak = max(peak, sum(one.memory_full_info().uss for one in family))
        except psutil.Error:
            continue
        time.sleep(0.5)
    assert process.stdout is not None
    return {"seconds": json.loads(process.stdout.read())["seconds"], "gib": peak / 2**30}


def _compute_million() -> None:
    from backtests.sweeps.sweep import How, compute
    from backtests.sweeps.task import SweepTask

    axes = {
        "sma": [round(20 + 180 * at / 99) for at in range(100)],
        "low": {"from": 12.0, "to": 21.0, "count": 100},
        "high": {"from": 22.0, "to": 34.0, "count": 100},
    }
    plan = plan_a(axes)
    with tempfile.TemporaryDirectory() as folder:
        task, began = SweepTask(plan, Path(folder), "0" * 64, -(-SESSIONS // 20)), time.perf_counter()
        compute(task, range(plan.chunks), How(jobs=JOBS), time.monotonic())
        print(json.dumps({"seconds": time.perf_counter() - began}))


def sweep_million() -> Measurement:
    """Seconds of a million trials with block sums on disk, against the budget."""
    return Measurement("sweep: a million trials / budget", _million()["seconds"], SECONDS, 1.0)


def sweep_memory() -> Measurement:
    """Memory of the same, all processes together, against the budget."""
    return Measurement("sweep: memory of a million trials / budget", _million()["gib"], GIB, 1.0, unit="GiB")


PARTS = (sweep_warm, sweep_fresh, sweep_optstrategy, sweep_million, sweep_memory)

if __name__ == "__main__":
    {"fresh": _fresh, "million": _compute_million}[sys.argv[1]]()
