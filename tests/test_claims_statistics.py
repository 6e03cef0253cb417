"""The arithmetic of the claims against hand counts, plain loops and other people's formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from backtests.claims import statistics as st
from backtests.claims import turns
from backtests.claims.events import chosen_events, kinds_of_days
from backtests.claims.measure import asserted
from backtests.claims.series import Unavailable, at_frequency, holds, known_on, series, target
from backtests.claims.tests import TESTS
from indexsim import sessions

RNG = np.random.default_rng(7)
A, B = RNG.standard_normal((2, 60))


def frame(*closes: float, start: str = "2024-01-04", **columns: list[float]) -> pd.DataFrame:
    """Return a file of closes on weekdays."""
    return pd.DataFrame({"close": closes, **columns}, pd.bdate_range(start, periods=len(closes)), dtype=np.float64)


def test_turned_sums_are_those_of_a_loop() -> None:
    expected = [sum(A[i] * B[(i + s) % 60] for i in range(60)) for s in range(60)]

    assert turns.turned_sums(A, B) == pytest.approx(expected)


def test_means_are_compared_as_welch_would_on_every_turn() -> None:
    mask = A > 0.5

    def welch(turned: np.ndarray) -> float:
        inside, outside = turned[mask], turned[~mask]
        error = inside.var() / (len(inside) - 1) + outside.var() / (len(outside) - 1)
        return float(abs(inside.mean() - outside.mean()) / error**0.5)

    all_turns = [welch(np.roll(B, -s)) for s in range(60)]
    found, p, reach = turns.shift_means(mask, B)

    assert found == pytest.approx(B[mask].mean() - B[~mask].mean())
    assert p == pytest.approx(np.mean([t >= all_turns[0] - 1e-12 for t in all_turns]))
    assert reach == pytest.approx(np.quantile(all_turns, 0.9) * abs(found) / all_turns[0])


def test_overlapping_windows_are_weighed_by_day() -> None:
    mask, known = A > 0.3, np.arange(60) < 57
    windows = np.array([B[i + 1 : i + 4].sum() for i in range(57)])
    share = mask[:57].mean()
    # Day j lies in the windows of rows j - 3, j - 2 and j - 1.
    days = range(1, 60)
    weights = np.array([sum(mask[i] - share for i in range(j - 3, j) if 0 <= i < 57) for j in days])
    centred = B[1:] - B[1:].mean()

    def statistic(turn: int) -> float:
        products = (weights - weights.mean()) * np.roll(centred, -turn)
        return float(products.sum() / np.sum(products**2) ** 0.5)

    expected = np.mean([abs(statistic(s)) >= abs(statistic(0)) - 1e-12 for s in range(59)])
    difference = windows[mask[:57]].mean() - windows[~mask[:57]].mean()

    assert np.sum(weights * B[1:]) / (57 * share * (1 - share)) == pytest.approx(difference)
    assert turns.shift_windows(mask, known, B, 3, 0.0)[0] == pytest.approx(expected)


def test_a_relation_is_found_and_a_tie_at_once_is_no_lead() -> None:
    assert turns.correlation(A, B) == pytest.approx(np.corrcoef(A, B)[0, 1])
    assert turns.shift_correlation(A, A + 0.3 * B)[1] < 0.001
    after = np.concatenate([[0.0], A[:-1]])
    assert turns.lead(A, after + 0.1 * B, 2)[1] < 0.05
    assert turns.best_lag(A, after + 0.1 * B, 3)[0] == 1
    assert abs(turns.lead(A, A, 3)[0]) < 1e-12


def test_the_lead_is_the_sum_of_correlations_both_ways() -> None:
    x, y = ((v - v.mean()) / v.std() for v in (A, B))
    expected = sum(np.mean(x * np.roll(y, -k)) - np.mean(x * np.roll(y, k)) for k in (1, 2, 3))

    assert turns.lead(A, B, 3)[0] == pytest.approx(expected)


def test_blocks_keep_the_mean_and_the_seed_decides() -> None:
    draws = st.draw_blocks(A[:, None], 5, 2_000, st.generator("x"))

    assert draws.shape == (2_000, 1)
    assert draws.mean() == pytest.approx(A.mean(), abs=0.02)
    assert np.array_equal(draws, st.draw_blocks(A[:, None], 5, 2_000, st.generator("x")))
    assert not np.array_equal(draws, st.draw_blocks(A[:, None], 5, 2_000, st.generator("y")))


def test_a_whole_series_as_one_block_has_one_mean() -> None:
    assert st.draw_blocks(A[:, None], 60, 5, st.generator("x"))[:, 0] == pytest.approx([A.mean()] * 5)


def test_moments_give_numpys_figures() -> None:
    means = st.pair_moments(A, 2 * B).mean(axis=0)[None]

    assert st.moment_correlation(means)[0] == pytest.approx(np.corrcoef(A, B)[0, 1])
    assert st.moment_slope(means)[0] == pytest.approx(np.polyfit(A, 2 * B, 1)[0])
    assert st.moment_spreads(means)[0] == pytest.approx(A.std() / (2 * B.std()))


def test_falls_over_rises_by_hand() -> None:
    # Falls of 2 and 4 (mean 3), rises of 1, 1 and 4 (mean 2).
    assert st.moment_asymmetry(np.array([[6 / 5, 6 / 5, 2 / 5, 3 / 5]]))[0] == pytest.approx(1.5)


def test_the_variance_ratio_of_a_seesaw() -> None:
    # n = 10: the autocorrelation is -9/10; 1 - 0.9 and 1/10 for the bias.
    assert st.variance_ratio(np.array([1.0, -1.0] * 5), 2)[0] == pytest.approx(0.2)


def test_few_observations_are_students() -> None:
    expected = stats.ttest_1samp(A[:6], 0.3)
    p, low, high = st.studentised_mean(A[:6], st.generator("x"), 0.3)

    assert p == pytest.approx(expected.pvalue)
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval(0.9)))


def test_stretches_are_tested_as_student_would() -> None:
    means = [A[k : k + 10].mean() for k in range(0, 60, 10)]

    assert st.batch_interval(A, 0.1, 6)[0] == pytest.approx(stats.ttest_1samp(means, 0.1).pvalue)


def test_the_tail_is_counted_and_beyond_the_draws_fitted() -> None:
    null = np.arange(1.0, 100.0)  # 99 draws

    assert st.tail_p(90.5, null) == pytest.approx(10 / 100)
    fitted = [st.tail_p(x, null) for x in (150.0, 200.0, 300.0)]
    assert 0.01 > fitted[0] > fitted[1] > fitted[2] > 0


def test_mid_p_by_hand() -> None:
    assert st.binomial_p(0, 3, 0.5) == pytest.approx(2 * (1 / 8) / 2)


def test_wilson_at_no_hits() -> None:
    z2 = stats.norm.ppf(0.95) ** 2

    assert st.wilson(0.0, 10) == pytest.approx((0.0, z2 / (10 + z2)))


def test_rows_of_a_condition() -> None:
    mask = np.array([1, 1, 0, 1, 0, 0, 0, 1, 1], dtype=bool)

    assert st.episode_starts(mask, 2).tolist() == [0, 7]
    assert st.rows_apart(mask, 2).tolist() == [0, 3, 7]


def test_days_of_a_kind() -> None:
    days = sessions.sessions("2017-09-01", "2024-04-30")
    kinds = dict(zip(days.strftime("%Y-%m-%d"), kinds_of_days(days).tolist(), strict=True))

    # Ex-dividend days on which members split (A9): two sessions before the end of the month, then one.
    assert [kinds[day] % 4 for day in ("2017-09-27", "2020-09-29", "2023-03-30", "2023-06-29")] == [3, 3, 3, 2]
    assert kinds["2017-09-28"] % 4 == kinds["2023-03-31"] % 4 == 0
    # 2024-03-08 was a special quotation day, the week before it was none.
    assert kinds["2024-03-04"] & 8
    assert not kinds["2024-03-01"] & 8
    assert kinds["2024-04-01"] & 16


def test_events_are_chosen_by_kind_and_ratio() -> None:
    rows = [("2024-03-28", "", "7011", "split 10:1"), ("2024-04-01", "2024-03-04", "3092", "add")]
    more = [("2017-09-27", "", "9001", "split 1:5"), ("2024-10-01", "2024-07-31", "9983", "step cap")]
    table = pd.DataFrame(rows + more, columns=["effective_date", "announced_date", "code", "event"])
    found = {
        kind: chosen_events({"index_events": table}, {"events": [kind]})["effective"].dt.year.tolist()
        for kind in ("split", "reverse_split", "add", "step")
    }

    assert found == {"split": [2024], "reverse_split": [2017], "add": [2024], "step": [2024]}
    assert chosen_events({"index_events": table}, {"events": ["split"], "min_ratio": 20}).empty


def test_stocks_are_an_equal_weighted_index() -> None:
    days = pd.bdate_range("2024-01-04", periods=2)
    long = pd.DataFrame({"date": [*days, *days], "code": ["1", "1", "2", "2"], "close": [10.0, 11.0, 50.0, 60.0]})

    assert series({"ohlcv": long}, "stocks:1+2").tolist() == pytest.approx([1.0, 1.15])
    with pytest.raises(Unavailable, match="no closes of 3"):
        series({"ohlcv": long}, "stocks:1+3")


def test_a_new_york_price_is_known_the_day_after() -> None:
    dollars = frame(150.0, 151.0, 152.0)
    dates = pd.DatetimeIndex(dollars.index)
    seen = known_on({}, "usdjpy.close", dollars["close"], dates)

    assert np.isnan(seen.iloc[0])
    assert seen.tolist()[1:] == [150.0, 151.0]  # on Friday that of Thursday, on Monday that of Friday


def test_conditions_all_hold_or_are_unknown() -> None:
    inputs = {"n225": frame(100.0, 110.0, 99.0), "nikkei_vi": frame(20.0, 31.0, 35.0)}
    rules = [
        {"series": "nikkei_vi", "kind": "level", "op": "above", "at": 30},
        {"series": "n225", "kind": "return", "window": 1, "op": "below", "at": -0.05},
    ]
    met, sure = holds(inputs, rules, pd.DatetimeIndex(inputs["n225"].index))

    assert met.tolist() == [False, False, True]
    assert sure.tolist() == [False, True, True]


def test_targets_by_hand() -> None:
    closes = frame(100.0, 90.0, 99.0, 108.0)["close"]

    assert target(closes, {"horizon": 2}).tolist()[:2] == pytest.approx([-0.01, 0.2])
    assert target(closes, {"horizon": 2, "target_kind": "max_drawdown"}).tolist()[:2] == pytest.approx([-0.1, 0.0])
    assert target(closes, {"horizon": 2, "target_kind": "max_rise"}).tolist()[:2] == pytest.approx([0.0, 0.2])
    trend = target(closes, {"horizon": 1, "target_kind": "trend", "window": 1}).tolist()
    assert trend[1:3] == pytest.approx([-0.1, 9 / 99])
    assert np.isnan(target(closes, {"horizon": 2}).tolist()[2])


def test_months_end_on_their_last_day() -> None:
    closes = frame(1.0, 2.0, 3.0, start="2024-01-30")["close"]

    assert at_frequency(closes, "M").to_dict() == {pd.Timestamp("2024-01-31"): 2.0, pd.Timestamp("2024-02-29"): 3.0}


def test_what_is_asserted() -> None:
    assert asserted(-0.1, {"direction": "below"})
    assert not asserted(0.4, {"direction": "above", "threshold": 0.5})
    assert asserted(0.35, {"direction": "equal", "threshold": 0.3, "tolerance": 0.1})


N225 = frame(100.0, 120.0, 90.0, 108.0, 130.0)


@pytest.mark.parametrize(
    ("test", "params", "effect", "supports"),
    [
        ("level_on_date", {"date": "2024-01-05", "value": 119, "tolerance": 1}, 120, True),
        ("level_on_date", {"date": "2024-01-05", "value": 110, "tolerance": 1}, 120, False),
        ("return_over", {"start": "2024-01-05", "end": "2024-01-09", "value": -0.1, "tolerance": 0.01}, -0.1, True),
        (
            "record_between",
            {"start": "2024-01-04", "end": "2024-01-09", "kind": "max", "value": 120, "tolerance": 0},
            120,
            True,
        ),
        ("new_high", {"since": "2024-01-04", "start": "2024-01-10", "end": "2024-01-10"}, 130 / 120 - 1, True),
        (
            "level_crossed_count",
            {
                "start": "2024-01-04",
                "end": "2024-01-10",
                "level": 105,
                "op": "above",
                "direction": "above",
                "threshold": 3,
            },
            3,
            False,
        ),
        ("first_passage", {"date": "2024-01-04", "up": 125, "down": 95, "first_met": "down"}, 2, True),
        (
            "drawdown_between",
            {"start": "2024-01-04", "end": "2024-01-10", "value": -0.25, "tolerance": 0.01},
            -0.25,
            True,
        ),
        ("monotone", {"dates": ["2024-01-04", "2024-01-05", "2024-01-08"], "direction": "rising"}, 0.5, False),
        (
            "values_on_dates",
            {"dates": ["2024-01-04", "2024-01-05"], "values": [1.0, 1.32], "scale": 100, "tolerance": 0.05},
            0.1,
            False,
        ),
    ],
)
def test_facts_by_hand(test: str, params: dict[str, object], effect: float, supports: bool) -> None:
    found = TESTS[test]({"n225": N225}, {"series": "n225", **params})

    assert found.effect == pytest.approx(effect)
    assert found.supports is supports
    assert (found.p, found.low, found.high) == (None, None, None)


def test_a_date_beyond_the_rows_is_missing() -> None:
    found = TESTS["level_on_date"]({"n225": N225}, {"series": "n225", "date": "2025-01-06", "value": 1, "tolerance": 1})

    assert found.missing == ("n225: rows from 2024-01-04 to 2024-01-10, none near 2025-01-06",)


def test_an_absent_file_is_missing() -> None:
    found = TESTS["slope"]({"n225": N225}, {"a": "n225", "b": "oil", "seed_date": "2025-01-01"})

    assert found.missing == ("oil: no folder holds it",)


def test_data_after_the_seed_stand_apart() -> None:
    days = pd.bdate_range("2020-01-06", periods=600)
    moves = RNG.standard_normal((2, 600)) * 0.01
    moves[0, 400:] = moves[1, 400:]  # tied after the seed only
    inputs = {name: pd.DataFrame({"close": np.exp(np.cumsum(m))}, days) for name, m in zip("ab", moves, strict=True)}
    params = {"a": "a", "b": "b", "direction": "above", "seed_date": str(days[399].date())}
    found = TESTS["correlation_changes"](inputs, params)

    assert found.n == 399
    assert found.effect is not None
    assert abs(found.effect) < 0.2
    assert found.later == (pytest.approx(1.0), 199)


def test_a_weight_by_hand_and_too_much_missing() -> None:
    days = pd.bdate_range("2024-01-04", periods=2)
    factors = pd.DataFrame(
        [("2024-01-04", "1", "1", "init"), ("2024-01-04", "2", "1/2", "init"), ("2024-01-05", "1", "2", "split")],
        columns=["effective_date", "code", "factor", "event"],
    )
    closes = pd.DataFrame({"1": [100.0, 50.0], "2": [100.0, np.nan]}, days)
    asked = {"code": "1", "value": 2 / 3, "tolerance": 0.001}
    first = TESTS["weight_of"]({"closes": closes, "factors": factors}, {**asked, "date": "2024-01-04"})
    second = TESTS["weight_of"]({"closes": closes, "factors": factors}, {**asked, "date": "2024-01-05"})

    assert first.effect == pytest.approx(100 / 150)
    assert second.missing == ("closes: constituents that weigh 33.3% have none on 2024-01-05",)


def test_every_test_says_what_it_takes() -> None:
    assert [name for name, test in TESTS.items() if not test.__doc__] == []
