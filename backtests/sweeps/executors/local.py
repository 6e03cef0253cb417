"""Chunks in processes of this machine: a pool of loky's workers, and one process alone for a suspected chunk.

Workers compute on one thread each, leave Ctrl-C to the coordinator and end when it is gone.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import queue
import signal
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cloudpickle
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.backend.context import get_context
from joblib.externals.loky.backend.utils import kill_process_tree
from joblib.externals.loky.process_executor import TerminatedWorkerError

from backtests.sweeps.executors import PATIENCE, Died, Done, ExecutorError, Failed, Outcome, Stop, Task
from backtests.version import code_hash
from indexsim.errors import ToolError

#: What keeps numerics on one thread; read by the libraries when they are imported.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
#: Attempts to bring a process to the point where it begins a chunk.
STARTS = 3
_TAIL = 2_000


class Local:
    """The executor of processes on this machine, as many as there are jobs."""

    name = "local"

    def __init__(self, jobs: int) -> None:
        self.jobs, self.capacity = jobs, 2 * jobs
        self._pool: Any = None
        self._payload = b""
        self._flying: dict[Future[bytes], int] = {}
        self._ended: queue.Queue[Future[bytes]] = queue.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self, task: Task[Any]) -> None:
        """Take the task that the numbers to come are for."""
        self._payload = packed(task)

    def submit(self, number: int) -> None:
        """Put a chunk in flight, in a new pool where there is none."""
        if self._pool is None:
            prepared = {"initializer": prepare_worker, "initargs": (os.getpid(),), "env": ONE_THREAD}
            self._pool = ProcessPoolExecutor(self.jobs, **prepared)
        try:
            future = self._pool.submit(run, self._payload, number)
        except TerminatedWorkerError as died:  # since the last wait; the others in flight say so as well
            future = Future()
            future.set_exception(died)
        self._flying[future] = number
        future.add_done_callback(self._ended.put)

    def wait(self, stop: Stop) -> list[Outcome]:
        """Return what has become of chunks in flight; after a death, all of them."""
        try:
            first = self._ended.get(timeout=PATIENCE)
        except queue.Empty:
            return []
        if isinstance(first.exception(), TerminatedWorkerError):
            return self._after_a_death()
        return [outcome(self._flying.pop(first), first)]

    def kill(self) -> None:
        """End the workers and forget what was in flight."""
        pool, self._pool = self._pool, None
        if pool is not None:
            # Not `kill_workers`: it fails on a chunk that was submitted this instant.
            for process in list(pool._processes.values()):
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            pool.shutdown(wait=True)
        self._flying, self._ended = {}, queue.Queue()

    def _after_a_death(self) -> list[Outcome]:
        # The survivors are ended before anything else runs: no chunk is ever computed twice at a time.
        flying = self._flying
        self.kill()
        whole = [future for future in flying if not isinstance(future.exception(), TerminatedWorkerError)]
        outcomes = [outcome(flying.pop(future), future) for future in whole]
        return [*outcomes, Died(tuple(sorted(flying.values())))]


def outcome(number: int, future: Future[bytes]) -> Outcome:
    """Return what a future of `run` says of a chunk."""
    broken = future.exception()
    return Failed(number, broken) if broken else told(number, future.result())


def told(number: int, answer: bytes) -> Outcome:
    """Return the outcome in an answer of `run`."""
    value, error = pickle.loads(answer)
    if error is None:
        return Done(number, value)
    return Failed(number, error if isinstance(error, BaseException) else _again(*error))


def run(payload: bytes, number: int) -> bytes:
    """Compute a chunk in a worker; an exception is part of the answer."""
    return _answer(lambda: _unpacked(payload)(number))


def packed(task: Task[Any]) -> bytes:
    """Return a task as workers get it: with the hash of the code it is for."""
    return bytes(cloudpickle.dumps((code_hash(), cloudpickle.dumps(task))))


@lru_cache(maxsize=1)
def _unpacked(payload: bytes) -> Task[Any]:
    code, rest = pickle.loads(payload)
    if code != code_hash():
        raise ExecutorError(
            asked=f"compute chunks of code {code[:12]}",
            found=f"worker {os.getpid()} of {socket.gethostname()} runs code {code_hash()[:12]}",
            rule="a sweep is computed by one version of the code from its first chunk to its last",
            todo="repeat the call: changed code is a new sweep; a worker elsewhere needs a clone of the same commit",
        )
    task: Task[Any] = pickle.loads(rest)
    return task


def _answer(call: Callable[[], Any]) -> bytes:
    try:
        return bytes(cloudpickle.dumps((call(), None)))
    except (Exception, SystemExit) as error:
        error.add_note("in a worker:\n" + "".join(traceback.format_exception(error))[-_TAIL:])
        return bytes(cloudpickle.dumps((None, _parts(error))))


def _parts(error: BaseException) -> object:
    """Return an exception in a form that survives pickling: errors of the tool take no plain arguments."""
    if isinstance(error, ToolError):
        return type(error), error.args, error.__dict__
    try:
        pickle.loads(cloudpickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _again(kind: type[ToolError], args: tuple[Any, ...], state: dict[str, Any]) -> ToolError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


def prepare_worker(coordinator: int) -> None:
    """Leave Ctrl-C to the coordinator, and end this process when that one is gone, however it went.

    Parameters
    ----------
    coordinator : int
        Its process id: the parent of this process while it lives.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(coordinator,), daemon=True).start()


def _end_with(coordinator: int) -> None:
    while os.getppid() == coordinator:
        time.sleep(PATIENCE)
    os._exit(1)


class Stopped(Exception):  # noqa: N818 (no error: the sweep was told to stop)
    """Raised when `stop` says so while a process runs alone."""


@dataclass(frozen=True)
class Death:
    """How a process that ran alone came to die.

    Attributes
    ----------
    how : str
        Signal or exit status; the same in every repetition.
    stderr : str
        The end of what it wrote there; with addresses and process ids, so for people only.
    """

    how: str
    stderr: str


def alone(task: Task[Any], trials: tuple[int, ...], stop: Stop) -> Any | Death:
    """Compute a chunk, or a part of one, in a fresh process on this machine in which nothing else runs.

    Parameters
    ----------
    task : Task
    trials : tuple of int
        ``(number,)`` for a whole chunk, ``(lo, hi)`` for a part.
    stop : callable

    Returns
    -------
    object or Death
        What the task returned, or how the process died.

    Raises
    ------
    Stopped
        If `stop` says so; the process is killed.
    ExecutorError
        If no process gets as far as to begin: then no trial is guilty.
    """
    payload = packed(task)
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory(prefix="alone-") as name:
            folder = Path(name)
            status = _status_of(payload, trials, folder, stop)
            if (folder / "answer").exists():
                return _value((folder / "answer").read_bytes())
            death = Death(_how(status), (folder / "stderr").read_text("utf-8", "replace")[-_TAIL:])
            if (folder / "begun").exists():
                return death
    raise ExecutorError(
        asked="compute a chunk in a process of its own",
        found=f"{STARTS} processes died before they began: {death.how} {death.stderr}".strip(),
        rule="a worker starts and imports the package",
        todo="run the sweep with --executor serial to see what is wrong; finished chunks are kept",
    )


def _status_of(payload: bytes, trials: tuple[int, ...], folder: Path, stop: Stop) -> int:
    """Run a process to its end; return its exit status, a signal as a negative number."""
    (folder / "stderr").touch()
    args = (payload, trials, str(folder), os.getpid())
    process = get_context("loky").Process(target=_in_a_process, args=args, env=ONE_THREAD)
    process.start()
    try:
        while process.is_alive():
            if stop():
                raise Stopped
            process.join(PATIENCE)
        return int(process.exitcode)
    finally:
        if process.is_alive():
            kill_process_tree(process)


def _in_a_process(payload: bytes, trials: tuple[int, ...], folder: str, coordinator: int) -> None:
    prepare_worker(coordinator)
    stderr = os.open(Path(folder) / "stderr", os.O_WRONLY | os.O_APPEND)
    os.dup2(stderr, 2)
    faulthandler.enable(file=2)

    def call() -> Any:
        task = _unpacked(payload)
        (Path(folder) / "begun").touch()
        return task(*trials) if len(trials) == 1 else task.part(*trials)

    answer = _answer(call)
    (Path(folder) / "whole").write_bytes(answer)
    (Path(folder) / "whole").replace(Path(folder) / "answer")


def _value(answer: bytes) -> Any:
    ended = told(-1, answer)
    if isinstance(ended, Failed):
        raise ended.error
    assert isinstance(ended, Done)
    return ended.value


def _how(status: int) -> str:
    """Say how a process ended.

    Examples
    --------
    >>> _how(-9), _how(3)
    ('signal 9 (SIGKILL)', 'exit status 3')
    """
    return f"exit status {status}" if status >= 0 else f"signal {-status} ({signal.Signals(-status).name})"
