"""What a market can run is what a run of it then does: the same names are missing, and nothing else stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtests import verbs
from backtests.claims.catalogue import catalogue
from backtests.claims.judge import NOT_TESTABLE
from backtests.prepare import prepare
from backtests.runnable import of_specs
from backtests.spec import Spec, load_spec
from indexsim.errors import ToolError
from indexsim.market import MarketData
from tests.conftest import _SHIPPED as SHIPPED

N225 = "date,open,high,low,close\n" + "".join(f"2024-05-{day:02},1,1,1,1\n" for day in (1, 2, 7, 8, 9))


def lacking(folder: Path, name: str, kind: str = "strategy") -> list[str]:
    runnable = verbs.data(folder)["runnable"]
    return next(list(r["missing"]) for r in runnable if (r["name"], r["kind"]) == (name, kind))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A market of five sessions of the Nikkei, and nothing else."""
    (tmp_path / "n225.csv").write_text(N225, "utf-8")
    return tmp_path


def test_what_is_missing_is_named_all_of_it(bare: Path) -> None:
    assert lacking(bare, "vi_gate") == ["nikkei_vi", "etf_1321"]
    assert "halves" in lacking(bare, "boj_dip")
    assert lacking(bare, "sector_rotation") == ["usdjpy", "jgb_yields", "factors", "constituents", "closes", "opens"]


def test_a_file_that_covers_nothing_in_common_is_said(bare: Path) -> None:
    (bare / "nikkei_vi.csv").write_text("date,close\n2023-05-01,20\n", "utf-8")
    (bare / "etf_1321.csv").write_text(N225.replace("2024", "2022"), "utf-8")

    assert "no two bars" in lacking(bare, "vi_gate")[0]


def test_an_error_in_what_it_uses_is_said(bare: Path) -> None:
    for name in ("nikkei_vi", "etf_1321"):
        (bare / f"{name}.csv").write_text(N225.replace("05-08,1,1,1,1", "05-08,1,1,1,x"), "utf-8")

    assert "price-is-a-number" in lacking(bare, "vi_gate")[0]


def test_the_answer_agrees_with_the_run(small: Path) -> None:
    market = MarketData.open(small)
    chosen = ("boj_assets", "boj_dip", "sector_rotation", "split_pair", "top_weights")
    specs = {path.stem: load_spec(path) for path in SHIPPED if path.stem in chosen}
    said = {r.name: bool(r.missing) for r in of_specs(market, specs, "spec")}

    assert said == {name: stops(spec, small) for name, spec in specs.items()}
    assert set(said.values()) == {True, False}


def stops(spec: Spec, folder: Path) -> bool:
    import dataclasses

    try:
        prepare(dataclasses.replace(spec, market=(folder,)))
    except ToolError:
        return True
    return False


def test_a_broken_index_stops_every_run(small: Path, tmp_path: Path) -> None:
    for path in small.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "divisors.csv").unlink()
    (tmp_path / "divisors.csv").write_text("effective_date,divisor\n2019-01-04,0\n", "utf-8")
    said = of_specs(MarketData.open(tmp_path), {"vi_gate": load_spec(SHIPPED[-1].parent / "vi_gate.toml")}, "spec")

    assert "the index cannot be rebuilt" in said[0].missing[0]


def test_a_claim_lacks_what_its_judge_lacks(bare: Path) -> None:
    runnable = {r["name"]: r["missing"] for r in verbs.data(bare)["runnable"] if r["kind"] == "claim"}
    judged = {c["id"]: c["verdict"] for c in verbs.claims(bare)["claims"]}

    assert set(runnable) == {claim.id for claim in catalogue()}
    assert all(judged[name] == NOT_TESTABLE for name, missing in runnable.items() if missing)
    assert any(not missing for missing in runnable.values())
