"""Runs side by side: figures of the common sessions, what differs, and a page whose numbers are its JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests import metrics
from backtests.__main__ import main
from backtests.report import write_gallery
from backtests.report.compare import comparison, joined, write_compare
from backtests.result import Result
from indexsim import sessions
from indexsim.errors import MissingData, SpecError
from tests.test_report import ALERT, _agree, _Marked, _result

SPEC = 'name = "{name}"\nfrom = 2019-01-07\n[params]\nwindow = {window}\n'


def run_of(n: int = 300, name: str = "pair", window: int = 60, skip: int = 0, **changed: Any) -> Result:
    """A run of n sessions, its returns times `window`/60, without the first `skip` of them."""
    result = _result(n, **{"name": name, "run_id": f"{name}-{window}-{skip}", "params": {"window": window}} | changed)
    returns = result.returns.assign(
        net=result.returns["net"] * window / 60, gross=result.returns["gross"] * window / 60
    )
    spec = SPEC.format(name=name, window=window)
    return replace(result, spec_text=spec, returns=returns.iloc[skip:], equity=result.equity.iloc[skip:])


def stored(folder: Path, *results: Result) -> list[Path]:
    folders = [folder / str(result.facts["run_id"]) for result in results]
    for one, result in zip(folders, results, strict=True):
        one.mkdir(parents=True)
        result.write(one)
    return folders


@pytest.fixture
def three() -> list[Result]:
    return [run_of(), run_of(window=30), run_of(200, "other", skip=50)]


def test_figures_are_those_of_the_common_sessions(three: list[Result]) -> None:
    values = comparison(three)
    common = three[2].returns.index
    year = sessions.per_year(common[0].date(), common[-1].date())

    assert values["common"]["sessions"] == 150
    assert (values["common"]["from"], values["common"]["to"]) == tuple(f"{common[i]:%Y-%m-%d}" for i in (0, -1))
    assert not values["common"]["same"]
    assert [run["outside"] for run in values["runs"]] == [150, 150, 0]
    for run, result in zip(values["runs"], three, strict=True):
        for side in ("net", "gross"):
            own = result.returns[side].reindex(common)
            assert run[side]["total_return"] == metrics.total_return(own)
            assert run[side]["sharpe"] == metrics.sharpe(own, year)
            assert run[side]["max_drawdown"] == metrics.max_drawdown(own)


def test_costs_of_the_common_sessions_are_what_gross_gained_on_net_there(three: list[Result]) -> None:
    """400 yen a fill: those of the sessions that all have."""
    run = comparison(three)["runs"][0]
    common = three[2].returns.index
    fills = three[0].fills["session"].isin(common).sum()

    assert run["costs_common"] == 400.0 * fills
    assert run["costs_total"] == three[0].facts["costs"]["fees"] == 400.0 * len(three[0].fills)


def test_curves_begin_at_nothing_and_end_at_the_return(three: list[Result]) -> None:
    values = comparison(three)

    for run, line, fall in zip(values["runs"], *(values["curves"][k] for k in ("returns", "drawdowns")), strict=True):
        assert line[0] == 0.0
        assert line[-1] == pytest.approx(run["net"]["total_return"])
        assert min(fall) == pytest.approx(run["net"]["max_drawdown"])
    assert len(values["curves"]["sessions"]) == 151
    assert values["curves"]["session_ticks"][0] == values["common"]["from"]
    assert values["curves"]["session_ticks"][-1] == values["common"]["to"]


def test_correlation_is_numpy_s_and_undefined_where_nothing_moves(three: list[Result]) -> None:
    flat = replace(three[0], returns=three[0].returns.assign(net=0.0), facts=three[0].facts | {"run_id": "flat"})
    found = comparison([*three, flat])["correlation"]
    nets = joined(three).filter(like=".net").to_numpy()

    np.testing.assert_allclose(np.array([row[:3] for row in found[:3]]), np.corrcoef(nets.T), rtol=0, atol=1e-12)
    assert found[0][1] == pytest.approx(1.0)  # one is half of the other
    assert found[3] == [None] * 4
    assert [row[3] for row in found] == [None] * 4


def test_only_keys_that_differ_are_named(three: list[Result]) -> None:
    moved = three[1].facts["data"] | {"fingerprint": "f01"}
    runs = [three[0], replace(three[1], facts=three[1].facts | {"data": moved, "code": "xyz"})]
    runs[0] = replace(runs[0], spec_text=runs[0].spec_text + "lag = 1\n")
    values = comparison(runs)

    assert values["differs"] == [
        {"key": "spec.params.lag", "values": ["1", None], "values_why": "the run has no such key"},
        {"key": "spec.params.window", "values": ["60", "30"]},
        {"key": "code.code", "values": ["def", "xyz"]},
        {"key": "data.fingerprint", "values": ["f00", "f01"]},
    ]
    assert values["agree"] > 5
    assert [run["label"] for run in values["runs"]] == ["pair-60-0", "pair-30-0"]  # the names are the same
    assert comparison([three[0], replace(three[0], facts=three[0].facts | {"run_id": "x"})])["differs"] == []


def test_the_page_is_its_json_and_loads_nothing(three: list[Result], tmp_path: Path) -> None:
    page, values = write_compare(stored(tmp_path, *three))
    html, marked = page.read_text("utf-8"), _Marked(page.read_text("utf-8"))

    assert re.fullmatch(r"compare-[0-9a-f]{12}", page.parent.name)
    assert json.loads((page.parent / "compare.json").read_text("utf-8")) == values
    assert _agree(html, values) > 60
    loose = " ".join(marked.outside)
    assert re.findall(r"\d+\.\d+|\d{1,3}(?:,\d{3})+|\d{4}-\d\d-\d\d", loose) == []
    assert not {"script", "iframe", "object", "link", "form"} & set(marked.tags)
    assert not re.search(r"@import|url\(|https?://", html)
    assert all((page.parent / link).exists() for link in marked.loads if "index.html" not in link and link[0] != "#")
    assert [link for link in marked.loads if "index.html" in link] == [
        f"../{result.facts['run_id']}/index.html" for result in three
    ]
    assert "SPANS DIFFER" in html
    table = pd.read_csv(page.parent / "returns.csv", index_col="session", parse_dates=True)
    np.testing.assert_allclose(table["other-60-50.net"], three[2].returns["net"], rtol=1e-12)
    assert table.shape == (150, 6)


def test_the_same_runs_give_the_same_bytes_and_another_order_another_page(three: list[Result], tmp_path: Path) -> None:
    folders = stored(tmp_path, *three)
    page, _ = write_compare(folders)
    first = {path.name: path.read_bytes() for path in page.parent.iterdir()}

    assert write_compare(folders)[0] == page
    assert {path.name: path.read_bytes() for path in page.parent.iterdir()} == first
    assert write_compare(folders[::-1])[0] != page
    assert write_compare(folders, tmp_path / "elsewhere")[0].parent.parent == tmp_path / "elsewhere"


def test_what_comes_from_outside_is_escaped(three: list[Result], tmp_path: Path) -> None:
    named = replace(three[0], facts=three[0].facts | {"name": ALERT, "run_id": "a"})
    spec = 'name = "x"\nclaim = "' + ALERT + '"\n[params]\n"' + ALERT + '" = "' + ALERT + '"\n'
    page, values = write_compare(stored(tmp_path, replace(named, spec_text=spec), three[2]))
    html = page.read_text("utf-8")

    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    _agree(html, values)


def test_a_wiped_out_account_has_a_curve_and_no_figure(three: list[Result], tmp_path: Path) -> None:
    returns = three[0].returns.copy()
    returns.iloc[100, 0], returns.iloc[101:, 0] = -1.0, np.nan
    ruined = replace(three[0], returns=returns, facts=three[0].facts | {"run_id": "ruined"})
    page, values = write_compare(stored(tmp_path, ruined, three[1]))

    assert values["curves"]["returns"][0][-1] == -1.0
    assert values["runs"][0]["net"]["total_return"] is None
    assert "session returns are unknown" in page.read_text("utf-8")
    assert values["correlation"][0] == [None, None]


@pytest.mark.parametrize("n", [1, 2, 12])
def test_short_and_many_runs_are_readable(n: int, tmp_path: Path) -> None:
    runs = [run_of(n, trade=False, window=10 + i) for i in range(n + 1)]
    page, values = write_compare(stored(tmp_path, *runs))

    assert len(values["runs"]) == n + 1
    assert values["common"]["same"]
    assert _agree(page.read_text("utf-8"), values) > 20


def test_what_cannot_be_compared_is_said(three: list[Result], tmp_path: Path) -> None:
    apart = replace(three[0], returns=three[0].returns.iloc[:40], facts=three[0].facts | {"run_id": "apart"})
    folders = stored(tmp_path, *three, apart)

    with pytest.raises(SpecError, match="1 of them"):
        write_compare(folders[:1])
    with pytest.raises(SpecError, match="pair-60-0 twice"):
        write_compare([folders[0], folders[1], folders[0]])
    with pytest.raises(SpecError, match="no session that all of them have"):
        write_compare(folders[2:])
    with pytest.raises(MissingData, match="no stored run there"):
        write_compare([folders[0], tmp_path])
    assert not list(tmp_path.glob("compare-*"))


def test_the_command_line_says_what_the_page_says(
    three: list[Result], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(folder) for folder in stored(tmp_path, *three)]
    write_gallery(tmp_path)
    assert main(["report", "--compare", *folders]) == 0
    said = capsys.readouterr().out
    listed = json.loads((tmp_path / "gallery.json").read_text("utf-8"))

    assert listed["counts"]["comparison"] == 1
    assert "common sessions: 150, " in said
    assert "differs  spec.params.window: 60 | 30 | 60" in said
    assert Path(said.strip().rsplit("Open ", 1)[1]).is_file()
    assert main(["report", *folders, "--out", str(tmp_path)]) == 2
    assert "add --compare" in capsys.readouterr().err
    assert main(["report", "--compare", folders[0]]) == 2
    assert main(["report", "--comparre", folders[0]]) == 2
    assert "did you mean '--compare'" in capsys.readouterr().err
