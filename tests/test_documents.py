"""What README.md and ARCHITECTURE.md say of the tree, held to the tree."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from backtests.arguments import VERBS, read
from tests.conftest import ROOT
from tests.test_architecture import modules

README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
#: What stands in the table in the type of a file and is none.
NO_FILES = {"factors", "backtrader.Strategy"}
#: What README writes for a value of the reader's.
PLACES = {"DATE": "2021-01-04", "D": "2021-01-04", "D2": "2021-06-30"}


def table(title: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    lines = ARCHITECTURE.split(f"# {title}\n\n", 1)[1].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def files(cell: str) -> Iterator[tuple[str, list[Path]]]:
    """Yield each name of a cell with the files it can mean, from the folder named before it upwards."""
    base = ROOT
    for name in re.findall(r"`([^`]+)`", cell):
        folders = [*(f for f in (base, *base.parents) if ROOT in f.parents), ROOT]
        found = [p for f in folders for ending in ("", ".py") for p in f.glob(name + ending)]
        if "/" in name and found:
            base = found[0] if found[0].is_dir() else found[0].parent
        yield name, found


def test_every_file_of_the_table_exists() -> None:
    lost = [name for row in table("Where a change belongs") for name, found in files(row[1]) if not found]

    assert set(lost) == NO_FILES


def test_every_module_is_found_from_the_table() -> None:
    """By its own name, or by that of a package it lies in."""
    named = {path for row in table("Where a change belongs") for _, found in files(row[1]) for path in found[:1]}
    known = [path for _, path in modules() if path.name != "__init__.py"]
    lost = [p.relative_to(ROOT).as_posix() for p in known if not named & {p, *p.parents}]

    assert lost == []


@pytest.mark.parametrize("title", ["Where a change belongs", "The nouns", "Dependencies"])
def test_no_row_stands_twice(title: str) -> None:
    first = [row[0] for row in table(title)]

    assert len(first) > 5
    assert sorted(set(first)) == sorted(first)


def test_the_nouns_live_where_the_table_says() -> None:
    known = {name for name, _ in modules()}
    packages = {f"{name}." for name in known}
    for noun, where, _ in table("The nouns"):
        for name in re.findall(r"`([\w.]+)`", where):
            full = f"backtests{name}" if name.startswith(".") else name

            assert full in known or f"{full}." in packages, noun


def test_the_table_of_dependencies_is_setup_cfg() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    groups = {"": setup["options"]["install_requires"], **setup["options.extras_require"]}
    asked = {group: {re.split(r"[<>=]", line)[0] for line in text.split()} for group, text in groups.items()}
    said: dict[str, set[str]] = {group: set() for group in asked}
    for cell, *_ in table("Dependencies"):
        group, _, names = cell.rpartition(": ")
        said[group] |= set(re.findall(r"[\w-]+", names.replace("(with ", "(")))
    # The tests need what the other extras bring; its reason stands there.
    asked["test"] -= {name for group, names in asked.items() if group != "test" for name in names}

    assert said == asked


def commands() -> list[list[str]]:
    """Return the words of every command line of README that calls the tool, its places filled in."""
    lines = re.findall(r"^\S*\$ python -m backtests (.+)$", README, re.MULTILINE)
    return [[PLACES.get(word, word) for word in shlex.split(line, comments=True)] for line in lines]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_of_the_readme_is_one(words: list[str]) -> None:
    assert read(words).verb in VERBS


def test_the_readme_shows_every_verb() -> None:
    """The demo is ``make run``."""
    assert {read(words).verb for words in commands()} == set(VERBS) - {"demo"}


def test_targets_and_links_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README + ARCHITECTURE)

    assert set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`make .+?`|\$ make .+", README)))) <= targets
    assert [link for link in links if not (ROOT / link).exists()] == []
