"""Data of others on its way into a market folder."""
