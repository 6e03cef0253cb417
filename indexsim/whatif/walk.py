"""From the events of the real index to those of a world.

One pass over the sessions on which something acts. The walk keeps two baskets, the published one and
the world's, and turns every published event into what it does in the world: a factor of the world
grows as the published one does, unless the world has its own rule for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

import pandas as pd

from indexsim.basket import Basket
from indexsim.capping import cap_ratio_after
from indexsim.divisor import standard_prices
from indexsim.errors import SpecError, unknown_name
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split
from indexsim.rounding import exact_price
from indexsim.whatif import outside, weighting
from indexsim.whatif.worlds import World

_ONE = Fraction(1)


@dataclass(frozen=True)
class Real:
    """What a world starts from.

    Attributes
    ----------
    closes : DataFrame of shape (n_sessions, n_codes)
        Yen as traded.
    basket : Basket
        Of the first session.
    events : tuple of Event
        As in ``factors``; those up to the first session are in the basket already.
    reviews : tuple of (row of the base date or -1, row of the effective date)
    ratios : mapping of code to Fraction
        Capping ratios that the basket contains; a code that is absent has 1.
    cap_steps : frozenset of (code, effective date)
        Steps that are cap steps, whatever ``factors`` calls them.
    shares : mapping of code to {row: shares x free-float weight}
        In force from the row; empty where the world does not need it.
    """

    closes: pd.DataFrame
    basket: Basket
    events: tuple[Event, ...]
    reviews: tuple[tuple[int, int], ...] = ()
    ratios: Mapping[str, Fraction] = field(default_factory=dict)
    cap_steps: frozenset[tuple[str, date]] = frozenset()
    shares: Mapping[str, Mapping[int, Fraction]] = field(default_factory=dict)


@dataclass(frozen=True)
class Walked:
    """A world's first basket and its events, the closes it needs, and what is to be said of it."""

    basket: Basket
    events: tuple[Event, ...]
    closes: pd.DataFrame
    notes: tuple[str, ...]


def walk(world: World, real: Real) -> Walked:
    """Translate the events of the real index into those of a world.

    Raises
    ------
    SpecError
        The world cannot be: a cap that is too low for the number of names, a code that never was in, ...
    MissingData
        A constituent has no price or no shares where the world weighs by them.
    """
    walking = _Walk(world, real)
    walking.run()
    return Walked(walking.first, tuple(walking.events), walking.closes, tuple(walking.notes))


class _Walk:
    """The two baskets along the sessions.

    `real` holds the published factors, `own` those of the world before its own cap, `scale` that cap
    (1 where absent): a factor of the world is own x scale.
    """

    def __init__(self, world: World, real: Real) -> None:
        self.world, self.closes = world, real.closes
        self.sessions = real.closes.index
        self.cap_steps, self.shares = real.cap_steps, real.shares
        self.real = dict(real.basket.factors)
        self.events: list[Event] = []
        self.notes: list[str] = []
        self.pending: dict[int, tuple[date, dict[str, Fraction]]] = {}
        self.scale: dict[str, Fraction] = {}
        self.given: dict[int, list[Event]] = defaultdict(list)
        for event in sorted(real.events, key=lambda e: e.effective):
            self.given[int(self.sessions.searchsorted(pd.Timestamp(event.effective)))].append(event)
        self.given.pop(0, None)
        self.reviews = {effective: base for base, effective in real.reviews}
        self.bases = {base: effective for base, effective in real.reviews if base >= 0}
        self.dropped: dict[int, list[str]] = defaultdict(list)
        self.own = self._start(real)
        self.initial = frozenset(self.own)
        self.first = Basket(self._held(), real.basket.since)

    def _start(self, real: Real) -> dict[str, Fraction]:
        """Return the first factors of the world."""
        name, codes = self.world.name, [*real.basket.factors]
        if name == "without":
            self._check_code(real)
        if name == "frozen":
            self._follow_outside(codes, real.events)
        if name == "equal":
            return weighting.equal(self.real, self._prices(0, codes), codes)
        if name == "float":
            return {code: weighting.in_force(self.shares, code, 0, self._day(0)) for code in codes}
        ratios = {c: r for c, r in real.ratios.items() if c in self.real} if self.world.uncapped else {}
        self.notes += [
            f"{c}: {float(self.real[c]):g} contains a cap of {float(r):g}" for c, r in ratios.items() if r != 1
        ]
        own = {c: f / ratios.get(c, _ONE) for c, f in self.real.items() if c != self.world.code}
        if name == "cap":
            self.scale = weighting.capped(own, self._prices(0, codes), self.world.limit)
        if name == "cap-rule":
            self.scale = dict(ratios)
        return own

    def _check_code(self, real: Real) -> None:
        entering = [c for e in real.events for c in _entering(e)]
        if self.world.code not in (known := dict.fromkeys([*self.real, *entering])):
            raise unknown_name("constituent", self.world.code, known)
        if list(self.real) == [self.world.code]:
            raise SpecError(
                asked=f"build the world {self.world}",
                found=f"{self.world.code} is the only code of the first basket",
                rule="a basket holds at least one code",
                todo="leave out another code",
            )

    def _follow_outside(self, codes: Iterable[str], events: Iterable[Event]) -> None:
        left = outside.spells(self.sessions, codes, events)
        self.closes = outside.carried(self.closes, left)
        for code, (row, why) in outside.drops(self.closes, left).items():
            self.dropped[row].append(code)
            self.notes.append(f"{code}: held on after it had left, dropped on {self._day(row)}: {why}")

    def run(self) -> None:
        """Visit every session on which something acts, in order; then what comes after the last one."""
        self._judge(0)
        rows = {
            *self.given,
            *self.reviews,
            *self.bases,
            *self.dropped,
            *(r for own in self.shares.values() for r in own),
        }
        for row in sorted(rows - {0}):
            fresh = [new for event in self.given.get(row, ()) for new in self._translate(event)]
            if row < len(self.sessions):
                fresh += self._drop(row)
                fresh += self._own_steps(row, fresh)
                self._judge(row)
            self.events += fresh

    def _translate(self, event: Event) -> list[Event]:
        """Return what a published event is in the world."""
        if isinstance(event, Replace):
            return self._replace(event)
        if isinstance(event, SpinOff):
            return self._spin_off(event)
        before = self.real[event.code]
        self.real = event.change(self.real)
        growth = self.real[event.code] / before
        if event.code not in self.own:
            return []
        if isinstance(event, ExRights):
            return [event]
        return self._split(event, growth) if isinstance(event, Split) else self._step(event, growth)

    def _split(self, event: Split, growth: Fraction) -> list[Event]:
        if self.world.name == "split-by-divisor" or (event.by == "divisor" and self.world.name != "float"):
            return [replace(event, factor=None, by="divisor")]
        grown = event.ratio if self.world.own_weights else growth
        self.own[event.code] *= grown
        split = replace(event, factor=None, by="factor")
        # A published factor that was cut to one decimal grows by less than the split.
        return [split] if grown == event.ratio else [split, self._set(event.code, event.effective, event.announced)]

    def _step(self, event: FactorStep | CapStep, growth: Fraction) -> list[Event]:
        is_cap = isinstance(event, CapStep) or (event.code, event.effective) in self.cap_steps
        if self.world.own_weights or (is_cap and self.world.uncapped):
            return []
        self.own[event.code] *= growth
        return [replace(event, factor=self._factor(event.code))]

    def _replace(self, event: Replace) -> list[Event]:
        self.real = event.change(self.real)
        leaving = [c for c in event.leaving if c in self.own and not self._keeps(c)]
        entering = {c: f for c, f in event.entering.items() if c != self.world.code}
        if self.world.name == "frozen":
            entering = {}
        for code in leaving:
            self._forget(code)
        self.own |= entering
        if not leaving and not entering:
            return []
        return [replace(event, entering=entering, leaving=tuple(leaving))]

    def _keeps(self, code: str) -> bool:
        """Whether the world holds a code that leaves: a company spun off goes even from the frozen one."""
        return self.world.name == "frozen" and code in self.initial

    def _spin_off(self, event: SpinOff) -> list[Event]:
        share = event.factor / self.real[event.parent]
        self.real = event.change(self.real)
        if event.parent not in self.own or event.code == self.world.code:
            return []
        self.own[event.code] = self.own[event.parent] * share
        if event.parent in self.scale:
            self.scale[event.code] = self.scale[event.parent]
        return [replace(event, factor=self._factor(event.code))]

    def _drop(self, row: int) -> list[Event]:
        codes = [code for code in self.dropped.get(row, ()) if code in self.own]
        for code in codes:
            self._forget(code)
        return [Replace({}, tuple(codes), effective=self._day(row))] if codes else []

    def _own_steps(self, row: int, fresh: Sequence[Event]) -> list[Event]:
        """Return the steps of the world's own rule on a session, after its other events."""
        entrants = [c for e in fresh for c in _entering(e) if isinstance(e, Replace)]
        if self.world.name == "equal" and (entrants or row in self.reviews):
            codes = [*self.own] if row in self.reviews else entrants
            return self._move(row, weighting.equal(self._held(), self._standard(row, fresh), codes, entrants), None)
        if self.world.name == "float":
            moved = [c for c in self.own if row in self.shares.get(c, {}) or c in entrants]
            return self._move(row, {c: weighting.in_force(self.shares, c, row, self._day(row)) for c in moved}, None)
        if self.world.name == "cap" and row in self.reviews:
            return self._cap(row, weighting.capped(self.own, self._standard(row, fresh), self.world.limit))
        if row in self.pending:
            announced, ratios = self.pending.pop(row)
            return self._cap(row, {**self.scale, **ratios}, announced)
        return []

    def _judge(self, row: int) -> None:
        """Decide at a base date which capping ratios move at the review that follows (A17, A18)."""
        if self.world.name != "cap-rule" or row not in self.bases:
            return
        effective = self.bases[row]
        values = {c: self._factor(c) * p for c, p in self._prices(row, self.own).items()}
        total, when = sum(values.values()), self._day(effective)
        after = {
            code: cap_ratio_after(value / total, self.scale.get(code, _ONE), when, threshold=self.world.limit)
            for code, value in values.items()
        }
        moved = {code: ratio for code, ratio in after.items() if ratio != self.scale.get(code, _ONE)}
        self.pending[effective] = (self._day(row), moved)

    def _move(self, row: int, factors: Mapping[str, Fraction], announced: date | None) -> list[Event]:
        moved = [code for code, factor in factors.items() if factor != self.own[code]]
        self.own |= {code: factors[code] for code in moved}
        return [self._set(code, self._day(row), announced) for code in moved]

    def _cap(self, row: int, scale: Mapping[str, Fraction], announced: date | None = None) -> list[Event]:
        before = self._held()
        self.scale = {code: ratio for code, ratio in scale.items() if code in self.own and ratio != 1}
        moved = [code for code in self.own if self._factor(code) != before[code]]
        # The excess is measured at the closes of the session before: that evening it is known.
        said = announced or self._day(row - 1)
        return [CapStep(c, self._factor(c), effective=self._day(row), announced=said) for c in moved]

    def _set(self, code: str, effective: date, announced: date | None) -> FactorStep:
        return FactorStep(code, self._factor(code), effective=effective, announced=announced)

    def _forget(self, code: str) -> None:
        del self.own[code]
        self.scale.pop(code, None)

    def _factor(self, code: str) -> Fraction:
        return self.own[code] * self.scale.get(code, _ONE)

    def _held(self) -> dict[str, Fraction]:
        return {code: self._factor(code) for code in self.own}

    def _standard(self, row: int, fresh: Sequence[Event]) -> dict[str, Fraction]:
        """Return the closes of the session before on the basis of this one."""
        gone = [c for e in fresh if isinstance(e, Replace) for c in e.leaving]
        spun = [e.code for e in fresh if isinstance(e, SpinOff)]
        codes = [c for c in dict.fromkeys([*self.own, *gone]) if c not in spun]
        return standard_prices(self._prices(row - 1, codes), fresh)

    def _prices(self, row: int, codes: Iterable[str]) -> dict[str, Fraction]:
        known = [code for code in codes if code in self.closes]
        values = self.closes.iloc[row][known].tolist()
        return {code: exact_price(value) for code, value in zip(known, values, strict=True)}

    def _day(self, row: int) -> date:
        day: date = self.sessions[row].date()
        return day


def _entering(event: Event) -> tuple[str, ...]:
    if isinstance(event, SpinOff):
        return (event.code,)
    return tuple(event.entering) if isinstance(event, Replace) else ()
