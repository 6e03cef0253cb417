"""An official list of weights held against the rebuilt index."""

from __future__ import annotations

from collections.abc import Sequence

from indexsim.gathering.reconcile import Conflict
from indexsim.official.reading import WEIGHTS, Reading
from indexsim.rebuild import Rebuilt

#: Weights are printed in percent with four decimals.
_WITHIN = 0.00005 + 1e-9


def differing(readings: Sequence[Reading], rebuilt: Rebuilt | None) -> list[Conflict]:
    """Return the weights of lists that the rebuilt index does not have, where it has that day."""
    if rebuilt is None:
        return []
    found = []
    for reading in readings:
        if WEIGHTS not in reading.frames:
            continue
        frame = reading.frames[WEIGHTS]
        day = frame["date"].iloc[0]
        if day not in rebuilt.index.closes.index:
            continue
        ours = rebuilt.index.weights(day.date()) * 100
        for code, printed in zip(frame["code"], frame["weight"], strict=True):
            own = float(ours.get(code, 0.0))
            if abs(own - printed) > _WITHIN:
                values: dict[str, float | str] = {reading.file: float(printed), "rebuilt": round(own, 4)}
                found.append(Conflict("weights", f"{day:%Y-%m-%d}", str(code), values, "rebuilt"))
    return found
