"""A report repeated: equal to the byte, and what was changed since is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import backtests.facts
import backtests.report.page
import backtests.run
import backtests.verify
from backtests import verbs
from backtests.__main__ import main
from backtests.attacks import attack
from backtests.report.changes import BESIDE
from backtests.run import run
from backtests.stored import Stored
from indexsim.errors import MissingData
from tests.attacked import patterned, spec_of


@pytest.fixture(scope="module")
def market(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return patterned(small, tmp_path_factory.mktemp("markets") / "pattern")


@pytest.fixture(scope="module", autouse=True)
def unpictured() -> Iterator[None]:
    """Draw no sheets: whether they come out the same is a matter of the page's own tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtests.report.page, "draw", lambda result: ())
        yield


@pytest.fixture(scope="module")
def written(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that carries attacks."""
    folder = tmp_path_factory.mktemp("user")
    _, found = run(spec_of(folder, market, "Pattern", spec="to = 2019-12-30"), folder / "out")
    attack(found)
    return found


@pytest.fixture
def report(written: Path, tmp_path: Path) -> Path:
    """A copy of the report, as deep below the same things."""
    shutil.copy(written.parent.parent / "mine.py", tmp_path)
    ignored = shutil.ignore_patterns("verify.log")
    return Path(shutil.copytree(written, tmp_path / "out" / written.name, ignore=ignored))


@pytest.fixture
def unrepeated(monkeypatch: pytest.MonkeyPatch, written: Path) -> None:
    """Let the repetition be the report as it was written: what it gives is proved by the tests without this."""

    def repeat(stored: Stored, setup: object, folder: Path) -> None:
        shutil.copytree(written, folder, dirs_exist_ok=True)

    monkeypatch.setattr(backtests.verify, "_repeat", repeat)


def test_a_report_with_attacks_repeats_to_the_byte(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in written.iterdir() if path.name != "verify.log"}
    status = main(["verify", str(written), "--json", "-"])
    answer = json.loads(capsys.readouterr().out)

    assert status == 0
    assert answer["differs"] == []
    assert set(answer["equal"]) == set(before) - set(BESIDE)
    assert {"index.html", "report.json", "attacks.json", "equity.parquet", "spec.toml"} <= set(answer["equal"])
    assert answer["code"]["same"]
    assert {path.name: path.read_bytes() for path in written.iterdir() if path.name != "verify.log"} == before
    log = (written / "verify.log").read_text("utf-8").splitlines()
    assert log[0].startswith("verified 20")
    assert log[2:] == [f"equal {len(answer['equal'])}"]


def test_a_moved_report_is_the_same_report(report: Path, market: Path) -> None:
    assert verbs.verify(report, market)["differs"] == []


@pytest.mark.usefixtures("unrepeated")
def test_one_changed_byte_is_found(report: Path, market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (report / "equity.csv").read_bytes().split(b"\n")
    lines[7] = lines[7][:-1] + (b"1" if lines[7][-1:] != b"1" else b"2")
    (report / "equity.csv").write_bytes(b"\n".join(lines))

    assert main(["verify", str(report), "--market", str(market)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "differs  equity.csv: line 8",
        f"DIFFERS: 1 of {len({p.name for p in report.iterdir()} - set(BESIDE))} files, {report.name}",
    ]
    assert "differs equity.csv: line 8" in (report / "verify.log").read_text("utf-8")


@pytest.mark.usefixtures("unrepeated")
def test_files_too_many_and_too_few_are_found(report: Path, market: Path) -> None:
    (report / "fills.csv").unlink()
    (report / "more.txt").write_text("x", "utf-8")

    assert verbs.verify(report, market)["differs"] == [
        {"file": "fills.csv", "how": "missing in the report"},
        {"file": "more.txt", "how": "no part of the report"},
    ]


def test_a_changed_parameter_is_found(report: Path, market: Path) -> None:
    (report / "attacks.json").unlink()
    spec = (report / "spec.toml").read_text("utf-8")
    (report / "spec.toml").write_text(spec.replace("period = 11", "period = 12"), "utf-8")
    found = {row["file"] for row in verbs.verify(report, market)["differs"]}

    assert {"facts.json", "report.json", "index.html", "fills.csv", "equity.parquet"} <= found


@pytest.mark.usefixtures("unrepeated")
def test_a_changed_row_of_the_market_is_other_data(report: Path, market: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(market, tmp_path / "changed"))
    prices = (changed / "etf_1321.csv").read_text("utf-8")
    (changed / "etf_1321.csv").write_text(prices.replace("10200.0", "10201.0", 1), "utf-8")
    fingerprint = json.loads((report / "facts.json").read_text("utf-8"))["data"]["fingerprint"]

    with pytest.raises(MissingData, match=f"fingerprint {fingerprint}, are missing: .*changed has the fingerprint"):
        verbs.verify(report, changed)
    with pytest.raises(MissingData, match=f"fingerprint {fingerprint}, are missing: .*none: no such folder"):
        verbs.verify(report, tmp_path / "none")
    assert not (report / "verify.log").exists()


def test_a_changed_code_is_named(
    report: Path, market: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (report / "attacks.json").unlink()
    for module in (backtests.facts, backtests.run, backtests.verify):
        monkeypatch.setattr(module, "code_hash", lambda: "0" * 64)
    assert main(["verify", str(report), "--market", str(market)]) == 1
    said = capsys.readouterr().out
    stored = json.loads((report / "facts.json").read_text("utf-8"))["code"]

    assert f"code     {stored} wrote it, {'0' * 64} repeated it" in said
    assert "differs  facts.json: line" in said
    assert "equity.csv" not in said


def test_without_its_data_or_itself_it_exits_with_2(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "no stored run there" in capsys.readouterr().err
    assert main(["verify", str(report), "--market", str(tmp_path / "none"), "--json", "-"]) == 2
    assert "fingerprint" in json.loads(capsys.readouterr().out)["error"]["found"]
    (report / "equity.parquet").write_bytes(b"no parquet")
    assert main(["verify", str(report)]) == 2
    assert main(["verify"]) == 2
    assert main(["verify", str(report), "--markt", "x"]) == 2
    assert "did you mean '--market'" in capsys.readouterr().err


def test_attacks_by_a_source_that_has_gone_name_it(report: Path, market: Path) -> None:
    stored = json.loads((report / "attacks.json").read_text("utf-8"))
    stored["source"] = {"market": ["../gone"], "what_if": "", "fingerprint": "f00"}
    (report / "attacks.json").write_text(json.dumps(stored), "utf-8")

    with pytest.raises(MissingData, match="other source, fingerprint f00, is not where it was"):
        verbs.verify(report, market)
