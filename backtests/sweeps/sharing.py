"""What trials share: a function of the parameters is computed once for all trials that agree in what it reads."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T")
#: Where parameters that are watched keep the names of those that were read.
_READ = " read"


@cache
def _watching(kind: type[Any]) -> type[Any]:
    """Return a subclass of a ``Params`` that writes down which of its fields are read."""
    fields = frozenset(field.name for field in dataclasses.fields(kind))

    class Watching(kind):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if name == "__class__":  # so that it equals its like, and `dataclasses.replace` makes a plain one
                return kind
            own = object.__getattribute__(self, "__dict__")
            read = own.get(_READ, set())  # a copy of the twin has none: who made it has read all of it
            if name in fields:
                read.add(name)
            elif name == "__dict__" or name in own:  # all of it, or what was worked out of fields that nobody knows
                read.update(fields)
            return object.__getattribute__(self, name)

    return Watching


def watched(params: Any) -> tuple[Any, set[str]]:
    """Return equal parameters, and the set into which the names of those that are read will be written."""
    read: set[str] = set()
    kind: Any = type(params)
    twin = object.__new__(_watching(kind))
    own = {field.name: getattr(params, field.name) for field in dataclasses.fields(kind)}
    for name, value in {**getattr(params, "__dict__", {}), **own, _READ: read}.items():
        object.__setattr__(twin, name, value)
    return twin, read


def _known_by(params: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of some parameters as a key: their texts, because a list has no hash and NaN equals nothing."""
    return tuple(repr(getattr(params, name)) for name in names)


def builder(kind: type[Any], base: Mapping[str, Any], swept: Sequence[str]) -> Callable[[tuple[Any, ...]], Any]:
    """Return what makes a ``Params`` of the values that are swept, and of a base for all others.

    It does what the constructor would, in half the time: a frozen dataclass sets field by field. It raises what the
    parameters raise that refuse a value.
    """
    check, new = getattr(kind, "__post_init__", None), object.__new__
    if not hasattr(new(kind), "__dict__"):
        return lambda values: kind(**{**base, **dict(zip(swept, values, strict=True))})

    def build(values: tuple[Any, ...]) -> Any:
        params = new(kind)
        own = params.__dict__
        own.update(base)
        own.update(zip(swept, values, strict=True))
        if check is not None:
            check(params)
        return params

    return build


class Shared(Generic[T]):
    """A function of parameters, computed once for all that agree in what it reads.

    Parameters
    ----------
    compute : callable
        Pure: what it returns depends on the parameters it reads, and on nothing else that changes.
    most : int
        Results that are kept, the latest ones.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Params:
    ...     a: int
    ...     b: int
    >>> double = Shared(lambda params: 2 * params.a)
    >>> double.of(Params(3, 1)), double.of(Params(3, 2)), double.computed
    ((6, ('a',)), (6, ('a',)), 1)
    """

    def __init__(self, compute: Callable[[Any], T], most: int = 256) -> None:
        self._compute, self._most = compute, most
        self._known: OrderedDict[tuple[tuple[str, ...], tuple[str, ...]], T] = OrderedDict()
        self._names: dict[tuple[str, ...], None] = {}
        self.computed = 0

    def of(self, params: Any) -> tuple[T, tuple[str, ...]]:
        """Return the value, and the names of the parameters it depends on."""
        for names in self._names:
            key = names, _known_by(params, names)
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key], names
        twin, read = watched(params)
        value = self._compute(twin)
        self.computed += 1
        names = tuple(sorted(read))
        self._names[names] = None
        self._known[names, _known_by(params, names)] = value
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return value, names

    def groups(
        self, rows: np.ndarray, params: Sequence[Any], columns: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[T, np.ndarray]]:
        """Yield each value with the rows that share it.

        Parameters
        ----------
        rows : ndarray of int, shape (n,)
        params : sequence
            Parameters by row.
        columns : mapping of name to ndarray
            The parameters that differ at all, by row.
        """
        while len(rows):
            value, names = self.of(params[rows[0]])
            same = np.ones(len(rows), dtype=bool)
            for name in names:
                if name in columns:
                    same &= columns[name][rows] == columns[name][rows[0]]
            yield value, rows[same]
            rows = rows[~same]
