"""Planted histories between two lists: each event on its session or listed with its candidates, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim import facts
from indexsim.basket import Basket
from indexsim.errors import DataError, MissingData, SpecError
from indexsim.events import CapStep, Event, FactorStep, Replace, SpinOff, Split
from indexsim.facts import IndexEvent
from indexsim.history import FactorList, History, infer
from indexsim.history.changes import is_ratio, ratios
from indexsim.history.rows import agreement, to_rows
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.sessions import all_sessions

F = Fraction
N, NAMES = 60, 30
DAYS = [day.date() for day in all_sessions()[all_sessions() >= "2024-02-01"][:N]]
DIVISOR = Decimal("29.61653922")


@dataclass(frozen=True)
class World:
    """Closes, levels, and the lists of the first and last day, of events that are known."""

    closes: pd.DataFrame
    levels: pd.Series
    lists: tuple[FactorList, FactorList]

    def infer(self, divisor: Decimal | None = DIVISOR, source: tuple[IndexEvent, ...] = ()) -> History:
        return infer(self.lists, self.closes, self.levels, divisor, source)


def world(*events: Event, new: tuple[str, int] | None = None, days: list[date] = DAYS, seed: int = 0) -> World:
    """Return a world of 30 names, A00 to A29 in the basket at 1 or 5, X0 to X2 outside, and `new` listed on a row."""
    random = np.random.default_rng(seed)
    codes = [*(f"A{n:02}" for n in range(NAMES)), "X0", "X1", "X2"]
    walk = np.exp(np.cumsum(random.normal(0, 0.01, (len(days), len(codes))), axis=0))
    prices = random.uniform(2_000, 30_000, len(codes)) * walk
    for event in events:
        if isinstance(event, Split):
            prices[days.index(event.effective) :, codes.index(event.code)] /= float(event.ratio)
    closes = pd.DataFrame(np.round(prices, 1), pd.DatetimeIndex(days), codes)
    if new:
        closes[new[0]] = np.where(np.arange(len(days)) >= new[1], np.round(prices[:, 0] / 9, 1), np.nan)
    basket = Basket({code: F(5 if n % 3 == 0 else 1) for n, code in enumerate(codes[:NAMES])}, days[0])
    index = PriceWeightedIndex.build(closes, basket, sorted(events, key=lambda e: e.effective), DIVISOR)
    last = index.regimes[-1].basket.factors
    return World(closes, index.levels(), (FactorList(days[0], basket.factors), FactorList(days[-1], last)))


def told(history: History) -> list[str]:
    return [f"{DAYS.index(p.session)} {p.change} {p.by}" for p in history.placed]


def on(row: int) -> date:
    return DAYS[row]


PLANTED: dict[str, tuple[list[Event], list[str]]] = {
    "nothing": ([], []),
    "a split shows in the closes": ([Split("A01", F(3), effective=on(20))], ["20 A01 split 3:1 (1 to 3) closes"]),
    "a reverse split": ([Split("A03", F(1, 5), effective=on(20))], ["20 A03 split 1:5 (5 to 1) closes"]),
    "a replacement shows in the levels": (
        [Replace({"X0": F(2)}, ("A04",), effective=on(31))],
        ["31 A04 remove (1) levels", "31 X0 add (2) levels"],
    ),
    "a step of the cap": ([CapStep("A00", F(9, 2), effective=on(12))], ["12 A00 step (5 to 4.5) levels"]),
    "a phased entry, completed later": (
        [Replace({"X1": F(1, 2)}, ("A05",), effective=on(10)), FactorStep("X1", F(1), True, effective=on(40))],
        ["10 A05 remove (1) levels", "10 X1 add (0.5) levels", "40 X1 step (0.5 to 1) levels"],
    ),
    "four on one session": (
        [
            Split("A01", F(2), effective=on(33)),
            Replace({"X0": F(1)}, ("A02",), effective=on(33)),
            FactorStep("A07", F(2), effective=on(33)),
        ],
        [
            "33 A01 split 2:1 (1 to 2) closes",
            "33 A02 remove (1) levels",
            "33 A07 step (1 to 2) levels",
            "33 X0 add (1) levels",
        ],
    ),
    "on the first session after the list": (
        [Replace({"X0": F(1)}, ("A02",), effective=on(1))],
        ["1 A02 remove (1) levels", "1 X0 add (1) levels"],
    ),
    "on the day of the second list": ([FactorStep("A00", F(4), effective=on(N - 1))], ["59 A00 step (5 to 4) levels"]),
    "three replacements on three days": (
        [Replace({f"X{n}": F(1)}, (f"A{3 * n + 1:02}",), effective=on(10 + 15 * n)) for n in range(3)],
        [f"{10 + 15 * n} {text} (1) levels" for n in range(3) for text in (f"A{3 * n + 1:02} remove", f"X{n} add")],
    ),
    "an exit without an entry": ([Replace({}, ("A04",), effective=on(7))], ["7 A04 remove (1) levels"]),
    "a split of a name that leaves later": (
        [Split("A04", F(2), effective=on(9)), Replace({"X0": F(1)}, ("A04",), effective=on(30))],
        ["9 A04 split 2:1 (1 to 2) levels", "30 A04 remove (2) levels", "30 X0 add (1) levels"],
    ),
    "a split of a name that came in before": (
        [Replace({"X0": F(1)}, ("A04",), effective=on(9)), Split("X0", F(3), effective=on(30))],
        ["9 A04 remove (1) levels", "9 X0 add (1) levels", "30 X0 split 3:1 (1 to 3) levels"],
    ),
    "a split, and a step of the same name": (
        [Split("A01", F(2), effective=on(9)), FactorStep("A01", F(9, 5), effective=on(30))],
        ["9 A01 split 2:1 (1 to 2) levels", "30 A01 step (2 to 1.8) levels"],
    ),
    "a small split by the factor": ([Split("A01", F(6, 5), effective=on(22))], ["22 A01 split 6:5 (1 to 1.2) levels"]),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_events_are_found_on_their_session(name: str) -> None:
    events, expected = PLANTED[name]
    planted = world(*events)
    history = planted.infer()

    assert (told(history), history.ambiguous, history.misfits) == (expected, (), ())
    rows = to_rows(history, planted.closes, planted.levels)
    assert (rows.exact_days, rows.days, rows.worst) == (N, N, 0.0)


@pytest.mark.parametrize("name", ["a replacement shows in the levels", "four on one session", "a reverse split"])
def test_without_a_divisor_one_is_fitted_and_said(name: str) -> None:
    events, expected = PLANTED[name]
    planted = world(*events)
    history = planted.infer(divisor=None)

    assert (told(history), history.fitted) == (expected, True)
    assert history.divisor is not None
    assert abs(history.divisor - DIVISOR) < Decimal("0.00001")
    assert to_rows(history, planted.closes, planted.levels).exact_days == N


def test_a_company_spun_off_and_gone_again_is_found_and_its_parent_is_not_guessed() -> None:
    events = [SpinOff("NEW", "A00", F(5), effective=on(25)), Replace({}, ("NEW",), effective=on(26))]
    history = world(*events, new=("NEW", 25)).infer()

    assert told(history) == ["25 NEW spin-off (5) levels", "26 NEW remove (5) levels"]
    assert [(a.code, a.what) for a in history.ambiguous] == [("NEW", f"spin-off on {on(25)}")]
    named = IndexEvent(on(25), None, "NEW", "", "spin-off of A00", None, F(5), "H", "a source", "")
    again = world(*events, new=("NEW", 25)).infer(source=(named,))
    assert again.ambiguous == ()
    assert told(again)[0] == "25 NEW spin-off of A00 (5) levels"


def flat(event: Event, rows: range) -> World:
    """Return a world in which no price moves on some sessions: no level tells one of them from another."""
    made = world(event)
    closes = made.closes.copy()
    closes.iloc[rows.start : rows.stop] = closes.iloc[rows.start].to_numpy()
    index = PriceWeightedIndex.build(closes, Basket(made.lists[0].factors, DAYS[0]), [event], DIVISOR)
    return World(closes, index.levels(), made.lists)


def test_sessions_that_no_level_tells_apart_are_candidates_all_of_them() -> None:
    """No price moves from row 20 to 24, so a step acts alike on rows 21 to 25."""
    history = flat(FactorStep("A00", F(4), effective=on(23)), range(20, 25)).infer()

    assert history.placed == ()
    assert [a.candidates for a in history.ambiguous] == [tuple(f"{on(r)} step (5 to 4)" for r in range(21, 26))]
    with pytest.raises(DataError, match="history-is-sure"):
        to_rows(history, pd.DataFrame(), pd.Series(dtype=float))


def test_a_source_places_what_is_open_and_it_is_said() -> None:
    planted = flat(FactorStep("A00", F(4), effective=on(23)), range(20, 25))
    known = IndexEvent(on(23), None, "A00", "", "step cap", F(5), F(4), "H", "a source", "")

    assert told(planted.infer(source=(known,))) == ["23 A00 step (5 to 4) facts"]
    wrong = IndexEvent(on(40), None, "A00", "", "step cap", F(5), F(4), "H", "a source", "")
    assert len(planted.infer(source=(wrong,)).ambiguous) == 1


def test_without_levels_only_clear_splits_are_placed() -> None:
    planted = world(Split("A01", F(3), effective=on(20)), Replace({"X0": F(1)}, ("A02",), effective=on(30)))
    history = infer(planted.lists, planted.closes, planted.levels * np.nan, DIVISOR)

    assert told(history) == ["20 A01 split 3:1 (1 to 3) closes"]
    assert [a.code for a in history.ambiguous] == ["A02", "X0"]
    assert f"{on(1)} to {on(59)}" in history.ambiguous[0].candidates[0]


def test_a_wrong_level_is_named_and_stops_nothing() -> None:
    planted = world(Replace({"X0": F(1)}, ("A02",), effective=on(30)))
    planted.levels.iloc[15] += 0.04
    history = planted.infer()

    assert history.misfits == (on(15),)
    assert told(history) == PLANTED_REPLACED


PLANTED_REPLACED = ["30 A02 remove (1) levels", "30 X0 add (1) levels"]


def test_a_session_without_a_level_is_bridged() -> None:
    planted = world(Replace({"X0": F(1)}, ("A02",), effective=on(30)))
    planted.levels.iloc[15] = np.nan

    assert told(planted.infer()) == PLANTED_REPLACED


def test_levels_of_another_index_are_not_explained() -> None:
    planted = world(Replace({"X0": F(1)}, ("A02",), effective=on(30)))
    planted.levels.iloc[20:] *= 1.003
    history = planted.infer()

    assert history.placed == ()
    assert {a.code for a in history.ambiguous} == {"A02", "X0"}
    assert "no history that was tried fits" in history.ambiguous[0].why


def test_a_list_in_between_is_passed_through() -> None:
    events = [Replace({"X0": F(1)}, ("A02",), effective=on(10)), Replace({"A02": F(1)}, ("X0",), effective=on(40))]
    planted = world(*events)
    between = FactorList(on(20), {**{c: f for c, f in planted.lists[0].factors.items() if c != "A02"}, "X0": F(1)})
    history = infer([*planted.lists, between], planted.closes, planted.levels, DIVISOR)

    assert [DAYS.index(p.session) for p in history.placed] == [10, 10, 40, 40]
    assert planted.infer().ambiguous == ()  # with the two outer lists alone nothing is to be explained ...
    assert planted.infer().misfits != ()  # ... and the levels do not fit


def test_lists_and_closes_that_cannot_be_used_are_refused() -> None:
    planted = world()
    first, last = planted.lists
    with pytest.raises(SpecError, match="two lists"):
        infer([first], planted.closes, planted.levels)
    with pytest.raises(SpecError, match="two lists"):
        infer([first, FactorList(first.day, last.factors)], planted.closes, planted.levels)
    with pytest.raises(MissingData, match="ZZZZ"):
        infer([first, FactorList(last.day, {"ZZZZ": F(1)})], planted.closes, planted.levels)
    with pytest.raises(MissingData, match="no session up to its day"):
        infer([FactorList(date(2020, 1, 6), first.factors), last], planted.closes, planted.levels)


def test_ratios_of_cut_factors_are_found_and_steps_are_none() -> None:
    """A presumed par of 500/3 is a factor of 0.3: 1.5 x 1/5; 2.5 / 3 = 0.833 is cut to 0.8 (A7)."""
    assert ratios(F(3, 2), F(3, 10)) == (F(1, 5),)
    assert ratios(F(5, 2), F(4, 5)) == (F(1, 3),)
    assert ratios(F(27, 10), F(12, 5)) == ()
    assert not is_ratio(F(1))


def test_what_the_facts_have_is_set_beside_what_was_found() -> None:
    history = world(Split("A01", F(3), effective=on(20)), FactorStep("A00", F(4), effective=on(30))).infer()
    known = [
        IndexEvent(on(20), None, "A01", "", "split 3:1", F(1), F(3), "H", "s", ""),
        IndexEvent(on(30), None, "A00", "", "step cap", F(5), F(3), "H", "s", ""),
        IndexEvent(on(31), None, "A05", "", "remove", F(1), None, "H", "s", ""),
    ]

    assert [(r["code"], r["found"] is not None, r["agree"]) for r in agreement(history, known, on(59))] == [
        ("A01", True, True),
        ("A00", True, False),
        ("A05", False, False),
    ]


def test_histories_of_the_sample_are_found_between_any_two_days(small: Path) -> None:
    """Reviews, splits, a phased entry and a cap step of the synthetic market, over a year each."""
    market = MarketData.open(small)
    basket, events = market.folder.events
    closes, levels = market.table("closes"), market.table("n225")["close"]
    found, missed = [], []
    for first, last in ((date(2019, 1, 4), date(2020, 1, 6)), (date(2021, 6, 1), date(2022, 12, 30))):
        lists = [FactorList(day, _held(basket, events, day)) for day in (first, last)]
        history = infer(lists, closes, levels)
        placed = {(p.session, p.change.code) for p in history.placed}
        open_ = {a.code for a in history.ambiguous}
        for day, code in _changed(events, first, last):
            (found if (day, code) in placed else missed).append((day, code))
            assert (day, code) in placed or code in open_
        assert len(placed) == len(placed & set(_changed(events, first, last)))

    assert len(found) > 12
    assert len(missed) <= len(found) / 5


def _held(basket: Basket, events: tuple[Event, ...], day: date) -> dict[str, Fraction]:
    for event in events:
        if event.effective <= day:
            basket = basket.apply(event)
    return dict(basket.factors)


def _changed(events: tuple[Event, ...], first: date, last: date) -> list[tuple[date, str]]:
    inside = [e for e in events if first < e.effective <= last]
    return [
        (e.effective, c) for e in inside for c in ((*e.leaving, *e.entering) if isinstance(e, Replace) else (e.code,))
    ]


@pytest.mark.real
@pytest.mark.parametrize(
    ("window", "first", "last", "misfits"),
    [
        ("window_2025", "2025-07-03", "2025-10-31", []),
        ("window_2017_2018", "2017-01-24", "2018-11-16", ["2018-02-06", "2018-03-05"]),
    ],
)
def test_every_real_event_is_found_between_two_lists(
    real: Path, window: str, first: str, last: str, misfits: list[str]
) -> None:
    market = MarketData.open(real / window)
    basket, events = market.folder.events
    days = [date.fromisoformat(day) for day in (first, last)]
    closes, levels = market.table("closes"), market.table("index")["close"]
    divisor = Decimal(market.table("divisors")["divisor"].iloc[0])
    history = infer(
        [FactorList(d, _held(basket, events, d)) for d in days], closes, levels, divisor, facts.index_events()
    )
    rows = to_rows(history, closes, levels)

    assert {(p.session, p.change.code) for p in history.placed} == set(_changed(events, *days))
    assert [day.isoformat() for day in history.misfits] == misfits
    assert rows.days - rows.exact_days == len(misfits)
