"""``make bench``: measure, print a table, write ``reports/bench.json``."""

from __future__ import annotations

import json
import sys

from tests.bench.measure import Measurement
from tests.bench.ours import PARTS as SWEEPS
from tests.bench.parts import PARTS as OTHERS
from tests.bench.peers.environment import NotMeasuredError
from tests.conftest import ROOT

PARTS = (*OTHERS, *SWEEPS)


def main() -> int:
    """Run every part and report; the exit status is 0 whether or not the limits are met."""
    rows, absent = [], []
    for part in PARTS:
        try:
            rows.append(part())
        except NotMeasuredError as why:
            absent.append(f"{part.__name__}: not measured: {why}")
    print(Measurement.HEAD)
    for row in rows:
        print(row)
    for line in absent:
        print(line)
    target = ROOT / "reports" / "bench.json"
    target.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n", "utf-8")
    print(f"written to {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
