"""The command line: exit codes, JSON, messages, and that nothing is half-written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests.__main__ import main
from tests.conftest import ROOT

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
        "import sys\nfrom backtests.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'numpy', 'backtrader', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


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
        (["sample", "somewhere", "--effect", "split=3"], "'split_bp'"),
    ],
)
def test_misspelt_names_are_answered_with_the_nearest(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str], small: Path
) -> None:
    if arguments[0] == "run":
        arguments = [*arguments, "--market", str(small)]
    status = main(arguments)

    assert status == 2
    assert f"did you mean {hint}?" in capsys.readouterr().err


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
        ["report", "no/such/run"],
        ["index"],
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
    more = ["--what-if", "frozen", "--total-return", "--weights", "2021-07-30"] if verb == ["index"] else []

    assert main([verb[0], str(small), *verb[1:], *more]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3
