"""The space of a sweep: its values to the last digit, its numbers in any cut, its samples, what is never held."""

from __future__ import annotations

import itertools
import math
import pickle
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from backtests.loading import in_type
from backtests.sweeps.axes import Axis, Continuous, Listed, Range, read_axis
from backtests.sweeps.constraints import Constraint, read_constraint
from backtests.sweeps.space import Space, spans
from indexsim.errors import SpecError


def axis(name: str, raw: Any, kind: type = float) -> Axis:
    return read_axis(name, raw, kind, lambda value: in_type(value, kind, name, f"sweep over {name}"))


def values(raw: Any, kind: type = float) -> list[Any]:
    read = axis("x", raw, kind)
    assert isinstance(read, Listed | Range)
    return list(read.values(np.arange(read.size)).tolist())


def constraint(text: str, **fixed: Any) -> Constraint:
    kinds = {"low": float, "high": float, "sma": int, "instrument": str, "hedged": bool}
    return read_constraint(text, kinds, fixed)


SMA = axis("sma", {"from": 20, "to": 200, "step": 20}, int)
LOW = axis("low", [12.0, 15.0, 18.0])
HIGH = axis("high", {"from": 14.0, "to": 20.0, "count": 4})
FUND = axis("instrument", ["etf_1321", "nikkei_mini"], str)


def space(*axes: Axis, rules: tuple[str, ...] = (), **how: Any) -> Space:
    return Space(axes or (SMA, LOW, HIGH, FUND), tuple(constraint(rule) for rule in rules), **how)


# Values.


def test_a_step_of_a_tenth_gives_the_decimals_a_reader_would_type() -> None:
    found = values({"from": 12, "to": 21, "step": 0.1})

    # Read from text, not added up: 12.3 and not 12.299999999999999.
    assert found == [float(f"{tenths // 10}.{tenths % 10}") for tenths in range(120, 211)]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(-9_999, 9_999), st.integers(1, 999), st.integers(0, 4), st.integers(2, 300))
def test_every_value_of_a_range_is_the_float_of_its_decimal(start: int, step: int, places: int, count: int) -> None:
    texts = [f"{start + i * step}e-{places}" for i in range(count)]
    first, last, by = float(texts[0]), float(texts[-1]), float(f"{step}e-{places}")

    assert values({"from": first, "to": last, "step": by}) == [float(text) for text in texts]
    assert values({"from": first, "to": last, "count": count}) == [float(text) for text in texts]


@pytest.mark.parametrize(
    ("raw", "kind", "expected"),
    [
        ({"from": 20, "to": 200, "step": 90}, int, [20, 110, 200]),
        ({"from": 20, "to": 199, "step": 90}, int, [20, 110]),
        ({"from": 1, "to": 10, "count": 4}, int, [1, 4, 7, 10]),
        ({"from": 0.0, "to": 1.0, "count": 4}, float, [0.0, 1 / 3, 2 / 3, 1.0]),
        ({"from": -0.2, "to": 0.1, "step": 0.1}, float, [-0.2, -0.1, 0.0, 0.1]),
        ({"from": 0.01, "to": 1.0, "count": 3, "log": True}, float, [0.01, 0.1, 1.0]),
        # 10, 10^1.5 = 31.62..., 100, 316.2..., 1000
        ({"from": 10, "to": 1000, "count": 5, "log": True}, int, [10, 32, 100, 316, 1000]),
        ([3, 1, 2.5], float, [3.0, 1.0, 2.5]),
        ([True, False], bool, [True, False]),
        (["", "cap=0.10"], str, ["", "cap=0.10"]),
    ],
)
def test_values_in_their_type(raw: Any, kind: type, expected: list[Any]) -> None:
    found = values(raw, kind)

    assert found == expected
    assert {type(value) for value in found} == {kind}


@pytest.mark.parametrize(
    ("raw", "kind", "said"),
    [
        ([], float, "no value"),
        ([1.0, 2.0, 1], float, "1.0 twice"),
        ([20.5], int, "type int"),
        ([20.0], int, "type int"),
        (["20"], float, "type float"),
        ([1], bool, "type bool"),
        ([math.nan], float, "finite"),
        ([math.inf], float, "finite"),
        ([2**60], int, "2**53"),
        (20.0, float, "in brackets"),
        ({"from": 1, "to": 2, "stpe": 1}, int, "did you mean 'step'"),
        ({"from": 1, "step": 1}, int, "no 'to'"),
        ({"from": 2, "to": 1, "step": 1}, int, "from lies below to"),
        ({"from": 1, "to": 2, "step": 0}, int, "above zero"),
        ({"from": 1, "to": 2, "step": 3}, int, "no wider"),
        ({"from": 1, "to": 2, "step": 0.5}, int, "type int"),
        ({"from": 1, "to": 10, "count": 3}, int, "a step of 4.5"),
        ({"from": 1, "to": 10, "count": 1}, int, "at least 2"),
        ({"from": 1, "to": 10, "count": 2.0}, int, "type int"),
        ({"from": 1, "to": 2, "step": 1, "count": 2}, int, "step and count"),
        ({"from": 1, "to": 9, "step": 1, "log": True}, int, "step and log"),
        ({"from": 0.0, "to": 9.0, "count": 3, "log": True}, float, "above zero"),
        ({"from": 1, "to": 3, "count": 9, "log": True}, int, "twice"),
        ({"from": 1.0, "to": 3.0, "count": 1_001, "log": True}, float, "at most 1000"),
        ({"from": 0.0, "to": 1e6, "step": 1e-12}, float, "digits"),
        ({"from": "a", "to": "b", "count": 2}, str, "list the values"),
    ],
)
def test_what_is_no_axis_is_refused(raw: Any, kind: type, said: str) -> None:
    with pytest.raises(SpecError) as error:
        axis("x", raw, kind)

    assert said in str(error.value)
    assert all(error.value.as_dict().values())


# Trials by number.


def test_the_last_axis_is_the_fastest() -> None:
    grid = space()

    assert grid.size == 10 * 3 * 4 * 2
    assert grid.settings(0) == {"sma": 20, "low": 12.0, "high": 14.0, "instrument": "etf_1321"}
    assert grid.settings(1)["instrument"] == "nikkei_mini"
    # 100 = ((4 * 3 + 0) * 4 + 2) * 2 + 0
    assert grid.settings(100) == {"sma": 100, "low": 12.0, "high": 18.0, "instrument": "etf_1321"}
    assert grid.settings(239) == {"sma": 200, "low": 18.0, "high": 20.0, "instrument": "nikkei_mini"}


def test_columns_have_the_type_of_their_axis() -> None:
    columns = space(SMA, LOW, FUND, axis("hedged", [True, False], bool)).columns(0, 8)

    assert {name: column.dtype.kind for name, column in columns.items()} == {
        "sma": "i", "low": "f", "instrument": "O", "hedged": "b",
    }  # fmt: skip
    assert columns["hedged"].tolist() == [True, False] * 4


AXES: dict[str, Callable[[], Axis]] = {
    "sma": lambda: SMA,
    "low": lambda: LOW,
    "high": lambda: HIGH,
    "instrument": lambda: FUND,
    "hedged": lambda: axis("hedged", [True, False], bool),
}
LOOSE: dict[str, Callable[[], Axis]] = {
    "low": lambda: axis("low", {"from": 0.01, "to": 1.0, "log": True}),
    "high": lambda: axis("high", {"from": 5.0, "to": 6.0}),
    "sma": lambda: axis("sma", {"from": 2, "to": 250}, int),
    "window": lambda: axis("window", {"from": 1, "to": 99, "log": True}, int),
    "instrument": lambda: FUND,
}


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["grid", "random", "sobol"]))
def test_a_space_may_be_cut_anywhere(data: st.DataObject, sample: str) -> None:
    pool = AXES if sample == "grid" else LOOSE
    names = data.draw(st.lists(st.sampled_from(sorted(pool)), min_size=1, unique=True))
    how = {} if sample == "grid" else {"draws": data.draw(st.integers(1, 90)), "seed": data.draw(st.integers(0, 9))}
    whole = Space(tuple(pool[name]() for name in names), sample=sample, **how)
    cuts = sorted({0, whole.size, *data.draw(st.lists(st.integers(0, whole.size), max_size=5))})

    parts = [whole.columns(lo, hi) for lo, hi in itertools.pairwise(cuts)]

    for name, column in whole.columns(0, whole.size).items():
        assert np.concatenate([part[name] for part in parts]).tolist() == column.tolist()
    trial = data.draw(st.integers(0, whole.size - 1))
    assert whole.settings(trial) == {k: v.tolist()[trial] for k, v in whole.columns(0, whole.size).items()}


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(AXES)), min_size=1, unique=True), st.data())
def test_a_trial_is_found_by_what_it_sets(names: list[str], data: st.DataObject) -> None:
    grid = Space(tuple(AXES[name]() for name in names))
    trial = data.draw(st.integers(0, grid.size - 1))

    assert grid.trial_of(grid.settings(trial)) == trial


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda grid: grid.settings(240), "trials 0 to 239"),
        (lambda grid: grid.columns(-1, 3), "trials 0 to 239"),
        (lambda grid: grid.trial_of({**grid.settings(3), "low": 12.5}), "12.5 is none"),
        (lambda grid: grid.trial_of({**grid.settings(3), "high": 15.0}), "15.0 is none"),
        (lambda grid: grid.trial_of({"low": 12.0}), "no 'sma'"),
        (lambda _: Space(()), "nothing is varied"),
        (lambda _: space(sample="gird"), "did you mean 'grid'"),
        (lambda _: space(sample="random"), "trials = 0"),
        (lambda _: space(sample="sobol", draws=2**30 + 1), "trials = 1073741825"),
        (lambda _: space(Continuous("x", float, 0.0, 1.0, False)), "no step and no count"),
        (lambda _: space(*[Range(f"x{i}", int, 0, 1, 1, 10**7) for i in range(3)]), "at most"),
        (lambda _: space(sample="random", draws=9).trial_of({}), "draws have none"),
        (lambda _: space(sample="random", draws=9).neighbours(0), "draws have none"),
    ],
)
def test_what_a_space_refuses(call: Callable[[Space], Any], said: str) -> None:
    with pytest.raises(SpecError) as error:
        call(space())

    assert said in str(error.value)


def test_neighbours_are_one_step_along_each_numeric_axis() -> None:
    grid = space(SMA, axis("low", [15.0, 12.0, 18.0]), FUND)
    here = grid.trial_of({"sma": 20, "low": 15.0, "instrument": "nikkei_mini"})

    # Nothing lies below sma 20; of a list the next values, whatever their places; a fund has no neighbour.
    assert [grid.settings(t) for t in grid.neighbours(here)] == [
        {"sma": 40, "low": 15.0, "instrument": "nikkei_mini"},
        {"sma": 20, "low": 12.0, "instrument": "nikkei_mini"},
        {"sma": 20, "low": 18.0, "instrument": "nikkei_mini"},
    ]


def test_a_neighbour_that_breaks_a_constraint_is_none() -> None:
    grid = space(LOW, HIGH, rules=("low < high",))  # 12, 15, 18 and 14, 16, 18, 20
    here = grid.trial_of({"low": 15.0, "high": 16.0})

    assert [tuple(grid.settings(t).values()) for t in grid.neighbours(here)] == [(12.0, 16.0), (15.0, 18.0)]
    assert space(FUND).neighbours(0) == []


# Constraints.


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # 12, 15, 18 against 14, 16, 18, 20: 4 + 3 + 1.
        (("low < high",), 8),
        (("low <= high",), 9),
        (("low < high", "high != 20"), 5),
        (("not low < high",), 4),
        (("12 < low < high",), 4),
        (("low < 15 or low > 15 and high >= 18",), 6),
        ((" -low + 2 * high == 16 ",), 1),  # 2 * 14 - 12
        (("high / low > 1.5",), 1),  # 20 / 12; 18 / 12 is 1.5 itself
        (("1 < 2",), 12),
        (("1 > 2",), 0),
    ],
)
def test_constraints_count_by_hand(rule: tuple[str, ...], expected: int) -> None:
    grid = space(LOW, HIGH, rules=rule)

    assert grid.planned() == expected
    assert int(grid.allowed(grid.columns(0, 12)).sum()) == expected


def test_axes_that_no_constraint_names_multiply() -> None:
    # 8 pairs of low < high, as above, for each of 10 averages and 2 instruments.
    assert space(rules=("low < high",)).planned() == 8 * 10 * 2
    assert space(rules=('instrument == "etf_1321"',)).planned() == 120
    assert space(rules=('instrument != "etf_1321"', "sma > 100")).planned() == 5 * 12


def test_names_that_are_not_swept_have_their_fixed_value() -> None:
    rule = constraint("low < cap and instrument == fund", cap=15, fund="etf_1321", other=1)
    columns = {"low": np.array([14.0, 16.0, 14.0]), "instrument": np.array(["etf_1321", "etf_1321", "x"], dtype=object)}

    assert rule.holds(columns).tolist() == [True, False, False]
    assert (rule.axes, dict(rule.fixed)) == (("low", "instrument"), {"cap": 15, "fund": "etf_1321"})


def test_binary_fractions_decide_nothing() -> None:
    columns = {"low": np.array([12.1, 0.1, 38_000.1, 12.1]), "high": np.array([12.3, 0.3, 38_000.3, 12.2])}
    assert 12.3 - 12.1 > 0.2 > 0.3 - 0.1  # as floats

    assert constraint("high - low >= 0.2").holds(columns).tolist() == [True, True, True, False]
    assert constraint("high - low == 0.2").holds(columns).tolist() == [True, True, True, False]
    assert constraint("high - low > 0.2").holds(columns).tolist() == [False, False, False, False]
    assert constraint("high - low - 0.2 == 0").holds(columns).tolist() == [True, True, True, False]


def test_values_that_are_not_computed_are_compared_as_they_are() -> None:
    rule = read_constraint("cash < most", {"cash": int}, {"most": 10**15})
    tiny = constraint("low < high")

    assert rule.holds({"cash": np.array([10**15 - 1, 10**15])}).tolist() == [True, False]
    assert tiny.holds({"low": np.array([1e-12, 2e-12]), "high": np.array([2e-12, 1e-12])}).tolist() == [True, False]


def test_a_quotient_by_zero_fulfils_nothing() -> None:
    columns = {"low": np.array([0.0, 1.0]), "high": np.array([1.0, 1.0])}

    assert constraint("high / low < 5").holds(columns).tolist() == [False, True]
    assert constraint("high / low != 5").holds(columns).tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("lwo < high", "did you mean 'low'", 1),
        ("low < hihg", "did you mean 'high'", 7),
        ("low", "a number, no comparison", 1),
        ("low <", "invalid syntax", None),
        ("low < high and sma", "sma is a number", 16),
        ("low ** 2 < high", "'low ** 2' is none of these", 1),
        ("low % 2 == 0", "none of these", 1),
        ("abs(low) < high", "none of these", 1),
        ("low < __import__('os').getpid()", "none of these", 7),
        ("[low] == [high]", "none of these", 1),
        ("low if hedged else high", "none of these", 1),
        ("(x := low) < high", "none of these", 2),
        ("low in high", "none of < <=", 8),
        ("low is high", "none of < <=", 8),
        ("low < 1e999", "no finite number", 7),
        ("low < 2j", "no finite number", 7),
        ("low < None", "no finite number", 7),
        ("instrument < 'etf'", "has no order", 14),
        ("instrument == 1", "a text compared with a number", 15),
        ("low == hedged", "compared with", 8),
        ("instrument + 'x' == 'y'", "instrument is a text", 1),
        ("low < high\nand sma < lwo", "called 'lwo'", 22),
        ("not " * 60 + "hedged", "nested", None),
        ("x" * 501, "at most 500", None),
        ("low < high; low", "invalid syntax", None),
        (3, "a text", None),
    ],
)
def test_what_no_constraint_may_say_is_refused_with_its_place(text: Any, said: str, at: int | None) -> None:
    with pytest.raises(SpecError) as error:
        constraint(text)

    assert said in str(error.value)
    assert at is None or error.value.found.endswith(f"at character {at}")


def test_a_truth_value_is_a_condition_itself() -> None:
    columns = {"hedged": np.array([True, False]), "low": np.array([1.0, 1.0])}

    assert constraint("not hedged").holds(columns).tolist() == [False, True]
    assert constraint("hedged == False or low < 1").holds(columns).tolist() == [False, True]


def test_a_space_goes_to_another_process() -> None:
    grid = space(rules=("low < high",))

    assert pickle.loads(pickle.dumps(grid)) == grid
    assert pickle.loads(pickle.dumps(grid)).planned() == grid.planned()


# Samples.


def drawn(raw: Any, kind: type, sample: str, draws: int = 2**12, seed: int = 1) -> np.ndarray:
    column: np.ndarray = Space((axis("x", raw, kind),), (), sample, draws, seed).columns(0, draws)["x"]
    return column


@pytest.mark.parametrize("sample", ["random", "sobol"])
def test_the_seed_makes_the_sample(sample: str) -> None:
    raw = {"from": 0.0, "to": 1.0}

    assert drawn(raw, float, sample).tolist() == drawn(raw, float, sample).tolist()
    assert not np.isin(drawn(raw, float, sample), drawn(raw, float, sample, seed=2)).any()


def test_sobol_points_are_those_of_scipy() -> None:
    expected = qmc.Sobol(2, scramble=True, rng=np.random.default_rng(5)).random(64)
    axes = (axis("a", {"from": 0.0, "to": 1.0}), axis("b", {"from": 0.0, "to": 1.0}))

    columns = Space(axes, (), "sobol", 64, 5).columns(0, 64)

    assert np.column_stack([columns["a"], columns["b"]]).tolist() == expected.tolist()


def test_random_axes_do_not_depend_on_each_other() -> None:
    axes = tuple(axis(name, {"from": 0.0, "to": 1.0}) for name in ("a", "b"))
    columns = Space(axes, (), "random", 10_000).columns(0, 10_000)

    # Four standard errors of a correlation of 10,000 pairs.
    assert abs(np.corrcoef(columns["a"], columns["b"])[0, 1]) < 0.04
    assert abs(np.corrcoef(columns["a"][1:], columns["b"][:-1])[0, 1]) < 0.04


@pytest.mark.parametrize(
    ("raw", "kind", "cells"),
    [
        ([5.0, 1.0, 3.0], float, [5.0, 1.0, 3.0]),
        ({"from": 3, "to": 6}, int, [3, 4, 5, 6]),
        ({"from": 0.1, "to": 0.5, "step": 0.2}, float, [0.1, 0.3, 0.5]),
        (["a", "b"], str, ["a", "b"]),
    ],
)
@pytest.mark.parametrize("sample", ["random", "sobol"])
def test_each_value_is_as_likely(raw: Any, kind: type, cells: list[Any], sample: str) -> None:
    draws = 2**12
    counts = [int((drawn(raw, kind, sample) == cell).sum()) for cell in cells]
    # Sobol points fill equal parts evenly, up to one or two; random ones within four standard errors.
    room = 2.0 if sample == "sobol" else 4 * math.sqrt(draws / len(cells))

    assert sum(counts) == draws
    assert max(abs(n - draws / len(cells)) for n in counts) <= room


def test_log_axes_are_uniform_in_the_logarithm() -> None:
    column = drawn({"from": 0.01, "to": 1.0, "log": True}, float, "sobol")

    # Half of them below the geometric mean, a quarter below its root.
    assert ((column < 0.1).mean(), (column < 10**-1.5).mean()) == (0.5, 0.25)
    assert (column.min() >= 0.01, column.max() <= 1.0) == (True, True)


def test_whole_numbers_of_a_log_axis_have_the_width_of_their_cell() -> None:
    column = drawn({"from": 1, "to": 4, "log": True}, int, "sobol")
    width = math.log(4.5 / 0.5)

    for number in (1, 2, 3, 4):
        share = math.log((number + 0.5) / (number - 0.5)) / width
        assert (column == number).mean() == pytest.approx(share, abs=2 / 2**12)


def test_a_sample_leaves_out_what_breaks_a_constraint() -> None:
    loose = (axis("low", {"from": 0.0, "to": 1.0}), axis("high", {"from": 0.0, "to": 1.0}))
    sample = Space(loose, (constraint("low < high"),), "random", 10_000)

    # Half of a square lies above its diagonal; four standard errors.
    assert abs(sample.planned() - 5_000) < 200
    assert sample.planned() == int(sample.allowed(sample.columns(0, 10_000)).sum())


# Never held as a whole.


def test_ten_million_trials_are_counted_in_little_memory_and_time() -> None:
    axes = (
        axis("sma", {"from": 1, "to": 200, "step": 1}, int),
        axis("low", {"from": 0.1, "to": 25.0, "step": 0.1}),
        axis("high", {"from": 0.1, "to": 20.0, "step": 0.1}),
    )
    grid = space(*axes, rules=("low < high", "sma > 0 and low >= 0"))  # names all axes: every trial is looked at
    assert grid.size == 200 * 250 * 200 == 10_000_000
    began = time.perf_counter()
    tracemalloc.start()
    planned = grid.planned()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    # Of 250 lows and 200 highs, low lies below high 199 + 198 + ... + 0 times.
    assert planned == 200 * (199 * 200 // 2)
    assert peak < 50 * 2**20
    assert time.perf_counter() - began < 10.0


def test_the_end_of_a_large_space_is_there_at_once() -> None:
    grid = space(*(Range(name, int, 0, 1, 1, 10**6) for name in ("sma", "x")), Listed("y", int, (1,)))
    assert grid.size == 10**12
    tracemalloc.start()
    columns = grid.columns(10**12 - 10, 10**12)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert columns["x"].tolist() == list(range(999_990, 10**6))
    assert columns["sma"].tolist() == [999_999] * 10
    assert peak < 2**20
    assert grid.planned() == 10**12


def test_a_constraint_on_some_axes_of_a_huge_grid_is_counted_at_once() -> None:
    grid = Space((LOW, HIGH, Range("x", int, 0, 1, 1, 10**12)), (constraint("low < high"),))

    assert grid.planned() == 8 * 10**12


@pytest.mark.parametrize("sample", ["random", "sobol"])
def test_the_end_of_a_large_sample_is_there_without_the_rest(sample: str) -> None:
    large = space(sample=sample, draws=10_000_000)
    tracemalloc.start()
    columns = large.columns(9_999_990, 10_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(columns["low"]) == 10
    assert peak < 20 * 2**20


def test_spans_cover_everything_once() -> None:
    assert [n for lo, hi in spans(10, 4) for n in range(lo, hi)] == list(range(10))
