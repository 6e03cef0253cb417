"""The arithmetic of a fill: price, fee, size and rejection, in integers, defined once.

Units: a price is an integer number of 0.01 yen (or index points), money an integer number of sen
(0.01 yen), a rate an integer number of 0.01 basis points. Every function is a pure function of
integers (and one float target), so that any engine that calls it gets the same yen. The rules are
those of ARCHITECTURE.md, "Execution".
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

#: Integer price units per yen or point, and sen per yen.
PER_YEN = 100
#: Integer rate units per whole (a rate of 1.0 = 1_000_000 hundredths of a basis point).
PER_WHOLE = 1_000_000
#: A size this near to the next lot, relatively, is that lot: 0.35 is no exact binary number.
NEARLY = 1e-12

Units = TypeVar("Units", int, np.ndarray)


def round_to_tick(price: Units, tick: Units) -> Units:
    """Return the multiple of `tick` nearest to `price`, halves up; integers or arrays of them.

    Examples
    --------
    >>> round_to_tick(130_463, 50)
    130450
    """
    rounded: Units = (2 * price + tick) // (2 * tick) * tick
    return rounded


def fill_price(reference: int, quantity: int, slippage_rate: int, slippage_ticks: int, tick: int) -> int:
    """Return the price of a fill: the reference moved against the trader, then rounded against the trader.

    Parameters
    ----------
    reference : int
        Open or close at which the order fills.
    quantity : int
        Signed; above zero buys.
    slippage_rate, slippage_ticks : int
        Rate in 0.01 bp and number of ticks; both act.
    tick : int
        Tick in force at the reference price.

    Examples
    --------
    Buying at 20,000 with 1 bp on a 5-yen tick: 20,002 is rounded up to 20,005.

    >>> fill_price(2_000_000, 1, 100, 0, 500), fill_price(2_000_000, -1, 100, 0, 500)
    (2000500, 1999500)
    """
    side = 1 if quantity > 0 else -1
    moved = reference * (PER_WHOLE + side * slippage_rate) + side * slippage_ticks * tick * PER_WHOLE
    step = PER_WHOLE * tick
    return -(-moved // step) * tick if quantity > 0 else moved // step * tick


def fee(quantity: int, price: int, multiplier: int, per_contract: int, rate: int) -> int:
    """Return the fee of a fill in sen, floored to whole yen.

    Parameters
    ----------
    per_contract : int
        Sen per contract.
    rate : int
        Rate on the notional, in 0.01 bp.

    Examples
    --------
    Three minis at 38.5 yen are 115.5, floored to 115 yen; 5 bp of 1,234,500 yen are 617.25, so 617.

    >>> fee(3, 2_000_000, 100, 3_850, 0), fee(-100, 1_234_500, 1, 0, 500)
    (11500, 61700)
    """
    size = abs(quantity)
    exact = size * per_contract * PER_WHOLE + size * price * multiplier * rate
    return exact // (PER_WHOLE * PER_YEN) * PER_YEN


def lots(share: float, equity: int, price: int, multiplier: int, lot: int, reserve: float) -> int:
    """Return the signed quantity that a share of equity buys, in whole lots, truncated.

    Parameters
    ----------
    share : float
        Share of equity; negative is short.
    equity : int
        Account value in sen at the decision.
    price : int
        Close at the decision; no slippage.
    reserve : float
        Part of the equity kept back, as a fraction.

    Examples
    --------
    100 million yen, half of it, in units of ten at 1,234 yen: 40,518 fit, so 40,510.

    >>> lots(0.5, 10_000_000_000, 123_400, 1, 10, 0.0)
    40510
    """
    if equity <= 0:
        return 0
    exact = abs(share) * equity * (1.0 - reserve) / (price * multiplier * lot)
    size = math.floor(exact * (1.0 + NEARLY)) * lot
    return size if share > 0 else -size


def reduces(position: int, quantity: int) -> bool:
    """Say whether an order brings a position nearer to flat without crossing it.

    Examples
    --------
    >>> reduces(5, -5), reduces(5, -6), reduces(0, 1)
    (True, False, False)
    """
    return position != 0 and (position > 0) != (quantity > 0) and abs(quantity) <= abs(position)


def used(position: int, price: int, multiplier: int, margin_rate: int) -> int:
    """Return the margin (rate below one) or notional (rate one) a position binds, in sen, rounded up."""
    return -(-abs(position) * price * multiplier * margin_rate // PER_WHOLE)


def rejected(used_after: int, fee_paid: int, equity: int) -> bool:
    """Say whether a fill that increases a position must be rejected: used + fee > equity, all in sen."""
    return used_after + fee_paid > equity
