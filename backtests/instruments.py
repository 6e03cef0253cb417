"""What can be traded: contracts and funds, read from ``data/facts``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from backtests.execution import PER_WHOLE, PER_YEN
from indexsim.errors import unknown_name

FACTS = Path(__file__).resolve().parent.parent / "data" / "facts"


@dataclass(frozen=True)
class Instrument:
    """One tradable contract or fund, with integer terms.

    Attributes
    ----------
    name : str
    kind : {"future", "etf"}
        A future pays variation only; an ETF pays its notional.
    series : str
        Market file its prices come from.
    multiplier : int
        Yen per point (1 for an ETF).
    lot : int
        Smallest quantity and step.
    ticks : str
        Table in ``data/facts/ticks.csv``.
    fee_per_contract : int
        Sen per contract or share.
    fee_rate : int
        Rate on the notional, in 0.01 bp.
    margin_rate : int
        Part of the notional that is bound, in 1e-6 (1,000,000 = all).
    confidence, source : str
        Where the terms come from.
    """

    name: str
    kind: str
    series: str
    multiplier: int
    lot: int
    ticks: str
    fee_per_contract: int
    fee_rate: int
    margin_rate: int
    confidence: str
    source: str

    def terms(self) -> dict[str, Any]:
        """Return the terms as plain values: fees in yen and bp, margin as a share of the notional."""
        return {
            "name": self.name,
            "kind": self.kind,
            "series": self.series,
            "multiplier": self.multiplier,
            "lot": self.lot,
            "ticks": self.ticks,
            "fee_yen": self.fee_per_contract / PER_YEN,
            "fee_bps": self.fee_rate / 100,
            "margin": self.margin_rate / PER_WHOLE,
            "confidence": self.confidence,
            "source": self.source,
        }

    @property
    def cash_settled(self) -> bool:
        """Whether only price changes move cash (futures)."""
        return self.kind == "future"


@cache
def instruments() -> dict[str, Instrument]:
    """Return every instrument by name, in the order of the fact table."""
    with (FACTS / "instruments.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["name"]: Instrument(
            name=row["name"],
            kind=row["kind"],
            series=row["series"],
            multiplier=int(row["multiplier"]),
            lot=int(row["lot"]),
            ticks=row["ticks"],
            fee_per_contract=round(float(row["fee_yen"]) * PER_YEN),
            fee_rate=round(float(row["fee_bps"]) * 100),
            margin_rate=round(float(row["margin_rate"]) * PER_WHOLE),
            confidence=row["confidence"],
            source=row["source"],
        )
        for row in rows
    }


def instrument(name: str) -> Instrument:
    """Return one instrument.

    Raises
    ------
    SpecError
        With the nearest name where there is no such instrument.

    Examples
    --------
    >>> instrument("nikkei_mini").multiplier
    100
    """
    if name not in instruments():
        raise unknown_name("instrument", name, instruments())
    return instruments()[name]


@dataclass(frozen=True)
class TickTable:
    """Ticks of one table by date and price.

    Attributes
    ----------
    steps : tuple of (first day, ((highest price, tick), ...))
        Ascending; prices and ticks in integer units of 0.01 yen.
    """

    steps: tuple[tuple[np.datetime64, tuple[tuple[float, int], ...]], ...]

    def ticks(self, sessions: np.ndarray, prices: np.ndarray) -> np.ndarray:
        """Return the tick in force for each price.

        Parameters
        ----------
        sessions : ndarray of datetime64[D], shape (n,)
        prices : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        found = np.zeros(len(prices), dtype=np.int64)
        for since, bands in self.steps:
            tops = np.array([top for top, _ in bands])
            sizes = np.array([tick for _, tick in bands], dtype=np.int64)
            inside = sessions >= since
            found[inside] = sizes[np.searchsorted(tops, prices[inside], side="left")]
        return found


@cache
def tick_table(name: str) -> TickTable:
    """Return a tick table of ``data/facts/ticks.csv``.

    Examples
    --------
    1321 at 28,000 yen, before and after the fine table:

    >>> days = np.array(["2021-11-26", "2021-11-29"], dtype="datetime64[D]")
    >>> tick_table("etf").ticks(days, np.array([2_800_000, 2_800_000])).tolist()
    [1000, 500]
    """
    with (FACTS / "ticks.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == name]
    steps: dict[str, list[tuple[float, int]]] = {}
    for row in rows:
        top = float(row["price_up_to"]) * PER_YEN if row["price_up_to"] else np.inf
        steps.setdefault(row["from_date"] or "0001-01-01", []).append((top, round(float(row["tick"]) * PER_YEN)))
    return TickTable(tuple((np.datetime64(day, "D"), tuple(bands)) for day, bands in sorted(steps.items())))
