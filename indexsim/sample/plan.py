"""The choice of a sample's events, and of the prices and factors that fit them.

Events are chosen on a plain path (drawn returns and steady growth, nothing planted), so that the
same seed has the same events whatever is planted.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from indexsim import rules
from indexsim.review.selection import entrant_factor
from indexsim.sample.days import Days
from indexsim.sample.effects import Sample
from indexsim.sample.events import CAP_RATIO, Plan, SplitAt, Swap, members, share_growth
from indexsim.sample.names import CONSTITUENTS, SECTORS, Names

Floats = NDArray[np.float64]

#: Sum of price x factor at the end, yen.
PRICE_SUM = 1.15e6

#: Place, among the largest at the end, of the name that is capped once.
CAPPED = 1

#: Fewest and most of them.
REPLACEMENTS, SPLITS_A_YEAR, SPLIT_NOTICE = (1, 3), (2, 4), (30, 50)
SPLIT_RATIOS, SPLIT_ODDS = (2, 3, 5, 10), (0.5, 0.25, 0.2, 0.05)
#: Sessions between two splits of a name.
SPLIT_REST = 500

#: The two consolidations: year (ex-date at the end of September) and ratio.
REVERSE_SPLITS = ((2017, Fraction(1, 10)), (2021, Fraction(1, 5)))

#: Raw prices wanted along the plain path, yen: with effects they then stay inside 100 to 60,000.
WANTED = (600.0, 25_000.0)
USUAL, USUAL_TOP, USUAL_OUTSIDE = 2_500.0, 8_000.0, 2_800.0
#: Raw prices that a factor is chosen to respect before anything else, yen.
SAFE = (250.0, 28_000.0)
#: Highest raw price of an entrant whose factor is below one, yen.
HIGHEST_ENTRANT = 45_000.0
#: Factors that a first constituent can have, and an entrant below one.
FACTORS = tuple(Fraction(n, 10) for n in (1, 2, 3, 4, 5, 6, 8)) + tuple(map(Fraction, (1, 2, 3, 4, 5, 6, 8, 10)))
ENTRY_FACTORS = (Fraction(1, 5), Fraction(1, 10), Fraction(1, 2))
#: How often a factor of one is taken where it will do.
PLAIN_FACTOR_ODDS = 0.7


def make_plan(sample: Sample, days: Days, names: Names, path: Floats) -> Plan:
    """Choose the events and, from them, prices and factors.

    Parameters
    ----------
    path : float array of shape (n_sessions, n)
        Log price of each name against its end, along the plain path.
    """
    worth = names.weight * PRICE_SUM * np.exp(path)  # price x factor
    swaps = _swaps(sample, days, names, worth)
    splits = _splits(sample, days, names, swaps)
    late = [p for p in days.reviews if rules.CAP_THRESHOLD.on(days.day(p)) is not None]
    cap = (late[-1], int(names.top[CAPPED])) if late else None
    grown = share_growth(splits, len(days), len(names))
    first = {swap.entrant: swap.factor for swap in swaps}
    for stock in (*range(CONSTITUENTS), *(swap.leaver for swap in swaps)):
        if stock not in first:
            possible = _possible(splits, stock, whole=cap is not None and cap[1] == stock)
            first[stock] = _first_factor(sample, names, stock, worth[:, stock] / grown[:, stock], possible)
    end = np.exp(sample.rng("outsiders").normal(np.log(USUAL_OUTSIDE), 0.4, len(names)))
    for stock, factor in first.items():
        capped = CAP_RATIO if cap and cap[1] == stock else Fraction(1)
        end[stock] = worth[-1, stock] / float(factor * capped) / grown[-1, stock]
    entered = {swap.entrant for swap in swaps}
    initial = {stock: factor for stock, factor in sorted(first.items()) if stock not in entered}
    return Plan(swaps, splits, cap, initial, end)


def _swaps(sample: Sample, days: Days, names: Names, worth: Floats) -> tuple[Swap, ...]:
    """Choose the replacements, with the factors of the entrants."""
    drawn = _drawn_swaps(sample, days, names, worth.min(axis=0))
    member = members(drawn, *worth.shape)
    phased = _phased(days, drawn)
    swaps = []
    for at, swap in enumerate(drawn):
        total = worth[swap.base, member[swap.base]].sum()
        factor = _entrant_factor(worth[:, swap.entrant], total, swap.base)
        full = phased[1] if phased and at == phased[0] else None
        swaps.append(Swap(swap.position, swap.base, swap.entrant, swap.leaver, factor, full))
    return tuple(swaps)


def _drawn_swaps(sample: Sample, days: Days, names: Names, lowest: Floats) -> tuple[Swap, ...]:
    """Choose replacements within sectors: entrants are constituents at the end, leavers outsiders.

    An entrant starts with a factor of about one, so its `lowest` worth (yen) must do as a price.
    """
    rng = sample.rng("reviews")
    # Every other outsider of a sector can have been a constituent; the rest never was.
    outside = [s for row in range(len(SECTORS)) for s in range(CONSTITUENTS, len(names)) if names.sector[s] == row][::2]
    inside = [s for s in range(CONSTITUENTS) if s not in names.top and lowest[s] > SAFE[0]]
    swaps = []
    for position in days.reviews:
        for _ in range(min(len(outside), int(rng.integers(REPLACEMENTS[0], REPLACEMENTS[1] + 1)))):
            leaver = outside.pop(int(rng.integers(len(outside))))
            likely = [s for s in inside if names.sector[s] == names.sector[leaver]]
            if not likely:
                continue
            odds = names.weight[likely] ** 2  # large ones come in more often
            entrant = int(rng.choice(likely, p=odds / odds.sum()))
            inside.remove(entrant)
            swaps.append(Swap(position, days.base_of(position), entrant, leaver))
    return tuple(swaps)


def _phased(days: Days, swaps: tuple[Swap, ...]) -> tuple[int, int] | None:
    """Return which entry is phased and where it is completed: the first of the last review but one."""
    late = [p for p in days.reviews if rules.PHASE_IN_BELOW.on(days.day(p)) is not None]
    if len(late) < 2:
        return None
    at = next((k for k, swap in enumerate(swaps) if swap.position == late[-2]), None)
    return None if at is None else (at, late[-1])


def _entrant_factor(worth: Floats, price_sum: float, base: int) -> Fraction:
    """Return a factor below 1 where the 1 % rule gives back that very factor, else 1."""
    for factor in ENTRY_FACTORS:
        price = Fraction(float(worth[base]) / float(factor))
        if worth.max() / float(factor) < HIGHEST_ENTRANT and entrant_factor(price, Fraction(price_sum)) == factor:
            return factor
    return Fraction(1)


def _splits(sample: Sample, days: Days, names: Names, swaps: tuple[Swap, ...]) -> tuple[SplitAt, ...]:
    """Choose the splits of each year among constituents, large ones more often, and the two consolidations."""
    rng = sample.rng("splits")
    member = members(swaps, len(days), len(names))
    chosen = _reverse_splits(sample, days, names, swaps)
    done = {split.stock for split in chosen} | {swap.entrant for swap in swaps}
    free_from: dict[int, int] = {}
    for position in _split_positions(rng, days):
        both = np.flatnonzero(member[position] & member[position - 1]).tolist()
        free = [s for s in both if s not in done and free_from.get(s, 0) <= position]
        odds = np.sqrt(names.weight[free])
        stock = int(rng.choice(free, p=odds / odds.sum()))
        ratio, notice = Fraction(int(rng.choice(SPLIT_RATIOS, p=SPLIT_ODDS))), _notice(rng)
        if any(split.stock == stock for split in chosen):
            done.add(stock)  # twice is enough
        chosen.append(SplitAt(position, stock, ratio, notice))
        free_from[stock] = position + SPLIT_REST
    return tuple(sorted(chosen, key=lambda split: (split.position, split.stock)))


def _split_positions(rng: np.random.Generator, days: Days) -> list[int]:
    """Return the ex-dates of the splits, each as often as it has splits."""
    positions: list[int] = []
    for year in sorted({days.day(p).year for p in days.ex_dates}):
        ex_dates = [p for p in days.ex_dates if days.day(p).year == year]
        count = int(rng.integers(SPLITS_A_YEAR[0], SPLITS_A_YEAR[1] + 1))
        positions += sorted(map(int, rng.choice(ex_dates, size=count)))
    return positions


def _reverse_splits(sample: Sample, days: Days, names: Names, swaps: tuple[Swap, ...]) -> list[SplitAt]:
    rng = sample.rng("reverse splits")
    moved = {swap.entrant for swap in swaps}
    small = [s for s in range(CONSTITUENTS) if s not in names.top and s not in moved]
    chosen = []
    for year, ratio in REVERSE_SPLITS:
        stock, notice = small.pop(int(rng.integers(len(small)))), _notice(rng)
        at = next((p for p in days.ex_dates if (days.day(p).year, days.day(p).month) == (year, 9)), None)
        if at is not None:
            chosen.append(SplitAt(at, stock, ratio, notice))
    return chosen


def _notice(rng: np.random.Generator) -> int:
    return int(rng.integers(SPLIT_NOTICE[0], SPLIT_NOTICE[1] + 1))


def _possible(splits: tuple[SplitAt, ...], stock: int, *, whole: bool) -> list[Fraction]:
    """Return the first factors from which every later one is a multiple of a tenth."""
    ratio = min((split.ratio for split in splits if split.stock == stock), default=Fraction(1))
    return [f for f in FACTORS if (f * ratio * 10).denominator == 1 and (f >= 1 or not whole)]


def _first_factor(sample: Sample, names: Names, stock: int, unit: Floats, possible: list[Fraction]) -> Fraction:
    """Return the factor that gives a name a plausible raw price: 1 if that will do, else the nearest to a wish.

    Parameters
    ----------
    unit : float array of shape (n_sessions,)
        Raw price along the plain path if the first factor were 1, yen.
    """
    rng = sample.rng(f"factor {stock}")
    low, high = unit.min(), unit.max()
    if Fraction(1) in possible and WANTED[0] <= low and high <= WANTED[1] and rng.random() < PLAIN_FACTOR_ODDS:
        return Fraction(1)
    wish = (USUAL_TOP if stock in names.top[:4] else USUAL) * np.exp(rng.normal(0, 0.3))

    def cost(factor: Fraction) -> float:
        beyond = max(SAFE[0] * float(factor) / low, high / float(factor) / SAFE[1], 1.0)
        return float(10 * np.log(beyond) + abs(np.log(np.sqrt(low * high) / float(factor) / wish)))

    return min(possible, key=cost)
