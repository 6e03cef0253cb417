"""The special quotation (SQ): what futures and options settle at.

It is the index on the first price of each constituent that day, whenever that price came. The
opening level takes standing quotes and the previous close for what has not traded yet, so the two differ (D3).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

import pandas as pd

from indexsim import rules
from indexsim.divisor import price_sum
from indexsim.errors import DataError, Finding
from indexsim.index import PriceWeightedIndex
from indexsim.rounding import exact_price, half_up


def special_quotation(index: PriceWeightedIndex, session: date | str, opens: Mapping[str, float] | pd.Series) -> float:
    """Return the sum of first price x factor / divisor, rounded half-up to two decimals.

    Parameters
    ----------
    index : PriceWeightedIndex
        Its basket and divisor of that session are used, nothing of its closes.
    session : date or ISO text
        The SQ day.
    opens : mapping of code to yen, or Series by code
        First prices of that day as traded; may hold more codes than the basket.

    Returns
    -------
    float
        Points: the float nearest to the exact decimal value.

    Raises
    ------
    DataError
        A constituent has no first price or one that is not above zero (rule ``missing-price``), each one by name:
        the value is never a partial sum.
    MissingData
        The day is no session of the index.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from indexsim.basket import Basket
    >>> closes = pd.DataFrame({"A": 400.0, "B": 500.0}, pd.DatetimeIndex(["2025-09-12"]))
    >>> basket = Basket({"A": Fraction(1), "B": Fraction("2.4")}, date(2025, 9, 12))
    >>> index = PriceWeightedIndex.build(closes, basket, [], Decimal(3))
    >>> special_quotation(index, "2025-09-12", {"A": 403.0, "B": 501.0})
    535.13
    """
    regime = index.regime(session)
    first = {str(code): float(price) for code, price in opens.items()}
    day = f"{pd.Timestamp(session):%Y-%m-%d}"
    missing = [code for code in regime.basket.codes if not 0.0 < first.get(code, 0.0) < float("inf")]
    if missing:
        found = "a constituent without a first price"
        raise DataError(
            [Finding("opens.csv", day, code, "missing-price", found) for code in missing],
            asked=f"compute the special quotation of {day}",
        )
    exact = {code: exact_price(first[code]) for code in regime.basket.codes}
    return float(half_up(price_sum(regime.basket, exact) / Fraction(regime.divisor), rules.LEVEL_DECIMALS))
