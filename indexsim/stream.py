"""The index tick by tick: the level after every price, exact, and the grid on which levels are published.

Everything is an integer. A price counts in thousandths of a yen, a factor becomes a whole weight, the
sum moves by the difference that a price makes, and rounding half-up is one floor division. So no
level depends on the way there, and the last one of a day is the level of its closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import rules, sessions
from indexsim.basket import Basket
from indexsim.errors import MissingData, ToolError, nearest
from indexsim.index import PriceWeightedIndex
from indexsim.rounding import exact_price, half_up_near

#: Price units in a yen: a price is a whole number of thousandths.
PER_YEN = 1000

#: Sums below this are added up in 64 bits; larger ones in whole numbers of any length.
_FITS = 2**62


class TickError(ToolError):
    """A price that a stream cannot take; the stream stays as it was."""


class Stream:
    """One session of an index, taking one price at a time.

    Parameters
    ----------
    basket : Basket
    divisor : Decimal
        Positive.
    standard : mapping of code to number
        Standard price of every constituent in yen: what counts until it has a price of the day (A3). Zero is
        for a company just spun off.

    Attributes
    ----------
    tick : callable (code, price) -> float
        Take a trade and return the level after it. The price is in yen with at most three decimals; a special
        quote of that code ends. TickError for an unknown code, or a price that is not a number above zero.

    Raises
    ------
    TickError
        A standard price is missing, negative or no number, or the divisor is not positive.

    Examples
    --------
    The basket of Nikkei's teaching example (A14), and a rise of 300 yen:

    >>> one = Fraction(1)
    >>> basket = Basket({"A": one, "B": one, "C": one}, date(2017, 4, 3))
    >>> stream = Stream(basket, Decimal(3), {"A": 400, "B": 500, "C": 900})
    >>> stream.level, stream.tick("B", 800.0)
    (600.0, 700.0)
    """

    # A closure in a slot: a method that keeps its numbers in attributes takes half as long again.
    __slots__ = ("_divisor", "_names", "_put", "_quoted", "_read", "_step", "_units", "tick")

    tick: Callable[[str, float], float]

    def __init__(self, basket: Basket, divisor: Decimal, standard: Mapping[str, float | Fraction]) -> None:
        if not (divisor.is_finite() and divisor > 0):
            _refuse("open a stream", f"the divisor {divisor}", "a divisor is positive", "give the published one")
        worth = {code: _standard(code, standard) * factor for code, factor in basket.factors.items()}
        weights = {code: factor / PER_YEN for code, factor in basket.factors.items()}
        units = lcm(*(part.denominator for part in (*worth.values(), *weights.values())))
        # Half-up: level x scale = floor((2 x scale x under x sum + units x over) / (2 x units x over)).
        over, under = divisor.as_integer_ratio()
        step, half = 2 * 10**rules.LEVEL_DECIMALS * under, units * over
        step, half = step // gcd(step, half), half // gcd(step, half)
        names = {code: [int(weights[code] * units) * step, int(worth[code] * units) * step] for code in basket.codes}
        self._divisor, self._units, self._step = Fraction(divisor), units, step
        self._names, self._quoted = names, dict[str, int]()
        self.tick, self._put, self._read = _loop(names, self._quoted, half)

    @classmethod
    def opening(
        cls, index: PriceWeightedIndex, session: date | str, quotes: Mapping[str, float] | None = None
    ) -> Stream:
        """Return the stream of a session before its first price.

        Parameters
        ----------
        index : PriceWeightedIndex
            Holds this session and the one before.
        session : date or ISO text
        quotes : mapping of code to yen, optional
            Special quotes left at the end of the session before; each stands for the close, unless there is a
            theoretical price (A3). None: there were none.

        Raises
        ------
        MissingData
            There are no closes on that day or before it.
        """
        regime = index.regime(session)
        row = int(index.closes.index.get_indexer(pd.DatetimeIndex([session]))[0])
        if row == 0:
            raise MissingData(
                asked=f"open the stream of {session}",
                found="the index begins on that day",
                rule="standard prices come from the session before",
                todo="take a later session, or give `Stream` the standard prices",
            )
        before = index.closes.iloc[row - 1].to_dict()
        standard: dict[str, float | Fraction] = {code: before[code] for code in regime.basket.codes}
        standard |= {code: price for code, price in (quotes or {}).items() if code in standard}
        if regime.row == row:
            theoretical = {code: regime.base[code] for code in standard}
            standard |= {code: price for code, price in theoretical.items() if price != _exact(before[code])}
        return cls(regime.basket, regime.divisor, standard)

    @property
    def level(self) -> float:
        """The level now."""
        return self._read()

    def quote(self, code: str, price: float) -> float:
        """Take a special quote, which counts before any trade until it ends (A3); return the level after it.

        Raises
        ------
        TickError
            As `tick` does.
        """
        # Read before the tick, which moves it; for a code that there is not, the tick says so.
        current = {name: self._quoted.get(name, value) for name, (_, value) in self._names.items() if name == code}
        level = self.tick(code, price)
        self._quoted |= current
        return level

    def withdraw(self, code: str) -> float:
        """End a special quote without a trade: the last price counts again, or the standard price (A3).

        Raises
        ------
        TickError
            The code has no special quote.
        """
        if code not in self._quoted:
            asked, found = f"withdraw the special quote of {code!r}", f"{sorted(self._quoted)} have one"
            _refuse(asked, found, "only a special quote can be withdrawn", "name one of these")
        self._put(code, self._quoted.pop(code))
        return self.level

    def replay(self, ticks: pd.DataFrame) -> pd.Series:
        """Take many prices of one day at once and return the level after each.

        Parameters
        ----------
        ticks : DataFrame of shape (n_ticks, 3)
            Columns ``time`` (Japan time, never earlier than the row before), ``code`` and ``price``.

        Returns
        -------
        Series of float64
            By time, the same numbers as `tick` on each row.

        Raises
        ------
        TickError
            A row cannot be taken; none is.
        """
        codes = list(self._names)
        positions, prices = _checked(ticks, codes)
        values, worth = _worth(self, prices, positions)
        sums = worth + np.cumsum(values)
        exact_unit = self._units * self._divisor
        quotients = sums.astype(np.float64) / float(exact_unit)
        levels = half_up_near(quotients, rules.LEVEL_DECIMALS, lambda row: int(sums[row]) / exact_unit)
        for row in np.flatnonzero(~pd.Series(positions).duplicated(keep="last")):
            self.tick(codes[positions[row]], float(prices[row]))
        return pd.Series(levels, index=pd.DatetimeIndex(ticks["time"], name="time"), name="level")


def published(levels: pd.Series, opening: float, session: date) -> pd.Series:
    """Return the levels that are published on a session: every so many seconds from the open to the close (A4).

    Parameters
    ----------
    levels : Series of float64
        Of `Stream.replay`: by time, all of that session.
    opening : float
        Level before the first of them.
    session : date

    Returns
    -------
    Series of float64
        At each point the level after every tick up to it; the last point, the close, has the ticks after it
        too, since a closing price is printed when the auction has been matched.

    Raises
    ------
    SpecError
        The day is no session.
    TickError
        A level is of another day.
    """
    times = pd.DatetimeIndex(levels.index)
    if (times.normalize() != pd.Timestamp(session)).any():
        other = times[times.normalize() != pd.Timestamp(session)][0]
        _refuse(f"publish the levels of {session}", f"one of {other}", "a grid is of one session", "cut the levels")
    grid = _grid(session)
    taken = np.searchsorted(times.to_numpy(), grid.to_numpy(), side="right")
    taken[-1] = len(levels)
    return pd.Series(np.append(opening, levels.to_numpy())[taken], index=grid, name="level")


def _grid(session: date) -> pd.DatetimeIndex:
    day = pd.DatetimeIndex([pd.Timestamp(session)])
    minutes = [int(of(day)[0]) for of in (sessions.open_minute, sessions.morning_close_minute)]
    if (close := int(sessions.close_minute(day)[0])) > minutes[1]:
        minutes += [int(sessions.afternoon_open_minute(day)[0]), close]
    step = rules.PUBLISHED_EVERY.on(session)
    halves = [
        np.arange(first * 60, last * 60 + 1, step) for first, last in zip(minutes[::2], minutes[1::2], strict=True)
    ]
    seconds = np.concatenate(halves).astype("timedelta64[s]")
    return pd.DatetimeIndex(day.to_numpy()[0] + seconds, name="time")


_Loop = tuple[Callable[[str, float], float], Callable[[str, int], None], Callable[[], float]]


def _loop(names: dict[str, list[int]], quoted: dict[str, int], half: int) -> _Loop:
    """Return the functions that share the running sum: take a price, put a value, read the level."""
    total, whole = half + sum(value for _, value in names.values()), 2 * half
    scale, per_yen = 10.0**rules.LEVEL_DECIMALS, float(PER_YEN)

    def tick(code: str, price: float) -> float:
        nonlocal total
        try:
            name = names[code]
            units = int(price * per_yen + 0.5)
            if units <= 0 or units / per_yen != price:
                raise ValueError
        except (KeyError, TypeError, ValueError, OverflowError):
            _refuse_tick(code, price, names)
        value = units * name[0]
        total += value - name[1]
        name[1] = value
        if quoted:
            quoted.pop(code, None)
        return total // whole / scale

    def put(code: str, value: int) -> None:
        nonlocal total
        total += value - names[code][1]
        names[code][1] = value

    return tick, put, lambda: total // whole / scale


def _worth(stream: Stream, prices: NDArray[np.float64], positions: NDArray[np.intp]) -> tuple[NDArray[np.generic], int]:
    """Return by how much each price moves the sum, and the sum before, in units of the stream."""
    names = list(stream._names.values())
    weights, current = ([name[part] // stream._step for name in names] for part in (0, 1))
    units = np.rint(prices * PER_YEN)
    largest = int(units.max(initial=0)) * max(weights) + max(current)
    kind = np.int64 if largest * max(len(prices), len(names)) < _FITS else object
    values = units.astype(np.int64).astype(kind) * np.array(weights, kind)[positions]
    order = np.argsort(positions, kind="stable")
    before = np.empty_like(values)
    before[order[1:]] = values[order[:-1]]
    first = ~pd.Series(positions).duplicated().to_numpy()
    before[first] = np.array(current, kind)[positions[first]]
    return values - before, sum(current)


def _checked(ticks: pd.DataFrame, codes: list[str]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the position of each tick's code and its price, or refuse the first row that cannot be taken."""
    if absent := [name for name in ("time", "code", "price") if name not in ticks]:
        _refuse("replay ticks", f"no column {absent[0]}", "ticks have time, code and price", "add the column")
    place = {code: position for position, code in enumerate(codes)}
    found = [place.get(code, -1) if isinstance(code, str) else -1 for code in ticks["code"].tolist()]
    positions = np.array(found, np.intp)
    prices, times = _numbers(ticks["price"]), pd.DatetimeIndex(ticks["time"])
    good = countable(prices) & (positions >= 0)
    if not good.all():
        row = int(np.argmin(good))
        _refuse_tick(ticks["code"].iloc[row], ticks["price"].iloc[row], codes, f"row {row}: ")
    late = np.append(False, times[1:] < times[:-1]) | times.isna() | (times.normalize() != times[:1].normalize().min())
    if late.any():
        row = int(np.argmax(late))
        what = f"row {row} is of {times[row]}, the row before of {times[max(row - 1, 0)]}"
        _refuse("replay ticks", what, "ticks are of one day, in the order of time", "sort them, one day at a time")
    return positions, prices


def countable(prices: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which prices are numbers above zero in whole `PER_YEN`-ths of a yen, as a stream takes them."""
    whole: NDArray[np.bool_] = np.rint(prices * PER_YEN) / PER_YEN == prices
    return (prices > 0) & (prices < 2**52 / PER_YEN) & whole


def _numbers(prices: pd.Series) -> NDArray[np.float64]:
    """Return prices as float64, NaN for what is no number: a text is not taken for the number it spells."""
    if prices.dtype.kind in "fiu":
        return prices.to_numpy(np.float64)
    return np.array([price if isinstance(price, (int, float)) else np.nan for price in prices], np.float64)


def _standard(code: str, standard: Mapping[str, float | Fraction]) -> Fraction:
    price = _exact(standard.get(code))
    if price is None or price < 0:
        asked, found = f"open a stream with {code}", f"the standard price {standard.get(code)}"
        _refuse(asked, found, "every constituent has a standard price, zero at least (A3)", "give its last close")
    return price


def _exact(price: float | Fraction | None) -> Fraction | None:
    """Return a price as the decimal it was written as; None for what is no finite number."""
    if price is None or isinstance(price, Fraction):
        return price
    return exact_price(price) if np.isfinite(price) else None


def _refuse_tick(code: object, price: object, known: Mapping[str, object] | list[str], where: str = "") -> NoReturn:
    asked = f"take {price!r} yen for {code!r}"
    if not isinstance(code, str) or code not in known:
        hint = nearest(str(code), known)
        _refuse(asked, f"{where}{code!r} is not among the {len(known)} codes", "a tick is of a constituent", hint)
    rule = f"a price is a number above zero in whole 1/{PER_YEN} yen"
    _refuse(asked, f"{where}{price!r} is no such price", rule, "leave the tick out or correct it")


def _refuse(asked: str, found: str, rule: str, todo: str) -> NoReturn:
    raise TickError(asked=asked, found=found, rule=rule, todo=todo)
