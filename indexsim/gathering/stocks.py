"""Prices of many stocks: from long tables, adjusted or not, to the wide files of a market, as traded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from indexsim.errors import Finding, SpecError, ToolError
from indexsim.gathering.reconcile import Source
from indexsim.gathering.splits import Evidence, KnownSplit, evidence
from indexsim.gathering.unadjust import unadjusted
from indexsim.official.reading import STOCKS, Reading

#: Column of a long table -> wide file of a market.
WIDE = {"close": "closes", "open": "opens", "volume": "volumes"}


@dataclass(frozen=True)
class Undo:
    """What the user asks about adjusted prices.

    Attributes
    ----------
    asked : bool
        Whether adjusted prices are to be brought back.
    splits : tuple of KnownSplit
        Known ones.
    upto : date or None
        Splits after the last row of a file are in its prices up to this day; None lets the volumes tell.
    """

    asked: bool
    splits: tuple[KnownSplit, ...]
    upto: date | None = None


def sources_of(
    readings: Sequence[Reading], undo: Undo, start: date | None, inferred: Sequence[KnownSplit] = ()
) -> tuple[dict[str, list[Source]], list[Finding]]:
    """Return the wide files that readings give, as traded.

    Parameters
    ----------
    readings : sequence of Reading
        Those with `STOCKS` in them are used.
    undo : Undo
    start : date or None
        Rows before it are left out.
    inferred : sequence of KnownSplit
        Further splits that adjusted prices contain.

    Raises
    ------
    ToolError
        Prices are adjusted and `undo` is not asked for, or nothing tells what they are adjusted for.
    """
    sources: dict[str, list[Source]] = {}
    findings: list[Finding] = []
    for reading in readings:
        if STOCKS not in reading.frames:
            continue
        frame, said = _as_traded(reading, undo, start, inferred)
        findings += said
        for column, file in WIDE.items():
            if column in frame:
                wide = frame.pivot(index="date", columns="code", values=column).rename_axis(columns=None)
                sources.setdefault(file, []).append(Source(reading.file, reading.rank, wide.dropna(how="all")))
    return sources, findings


def _as_traded(
    reading: Reading, undo: Undo, start: date | None, inferred: Sequence[KnownSplit]
) -> tuple[pd.DataFrame, list[Finding]]:
    frame = reading.frames[STOCKS]
    kept, findings = frame, []
    if start is not None and (frame["date"] < pd.Timestamp(start)).any():
        kept = frame[frame["date"] >= pd.Timestamp(start)]
        found = f"{len(frame) - len(kept)} rows before {start} left out: the basket is not known there"
        findings.append(Finding(reading.file, f"{frame['date'].min():%Y-%m-%d}", "", "before-basket", found, "warning"))
    kept = kept.sort_values(["date", "code"], kind="stable").reset_index(drop=True)
    if reading.adjusted == "none":
        return kept, findings
    if reading.adjusted == "all":
        raise _refused(reading, "prices adjusted for dividends too: they cannot be brought back", _TODO_AS_TRADED)
    told = evidence(frame.sort_values("date", kind="stable"), undo.splits, undo.upto)
    splits = _contained(reading, told, undo, kept, findings)
    if not splits and not inferred:
        return kept, findings
    if not undo.asked:
        shown = ", ".join(str(split) for split in splits[:3])
        found = f"prices adjusted for {len(splits)} splits, as {shown}"
        raise _refused(reading, found, "import with --unadjust, or get prices as traded")
    kept, _, said = unadjusted(kept, [*splits, *inferred], reading.file)
    return kept, [*findings, *said]


_TODO_AS_TRADED = "download prices as traded (yfinance: auto_adjust=False, then --unadjust)"


def _refused(reading: Reading, found: str, todo: str) -> ToolError:
    return ToolError(
        asked=f"import {reading.file}", found=found, rule="a market holds prices as traded (data/README.md)", todo=todo
    )


def _contained(
    reading: Reading, told: Evidence, undo: Undo, kept: pd.DataFrame, findings: list[Finding]
) -> list[KnownSplit]:
    """Return the splits that the kept rows are adjusted for, and say which of the known ones they are not.

    Where nearly all splits within the rows say one thing, those of which nothing tells go with them.
    """
    last = kept["date"].max().date() if len(kept) else None
    inside = [s for s in (*told.adjusted, *told.as_traded) if last and s.ex <= last]
    adjusted = [s for s in told.adjusted if last and s.ex <= last]
    share = len(adjusted) / len(inside) if inside else None
    unclear_inside = [s for s in told.unclear if last and s.ex <= last]
    later = [s for s in told.unclear if last and s.ex > last]
    if later and share != 0.0 and not (share is None and not told.adjusted and reading.adjusted == "unknown"):
        shown = ", ".join(str(split) for split in later[:3])
        raise SpecError(
            asked=f"bring the prices of {reading.file} back",
            found=f"nothing in it tells whether they are adjusted for {shown}",
            rule="volumes in lots of 100 tell, or the day up to which the source adjusts",
            todo="say it with --adjusted-to DATE",
        )
    if later and share is None:
        shown = ", ".join(str(split) for split in later[:3])
        found = f"taken as traded; nothing tells whether it is adjusted for {shown}"
        findings.append(Finding(reading.file, "", "", "adjusted-is-not-told", found, "warning"))
    alone = [s for s in (told.as_traded if share and share >= 0.5 else told.adjusted) if last and s.ex <= last]
    if share is not None and 0 < share < 1:
        for split in alone:
            found = f"{split} is read unlike most others: taken as traded"
            findings.append(Finding(reading.file, str(split.ex), split.code, "split-unlike-others", found, "warning"))
    if not share or share < 0.5:
        return [split for split in told.adjusted if last and split.ex > last]
    return sorted([*told.adjusted, *unclear_inside])
