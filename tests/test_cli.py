"""The command line: exit codes, JSON, messages, and that nothing is half-written."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests.__main__ import main
from backtests.arguments import VERBS, read
from backtests.loading import load_strategy
from indexsim import sessions
from indexsim.errors import SpecError
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("no_sheets")

SPEC = str(ROOT / "backtests/specs/vi_gate.toml")
SEVEN = ("net", "gross", "costs", "rejected", "lookahead", "run_id", "report")


def shell(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backtests", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a verb in this process with ``--json -`` and return its status and its answer."""
    status = main([*arguments, "--json", "-"])
    return status, json.loads(capsys.readouterr().out)


def test_help_loads_neither_pandas_nor_backtrader() -> None:
    code = (
        "import sys\nfrom backtests.__main__ import main\nfrom backtests.arguments import VERBS\n"
        "for verb in ('', *VERBS):\n"
        "    try:\n        main([*verb.split(), '--help'])\n    except SystemExit:\n        pass\n"
        "heavy = {'pandas', 'numpy', 'backtrader', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_says_what_each_word_is(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        read([*verb.split(), "--help"])
    # A line that ends with the name of an option or a place, and no continuation after it, says nothing of it.
    lines = [*capsys.readouterr().out.partition("\n\n")[2].splitlines(), ""]
    silent = [
        a for a, b in pairwise(lines) if re.fullmatch(r"  (--)?\w[^ ]*( [A-Z]+)*", a) and not b.startswith(" " * 8)
    ]

    assert left.value.code == 0
    assert silent == []


def test_a_strategy_without_its_class_is_answered_with_its_path() -> None:
    with pytest.raises(SpecError, match=r"did you mean 'strategies\.vi_gate:ViGate'"):
        load_strategy("vi_gaet")


def test_a_claim_is_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {row["name"]: row for row in answer(capsys, "list", "claims")[1]["claims"]}
    claim = answer(capsys, "describe", "S001-02")[1]["claim"]

    # As its seed writes it.
    assert listed["S001-02"]["what"] == "The Bank of Japan ended the negative rate in March 2024."
    assert (claim["test"], claim["fact"], claim["asserted"]) == ("fact", "boj_negative_rate_end", "2024-03-19")


def test_json_on_stdout_stands_alone_and_errors_have_four_parts() -> None:
    done = shell("check", "no/such/folder", "--json", "-")

    assert done.returncode == 2
    assert set(json.loads(done.stdout)["error"]) == {"asked", "found", "rule", "next"}
    assert "no such folder" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["rnu"], "'run'"),
        (["run", SPEC, "--set", "smaa=3"], "'sma'"),
        (["run", SPEC, "--set", "instrument=etf_132"], "'etf_1321'"),
        (["describe", "vi_gat"], "'vi_gate'"),
        (["list", "strategy"], "'strategies'"),
        (["list", "clams"], "'claims'"),
        (["describe", "s001-02x"], "'S001-02'"),
        (["run", "vi_gaet"], "'backtests/specs/vi_gate.toml'"),
        (["sweep", "backtests/specs/sweeps/vi_gaet.toml"], "'backtests/specs/sweeps/vi_gate.toml'"),
        (["sample", "somewhere", "--effect", "split=3"], "'split_bp'"),
        (["index", "somewhere", "--compair"], "'--compare'"),
        (["review", "somewhere", "--at", "2021-07-30", "--histroy"], "'--history'"),
    ],
)
def test_misspelt_names_are_answered_with_the_nearest(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str], small: Path
) -> None:
    if arguments[0] == "run":
        arguments = [*arguments, "--market", str(small)]
    status = main(arguments)

    assert status == 2
    said = capsys.readouterr().err

    assert f"did you mean {hint}?" in said
    assert len(said) < 1500


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", SPEC, "--set", "low=abc"],
        ["run", SPEC, "--set", "low=40"],
        ["run", SPEC, "--set", "cash=-1"],
        ["run", SPEC, "--set", "reserve=1.5"],
        ["run", SPEC, "--set", "sma"],
        ["run", SPEC, "--from", "2020-13-01"],
        ["run", SPEC, "--from", "2030-01-01"],
        ["run", SPEC, "--from", "2022-01-04", "--to", "2021-01-04"],
        ["run", "no/such/spec.toml"],
        ["run", str(ROOT)],
        ["drivers", "somewhere", "--run", str(ROOT)],
        ["report", "no/such/run"],
        ["index"],
        ["index", "--points", "9983", "somewhere"],
        ["index", "somewhere", "--points"],
        ["index", "somewhere", "--on", "2021-07-30"],
        ["index", "somewhere", "--on", "2021-07-30", "--weights", "2021-07-29"],
        ["index", "somewhere", "--sectors", "--on", "2021-13-01"],
        ["review", "somewhere", "--history"],
        ["run"],
        [],
    ],
)
def test_unusable_input_exits_2_with_one_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path
) -> None:
    if arguments[:1] == ["run"] and len(arguments) > 1:
        arguments = [*arguments, "--market", str(small), "--out", str(tmp_path / "out")]
    status = main(arguments)

    assert status == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "Next: " in said
    assert not (tmp_path / "out").exists()


def break_text_price(folder: Path) -> None:
    edit(folder / "closes.csv", 5, 3, "n/a")


def break_duplicate_date(folder: Path) -> None:
    lines = (folder / "closes.csv").read_text("utf-8").splitlines()
    (folder / "closes.csv").write_text("\n".join([*lines[:6], lines[5], *lines[6:]]) + "\n", "utf-8")


def break_missing_price(folder: Path) -> None:
    held = pd.read_csv(folder / "factors.csv", dtype=str)["code"].iloc[0]
    header = (folder / "closes.csv").read_text("utf-8").splitlines()[0].split(",")
    edit(folder / "closes.csv", 7, header.index(held), "")


def break_unknown_code(folder: Path) -> None:
    lines = (folder / "factors.csv").read_text("utf-8").splitlines()
    columns = lines[0].split(",")
    row = dict.fromkeys(columns, "")
    row |= {"effective_date": lines[-1].split(",")[0], "code": "0XX0", "event": "remove"}
    (folder / "factors.csv").write_text("\n".join([*lines, ",".join(row[c] for c in columns)]) + "\n", "utf-8")


def break_zero_divisor(folder: Path) -> None:
    edit(folder / "divisors.csv", 1, 1, "0")


def edit(path: Path, row: int, column: int, text: str) -> None:
    lines = path.read_text("utf-8").splitlines()
    cells = lines[row].split(",")
    cells[column] = text
    lines[row] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", "utf-8")


BROKEN = {
    "price-is-a-number": break_text_price,
    "duplicate-date": break_duplicate_date,
    "missing-price": break_missing_price,
    "unknown-code": break_unknown_code,
    "divisor-positive": break_zero_divisor,
}


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    """A copy of the small market with its closes as CSV, to be broken."""
    copy = tmp_path / "market"
    shutil.copytree(small, copy)
    pd.read_parquet(copy / "closes.parquet").to_csv(copy / "closes.csv", index=False, lineterminator="\n")
    (copy / "closes.parquet").unlink()
    return copy


def test_the_copy_is_sound_before_it_is_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = answer(capsys, "check", str(folder))

    assert (status, found["errors"]) == (0, 0)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_market_is_refused_with_file_row_column_and_rule(
    rule: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    BROKEN[rule](folder)
    out = tmp_path / "out"

    status, found = answer(capsys, "check", str(folder))
    finding = next(f for f in found["findings"] if f["rule"] == rule)
    assert status == 1
    assert finding["severity"] == "error"
    assert finding["file"].startswith(("closes", "factors", "divisors"))
    assert finding["row"]
    assert finding["column"]

    for arguments in (["index", str(folder)], ["run", SPEC, "--market", str(folder), "--out", str(out)]):
        status, refused = answer(capsys, *arguments)
        assert status == 2
        for part in ("file", "row", "column"):
            assert finding[part] in refused["error"]["found"]
        assert rule in refused["error"]["rule"]
    assert not out.exists()


def test_run_answers_with_everything_and_writes_its_report(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = answer(capsys, "run", SPEC, "--market", str(small), "--out", str(tmp_path))

    assert status == 0
    assert set(SEVEN) <= set(found)
    assert found["lookahead"]["rows_checked"] >= 64
    assert found["data"]["synthetic"]["seed"] == 225
    assert (tmp_path / found["run_id"] / "index.html").is_file()
    assert Path(found["report"]).is_file()
    assert found["run_id"] in (tmp_path / "index.html").read_text("utf-8")


def test_run_twice_gives_the_same_bytes(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", SPEC, "--market", str(small), "--out", str(tmp_path), "--to", "2019-12-30")
    _, first = answer(capsys, *arguments)
    folder = tmp_path / first["run_id"]
    before = {p.name: (p.read_bytes(), p.stat().st_ino) for p in folder.iterdir()}
    _, second = answer(capsys, *arguments)

    assert second["run_id"] == first["run_id"]
    after = {p.name: (p.read_bytes(), p.stat().st_ino) for p in folder.iterdir()}
    assert [n for n in before if n != "run.log" and before[n][0] != after[n][0]] == []
    assert set(before) == set(after)
    # Computed and written again, not left as it was.
    assert all(before[name][1] != after[name][1] for name in before)


def test_settings_and_dates_reach_the_run(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ("--set", "sma=20", "--set", "slippage_bps=3", "--set", "cash=50_000_000")
    dates = ("--from", "2020-01-06", "--to", "2020-12-30")
    status, found = answer(capsys, "run", SPEC, "--market", str(small), "--out", str(tmp_path), *settings, *dates)

    assert status == 0
    assert (found["data"]["from"], found["data"]["to"]) == ("2020-01-06", "2020-12-30")
    facts = json.loads((tmp_path / found["run_id"] / "facts.json").read_text("utf-8"))
    assert facts["params"]["sma"] == 20
    assert facts["cash"] == 50_000_000
    assert any("3 bp" in line for line in facts["execution"])


def test_the_stored_spec_repeats_the_run(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", str(tmp_path))
    _, first = answer(capsys, "run", SPEC, "--market", str(small), *out, "--set", "sma=20", "--to", "2019-12-30")
    _, again = answer(capsys, "run", str(tmp_path / first["run_id"] / "spec.toml"), *out)

    assert again["run_id"] == first["run_id"]


CHEAT = '''
from dataclasses import dataclass

import numpy as np

from strategies.base import Strategy, Targets, no_orders


class Cheat(Strategy):
    """Hold the Nikkei when its next close is higher."""

    @dataclass(frozen=True)
    class Params:
        """None."""

    @classmethod
    def instruments(cls, params):
        return ("etf_1321",)

    @classmethod
    def needs(cls, params):
        return ("n225",)

    @staticmethod
    def features(market, params):
        close = market.known("n225", "close", market.bars("daily"))
        return {"up": np.append(close[1:] > close[:-1], False).astype(float)}

    @staticmethod
    def decide(features, params):
        return Targets(("etf_1321",), features["up"].reshape(-1, 1), no_orders(len(features["up"]), 1))
'''


def test_a_run_that_looks_ahead_is_invalid_and_exits_1(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cheat.py").write_text(CHEAT, "utf-8")
    spec = tmp_path / "cheat.toml"
    spec.write_text(f'name = "cheat"\nstrategy = "cheat.py:Cheat"\nmarket = "{small}"\nto = 2019-12-30\n', "utf-8")
    status, found = answer(capsys, "run", str(spec), "--out", str(tmp_path / "out"))

    assert status == 1
    assert "etf_1321" in found["lookahead"]["leaks"][0]["what"]
    assert "INVALID" in Path(found["report"]).read_text("utf-8")


def test_report_draws_the_same_page_again(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = answer(capsys, "run", SPEC, "--market", str(small), "--out", str(tmp_path), "--to", "2019-12-30")
    page = Path(found["report"])
    before = page.read_bytes()
    page.unlink()
    status, _ = answer(capsys, "report", str(page.parent))

    assert status == 0
    assert page.read_bytes() == before
    assert (tmp_path / "index.html").is_file()


def test_weights_levels_and_contributions(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--levels", "--weights", "2022-12-30", "--contributions", "2022-12-29", "2022-12-30")
    status, found = answer(capsys, "index", str(small), *asked)

    assert status == 0
    assert sum(row["weight"] for row in found["weights"]) == pytest.approx(1.0)
    moved = found["levels"][-1]["level"] - found["levels"][-2]["level"]
    assert sum(row["points"] for row in found["contributions"]) == pytest.approx(moved, abs=0.01)


def test_exact_exits_1_where_a_day_differs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", str(folder), "--exact", "--quiet"]) == 0

    level = pd.read_csv(folder / "n225.csv", dtype=str)
    level.loc[3, "close"] = f"{float(level.loc[3, 'close']) + 0.01:.2f}"
    level.to_csv(folder / "n225.csv", index=False)
    status, found = answer(capsys, "index", str(folder), "--exact")

    assert status == 1
    assert found["days"] - found["exact_days"] == 1
    assert found["worst"][0]["date"] == level.loc[3, "date"]


def test_json_file_is_written_whole_or_the_path_is_refused(small: Path, tmp_path: Path) -> None:
    assert main(["check", str(small), "--quiet", "--json", str(tmp_path / "a.json")]) == 0
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["errors"] == 0

    assert main(["check", str(small), "--quiet", "--json", str(tmp_path / "no/a.json")]) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json"]


def test_an_interrupt_leaves_nothing_and_exits_130(small: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "backtests", "run", SPEC, "--market", str(small), "--out", str(tmp_path / "out")]
    # A job of its own: the interrupt must reach only it.
    running = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "out").exists() and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)

    assert running.returncode == 130, said.decode()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.real
def test_the_real_windows_are_exact(real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = answer(capsys, "index", str(real / "window_2025"))
    assert (found["days"], found["exact_days"]) == (82, 82)
    assert [d["divisor"] for d in found["divisors"]] == ["29.61653922", "29.59724687", "29.69955560"]

    _, found = answer(capsys, "index", str(real / "window_2017_2018"))
    assert found["exact_days"] >= 446
    assert [d["divisor"] for d in found["divisors"]] == ["26.301", "26.581", "26.950", "26.993"]


@pytest.mark.real
def test_real_series_trade_and_say_what_is_missing(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--market", str(real / "series"), "--from", "2021-01-04", "--set", "instrument=etf_1321")
    status, found = answer(capsys, "run", SPEC, *arguments, "--out", str(tmp_path))

    assert status == 0
    assert found["net"]["n_trades"] > 10
    assert found["data"]["synthetic"] is None
    missing = " ".join(found["data"]["missing"])
    assert "distributions: none for etf_1321" in missing
    assert "total_return" in missing
    assert "SYNTHETIC" not in Path(found["report"]).read_text("utf-8")


@pytest.mark.real
def test_a_market_without_morning_closes_cannot_run_the_dip_and_says_why(
    real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = str(ROOT / "backtests/specs/boj_dip.toml")
    status, found = answer(capsys, "run", spec, "--market", str(real / "series"))

    assert status == 2
    assert "halves missing" in found["error"]["found"]


def test_the_strategy_of_the_readme_runs_from_outside_the_clone(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    code = readme.split("```python\n")[1].split("```")[0]
    spec = readme.split("```toml\n")[1].split("```")[0].replace("/path/to/market", str(small))
    (tmp_path / "momentum.py").write_text(code, "utf-8")
    (tmp_path / "momentum.toml").write_text(spec + "to = 2019-12-30\n", "utf-8")
    status, found = answer(capsys, "run", str(tmp_path / "momentum.toml"), "--out", str(tmp_path / "out"))

    assert status == 0
    assert found["net"]["n_trades"] > 0
    assert found["lookahead"]["leaks"] == []


def test_verbs_take_text_and_paths_and_run_again_and_again(small: Path, tmp_path: Path) -> None:
    from backtests import verbs

    assert verbs.check(str(small)) == verbs.check([small])
    spec = tmp_path / "short.toml"
    text = Path(SPEC).read_text("utf-8").replace('["../../data/sample"]', f'"{small}"')
    spec.write_text(text.replace("cash", "to = 2019-06-28\ncash"), "utf-8")

    assert verbs.run(str(spec), str(tmp_path / "out")) == verbs.run(spec, tmp_path / "out")


def test_an_error_in_a_strategy_is_one_message(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.py").write_text(CHEAT.replace("close[1:] > close[:-1]", "close / 'x'"), "utf-8")
    spec = tmp_path / "bad.toml"
    spec.write_text(f'name = "bad"\nstrategy = "bad.py:Cheat"\nmarket = "{small}"\n', "utf-8")
    status, found = answer(capsys, "run", str(spec), "--out", str(tmp_path / "out"))

    assert status == 2
    assert "in features" in found["error"]["found"]
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_of_the_report_is_refused_before_the_work(small: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("here first", "utf-8")

    assert main(["run", SPEC, "--market", str(small), "--out", str(tmp_path / "out")]) == 2
    assert (tmp_path / "out").read_text("utf-8") == "here first"


def test_a_folder_without_files_of_a_market_is_refused(tmp_path: Path) -> None:
    assert main(["check", str(tmp_path)]) == 2


def test_exact_is_not_fulfilled_without_published_levels(folder: Path) -> None:
    (folder / "n225.csv").unlink()

    assert main(["index", str(folder), "--exact", "--quiet"]) == 1


def test_flows_are_zero_at_splits_by_factor(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = answer(capsys, "flows", str(small), "--assets", "1000000000000")

    assert status == 0
    splits = [e for e in found["events"] if e["kind"] == "split by factor"]
    assert len(splits) > 3
    assert all(e["trades"] == [] for e in splits)
    assert all(abs(sum(t["yen"] for t in e["trades"])) < 1.0 for e in found["events"])


def test_a_review_is_answered_on_a_base_date_and_refused_elsewhere(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = answer(capsys, "review", str(small), "--at", "2021-07-30")
    assert status == 0
    assert found["review"]["effective"] == "2021-10-01"

    status, refused = answer(capsys, "review", str(small), "--at", "2021-06-30")
    assert status == 2
    assert "2021-07-30" in refused["error"]["next"]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two names, 1332 x 1 and 285A x 0.1, over 3: 500 points each day, 510 on the last, an SQ day."""
    days = [f"{day:%Y-%m-%d}" for day in sessions.sessions("2025-08-07", "2025-09-12")]
    flat, last = days[:-1], days[-1]
    opens = dict.fromkeys(flat, "1400,1000") | {"2025-08-08": "1400,", last: "1410,1050"}
    files = {
        "closes": ["date,1332,285A", *(f"{day},1400,1000" for day in flat), f"{last},1430,1000"],
        "opens": ["date,1332,285A", *(f"{day},{opens[day]}" for day in days)],
        "index": ["date,open,close", *(f"{day},500.00,500.00" for day in flat), f"{last},503.50,510.00"],
        "factors": ["effective_date,code,factor,event", *(f"2025-08-07,{c},initial" for c in ("1332,1", "285A,0.1"))],
        "divisors": ["effective_date,divisor", "2025-08-07,3"],
        "constituents": ["code,name,sector", "1332,A,Consumer", "285A,B,Technology"],
    }
    folder = tmp_path / "two"
    folder.mkdir()
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_first_prices_make_the_sq_beside_the_open(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """(1410 + 0.1 x 1050) / 3 = 505 on 12 September, which opened at 503.5; 285A has no first price on 8 August."""
    status, found = answer(capsys, "index", str(two), "--sq")

    assert status == 0
    assert found["sq"] == [
        {
            "date": "2025-08-08",
            "quarterly": False,
            "sq": None,
            "sq_why": "no first price of 285A",
            "open": 500.0,
            "gap": None,
            "gap_why": "it needs both",
        },
        {"date": "2025-09-12", "quarterly": True, "sq": 505.0, "open": 503.5, "gap": 1.5},
    ]
    assert main(["index", str(two), "--sq"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "2025-09-12  Q  505.00  503.50  +1.50" in lines
    assert "2025-08-08          -  500.00      -  no first price of 285A" in lines


def test_no_quotation_without_first_prices(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (two / "opens.csv").unlink()
    status, refused = answer(capsys, "index", str(two), "--sq")

    assert status == 2
    assert "opens missing" in refused["error"]["found"]


def test_an_sq_day_without_closes_opens_or_a_published_open_says_so(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, day in (("closes", "2025-08-08"), ("opens", "2025-09-12")):
        lines = (two / f"{name}.csv").read_text("utf-8").splitlines()
        (two / f"{name}.csv").write_text("\n".join(x for x in lines if not x.startswith(day)) + "\n", "utf-8")
    (two / "index.csv").unlink()
    _, found = answer(capsys, "index", str(two), "--sq")
    august, september = found["sq"]

    assert (august["sq"], september["sq"], september["open"]) == (None, None, None)
    assert august["sq_why"].startswith("no closes on that day")
    assert september["sq_why"] == "no row of opens on that day"
    assert september["open_why"].startswith("no published open")


def test_sectors_concentration_and_the_points_of_a_stock(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1430 and 100 of 1530; +1 % of 1332 is 14.3 / 3 points; 1530^2 / (1430^2 + 100^2) equal names."""
    asked = ("--sectors", "--concentration", "--points", "285A", "1332", "285A")
    status, found = answer(capsys, "index", str(two), *asked)

    assert status == 0
    assert (found["on"]["date"], found["on"]["level"], found["on"]["move"]) == ("2025-09-12", 510.0, 10.0)
    consumer, technology = found["sectors"]
    assert consumer == {
        "sector": "Consumer",
        "weight": pytest.approx(1430 / 1530, abs=1e-8),
        "names": 1,
        "points": pytest.approx(10.0),
    }
    assert (technology["sector"], technology["points"]) == ("Technology", 0.0)
    assert found["concentration"] == {
        "top_ten": 1.0,
        "effective_number": pytest.approx(2_340_900 / 2_054_900, abs=1e-4),
    }
    assert [(row["code"], row["one_percent"]) for row in found["points"]] == [
        ("285A", pytest.approx(1 / 3, abs=1e-6)),
        ("1332", pytest.approx(14.3 / 3, abs=1e-6)),
    ]
    assert main(["index", str(two), *asked]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "close of 2025-09-12: 510.00, +10.00 since 2025-09-11; 2 names" in lines
    assert "Consumer    93.46%      1  +10.00" in lines
    assert "1332  Consumer    93.4641%            4.77" in lines
    assert "the ten largest have 100.00%; as concentrated as 1.1 equal names" in lines


def test_the_first_close_has_no_move_and_says_why(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = answer(capsys, "index", str(two), "--sectors", "--on", "2025-08-07")

    assert (found["on"]["level"], found["on"]["move"]) == (500.0, None)
    assert found["on"]["why"] == found["sectors"][0]["why"]
    assert "concentration" not in found


def test_sectors_that_are_not_known_are_missing_by_name(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (two / "constituents.csv").write_text("code,name,sector\n1332,A,Consumer\n", "utf-8")
    _, found = answer(capsys, "index", str(two), "--sectors")

    assert [row["sector"] for row in found["sectors"]] == ["Consumer", "unknown"]
    assert "constituents: no sector of 1 names" in found["data"]["missing"]


def test_points_of_a_sector_are_those_of_its_stocks(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = answer(capsys, "index", str(two), "--contributions", "2025-08-07", "2025-09-12")

    assert found["contributions_by_sector"] == [
        {"sector": "Consumer", "points": pytest.approx(10.0)},
        {"sector": "Technology", "points": 0.0},
    ]


@pytest.mark.parametrize(("code", "next_"), [("285a", "did you mean '285A'?"), ("9983", "`--weights 2025-09-12`")])
def test_a_code_that_is_not_held_is_refused(
    code: str, next_: str, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, refused = answer(capsys, "index", str(two), "--points", code)

    assert status == 2
    assert set(refused["error"]) == {"asked", "found", "rule", "next"}
    assert next_ in refused["error"]["next"]


def test_the_index_beside_topix(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TOPIX at 50 throughout: 500 / 50 = 10, at the end 510 / 50 = 10.2."""
    days = sessions.sessions("2025-08-07", "2025-09-12")
    (two / "topix.csv").write_text("date,close\n" + "".join(f"{day:%Y-%m-%d},50\n" for day in days), "utf-8")
    status, found = answer(capsys, "index", str(two), "--compare")
    weighting, count, volatility, ratio = found["compare"]["table"]

    assert status == 0
    assert found["exact_days"] == found["days"] == len(days)
    assert (weighting["n225"], count["n225"], count["topix"]) == ("price x factor", 2, None)
    assert count["topix_why"] == "shares_ffw missing to rebuild it from"
    assert volatility["n225_why"] == volatility["topix_why"] == "the first close is that of 2025-08-07"
    assert ratio == {"what": "nt_ratio", "on": "2025-09-12", "value": 10.2}
    assert found["compare"]["nt_ratio"] == {
        "from": "2025-08-07",
        "to": "2025-09-12",
        "days": len(days),
        "last": 10.2,
        "by_year": [{"year": 2025, "last": 10.2, "low": 10.0, "high": 10.2}],
    }
    assert found["compare"]["sources"] == {"n225": "rebuilt", "topix": "topix"}
    assert main(["index", str(two), "--compare"]) == 0
    said = capsys.readouterr().out
    assert "NT ratio 10.20 on 2025-09-12" in said
    assert "2025  10.20  10.00  10.20" in said


def test_without_topix_the_ratio_is_null_and_says_why(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = answer(capsys, "index", str(two), "--compare")

    assert status == 0
    assert (found["compare"]["nt_ratio"], found["compare"]["nt_ratio_why"]) == (None, "topix missing")
    assert found["compare"]["table"][1]["n225"] == 2
    assert "topix: not there" in found["data"]["missing"]
    assert main(["index", str(two), "--compare"]) == 0
    assert "no NT ratio: topix missing" in capsys.readouterr().out


def test_a_weighting_that_misses_published_days_is_not_named(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (two / "index.csv").read_text("utf-8")
    (two / "index.csv").write_text(text.replace("500.00\n", "500.02\n"), "utf-8")
    _, found = answer(capsys, "index", str(two), "--compare")

    assert found["compare"]["table"][0]["n225"] is None
    assert "on 1 of 26 days" in found["compare"]["table"][0]["n225_why"]


def test_series_alone_compare_but_are_no_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, close in (("n225", 30_000), ("topix", 2_000)):
        lines = f"date,close\n2021-01-04,{close}\n2021-01-05,{close}\n"
        (tmp_path / f"{name}.csv").write_text(lines, "utf-8")
    status, found = answer(capsys, "index", str(tmp_path), "--compare")

    assert status == 0
    assert found["compare"]["nt_ratio"]["last"] == 15.0
    assert (found["days"], found["max_abs_error"]) == (0, None)
    assert found["max_abs_error_why"] == "the index is not rebuilt: closes, factors, divisors missing"
    assert {"closes: not there", "shares_ffw: not there"} <= set(found["data"]["missing"])
    assert main(["index", str(tmp_path), "--compare"]) == 0
    assert "NT ratio 15.00" in capsys.readouterr().out

    assert answer(capsys, "index", str(tmp_path), "--compare", "--levels")[0] == 2
    (tmp_path / "n225.csv").rename(tmp_path / "usdjpy.csv")
    (tmp_path / "topix.csv").unlink()
    status, refused = answer(capsys, "index", str(tmp_path), "--compare")
    assert status == 2
    assert "n225, topix missing" in refused["error"]["found"]


def test_a_market_of_both_compares_all_four(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = answer(capsys, "index", str(small), "--compare")
    weighting, count, *_ = found["compare"]["table"]

    assert status == 0
    assert (weighting["n225"], weighting["topix"]) == ("price x factor", "free-float market value")
    assert count["n225"] == 225
    assert [row["year"] for row in found["compare"]["nt_ratio"]["by_year"]] == [2019, 2020, 2021, 2022]


def test_the_candidates_of_a_base_date_are_those_of_the_next_review(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, decided = answer(capsys, "review", str(small), "--at", "2021-07-30")
    status, ahead = answer(capsys, "review", str(small), "--at", "2021-07-30", "--next")

    assert status == 0
    assert ahead["review"] == decided["review"]
    assert ahead["candidates"] == decided["candidates"]
    assert set(decided["candidates"]) == {"in", "out", "cap"}
    ranked = [row["rank"] for row in decided["ranking"] if row["rank"]]
    assert ranked[:3] == [1, 2, 3]
    assert ranked == sorted(ranked)
    coming = {e["code"] for e in decided["events"] if e["event"] == "add"}
    assert {c["code"] for c in decided["candidates"]["in"] if c["chosen"]} == coming


def test_candidates_of_any_day_have_no_events_yet_and_say_why(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = answer(capsys, "review", str(small), "--at", "2021-06-12", "--next")

    assert status == 0
    # The twelfth was a Saturday.
    assert (found["as_of"], found["review"]["base"]) == ("2021-06-11", "2021-07-30")
    assert found["events"] is found["ranking"] is None
    assert found["events_why"] == found["ranking_why"]
    assert main(["review", str(small), "--at", "2021-06-12", "--next"]) == 0
    assert "candidates out:" in capsys.readouterr().out


def test_the_history_counts_the_recorded_changes(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Closes from January 2019: the reviews of October 2020, 2021 and 2022 have a year of them."""
    status, found = answer(capsys, "review", str(small), "--at", "2021-07-30", "--history")
    history = found["hit_rate"]
    rows = pd.read_csv(small / "factors.csv", dtype=str)
    october = rows[rows["effective_date"].str[:7].isin(["2020-10", "2021-10", "2022-10"])]

    assert status == 0
    assert [review["base"] for review in history["reviews"]] == ["2020-07-31", "2021-07-30", "2022-07-29"]
    for side, event in (("in", "add"), ("out", "remove")):
        both = sum(len({*r[side]["simulated"]} & {*r[side]["recorded"]}) for r in history["reviews"])
        assert history[side]["recorded"] == (october["event"] == event).sum() > 0
        assert history[side]["hits"] == both
        assert history[side]["hit_rate"] == pytest.approx(both / history[side]["simulated"])
    assert "hit_rate" not in answer(capsys, "review", str(small), "--at", "2021-07-30")[1]


@pytest.mark.real
def test_real_first_prices_make_the_published_quotations(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list has one decimal in 2017 and 2018."""
    raw = pd.read_csv(real / "constituents" / "ohlcv_2015_2018_raw.csv.gz", dtype={"code": str})
    raw = raw[(raw["date"] >= "2017-01-24") & (raw["date"] <= "2018-11-16")]
    raw.pivot(index="date", columns="code", values="open").to_csv(tmp_path / "opens.csv")
    table = pd.read_csv(real / "checks" / "sq_values_2000_2023.csv").set_index("sq_date")["sq_value"]
    _, found = answer(capsys, "index", str(real / "window_2017_2018"), "--market", str(tmp_path), "--sq")

    assert [row["date"] for row in found["sq"]] == [d for d in table.index if "2017-01-24" <= d <= "2018-11-16"]
    assert max(abs(row["sq"] - table[row["date"]]) for row in found["sq"]) <= 0.05 + 1e-6


def test_an_index_says_what_a_world_would_have_made_of_it(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = answer(capsys, "index", str(small), "--what-if", "split-by-divisor", "--total-return")

    assert status == 0
    assert found["what_if"]["difference"] != 0
    assert abs(found["total_return"]["tr_error_bp_per_year"]) < 0.1
    assert answer(capsys, "index", str(small), "--what-if", "splits")[0] == 2


def test_a_run_trades_a_world_and_its_page_says_so(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = str(ROOT / "backtests/specs/split_pair.toml")
    arguments = ("run", spec, "--market", str(small), "--out", str(tmp_path), "--what-if", "split-by-divisor")
    status, found = answer(capsys, *arguments)

    assert status == 0
    assert "COUNTERFACTUAL" in Path(found["report"]).read_text("utf-8")


@pytest.mark.parametrize(
    "verb", [["flows", "--assets", "1000000"], ["review", "--at", "2021-07-30"], ["index"], ["check"]]
)
def test_answers_read_as_text_too(verb: list[str], small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = (
        [
            "--sectors",
            "--concentration",
            "--sq",
            "--compare",
            "--what-if",
            "frozen",
            "--total-return",
            "--weights",
            "2021-07-30",
        ]
        if verb == ["index"]
        else []
    )

    assert main([verb[0], str(small), *verb[1:], *more]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3
