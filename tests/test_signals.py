"""What strategies share: every function by hand, and against plain loops; an unknown value stays unknown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from strategies.signals import above_average, before, lasting, rolling_high, share_below

NAN = float("nan")


def test_a_mean_has_its_own_value_in_it() -> None:
    # Means over 3: (1+2+3)/3 = 2 < 3 up; (2+3+2)/3 = 2.33 > 2 down; (3+2+4)/3 = 3 < 4 up; flat is not up.
    closes = np.array([1.0, 2, 3, 2, 4, 4, 4])

    assert above_average(closes, 3).tolist() == [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    assert above_average(closes, 0).tolist() == [1.0] * 7
    assert above_average(closes, 8).tolist() == [0.0] * 7


def test_a_high_needs_a_full_window_of_known_values() -> None:
    high = rolling_high(np.array([5.0, 4, 3, 6, NAN, 1, 2, 1]), 3)

    np.testing.assert_array_equal(high, [NAN, NAN, 5, 6, NAN, NAN, NAN, 2])


def test_a_share_counts_the_values_before_that_lie_lower() -> None:
    # Of 20, 30, 25, 20 one is below 25: the third; equal ones are not below.
    values = np.array([20.0, 30, 25, 20, 25, 31, 10])

    np.testing.assert_array_equal(share_below(values, 4), [NAN] * 4 + [0.5, 1.0, 0.0])


def test_a_share_is_unknown_where_the_value_or_one_before_it_is() -> None:
    values = np.array([1.0, 2, NAN, 3, 4, 5])

    np.testing.assert_array_equal(share_below(values, 2), [NAN] * 5 + [1.0])
    np.testing.assert_array_equal(share_below(values, 6), [NAN] * 6)


def test_a_share_is_what_a_loop_counts() -> None:
    random = np.random.default_rng(11)
    values = random.integers(10, 40, 300).astype(float)
    values[random.integers(0, 300, 5)] = NAN
    expected = [
        NAN if t < 20 or np.isnan(values[t - 20 : t + 1]).any() else sum(v < values[t] for v in values[t - 20 : t]) / 20
        for t in range(300)
    ]

    assert np.isfinite(expected).sum() > 100
    np.testing.assert_array_equal(share_below(values, 20), expected)


def test_before_is_so_many_rows_earlier() -> None:
    np.testing.assert_array_equal(before(np.array([1.0, 2, 3]), 1), [NAN, 1, 2])
    np.testing.assert_array_equal(before(np.array([1.0, 2, 3]), 5), [NAN] * 3)


def test_a_trigger_lasts_and_another_one_prolongs_it() -> None:
    triggered = np.array([False, True, False, True, False, False, False])

    assert lasting(triggered, 3).tolist() == [False, True, True, True, True, True, False]
    assert lasting(triggered, 1).tolist() == triggered.tolist()
    assert lasting(triggered[:0], 3).tolist() == []


@pytest.mark.parametrize(
    "signal",
    [
        lambda x: above_average(x, 10),
        lambda x: rolling_high(x, 10),
        lambda x: share_below(x, 10),
        lambda x: before(x, 10),
        lambda x: lasting(x > 0.9, 10),
    ],
)
def test_what_comes_later_changes_nothing(signal: Callable[[np.ndarray], np.ndarray]) -> None:
    values = np.random.default_rng(12).random(60)
    whole = signal(values)

    for n in range(60):
        np.testing.assert_array_equal(signal(values[:n]), whole[:n])
