"""The page of an index rebuilt from a market: its error, divisors, weights, and what it makes trackers trade."""
