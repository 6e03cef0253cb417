"""The basket: which codes an index holds, and with which factor.

A basket never changes. `Basket.apply` returns the next one, so the basket just before an event
still exists: the divisor needs both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Protocol

from indexsim.errors import EventError


class Change(Protocol):
    """What a basket needs to know of an event."""

    @property
    def effective(self) -> date:
        """First session on which the event acts."""

    def change(self, factors: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """Return the factors after the event."""


@dataclass(frozen=True)
class Basket:
    """Codes and their factors, in force from a session.

    Attributes
    ----------
    factors : mapping of code to Fraction
        At least one code; price adjustment factors (already cap-adjusted) or 50 / presumed par,
        all positive. Read-only; the order of the codes is kept.
    since : date
        First session in force.

    Raises
    ------
    EventError
        No code at all, or a factor that is not positive.

    Examples
    --------
    >>> Basket({"9983": Fraction("2.4"), "285A": Fraction("0.7")}, date(2026, 4, 1)).codes
    ('9983', '285A')
    """

    factors: Mapping[str, Fraction]
    since: date

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", MappingProxyType(dict(self.factors)))
        bad = {code: str(factor) for code, factor in self.factors.items() if factor <= 0}
        if bad or not self.factors:
            raise EventError(
                asked=f"form the basket of {self.since}",
                found=f"factors {bad}" if bad else "no codes",
                rule="a basket holds at least one code and every factor is positive",
                todo="correct the event that led to it",
            )

    def __hash__(self) -> int:
        return hash((tuple(self.factors.items()), self.since))

    # A read-only view cannot be pickled, and baskets travel to worker processes.
    def __reduce__(self) -> tuple[Callable[..., Basket], tuple[Any, ...]]:
        return Basket, (dict(self.factors), self.since)

    def __len__(self) -> int:
        return len(self.factors)

    def __contains__(self, code: object) -> bool:
        return code in self.factors

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, in the order in which they came in."""
        return tuple(self.factors)

    def apply(self, event: Change) -> Basket:
        """Return the basket after an event; this one stays as it is.

        Raises
        ------
        EventError
            The event names a code that is absent, brings in one that is there, or leaves nothing.
        """
        return Basket(event.change(self.factors), event.effective)
