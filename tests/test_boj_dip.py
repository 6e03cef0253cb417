"""Buying the dips: the signal, every exit, and a planted afternoon effect found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import sessions
from indexsim.market import MarketData
from indexsim.sample import Effects, Sample, write_sample
from strategies.boj_dip import BojDip
from tests.conftest import ROOT


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


def held(exit_: str, sessions_: int = 1, signals: tuple[int, ...] = (2,), half_days: tuple[int, ...] = ()) -> list[str]:
    """Instants at which a position is held, as `3o` (open of bar 3) or `3c`, over ten bars."""
    n = 10
    session, morning, number = [], [], 0
    while len(session) < n + 12:
        number += 1
        if number in half_days:
            session.append(number)
            morning.append(False)
        else:
            session += [number, number]
            morning += [True, False]
    signal = np.zeros(n)
    signal[list(signals)] = 1.0
    params = BojDip.Params(exit=exit_, sessions=sessions_, size=0.5)
    targets = BojDip.decide({"signal": signal, "session": np.array(session), "morning": np.array(morning)}, params)
    instants = [
        (f"{t + 1}{name}", x[t, 0]) for t in range(n) for name, x in (("o", targets.at_open), ("c", targets.at_close))
    ]
    return [name for name, size in instants if size == 0.5]


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


@pytest.mark.parametrize(
    ("changes", "what"),
    [
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
