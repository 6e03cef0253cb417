"""The base value of a free-float index, and the regimes between its changes (B2).

A change of index shares (listed shares x free-float weight) moves the base market value by as much as
it moves the market value at the close before, so that the level stays. A split restates that
close, so that it moves neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd

from indexsim.closes import exact_row, session_of
from indexsim.errors import EventError, Finding, SpecError
from indexsim.events import Split
from indexsim.rounding import exact_price

#: The level at which market value and base value are equal (B1).
BASE_LEVEL = 100
#: Changes of one session that its line in the ledger names; the others are counted.
NAMED = 5

Shares = Mapping[str, Fraction]
Ratios = Mapping[int, Mapping[str, Fraction]]


@dataclass(frozen=True)
class BaseEntry:
    """One line of the ledger of base values.

    Attributes
    ----------
    session : date
        First session on which `after` holds.
    before : Fraction or None
        The base market value until then, yen; None on the first line.
    after : Fraction
        From then on.
    event : str
        What moved it.
    """

    session: date
    before: Fraction | None
    after: Fraction
    event: str


@dataclass(frozen=True)
class FloatRegime:
    """Sessions with the same index shares and the same base value.

    Attributes
    ----------
    row : int
        Position of the first session in the closes.
    session : date
        That session.
    shares : mapping of code to Fraction
        Index shares: listed shares x free-float weight, of the members only.
    base_value : Fraction
        Base market value, yen.
    opening : mapping of code to Fraction
        Members' closes of the session before on this regime's basis, yen; empty for the first.
    """

    row: int
    session: date
    shares: Shares
    base_value: Fraction
    opening: Shares


def split_ratios(splits: Sequence[Split], sessions: pd.Index) -> dict[int, dict[str, Fraction]]:
    """Return new shares per old by row and code: a split on a day without closes acts on the next session.

    Raises
    ------
    EventError
        Two splits of a code on one session.
    """
    found: dict[int, dict[str, Fraction]] = {}
    for split in splits:
        row = int(sessions.searchsorted(pd.Timestamp(split.effective)))
        if not 0 < row < len(sessions):
            continue
        if split.code in found.setdefault(row, {}):
            raise EventError(
                asked=f"apply {split} on {split.effective}",
                found=f"another split of {split.code} on that session",
                rule="a name splits once a session",
                todo="keep one of them, with the ratio of both",
            )
        found[row][split.code] = split.ratio
    return found


def _changes(shares: pd.DataFrame, ffw: pd.DataFrame, splits: set[int]) -> list[int]:
    """Return the rows on which a regime begins: the first, and each with other shares, weights or a split."""
    moved = np.zeros(len(shares), dtype=bool)
    moved[0] = True
    for frame in (shares, ffw):
        values = frame.to_numpy()
        moved[1:] |= (values[1:] != values[:-1]).any(axis=1)
    return sorted({int(row) for row in np.flatnonzero(moved)} | splits)


def _members(shares: pd.DataFrame, ffw: pd.DataFrame, row: int) -> dict[str, Fraction]:
    """Return the index shares of a row, exactly."""
    listed, free = shares.iloc[row], ffw.iloc[row]
    held = listed.index[(listed * free > 0).to_numpy()]
    return {code: exact_price(listed[code]) * exact_price(free[code]) for code in held}


def missing(closes: pd.DataFrame, shares: pd.DataFrame, ffw: pd.DataFrame) -> list[Finding]:
    """Find each close that a member, or an entrant on the session before, lacks, and sessions without members.

    Parameters
    ----------
    closes : DataFrame of shape (n_sessions, n_codes)
    shares, ffw : DataFrame of shape (n_sessions, n_listed)
        Of the same codes; zero where there is none.

    Returns
    -------
    list of Finding
        Rules ``missing-price`` and ``members``.
    """
    codes, member = shares.columns, (shares * ffw > 0).to_numpy()
    needed = member.copy()
    needed[:-1] |= member[1:]
    used = codes[np.flatnonzero(needed.any(axis=0))]
    findings = [
        Finding("shares_ffw", session_of(closes, row).isoformat(), "", "members", "no member")
        for row in np.flatnonzero(~member.any(axis=1)).tolist()
    ]
    findings += [
        Finding("closes", "", code, "missing-price", "no column for a member") for code in used if code not in closes
    ]
    unknown = closes.reindex(columns=codes).isna().to_numpy() & needed & codes.isin(closes.columns)
    findings += [
        Finding("closes", session_of(closes, row).isoformat(), codes[at], "missing-price", "a member without a close")
        for row, at in np.argwhere(unknown).tolist()
    ]
    return findings


def chain(
    closes: pd.DataFrame,
    shares: pd.DataFrame,
    ffw: pd.DataFrame,
    ratios: Ratios,
    base: float | Fraction | None,
    start_level: float,
) -> tuple[FloatRegime, ...]:
    """Return the regimes: base value after = base value before x (value before +- adjustment) / value before (B2).

    Parameters
    ----------
    closes, shares, ffw, base, start_level
        As for `indexsim.floatcap.FloatCapIndex.build`; shares and weights as `missing` takes them.
    ratios : mapping of row to mapping of code to Fraction
        New shares per old of the splits.

    Raises
    ------
    SpecError
        `base` or `start_level` is not above zero.
    """
    held = _members(shares, ffw, 0)
    value = _first_base(base, start_level, market_value(held, exact_row(closes, 0, held)))
    regimes = [FloatRegime(0, session_of(closes, 0), held, value, {})]
    for row in _changes(shares, ffw, set(ratios))[1:]:
        old, new = regimes[-1].shares, _members(shares, ffw, row)
        before = exact_row(closes, row - 1, dict.fromkeys([*old, *new]))
        after = {code: price / ratios.get(row, {}).get(code, 1) for code, price in before.items()}
        touched = [c for c in before if old.get(c) != new.get(c) or after[c] != before[c]]
        adjustment = sum((after[c] * new.get(c, 0) - before[c] * old.get(c, 0) for c in touched), Fraction(0))
        if adjustment:
            worth = market_value(old, before)
            value = value * (worth + adjustment) / worth
        opening = {code: after[code] for code in new}
        regimes.append(FloatRegime(row, session_of(closes, row), new, value, opening))
    return tuple(regimes)


def _first_base(base: float | Fraction | None, start_level: float, value: Fraction) -> Fraction:
    for name, number in (("base", base), ("start_level", start_level)):
        if number is not None and not 0 < number < float("inf"):
            raise SpecError(
                asked=f"build the index with {name} {number}",
                found=f"{number}",
                rule=f"{name} is a number above zero",
                todo=f"give the {name} as published",
            )
    if base is None:
        return value / exact_price(start_level) * BASE_LEVEL
    return base if isinstance(base, Fraction) else exact_price(base)


def ledger(regimes: Sequence[FloatRegime], ratios: Ratios) -> tuple[BaseEntry, ...]:
    """Return the start and each change of the base value."""
    entries = [BaseEntry(regimes[0].session, None, regimes[0].base_value, "start")]
    for old, new in pairwise(regimes):
        if new.base_value != old.base_value:
            said = _said(old.shares, new.shares, ratios.get(new.row, {}))
            entries.append(BaseEntry(new.session, old.base_value, new.base_value, said))
    return tuple(entries)


def _said(old: Shares, new: Shares, ratios: Mapping[str, Fraction]) -> str:
    """Say which names changed, splits apart: "C out, E in, A shares 10 -> 12"."""
    texts = [f"{code} out" for code in old if code not in new] + [f"{code} in" for code in new if code not in old]
    for code in new:
        before = old.get(code, new[code]) * ratios.get(code, 1)
        if before != new[code]:
            texts.append(f"{code} shares {float(before):g} -> {float(new[code]):g}")
    more = [f"{len(texts) - NAMED} more"] if len(texts) > NAMED else []
    return ", ".join(texts[:NAMED] + more)


def market_value(shares: Shares, prices: Shares) -> Fraction:
    """Return the free-float market value, exactly, in yen."""
    return sum((prices[code] * number for code, number in shares.items()), Fraction(0))
