"""A synthetic market with planted, known effects: the data the tool runs on when it has no other.

Everything is drawn from a seed: no price, level, name or company in it is real. What a strategy, a
claim or a test finds in it can be held against what `Effects` planted.

>>> Sample(seed=7, effects=Effects(split_bp=40.0)).effects.split_bp
40.0
"""

from __future__ import annotations

from indexsim.sample.effects import Effects, Sample, recipe
from indexsim.sample.folder import write_sample

__all__ = ["Effects", "Sample", "recipe", "write_sample"]
