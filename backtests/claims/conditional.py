"""Claims about what follows a condition: means after it, by day or by episode, and chances of an event."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtests.claims import statistics as st
from backtests.claims import turns
from backtests.claims.evidence import Evidence, Inputs
from backtests.claims.measure import draws_of, enough, estimate, split_at_seed, threshold, values_of
from backtests.claims.series import Params, at_frequency, conditioned, feature, holds, series, target

#: Runs of a condition closer than so many rows are one episode.
GAP = 20
_UNITS = {"return": "return", "trend": "return", "realised_vol": "a year", "max_drawdown": "share", "max_rise": "share"}


def _unit(params: Params) -> str:
    return _UNITS[str(params.get("target_kind", "return"))]


@split_at_seed
def conditional_mean(inputs: Inputs, params: Params) -> Evidence:
    """Mean of the target on the rows of a condition, against the rest of the rows, all of them, or zero."""
    horizon, against = int(params.get("horizon", 1)), str(params.get("against", "rest"))
    values, met = conditioned(inputs, params)
    mask, y = met.to_numpy(bool), values_of(values)
    apart = st.rows_apart(mask, horizon)
    n = len(apart)
    enough(min(n, len(st.rows_apart(~mask, horizon))), 3)
    days = f"{int(mask.sum())} of {len(y)} rows"
    if against == "zero":
        p, low, high = st.studentised_mean(y[apart], draws_of(params, "conditional_mean"), threshold(params))
        note = f"{days}; mean of windows that do not overlap, {y[mask].mean():.5f} over all rows"
        return estimate(params, float(y[apart].mean()), _unit(params), (low, high), n, p, note)
    share = 1.0 if against == "rest" else 1 - float(mask.mean())
    null = threshold(params) / share
    if horizon > 1 and params.get("target_kind", "return") == "return" and not params.get("within"):
        p, reach = _overlapping(inputs, params, met, null)
    else:
        _, p, reach = turns.shift_means(mask, y - null * mask)
    found, reach = share * float(y[mask].mean() - y[~mask].mean()), share * reach
    note = f"{days}; mean there {y[mask].mean():.5f}, elsewhere {y[~mask].mean():.5f}"
    return estimate(params, found, _unit(params), (found - reach, found + reach), n, p, note)


def _overlapping(inputs: Inputs, params: Params, met: pd.Series, null: float) -> tuple[float, float]:
    """Return p and reach of a difference of returns over windows that overlap, from the days they are made of."""
    closes = at_frequency(series(inputs, str(params["target"])), str(params.get("freq", "D")))
    closes = closes.loc[: params.get("last", params.get("end"))]
    held = met.reindex(closes.index, fill_value=False).to_numpy(bool)
    levels = np.log(values_of(closes))
    moves = np.diff(levels, prepend=levels[0])
    return turns.shift_windows(held, closes.index.isin(met.index), moves, int(params["horizon"]), null)


def _episodes(mask: st.Mask, params: Params) -> st.Mask:
    """Return the first rows of the episodes, as a mask."""
    first = np.zeros(len(mask), dtype=bool)
    first[st.episode_starts(mask, max(int(params.get("gap", GAP)), int(params.get("horizon", 1)) - 1))] = True
    return first


@split_at_seed
def episode_mean(inputs: Inputs, params: Params) -> Evidence:
    """Mean of the target over the episodes of a condition, one observation each, at its first row."""
    values, met = conditioned(inputs, params)
    first, y = _episodes(met.to_numpy(bool), params), values_of(values)
    n = int(first.sum())
    enough(n, 3)
    if params.get("against") == "zero":
        found = float(y[first].mean())
        p, low, high = st.studentised_mean(y[first], draws_of(params, "episode_mean"), threshold(params))
    else:
        found = float(y[first].mean() - y[~first].mean())
        _, p, reach = turns.shift_means(first, y - threshold(params) * first)
        low, high = found - reach, found + reach
    note = (
        f"{n} episodes of {int(met.sum())} rows; mean at their starts {y[first].mean():.5f}, of all rows {y.mean():.5f}"
    )
    return estimate(params, found, _unit(params), (low, high), n, p, note)


def _happened(inputs: Inputs, event: Params, last: str | None) -> pd.Series:
    """Return 1 where the event follows within its horizon, 0 where not, NaN where that is not known."""
    closes = series(inputs, str(event["series"])).loc[:last]
    kinds = {"drawdown": "max_drawdown", "rise": "max_rise", "positive": "return"}
    ahead = target(closes, {"horizon": event["horizon"], "target_kind": kinds[str(event["kind"])]})
    size = float(event.get("size", 0.0))
    met = ahead <= -abs(size) if event["kind"] == "drawdown" else ahead > size
    return met.astype(np.float64).where(ahead.notna())


def _chosen(mask: st.Mask, params: Params) -> st.Mask:
    """Return the rows that count: days, first days of episodes, or days on which the condition begins to hold."""
    by = str(params.get("by", "episode"))
    if by == "day":
        return mask
    if by == "episode":
        return _episodes(mask, params)
    begins = mask & ~np.concatenate([[True], mask[:-1]])
    chosen = np.zeros(len(mask), dtype=bool)
    chosen[st.episode_starts(begins, int(params["event"]["horizon"]) - 1)] = True
    return chosen


@split_at_seed
def conditional_probability(inputs: Inputs, params: Params) -> Evidence:
    """How often an event follows a condition, by episode, by day, or counted where the condition begins."""
    last, event = params.get("last", params.get("end")), params["event"]
    hits = _happened(inputs, event, None if last is None else str(last))
    met, sure = holds(inputs, params["conditions"], pd.DatetimeIndex(hits.index))
    rows = sure & hits.notna()
    first = params.get("first", params.get("start"))
    if first is not None:
        rows &= hits.index >= pd.Timestamp(first)
    y = values_of(hits[rows])
    chosen = _chosen(met[rows].to_numpy(bool), {**params, "horizon": event["horizon"]})
    n = int(chosen.sum())
    enough(n, 1)
    share = float(y[chosen].mean())
    if params.get("by") == "day":
        # Neighbouring days share most of their windows: blocks hold several windows, or the interval is too short.
        block = st.block_length(len(y), 3 * int(event["horizon"]))
        interval = st.share_interval(chosen, y, block, draws_of(params, "conditional_probability"))
        p = st.normal_p(share - threshold(params), interval)
    else:
        interval, p = st.wilson(share, n), st.binomial_p(round(share * n), n, threshold(params))
    note = f"{round(share * n)} of {n}; on all {len(y)} rows {y.mean():.3f}"
    return estimate(params, share, "probability", interval, n, p, note)


@split_at_seed
def share_of_days(inputs: Inputs, params: Params) -> Evidence:
    """Share of the rows on which the conditions hold; with a direction, tested by a few long stretches."""
    dates = pd.DatetimeIndex(series(inputs, str(params["conditions"][0]["series"])).index)
    met, sure = holds(inputs, params["conditions"], dates)
    met = met[sure].loc[params.get("first", params.get("start")) : params.get("last", params.get("end"))]
    values = met.to_numpy(np.float64)
    enough(len(values), 4 * st.BATCHES)
    p, low, high = st.batch_interval(values, threshold(params))
    sized = params if "direction" in params else {"direction": "equal", "tolerance": 0.05, **params}
    interval = (max(low, 0.0), min(high, 1.0))
    note = f"{int(values.sum())} of {len(values)} rows; interval from {st.BATCHES} stretches"
    return estimate(sized, float(values.mean()), "share", interval, len(values), p, note)


@split_at_seed
def band_monotone(inputs: Inputs, params: Params) -> Evidence:
    """Smallest step between the means of the target in neighbouring bands of a feature: above 0, it rises throughout.

    With ``direction`` below, the largest step: below 0, it falls throughout.
    """
    horizon = int(params.get("horizon", 1))
    rule = {"series": params["condition"], "kind": params.get("kind", "level"), "window": params.get("window", 1)}
    always = {"conditions": [{**rule, "op": "above", "at": -np.inf}]}
    values, _ = conditioned(inputs, {**params, **always})
    of = feature(inputs, rule, pd.DatetimeIndex(values.index))
    bands = np.digitize(values_of(of), [float(edge) for edge in params["edges"]])
    y = values_of(values)
    counts = np.bincount(bands, minlength=len(params["edges"]) + 1)
    enough(int(counts.min()), 3)
    found, p, interval = turns.smallest_step(bands, y, len(counts), params.get("direction") == "below")
    means = ", ".join(f"{m:.5f}" for m in np.bincount(bands, y) / counts)
    n = min(len(st.rows_apart(bands == band, horizon)) for band in range(len(counts)))
    note = f"means by band {means}; n of the smallest band, windows that do not overlap"
    return estimate(params, found, _unit(params), interval, n, p, note)
