"""The test a spec declares beside its claim, before the run: which figure is to lie on which side of a number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from indexsim.errors import SpecError, unknown_name

#: What an interval is told of, and of which benchmark it may be told over.
MEASURES = ("cagr", "sharpe", "max_drawdown")
OVER = {"price": "benchmark_price", "total": "benchmark_total"}
FIGURES = (*MEASURES, *(f"{measure} over {name}" for measure in MEASURES for name in OVER))

_TEST = re.compile(r"(?P<figure>[a-z_]+(?: over [a-z]+)?) *(?P<side>[<>]) *(?P<bound>-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Expectation:
    """What would refute a claim: a figure of the net account and the side of a number it is to lie on.

    Attributes
    ----------
    figure : str
        One of `FIGURES`; ``over`` is the account less the benchmark.
    side : {">", "<"}
    bound : float
        A fraction, or a ratio for ``sharpe``.

    Examples
    --------
    >>> print(expectation("sharpe over total > 0"))
    sharpe over total > 0
    """

    figure: str
    side: str
    bound: float

    def __str__(self) -> str:
        return f"{self.figure} {self.side} {self.bound:g}"

    def holds(self, low: float, high: float) -> bool:
        """Say whether a whole interval lies on the asserted side."""
        return low > self.bound if self.side == ">" else high < self.bound


def expectation(text: str) -> Expectation:
    """Read the test that a spec declares.

    Raises
    ------
    SpecError
        It is not FIGURE, > or <, NUMBER; or there is no such figure, with the nearest one.
    """
    found = _TEST.fullmatch(text.strip())
    if found is None:
        raise SpecError(
            asked=f"read expects = {text!r}",
            found="no test of a figure",
            rule="FIGURE > NUMBER or FIGURE < NUMBER",
            todo='write for example expects = "sharpe over total > 0"',
        )
    if found["figure"] not in FIGURES:
        raise unknown_name("figure with an interval", found["figure"], FIGURES)
    return Expectation(found["figure"], found["side"], float(found["bound"]))
