"""The sweep of strategy A on our side: warm, in a fresh process, and a million trials with block sums on disk."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from datetime import date
from functools import cache
from statistics import median
from typing import Any

from tests.bench.measure import Measurement
from tests.bench.strategy_a import BLOCKS, FRESH_TRIALS, JOBS, SESSIONS, TRIALS, grid, settled
from tests.bench.sweep import given, optstrategy, vectorbt_fresh, vectorbt_rate
from tests.conftest import ROOT

#: A worker sweeps the grid so often in a timed round: once takes a fraction of a tenth of a second.
TIMES = 10
#: Budgets of a million trials: seconds, and GiB of all processes together.
SECONDS, GIB = 30.0, 1.5


def last_session() -> date:
    """Return the last session that is swept over."""
    day: date = given().prices.index[SESSIONS - 1].date()
    return day


def sweep_warm() -> Measurement:
    """Trials a second, warm, with return, Sharpe, drawdown, trades and block sums, against vectorbt's first four."""
    return Measurement(
        "sweep: strategy A, warm / vectorbt", ours_warm(), vectorbt_rate(JOBS), 40.0, "higher", "trials/s"
    )


@cache
def ours_warm() -> float:
    """Return our warm trials per second: the median of five rounds of two processes."""
    context, (plan, _) = multiprocessing.get_context("fork"), settled(grid(), last_session())
    rounds = []
    with context.Pool(JOBS, initializer=_warm, initargs=(plan,)) as pool:
        for _ in range(6):
            began = time.perf_counter()
            pool.map(_again, range(JOBS), chunksize=1)
            rounds.append(time.perf_counter() - began)
    return JOBS * TIMES * TRIALS / median(rounds[1:])


def _warm(plan: Any) -> None:
    from backtests.sweeps.evaluate import Evaluator

    _EVALUATORS.append(Evaluator(plan, BLOCKS))
    _EVALUATORS[-1].table(0, TRIALS)


_EVALUATORS: list[Any] = []


def _again(_: int) -> None:
    for _round in range(TIMES):
        _EVALUATORS[-1].table(0, TRIALS)


def sweep_fresh() -> Measurement:
    """Seconds of a fresh process that computes and stores 1,000 trials, machine code cached, against vectorbt's."""
    call, spent = _process("fresh"), []
    for _ in range(4):
        began = time.perf_counter()
        done = subprocess.run(call, check=True, cwd=ROOT, stdout=subprocess.PIPE)
        spent.append(time.perf_counter() - began)
        assert int(done.stdout) == FRESH_TRIALS
    return Measurement("sweep: 1,000 trials, fresh process / vectorbt", median(spent[1:]), vectorbt_fresh(given()), 0.5)


def _process(what: str) -> list[str]:
    return [sys.executable, "-m", "tests.bench.strategy_a", last_session().isoformat(), what]


def sweep_optstrategy() -> Measurement:
    """Trials a second against ``cerebro.optstrategy``, timed on 20 cells."""
    peer = optstrategy(given()).rate
    return Measurement("sweep: strategy A, warm / optstrategy", ours_warm(), peer, 5_000.0, "higher", "trials/s")


@cache
def _million() -> dict[str, float]:
    """Compute and store a million trials with two processes, watched from outside."""
    import psutil

    process = subprocess.Popen(_process("million"), cwd=ROOT, stdout=subprocess.PIPE)
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
    return {"seconds": json.loads(process.stdout.read()), "gib": peak / 2**30}


def sweep_million() -> Measurement:
    """Seconds of a million trials with block sums on disk, against the budget."""
    return Measurement("sweep: a million trials / budget", _million()["seconds"], SECONDS, 1.0)


def sweep_memory() -> Measurement:
    """Memory of the same, all processes together, against the budget."""
    return Measurement("sweep: memory of a million trials / budget", _million()["gib"], GIB, 1.0, unit="GiB")


PARTS = (sweep_warm, sweep_fresh, sweep_optstrategy, sweep_million, sweep_memory)
