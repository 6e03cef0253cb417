"""What trials share: only what depends on the same parameters, whichever way it reads them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from backtests.sweeps.sharing import Shared, watched


@dataclasses.dataclass(frozen=True)
class Params:
    """Two numbers, a switch, and what is worked out of them."""

    a: float = 1.0
    b: float = 2.0
    use_b: bool = False
    name: str = "x"

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratio", self.a / 4.0)

    @property
    def both(self) -> float:
        return self.a + self.b

    @cached_property
    def kept(self) -> float:
        return self.b * 2.0

    def of(self, times: float) -> float:
        return self.a * times


@dataclasses.dataclass(frozen=True, slots=True)
class Slots:
    """Without a dictionary."""

    a: int = 1
    b: int = 2


def nested(params: Any) -> float:
    def inner(p: Any) -> float:
        return float(p.b)

    return inner(params) + inner(params)


ALL = ("a", "b", "name", "use_b")
READS: list[tuple[Callable[[Any], Any], tuple[str, ...]]] = [
    (lambda p: 1, ()),
    (lambda p: p.a, ("a",)),
    (nested, ("b",)),
    (lambda p: p.both, ("a", "b")),
    (lambda p: p.of(2.0), ("a",)),
    (lambda p: getattr(p, "name"), ("name",)),  # noqa: B009
    (lambda p: p.b if p.use_b else p.a, ("a", "use_b")),
    # Nobody knows what the rest was worked out of, or what is done with all of it.
    (lambda p: p.ratio, ALL),
    (lambda p: p.kept, ALL),
    (lambda p: dataclasses.asdict(p), ALL),
    (lambda p: vars(p)["a"], ALL),
    (lambda p: dataclasses.replace(p, a=9.0).b, ("b", "name", "use_b")),
    (lambda p: p == Params(), ALL),
    (lambda p: hash(p), ALL),
    (lambda p: str(p), ALL),
]


@pytest.mark.parametrize(("compute", "names"), READS)
def test_what_is_read_is_known_and_what_comes_out_is_the_same(
    compute: Callable[[Any], Any], names: tuple[str, ...]
) -> None:
    params = Params(3.0, 5.0)
    value, read = Shared(compute).of(params)

    assert read == names
    assert value == compute(params)


def test_a_copy_of_what_is_watched_can_be_read() -> None:
    value, read = Shared(lambda p: copy.copy(p).b).of(Params(3.0, 5.0))

    assert value == 5.0
    assert "b" in read


def test_equal_parameters_are_equal_and_of_their_class() -> None:
    twin, _ = watched(Params(3.0))

    assert twin == Params(3.0)
    assert Params(3.0) == twin
    assert isinstance(twin, Params)
    assert type(dataclasses.replace(twin, b=7.0)) is Params


def test_parameters_without_a_dictionary_are_watched_as_well() -> None:
    assert Shared(lambda p: p.a + 1).of(Slots(4, 5)) == (5, ("a",))


def test_a_switch_decides_what_is_shared() -> None:
    """By hand: with the switch b counts, without it a; four values for eight calls."""
    shared = Shared(lambda p: ("b", p.b) if p.use_b else ("a", p.a))
    calls = [(1, 1, True), (2, 1, True), (1, 2, True), (1, 1, False), (1, 2, False), (2, 2, False), (1, 1, True)]
    found = [shared.of(Params(float(a), float(b), use))[0] for a, b, use in calls]

    assert found == [("b", 1.0), ("b", 1.0), ("b", 2.0), ("a", 1.0), ("a", 1.0), ("a", 2.0), ("b", 1.0)]
    assert shared.computed == 4


def test_what_was_worked_out_of_another_value_is_not_shared() -> None:
    shared = Shared(lambda p: p.ratio)

    assert [shared.of(Params(a))[0] for a in (4.0, 8.0, 4.0)] == [1.0, 2.0, 1.0]
    assert shared.computed == 2


def test_only_the_latest_values_are_kept() -> None:
    shared = Shared(lambda p: p.a, most=2)
    for a in (1.0, 2.0, 1.0, 3.0, 1.0, 2.0):
        assert shared.of(Params(a))[0] == a

    # 1, 2, (1 again), 3 drives 2 out, (1 again), 2 once more.
    assert shared.computed == 4


def test_the_groups_are_the_rows_that_agree_in_what_was_read() -> None:
    columns = {
        "a": np.array([1.0, 2.0, 1.0, 2.0, 1.0, 9.0]),
        "b": np.array([5.0, 5.0, 6.0, 6.0, 5.0, 9.0]),
        "use_b": np.array([True, True, True, False, False, False]),
    }
    params = [Params(*row) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]
    shared = Shared(lambda p: ("b", p.b) if p.use_b else ("a", p.a))
    groups = [(value, rows.tolist()) for value, rows in shared.groups(np.arange(5), params, columns)]

    # Row 5 was not asked for.
    assert groups == [(("b", 5.0), [0, 1]), (("b", 6.0), [2]), (("a", 2.0), [3]), (("a", 1.0), [4])]


def test_a_parameter_that_does_not_vary_divides_nothing() -> None:
    shared = Shared(lambda p: (p.name, p.a))
    groups = list(shared.groups(np.arange(2), [Params(1.0), Params(1.0, 3.0)], {"b": np.array([2.0, 3.0])}))

    assert [(value, rows.tolist()) for value, rows in groups] == [(("x", 1.0), [0, 1])]
