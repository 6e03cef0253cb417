"""How sure the figures of a run are: intervals by the stationary bootstrap.

Sessions are drawn in runs of neighbours (Politis and Romano 1994, `backtests.overfit.bootstrap`), the same ones for the
account and its benchmark, so that what they share stays shared. An interval holds the middle `LEVEL` of the resamples;
each of its ends alone is a bound of (1 + `LEVEL`) / 2. Random draws come from `SEED`: the same run, the same interval.
Of a drawdown it is the range of other orders of the same sessions, and need not hold the value: one history may have
been luckier than nearly all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from backtests import metrics
from backtests.claims.statistics import DRAWS, LEVEL, block_length, percentiles
from backtests.expectation import FIGURES, MEASURES, OVER
from backtests.overfit.blocks import Floats, Ints
from backtests.overfit.bootstrap import indices

SEED = 1

#: Cells resampled at a time, so that half a century fits into memory.
_CELLS = 2_000_000

#: A figure with its resamples, shape (DRAWS,); and those of a series by measure, or why there is none.
Figure = tuple[float, Floats]
Figures = dict[str, Figure | str]


def intervals(returns: pd.DataFrame, sessions_per_year: float) -> dict[str, Any]:
    """Return the figures of a run with their intervals, net and gross, alone and over both benchmarks.

    Parameters
    ----------
    returns : DataFrame of shape (n_sessions, n_columns)
        Fractions: ``net``, ``gross``, ``benchmark_price``, ``benchmark_total``.
    sessions_per_year : float
        From the session table of the market.

    Returns
    -------
    dict
        ``level``, ``resamples``, ``block`` (mean run of sessions), ``seed``; ``net`` and ``gross`` with a row per
        figure: ``value``, ``low``, ``high``, all None beside ``why`` where there is none.
    """
    block = block_length(len(returns))
    columns = {name: returns[name].to_numpy(dtype=np.float64) for name in ("net", "gross", *OVER.values())}
    known = {name: values for name, values in columns.items() if len(values) and np.isfinite(values).all()}
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = resampled(known, float(block), sessions_per_year)
    found = {name: _figures(values, samples.get(name, {}), sessions_per_year) for name, values in columns.items()}
    sides = {side: {figure: _row(found, side, figure) for figure in FIGURES} for side in ("net", "gross")}
    return {"level": LEVEL, "resamples": DRAWS, "block": block, "seed": SEED, **sides}


def _row(found: Mapping[str, Figures], side: str, figure: str) -> dict[str, Any]:
    """Return value and interval of a figure, or why there is none."""
    measure, _, over = figure.partition(" over ")
    own = found[side][measure]
    if isinstance(own, str):
        return _nothing(own)
    value, sample = own
    if over:
        other = found[OVER[over]][measure]
        if isinstance(other, str):
            return _nothing(f"the index: {other}")
        value, sample = value - other[0], sample - other[1]
    low, high = percentiles(sample)
    return {"value": value, "low": low, "high": high}


def _nothing(why: str) -> dict[str, Any]:
    return {"value": None, "low": None, "high": None, "why": why}


def _figures(values: Floats, samples: Mapping[str, Floats], sessions_per_year: float) -> Figures:
    """Return `MEASURES` of a series, each with its resamples, or with the reason why one of the two does not exist."""
    plain: dict[str, Callable[[], float]] = {
        "cagr": lambda: metrics.cagr(values, sessions_per_year),
        "sharpe": lambda: metrics.sharpe(values, sessions_per_year),
        "max_drawdown": lambda: metrics.max_drawdown(values),
    }
    found: Figures = {}
    for name, function in plain.items():
        try:
            value = function()
        except metrics.UndefinedError as reason:
            found[name] = str(reason)
            continue
        undefined = int((~np.isfinite(samples[name])).sum())
        found[name] = f"it is undefined in {undefined} of {DRAWS} resamples" if undefined else (value, samples[name])
    return found


def resampled(columns: Mapping[str, Floats], block: float, sessions_per_year: float) -> dict[str, dict[str, Floats]]:
    """Return `MEASURES` of the resamples of some series, all of them by the same rows.

    Parameters
    ----------
    columns : mapping of name to ndarray of float64, shape (n_sessions,)
        Known session returns, fractions.
    block : float
        Mean run of neighbouring sessions in a resample.
    sessions_per_year : float

    Returns
    -------
    dict of name to dict of measure to ndarray of float64, shape (DRAWS,)
        NaN where a resample has no such figure.
    """
    if not columns:
        return {}
    pieces = [
        {name: _measured(values[rows], sessions_per_year) for name, values in columns.items()}
        for rows in _rows(len(next(iter(columns.values()))), block)
    ]
    return {
        name: {measure: np.concatenate([piece[name][measure] for piece in pieces]) for measure in MEASURES}
        for name in columns
    }


def _rows(t: int, block: float) -> Iterator[Ints]:
    """Yield the rows of all resamples, in pieces that fit into memory; each piece has a seed of its own."""
    most = max(1, _CELLS // t)
    for k, done in enumerate(range(0, DRAWS, most)):
        yield indices(t, min(most, DRAWS - done), block, SEED + k)


def _measured(drawn: Floats, sessions_per_year: float) -> dict[str, Floats]:
    """Return `MEASURES` of rows of session returns, shape (n_resamples, n_sessions)."""
    t = drawn.shape[1]
    grown = np.cumprod(1.0 + drawn, axis=1)
    deviation = drawn.std(axis=1, ddof=1) if t > 1 else np.full(len(drawn), np.nan)
    # The starting value, 1, is the first high.
    highs = np.maximum(np.maximum.accumulate(grown, axis=1), 1.0)
    return {
        "cagr": grown[:, -1] ** (sessions_per_year / t) - 1.0,
        "sharpe": drawn.mean(axis=1) / np.where(deviation > 0, deviation, np.nan) * math.sqrt(sessions_per_year),
        "max_drawdown": np.minimum((grown / highs).min(axis=1) - 1.0, 0.0),
    }
