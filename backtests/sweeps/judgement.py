"""How much of a sweep's best trial is luck: its stored trials as the overfit statistics read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from backtests.fast import figures
from backtests.overfit.verdict import Chosen, judge
from backtests.overfit.walkforward import folds, walk_forward
from backtests.prepare import day_of, per_year
from backtests.run import execution_of
from backtests.sweeps.evaluate import Evaluator
from backtests.sweeps.proof import setup_of
from backtests.sweeps.space import GRID
from backtests.sweeps.store import Store
from backtests.sweeps.worlds import SESSIONS, World, benchmark_of
from backtests.trading.execution import PER_YEN
from indexsim.errors import ToolError

#: Blocks of 20 sessions: about five years are learnt from, one is tested on, and one lies between.
TRAIN, TEST, PURGE = 60, 12, 1


@dataclass(frozen=True)
class StoredBlocks:
    """The trials of a store as `backtests.overfit.blocks.Blocks`."""

    store: Store
    trials: int
    sessions: np.ndarray
    benchmark: np.ndarray | None
    sessions_per_year: float

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the chunks."""
        for sums, squares in self.store.blocks():  # noqa: UP028 (a pair, where the store gives any number)
            yield sums, squares


def in_blocks(values: np.ndarray) -> np.ndarray:
    """Return the sums of a series of sessions by block."""
    return np.add.reduceat(values, np.arange(0, len(values), figures.BLOCK))


def overfit(evaluator: Evaluator, store: Store, best: dict[str, Any] | None, attempted: int) -> dict[str, Any]:
    """Return every overfit statistic, the joint verdict and the walk forward; None with its reason where undefined."""
    plan = evaluator.plan
    why = ""
    if best is None:
        why = "no trial has the figure that the best is chosen by"
    swept = [axis.name for axis in plan.space.axes if axis.name in SESSIONS]
    if swept:
        why = f"{', '.join(swept)} is swept: the trials trade on different sessions"
    if why or best is None:
        return {"verdict": None, "verdict_why": why, "n_trials": attempted}
    world = evaluator.world_of(int(best["trial"]))
    assert not isinstance(world, ToolError)
    rows = store.query("select trial from trials where status = 0 order by trial")["trial"].to_numpy()
    held = benchmark_of(world.setup)
    sessions = np.full(evaluator.blocks, figures.BLOCK, dtype=np.int64)
    sessions[-1] = len(world.ruler.ends) - figures.BLOCK * (evaluator.blocks - 1)
    benchmark = None if held is None else in_blocks(held[1])
    blocks = StoredBlocks(store, len(rows), sessions, benchmark, per_year(world.setup))
    chosen = Chosen(
        row=int(np.searchsorted(rows, int(best["trial"]))),
        returns=_log_returns(evaluator, world, int(best["trial"])),
        benchmark=None if held is None else held[1],
        figure=float(best[plan.select]),
        neighbours=_neighbours(evaluator, store, int(best["trial"])),
    )
    answer = judge(blocks, chosen, attempted, rows.tolist(), seed=plan.seed)
    return {
        **answer,
        "benchmark": None if held is None else held[0],
        "walk_forward": _walk(blocks, plan.select, attempted, rows, _days(world, evaluator.blocks)),
    }


def _log_returns(evaluator: Evaluator, world: World, trial: int) -> np.ndarray:
    """Return the session log returns of one trial, from the engine."""
    setup = setup_of(evaluator, world, trial)
    _, execution = execution_of(setup)
    world.measured(execution, setup.spec.cash * PER_YEN)
    return world.ruler.logs


def _neighbours(evaluator: Evaluator, store: Store, trial: int) -> list[float]:
    """Return the figures of the trials one step away, where they have one."""
    plan = evaluator.plan
    near = plan.space.neighbours(trial) if plan.space.sample == GRID else []
    if not near:
        return []
    listed = ", ".join(map(str, near))
    found = store.query(f"select {plan.select} as figure from trials where trial in ({listed})")["figure"]
    return [float(value) for value in found.dropna()]


def _days(world: World, blocks: int) -> list[tuple[str, str]]:
    """Return the first and the last session of each block."""
    ends = world.setup.traded.session[world.ruler.ends]
    cut = [ends[figures.BLOCK * at : figures.BLOCK * (at + 1)] for at in range(blocks)]
    return [(day_of(part[0]).isoformat(), day_of(part[-1]).isoformat()) for part in cut]


def _walk(
    blocks: StoredBlocks, select: str, attempted: int, rows: np.ndarray, days: list[tuple[str, str]]
) -> dict[str, Any]:
    """Return the anchored and the rolling walk forward, each fold's trial by its number and its ranges in days."""
    answer: dict[str, Any] = {}
    by: Literal["sharpe", "total_return"] = "sharpe" if select in ("sharpe", "calmar") else "total_return"
    t = len(blocks.sessions)
    for name, anchored in (("rolling", False), ("anchored", True)):
        if t < TRAIN + PURGE + TEST:
            answer |= {
                name: None,
                f"{name}_why": f"{t} blocks of {figures.BLOCK} sessions, {TRAIN + PURGE + TEST} needed",
            }
            continue
        walked = walk_forward(blocks, folds(t, TRAIN, TEST, PURGE, anchored), by, attempted)
        for fold in walked["folds"]:
            fold["chosen"] = int(rows[fold["chosen"]])
            fold |= {f"{part}_days": [days[fold[part][0]][0], days[fold[part][1] - 1][1]] for part in ("train", "test")}
        tested = [at for fold in walked["folds"] for at in range(*fold["test"])]
        walked["joined"]["days"] = [days[at][1] for at in tested]
        answer[name] = walked
    return answer
