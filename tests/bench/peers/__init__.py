"""What the sweeps are measured against: scripts that run in environments of their own."""
