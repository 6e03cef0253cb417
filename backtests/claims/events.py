"""Claims about days of index events: one index against the other, around splits, changes and steps.

Several events on a day are one observation. Such days are not days like others: splits fall on ex-dividend days,
changes on the first of a quarter, when the Nikkei moves against TOPIX for other reasons. So each is compared with days
of its own kind (`kinds_of_days`) without an event, and its p is that of as many days of these kinds drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtests.claims import exdividend, turns
from backtests.claims import statistics as st
from backtests.claims.evidence import Evidence, Inputs
from backtests.claims.measure import (
    claim_test,
    draws_of,
    enough,
    estimate,
    exact,
    is_size,
    split_at_seed,
    threshold,
    values_of,
)
from backtests.claims.series import Params, bounded, series, table

#: From this day on a trade settles two sessions later: the ex-date is one session before the record date, not two.
SHORTER_SETTLEMENT = pd.Timestamp("2019-07-16")
#: Days of the kinds: last sessions of a month, sessions around the effective day of a review.
MONTH_END, REVIEW = 3, 5
#: Months whose ex-dates weigh most, and those with quarterly dividends.
BIG, SMALL = (3, 9), (6, 12)


def ratio(event: str) -> float:
    """Return new shares per old one of a split as the facts write it, 1 for any other event.

    >>> ratio("split 5:1"), ratio("split 1:10"), ratio("add")
    (5.0, 0.1, 1.0)
    """
    if not event.startswith("split "):
        return 1.0
    new, old = event.removeprefix("split ").split(":")
    return float(new) / float(old)


def _kind(event: str) -> str:
    if event.startswith("split "):
        return "split" if ratio(event) > 1 else "reverse_split"
    return event.split(" ")[0]


def chosen_events(inputs: Inputs, params: Params) -> pd.DataFrame:
    """Return the events of the kinds asked for, with ``effective`` and ``announced`` as dates."""
    frame = table(inputs, "index_events")
    event = frame["event"].astype(str)
    rows = event.map(_kind).isin(list(params["events"]))
    if "min_ratio" in params:
        rows &= event.map(ratio) >= float(params["min_ratio"])
    if params.get("codes"):
        rows &= frame["code"].astype(str).isin([str(c) for c in params["codes"]])
    dates = {"effective": frame["effective_date"], "announced": frame["announced_date"]}
    return pd.DataFrame({k: pd.to_datetime(v.replace("", None)) for k, v in dates.items()})[rows]


def kinds_of_days(sessions: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return the kind of each session: same number, same ex-dividend day, month end, SQ week and review proximity.

    Ex-dividend day: that of records at the end of March and September, of June and December, of another month.
    """
    month = sessions.year * 12 + sessions.month
    to_end = pd.Series(range(len(sessions))).groupby(month).cumcount(ascending=False).to_numpy()
    from_start = pd.Series(range(len(sessions))).groupby(month).cumcount().to_numpy()
    ex_day = to_end == np.where(sessions >= SHORTER_SETTLEMENT, 1, 2)
    size = np.where(sessions.month.isin(BIG), 3, np.where(sessions.month.isin(SMALL), 2, 1))
    monday = sessions - pd.to_timedelta(sessions.day_of_week, unit="D")
    friday = (monday + pd.Timedelta(days=4)).day
    sq_week = (friday >= 8) & (friday <= 14)
    near = sessions.month.isin((4, 10)) & (from_start < REVIEW) | sessions.month.isin(BIG) & (to_end < REVIEW)
    kinds: NDArray[np.int64] = (ex_day * size + 4 * (to_end < MONTH_END) + 8 * sq_week + 16 * near).astype(np.int64)
    return kinds


def _spread(inputs: Inputs, params: Params) -> tuple[pd.Series, pd.Series | None]:
    """Return the legs on the rows both have."""
    long = bounded(series(inputs, str(params["long"])), params)
    if not params.get("short"):
        return long, None
    both = pd.concat([long, series(inputs, str(params["short"]))], axis=1, join="inner", keys=["long", "short"])
    return both["long"], both["short"]


def _window(closes: pd.Series, before: int, after: int) -> st.Floats:
    return values_of(closes.shift(-after) / closes.shift(before) - 1)


def _moves(legs: tuple[pd.Series, pd.Series | None], before: int, after: int) -> st.Floats:
    """Return, for each session as the anchor, the return of the long less that of the short leg around it."""
    long, short = legs
    return _window(long, before, after) - (0.0 if short is None else _window(short, before, after))


def _rows_of(dates: Sequence[pd.Timestamp] | pd.DatetimeIndex, sessions: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return the different sessions that dates fall on, those outside left out."""
    inside = [d for d in dates if sessions[0] <= d <= sessions[-1]]
    return np.unique(sessions.searchsorted(pd.DatetimeIndex(inside))).astype(np.int64)


def against_placebos(
    moves: st.Floats, rows: NDArray[np.int64], kinds: NDArray[np.int64], null: float, rng: np.random.Generator
) -> tuple[st.Floats, float]:
    """Return each event's move less the mean of days of its kind without one, and the p of their mean."""
    known = np.isfinite(moves)
    rows = rows[known[rows]]
    is_event = np.zeros(len(moves), dtype=bool)
    is_event[rows] = True
    shifted = moves - null * is_event
    pools, counts, own = [], [], []
    excess = np.full(len(moves), np.nan)
    for kind in np.unique(kinds[rows]):
        days = known & (kinds == kind)
        events, others = days & is_event, days & ~is_event
        if not others.any():
            continue
        centre = shifted[days].mean()
        pools.append(shifted[days] - centre)
        counts.append(int(events.sum()))
        own.append(shifted[events] - centre)
        excess[events] = moves[events] - moves[others].mean()
    found = excess[rows]
    found = found[np.isfinite(found)]
    enough(len(found), 3)
    return found, st.placebo_p(np.concatenate(own), st.stratified_draws(pools, counts, rng))


@split_at_seed
def event_pair(inputs: Inputs, params: Params) -> Evidence:
    """Long leg less short leg around event days, less the same on days of the same kinds without an event.

    Where a size is asserted, the effect is the plain mean, as a trader would book it. With ``remove_dividends`` every
    day's return is taken less what its ex-dividends are expected to take off (`backtests.claims.exdividend`).
    """
    legs = _spread(inputs, params)
    enough(len(legs[0]), 60)
    sessions = pd.DatetimeIndex(legs[0].index)
    rows = _rows_of(pd.DatetimeIndex(chosen_events(inputs, params)[str(params["anchor"])].dropna()), sessions)
    window = int(params["before"]), int(params["after"])
    moves, how = _moves(legs, *window), ""
    if params.get("remove_dividends"):
        gone, how = _dividends(inputs, params, legs, rows, window)
        moves = moves - gone
    return _around(moves, sessions, rows, params, "event_pair", how)


def _dividends(
    inputs: Inputs,
    params: Params,
    legs: tuple[pd.Series, pd.Series | None],
    rows: NDArray[np.int64],
    window: tuple[int, int],
) -> tuple[st.Floats, str]:
    """Return what ex-dividend days are expected to take off the pair around each session, and how that is known."""
    names = [str(params[leg]).removesuffix(".close") for leg in ("long", "short") if params.get(leg)]
    named = [(name, closes) for name, closes in zip(names, legs, strict=False) if closes is not None]
    kinds = kinds_of_days(pd.DatetimeIndex(legs[0].index)) % 4
    expected = inputs.get(exdividend.INPUT) or exdividend.expected_of(None)
    return exdividend.expected_moves(expected, named, _moves(legs, 1, 0), kinds, rows, window)


def _around(
    moves: st.Floats, sessions: pd.DatetimeIndex, rows: NDArray[np.int64], params: Params, name: str, how: str = ""
) -> Evidence:
    rng = draws_of(params, name)
    plain = moves[rows][np.isfinite(moves[rows])]
    excess, p = against_placebos(moves, rows, kinds_of_days(sessions), threshold(params), rng)
    shown = plain if is_size(params) else excess
    _, low, high = st.studentised_mean(shown, rng)
    note = f"{len(plain)} days; plain mean {plain.mean():.5f}, less days of the same kinds {excess.mean():.5f}"
    note += how and f"; both {how}"
    return estimate(params, float(shown.mean()), "return", (low, high), len(shown), p, note)


@split_at_seed
def event_mean(inputs: Inputs, params: Params) -> Evidence:
    """Mean move of a series around given dates, less that on days of the same kinds."""
    closes = bounded(series(inputs, str(params["series"])), params)
    enough(len(closes), 60)
    sessions = pd.DatetimeIndex(closes.index)
    rows = _rows_of([pd.Timestamp(d) for d in params["dates"]], sessions)
    return _around(
        _moves((closes, None), int(params["before"]), int(params["after"])), sessions, rows, params, "event_mean"
    )


@split_at_seed
def event_drift(inputs: Inputs, params: Params) -> Evidence:
    """Long leg less short leg from the close of the announcement to the close before an event acts.

    The whole calendar of windows is turned against the returns, so windows that overlap count for what they are.
    """
    legs = _spread(inputs, params)
    sessions = pd.DatetimeIndex(legs[0].index)
    enough(len(sessions), 60)
    dated = chosen_events(inputs, params).dropna().drop_duplicates()
    dated = dated[(dated["announced"] >= sessions[0]) & (dated["effective"] <= sessions[-1])]
    starts = sessions.searchsorted(pd.DatetimeIndex(dated["announced"]), side="right") - 1
    ends = sessions.searchsorted(pd.DatetimeIndex(dated["effective"])) - 1
    windows = sorted({(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if b > a >= 0})
    enough(len(windows), 3)
    turned = np.arange(len(sessions))
    sums = np.zeros(len(sessions))
    for start, end in windows:
        ahead = _moves(legs, 0, end - start)
        ahead = np.where(np.isfinite(ahead), ahead - np.nanmean(ahead), 0.0)
        sums += ahead[(start + turned) % len(sessions)]
    means = sums / len(windows)
    found = float(means[0])
    plain = float(np.mean([_moves(legs, 0, b - a)[a] for a, b in windows]))
    means[0] -= threshold(params)
    low, high = st.percentiles(means[1:])
    note = f"{len(windows)} windows of {np.mean([b - a for a, b in windows]):.1f} sessions; plain mean {plain:.5f}"
    return estimate(params, found, "return", (found - high, found - low), len(windows), turns.share_as_far(means), note)


@claim_test
def event_count_per_year(inputs: Inputs, params: Params) -> Evidence:
    """Mean number of different event days a year from ``start`` to ``end``, between ``low`` and ``high``."""
    days = chosen_events(inputs, params)["effective"].dropna()
    start, end = pd.Timestamp(str(params["start"])), pd.Timestamp(str(params["end"]))
    days = days[(days >= start) & (days <= end)].drop_duplicates()
    years = end.year - start.year + 1
    mean = len(days) / years
    supports = float(params["low"]) <= mean <= float(params["high"])
    return exact(mean, "days a year", len(days), supports, f"{len(days)} days in {years} years")
