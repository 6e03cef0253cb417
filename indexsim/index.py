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
from itertools import groupby, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import rules
from indexsim.basket import Basket
from indexsim.divisor import DivisorLedger, price_sum, standard_prices
from indexsim.errors import DataError, Finding, MissingData, SpecError
from indexsim.events import Event, Replace
from indexsim.rounding import exact_price, half_up_quotient

#: Row of `PriceWeightedIndex.contributions` for what rounding the divisor did to the level.
DIVISOR_ROUNDING = "divisor rounding"


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
        spans = _spans(closes.index, basket, events)
        if findings := _missing_prices(closes, spans):
            raise DataError(findings, asked="build the index")
        regimes = [Regime(0, _day(closes, 0), spans[0].basket, divisor, (), {})]
        ledger = DivisorLedger.start(regimes[0].session, divisor)
        for old, new in pairwise(spans):
            last = _exact_row(closes, new.row - 1, [*old.basket.codes, *_entering(new.events)])
            base = standard_prices(last, new.events)
            cause = "; ".join(str(event) for event in new.events)
            session = _day(closes, new.row)
            ledger = ledger.step(session, price_sum(old.basket, last), price_sum(new.basket, base), cause)
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
        if findings := _missing_columns(frame, self.regimes, "prices"):
            raise DataError(findings, asked="compute levels")
        levels = np.empty(len(frame))
        for regime, rows in self._blocks(frame):
            levels[rows] = _levels(frame.iloc[rows], regime)
        return pd.Series(levels, index=frame.index, name="level")

    def regime(self, session: date | str) -> Regime:
        """Return the regime in force on a session.

        Raises
        ------
        MissingData
            There are no closes on that day.
        """
        return self._regime_of(self._row(session))

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
        row = self._row(session)
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
        first, last = self._row(start), self._row(end)
        if first > last:
            raise SpecError(
                asked=f"contributions from {start} to {end}",
                found="the end is before the start",
                rule="contributions run forward in time",
                todo="exchange the two days",
            )
        points: dict[str, Fraction] = {}
        for number, regime in enumerate(self.regimes):
            stop = self.regimes[number + 1].row if number + 1 < len(self.regimes) else len(self.closes)
            low, high = max(regime.row - 1, first), min(stop - 1, last)
            if low >= high:
                continue
            codes = regime.basket.codes
            opening = regime.base if low < regime.row else _exact_row(self.closes, low, codes)
            closing = _exact_row(self.closes, high, codes)
            for code, factor in regime.basket.factors.items():
                move = (closing[code] - opening[code]) * factor / Fraction(regime.divisor)
                points[code] = points.get(code, Fraction(0)) + move
            if low < regime.row and (slip := self._slip(number)):
                points[DIVISOR_ROUNDING] = points.get(DIVISOR_ROUNDING, Fraction(0)) + slip
        index = pd.Index(list(points), name="code", dtype="str")
        return pd.Series([float(value) for value in points.values()], index=index, name="points", dtype="float64")

    def _slip(self, number: int) -> Fraction:
        """Return how far the unrounded level moved at a change, where it should have stayed."""
        old, new = self.regimes[number - 1], self.regimes[number]
        before = price_sum(old.basket, _exact_row(self.closes, new.row - 1, old.basket.codes))
        return price_sum(new.basket, new.base) / Fraction(new.divisor) - before / Fraction(old.divisor)

    def _blocks(self, frame: pd.DataFrame) -> Iterator[tuple[Regime, slice]]:
        starts = [int(frame.index.searchsorted(pd.Timestamp(regime.session))) for regime in self.regimes]
        for regime, (low, high) in zip(self.regimes, pairwise([*starts, len(frame)]), strict=True):
            if low < high:
                yield regime, slice(low, high)

    def _regime_of(self, row: int) -> Regime:
        return next(regime for regime in reversed(self.regimes) if regime.row <= row)

    def _row(self, session: date | str) -> int:
        row = int(self.closes.index.get_indexer(pd.DatetimeIndex([session]))[0])
        if row < 0:
            first, last = _day(self.closes, 0), _day(self.closes, -1)
            raise MissingData(
                asked=f"look at {session}",
                found=f"no closes on that day; the index runs from {first} to {last}",
                rule="the day is a session of the index",
                todo="name a session",
            )
        return row


@dataclass(frozen=True)
class _Span:
    row: int
    basket: Basket
    events: tuple[Event, ...]


def _spans(sessions: pd.Index, basket: Basket, events: Sequence[Event]) -> list[_Span]:
    """Cut the sessions where the basket or the basis of its prices changes."""
    spans = [_Span(0, basket, ())]
    placed = sorted(events, key=lambda event: event.effective)
    rows = sessions.searchsorted(pd.DatetimeIndex([event.effective for event in placed]))
    for row, group in groupby(zip(rows.tolist(), placed, strict=True), key=lambda pair: pair[0]):
        if row >= len(sessions):
            break
        here = tuple(event for _, event in group)
        after = spans[-1].basket
        for event in here:
            after = after.apply(event)
        spans = [_Span(0, after, ())] if row == 0 else [*spans, _Span(row, after, here)]
    return spans


def _missing_prices(closes: pd.DataFrame, spans: Sequence[_Span]) -> list[Finding]:
    """Find every close that a constituent, or an entrant on the session before, lacks."""
    if findings := _missing_columns(closes, spans, "closes.csv"):
        return findings
    missing: set[tuple[int, str]] = set()
    for span, stop in zip(spans, [*(span.row for span in spans[1:]), len(closes)], strict=True):
        needed = [(span.row, stop, span.basket.codes)]
        if span.row:
            needed.append((span.row - 1, span.row, _entering(span.events)))
        for low, high, codes in needed:
            rows, columns = np.nonzero(closes.iloc[low:high][list(codes)].isna().to_numpy())
            missing |= {(low + int(row), codes[column]) for row, column in zip(rows, columns, strict=True)}
    return [
        Finding("closes.csv", _day(closes, row).isoformat(), code, "missing-price", "a constituent without a close")
        for row, code in sorted(missing)
    ]


def _missing_columns(prices: pd.DataFrame, spans: Sequence[_Span | Regime], file: str) -> list[Finding]:
    held = dict.fromkeys(code for span in spans for code in (*span.basket.codes, *_entering(span.events)))
    absent = [code for code in held if code not in prices.columns]
    return [Finding(file, "", code, "missing-price", "no column for a constituent") for code in absent]


def _levels(block: pd.DataFrame, regime: Regime) -> NDArray[np.float64]:
    """Return the rounded levels of sessions with one basket and one divisor."""
    codes = list(regime.basket.codes)
    sums = block[codes].to_numpy(np.float64) @ _factors(regime.basket)

    def exact(row: int) -> Fraction:
        return price_sum(regime.basket, _exact_row(block, row, codes))

    return half_up_quotient(sums, regime.divisor, rules.LEVEL_DECIMALS, exact)


def _factors(basket: Basket) -> NDArray[np.float64]:
    return np.array([float(factor) for factor in basket.factors.values()])


def _exact_row(prices: pd.DataFrame, row: int, codes: Sequence[str]) -> dict[str, Fraction]:
    values = prices.iloc[row][list(codes)].tolist()
    return {code: exact_price(value) for code, value in zip(codes, values, strict=True)}


def _entering(events: Sequence[Event]) -> tuple[str, ...]:
    return tuple(code for event in events if isinstance(event, Replace) for code in event.entering)


def _day(closes: pd.DataFrame, row: int) -> date:
    day: date = closes.index[row].date()
    return day
