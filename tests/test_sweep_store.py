"""A sweep's chunks: whole or absent, found out when damaged, the same bytes from whoever writes them."""

from __future__ import annotations

import errno
import hashlib
import inspect
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtests.sweeps import lock, tables
from backtests.sweeps.lock import StoreError, held, whole, write_json
from backtests.sweeps.store import Store
from backtests.sweeps.tables import status
from indexsim.errors import SpecError
from tests.conftest import ROOT, count

KEY = "ab" * 32
LISTS = pa.list_(pa.float32(), 3)


def chunk(number: int, size: int = 4) -> pa.Table:
    """A chunk of `size` trials; trial t has sharpe t / 4 and sums t, t + 0.5, t + 0.25. Every third trial failed."""
    trials = np.arange(number * size, (number + 1) * size)
    sums = [[float(t), t + 0.5, t + 0.25] if t % 3 else None for t in trials]
    return pa.table(
        {
            "trial": trials,
            "low": pa.array(["a" if t % 2 else "b" for t in trials]),
            "status": np.where(trials % 3, 0, 1).astype(np.int8),
            "why": ["" if t % 3 else "no price" for t in trials],
            "sharpe": pa.array([t / 4 if t % 3 else None for t in trials], pa.float64()),
            "log_sum": pa.array(sums, LISTS),
            "log_square": pa.array([s and [x * x for x in s] for s in sums], LISTS),
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of three chunks, none written."""
    return Store(tmp_path / "sweep", KEY, 3)


#: What a program of `run` begins with; it does not import the tests, which takes seconds.
HEAD = f"""
import sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from backtests.sweeps.lock import StoreError
from backtests.sweeps.store import Store
KEY = {KEY!r}
LISTS = pa.list_(pa.float32(), 3)
"""


def fresh(store: Store) -> Store:
    """Another coordinator's view of the same folder."""
    return Store(store.folder, store.key, store.chunks)


def names(store: Store, part: str = "chunks") -> list[str]:
    folder = store.folder / part
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def run(program: str, *arguments: object, seed: str = "0") -> subprocess.Popen[str]:
    """Start a Python program in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
    head = HEAD + inspect.getsource(chunk)
    command = [sys.executable, "-c", head + program, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, text=True, stdout=subprocess.PIPE)


# What is written is read.


def test_a_chunk_comes_back_as_it_was(store: Store) -> None:
    store.write(1, chunk(1))

    assert store.read(1).equals(chunk(1))
    assert store.read(1).schema.field("log_sum").type == LISTS
    assert store.done() == {1}


def test_chunks_come_in_their_order_not_in_that_of_writing(store: Store) -> None:
    for number in (2, 0, 1):
        store.write(number, chunk(number))

    assert [t["trial"].to_pylist() for t in store.tables(["trial"])] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert store.frame()["trial"].tolist() == list(range(12))
    assert list(store.frame()) == ["trial", "low", "status", "why", "sharpe"]
    assert list(store.frame(["sharpe", "trial"])) == ["sharpe", "trial"]


def test_the_order_is_that_of_numbers_beyond_six_digits(tmp_path: Path) -> None:
    store = Store(tmp_path, KEY, 2_000_000)
    for number in (1_000_000, 999_999):
        store.write(number, chunk(number, 1))

    assert store.frame()["trial"].tolist() == [999_999, 1_000_000]
    assert store.read(1_000_000)["trial"].to_pylist() == [1_000_000]


def test_blocks_hold_the_trials_that_are_done(store: Store) -> None:
    store.write(0, chunk(0))
    ((sums, squares),) = store.blocks()

    assert sums.dtype == np.float64
    assert sums.tolist() == [[1.0, 1.5, 1.25], [2.0, 2.5, 2.25]]  # trials 0 and 3 failed
    assert squares.tolist() == [[1.0, 2.25, 1.5625], [4.0, 6.25, 5.0625]]
    assert [part[0].tolist() for part in store.blocks("log_sum")] == [sums.tolist()]


def test_a_chunk_without_a_trial_is_a_chunk(store: Store) -> None:
    for number in (0, 2):
        store.write(number, chunk(number))
    store.write(1, chunk(1)[:0])

    assert fresh(store).done() == {0, 1, 2}
    assert len(list(store.blocks())) == 2
    assert pq.read_table(store.finish())["trial"].to_pylist() == [0, 1, 2, 3, 8, 9, 10, 11]


def test_what_is_not_there_is_said(store: Store) -> None:
    store.write(0, chunk(0))
    with pytest.raises(StoreError, match=r"read chunk 2 .*1 of 3 chunks are not there: 2"):
        store.read(2)
    with pytest.raises(StoreError, match="2 of 3 chunks are not there: 1, 2"):
        store.finish()

    assert not (store.folder / "table.parquet").exists()


@pytest.mark.parametrize("number", [-1, 3])
def test_a_number_outside_the_sweep_is_a_defect(store: Store, number: int) -> None:
    with pytest.raises(ValueError, match="of 3"):
        store.write(number, chunk(0))


def test_trials_that_fall_or_repeat_are_a_defect(store: Store) -> None:
    for wrong in (chunk(0).take([1, 0]), chunk(0).take([0, 0])):
        with pytest.raises(ValueError, match="do not rise"):
            store.write(0, wrong)
    for number in range(3):
        store.write(number, chunk(0))
    with pytest.raises(ValueError, match="overlap"):
        store.finish()


# The same bytes.


def test_the_name_says_the_number_and_the_hash_of_the_bytes(store: Store) -> None:
    path = store.write(1, chunk(1))

    assert path.name == f"000001-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.parquet"


def test_how_a_table_was_put_together_does_not_show(store: Store) -> None:
    wide = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(5000 * 100, dtype=np.float32)), 100)  # several pages
    straight = chunk(0, 5000).set_column(5, "log_sum", wide)
    pieces = pa.concat_tables([straight[:1], straight[1:1025], straight[1025:]])
    cut = pa.concat_tables([straight, straight]).combine_chunks()[:5000]
    noted = straight.replace_schema_metadata({"pandas": "something"})
    paths = {store.write(0, table) for table in (straight, pieces, cut, noted)}

    assert len(paths) == 1
    assert len(names(store)) == 1


def test_any_process_writes_the_same_bytes(tmp_path: Path) -> None:
    program = """
store = Store(Path(sys.argv[1]), KEY, 3)
for number in range(3): store.write(number, chunk(number))
store.finish()
"""
    runs = [run(program, tmp_path / seed, seed=seed) for seed in "012"]
    assert [r.wait(60) for r in runs] == [0, 0, 0]
    for r in runs:
        r.communicate()
    files = [{p.name: p.read_bytes() for p in (tmp_path / seed).rglob("*.parquet")} for seed in "012"]

    assert len(files[0]) == 4
    assert files[0] == files[1] == files[2]


def test_the_table_of_all_holds_the_trials_in_order_a_row_group_a_chunk(store: Store) -> None:
    for number in (1, 2, 0):
        store.write(number, chunk(number))
    with pq.ParquetFile(store.finish()) as file:
        table, groups = file.read(), file.num_row_groups

    assert groups == 3
    assert table.column_names == ["trial", "low", "status", "why", "sharpe"]
    assert table.to_pandas().equals(pa.concat_tables(map(chunk, range(3))).to_pandas().iloc[:, :5])
    assert tables.read_footer(store.folder / "table.parquet") == tables.Footer(KEY, 0, 11, 8, 4, 0)


# Damage.


def damaged_by(store: Store, damage: Callable[[Path], object]) -> str:
    """Damage the file of chunk 1, and return what another coordinator finds; it must run the chunk again."""
    for number in range(3):
        path = store.write(number, chunk(number))
    path = next((store.folder / "chunks").glob("000001-*"))
    damage(path)
    other = fresh(store)
    assert other.done() == {0, 2}
    assert [p.name for p in (store.folder / "damaged").iterdir()] == [d.name for d in other.damaged]
    other.write(1, chunk(1))
    assert fresh(other).done() == {0, 1, 2}
    assert len(names(store)) == 3
    (only,) = other.damaged
    return only.found


def test_a_flipped_bit_anywhere_is_found(store: Store) -> None:
    whole_bytes = store.write(0, chunk(0)).read_bytes()
    path = next((store.folder / "chunks").iterdir())
    missed = []
    for at in {*range(0, len(whole_bytes), 1 + len(whole_bytes) // count(3000)), 0, len(whole_bytes) - 1}:
        content = bytearray(whole_bytes)
        content[at] ^= 1
        path.write_bytes(content)
        if fresh(store).done():
            missed.append(at)
        (store.folder / "damaged" / path.name).unlink(missing_ok=True)

    assert missed == []


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_truncated_file_is_found(store: Store, keep: int) -> None:
    found = damaged_by(store, lambda path: path.write_bytes(path.read_bytes()[:keep]))

    assert found.startswith("damaged: its bytes hash to ")


def test_an_appended_byte_is_found(store: Store) -> None:
    assert damaged_by(store, lambda path: path.write_bytes(path.read_bytes() + b"\0")).startswith("damaged")


@pytest.mark.parametrize("name", ["notes.txt", "000001.parquet", "000001-0123.parquet"])
def test_another_name_is_no_chunk(store: Store, name: str) -> None:
    assert damaged_by(store, lambda path: path.rename(path.with_name(name))) == "no file of a chunk"


def test_a_folder_in_place_of_a_chunk_is_set_aside(store: Store) -> None:
    def damage(path: Path) -> None:
        path.unlink()
        path.mkdir()

    assert damaged_by(store, damage).startswith("cannot be read")


@pytest.mark.parametrize("number", [2, 7])
def test_a_chunk_under_another_number_is_foreign(store: Store, number: int) -> None:
    store.write(1, chunk(1))
    path = next((store.folder / "chunks").iterdir())
    path.rename(path.with_name(path.name.replace("000001", f"{number:06d}")))
    other = fresh(store)

    assert other.done() == set()
    assert [d.found for d in other.damaged] == ["of another sweep or another chunk"]


def test_a_chunk_of_another_sweep_is_foreign(store: Store) -> None:
    Store(store.folder, "cd" * 32, 3).write(1, chunk(1))
    own = store.write(2, chunk(2))
    other = fresh(store)

    assert other.done() == {2}
    assert [d.found for d in other.damaged] == ["of another sweep or another chunk"]
    assert names(store) == [own.name]


def test_a_chunk_beyond_the_last_is_foreign(store: Store) -> None:
    Store(store.folder, KEY, 4).write(3, chunk(3))

    assert fresh(store).done() == set()


def test_a_right_hash_does_not_make_a_parquet_file(store: Store) -> None:
    store.write(0, chunk(0))
    (store.folder / "chunks" / tables.file_name(1, b"PAR1 no PAR1")).write_bytes(b"PAR1 no PAR1")

    assert fresh(store).done() == {0}


def test_two_files_of_one_chunk_that_differ_are_both_run_again(store: Store) -> None:
    store.write(0, chunk(0))
    store.write(1, chunk(1))
    store.write(1, chunk(1).set_column(4, "sharpe", pa.array([9.0] * 4)))
    with pytest.raises(StoreError, match="read chunk 1"):
        store.read(1)
    other = fresh(store)

    assert other.done() == {0}
    assert len(other.damaged) == 2
    assert all("differ" in d.found for d in other.damaged)


def test_damage_after_the_check_is_seen(store: Store) -> None:
    path = store.write(0, chunk(0))
    assert store.done() == {0}
    path.write_bytes(path.read_bytes()[:-1])

    assert store.done() == set()


def test_a_file_is_hashed_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        store.write(number, chunk(number))
    other, hashed = fresh(store), []
    digest = tables._digest
    monkeypatch.setattr(tables, "_digest", lambda path: hashed.append(path) or digest(path))
    for _ in range(3):
        other.done()
        list(other.tables())

    assert len(hashed) == 3


# A write that stops half-way.


def test_bytes_are_on_the_disk_before_their_name_and_the_name_before_the_return(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(0, chunk(0))  # makes the folder
    seen: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle: int) -> None:
        seen.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else f"file of {os.fstat(handle).st_size}")
        fsync(handle)

    def watched_replace(part: Path, path: Path) -> None:
        seen.append("name")
        replace(part, path)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    path = store.write(1, chunk(1))

    assert seen == [f"file of {path.stat().st_size}", "name", "folder"]


class Full:
    """A file on a disk that takes 100 bytes and no more."""

    def __init__(self, file: BinaryIO, number: int) -> None:
        self.file, self.number, self.left = file, number, 100

    def write(self, content: Any) -> int:
        self.file.write(bytes(content)[: self.left])
        self.left -= len(content)
        if self.left < 0:
            raise OSError(self.number, os.strerror(self.number))
        return len(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


TODO = {
    errno.ENOSPC: "free {} and give",
    errno.EDQUOT: "free {} of your quota and give",
    errno.EFBIG: "allow larger files (`ulimit -f`), {} in all, and give",
    errno.EIO: "check the disk (`dmesg`) and give",
}


@pytest.mark.parametrize("number", TODO)
def test_a_disk_that_takes_half_a_chunk_keeps_nothing_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store.write(0, chunk(0))
    size = len(tables.encode(chunk(1), KEY, 1))
    opened = lock._opened_part

    def failing(path: Path) -> tuple[Path, Any]:
        part, file = opened(path)
        return part, Full(file, number)

    monkeypatch.setattr(lock, "_opened_part", failing)
    with pytest.raises(StoreError) as caught:
        store.write(1, chunk(1))
    monkeypatch.undo()

    assert caught.value.asked == f"write chunk 1 of 3 in {store.folder}"
    assert caught.value.found.startswith(os.strerror(number))
    assert "nothing half-written" in caught.value.rule
    assert caught.value.todo.startswith(TODO[number].format(lock.size(2 * size)))  # chunks 1 and 2 are to come
    assert caught.value.todo.endswith("the same command: finished chunks are kept")
    assert [name[:6] for name in names(store)] == ["000000"]
    store.write(1, chunk(1))
    assert fresh(store).done() == {0, 1}


def test_a_disk_that_takes_half_a_table_keeps_the_one_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        store.write(number, chunk(number))
    before = store.finish().read_bytes()
    opened = lock._opened_part
    monkeypatch.setattr(lock, "_opened_part", lambda p: (lambda part, file: (part, Full(file, 28)))(*opened(p)))
    with pytest.raises(StoreError, match=r"table.parquet: No space left.*free 1 kB and give the same command"):
        store.finish()

    assert sorted(p.name for p in store.folder.iterdir()) == ["chunks", "table.parquet"]
    assert (store.folder / "table.parquet").read_bytes() == before


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_said(store: Store, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refusing(path: Path) -> tuple[Path, BinaryIO]:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(lock, "_opened_part", refusing)
    with pytest.raises(StoreError, match=r"make the folder writable, or give another --out, and give the same"):
        store.write(1, chunk(1))
    with pytest.raises(StoreError, match="make the folder writable"):
        write_json(store.folder / "plan.json", {})

    assert names(store) == []


def test_a_real_limit_of_file_size_is_met_like_a_full_disk(tmp_path: Path) -> None:
    program = """
import resource
store = Store(Path(sys.argv[1]), KEY, 3)
store.write(0, chunk(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    store.write(1, chunk(1, 10_000))
except StoreError as error:
    print(error.found, "|", error.todo)
"""
    said, _ = run(program, tmp_path).communicate(timeout=60)

    assert said.startswith("File too large")
    assert "ulimit -f" in said
    assert "finished chunks are kept" in said
    assert len(list((tmp_path / "chunks").iterdir())) == 1
    assert Store(tmp_path, KEY, 3).done() == {0}


def stop_half_way(path: Path, stop: type[BaseException]) -> None:
    with whole(path) as file:
        file.write(b"half")
        raise stop


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interrupt_leaves_the_old_file_and_no_litter(tmp_path: Path, stop: type[BaseException]) -> None:
    path = tmp_path / "plan.json"
    write_json(path, {"key": "a", "chunks": 2})
    with pytest.raises(stop):
        stop_half_way(path, stop)

    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]
    assert json.loads(path.read_text("utf-8")) == {"key": "a", "chunks": 2}


def test_json_refuses_what_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "plan.json", {"x": float("nan")})

    assert list(tmp_path.iterdir()) == []


def test_an_error_survives_the_way_from_a_worker() -> None:
    error = StoreError(asked="a", found="b", rule="c", todo="d")
    back = pickle.loads(pickle.dumps(error))

    assert isinstance(back, StoreError)
    assert back.as_dict() == error.as_dict()
    assert str(back) == str(error)


def test_leftovers_of_the_dead_are_removed_and_files_of_the_living_are_not(store: Store) -> None:
    store.write(0, chunk(0))
    left = store.folder / "chunks" / f".000001-{'0' * 16}.parquet.{'a' * 32}.part"
    left.write_bytes(b"half")
    target = store.folder / "chunks" / "note"
    with whole(target) as file:
        assert store.done() == {0}
        file.write(b"later")

    assert not left.exists()
    assert target.read_bytes() == b"later"
    assert store.damaged == []


WRITER = """
store = Store(Path(sys.argv[1]), KEY, 60)
print("go", flush=True)
for number in sorted(set(range(60)) - store.done()):
    store.write(number, chunk(number, 500))
"""


def killed_after(seconds: float, folder: Path) -> Store:
    """Return what a writer leaves that is killed so long after it began."""
    with run(WRITER, folder) as writer:
        assert writer.stdout
        writer.stdout.readline()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
    return Store(folder, KEY, 60)


def test_a_writer_killed_at_any_moment_leaves_whole_chunks_and_the_rest_can_follow(tmp_path: Path) -> None:
    straight = Store(tmp_path / "straight", KEY, 60)
    for number in range(60):
        straight.write(number, chunk(number, 500))
    expected, moments = straight.finish().read_bytes(), random.Random(7)
    for moment in range(count(30)):
        store = killed_after(moments.uniform(0, 0.2), tmp_path / str(moment))
        left = names(store)
        there = store.done()
        assert store.damaged == []
        assert names(store) == [name for name in left if not name.endswith(".part")]
        assert len(there) == len(names(store))
        for number in set(range(60)) - there:
            store.write(number, chunk(number, 500))

        assert store.finish().read_bytes() == expected
        assert names(store) == names(straight)


# Queries.


def test_a_query_answers_the_same_before_and_after_the_table_of_all_is_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "it's [a] *sweep?" / "x=1", KEY, 3)
    for number in range(3):
        store.write(number, chunk(number))
    what = "select low, count(*) as n, max(sharpe) as best from trials"
    sql = f"{what} where trial < $end and status = 0 group by low order by low"
    expected = pd.DataFrame({"low": ["a", "b"], "n": [3, 3], "best": [7 / 4, 8 / 4]})  # a 1 5 7, b 2 4 8

    pd.testing.assert_frame_equal(store.query(sql, end=10), expected)
    columns = list(store.query("select * from trials limit 0"))
    store.finish()
    pd.testing.assert_frame_equal(fresh(store).query(sql, end=10), expected)
    assert columns == list(store.query("from trials limit 0")) == ["trial", "low", "status", "why", "sharpe"]


def test_a_query_does_not_take_the_table_of_another_sweep(store: Store) -> None:
    other = Store(store.folder, "cd" * 32, 1)
    other.write(0, chunk(2))
    other.finish()
    store.write(0, chunk(0))

    assert store.query("select max(trial) as last from trials")["last"].tolist() == [3]


@pytest.mark.parametrize(
    "sql",
    [
        "copy trials to '{folder}/out.csv'",
        "select 1; drop view trials",
        "drop view trials",
        "set threads = 9",
        "select * from read_csv('{folder}/plan.json')",
        "selekt 1",
        "select $missing",
        "select nothing from trials",
        "",
    ],
)
def test_a_query_reads_the_trials_and_nothing_else(store: Store, sql: str) -> None:
    store.write(0, chunk(0))
    write_json(store.folder / "plan.json", {"a": 1})
    with pytest.raises(SpecError) as caught:
        store.query(sql.format(folder=store.folder))

    assert sorted(p.name for p in store.folder.iterdir()) == ["chunks", "plan.json"]
    assert caught.value.asked.startswith("query the trials")


def test_without_a_chunk_there_is_nothing_to_query(store: Store) -> None:
    with pytest.raises(SpecError, match="once a chunk is finished"):
        store.query("select * from trials")

    assert store.done() == set()
    assert len(store.frame(["trial"])) == 0


# Status.


def planned(store: Store) -> None:
    store.folder.mkdir(parents=True)
    plan = {"key": store.key, "chunks": store.chunks, "planned": 12, "chunk": 4, "identity": {}}
    write_json(store.folder / "plan.json", plan)


def test_status_counts_trials_and_chunks_and_measures_the_rate(store: Store) -> None:
    planned(store)
    empty = status(store.folder)
    for number, at in ((0, 1000), (2, 1001), (1, 1004)):
        os.utime(store.write(number, chunk(number)), (at, at))
    (store.folder / "chunks" / f"000001-{'0' * 16}.parquet").write_bytes(b"broken")
    said = status(store.folder)

    assert (empty["done"], empty["chunks"], empty["rate"], empty["last_write"]) == (0, {"done": 0, "of": 3}, None, None)
    assert "fewer than two" in empty["why"]
    # Trials 0, 3, 6, 9 failed; after the first file 8 trials in 4 seconds.
    assert {n: said[n] for n in ("planned", "done", "failed", "quarantined")} == {
        "planned": 12,
        "done": 8,
        "failed": 4,
        "quarantined": 0,
    }
    assert said["chunks"] == {"done": 3, "of": 3}
    assert said["rate"] == 2.0
    assert said["last_write"] == "1970-01-01T00:16:44+00:00"
    assert said["damaged"] == 1
    assert said["coordinator"] is None
    assert said["bytes"] == sum(p.stat().st_size for p in store.folder.rglob("*") if p.is_file())
    json.dumps(said, allow_nan=False)


def test_status_names_the_coordinator_and_forgets_the_rate_of_the_last_one(store: Store) -> None:
    planned(store)
    for number in range(3):
        os.utime(store.write(number, chunk(number)), (1000 + number,) * 2)
    with held(store.folder):
        said = status(store.folder)

    assert said["coordinator"]["pid"] == os.getpid()
    assert said["rate"] is None
    assert status(store.folder)["rate"] == 4.0
    assert not said["finished"]
    store.finish()
    assert status(store.folder)["finished"]


def test_status_looks_on_while_chunks_come_and_go(store: Store) -> None:
    store.chunks = 3000
    planned(store)
    with run(WRITER.replace("60", "3000"), store.folder) as writer:
        assert writer.stdout
        writer.stdout.readline()
        seen = [status(store.folder)["damaged"] for _ in range(20)]
        writer.kill()

    assert seen == [0] * 20


def test_status_of_no_sweep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("[1]", "utf-8")
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(SpecError, match="not the plan of a sweep"):
            status(folder)


def test_bytes_are_said_rounded_up() -> None:
    counts = (1, 1000, 1001, 999_999, 10**6, 10**6 + 1, 10**9)

    assert [lock.size(n) for n in counts] == ["1 kB", "1 kB", "2 kB", "1000 kB", "1.0 MB", "1.1 MB", "1.0 GB"]
