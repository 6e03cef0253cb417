"""Measurements of speed, each as a ratio to a peer or a physical limit taken in the same run."""
