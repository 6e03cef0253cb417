"""S002 judged: "99 % below the lowest decile, 0 % above the median", with what each return can and cannot say."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from indexsim.boj import deciles
from indexsim.boj.days import LUNCH, MORNING, OVERNIGHT
from indexsim.boj.deciles import Flags, Floats, Frequency, frequency
from indexsim.boj.when import Stretch

#: The sample that S002 names.
SAMPLE = Stretch("S002", date(2010, 12, 15), date(2020, 12, 31))
#: What S002 asserts of the lowest decile; above the median "close to 0" is taken as close as 99 % is to 1.
LOWEST, ABOVE_MEDIAN = 0.99, 0.01
#: Days below which nothing is judged: the lowest decile then has fewer than thirty.
FEWEST = 300
#: Standard deviation of the approximate morning's error, a fraction: 27 bp against exact closes of 2025.
MORNING_ERROR = 0.0027

CAN = {
    OVERNIGHT: "exact, of TOPIX, on every session of the sample: whether the open alone told the Bank's purchase",
    LUNCH: "exact, of TOPIX, overnight and morning together: what S002 says",
    MORNING: "overnight and morning together, as S002 says: what the Bank saw at noon, to within the error",
}
CANNOT = {
    OVERNIGHT: "S002 speaks of overnight and morning together, and calls a purchase after the overnight return alone "
    "only very likely; a fall of the morning is not seen, so both ends are blurred",
    LUNCH: "deciles are those of all sessions of the sample, known only afterwards",
    MORNING: "of the Nikkei, not of TOPIX; from a CFD, with an error of 27 bp; 2016-12 to 2020-11 only, so that its "
    "deciles are not those of the ten years",
}


def judge(returns: Floats, bought: Flags, column: str) -> dict[str, Any]:
    """Judge S002 on days with a return.

    Supported where 99 % lies in the interval of the lowest decile and 1 % is not below that of the upper half.
    On ``morning`` a contradiction is none where it vanishes farther inside than the return errs: then it is
    ``undecided``, not supported either, because days farther inside are easier.

    Parameters
    ----------
    returns : ndarray of shape (n_days,)
        Fractions, without NaN.
    bought : ndarray of bool, shape (n_days,)
    column : str
        ``overnight``, ``lunch`` or ``morning``.

    Returns
    -------
    dict
        Plain JSON values: ``asserted``, ``lowest_decile``, ``above_median``, ``verdict``, ``can``, ``cannot``,
        and for ``morning`` the same two counts on days farther than two errors inside (``beyond_error``).
        With 300 days and more ``verdict`` is ``supported``, ``not supported`` or ``undecided``.
    """
    low, high = deciles.ends(returns, bought)
    found: dict[str, Any] = {
        "asserted": {"lowest_decile": LOWEST, "above_median": 0.0, "source": "S002, after Hattori and Yoshida"},
        "lowest_decile": _plain(low),
        "above_median": _plain(high),
        "verdict": verdict(low, high, len(returns)),
        "can": CAN[column],
        "cannot": CANNOT[column],
    }
    if column == MORNING and len(returns):
        inside = 2.0 * MORNING_ERROR
        low_days = returns <= deciles.edges(returns)[0] - inside
        high_days = returns > np.median(returns) + inside
        counts = {"lowest_decile": bought[low_days], "above_median": bought[high_days]}
        inner = {name: frequency(flags) for name, flags in counts.items()}
        found["beyond_error"] = {name: _plain(each) for name, each in inner.items()}
        vanishes = verdict(inner["lowest_decile"], inner["above_median"], len(returns)) == "supported"
        if found["verdict"] == "not supported" and vanishes:
            found["verdict"] = "undecided"
    return found


def verdict(low: Frequency, high: Frequency, n: int) -> str:
    """Return ``supported``, ``not supported`` or ``insufficient``.

    Examples
    --------
    >>> verdict(frequency(np.ones(100, bool)), frequency(np.zeros(500, bool)), 1000)
    'supported'
    """
    if n < FEWEST:
        return "insufficient"
    return "supported" if low.low <= LOWEST <= low.high and high.low <= ABOVE_MEDIAN else "not supported"


def _plain(found: Frequency) -> dict[str, Any]:
    count: dict[str, Any] = {"n": found.n, "bought": found.times}
    if not found.n:
        return {**count, "p": None, "why": "no such day"}
    return {**count, "p": round(found.p, 6), "low": round(found.low, 6), "high": round(found.high, 6)}
