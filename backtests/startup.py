"""What a process does before it imports the rest."""

from __future__ import annotations

import gc


def unhurried_collection() -> None:
    """Look for garbage less often: imports make a million objects that stay, and looking through them takes a tenth."""
    gc.set_threshold(100_000, 50, 50)
