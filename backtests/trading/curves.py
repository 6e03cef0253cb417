"""Prices of a future on bars: which contract is held, what it trades at, what it is rolled into or settles at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtests.trading.instruments import Instrument
from indexsim.bars import AFTERNOON, MORNING, NIGHT, Bars
from indexsim.carry import FRONT, Carry, carry_of, nearest_contracts
from indexsim.errors import DataError, Finding, MissingData, unknown_name
from indexsim.expiry import Contract, held_contracts
from indexsim.index import PriceWeightedIndex
from indexsim.market import NIGHTS, BarPrices, MarketData
from indexsim.rebuild import can_rebuild, rebuild
from indexsim.sq import special_quotation

Floats = NDArray[np.float64]

#: Where prices come from: contracts, or the bare index without basis, roll and expiry.
CARRY, INDEX = "carry", "index"
MODELS = (CARRY, INDEX)

#: What happens when a contract ends: the position moves on before it, or is settled in cash.
ROLL, SETTLE = "roll", "settle"
EXPIRIES = (ROLL, SETTLE)

#: Sessions before the last trading day at whose close a position is rolled. On the last trading day the
#: volume of the expiring contract is about half of what it was the day before (D9): the roll is done by then.
ROLL_BEFORE = 1

#: How far the opening level is from the special quotation.
_SQ_GAP = "over 286 SQ days of 2000 to 2023 it is 21 bp from the SQ in the median and 1,281 bp at most (2008-10-10)"


@dataclass(frozen=True, eq=False)
class Curve:
    """Prices of the contracts of one future, in points, not rounded; n bars.

    Attributes
    ----------
    open, close : ndarray of float64, shape (n,)
        Of the contract held during the bar; NaN without a print.
    next_close : ndarray of float64, shape (n,)
        Close of the contract that is rolled into, on bars at whose close the position is rolled; NaN elsewhere.
    settle : ndarray of float64, shape (n,)
        What the expired contract settles at, on the bar whose open does it; NaN elsewhere. The bar's own
        prices are those of the next contract.
    contract : tuple of str, length n
        Month of the contract held during the bar, such as ``2025-12``; "" at the index.
    notes : tuple of str
        Where the prices come from and what they leave out.
    """

    open: Floats
    close: Floats
    next_close: Floats
    settle: Floats
    contract: tuple[str, ...]
    notes: tuple[str, ...]


def make_curve(
    market: MarketData,
    i: Instrument,
    bars: Bars,
    *,
    model: str = CARRY,
    expiry: str = ROLL,
    roll_before: int = ROLL_BEFORE,
    index: PriceWeightedIndex | None = None,
) -> Curve:
    """Return the prices of a future on bars.

    Within the dates of the file ``futures`` its prices are used; a contract that it does not hold on a
    day (the next one, where the file follows the front month) is the nearest one it does hold plus the
    carry model's spread; a day without a row has no print. Outside those dates the carry model prices alone. Around
    lunch the model is scaled to the session's open in the file. A night has the file's night prices or no print:
    the model knows nothing of it but the spread to the next contract, at the cash close before.

    Parameters
    ----------
    i : Instrument
        A future, with its root and its contract months.
    model : {"carry", "index"}
        ``index`` trades at the index itself.
    expiry : {"roll", "settle"}
    roll_before : int
        Sessions before the last trading day at whose close a position is rolled; 0 is that day.
    index : PriceWeightedIndex, optional
        The rebuilt one, where it is at hand already.

    Raises
    ------
    SpecError
        `model`, `expiry` or `roll_before` is none there is.
    MissingData
        Bars before the contracts were listed or after the session table; nights without night prices.
    DataError
        A contract of the file is no month, or the files behind the index cannot be used.
    """
    for what, name, known in (("model of futures", model, MODELS), ("expiry of futures", expiry, EXPIRIES)):
        if name not in known:
            raise unknown_name(what, name, known)
    cash = market.prices(i.series, bars)
    if model == INDEX:
        return _at_index(i, cash, len(bars))
    days = pd.DatetimeIndex(bars.session)
    held = held_contracts(days, i.months, roll_before if expiry == ROLL else 0)
    index = index or _index_behind(market, i, expiry)
    board = _Board(market, i, bars, cash, carry_of(market, i.root, index), held.contracts)
    waiting = _ended_at_night(bars, held.before) & (expiry == SETTLE)
    during = np.where(waiting, np.roll(held.before, 1), held.before)
    opened, closed = (np.where(waiting, np.nan, prices) for prices in board.prices(during))
    rolled = held.rolls & bars.last_of_session & (expiry == ROLL)
    next_close = np.where(rolled, board.prices(held.after)[1], np.nan)
    settled, about = _settlements(board, during, index) if expiry == SETTLE else (_nothing(bars), [])
    names = tuple(held.contracts[k].name for k in during)
    return Curve(opened, closed, next_close, settled, names, (*board.notes(), *about))


def _index_behind(market: MarketData, i: Instrument, expiry: str) -> PriceWeightedIndex | None:
    """Rebuild the index where its basket weighs dividends or first prices."""
    wanted = market.has("dividends") or (expiry == SETTLE and market.has("opens"))
    return rebuild(market).index if i.root == "nikkei" and wanted and can_rebuild(market) else None


def _at_index(i: Instrument, cash: BarPrices, n: int) -> Curve:
    none = np.full(n, np.nan)
    note = f"futures: {i.name} trades at {i.series} itself, with no basis, roll or expiry"
    return Curve(cash.open, cash.close, none, none.copy(), ("",) * n, (note,))


@dataclass(frozen=True, eq=False)
class _Board:
    """Everything quoted for one root on bars: the file, the model, the contracts."""

    market: MarketData
    i: Instrument
    bars: Bars
    cash: BarPrices
    carry: Carry
    contracts: tuple[Contract, ...]

    @cached_property
    def quotes(self) -> pd.DataFrame:
        """Rows of the file for the root, ``front`` replaced by its month; empty without a file."""
        if not self.market.has("futures"):
            return pd.DataFrame(columns=["date", "contract"])
        # From the folder: at the decision of the last bar its own close, at which orders fill, is not known yet.
        table = self.market.folder.frame("futures")
        own = table[table["root"] == self.i.root].copy()
        _refuse_no_months(own, self.market)
        days = own["date"].to_numpy().astype("datetime64[D]")
        front = pd.Series([c.name for c in nearest_contracts(days, self.i.months)], index=own.index, dtype="str")
        own["contract"] = own["contract"].where(own["contract"] != FRONT, front)
        # Far contracts are no use: the nearest one of a day prices what the file does not hold.
        own = own[own["contract"] <= self.contracts[-1].name]
        return own.drop_duplicates(["date", "contract"]).sort_values(["date", "contract"])

    def prices(self, held: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return opens and closes of the contracts at these positions, one a bar, shape (n,) each."""
        opened, closed = (self._quoted(held, field) for field in ("open", "close"))
        if self.bars.clock == "halves":
            self._around_lunch(held, opened, closed)
        if self.bars.clock == "nights":
            self.market.require_nights()
            night = self.bars.half == NIGHT
            opened[night], closed[night] = (self._quoted(held, field)[night] for field in NIGHTS)
        return opened, closed

    def _quoted(self, held: NDArray[np.int64], field: str) -> Floats:
        """Price as the file says, else by its nearest contract and the spread, else, by day, by the model."""
        model = self._model(field, _expiries(self.contracts)[held])
        alone = np.full(len(model), np.nan) if field in NIGHTS else model
        wide = self._wide(field)
        days = pd.DatetimeIndex(self.bars.session)
        if wide.empty:
            return alone
        table, row = wide.reindex(days).to_numpy(np.float64), np.arange(len(days))
        at = wide.columns.get_indexer(pd.Index([c.name for c in self.contracts]))[held]
        own = np.where(at >= 0, table[row, at], np.nan)
        nearest = np.argmax(~np.isnan(table), axis=1)
        anchor = _expiries([_contract(name) for name in wide.columns])[nearest]
        spread = table[row, nearest] + model - self._model(field, anchor)
        outside = np.asarray((days < wide.index[0]) | (days > wide.index[-1]))
        return np.where(outside, alone, np.where(np.isnan(own), spread, own))

    def _around_lunch(self, held: NDArray[np.int64], opened: Floats, closed: Floats) -> None:
        expiries = _expiries(self.contracts)[held]
        model_open, model_close = (self._model(field, expiries) for field in ("open", "close"))
        scale = np.where(np.isnan(opened / model_open), 1.0, opened / model_open)
        morning, afternoon = self.bars.half == MORNING, self.bars.half == AFTERNOON
        closed[morning] = (model_close * scale)[morning]
        opened[afternoon] = (model_open * np.roll(scale, 1))[afternoon]

    def _model(self, field: str, expiries: NDArray[np.datetime64]) -> Floats:
        cash = self._last_close if field in NIGHTS else getattr(self.cash, field)
        return self.carry.curve(self.bars.session, cash, expiries)

    @cached_property
    def _last_close(self) -> Floats:
        """Cash close before each night, shape (n,)."""
        return self.market.known(self.i.series, "close", self.bars)

    def _wide(self, field: str) -> pd.DataFrame:
        """Return the file's prices by date and contract, columns ascending in time."""
        if field not in self.quotes or self.quotes[field].isna().all():
            return pd.DataFrame()
        return self.quotes.pivot(index="date", columns="contract", values=field).dropna(how="all")

    def notes(self) -> list[str]:
        """Say where the prices come from; the carry's own notes only where it priced something."""
        name, n, days = self.i.name, len(self.bars), pd.DatetimeIndex(self.bars.session)
        wide = self._wide("close")
        if wide.empty:
            return [f"futures: no prices of {name}; it trades at the carry model on {self.i.series}", *self.carry.notes]
        file = self.market.folder.files["futures"].name
        first, last = wide.index[0], wide.index[-1]
        day = self.bars.half != NIGHT
        outside = int((((days < first) | (days > last)) & day).sum())
        found = [f"futures: {name} from {file}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"]
        if outside:
            found.append(f"futures: {outside} of {n} bars of {name} lie outside; they trade at the carry model")
        followed = self.market.folder.frame("futures")
        if ((followed["root"] == self.i.root) & (followed["contract"] == FRONT)).any():
            found.append(f"futures: {file} follows the front month; the next contract is it plus the model's spread")
        if not day.all():
            found.append(self._about_nights(file))
        if self._wide("open").empty:
            found.append(f"futures: {file} has no opens of {name}; they come from the carry model")
        return [*found, *self.carry.notes]

    def _about_nights(self, file: str) -> str:
        wide = self._wide("night_close")
        if wide.empty:
            return f"futures: {file} has no nights of {self.i.name}; they have no print"
        said = f"futures: nights of {self.i.name} from {file}, {wide.index[0]:%Y-%m-%d} to {wide.index[-1]:%Y-%m-%d}"
        return f"{said}; a night without a price has no print"


def _ended_at_night(bars: Bars, held: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the nights before an SQ day: what ended on the day before awaits its settlement, and nothing prints."""
    ended: NDArray[np.bool_] = (np.diff(held, prepend=held[:1]) != 0) & (bars.half == NIGHT)
    return ended


def _settlements(board: _Board, held: NDArray[np.int64], index: PriceWeightedIndex | None) -> tuple[Floats, list[str]]:
    """Return the settlement of each contract on the first bar after its last trading day."""
    settled, approximate = _nothing(board.bars), []
    rows = np.flatnonzero(held[1:] != held[:-1]) + 1
    for row in rows.tolist():
        contract = board.contracts[held[row - 1]]
        value = _published(board, contract)
        if value is None:
            value = _special_quotation(board, contract, index)
        if value is None:
            approximate.append(contract.name)
            value = float(board.cash.open[row])
        settled[row] = value
    if not approximate:
        return settled, []
    shown = ", ".join(approximate[:3]) + (", ..." if len(approximate) > 3 else "")
    return settled, [
        f"futures: {len(approximate)} of {len(rows)} contracts of {board.i.name} ({shown}) settle at the opening "
        f"level, which is approximate: {_SQ_GAP}"
    ]


def _published(board: _Board, contract: Contract) -> float | None:
    quotes = board.quotes
    if "settle" not in quotes:
        return None
    final = (quotes["contract"] == contract.name) & (quotes["date"] == pd.Timestamp(contract.sq_day))
    found = quotes["settle"][final].dropna()
    return float(found.iloc[0]) if len(found) else None


def _special_quotation(board: _Board, contract: Contract, index: PriceWeightedIndex | None) -> float | None:
    """Return the SQ from first prices; None where a first price or the basket is not there."""
    day = pd.Timestamp(contract.sq_day)
    if board.i.root != "nikkei" or index is None or not board.market.has("opens"):
        return None
    opens = board.market.table("opens")
    if day not in opens.index:
        return None
    try:
        return special_quotation(index, contract.sq_day, pd.Series(opens.loc[day]))
    except (DataError, MissingData):  # the value is never a partial sum
        return None


def _refuse_no_months(own: pd.DataFrame, market: MarketData) -> None:
    odd = own[~own["contract"].astype(str).str.fullmatch(rf"\d{{4}}-(0[1-9]|1[0-2])|{FRONT}")]
    if len(odd):
        day, name = odd.iloc[0]["date"], odd.iloc[0]["contract"]
        found = f"{name!r} is neither a month such as 2025-12 nor {FRONT} ({len(odd)} rows)"
        file = market.folder.files["futures"].name
        raise DataError([Finding(file, f"{day:%Y-%m-%d}", "contract", "contract-is-a-month", found)], "price futures")


def _contract(name: str) -> Contract:
    return Contract(int(name[:4]), int(name[5:]))


def _expiries(contracts: Sequence[Contract]) -> NDArray[np.datetime64]:
    return np.array([contract.sq_day for contract in contracts], dtype="datetime64[D]")


def _nothing(bars: Bars) -> Floats:
    return np.full(len(bars), np.nan)
