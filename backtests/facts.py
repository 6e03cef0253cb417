"""What a page needs to know of a run besides its frames: identity, data, assumptions, costs, rejections."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtests import missing
from backtests.prepare import Setup, day_of
from backtests.spec import FUND_RESERVE, Spec
from backtests.trading.curves import CARRY, ROLL
from backtests.trading.execution import PER_YEN
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
from backtests.trading.quotes import IMPACT_SESSIONS
from backtests.version import VERSION, code_hash, commit, packages
from indexsim import sessions
from indexsim.answers import names_of
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt

if TYPE_CHECKING:
    from backtests.engine import Execution


def run_facts(setup: Setup, execution: Execution, feed: Feed, checked: dict[str, Any]) -> dict[str, Any]:
    """Return what a page needs to know of a run besides its frames, as plain JSON values (`Result.facts`)."""
    spec, bars = setup.spec, setup.traded
    first, last = day_of(bars.session[0]), day_of(bars.session[-1])
    lacking = [*setup.missing, *missing.of_feed(setup.market, setup.instruments, feed)]
    return {
        "name": spec.name,
        "strategy": spec.strategy if ".py:" not in spec.strategy else Path(spec.strategy).name,
        "doc": (setup.strategy.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " "),
        "params": dataclasses.asdict(setup.params),
        "claim": spec.claim or None,
        "expects": spec.expects or None,
        "what_if": spec.what_if,
        "version": VERSION,
        "commit": commit(),
        "code": code_hash(),
        "packages": packages(),
        "data": data_facts(setup.market, first, last, lacking),
        "calendar": calendar(first, last),
        "index": _index(setup.rebuilt) if setup.rebuilt else None,
        "divisors": setup.rebuilt.divisors() if setup.rebuilt else [],
        "sessions_per_year": sessions.per_year(first, last),
        "cash": spec.cash,
        "base": spec.base,
        "clock": setup.strategy.clock,
        "execution": _assumptions(setup),
        "instruments": [i.terms() for i in setup.instruments],
        "names": _names(setup),
        "costs": _costs(execution),
        "income": _income(execution),
        "rejected": _rejected(execution),
        "lookahead": checked,
        "findings": [f.as_dict() for f in setup.findings()],
        "waived": list(spec.waive),
    }


def _names(setup: Setup) -> dict[str, str]:
    """Return what the market calls the stocks among the instruments."""
    known = names_of(setup.market)
    return {i.name: known[i.series] for i in setup.instruments if i.series in known}


def data_facts(market: MarketData, first: date, last: date, missing: Sequence[str]) -> dict[str, Any]:
    """Return the ``data`` block every answer has."""
    return {
        "fingerprint": market.fingerprint,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "synthetic": market.synthetic,
        "missing": list(missing),
    }


def calendar(first: date, last: date) -> list[dict[str, str]]:
    """Return what is unusual in the hours of the sessions from `first` to `last`, by day."""
    days = sessions.sessions(first, last)
    halves = days[sessions.is_half_day(days)]
    found = [{"date": day.date().isoformat(), "what": "half day, no afternoon"} for day in halves]
    found += [
        {"date": day.isoformat(), "what": f"no session: {what}"}
        for day, what in sessions.OUTAGES.items()
        if first <= day <= last
    ]
    for what, hours in _HOURS.items():
        for since, minute in hours.steps:
            if since and first <= since <= last:
                moved = f"from here on the {what} is at {minute // 60}:{minute % 60:02d}"
                found.append({"date": since.isoformat(), "what": moved})
    return sorted(found, key=lambda row: (row["date"], row["what"]))


_HOURS = {
    "morning close": sessions.MORNING_CLOSE,
    "afternoon open": sessions.AFTERNOON_OPEN,
    "close": sessions.CLOSE,
}


def _index(rebuilt: Rebuilt) -> dict[str, Any]:
    """Return how far the rebuilt index lies from the published one, also as a root mean square and in basis points."""
    errors = rebuilt.errors
    if errors.empty:
        return rebuilt.summary()
    relative = (errors / rebuilt.published[errors.index]).abs().max()
    return {
        **rebuilt.summary(),
        "rms_error": round(float((errors**2).mean() ** 0.5), 6),
        "max_relative_error": round(float(relative), 12),
    }


_CLOCKS = {
    "daily": "one bar a session",
    "halves": "two bars a session, morning and afternoon, and one on a half day",
    "nights": "two bars a session, the futures' night booked on it and the day, and one where there was no night",
}


def _assumptions(setup: Setup) -> list[str]:
    spec = setup.spec
    slippage = f"{spec.slippage_bps:g} bp and {spec.slippage_ticks} ticks"
    return [
        f"Clock: {_CLOCKS[setup.strategy.clock]}. "
        "What is decided after a close fills at the open or the close of the next bar.",
        f"Slippage: {slippage} against the trader, then rounded to the tick against the trader.",
        *_by_volume(spec),
        "Orders are whole lots, filled entirely or rejected; a rejected order is not tried again."
        if not spec.volume_share
        else "Orders are whole lots; what does not fit into the volume falls, and no order is tried again.",
        f"Rebalancing: {spec.rebalance}.",
        f"Idle cash earns {spec.cash_rate:.2%} a year; there is no tax.",
        *_of_futures(setup),
        *(_terms_of(i, reserve) for i, reserve in zip(setup.instruments, reserves(setup), strict=True)),
    ]


def _by_volume(spec: Spec) -> list[str]:
    found = []
    if spec.impact:
        found.append(
            f"Impact: {spec.impact:g} daily standard deviations x square root of the order over the usual volume, "
            f"both of the {IMPACT_SESSIONS} sessions before."
        )
    if spec.volume_share:
        found.append(f"An order takes at most {spec.volume_share:.1%} of its bar's volume.")
    return found


def _of_futures(setup: Setup) -> list[str]:
    """Say what a margin means, and what happens when a contract ends."""
    found = []
    if any(i.cash_settled for i in setup.instruments):
        found.append(
            "Below its maintenance margin the account is closed out at the next open, all of what binds margin."
        )
    if any(i.kind == "future" for i in setup.instruments):
        spec = setup.spec
        end = (
            f"rolled {spec.roll_before} sessions before it" if spec.expiry == ROLL else "held to it and settled in cash"
        )
        priced = "the index with its carry" if spec.futures == CARRY else "the index itself"
        found.append(f"Futures without prices are worth {priced}. A contract has a last trading day and is {end}.")
    return found


def _terms_of(i: Instrument, reserve: float) -> str:
    terms = i.terms()
    fee = f"{terms['fee_yen']:g} yen a contract" if terms["fee_yen"] else f"{terms['fee_bps']:g} bp"
    bound = f"binds margin by the table {i.margins}" if i.cash_settled else "is paid in full"
    more = f", half a spread of {terms['half_spread']:g}" if i.half_spread else ""
    if i.funding_long or i.funding_short:
        more += f", funded at {terms['funding_long']:.2%} a year long and {terms['funding_short']:.2%} short"
    if i.borrow_rate:
        more += f", borrowed short at {terms['borrow_rate']:.2%} a year"
    return (
        f"{i.name}: {i.multiplier} yen a point, lots of {i.lot}, fee {fee}, {bound}{more}, "
        f"{reserve:.0%} of the equity kept back. {i.source} ({i.confidence})."
    )


def reserves(setup: Setup) -> tuple[float, ...]:
    """Return the part of the equity kept back when sizing, for each instrument."""
    kept = setup.spec.reserve
    default = [0.0 if i.cash_settled else FUND_RESERVE for i in setup.instruments]
    return tuple(default if kept is None else [kept] * len(default))


def _costs(execution: Execution) -> dict[str, float]:
    """Yen paid, by name: together they are what gross is better than net by."""
    book = execution.book
    rolled = [f for f in book.fills if f.why == ROLL]
    ordered = [f for f in book.fills if f.why != ROLL]
    sen = {
        "fees": sum(f.fee for f in ordered),
        "slippage": sum(f.slippage for f in ordered),
        "rolls": sum(f.fee + f.slippage for f in rolled),
        **{kind: -sum(e.sen for e in book.entries if e.kind == kind) for kind in ("funding", "borrowing")},
    }
    return {name: amount / PER_YEN for name, amount in sen.items()}


def _income(execution: Execution) -> dict[str, float]:
    """Yen received on positions, by name; below zero where a short owed it."""
    kinds = {"distributions": "distribution", "interest": "interest", "fractions": "fraction"}
    entries = execution.book.entries
    return {name: sum(e.sen for e in entries if e.kind == kind) / PER_YEN for name, kind in kinds.items()}


def _rejected(execution: Execution) -> list[dict[str, Any]]:
    lost = [o for o in execution.orders if o.status != "filled"]
    reasons = [o.reason if o.status == "rejected" else "filled in part: volume_share" for o in lost]
    return [{"reason": reason, "n": reasons.count(reason)} for reason in sorted(set(reasons))]
