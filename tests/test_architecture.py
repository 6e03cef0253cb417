"""The shape: which package may import which, no cycles, and what may stand nowhere in the tree."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ("indexsim", "strategies", "backtests")
#: A package imports only from those to its left, and itself.
ALLOWED = {"indexsim": {"indexsim"}, "strategies": {"indexsim", "strategies"}, "backtests": set(PACKAGES)}
#: Third parties that only one place may know.
ONLY_IN = {"backtrader": "backtests/engine/", "pyfolio": "backtests/report/"}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"), path


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Return the dotted names a file imports; ``from a import b`` gives a and a.b."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_the_arrow_points_one_way() -> None:
    breaches = [
        f"{name} imports {found}"
        for name, path in modules()
        for found in imports(path)
        if found.split(".")[0] in PACKAGES and found.split(".")[0] not in ALLOWED[name.split(".")[0]]
    ]

    assert breaches == []


def test_backtrader_and_pyfolio_are_known_in_one_place() -> None:
    breaches = [
        f"{name} imports {third}"
        for name, path in modules()
        for third in sorted({found.split(".")[0] for found in imports(path)} & set(ONLY_IN))
        if not path.relative_to(ROOT).as_posix().startswith(ONLY_IN[third])
    ]

    assert breaches == []


def test_there_are_no_import_cycles() -> None:
    known = dict(modules())
    edges = {name: imports(path, top_level_only=True) & set(known) - {name} for name, path in known.items()}
    # A package's own __init__ is loaded before its modules; what it imports from them is no cycle.
    edges = {name: {e for e in found if not name.startswith(f"{e}.")} for name, found in edges.items()}
    while leaves := {name for name, found in edges.items() if not found}:
        edges = {name: found - leaves for name, found in edges.items() if name not in leaves}

    assert edges == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name, path in modules() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]

    assert silent == []


def test_no_path_of_a_machine_stands_in_the_tree() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    endings = (".py", ".md", ".toml", ".cfg", ".csv", ".j2", "Makefile", "run")
    files = [ROOT / name for name in listed.stdout.split("\n") if name.endswith(endings)]
    marks = ("/home" + "/", "/ro" + "ot/", "/wo" + "rk/", "/tm" + "p/")
    found = [f"{p.name}: {mark}" for p in files if p.exists() for mark in marks if mark in p.read_text("utf-8")]

    assert found == []
