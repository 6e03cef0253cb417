"""A run as data: read from TOML, changed on the command line, checked, written back in full."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import tomllib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from backtests.expectation import expectation
from backtests.loading import from_text, in_type, load_strategy, parameter_types, wrong
from backtests.trading.curves import CARRY, EXPIRIES, MODELS, ROLL, ROLL_BEFORE
from backtests.version import SPECS
from indexsim.errors import unknown_name
from indexsim.expiry import MAX_ROLL_BEFORE

#: Equity kept back when a fund is bought: 1321 gaps up by more on 1.7 % of days. Futures keep none.
FUND_RESERVE = 0.02


@dataclass(frozen=True)
class Spec:
    """Everything that defines a run.

    Attributes
    ----------
    name : str
        Names the run and its folder.
    strategy : str
        ``package.module:Class`` or ``path/to/file.py:Class``.
    market : tuple of Path
        Folders, layered in order.
    params : mapping
        Strategy parameters by name; what is not named keeps its default.
    start, end : date or None
        First and last session traded; None is the market's own. ``from`` and ``to`` in TOML.
    cash : int
        Starting cash in yen.
    reserve : float or None
        Part of the equity kept back when sizing, as a fraction; None is 2 % for funds, 0 for futures.
    rebalance : {"on-change", "every-bar"}
        Whether an unchanged target orders the drift away.
    slippage_bps : float
        Against the trader on every fill, in basis points.
    slippage_ticks : int
        As above, in ticks; both act.
    impact : float
        Slippage of an order as large as a day's usual volume, in daily standard deviations; it falls with the
        square root of the order.
    volume_share : float
        Largest part of a bar's volume that an order takes, the rest of it falls; 0 = no bound.
    futures : {"carry", "index"}
        What a future is worth where the market has no prices of it: the index with its carry, or the index itself.
    expiry : {"roll", "settle"}
        Whether a future moves into the next contract, or ends in cash at the special quotation.
    roll_before : int
        Sessions before the last trading day at whose close it moves.
    cash_rate : float
        What idle cash earns, a fraction a year.
    base : {"JPY", "USD"}
        Currency of the account's owner: its value is also shown in it, exchanged at the last known rate.
    strict : {"sample", "all"}
        Rows of the look-ahead check: at least 64, or every one.
    waive : tuple of str
        Rules of the gate that may be broken; shown on the page.
    claim : str
        What was claimed before the run.
    expects : str
        What would show it: a figure and the side of a number its interval is to lie on, as ``sharpe over total > 0``
        (`backtests.expectation`); "" leaves the claim without a test.
    what_if : str
        World whose market is traded instead (`indexsim.whatif`); "" is the real one.
    """

    name: str
    strategy: str
    market: tuple[Path, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    start: date | None = None
    end: date | None = None
    cash: int = 100_000_000
    reserve: float | None = None
    rebalance: str = "on-change"
    slippage_bps: float = 1.0
    slippage_ticks: int = 0
    impact: float = 0.0
    volume_share: float = 0.0
    futures: str = CARRY
    expiry: str = ROLL
    roll_before: int = ROLL_BEFORE
    cash_rate: float = 0.0
    base: str = "JPY"
    strict: str = "sample"
    waive: tuple[str, ...] = ()
    claim: str = ""
    expects: str = ""
    what_if: str = ""

    def __post_init__(self) -> None:
        for key, name in _FIELDS.items():
            value = getattr(self, name)
            if value is not None or name not in ("start", "end", "reserve"):
                object.__setattr__(self, name, checked(key, value, f"describe the run {self.name!r}"))


_TOML_NAMES = {"start": "from", "end": "to"}
#: Key in TOML -> field of the spec.
_FIELDS = {_TOML_NAMES.get(f.name, f.name): f.name for f in dataclasses.fields(Spec)}
_CHOICES = {
    "rebalance": ("on-change", "every-bar"),
    "strict": ("sample", "all"),
    "futures": MODELS,
    "expiry": EXPIRIES,
    "base": ("JPY", "USD"),
}
#: Numbers of the spec: type, lowest value, and the bound they stay below.
_NUMBERS: dict[str, tuple[type, float, float]] = {
    "cash": (int, 1, float("inf")),
    "reserve": (float, 0, 1),
    "slippage_bps": (float, 0, 10_000),
    "slippage_ticks": (int, 0, float("inf")),
    "impact": (float, 0, 1_000),
    "volume_share": (float, 0, float("inf")),
    "roll_before": (int, 0, MAX_ROLL_BEFORE + 1),
    "cash_rate": (float, 0, 1),
}
#: The table of a sweep, beside the keys of the run it varies.
_SWEEP = "sweep"
#: What the command line cannot change with --set.
_FIXED = ("name", "strategy", "market", "params")


def load_spec(path: Path | str) -> Spec:
    """Read a spec; paths inside it are relative to it. Of a sweep it is the base run: its table is left aside.

    Raises
    ------
    SpecError
        Naming the key that is unknown, missing or of the wrong type.
    """
    return load_sweep(path)[0]


def load_sweep(path: Path | str) -> tuple[Spec, dict[str, Any]]:
    """Read a spec and, as it stands, its ``[sweep]`` table (`backtests.sweeps.plan`); empty where it has none.

    Raises
    ------
    SpecError
        As `load_spec`.
    """
    path = Path(path)
    asked = f"read the spec {path}"
    raw = _read(path, asked)
    sweep: dict[str, Any] = in_type(raw.pop(_SWEEP, {}), dict, _SWEEP, asked)
    for key in raw:
        if key not in _FIELDS:
            raise unknown_name("key of a spec", key, [*_FIELDS, _SWEEP])
    for key in ("name", "strategy", "market"):
        if key not in raw:
            raise wrong(asked, f"no {key!r}", "name, strategy and market are needed", f"add {key} = ...")
    # Checked here, so that a message names the file; a Spec checks itself as well.
    values = {_FIELDS[key]: checked(key, value, asked) for key, value in raw.items()}
    folder = path.resolve().parent
    values["market"] = tuple(folder / p for p in values["market"])
    if ".py:" in values["strategy"]:
        values["strategy"] = str(folder / values["strategy"])
    return Spec(**values), sweep


def key_types() -> dict[str, Any]:
    """Return the keys of a spec as they stand in TOML, with their types."""
    hints = typing.get_type_hints(Spec)
    return {key: hints[name] for key, name in _FIELDS.items()}


def with_keys(spec: Spec, values: Mapping[str, Any]) -> Spec:
    """Return the spec with other values of some keys, named as in TOML, every one checked."""
    return dataclasses.replace(spec, **{_FIELDS[key]: value for key, value in values.items()})


def _read(path: Path, asked: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise wrong(asked, "no such file", "a spec is a TOML file", _near(path)) from error
    except IsADirectoryError as error:
        raise wrong(asked, "it is a folder", "a spec is a TOML file", "name a file in it") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise wrong(asked, str(error), "a spec is a TOML file", "correct it; see backtests/specs") from error


def _near(path: Path) -> str:
    """Say which spec a missing one may be: of its own folder, or a shipped one asked for by its name."""
    for folder in (path.parent, SPECS):
        if close := difflib.get_close_matches(path.stem, sorted(p.stem for p in folder.glob("*.toml")), n=1):
            return f"did you mean {os.path.relpath(folder / f'{close[0]}.toml')!r}?"
    return "see backtests/specs for examples"


def with_settings(spec: Spec, settings: Sequence[str]) -> Spec:
    """Return the spec with ``key=value`` texts applied: strategy parameters first, then keys of the spec.

    Raises
    ------
    SpecError
        With the nearest name for an unknown key.
    """
    types = parameter_types(load_strategy(spec.strategy))
    keys = key_types()
    for text in settings:
        key, equals, value = text.partition("=")
        asked = f"set {text}"
        if not equals:
            raise wrong(asked, "no '='", "--set takes key=value", f"write --set {text}=VALUE")
        if key in types:
            spec = dataclasses.replace(spec, params={**spec.params, key: from_text(value, types[key], asked)})
        elif key in _FIELDS and key not in _FIXED:
            parsed = checked(key, from_text(value, keys[key], asked), asked)
            spec = dataclasses.replace(spec, **{_FIELDS[key]: parsed})
        else:
            known = [*types, *(k for k in _FIELDS if k not in _FIXED)]
            raise unknown_name("parameter", key, known)
    return spec


def checked(key: str, value: Any, asked: str) -> Any:
    """Check the value of one key of a spec, named as in TOML, and bring it into its type.

    Raises
    ------
    SpecError
        The value has another type or breaks the bound of its key.
    """
    if key == "market":
        return tuple(Path(p) for p in _texts(key, value, asked))
    if key == "waive":
        return _texts(key, value, asked)
    if key in ("from", "to"):
        return _date(value, asked)
    if key in _NUMBERS:
        return _number(key, value, asked)
    if key == "params":
        return dict(value) if isinstance(value, Mapping) else in_type(value, dict, key, asked)
    value = in_type(value, str, key, asked)
    if key in _CHOICES and value not in _CHOICES[key]:
        raise unknown_name(f"value for {key}", value, _CHOICES[key])
    if key == "expects":
        return str(expectation(value)) if value else ""
    if key == "name" and not value.replace("-", "").replace("_", "").isalnum():
        raise wrong(asked, f"name = {value!r}", "letters, digits, - and _ (it names a folder)", "correct name")
    return value


def _number(key: str, value: Any, asked: str) -> int | float:
    wanted, low, below = _NUMBERS[key]
    number: int | float = in_type(value, wanted, key, asked)
    if not low <= number < below:
        raise wrong(asked, f"{key} = {value!r}", f"{low} <= {key} < {below:g}", f"correct {key}")
    return number


def _texts(key: str, value: Any, asked: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, (str, Path)) else value
    good = isinstance(texts, (list, tuple)) and all(isinstance(t, (str, Path)) for t in texts)
    if not good or (key == "market" and not texts):
        raise wrong(asked, f"{key} = {value!r}", "a text or a list of texts", f"correct {key}")
    return tuple(str(text) for text in texts)


def _date(value: Any, asked: str) -> date:
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise wrong(asked, f"{value!r} is no date", "dates look like 2021-01-04", "correct the date") from error


def to_toml(spec: Spec, params: Any, base: Path) -> str:
    """Write the spec in full, every parameter named, paths relative to the folder `base`."""
    lines = []
    for key, name in _FIELDS.items():
        value = getattr(spec, name)
        if key == "market":
            value = [os.path.relpath(p, base) for p in value]
        elif key == "strategy" and ".py:" in value:
            value = os.path.relpath(value, base)
        if key != "params" and value not in (None, "", ()):
            lines.append(f"{key} = {toml_value(value)}")
    lines += ["", "[params]", *(f"{k} = {toml_value(v)}" for k, v in dataclasses.asdict(params).items())]
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    """Return a date, a text, a number, a truth value or a flat list as TOML."""
    if isinstance(value, date):
        return value.isoformat()
    # JSON text, numbers, booleans and flat lists are TOML as they stand.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def identity(spec: Spec, params: Any) -> dict[str, Any]:
    """Return what identifies a run, paths left out: the data's fingerprint stands for them."""
    facts = {key: getattr(spec, name) for key, name in _FIELDS.items() if key not in ("market", "params")}
    facts["params"] = dataclasses.asdict(params)
    if ".py:" in spec.strategy:
        facts["strategy"] = Path(spec.strategy).name
    return {k: (v.isoformat() if isinstance(v, date) else v) for k, v in facts.items()}
