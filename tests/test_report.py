"""The page of a run: numbers equal to their JSON twin, pictures from honest inputs, equal bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests import metrics
from backtests.prepare import prepare
from backtests.report import canvas, document, report_folder, write_gallery, write_run
from backtests.report import sheets as drawing
from backtests.report.frames import MAX_UNKNOWN, adapt
from backtests.report.page import Numbers, render, templates
from backtests.result import Result
from backtests.run import compute
from indexsim.errors import LedgerError
from tests.conftest import ROOT
from tests.page_reader import Marked as _Marked
from tests.page_reader import agree as _agree
from tests.test_run import spec_of

CASH, SESSIONS = 100_000_000.0, 300
MULTIPLIER = {"nikkei": 1_000, "topix": 10_000}
ALERT = "<script>alert(1)</script>"


def _days(n: int) -> pd.DatetimeIndex:
    """Return the starting day and `n` sessions with holidays between them."""
    days = pd.bdate_range("2018-12-14", periods=2 * n + 20)
    return pd.DatetimeIndex(days[np.arange(len(days)) % 23 != 9][: n + 1], name="session")


def _facts(**changed: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "run_id": "a1b2c3", "name": "pair", "strategy": "strategies.pair:Pair", "doc": "Long one,\nshort the other.",
        "params": {"window": 60, "entry": 2.5, "gate": "vi"}, "command": "python -m backtests run pair.toml",
        "version": "1.0", "commit": "abc", "code": "def",
        "data": {"fingerprint": "f00", "from": "2019-01-07", "to": "2020-03-31", "synthetic": False, "missing": []},
        "sessions_per_year": 245.0, "cash": int(CASH), "clock": "daily", "execution": ["Fills at the close."],
        "instruments": [{"name": n, "kind": "future", "multiplier": m, "lot": 1} for n, m in MULTIPLIER.items()],
        "costs": {"fees": 0.0}, "income": {"distributions": 0.0}, "index": None, "rejected": [],
        "lookahead": {"rows": 300, "rows_checked": 64, "leaks": [], "blind_spots": ["hindsight"]},
        "findings": [], "waived": [], "claim": "The pair reverts.", "expects": "sharpe > 0",
    }  # fmt: skip
    return facts | changed


def _regimes(sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Return a VI that climbs from 10 to 40, and a split every fiftieth session."""
    rows = np.arange(len(sessions))
    return pd.DataFrame(
        {
            "vi": np.linspace(10, 40, len(sessions)),
            "boj_era": "6 trillion a year",
            "event": np.where(rows % 50 == 20, "split", ""),
        },
        index=sessions,
    )


def _result(n: int = SESSIONS, trade: bool = True, **changed: Any) -> Result:
    """Return a futures pair held from session 10k + 2 to 10k + 7, long and short in turn."""
    days, rng = _days(n), np.random.default_rng(3)
    sessions = days[1:]
    price = {
        "nikkei": np.round(20_000 * np.cumprod(1 + rng.normal(0, 0.01, n)) / 5) * 5,
        "topix": np.round(1_500 * np.cumprod(1 + rng.normal(0, 0.01, n)) * 2) / 2,
    }
    side = np.where(np.arange(n) // 10 % 2 == 0, 2, -2) * ((np.arange(n) % 10 >= 2) & (np.arange(n) % 10 < 7)) * trade
    fills, trips, profit, paid, held = [], [], np.zeros(n), np.zeros(n), {}
    for sign, (name, multiplier) in zip((1, -1), MULTIPLIER.items(), strict=True):
        lots = side * sign
        held[name] = lots * price[name] * multiplier
        profit[1:] += lots[:-1] * np.diff(price[name]) * multiplier
        for t in np.flatnonzero(np.diff(lots, prepend=0)):
            quantity = int(lots[t] - (lots[t - 1] if t else 0))
            paid[t] += 400.0
            fills.append((sessions[t] + pd.Timedelta("15h"), sessions[t], name, quantity, price[name][t], multiplier))
        for t in np.flatnonzero(np.diff(lots, prepend=0) * (lots != 0)):
            if (end := t + 5) < n:
                gross = lots[t] * multiplier * (price[name][end] - price[name][t])
                times = [sessions[k] + pd.Timedelta("15h") for k in (t, end)]
                prices = (price[name][t], price[name][end])
                trips.append((name, *times, int(lots[t]), *prices, gross, 800.0, gross - 800.0))
    gross, net = CASH + np.cumsum(profit), CASH + np.cumsum(profit - paid)
    equity = pd.DataFrame({"net": [CASH, *net], "gross": [CASH, *gross]}, index=days)
    returns = equity.pct_change().iloc[1:]
    returns["benchmark_price"] = pd.Series(price["nikkei"], sessions).pct_change()
    returns["benchmark_total"] = np.nan
    positions = pd.DataFrame(held, index=sessions)
    positions["cash"] = net - positions.sum(axis=1)
    columns = ["time", "session", "instrument", "quantity", "price", "multiplier"]
    frame = pd.DataFrame(sorted(fills), columns=columns)
    frame["reference"], frame["fee"], frame["slippage"], frame["why"] = frame["price"], 400.0, 0.0, ""
    frame["notional"] = frame["quantity"] * frame["price"] * frame["multiplier"]
    keys = ["instrument", "opened", "closed", "quantity", "open_price", "close_price", "gross", "fees", "net"]
    orders = pd.DataFrame(
        [(sessions[0] + pd.Timedelta("15h"), "nikkei", 90, "open", "rejected", "margin")],
        columns=["decided", "instrument", "quantity", "fill", "status", "reason"],
    )
    facts = _facts(**{"costs": {"fees": float(paid.sum())}, "rejected": [{"reason": "margin", "n": 1}]} | changed)
    return Result(
        facts, "[run]\n", equity, returns, positions, frame, orders, pd.DataFrame(trips, columns=keys),
        pd.DataFrame({"time": frame["time"], "instrument": frame["instrument"], "kind": "fee", "yen": -400.0}),
        _regimes(sessions),
    )  # fmt: skip


@pytest.fixture(scope="module")
def result() -> Result:
    return _result()


@pytest.fixture(scope="module")
def folder(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "pair"
    folder.mkdir()
    result.write(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_run(result, folder)
    return folder


def _words(page: str) -> str:
    return re.sub(r"<[^>]*>", "", page)


def _page(result: Result) -> str:
    return render(json.loads(json.dumps(document(result), allow_nan=False)), {})


def test_positions_given_to_pyfolio_sum_to_the_account(result: Result) -> None:
    inputs = adapt(result)

    np.testing.assert_allclose(inputs.positions.sum(axis=1), result.equity["net"], rtol=0, atol=0.005)
    assert list(inputs.positions.columns) == ["nikkei", "topix", "cash"]
    assert str(inputs.positions.index.tz) == "UTC"


@pytest.mark.parametrize("yen", [0.02, np.nan])
def test_positions_that_do_not_sum_are_refused(result: Result, yen: float) -> None:
    wrong = result.positions.copy()
    wrong.iloc[17, 0] += yen

    with pytest.raises(LedgerError, match=str(wrong.index[17].date())):
        adapt(replace(result, positions=wrong))


def test_inputs_start_the_day_before_so_that_a_first_loss_counts(result: Result) -> None:
    returns = adapt(result).returns

    assert returns.iloc[0] == 0.0
    assert returns.index[0] == result.equity.index[0].tz_localize("UTC")
    assert len(returns) == SESSIONS + 1


def test_transactions_are_one_row_per_fill_with_the_multiplier(result: Result) -> None:
    transactions = adapt(result).transactions
    money = (transactions["amount"] * transactions["price"]).to_numpy()

    np.testing.assert_allclose(money, result.fills["notional"])
    assert (transactions.index.normalize().tz_localize(None) == result.fills["session"]).all()


def test_round_trips_of_pyfolio_are_after_fees(result: Result) -> None:
    from pyfolio.round_trips import extract_round_trips

    fills = result.fills.assign(fee=12_345.0)
    scaled = drawing._in_units(adapt(replace(result, fills=fills)).transactions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trips = extract_round_trips(scaled)

    assert trips["pnl"].sum() == pytest.approx(-fills["notional"].sum() - 12_345.0 * len(fills))


def test_fill_before_nine_stays_in_its_session(result: Result) -> None:
    early = result.fills.copy()
    early.loc[0, "time"] = early.loc[0, "session"] + pd.Timedelta("8h45min")

    assert adapt(replace(result, fills=early)).transactions.index[0].tz_localize(None) == early.loc[0, "session"]


def test_benchmark_with_too_many_unknown_sessions_is_not_drawn(result: Result) -> None:
    returns = result.returns.copy()
    returns.iloc[: int(MAX_UNKNOWN * SESSIONS) + 1, 2] = np.nan
    inputs = adapt(replace(result, returns=returns))

    assert inputs.benchmark is None
    assert "unknown on 16 of 300 sessions" in inputs.notes[0]
    assert adapt(result).benchmark is not None


def test_a_benchmark_of_other_sessions_has_no_figure_beside_the_run(result: Result) -> None:
    returns = result.returns.copy()
    returns.loc[returns.index[0], "benchmark_price"] = np.nan
    found = document(replace(result, returns=returns))["benchmark_price"]

    assert found == {"why": f"known on {SESSIONS - 1} of {SESSIONS} sessions", "unknown_sessions": 1}


def test_names_that_cannot_be_drawn_get_a_number(result: Result) -> None:
    names = {"nikkei": "日経225", "topix": "$x_"}
    renamed = replace(
        result,
        positions=result.positions.rename(columns=names),
        fills=result.fills.assign(instrument=result.fills["instrument"].map(names)),
    )
    inputs = adapt(renamed)

    assert list(inputs.positions.columns) == ["instrument 1", "instrument 2", "cash"]
    assert set(inputs.transactions["symbol"]) == {"instrument 1", "instrument 2"}


def test_every_number_of_the_page_is_the_json_number(folder: Path) -> None:
    page, values = (folder / "index.html").read_text("utf-8"), json.loads((folder / "report.json").read_text("utf-8"))

    assert _agree(page, values) > 500
    loose = " ".join(_Marked(page).outside)
    assert re.findall(r"\d+\.\d+|\d{1,3}(?:,\d{3})+|\d{4}-\d\d-\d\d", loose) == []


def test_the_document_holds_the_numbers_of_the_run(result: Result, folder: Path) -> None:
    values = json.loads((folder / "report.json").read_text("utf-8"))

    assert values["net"]["end"] == result.equity["net"].iloc[-1]
    assert values["net"]["total_return"] == pytest.approx(result.equity["net"].iloc[-1] / CASH - 1)
    assert values["net"]["sharpe"] == metrics.sharpe(result.returns["net"], 245.0)
    assert values["net"]["n_trades"] == 60
    assert values["costs_total"] == 120 * 400.0
    assert values["trip_groups"][0]["net"] == pytest.approx(result.equity["net"].iloc[-1] - CASH)
    assert values["drawdowns"][0]["depth"] == pytest.approx(values["net"]["max_drawdown"])
    assert min(values["curves"]["drawdown"]) == values["drawdowns"][0]["depth"]
    assert values["benchmark_total"]["why"]
    assert [sheet["name"] for sheet in values["sheets"] if sheet["drawn"]] == [
        "returns", "stress", "positions", "transactions", "round_trips",
    ]  # fmt: skip


def test_drawdown_table_agrees_with_pyfolio(result: Result) -> None:
    from pyfolio.timeseries import gen_drawdown_table

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = gen_drawdown_table(adapt(result).returns, top=3)
    ours = metrics.drawdowns(result.equity["net"], top=3)

    np.testing.assert_allclose([-100 * fall.depth for fall in ours], theirs["Net drawdown in %"].astype(float))
    assert [fall.peak for fall in ours] == list(theirs["Peak date"])
    assert [fall.valley for fall in ours] == list(theirs["Valley date"])


def test_page_loads_nothing(folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")
    marked = _Marked(page)

    assert not [link for link in marked.loads if re.match(r"(?!data:image/png;base64,)[a-z]*:|//", link)]
    assert not re.search(r"@import|url\(|https?://", page)
    assert not {"iframe", "object", "link", "form"} & set(marked.tags)
    assert all((folder / link).exists() for link in marked.loads if not link.startswith(("data:", "#")))
    assert len(page.encode()) < 3_000_000


def test_only_the_script_that_sorts_may_run(folder: Path) -> None:
    for name in ("index.html", "changes.html"):
        page = (folder / name).read_text("utf-8")
        [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

        assert f"script-src 'sha256-{digest}'\"" in page


def test_page_written_again_from_its_folder_has_equal_bytes(folder: Path, tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    np.random.seed(99)  # noqa: NPY002 - the state of the caller must not matter, nor change
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    report_folder(folder)

    assert {name: (folder / name).read_bytes() for name in first} == first
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_pictures_are_png_without_date_or_program(folder: Path) -> None:
    encoded = re.findall(r"data:image/png;base64,([^\"]+)", (folder / "index.html").read_text("utf-8"))
    for text in encoded:
        png = base64.b64decode(text)

        assert png.startswith(b"\x89PNG")
        assert b"tEXt" not in png
    assert len(encoded) == 5


def test_rolling_beta_agrees_with_pyfolio(result: Result) -> None:
    from pyfolio.timeseries import rolling_beta

    inputs = adapt(result)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = rolling_beta(inputs.returns, inputs.benchmark, 126).dropna()
    ours = canvas.rolling_beta(inputs.returns, inputs.benchmark, 126).reindex(theirs.index)  # type: ignore[arg-type]

    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


def test_months_and_years_of_the_sheet_are_those_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(canvas, "png", lambda figure: kept.append(figure) or b"drawn")
    shown = _result(30)
    index = pd.DatetimeIndex(["2020-12-30", *pd.bdate_range("2021-11-22", periods=30)])
    moved = {name: getattr(shown, name).set_axis(index[1:]) for name in ("returns", "positions")}
    with canvas.surroundings():
        drawing._returns(adapt(replace(shown, equity=shown.equity.set_axis(index), **moved)), 245.0)
    panels = {panel.get_title(): panel for panel in kept[0].axes}
    heat, years = panels["Monthly returns (%)"], panels["Annual returns"]

    # 22 November to 31 December: the starting day of the year before is no year of the run.
    assert [text.get_text() for text in heat.get_yticklabels()] == ["2021"]
    assert [text.get_text() for text in heat.get_xticklabels()] == ["Nov", "Dec"]
    assert [text.get_text() for text in years.get_yticklabels()] == ["2021"]


def test_a_month_outside_of_the_run_has_no_return() -> None:
    from pyfolio import plotting

    days = pd.DatetimeIndex(["2020-12-30", "2021-02-01", "2021-03-01", "2022-03-01"])
    with canvas.surroundings():
        panel = plotting.plot_monthly_returns_heatmap(pd.Series([0.0, 0.0, 0.01, 0.02], days))

    # February and March of two years, of which February 2022 is unknown and February 2021 stood still.
    assert [text.get_text() for text in panel.texts if text.get_visible()] == ["0", "1", "2"]


def test_panels_share_their_dates_on_a_calendar_without_holidays() -> None:
    from matplotlib.dates import date2num
    from pyfolio import tears

    days = pd.bdate_range("2019-01-04", periods=60, tz="UTC")
    positions = pd.DataFrame({"a": 1.0, "b": -1.0, "cash": 10.0}, index=days)
    with canvas.surroundings():
        figure = tears.create_position_tear_sheet(
            pd.Series(0.01, index=days), positions, estimate_intraday=False, return_fig=True, set_context=False
        )
    curves = [line.get_xdata() for panel in figure.axes for line in panel.lines if len(line.get_xdata()) == len(days)]

    assert len(curves) >= 6
    assert {float(date2num(x[0])) for x in curves} == {float(date2num(days[0]))}


def test_what_comes_from_outside_is_escaped(result: Result, tmp_path: Path) -> None:
    facts = _facts(
        name=ALERT, doc=ALERT, claim=ALERT, command=ALERT, params={ALERT: ALERT}, costs={ALERT: 1.0},
        rejected=[{"reason": ALERT, "n": 1}],
        lookahead={"rows": 1, "rows_checked": 1, "blind_spots": [ALERT], "leaks": [{"row": ALERT, "what": ALERT}]},
        findings=[dict.fromkeys(("file", "row", "column", "rule", "found", "severity"), ALERT)], waived=[ALERT],
        instruments=[{"name": ALERT, "kind": ALERT}],
    )  # fmt: skip
    outside = replace(
        result,
        facts=facts,
        orders=result.orders.assign(reason=ALERT, instrument=ALERT),
        round_trips=result.round_trips.assign(instrument=ALERT),
    )
    page = _page(outside)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.json").write_text(json.dumps(document(outside)), "utf-8")
    (tmp_path / "run" / "index.html").write_text(page, "utf-8")
    gallery = write_gallery(tmp_path).read_text("utf-8")

    for html, scripts in ((page, 1), (gallery, 1)):
        assert html.count("<script") == scripts
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    _agree(page, json.loads(json.dumps(document(outside))))


def test_banners_stand_only_where_they_must(result: Result) -> None:
    leaks = {
        "rows": 300,
        "rows_checked": 64,
        "blind_spots": [],
        "leaks": [{"row": "2019-02-01", "what": "nikkei 2 instead of 0"}],
    }
    data = result.facts["data"] | {"synthetic": True}
    marked = _page(replace(result, facts=result.facts | {"lookahead": leaks, "data": data, "claim": None}))

    assert "<b>INVALID</b>" in marked
    assert "<b>SYNTHETIC</b>" in marked
    assert "no claim was stated before the run" in marked
    assert '<b class="answer not-testable">' in marked
    assert "the strategy looks ahead; no claim was stated before the run; the data are synthetic." in _words(marked)
    assert "<b>INVALID</b>" not in _page(result)
    assert "<b>SYNTHETIC</b>" not in _page(result)


def test_the_first_screen_stands_before_any_detail(folder: Path, result: Result) -> None:
    page, values = (folder / "index.html").read_text("utf-8"), json.loads((folder / "report.json").read_text("utf-8"))
    box = page[page.index('id="verdict"') : page.index('id="performance"')]
    found = values["intervals"]["net"]["sharpe"]

    assert [values["verdict"][key] for key in ("value", "low", "high")] == [found["value"], found["low"], found["high"]]
    assert values["verdict"]["verdict"] in _words(box)
    assert "The pair reverts." in box
    assert box.count("<li>") == min(3, len(values["doubts"]))
    assert values["net"]["sharpe"] == found["value"]


def test_every_point_of_a_reviewer_leads_to_its_place(folder: Path) -> None:
    page, values = (folder / "index.html").read_text("utf-8"), json.loads((folder / "report.json").read_text("utf-8"))
    anchors = re.findall(r'href="#([^"]+)"', page)

    assert len(values["checklist"]) == 17
    assert {row["at"] for row in values["checklist"]} <= set(anchors)
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in page] == []


def test_logs_are_named_and_not_held(folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")

    for name in ("run.log", "verify.log"):
        assert name in page
        assert f'href="{name}"' not in page


def test_the_readme_of_the_reports_names_every_key(folder: Path) -> None:
    values = json.loads((folder / "report.json").read_text("utf-8"))
    written = (ROOT / "reports/README.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", written[written.index("## report.json") :]))

    assert sorted(set(values) - named) == []


def test_a_run_older_than_the_record_of_regimes_gives_a_page(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path)
    for kind in ("csv", "parquet"):
        (tmp_path / f"regimes.{kind}").unlink()
    facts = {key: value for key, value in result.facts.items() if key != "expects"}
    (tmp_path / "facts.json").write_text(json.dumps(facts), "utf-8")
    page = _page(Result.read(tmp_path))

    assert page.count("the run is older than this record; run it again") == 3
    assert "regimes.csv" not in page
    assert "the spec names no figure that would refute it" in page


@pytest.mark.parametrize("sessions", [1, 2, 40])
def test_run_without_trades_gives_a_page(sessions: int) -> None:
    idle = _result(sessions, trade=False, rejected=[])
    idle = replace(idle, orders=idle.orders.iloc[:0])
    sheets = drawing.draw(idle)
    page = render(json.loads(json.dumps(document(idle, sheets), allow_nan=False)), {})

    assert all(sheet.png is None and sheet.why for sheet in sheets)
    assert "No round trip was closed." in page
    assert page.count("Not drawn:") == 5


def test_run_with_one_trade_draws_what_it_can() -> None:
    one = _result(9)
    sheets = {sheet.name: sheet for sheet in drawing.draw(one)}

    assert sheets["returns"].png
    assert sheets["positions"].png
    assert sheets["transactions"].png
    assert sheets["round_trips"].why == "fewer than five round trips"


def test_total_loss_gives_a_page_without_sheets(result: Result) -> None:
    equity, returns, positions = result.equity.copy(), result.returns.copy(), result.positions.copy()
    equity.iloc[-1], returns.iloc[-1, :2] = 0.0, -1.0
    positions.iloc[-1] = 0.0
    ruined = replace(result, equity=equity, returns=returns, positions=positions)
    sheets = drawing.draw(ruined)
    values = json.loads(json.dumps(document(ruined, sheets), allow_nan=False))

    assert values["net"]["total_return"] == -1.0
    assert values["net"]["max_drawdown"] == -1.0
    assert all("the account was empty on" in sheet["why"] for sheet in values["sheets"])
    assert "Not drawn:" in render(values, {})


def test_split_between_fills_is_not_matched_blindly(result: Result) -> None:
    fills = result.fills.copy()
    closing = (fills["instrument"] == "nikkei").to_numpy().nonzero()[0][1]
    fills.loc[closing, "quantity"] *= 2
    inputs = adapt(replace(result, fills=fills))

    assert "do not explain the position in nikkei" in (drawing._round_trips(inputs).why or "")


def test_the_page_of_a_computed_run_says_where_its_result_comes_from(small: Path) -> None:
    spec = spec_of("split_pair", small, start=date(2019, 6, 3), end=date(2022, 11, 30))
    found = compute(prepare(spec), Path("reports"))
    values = json.loads(json.dumps(document(found), allow_nan=False))
    page = render(values, {})
    numbers = _agree(page, values)
    split = next(row for row in values["around_events"]["rows"] if row["kind"] == "split")

    assert numbers > 500
    assert re.findall(r"\d+\.\d{2,}|\d{1,3}(?:,\d{3})+|\d{4}-\d\d-\d\d", " ".join(_Marked(page).outside)) == ["0.01"]
    for rows in (values["vi_bands"]["rows"], values["boj_eras"]["rows"]):
        assert sum(row["sessions"] for row in rows) == len(found.returns)
        # The groups together are the run.
        assert np.prod([1 + row["net"] for row in rows]) - 1 == pytest.approx(values["net"]["total_return"])
    at = np.flatnonzero(found.regimes["event"].str.contains("split"))
    assert split["windows"][2]["mean"] == pytest.approx(found.returns["net"].iloc[at].mean())
    assert sum(row["fills"] for row in values["activity"]) == len(found.fills)
    assert values["n_divisors"] == len(values["divisors"]) > 1
    assert {"date": "2020-10-01", "what": "no session: failure of the exchange's trading system, all day"} in values[
        "calendar"
    ]
    assert values["index"]["rms_error"] == 0.0
    assert values["verdict"]["why"] == ["the data are synthetic"]


def test_undefined_names_in_a_template_are_refused() -> None:
    with pytest.raises(KeyError):
        templates(Numbers({})).from_string("{{ num('pct', 'absent') }}").render()
