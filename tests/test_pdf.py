"""A page as PDF: what stands in it, equal bytes, nothing cut off, no boxes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtests import verbs
from backtests.__main__ import main
from backtests.report import fonts, pdf
from tests.conftest import ROOT

weasyprint = pytest.importorskip("weasyprint", reason="the extra pdf is not installed")
pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")

JAPANESE = "日経225先物"


@pytest.fixture(scope="module")
def page(reports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with Japanese names, by itself."""
    page = tmp_path_factory.mktemp("pdf") / "index.html"
    page.write_bytes((reports / "日経-name/index.html").read_bytes())
    return page


@pytest.fixture(scope="module")
def written(page: Path) -> Any:
    return pypdf.PdfReader(pdf.write_pdf(page))


def text_of(reader: Any) -> str:
    return "\n".join(sheet.extract_text() for sheet in reader.pages)


def test_verdict_and_net_figure_stand_on_the_first_sheet(written: Any, page: Path) -> None:
    first, html = written.pages[0].extract_text(), page.read_text("utf-8")
    net = re.search(r'data-key="/net/total_return"[^>]*>([^<]+)<', html)

    assert net
    assert net[1] in first
    assert "The pair reverts." in first or "日経平均は戻る。" in first


@pytest.mark.skipif(bool(fonts.lacking(JAPANESE)), reason="no font with Japanese characters on this machine")
def test_japanese_names_are_drawn_with_a_font_that_has_them(written: Any) -> None:
    assert JAPANESE in text_of(written)
    assert "\ufffd" not in text_of(written)


def test_characters_without_a_font_are_said_to_be_missing(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_known", lambda: frozenset(range(0x250)))
    text = pdf.for_paper(page.read_text("utf-8"))

    assert JAPANESE in page.read_text("utf-8")
    assert not re.search("[日経先物]", text)
    assert f"{pdf.GAP}225{pdf.GAP}" in text
    assert "No font of this machine has some characters of this page" in text


def test_two_processes_write_equal_bytes(reports: Path, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_bytes((reports / "no-trade/index.html").read_bytes())
    first = pdf.write_pdf(page).read_bytes()
    code = f"from pathlib import Path; from backtests.report.pdf import write_pdf; write_pdf(Path({str(page)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={"PYTHONHASHSEED": "7"})

    assert (tmp_path / "index.pdf").read_bytes() == first
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["index.html", "index.pdf"]


def test_a_high_picture_is_cut_in_blank_rows_and_loses_none() -> None:
    pixels = np.ones((2_600, 40, 4), dtype=np.float32)
    for top in range(50, 2_600, 300):
        pixels[top : top + 200, 5:30, 0] = 0.0
    cuts = pdf._cuts(pixels)

    assert cuts[0] == 0
    assert cuts[-1] == 2_600
    assert max(np.diff(cuts)) <= 1_200
    for row in cuts[1:-1]:
        assert (pixels[row] == 1).all()


def test_a_drawing_gets_the_rules_and_the_colours_of_paper() -> None:
    style = (
        ":root { --ink: #111; } .net { stroke: var(--ink); } @media print { :root { --ink: #000; } p { color: red; } }"
    )
    text = pdf.for_paper(f"<html><head><style>{style}</style></head><body><svg viewBox='0 0 1 1'></svg></body></html>")
    inside = re.search(r"<svg[^>]*><style>(.*?)</style>", text, re.DOTALL)

    assert inside
    assert ".net { stroke: #000; }" in inside[1]
    assert "var(" not in inside[1]


def test_without_weasyprint_the_install_line_is_said_before_anything_is_written(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    status = main(
        ["run", str(verbs.SPECS / "hold.toml"), "--market", str(small), "--out", str(tmp_path / "r"), "--pdf"]
    )

    assert status == 2
    assert 'pip install -c constraints.txt -e ".[pdf]"' in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
