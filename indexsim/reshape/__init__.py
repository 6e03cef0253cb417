"""A market folder made into another one: the other file format, several joined, a part cut out."""

from __future__ import annotations

from indexsim.reshape.convert import convert
from indexsim.reshape.cut import cut
from indexsim.reshape.merge import Disagreement, Prefer, layered, rowwise, unread_columns

__all__ = ["Disagreement", "Prefer", "convert", "cut", "layered", "rowwise", "unread_columns"]
