"""What a reviewer expects of a report, point by point, and where this page answers it, or that it does not.

The points are those of model validation (SR 11-7) and of the protocol of Arnott, Harvey and Markowitz (2019).
"""

from __future__ import annotations

from typing import Any

from backtests.report.tables import Row

_POINTS = (
    ("Identity, environment, and the command that repeats the run", "identity",
     "times and executor stand in run.log, the last repetition in verify.log: both lie beside the page"),
    ("Verdict with effect, interval and the largest doubts", "verdict", ""),
    ("Hypothesis stated before the run, and what would refute it", "verdict",
     "spec.toml holds both; its date is that of its file and commit, which this page cannot prove"),
    ("Trials: how many, and how this one was chosen", "limits",
     "one run knows of no other; the page of a sweep counts them all, the failed ones too"),
    ("Data: source, coverage, gaps, corrections, calendar", "data", ""),
    ("Error of the rebuilt index, its worst sessions, the divisor", "index-error", ""),
    ("Execution, costs, and what other costs would do", "execution", "the ladder of costs stands under Costs"),
    ("Look-ahead: tests, mismatches, blind spots", "lookahead", ""),
    ("Performance net and gross, with intervals, by regime, against both benchmarks", "performance", ""),
    ("Overfitting", "limits", "measured on the page of a sweep, over all of its trials"),
    ("Out of sample", "limits", "folds stand on the page of a sweep; no history its author lived through is unseen"),
    ("Stability: by year, by regime, and what breaks it", "regimes", "attack DIR tries to break it"),
    ("Complexity: parameters, and a simpler benchmark beside it", "identity", "holding the index is the simpler one"),
    ("Limits and intended use", "limits", ""),
    ("What would be monitored, with alarm limits", "monitoring", ""),
    ("What changed since the previous report of the same spec", "changes", ""),
    ("One file, offline, with a table behind each picture and the data beside it", "files", ""),
)  # fmt: skip


def checklist() -> list[Row]:
    """Return the points in order: ``point``, ``at`` (anchor on the page) and ``note`` ("" where there is none)."""
    return [{"point": point, "at": at, "note": note} for point, at, note in _POINTS]


def limits(body: dict[str, Any]) -> list[str]:
    """Return what a result of this kind does not say, and what it is meant for."""
    bounded = any("of its bar's volume" in line for line in body["execution"])
    said = (
        (True, "Meant for research: to refute or keep an idea. Not investment advice, not a forecast."),
        (True, "One path of history. The intervals allow for luck in its sessions, not for a world that changes."),
        (True, "How many variants were tried before this one is not known here. A sweep counts them, and says how "
               "much of the best of them is luck."),
        (not bounded, "Fills are not bounded by volume: what the strategy could carry (its capacity) is not measured."),
        (True, "Taxes, the hours between fills and what others would have done differently are left out."),
        (bool(body["data"]["synthetic"]), "The market is synthetic: nothing here carries over to the real one."),
    )  # fmt: skip
    return [text for holds, text in said if holds]
