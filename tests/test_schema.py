"""The table of files: complete, consistent, and the one that ``data/README.md`` shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from indexsim.factor_rows import read_rows
from indexsim.gate import BOUNDS, LONGEST, read_table
from indexsim.known import rule_of
from indexsim.schema import FILES, readme_table

WORDS = "initial, add, remove, step, step cap, step phase-in, split, split-by-divisor, split-by-rule, rights, spin-off"
README = Path(__file__).resolve().parent.parent / "data" / "README.md"


def test_the_readme_shows_the_schema() -> None:
    """When this fails, paste what `readme_table` returns between the two marks of the README."""
    shown = re.search(r"<!-- schema -->\n(.*)<!-- end of schema -->", README.read_text("utf-8"), re.DOTALL)

    assert shown is not None
    assert shown[1] == readme_table()


def test_the_readme_shows_the_event_words(tmp_path: Path) -> None:
    """Each example of the README is an event to the reader of ``factors``."""
    table = re.search(r"<!-- events -->\n(.*)<!-- end of events -->", README.read_text("utf-8"), re.DOTALL)
    assert table is not None
    examples = re.findall(r"^\| `([^`]+)`", table[1], re.MULTILINE)
    lines = [f"2025-10-01,1332,1.0,{example}\n" for example in examples]
    (tmp_path / "factors.csv").write_text("effective_date,code,factor,event\n" + "".join(lines))
    frame, _ = read_table(tmp_path / "factors.csv", FILES["factors"])
    rows, findings = read_rows(frame, "factors.csv")

    assert not findings
    assert {row.word for row in rows} == set(WORDS.split(", "))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_described_in_full(name: str) -> None:
    schema = FILES[name]
    columns = [*schema.columns, *([schema.cells] if schema.cells else [])]
    names = [c.name for c in columns]

    assert schema.meaning
    assert len(set(names)) == len(names)
    assert set(schema.key) <= set(names)
    assert {c.kind for c in columns} <= {"date", *LONGEST, *BOUNDS}
    assert all(c.unit for c in columns if c.kind in BOUNDS), "a number has a unit"
    assert all(not schema.column(k).blank for k in schema.key), "a key is never blank"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("factors", "constituents")])
def test_every_number_has_a_release_rule_with_a_source(name: str) -> None:
    """Factors have moments of their own, constituents are not dated."""
    schema = FILES[name]
    numbers = [c.name for c in (*schema.columns, *([schema.cells] if schema.cells else [])) if c.kind in BOUNDS]

    assert all(rule_of(name, column).source for column in numbers)


def test_a_wide_file_is_indexed_by_date() -> None:
    assert [s.name for s in FILES.values() if s.wide] == ["closes", "opens", "volumes", "special_quotes"]
    assert all(s.date_indexed and s.tokyo for s in FILES.values() if s.wide)


def test_the_readme_says_where_each_fact_comes_from() -> None:
    listed = re.findall(r"^\| `(\w+\.csv)` \|", README.read_text("utf-8"), re.MULTILINE)

    assert listed == sorted(path.name for path in (README.parent / "facts").iterdir())
