"""What a tracker trades: hand-made answers, the divisor's own formula, the cap algebra, and the real window of 2025."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.basket import Basket
from indexsim.errors import MissingData, SpecError
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split
from indexsim.flows import Flow, answer, flows
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData

D1, D2, D3 = date(2025, 4, 1), date(2025, 4, 2), date(2025, 4, 3)
ONE = Fraction(1)
GT1 = {"A": 400.0, "B": 500.0, "C": 900.0, "D": 1000.0}


def build(prices: Mapping[str, float], factors: Mapping[str, Fraction], events: Sequence[Event]) -> PriceWeightedIndex:
    """Return an index of four sessions, with the same prices on each: only what is before an event counts here."""
    days = pd.bdate_range("2025-03-31", periods=4)
    closes = pd.DataFrame({code: [price] * 4 for code, price in prices.items()}, index=days, dtype="float64")
    return PriceWeightedIndex.build(closes, Basket(factors, days[0].date()), events, Decimal(5))


def ones(codes: str) -> dict[str, Fraction]:
    return dict.fromkeys(codes, ONE)


def traded(flow: Flow) -> dict[str, tuple[Fraction, Fraction]]:
    return {trade.code: (trade.shares, trade.yen) for trade in flow.trades}


# By hand


def test_a_replacement_by_hand() -> None:
    """GT1 with 7,200 yen: 4 shares each of A, B, C (7,200 / 1,800), then 3 each of B, C, D (7,200 / 2,400)."""
    index = build(GT1, ones("ABC"), [Replace({"D": ONE}, ("A",), effective=D2)])

    [flow] = flows(index, 7_200)

    assert (flow.session, flow.kind, flow.turnover) == (D2, "replacement", Fraction(5, 6))
    assert traded(flow) == {"A": (-4, -1600), "B": (-1, -500), "C": (-1, -900), "D": (3, 3000)}


def test_a_split_by_the_factor_trades_nothing() -> None:
    index = build({"A": 100, "B": 300}, {"A": Fraction(2), "B": ONE}, [Split("A", Fraction(3), effective=D2)])

    [flow] = flows(index, 1_000)

    assert (flow.kind, flow.trades, flow.turnover) == ("split by factor", (), 0)


def test_a_split_by_the_divisor_sells_the_split_name() -> None:
    """A11: 5 x (500 - 2 x 50) / 500 = 4. Held 4 A, 2 B; delivered 8 A; wanted 10 x 2/4 = 5 A, 10 x 1/4 = 2.5 B."""
    split = Split("A", Fraction(2), by="divisor", effective=D2)
    index = build({"A": 100, "B": 300}, {"A": Fraction(2), "B": ONE}, [split])

    [flow] = flows(index, 1_000)

    assert index.ledger.current == 4
    assert (flow.kind, flow.turnover) == ("split by divisor", Fraction(3, 10))
    assert traded(flow) == {"A": (-3, -150), "B": (Fraction(1, 2), 150)}


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    price=st.integers(1, 90_000),
    other=st.integers(1, 900_000),
    factor=st.fractions(Fraction(1, 10), 24, max_denominator=10),
    ratio=st.fractions(Fraction(11, 10), 5, max_denominator=10),
)
def test_a_split_by_the_divisor_is_exactly_the_rule(price: int, other: int, factor: Fraction, ratio: Fraction) -> None:
    """A11: the divisor falls by F (P - P/r) / S, so a holder of S yen has F r shares, is to have F / (1 - that)."""
    split = Split("A", ratio, by="divisor", effective=D2)
    index = build({"A": price, "B": other}, {"A": factor, "B": ONE}, [split])
    total = factor * price + other
    kept = (total - factor * (price - Fraction(price) / ratio)) / total

    [flow] = flows(index, int(total) + 1)
    shares, yen = traded(flow)["A"]

    assert shares == (factor / kept - factor * ratio) * (int(total) + 1) / total
    assert shares < 0
    assert yen == shares * price / ratio


@pytest.mark.parametrize(
    ("weight", "ratio", "total", "after", "sold"),
    [
        ("0.1045", Fraction(9, 10), 0.98955, 9.504, 0.946),
        ("0.114", Fraction(8, 9), None, 10.263, 1.137),
        ("0.127903", Fraction(9, 10), 0.98721, 11.660, 1.130),
    ],
)
def test_the_algebra_of_a_cap_step(
    weight: str, ratio: Fraction, total: float | None, after: float, sold: float
) -> None:
    """GT8 and A19, to the digits printed there: S'/S, the new weight in percent, the trade in percent of the assets."""
    held = Fraction(weight)
    prices = {"A": float(held * 10**6), "B": float((1 - held) * 10**6)}
    index = build(prices, ones("AB"), [CapStep("A", ratio, effective=D2)])

    [flow] = flows(index, 10**12)
    trade = traded(flow)["A"][1] / 10**12

    assert flow.kind == "cap step"
    assert round(100 * float(held + trade), 3) == after
    assert round(-100 * float(trade), 3) == sold
    assert traded(flow)["B"][1] == -traded(flow)["A"][1]
    if total is not None:
        assert round(float(index.ledger.entries[1].after / 5), 5) == total


def test_a_rights_issue_sells_rights_to_pay_for_shares() -> None:
    """400 yen, one for one at 200: 300 ex. 9 A at 400 become 12 at 300; wanted are 9,000 / 900 = 10 A and 10 B."""
    event = ExRights("A", ONE, ONE, Fraction(200), effective=D2)
    index = build({"A": 400, "B": 600}, ones("AB"), [event])

    [flow] = flows(index, 9_000)

    assert flow.kind == "rights issue"
    assert traded(flow) == {"A": (-2, -600), "B": (1, 600)}


def test_a_spin_off_is_delivered_and_its_removal_sells_all_of_it() -> None:
    """A holds 200 of 1,000 yen at a factor of 2 after giving X, worth 150 at a factor of 2, out of its 350."""
    days = pd.bdate_range("2025-03-31", periods=3)
    closes = pd.DataFrame({"A": [350.0, 200.0, 200.0], "B": [300.0] * 3, "X": [float("nan"), 150.0, 150.0]}, days)
    events = [
        SpinOff("X", "A", Fraction(2), effective=D1),
        Replace({}, ("X",), effective=D2),
    ]
    basket = Basket({"A": Fraction(2), "B": ONE}, days[0].date())
    index = PriceWeightedIndex.build(closes, basket, events, Decimal(5))

    entry, removal = flows(index, 1_400)

    assert (entry.kind, entry.trades) == ("spin-off", ())
    # 1,400 yen / (400 + 300 + 300) = 1.4, then / (400 + 300) = 2 a factor.
    assert traded(removal) == {
        "X": (Fraction(-28, 10), -420),
        "A": (Fraction(12, 10), 240),
        "B": (Fraction(6, 10), 180),
    }


def test_shares_are_on_the_basis_after_all_events_of_the_session() -> None:
    """A steps from 8 shares to 5 at 400 yen, then splits 2:1: the 3 that were sold are 6 of 200 yen."""
    events = [CapStep("A", Fraction(1, 2), effective=D2), Split("A", Fraction(2), effective=D2)]
    index = build({"A": 400, "B": 600}, ones("AB"), events)

    step, split = flows(index, 8_000)

    assert traded(step) == {"A": (-6, -1200), "B": (2, 1200)}
    assert split.trades == ()


# Laws


def every_kind() -> list[Event]:
    return [
        Replace({"D": Fraction("0.7")}, ("A", "B"), effective=D2),
        Replace({}, ("C",), effective=D2),
        FactorStep("A", Fraction("0.5"), phase_in=True, effective=D2),
        CapStep("C", Fraction("0.9"), effective=D2),
        Split("B", Fraction(3), effective=D2),
        Split("B", Fraction(3), Fraction("2.9"), effective=D2),
        Split("C", Fraction(11, 10), by="divisor", effective=D2),
        ExRights("A", ONE, Fraction(5), Fraction(90), effective=D2),
        SpinOff("X", "C", Fraction(2), effective=D2),
    ]


@pytest.mark.parametrize("event", every_kind(), ids=str)
def test_the_yen_of_an_event_sum_to_zero(event: Event) -> None:
    [flow] = flows(build({**GT1, "X": 150.0}, ones("ABC"), [event]), 10**12 + 1)

    assert sum(trade.yen for trade in flow.trades) == 0


def test_after_the_trades_a_tracker_holds_factor_over_divisor() -> None:
    """A13: F / D x assets / level, with D exact; here of 10,000 yen, 1,800 -> 2,400 -> 2,300."""
    events = [Replace({"D": ONE}, ("A",), effective=D2), FactorStep("D", Fraction(9, 10), effective=D3)]
    swap, step = flows(build(GT1, ones("ABC"), events), 10_000)

    assert traded(swap)["B"][0] == Fraction(10_000, 2_400) - Fraction(10_000, 1_800)
    assert traded(step)["B"][0] == Fraction(10_000, 2_300) - Fraction(10_000, 2_400)
    assert traded(step)["D"][0] == Fraction(9_000, 2_300) - Fraction(10_000, 2_400)


# Days of volume


def volumes(**columns: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.bdate_range("2025-03-31", periods=4), dtype="float64")


def test_days_of_volume_take_the_median_before_the_event() -> None:
    """Two sessions before 2025-04-02: 300 and 100, median 200; a quarter of it a session: 4 / (200 / 4) = 0.08."""
    index = build(GT1, ones("ABC"), [Replace({"D": ONE}, ("A",), effective=D2)])
    traded_volume = volumes(A=[300, 100, 9999, 9999], B=[0, 0, 5, 5], C=[float("nan"), float("nan"), 5, 5])

    [flow] = flows(index, 7_200, traded_volume, participation=0.25)
    days = {trade.code: (trade.days_of_volume, trade.why) for trade in flow.trades}

    assert days["A"] == (0.08, "")
    assert days["B"] == (None, "no volume of B in the 60 sessions before, or a median of zero")
    assert days["C"] == (None, "no volume of C in the 60 sessions before, or a median of zero")
    assert days["D"] == (None, "the volumes have no column for D")


def test_a_window_of_volume_can_be_set() -> None:
    index = build(GT1, ones("ABC"), [Replace({"D": ONE}, ("A",), effective=D2)])

    [flow] = flows(index, 7_200, volumes(A=[300, 100, 9999, 9999]), sessions=1)

    assert flow.trades[0].days_of_volume == 4 / 100


def test_volumes_before_a_split_are_restated() -> None:
    """3 new shares are sold (as above); 10 old ones a session are 20 new ones."""
    split = Split("A", Fraction(2), by="divisor", effective=D2)
    index = build({"A": 100, "B": 300}, {"A": Fraction(2), "B": ONE}, [split])

    [flow] = flows(index, 1_000, volumes(A=[10, 10, 77, 77], B=[10, 10, 77, 77]))

    assert [trade.days_of_volume for trade in flow.trades] == [3 / 20, 0.5 / 10]


# The answer


def write_market(folder: Path) -> MarketData:
    """Write GT1 as a market folder."""
    folder.mkdir()
    prices = ",".join(f"{price:g}" for price in GT1.values())
    (folder / "closes.csv").write_text(f"date,A,B,C,D\n2025-04-01,{prices}\n2025-04-02,{prices}\n")
    initial = "".join(f"2025-04-01,{code},1,initial\n" for code in "ABC")
    change = "2025-04-02,A,,remove\n2025-04-02,D,1,add\n"
    (folder / "factors.csv").write_text("effective_date,code,factor,event\n" + initial + change)
    (folder / "divisors.csv").write_text("effective_date,divisor\n2025-04-01,3\n")
    return MarketData.open(folder)


def test_the_answer_of_a_folder(tmp_path: Path) -> None:
    found = answer(write_market(tmp_path / "m"), 7_200)
    unknown = {"days_of_volume": None, "why": "the market has no volumes"}

    assert found == {
        "assets": 7_200,
        "volume_sessions": 60,
        "participation": 1.0,
        "events": [
            {
                "effective": "2025-04-02",
                "kind": "replacement",
                "event": "A out, D in (1)",
                "trades": [
                    {"code": "A", "shares": -4.0, "yen": -1600.0, **unknown},
                    {"code": "B", "shares": -1.0, "yen": -500.0, **unknown},
                    {"code": "C", "shares": -1.0, "yen": -900.0, **unknown},
                    {"code": "D", "shares": 3.0, "yen": 3000.0, **unknown},
                ],
                "turnover": 6000 / 7200,
            }
        ],
    }


def test_the_answer_of_a_sample_market_is_json_and_knows_every_day_of_volume(small_market: MarketData) -> None:
    events = answer(small_market, 10**12)["events"]
    kinds = {event["kind"] for event in events}

    assert {"split by factor", "replacement"} <= kinds
    assert json.loads(json.dumps(events, allow_nan=False)) == events
    assert all(abs(sum(t["yen"] for t in event["trades"])) < 1e-3 for event in events)
    assert all(t["days_of_volume"] > 0 for event in events for t in event["trades"])
    assert [e["trades"] for e in events if e["kind"] == "split by factor" and e["trades"]] == []


@pytest.mark.parametrize(
    "wrong", [{"assets": 0}, {"assets": -1}, {"assets": 1, "participation": 0.0}, {"assets": 1, "participation": 1.5}]
)
def test_impossible_parameters_are_refused(wrong: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="above"):
        answer(write_market(tmp_path / "m"), **wrong)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="at least one session"):
        answer(write_market(tmp_path / "n"), 1, sessions=0)


def test_a_market_without_constituents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "n225.csv").write_text("date,close\n2025-04-01,1\n")

    with pytest.raises(MissingData, match="closes"):
        answer(MarketData.open(tmp_path / "m"), 1)


# Real


@pytest.mark.real
def test_the_window_of_2025_trades_what_its_divisors_say(real: Path) -> None:
    """A change of the divisor from D to D' scales every bystander by D / D'; splits and the spin-off trade nothing.

    The divisors are the chain of the rulebook: 29.61653922, 29.59724687 (09-30), 29.69955560 (10-01).
    """
    assets = 10**12
    events = answer(MarketData.open(real / "window_2025"), assets)["events"]
    with (real / "window_2025" / "closes.csv").open(newline="") as file:
        closes = {row["date"]: row for row in csv.DictReader(file)}
    quiet = [event for event in events if event["effective"] < "2025-09-30"]
    removal, swap, step = (event for event in events if event["effective"] >= "2025-09-30")
    yen = {e["event"]: {t["code"]: t["yen"] for t in e["trades"]} for e in (removal, swap, step)}

    assert [(len(event["trades"]), event["turnover"]) for event in quiet] == [(0, 0.0)] * 6
    assert all(abs(sum(trades.values())) < 1e-6 * assets for trades in yen.values())
    # 8729 was worth 1 - 29.59724687 / 29.61653922 of the index at its last close: 651.4 million yen.
    assert yen[removal["event"]]["8729"] == pytest.approx(-assets * (1 - 29.59724687 / 29.61653922), rel=1e-5)
    sony = float(closes["2025-09-29"]["6758"]) * 5 / 29.61653922
    level = 45043.75
    assert yen[removal["event"]]["6758"] == pytest.approx(
        assets * sony / level * (29.61653922 / 29.59724687 - 1), rel=1e-5
    )
    # Citizen (7762) leaves with its whole weight; Sony is scaled by both events of 10-01 together.
    level = 44932.63
    citizen = float(closes["2025-09-30"]["7762"]) / 29.59724687
    assert yen[swap["event"]]["7762"] == pytest.approx(-assets * citizen / level, rel=1e-6)
    sony = float(closes["2025-09-30"]["6758"]) * 5 / 29.59724687
    both = yen[swap["event"]]["6758"] + yen[step["event"]]["6758"]
    assert both == pytest.approx(-assets * sony / level * (1 - 29.59724687 / 29.69955560), rel=1e-5)
