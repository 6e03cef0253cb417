"""Buying the dips: the signals of both modes, every exit, stacking, and a planted afternoon effect found."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.__main__ import main
from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import sessions
from indexsim.errors import MissingData
from indexsim.market import MarketData
from indexsim.sample import Effects, Sample, write_sample
from strategies.boj_dip import ERAS, BojDip, weak
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

SPECS = ROOT / "backtests/specs"
NAN = float("nan")


def market(folder: Path, mornings: dict[str, float], start: str, end: str) -> MarketData:
    """A flat TOPIX of 1,000 whose morning closes differ on the named days."""
    days = sessions.sessions(start, end)
    full = days[~sessions.is_half_day(days)]
    pd.DataFrame({"open": 1000.0, "close": 1000.0}, index=days.rename("date")).to_csv(folder / "topix.csv")
    values = [mornings.get(f"{d:%Y-%m-%d}", 1000.0) for d in full]
    halves = pd.DataFrame({"date": full, "series": "topix", "morning_close": values, "afternoon_open": 1000.0})
    halves.to_csv(folder / "halves.csv", index=False)
    return MarketData.open(folder)


def test_a_signal_is_a_morning_below_the_quantile_of_the_sessions_before(tmp_path: Path) -> None:
    # Sessions 2023-01-04 05 06 10 11 12 13; the window of three is full from the fourth on the morning of 01-11.
    # (The first morning has no close before it.) Past returns 0, -1 %, 0 have a 10 % quantile of -0.8 %.
    mornings = {"2023-01-06": 990.0, "2023-01-11": 991.0, "2023-01-13": 985.0}
    made = market(tmp_path, mornings, "2023-01-04", "2023-01-13")
    params = BojDip.Params(window=3)
    signal = BojDip.features(made, params)["signal"]

    # 01-11: -0.9 % < -0.8 %. 01-13: window 0, -0.9 %, 0 has -0.72 %; -1.5 % lies below.
    bars = made.bars("halves")
    assert [str(d) for d in bars.session[signal == 1.0]] == ["2023-01-11", "2023-01-13"]
    assert (bars.half[signal == 1.0] == 1).all()


def sizes(
    exit_: str,
    sessions_: int = 1,
    signals: tuple[int, ...] = (2,),
    half_days: tuple[int, ...] = (),
    *,
    stack: int = 1,
    counts: float = 1.0,
    rising: tuple[int, ...] = (),
) -> dict[str, float]:
    """Positions by instant, `3o` (open of bar 3) or `3c`, over ten bars, where there is one."""
    n = 10
    session: list[int] = []
    number = 0
    while len(session) < n + 12:
        number += 1
        session += [number] if number in half_days else [number, number]
    signal, since = np.zeros(n), np.full(n, -0.01)
    signal[list(signals)] = counts
    since[list(rising)] = 0.001
    params = BojDip.Params(exit=exit_, sessions=sessions_, size=0.5, stack=stack)
    targets = BojDip.decide({"signal": signal, "since": since, "session": np.array(session)}, params)
    instants = [
        (f"{t + 1}{name}", x[t, 0]) for t in range(n) for name, x in (("o", targets.at_open), ("c", targets.at_close))
    ]
    return {name: size for name, size in instants if size != 0.0}


def held(exit_: str, sessions_: int = 1, signals: tuple[int, ...] = (2,), half_days: tuple[int, ...] = ()) -> list[str]:
    """Instants at which the whole position, one signal, is held."""
    found = sizes(exit_, sessions_, signals, half_days)
    assert set(found.values()) == {0.5}
    return list(found)


def test_exit_at_the_close_of_the_same_afternoon() -> None:
    assert held("close") == ["3o"]


def test_exit_at_the_next_open() -> None:
    assert held("next_open") == ["3o", "3c"]


def test_exit_at_the_next_morning_close() -> None:
    assert held("next_morning") == ["3o", "3c", "4o"]


def test_exit_at_the_close_sessions_later() -> None:
    # Bars 2, 3 are session 2; session 3 ends with bar 5, session 4 with bar 7.
    assert held("sessions", 1) == ["3o", "3c", "4o", "4c", "5o"]
    assert held("sessions", 2) == ["3o", "3c", "4o", "4c", "5o", "5c", "6o", "6c", "7o"]


def test_a_half_day_has_one_bar() -> None:
    # Session 3 is bar 4 alone: its close is the exit, for one session later and for the next morning.
    assert held("sessions", 1, half_days=(3,)) == ["3o", "3c", "4o"]
    assert held("next_morning", half_days=(3,)) == ["3o", "3c", "4o"]


def test_a_signal_while_holding_prolongs() -> None:
    assert held("sessions", 1, signals=(2, 4)) == ["3o", "3c", "4o", "4c", "5o", "5c", "6o", "6c", "7o"]


def test_a_stack_holds_two_signals_while_both_last() -> None:
    # Signals on bars 2 and 4, each to the close of the session after: bars 3 to 5 and 5 to 7.
    found = sizes("sessions", 1, signals=(2, 4), stack=2)

    assert found == {"3o": 0.5, "3c": 0.5, "4o": 0.5, "4c": 0.5, "5o": 1.0, "5c": 0.5, "6o": 0.5, "6c": 0.5, "7o": 0.5}


def test_a_full_stack_takes_no_more_but_lasts_longer() -> None:
    # Three signals on end, two held at most: with the first one gone the third takes its place.
    found = sizes("sessions", 2, signals=(0, 2, 4), stack=2)
    path = [found[f"{b}{i}"] for b in range(1, 10) for i in "oc" if f"{b}{i}" in found]

    # Bar 1 the first (to the close of 5); from 3 two, at 5o three and so two; from 5c the second and third; 7c one.
    assert path == [0.5] * 4 + [1.0] * 9 + [0.5] * 4
    assert [*found][:: len(found) - 1] == ["1o", "9o"]


def test_half_a_signal_buys_half() -> None:
    assert sizes("close", counts=0.4) == {"3o": pytest.approx(0.2)}


def test_exit_once_the_return_has_turned_positive() -> None:
    # The morning of the signal does not count; bar 5 is the first after it to close higher: out at the open of 6.
    found = list(sizes("positive", rising=(2, 5, 7)))

    assert found == ["3o", "3c", "4o", "4c", "5o", "5c"]


def test_exit_on_the_afternoon_of_the_purchase_itself() -> None:
    assert list(sizes("positive", rising=(3,))) == ["3o", "3c"]


def test_a_return_that_never_turns_is_held_to_the_end() -> None:
    assert list(sizes("positive", signals=(8,))) == ["9o", "9c", "10o", "10c"]


def test_the_return_is_since_the_close_of_the_session_before(tmp_path: Path) -> None:
    # Two full sessions, two half days of one bar each (the last of 2008 and the first of 2009), a full one.
    made = market(tmp_path, {"2008-12-29": 990.0, "2009-01-06": 1010.0}, "2008-12-26", "2009-01-06")
    since = BojDip.features(made, BojDip.Params(window=2))["since"]

    np.testing.assert_allclose(since, [NAN, NAN, -0.01, 0.0, 0.0, 0.0, 0.01, 0.0], rtol=0, atol=1e-15)


DAYS = sessions.sessions("2023-01-04", "2023-12-29").to_numpy()


def counted(returns: list[float], **changes: object) -> list[float]:
    params = BojDip.Params(**changes)  # type: ignore[arg-type]
    return weak(np.array(returns), DAYS[: len(returns)].astype("datetime64[D]"), params).tolist()


def test_between_the_trigger_and_the_bound_a_return_counts_for_a_part() -> None:
    # Of 0, -1, -2, -3 % the lowest quarter ends at -2.25 %, the median is -1.5 %.
    past = [0.0, -0.01, -0.02, -0.03]
    changes: dict[str, object] = {"window": 4, "quantile": 0.25, "none_above": 0.5, "between": 0.3}

    assert counted([*past, -0.0226], **changes)[4] == 1.0
    assert counted([*past, -0.0224], **changes)[4] == 0.3
    assert counted([*past, -0.0151], **changes)[4] == 0.3
    assert counted([*past, -0.0149], **changes)[4] == 0.0
    assert counted([*past, -0.0151], **{**changes, "none_above": 0.25})[4] == 0.0
    # A return at the median of the three before is not above it.
    assert counted([-0.01, -0.02, -0.03, -0.02], **{**changes, "window": 3})[3] == 0.3


def test_a_level_is_met_by_a_return_at_or_below_it() -> None:
    level: dict[str, object] = {"trigger": "level", "level": -0.01, "window": 50}

    assert counted([-0.0099, -0.01, -0.02, NAN], **level) == [0.0, 1.0, 1.0, 0.0]


def test_above_the_median_no_level_buys() -> None:
    # Each return below -0.5 %, the last one above the median of the four before, -1.5 %.
    falls = [-0.01, -0.02, -0.03, -0.01, -0.0149]
    level: dict[str, object] = {"trigger": "level", "level": -0.005, "window": 4}

    assert counted(falls, **level) == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert counted(falls, **level, none_above=1.0) == [1.0] * 5


def test_a_return_that_is_unknown_is_no_part_of_a_window() -> None:
    # The window of three is full again after three known returns, whatever lies between.
    assert counted([0.0, NAN, -0.01, 0.0, NAN, -0.02], window=3) == [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def test_the_lines_of_the_eras() -> None:
    """-1 % from the first purchase, -0.5 %, -1 % for a while in 2021, -2 %, none after March 2024 (E3, E1)."""
    days = ["2010-12-14", "2010-12-15", "2013-04-03", "2013-04-04", "2021-02-17", "2021-02-18"]
    days += ["2021-03-31", "2021-04-01", "2024-03-19", "2024-03-20"]
    lines = [None, -0.01, -0.01, -0.005, -0.005, -0.01, -0.01, -0.02, -0.02, None]
    params = BojDip.Params(trigger="era", none_above=1.0)
    for day, line in zip(days, lines, strict=True):
        session = np.array([day, day], dtype="datetime64[D]")
        at = -0.9 if line is None else line

        assert weak(np.array([at, at + 1e-6]), session, params).tolist() == [float(line is not None), 0.0]
    assert [line for _, line in ERAS] == [-0.01, -0.005, -0.01, -0.02, -np.inf]


def followed(folder: Path, bought: dict[str, float], last: str = "2023-01-13") -> MarketData:
    """The flat market with the Bank's file, a row a calendar day, blank where it did not buy."""
    made = market(folder, {}, "2023-01-04", "2023-01-13")
    days = pd.date_range("2023-01-04", last)
    rows = {"date": days, "index_etf": [bought.get(f"{d:%Y-%m-%d}") for d in days]}
    pd.DataFrame(rows).to_csv(folder / "boj_etf_purchases.csv", index=False)
    return MarketData.open(*made.folder.paths)


FOLLOW = BojDip.Params(mode="follow", exit="close")


def test_following_buys_the_afternoon_of_the_session_after_a_purchase(tmp_path: Path) -> None:
    # Thursday 5 -> Friday 6; Friday 6 -> Tuesday 10, over a weekend and a holiday of blank rows; 12 -> 13. 0 is none.
    made = followed(tmp_path, {"2023-01-05": 701.0, "2023-01-06": 701.0, "2023-01-10": 0.0, "2023-01-12": 12.0})
    bars = made.bars("halves")
    targets = BojDip.targets(made, FOLLOW)
    signal = BojDip.features(made, FOLLOW)["signal"]

    # An open wanted on the morning's row is the open of the afternoon.
    rows = targets.at_open[:, 0] == 1.0
    assert [str(d) for d in bars.session[rows]] == ["2023-01-06", "2023-01-10", "2023-01-13"]
    assert (bars.half[rows] == 1).all()
    assert signal.sum() == 3.0
    assert (targets.at_close == 0.0).all()


def test_a_purchase_is_not_known_in_its_own_session(tmp_path: Path) -> None:
    """Published at 19:00: at the close of its day nothing is known of it, an hour of the evening later it is."""
    made = followed(tmp_path, {"2023-01-05": 701.0})

    assert BojDip.features(made.until("2023-01-05T18:59"), FOLLOW)["signal"].sum() == 0.0
    assert BojDip.features(made.until("2023-01-06T11:30"), FOLLOW)["signal"].sum() == 1.0


def test_what_the_market_begins_with_is_no_news(tmp_path: Path) -> None:
    made = followed(tmp_path, {"2023-01-04": 701.0})
    (tmp_path / "earlier").mkdir()
    rows = pd.DataFrame({"date": ["2022-12-28", "2023-01-04"], "index_etf": [701.0, None]})
    rows.to_csv(tmp_path / "earlier" / "boj_etf_purchases.csv", index=False)
    early = MarketData.open(*made.folder.paths, tmp_path / "earlier")

    assert BojDip.features(made, FOLLOW)["signal"].sum() == 1.0
    assert BojDip.features(early, FOLLOW)["signal"].sum() == 0.0


def test_purchases_without_the_column_are_refused(tmp_path: Path) -> None:
    made = market(tmp_path, {}, "2023-01-04", "2023-01-13")
    pd.DataFrame({"date": ["2023-01-04"], "j_reit": [12.0]}).to_csv(tmp_path / "boj_etf_purchases.csv", index=False)

    with pytest.raises(MissingData, match="index_etf"):
        BojDip.features(MarketData.open(*made.folder.paths), FOLLOW)


def test_each_mode_needs_what_it_reads() -> None:
    assert BojDip.needs(BojDip.Params()) == ("topix", "halves")
    assert BojDip.needs(FOLLOW) == ("boj_etf_purchases", "halves")
    assert BojDip.needs(replace(FOLLOW, exit="positive")) == ("boj_etf_purchases", "topix", "halves")


@pytest.mark.parametrize(
    ("params", "strict"),
    [
        (BojDip.Params(window=60, between=0.5, stack=3, size=0.3, exit="positive"), "all"),
        (BojDip.Params(trigger="era", exit="sessions", sessions=4, stack=2, size=0.5), "sample"),
        (BojDip.Params(trigger="level", window=60, none_above=0.3, between=0.5), "sample"),
        (BojDip.Params(mode="follow", exit="positive"), "all"),
    ],
    ids=["positive", "era", "level", "follow"],
)
def test_no_row_looks_ahead(small_market: MarketData, params: BojDip.Params, strict: str) -> None:
    assert np.ptp(BojDip.targets(small_market, params).at_open) > 0
    assert leaks_of(BojDip, params, small_market, strict) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"mode": "lead"}, "mode 'lead' is unknown; one of foresee, follow"),
        ({"trigger": "eras"}, "trigger 'eras'"),
        ({"none_above": 0.0}, "none_above 0 "),
        ({"none_above": 0.05}, "none_above 0.05 lies below quantile 0.1"),
        ({"level": -0.5}, "level -0.5 .* -0.005 is -0.5 %"),
        ({"level": 0.01}, "level 0.01"),
        ({"between": 1.1}, "between 1.1"),
        ({"stack": 0}, "stack 0"),
        ({"quantile": 0.0}, "quantile 0"),
        ({"window": 1}, "window 1"),
        ({"exit": "later"}, "exit 'later'"),
        ({"sessions": 0}, "sessions 0"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        BojDip.Params(**changes)  # type: ignore[arg-type]


def afternoons(folder: Path, effect: float) -> float:
    """Mean gross return of a trade, same-day exit, in basis points."""
    effects = Effects(boj_afternoon_bp=effect)
    write_sample(folder, Sample(start=date(2012, 1, 4), end=date(2016, 12, 30), outsiders=40, effects=effects))
    spec = load_spec(ROOT / "backtests/specs/boj_dip.toml")
    spec = replace(spec, market=(folder,), start=None, end=None, slippage_bps=0.0)
    result = compute(prepare(spec), folder)
    trades = result.round_trips
    invested = (trades["quantity"] * trades["open_price"]).to_numpy()
    assert len(trades) >= 50
    return float((trades["gross"].to_numpy() / invested).mean() * 1e4)


def test_a_planted_afternoon_effect_is_earned_and_only_then(tmp_path: Path) -> None:
    # The Bank buys with probability 0.95 on such days and adds 30 bp to the afternoon: 28.5 bp a trade.
    difference = afternoons(tmp_path / "with", 30.0) - afternoons(tmp_path / "without", 0.0)

    assert difference == pytest.approx(28.5, abs=3.0)


@pytest.mark.real
def test_without_morning_closes_it_exits_2_and_names_the_file(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real series have no morning closes: `boj_dip_daily` is for them."""
    for spec in ("boj_dip", "boj_dip_follow", "boj_dip_era"):
        status = main(["run", str(SPECS / f"{spec}.toml"), "--market", str(real / "series"), "--json", "-"])
        error = json.loads(capsys.readouterr().out)["error"]

        assert status == 2
        assert "halves missing" in error["found"]


@pytest.mark.real
def test_what_the_table_of_the_eras_counts(real: Path) -> None:
    """Purchases by the open of TOPIX, counted from the files by pandas, as data/facts/boj_triggers.csv prints them."""
    topix, bought = (
        pd.read_csv(real / "series" / f"{name}.csv", parse_dates=["date"], index_col="date")
        for name in ("topix", "boj_etf_purchases")
    )
    overnight = topix["open"] / topix["close"].shift() - 1.0
    on = bought["index_etf"].reindex(topix.index).notna()

    def share(first: str, last: str, above: float, upto: float) -> tuple[int, int]:
        chosen = overnight[first:last].between(above, upto, inclusive="right")
        return int((chosen & on[first:last]).sum()), int(chosen.sum())

    assert share("2010-12-15", "2013-04-03", -0.005, -0.002) == (6, 86)
    assert share("2010-12-15", "2013-04-03", -1.0, -0.01) == (39, 54)
    assert share("2013-04-04", "2021-02-17", -0.005, -0.002) == (146, 276)
    assert share("2013-04-04", "2021-02-17", -1.0, -0.01) == (142, 156)
