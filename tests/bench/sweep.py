"""The sweep of strategy A against its peers: what they are given, how fast they are.

Both sides decide on the same series: the trend is that of the Nikkei's close, as `vi_gate` has it, the VI the one
known at the decision, and what is bought is the fund. The peers size on the open they fill at (vectorbt) or on the
close before (backtrader), in fractions of a unit and without ticks, so that figures agree nearly, not exactly.

A peer that cannot be measured raises `NotMeasuredError` with the reason.
"""

from __future__ import annotations

from functools import cache

from indexsim.market import MarketData
from indexsim.sample import Sample, write_sample
from tests.bench.peers.environment import NotMeasuredError, peers_python
from tests.bench.peers.given import TRIALS, Inputs
from tests.bench.peers.optstrategy import CELLS, Optstrategy, optstrategy
from tests.bench.peers.vectorbt_timed import Vectorbt, vectorbt_fresh, vectorbt_warm
from tests.bench.strategy_a import FRESH_TRIALS, SESSIONS

__all__ = [
    "CELLS",
    "FRESH_TRIALS",
    "TRIALS",
    "Inputs",
    "NotMeasuredError",
    "Optstrategy",
    "Vectorbt",
    "given",
    "optstrategy",
    "peers_python",
    "vectorbt_fresh",
    "vectorbt_rate",
    "vectorbt_warm",
]


@cache
def given() -> Inputs:
    """Return the first 4,894 sessions of the sample."""
    from backtests.verbs import SAMPLE

    write_sample(SAMPLE, Sample())
    return Inputs.of(MarketData.open(SAMPLE), SESSIONS)


def vectorbt_rate(jobs: int, rounds: int = 5) -> float:
    """Return the warm trials per second of vectorbt, the median of `rounds` sweeps, when nothing else is timed."""
    with vectorbt_warm(given(), jobs) as peer:
        for _ in range(rounds):
            peer.sweep()
        return peer.rate
