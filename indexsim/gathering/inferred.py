"""A split that no table tells, inferred from the published level: only where one integer fits.

What the rebuilt sum lacks of the published level, over a stock's price times factor, is its ratio less one. The ratio
is taken where on every session in question the same integer, or the inverse of one, brings the level to the published
one for one stock alone; or where the lots of several stocks tell their ratios and together they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import Finding
from indexsim.gathering.splits import KnownSplit
from indexsim.index import PriceWeightedIndex

#: Largest ratio that is looked for.
MOST = 100
#: Half of the last digit of a published level, and what float sums of 225 products may add.
_HALF = 0.005 + 1e-5
_ENOUGH = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lacking:
    """What a rebuilt index lacks of the published one.

    Attributes
    ----------
    days : DatetimeIndex
    gap : ndarray of float64, shape (n_sessions,)
        Published level times divisor less the rebuilt sum, yen.
    within : ndarray of float64, shape (n_sessions,)
        How far the gap may lie from what explains it.
    parts : mapping of code to ndarray of float64
        Price times factor, NaN where a stock is not in.
    last : Timestamp
        Last session of the index: a split that is lacking to the end of `days` comes after it.
    """

    days: pd.DatetimeIndex
    gap: Floats
    within: Floats
    parts: Mapping[str, Floats]
    last: pd.Timestamp

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Sessions on which the level is not the published one."""
        apart: NDArray[np.bool_] = np.abs(self.gap) > self.within
        return apart


def lacking(index: PriceWeightedIndex, published: pd.Series) -> Lacking:
    """Return what an index lacks of published levels, as long as the divisor is the one it starts with.

    A later one was chained from the very prices in doubt. A session without a published level lacks nothing.
    """
    stepped = [entry.session for entry in index.ledger.entries[1:]]
    closes = index.closes if not stepped else index.closes[index.closes.index < pd.Timestamp(stepped[0])]
    published = published.reindex(closes.index)
    size = len(closes)
    gap, within = np.zeros(size), np.full(size, np.inf)
    codes = sorted({code for regime in index.regimes for code in regime.basket.factors})
    parts = {code: np.full(size, np.nan) for code in codes}
    ends = [*(regime.row for regime in index.regimes[1:]), len(index.closes)]
    for regime, end in zip(index.regimes, (min(end, size) for end in ends), strict=True):
        if regime.row >= size:
            break
        rows = slice(regime.row, end)
        total = np.zeros(end - regime.row)
        for code, factor in regime.basket.factors.items():
            parts[code][rows] = closes[code].to_numpy()[rows] * float(factor)
            total += parts[code][rows]
        divisor = float(regime.divisor)
        gap[rows] = published.to_numpy()[rows] * divisor - total
        within[rows] = _HALF * divisor
    unknown = np.isnan(gap)
    gap[unknown], within[unknown] = 0.0, np.inf
    return Lacking(pd.DatetimeIndex(closes.index), gap, within, parts, index.closes.index[-1])


def infer(lack: Lacking, volumes: pd.DataFrame | None, file: str) -> tuple[list[KnownSplit], list[Finding]]:
    """Return the splits that explain what is lacking, and what is to be said.

    Parameters
    ----------
    lack : Lacking
    volumes : DataFrame or None
        Shares by session and code, as traded so far as known.
    file : str
        For findings.

    Returns
    -------
    splits : list of KnownSplit
        Prices up to the session before `ex` are to be multiplied. Empty where nothing is lacking, or where it
        is listed as not explained.
    findings : list of Finding
    """
    wrong = np.flatnonzero(lack.wrong)
    if not len(wrong):
        return [], []
    if wrong[-1] != len(wrong) - 1:  # an unknown split changes every price before it
        return [], []
    end = lack.last if len(wrong) == len(lack.days) else lack.days[int(wrong[-1])]
    ex = (end + pd.Timedelta(days=1)).date()
    sets = _by_lots(lack, volumes, wrong) or _by_level(lack, wrong)
    row = f"{lack.days[0]:%Y-%m-%d}..{lack.days[int(wrong[-1])]:%Y-%m-%d}"
    if len(sets) != 1:
        named = "; ".join(", ".join(f"{code} {ratio}" for code, ratio in found.items()) for found in sets[:5])
        why = f"{len(sets)} ratios fit ({named})" if sets else "no single whole ratio fits"
        found = f"the rebuilt level is not the published one on {len(wrong)} sessions, and {why}"
        return [], [Finding(file, row, "", "ratio-not-told", found, "warning")]
    splits = [KnownSplit(ex, code, ratio, "inferred") for code, ratio in sets[0].items()]
    said = [
        Finding(
            file, row, s.code, "ratio-inferred", f"{s.ratio}, the only one that fits the published level", "warning"
        )
        for s in splits
    ]
    return splits, said


def _by_level(lack: Lacking, wrong: NDArray[np.intp]) -> list[dict[str, Fraction]]:
    """Return every stock and ratio that alone explains the gap on all sessions."""
    found = []
    for code, part in lack.parts.items():
        parts = part[wrong]
        if np.isnan(parts).any():
            continue
        median = float(np.median(1 + lack.gap[wrong] / parts))
        for ratio in _near(median):
            if _explains(lack, wrong, {code: ratio}):
                found.append({code: ratio})
    return found


def _near(value: float) -> list[Fraction]:
    """Return the integer and the inverse of one next to a number, other than one."""
    whole, inverse = round(value), round(1 / value) if value > 1 / (2 * MOST) else 0
    return [
        *([Fraction(whole)] if 2 <= whole <= MOST else []),
        *([Fraction(1, inverse)] if 2 <= inverse <= MOST else []),
    ]


def _explains(lack: Lacking, wrong: NDArray[np.intp], ratios: Mapping[str, Fraction]) -> bool:
    added = np.zeros(len(wrong))
    for code, ratio in ratios.items():
        added += lack.parts[code][wrong] * float(ratio - 1)
    # Prices were rounded before they are multiplied: to half a tenth of a yen, times the ratio.
    slack = sum(0.05 * float(ratio) * 25 for ratio in ratios.values())
    return bool((np.abs(lack.gap[wrong] - added) <= lack.within[wrong] + slack).all())


def _by_lots(lack: Lacking, volumes: pd.DataFrame | None, wrong: NDArray[np.intp]) -> list[dict[str, Fraction]]:
    """Return the ratios that the lots of stocks tell, where together they explain the gap."""
    if volumes is None:
        return []
    told: dict[str, Fraction] = {}
    days = lack.days[wrong]
    for code, part in lack.parts.items():
        if code not in volumes or np.isnan(part[wrong]).any():
            continue
        shares = volumes[code].reindex(days).dropna()
        shares = shares[shares > 0].astype("int64")
        lot = gcd(*shares.tolist()) if len(shares) >= _ENOUGH else 0
        if lot and lot % 100 == 0 and 2 <= lot // 100 <= MOST:
            told[code] = Fraction(lot // 100)
    return [told] if told and _explains(lack, wrong, told) else []
