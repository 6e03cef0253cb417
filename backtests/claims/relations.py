"""Claims about how two series go together, or one with its own past."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtests.claims import statistics as st
from backtests.claims import turns
from backtests.claims.evidence import Evidence, Inputs
from backtests.claims.measure import draws_of, enough, estimate, split_at_seed, threshold, values_of
from backtests.claims.series import (
    SESSIONS_A_YEAR,
    Params,
    at_frequency,
    bounded,
    changes,
    holds,
    known_on,
    pair,
    pair_changes,
    series,
    target,
)

#: Rows a lead needs beyond those its lags use up.
FEW = 20


def _tanh(z: float, reach: float) -> tuple[float, float]:
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))


@split_at_seed
def correlation_levels(inputs: Inputs, params: Params) -> Evidence:
    """Correlation of the levels of ``a`` and ``b``; p and interval from unrelated random walks of the same steps."""
    a, b = (values_of(s) for s in pair(inputs, params))
    enough(len(a))
    found = turns.correlation(a, b)
    alone = st.walk_correlations(a, b, st.block_length(len(a)), draws_of(params, "correlation_levels"))
    z, far = float(np.arctanh(found)), np.abs(np.arctanh(alone))
    p = st.tail_p(z - float(np.arctanh(threshold(params))), far)
    note = "the interval reaches as far as two unrelated random walks with these steps stray"
    return estimate(params, found, "correlation", _tanh(z, float(np.quantile(far, st.LEVEL))), len(a), p, note)


@split_at_seed
def correlation_changes(inputs: Inputs, params: Params) -> Evidence:
    """Correlation of the changes of ``a`` with those of ``b`` ``lag`` rows earlier."""
    a, b = (values_of(s) for s in pair_changes(inputs, params))
    enough(len(a))
    found, p = turns.shift_correlation(a, b)
    rng = draws_of(params, "correlation_changes")
    low, high = st.moment_interval(st.pair_moments(a, b), st.moment_correlation, st.block_length(len(a)), rng)
    if threshold(params) != 0:
        p = st.normal_p(float(np.arctanh(found) - np.arctanh(threshold(params))), (np.arctanh(low), np.arctanh(high)))
    return estimate(params, found, "correlation", (low, high), len(a), p, "")


@split_at_seed
def predictive_correlation(inputs: Inputs, params: Params) -> Evidence:
    """Correlation of the level of ``a`` known at a row with what ``b`` does in the ``horizon`` rows after it."""
    horizon, text = int(params["horizon"]), str(params["a"])
    closes = bounded(series(inputs, str(params["b"])), params)
    ahead = target(closes, {"horizon": horizon, "target_kind": params.get("b_kind", "return")})
    levels = known_on(inputs, text, series(inputs, text), pd.DatetimeIndex(closes.index))
    rows = levels.notna() & ahead.notna()
    a, b = values_of(levels[rows]), values_of(ahead[rows])
    enough(len(a) // horizon)
    found, p = turns.shift_correlation(a, b)
    z = float(np.arctanh(found))
    reach = abs(z) * turns.turned_reach(turns.turned_t(a, b))
    if threshold(params) != 0:
        p = st.normal_p(z - float(np.arctanh(threshold(params))), (z - reach, z + reach))
    note = f"n counts stretches of {horizon} rows that do not overlap"
    return estimate(params, found, "correlation", _tanh(z, reach), len(a) // horizon, p, note)


@split_at_seed
def lead_lag(inputs: Inputs, params: Params) -> Evidence:
    """How far ``a`` leads ``b``: correlations with ``b`` 1..``max_lag`` rows later less those the other way round."""
    most, sign = int(params["max_lag"]), float(params.get("sign", 1))
    a, b = (values_of(s) for s in pair_changes(inputs, params))
    enough(len(a), 6 * most + FEW)
    found, p, reach = turns.lead(a, sign * b, most)
    lag, best, best_p = turns.best_lag(a, b, most)
    note = f"largest at lag {lag}: {best:.3f}, p {best_p:.3f} as the best of {most} lags"
    return estimate(params, found, "sum of correlations", (found - reach, found + reach), len(a), p, note)


@split_at_seed
def slope(inputs: Inputs, params: Params) -> Evidence:
    """Slope of the changes of ``a`` on those of ``b``; with a ``regime``, on the rows where it held one row before."""
    moves_a, moves_b = pair_changes(inputs, params)
    if params.get("regime"):
        met, sure = holds(inputs, params["regime"], pd.DatetimeIndex(moves_a.index))
        rows = (met & sure).shift(1, fill_value=False)
        moves_a, moves_b = moves_a[rows], moves_b[rows]
    y, x = values_of(moves_a), values_of(moves_b)
    enough(len(y))
    found = float(st.moment_slope(st.pair_moments(x, y).mean(axis=0)[None])[0])
    _, p = turns.shift_correlation(x, y - threshold(params) * x)
    rng = draws_of(params, "slope")
    interval = st.moment_interval(st.pair_moments(x, y), st.moment_slope, st.block_length(len(x)), rng)
    return estimate(params, found, "slope", interval, len(x), p, f"correlation {turns.correlation(x, y):.3f}")


@split_at_seed
def volatility_ratio(inputs: Inputs, params: Params) -> Evidence:
    """Standard deviation of the returns of ``a`` over that of ``b``.

    p is that of a correlation between difference and sum: two spreads are equal where it is zero (Pitman 1939).
    """
    a, b = (values_of(s) for s in pair_changes(inputs, params))
    enough(len(a), 4 * st.BATCHES)
    params = {"threshold": 1.0, **params}
    moments = st.pair_moments(a, b)
    found = float(st.moment_spreads(moments.mean(axis=0)[None])[0])
    rng = draws_of(params, "volatility_ratio")
    low, high = st.moment_interval(moments, st.moment_spreads, 2 * st.block_length(len(a)), rng)
    scaled = threshold(params) * b
    _, p = turns.shift_correlation(a - scaled, a + scaled)
    return estimate(params, found, "ratio", (low, high), len(a), p, "")


@split_at_seed
def realised_volatility(inputs: Inputs, params: Params) -> Evidence:
    """Standard deviation of the returns of ``series``, a year of 245 sessions."""
    returns = values_of(bounded(series(inputs, str(params["series"])), params).pct_change().dropna())
    enough(len(returns), 4 * st.BATCHES)
    found = float(returns.std()) * SESSIONS_A_YEAR**0.5
    _, _, high = st.batch_interval(((returns - returns.mean()) / returns.std()) ** 2, 1.0)
    # Variances are skewed: the interval is symmetric in their logarithm.
    reach = float(np.exp((high - 1) / 2))
    interval = (found / reach, found * reach)
    p = st.normal_p(found - threshold(params), interval)
    return estimate(params, found, "a year", interval, len(returns), p, "")


@split_at_seed
def variance_ratio(inputs: Inputs, params: Params) -> Evidence:
    """Variance of returns over ``horizon`` rows over that many times the daily one: above 1, moves go on."""
    params = {"threshold": 1.0, **params}
    closes = at_frequency(bounded(series(inputs, str(params["series"])), params), str(params.get("freq", "D")))
    returns = values_of(np.log(closes).diff().dropna())
    horizon = int(params["horizon"])
    enough(len(returns), 10 * horizon)
    found, scale = st.variance_ratio(returns, horizon)
    reach = st.Z90 * scale
    interval = (found - reach, found + reach)
    p = st.normal_p(found - threshold(params), interval)
    return estimate(params, found, "ratio", interval, len(returns), p, "p allows for wild days (Lo and MacKinlay 1988)")


@split_at_seed
def asymmetry(inputs: Inputs, params: Params) -> Evidence:
    """Mean size of falls over ``horizon`` rows over the mean size of rises, where the conditions hold."""
    params = {"threshold": 1.0, **params}
    horizon = int(params.get("horizon", 1))
    closes = bounded(series(inputs, str(params["series"])), params)
    ahead = changes(closes) if horizon == 0 else target(closes, {"horizon": horizon})
    rows = ahead.notna()
    if params.get("conditions"):
        met, sure = holds(inputs, params["conditions"], pd.DatetimeIndex(closes.index))
        rows &= met & sure
    moves = values_of(ahead[rows])
    enough(min(int(np.sum(moves < 0)), int(np.sum(moves > 0))) // max(horizon, 1))
    falls, rises = np.minimum(moves, 0), np.maximum(moves, 0)
    moments = np.column_stack([-falls, rises, moves < 0, moves > 0]).astype(np.float64)
    found = float(st.moment_asymmetry(moments.mean(axis=0)[None])[0])
    rng = draws_of(params, "asymmetry")
    low, high = st.moment_interval(moments, st.moment_asymmetry, st.block_length(len(moves), horizon), rng)
    p = st.normal_p(float(np.log(found / threshold(params))), (float(np.log(low)), float(np.log(high))))
    n = len(moves) // max(horizon, 1)
    return estimate(params, found, "ratio", (low, high), n, p, f"{int(np.sum(moves < 0))} falls")
