"""A market folder made into another one: the other file format, several joined, a part cut out."""

from __future__ import annotations

from indexsim.reshape.convert import convert
from indexsim.reshape.cut import cut
from indexsim.reshape.merge import Disagreement, layered, rowwise

__all__ = ["Disagreement", "convert", "cut", "layered", "rowwise"]
