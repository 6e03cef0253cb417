"""Events: the words of the factors file, exact factors, order within a date, every finding."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from indexsim.errors import DataError, EventError
from indexsim.events import CapStep, ExRights, FactorStep, Replace, SpinOff, Split, parse_events, split_by_rule

INITIAL = [
    ("2024-01-04", "1332", "0.3", "initial"),
    ("2024-01-04", "285A", "50/3", "initial"),
    ("2024-01-04", "9983", "2.4", "initial"),
]
DAY = date(2024, 4, 1)


def frame(*rows: tuple[str, ...]) -> pd.DataFrame:
    columns = ["effective_date", "code", "factor", "event"]
    return pd.DataFrame([*INITIAL, *rows], columns=columns, dtype=object)


def findings(*rows: tuple[str, ...]) -> list[tuple[str, str, str]]:
    with pytest.raises(DataError) as caught:
        parse_events(frame(*rows))
    return [(f.row, f.column, f.rule) for f in caught.value.findings]


def test_initial_basket_keeps_text_codes_and_exact_factors() -> None:
    basket, events = parse_events(frame())

    assert dict(basket.factors) == {"1332": Fraction(3, 10), "285A": Fraction(50, 3), "9983": Fraction(12, 5)}
    assert basket.since == date(2024, 1, 4)
    assert events == ()


@pytest.mark.parametrize(
    ("row", "event"),
    [
        (("1332", "0.5", "step"), FactorStep("1332", Fraction(1, 2), effective=DAY)),
        (("1332", "0.6", "step phase-in"), FactorStep("1332", Fraction(3, 5), True, effective=DAY)),
        (("9983", "2.1", "step cap"), CapStep("9983", Fraction(21, 10), effective=DAY)),
        (("9983", "7.2", "split"), Split("9983", Fraction(3), Fraction(36, 5), effective=DAY)),
        (("9983", "7.2", "split 3:1"), Split("9983", Fraction(3), Fraction(36, 5), effective=DAY)),
        (("9983", "0.24", "split 1:10"), Split("9983", Fraction(1, 10), Fraction(6, 25), effective=DAY)),
        (("9983", "", "split 1.5:1"), Split("9983", Fraction(3, 2), None, effective=DAY)),
        (("9983", np.nan, "split-by-divisor 1.1:1"), Split("9983", Fraction(11, 10), None, "divisor", effective=DAY)),
        (("1332", "", "rights 1:5@820"), ExRights("1332", Fraction(1), Fraction(5), Fraction(820), effective=DAY)),
        (("8729", "5", "spin-off of 285A"), SpinOff("8729", "285A", Fraction(5), effective=DAY)),
        (("7532", "1.0", "add"), Replace({"7532": Fraction(1)}, effective=DAY)),
        (("285A", "", "remove"), Replace({}, ("285A",), effective=DAY)),
    ],
)
def test_each_word_is_read(row: tuple[str, ...], event: object) -> None:
    _, events = parse_events(frame(("2024-04-01", *row)))

    assert events == (event,)


def test_within_a_date_splits_come_first_and_entries_and_exits_are_one_event() -> None:
    _, events = parse_events(
        frame(
            ("2024-03-01", "1332", "0.4", "step"),
            ("2024-04-01", "1332", "0.5", "step"),
            ("2024-04-01", "7532", "1", "add"),
            ("2024-04-01", "9983", "", "remove"),
            ("2024-04-01", "3697", "0.7", "add"),
            ("2024-04-01", "9983", "7.2", "split 3:1"),
        )
    )

    assert [str(event) for event in events] == [
        "1332 step to 0.4",
        "9983 split 3:1 by factor",
        "9983 out, 7532 in (1), 3697 in (0.7)",
        "1332 step to 0.5",
    ]


def test_a_split_takes_its_ratio_from_the_factor_just_before() -> None:
    rows = [("2024-04-01", "9983", "7.2", "split"), ("2024-10-01", "9983", "3.6", "split")]
    _, events = parse_events(frame(*rows))

    assert [event.ratio for event in events if isinstance(event, Split)] == [Fraction(3), Fraction(1, 2)]


def test_a_factor_cut_to_one_decimal_may_miss_the_ratio() -> None:
    _, events = parse_events(frame(("2024-04-01", "1332", "0.8", "split 3:1")))

    assert events == (Split("1332", Fraction(3), Fraction(4, 5), effective=DAY),)


def test_announced_date_is_carried_and_a_joint_change_is_known_with_its_last_part() -> None:
    rows = frame(("2024-04-01", "285A", "", "remove"), ("2024-04-01", "7532", "1", "add"))
    rows["announced_date"] = ["", "", None, "2024-03-04", "2024-03-05"]
    _, events = parse_events(rows)

    assert events[0].announced == date(2024, 3, 5)


def test_further_columns_are_ignored() -> None:
    rows = frame(("2024-04-01", "285A", "", "remove")).assign(presumed_par_yen="50", note="x")

    assert len(parse_events(rows)[1]) == 1


@pytest.mark.parametrize(
    ("row", "column", "rule"),
    [
        (("2024-04-01", "1332", "0.5", "stepp"), "event", "event-word"),
        (("2024-04-01", "1332", "0.5", ""), "event", "event-word"),
        (("2024-04-01", "1332", "0.6", "split 0:1"), "event", "event-word"),
        (("2024-04-01", "1332", "0.6", "split-by-divisor"), "event", "event-word"),
        (("2024-04-01", "1332", "0", "step"), "factor", "factor-positive"),
        (("2024-04-01", "1332", "-1", "step"), "factor", "factor-positive"),
        (("2024-04-01", "1332", "", "step"), "factor", "factor-positive"),
        (("2024-04-01", "1332", "nan", "step cap"), "factor", "factor-positive"),
        (("2024-04-01", "7532", "1e3", "add"), "factor", "factor-positive"),
        (("2024-04-31", "1332", "0.5", "step"), "effective_date", "date"),
        (("20240401", "1332", "0.5", "step"), "effective_date", "date"),
        (("2023-04-03", "1332", "0.5", "step"), "effective_date", "initial"),
        (("2024-04-01", "", "0.5", "step"), "code", "code"),
        (("2024-04-01", "7203", "0.5", "step"), "code", "unknown-code"),
        (("2024-04-01", "7203", "", "remove"), "code", "unknown-code"),
        (("2024-04-01", "7203", "5", "split 5:1"), "code", "unknown-code"),
        (("2024-04-01", "8729", "5", "spin-off of 6758"), "code", "unknown-code"),
        (("2024-04-01", "1332", "1", "add"), "code", "code-twice"),
        (("2024-01-04", "1332", "1", "initial"), "code", "code-twice"),
        (("2024-01-05", "7203", "1", "initial"), "effective_date", "initial"),
        (("2024-04-01", "9983", "2.4", "split"), "event", "split-ratio"),
        (("2024-04-01", "9983", "12", "split 3:1"), "factor", "split-ratio"),
        (("2024-04-01", "9983", "2.5", "split-by-divisor 1.1:1"), "factor", "split-ratio"),
    ],
)
def test_a_bad_row_is_refused_with_its_place_and_rule(row: tuple[str, ...], column: str, rule: str) -> None:
    assert findings(row) == [("line 5", column, rule)]


def test_every_finding_is_reported_and_one_bad_cell_does_not_breed_others() -> None:
    found = findings(
        ("2024-04-01", "7532", "one", "add"),
        ("2024-05-01", "7532", "3", "split 3:1"),
        ("2024-06-03", "7532", "", "remove"),
        ("2024-06-03", "7532", "", "remove"),
        ("2024-06-31", "1332", "x", "stepp"),
    )

    assert sorted(found) == [
        ("line 5", "factor", "factor-positive"),
        ("line 8", "code", "event-once"),
        ("line 8", "code", "unknown-code"),
        ("line 9", "effective_date", "date"),
        ("line 9", "event", "event-word"),
        ("line 9", "factor", "factor-positive"),
    ]


def test_an_event_announced_after_it_acts_is_refused() -> None:
    rows = frame(("2024-04-01", "285A", "", "remove"))
    rows["announced_date"] = ["", "", "", "2024-04-02"]
    with pytest.raises(DataError) as caught:
        parse_events(rows)

    assert [f.rule for f in caught.value.findings] == ["announced-first"]


def test_a_file_without_initial_rows_or_columns_is_refused() -> None:
    later = frame(("2024-04-01", "1332", "0.5", "step")).iloc[3:]
    with pytest.raises(DataError) as caught:
        parse_events(later)
    assert [f.found for f in caught.value.findings] == ["no row says initial"]
    with pytest.raises(DataError) as caught:
        parse_events(frame().drop(columns=["factor", "event"]))

    assert [f.column for f in caught.value.findings] == ["factor", "event"]


@pytest.mark.parametrize(
    ("rows", "column", "rule"),
    [
        (
            [("2024-04-01", "9983", "7.2", "split 3:1"), ("2024-03-01", "1332", "0.4", "step")],
            "effective_date",
            "events-ascend",
        ),
        ([("2024-03-02", "1332", "0.4", "step")], "effective_date", "event-session"),  # a Saturday
        ([("2024-03-01", "1332", "0.4", "step"), ("2024-03-01", "1332", "0.3", "step")], "code", "event-once"),
        ([("2024-03-01", code, "", "remove") for code in ("1332", "285A", "9983")], "event", "basket-continues"),
    ],
)
def test_each_impossible_place_has_its_own_rule(rows: list[tuple[str, ...]], column: str, rule: str) -> None:
    assert [(c, r) for _, c, r in findings(*rows)] == [(column, rule)]


def test_an_event_may_act_on_the_day_of_an_outage() -> None:
    initial = [("2020-09-01", "1332", "0.3", "initial"), ("2020-10-01", "1332", "0.4", "step")]
    _, events = parse_events(pd.DataFrame(initial, columns=["effective_date", "code", "factor", "event"], dtype=object))

    assert [event.effective for event in events] == [date(2020, 10, 1)]


# --- by factor or by divisor (A11): from 1.5 on, or another cut-off; a reverse split by its inverse


@pytest.mark.parametrize(
    ("ratio", "cut_off", "by"),
    [
        ("11/10", None, "divisor"),
        ("149/100", None, "divisor"),
        ("3/2", None, "factor"),
        ("3", None, "factor"),
        ("2/3", None, "factor"),
        ("100/149", None, "divisor"),
        ("1/10", None, "factor"),
        ("3/2", "2", "divisor"),
        ("2/3", "2", "divisor"),
        ("2", "2", "factor"),
        ("1/2", "2", "factor"),
        ("11/10", "11/10", "factor"),
        ("10/11", "11/10", "factor"),
        ("109/100", "11/10", "divisor"),
    ],
)
def test_the_cut_off_says_what_takes_a_split(ratio: str, cut_off: str | None, by: str) -> None:
    limit = {} if cut_off is None else {"by_factor_from": Fraction(cut_off)}
    split = split_by_rule("9983", Fraction(ratio), DAY, date(2024, 3, 1), **limit)
    text = f"split-by-rule {Fraction(ratio).numerator}:{Fraction(ratio).denominator}"
    _, events = parse_events(frame(("2024-04-01", "9983", "", text)), "factors.csv", **limit)

    assert split == Split("9983", Fraction(ratio), None, by, effective=DAY, announced=date(2024, 3, 1))  # type: ignore[arg-type]
    assert events == (Split("9983", Fraction(ratio), None, by, effective=DAY),)  # type: ignore[arg-type]


def test_a_split_by_rule_moves_the_factors_that_later_rows_build_on() -> None:
    """2.4 x 3 = 7.2 and 7.2 x 2 = 14.4; the small one in between leaves 7.2."""
    rows = [("2024-04-01", "", "split-by-rule 3:1"), ("2024-05-01", "", "split-by-rule 1.1:1")]
    rows += [("2024-06-03", "14.4", "split")]
    _, events = parse_events(frame(*((day, "9983", factor, event) for day, factor, event in rows)))

    assert [(e.ratio, e.by) for e in events if isinstance(e, Split)] == [
        (Fraction(3), "factor"),
        (Fraction(11, 10), "divisor"),
        (Fraction(2), "factor"),
    ]


@pytest.mark.parametrize(
    ("factor", "event", "rule"),
    [
        ("7.6", "split-by-rule 3:1", "split-ratio"),
        ("2.5", "split-by-rule 1.1:1", "split-ratio"),
        ("", "split-by-rule 1:1", "split-ratio"),
        ("", "split-by-rule", "event-word"),
        ("", "split-by-rule 3:0", "event-word"),
    ],
)
def test_a_split_by_rule_that_cannot_be_is_a_finding(factor: str, event: str, rule: str) -> None:
    assert [found[2] for found in findings(("2024-04-01", "9983", factor, event))] == [rule]


@pytest.mark.parametrize("ratio", [Fraction(0), Fraction(-2), Fraction(1)])
def test_a_ratio_that_is_none_is_refused(ratio: Fraction) -> None:
    with pytest.raises(EventError, match="above zero and not one"):
        split_by_rule("9983", ratio, DAY)
