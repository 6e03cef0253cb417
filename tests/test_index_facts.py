"""The tables of the index's history: against values typed from the publications, against each other, and real."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

from indexsim import rules
from indexsim.errors import DataError
from indexsim.factor_rows import read_rows
from indexsim.facts import FACTS, IndexEvent, cap_steps, index_events, published_divisors, read_table, reviews
from indexsim.sessions import all_sessions, is_session

CARRY_OVER = date(2021, 10, 1)
#: Effective on paper; the exchange was down all day and first traded on 2020-10-02.
OUTAGE = date(2020, 10, 1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def rows(event: str, effective: str) -> dict[str, tuple[float | None, float | None]]:
    """Code -> factors before and after, of the events that begin with a word."""
    found = [e for e in index_events() if e.effective == day(effective) and e.event.startswith(event)]
    return {e.code: (number(e.factor_before), number(e.factor_after)) for e in found}


# Against the publications

#: Effective date -> entrants with their factors, leavers.
CHANGES: dict[str, tuple[dict[str, float], str]] = {
    "2015-10-01": ({"1808": 0.2, "2432": 0.3}, "3110 8803"),
    "2016-10-03": ({"4755": 1}, "4041"),
    "2017-08-01": ({"6724": 2}, "6502"),
    "2017-10-02": ({"6098": 3, "6178": 1}, "3865 6508"),
    "2018-10-01": ({"4751": 0.2}, "5715"),
    "2019-08-01": ({"7832": 1}, "6366"),
    "2019-10-01": ({"2413": 2.4}, "9681"),
    "2020-07-29": ({"8697": 1}, "8729"),
    "2020-10-01": ({"9434": 1}, "4272"),
    "2020-10-29": ({"3659": 2}, "8028"),
    "2020-12-02": ({"6753": 1}, "9437"),
    "2021-10-01": ({"6861": 0.1, "6981": 0.8, "7974": 0.1}, "3105 5901 9412"),
    "2021-12-29": ({}, "9062"),
    "2022-01-05": ({"9147": 0.1}, ""),
    "2022-04-04": ({"8591": 1}, "8303"),
    "2022-09-29": ({"6594": 0.8}, "8355"),
    "2022-10-03": ({"6273": 0.1, "7741": 0.5}, "3103 6703"),
    "2022-10-04": ({"5831": 1}, "1333"),
    "2023-04-03": ({"4661": 1, "6723": 1, "9201": 1}, "3101 5703 5707"),
    "2023-10-02": ({"4385": 1, "6920": 0.4, "9843": 0.3}, "5202 7003 8628"),
    "2024-04-01": ({"3092": 1, "6146": 0.2, "6526": 1}, "2531 5232 5541"),
    "2024-10-01": ({"4307": 1, "7453": 1}, "3863 4631"),
    "2025-04-01": ({"6532": 0.5}, "9301"),
    "2025-07-04": ({"6963": 1}, "9613"),
    "2025-09-30": ({}, "8729"),
    "2025-10-01": ({"3697": 1}, "7762"),
    "2025-11-05": ({"4062": 1}, "6594"),
}


@pytest.mark.parametrize("effective", CHANGES)
def test_entries_and_exits(effective: str) -> None:
    entering, leaving = CHANGES[effective]

    assert {code: after for code, (_, after) in rows("add", effective).items()} == entering
    assert sorted(rows("remove", effective)) == leaving.split()


def test_the_spring_review_of_2026() -> None:
    """Codes with a letter, a cap step, and a name whose factor was not found."""
    assert rows("add", "2026-04-01") == {"285A": (None, 0.7), "543A": (None, None), "7532": (None, 1)}
    assert sorted(rows("remove", "2026-04-01")) == ["6674", "6952", "7205"]
    assert rows("step cap", "2026-04-01") == {"6857": (8, 7.2)}
    assert rows("", "2026-10-01") == {"6857": (7.2, 6.4)}, "entries and exits were not found and are not guessed"


#: Ex-date -> code -> factor before and after.
SPLITS: dict[str, dict[str, tuple[float, float]]] = {
    "2017-06-28": {"5201": (1, 0.2), "5214": (1.5, 0.3), "9613": (1, 5)},
    "2017-07-27": {"9005": (1, 0.5)},
    "2019-06-25": {"9984": (3, 6)},
    "2020-09-29": {"4568": (1, 3), "5703": (1, 0.1), "8411": (1, 0.1)},
    "2021-09-29": {"2768": (0.1, 0.02), "6762": (1, 3), "7203": (1, 5)},
    "2022-03-30": {"9104": (0.1, 0.3)},
    "2022-09-29": {"7974": (0.1, 1), "8766": (0.5, 1.5), "9101": (0.1, 0.3), "9107": (0.1, 0.3)},
    "2023-02-27": {"9983": (1, 3)},
    "2023-03-30": {"2269": (0.2, 0.4), "4063": (1, 5), "6954": (1, 5), "7832": (1, 3), "8035": (1, 3)},
    "2023-06-29": {"9432": (0.4, 10)},
    "2023-09-28": {
        "6857": (2, 8),
        "6902": (1, 4),
        "6981": (0.8, 2.4),
        "7267": (2, 6),
        "7735": (0.2, 0.4),
        "9022": (0.1, 0.5),
    },
    "2025-08-28": {"7453": (1, 2), "8267": (1, 3)},
    "2025-09-29": {"5401": (0.1, 0.5), "7013": (0.1, 0.7), "9843": (0.5, 2.5)},
    "2025-12-29": {
        "2501": (0.2, 1),
        "4062": (1, 2),
        "4183": (0.2, 0.4),
        "5108": (1, 2),
        "8001": (1, 5),
        "8830": (1, 2),
        "9984": (6, 24),
    },
    "2026-09-29": {"4062": (2, 4)},
}


@pytest.mark.parametrize("effective", SPLITS)
def test_splits_by_factor(effective: str) -> None:
    assert rows("split", effective) == SPLITS[effective]


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [("9433", 6, 12), ("9735", 1, 2), ("6762", 3, 15), ("4543", 4, 8), ("6594", 0.8, 1.6), ("3092", 1, 3)],
)
def test_splits_known_by_their_factors_alone(code: str, before: float, after: float) -> None:
    """Between 2022-10 and 2025-08; Zozo with five others on 2025-03-28."""
    found = [e for e in index_events() if e.code == code and e.event.startswith("split") and e.effective.year >= 2022]

    assert [(number(e.factor_before), number(e.factor_after)) for e in found] == [(before, after)]


def test_phased_entries() -> None:
    assert rows("step phase-in", "2024-04-01") == {"9843": (0.3, 0.5)}
    assert rows("step phase-in", "2025-10-01") == {"6532": (0.5, 1)}


def test_the_spin_off_is_in_for_one_day() -> None:
    spun = [e for e in index_events() if e.code == "8729" and e.effective.year == 2025]

    assert [(str(e.effective), e.event) for e in spun] == [
        ("2025-09-29", "spin-off of 6758"),
        ("2025-09-30", "remove"),
    ]


def test_cap_steps_are_those_announced() -> None:
    found = [(*map(str, (s.base_date, s.announced, s.effective)), s.code, number(s.weight)) for s in cap_steps()]

    assert found == [
        ("2024-07-31", "2024-07-31", "2024-10-01", "9983", 0.1045),
        ("2025-01-31", "2025-01-31", "2025-04-01", "9983", 0.114),
        ("2026-01-30", "2026-01-30", "2026-04-01", "6857", 0.127903),
        ("2026-07-31", "2026-07-31", "2026-10-01", "6857", None),
    ]
    assert [(float(s.ratio_before), float(s.ratio_after)) for s in cap_steps()] == [(1, 0.9), (0.9, 0.8)] * 2
    assert [(float(s.factor_before), float(s.factor_after)) for s in cap_steps()] == [
        (3, 2.7),
        (2.7, 2.4),
        (8, 7.2),
        (7.2, 6.4),
    ]


DIVISORS = """
1949-05-16 225        | 2000-04-21 10.180     | 2000-04-24 20.341     | 2011-03-01 24.917     | 2014-12-19 25.473
2016-03-29 25.462     | 2016-04-04 25.495     | 2016-08-01 25.596     | 2016-09-01 26.008     | 2016-10-03 26.062
2016-11-10 26.062     | 2017-01-24 26.301     | 2017-08-01 26.581     | 2017-10-02 26.950     | 2018-10-01 26.993
2018-12-26 27.003     | 2019-03-27 27.237     | 2019-07-01 27.237     | 2019-08-01 27.497     | 2019-10-01 27.760
2020-07-29 27.859     | 2020-09-29 27.859     | 2020-10-01 27.870     | 2020-10-29 27.731     | 2020-12-02 27.769
2021-09-29 27.769     | 2021-10-01 28.373     | 2021-12-29 28.349     | 2022-01-05 28.373     | 2022-09-29 28.69
2022-10-03 29.18      | 2022-10-04 29.20      | 2023-04-03 29.51      | 2023-10-02 30.03      | 2025-04-01 30.06422294
2025-05-02 30.06422294 | 2025-07-04 29.61653922 | 2025-09-30 29.59724687 | 2025-10-01 29.69955560 | 2025-11-05 29.9171
2026-04-01 29.83      | 2026-10-01 29.70
"""
#: Day -> lowest and highest value that the source leaves open.
RANGES = {
    "2022-04-04": ("28.453", "28.457"),
    "2024-04-01": ("30.5894", "30.5900"),
    "2024-08-20": ("30.5894", "30.5899"),
    "2024-10-01": ("30.412", "30.414"),
    "2025-12-30": ("29.91705", "29.91725"),
    "2026-01-30": ("29.91710", "29.91720"),
    "2026-02-04": ("29.91660", "29.91757"),
}


def test_divisors_are_those_published() -> None:
    expected = dict(pair.split() for line in DIVISORS.strip().split("\n") for pair in line.split("|"))
    found = {str(d.effective): str(d.divisor) for d in published_divisors() if d.tolerance is None}

    assert found == {**expected, "2015-09-04": "25.473"}


def test_derived_divisors_keep_their_range() -> None:
    found = {
        str(d.effective): (d.divisor - d.tolerance, d.divisor + d.tolerance)
        for d in published_divisors()
        if d.tolerance is not None
    }

    assert found == {when: (Decimal(low), Decimal(high)) for when, (low, high) in RANGES.items()}


#: Base date, announcement, first session of the periodic reviews since 2021.
PERIODIC = """
2021-07-30 2021-09-06 2021-10-01
2022-07-29 2022-09-05 2022-10-03
2023-01-31 2023-03-03 2023-04-03
2023-07-31 2023-09-04 2023-10-02
2024-01-31 2024-03-04 2024-04-01
2024-07-31 2024-09-04 2024-10-01
2025-01-31 2025-03-05 2025-04-01
2025-07-31 2025-09-08 2025-10-01
2026-01-30 2026-03-05 2026-04-01
2026-07-31 None 2026-10-01
"""


def test_reviews_are_dated_as_published() -> None:
    found = [r for r in reviews() if r.kind == "periodic" and r.effective.year >= 2021]

    assert [f"{r.base_date} {r.announced} {r.effective}" for r in found] == PERIODIC.strip().split("\n")


def test_extraordinary_replacements_are_dated_as_announced() -> None:
    found = {str(r.effective): r for r in reviews() if r.kind == "extraordinary"}
    announced = {
        "2020-10-29": ("8028", "3659", "2020-10-22"),
        "2025-07-04": ("9613", "6963", "2025-06-20"),
        "2025-11-05": ("6594", "4062", "2025-10-27"),
    }

    for effective, (out, into, when) in announced.items():
        review = found[effective]
        assert (review.leaving, review.entering, str(review.announced)) == ((out,), (into,), when)


# The tables agree with each other and with the rules


def test_the_tables_are_in_order_and_no_event_stands_twice() -> None:
    keys = [(e.effective, e.code, e.event.split(" ")[0]) for e in index_events()]

    assert [key[0] for key in keys] == sorted(key[0] for key in keys)
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    for table in (published_divisors(), cap_steps(), reviews()):
        dates = [row.effective for row in table]
        assert dates == sorted(dates)


def test_every_confidence_is_one_letter() -> None:
    tables = (index_events(), published_divisors(), cap_steps(), reviews())

    assert {row.confidence for table in tables for row in table} <= {"H", "M", "L", "B"}


def test_every_event_word_is_read_as_in_a_market_folder() -> None:
    frame = pd.read_csv(FACTS / "index_events.csv", dtype=str, keep_default_na=False)
    known = frame[frame["factor_after"].ne("") | frame["event"].eq("remove")]
    read, findings = read_rows(known.rename(columns={"factor_after": "factor"}), "index_events.csv")

    assert len(frame) - len(known) == 1, "one entrant's factor is unknown"
    assert not findings
    assert len(read) == len(known)


def test_everything_happens_on_a_session() -> None:
    dates = {e.effective for e in index_events()} | {s.base_date for s in cap_steps()} | {OUTAGE}

    assert [str(d) for d in sorted(dates) if not is_session(d)] == [str(OUTAGE)]


def test_nothing_is_announced_after_it_acts() -> None:
    for row in (*index_events(), *cap_steps(), *reviews()):
        assert row.announced is None or row.announced < row.effective, row


def test_a_factor_begins_where_it_ended() -> None:
    held: dict[str, Fraction | None] = {}
    for event in index_events():
        if event.code in held:
            assert event.factor_before == held[event.code], event
        held[event.code] = event.factor_after


def test_a_split_multiplies_the_factor() -> None:
    for event in index_events():
        word, *ratio = event.event.split(" ")
        if word == "split":
            new, old = map(Fraction, ratio[0].split(":"))
            assert event.factor_before is not None
            assert event.factor_after == event.factor_before * new / old, event


def test_presumed_pars_were_carried_over_cut_to_one_decimal() -> None:
    """A7: max(0.1, floor(10 x 50 / par) / 10) with pars of 2,500 and 200 yen."""
    assert rows("step", str(CARRY_OVER)) == {"2768": (50 / 2500, 0.1), "8630": (50 / 200, 0.2)}


def test_the_count_of_names() -> None:
    """225 but for the gaps between an exit and an entry, and one day with a company spun off."""
    count, by_day = 225, {}
    for event in index_events():
        count += {"add": 1, "spin-off": 1, "remove": -1}.get(event.event.split(" ")[0], 0)
        by_day[str(event.effective)] = count

    assert {when: n for when, n in by_day.items() if n != 225} == {
        "2016-03-29": 224,
        "2016-08-29": 224,
        "2021-12-29": 224,
        "2025-09-29": 226,
    }


def test_a_cap_step_is_an_event_with_the_same_numbers() -> None:
    steps = {(s.effective, s.code, s.factor_before, s.factor_after, s.announced) for s in cap_steps()}
    events = {
        (e.effective, e.code, e.factor_before, e.factor_after, e.announced)
        for e in index_events()
        if e.event == "step cap"
    }

    assert steps == events


def test_a_cap_step_is_one_tenth_of_the_uncapped_factor() -> None:
    for step in cap_steps():
        assert step.ratio_before - step.ratio_after == rules.CAP_RATIO_STEP
        assert step.factor_before / step.ratio_before == step.factor_after / step.ratio_after

    assert [float(s.factor_after / s.ratio_after) for s in cap_steps()] == [3, 3, 8, 8]


def test_a_capped_name_weighed_more_than_the_threshold_and_less_afterwards() -> None:
    """A19 and GT8: w' = w q / (1 - w (1 - q))."""
    after = []
    for step in cap_steps():
        if step.weight is not None:
            threshold = rules.CAP_THRESHOLD.on(step.effective)
            assert threshold is not None
            assert step.weight > threshold
            q = step.ratio_after / step.ratio_before
            after.append(round(float(100 * step.weight * q / (1 - step.weight * (1 - q))), 3))

    assert after == [9.504, 10.263, 11.660]


def last_session(year: int, month: int) -> date:
    sessions = all_sessions()
    return sessions[(sessions.year == year) & (sessions.month == month)][-1].date()


def first_session(year: int, month: int) -> date:
    sessions = all_sessions()
    return sessions[(sessions.year == year) & (sessions.month == month)][0].date()


def test_a_review_runs_from_the_end_of_january_or_july_to_the_first_session_of_april_or_october() -> None:
    for review in reviews():
        if review.kind == "periodic":
            month, base_month = (4, 1) if review.effective.month == 4 else (10, 7)
            assert review.base_date == last_session(review.effective.year, base_month), review
            if review.effective != OUTAGE:
                assert review.effective == first_session(review.effective.year, month), review
            assert review.announced is None or review.base_date < review.announced
        else:
            assert review.base_date is None
    assert first_session(2020, 10) == OUTAGE + timedelta(days=1)


def test_a_cap_is_judged_on_the_base_date_of_its_review() -> None:
    base = {r.effective: r.base_date for r in reviews() if r.kind == "periodic"}

    assert [base[step.effective] for step in cap_steps()] == [step.base_date for step in cap_steps()]


def test_at_most_three_names_a_review() -> None:
    assert max(len(r.entering) for r in reviews()) == rules.MAX_REPLACEMENTS
    assert [r for r in reviews() if len(r.entering) != len(r.leaving)] == []


def test_every_entry_and_exit_belongs_to_one_review() -> None:
    """Stages and gaps of the note lie within a week of the review's date."""
    claimed: list[IndexEvent] = []
    for review in reviews():
        for word, codes in (("add", review.entering), ("remove", review.leaving)):
            for code in codes:
                near = [
                    e
                    for e in index_events()
                    if (e.event, e.code) == (word, code) and abs(e.effective - review.effective) <= timedelta(days=7)
                ]
                assert len(near) == 1, (review, code)
                assert near[0].announced == review.announced
                claimed += near
    changes = [e for e in index_events() if e.event in ("add", "remove")]

    assert [(str(e.effective), e.code) for e in changes if e not in claimed] == [("2025-09-30", "8729")]


def test_published_divisors_have_the_decimals_of_their_time() -> None:
    """A15; before 2000 the whole number of the start."""
    found = {
        (d.effective >= date(2022, 6, 1), -int(d.divisor.as_tuple().exponent))
        for d in published_divisors()
        if d.basis != "derived" and d.effective.year >= 2000
    }

    assert found == {(False, 3), (True, 8)}


# Reading


def test_a_cell_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    path.write_text("day,value\n2025-01-06,1/3\n2025-13-01,1\n2025-01-07,1/0\n2025-01-08,x\n")
    with pytest.raises(DataError) as caught:
        read_table(path, lambda row: (day(row["day"]), Fraction(row["value"])))

    assert [(f.file, f.row, f.rule) for f in caught.value.findings] == [
        ("facts.csv", f"line {line}", "fact-readable") for line in (3, 4, 5)
    ]


def test_a_word_that_is_not_one_of_the_column_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (FACTS / "reviews.csv").read_text("utf-8").replace("periodic", "yearly", 1)
    (tmp_path / "reviews.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr("indexsim.facts.FACTS", tmp_path)
    with pytest.raises(DataError, match="line 2: ValueError: 'yearly' is none of"):
        reviews.__wrapped__()


# Against real lists


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def window(path: Path) -> tuple[dict[str, Fraction], set[tuple[str, str, str, Fraction | None]]]:
    """Return the initial factors of a window, and its changes as (date, code, word, factor)."""
    listed = table(path / "factors.csv")
    factors = {r["code"]: Fraction(r["factor"]) for r in listed if r["event"] == "initial"}
    changes = {
        (r["effective_date"], r["code"], r["event"].split(" ")[0], Fraction(r["factor"]) if r["factor"] else None)
        for r in listed
        if r["event"] != "initial"
    }
    return factors, changes


def between(first: str, last: str) -> list[IndexEvent]:
    """Return the events after the first day, up to the last."""
    return [e for e in index_events() if day(first) < e.effective <= day(last)]


def walk(factors: dict[str, Fraction], events: list[IndexEvent]) -> dict[str, Fraction]:
    held = dict(factors)
    for event in events:
        assert held.get(event.code) == event.factor_before, event
        if event.factor_after is None:
            del held[event.code]
        else:
            held[event.code] = event.factor_after
    return held


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "first", "last", "count"),
    [("window_2017_2018", "2017-01-24", "2018-11-16", 57), ("window_2025", "2025-07-04", "2025-10-31", 10)],
)
def test_events_are_those_of_the_windows(real: Path, name: str, first: str, last: str, count: int) -> None:
    _, changes = window(real / name)
    found = {(str(e.effective), e.code, e.event.split(" ")[0], e.factor_after) for e in between(first, last)}

    assert found == changes
    assert len(changes) == count


@pytest.mark.real
def test_events_lead_from_the_factors_of_2017_to_the_official_list_of_2025(real: Path) -> None:
    """Every change of eight and a half years is known: 225 names, each factor equal."""
    factors, _ = window(real / "window_2017_2018")
    listed = table(real / "official_formats" / "nikkei_225_price_adjustment_factor_jp_20250801.csv")
    official = {r["コード"]: Fraction(r["株価換算係数"]) for r in listed if r["株価換算係数"]}

    assert len(official) == 225
    assert walk(factors, between("2017-01-24", "2025-08-01")) == official


@pytest.mark.real
def test_divisors_agree_with_the_published_ones(real: Path) -> None:
    listed = [(r["date"], r["divisor"]) for r in table(real / "checks" / "published_divisors.csv")]
    for name in ("window_2017_2018", "window_2025"):
        listed += [(r["effective_date"], r["divisor"]) for r in table(real / name / "divisors.csv")]
    # The window of 2025 dates its start one day early: continuity makes both divisors fit that close.
    dated = [(when.replace("2025-07-03", "2025-07-04"), divisor) for when, divisor in listed]
    in_force = [[d.divisor for d in published_divisors() if d.effective <= day(when)][-1] for when, _ in dated]

    assert len(dated) == 17
    assert in_force == [Decimal(divisor) for _, divisor in dated]


@pytest.mark.real
def test_changes_are_those_of_the_public_list(real: Path) -> None:
    """The list ends in 2021-10 and begins again in 2025-09; a second pair of 2015-10-01 is cut off in it."""
    expected = {("2015-10-01", "remove", "8803"), ("2015-10-01", "add", "1808")}
    for row in table(real / "checks" / "changes_2015_2025.csv"):
        for word, column in (("remove", "removed_code"), ("add", "added_code")):
            expected |= {(row["effective_date"], word, code) for code in row[column].split(";") if code}
    expected -= {("2025-09-29", "add", "8729")}  # a spin-off, no entry
    expected |= {("2025-09-30", "remove", "8729")}  # said in its note
    listed = between("2015-01-01", "2021-11-30") + between("2025-08-31", "2025-10-31")
    found = {(str(e.effective), e.event, e.code) for e in listed if e.event in ("add", "remove")}

    assert found == expected
