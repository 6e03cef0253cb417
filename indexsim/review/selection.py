"""Who goes, who comes in and with which factor: the arithmetic of a review, without dates and files.

Liquidity ranks the names (`rank_names`); ranks and the balance of the sectors choose (`select`); the
price of the base date gives the factor (`entrant_factor`), the trading value whether the entry is phased.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from indexsim import rules
from indexsim.errors import SpecError

TENTH = Fraction(1, 10)


@dataclass(frozen=True)
class Liquidity:
    """What a name is ranked by.

    Attributes
    ----------
    code, sector : str
    member : bool
        Whether it is a constituent.
    value : float
        Trading value over the window, yen.
    fluctuation : float
        (high / low) / trading value, or per share of volume; infinite where nothing was traded.
    eligible : bool
        Whether it may be ranked at all; a member that may not goes.
    """

    code: str
    sector: str
    member: bool
    value: float
    fluctuation: float
    eligible: bool = True


@dataclass(frozen=True)
class Standing:
    """A name in the ranking.

    Attributes
    ----------
    rank : int or None
        From 1, the most liquid; None for a member that may not be ranked.
    name : Liquidity
    """

    rank: int | None
    name: Liquidity

    @property
    def code(self) -> str:
        """The code of the name."""
        return self.name.code

    @property
    def order(self) -> tuple[bool, int, str]:
        """Sorts the most liquid first and the unranked last."""
        return self.rank is None, self.rank or 0, self.name.code


@dataclass(frozen=True)
class Pick:
    """A name that comes in or goes, and why."""

    standing: Standing
    reason: str

    @property
    def code(self) -> str:
        """The code of the name."""
        return self.standing.code


@dataclass(frozen=True)
class Selection:
    """What a review exchanges: as many names come in as go.

    Attributes
    ----------
    entering, leaving : tuple of Pick
        In the order in which they were chosen.
    held_back : tuple of Pick
        What the ranks asked for beyond the most that one review exchanges.
    targets : dict of str -> Fraction
        Members each sector should have: half of its number among the eligible.
    """

    entering: tuple[Pick, ...]
    leaving: tuple[Pick, ...]
    held_back: tuple[Pick, ...]
    targets: dict[str, Fraction]


def rank_names(names: Iterable[Liquidity], share: Fraction = rules.TRADING_VALUE_SHARE) -> tuple[Standing, ...]:
    """Rank names by both measures of liquidity (A21).

    Parameters
    ----------
    names : iterable of Liquidity
    share : Fraction
        Weight of the rank by trading value in the score, from 0 to 1; the rank by fluctuation has the rest.

    Returns
    -------
    tuple of Standing
        The most liquid first, members that may not be ranked last. Equal scores fall by trading value, then by code.

    Raises
    ------
    SpecError
        `share` is not from 0 to 1.

    Examples
    --------
    >>> def name(code: str, value: float, fluctuation: float) -> Liquidity:
    ...     return Liquidity(code, "Technology", False, value, fluctuation)
    >>> [s.code for s in rank_names([name("1001", 5e9, 3e-10), name("285A", 9e9, 1e-10)])]
    ['285A', '1001']
    """
    if not 0 <= share <= 1:
        raise SpecError(
            asked=f"weight the rank by trading value with {share}",
            found=f"{share} lies outside",
            rule="the weight is from 0 (fluctuation alone) to 1 (trading value alone)",
            todo="choose one, or leave the default",
        )
    names = sorted(names, key=lambda name: name.code)
    ranked = [name for name in names if name.eligible]
    by_value = _ranks({name.code: -name.value for name in ranked})
    by_fluctuation = _ranks({name.code: name.fluctuation for name in ranked})

    def score(name: Liquidity) -> tuple[Fraction, float, str]:
        both = share * by_value[name.code] + (1 - share) * by_fluctuation[name.code]
        return both, -name.value, name.code

    order = [Standing(rank, name) for rank, name in enumerate(sorted(ranked, key=score), 1)]
    return (*order, *(Standing(None, name) for name in names if name.member and not name.eligible))


def _ranks(values: Mapping[str, float]) -> dict[str, int]:
    """Rank from 1, the smallest; equal values share the best of their ranks."""
    first: dict[float, int] = {}
    for rank, value in enumerate(sorted(values.values()), 1):
        first.setdefault(value, rank)
    return {code: first[value] for code, value in values.items()}


def select(
    standings: Sequence[Standing],
    eligible: int = rules.ELIGIBLE_RANK,
    must_have: int = rules.MUST_HAVE_RANK,
    most: int = rules.MAX_REPLACEMENTS,
) -> Selection:
    """Choose who goes and who comes in (A20, A21).

    First the ranks: members beyond `eligible` go, the least liquid first; outsiders within `must_have` come
    in, the most liquid first. Where the two differ in number, and then as long as an exchange brings the
    sectors nearer to their targets, the sector with the largest surplus gives its least liquid member and
    the one with the largest deficit gets its most liquid eligible outsider. Equal sectors fall by the
    liquidity of the name concerned.

    Parameters
    ----------
    standings : sequence of Standing
        As `rank_names` returns them.
    eligible, must_have : int
        Best ranks.
    most : int
        Most names exchanged; what the ranks ask for beyond it is held back.
    """
    desk = _Desk(standings, eligible)
    beyond = f"ranked beyond {eligible}"
    out = [Pick(s, _rank_text(s, beyond)) for s in reversed(desk.members) if s.rank is None or s.rank > eligible]
    into = [
        Pick(s, _rank_text(s, f"within the first {must_have}")) for s in desk.outsiders if (s.rank or 0) <= must_have
    ]
    wanted = min(most, max(len(out), len(into)))
    for pick in out[:most]:
        desk.take(pick)
    for pick in into[:most]:
        desk.bring(pick)
    while len(desk.leaving) < wanted and (pick_out := desk.from_surplus()):
        desk.take(pick_out)
    while len(desk.entering) < wanted and (pick_in := desk.for_deficit()):
        desk.bring(pick_in)
    desk.level()
    while len(desk.leaving) < most and desk.exchange():
        pass
    kept = {pick.code for pick in (*desk.leaving, *desk.entering)}
    held_back = tuple(pick for pick in (*out, *into) if pick.code not in kept)
    return Selection(tuple(desk.entering), tuple(desk.leaving), held_back, desk.targets)


def _rank_text(standing: Standing, bound: str) -> str:
    return "not in the market segment" if standing.rank is None else f"rank {standing.rank}, {bound}"


class _Desk:
    """The members while a selection is made."""

    def __init__(self, standings: Sequence[Standing], eligible: int) -> None:
        order = sorted(standings, key=lambda standing: standing.order)
        first = [s for s in order if s.rank is not None and s.rank <= eligible]
        self.members = [s for s in order if s.name.member]
        self.outsiders = [s for s in first if not s.name.member]
        self.entering: list[Pick] = []
        self.leaving: list[Pick] = []
        sectors = sorted({s.name.sector for s in (*first, *self.members)})
        self.targets = {sector: Fraction(sum(s.name.sector == sector for s in first), 2) for sector in sectors}
        self.count = {sector: sum(s.name.sector == sector for s in self.members) for sector in sectors}

    def take(self, pick: Pick) -> None:
        self.leaving.append(pick)
        self.members.remove(pick.standing)
        self.count[pick.standing.name.sector] -= 1

    def bring(self, pick: Pick) -> None:
        self.entering.append(pick)
        self.outsiders.remove(pick.standing)
        self.count[pick.standing.name.sector] += 1

    def surplus(self, sector: str) -> Fraction:
        return self.count[sector] - self.targets[sector]

    def from_surplus(self) -> Pick | None:
        """Return the least liquid member of the sector with the largest surplus that has one."""
        last = {s.name.sector: s for s in self.members}
        if not last:
            return None
        # Equal surpluses: the less liquid name goes.
        sector = max(last, key=lambda name: (self.surplus(name), last[name].order))
        return Pick(last[sector], self._why(sector, last[sector], "least liquid of its members"))

    def for_deficit(self) -> Pick | None:
        """Return the most liquid outsider of the sector with the largest deficit that has one."""
        first = {s.name.sector: s for s in reversed(self.outsiders)}
        if not first:
            return None
        sector = min(first, key=lambda name: (self.surplus(name), first[name].order))
        return Pick(first[sector], self._why(sector, first[sector], "most liquid of its outsiders"))

    def level(self) -> None:
        """Undo the last picks of the longer side where the other side ran out of names."""
        while len(self.leaving) > len(self.entering):
            pick = self.leaving.pop()
            self.members = sorted([*self.members, pick.standing], key=lambda standing: standing.order)
            self.count[pick.standing.name.sector] += 1
        while len(self.entering) > len(self.leaving):
            pick = self.entering.pop()
            self.count[pick.standing.name.sector] -= 1

    def exchange(self) -> bool:
        """Exchange one name between two sectors if that brings both together nearer to their targets."""
        out, into = self.from_surplus(), self.for_deficit()
        if out is None or into is None:
            return False
        over, under = (self.surplus(pick.standing.name.sector) for pick in (out, into))
        if abs(over - 1) + abs(under + 1) >= abs(over) + abs(under):
            return False
        if out.standing.name.sector == into.standing.name.sector:
            return False
        self.take(out)
        self.bring(into)
        return True

    def _why(self, sector: str, standing: Standing, which: str) -> str:
        target, count = float(self.targets[sector]), self.count[sector]
        return f"{sector} has {count} members for a target of {target:g}; {which}, rank {standing.rank}"


def entrant_factor(price: Fraction, price_sum: Fraction) -> Fraction:
    """Return the factor of an entrant: 1, or the largest tenth that keeps it within 1 % (A8).

    Parameters
    ----------
    price : Fraction
        Close of the base date, yen, on the basis of the effective date.
    price_sum : Fraction
        Sum of price x factor over the constituents at the same closes, yen.

    Raises
    ------
    SpecError
        One of the two is not positive.

    Examples
    --------
    Lasertec on 2023-07-31:

    >>> str(entrant_factor(Fraction(21_475), Fraction("29.51") * Fraction("33172.22")))
    '2/5'
    """
    if price <= 0 or price_sum <= 0:
        raise SpecError(
            asked="find the factor of an entrant",
            found=f"price {float(price):g} yen, sum of adjusted prices {float(price_sum):g} yen",
            rule="both are above zero",
            todo="give the closes of the base date",
        )
    bound = rules.ENTRY_WEIGHT * price_sum
    return Fraction(1) if price <= bound else max(TENTH, Fraction(floor(10 * bound / price), 10))


def is_phased(share_of_value: Fraction | float, weight: Fraction | float, below: Fraction | float | None) -> bool:
    """Tell whether an entry is phased: its trading value is small against its coming weight (A9).

    Parameters
    ----------
    share_of_value : Fraction or float
        Trading value of the entrant / that of the constituents.
    weight : Fraction or float
        Coming weight with the full factor.
    below : Fraction, float or None
        The quotient below which it is phased; None: no entry is.

    Examples
    --------
    >>> is_phased(0.00347, 0.01, 0.4), is_phased(0.00474, 0.01, 0.4), is_phased(0.001, 0.01, None)
    (True, False, False)
    """
    return below is not None and share_of_value < below * weight


def first_half(factor: Fraction) -> Fraction:
    """Return the factor at a phased entry: half of the full one, half of an odd tenth rounded up (A9).

    Examples
    --------
    >>> str(first_half(Fraction("0.5"))), str(first_half(Fraction(1)))
    ('3/10', '1/2')
    """
    return Fraction(ceil(factor / 2 / TENTH), 10)
