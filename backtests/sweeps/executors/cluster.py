"""Chunks on workers of dask: those of a scheduler that runs already, or a few started here.

Futures of distributed, not joblib's backend for dask, which hangs on a task that kills its worker and computes
in the client where there is no worker. A suspected chunk is not run on the cluster again but alone on the
coordinator's machine (`local.alone`), which therefore needs what a worker needs.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backtests.sweeps.executors import PATIENCE, Died, ExecutorError, Failed, Outcome, Stop, Task
from backtests.sweeps.executors.local import ONE_THREAD, packed, run, told
from backtests.version import code_hash

#: Seconds without any worker after which the cluster counts as gone.
NO_WORKER = 30.0
#: Seconds between two looks at how many workers there are.
_LOOK = 5.0
_ONE_CHUNK = threading.Lock()


class Cluster:
    """The executor of a cluster.

    Parameters
    ----------
    jobs : int
        Workers to start where there is no scheduler.
    scheduler : str, optional
        Address of a running scheduler.
    folder : Path, optional
        Folder that the workers of a running scheduler must see.
    """

    name = "dask"

    def __init__(self, jobs: int, scheduler: str | None = None, folder: Path | None = None) -> None:
        self.jobs, self.scheduler, self.folder = jobs, scheduler, folder
        self.capacity = 2 * jobs
        self._cluster: Any = None
        self._client: Any = None
        self._payload = b""
        self._flying: dict[Any, int] = {}
        self._ended: queue.Queue[Any] = queue.Queue()
        self._environment: dict[str, str] = {}
        self._looked = self._seen = 0.0

    def __enter__(self) -> Self:
        """Start or find the workers.

        Raises
        ------
        ExecutorError
            If there is no scheduler or no worker, or a worker runs another Python or code or sees another disk.
        """
        self._environment = dict(os.environ)
        _be_quiet()
        try:
            self._client = self._connect() if self.scheduler else self._started()
            self._wait_for_workers()
            if self.scheduler:
                self._check_workers()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self, task: Task[Any]) -> None:
        """Take the task that the numbers to come are for."""
        self._payload = packed(task)

    def submit(self, number: int) -> None:
        """Put a chunk in flight."""
        future = self._client.submit(_on_worker, self._payload, number, pure=False)
        self._flying[future] = number
        future.add_done_callback(self._ended.put)

    def wait(self, stop: Stop) -> list[Outcome]:
        """Return what has become of chunks in flight."""
        try:
            future = self._ended.get(timeout=PATIENCE)
        except queue.Empty:
            self._look()
            return []
        if future.status in ("lost", "pending"):  # its worker died with the answer, which the store gives again
            self.submit(self._flying.pop(future))
            return []
        try:
            found = self._outcome(future)
        except TimeoutError:
            self._ended.put(future)
            return []
        del self._flying[future]
        return [found]

    def kill(self) -> None:
        """End the workers started here; elsewhere a running chunk ends on its own, and its answer is not waited for."""
        client, self._client = self._client, None
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            _end_workers(cluster)
        if client is not None:
            _quietly(lambda: client.cancel(list(self._flying), force=True) if cluster is None else None)
            _quietly(lambda: client.close(timeout=1))
        if cluster is not None:
            _quietly(lambda: cluster.close(timeout=2))
        self._flying, self._ended = {}, queue.Queue()
        self._restore_environment()

    def _outcome(self, future: Any) -> Outcome:
        from distributed import KilledWorker

        number = self._flying[future]
        if future.status == "finished":
            return told(number, future.result(timeout=PATIENCE))
        if future.status != "error":
            raise _gone(f"the scheduler dropped chunk {number} ({future.status})")
        error = future.exception(timeout=PATIENCE)
        return Died((number,)) if isinstance(error, KilledWorker) else Failed(number, error)

    def _started(self) -> Any:
        import dask
        from distributed import Client, LocalCluster

        # One death names what its worker had, without a second try: `drive` finds the guilty one.
        with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
            self._cluster = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=self.jobs,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,  # a limit would end workers by how much else runs here
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # its page of health is served all the same
                silence_logs=logging.CRITICAL,
                env=ONE_THREAD,
                preload=[__name__],
            )
        return Client(self._cluster, set_as_default=False)  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        from distributed import Client

        try:
            return Client(self.scheduler, timeout=NO_WORKER, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise _gone(f"no scheduler answers at {self.scheduler} ({error})") from error

    def _wait_for_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=NO_WORKER)
        except TimeoutError as error:
            raise _gone(f"no worker within {NO_WORKER:.0f} seconds") from error
        self._look()

    def _check_workers(self) -> None:
        with tempfile.NamedTemporaryFile(prefix=".seen-", dir=self.folder) as probe:
            answers = self._client.run(_who(probe.name if self.folder else ""), on_error="return")
        refuse(answers, _python(), code_hash())

    def _look(self) -> None:
        """Count the workers, now and then; a cluster without any for long is gone."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        workers = len(self._client.scheduler_info()["workers"])
        if workers:
            self._seen, self.capacity = now, 2 * workers
        elif now - self._seen > NO_WORKER:
            raise _gone(f"no worker for {NO_WORKER:.0f} seconds")

    def _restore_environment(self) -> None:
        # Starting workers leaves variables behind here that later processes would inherit.
        if self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
            self._environment = {}


def refuse(answers: Mapping[str, Any], python: str, code: str) -> None:
    """Raise if a worker is not like the coordinator.

    Parameters
    ----------
    answers : mapping of str to (str, str, bool)
        Per worker: its Python, the hash of its code (or why there is none), whether it sees the folder; an
        exception where it could not say.
    python, code : str
        Those of the coordinator.

    Raises
    ------
    ExecutorError
        Naming the first worker and what is different.
    """
    for worker, answer in sorted(answers.items()):
        found = _difference(answer, python, code)
        if found:
            raise ExecutorError(
                asked="compute chunks on the workers of the scheduler",
                found=f"worker {worker} {found}",
                rule="every worker runs the same Python and the same code, and sees the folder of the sweep",
                todo="start the worker in a clone of the same commit and its environment, on a shared disk",
            )


def _difference(answer: Any, python: str, code: str) -> str:
    if isinstance(answer, BaseException):
        return f"cannot answer ({type(answer).__name__}: {answer})"
    its_python, its_code, sees = answer
    if its_python != python:
        return f"runs Python {its_python}, not {python}"
    if its_code != code:
        return f"runs other code ({its_code[:12]}, not {code[:12]})"
    return "" if sees else "does not see the folder of the sweep"


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _who(probe: str) -> Callable[[], tuple[str, str, bool]]:
    """Return a function that needs nothing of ours to arrive: a worker may not have it."""

    def answer() -> tuple[str, str, bool]:
        import os
        import sys

        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        try:
            from backtests.version import code_hash
        except ImportError as error:
            return python, f"no code: {error}", False
        return python, code_hash(), not probe or os.path.exists(probe)

    return answer


def _on_worker(payload: bytes, number: int) -> bytes:
    """Compute a chunk: one at a time, also where a worker has several threads."""
    if "numba" not in sys.modules:
        os.environ.update(ONE_THREAD)
    with _ONE_CHUNK:
        return run(payload, number)


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C and words to the coordinator; distributed calls this in each worker that is started here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _be_quiet()


def _be_quiet() -> None:
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _end_workers(cluster: Any) -> None:
    for nanny in list(cluster.workers.values()):
        nanny.close_gracefully()  # it does not start its worker again
        if nanny.pid:
            _quietly(lambda nanny=nanny: os.kill(nanny.pid, signal.SIGKILL))  # type: ignore[misc]


def _quietly(call: Callable[[], Any]) -> None:
    try:
        call()
    except (OSError, TimeoutError, RuntimeError):
        return


def _gone(found: str) -> ExecutorError:
    return ExecutorError(
        asked="compute chunks on dask",
        found=found,
        rule="a sweep on dask needs a scheduler and at least one worker",
        todo="start them and repeat the call; finished chunks are kept",
    )
