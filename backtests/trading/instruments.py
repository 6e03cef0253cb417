"""What can be traded: contracts, funds, stocks and CFDs, read from ``data/facts``."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from backtests.trading.execution import PER_WHOLE, PER_YEN
from backtests.trading.terms import margin_table
from indexsim.errors import SpecError, unknown_name
from indexsim.facts import FACTS
from indexsim.market import MarketData

#: Kinds of which only price changes move cash.
CASH_SETTLED = ("future", "cfd")

#: The row of the fact table that every stock shares, and how a stock is named.
STOCK = "stock_CODE"
_STOCK_NAME = re.compile(r"stock_([0-9][0-9A-Z]{3})")

#: Tick table by size class of ``constituents``; a class that is not named has the general one.
_TICKS_BY_SIZE = {"TOPIX Core30": "stock_fine", "TOPIX Large70": "stock_fine", "TOPIX Mid400": "stock_mid400"}


@dataclass(frozen=True)
class Instrument:
    """One tradable contract, fund or stock, with integer terms.

    The CFD of S001 has 100 yen a point and lots of 0.01 to 40: a quantity of one is 0.01 lot, so its multiplier
    is 1 yen, its lot 1 and its largest order 4,000.

    Attributes
    ----------
    name : str
    kind : {"future", "etf", "stock", "cfd"}
        Futures and CFDs pay variation only; funds and stocks pay their notional.
    series : str
        Market file its prices come from; for a stock its code, a column of ``opens`` and ``closes``.
    multiplier : int
        Yen per point and unit of quantity (1 for a fund or a stock).
    lot : int
        Smallest quantity and step.
    ticks : str
        Table in ``data/facts/ticks.csv``.
    fee_per_contract : int
        Sen per contract or share.
    fee_rate : int
        Rate on the notional, in 0.01 bp.
    margins : str
        Table in ``data/facts/margins.csv``.
    confidence, source : str
        Where the terms come from.
    root : str
        What it is called in the file ``futures``; "" for anything but a future.
    months : tuple of int
        Contract months that are held: the quarterly ones, which are the liquid ones, also for mini and micro.
    limits : str
        Table in ``data/facts/price_limits.csv``; "" has none.
    borrow_rate : int
        Owed on the value of a short, a year, in 1e-6; zero where nothing is borrowed.
    funding_long, funding_short : int
        Owed on the notional of a CFD, a year, in 1e-6; below zero is received. No adjustment for dividends.
    half_spread : int
        Added to every fill against the trader, in 0.01 yen.
    most : int
        Largest quantity of an order; 0 is any.
    roll_ticks : int
        What a roll costs on each of its two sides, in ticks: one is what an ordinary fill costs, slippage
        rounded to the tick.
    hours : str
        When it trades, where that is not the day session of its exchange.
    """

    name: str
    kind: str
    series: str
    multiplier: int
    lot: int
    ticks: str
    fee_per_contract: int
    fee_rate: int
    margins: str
    confidence: str
    source: str
    root: str = ""
    months: tuple[int, ...] = ()
    limits: str = ""
    borrow_rate: int = 0
    funding_long: int = 0
    funding_short: int = 0
    half_spread: int = 0
    most: int = 0
    roll_ticks: int = 0
    hours: str = ""

    def terms(self) -> dict[str, Any]:
        """Return the terms as plain values: fees in yen and bp, rates as shares, prices in yen or points."""
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
            "margins": self.margins,
            "root": self.root,
            "months": list(self.months),
            "limits": self.limits,
            "borrow_rate": self.borrow_rate / PER_WHOLE,
            "funding_long": self.funding_long / PER_WHOLE,
            "funding_short": self.funding_short / PER_WHOLE,
            "half_spread": self.half_spread / PER_YEN,
            "most": self.most,
            "roll_ticks": self.roll_ticks,
            "hours": self.hours,
            "confidence": self.confidence,
            "source": self.source,
        }

    @property
    def cash_settled(self) -> bool:
        """Whether only price changes move cash (futures and CFDs)."""
        return self.kind in CASH_SETTLED

    @property
    def files(self) -> tuple[str, ...]:
        """Market files it cannot be traded without."""
        return ("opens", "closes") if self.kind == "stock" else (self.series,)

    @property
    def payments(self) -> str:
        """Market file of what it pays; "" where it pays nothing."""
        return {"etf": "distributions", "stock": "dividends"}.get(self.kind, "")

    @property
    def margin_rate(self) -> int:
        """Initial margin where no date is asked for, in 1e-6: the first of its table, before any known level."""
        initial, _ = margin_table(self.margins).rates(np.array(["0001-01-01"], dtype="datetime64[D]"))
        return int(initial[0])


@cache
def instruments() -> dict[str, Instrument]:
    """Return every instrument by name, in the order of the fact table; stocks are named by `instrument`."""
    return {name: i for name, i in _facts().items() if name != STOCK}


@cache
def _facts() -> dict[str, Instrument]:
    with (FACTS / "instruments.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: _read(row) for row in csv.DictReader(file)}


def _read(row: dict[str, str]) -> Instrument:
    return Instrument(
        name=row["name"],
        kind=row["kind"],
        series=row["series"],
        multiplier=int(row["multiplier"]),
        lot=int(row["lot"]),
        ticks=row["ticks"],
        fee_per_contract=round(float(row["fee_yen"]) * PER_YEN),
        fee_rate=round(float(row["fee_bps"]) * 100),
        margins=row["margins"],
        confidence=row["confidence"],
        source=row["source"],
        root=row["root"],
        months=tuple(int(month) for month in row["months"].split()),
        limits=row["limits"],
        borrow_rate=round(float(row["borrow_rate"]) * PER_WHOLE),
        funding_long=round(float(row["funding_long"]) * PER_WHOLE),
        funding_short=round(float(row["funding_short"]) * PER_WHOLE),
        half_spread=round(float(row["half_spread"]) * PER_YEN),
        most=int(row["most"]),
        roll_ticks=int(row["roll_ticks"]),
        hours=row["hours"],
    )


def instrument(name: str) -> Instrument:
    """Return one instrument: a name of the fact table, or ``stock_`` and a code.

    Raises
    ------
    SpecError
        With the nearest name where there is no such instrument, or with the form of a code.

    Examples
    --------
    >>> instrument("nikkei_mini").multiplier
    100
    >>> stock = instrument("stock_7203")
    >>> stock.series, stock.lot
    ('7203', 100)
    """
    stock = _STOCK_NAME.fullmatch(name)
    if stock:
        return replace(_facts()[STOCK], name=name, series=stock[1])
    if name.startswith("stock_"):
        raise SpecError(
            asked=f"use the stock {name!r}",
            found=f"{name.removeprefix('stock_')!r} is no code",
            rule="a stock is named stock_ and its code: a digit, then three digits or capital letters",
            todo="write it like stock_7203 or stock_285A",
        )
    if name not in instruments():
        raise unknown_name("instrument", name, [*instruments(), STOCK])
    return instruments()[name]


def stock_ticks(size_class: str) -> str:
    """Return the tick table of a size class of ``constituents`` (G2); without one the finest of each date.

    Where the class is not known the finest table is right for the large names, which an index mostly
    holds, and for the others flatters a fill by less than a tick of theirs.

    Examples
    --------
    >>> stock_ticks("TOPIX Mid400"), stock_ticks("TOPIX Small 1"), stock_ticks("")
    ('stock_mid400', 'stock', 'stock_fine')
    """
    return _TICKS_BY_SIZE.get(size_class, "stock") if size_class else "stock_fine"


def with_size_class(i: Instrument, market: MarketData) -> Instrument:
    """Return a stock with the tick table of its size class, where the market's ``constituents`` has one."""
    if i.kind != "stock" or not market.has("constituents"):
        return i
    table = market.table("constituents")
    if "size_class" not in table:
        return i
    found = table["size_class"][(table["code"] == i.series) & table["size_class"].notna()]
    return replace(i, ticks=stock_ticks(str(found.iloc[0]))) if len(found) else i
