"""The divisor and the book in which its changes are written.

The divisor is what keeps the level where it was when a change of the basket or of the standard
prices would move it (A14). The ledger only grows; a step returns a new ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from indexsim import rules
from indexsim.basket import Basket
from indexsim.errors import DataError, Finding
from indexsim.events import Event
from indexsim.rounding import half_up


def standard_prices(closes: Mapping[str, Fraction], events: Iterable[Event]) -> dict[str, Fraction]:
    """Return the previous closes on today's basis (A3, A14).

    Parameters
    ----------
    closes : mapping of code to Fraction
        Closes of the session before, yen as traded then: of every code held before or after.
    events : iterable of Event
        The events of one session, in order.

    Returns
    -------
    dict of code to Fraction
        Theoretical prices after splits and rights; a spun-off company, which the parent's close
        still contains, stands at zero.
    """
    prices = dict(closes)
    for event in events:
        prices = event.standard(prices)
    return prices


def price_sum(basket: Basket, prices: Mapping[str, Fraction]) -> Fraction:
    """Sum price x factor over a basket, exactly, in yen."""
    return sum((prices[code] * factor for code, factor in basket.factors.items()), Fraction(0))


@dataclass(frozen=True)
class DivisorEntry:
    """One line of the ledger.

    Attributes
    ----------
    session : date
        First session on which `after` divides.
    before : Decimal or None
        The divisor until then; None on the first line.
    after : Decimal
        The divisor from then on.
    event : str
        What caused it.
    """

    session: date
    before: Decimal | None
    after: Decimal
    event: str


@dataclass(frozen=True)
class DivisorLedger:
    """Every divisor of an index, oldest first; it only grows.

    Attributes
    ----------
    entries : tuple of DivisorEntry
        At least one: the first is the start.

    Examples
    --------
    Nikkei's teaching example: 400 leaves for 1,000 in a sum of 1,800 (A14).

    >>> start = DivisorLedger.start(date(2025, 1, 6), Decimal(3))
    >>> start.step(date(2025, 1, 7), Fraction(1800), Fraction(2400), "A out, D in").current
    Decimal('4.00000000')
    """

    entries: tuple[DivisorEntry, ...]

    @classmethod
    def start(cls, session: date, divisor: Decimal) -> DivisorLedger:
        """Open a ledger with the divisor as published.

        Raises
        ------
        DataError
            The divisor is not positive (rule ``divisor-positive``).
        """
        return cls((DivisorEntry(session, None, _positive(divisor, session), "start"),))

    @property
    def current(self) -> Decimal:
        """The latest divisor."""
        return self.entries[-1].after

    def on(self, day: date) -> Decimal:
        """Return the divisor in force on a day; before the start, the first one."""
        return next((e.after for e in reversed(self.entries) if e.session <= day), self.entries[0].after)

    def step(self, session: date, sum_old: Fraction, sum_new: Fraction, event: str) -> DivisorLedger:
        """Return the ledger after a change: D' = D * sum_new / sum_old, half-up (A14, A15).

        Parameters
        ----------
        session : date
            First session of the new divisor; it also decides how many decimals are kept.
        sum_old, sum_new : Fraction
            Previous closes x old factors, standard prices x new factors, in yen.
        event : str
            What caused it.

        Returns
        -------
        DivisorLedger
            This one if the sums are equal: then nothing moves the divisor.

        Raises
        ------
        DataError
            The divisor rounds to zero.
        """
        if sum_new == sum_old:
            return self
        exact = Fraction(self.current) * sum_new / sum_old
        after = _positive(half_up(exact, rules.DIVISOR_DECIMALS.on(session)), session)
        return DivisorLedger((*self.entries, DivisorEntry(session, self.current, after, event)))

    def compare(self, published: Sequence[tuple[date, Decimal, str]], last: date | None = None) -> list[Finding]:
        """Return a warning for every published divisor that differs from this ledger's.

        Parameters
        ----------
        published : sequence of (first session in force, divisor, note)
            As in ``divisors.csv``.
        last : date, optional
            Last session of the index; later rows cannot be compared. None compares all.

        Returns
        -------
        list of Finding
            Rule ``divisor-differs``; rows before the start are left out.
        """
        first = self.entries[0].session
        comparable = [row for row in published if first <= row[0] and (last is None or row[0] <= last)]
        return [
            Finding(
                file="divisors.csv",
                row=day.isoformat(),
                column="divisor",
                rule="divisor-differs",
                found=f"published {divisor} ({note or 'no note'}), the ledger has {self.on(day)}",
                severity="warning",
            )
            for day, divisor, note in comparable
            if divisor != self.on(day)
        ]


def _positive(divisor: Decimal, session: date) -> Decimal:
    if divisor.is_finite() and divisor > 0:
        return divisor
    found = f"{divisor}, but a divisor is above zero"
    finding = Finding("divisors.csv", session.isoformat(), "divisor", "divisor-positive", found)
    raise DataError([finding], asked="divide by the divisor")
