"""The worlds by name: what ``--what-if`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from indexsim.boj.effect import EFFECTS, effect_of
from indexsim.errors import SpecError, unknown_name

#: Name -> placeholder of its value ("" for none), and what the world is.
_WORLDS = {
    "no-cap": ("", "no weight cap: the factors as they were before it"),
    "cap": ("X", "no weight above X at the start and at each review; the excess goes to the others pro rata"),
    "cap-rule": ("X", "the publisher's weight cap, in steps of 0.1, at a threshold of X"),
    "split-by-divisor": ("", "every split moves the divisor and leaves the factor, so that it lowers the weight"),
    "equal": ("", "equal weights at the start and at each review"),
    "float": ("", "weights by free-float market value, from shares_ffw"),
    "frozen": ("", "the first basket, with no replacement ever"),
    "without": ("CODE", "the index without one code"),
    "no-boj": ("|".join(EFFECTS), "the series without the lift of the Bank of Japan's purchases of funds"),
}


@dataclass(frozen=True)
class World:
    """A counterfactual market.

    Attributes
    ----------
    name : str
        Without its value: ``cap`` for ``cap=0.1``.
    limit : Fraction
        Highest weight, a fraction; zero where the world has none.
    code : str
        The code left out; "" where the world leaves none out.
    effect : str
        The estimate (`indexsim.boj.EFFECTS`) taken out of the series; "" where the world is one of the index's rules.
    """

    name: str
    limit: Fraction = Fraction(0)
    code: str = ""
    effect: str = ""

    def __str__(self) -> str:
        value = self.code or self.effect or (str(float(self.limit)) if self.limit else "")
        return f"{self.name}={value}" if value else self.name

    @property
    def meaning(self) -> str:
        """What differs from the real market."""
        return _WORLDS[self.name][1]

    @property
    def uncapped(self) -> bool:
        """Whether the caps of the real index are undone."""
        return self.name in ("no-cap", "cap", "cap-rule")

    @property
    def own_weights(self) -> bool:
        """Whether factors are not the published ones at all, so that their steps mean nothing."""
        return self.name in ("equal", "float")


def worlds() -> tuple[str, ...]:
    """Return the names of all worlds, as they are written.

    Examples
    --------
    >>> print(*worlds())
    no-cap cap=X cap-rule=X split-by-divisor equal float frozen without=CODE no-boj=elasticity|bp|multiplier
    """
    return tuple(f"{name}={value}" if value else name for name, (value, _) in _WORLDS.items())


def parse(text: str) -> World:
    """Return the world a text names.

    Raises
    ------
    SpecError
        For an unknown name, a value where there is none to give, X outside 0 to 1, or an effect there is not.

    Examples
    --------
    >>> print(parse("cap-rule=0.10"))
    cap-rule=0.1
    """
    name, equals, value = text.strip().partition("=")
    if name not in _WORLDS:
        raise unknown_name("what-if world", name, _WORLDS)
    wanted = _WORLDS[name][0]
    if bool(wanted) != bool(equals and value):
        raise _wrong(text, "no value" if wanted else f"a value, {value!r}", f"{name} is written {_written(name)}")
    if wanted == "X":
        return World(name, limit=_limit(text, value))
    if name == "no-boj":
        return World(name, effect=effect_of(value).name)
    return World(name, code=value)


def _limit(text: str, value: str) -> Fraction:
    try:
        limit = Fraction(value)
    except (ValueError, ZeroDivisionError):
        limit = Fraction(0)
    if not 0 < limit < 1:
        raise _wrong(text, repr(value), "X is a weight as a fraction, above 0 and below 1 (10 % is 0.1)")
    return limit


def _written(name: str) -> str:
    return next(form for form in worlds() if form.partition("=")[0] == name)


def _wrong(text: str, found: str, rule: str) -> SpecError:
    return SpecError(asked=f"use the what-if world {text!r}", found=found, rule=rule, todo="correct the world")
