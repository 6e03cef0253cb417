"""A user's own `backtrader.Strategy` as a strategy that a spec can name.

Its class says what it trades, and may say what else it reads and on which clock::

    class Mine(bt.Strategy):
        instruments = ("etf_1321",)   # its first datas, in this order
        needs = ("nikkei_vi",)        # then the closes of these series, as known at each decision
        params = (("low", 20.0),)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, ClassVar, NoReturn

import numpy as np

from indexsim.bars import Bars
from indexsim.errors import SpecError
from indexsim.market import MarketData
from indexsim.schema import FILES
from strategies.base import Features, Strategy, Targets

#: What the look-ahead check says of such a strategy: it is not repeated on markets as they were known.
UNCHECKED = (
    "a backtrader.Strategy is not repeated on the market as it was known: its bars come one by one, and their lines "
    "cannot be read ahead, but what else it reaches is not watched",
)


class PlainStrategy(Strategy):
    """Stands for a `backtrader.Strategy`; it has no targets."""

    plain: ClassVar[type[Any]]

    @classmethod
    def instruments(cls, params: Any) -> tuple[str, ...]:
        return tuple(cls.plain.instruments)

    @classmethod
    def needs(cls, params: Any) -> tuple[str, ...]:
        return tuple(getattr(cls.plain, "needs", ()))

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        _refuse()

    @staticmethod
    def decide(features: Features, params: Any) -> Targets:
        _refuse()

    @classmethod
    def series(cls, market: MarketData, bars: Bars) -> dict[str, np.ndarray]:
        """Return the closes it reads besides its instruments, as known at each decision."""
        return {name: market.known(name, "close", bars) for name in cls.needs(None)}


def _refuse() -> NoReturn:
    raise SpecError(
        asked="compute the targets of a backtrader.Strategy",
        found="it decides bar by bar, in backtrader",
        rule="only a strategies.base.Strategy has targets",
        todo="run it; what repeats targets (lookahead) is not for it",
    )


@cache
def adapted(strategy: Hashable, defaults: tuple[tuple[str, Any], ...]) -> type[PlainStrategy]:
    """Return the class that stands for a `backtrader.Strategy` with these parameters and defaults.

    Raises
    ------
    SpecError
        It does not say what it trades, or reads a file without a close.
    """
    assert isinstance(strategy, type)
    asked = f"run the backtrader.Strategy {strategy.__name__}"
    if not getattr(strategy, "instruments", ()):
        raise SpecError(
            asked=asked,
            found="no class attribute instruments",
            rule='it says what it trades, as instruments = ("etf_1321",)',
            todo="add it to the class",
        )
    for name in getattr(strategy, "needs", ()):
        if name not in FILES or FILES[name].column("close") is None:
            raise SpecError(
                asked=asked,
                found=f"needs {name!r}, which has no close",
                rule="needs names market files with a column close",
                todo="correct needs",
            )
    fields = [(name, type(value), dataclasses.field(default=value)) for name, value in defaults]
    params = dataclasses.make_dataclass("Params", fields, frozen=True)
    clock = getattr(strategy, "clock", "daily")
    members: Mapping[str, Any] = {"Params": params, "plain": strategy, "clock": clock, "__doc__": strategy.__doc__}
    return type(strategy.__name__, (PlainStrategy,), dict(members))
