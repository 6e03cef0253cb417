"""The price-weighted index: levels, weights and contributions from closes, baskets and events.

Level = sum of price x factor / divisor, rounded half-up to two decimals (A2). Between two
changes the basket and the divisor are constant: such a stretch is a `Regime`, and its levels are
one product of a block of prices with a vector of factors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import rules
from indexsim.basket import Basket
from indexsim.closes import as_points, exact_row, row_of, rows_between, session_of
from indexsim.divisor import DivisorEntry, DivisorLedger, price_sum
from indexsim.errors import DataError, MissingData
from indexsim.events import Event
from indexsim.rounding import exact_sum, half_up_quotient
from indexsim.spans import (
    StandardPrices,
    columns_of,
    exact_sums,
    follow_events,
    missing_columns,
    missing_prices,
)

if TYPE_CHECKING:
    from indexsim.onepass import Chain

#: Row of `PriceWeightedIndex.contributions` for what rounding the divisor did to the level.
DIVISOR_ROUNDING = "divisor rounding"

#: From so many events on, `indexsim.onepass` builds the index: it loads compiled code, which takes as long
#: as some 300 events one by one. The numbers are the same.
COMPILED_FROM = 300


@dataclass(frozen=True)
class Regime:
    """Sessions between two changes.

    Attributes
    ----------
    row : int
        Position of the first session in the closes.
    session : date
        That session.
    basket : Basket
    divisor : Decimal
    events : tuple of Event
        What began it; empty for the first.
    base : mapping of code to Fraction
        Closes of the session before on the basis of this regime, yen (A3); empty for the first.
    """

    row: int
    session: date
    basket: Basket
    divisor: Decimal
    events: tuple[Event, ...]
    base: Mapping[str, Fraction]


@dataclass(frozen=True, eq=False)
class PriceWeightedIndex:
    """An index rebuilt from its closes.

    Attributes
    ----------
    closes : DataFrame of shape (n_sessions, n_codes)
        Yen as traded; may hold more codes than the basket. Not to be written to.
    regimes : tuple of Regime
        In order; the first begins with the first session.
    ledger : DivisorLedger

    Examples
    --------
    Nikkei's teaching example: D (1,000 yen) replaces A (400) at a level of 600 (A14).

    >>> from indexsim.events import Replace
    >>> days = pd.DatetimeIndex(["2017-04-03", "2017-04-04"])
    >>> closes = pd.DataFrame({"A": 400.0, "B": 500.0, "C": 900.0, "D": 1000.0}, days)
    >>> one = Fraction(1)
    >>> basket = Basket({"A": one, "B": one, "C": one}, date(2017, 4, 3))
    >>> change = Replace({"D": one}, ("A",), effective=date(2017, 4, 4))
    >>> index = PriceWeightedIndex.build(closes, basket, [change], Decimal(3))
    >>> index.levels().tolist(), index.ledger.current
    ([600.0, 600.0], Decimal('4.000'))
    """

    closes: pd.DataFrame
    regimes: tuple[Regime, ...]
    ledger: DivisorLedger

    @classmethod
    def build(
        cls,
        closes: pd.DataFrame,
        basket: Basket,
        events: Sequence[Event],
        divisor: Decimal,
        start: date | None = None,
    ) -> PriceWeightedIndex:
        """Apply the events to the basket and chain the divisor.

        Parameters
        ----------
        closes : DataFrame of shape (n_sessions, n_codes)
            Sorted DatetimeIndex, text codes, float64 yen as traded.
        basket : Basket
            The initial one.
        events : sequence of Event
            Those after the last session are left out. One that is effective on a day without closes
            acts on the next session. Those up to the first session shape its basket, nothing more:
            the start divisor contains them.
        divisor : Decimal
            In force on the first session.
        start : date, optional
            Earliest session of the index; None is the first of the closes.

        Raises
        ------
        DataError
            A constituent has no close (rule ``missing-price``, each one), or a divisor is not positive.
        EventError
            An event does not fit the basket.
        MissingData
            There are no sessions.
        """
        closes = closes if start is None else closes.loc[closes.index >= pd.Timestamp(start)]
        if closes.empty:
            raise MissingData(
                asked="build the index",
                found="no sessions" if start is None else f"no session on or after {start}",
                rule="an index needs the closes of at least one session",
                todo="give closes that reach the start",
            )
        if len(events) >= COMPILED_FROM and (chain := _one_pass(closes, basket, events, divisor)):
            return _ChainedIndex(closes, basket, chain)
        spans = follow_events(closes.index, basket, events)
        if findings := missing_prices(closes, spans):
            raise DataError(findings, asked="build the index")
        regimes = [Regime(0, session_of(closes, 0), spans[0].basket, divisor, (), {})]
        ledger = DivisorLedger.start(regimes[0].session, divisor)
        values, columns = closes.to_numpy(np.float64), columns_of(closes)
        for old, new in pairwise(spans):
            cause = "; ".join(str(event) for event in new.events)
            session = session_of(closes, new.row)
            ledger = ledger.step(session, *exact_sums(values, columns, old, new), cause)
            base = StandardPrices(closes, old, new)
            regimes.append(Regime(new.row, session, new.basket, ledger.current, new.events, base))
        return cls(closes, tuple(regimes), ledger)

    def levels(self, prices: pd.DataFrame | None = None) -> pd.Series:
        """Return the level of each session, rounded half-up to two decimals.

        Parameters
        ----------
        prices : DataFrame of shape (n_rows, n_codes), optional
            Other prices in yen as traded, e.g. opens, with the same baskets and divisors; rows before the
            first session are left out. None is the closes.

        Returns
        -------
        Series of float64
            Each the float nearest to the exact decimal level. NaN where a constituent has no price:
            unknown, never a partial sum.

        Raises
        ------
        DataError
            A constituent has no column.
        """
        frame = self.closes if prices is None else prices.loc[prices.index >= self.closes.index[0]]
        if findings := missing_columns(frame, self.regimes, "prices"):
            raise DataError(findings, asked="compute levels")
        values, columns = frame.to_numpy(np.float64), columns_of(frame)
        levels = np.empty(len(frame))
        for regime, rows in self._blocks(frame):
            held = [columns[code] for code in regime.basket.codes]
            levels[rows] = _levels(values[rows, held], regime)
        return pd.Series(levels, index=frame.index, name="level")

    def regime(self, session: date | str) -> Regime:
        """Return the regime in force on a session.

        Raises
        ------
        MissingData
            There are no closes on that day.
        """
        return self._regime_of(row_of(self.closes, session))

    def weights(self, session: date | str) -> pd.Series:
        """Return price x factor / sum of each constituent at the close of a session (A2).

        Returns
        -------
        Series of float64
            By code, in the order of the basket; sums to one.

        Raises
        ------
        MissingData
            There are no closes on that day.
        """
        row = row_of(self.closes, session)
        basket = self._regime_of(row).basket
        values = self.closes.iloc[row][list(basket.codes)].to_numpy(np.float64) * _factors(basket)
        return pd.Series(values / values.sum(), index=pd.Index(basket.codes, name="code"), name="weight")

    def contributions(self, start: date | str, end: date | str) -> pd.Series:
        """Return the points that each code gave between two closes, over (start, end] (A2).

        Moves are taken against the close before on today's basis: after a split against the theoretical
        price. A company spun off gives all it is worth, and its parent loses as much, since the
        parent's close before contained it.

        Parameters
        ----------
        start, end : date or ISO text
            Sessions; `start` is the earlier one.

        Returns
        -------
        Series of float64
            Points by code, of every code held on the way. It sums to the move of the unrounded level:
            where the divisor was rounded on the way, the row "divisor rounding" says what that did.

        Raises
        ------
        MissingData
            There are no closes on one of the days.
        SpecError
            `end` is before `start`.
        """
        first, last = rows_between(self.closes, start, end)
        points: dict[str, Fraction] = {}
        for number, regime in enumerate(self.regimes):
            stop = self.regimes[number + 1].row if number + 1 < len(self.regimes) else len(self.closes)
            low, high = max(regime.row - 1, first), min(stop - 1, last)
            if low >= high:
                continue
            codes = regime.basket.codes
            opening = regime.base if low < regime.row else exact_row(self.closes, low, codes)
            closing = exact_row(self.closes, high, codes)
            for code, factor in regime.basket.factors.items():
                move = (closing[code] - opening[code]) * factor / Fraction(regime.divisor)
                points[code] = points.get(code, Fraction(0)) + move
            if low < regime.row and (slip := self._slip(number)):
                points[DIVISOR_ROUNDING] = points.get(DIVISOR_ROUNDING, Fraction(0)) + slip
        return as_points(points)

    def _slip(self, number: int) -> Fraction:
        """Return how far the unrounded level moved at a change, where it should have stayed."""
        old, new = self.regimes[number - 1], self.regimes[number]
        before = price_sum(old.basket, exact_row(self.closes, new.row - 1, old.basket.codes))
        return price_sum(new.basket, new.base) / Fraction(new.divisor) - before / Fraction(old.divisor)

    def _blocks(self, frame: pd.DataFrame) -> Iterator[tuple[Regime, slice]]:
        starts = [int(frame.index.searchsorted(pd.Timestamp(regime.session))) for regime in self.regimes]
        for regime, (low, high) in zip(self.regimes, pairwise([*starts, len(frame)]), strict=True):
            if low < high:
                yield regime, slice(low, high)

    def _regime_of(self, row: int) -> Regime:
        return next(regime for regime in reversed(self.regimes) if regime.row <= row)


class _ChainedIndex(PriceWeightedIndex):
    """An index whose sums and divisors came from one pass; regimes and ledger are written out when asked for."""

    _basket: Basket
    _chain: Chain

    def __init__(self, closes: pd.DataFrame, basket: Basket, chain: Chain) -> None:
        object.__setattr__(self, "closes", closes)
        object.__setattr__(self, "_basket", basket)
        object.__setattr__(self, "_chain", chain)

    @cached_property
    def regimes(self) -> tuple[Regime, ...]:  # type: ignore[override]
        """The regimes."""
        chain = self._chain
        first, *later = spans = follow_events(self.closes.index, self._basket, chain.events)
        regimes = [Regime(0, session_of(self.closes, 0), first.basket, chain.start, (), {})]
        for number, (old, new) in enumerate(zip(spans, later, strict=False)):
            session, base = session_of(self.closes, new.row), StandardPrices(self.closes, old, new)
            regimes.append(Regime(new.row, session, new.basket, chain.divisor(number), new.events, base))
        return tuple(regimes)

    @cached_property
    def ledger(self) -> DivisorLedger:  # type: ignore[override]
        """The ledger."""
        chain = self._chain
        entries = list(DivisorLedger.start(session_of(self.closes, 0), chain.start).entries)
        steps, causes = chain.steps(), chain.causes
        days = pd.DatetimeIndex(self.closes.index[[row for row, _ in steps]]).date
        for (row, divisor), day in zip(steps, days, strict=True):
            entries.append(DivisorEntry(day, entries[-1].after, divisor, "; ".join(map(str, causes[row]))))
        return DivisorLedger(tuple(entries))

    def levels(self, prices: pd.DataFrame | None = None) -> pd.Series:
        """Return the level of each session, as `PriceWeightedIndex.levels` does."""
        chain = self._chain
        if prices is None:
            return pd.Series(chain.levels(), index=self.closes.index, name="level", copy=False)
        frame = prices.loc[prices.index >= self.closes.index[0]]
        if findings := missing_columns(frame, self.regimes, "prices"):
            raise DataError(findings, asked="compute levels")
        columns = frame.columns.get_indexer(self.closes.columns)
        rows = np.append(frame.index.searchsorted(self.closes.index), len(frame))
        levels = chain.levels_of(frame.to_numpy(np.float64), columns, rows)
        return pd.Series(levels, index=frame.index, name="level")


def _one_pass(closes: pd.DataFrame, basket: Basket, events: Sequence[Event], divisor: Decimal) -> Chain | None:
    # Imported here: compiled code takes a third of a second to load.
    from indexsim.onepass import one_pass

    return one_pass(closes, basket, events, divisor)


def _levels(prices: NDArray[np.float64], regime: Regime) -> NDArray[np.float64]:
    """Return the rounded levels of sessions with one basket and one divisor, from the prices of its codes."""
    factors = [factor.as_integer_ratio() for factor in regime.basket.factors.values()]

    def exact(row: int) -> Fraction:
        return exact_sum(prices[row], [over for over, _ in factors], [under for _, under in factors])

    return half_up_quotient(
        prices @ np.array([over / under for over, under in factors]), regime.divisor, rules.LEVEL_DECIMALS, exact
    )


def _factors(basket: Basket) -> NDArray[np.float64]:
    parts = (factor.as_integer_ratio() for factor in basket.factors.values())
    return np.array([over / under for over, under in parts])
