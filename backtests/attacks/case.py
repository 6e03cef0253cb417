"""What is attacked: a run made ready again, what it wanted on every bar, and the rule by which it survives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from backtests import metrics
from backtests.attacks.replay import replayed
from backtests.plain import PlainStrategy
from backtests.prepare import Setup, per_year
from backtests.result import Result
from backtests.retrade import Account, Ground, account_of
from backtests.run import ground_of, targets_of, trade_plain
from backtests.trading.execution import PER_YEN
from indexsim.errors import SpecError
from strategies.base import Targets

#: Rules by which a run survives, as the page states them. There is no other.
KEEPS, BEATS, TIMES = "keeps", "beats", "times"
RULES = {
    KEEPS: "the run gained, and under the attack it keeps at least half of its yearly growth",
    BEATS: "what is left of the net return above the benchmark's of the same sessions is more than nothing",
    TIMES: "the run gained, and at most one in twenty of the runs on other dates gains as much",
}


@dataclass(frozen=True)
class Figures:
    """What some net returns come to.

    Attributes
    ----------
    net : float or None
        Total return, a fraction; None where it does not exist.
    yearly : float or None
        The same a year.
    """

    net: float | None
    yearly: float | None


@dataclass(frozen=True)
class Variant:
    """One way of doing an attack that has several."""

    label: str
    figures: Figures
    survives: bool

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "label": self.label,
            "net": self.figures.net,
            "yearly": self.figures.yearly,
            "survives": self.survives,
            **({"why": "the account was lost"} if None in (self.figures.net, self.figures.yearly) else {}),
        }


@dataclass(frozen=True)
class Attack:
    """What an attack did to a run.

    Attributes
    ----------
    name, what : str
        In two words; what was done, in a sentence.
    rule : str
        Of `RULES`.
    figures : Figures
        Under the attack; of the worst variant where there are several.
    survives : bool or None
        None where it could not be done.
    why : str
        Why not, or why there is no figure.
    variants : tuple of Variant
        The worst first.
    """

    name: str
    what: str
    rule: str = KEEPS
    figures: Figures = Figures(None, None)
    survives: bool | None = None
    why: str = ""
    variants: tuple[Variant, ...] = field(default=())

    def as_dict(self, base: float | None) -> dict[str, Any]:
        """Return plain JSON values; ``change`` is the net return under the attack less that of the run."""
        net, yearly = self.figures.net, self.figures.yearly
        change = None if net is None or base is None else net - base
        why = self.why or ("the account was lost" if net is None or yearly is None else "")
        return {
            "name": self.name,
            "what": self.what,
            "rule": self.rule,
            "net": net,
            "yearly": yearly,
            "change": change,
            "survives": self.survives,
            **({"why": why} if why else {}),
            "tried": len(self.variants),
            "broke": sum(not variant.survives for variant in self.variants),
            "variants": [variant.as_dict() for variant in self.variants],
        }


@dataclass(frozen=True)
class Case:
    """A run under attack.

    Attributes
    ----------
    setup : Setup
    result : Result
    """

    setup: Setup
    result: Result

    @cached_property
    def ground(self) -> Ground:
        """What it trades on."""
        return ground_of(self.setup)

    @cached_property
    def per_year(self) -> float:
        """Sessions per year."""
        return per_year(self.setup)

    @cached_property
    def returns(self) -> pd.Series:
        """Its net session returns."""
        return self.result.returns["net"]

    @cached_property
    def base(self) -> Figures:
        """Its own net return."""
        return self.figures_of(self.returns)

    @cached_property
    def _wanted(self) -> tuple[Targets | None, str]:
        setup = self.setup
        if issubclass(setup.strategy, PlainStrategy):
            return replayed(trade_plain(setup, setup.strategy, self.ground), self.ground)
        return targets_of(setup).rows(setup.span), ""

    @property
    def targets(self) -> Targets | None:
        """What it wanted on the bars it traded; of a plain `backtrader.Strategy` what it held (`replay`)."""
        return self._wanted[0]

    @property
    def why_none(self) -> str:
        """Why there are no targets."""
        return self._wanted[1]

    @property
    def is_plain(self) -> bool:
        """Whether it is a `backtrader.Strategy`, which decides bar by bar."""
        return issubclass(self.setup.strategy, PlainStrategy)

    def traded(self, targets: Targets) -> Figures:
        """Trade other targets on the run's ground."""
        return self.figures_of(self.ground.returns(self.ground.trade(targets)))

    def account(self, ground: Ground) -> Account:
        """Trade the run again, on its own ground or at other costs."""
        setup = self.setup
        if issubclass(setup.strategy, PlainStrategy):
            return account_of(trade_plain(setup, setup.strategy, ground))
        assert self.targets is not None
        return ground.trade(self.targets)

    def on(self, setup: Setup) -> Figures:
        """Let the run's strategy decide and trade on another setup."""
        other = Case(setup, self.result)
        return other.figures_of(other.ground.returns(other.account(other.ground)))

    def figures_of(self, returns: pd.Series) -> Figures:
        """Return what some net session returns come to."""
        values = returns.to_numpy(dtype=np.float64)
        net = metrics.figure("net", partial(metrics.total_return, values))["net"]
        return Figures(net, metrics.figure("yearly", partial(metrics.cagr, values, self.per_year))["yearly"])

    def keeps(self, found: Figures) -> bool:
        """Say whether a figure survives by the rule `KEEPS`."""
        own = self.base.yearly
        return own is not None and found.yearly is not None and own > 0 and found.yearly >= own / 2

    def attack(self, name: str, what: str, found: Figures) -> Attack:
        """Return an attack of one way, judged by `KEEPS`."""
        return Attack(name, what, KEEPS, found, self.keeps(found))

    def worst(self, name: str, what: str, found: Sequence[tuple[str, Figures]]) -> Attack:
        """Return an attack of several ways, survived where every one of them is; the worst stands for it."""
        variants = [Variant(label, one, self.keeps(one)) for label, one in found]
        variants.sort(key=lambda v: -np.inf if v.figures.yearly is None else v.figures.yearly)
        survives = all(variant.survives for variant in variants)
        return Attack(name, what, KEEPS, variants[0].figures, survives, variants=tuple(variants))

    def refuse_another(self) -> None:
        """Raise `SpecError` where trading it again does not give the stored account, to the yen."""
        account = self.account(self.ground)
        found = account.equity[self.setup.traded.last_of_session] / PER_YEN
        stored = self.result.equity["net"].iloc[1:].to_numpy()
        if len(found) != len(stored) or (found != stored).any():
            raise SpecError(
                asked=f"attack {self.result.facts['run_id']}",
                found="trading it again does not give the stored account",
                rule="an attack is held against the run itself",
                todo="`python -m backtests verify DIR` says how it differs; run its spec again",
            )


def later(targets: Targets) -> Targets:
    """Return targets a bar later; what is paid in stays where it is."""
    moved = [np.vstack([np.full_like(part[:1], np.nan), part[:-1]]) for part in (targets.at_open, targets.at_close)]
    return replace(targets, at_open=moved[0], at_close=moved[1])
