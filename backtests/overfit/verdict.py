"""What a sweep shows: every overfit statistic of its trials, and one joint verdict.

"real" takes all four tests: each answers another doubt, and the joint false alarm cannot be above that of any of them.
The bounds are constants, declared before any sweep; ``tests/test_overfit_worlds.py`` counts what they let pass of 1,000
sweeps of noise: SPA and StepM 39, PBO 5, DSR 19, the joint verdict none. A PBO has no usual bound that means 5 %: below
one half lies every second sweep of noise, and at 0.2 up to 9 % of some kind of it. At 0.10 it is 5 % of the worst kind
and 1.4 % of all; that the best of the past also rarely lost against the benchmark is asked because a sweep of losers
ranks its losers reliably.

All tests are over the benchmark: a trial that merely holds a rising market would pass any of them against zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from backtests.metrics import UndefinedError, figure
from backtests.overfit import spa
from backtests.overfit.blocks import Blocks, Floats, stream
from backtests.overfit.deflated import (
    TRUST,
    Moments,
    TrialSharpes,
    deflated,
    effective_trials,
    min_track_record,
    moments,
    psr,
    threshold,
)
from backtests.overfit.pbo import TIE, Cut, Future, Past, Pbo, groups_for
from backtests.overfit.plateau import plateau
from backtests.overfit.shape import SharpeRatios, histogram

#: SPA and StepM cry "real" at this level.
LEVEL = 0.05
#: PBO cries "real" where the best of the past is so rarely below the middle, and so rarely below the benchmark.
PBO_LEVEL = 0.10
#: Fewer blocks are too little to judge by (four years; the counts hold there), or too little to compute with.
FEWEST_BLOCKS, LEAST_BLOCKS = 50, 4
FEWEST_TRIALS = 2
#: How many of the trials that StepM names are listed.
LISTED = 20

_NO_BENCHMARK = "no benchmark to beat"


@dataclass(frozen=True)
class Chosen:
    """The trial that the sweep's own rule calls the best.

    Attributes
    ----------
    row : int
        Its place among the trials, from 0.
    returns : ndarray, shape (n_sessions,)
        Its session log returns.
    benchmark : ndarray, shape (n_sessions,), or None
        Session log returns of holding the index, over the same sessions.
    figure : float, optional
        Its figure of the selection rule.
    neighbours : sequence of float
        The same figure of the trials one step away.
    """

    row: int
    returns: Floats
    benchmark: Floats | None = None
    figure: float | None = None
    neighbours: Sequence[float] = ()


@dataclass(frozen=True)
class _Passes:
    """What the passes over all trials found."""

    highest: spa.Highest
    sharpes: TrialSharpes
    ratios: SharpeRatios
    pbo: Pbo
    blocks: Blocks
    attempted: int

    @property
    def alive(self) -> bool:
        """Whether any trial differs from the benchmark."""
        return bool(np.isfinite(self.highest.statistics).any())

    def effective(self) -> float:
        """Return the effective number of trials."""
        _ask(self.blocks.benchmark is not None, _NO_BENCHMARK)
        _ask(self.alive, "no trial differs from the benchmark")
        t = len(self.blocks.sessions)
        return effective_trials(self.highest.maxima[2] * math.sqrt(t), self.sharpes.count)

    def yearly(self, sharpe: float) -> float:
        """Return a Sharpe ratio per session as one per year."""
        return sharpe * math.sqrt(self.blocks.sessions_per_year)


def judge(
    blocks: Blocks,
    chosen: Chosen,
    attempted: int | None = None,
    names: Sequence[int] | None = None,
    reps: int = spa.REPS,
    length: float = spa.LENGTH,
    seed: int = spa.SEED,
) -> dict[str, Any]:
    """Say how much of the best trial is luck.

    Parameters
    ----------
    blocks : Blocks
        All trials that were done; read two times, and once more for each step of StepM after its first.
    chosen : Chosen
    attempted : int, optional
        Trials with the failed ones: the raw count. All rows where it is not given.
    names : sequence of int, optional
        Trial number of each row. Rows are named by their place where it is not given.
    reps, length, seed : int, float, int
        Of the bootstrap; see `spa.Resampling`.

    Returns
    -------
    dict
        For JSON: `pbo`, `pbo_loss`, `pbo_groups`, `pbo_logits`, `spa` {lower, consistent, upper}, `stepm` {n, trials},
        `dsr`, `dsr_raw_count`, `psr`, `n_effective`, `n_trials`, `min_track_record` (sessions), `plateau` {score, rank,
        neighbours}, `verdict`, `reasons`. Yearly Sharpe ratios over the benchmark: `sharpe_excess` of the chosen trial,
        `dsr_threshold` and `dsr_raw_threshold` that luck alone reaches, `distribution` of all trials. `pbo_logits` and
        `distribution` are {edges, counts}. What does not exist is None and has its reason beside it, e.g. ``spa_why``.
    """
    raw = blocks.trials if attempted is None else attempted
    how = spa.Resampling(len(blocks.sessions), reps, length, seed)
    why = _too_small(blocks)
    passes = None if why else _read(blocks, how, raw)
    answer: dict[str, Any] = {"n_trials": raw, "n_blocks": len(blocks.sessions)}
    for name, compute in _figures(passes, chosen, names, why).items():
        answer |= figure(name, compute)
    answer["verdict"], answer["reasons"] = verdict(answer)
    return answer


def _too_small(blocks: Blocks) -> str:
    """Return why nothing can be computed; empty where something can."""
    if blocks.trials < FEWEST_TRIALS:
        return f"fewer than {FEWEST_TRIALS} trials"
    return f"fewer than {LEAST_BLOCKS} blocks" if len(blocks.sessions) < LEAST_BLOCKS else ""


def _read(blocks: Blocks, how: spa.Resampling, attempted: int) -> _Passes:
    """Read all trials twice."""
    per_block = float(np.mean(blocks.sessions))
    highest, sharpes = spa.Highest(how), TrialSharpes(per_block)
    ratios = SharpeRatios(per_block, blocks.sessions_per_year)
    past = Past(Cut(blocks, groups_for(blocks.trials, len(blocks.sessions))))
    stream(blocks, highest, sharpes, ratios, past)
    future = Future(past)
    stream(blocks, future)
    return _Passes(highest, sharpes, ratios, future.result(), blocks, attempted)


def _figures(
    passes: _Passes | None, chosen: Chosen, names: Sequence[int] | None, why: str
) -> dict[str, Callable[[], Any]]:
    """Return how each figure is computed."""

    def of(compute: Callable[[_Passes], Any]) -> Callable[[], Any]:
        def asked() -> Any:
            if passes is None:
                raise UndefinedError(why)
            return compute(passes)

        return asked

    return {
        "pbo": of(lambda p: _pbo(p).pbo),
        "pbo_loss": of(lambda p: _pbo(p).loss),
        "pbo_groups": of(lambda p: _pbo(p).groups),
        "pbo_logits": of(lambda p: _logits(_pbo(p))),
        "spa": of(lambda p: asdict(spa.p_values(_tested(p)))),
        "stepm": of(partial(_named, names=names, row=chosen.row)),
        "n_effective": of(_Passes.effective),
        "dsr": of(lambda p: deflated(_excess(chosen), p.effective(), _idle(chosen))),
        "dsr_threshold": of(lambda p: p.yearly(threshold(p.effective(), _idle(chosen)))),
        "dsr_raw_count": of(lambda p: deflated(_excess(chosen), p.attempted, p.sharpes.variance)),
        "dsr_raw_threshold": of(lambda p: p.yearly(threshold(p.attempted, p.sharpes.variance))),
        "sharpe_excess": of(lambda p: p.yearly(_excess(chosen).sharpe)),
        "distribution": of(_distribution),
        "psr": lambda: psr(_excess(chosen)),
        "min_track_record": lambda: min_track_record(_excess(chosen)),
        "plateau": lambda: _plateau(chosen),
    }


def _ask(condition: bool, why: str) -> None:
    if not condition:
        raise UndefinedError(why)


def _tested(passes: _Passes) -> spa.Highest:
    """Return the resamples of the SPA test, where there is something to test."""
    _ask(passes.blocks.benchmark is not None, _NO_BENCHMARK)
    _ask(passes.alive, "no trial differs from the benchmark")
    return passes.highest


def _pbo(passes: _Passes) -> Pbo:
    if passes.blocks.benchmark is not None:
        _ask(passes.alive, "no trial differs from the benchmark")
    return passes.pbo


def _logits(found: Pbo) -> dict[str, Any]:
    """Return the histogram of the logits: the bins below 0 hold the share that is the PBO."""
    middle = np.abs(found.logits) <= TIE  # counts as not above it, and a bin begins with its lower edge
    return histogram(np.where(middle, -TIE, found.logits), even=True)


def _distribution(passes: _Passes) -> dict[str, Any]:
    _ask(passes.blocks.benchmark is not None, _NO_BENCHMARK)
    _ask(passes.ratios.values.size > 0, "no trial differs from the benchmark")
    return histogram(passes.ratios.values)


def _idle(chosen: Chosen) -> float:
    """Return the variance of the Sharpe ratio per session of a trial without effect."""
    return 1.0 / (len(chosen.returns) - 1)


def _named(passes: _Passes, names: Sequence[int] | None, row: int) -> dict[str, Any]:
    """Return how many trials StepM names, the first of them, and whether the chosen one is among them."""
    better = np.flatnonzero(spa.step_m(passes.blocks, _tested(passes), LEVEL))
    listed = [int(at if names is None else names[at]) for at in better[:LISTED]]
    return {"n": len(better), "trials": listed, "chosen": bool(np.isin(row, better))}


def _excess(chosen: Chosen) -> Moments:
    """Return the moments of the chosen trial over the benchmark."""
    if chosen.benchmark is None:
        raise UndefinedError(_NO_BENCHMARK)
    return moments(np.asarray(chosen.returns) - np.asarray(chosen.benchmark))


def _plateau(chosen: Chosen) -> dict[str, Any]:
    if chosen.figure is None:
        raise UndefinedError("the figures of the neighbours were not given")
    return asdict(plateau(chosen.figure, chosen.neighbours))


def cries(answer: dict[str, Any]) -> dict[str, bool | None]:
    """Return which tests say "real"; None where a test does not exist."""
    pbo, tests, named, dsr = (answer[name] for name in ("pbo", "spa", "stepm", "dsr"))
    return {
        "pbo": None if pbo is None else pbo <= PBO_LEVEL and answer["pbo_loss"] <= PBO_LEVEL,
        "spa": None if tests is None else tests["consistent"] <= LEVEL,
        "stepm": None if named is None else named["n"] > 0,
        "dsr": None if dsr is None else dsr >= TRUST,
    }


def verdict(answer: dict[str, Any]) -> tuple[str, list[str]]:
    """Return "real", "not shown" or "too little", and why.

    Examples
    --------
    >>> good = {"pbo": 0.01, "pbo_loss": 0.0, "spa": {"consistent": 0.001}, "dsr": 0.99, "n_blocks": 120}
    >>> verdict({**good, "stepm": {"n": 3, "chosen": True}, "plateau": None, "min_track_record": 900.0})[0]
    'real'
    """
    told, reasons = cries(answer), []
    for name in told:
        reasons.append(_sentence(name, answer))
    if answer["plateau"] is not None:
        reasons.append(f"PLATEAU: the neighbours keep {answer['plateau']['score']:.0%} of the chosen trial's figure.")
    if answer["n_blocks"] < FEWEST_BLOCKS:
        return "too little", [f"{answer['n_blocks']} blocks: a verdict takes {FEWEST_BLOCKS}.", *reasons]
    if None in told.values():
        return "too little", reasons
    real = all(told.values()) and answer["stepm"]["chosen"]
    return ("real" if real else "not shown"), reasons


def _sentence(name: str, answer: dict[str, Any]) -> str:
    """Return what a test says, with its bound."""
    told = answer[name]
    if told is None:
        return f"{name.upper()}: not known, {answer[f'{name}_why']}."
    if name == "pbo":
        loss = answer["pbo_loss"]
        return f"PBO: the best of the past came out low in {told:.0%}, lost in {loss:.0%} (at most {PBO_LEVEL:.0%})."
    if name == "spa":
        return f"SPA: luck alone gives so good a best trial with p = {told['consistent']:.3f} (at most {LEVEL})."
    if name == "stepm":
        chosen = "among them" if told["chosen"] else "not among them"
        return f"STEPM: {told['n']} trials beat holding the index, the chosen one {chosen}."
    return f"DSR: {told:.3f} for the chosen trial over the benchmark (at least {TRUST})."
