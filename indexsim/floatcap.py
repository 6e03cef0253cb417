"""The free-float market value index, the TOPIX kind: levels, weights, contributions and its base value.

Level = market value / base market value x 100, where a name counts with its listed shares x
free-float weight, its index shares (B1, B2). New shares, entries and exits move the base value so
that the level stays; a split leaves both where they are, because the shares grow as the price
falls; a dividend lowers the level, because it is a price index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import rules
from indexsim.closes import as_points, exact_row, row_of, rows_between
from indexsim.errors import DataError, MissingData
from indexsim.events import Split
from indexsim.floatbase import (
    BASE_LEVEL,
    BaseEntry,
    FloatRegime,
    Shares,
    chain,
    ledger,
    market_value,
    missing,
    split_ratios,
)
from indexsim.market import MarketData
from indexsim.rounding import half_up_quotient
from indexsim.suspension import prices_used, unbuildable


def levels(
    closes: pd.DataFrame, shares: pd.DataFrame | pd.Series, ffw: pd.DataFrame | pd.Series, base: float
) -> pd.Series:
    """Return market value / base market value x 100, rounded half-up to 2 decimals.

    Parameters
    ----------
    closes : DataFrame of shape (n_sessions, n_codes)
        Prices of one moment of each session, yen as traded. A code without a price counts nothing.
    shares : DataFrame of shape (n_sessions, n_codes) or Series of shape (n_codes,)
        Listed shares in force on each session; a Series holds throughout.
    ffw : DataFrame or Series, as `shares`
        Free-float weight, a fraction.
    base : float
        Base market value, in yen: the free-float market value at which the level is 100.

    Returns
    -------
    Series of shape (n_sessions,)
        Level, points. Source: B2.

    Examples
    --------
    >>> closes = pd.DataFrame({"1001": [100.0, 110.0], "12A0": [400.0, 200.0]})
    >>> shares = pd.DataFrame({"1001": [10.0, 10.0], "12A0": [5.0, 10.0]})
    >>> levels(closes, shares, pd.Series({"1001": 1.0, "12A0": 0.5}), 2_000.0).tolist()
    [100.0, 105.0]
    """
    floated = shares * ffw if isinstance(shares, pd.DataFrame) else ffw * shares
    value = np.nansum((closes * floated).reindex(columns=closes.columns).to_numpy(dtype=np.float64), axis=1)
    scale = 10.0**rules.LEVEL_DECIMALS
    return pd.Series(np.floor(value / base * 100.0 * scale + 0.5) / scale, index=closes.index, name="level")


@dataclass(frozen=True, eq=False)
class FloatCapIndex:
    """A free-float index computed from closes and index shares.

    Attributes
    ----------
    closes : DataFrame of shape (n_sessions, n_codes)
        Yen as traded. Not to be written to.
    regimes : tuple of FloatRegime
        In order; the first begins with the first session.
    ledger : tuple of BaseEntry
        The base value at the start and each change of it.

    Examples
    --------
    A issues 10 shares at its close of 100 yen: value and base grow by a half, the level stays (B2).

    >>> days = pd.DatetimeIndex(["2024-04-01", "2024-04-02"])
    >>> closes = pd.DataFrame({"A": 100.0, "B": 50.0}, days)
    >>> listed = pd.DataFrame({"A": [10.0, 20.0], "B": [20.0, 20.0]}, days)
    >>> index = FloatCapIndex.build(closes, listed, pd.Series({"A": 1.0, "B": 1.0}), base=2_000)
    >>> index.levels().tolist(), [float(entry.after) for entry in index.ledger]
    ([100.0, 100.0], [2000.0, 3000.0])
    """

    closes: pd.DataFrame
    regimes: tuple[FloatRegime, ...]
    ledger: tuple[BaseEntry, ...]

    @classmethod
    def build(
        cls,
        closes: pd.DataFrame,
        shares: pd.DataFrame | pd.Series,
        ffw: pd.DataFrame | pd.Series,
        splits: Sequence[Split] = (),
        *,
        base: float | Fraction | None = None,
        start_level: float = BASE_LEVEL,
    ) -> FloatCapIndex:
        """Chain the base value through every change of the index shares.

        Parameters
        ----------
        closes : DataFrame of shape (n_sessions, n_codes)
            Sorted DatetimeIndex, text codes, float64 yen as traded.
        shares, ffw : DataFrame of shape (n_sessions, n_codes) or Series of shape (n_codes,)
            Listed shares and free-float weight in force on each session. Zero or NaN: not a member.
        splits : sequence of Split
            Of any codes: those of members restate the close before. Without its split a change of shares
            is taken for an issue.
        base : float or Fraction, optional
            Base market value on the first session, yen; None follows from `start_level`.
        start_level : float
            Level of the first session, where there is no `base`.

        Raises
        ------
        MissingData
            There are no sessions.
        DataError
            A member lacks a close (rule ``missing-price``, each one), or a session has no members
            (rule ``members``).
        EventError
            Two splits of a code on one session.
        SpecError
            `base` or `start_level` is not above zero.
        """
        if closes.empty:
            raise MissingData(
                asked="build the index",
                found="no sessions",
                rule="an index needs the closes of at least one session",
                todo="give closes",
            )
        held = _aligned(shares, closes)
        free = _aligned(ffw, closes).reindex(columns=held.columns, fill_value=0.0)
        if findings := missing(closes, held, free):
            raise DataError(findings, asked="build the index")
        ratios = split_ratios(splits, closes.index)
        regimes = chain(closes, held, free, ratios, base, start_level)
        return cls(closes, regimes, ledger(regimes, ratios))

    def levels(self, prices: pd.DataFrame | None = None) -> pd.Series:
        """Return the level of each session, rounded half-up to two decimals (B2).

        Parameters
        ----------
        prices : DataFrame of shape (n_sessions, n_codes), optional
            Other prices of the same sessions, yen as traded. None is the closes.

        Returns
        -------
        Series of float64
            NaN where a member has no price: unknown, never a partial sum.
        """
        frame = self.closes if prices is None else prices.reindex_like(self.closes)
        found = np.empty(len(frame))
        for regime, stop in self._spans():
            found[regime.row : stop] = _block_levels(frame.iloc[regime.row : stop], regime)
        return pd.Series(found, index=frame.index, name="level")

    def regime(self, session: date | str) -> FloatRegime:
        """Return the regime in force on a session.

        Raises
        ------
        MissingData
            There are no closes on that day.
        """
        row = row_of(self.closes, session)
        return next(regime for regime in reversed(self.regimes) if regime.row <= row)

    def weights(self, session: date | str) -> pd.Series:
        """Return each member's share of the market value at the close of a session.

        Returns
        -------
        Series of float64
            By code; sums to one.

        Raises
        ------
        MissingData
            There are no closes on that day.
        """
        shares = self.regime(session).shares
        values = self.closes.iloc[row_of(self.closes, session)][list(shares)].to_numpy(np.float64) * _floats(shares)
        return pd.Series(values / values.sum(), index=pd.Index(list(shares), name="code"), name="weight")

    def contributions(self, start: date | str, end: date | str) -> pd.Series:
        """Return the points that each code gave between two closes, over (start, end].

        Moves are taken against the close before on today's basis and shares, so that new shares, entries
        and exits give nothing by themselves.

        Parameters
        ----------
        start, end : date or ISO text
            Sessions; `start` is the earlier one.

        Returns
        -------
        Series of float64
            Points by code, of every code held on the way; sums to the move of the unrounded level.

        Raises
        ------
        MissingData
            There are no closes on one of the days.
        SpecError
            `end` is before `start`.
        """
        first, last = rows_between(self.closes, start, end)
        points: dict[str, Fraction] = {}
        for regime, stop in self._spans():
            low, high = max(regime.row - 1, first), min(stop - 1, last)
            if low >= high:
                continue
            opening = regime.opening if low < regime.row else exact_row(self.closes, low, regime.shares)
            closing = exact_row(self.closes, high, regime.shares)
            for code, shares in regime.shares.items():
                move = (closing[code] - opening[code]) * shares / regime.base_value * BASE_LEVEL
                points[code] = points.get(code, Fraction(0)) + move
        return as_points(points)

    def _spans(self) -> Iterator[tuple[FloatRegime, int]]:
        stops = [*(regime.row for regime in self.regimes[1:]), len(self.closes)]
        yield from zip(self.regimes, stops, strict=True)


def rebuild(market: MarketData) -> FloatCapIndex:
    """Rebuild TOPIX from the prices used and ``shares_ffw`` of a market, at its published level on the first session.

    The base value of the start is taken from that level, so it is as exact as two decimals let it be.
    Splits are those of ``factors``; rows of ``shares_ffw`` hold from their date on, zero shares are an exit.

    Raises
    ------
    MissingData
        closes, shares_ffw or topix is missing, or the two first have no day in common with topix.
    DataError
        A file has errors, or a member lacks a close.
    """
    files, asked = ("closes", "shares_ffw", "topix"), "rebuild TOPIX"
    market.require(files, asked)
    used = (*files, "factors") if market.has("factors") else files
    market.refuse_errors(dict.fromkeys(used, (date.min, date.max)), asked)
    listed, published = market.table("shares_ffw"), market.table("topix")["close"].dropna()
    closes = prices_used(market, asked)
    known = closes.index.intersection(published.index)
    known = known[known >= listed["date"].min()]
    if known.empty:
        raise MissingData(
            asked=asked,
            found="no session with closes, shares and a published level",
            rule="the first level is the published one",
            todo="give files that overlap",
        )
    closes = closes.loc[known[0] :]
    shares, ffw = (_in_force(listed, column, closes.index) for column in ("shares", "ffw"))
    splits = [event for event in market.events if isinstance(event, Split)] if market.has("factors") else []
    try:
        return FloatCapIndex.build(closes, shares, ffw, splits, start_level=float(published[known[0]]))
    except DataError as error:
        raise unbuildable(error.findings, error.asked) from None


def _in_force(listed: pd.DataFrame, column: str, days: pd.Index) -> pd.DataFrame:
    """Return a column of ``shares_ffw`` as date x code, each value from its date until the next one."""
    return listed.pivot(index="date", columns="code", values=column).ffill().reindex(days, method="ffill")


def _aligned(values: pd.DataFrame | pd.Series, closes: pd.DataFrame) -> pd.DataFrame:
    """Return shares or weights as date x code on the sessions of the closes, zero where there is none."""
    if isinstance(values, pd.Series):
        row = values.to_numpy(np.float64)
        values = pd.DataFrame(np.broadcast_to(row, (len(closes), len(row))), closes.index, values.index)
    return values.reindex(closes.index).astype("float64").fillna(0.0)


def _block_levels(block: pd.DataFrame, regime: FloatRegime) -> NDArray[np.float64]:
    """Return the rounded levels of sessions with one base value."""
    values = block[list(regime.shares)].to_numpy(np.float64) @ _floats(regime.shares)

    def exact(row: int) -> Fraction:
        return market_value(regime.shares, exact_row(block, row, regime.shares)) / regime.base_value * BASE_LEVEL

    unrounded = values / float(regime.base_value) * BASE_LEVEL
    return half_up_quotient(unrounded, Decimal(1), rules.LEVEL_DECIMALS, exact)


def _floats(shares: Shares) -> NDArray[np.float64]:
    return np.array([float(number) for number in shares.values()])
