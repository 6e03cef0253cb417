"""Claims about the Bank of Japan as a buyer: when it bought, how it went on, and where the index stood then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtests.claims import statistics as st
from backtests.claims import turns
from backtests.claims.evidence import Evidence, Inputs
from backtests.claims.measure import claim_test, draws_of, enough, estimate, split_at_seed, values_of
from backtests.claims.series import Params, at_frequency, bounded, column, overnight, series

#: Sessions of an eager or an idle period of buying, of which a block of a resample holds two.
PERIOD = 50


def _proxy(inputs: Inputs, name: str) -> pd.Series:
    """Return the move before the Bank decided, a session each."""
    if name == "n225_overnight_morning":
        return column(inputs, "n225_morning_approx.am_ret_to_12h").dropna()
    return overnight(inputs, name.removesuffix("_overnight"))


def _bought(inputs: Inputs, params: Params) -> pd.DataFrame:
    """Return sessions with the move before (``move``) and whether the Bank bought (``bought``, 1 or 0)."""
    moves = bounded(_proxy(inputs, str(params["proxy"])), params)
    amounts = column(inputs, str(params.get("event", "boj_etf_purchases.index_etf")))
    inside = moves.loc[amounts.index[0] : amounts.index[-1]]
    bought = (amounts.reindex(inside.index).fillna(0) > 0).astype(np.float64)
    return pd.DataFrame({"move": inside, "bought": bought})


@split_at_seed
def quantile_probability(inputs: Inputs, params: Params) -> Evidence:
    """How often the Bank bought when the move before lay below or above a quantile or a cut."""
    rows = _bought(inputs, params)
    enough(len(rows), 20)
    if "cut" in params:
        bound = pd.Series(float(params["cut"]), rows.index)
    elif int(params.get("rolling", 0)):
        bound = rows["move"].rolling(int(params["rolling"])).quantile(float(params["quantile"])).shift(1)
    else:
        bound = pd.Series(float(rows["move"].quantile(float(params["quantile"]))), rows.index)
    rows = rows[bound.notna()]
    below = rows["move"] < bound[bound.notna()]
    mask = (below if params["side"] == "below" else ~below).to_numpy(bool)
    hits = values_of(rows["bought"])
    enough(int(mask.sum()))
    share = float(hits[mask].mean())
    rng = draws_of(params, "quantile_probability")
    interval = st.share_interval(mask, hits, st.block_length(len(hits), PERIOD), rng)
    _, p, _ = turns.shift_means(mask, hits, studentise=False)
    note = f"{int(hits[mask].sum())} of {int(mask.sum())} sessions; elsewhere {hits[~mask].mean():.3f}"
    return estimate(params, share, "probability", interval, int(mask.sum()), p, note)


@split_at_seed
def purchase_runs(inputs: Inputs, params: Params) -> Evidence:
    """After a purchase the session before: chance of another with a falling move, less that with a rising one."""
    rows = _bought(inputs, params)
    again = rows[(rows["bought"].shift(1) == 1) & (rows["move"] != 0)]
    mask, hits = (again["move"] < 0).to_numpy(bool), values_of(again["bought"])
    enough(min(int(mask.sum()), int((~mask).sum())))
    found, p, reach = turns.shift_means(mask, hits, studentise=False)
    interval = (found - reach, found + reach)
    note = f"{hits[mask].mean():.3f} of {int(mask.sum())} against {hits[~mask].mean():.3f} of {int((~mask).sum())}"
    return estimate(params, found, "probability", interval, len(hits), p, note)


@claim_test
def near_mean(inputs: Inputs, params: Params) -> Evidence:
    """Largest distance of the level from its long mean on ``dates``; p among the same pattern moved by any months.

    The mean is that of the last ``window`` month ends before the month of the date.
    """
    values = series(inputs, str(params["series"]))
    ends = at_frequency(values, str(params.get("freq", "M")))
    means = ends.rolling(int(params["window"])).mean().shift(1)
    distance = (ends / means - 1).abs().dropna()
    distance = bounded(distance, params)
    enough(len(distance), 20)
    dates = [pd.Timestamp(str(date)) for date in params["dates"]]
    rows = means.index.searchsorted(pd.DatetimeIndex(dates))
    levels = values_of(values.reindex(pd.DatetimeIndex(dates), method="ffill"))
    own = np.abs(levels / values_of(means.iloc[rows]) - 1)
    found = float(np.max(own))
    # The pattern of dates is moved through all months: months next to each other stand equally far from the mean.
    months = distance.index.searchsorted(pd.DatetimeIndex(dates))
    moved = (months[:, None] + np.arange(len(distance))) % len(distance)
    largest = values_of(distance)[moved].max(axis=0)[1:]
    near, far = ((1 + np.sum(side)) / (len(largest) + 1) for side in (largest <= found, largest >= found))
    listed = ", ".join(f"{x:.3f}" for x in own)
    supports = found <= float(params["tolerance"])
    p = float(min(1, 2 * min(near, far)))
    note = f"distances {listed}; of all months {distance.median():.3f}; p of the pattern {p:.3f}"
    return Evidence(found, "share", None, None, len(own), p if "direction" in params else None, supports, note)
