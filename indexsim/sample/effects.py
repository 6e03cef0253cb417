"""What a sample is made of: seed, dates, size, and the effects planted in it."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from indexsim.errors import SpecError


@cache
def recipe() -> str:
    """Return the version of the recipe: a hash of the package's sources.

    Another recipe makes another market of the same seed, so a folder written by it is written again.
    """
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


#: Fewest and most listed names outside the basket: a review needs some of each sector.
OUTSIDERS = (20, 5000)


@dataclass(frozen=True)
class Effects:
    """Planted effects, each acting at a stated instant; 0 (or None) plants nothing.

    One basis point (bp) is 0.0001. An effect multiplies the price ratio of its instant by 1 + effect,
    on top of everything else that moves prices then.

    Attributes
    ----------
    boj_afternoon_bp : float
        Added to the afternoon of every stock, from afternoon open to close, on each day the Bank buys.
        The Bank buys by the same rule, on the same days, whatever the effect.
    split_bp : float
        By how much the Nikkei falls against TOPIX from the close before the ex-date of a split of a
        constituent to the close of the ex-date. It acts between the open and the morning close, once
        per ex-date: all constituents down, all others up so that TOPIX stays where it would be.
    review_bp : float
        How far additions of a review rise in all, in equal steps from the close of the announcement day
        to the close before the effective day; each step acts overnight. Nothing is given back after.
    vi_drift : (float, float, float) or None
        Expected market return per year (fraction, dividends included) in a session that follows a VI close below
        20, from 20 to 30, above 30; spread over the session as its variance is. None: `EQUAL_DRIFT` in all.
    yen_beta : float
        Return of every stock per unit of return of USDJPY: the part of Tokyo hours acts in those hours, the part
        of New York hours in the next overnight. A regression on the USDJPY changes of the same row and
        of the row before has coefficients that sum to it.
    """

    boj_afternoon_bp: float = 15.0
    split_bp: float = 0.0
    review_bp: float = 0.0
    vi_drift: tuple[float, float, float] | None = (0.08, 0.03, -0.10)
    yen_beta: float = 0.3

    @classmethod
    def none(cls) -> Effects:
        """Return effects that plant nothing."""
        return cls(boj_afternoon_bp=0.0, vi_drift=None, yen_beta=0.0)


#: Expected market return per year, dividends included, where no drift by VI is planted.
EQUAL_DRIFT = 0.04


@dataclass(frozen=True)
class Sample:
    """The recipe of a synthetic market: the same recipe gives the same bytes.

    Attributes
    ----------
    seed : int
        Zero or more.
    start, end : date
        First and last day, both included; they need not be sessions. At least 60 days apart.
    outsiders : int
        Listed names that are no constituents, 20 to 5,000.
    effects : Effects

    Raises
    ------
    SpecError
        If a value lies outside its bounds.
    """

    seed: int = 225
    start: date = date(2005, 1, 4)
    end: date = date(2024, 12, 30)
    outsiders: int = 500
    effects: Effects = field(default_factory=Effects)

    def __post_init__(self) -> None:
        drift = self.effects.vi_drift or ()
        sizes = (self.effects.boj_afternoon_bp, self.effects.split_bp, self.effects.review_bp)
        _require(self.seed >= 0, "seed", self.seed, "zero or more")
        _require((self.end - self.start).days >= 60, "end", self.end, f"60 days or more after the start, {self.start}")
        _require(OUTSIDERS[0] <= self.outsiders <= OUTSIDERS[1], "outsiders", self.outsiders, f"in {OUTSIDERS}")
        _require(all(abs(bp) <= 500 for bp in sizes), "effects in bp", sizes, "each in [-500, 500]")
        _require(
            len(drift) in (0, 3) and all(abs(d) <= 1 for d in drift), "vi_drift", drift, "three in [-1, 1], or None"
        )
        _require(abs(self.effects.yen_beta) <= 3, "yen_beta", self.effects.yen_beta, "in [-3, 3]")

    def key(self) -> dict[str, Any]:
        """Return everything that decides the bytes, as plain JSON values."""
        effects = {name: _plain(value) for name, value in asdict(self.effects).items()}
        return {
            "version": recipe(),
            "seed": self.seed,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "outsiders": self.outsiders,
            "effects": effects,
        }

    def rng(self, stream: str) -> np.random.Generator:
        """Return the generator of one named stream: what one part draws never shifts another."""
        return np.random.default_rng([self.seed, zlib.crc32(stream.encode())])


def _plain(value: float | tuple[float, ...] | None) -> float | list[float] | None:
    if isinstance(value, tuple):
        return [float(part) for part in value]
    return None if value is None else float(value)


def _require(good: bool, name: str, found: object, rule: str) -> None:
    if not good:
        raise SpecError(
            asked="describe a sample market",
            found=f"{name} = {found}",
            rule=f"{name} is {rule}",
            todo=f"choose another {name}",
        )
