"""Values that could be but hardly are: slips, splits nobody recorded, stale rows, odd ticks, missing payments."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from backtests import verbs
from indexsim import gate, sessions
from indexsim.errors import DataError, Finding
from indexsim.gate import suspicions
from indexsim.market import MarketData
from indexsim.schema import FILES

INITIAL = "effective_date,code,factor,event\n2025-09-01,1332,1,initial\n2025-09-01,9983,1,initial\n"
SEPTEMBER = [d.date() for d in sessions.all_sessions() if date(2025, 9, 1) <= d.date() <= date(2025, 9, 30)]


def market(folder: Path, factors: str = INITIAL, **closes: list[float | str]) -> MarketData:
    """Write closes of the first sessions of September 2025; 1332 stays at 1,000 and something."""
    count = max(map(len, closes.values()))
    columns = {"1332": [1000.0 + n for n in range(count)], **{code.removeprefix("c"): p for code, p in closes.items()}}
    rows = [",".join(map(str, (day, *cells))) for day, *cells in zip(SEPTEMBER, *columns.values(), strict=False)]
    (folder / "closes.csv").write_text("\n".join([f"date,{','.join(columns)}", *rows]) + "\n")
    (folder / "factors.csv").write_text(factors)
    return MarketData.open(folder)


def series(folder: Path, name: str, rows: list[str], header: str = "date,open,high,low,close") -> tuple[Finding, ...]:
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    return MarketData.open(folder).folder.findings(name)


def said(findings: tuple[Finding, ...]) -> list[tuple[str, str, str, str]]:
    return [(f.row, f.column, f.rule, f.severity) for f in findings]


# Jumps of a constituent


@pytest.mark.parametrize(
    ("prices", "rule", "severity", "text"),
    [
        ([6000.0, 2010.0, 2020.0], "split-unrecorded", "error", "6000 to 2010: looks like a split 3:1"),
        ([6000.0, 2900.0, 2950.0], "split-unrecorded", "error", "looks like a split 2:1"),
        ([6000.0, 31000.0, 31000.0], "split-unrecorded", "error", "looks like a split 1:5"),
        ([900.0, 9100.0, 9000.0], "split-unrecorded", "error", "looks like a split 1:10"),
        ([6000.0, 4000.0, 4100.0], "split-unrecorded", "error", "looks like a split 3:2"),
        # The limits are widened after days without a trade, so such a move may be true.
        ([6000.0, 8500.0, 8400.0], "price-beyond-limit", "warning", "6000 to 8500: more than the daily limit"),
    ],
)
def test_a_jump_that_no_event_explains(
    tmp_path: Path, prices: list[float | str], rule: str, severity: str, text: str
) -> None:
    found = market(tmp_path, c9983=prices).folder.findings("closes")

    assert said(found) == [("2025-09-02", "9983", rule, severity)]
    assert text in found[0].found
    assert found[0].waivable == (severity == "error")


@pytest.mark.parametrize(
    "prices",
    [
        [1000.0, 700.0, 910.0],  # limit down, limit up: 30 % (G5)
        [100.0, 50.0, 100.0],  # 50 yen, the limit of a stock at 100
        [67.0, 37.0, 7.0],  # a bankrupt airline of January 2010: limit down twice
        [3000.0, "", 1600.0],  # a day without a price in between: two days' limits
    ],
)
def test_a_move_that_the_limits_allow(tmp_path: Path, prices: list[float | str]) -> None:
    assert market(tmp_path, c9983=prices).folder.findings("closes") == ()


@pytest.mark.parametrize(
    ("event", "prices"),
    [
        ("2025-09-02,9983,3,split 3:1", [6000.0, 2010.0, 2020.0]),
        ("2025-09-02,9983,3,split", [6000.0, 2010.0, 2020.0]),
        ("2025-09-02,9983,0.1,split 1:10", [300.0, 2950.0, 2900.0]),
        ("2025-09-02,9983,,split-by-divisor 2:1", [6000.0, 3010.0, 3050.0]),
        # (3000 + 2 x 100) / (1 + 2) = 1,066.67
        ("2025-09-02,9983,,rights 2:1@100", [3000.0, 1070.0, 1080.0]),
        # Nothing was traded on the ex-date itself.
        ("2025-09-02,9983,3,split 3:1", [6000.0, "", 2010.0]),
        # What the parent is worth without its child, nobody wrote down.
        ("2025-09-02,1332x,1,spin-off of 9983", [6000.0, 3000.0, 3050.0]),
    ],
)
def test_what_an_event_says_is_no_jump(tmp_path: Path, event: str, prices: list[float | str]) -> None:
    child = {"c1332x": ["", 2950.0, 2950.0]} if "1332x" in event else {}
    found = market(tmp_path, f"{INITIAL}{event}\n", c9983=prices, **child).folder.findings("closes")

    assert found == ()


@pytest.mark.parametrize(
    ("event", "prices"),
    [
        ("2025-09-02,9983,3,split 3:1", [6000.0, 6010.0, 6050.0]),
        ("2025-09-02,9983,2,split 2:1", [6000.0, 1210.0, 1220.0]),
        ("2025-09-02,9983,0.1,split 1:10", [3000.0, 295.0, 290.0]),
    ],
)
def test_a_split_that_the_price_did_not_follow(tmp_path: Path, event: str, prices: list[float | str]) -> None:
    found = market(tmp_path, f"{INITIAL}{event}\n", c9983=prices).folder.findings("closes")

    assert said(found) == [("2025-09-02", "9983", "split-not-in-price", "error")]
    assert found[0].waivable


def test_a_split_recorded_a_day_late_is_two_findings(tmp_path: Path) -> None:
    event = "2025-09-03,9983,3,split 3:1\n"
    found = market(tmp_path, INITIAL + event, c9983=[6000.0, 2010.0, 2020.0]).folder.findings("closes")

    assert said(found) == [
        ("2025-09-02", "9983", "split-unrecorded", "error"),
        ("2025-09-03", "9983", "split-not-in-price", "error"),
    ]


def test_only_the_days_in_the_basket_count(tmp_path: Path) -> None:
    """8306 is never held; 6098 comes in on the third: its close of the second is needed, that of the first is not."""
    event = "2025-09-03,6098,1,add\n"
    outsider: list[float | str] = [6000.0, 3000.0, "x", 6000.0]
    entering: list[float | str] = ["n/a", "n/a", 3000.0, 3000.0]
    found = market(tmp_path, INITIAL + event, c9983=[5000.0] * 4, c8306=outsider, c6098=entering).folder.findings(
        "closes"
    )

    assert said(found) == [
        ("2025-09-03", "8306", "price-is-a-number", "warning"),
        ("2025-09-01", "6098", "price-is-a-number", "warning"),
        ("2025-09-02", "6098", "price-is-a-number", "error"),
    ]
    assert found[0].found == "'x' is not a number; not in the basket then"


def test_the_rest_of_many_bad_cells_counts_if_one_of_them_is_needed(tmp_path: Path) -> None:
    """Of 9983 the cells of three sessions before it comes in are needed; `LISTED` hides them in the rest."""
    days = [d.date() for d in sessions.all_sessions() if date(2025, 7, 1) <= d.date() <= date(2025, 9, 3)]
    rows = "".join(f"{day},1000,x\n" for day in days)
    (tmp_path / "closes.csv").write_text(f"date,1332,9983\n{rows}")
    first = "effective_date,code,factor,event\n2025-07-01,1332,1,initial\n"
    for event, severity in (("2025-09-03,9983,1,add", "error"), ("2025-10-01,9983,1,add", "warning")):
        (tmp_path / "factors.csv").write_text(f"{first}{event}\n")
        found = [f for f in MarketData.open(tmp_path).folder.findings("closes") if "more rows" in f.found]

        assert [f.severity for f in found] == [severity]


def test_a_run_that_does_not_use_it_is_not_stopped_and_a_waiver_passes(tmp_path: Path) -> None:
    data = market(tmp_path, c9983=[6000.0, 2010.0, 2020.0])
    data.refuse_errors({"closes": (date(2025, 9, 3), date(2025, 9, 30))}, "run")
    data.refuse_errors({"closes": (date.min, date.max)}, "run", ["split-unrecorded"])

    with pytest.raises(DataError, match="split-unrecorded"):
        data.refuse_errors({"closes": (date.min, date.max)}, "run", ["decimal-slip"])


# Slips of the decimal point


@pytest.mark.parametrize("slip", [10, 100, 0.1, 0.01])
def test_a_slip_of_the_decimal_point_that_is_back_the_next_day(tmp_path: Path, slip: float) -> None:
    found = market(tmp_path, c9983=[5000.0, 5100.0 * slip, 4950.0]).folder.findings("closes")

    assert said(found) == [("2025-09-02", "9983", "decimal-slip", "error")]
    assert found[0].found == f"{5100 * slip:g} between 5000 and 4950"
    assert found[0].waivable


def test_a_slip_in_a_series_names_its_column(tmp_path: Path) -> None:
    rows = ["2025-09-01,160.1,160.9,159.0,160.5", "2025-09-02,1600.5,1601,159.9,160.8", "2025-09-03,160,161,159,160"]
    found = series(tmp_path, "usdjpy", rows)

    assert said(found) == [
        ("2025-09-02", "open", "decimal-slip", "error"),
        ("2025-09-02", "high", "decimal-slip", "error"),
    ]


def test_a_doubled_volatility_is_no_slip(tmp_path: Path) -> None:
    """The Nikkei VI closed at 29.18, 70.69 and 50.44 in August 2024."""
    rows = [f"2024-08-0{day},{vi}" for day, vi in ((2, 29.18), (5, 70.69), (6, 50.44))]

    assert series(tmp_path, "nikkei_vi", rows, "date,close") == ()


def test_the_screen_of_blocks_misses_no_row() -> None:
    """Every place of a slip is found, also where one block of rows ends and the next begins."""
    for at in range(1, 199):
        prices = np.full((200, 3), 1000.0)
        prices[at, 1] = 10_000.0
        rows, columns = suspicions.slips(prices)

        assert (rows.tolist(), columns.tolist()) == ([at], [1])


# Stale rows and prices


def test_a_row_that_repeats_the_row_before_is_stale(tmp_path: Path) -> None:
    rows = [
        "2025-09-01,5,7,4,6",
        "2025-09-02,5,7,4,6",
        "2025-09-03,5,7,4,6.1",
        "2025-09-04,5,5,5,5",
        "2025-09-05,5,5,5,5",
    ]

    assert said(series(tmp_path, "n225", rows)) == [("2025-09-02", "", "stale-row", "warning")]


@pytest.mark.parametrize(
    ("count", "found"), [(9, []), (10, [("2025-09-01..2025-09-12", "9983", "stale-price", "warning")])]
)
def test_one_price_over_ten_sessions_is_stale(
    tmp_path: Path, count: int, found: list[tuple[str, str, str, str]]
) -> None:
    prices: list[float | str] = [*[5000.0] * count, *[5010.0 + n for n in range(12 - count)]]

    assert said(market(tmp_path, c9983=prices).folder.findings("closes")) == found


# Ticks


def test_prices_off_the_tick_are_one_warning_a_file(tmp_path: Path) -> None:
    found = market(tmp_path, c9983=[5000.1, 5000.05, 4999.99, 5234.5]).folder.findings("closes")

    assert said(found) == [("2025-09-02..2025-09-03", "", "off-tick", "warning")]
    assert "2 prices are no multiple of 0.1 yen, as 5000.05 of 9983" in found[0].found


def test_every_tenth_of_a_yen_is_on_the_tick() -> None:
    tenths = np.arange(1, 3_000_000)[:, None] / 10

    assert len(suspicions.off_tick(tenths)[0]) == 0


def test_points_have_no_tick(tmp_path: Path) -> None:
    assert series(tmp_path, "n225", ["2025-09-01,42000.11,42000.52,41000.13,41500.77"]) == ()


# Opens, highs and lows


def test_a_high_below_its_low_is_an_error(tmp_path: Path) -> None:
    found = series(tmp_path, "topix", ["2025-09-01,5,4,6,5", "2025-09-02,5,6,4,5"])

    assert said(found) == [("2025-09-01", "high", "high-below-low", "error")]
    assert found[0].waivable


def test_in_a_fund_an_open_or_close_outside_is_an_error(tmp_path: Path) -> None:
    rows = ["2025-09-01,3005,3004,2990,3000", "2025-09-02,3000,3004,2990,2980", "2025-09-03,3000,3004,2990,2991"]

    assert said(series(tmp_path, "etf_1306", rows)) == [
        ("2025-09-01", "open", "open-in-range", "error"),
        ("2025-09-02", "close", "close-in-range", "error"),
    ]


def test_a_fund_that_falls_by_half_looks_split(tmp_path: Path) -> None:
    found = series(tmp_path, "etf_1306", ["2025-09-01,3000", "2025-09-02,301", "2025-09-03,302"], "date,close")

    assert said(found) == [("2025-09-02", "close", "split-unrecorded", "error")]


# Missing payments of a fund


def yearly(first: date, last: date) -> list[str]:
    """Rows of a fund every session between two days, never twice at one price."""
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    return [f"{day},{2000 + n % 50}" for n, day in enumerate(d for d in days if sessions.is_session(d))]


def test_years_without_a_distribution_are_named(tmp_path: Path) -> None:
    (tmp_path / "distributions.csv").write_text("ex_date,code,yen\n2022-07-07,etf_1306,60\n2023-07-06,etf_1306,\n")
    found = series(tmp_path, "etf_1306", yearly(date(2021, 7, 1), date(2024, 7, 31)), "date,close")

    assert said(found) == [("2023-06-25..2024-07-20", "", "missing-distributions", "warning")]
    assert "no distribution in 2023, 2024" in found[0].found


def test_a_fund_without_any_file_of_distributions(tmp_path: Path) -> None:
    found = series(tmp_path, "etf_1306", yearly(date(2022, 1, 4), date(2023, 1, 31)), "date,close")

    assert said(found) == [("2022-06-25..2022-07-20", "", "missing-distributions", "warning")]


def test_nothing_is_due_before_the_day(tmp_path: Path) -> None:
    assert series(tmp_path, "etf_1306", yearly(date(2022, 8, 1), date(2023, 7, 10)), "date,close") == ()


# What must stay silent


def test_every_waivable_rule_is_used_and_no_other(tmp_path: Path) -> None:
    """The rules that may be waived are those whose findings say so."""
    one, other, third = (tmp_path / name for name in "abc")
    for folder in (one, other, third):
        folder.mkdir()
    found = list(market(one, c9983=[6000.0, 2010.0, 20300.0, 2020.0]).folder.findings("closes"))
    found += market(other, f"{INITIAL}2025-09-02,9983,3,split 3:1\n", c9983=[6.0e3, 6.0e3]).folder.findings("closes")
    rows = ["2025-09-01,5,4,6,5", "2025-09-02,7,6,4,5", "2025-09-03,5,6,4,7"]
    found += series(third, "etf_1306", rows)

    assert {f.rule for f in found if f.waivable} == set(gate.WAIVABLE)


def test_the_sample_has_nothing_to_find(small: Path) -> None:
    assert verbs.check(small)["findings"] == []


@pytest.mark.real
def test_the_real_folders_have_no_jumps_slips_or_stale_rows(real: Path) -> None:
    """Splits of 2017 by dozens, those of 2025, a VI that more than doubles: none of it is a suspicion."""
    folders = [real / name for name in ("window_2017_2018", "window_2025", "series")]
    found = [f for folder in folders for f in verbs.check(folder)["findings"]]
    known = {"missing-session", "level-differs", "not-a-session", "close-in-range"}

    assert [(f["file"], f["row"], f["rule"]) for f in found if f["rule"] not in known] == [
        ("etf_1321.csv", "2016-06-25..2025-07-20", "missing-distributions"),
        ("etf_1306.csv", "2005-06-25..2025-07-20", "missing-distributions"),
    ]


@pytest.mark.parametrize("name", ["closes", "opens"])
@pytest.mark.real
def test_real_prices_that_are_spoilt_are_found(real: Path, tmp_path: Path, name: str) -> None:
    """A price ten times too high on a day of 2018: in the closes of a window, or in the same file as opens."""
    text = (real / "window_2017_2018" / "closes.csv").read_text()
    lines = text.splitlines()
    cells = lines[300].split(",")
    cells[40] = str(float(cells[40]) * 10)
    (tmp_path / f"{name}.csv").write_text("\n".join([*lines[:300], ",".join(cells), *lines[301:]]) + "\n")
    _, found = gate.read_table(tmp_path / f"{name}.csv", FILES[name])

    assert [(f.row, f.column) for f in found if f.rule == "decimal-slip"] == [(cells[0], lines[0].split(",")[40])]
