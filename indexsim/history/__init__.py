"""The history of the factors from lists of two dates or more: what happened between them, and when.

`infer` takes official lists of price adjustment factors, closes as traded and published levels. A split shows in the
closes; every other change shows in the levels alone, and only from its own session on. What fits every level is an
answer where it is the only one; where it is not, the candidates are listed and none is chosen.
"""

from __future__ import annotations

from indexsim.history.inference import Ambiguous, FactorList, History, Placed, infer
from indexsim.history.lists import read_list

__all__ = ["Ambiguous", "FactorList", "History", "Placed", "infer", "read_list"]
