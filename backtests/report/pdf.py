"""A page as PDF, beside it: the same page, the same bytes every time, and no boxes.

weasyprint is imported inside the function that needs it; it comes with the extra ``pdf``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtests.report import fonts
from backtests.sweeps.lock import whole
from indexsim.errors import ToolError

#: What stands for characters that no font has.
GAP = "[…]"

#: Highest piece of a picture of the usual width that a sheet of paper holds, in pixels.
_HIGHEST = 1_200

#: Paper, and what a sheet has no use for.
_SHEET = """
@page { size: A4; margin: 15mm 12mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
@page wide { size: A3 landscape; }
body.wide { page: wide; } body.wide > * { max-width: none; }
body.wide :is(td, th) { min-width: 0; max-width: none; overflow-wrap: anywhere; }
body.wide :is(.nowrap, .flag, .n, button) { white-space: normal; } body.wide table { table-layout: fixed; }
body.wide td svg { width: 100%; }
.pair { display: block; } .chart { break-inside: auto; } .legend, .plot { break-inside: avoid; break-after: avoid; }
table.heat { break-inside: avoid; }
#claims th:is(:nth-child(2), :nth-child(12)) { width: 18%; } #claims th:nth-child(3) { width: 9%; }
#claims th:is(:nth-child(4), :nth-child(5), :nth-child(6)) { width: 8%; }
body { font-size: 9pt; } h2 { margin-top: 1.5rem; }
table { font-size: 7.5pt; } th, td { padding: 0.15rem 0.35rem; } td.t, td.wide, tbody th { min-width: 0; }
figure .picture { border: 0; padding: 0; } figure img { break-inside: avoid; }
input, label { display: none; }
"""


class PdfError(ToolError):
    """A page that cannot be made a PDF here."""


def write_pdf(page: Path) -> Path:
    """Write a page as PDF beside it, and return the file.

    Parameters
    ----------
    page : Path
        A page of this package, ``index.html``.

    Returns
    -------
    Path
        ``index.pdf``. The same page gives the same bytes with the same fonts and the same weasyprint.

    Raises
    ------
    PdfError
        weasyprint is not installed, or cannot be loaded.
    """
    require()
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    text = for_paper(page.read_text("utf-8"))
    identifier = hashlib.sha256(text.encode()).digest()[:16]
    # What is not in the page is not loaded.
    fetcher = URLFetcher(allowed_protocols=["data"])
    pdf: bytes = HTML(string=text, url_fetcher=fetcher).write_pdf(pdf_identifier=identifier)
    target = page.with_suffix(".pdf")
    with whole(target) as file:
        file.write(pdf)
    return target


def require() -> None:
    """Refuse before the work what could not be written after it.

    Raises
    ------
    PdfError
        weasyprint is not installed, or a library of the system that it needs is not.
    """
    asked, rule = "write a page as PDF", "weasyprint draws it; it comes with the extra `pdf`"
    todo = '`pip install -c constraints.txt -e ".[pdf]"`'
    if find_spec("weasyprint") is None:
        raise PdfError(asked=asked, found="the package weasyprint is not installed", rule=rule, todo=todo)
    try:
        import weasyprint  # noqa: F401
    except OSError as error:
        raise PdfError(
            asked=asked,
            found=f"weasyprint cannot be loaded: {str(error).splitlines()[0]}",
            rule="weasyprint needs the library Pango",
            todo="install it (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0)",
        ) from error


def for_paper(text: str) -> str:
    """Return a page for paper: drawings with their style, pictures in pieces, no script, nothing without a font."""
    text = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    style = "".join(re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL))
    text = re.sub(r"(<svg\b[^>]*>)", lambda found: f"{found[1]}<style>{_of_drawings(style)}</style>", text)
    text = re.sub(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)">', _pieces, text)
    text = text.replace("</head>", f"<style>{_SHEET}</style>\n</head>", 1)
    return _drawable(text)


def _of_drawings(style: str) -> str:
    """Return the rules of a style sheet as a drawing needs them, with the values of paper where it has its own.

    weasyprint gives a drawing no rule and no variable of the page.
    """
    rules, printed = _split(style)
    values = dict(re.findall(r"(--[\w-]+):\s*([^;}]+)", rules) + re.findall(r"(--[\w-]+):\s*([^;}]+)", printed))
    kept = re.sub(r"[^{}]*:root[^{]*\{[^}]*\}", "", rules)
    return re.sub(r"var\((--[\w-]+)\)", lambda found: values.get(found[1], "currentColor").strip(), kept)


def _split(style: str) -> tuple[str, str]:
    """Return the rules outside of every ``@media``, and those for paper."""
    block = re.compile(r"@media\s*([^{]*)\{((?:[^{}]*\{[^{}]*\})*[^{}]*)\}")
    printed = "".join(body for kind, body in block.findall(style) if "print" in kind)
    return block.sub("", style), printed


def _pieces(picture: re.Match[str]) -> str:
    """Return a picture as several where it is higher than a sheet, which would cut it off."""
    from matplotlib.image import imread, imsave

    pixels = imread(io.BytesIO(base64.b64decode(picture[1])))
    cuts = _cuts(pixels)
    if len(cuts) == 2:
        return picture[0]
    parts = []
    for top, bottom in pairwise(cuts):
        out = io.BytesIO()
        imsave(out, pixels[top:bottom], format="png")
        parts.append(
            f'<img src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}" alt="{picture[2]}">'
        )
    return "\n".join(parts)


def _cuts(pixels: NDArray[np.float32]) -> list[int]:
    """Return the rows to cut a picture at, its first and its end with them: amid the widest blank there is."""
    blank = np.flatnonzero((pixels == pixels[0, 0]).all(axis=(1, 2)))
    cuts = [0]
    while len(pixels) - cuts[-1] > _HIGHEST:
        near = blank[(blank > cuts[-1] + _HIGHEST // 2) & (blank <= cuts[-1] + _HIGHEST)]
        gaps = np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)
        widest = max(gaps, key=len)
        cuts.append(int(widest[len(widest) // 2]) if len(widest) else cuts[-1] + _HIGHEST)
    return [*cuts, len(pixels)]


def _drawable(text: str) -> str:
    """Return a page with a gap for characters that no font of this machine has, and a word about it."""
    absent = fonts.lacking(html.unescape(text))
    if not absent:
        return text
    said = f"No font of this machine has some characters of this page, shown as {GAP}; index.html holds them."
    runs = re.compile("[" + "".join(map(re.escape, absent)) + "]+")
    return runs.sub(GAP, text).replace("<main>", f'<main>\n<p class="banner" role="note">{said}</p>', 1)
