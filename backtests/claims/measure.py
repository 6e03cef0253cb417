"""What every test of a claim does alike: say what is missing, split the data at the seed's date, judge a direction.

A seed may have been written after a look at the data, so data up to its date and data after it are kept apart: the
effect, its interval and its p use the former, `Evidence.later` the latter.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from backtests.claims.evidence import Evidence, Inputs, Test
from backtests.claims.series import Params, Unavailable
from backtests.claims.statistics import Floats, generator

#: Fewer rows than this say nothing.
FEWEST = 8


class TooFewError(ValueError):
    """Too few observations to compute a figure at all; the number is its argument."""


def exact(effect: float | None, unit: str, n: int, supports: bool | None, note: str = "") -> Evidence:
    """Return the evidence of a comparison with a stated value."""
    return Evidence(effect, unit, None, None, n, None, supports, note)


def absent(what: str, unit: str = "") -> Evidence:
    """Return the evidence of a claim that lacks an input."""
    return Evidence(None, unit, None, None, 0, None, None, missing=(what,))


def claim_test(test: Test) -> Test:
    """Make a test say what is missing, or that there is too little, instead of raising."""

    @functools.wraps(test)
    def run(inputs: Inputs, params: Params) -> Evidence:
        try:
            return test(inputs, params)
        except Unavailable as reason:
            return absent(str(reason))
        except TooFewError as few:
            return Evidence(None, "", None, None, int(few.args[0]), None, None, "too few observations")

    return run


def split_at_seed(test: Test) -> Test:
    """Make a test use the data up to ``seed_date``, and measure once more on the data after it."""
    test = claim_test(test)

    @functools.wraps(test)
    def run(inputs: Inputs, params: Params) -> Evidence:
        if "seed_date" not in params:
            return test(inputs, params)
        seed = day(params["seed_date"])
        first, last = params.get("first", params.get("start")), params.get("last", params.get("end"))
        until = seed if last is None else min(seed, day(last))
        since = seed + pd.Timedelta(days=1)
        since = since if first is None else max(since, day(first))
        found = test(inputs, {**params, "last": str(until.date())})
        after = test(inputs, {**params, "first": str(since.date())})
        return replace(found, later=(after.effect, after.n) if after.n else None)

    return run


def draws_of(params: Params, test: str) -> np.random.Generator:
    """Return the generator of a claim: its id is the seed."""
    return generator(str(params.get("id", test)))


def asserted(effect: float, params: Params) -> bool:
    """Return whether an effect has the asserted direction or size.

    ``direction`` above or below ``threshold`` (0); equal: within ``tolerance`` of ``threshold``, or of ``value``
    where one is named. Without a direction but with a value, equal is meant.

    >>> asserted(0.2, {"direction": "above"}), asserted(0.2, {"value": 0.4, "tolerance": 0.1})
    (True, False)
    """
    if is_size(params):
        size = float(params["value"]) if "value" in params else threshold(params)
        return abs(effect - size) <= float(params["tolerance"]) * (1 + 1e-12)
    return effect < threshold(params) if params.get("direction") == "below" else effect > threshold(params)


def threshold(params: Params) -> float:
    """Return what the effect is compared with, 0 where nothing is said."""
    return float(params.get("threshold", 0.0))


def is_size(params: Params) -> bool:
    """Return whether the claim states a size (no p then) and not a direction."""
    return bool(params.get("direction", "equal" if "value" in params else "above") == "equal")


def estimate(
    params: Params, effect: float, unit: str, interval: tuple[float, float], n: int, p: float, note: str
) -> Evidence:
    """Return the evidence of an estimate: with its p, or without where a size is asserted."""
    low, high = interval
    known = math.isfinite(effect)
    return Evidence(
        effect if known else None,
        unit,
        low if math.isfinite(low) else None,
        high if math.isfinite(high) else None,
        n,
        None if is_size(params) or not known else float(p),
        asserted(effect, params) if known else None,
        note,
    )


def values_of(series: pd.Series) -> Floats:
    """Return a series as floats."""
    found: Floats = series.to_numpy(np.float64)
    return found


def enough(n: int, fewest: int = FEWEST) -> None:
    """Refuse too few observations.

    Raises
    ------
    TooFewError
    """
    if n < fewest:
        raise TooFewError(n)


def day(text: Any) -> pd.Timestamp:
    """Return a date."""
    return pd.Timestamp(str(text))
