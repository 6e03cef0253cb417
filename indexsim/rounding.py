"""Exact half-up rounding, as the publisher rounds levels and divisors.

Binary floats cannot say whether 12,345.675 rounds up: the float nearest to it may lie on either
side. So a single value is rounded as a `Fraction`, and a long array in float64 with the few
values next to a tie decided again exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

#: A scaled quotient this close to a half unit is decided exactly. A float sum of n products is off
#: by at most about n * 1.1e-16 of its size: for 225 names at a level of 50,000.00 (5 million hundredths)
#: that is 1.3e-7, so whatever float64 could put on the wrong side lies well inside the band.
NEAR_TIE = 1e-6

#: The same band for very large values or very many names: 1e-12 of the value covers 9,000 terms.
NEAR_TIE_RELATIVE = 1e-12


def exact_price(price: float) -> Fraction:
    """Return the decimal number that a float price was written as.

    Examples
    --------
    >>> exact_price(0.1)
    Fraction(1, 10)
    """
    return Fraction(Decimal(repr(float(price))))


def half_up(value: Fraction, decimals: int) -> Decimal:
    """Round to a number of decimals; a tie goes away from zero (A2, A15).

    Examples
    --------
    >>> half_up(Fraction(123456789, 10000), 2), half_up(Fraction("0.125"), 2)
    (Decimal('12345.68'), Decimal('0.13'))
    """
    units = (2 * abs(value) * 10**decimals + 1) // 2
    # Built from text: a Decimal constructor is exact, its arithmetic stops at 28 digits.
    return Decimal(f"{'-' if value < 0 else ''}{units}e-{decimals}")


def half_up_quotient(
    numerator: NDArray[np.float64], divisor: Decimal, decimals: int, exact: Callable[[int], Fraction]
) -> NDArray[np.float64]:
    """Divide sums by a divisor and round half-up, exactly, at the speed of float64.

    Parameters
    ----------
    numerator : float64 array of shape (n_rows,)
        Non-negative sums of price x factor, in yen; NaN stays NaN.
    divisor : Decimal
        Positive.
    decimals : int
        Decimals of the result.
    exact : callable int -> Fraction
        The exact numerator of a row; asked only for rows next to a tie.

    Returns
    -------
    float64 array of shape (n_rows,)
        Each the float nearest to the exactly rounded decimal number.

    Examples
    --------
    >>> half_up_quotient(np.array([2.675]), Decimal(1), 2, lambda row: Fraction("2.675"))
    array([2.68])
    """
    return half_up_near(numerator / float(divisor), decimals, lambda row: exact(row) / Fraction(divisor))


def half_up_near(values: NDArray[np.float64], decimals: int, exact: Callable[[int], Fraction]) -> NDArray[np.float64]:
    """Round half-up, exactly, values that float64 knows but for the last bits.

    Parameters
    ----------
    values : float64 array of shape (n_rows,)
        Non-negative; NaN stays NaN.
    decimals : int
        Decimals of the result.
    exact : callable int -> Fraction
        The exact value of a row; asked only for rows next to a tie.

    Returns
    -------
    float64 array of shape (n_rows,)
        Each the float nearest to the exactly rounded decimal number.
    """
    scale = 10.0**decimals
    scaled = values * scale
    rounded = np.floor(scaled + 0.5) / scale
    band = np.maximum(NEAR_TIE, NEAR_TIE_RELATIVE * scaled)
    for row in np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) <= band):
        rounded[row] = float(half_up(exact(int(row)), decimals))
    return rounded


def exact_sum(prices: NDArray[np.float64], numerators: Sequence[int], denominators: Sequence[int]) -> Fraction:
    """Sum price x factor exactly, the factors given as numerators and denominators.

    Examples
    --------
    >>> exact_sum(np.array([0.1, 881.8]), [1, 3], [1, 10])
    Fraction(6616, 25)
    """
    thousandths = np.rint(prices * 1000)
    if (thousandths / 1000 == prices).all() and (thousandths < 2**52).all():
        common = lcm(*denominators)
        terms = zip(thousandths.tolist(), numerators, denominators, strict=True)
        return Fraction(sum(int(price) * over * (common // under) for price, over, under in terms), 1000 * common)
    values = map(exact_price, prices.tolist())
    return sum((p * Fraction(*f) for p, *f in zip(values, numerators, denominators, strict=True)), Fraction(0))
