"""Pages of finished runs: one self-contained HTML file each, its JSON twin, and a gallery of all.

``write_run`` writes a page, ``report_folder`` writes it again from its folder, ``write_compare`` puts several side by
side, ``write_gallery`` lists them. Nothing here looks at an engine, a market or the network.
"""

from __future__ import annotations

from backtests.report.compare import write_compare
from backtests.report.gallery import write_gallery
from backtests.report.page import ATTACKS, document, report_folder, write_run

__all__ = ["ATTACKS", "document", "report_folder", "write_compare", "write_gallery", "write_run"]
