"""The assertions of the seeds, each with the test that could refute it (``python -m backtests claims``)."""
