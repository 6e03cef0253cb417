"""A sweep as data: the spec it varies, the space of its trials, how the best is chosen, how it is cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from backtests.loading import build_params, in_type, load_strategy, parameter_types, wrong
from backtests.spec import Spec, checked, identity, key_types, load_sweep, to_toml, toml_value, with_keys, with_settings
from backtests.sweeps.axes import Axis, Listed, read_axis
from backtests.sweeps.constraints import Constraint, read_constraint
from backtests.sweeps.space import GRID, SEARCH, Space
from indexsim.errors import unknown_name

#: Figures that the best trial may be chosen by; higher is better.
SELECT = ("sharpe", "total_return", "cagr", "calmar")
#: Trial numbers of a chunk, at most: a second's work, or less, and a file of a few megabytes.
CHUNK = 4096
#: A small space is cut into at least so many chunks, so that every process has work.
_CHUNKS = 8
#: Trial numbers of a chunk of a search, at most, and chunks at least: its rounds are short, for each learns of those
#: before.
SEARCH_CHUNK, _SEARCH_CHUNKS = 8, 32
#: Keys of a spec that say what a run is called, and how it is checked and shown: every trial shares them.
NOT_SWEPT = ("name", "strategy", "claim", "expects", "params", "strict", "waive", "base")
_KEYS = ("select", "sample", "trials", "seed", "chunk", "constraints", "over")
_KINDS = (bool, int, float, str)


@dataclass(frozen=True)
class Plan:
    """Everything that defines a sweep.

    Attributes
    ----------
    spec : Spec
        The base run: every parameter named, folders absolute.
    space : Space
    select : {"sharpe", "total_return", "cagr", "calmar"}
        What the best trial is the highest of, said before the run.
    chunk : int
        Trial numbers of a chunk; 0 takes what `chunk_of` says.
    """

    spec: Spec
    space: Space
    select: str
    chunk: int = 0

    def __post_init__(self) -> None:
        if self.select not in SELECT:
            raise unknown_name("figure to select by", self.select, SELECT)
        if self.chunk < 0:
            raise wrong("cut a sweep", f"chunk = {self.chunk}", "at least one trial a chunk", "correct chunk")
        object.__setattr__(self, "chunk", self.chunk or chunk_of(self.space.size, self.space.sample))

    @property
    def seed(self) -> int:
        """Seed of all that is drawn in the sweep."""
        return self.space.seed

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-self.space.size // self.chunk)

    def range_of(self, number: int) -> tuple[int, int]:
        """Return the first trial number of a chunk, and the one after its last."""
        if not 0 <= number < self.chunks:
            raise IndexError(f"chunk {number} of {self.chunks}")
        return number * self.chunk, min((number + 1) * self.chunk, self.space.size)

    def spec_of(self, trial: int | Mapping[str, Any]) -> Spec:
        """Return the spec of one trial, by its number, which its name then ends with, or by what it sets.

        Raises
        ------
        SpecError
            There is no such trial, or the spec refuses a value.
        """
        settings = self.space.settings(trial) if isinstance(trial, int) else trial
        params = {**self.spec.params, **{k: v for k, v in settings.items() if k in self.spec.params}}
        values = {k: v for k, v in settings.items() if k not in self.spec.params}
        name = f"{self.spec.name}-t{trial}" if isinstance(trial, int) else self.spec.name
        return with_keys(self.spec, {**values, "params": params, "name": name})

    def markets(self) -> tuple[tuple[Path, ...], ...]:
        """Return the markets of the trials, each a tuple of layered folders, in the order of their axis."""
        axis = next((a for a in self.space.axes if a.kind is tuple), None)
        return axis.choices if isinstance(axis, Listed) else (self.spec.market,)

    def identity(self) -> dict[str, Any]:
        """Return what defines the sweep, as JSON has it; folders left out: the data's fingerprints stand for them."""
        return {"spec": identity(self.spec, self._params()), "sweep": {**self._options(), "over": self._over(None)}}

    def to_toml(self, base: Path) -> str:
        """Write the plan in full, so that it is the same again, paths relative to the folder `base`."""
        base = base.resolve()
        lines = [to_toml(self.spec, self._params(), base), "[sweep]"]
        lines += [f"{key} = {toml_value(value)}" for key, value in self._options().items()]
        lines += ["", "[sweep.over]", *(f"{name} = {_inline(v)}" for name, v in self._over(base).items())]
        return "\n".join(lines) + "\n"

    def _params(self) -> Any:
        return build_params(load_strategy(self.spec.strategy), self.spec.params)

    def _options(self) -> dict[str, Any]:
        space = self.space
        drawn = {} if space.sample == GRID else {"trials": space.draws}
        options = {"select": self.select, "sample": space.sample, **drawn, "seed": space.seed, "chunk": self.chunk}
        return {**options, "constraints": [constraint.text for constraint in space.constraints]}

    def _over(self, base: Path | None) -> dict[str, Any]:
        return {axis.name: axis.written(base) for axis in self.space.axes}


def chunk_of(size: int, sample: str = GRID) -> int:
    """Return how many trial numbers a chunk of a space holds: the same wherever it is run.

    Examples
    --------
    >>> chunk_of(1_300), chunk_of(1_000_000), chunk_of(3), chunk_of(1_300, "search")
    (162, 4096, 1, 8)
    """
    most, chunks = (SEARCH_CHUNK, _SEARCH_CHUNKS) if sample == SEARCH else (CHUNK, _CHUNKS)
    return max(1, min(most, size // chunks))


def load_plan(path: Path | str, overrides: Sequence[str] = (), **given: Any) -> Plan:
    """Read the sweep of a spec.

    Parameters
    ----------
    path : Path or str
        A TOML file with a ``[sweep]`` table; folders in it are relative to it.
    overrides : sequence of str
        ``key=value``, as ``--set`` takes them, for what is not swept.
    **given
        Other fields of the base spec (``start``, ``market``, ...); None changes nothing.

    Raises
    ------
    SpecError
        The file has no sweep, or one that cannot be run; or what is swept is also given.
    """
    spec, table = load_sweep(path)
    asked = f"sweep {path}"
    if not table:
        rule = "a sweep is a spec with a table [sweep]: select, and [sweep.over] with what is varied"
        raise wrong(asked, "no [sweep] in it", rule, "add one, or use run")
    over = in_type(table.get("over", {}), dict, "over", asked)
    fields = {name: value for name, value in given.items() if value is not None}
    renamed = {"start": "from", "end": "to"}
    for key in [*(text.partition("=")[0] for text in overrides), *(renamed.get(name, name) for name in fields)]:
        if key in over:
            raise wrong(asked, f"{key} is given and swept", "what is swept has no one value", f"leave out {key}")
    spec = dataclasses.replace(with_settings(spec, overrides), **fields)
    return make_plan(spec, table, Path(path).resolve().parent)


def make_plan(spec: Spec, table: Mapping[str, Any], folder: Path) -> Plan:
    """Return the plan of a spec and its ``[sweep]`` table, whose folders are relative to `folder`.

    Raises
    ------
    SpecError
        Naming the key, axis or constraint that cannot be used.
    """
    asked = f"sweep {spec.name}"
    for key in table:
        if key not in _KEYS:
            raise unknown_name("key of [sweep]", key, _KEYS)
    if "select" not in table:
        rule = f"what the best trial is chosen by is said before the run: {', '.join(SELECT)}"
        raise wrong(asked, "no 'select'", rule, 'add select = "sharpe"')
    spec = _in_full(spec)
    axes = _axes(spec, in_type(table.get("over", {}), dict, "over", asked), folder, asked)
    space = Space(
        axes=axes,
        constraints=_constraints(spec, axes, in_type(table.get("constraints", []), list, "constraints", asked)),
        sample=in_type(table.get("sample", GRID), str, "sample", asked),
        draws=_whole(table, "trials", 0, asked),
        seed=_whole(table, "seed", 1, asked),
    )
    if space.sample == GRID and "trials" in table:
        rule = "a grid has the trials that its axes make; trials is for samples and searches"
        raise wrong(asked, f"trials = {space.draws} of a grid", rule, 'leave it out, or say sample = "sobol"')
    return Plan(spec, space, in_type(table["select"], str, "select", asked), _whole(table, "chunk", 0, asked))


def _in_full(spec: Spec) -> Spec:
    """Return the spec as it is stored: all parameters named, one way to write a folder and a world."""
    params = dataclasses.asdict(build_params(load_strategy(spec.strategy), spec.params))
    file, colon, name = spec.strategy.rpartition(":")
    strategy = f"{Path(file).resolve()}{colon}{name}" if file.endswith(".py") else spec.strategy
    market = tuple(path.resolve() for path in spec.market)
    return dataclasses.replace(spec, params=params, strategy=strategy, market=market, what_if=_world(spec.what_if))


def _world(text: str) -> str:
    if not text:
        return ""
    from indexsim import whatif

    return str(whatif.parse(text))


def _whole(table: Mapping[str, Any], key: str, default: int, asked: str) -> int:
    number: int = in_type(table.get(key, default), int, key, asked)
    if not 0 <= number < 2**63:
        raise wrong(asked, f"{key} = {number}", f"{key} is a whole number from 0", f"correct {key}")
    return number


def _axes(spec: Spec, over: Mapping[str, Any], folder: Path, asked: str) -> tuple[Axis, ...]:
    types, keys = parameter_types(load_strategy(spec.strategy)), key_types()
    axes = []
    for name, raw in over.items():
        if name in types:
            kind = _kind(name, types[name], _KINDS, asked)
            axes.append(read_axis(name, raw, kind, _of_type(name, kind, asked)))
        elif name in NOT_SWEPT:
            rule = f"{', '.join(NOT_SWEPT)} are the same for every trial"
            raise wrong(asked, f"{name} is swept", rule, f"set {name} in the spec itself")
        elif name in keys:
            kind = tuple if name == "market" else _kind(name, keys[name], (*_KINDS, date), asked)
            axes.append(read_axis(name, raw, kind, _of_key(name, folder, asked)))
        else:
            known = [*types, *(key for key in keys if key not in NOT_SWEPT)]
            raise unknown_name("parameter or key of a spec to sweep over", name, known)
    return tuple(axes)


def _kind(name: str, hint: Any, known: Sequence[type], asked: str) -> type:
    """Return the one type in a hint, as float in ``float | None``."""
    kinds = [hint] if get_origin(hint) is None else [k for k in get_args(hint) if k is not type(None)]
    if len(kinds) == 1 and kinds[0] in known:
        return cast(type, kinds[0])
    rule = "what is swept is a number, a text or true and false"
    raise wrong(asked, f"{name} is of type {getattr(hint, '__name__', hint)}", rule, f"leave {name} out of the sweep")


def _of_type(name: str, kind: type, asked: str) -> Callable[[Any], Any]:
    return lambda value: in_type(value, kind, name, asked)


def _of_key(key: str, folder: Path, asked: str) -> Callable[[Any], Any]:
    """Return what checks a value of a key of the spec, as the spec itself would."""

    def check(value: Any) -> Any:
        if key == "what_if":
            return _world(checked(key, value, asked))
        if key != "market":
            return checked(key, value, asked)
        if not isinstance(value, (list, tuple)):
            rule = 'each market is a list of layered folders: [["a"], ["b", "c"]]'
            raise wrong(asked, f"a market {value!r}", rule, "put it in brackets")
        return tuple((folder / path).resolve() for path in checked(key, value, asked))

    return check


def _constraints(spec: Spec, axes: Sequence[Axis], texts: Sequence[Any]) -> tuple[Constraint, ...]:
    swept = {axis.name: axis.kind for axis in axes}
    keys = {key: getattr(spec, key) for key, hint in key_types().items() if hint in (int, float, float | None)}
    fixed = {**keys, **spec.params}
    left = {name: value for name, value in fixed.items() if name not in swept and isinstance(value, _KINDS)}
    return tuple(read_constraint(text, swept, left) for text in texts)


def _inline(value: Any) -> str:
    """Return an axis as TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(v)}" for key, v in value.items()) + " }"
    return toml_value(value)
