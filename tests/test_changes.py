"""What changed since the previous report: which one that is, without a clock; what differs; equal bytes again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from backtests.report.changes import changes, write_changes

WRITTEN = ("changes.json", "changes.html")
ALERT = "<script>alert(1)</script>"


def stored(shelf: Path, run_id: str, name: str = "gate", spec: str = "cash = 5\n", **changed: Any) -> Path:
    """Write a run's folder as `changes` reads it, and what changed; return the folder."""
    folder = shelf / run_id
    folder.mkdir(parents=True, exist_ok=True)
    report = {
        "name": name, "run_id": run_id, "data": {"fingerprint": "f"}, "code": "c", "packages": {"numpy": "2"},
        "net": {"total_return": 0.10, "sharpe": None}, "costs_total": 100.0, "rejected_total": 0,
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps(report | changed), "utf-8")
    (folder / "spec.toml").write_text(spec, "utf-8")
    write_changes(folder)
    return folder


def previous(folder: Path) -> str | None:
    found = json.loads((folder / "changes.json").read_text("utf-8"))["previous"]
    return None if found is None else str(found)


def test_runs_of_a_name_follow_each_other_in_the_order_they_came(tmp_path: Path) -> None:
    # Names in an order that is neither theirs nor its reverse.
    folders = [stored(tmp_path, run_id) for run_id in ("b", "c", "a", "d")]
    stored(tmp_path, "z", name="other")

    assert [previous(folder) for folder in folders] == [None, "b", "c", "a"]
    assert previous(tmp_path / "z") is None


def test_a_run_written_again_keeps_its_bytes(tmp_path: Path) -> None:
    first, second, third = (stored(tmp_path, run_id) for run_id in ("b", "c", "a"))
    before = {folder: [(folder / name).read_bytes() for name in WRITTEN] for folder in (first, second, third)}
    for folder in (second, first, third, first):
        write_changes(folder)

    assert {folder: [(folder / name).read_bytes() for name in WRITTEN] for folder in before} == before


def test_a_run_whose_folder_was_replaced_keeps_its_record(tmp_path: Path) -> None:
    stored(tmp_path, "b")
    stored(tmp_path, "c")
    stored(tmp_path, "a")
    # One of an older version, which has no record and could have been the one before.
    shutil.copytree(tmp_path / "a", tmp_path / "z")
    (tmp_path / "z" / "changes.json").unlink()
    text = (tmp_path / "z" / "report.json").read_text("utf-8")
    (tmp_path / "z" / "report.json").write_text(text.replace('"a"', '"z"'), "utf-8")
    # As a run writes it: into a sibling that takes the place of the folder afterwards.
    fresh = tmp_path / ".c.1234"
    fresh.mkdir()
    for name in ("report.json", "spec.toml"):
        shutil.copy(tmp_path / "c" / name, fresh)
    write_changes(fresh)

    assert (fresh / "changes.html").read_bytes() == (tmp_path / "c" / "changes.html").read_bytes()


def test_a_run_taken_away_and_made_again_has_the_same_one_before_it(tmp_path: Path) -> None:
    stored(tmp_path, "b")
    stored(tmp_path, "c")
    shutil.rmtree(tmp_path / "b")

    assert previous(stored(tmp_path, "b")) is None
    assert previous(stored(tmp_path, "d")) == "c"


def test_a_copy_under_another_name_takes_no_part(tmp_path: Path) -> None:
    shutil.copytree(stored(tmp_path / "elsewhere", "b"), tmp_path / "example")

    assert previous(stored(tmp_path, "c")) is None


def test_a_previous_report_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    stored(tmp_path, "b")
    folder = stored(tmp_path, "c")
    shutil.rmtree(tmp_path / "b")
    write_changes(folder)
    page = (folder / "changes.html").read_text("utf-8")

    assert changes(folder)["folder_why"] == "the report b is no longer beside it"
    assert "../b/" not in page


def test_of_several_ends_the_longest_chain_wins_then_the_name(tmp_path: Path) -> None:
    for run_id in ("x", "y", "m"):
        stored(tmp_path, run_id)
    for run_id in ("a", "p"):
        (tmp_path / run_id).mkdir()
        for name in ("report.json", "spec.toml"):
            text = (tmp_path / "x" / name).read_text("utf-8").replace('"x"', f'"{run_id}"')
            (tmp_path / run_id / name).write_text(text, "utf-8")

    assert previous(stored(tmp_path, "new")) == "m"
    for run_id in ("x", "y", "m", "new"):
        shutil.rmtree(tmp_path / run_id)
    assert previous(stored(tmp_path, "other")) == "p"


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"spec": "cash = 6\n"}, "The spec differs."),
        ({"data": {"fingerprint": "g"}}, "The data differ."),
        ({"code": "d"}, "The code differs."),
        ({"packages": {"numpy": "3"}}, "The versions of the libraries differ."),
        ({}, "The strategy's own file differs: spec, data and code are the same."),
    ],
)
def test_each_cause_is_named_alone(changed: dict[str, Any], cause: str, tmp_path: Path) -> None:
    stored(tmp_path, "b")

    assert changes(stored(tmp_path, "c", **changed))["causes"] == [cause]


def test_keys_of_the_spec_are_compared_and_places_are_not(tmp_path: Path) -> None:
    stored(tmp_path, "b", spec='market = ["x"]\nfrom = 2020-01-06\n[params]\nsma = 10\nlow = 2\n')
    found = changes(stored(tmp_path, "c", spec='market = ["y"]\nclaim = "it pays"\n[params]\nsma = 20\nlow = 2\n'))

    assert [(row["key"], row["before"], row["after"]) for row in found["spec"]] == [
        ("claim", None, "it pays"),
        ("from", "2020-01-06", None),
        ("params.sma", "10", "20"),
    ]
    assert found["spec"][0]["before_why"] == "not in that spec"


def test_figures_stand_beside_those_before(tmp_path: Path) -> None:
    stored(tmp_path, "b")
    folder = stored(tmp_path, "c", net={"total_return": 0.15, "sharpe": 0.5}, costs_total=130.0, rejected_total=2)
    rows = {row["figure"]: row for row in changes(folder)["figures"]}

    assert rows["Net return [%]"]["change"] == pytest.approx(0.05)
    assert rows["Costs [yen]"]["change"] == 30.0
    assert rows["Rejected orders"]["change"] == 2
    assert (rows["Sharpe ratio, net"]["before"], rows["Sharpe ratio, net"]["change"]) == (None, None)
    assert rows["Sharpe ratio, net"]["before_why"] == "not defined for that run"


def test_what_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    stored(tmp_path, "b", name=ALERT, spec=f'claim = "{ALERT}"\n')
    page = (stored(tmp_path, "c", name=ALERT, spec='claim = "x"\n') / "changes.html").read_text("utf-8")

    assert page.count("<script") == 1
    assert page.count("&lt;script&gt;") >= 2


def test_a_report_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    stored(tmp_path, "b")
    for text in ("{", "[1]"):
        (tmp_path / "broken").mkdir(exist_ok=True)
        (tmp_path / "broken" / "report.json").write_text(text, "utf-8")

        assert previous(stored(tmp_path, "c")) == "b"
