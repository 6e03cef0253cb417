"""What the verbs of the command line do: one function each, returning plain JSON values.

Script, notebook and shell are the same thing: ``python -m backtests check DIR --json -`` prints what
``verbs.check(DIR)`` returns. A market is one folder or several in layers, as text or `Path`.
"""

from __future__ import annotations

from backtests.verbs.analysis import drivers, vehicles
from backtests.verbs.audit import claims
from backtests.verbs.catalogue import describe, listing
from backtests.verbs.fetching import fetch
from backtests.verbs.folders import convert, cut, data, merge
from backtests.verbs.history import history
from backtests.verbs.importing import import_files
from backtests.verbs.indexes import bank, flows, index, review
from backtests.verbs.markets import check, sample
from backtests.verbs.reviews import attack, compare, verify
from backtests.verbs.runs import DEMO, demo, lookahead, report, run
from backtests.verbs.shared import SAMPLE, Answer, Folders
from backtests.verbs.sweeps import sweep, sweep_status, trials
from backtests.version import REPORTS, SPECS

__all__ = [
    "DEMO",
    "REPORTS",
    "SAMPLE",
    "SPECS",
    "Answer",
    "Folders",
    "attack",
    "bank",
    "check",
    "claims",
    "compare",
    "convert",
    "cut",
    "data",
    "demo",
    "describe",
    "drivers",
    "fetch",
    "flows",
    "history",
    "import_files",
    "index",
    "listing",
    "lookahead",
    "merge",
    "report",
    "review",
    "run",
    "sample",
    "sweep",
    "sweep_status",
    "trials",
    "vehicles",
    "verify",
]
