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

from indexsim.whole import Number, quotient

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


def fill_price(
    reference: int, quantity: int, slippage_rate: int, slippage_ticks: int, tick: int, half_spread: int = 0
) -> int:
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
    half_spread : int
        Half of the dealer's spread (CFD), in price units.

    Examples
    --------
    Buying at 20,000 with 1 bp on a 5-yen tick: 20,002 is rounded up to 20,005.

    >>> fill_price(2_000_000, 1, 100, 0, 500), fill_price(2_000_000, -1, 100, 0, 500)
    (2000500, 1999500)
    """
    side = 1 if quantity > 0 else -1
    away = half_spread + slippage_ticks * tick
    moved = reference * (PER_WHOLE + side * slippage_rate) + side * away * PER_WHOLE
    step = PER_WHOLE * tick
    return -(-moved // step) * tick if quantity > 0 else moved // step * tick


def fee(quantity: Number, price: Number, multiplier: int, per_contract: int, rate: int) -> Number:
    """Return the fee of a fill in sen, floored to whole yen; floats that hold whole numbers will do.

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
    return quotient(exact, PER_WHOLE * PER_YEN) * PER_YEN


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


#: Units of a target, in the order of `strategies.base.Targets.UNITS`.
EQUITY, NOTIONAL, CONTRACTS = 0, 1, 2


def can_size(wanted: float, unit: int, mark: int) -> bool:
    """Say whether a target can be turned into a position: a share of the equity needs a price, unless it is flat."""
    return unit == CONTRACTS or mark > 0 or wanted == 0


def position(wanted: float, unit: int, equity: int, mark: int, multiplier: int, lot: int, reserve: float) -> int:
    """Return the signed quantity a target asks for (rule 5), in whole lots.

    Parameters
    ----------
    wanted : float
        In `unit`: a share of the equity, yen (`NOTIONAL`) or contracts.
    equity : int
        Sen.
    mark : int
        Last print, in price units; above zero unless `can_size` says otherwise.

    Examples
    --------
    >>> position(-0.5, EQUITY, 10_000_000_000, 123_400, 1, 10, 0.0), position(250.0, CONTRACTS, 0, 0, 1, 100, 0.0)
    (-40510, 200)
    """
    if unit == CONTRACTS:
        return int(wanted / lot) * lot
    if mark <= 0:
        return 0
    if unit == NOTIONAL:
        return lots(1.0 if wanted > 0 else -1.0, int(abs(wanted) * PER_YEN), mark, multiplier, lot, 0.0)
    return lots(wanted, equity, mark, multiplier, lot, reserve)


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


def financing(value: int, rate: int, days: int) -> int:
    """Return what holding a value costs over some calendar days, in sen, floored to whole yen.

    Parameters
    ----------
    value : int
        Size of what is financed, in sen, >= 0.
    rate : int
        Per year of 365 days, in 1e-6; below zero is received.

    Examples
    --------
    1.5 % a year on 10 million yen over a weekend: 1,232.8, so 1,232 yen.

    >>> financing(1_000_000_000, 15_000, 3), financing(1_000_000_000, -15_000, 3)
    (123200, -123200)
    """
    exact = value * abs(rate) * days // (PER_WHOLE * 365 * PER_YEN) * PER_YEN
    return exact if rate > 0 else -exact


def split_position(quantity: int, new: int, old: int, price: int) -> tuple[int, int]:
    """Return a position after a split of `new` shares per `old`, and the sen paid for the fraction left over.

    Parameters
    ----------
    price : int
        Last price before the split; the fraction is paid at the theoretical one, price x old / new.

    Examples
    --------
    15 shares at 1,100 yen, split 11:10, are 16.5: 16 shares, and half of one at 1,000 yen. A short owes it.

    >>> split_position(15, 11, 10, 110_000), split_position(-15, 11, 10, 110_000)
    ((16, 50000), (-16, -50000))
    """
    side = 1 if quantity > 0 else -1
    whole, part = divmod(abs(quantity) * new, old)
    return side * whole, side * (part * price // new)


def split_order(quantity: int, new: int, old: int, lot: int, before: int, after: int) -> int:
    """Return a waiting order after a split: to flat stays to flat, all else is restated in whole lots, truncated.

    Parameters
    ----------
    before, after : int
        The position before and after the split.

    Examples
    --------
    >>> split_order(-15, 11, 10, 1, 15, 16), split_order(300, 3, 2, 100, 0, 0), split_order(-100, 3, 2, 100, 0, 0)
    (-16, 400, -100)
    """
    if quantity == -before:
        return -after
    size = abs(quantity) * new // (old * lot) * lot
    return size if quantity > 0 else -size


def within_volume(quantity: int, volume: int, share: float, lot: int) -> int:
    """Return the part of an order that fits into a share of the volume traded, in whole lots.

    Examples
    --------
    >>> within_volume(5_000, 12_345, 0.1, 100), within_volume(-500, 12_345, 0.1, 100)
    (1200, -500)
    """
    size = min(abs(quantity), math.floor(volume * share / lot) * lot)
    return size if quantity > 0 else -size
