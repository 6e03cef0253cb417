"""From trial numbers to rows of a table: the one way a trial is computed, whoever asks for it.

There are three lanes, and what they return is the same. *Compiled*: the rule and the account are machine code.
*Decided*: the strategy decides in Python, the account is machine code. *Engine*: a plain `backtrader.Strategy`, market
impact, a share of the volume, or an account beyond 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backtests.fast import figures
from backtests.fast.lanes import LANES
from backtests.fast.machine import Batch, Machine, TargetRows, term_rows
from backtests.loading import load_strategy
from backtests.run import execution_of, targets_of, terms_of
from backtests.sweeps.plan import Plan
from backtests.sweeps.sharing import builder
from backtests.sweeps.tables import BLOCKS, STATUS
from backtests.sweeps.worlds import World, Worlds, is_ruled, unit_of
from backtests.trading.execution import PER_YEN
from indexsim.errors import ToolError
from indexsim.market import Folder
from strategies.base import Targets
from strategies.rules import left_alone, loop, records

DONE, FAILED, QUARANTINED = range(len(STATUS))
#: Trials whose targets are made and traded in one call: their arrays stay near the processor, and fill all lanes.
BATCH = LANES
COUNTS = ("n_trades", "n_fills", "n_rejected")


@dataclass
class _Rows:
    """What came out of n trials; see `backtests.fast.machine.Batch`."""

    status: np.ndarray
    why: list[str]
    figures: np.ndarray
    counts: np.ndarray
    costs: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    @classmethod
    def empty(cls, n: int, blocks: int) -> _Rows:
        wide = (np.zeros((n, blocks), dtype=np.float32) for _ in BLOCKS)
        kept = np.full((n, len(figures.NAMES)), np.nan)
        return cls(np.zeros(n, np.int8), [""] * n, kept, np.zeros((n, 3), np.int64), np.zeros(n, np.int64), *wide)

    def fail(self, rows: np.ndarray, why: str, status: int = FAILED) -> None:
        self.status[rows] = status
        for row in rows.tolist():
            self.why[row] = why

    def batch(self, rows: np.ndarray, machine: Machine) -> Batch:
        """Return room for what comes out of some rows: the arrays here where the rows are neighbours."""
        gauge, whole = None, slice(rows[0], rows[-1] + 1)
        if len(rows) == whole.stop - whole.start and machine.ruler.blocks == self.sums.shape[1]:
            gauge = machine.ruler.over(self.figures[whole], self.sums[whole], self.squares[whole])
        return machine.batch(len(rows), gauge, valued=False)

    def keep_batch(self, rows: np.ndarray, batch: Batch) -> None:
        self.counts[rows], self.costs[rows], gauge = batch.counts, batch.costs / PER_YEN, batch.gauge
        if not np.may_share_memory(gauge.figures, self.figures):
            self.measured(rows, gauge.figures, gauge.log_sums, gauge.log_squares)

    def measured(self, rows: np.ndarray, found: Any, sums: np.ndarray, squares: np.ndarray) -> None:
        self.figures[rows] = found
        # Trials on other sessions than the base run's have no place among its blocks.
        if sums.shape[1] == self.sums.shape[1]:
            self.sums[rows], self.squares[rows] = sums, squares


class Evaluator:
    """Computes trials of a plan.

    Parameters
    ----------
    plan : Plan
    blocks : int
        Blocks of the base run.
    opened : mapping of folders to Folder, optional
        Markets that were opened before.
    """

    def __init__(self, plan: Plan, blocks: int, opened: Mapping[tuple[Path, ...], Folder] | None = None) -> None:
        self.plan, self.blocks = plan, blocks
        self.strategy = load_strategy(plan.spec.strategy)
        self.worlds = Worlds(plan, dict(opened or {}))
        self._base = plan.spec.params
        self._rooms: dict[str, np.ndarray] = {}

    def table(self, lo: int, hi: int, quarantined: Mapping[int, str] | None = None) -> pa.Table:
        """Return the trials lo to hi - 1 that break no constraint, a row each.

        Parameters
        ----------
        quarantined : mapping of trial to str, optional
            Trials that are not to be run, and why.
        """
        columns = self.plan.space.columns(lo, hi)
        allowed = np.flatnonzero(self.plan.space.allowed(columns))
        columns = {name: column[allowed] for name, column in columns.items()}
        trials, out = allowed + lo, _Rows.empty(len(allowed), self.blocks)
        for trial, why in (quarantined or {}).items():
            out.fail(np.flatnonzero(trials == trial), why, QUARANTINED)
        params = self._params(columns, out)
        left = np.flatnonzero(out.status == DONE)
        for world, rows in self.worlds.groups(left, params, columns) if len(left) else ():
            if isinstance(world, ToolError):
                out.fail(rows, str(world))
            else:
                self._trade(world, rows, params, columns, out)
        return self._as_table(trials, columns, out)

    def world_of(self, trial: int) -> World | ToolError:
        """Return the world a trial trades on, or why there is none."""
        columns = self.plan.space.columns(trial, trial + 1)
        params = self._params(columns, _Rows.empty(1, 0))
        return next(iter(self.worlds.groups(np.array([0]), params, columns)))[0]

    def targets(self, world: World, trial: int) -> Targets | None:
        """Return the targets of a trial as the compiled rule gives them; None where there is none."""
        if not is_ruled(self.strategy) or world.machine is None:
            return None
        columns = self.plan.space.columns(trial, trial + 1)
        params = self._params(columns, _Rows.empty(1, 0))
        found, _ = world.features.of(params[0])
        if isinstance(found, ToolError):
            return None
        names, fields = found
        wanted = self._records(np.array([0]), params, columns)
        at_open, at_close = (np.empty((1, len(names), len(fields[0]))) for _ in range(2))
        rule: Any = loop(self.strategy)  # type: ignore[arg-type]
        rule(fields, wanted, at_open, at_close, np.empty((1, len(fields[0]))))
        targets = Targets(names, at_open[0].T, at_close[0].T, Targets.UNITS[unit_of(self.strategy)])
        return targets.on(tuple(i.name for i in world.setup.instruments))

    def _records(self, rows: np.ndarray, params: list[Any], columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the parameters of some rows as a compiled rule reads them."""
        wanted = records([params[rows[0]]]).repeat(len(rows))
        for name in wanted.dtype.names or ():
            if name in columns:
                wanted[name] = columns[name][rows]
                if wanted.dtype[name].kind == "U":  # numpy would cut a longer text
                    records([params[max(rows.tolist(), key=lambda row: len(columns[name][row]))]])
        return wanted

    def _params(self, columns: Mapping[str, np.ndarray], out: _Rows) -> list[Any]:
        """Return the parameters of each row; rows whose parameters are refused fail."""
        swept = [name for name in columns if name in self._base]
        build, made = builder(self.strategy.Params, self._base, swept), list[Any]()
        rows = zip(*(columns[name].tolist() for name in swept), strict=True) if swept else repeat((), len(out.why))
        refused = (out.status != DONE).tolist()
        for row, values in enumerate(rows):
            if refused[row]:
                made.append(None)
                continue
            try:
                made.append(build(values))
            except Exception as error:  # code of a user's own may fail in any way
                made.append(None)
                why = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
                out.fail(np.array([row]), why)
        return made

    def _trade(
        self, world: World, rows: np.ndarray, params: list[Any], columns: Mapping[str, np.ndarray], out: _Rows
    ) -> None:
        if world.machine is None:
            return self._by_engine(world, rows, params, columns, out)
        if not is_ruled(self.strategy):
            return self._decided(world, rows, params, columns, out)
        names, groups = tuple(i.name for i in world.setup.instruments), []
        for found, same in world.features.groups(rows, params, columns):
            if isinstance(found, ToolError):
                out.fail(same, str(found))
            elif found[0] == names:
                groups.append((found[1], same))
            else:
                self._decided(world, same, params, columns, out)
        if groups:
            self._compiled(world, groups, params, columns, out)
        return None

    def _compiled(
        self,
        world: World,
        groups: list[tuple[Any, np.ndarray]],
        params: list[Any],
        columns: Mapping[str, np.ndarray],
        out: _Rows,
    ) -> None:
        """Trade groups of trials, each with the features that its rows share."""
        rows = np.concatenate([same for _, same in groups])
        machine, first, n = world.machine, world.setup.span.start, len(groups[0][0][0])
        assert machine is not None
        rule: Any = loop(self.strategy)  # type: ignore[arg-type]
        terms, reserves = self._terms(world, rows, columns)
        try:
            wanted = self._records(rows, params, columns)
        except ToolError:  # of one trial or all: each decides for itself
            return self._decided(world, rows, params, columns, out)
        shared = left_alone(self.strategy.rule)  # type: ignore[attr-defined]
        wide = {"at_open": (BATCH, machine.k, n), "at_close": (BATCH, machine.k, n), "deposits": (BATCH, n)}
        arrays = [self._room(name, (1, *shape[1:]) if name in shared else shape) for name, shape in wide.items()]
        targets = TargetRows(*arrays)
        unit, batch = unit_of(self.strategy), out.batch(rows, machine)
        for parts in batches([len(same) for _, same in groups]):
            lo, hi = parts[0][1], parts[-1][2]
            for group, begin, end in parts:
                rule(groups[group][0], wanted[begin:end], *targets.part(begin - lo))
            machine.trade(terms, reserves, unit, targets, first, batch, lo, hi)
        out.keep_batch(rows, batch)
        if batch.beyond.any():
            self._by_engine(world, rows[batch.beyond], params, columns, out)
        return None

    def _room(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array that one group of trials uses after the other: new memory costs as much as its use."""
        if name not in self._rooms or self._rooms[name].shape != shape:
            self._rooms[name] = np.empty(shape)
        return self._rooms[name]

    def _terms(
        self, world: World, rows: np.ndarray, columns: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the terms of some rows as the machine reads them."""
        swept = [name for name in ("cash", "slippage_bps", "slippage_ticks", "rebalance", "reserve") if name in columns]
        base, reserve = term_rows([terms_of(world.setup)])
        terms, reserves = base.repeat(len(rows)), reserve.repeat(len(rows), axis=0)
        for name in swept:
            values = columns[name][rows]
            if name == "cash":
                terms["cash"] = values * PER_YEN
            elif name == "slippage_bps":
                terms["slippage_rate"] = [round(v * 100) for v in values.tolist()]
            elif name == "slippage_ticks":
                terms["slippage_ticks"] = values
            elif name == "rebalance":
                terms["every_bar"] = values == "every-bar"
            else:
                reserves[:] = values[:, None]
        return terms, reserves

    def _decided(
        self, world: World, rows: np.ndarray, params: list[Any], columns: Mapping[str, np.ndarray], out: _Rows
    ) -> None:
        """Trade trials whose strategy decides in Python."""
        assert world.machine is not None
        for row in rows.tolist():
            here = np.array([row])
            setup = world.of(self._spec(row, columns), params[row])
            try:
                targets = targets_of(setup).rows(setup.span)
            except ToolError as error:
                out.fail(here, str(error))
                continue
            batch, _ = world.machine.record(terms_of(setup), targets)
            out.keep_batch(here, batch)
            if batch.beyond[0]:
                self._by_engine(world, here, params, columns, out)

    def _by_engine(
        self, world: World, rows: np.ndarray, params: list[Any], columns: Mapping[str, np.ndarray], out: _Rows
    ) -> None:
        """Trade trials one by one in backtrader."""
        for row in rows.tolist():
            here = np.array([row])
            setup = world.of(self._spec(row, columns), params[row])
            try:
                _, execution = execution_of(setup)
            except ToolError as error:
                out.fail(here, str(error))
                continue
            out.measured(here, *world.measured(execution, terms_of(setup).cash))
            out.counts[here], out.costs[here] = world.counted(execution)

    def _spec(self, row: int, columns: Mapping[str, np.ndarray]) -> Any:
        values = {name: column[row] for name, column in columns.items()}
        return self.plan.spec_of({k: v.item() if isinstance(v, np.generic) else v for k, v in values.items()})

    def _as_table(self, trials: np.ndarray, columns: Mapping[str, np.ndarray], out: _Rows) -> pa.Table:
        markets = {market: at for at, market in enumerate(self.plan.markets())}
        arrays: dict[str, Any] = {"trial": pa.array(trials, pa.int64())}
        for axis in self.plan.space.axes:
            arrays[axis.name] = _axis(columns[axis.name], axis.kind, markets)
        arrays["status"], arrays["why"] = pa.array(out.status, pa.int8()), pa.array(out.why, pa.string())
        for at, name in enumerate(figures.NAMES):
            arrays[name] = pa.array(out.figures[:, at], pa.float64(), from_pandas=True)
        for at, name in enumerate(COUNTS):
            arrays[name] = pa.array(out.counts[:, at], pa.int64())
        arrays["costs"] = pa.array(out.costs, pa.float64())
        for name, values in zip(BLOCKS, (out.sums, out.squares), strict=True):
            # As they lie: `pa.array` would look at each for a NaN, which takes longer than to compute it.
            flat = pa.Array.from_buffers(pa.float32(), values.size, [None, pa.py_buffer(values)])
            arrays[name] = pa.FixedSizeListArray.from_arrays(flat, self.blocks)
        return pa.table(arrays)


def batches(sizes: Sequence[int]) -> Iterator[list[tuple[int, int, int]]]:
    """Yield, for each batch, the parts of groups it is made of.

    Parameters
    ----------
    sizes : sequence of int
        Trials of each group; they are numbered through from the first group to the last.

    Returns
    -------
    iterator of list of (group, lo, hi)
        The trials lo to hi - 1 are of that group.

    Examples
    --------
    >>> BATCH, list(batches([20, 30, 1]))
    (32, [[(0, 0, 20), (1, 20, 32)], [(1, 32, 50), (2, 50, 51)]])
    """
    parts, begin = list[tuple[int, int, int]](), 0
    for group, size in enumerate(sizes):
        end = begin + size
        while begin < end:
            upto = min(end, (begin // BATCH + 1) * BATCH)
            parts.append((group, begin, upto))
            begin = upto
            if begin % BATCH == 0:
                yield parts
                parts = []
    if parts:
        yield parts


#: Columns of a table of trials that are no axes.
COLUMNS = ("trial", "status", "why", *figures.NAMES, *COUNTS, "costs", *BLOCKS)


def _axis(column: np.ndarray, kind: type, markets: Mapping[Any, int]) -> pa.Array:
    """Return an axis as Arrow has it: a market by its place in the plan, or its bytes would depend on the folder."""
    if column.dtype != object:
        return pa.array(column)
    values = column.tolist()
    if kind is tuple:
        return pa.array([markets[value] for value in values], pa.int64())
    return pa.array(values, pa.date32() if kind is date else pa.string())
