"""What trials trade on: markets made ready, their tapes and the machines that trade them, one for all that share it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from backtests.benchmarks import BENCHMARKS, levels
from backtests.fast.machine import Machine, Ruler
from backtests.fast.tape import make_tape
from backtests.loading import load_strategy
from backtests.plain import PlainStrategy
from backtests.prepare import Setup, open_market, per_year, prepare
from backtests.run import conventions
from backtests.spec import Spec
from backtests.sweeps.plan import Plan
from backtests.sweeps.sharing import Shared
from backtests.trading.execution import PER_YEN
from backtests.trading.feeds import Feed, make_feed
from backtests.trading.ledger import round_trips
from indexsim.errors import SpecError, ToolError
from indexsim.market import Folder
from strategies.base import Strategy, Targets
from strategies.rules import Ruled, numeric

if TYPE_CHECKING:
    from backtests.engine import Execution

T = TypeVar("T")
#: What a trial trades, and the files it needs.
_Traded = tuple[tuple[str, ...], tuple[str, ...]]

#: Keys of a spec that change the terms of a trade and nothing it trades on.
TERMS = ("cash", "reserve", "slippage_bps", "slippage_ticks", "rebalance")
#: Keys that change which sessions a trial trades on.
SESSIONS = ("market", "from", "to")


@dataclass(frozen=True)
class World:
    """A market made ready for trials that trade the same instruments on it.

    Attributes
    ----------
    setup : Setup
        Of the first trial.
    feed : Feed
    ruler : Ruler
    machine : Machine or None
        Where the compiled path can trade it.
    features : Shared
        Parameters -> names of the instruments and the numeric features, for a compiled rule; or why there are none.
    """

    setup: Setup
    feed: Feed
    ruler: Ruler
    machine: Machine | None
    features: Shared[tuple[tuple[str, ...], Any] | ToolError]

    def of(self, spec: Spec, params: Any) -> Setup:
        """Return the setup of another trial."""
        return dataclasses.replace(self.setup, spec=spec, params=params)

    def measured(self, execution: Execution, cash: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return figures, sums and squares (`backtests.fast.machine.Batch`) of what the engine did with some sen."""
        deposits = np.zeros((1, len(execution.equity)))
        for bar, sen in execution.deposits.items():
            deposits[0, bar - 1] = sen / PER_YEN
        values = np.append(float(cash), execution.equity.astype(np.float64))
        return self.ruler.measure(values[None], deposits)

    def counted(self, execution: Execution) -> tuple[list[int], float]:
        """Return round trips, fills and rejected orders of what the engine did, and its costs in yen."""
        book = execution.book
        trips = len(round_trips(book.fills, book.instruments, self.feed.splits))
        rejected = sum(order.status == "rejected" for order in execution.orders)
        return [trips, len(book.fills), rejected], book.costs(len(execution.equity)).sum() / PER_YEN


def make_world(spec: Spec, folder: Folder) -> World:
    """Lay out the market of a trial.

    Raises
    ------
    SpecError, MissingData, DataError
        As `prepare`.
    """
    setup = prepare(spec, folder, rebuilt=False)
    feed = make_feed(setup.market, setup.instruments, setup.traded, conventions(spec), setup.index)
    machine = None
    if can_compile(setup.strategy, spec):
        machine = Machine(make_tape(feed, setup.instruments, setup.traded), per_year(setup))
    strategy: Any = setup.strategy

    def compute(params: Any) -> tuple[tuple[str, ...], Any]:
        features = strategy.features(setup.market, params)
        return strategy.names(features, params), numeric(strategy, features)

    ruler = Ruler(np.flatnonzero(setup.traded.last_of_session), per_year(setup))
    return World(setup, feed, ruler, machine, Shared(_or_error(compute, spec)))


def _or_error(compute: Callable[[Any], T], spec: Spec) -> Callable[[Any], T | ToolError]:
    """Return a function that returns its error: that, too, is shared by all trials that agree in what was read."""

    def answer(params: Any) -> T | ToolError:
        try:
            return compute(params)
        except ToolError as error:
            return error
        except Exception as error:  # code of a user's own may fail in any way
            rule = "tradable(), needs() and features() return without an error"
            found = f"{type(error).__name__}: {error}"
            return SpecError(
                asked=f"use the strategy {spec.strategy}", found=found, rule=rule, todo="mend the strategy"
            )

    return answer


def can_compile(strategy: type[Strategy], spec: Spec) -> bool:
    """Say whether the compiled path can trade a strategy's targets: what depends on fills or volumes it cannot."""
    return not issubclass(strategy, PlainStrategy) and not spec.impact and not spec.volume_share


def is_ruled(strategy: type[Strategy]) -> bool:
    """Say whether a strategy's decision itself is compiled."""
    return issubclass(strategy, Ruled)


def benchmark_of(setup: Setup) -> tuple[str, np.ndarray] | None:
    """Return what a sweep has to beat, by name, and its session log returns: the Nikkei with dividends, or without."""
    found = {b.name: levels(setup.market, setup.traded, b).to_numpy() for b in BENCHMARKS}
    for name in ("benchmark_total", "benchmark_price"):
        if np.isfinite(found[name]).all():
            return name, np.diff(np.log(found[name]))
    return None


@dataclass
class Worlds:
    """The worlds of a plan, each made when the first of its trials needs it.

    Attributes
    ----------
    plan : Plan
    opened : dict
        The folders of a market -> its files; those that are not there are opened when they are needed.
    """

    plan: Plan
    opened: dict[tuple[Path, ...], Folder] = field(default_factory=dict)
    _markets: dict[str, Shared[_Traded | ToolError]] = field(default_factory=dict)
    _worlds: dict[tuple[str, _Traded], World | ToolError] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Axes that choose a market, or what is read of it."""
        return tuple(a.name for a in self.plan.space.axes if a.name not in (*self.plan.spec.params, *TERMS))

    def groups(
        self, rows: np.ndarray, params: Sequence[Any], columns: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[World | ToolError, np.ndarray]]:
        """Yield each world, or why there is none, with the rows that trade on it."""
        for place in _places([columns[key] for key in self.keys], rows):
            spec = self._spec(place[0], params[place[0]], columns)
            label = str({key: str(columns[key][place[0]]) for key in self.keys})
            try:
                if label not in self._markets:
                    self._markets[label] = _market(spec, self._folder(spec))
            except ToolError as error:
                yield error, place
                continue
            for names, same in self._markets[label].groups(place, params, columns):
                spec = self._spec(same[0], params[same[0]], columns)
                yield names if isinstance(names, ToolError) else self._world(label, names, spec), same

    def _world(self, label: str, names: _Traded, spec: Spec) -> World | ToolError:
        if (label, names) not in self._worlds:
            try:
                self._worlds[label, names] = make_world(spec, self._folder(spec))
            except ToolError as error:
                self._worlds[label, names] = error
        return self._worlds[label, names]

    def _folder(self, spec: Spec) -> Folder:
        if spec.market not in self.opened:
            self.opened[spec.market] = Folder(spec.market)
        return self.opened[spec.market]

    def _spec(self, row: int, params: Any, columns: Mapping[str, np.ndarray]) -> Spec:
        settings = {name: column[row] for name, column in columns.items()}
        plain = {name: v.item() if isinstance(v, np.generic) else v for name, v in settings.items()}
        return self.plan.spec_of({**plain, **{k: getattr(params, k) for k in plain if k in self.plan.spec.params}})


def _market(spec: Spec, folder: Folder) -> Shared[_Traded | ToolError]:
    """Build the market of a trial; return what trials on it trade and need.

    What one trial lacks must not be asked of another: nothing is prepared here.
    """
    strategy, market = load_strategy(spec.strategy), open_market(spec, folder)

    def traded(params: Any) -> _Traded:
        return tuple(strategy.tradable(market, params)), tuple(strategy.needs(params))

    return Shared(_or_error(traded, spec))


def _places(columns: Sequence[np.ndarray], rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows that agree in all columns, a group at a time."""
    if not columns:
        yield rows
        return
    labels = np.array([str([str(column[row]) for column in columns]) for row in rows])
    for label in dict.fromkeys(labels.tolist()):
        yield rows[labels == label]


def unit_of(strategy: type[Strategy]) -> int:
    """Return the unit of a compiled strategy's targets, by its place in ``Targets.UNITS``."""
    assert issubclass(strategy, Ruled)
    return Targets.UNITS.index(strategy.unit)
