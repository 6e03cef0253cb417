"""Whole numbers, whatever holds them: Python's integers, 64 bits, or floats, which are exact below 2**53."""

from __future__ import annotations

from typing import TypeVar

Number = TypeVar("Number", int, float)


def quotient(a: Number, b: Number) -> Number:
    """Return a // b.

    Compiled (`indexsim.compiled`), it is one division for floats as well: of whole numbers below 2**53 a quotient that
    is not whole lies further from the next whole one than a float's rounding.

    Examples
    --------
    >>> quotient(7, 2), quotient(-7, 2), quotient(7.0, 2.0)
    (3, -4, 3.0)
    """
    return a // b
