"""Factors that give wanted weights: equal, capped, by free float."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from fractions import Fraction

from indexsim.errors import MissingData, SpecError

#: Decimals of a computed factor: far finer than a divisor, coarse enough for exact sums to stay short.
DECIMALS = 12

Values = Mapping[str, Fraction]


def equal(
    factors: Values, prices: Values, codes: Collection[str], without: Collection[str] = ()
) -> dict[str, Fraction]:
    """Return factors with which each code is worth the mean of the names held.

    Parameters
    ----------
    factors : mapping of code to Fraction
        In force.
    prices : mapping of code to Fraction
        Yen; a code without a price, or at zero (spun off, not yet traded), is left as it is.
    codes : collection of str
        Those whose factor is wanted.
    without : collection of str
        Entrants: the mean is taken over the others.

    Examples
    --------
    >>> one = Fraction(1)
    >>> found = equal({"1001": one, "1002": one}, {"1001": Fraction(400), "1002": Fraction(800)}, ["1001", "1002"])
    >>> {code: str(factor) for code, factor in found.items()}
    {'1001': '3/2', '1002': '3/4'}
    """
    values = {c: f * prices[c] for c, f in factors.items() if prices.get(c)}
    counted = [value for code, value in values.items() if code not in without] or [*values.values()]
    mean = sum(counted, Fraction(0)) / len(counted)
    return {code: round(mean / prices[code], DECIMALS) for code in codes if code in values}


def capped(factors: Values, prices: Values, limit: Fraction) -> dict[str, Fraction]:
    """Return by how much to multiply factors so that no weight is above a limit.

    What is above goes to the names below in proportion to their weights, which may lift one of them
    above the limit in turn.

    Returns
    -------
    dict of code to Fraction
        Only codes that are cut; below one.

    Raises
    ------
    SpecError
        There are too few names for the limit.

    Examples
    --------
    >>> prices = {"1001": Fraction(400), "1002": Fraction(500), "1003": Fraction(900)}
    >>> {c: str(k) for c, k in capped(dict.fromkeys(prices, Fraction(1)), prices, Fraction(2, 5)).items()}
    {'1003': '666666666667/1000000000000'}
    """
    values = {code: factor * prices[code] for code, factor in factors.items()}
    if limit * sum(value > 0 for value in values.values()) < 1:
        raise SpecError(
            asked=f"hold no name above {float(limit):g}",
            found=f"{len(values)} names",
            rule="X times the number of names is at least 1",
            todo=f"choose X of {1 / len(values):.4g} or more",
        )
    cut: list[str] = []
    total = sum(values.values(), Fraction(0))
    below = total
    while above := [code for code, value in values.items() if code not in cut and value > limit * total]:
        cut += above
        below -= sum((values[code] for code in above), Fraction(0))
        total = below / (1 - limit * len(cut))
    return {code: _ratio(factors[code], limit * total / prices[code]) for code in cut}


def in_force(shares: Mapping[str, Mapping[int, Fraction]], code: str, row: int, day: date) -> Fraction:
    """Return the free-float shares of a code that are in force on a session.

    Raises
    ------
    MissingData
        None are known by then.
    """
    known = [value for since, value in shares.get(code, {}).items() if since <= row]
    if not known or not known[-1]:
        raise MissingData(
            asked="weigh by free-float market value",
            found=f"no shares or no free float of {code} on {day}",
            rule="shares_ffw has both for every constituent, in force from its first session",
            todo="add the row to shares_ffw",
        )
    return known[-1]


def _ratio(factor: Fraction, wanted: Fraction) -> Fraction:
    """Return the multiplier that makes the factor the wanted one, cut to `DECIMALS`."""
    return round(wanted, DECIMALS) / factor
