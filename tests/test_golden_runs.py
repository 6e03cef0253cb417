"""The shipped specs do what they did: a guard against change, no proof (`tests.golden_runs`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT, SPECS
from tests.golden_runs import ANSWERS, NOTE, digest, statistics

KEPT = json.loads(ANSWERS.read_text("utf-8"))
TODO = 'meant? then: python -m tests.golden_runs "what changed, and why it may", and the same words into CHANGELOG.md'


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_does_what_it_did(path: Path, small: Path) -> None:
    found, kept = statistics(path, small), KEPT["specs"].get(path.stem)

    assert kept is not None, f"{path.stem} is new. {TODO}"
    for name, value in found.items():
        expected = pytest.approx(kept[name], rel=1e-9) if isinstance(value, float) else kept[name]
        assert value == expected, f"{name} of {path.stem} was {kept[name]}, is {value}. {TODO}"


def test_every_change_of_the_statistics_has_its_reason_in_the_changelog() -> None:
    changelog = " ".join((ROOT / "CHANGELOG.md").read_text("utf-8").split())

    assert KEPT["note"] == NOTE
    assert KEPT["changes"][-1]["digest"] == digest(KEPT["specs"]), f"written by hand? {TODO}"
    for change in KEPT["changes"][1:]:
        assert change["reason"] in changelog, f"CHANGELOG.md lacks {change['reason']!r}"


def test_no_spec_is_kept_that_is_no_longer_shipped() -> None:
    assert set(KEPT["specs"]) == {path.stem for path in SPECS}
