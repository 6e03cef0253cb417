"""Splits from the dated facts and from files, and which of them the prices of a source are adjusted for.

A source says neither whether nor up to when it adjusts. Its numbers do: over the ex-date an adjusted price does not
move by the ratio; and volumes, round lots of 100 since October 2018, are multiples of 100 x ratio where a split that
comes after the last row is in them already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import log

import numpy as np
import pandas as pd

from indexsim.errors import Finding
from indexsim.facts import IndexEvent, index_events

#: From this session every listed stock trades in lots of 100.
LOTS_OF_100 = pd.Timestamp("2018-10-01")
#: Last volumes of a code that are looked at, and how many there must be.
_VOLUMES, _ENOUGH = 60, 10
#: Smallest ratio that stands out from the moves of a day.
_PLAIN_TO_SEE = 1.4
#: A split stands in two tables if it has one ratio and its days are so many days apart.
_SAME_WITHIN = 120
#: Largest denominator of a ratio that a table gives as a decimal.
_DENOMINATOR = 100


@dataclass(frozen=True, order=True)
class KnownSplit:
    """A split or a reverse split.

    Attributes
    ----------
    ex : date
        First session at the new price.
    code : str
    ratio : Fraction
        New shares for an old one.
    source : str
    """

    ex: date
    code: str
    ratio: Fraction
    source: str

    def __str__(self) -> str:
        return f"{self.code} {self.ratio.numerator}:{self.ratio.denominator} on {self.ex}"


def from_facts() -> list[KnownSplit]:
    """Return the splits of constituents that the facts hold."""
    told = [(event, _ratio(event)) for event in index_events() if event.event.startswith("split")]
    return sorted(KnownSplit(e.effective, e.code, r, "facts") for e, r in told if r is not None)


def _ratio(event: IndexEvent) -> Fraction | None:
    _, _, written = event.event.partition(" ")
    if written:
        new, old = written.split(":")
        return Fraction(new) / Fraction(old)
    if event.factor_before and event.factor_after:
        return event.factor_after / event.factor_before
    return None


def from_table(frame: pd.DataFrame, source: str) -> list[KnownSplit]:
    """Return the splits of a table with ``ex_date``, ``code``, ``ratio``."""
    return sorted(
        KnownSplit(day.date(), str(code), Fraction(float(ratio)).limit_denominator(_DENOMINATOR), source)
        for day, code, ratio in zip(frame["ex_date"], frame["code"], frame["ratio"], strict=True)
    )


def joined(first: Sequence[KnownSplit], others: Sequence[KnownSplit]) -> tuple[list[KnownSplit], list[Finding]]:
    """Return splits of two tables, each once: one that stands in both under two days, or two ratios, is the first's."""
    kept, findings = list(first), []
    for split in others:
        near = [s for s in kept if s.code == split.code and abs((s.ex - split.ex).days) <= _SAME_WITHIN]
        twin = next((s for s in near if s.ratio == split.ratio or s.ex == split.ex), None)
        if twin is None:
            kept.append(split)
        elif (twin.ex, twin.ratio) != (split.ex, split.ratio):
            found = f"{split} of {split.source} is taken for {twin} of {twin.source}"
            findings.append(Finding(split.source, str(split.ex), split.code, "split-told-twice", found, "warning"))
    return sorted(kept), findings


@dataclass(frozen=True)
class Evidence:
    """What the prices of a source say of the known splits.

    Attributes
    ----------
    adjusted : tuple of KnownSplit
        Those that the prices are adjusted for.
    as_traded : tuple of KnownSplit
        Those over which the prices move.
    unclear : tuple of KnownSplit
        Those after the last row of which nothing tells.
    """

    adjusted: tuple[KnownSplit, ...]
    as_traded: tuple[KnownSplit, ...]
    unclear: tuple[KnownSplit, ...]


def evidence(prices: pd.DataFrame, splits: Iterable[KnownSplit], upto: date | None) -> Evidence:
    """Find out which splits prices are adjusted for.

    Parameters
    ----------
    prices : DataFrame
        ``date``, ``code``, ``close`` and, where there is one, ``volume``; by date.
    splits : iterable of KnownSplit
    upto : date or None
        The user's word on splits after the last row: those up to this day are in the prices.

    Returns
    -------
    Evidence
        Splits before the first row of their code, which change nothing, are in none of its parts.
    """
    groups = {str(code): rows for code, rows in prices.groupby("code", sort=True)}
    parts: dict[str, list[KnownSplit]] = {"adjusted": [], "as_traded": [], "unclear": []}
    later: dict[str, list[KnownSplit]] = {}
    for split in sorted(splits):
        rows = groups.get(split.code)
        if rows is None or pd.Timestamp(split.ex) <= rows["date"].iloc[0]:
            continue
        if pd.Timestamp(split.ex) > rows["date"].iloc[-1]:
            later.setdefault(split.code, []).append(split)
        else:
            parts[_inside(rows, split)].append(split)
    for code, after in later.items():
        for split, part in _after(groups[code], after, upto):
            parts[part].append(split)
    return Evidence(*(tuple(sorted(parts[name])) for name in ("adjusted", "as_traded", "unclear")))


def _inside(rows: pd.DataFrame, split: KnownSplit) -> str:
    """Say whether the close moves by the ratio over an ex-date within the rows; a small one goes with the others."""
    at = int(rows["date"].searchsorted(pd.Timestamp(split.ex)))
    before, here = float(rows["close"].iloc[at - 1]), float(rows["close"].iloc[at])
    size = abs(log(split.ratio))
    if size < log(_PLAIN_TO_SEE):
        return "unclear"
    moved = log(here / before)
    return "as_traded" if abs(moved + log(split.ratio)) < abs(moved) else "adjusted"


def _after(rows: pd.DataFrame, splits: Sequence[KnownSplit], upto: date | None) -> list[tuple[KnownSplit, str]]:
    """Say of the splits after the last row, in their order, whether volumes are already multiples of their lots."""
    if upto is not None:
        return [(split, "adjusted" if split.ex <= upto else "as_traded") for split in splits]
    lots = _lots(rows)
    if lots is None:
        return [(split, "unclear") for split in splits]
    told, ratio = [], Fraction(1)
    inside = True
    for split in splits:
        ratio *= split.ratio
        whole = all((lot / ratio).denominator == 1 for lot in lots)
        coarse = split.ratio < 1 and all(lot.denominator == 1 for lot in lots)
        inside = inside and whole and not coarse
        told.append((split, "adjusted" if inside else "as_traded"))
    return told


def _lots(rows: pd.DataFrame) -> list[Fraction] | None:
    """Return the last volumes in lots of 100; None where there are too few."""
    if "volume" not in rows:
        return None
    recent = rows[(rows["date"] >= LOTS_OF_100) & (rows["volume"] > 0)]["volume"].tail(_VOLUMES)
    values = recent.to_numpy(dtype=np.float64)
    if len(values) < _ENOUGH or (values != np.rint(values)).any():
        return None
    return [Fraction(int(value), 100) for value in values]
