"""Where the chunks of a sweep are computed: in this process, in processes of this machine, on a cluster.

A chunk is a range of trial numbers with a number of its own. An executor takes numbers of chunks one at a
time and says what became of each; what follows from that, `backtests.sweeps.drive` decides. What is stored
does not depend on the executor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from indexsim.errors import SpecError, ToolError, unknown_name

NAMES = ("serial", "local", "dask")
#: Seconds an executor waits at most before `stop` is asked again.
PATIENCE = 0.5
T_co = TypeVar("T_co", covariant=True)
Stop = Callable[[], bool]


class ExecutorError(ToolError):
    """An executor that cannot work: a package, a worker or a scheduler is missing, or a worker is another one."""


class Task(Protocol[T_co]):
    """What a worker does with a chunk.

    It is pickled once and stays in a worker from chunk to chunk, so it may be small and keep what is dear to
    make. A chunk may be asked for again though it is stored (its worker was ended before it could say so): a task
    answers that from the store. A Python exception that leaves any of these ends the sweep.
    """

    def __call__(self, number: int) -> T_co:
        """Compute and store the chunk with this number; return a small summary (at most some kilobytes)."""

    def part(self, lo: int, hi: int) -> Any:
        """Compute trials lo to hi - 1, store nothing, return what `join` needs."""

    def join(self, number: int, parts: list[Any], quarantined: list[tuple[int, str]]) -> T_co:
        """Store a chunk from its parts, in the order of their trials; called in the coordinator.

        Parameters
        ----------
        number : int
        parts : list
            What `part` returned; together with the quarantined trials they are the chunk.
        quarantined : list of (int, str)
            The trials that kill their process, and how; the text is the same in every repetition.
        """

    def range_of(self, number: int) -> tuple[int, int]:
        """Return the first trial of a chunk and the one after its last."""


@dataclass(frozen=True)
class Done:
    """A chunk that is stored, with what the task said of it."""

    number: int
    value: Any


@dataclass(frozen=True)
class Failed:
    """A chunk whose task raised an exception."""

    number: int
    error: BaseException


@dataclass(frozen=True)
class Died:
    """Chunks that were in flight when a worker died: one of them may be guilty."""

    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Quarantined:
    """A trial that kills the process it runs in.

    Attributes
    ----------
    trial : int
    why : str
        How it kills; stored with the trial, so the same in every repetition.
    stderr : str
        The end of what its last process wrote there; for the log.
    """

    trial: int
    why: str
    stderr: str


Outcome = Done | Failed | Died
#: What is told of a sweep as it goes.
Event = Done | Died | Quarantined


class Executor(Protocol):
    """A place for chunks: ``start`` with a task, ``submit`` at most `capacity` numbers, ``wait`` for outcomes.

    Entered as a context; leaving it ends every worker that is its own.
    """

    name: str

    @property
    def capacity(self) -> int:
        """Return how many chunks may be in flight: twice the workers, so that none has to wait."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the workers."""

    def start(self, task: Task[Any]) -> None:
        """Take the task that the numbers to come are for."""

    def submit(self, number: int) -> None:
        """Put a chunk in flight."""

    def wait(self, stop: Stop) -> list[Outcome]:
        """Return what has become of chunks in flight; nothing if a second has passed or `stop` says so."""

    def kill(self) -> None:
        """Abandon every chunk in flight at once; what was stored stays whole."""


def executor(name: str, jobs: int, scheduler: str | None = None, folder: Path | None = None) -> Executor:
    """Return the executor of a name, not yet entered.

    Parameters
    ----------
    name : str
        ``serial``, ``local`` or ``dask``.
    jobs : int
        Workers; without a meaning for serial and for a scheduler that runs already.
    scheduler : str, optional
        Address of a running scheduler of dask, ``tcp://host:port``; without it dask starts workers here.
    folder : Path, optional
        Folder of the sweep, which every worker of a cluster must see.

    Raises
    ------
    SpecError
        If the name is unknown, there are no jobs, or a scheduler is named for another executor than dask.
    ExecutorError
        If dask is asked for and distributed is not installed.
    """
    if name not in NAMES:
        raise unknown_name("executor", name, NAMES)
    _check_numbers(name, jobs, scheduler)
    if name == "serial":
        from backtests.sweeps.executors.serial import Serial

        return Serial()
    if name == "local":
        from backtests.sweeps.executors.local import Local

        return Local(jobs)
    _check_installed()
    from backtests.sweeps.executors.cluster import Cluster

    return Cluster(jobs, scheduler, folder)


def _check_numbers(name: str, jobs: int, scheduler: str | None) -> None:
    if jobs < 1:
        raise SpecError(asked=f"{jobs} jobs", found="no worker", rule="a sweep has at least one job", todo="--jobs 1")
    if scheduler and name != "dask":
        raise SpecError(
            asked=f"the scheduler {scheduler} with the executor {name}",
            found="that executor has no scheduler",
            rule="only dask has one",
            todo="add --executor dask, or leave --scheduler out",
        )


def _check_installed() -> None:
    if find_spec("distributed") is None:
        raise ExecutorError(
            asked="run the sweep on dask",
            found="the package distributed is not installed",
            rule="it comes with the extra `cluster`",
            todo='`pip install -c constraints.txt -e ".[cluster]"`, or --executor local',
        )
