"""Ideas: one file each, a frozen ``Params`` and a causal function from market to targets.

A strategy reads `indexsim` only. `backtests` executes its targets; nothing here knows an engine.
"""
