"""The yardstick: one order, held to the end, and nothing but it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtests.__main__ import main
from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import Spec, load_spec
from indexsim.market import MarketData
from strategies.hold import Hold
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

SPEC = ROOT / "backtests/specs/hold.toml"


def test_every_row_wants_the_same_share(small_market: MarketData) -> None:
    targets = Hold.targets(small_market, Hold.Params(instrument="topix_mini", share=-0.5))

    assert targets.instruments == ("topix_mini",)
    assert targets.at_open.tolist() == [[-0.5]] * len(small_market.bars("daily"))
    assert np.isnan(targets.at_close).all()


@pytest.mark.parametrize("share", [0.0, float("nan"), float("inf")])
def test_a_share_that_holds_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        Hold.Params(share=share)


def test_it_needs_nothing_but_the_prices_of_its_instrument(tmp_path: Path) -> None:
    """Two days of a fund, rising from 100 to 110: a tenth less what kept back and costs take."""
    days = ("2024-01-04", "2024-01-05", "2024-01-09", "2024-01-10")
    for name in ("n225", "etf_1321"):
        rows = [f"{day},{price},{price},{price},{price}" for day, price in zip(days, (100, 100, 100, 110), strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["date,open,high,low,close", *rows]) + "\n")
    spec = Spec("hold", "strategies.hold:Hold", (tmp_path,), cash=100_000, slippage_bps=0.0, reserve=0.0)
    result = compute(prepare(spec), tmp_path)

    # Decided at 100 on 01-05: 1,000 shares want 100,000 yen, and the fee of 5 bp more: the one order is rejected ...
    assert [o.status for o in result.orders.itertuples()] == ["rejected"]

    kept = compute(prepare(replace(spec, reserve=0.02)), tmp_path)

    # ... and with 2 % kept back 980 are bought at 100 for a fee of 49 yen: 100,000 - 49 + 980 x 10 at the end.
    assert kept.fills["quantity"].tolist() == [980]
    assert kept.equity["net"].iloc[-1] == 109_751.0
    assert any("distributions: none for etf_1321" in text for text in kept.facts["data"]["missing"])


@pytest.mark.parametrize("instrument", ["etf_1321", "etf_1306", "nikkei_mini", "topix_mini"])
def test_nikkei_and_topix_are_held_with_one_order(instrument: str, small: Path) -> None:
    spec = replace(load_spec(SPEC), market=(small,), start=None, end=None, params={"instrument": instrument})
    result = compute(prepare(spec), small)

    assert len(result.orders) == 1
    assert result.facts["lookahead"]["leaks"] == []
    assert result.facts["rejected"] == []


def test_a_future_on_the_bare_index_gives_its_price_return(small: Path) -> None:
    spec = load_spec(SPEC)
    spec = replace(spec, market=(small,), futures="index", cash=10_000_000_000, slippage_bps=0.0)
    result = compute(prepare(replace(spec, params={"instrument": "nikkei_micro"})), small)
    after = slice(2, 40)  # bought at the open of the second session; before the share has drifted far
    held, index = (result.returns[side].iloc[after] for side in ("net", "benchmark_price"))

    np.testing.assert_allclose(held, index, atol=2e-3)
    assert np.corrcoef(held, index)[0, 1] > 0.999


def test_it_does_not_look_ahead(small_market: MarketData) -> None:
    assert leaks_of(Hold, Hold.Params(), small_market, "all") == []


@pytest.mark.real
@pytest.mark.parametrize("instrument", ["etf_1321", "topix_mini"])
def test_it_runs_on_the_real_series(
    instrument: str, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--market", str(real / "series"), "--set", f"instrument={instrument}", "--from", "2021-01-04"]
    status = main(["run", str(SPEC), *arguments, "--out", str(tmp_path), "--json", "-"])
    answer = json.loads(capsys.readouterr().out)

    assert status == 0
    assert answer["lookahead"]["leaks"] == []
    # 27,444.17 at the close of 2020 to 52,411.34 on 2025-10-31 is +91 %, TOPIX 1,804.68 to 3,331.83 is +85 %.
    assert 0.7 < answer["net"]["total_return"] < 1.2
