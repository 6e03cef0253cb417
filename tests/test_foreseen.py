"""What known events will do: which names, what weight, what trackers trade, counted from earlier closes."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim import foreseen, sessions
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, Split
from indexsim.flows import flows
from indexsim.foreseen import Standing
from indexsim.market import MarketData
from indexsim.rebuild import rebuild

DAY = date(2023, 1, 18)
HEADER = "effective_date,code,factor,event,announced_date\n2023-01-05,9001,1,initial,\n2023-01-05,9002,2,initial,\n"


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        (Split("9001", Fraction(2), effective=DAY), {"splits", "splits-by-factor"}),
        (Split("9001", Fraction(11, 10), by="divisor", effective=DAY), {"splits", "splits-by-divisor"}),
        (Replace({"9001": Fraction(1)}, effective=DAY), {"additions"}),
        (Replace({}, ("9001",), effective=DAY), {"deletions"}),
        (CapStep("9001", Fraction(1), effective=DAY), {"cap"}),
        (FactorStep("9001", Fraction(1), phase_in=True, effective=DAY), {"phase-in"}),
        (FactorStep("9001", Fraction(1), effective=DAY), {"steps"}),
        (ExRights("9001", Fraction(1), Fraction(2), Fraction(100), effective=DAY), set()),
    ],
)
def test_every_event_has_its_kinds(event: Event, kinds: set[str]) -> None:
    assert {kind for kind in foreseen.KINDS if foreseen.codes_of(event, [kind]) == ("9001",)} == kinds


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="'aditions' is no kind of event; did you mean 'additions'"):
        foreseen.kinds_in("cap,aditions")
    with pytest.raises(ValueError, match="'splits' is no kind of event"):
        foreseen.kinds_in("splits", among=("cap",))


def test_a_decision_falls_on_the_session_before_the_one_that_is_counted_to(tmp_path: Path) -> None:
    # 2023-01-04 05 06 | 10 11: a Saturday announcement counts from the Friday before it.
    days = sessions.sessions("2023-01-04", "2023-01-11")
    pd.DataFrame({"close": 1.0}, index=days.rename("date")).to_csv(tmp_path / "n225.csv")
    bars = MarketData.open(tmp_path).bars("daily")
    asked = [date(2023, 1, 7), date(2023, 1, 6), None, date(2023, 1, 4), date(2023, 2, 1)]

    assert foreseen.decision_rows(bars, asked, 2).tolist() == [3, 3, -1, 1, 5]
    assert foreseen.decision_rows(bars, asked, 0).tolist() == [2, 1, -1, -1, 5]


def test_a_cap_step_sells_what_the_algebra_says() -> None:
    # GT8: a weight of 10.45 % at a ratio of 0.9 sells 0.946 % of the assets.
    standing = Standing({"A": Fraction(1), "B": Fraction(1)}, {"A": 1045.0, "B": 8955.0}, 10_000.0)
    sold = standing.tracker_yen(CapStep("A", Fraction("0.9"), effective=DAY), 1_000_000)

    assert list(sold) == ["A"]
    assert round(sold["A"]) == -9457


def test_a_split_is_traded_only_where_the_divisor_takes_it() -> None:
    # Half of 400 is the one name; 2:1 by divisor leaves 100 of 300: from 50 % of the assets to a third.
    standing = Standing({"A": Fraction(1), "B": Fraction(2)}, {"A": 200.0, "B": 100.0}, 400.0)

    assert standing.tracker_yen(Split("A", Fraction(2), effective=DAY), 600) == {"A": 0.0}
    assert standing.tracker_yen(Split("A", Fraction(2), by="divisor", effective=DAY), 600) == {"A": -100.0}


def test_the_weight_is_the_largest_one_and_an_entrant_has_its_coming_factor() -> None:
    standing = Standing({"A": Fraction(1), "B": Fraction(2)}, {"A": 200.0, "B": 100.0, "C": 30.0}, 400.0)
    event = Replace({"C": Fraction(4)}, ("A",), effective=DAY)

    assert standing.weight(event, ["C"]) == 0.3
    assert standing.weight(event, ["C", "A"]) == 0.5
    assert np.isnan(standing.weight(event, ["A", "D"]))


def test_what_cannot_be_sized_is_not() -> None:
    standing = Standing({"A": Fraction(1), "B": Fraction(2)}, {"A": 200.0, "B": 100.0, "C": np.nan}, 400.0)

    assert standing.tracker_yen(Replace({"C": Fraction(4)}, effective=DAY), 600) == {}
    assert standing.tracker_yen(Replace({}, ("Z",), effective=DAY), 600) == {}
    assert standing.tracker_yen(CapStep("Z", Fraction(1), effective=DAY), 600) == {}


def written(folder: Path) -> MarketData:
    days = sessions.sessions("2023-01-04", "2023-01-13")
    closes = {"9001": [10.0, 11.0, 12.0, 13.0, 14.0, 7.0, 8.0], "9002": [20.0, 21.0, 22.0, None, 24.0, 25.0, 26.0]}
    pd.DataFrame({**closes, "9003": 5.0}, index=days.rename("date")).to_csv(folder / "closes.csv")
    rows = "2023-01-12,9001,2,split 2:1,2023-01-05\n2023-01-13,9003,1,add,2023-01-05\n"
    (folder / "factors.csv").write_text(HEADER + rows, "utf-8")
    return MarketData.open(folder)


def test_a_standing_has_the_basket_and_the_closes_of_its_session(tmp_path: Path) -> None:
    days = np.array(["2023-01-04", "2023-01-06", "2023-01-10", "2023-01-12", "2023-01-13"], dtype="datetime64[D]")
    found = foreseen.standings(written(tmp_path), days)

    # Before the initial basket and without a close of a constituent the sum is unknown.
    assert [found[day].total for day in days.tolist()] == pytest.approx(
        [np.nan, 12 + 2 * 22, np.nan, 2 * 7 + 2 * 25, 2 * 8 + 2 * 26 + 5], nan_ok=True
    )


def test_a_standing_is_the_same_where_nothing_later_is_known(tmp_path: Path) -> None:
    market, day = written(tmp_path), np.array(["2023-01-06"], dtype="datetime64[D]")
    whole, known = (foreseen.standings(m, day)[date(2023, 1, 6)] for m in (market, market.until("2023-01-06T15:00")))

    assert (known.total, known.factors, dict(known.closes)) == (whole.total, whole.factors, dict(whole.closes))


def test_at_the_closes_before_it_an_event_is_what_flows_says(small_market: MarketData) -> None:
    assets = 10**12
    index = rebuild(small_market).index
    found = flows(index, assets)
    alone = [flow for flow in found if sum(other.session == flow.session for other in found) == 1]
    before = [index.closes.index[index.closes.index.get_loc(pd.Timestamp(f.session)) - 1] for f in alone]
    at = foreseen.standings(small_market, np.array(before, dtype="datetime64[D]"))
    assert {flow.kind for flow in alone} >= {"replacement", "split by factor"}

    for flow, day in zip(alone, before, strict=True):
        yen = at[day.date()].tracker_yen(flow.event, assets)
        theirs = {trade.code: float(trade.yen) for trade in flow.trades}
        assert yen == pytest.approx({code: theirs.get(code, 0.0) for code in yen}, rel=1e-9, abs=1e-3)
