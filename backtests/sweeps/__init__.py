"""Sweeps: many trials of one spec, none lost, each counted."""
