"""Make a spec ready to run: open, load and check everything, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from backtests import benchmarks
from backtests.benchmarks import BENCHMARKS
from backtests.feeds import ADJUSTED
from backtests.instruments import Instrument, instrument
from backtests.loading import build_params, load_strategy
from backtests.spec import Spec
from indexsim.bars import Bars
from indexsim.errors import Finding, SpecError, unknown_name
from indexsim.market import MarketData
from indexsim.rebuild import FILES as INDEX_FILES
from indexsim.rebuild import can_rebuild, rebuild
from strategies.base import Strategy

#: Rules of the gate that --waive may pass over.
WAIVABLE = (ADJUSTED,)


@dataclass(frozen=True)
class Setup:
    """A spec made ready: everything a run needs, checked.

    Attributes
    ----------
    spec : Spec
    strategy : type of Strategy
    params : the strategy's Params
    market : MarketData
        As known at the close of the last session traded.
    instruments : tuple of Instrument
    bars : Bars
        All bars of the market up to the last one traded.
    span : slice
        The traded bars among them.
    missing : tuple of str
        What the market lacks and what that means, a sentence each.
    findings : tuple of Finding
        Warnings of the gate about what the run uses.
    rebuilt : dict or None
        Summary of the rebuilt index, where the market holds constituents.
    """

    spec: Spec
    strategy: type[Strategy]
    params: Any
    market: MarketData
    instruments: tuple[Instrument, ...]
    bars: Bars
    span: slice
    missing: tuple[str, ...]
    findings: tuple[Finding, ...]
    rebuilt: dict[str, Any] | None

    @property
    def traded(self) -> Bars:
        """The bars traded."""
        return self.bars[self.span]


def prepare(spec: Spec) -> Setup:
    """Open the market, load the strategy and check everything the run will use.

    Raises
    ------
    SpecError, MissingData, DataError
        Before anything is computed or written.
    """
    for rule in spec.waive:
        if rule not in WAIVABLE:
            raise unknown_name("rule that may be waived", rule, WAIVABLE)
    strategy = load_strategy(spec.strategy)
    params = build_params(strategy, spec.params)
    traded = tuple(instrument(name) for name in strategy.instruments(params))
    market = MarketData.open(*spec.market)
    asked = f"run {spec.name}"
    prices = [i.series for i in traded]
    market.require(dict.fromkeys([*strategy.needs(params), *prices]), asked)
    bars, span = _span(market, strategy, spec)
    first, last = day_of(bars.session[span.start]), day_of(bars.session[span.stop - 1])
    # Features may look back to the beginning; everything else counts from the first session traded.
    beside = [name for name in ("distributions", *(b.file for b in BENCHMARKS)) if market.has(name)]
    spans = dict.fromkeys([*prices, *beside], (first, last))
    spans |= dict.fromkeys(strategy.needs(params), (date.min, last))
    market.refuse_errors(spans, asked, spec.waive)
    known = market.until(bars.decided[span.stop - 1])
    rebuilt = rebuild(market, last, spec.waive) if can_rebuild(market) else None
    used = dict.fromkeys([*spans, *(INDEX_FILES if rebuilt else ())])
    findings = [*market.warnings(used, first, last), *(rebuilt.findings if rebuilt else ())]
    return Setup(
        spec=spec,
        strategy=strategy,
        params=params,
        market=known,
        instruments=traded,
        bars=bars[: span.stop],
        span=span,
        missing=_missing(known, strategy, strategy.needs(params), traded, bars[span]),
        findings=tuple(findings),
        rebuilt=rebuilt.summary() if rebuilt else None,
    )


def _span(market: MarketData, strategy: type[Strategy], spec: Spec) -> tuple[Bars, slice]:
    bars = market.bars(strategy.clock)
    # The session before the first one traded is the base of every return, so there must be one.
    second = bars.session[min(int(np.searchsorted(bars.session, bars.session[0], side="right")), len(bars) - 1)]
    first = max(np.datetime64(spec.start or day_of(second), "D"), second)
    last = np.datetime64(spec.end or day_of(bars.session[-1]), "D")
    span = bars.between(first, last)
    if span.stop - span.start < 2:
        raise SpecError(
            asked=f"run {spec.name} from {first} to {last}",
            found=f"the market spans {bars.session[0]} to {bars.session[-1]}, no two bars of it lie in between",
            rule="a run needs two bars: one to decide on and one to fill on",
            todo="widen --from and --to",
        )
    return bars, span


def _missing(
    market: MarketData, strategy: type[Strategy], needs: Sequence[str], traded: Sequence[Instrument], bars: Bars
) -> tuple[str, ...]:
    """Say by name what the market lacks for this run and what the run does instead."""
    found = []
    if strategy.clock == "daily" and not market.has("halves"):
        found.append("halves: no morning closes; one bar a session")
    for i in traded:
        found += _missing_of(market, i, bars)
    if "factors" in needs:
        unannounced = sum(e.announced is None for e in market.events)
        if unannounced:
            found.append(f"factors: {unannounced} events without announced_date; they are known only when they act")
    found += [text for b in BENCHMARKS if (text := benchmarks.missing(market, bars, b))]
    return tuple(found)


def _missing_of(market: MarketData, i: Instrument, bars: Bars) -> list[str]:
    """Say what the market lacks for one instrument."""
    found = []
    if i.cash_settled:
        found.append(f"futures: no prices of {i.name}; it trades at {i.series} itself, with no basis, roll or expiry")
    else:
        table = market.folder.frame("distributions") if market.has("distributions") else None
        amounts = None if table is None else table["yen"][table["code"] == i.series]
        if amounts is None or amounts.empty:
            found.append(f"distributions: none for {i.series}; its returns are price returns")
        elif amounts.isna().any():
            found.append(
                f"distributions: {int(amounts.isna().sum())} of {i.series} without an amount; they are not paid"
            )
    unprinted = int(np.isnan(market.prices(i.series, bars).close).sum())
    if unprinted:
        found.append(f"{i.series}: no print on {unprinted} of {len(bars)} bars; orders there are rejected")
    return found


def day_of(session: np.datetime64) -> date:
    """Return a session as a date."""
    day: date = session.astype("datetime64[D]").item()
    return day
