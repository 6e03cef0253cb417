"""What a worker does with a chunk of a sweep."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from backtests.sweeps import tables
from backtests.sweeps.evaluate import Evaluator
from backtests.sweeps.plan import Plan
from backtests.sweeps.store import Store
from indexsim.market import Folder


@dataclass
class SweepTask:
    """Computes and stores the chunks of a plan; see `backtests.sweeps.executors.Task`.

    Attributes
    ----------
    plan : Plan
    folder : Path
        Of the sweep.
    key : str
        Content key of the sweep.
    blocks : int
        Blocks of the base run.
    opened : dict
        Markets that are open in this process already; a worker opens its own.
    """

    plan: Plan
    folder: Path
    key: str
    blocks: int
    opened: dict[tuple[Path, ...], Folder] = field(default_factory=dict, repr=False, compare=False)
    _evaluator: Evaluator | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Travel without what a worker makes for itself."""
        return {**self.__dict__, "opened": {}, "_evaluator": None}

    def __call__(self, number: int) -> int:
        """Compute and store a chunk, unless it is stored; return its number of trials."""
        for path in (self.folder / tables.CHUNKS).glob(f"{number:06d}-*.parquet"):
            footer = tables.own_footer(path, self.key, self.plan.chunks)
            if footer is not None and not tables.flaw(path, self.key, self.plan.chunks):
                return footer.trials
        return self._store(number, self.evaluator.table(*self.range_of(number)))

    @property
    def evaluator(self) -> Evaluator:
        """What computes trials, made when it is first needed."""
        if self._evaluator is None:
            self._evaluator = Evaluator(self.plan, self.blocks, self.opened)
        return self._evaluator

    def part(self, lo: int, hi: int) -> pa.Table:
        """Compute some trials and store nothing."""
        return self.evaluator.table(lo, hi)

    def join(self, number: int, parts: list[Any], quarantined: list[tuple[int, str]]) -> int:
        """Store a chunk from its parts and the trials that kill their process."""
        lost = [self.evaluator.table(trial, trial + 1, {trial: why}) for trial, why in quarantined]
        whole = pa.concat_tables([*parts, *lost]).sort_by("trial")
        return self._store(number, whole)

    def range_of(self, number: int) -> tuple[int, int]:
        """Return the first trial of a chunk and the one after its last."""
        return self.plan.range_of(number)

    def _store(self, number: int, table: pa.Table) -> int:
        Store(self.folder, self.key, self.plan.chunks).write(number, table)
        return len(table)
