"""The fact tables: every id the code cites is a row, and every row says how sure it is and why."""

from __future__ import annotations

import ast
import csv
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_architecture import PACKAGES

FACTS = ROOT / "data" / "facts"
#: A citation: the letter of a section and a number (A2, H10), a golden number (GT1), an article (S001).
CITED = re.compile(r"\b(?:[A-I][1-9][0-9]?|GT[1-9][0-9]?|S[0-9]{3})\b")
#: Ways of citing that nobody without the notes behind the project can follow.
UNRESOLVABLE = re.compile(r"\[Z\]|\b(?:seed [0-9]{3}|traps? [A-Z][0-9]+)\b", re.IGNORECASE)
#: An address may hold percent escapes that look like ids.
ADDRESS = re.compile(r"https?://\S+")
#: High, medium, low, background knowledge.
CONFIDENCES = {"H", "M", "L", "B"}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def prose(source: str) -> Iterator[str]:
    """Yield what a module says to its reader: docstrings, comments, and sources of facts."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Call):
            yield from _sources(node)


def _sources(call: ast.Call) -> Iterator[str]:
    """Yield the text of a ``source=`` and of the second argument of ``Dated``."""
    found = [keyword.value for keyword in call.keywords if keyword.arg == "source"]
    if isinstance(call.func, ast.Name) and call.func.id == "Dated":
        found += call.args[1:2]
    for node in found:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def said() -> Iterator[tuple[str, str]]:
    """Yield (file, text) of everything that may cite: modules, specs and the fact tables themselves."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from ((path.relative_to(ROOT).as_posix(), text) for text in prose(path.read_text("utf-8")))
    for path in sorted((ROOT / "backtests" / "specs").glob("*.toml")):
        yield path.name, path.read_text("utf-8")
    for path in sorted(FACTS.glob("*.csv")):
        for row in table(path):
            yield path.name, ADDRESS.sub("", f"{row.get('fact', '')} {row['source']}")


def test_the_reader_of_modules_finds_a_citation_wherever_one_can_stand() -> None:
    source = '"""One (A1)."""\nx = Dated((), "B2, H")  # C3\ndef f():\n    """D4."""\n    return K(source="E5"), "F6"\n'

    assert sorted(CITED.findall(" ".join(prose(source)))) == ["A1", "B2", "C3", "D4", "E5"]


def test_a_citation_is_told_from_a_code_and_a_tick() -> None:
    assert CITED.findall("A10, GT3 (S002) but not N225, E501, 285A, A0 or NPY002") == ["A10", "GT3", "S002"]


def test_every_id_that_is_cited_is_a_row_of_the_rules() -> None:
    ids = {row["id"] for row in table(FACTS / "rules.csv")}
    unknown = sorted({f"{name}: {i}" for name, text in said() for i in CITED.findall(text) if i not in ids})

    assert unknown == []


def test_nothing_is_cited_that_a_stranger_cannot_find() -> None:
    found = sorted({f"{name}: {hit}" for name, text in said() for hit in UNRESOLVABLE.findall(text)})

    assert found == []


def test_the_rules_have_unique_ids_and_one_confidence_each() -> None:
    rows = table(FACTS / "rules.csv")
    ids = [row["id"] for row in rows]

    assert list(rows[0]) == ["id", "fact", "confidence", "source"]
    assert len(set(ids)) == len(ids)
    assert [i for i in ids if not CITED.fullmatch(i)] == []
    assert {row["confidence"] for row in rows} <= CONFIDENCES
    assert [row["id"] for row in rows if not row["fact"].strip() or not row["source"].strip()] == []


@pytest.mark.parametrize("path", sorted(FACTS.glob("*.csv")), ids=lambda path: path.name)
def test_every_fact_has_a_confidence_and_a_source(path: Path) -> None:
    rows = table(path)
    blank = [
        f"row {number}: {column}"
        for number, row in enumerate(rows, 2)
        for column in ("confidence", "source")
        if not (row[column] or "").strip()
    ]

    assert rows
    assert blank == []
    assert all(None not in row for row in rows), "a row has more cells than the header"
