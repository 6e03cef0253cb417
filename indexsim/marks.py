"""Events as marks: rows of integers, which the compiled loops of `indexsim.kernels` follow.

An event never changes, so its marks are made once and stay with it; the table of the last tuple of
events stays too, since a market gives the same tuple to everyone who builds an index from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import chain
from operator import attrgetter, itemgetter
from struct import Struct, error

import numpy as np
from numpy.typing import NDArray

from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split

Ints = NDArray[np.int64]

#: What a mark does to its code. Each has a fraction, but for HELD, which tests that the code is held, and
#: LEAVE; SPLIT_TO has a second one, the factor afterwards.
SET, ENTER, LEAVE, SPLIT, SPLIT_TO, REPRICE, ADD, SPIN_OFF, HELD = range(9)

#: Numbers of a mark: day (since 1970-01-01), kind, two fractions as numerator and denominator.
WIDTH = 6

#: Ordinal of 1970-01-01.
EPOCH = 719_163

_ONE = Fraction(1)
_ROW = Struct(f"={WIDTH}q")
_KEPT = "_marks"


@dataclass(frozen=True, eq=False)
class Marks:
    """The marks of some events, in their order.

    Attributes
    ----------
    codes : sequence of str
        Of each mark.
    numbers : int array of shape (n_marks, WIDTH)
    """

    codes: Sequence[str]
    numbers: Ints


_LAST: list[tuple[tuple[Event, ...], Marks]] = []


def marks_of(events: Sequence[Event]) -> Marks:
    """Return the marks of events.

    Raises
    ------
    OverflowError
        A fraction does not fit integers of 64 bits.
    """
    if isinstance(events, tuple):
        if not (_LAST and _LAST[0][0] is events):
            _LAST[:] = [(events, _table(events))]
        return _LAST[0][1]
    return _table(events)


def _table(events: Sequence[Event]) -> Marks:
    kept = attrgetter(_KEPT)
    try:
        made = list(map(kept, events))
    except AttributeError:
        for event in events:
            if not hasattr(event, _KEPT):  # beside the fields: equality and repr do not see it
                object.__setattr__(event, _KEPT, _pack(event))
        made = list(map(kept, events))
    numbers = np.frombuffer(b"".join(map(itemgetter(1), made)), np.int64)
    return Marks(list(chain.from_iterable(map(itemgetter(0), made))), numbers.reshape(-1, WIDTH))


def _pack(event: Event) -> tuple[tuple[str, ...], bytes]:
    """Return the codes of the marks of an event, and their numbers."""
    day, marks = date.toordinal(event.effective) - EPOCH, list(_marks(event))
    try:
        packed = [_ROW.pack(day, kind, *a.as_integer_ratio(), *b.as_integer_ratio()) for _, kind, a, b in marks]
    except error as reason:
        raise OverflowError(f"{event}: {reason}") from None
    return tuple(code for code, *_ in marks), b"".join(packed)


def _marks(event: Event) -> Iterable[tuple[str, int, Fraction, Fraction]]:
    if isinstance(event, Replace) and (event.leaving or event.entering):
        yield from ((code, LEAVE, _ONE, _ONE) for code in event.leaving)
        yield from ((code, ENTER, factor, _ONE) for code, factor in event.entering.items())
    elif isinstance(event, Split):
        if event.by == "divisor":
            yield event.code, REPRICE, event.ratio, _ONE
        elif event.factor is None:
            yield event.code, SPLIT, event.ratio, _ONE
        else:
            yield event.code, SPLIT_TO, event.ratio, event.factor
    elif isinstance(event, FactorStep | CapStep):
        yield event.code, SET, event.factor, _ONE
    elif isinstance(event, SpinOff):
        yield event.parent, HELD, _ONE, _ONE
        yield event.code, SPIN_OFF, event.factor, _ONE
    elif isinstance(event, ExRights):  # (P + paid * new/held) / (1 + new/held)
        per_share = event.new / event.held
        if event.paid:
            yield event.code, ADD, event.paid * per_share, _ONE
        yield event.code, REPRICE, 1 + per_share, _ONE
    else:
        raise NotImplementedError(f"{event} has no marks")
