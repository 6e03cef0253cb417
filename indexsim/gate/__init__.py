"""The gate: a file of a market folder is read and checked once, and every finding is kept.

`read_table` never raises for bad content: it returns the frame it could read and the findings. Who
needs the file decides whether a finding stops it (`indexsim.market`). Nothing is corrected silently:
a cell that cannot be used is unknown (NaN), a row that cannot be placed is left out, and each has a
finding. Whatever stands in the file, the frame has the schema's columns and ascending, distinct keys.

What a file says on its own is in `table` (shape, types, order) and `suspicions` (values that could be
but hardly are); what it says beside the other files, in `together`. An error is what gives a wrong
number where it is used; a warning is what may well be true, or is left out with no harm done.
"""

from __future__ import annotations

from indexsim.gate.cells import BOUNDS, LONGEST, parse_dates
from indexsim.gate.gaps import gaps
from indexsim.gate.reading import ENDINGS, read_rows, read_table, unknown_files
from indexsim.gate.suspicions import WAIVABLE
from indexsim.gate.table import LISTED
from indexsim.gate.together import judge, lies_in

__all__ = [
    "BOUNDS",
    "ENDINGS",
    "LISTED",
    "LONGEST",
    "WAIVABLE",
    "gaps",
    "judge",
    "lies_in",
    "parse_dates",
    "read_rows",
    "read_table",
    "unknown_files",
]
