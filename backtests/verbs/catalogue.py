"""The verbs ``list`` and ``describe``: what there is to run and to trade, and its parameters."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from backtests.claims.catalogue import catalogue
from backtests.loading import is_strategy, load_strategy, parameter_types
from backtests.trading.instruments import STOCK, instrument, instruments
from backtests.verbs.shared import Answer, about
from backtests.version import ROOT, SPECS
from indexsim.errors import SpecError, nearest, unknown_name
from strategies.base import Strategy


def listing(what: str) -> Answer:
    """Return the names of ``strategies``, ``instruments``, ``specs`` or ``claims``, a line each."""
    writers = {
        "strategies": _strategy_rows,
        "instruments": _instrument_rows,
        "specs": _spec_rows,
        "claims": _claim_rows,
    }
    if what not in writers:
        raise unknown_name("list", what, writers)
    return {what: writers[what](), **about(None)}


def _strategy_rows() -> list[Answer]:
    return [{"name": n, "path": f"{c.__module__}:{c.__name__}", "what": _first_line(c)} for n, c in shipped().items()]


def _instrument_rows() -> list[Answer]:
    names = ("name", "kind", "series", "multiplier", "lot", "margin", "half_spread")
    rows = [{name: terms[name] for name in names} for terms in (i.terms() for i in instruments().values())]
    return [*rows, {**dict.fromkeys(names, ""), "name": STOCK, "kind": "stock", "series": "opens, closes"}]


def _spec_rows() -> list[Answer]:
    return [{"name": p.stem, "path": p.relative_to(ROOT).as_posix()} for p in sorted(SPECS.glob("*.toml"))]


def _claim_rows() -> list[Answer]:
    return [{"name": claim.id, "test": claim.test, "what": claim.asserts} for claim in catalogue()]


def describe(name: str) -> Answer:
    """Return a strategy's parameters with their defaults and meaning, an instrument's terms, or a claim."""
    if name in instruments() or name.startswith("stock_"):
        return {"instrument": instrument(name).terms(), **about(None)}
    claims = {claim.id: claim for claim in catalogue()}
    if name in claims:
        return {"claim": dataclasses.asdict(claims[name]), **about(None)}
    found = shipped()
    if ":" in name:
        found[name] = load_strategy(name)
    if name not in found:
        raise _unknown(name, [*found, *instruments(), STOCK], claims)
    return _strategy(found[name])


def _unknown(name: str, others: list[str], claims: Iterable[str]) -> SpecError:
    """Return the error for a name of nothing; the claims are too many to be named."""
    if not re.match(r"[sS]\d", name):
        return unknown_name("strategy, instrument or claim", name, others)
    rule, hint = "`list claims` names all there are", nearest(name.upper(), claims)
    todo = hint if hint.startswith("did you mean") else "python -m backtests list claims"
    return SpecError(asked=f"use the claim {name!r}", found="there is no such claim", rule=rule, todo=todo)


def _strategy(strategy: type[Strategy]) -> Answer:
    types = parameter_types(strategy)
    params = strategy.Params()
    series = [name for i in strategy.instruments(params) for name in instrument(i).files]
    return {
        "strategy": f"{strategy.__module__}:{strategy.__name__}",
        "what": inspect.cleandoc(strategy.__doc__ or ""),
        "clock": strategy.clock,
        "needs": list(dict.fromkeys([*strategy.needs(params), *series])),
        "parameters": [
            {"name": f.name, "type": getattr(types[f.name], "__name__", str(types[f.name])), "default": f.default}
            for f in dataclasses.fields(strategy.Params)
        ],
        "meaning": inspect.cleandoc(strategy.Params.__doc__ or ""),
        **about(None),
    }


def shipped() -> dict[str, type[Strategy]]:
    """Return the shipped strategies by module name; a base of others is none."""
    found: dict[str, type[Strategy]] = {}
    for path in sorted((ROOT / "strategies").glob("*.py")):
        module = import_module(f"strategies.{path.stem}")
        for value in vars(module).values():
            if is_strategy(value) and value.__module__ == module.__name__:
                # A module of several strategies has one that bears its name; the others add theirs.
                name = path.stem if path.stem not in found else f"{path.stem}:{value.__name__}"
                found[name] = value
    return found


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]
