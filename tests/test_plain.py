"""A plain `backtrader.Strategy` from a user's own file: it runs, reports, and cannot read ahead."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtests.lookahead.guard import LookAheadError
from backtests.prepare import prepare
from backtests.result import Result
from backtests.run import compute
from backtests.run import run as write_run
from backtests.spec import Spec, load_spec
from indexsim.errors import SpecError

pytestmark = pytest.mark.usefixtures("no_sheets")

CROSS = """
import backtrader as bt


class Cross(bt.Strategy):
    '''Hold the fund above its mean of `window` sessions while the VI is low; stop after a loss on its own fills.'''

    instruments = ("etf_1321",)
    needs = ("nikkei_vi",)
    params = (("window", 20), ("low", 25.0), ("size", 100))

    def __init__(self):
        self.fund, self.vi = self.datas
        self.mean = bt.indicators.SMA(self.fund.close, period=self.p.window)

    def next(self):
        wanted = self.p.size if self.fund.close[0] > self.mean[0] and self.vi.close[0] < self.p.low else 0
        if wanted != self.position.size:
            self.order_target_size(self.fund, wanted)
"""


def spec_of(folder: Path, market: Path, code: str, name: str = "Cross", **params: object) -> Spec:
    (folder / "mine.py").write_text(code, "utf-8")
    lines = [f'name = "mine"\nstrategy = "mine.py:{name}"\nmarket = "{market.as_posix()}"\n[params]']
    lines += [f"{key} = {value!r}" for key, value in params.items()]
    (folder / "mine.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return load_spec(folder / "mine.toml")


def run(folder: Path, market: Path, code: str, name: str = "Cross", **params: object) -> Result:
    return compute(prepare(spec_of(folder, market, code, name, **params)), folder)


def test_it_runs_and_reports(tmp_path: Path, small: Path) -> None:
    result, folder = write_run(spec_of(tmp_path, small, CROSS, window=50), tmp_path / "out")

    assert result.facts["params"] == {"window": 50, "low": 25.0, "size": 100}
    assert len(result.round_trips) > 5
    assert set(result.fills["quantity"].abs()) == {100}
    assert "its bars come one by one" in (folder / "index.html").read_text("utf-8")


def test_another_parameter_is_another_run_and_a_wrong_one_is_named(tmp_path: Path, small: Path) -> None:
    first = run(tmp_path, small, CROSS, window=50)
    second = run(tmp_path, small, CROSS, window=100)

    assert first.facts["run_id"] != second.facts["run_id"]
    with pytest.raises(SpecError, match="window"):
        run(tmp_path, small, CROSS, windw=50)


READS = """
import backtrader as bt


class Reads(bt.Strategy):
    '''Read what it must not.'''

    instruments = ("etf_1321",)

    def next(self):
        if {what}:
            self.buy(size=100)


class Orders(bt.Strategy):
    '''Order what cannot be filled here.'''

    instruments = ("etf_1306",)
    needs = ("n225",)

    def next(self):
        if len(self) == 1:
            self.buy(size=7)
            self.buy(size=10, exectype=bt.Order.Limit, price=1.0)
            self.buy(data=self.datas[1], size=1)
        if len(self) == 3:
            self.buy(size=10, exectype=bt.Order.Close)
"""


@pytest.mark.parametrize("what", ["self.data.close[1] > 0", "self.data.close[-1] > 0", "self.data.open(1)"])
def test_it_cannot_read_ahead(tmp_path: Path, small: Path, what: str) -> None:
    with pytest.raises(LookAheadError, match="read"):
        run(tmp_path, small, READS.format(what=what), "Reads")


def test_what_cannot_be_filled_is_rejected_with_its_reason(tmp_path: Path, small: Path) -> None:
    result = run(tmp_path, small, READS.format(what="False"), "Orders")

    assert dict(zip(result.orders["reason"], result.orders["status"], strict=True)) == {
        "only orders at the market and at the close fill here": "rejected",
        "a series cannot be traded": "rejected",
        "not in whole lots of 10": "rejected",
        "": "filled",
    }
    assert result.orders["fill"].iloc[-1] == "on_close"


def test_the_arrays_behind_its_bars_are_out_of_reach(tmp_path: Path, small: Path) -> None:
    with pytest.raises(SpecError, match="'NoneType' object has no attribute 'mark'"):
        run(tmp_path, small, READS.format(what="self.data.p.feed.mark[-1, 0] > 0"), "Reads")


def test_its_errors_are_one_message(tmp_path: Path, small: Path) -> None:
    with pytest.raises(SpecError, match=r"ZeroDivisionError.*mine.py, line \d+, in next"):
        run(tmp_path, small, READS.format(what="1 / 0"), "Reads")


def test_it_must_say_what_it_trades(tmp_path: Path, small: Path) -> None:
    with pytest.raises(SpecError, match="no class attribute instruments"):
        run(tmp_path, small, CROSS.replace('    instruments = ("etf_1321",)\n', ""))


SIZES = """
import backtrader as bt


class Sizes(bt.Strategy):
    '''Hold half of the account in what it trades, then a fifth, then nothing.'''

    instruments = ("{name}",)

    def next(self):
        if len(self) in (5, 10, 15):
            self.order_target_percent(self.data, {{5: 0.5, 10: 0.2, 15: 0.0}}[len(self)])
"""


@pytest.mark.parametrize("name", ["etf_1306", "nikkei_mini"])
def test_a_target_in_percent_buys_what_is_missing_and_sells_what_is_too_much(
    name: str, tmp_path: Path, small: Path
) -> None:
    """Shares of the notional, in whole lots: bought up to half, brought down to a fifth, sold."""
    result = run(tmp_path, small, SIZES.format(name=name), "Sizes")
    held = result.positions[name] / result.equity["net"].reindex(result.positions.index)
    at = [round(float(held.iloc[row]), 2) for row in (5, 10, 15)]

    assert at == [pytest.approx(0.5, abs=0.03), pytest.approx(0.2, abs=0.03), 0.0]
    assert (result.fills["quantity"] > 0).tolist() == [True, False, False]


def test_the_page_says_that_nothing_was_checked(tmp_path: Path, small: Path) -> None:
    _, folder = write_run(spec_of(tmp_path, small, CROSS), tmp_path / "out")
    page = (folder / "index.html").read_text("utf-8")

    assert "not checked" in page
    assert "no leak" not in page
    assert "Whether the strategy looks ahead could not be checked." in page
    assert "NOT CHECKED" in (tmp_path / "out" / "index.html").read_text("utf-8")
