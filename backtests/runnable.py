"""What a market can run: each strategy, spec and claim, with what is missing by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backtests import missing
from backtests.claims.catalogue import FACT, UNTESTABLE, Claim
from backtests.loading import build_params, load_strategy
from backtests.prepare import check_files, files_traded
from backtests.spec import Spec
from backtests.trading.instruments import instrument
from indexsim.errors import ToolError
from indexsim.market import MarketData
from indexsim.rebuild import can_rebuild, rebuild
from strategies.base import Strategy


@dataclass(frozen=True)
class Runnable:
    """Something to run, and what stands in its way.

    Attributes
    ----------
    name : str
    kind : {"strategy", "spec", "claim"}
    missing : tuple of str
        Files by name, or a sentence on what is wrong with those that are there; empty where it can run.
    without : tuple of str
        What it runs without, a sentence each (`backtests.missing`).
    """

    name: str
    kind: str
    missing: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def answer(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        said = asdict(self)
        return {**said, "missing": list(self.missing), "without": list(self.without)}


def of_specs(market: MarketData, specs: Mapping[str, Spec], kind: str) -> list[Runnable]:
    """Return whether each of some specs can run on a market, whatever market they name."""
    broken = _index_error(market)
    return [_of_spec(market, name, kind, spec, broken) for name, spec in specs.items()]


def of_claims(claims: Iterable[Claim], held: Mapping[str, Any]) -> list[Runnable]:
    """Return whether each claim has what its test reads.

    Parameters
    ----------
    claims : iterable of Claim
    held : mapping
        Inputs by name, None for what nothing holds (`backtests.claims.gather`).
    """
    return [Runnable(claim.id, "claim", _lacking_inputs(claim, held)) for claim in claims]


def _lacking_inputs(claim: Claim, held: Mapping[str, Any]) -> tuple[str, ...]:
    if claim.test == UNTESTABLE:
        return (claim.settled_by,)
    if claim.test == FACT:
        return ()
    return tuple(name for name in claim.inputs if held.get(name) is None)


def _of_spec(market: MarketData, name: str, kind: str, spec: Spec, broken: tuple[str, ...]) -> Runnable:
    strategy = load_strategy(spec.strategy)
    params = build_params(strategy, spec.params)
    if absent := tuple(n for n in _files(strategy, params, spec) if not market.has(n)):
        return Runnable(name, kind, absent)
    try:
        use = check_files(market, strategy, params, spec)
        notes = missing.of_run(market, strategy, params, use.traded, use.bars[use.span], spec.start)
    except ToolError as error:
        return Runnable(name, kind, (error.found,))
    return Runnable(name, kind, broken, () if broken else notes)


def _files(strategy: type[Strategy], params: Any, spec: Spec) -> tuple[str, ...]:
    """Return the files a run cannot do without, as far as no market is needed to know them."""
    traded = files_traded((instrument(name) for name in strategy.instruments(params)), spec)
    clock = {"halves": ("halves",), "nights": ("futures",)}.get(strategy.clock, ())
    return tuple(dict.fromkeys([*strategy.needs(params), *traded, *clock]))


def _index_error(market: MarketData) -> tuple[str, ...]:
    """Say what stops the index of a market with constituents, and with it every run."""
    if not can_rebuild(market):
        return ()
    try:
        rebuild(market)
    except ToolError as error:
        return (f"the index cannot be rebuilt: {error.found}",)
    return ()
