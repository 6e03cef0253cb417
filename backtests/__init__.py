"""Experiments: specs, the engine, the books, results and reports.

What the command line does, `backtests.verbs` does: one function a verb. Nothing is imported here,
because ``--help`` must not wait for pandas.
"""
