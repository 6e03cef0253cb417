"""The page of a run: rendered from its document and nothing else, one file that opens offline.

Every number on the page carries ``data-key``, the JSON pointer of its value in ``report.json``, with
the scale and the decimals it is shown at. Whatever comes from outside is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from backtests.report import chart, plots
from backtests.report.document import document
from backtests.report.sheets import draw
from backtests.report.verdict import LABELS
from backtests.result import Result

__all__ = ["ATTACKS", "Numbers", "document", "render", "report_folder", "templates", "write_run"]

#: What breaks the result, where somebody tried (`backtests.attacks`).
ATTACKS = "attacks.json"

#: A step of a path into a document, or several steps.
Part = str | int | tuple[str | int, ...]

_TEMPLATES = Path(__file__).parent / "templates"


class _Kind(NamedTuple):
    """How a number is shown: times `scale`, with so many decimals, with a plus sign or not."""

    scale: int
    decimals: int
    signed: bool


_KINDS = {
    "pct": _Kind(100, 2, False),
    "gain": _Kind(100, 2, True),
    "share": _Kind(100, 0, False),
    "ratio": _Kind(1, 2, False),
    "count": _Kind(1, 0, False),
    "yen": _Kind(1, 0, False),
    "profit": _Kind(1, 0, True),
    "basis": _Kind(10_000, 1, False),
    "chance": _Kind(1, 3, False),
    "weight": _Kind(100, 3, False),
    "step": _Kind(100, 3, True),
}

#: Kinds with as many decimals as the value has, at most these: prices, quantities, axis labels, any number.
_EXACT = {
    "price": _Kind(1, 4, False),
    "change": _Kind(1, 4, True),
    "tick": _Kind(100, 2, False),
    "plain": _Kind(1, 10, False),
}


def shown(value: float, scale: int, decimals: int, signed: bool) -> str:
    """Return a number as text with thousands separators; zero has no sign.

    Examples
    --------
    >>> shown(0.01234, 100, 2, True), shown(-1234567.0, 1, 0, False), shown(-0.00001, 100, 2, True)
    ('+1.23', '-1,234,567', '0.00')
    """
    text = f"{value * scale:{'+' if signed else ''},.{decimals}f}"
    return text.lstrip("+-") if not any(digit in text for digit in "123456789") else text


def _exact(value: float, kind: _Kind) -> _Kind:
    """Return a kind with the decimals that the scaled number has, at most those of `kind`."""
    exponent = Decimal(f"{value * kind.scale:.{kind.decimals}f}").normalize().as_tuple().exponent
    return kind._replace(decimals=max(0, -int(exponent)))


def pointer(*path: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a path.

    Examples
    --------
    >>> pointer("costs", "fee/side", 0)
    '/costs/fee~1side/0'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _flat(path: tuple[Part, ...]) -> tuple[str | int, ...]:
    """Return a path whose parts may themselves be paths as one flat path."""
    flat: tuple[str | int, ...] = ()
    for part in path:
        flat += part if isinstance(part, tuple) else (part,)
    return flat


class Numbers:
    """Look values up in a document and mark them up with their JSON pointer.

    Parameters
    ----------
    values : dict
        A document, or a dict of documents.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def at(self, *path: Part) -> Any:
        """Return the value at a path; KeyError or IndexError if it is not there."""
        value: Any = self._values
        for part in _flat(path):
            value = value[part]
        return value

    def num(self, kind: str, *path: Part) -> Markup:
        """Mark up the number at a path; an undefined one as a dash with its reason."""
        value = self.at(*path)
        if value is None:
            return self._undefined(_flat(path))
        scale, decimals, signed = _KINDS.get(kind) or _exact(value, _EXACT[kind])
        return Markup('<span class="n" data-key="{}" data-scale="{}" data-decimals="{}">{}</span>').format(
            pointer(*_flat(path)), scale, decimals, shown(value, scale, decimals, signed)
        )

    def text(self, *path: Part) -> Markup:
        """Mark up the text at a path; a number plainly, anything else as JSON."""
        value = self.at(*path)
        if value is None:
            return self._undefined(_flat(path))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.num("plain", *path)
        shown_as = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return Markup('<span data-key="{}">{}</span>').format(pointer(*_flat(path)), shown_as)

    def _undefined(self, path: tuple[str | int, ...]) -> Markup:
        """Mark up an undefined value, with its own reason if one stands beside it."""
        dash = Markup('<span class="none" data-key="{}">–</span>').format(pointer(*path))
        why, beside = f"{path[-1]}_why", self.at(*path[:-1])
        if not isinstance(beside, dict) or why not in beside:
            return dash
        return dash + Markup(" <small>{}</small>").format(self.text(*path[:-1], why))


def _hash(script: str) -> str:
    """Return a script's hash as a content security policy names it: no other script may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def templates(numbers: Numbers) -> jinja2.Environment:
    """Return the templates with autoescape on, undefined names refused, and the number functions."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style, sort = (Markup((_TEMPLATES / name).read_text("utf-8")) for name in ("style.css", "sort.js"))
    environment.globals.update(num=numbers.num, text=numbers.text, style=style, sort=sort, sort_hash=_hash(sort))
    sift = sort + Markup((_TEMPLATES / "sift.js").read_text("utf-8"))
    environment.globals.update(value=numbers.at, plots=plots, sift=sift, sift_hash=_hash(sift))
    return environment


def render(values: dict[str, Any], pictures: dict[str, bytes]) -> str:
    """Render the page of a run.

    Parameters
    ----------
    values : dict
        A document; every word and number of the page comes from it.
    pictures : dict of str to bytes
        PNG by sheet name, for the sheets the document calls drawn.
    """
    encoded = {name: base64.b64encode(png).decode("ascii") for name, png in pictures.items()}
    template = templates(Numbers(values)).get_template("run.html.j2")
    return template.render(d=values, labels=LABELS, chart=chart.geometry(values["curves"]), pictures=encoded)


def write_run(result: Result, folder: Path) -> None:
    """Write ``index.html`` and ``report.json`` into `folder`, beside what ``Result.write`` wrote.

    The same result, and the same attacks where the folder holds any, give the same bytes. What changed since the
    previous report is written last, beside them (`backtests.report.changes`).

    Raises
    ------
    LedgerError
        Positions that do not sum to the account value; nothing is written then.
    """
    from backtests.report.changes import write_changes  # which renders with what stands above

    sheets = draw(result)
    values = document(result, sheets) | _attacks(folder)
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # Rendered from what a reader of the file gets, so that the two cannot differ.
    page = render(json.loads(text), {sheet.name: sheet.png for sheet in sheets if sheet.png is not None})
    (folder / "report.json").write_text(text, "utf-8")
    (folder / "index.html").write_text(page, "utf-8")
    write_changes(folder)


def _attacks(folder: Path) -> dict[str, Any]:
    """Return the attacks stored in a folder as a part of its document."""
    stored = folder / ATTACKS
    return {"attacks": json.loads(stored.read_text("utf-8"))} if stored.is_file() else {}


def report_folder(folder: Path) -> None:
    """Write the page of a finished run again, from the files in its folder."""
    write_run(Result.read(folder), folder)
