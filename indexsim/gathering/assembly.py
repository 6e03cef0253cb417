"""Readings of files, and what a folder holds, as the files of a market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from indexsim import sessions
from indexsim.errors import Finding
from indexsim.facts import index_events
from indexsim.gathering import payments, stocks
from indexsim.gathering.members import Members, members
from indexsim.gathering.reconcile import Conflict, Source, reconcile
from indexsim.gathering.splits import KnownSplit, evidence
from indexsim.gathering.stocks import Undo
from indexsim.official.reading import FACTORS, OTHER, PUBLISHER, STOCKS, WEIGHTS, Reading
from indexsim.schema import FILES

#: What a folder holds already goes by this name.
HELD = "the folder"


@dataclass(frozen=True)
class Assembly:
    """All that is to be put together.

    Attributes
    ----------
    held : mapping of file to DataFrame
        What the folder holds.
    readings : tuple of Reading
    undo : Undo
    """

    held: Mapping[str, pd.DataFrame]
    readings: tuple[Reading, ...]
    undo: Undo

    def frames(
        self, inferred: Sequence[KnownSplit] = ()
    ) -> tuple[dict[str, pd.DataFrame], list[Conflict], list[Finding]]:
        """Return the files of the market, cells in which sources differ, and what is to be said.

        Parameters
        ----------
        inferred : sequence of KnownSplit
            Splits beyond the known ones that adjusted prices contain.
        """
        basket, file = self._members()
        start = basket.start if basket else self._held_start()
        sources, findings = stocks.sources_of(self.readings, self.undo, start, inferred)
        paid, said = payments.sources_of(self.readings, self.undo.splits, self._contained(), self.undo.asked)
        findings += said
        if paid:
            sources["dividends"] = paid
        for reading in self.readings:
            for name, frame in reading.frames.items():
                if name in FILES:
                    kept, said = _on_sessions(name, frame, reading.file)
                    findings += said
                    sources.setdefault(name, []).append(Source(reading.file, reading.rank, kept))
        if basket:
            findings += basket.findings
            sources["factors"] = [Source(file, PUBLISHER, basket.factors)]
            sources["divisors"] = [Source(file, PUBLISHER, basket.divisors)]
        if names := self._names(set(basket.factors["code"]) if basket else set()):
            sources.setdefault("constituents", []).append(names)
        return (*self._reconciled(sources, replaced=basket is not None), findings)

    def _reconciled(
        self, sources: Mapping[str, list[Source]], replaced: bool
    ) -> tuple[dict[str, pd.DataFrame], list[Conflict]]:
        frames, conflicts = {}, []
        for name in sorted(sources):
            anew = replaced and name in ("factors", "divisors")
            held = [] if anew or name not in self.held else [Source(HELD, OTHER, self.held[name])]
            frames[name], found = reconcile(name, [*held, *sources[name]])
            conflicts += found
        return frames, conflicts

    def _members(self) -> tuple[Members | None, str]:
        """Return the basket of the latest list of factors, and the list's file."""
        lists = [reading for reading in self.readings if FACTORS in reading.frames]
        if not lists:
            return None, ""
        latest = max(lists, key=lambda reading: str(reading.frames[FACTORS]["date"].iloc[0]))
        first, last = self._span()
        return members(latest.frames[FACTORS], latest.file, first, last), latest.file

    def _span(self) -> tuple[date | None, date | None]:
        """Return the first and the last day with prices of stocks."""
        days = [reading.frames[STOCKS]["date"] for reading in self.readings if STOCKS in reading.frames]
        days += [r.frames["closes"].index.to_series() for r in self.readings if "closes" in r.frames]
        days += [self.held["closes"].index.to_series()] if "closes" in self.held else []
        if not days:
            return None, None
        return min(d.min() for d in days).date(), max(d.max() for d in days).date()

    def _held_start(self) -> date | None:
        """Return the first session of the basket that the folder holds, or that is imported as it is."""
        frames = [reading.frames["factors"] for reading in self.readings if "factors" in reading.frames]
        frame = frames[0] if frames else self.held.get("factors")
        if frame is None or frame.empty:
            return None
        return date.fromisoformat(str(frame["effective_date"].iloc[0]))

    def _contained(self) -> list[KnownSplit] | None:
        """Return the splits that the prices of stocks contain, or that the user dates; None where nobody says."""
        if self.undo.upto is not None:
            return [split for split in self.undo.splits if split.ex <= self.undo.upto]
        frames = [r.frames[STOCKS] for r in self.readings if STOCKS in r.frames and r.adjusted != "none"]
        if not frames:
            return None
        latest = max(frames, key=lambda frame: str(frame["date"].max()))
        return list(evidence(latest.sort_values("date", kind="stable"), self.undo.splits, None).adjusted)

    def _names(self, members: set[str]) -> Source | None:
        """Return names and sectors of one list, names of the facts for members that came or went around it."""
        lists = [(r.file, r.frames[k]) for k in (FACTORS, WEIGHTS) for r in self.readings if k in r.frames]
        if not lists or "name" not in lists[0][1]:
            return None
        file, frame = lists[0]
        columns = [column for column in ("code", "name", "industry", "sector") if column in frame]
        told = frame[columns].reset_index(drop=True)
        others = {e.code: e.name for e in index_events() if e.code in members - set(told["code"])}
        more = pd.DataFrame({"code": list(others), "name": list(others.values())}, dtype=object)
        whole = pd.concat([told, more], ignore_index=True).fillna("").sort_values("code", kind="stable")
        return Source(file, PUBLISHER, whole.reset_index(drop=True))


def _on_sessions(name: str, frame: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Leave out the rows of a Tokyo file on days without trading, and say which."""
    if not FILES[name].tokyo:
        return frame, []
    days = pd.DatetimeIndex(frame.index if FILES[name].date_indexed else frame["date"])
    held = (days >= pd.Timestamp(sessions.FIRST_DAY)) & (days <= pd.Timestamp(sessions.LAST_DAY))
    closed = held & ~days.isin(sessions.all_sessions())
    if not closed.any():
        return frame, []
    shut = [day.date() for day in days[closed].unique()]
    told = [f"{day}" + (f" ({sessions.OUTAGES[day]})" if day in sessions.OUTAGES else "") for day in shut]
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    found = f"rows on days without trading left out: {', '.join(told[:5])}{more}"
    return frame[~closed], [Finding(file, str(shut[0]), "", "not-a-session", found, "warning")]
