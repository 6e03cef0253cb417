"""Dividends adjusted for splits, brought back to what was paid.

A list of payments says neither up to when it is adjusted. A list that reaches further and has some of its payments
too tells: either only the splits up to its end are in it, or the later ones as well. Without one, the splits that the
prices beside it contain are taken, and that is said; without those, payments before a later split are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import Finding, ToolError
from indexsim.gathering.reconcile import Source
from indexsim.gathering.splits import KnownSplit
from indexsim.official.reading import PAYMENTS, Reading

#: Share of common payments that must agree for a list to be taken as adjusted so.
_MOST = 0.8
_WITHIN = 0.02
#: Common payments before a later split from which they tell.
_ENOUGH = 3


def sources_of(
    readings: Sequence[Reading], splits: Sequence[KnownSplit], contained: Sequence[KnownSplit] | None, asked: bool
) -> tuple[list[Source], list[Finding]]:
    """Return what readings say of dividends, as paid, that which reaches furthest first.

    Parameters
    ----------
    readings : sequence of Reading
        Those with `PAYMENTS` are used.
    splits : sequence of KnownSplit
        All that are known.
    contained : sequence of KnownSplit or None
        Those that the prices beside them are adjusted for, or that the user dates; None where nobody says.
    asked : bool
        Whether adjusted amounts are to be brought back.
    """
    lists = [(reading, reading.frames[PAYMENTS]) for reading in readings if PAYMENTS in reading.frames]
    lists.sort(key=lambda pair: pair[1]["ex_date"].max(), reverse=True)
    sources: list[Source] = []
    findings: list[Finding] = []
    for reading, frame in lists:
        end = frame["ex_date"].max().date()
        now = [split for split in splits if split.ex <= end]
        later = _later(frame, splits, end)
        told = _told_by(frame, now, later, sources[0].frame) if sources and later else None
        if later and told is None:
            told = None if contained is None else [split for split in later if split in contained]
            if told is not None:
                found = f"taken as adjusted for the splits that the prices contain ({len(told)} after its end)"
                findings.append(Finding(reading.file, "", "", "adjusted-is-not-told", found, "warning"))
        if later and told is None:
            frame, said = _without(frame, later, reading.file)
            findings += said
        back = frame["yen"].to_numpy() * _ratios(frame, [*now, *(told or [])])
        if (back != frame["yen"].to_numpy())[frame["yen"].notna().to_numpy()].any() and not asked:
            raise ToolError(
                asked=f"import {reading.file}",
                found="dividends adjusted for splits",
                rule="a market holds dividends as paid (data/README.md)",
                todo="import with --unadjust",
            )
        sources.append(Source(reading.file, reading.rank, frame.assign(yen=np.round(back, 4))))
    return sources, findings


def _later(frame: pd.DataFrame, splits: Sequence[KnownSplit], end: date) -> list[KnownSplit]:
    codes = set(frame["code"])
    return [split for split in splits if split.ex > end and split.code in codes]


def _ratios(frame: pd.DataFrame, splits: Sequence[KnownSplit]) -> NDArray[np.float64]:
    """Return what each amount is multiplied by: a payment on the ex-date of a split is one for a share before it."""
    found = np.ones(len(frame))
    codes, days = frame["code"].to_numpy(dtype=object), frame["ex_date"].to_numpy()
    for split in splits:
        found[(codes == split.code) & (days <= np.datetime64(split.ex))] *= float(split.ratio)
    return found


def _told_by(
    frame: pd.DataFrame, now: Sequence[KnownSplit], later: Sequence[KnownSplit], better: pd.DataFrame
) -> list[KnownSplit] | None:
    """Return the later splits that a list contains, from the payments that a better one has as paid."""
    key = ["ex_date", "code"]
    common = frame.merge(better[[*key, "yen"]], on=key, suffixes=("", "_paid")).dropna()
    common = common[_ratios(common, later) != 1]
    if len(common) < _ENOUGH:
        return None
    for told in ([], list(later)):
        paid = common["yen"].to_numpy() * _ratios(common, [*now, *told])
        if (np.abs(paid / common["yen_paid"].to_numpy() - 1) <= _WITHIN).mean() >= _MOST:
            return told
    return None


def _without(frame: pd.DataFrame, later: Sequence[KnownSplit], file: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Leave out payments of which nothing tells whether a later split is in them."""
    unsure = _ratios(frame, later) != 1
    if not unsure.any():
        return frame, []
    codes = sorted(set(frame["code"].to_numpy(dtype=object)[unsure]))
    found = f"{int(unsure.sum())} payments of {', '.join(codes[:8])}: nothing tells whether later splits are in them"
    finding = Finding(file, "", "", "adjusted-is-not-told", f"{found}; left out (--adjusted-to DATE says)", "warning")
    return frame[~unsure], [finding]
