"""The JSON twin of a run's page: every figure the page shows, and nothing the page computes.

Fractions, yen, ISO dates; an undefined figure is None with its reason beside it. The names at the top
are those of the command line's JSON (``net``, ``gross``, ``costs``, ``rejected``, ``lookahead``,
``data``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from backtests import metrics
from backtests.contributions import owners_return
from backtests.intervals import intervals
from backtests.report import groups, tables
from backtests.report.checklist import checklist, limits
from backtests.report.monitoring import watched
from backtests.report.sheets import Sheet
from backtests.report.tables import CAP
from backtests.report.verdict import doubts, verdict
from backtests.result import FRAMES, Result
from backtests.trading.ledger import MARGIN_CALL, SETTLEMENT

#: Raised when a name of the document changes its meaning.
SCHEMA = 1

_COPIED = (
    "run_id", "name", "strategy", "doc", "params", "command", "version", "commit", "code", "data", "cash", "clock",
    "execution", "instruments", "costs", "income", "index", "rejected", "lookahead", "findings", "waived",
)  # fmt: skip
#: As `_COPIED`, with what a run of an older version has instead.
_LATER: dict[str, Any] = {"expects": None, "packages": {}, "calendar": [], "divisors": []}

_LEFT_OUT = (
    ("transaction-time histogram", "pyfolio draws New York hours, 09:30 to 16:00; every Tokyo fill lies outside them"),
    ("pyfolio's table of statistics", "it counts 252 days a year; its figures in our year stand below the first sheet"),
    ("capacity sheet", "it needs the volume of every instrument, which a run does not carry"),
    ("performance attribution", "it needs factor returns and loadings, which a run does not carry"),
    (
        "pyfolio's bootstrap of the statistics",
        "unseeded, and it takes sessions for independent; ours stands above",
    ),
)


def document(result: Result, sheets: Sequence[Sheet] = ()) -> dict[str, Any]:
    """Build the JSON twin of a run.

    Parameters
    ----------
    result : Result
        A finished run.
    sheets : sequence of Sheet
        The pyfolio sheets that were drawn (`backtests.report.sheets.draw`); the document names them,
        the pictures stay outside.

    Returns
    -------
    dict
        Plain JSON values without NaN.
    """
    facts = result.facts
    copied = {key: facts[key] for key in _COPIED} | {key: facts.get(key, old) for key, old in _LATER.items()}
    claim = facts.get("claim")
    body: dict[str, Any] = {
        "schema": SCHEMA,
        **copied,
        "claim": claim,
        "what_if": facts.get("what_if", ""),
        **({} if claim else {"claim_why": "no claim was stated before the run"}),
        **({} if facts["index"] else {"index_why": "the market holds no constituents"}),
        "valid": not facts["lookahead"]["leaks"],
        "net": _performance(result, "net"),
        "gross": _performance(result, "gross"),
        **({"net_usd": _benchmark(result, "net_usd")} if "net_usd" in result.returns else {}),
        "benchmark_price": _benchmark(result, "benchmark_price"),
        "benchmark_total": _benchmark(result, "benchmark_total"),
        **({"benchmark_topix": _benchmark(result, "benchmark_topix")} if "benchmark_topix" in result.returns else {}),
        "costs_total": float(sum(facts["costs"].values())),
        **{key: facts[key] for key in ("ladder", "ladder_sizes") if key in facts},
        **_slippage(result),
        "profit": _profit(result),
        "ended": int(result.fills["why"].isin([SETTLEMENT, MARGIN_CALL]).sum()),
        "rejected_total": int(sum(row["n"] for row in facts["rejected"])),
        "period": _period(result),
        "drawdowns": tables.drawdowns(result),
        "years": tables.years(result),
        **_where_from(result),
        "months": tables.months(result),
        "stress": tables.stress(result),
        "shape": tables.shapes(result),
        "exposure": tables.exposure(result),
        "holdings": tables.holdings(result),
        "trading": tables.trading(result),
        "trip_groups": tables.trip_groups(result),
        "trips": tables.trips(result),
        **({"pairs": facts["pairs"][:CAP], "pairs_total": len(facts["pairs"])} if "pairs" in facts else {}),
        "rejected_orders": tables.rejected_orders(result),
        "curves": tables.curves(result),
        "sheets": [_sheet(sheet) for sheet in sheets],
        "left_out": [{"what": what, "why": why} for what, why in _LEFT_OUT],
        "files": _files(result),
    }  # fmt: skip
    return body | _judged(result, body)


def _where_from(result: Result) -> dict[str, Any]:
    """Return how sure the figures are, and when they were earned."""
    return {
        "intervals": intervals(result.returns, float(result.facts["sessions_per_year"])),
        "vi_bands": groups.vi_bands(result),
        "boj_eras": groups.boj_eras(result),
        "around_events": groups.around_events(result),
        "activity": groups.activity(result),
    }


def _judged(result: Result, body: dict[str, Any]) -> dict[str, Any]:
    """Return what follows from the rest of the document."""
    return {
        "n_params": len(body["params"]),
        "n_divisors": len(body["divisors"]),
        "verdict": verdict(body),
        "doubts": doubts(body),
        "monitoring": watched(result, body),
        "limits": limits(body),
        "checklist": checklist(),
    }


def _sheet(sheet: Sheet) -> dict[str, Any]:
    """Return what the page says of a picture."""
    words = {"name": sheet.name, "title": sheet.title, "alt": sheet.alt, "why": sheet.why}
    return words | {"drawn": sheet.png is not None, "notes": list(sheet.notes)}


def _performance(result: Result, column: str) -> dict[str, Any]:
    """Return every figure of the run on one column, with its trades."""
    year = float(result.facts["sessions_per_year"])
    equity = result.equity[column].iloc[1:].to_numpy()
    notional = result.fills["notional"].to_numpy()
    return {
        **metrics.summary(result.returns[column], year),
        **metrics.figure("turnover", lambda: metrics.turnover(notional, equity, year)),
        "n_trades": metrics.n_trades(result.round_trips),
        "end": float(result.equity[column].iloc[-1]),
        **owners_return(result.equity, column, year),
    }


def _benchmark(result: Result, column: str) -> dict[str, Any]:
    """Return the figures of a benchmark over the sessions on which it is known, or why there are none."""
    known = result.returns[column].dropna()
    unknown = len(result.returns) - len(known)
    if known.empty:
        return {"why": "the market holds no such series for these sessions", "unknown_sessions": unknown}
    if unknown:  # a figure of other sessions must not stand beside those of the run
        return {"why": f"known on {len(known)} of {len(result.returns)} sessions", "unknown_sessions": unknown}
    return metrics.summary(known, float(result.facts["sessions_per_year"])) | {"unknown_sessions": 0}


def _slippage(result: Result) -> dict[str, Any]:
    """Return what slippage and rounding to ticks took of the yen traded, or why there is no such figure."""
    traded = float(result.fills["notional"].abs().sum())
    if not traded:
        return {"slippage_share": None, "slippage_share_why": "nothing was traded"}
    return {"slippage_share": float(result.fills["slippage"].sum()) / traded}


def _profit(result: Result) -> dict[str, float]:
    """Return where the profit comes from, in yen: round trips, what is still open, income, the cost of holding."""
    paid_in = float(result.equity.get("deposits", pd.Series(0.0)).sum())
    total = float(result.equity["net"].iloc[-1] - result.equity["net"].iloc[0]) - paid_in
    closed, income = float(result.round_trips["net"].sum()), float(sum(result.facts["income"].values()))
    held = -sum(result.facts["costs"].get(name, 0.0) for name in ("funding", "borrowing"))
    return {"closed": closed, "open": total - closed - income - held, "income": income, "held": held, "total": total}


def _period(result: Result) -> dict[str, Any]:
    """Return the sessions the run covers."""
    index = result.returns.index
    span = {"from": tables.day(index[0]), "to": tables.day(index[-1])} if len(index) else {"from": None, "to": None}
    return {**span, "sessions": len(index), "sessions_per_year": float(result.facts["sessions_per_year"])}


#: Files that may lie beside the page and differ from one repetition to the next; named, never linked.
_LOGS = {
    "run.log": "when the run was computed, for how long, by which executor",
    "verify.log": "when it was last repeated, and whether the bytes were equal",
}


def _files(result: Result) -> list[dict[str, str]]:
    """Return the files beside the page."""
    what = {
        "equity": "account value at each close",
        "returns": "session returns, net, gross and benchmarks",
        "positions": "signed notional and cash at each close",
        "fills": "every fill",
        "orders": "every order, also the rejected",
        "round_trips": "closed round trips",
        "ledger": "every movement of cash",
        "regimes": "Nikkei VI before each session, era of the Bank of Japan, events",
    }
    stored = [name for name in FRAMES if name != "regimes" or len(result.regimes)]
    rows = [{"name": f"{name}.{kind}", "what": what[name]} for name in stored for kind in ("csv", "parquet")]
    return [
        {"name": "report.json", "what": "every number of this page"},
        {"name": "spec.toml", "what": "the spec; running it again gives this page"},
        {"name": "facts.json", "what": "identity and settings of the run"},
        {"name": "changes.html", "what": "what changed since the previous report of this spec; beside it changes.json"},
        *rows,
        *({"name": name, "what": what} for name, what in _LOGS.items()),
    ]
