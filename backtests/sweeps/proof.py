"""The proof of a sweep: some of its trials run again in the event-driven engine, and must be equal on every bar."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from backtests import lookahead
from backtests.fast import figures
from backtests.fast.account import CLOSED_OUT, ORDERED, ROLLED, SETTLED, Account
from backtests.loading import build_params
from backtests.plain import PlainStrategy
from backtests.run import execution_of, targets_of, terms_of
from backtests.sweeps.evaluate import COUNTS, Evaluator
from backtests.sweeps.tables import BLOCKS
from backtests.sweeps.worlds import World
from backtests.trading import reasons
from backtests.trading.instruments import Instrument
from backtests.trading.ledger import MARGIN_CALL, ROLL, SETTLEMENT
from indexsim.errors import ToolError
from strategies.base import Targets

if TYPE_CHECKING:
    from backtests.engine import Execution

#: Of the best trials, and of the others, so many are run again.
BEST, OTHERS = 10, 20
#: Words of the ledger for the numbers of `backtests.fast.account`.
WHY = {ORDERED: "", ROLLED: ROLL, SETTLED: SETTLEMENT, CLOSED_OUT: MARGIN_CALL}


@dataclass(frozen=True)
class Difference:
    """Where a trial is not what the engine says.

    Attributes
    ----------
    trial : int
    what : str
    """

    trial: int
    what: str


def prove(evaluator: Evaluator, stored: Iterable[dict[str, Any]]) -> list[Difference]:
    """Run stored trials again, and return where they differ.

    Parameters
    ----------
    stored : iterable of dict
        Rows of the table of trials.
    """
    found = []
    for row in stored:
        try:
            what = _repeated(evaluator, row) or _in_engine(evaluator, row)
        except ToolError as error:
            what = f"has figures, and the engine refuses it: {error}"
        if what:
            found.append(Difference(int(row["trial"]), what))
    return found


def _repeated(evaluator: Evaluator, row: dict[str, Any]) -> str:
    """Say which figure of a stored trial is another one when it is computed again; "" where none is."""
    trial = int(row["trial"])
    again = evaluator.table(trial, trial + 1).drop_columns(list(BLOCKS)).to_pylist()[0]
    for name, value in again.items():
        if name in row and not _same(value, row[name]):
            return f"{name} was stored as {row[name]!r} and is {value!r} when it is computed again"
    return ""


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, date):  # DuckDB returns a moment
        return bool(np.datetime64(one) == np.datetime64(other))
    unknown = [value is None or value != value for value in (one, other)]
    return all(unknown) if any(unknown) else bool(one == other)


def _in_engine(evaluator: Evaluator, row: dict[str, Any]) -> str:
    """Say what the engine does otherwise than the compiled account, or than what was stored; "" where nothing."""
    trial = int(row["trial"])
    world = evaluator.world_of(trial)
    if isinstance(world, ToolError) or world.machine is None:
        return ""  # there is nothing compiled about it
    setup = setup_of(evaluator, world, trial)
    targets = targets_of(setup)
    if (own := evaluator.targets(world, trial)) is not None and (what := _targets_differ(own, targets)):
        return what
    _, engine = execution_of(setup)
    batch, account = world.machine.record(terms_of(setup), targets.rows(setup.span))
    what = "" if batch.beyond[0] else difference(engine, batch.values[0], account, setup.instruments)
    return what or _stored_differs(row, world, engine, terms_of(setup).cash)


def _stored_differs(row: dict[str, Any], world: World, engine: Execution, cash: int) -> str:
    """Say which stored figure is not what the engine's account measures."""
    counts, costs = world.counted(engine)
    measured = zip(figures.NAMES, world.measured(engine, cash)[0][0].tolist(), strict=True)
    for name, value in [*measured, *zip(COUNTS, counts, strict=True), ("costs", costs)]:
        if name in row and not _same(value, row[name]):
            return f"{name} was stored as {row[name]!r} and is {value!r} in the engine"
    return ""


def setup_of(evaluator: Evaluator, world: World, trial: int) -> Any:
    """Return the setup of one trial."""
    spec = evaluator.plan.spec_of(trial)
    return dataclasses.replace(world.of(spec, build_params(evaluator.strategy, spec.params)), spec=spec)


def _targets_differ(own: Targets, decided: Targets) -> str:
    for name in ("at_open", "at_close"):
        if not np.array_equal(getattr(own, name), getattr(decided, name), equal_nan=True):
            return f"{name} of the targets differs from what decide() says"
    return ""


def difference(engine: Execution, values: np.ndarray, account: Account, traded: tuple[Instrument, ...]) -> str:
    """Say where a compiled account first differs from the engine's; "" where it is equal on every bar."""
    bars = np.flatnonzero(values != engine.equity)
    if len(bars):
        t = int(bars[0])
        return f"the account after bar {t} is {values[t]} sen, in the engine {engine.equity[t]}"
    ours, theirs = fills_of(account), [dataclasses.astuple(fill) for fill in engine.book.fills]
    if ours != theirs:
        return _first("fill", ours, theirs)
    orders = [(o.bar, o.k, o.at_close, o.quantity, o.reason) for o in engine.orders]
    return _first("order", orders_of(account, traded), orders) if orders_of(account, traded) != orders else ""


def _first(what: str, ours: list[Any], theirs: list[Any]) -> str:
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return f"{what} {at} of {len(ours)} is {ours[at : at + 1]}, in the engine {theirs[at : at + 1]} of {len(theirs)}"


def fills_of(account: Account) -> list[tuple[Any, ...]]:
    """Return the fills of a compiled account as the engine's ledger has them."""
    return [
        (bar, k, phase == 1, quantity, reference, price, fee, slippage, WHY[why])
        for bar, k, phase, quantity, reference, price, fee, slippage, why in account.fills.tolist()
    ]


def orders_of(account: Account, traded: tuple[Instrument, ...]) -> list[tuple[Any, ...]]:
    """Return the orders of a compiled account: bar, instrument, at the close, quantity, reason in words."""
    return [
        (bar, k, phase == 1, quantity, reasons.words(reason, traded[k]))
        for bar, k, phase, quantity, reason in account.orders.tolist()
    ]


def leaks_of(evaluator: Evaluator, trial: int) -> dict[str, Any]:
    """Return what the look-ahead check of every run says of one trial."""
    world = evaluator.world_of(trial)
    if issubclass(evaluator.strategy, PlainStrategy):
        return {"rows_checked": 0, "leaks": [], "unchecked": True}
    if isinstance(world, ToolError):
        return {"rows_checked": 0, "leaks": []}
    setup = setup_of(evaluator, world, trial)
    targets = targets_of(setup)
    rows = lookahead.check_rows(targets, setup.market, setup.bars, setup.span, setup.spec.strict)
    leaks = lookahead.find_leaks(setup.strategy, setup.params, setup.market, setup.bars, targets, rows)
    return {"rows_checked": len(rows), "leaks": leaks}
