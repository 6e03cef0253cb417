"""Every page in headless Chromium, and a page made wrong that every check must find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser import CHECKS, Faults, absent, browser, observe, pages

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(absent()), reason=absent() or "there")]

#: A page that fails every check of `observe` but one: what it asks for fails as well.
WRONG = """<!doctype html><html><head><meta charset="utf-8"><style>
table.sortable { color: #999; background: #fff } details { display: block }
@media print { .gone { display: none } } @media (prefers-color-scheme: dark) { body { color: #222; background: #111 } }
</style></head><body><h1 class="gone">Title</h1><div style="width: 600px">wide</div>
<img src="http://127.0.0.1:9/none.png"><a href="absent.csv">a</a><a href="#nowhere">b</a>
<input type="search"><table class="sortable"><thead><tr><th><button>n</button></th></tr></thead>
<tbody><tr><td>1,000</td></tr><tr><td>–</td></tr><tr><td>20</td></tr></tbody></table>
<script>missing();</script></body></html>"""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with browser() as driver:
        yield driver


@pytest.fixture(scope="module")
def faults(chrome: Chrome, reports: Path) -> dict[str, Faults]:
    """The faults of every page, by its place."""
    return {page.relative_to(reports).as_posix(): observe(chrome, page) for page in pages(reports)}


@pytest.mark.parametrize("check", CHECKS)
def test_no_page_has_a_fault(faults: dict[str, Faults], check: str) -> None:
    assert {page: found[check] for page, found in faults.items() if found[check]} == {}


def test_every_kind_of_page_was_opened(faults: dict[str, Faults]) -> None:
    assert {"index.html", "claims/index.html", "wipe-out/index.html", "日経-name/index.html"} <= set(faults)
    assert len(faults) >= 13


@pytest.mark.parametrize("check", CHECKS)
def test_a_wrong_page_is_found_out(chrome: Chrome, tmp_path: Path, check: str) -> None:
    page = tmp_path / "wrong.html"
    page.write_text(WRONG, "utf-8")

    assert observe(chrome, page)[check]
