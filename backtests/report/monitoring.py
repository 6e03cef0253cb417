"""What would be watched if a run were traded: the figures, and the limits that its own history gives them.

A limit is no promise. Beyond it the history of the run no longer describes what is happening.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backtests.claims.statistics import wilson
from backtests.report.tables import Row
from backtests.result import Result
from indexsim.rebuild import EXACT

#: Sessions of the volatility that is watched, a quarter of a year.
_QUARTER = 63
_NO_FILL = "nothing was traded"


def watched(result: Result, body: dict[str, Any]) -> list[Row]:
    """Return what would be tracked: ``what``, ``of_run``, ``limit``, the ``kind`` of number, and ``how`` it is set.

    Parameters
    ----------
    result : Result
    body : dict
        The document of the run so far (`backtests.report.document`).
    """
    net, fall, busy = body["net"], body["intervals"]["net"]["max_drawdown"], body["activity"]
    turnovers = [row["turnover"] for row in busy if row["turnover"] is not None]
    costs, slippage = _costs(result, body), _slippage(result)
    return [
        _row("Drawdown [%]", "pct", net["max_drawdown"], fall["low"], "deeper than in 95 of 100 resamples",
             fall.get("why", "")),
        _row("Return of a session [%]", "gain", net["worst"], net["worst"], "below the worst session of the run"),
        _row("Volatility over a quarter [%]", "pct", *_volatility(result), "above the highest quarter of the run"),
        _row("Costs, of the yen traded [bp]", "basis", *costs, "where the gross profit is gone", _NO_FILL),
        _row("Slippage of a fill [bp]", "basis", *slippage, "above 95 of 100 fills of the run", _NO_FILL),
        _row("Orders rejected [%]", "pct", *_rejected(result), "above the upper end of Wilson's interval", "no order"),
        _row("Turnover of a year [x account]", "ratio", net["turnover"], max(turnovers, default=None),
             "above the busiest year of the run"),
        _row("Gross exposure [%]", "pct", body["exposure"]["gross_mean"], body["exposure"]["gross_max"],
             "above the highest of the run"),
        *([] if body["index"] is None else [
            _row("Error of the rebuilt index [points]", "plain", body["index"]["max_abs_error"], EXACT,
                 "from here on a session counts as missed"),
        ]),
    ]  # fmt: skip


def _row(what: str, kind: str, of_run: float | None, limit: float | None, how: str, why: str = "") -> Row:
    row: Row = {"what": what, "kind": kind, "of_run": of_run, "limit": limit, "how": how}
    missing = {f"{key}_why": why or "not defined for this run" for key in ("of_run", "limit") if row[key] is None}
    return row | missing


def _volatility(result: Result) -> tuple[float | None, float | None]:
    """Return the yearly volatility of the run, and the highest over a quarter."""
    year = float(result.facts["sessions_per_year"]) ** 0.5
    net = result.returns["net"]
    if len(net) < 2:
        return None, None
    quarters = net.rolling(_QUARTER).std().dropna()
    return float(net.std()) * year, float(quarters.max()) * year if len(quarters) else None


def _costs(result: Result, body: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return what all costs took of the yen traded, and the share at which the gross profit is used up."""
    traded = float(result.fills["notional"].abs().sum())
    if not traded:
        return None, None
    profit = float(body["profit"]["total"]) + float(body["costs_total"])
    return body["costs_total"] / traded, max(profit, 0.0) / traded


def _slippage(result: Result) -> tuple[float | None, float | None]:
    """Return mean and 95th percentile of the slippage of a fill, of its yen."""
    notional = result.fills["notional"].abs().to_numpy(dtype=np.float64)
    share = result.fills["slippage"].to_numpy(dtype=np.float64)[notional > 0] / notional[notional > 0]
    return (float(share.mean()), float(np.quantile(share, 0.95))) if len(share) else (None, None)


def _rejected(result: Result) -> tuple[float | None, float | None]:
    """Return the share of the orders that was rejected, and the upper end of its interval."""
    n = len(result.orders)
    share = float((result.orders["status"] == "rejected").mean()) if n else 0.0
    return (share, wilson(share, n)[1]) if n else (None, None)
