"""The trials of a search: rounds of them, each asked of Optuna with all that the rounds before it have shown.

A round is a few chunks. Its trials follow from the plan and the stored chunks of the rounds before, and from nothing
else: whoever needs them works them out, so a search stopped anywhere goes on with the trials it would have had. Rounds
come one after the other; the chunks of one round are computed at the same time.

The trials are as little to be believed as those of a grid: all that were computed are counted and judged. Those that
break a constraint, or were tried before, are drawn again before they are computed, and are no trials.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtests.sweeps.axes import Axis, Continuous, Listed, Range, Steps
from backtests.sweeps.lock import StoreError
from backtests.sweeps.space import RANDOM, SEARCH, Columns
from backtests.sweeps.store import Store
from indexsim.errors import ToolError

if TYPE_CHECKING:
    from backtests.sweeps.plan import Plan

#: Chunks of a round: what the workers compute at the same time.
ROUND = 4
#: How often the sampler is asked for each trial of a round before what is missing is drawn at random.
_ASKED = 5
#: Random draws before a search gives up, and how many are drawn together.
_DRAWN, _TOGETHER = 2**20, 2**12
#: What the overfit statistics cannot know.
NOTE = (
    "a search is led by the whole span: its pbo and its walk forward pick among trials that know the sessions they are "
    "tested on already, and flatter more than a grid's or a sample's would"
)

#: What a trial sets, in the order of the axes.
Setting = tuple[Any, ...]


class SearchError(ToolError):
    """A search that cannot go on: a package is missing, or no trial is left."""


class Search:
    """The trials of a search by number, as far as its rounds have come.

    Parameters
    ----------
    plan : Plan
        Of the search.
    folder : Path
        Of the sweep.
    key : str
        Content key of the sweep.
    """

    def __init__(self, plan: Plan, folder: Path, key: str) -> None:
        self.space, self.select = dataclasses.replace(plan.space, tried=None), plan.select
        self.folder, self.key = folder, key
        self.chunk, self.chunks = plan.chunk, plan.chunks
        self._told: dict[int, list[tuple[Setting, float]]] = {}
        self._rounds: dict[int, list[Setting]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Travel without what was read and worked out."""
        return {**self.__dict__, "_told": {}, "_rounds": {}}

    def columns(self, lo: int, hi: int) -> Columns:
        """Return the settings of the trials lo to hi - 1; see `Space.columns`.

        Raises
        ------
        StoreError
            The rounds before are not stored.
        SearchError
            No trial is left that breaks no constraint and was not tried; or Optuna is not installed.
        """
        wide = self.chunk * ROUND
        rounds = range(lo // wide, -(-hi // wide))
        settings = [setting for at in rounds for setting in self._round(at)]
        first = rounds.start * wide
        return columns_of(self.space.axes, settings[lo - first : hi - first])

    def _round(self, number: int) -> list[Setting]:
        """Return the trials of a round: those that are stored, or those to be computed next."""
        if number not in self._rounds:
            stored = self._stored_round(number)
            self._rounds[number] = stored or self._next(number)
        return self._rounds[number]

    def _stored_round(self, number: int) -> list[Setting]:
        """Return the trials of a round that is stored as a whole; else nothing."""
        try:
            return [setting for chunk in self._chunks(number) for setting, _ in self._stored(chunk)]
        except StoreError:
            return []

    def _chunks(self, number: int) -> range:
        return range(number * ROUND, min((number + 1) * ROUND, self.chunks))

    def _stored(self, chunk: int) -> list[tuple[Setting, float]]:
        """Return the trials of a stored chunk, with the figure that the best is chosen by, NaN where it has none."""
        if chunk not in self._told:
            table = Store(self.folder, self.key, self.chunks).read(chunk)
            columns = [_restored(axis, table[axis.name].to_pylist()) for axis in self.space.axes]
            figures = [math.nan if figure is None else figure for figure in table[self.select].to_pylist()]
            self._told[chunk] = list(zip(zip(*columns, strict=True), figures, strict=True))
        return self._told[chunk]

    def _next(self, number: int) -> list[Setting]:
        """Return the trials of a round that the rounds before it lead to."""
        told = [pair for chunk in range(number * ROUND) for pair in self._stored(chunk)]
        tried = {setting for setting, _ in told}
        first = number * self.chunk * ROUND
        wanted = min(self.chunk * ROUND, self.space.size - first)
        asked: Iterable[Setting] = ()
        # The first round is what a random sample of this seed would begin with.
        seed = self.space.seed
        if number:
            seed = int(np.random.SeedSequence([self.space.seed, number]).generate_state(1)[0])
            asked = self._asked(told, seed, wanted * _ASKED)
        drawn = _new(itertools.chain(asked, self._random(seed)), tried, wanted)
        if len(drawn) < wanted:
            raise self._exhausted(first + len(drawn))
        return drawn

    def _asked(self, told: Sequence[tuple[Setting, float]], seed: int, most: int) -> Iterator[Setting]:
        """Yield what a sampler proposes that was told some trials, as far as it breaks no constraint."""
        ask = _sampler(self.space.axes, told, seed)
        for _ in range(most):
            setting = ask()
            if self.space.allowed(columns_of(self.space.axes, [setting]))[0]:
                yield setting

    def _random(self, seed: int) -> Iterator[Setting]:
        """Yield independent draws that break no constraint."""
        sample = dataclasses.replace(self.space, sample=RANDOM, draws=_DRAWN, seed=seed)
        for lo in range(0, _DRAWN, _TOGETHER):
            columns = sample.columns(lo, lo + _TOGETHER)
            allowed = sample.allowed(columns)
            yield from zip(*(columns[axis.name][allowed].tolist() for axis in sample.axes), strict=True)

    def _exhausted(self, trial: int) -> SearchError:
        texts = ", ".join(constraint.text for constraint in self.space.constraints)
        return SearchError(
            asked=f"find trial {trial} of {self.space.size} of a search",
            found=f"{_DRAWN} draws gave none that breaks no constraint and was not tried",
            rule="a search computes no trial twice, and none that breaks a constraint",
            todo=f"loosen {texts}, or ask for fewer trials" if texts else "ask for fewer trials",
        )


def bound(plan: Plan, folder: Path, key: str) -> Plan:
    """Return a plan whose trials can be asked for by number: a search's follow from what is stored in `folder`.

    Raises
    ------
    SearchError
        The first round finds no trial.
    """
    if plan.space.sample != SEARCH:
        return plan
    search = Search(plan, folder, key)
    search.columns(0, 1)
    return dataclasses.replace(plan, space=dataclasses.replace(plan.space, tried=search))


def rounds_of(plan: Plan, chunks: Sequence[int]) -> list[list[int]]:
    """Return chunks (rising) in the groups that may be computed at the same time, in their order.

    All at once, but for a search: of a search the rounds.
    """
    if plan.space.sample != SEARCH:
        return [list(chunks)]
    return [list(group) for _, group in itertools.groupby(chunks, lambda chunk: chunk // ROUND)]


def made_by() -> str:
    """Return the version of Optuna, by which the trials of a search are made.

    Raises
    ------
    SearchError
        It is not installed.
    """
    if find_spec("optuna") is None:
        raise SearchError(
            asked="search for the best trial",
            found="the package optuna is not installed",
            rule="it comes with the extra `search`",
            todo='`pip install -c constraints.txt -e ".[search]"`, or sample = "sobol"',
        )
    from importlib.metadata import version

    return version("optuna")


def columns_of(axes: Sequence[Axis], settings: Sequence[Setting]) -> Columns:
    """Return settings as columns, typed as those of a grid or a random sample."""
    columns = {}
    for at, axis in enumerate(axes):
        values = [setting[at] for setting in settings]
        if isinstance(axis, Steps):
            columns[axis.name] = axis.values(np.array([axis.index_of(v) for v in values], dtype=np.int64))
        else:
            columns[axis.name] = np.array(values, dtype=axis.kind)
    return columns


def _new(proposed: Iterable[Setting], tried: set[Setting], wanted: int) -> list[Setting]:
    """Return the first proposals that were not tried, each once."""
    fresh: dict[Setting, None] = {}
    for setting in proposed:
        if setting not in tried:
            fresh[setting] = None
        if len(fresh) == wanted:
            break
    return list(fresh)


def _restored(axis: Axis, stored: list[Any]) -> list[Any]:
    """Return the values of an axis from its column in a chunk, where a market stands by its place."""
    return [axis.choices[at] for at in stored] if isinstance(axis, Listed) and axis.kind is tuple else stored


def _sampler(axes: Sequence[Axis], told: Sequence[tuple[Setting, float]], seed: int) -> Callable[[], Setting]:
    """Return what proposes a trial by a tree of Parzen estimators, told of some trials and their figures.

    A trial without a figure is told as worse than any other. Proposals of one sampler keep away from each other.
    """
    made_by()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    coded = [_coded(axis, optuna.distributions) for axis in axes]
    over = {axis.name: code.over for axis, code in zip(axes, coded, strict=True)}

    def trial(setting: Setting, figure: float) -> Any:
        params = {a.name: c.code(v) for a, c, v in zip(axes, coded, setting, strict=True)}
        if not math.isfinite(figure):
            state = optuna.trial.TrialState.PRUNED
            return optuna.trial.create_trial(state=state, params=params, distributions=over)
        return optuna.trial.create_trial(value=figure, params=params, distributions=over)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([trial(setting, figure) for setting, figure in told])

    def ask() -> Setting:
        params = study.ask(over).params
        return tuple(code.value(params[axis.name]) for axis, code in zip(axes, coded, strict=True))

    return ask


@dataclasses.dataclass(frozen=True)
class _Coded:
    """An axis as Optuna sees it: a distribution, and its values there and back."""

    over: Any
    code: Callable[[Any], Any]
    value: Callable[[Any], Any]


def _coded(axis: Axis, kinds: Any) -> _Coded:
    """Return numbers as numbers, those of a list or a range by their place; texts, dates and markets as categories."""
    if isinstance(axis, Continuous):
        kind = kinds.IntDistribution if axis.kind is int else kinds.FloatDistribution
        return _Coded(kind(axis.low, axis.high, log=axis.log), axis.kind, axis.kind)
    if isinstance(axis, Range):
        over = kinds.IntDistribution(0, axis.size - 1)
        return _Coded(over, axis.index_of, lambda place: axis.values(np.array([place])).tolist()[0])
    assert isinstance(axis, Listed)
    if axis.kind in (int, float):
        places = sorted(axis.choices)
        return _Coded(kinds.IntDistribution(0, axis.size - 1), places.index, places.__getitem__)
    over = kinds.CategoricalDistribution(tuple(range(axis.size)))
    return _Coded(over, axis.choices.index, axis.choices.__getitem__)
