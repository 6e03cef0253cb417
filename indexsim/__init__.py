"""The market as it was: sessions, events, baskets, levels, and the data that say so.

No engine, no orders, no plotting: `strategies` and `backtests` import from here, never the other way.
"""
