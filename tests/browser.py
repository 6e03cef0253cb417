"""Pages in headless Chromium: what is wrong with each of them, by check.

``observe`` opens a page once from ``file://`` and lists the faults of every check. By hand, on any folder of
reports: ``python -m tests.browser reports``.

A table that can be sorted is a ``table.sortable``, or one whose headings hold a button (the element or the role). A
cell sorts by its ``data-sort`` where it has one, else by its text, numbers before words and what is unknown last; a row
of totals stays where it is.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")

#: Pixels wide: a desk and a phone.
WIDTHS = (1280, 390)

#: What `observe` looks at, each with a list of faults.
CHECKS = ("console", "requests", "scroll", "sort", "search", "links", "pictures", "contrast", "print")

Faults = dict[str, list[str]]


def absent() -> str:
    """Return what is missing to open a page, or nothing."""
    missing = [str(path) for path in (CHROMIUM, DRIVER) if not path.is_file()]
    return f"no {' and no '.join(missing)}; Debian: apt-get install chromium chromium-driver" if missing else ""


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Start Chromium without a window, with a log of its console and of its requests."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-background-networking", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def pages(reports: Path) -> list[Path]:
    """Return every page of a folder of reports, in order; what a program writes beside its place is none."""
    found = (path for path in sorted(reports.rglob("*.html")))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(reports).parts)]


def observe(driver: webdriver.Chrome, page: Path) -> Faults:
    """Open a page and return its faults by check; an empty list is a check that it passes."""
    page = page.resolve()
    _screen(driver, WIDTHS[0])
    _drain(driver)
    driver.get(page.as_uri())
    faults = {"scroll": _too_wide(driver), "contrast": _unreadable(driver), "print": _not_printed(driver)}
    faults["links"] = _dead(page, driver.execute_script(_LINKS))
    faults["pictures"] = driver.execute_script(_PICTURES)
    faults["sort"] = driver.execute_script(_SORT)
    faults["search"] = driver.execute_script(_SEARCH)
    console, requests = _drain(driver)
    faults["console"] = console
    faults["requests"] = [url for url in requests if url not in (page.as_uri(), "")]
    return {check: faults[check] for check in CHECKS}


def _screen(driver: webdriver.Chrome, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _media(driver: webdriver.Chrome, media: str, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def _drain(driver: webdriver.Chrome) -> tuple[list[str], list[str]]:
    """Return what the console said and what was asked for or failed, since the last time."""
    console = [f"{entry['level']}: {entry['message']}" for entry in driver.get_log("browser")]
    requests = []
    for entry in driver.get_log("performance"):
        message: dict[str, Any] = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = str(message["params"]["request"]["url"])
            requests.append("" if url.startswith("data:") else url)
        elif message["method"] == "Network.loadingFailed":
            requests.append(f"failed: {message['params']['errorText']}")
    return console, requests


def _too_wide(driver: webdriver.Chrome) -> list[str]:
    """Return the widths at which the page scrolls sideways, with what sticks out; every ``details`` open."""
    driver.execute_script("document.querySelectorAll('details').forEach((part) => { part.open = true; });")
    found = []
    for width in WIDTHS:
        _screen(driver, width)
        found += [f"{width} px: {what}" for what in driver.execute_script(_WIDER)]
    _screen(driver, WIDTHS[0])
    driver.execute_script("document.querySelectorAll('details').forEach((part) => { part.open = false; });")
    return found


def _unreadable(driver: webdriver.Chrome) -> list[str]:
    """Return the texts with too little contrast in light or in dark."""
    found = []
    for scheme in ("light", "dark"):
        _media(driver, "", scheme)
        found += [f"{scheme}: {what}" for what in driver.execute_script(_CONTRAST)]
    _media(driver, "", "light")
    return found


def _not_printed(driver: webdriver.Chrome) -> list[str]:
    """Return what is on the screen, or in a closed ``details``, and not on paper."""
    _media(driver, "print", "light")
    found = list(driver.execute_script(_HIDDEN))
    _media(driver, "", "light")
    return found


def _dead(page: Path, links: list[str]) -> list[str]:
    """Return the links that lead nowhere on disk; an address on the web is not asked for."""
    found = []
    for link in links:
        parts = urlsplit(link)
        if parts.scheme in ("http", "https"):
            continue
        target = page if not parts.path else page.parent / unquote(parts.path)
        if parts.scheme or not target.exists():
            found.append(f"{link}: no such file")
        elif parts.fragment and not _has_anchor(target, unquote(parts.fragment)):
            found.append(f"{link}: no such anchor")
    return found


def _has_anchor(page: Path, name: str) -> bool:
    return re.search(rf"""\sid=["']?{re.escape(name)}["'\s>]""", page.read_text("utf-8")) is not None


_LINKS = "return [...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'));"

_PICTURES = """
const named = (part) => (part.getAttribute("alt") || part.getAttribute("aria-label") || "").trim()
  || part.querySelector(":scope > title");
const silent = (part) => part.getAttribute("aria-hidden") === "true";
return [...document.querySelectorAll("img, svg")].filter((part) => !named(part) && !silent(part))
  .map((part) => part.outerHTML.slice(0, 120));
"""

_WIDER = """
const root = document.scrollingElement, found = [];
if (root.scrollWidth <= root.clientWidth) return found;
for (const part of document.body.querySelectorAll("*")) {
  const inner = [...part.children].some((child) => child.getBoundingClientRect().right > root.clientWidth + 1);
  if (part.getBoundingClientRect().right > root.clientWidth + 1 && !inner && !part.closest(".scroll"))
    found.push(part.outerHTML.slice(0, 120));
}
return found.length ? found : [`${root.scrollWidth} wide`];
"""

#: Texts of a page, as [element, text], without what is no content.
_TEXTS = """
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const part = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
  if (text && !part.closest("script, style, option, template")) texts.push([part, text]);
}
"""

_CONTRAST = (
    _TEXTS
    + """
const channels = (text) => {
  const found = (text.match(/[\\d.]+/g) || []).map(Number);
  return text.startsWith("color(srgb") ? [...found.slice(0, 3).map((c) => c * 255), ...found.slice(3)] : found;
};
const light = (rgb) => {
  const [r, g, b] = rgb.slice(0, 3).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const over = (top, below) => {
  const a = top.length > 3 ? top[3] : 1;
  return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a));
};
const behind = (part) => {
  const base = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  const layers = [];
  for (let at = part; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), base);
};
const found = new Set();
for (const [part, text] of texts) {
  if (!part.checkVisibility()) continue;
  const style = getComputedStyle(part), back = behind(part);
  const [a, b] = [light(over(channels(style.color), back)), light(back)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) found.add(`${ratio.toFixed(2)}: ${part.tagName} ${text.slice(0, 40)}`);
}
return [...found];
"""
)

_HIDDEN = (
    _TEXTS
    + """
const found = [], tools = "nav, input, label, [data-screen-only]";
const seen = { opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true };
for (const [part, text] of texts)
  if (!part.closest(tools) && !part.checkVisibility(seen)) found.push(`hidden: ${part.tagName} ${text.slice(0, 40)}`);
for (const part of document.body.querySelectorAll("*")) {
  const style = getComputedStyle(part);
  const [wide, high] = [part.scrollWidth - part.clientWidth, part.scrollHeight - part.clientHeight];
  const cut = (wide > 1 && style.overflowX !== "visible") || (high > 1 && style.overflowY !== "visible");
  if (cut && part.clientWidth && !part.matches("input, select")) found.push(`cut off: ${part.outerHTML.slice(0, 100)}`);
}
return found;
"""
)

_SORT = """
const found = [];
const value = (cell) => {
  const text = (cell.dataset.sort ?? cell.textContent).trim(), number = Number(text.replaceAll(",", ""));
  if (text.startsWith("–") || cell.dataset.sort === "") return null;
  return text === "" ? undefined : Number.isNaN(number) ? text.toLowerCase() : number;
};
const order = (a, b) => {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0;
};
const buttons = "thead th :is(button, [role=button])";
for (const table of document.querySelectorAll(`table.sortable, table:has(${buttons})`)) {
  const name = table.id || table.closest("[aria-label]")?.getAttribute("aria-label") || "a table";
  const rows = () => [...table.tBodies[0].rows].filter((row) => !row.classList.contains("total"));
  const column = (at) => rows().filter((row) => row.cells.length > at).map((row) => value(row.cells[at]));
  if (!table.querySelector(buttons)) found.push(`${name}: no heading is a button`);
  for (const button of table.querySelectorAll(buttons)) {
    const head = button.closest("th"), at = head.cellIndex, label = `${name}, ${button.textContent.trim()}`;
    for (const [direction, sign] of [["ascending", 1], ["descending", -1]]) {
      button.click();
      const all = column(at).filter((one) => one !== undefined), known = all.filter((one) => one !== null);
      if (head.getAttribute("aria-sort") !== direction) found.push(`${label}: aria-sort is not ${direction}`);
      if (known.some((one, i) => i && sign * order(known[i - 1], one) > 0)) found.push(`${label}: not ${direction}`);
      if (all.slice(0, known.length).includes(null)) found.push(`${label}: what is unknown is not last (${direction})`);
    }
  }
}
return found;
"""

_SEARCH = """
const found = [];
for (const field of document.querySelectorAll("input[type=search]")) {
  const rows = [...document.querySelectorAll("tbody tr")];
  const shown = () => rows.filter((row) => row.checkVisibility()).length;
  const type = (text) => { field.value = text; field.dispatchEvent(new Event("input", { bubbles: true })); };
  const before = shown();
  type("no such words anywhere");
  if (before && shown() === before) found.push("words that stand nowhere leave every row");
  type(rows.length ? rows[0].textContent.trim().split(/\\s+/)[0] : "");
  if (before && !shown()) found.push("a word of the first row hides it");
  type("");
  if (shown() !== before) found.push("an empty search does not bring the rows back");
}
return found;
"""


def main(reports: Path) -> int:
    """Print the faults of every page of a folder; exit 1 if there are any."""
    count = 0
    with browser() as driver:
        for page in pages(reports):
            faults = observe(driver, page)
            said = [f"{page.relative_to(reports)}: {check}: {what}" for check in CHECKS for what in faults[check]]
            count += len(said)
            print("".join(f"{line}\n" for line in said), end="")
    print(f"{len(pages(reports))} pages, {count} faults")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
