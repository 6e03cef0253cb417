"""A page as a reader finds it: what is marked up with its place in the twin, what is not, what it loads."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

#: What a text must not hold outside a mark: decimals, thousands, days.
LOOSE = r"\d+\.\d+|\d{1,3}(?:,\d{3})+|\d{4}-\d\d-\d\d"
ALERT = "<script>alert(1)</script>"


class Marked(HTMLParser):
    """Collect the text under each ``data-key``, the text outside, every tag, and every attribute that loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.marked: list[tuple[dict[str, str | None], str]] = []
        self.outside: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self._stack: list[dict[str, str | None] | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.loads += [values[name] or "" for name in ("src", "href", "srcset", "data", "action") if name in values]
        if tag in ("span", "style", "script"):
            self._stack.append(values if tag == "span" and "data-key" in values else ({} if tag != "span" else None))
            if "data-key" in values:
                self.marked.append((values, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("span", "style", "script"):
            self._stack.pop()

    def handle_data(self, data: str) -> None:
        inside = self._stack[-1] if self._stack else None
        if inside is None:
            self.outside.append(data)
        elif inside:
            values, text = self.marked[-1]
            self.marked[-1] = (values, text + data)


def resolve(values: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        values = values[int(part)] if isinstance(values, list) else values[part]
    return values


def agree(page: str, values: Any) -> int:
    """Check every marked text against its JSON value; return how many numbers there were."""
    numbers = 0
    for attributes, text in Marked(page).marked:
        value = resolve(values, attributes["data-key"] or "")
        if "data-decimals" in attributes:
            decimals, scale = int(attributes["data-decimals"] or 0), int(attributes["data-scale"] or 1)
            numbers += 1
            assert float(text.replace(",", "")) == pytest.approx(value * scale, abs=0.5000001 * 10**-decimals)
        elif value is None:
            assert text == "–"
        else:
            assert text == (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return numbers


def loose(page: str) -> list[str]:
    """Return the numbers and days that stand on a page without a mark."""
    return re.findall(LOOSE, " ".join(Marked(page).outside))


def whole(folder: Path, twin: str) -> int:
    """Check the page of a folder against its twin, its links and what it loads; return how many numbers it has."""
    page = (folder / "index.html").read_text("utf-8")
    found = Marked(page)

    assert loose(page) == []
    assert found.tags.count("script") == 1
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in page  # no other script may run
    assert not re.search(r"@import|url\(|https?://", page)
    assert not {"iframe", "object", "link", "form", "img"} & set(found.tags)
    assert [at for at in found.loads if not at.startswith("#") and not (folder / unquote(at)).exists()] == []
    assert {at[1:] for at in found.loads if at.startswith("#")} <= set(re.findall(r' id="([^"]*)"', page))
    return agree(page, json.loads((folder / twin).read_text("utf-8")))
