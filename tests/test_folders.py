"""A folder is replaced whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from indexsim import folders
from indexsim.errors import ToolError
from indexsim.folders import replacing


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its text."""
    return {str(p.relative_to(folder)): p.read_text("utf-8") for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run of an earlier time."""
    folder = tmp_path / "reports" / "run"
    (folder / "frames").mkdir(parents=True)
    (folder / "page").write_text("old", "utf-8")
    (folder / "frames" / "fills").write_text("old fills", "utf-8")
    return folder


def test_a_place_where_nothing_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    with pytest.raises(ToolError, match="Not a directory"), replacing(tmp_path / "file" / "a" / "market"):
        pass


OLD = {"page": "old", "frames/fills": "old fills"}


def replace(folder: Path, text: str = "new") -> None:
    with replacing(folder) as fresh:
        (fresh / "page").write_text(text, "utf-8")
        (fresh / "more").write_text(text, "utf-8")


def stop_half_way(folder: Path, error: BaseException) -> None:
    with replacing(folder) as fresh:
        (fresh / "page").write_text("half of a pa", "utf-8")
        raise error


def test_a_new_folder_appears_with_its_parents(tmp_path: Path) -> None:
    replace(tmp_path / "a" / "b")

    assert tree(tmp_path) == {"a/b/page": "new", "a/b/more": "new"}
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]


def test_an_old_folder_is_replaced_whole(run: Path) -> None:
    replace(run)

    assert tree(run) == {"page": "new", "more": "new"}
    assert [p.name for p in run.parent.iterdir()] == ["run"]


def test_the_old_folder_stands_until_the_block_ends(run: Path) -> None:
    with replacing(run) as fresh:
        (fresh / "page").write_text("new", "utf-8")

        assert tree(run) == OLD
        assert fresh.parent == run.parent  # the same file system: a rename suffices
        assert fresh.name.startswith(".")


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_an_error_or_an_interrupt_leaves_the_old_folder_and_no_litter(run: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        stop_half_way(run, error("stop"))

    assert tree(run) == OLD
    assert [p.name for p in run.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_a_first_run_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        stop_half_way(tmp_path / "run", error("stop"))

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept_away(run: Path) -> None:
    with replacing(run) as fresh:
        litter = fresh
    litter.mkdir()
    (litter / "page").write_text("left behind", "utf-8")
    replace(run)

    assert tree(run) == {"page": "new", "more": "new"}
    assert [p.name for p in run.parent.iterdir()] == ["run"]


def test_the_folder_is_never_missing(run: Path) -> None:
    """Somebody looks for it all the while."""
    if not folders._exchange(run, run):
        pytest.skip("this file system cannot swap two folders in one step")
    seen: list[bool] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(run.is_dir())

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(300):
        replace(run, str(n))
    stop.set()
    reader.join()

    assert len(seen) > 100
    assert all(seen)


@pytest.fixture
def no_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without an atomic exchange of two paths."""
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)


@pytest.mark.usefixtures("no_swap")
def test_without_an_atomic_swap_the_folder_is_still_replaced_whole(run: Path) -> None:
    replace(run)

    assert tree(run) == {"page": "new", "more": "new"}
    assert [p.name for p in run.parent.iterdir()] == ["run"]


@pytest.mark.usefixtures("no_swap")
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_without_an_atomic_swap_a_failing_one_brings_the_old_folder_back(
    run: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == run and ".old." not in self.name:
            raise error("stop")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(error):
        replace(run)

    assert tree(run) == OLD
    assert [p.name for p in run.parent.iterdir()] == ["run"]
