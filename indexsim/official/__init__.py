"""Readers of layouts that are not a market folder's: what publishers and public copies give, as frames."""
