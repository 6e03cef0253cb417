"""Another future: the past of the market stays to the last bit, everything behind the cut is another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.lookahead.perturb import known_events, perturb, write_perturbed, write_truncated
from indexsim.market import MarketData

AT = np.datetime64("2021-06-16T15:00", "m")
#: Texts without numbers, and what has no date; a later row of them is cut off, not changed.
TEXTS = ("universe", "divisors", "constituents")


def in_memory(market: MarketData, _: Path) -> MarketData:
    return perturb(market, AT, 1)


def on_disk(market: MarketData, folder: Path) -> MarketData:
    return MarketData.open(write_perturbed(market, AT, 1, folder / "m"))


def cut_on_disk(market: MarketData, folder: Path) -> MarketData:
    return MarketData.open(write_truncated(market, AT, folder / "m"))


@pytest.mark.parametrize("other", [in_memory, on_disk, cut_on_disk])
def test_what_was_known_stays(
    other: Callable[[MarketData, Path], MarketData], small_market: MarketData, tmp_path: Path
) -> None:
    then, now = other(small_market, tmp_path).until(AT), small_market.until(AT)

    for name in small_market.folder.files:
        pd.testing.assert_frame_equal(then.table(name), now.table(name), check_exact=True)
    assert then.events == now.events
    assert len(then.bars("halves")) == len(now.bars("halves"))


@pytest.mark.parametrize("other", [in_memory, on_disk])
def test_every_number_that_was_not_known_is_another(
    other: Callable[[MarketData, Path], MarketData], small_market: MarketData, tmp_path: Path
) -> None:
    then = other(small_market, tmp_path)
    for name in set(small_market.folder.files) - {*TEXTS, "factors"}:
        new, old = then.table(name), small_market.table(name)
        columns = [c for c in old if old[c].dtype.kind == "f"]
        late = np.column_stack([small_market.folder.columns.known_times(name, str(c)) > AT for c in columns])
        same = (new[columns].to_numpy() == old[columns].to_numpy()) & late

        assert late.any()
        assert not same.any(), name
        assert new.index.equals(old.index)


def test_the_dollar_of_the_day_changes_and_the_close_of_the_day_does_not(small_market: MarketData) -> None:
    """At 15:00 the Nikkei's close is known; the VI's comes at 15:30 and the dollar's the next morning."""
    then, day = perturb(small_market, AT, 1), pd.Timestamp(AT).normalize()

    assert then.table("n225").loc[day, "close"] == small_market.table("n225").loc[day, "close"]
    for late in ("nikkei_vi", "usdjpy"):
        assert then.table(late).loc[day, "close"] != small_market.table(late).loc[day, "close"]


def test_unknown_events_move_and_none_comes_to_be_known_earlier(small_market: MarketData) -> None:
    then = perturb(small_market, AT, 1)
    late = small_market.folder.event_times > AT

    assert late.any()
    assert then.events != small_market.events
    assert (np.sort(then.folder.event_times)[-late.sum() :] > AT).all()


def test_entries_and_exits_of_a_date_are_known_together(small_market: MarketData) -> None:
    """One late half makes the exchange unknown: neither of its rows is left."""
    frame = small_market.folder.frame("factors")
    moments = small_market.folder.columns.known_times("factors")
    swaps = frame[frame["event"].isin(["add", "remove"])]
    day = swaps["effective_date"].iloc[-1]
    rows = np.flatnonzero((frame["effective_date"] == day) & frame["event"].isin(["add", "remove"]))
    moments[rows[0]] = moments[rows].max() + np.timedelta64(1, "m")
    left = known_events(small_market.folder, moments[rows[0]] - np.timedelta64(1, "m"))

    assert len(rows) >= 2
    assert day not in set(left.loc[left["event"].isin(["add", "remove"]), "effective_date"])


def test_the_same_seed_gives_the_same_future_and_another_one_another(small_market: MarketData) -> None:
    one, again, other = (perturb(small_market, AT, seed).table("n225") for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)
