"""``make bench``: measure, print a table, write ``reports/bench.json``."""

from __future__ import annotations

import json
import sys

from tests.bench.measure import Measurement
from tests.bench.parts import PARTS
from tests.conftest import ROOT


def main() -> int:
    """Run every part and report; the exit status is 0 whether or not the limits are met."""
    rows = [part() for part in PARTS]
    print(Measurement.HEAD)
    for row in rows:
        print(row)
    target = ROOT / "reports" / "bench.json"
    target.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n", "utf-8")
    print(f"written to {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
