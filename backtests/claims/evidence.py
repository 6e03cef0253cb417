"""What a test of a claim is handed, and what it hands back.

A test is a pure function of its inputs and parameters. It says what it measured, how sure the figure is
and whether it points the way the claim says; the verdict is not its business (`backtests.claims.judge`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: Name of an input -> its frame, or None where no folder holds it. Names: the files of a market as
#: `MarketData.table` gives them; the long frames of a folder of constituents
#: (`indexsim.official.constituents`); the tables of data/facts by file name; what a market tells of its dividends
#: (`backtests.claims.exdividend`).
Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What a test measured.

    Attributes
    ----------
    effect : float or None
        The estimate, in `unit`; None where it cannot be computed.
    unit : str
        ``points``, ``share``, ``bp``, ``correlation``, ``days`` ...
    low, high : float or None
        The 90 % interval of the effect; None where the test has none (an exact comparison).
    n : int
        Independent observations behind the effect: days, episodes or dated events, as the test says in `note`.
    p : float or None
        Two-sided p-value of "no effect"; None where the test compares with a stated value.
    supports : bool or None
        Whether the estimate has the asserted sign or size, before p is looked at; None where it cannot be said.
    note : str
        What a reader must know to read the figure, one sentence.
    later : tuple of (float or None, int), optional
        Effect and n on data after the seed's date; no part of `effect`.
    missing : tuple of str
        Inputs without which the claim cannot be tested, each with what it would settle.

    Examples
    --------
    >>> Evidence(0.31, "correlation", 0.1, 0.5, 80, 0.01, True).supports
    True
    """

    effect: float | None
    unit: str
    low: float | None
    high: float | None
    n: int
    p: float | None
    supports: bool | None
    note: str = ""
    later: tuple[float | None, int] | None = None
    missing: tuple[str, ...] = ()


#: A test: inputs and parameters (strings, numbers, lists of them) in, evidence out.
Test = Callable[[Inputs, Mapping[str, Any]], Evidence]
