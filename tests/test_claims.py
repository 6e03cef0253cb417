"""The judge of the claims: verdicts by hand from fake evidence, p-values adjusted by hand, the same bytes twice."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests.claims.adjust import benjamini_hochberg, holm
from backtests.claims.catalogue import FACT, UNTESTABLE, Claim, catalogue
from backtests.claims.evidence import Evidence, Inputs
from backtests.claims.gather import TABLES, facts, gather
from backtests.claims.judge import (
    CONTRADICTED,
    INSUFFICIENT,
    NOT_SUPPORTED,
    NOT_TESTABLE,
    SUPPORTED,
    VERDICTS,
    counts,
    judge,
)
from backtests.claims.page import draw, render, table, twin, write_page
from backtests.claims.picture import picture
from backtests.claims.tests import TESTS
from backtests.claims.words import as_text
from backtests.verbs.audit import claims as verb
from indexsim.errors import SpecError
from indexsim.schema import FILES

ROW = {"value": "9.074", "unit": "percent", "fact": "a weight", "confidence": "H", "source": "somewhere"}


def claim(name: str = "S001-01", test: str = "fake", **parts: Any) -> Claim:
    return Claim(name, "S001", "2026-01-20", "it is so", "it is not", test, **parts)


def evidence(p: float | None = None, *, supports: bool = True, n: int = 50, interval: bool = True) -> Evidence:
    low, high = (0.1, 0.3) if interval else (None, None)
    return Evidence(0.2, "share", low, high, n, p, supports)


def verdict(found: Evidence, **parts: Any) -> str:
    return judge([claim(**parts)], {}, {"fake": lambda inputs, params: found}, {})[0].verdict


# Adjusted p-values. By hand, p = .01 .02 .03 .04 of four claims:
# Holm multiplies by 4, 3, 2, 1 and never falls: .04 .06 .06 .06; BH by 4/1, 4/2, 4/3, 4/4 and never rises from the
# largest down: .04 .04 .04 .04.


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_benjamini_hochberg_by_hand() -> None:
    assert benjamini_hochberg([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.04] * 4)
    assert benjamini_hochberg([0.001, 0.8, 0.03]) == pytest.approx([0.003, 0.8, 0.045])
    assert benjamini_hochberg([]) == []


def test_the_family_of_the_adjustment_is_every_claim_with_a_p() -> None:
    found = {"a": evidence(0.02), "b": evidence(0.03), "c": evidence(None), "d": evidence(0.9)}
    tests = {name: lambda inputs, params, e=e: e for name, e in found.items()}
    judged = judge([claim(f"S001-0{i}", name) for i, name in enumerate(found)], {}, tests, {})

    # Three have a p: .02 x 3, .03 x 2, .9 x 1; BH .03 x 3/2 = .045 also bounds .02 x 3.
    assert [j.p_holm for j in judged] == [pytest.approx(0.06), pytest.approx(0.06), None, pytest.approx(0.9)]
    assert [j.p_bh for j in judged] == [pytest.approx(0.045), pytest.approx(0.045), None, pytest.approx(0.9)]
    assert [j.verdict for j in judged] == [NOT_SUPPORTED, NOT_SUPPORTED, SUPPORTED, NOT_SUPPORTED]
    assert "p alone would be below it" in judged[0].why


# Verdicts.


@pytest.mark.parametrize(
    ("found", "min_n", "expected"),
    [
        (evidence(0.01), 10, SUPPORTED),
        (evidence(0.05), 10, SUPPORTED),
        (evidence(0.0501), 10, NOT_SUPPORTED),
        (evidence(0.01, supports=False), 10, NOT_SUPPORTED),
        (evidence(0.01, n=9), 10, INSUFFICIENT),
        (evidence(0.01, n=10), 10, SUPPORTED),
        (evidence(None), 10, SUPPORTED),
        (evidence(None, supports=False), 10, NOT_SUPPORTED),
        (evidence(None, interval=False), 1, SUPPORTED),
        (evidence(None, interval=False, supports=False), 1, CONTRADICTED),
        (Evidence(None, "share", None, None, 0, None, None), 1, INSUFFICIENT),
        (Evidence(None, "share", None, None, 40, None, False), 1, NOT_SUPPORTED),
        (Evidence(None, "", None, None, 0, None, None, missing=("n225: rows to 2026",)), 1, NOT_TESTABLE),
    ],
)
def test_the_verdict_follows_from_evidence_and_n(found: Evidence, min_n: int, expected: str) -> None:
    assert verdict(found, min_n=min_n) == expected


def test_opposite_evidence_gets_opposite_verdicts_with_and_without_a_p() -> None:
    pairs = [
        (evidence(0.001), evidence(0.001, supports=False)),
        (evidence(None, interval=False), evidence(None, interval=False, supports=False)),
    ]

    assert [verdict(true) for true, _ in pairs] == [SUPPORTED, SUPPORTED]
    assert [verdict(false) for _, false in pairs] == [NOT_SUPPORTED, CONTRADICTED]


def test_a_claim_without_its_inputs_names_them_and_is_not_run() -> None:
    def never(inputs: Inputs, params: Mapping[str, Any]) -> Evidence:
        raise AssertionError("run without its inputs")

    judged = judge([claim(inputs=("n225", "topix"))], {"n225": pd.DataFrame(), "topix": None}, {"fake": never}, {})[0]

    assert judged.verdict == NOT_TESTABLE
    assert judged.why == "Missing: topix: no folder holds it."


def test_a_test_sees_the_inputs_of_its_claim_and_the_fact_tables_only() -> None:
    seen: list[tuple[str, ...]] = []
    asked: list[Mapping[str, Any]] = []

    def spy(inputs: Inputs, params: Mapping[str, Any]) -> Evidence:
        seen.append(tuple(sorted(inputs)))
        asked.append(params)
        return evidence()

    inputs = {"n225": 1, "topix": 2, "claims_facts": 3}
    judge([claim(inputs=("n225",), params={"horizon": 5})], inputs, {"fake": spy}, {})

    assert seen == [("claims_facts", "n225")]
    # crc32 of the text S001-01, by another implementation: printf S001-01 | gzip -c | tail -c8 | od -tu4
    assert asked == [{"horizon": 5, "id": "S001-01", "seed": 3700486081, "seed_date": "2026-01-20"}]


def test_an_untestable_claim_names_the_file_that_would_settle_it() -> None:
    judged = judge([claim(test=UNTESTABLE, settled_by="cpi.csv: prices")], {}, {}, {})[0]

    assert judged.verdict == NOT_TESTABLE
    assert judged.answer()["missing"] == ["cpi.csv: prices"]


@pytest.mark.parametrize(
    ("asserted", "tolerance", "value", "expected"),
    [
        (9.0, 0.1, "9.074", SUPPORTED),
        (7, 0.5, "9.074", CONTRADICTED),
        ("1949-05-16", None, "1949-05-16", SUPPORTED),
        ("1950-05-16", None, "1949-05-16", CONTRADICTED),
        ("10.43;9.07", 0.01, "10.4302;9.0740", SUPPORTED),
        ("10.43;9.07", 0.01, "10.4302;9.10", CONTRADICTED),
        ("10.43", 0.01, "10.4302;9.10", CONTRADICTED),
        ("4;10", None, "4;10", SUPPORTED),
    ],
)
def test_a_fact_decides(asserted: str | float, tolerance: float | None, value: str, expected: str) -> None:
    asked = claim(test=FACT, fact="w", asserted=asserted, tolerance=tolerance)
    judged = judge([asked], {}, {}, {"w": {**ROW, "value": value}})[0]

    assert judged.verdict == expected
    assert judged.source == "somewhere (H)"
    assert judged.answer()["known"] == value


def test_an_unknown_test_or_fact_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="did you mean 'slope'"):
        judge([claim(test="slop")], {}, TESTS, {})
    with pytest.raises(SpecError, match="did you mean 'weight'"):
        judge([claim(test=FACT, fact="wieght", asserted=1)], {}, {}, {"weight": ROW})


# The catalogue.


def write_claim(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    head = ['seed = "S009"', 'seed_date = "2025-01-01"', "[[claim]]"]
    (folder / "s009.toml").write_text("\n".join([*head, *lines]), "utf-8")
    return folder


def test_a_claim_is_read_with_its_defaults(tmp_path: Path) -> None:
    whole = ('id = "S009-01"', 'asserts = "a"', 'falsified_by = "b"', 'test = "slope"', 'direction = "above"')
    found = catalogue(write_claim(tmp_path, *whole, "threshold = 1", 'inputs = ["n225"]'))

    assert [(c.id, c.seed, c.min_n, c.params, c.inputs) for c in found] == [
        ("S009-01", "S009", 10, {"direction": "above", "threshold": 1}, ("n225",))
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('id = "S009-01"', 'asserts = "a"', 'test = "slope"'), "falsified_by missing"),
        (('id = "S009-01"', 'asserts = "a"', 'falsified_by = "b"', 'test = "fact"'), "asserted, fact missing"),
        (('id = "S009-01"', 'asserts = "a"', 'falsified_by = "b"', 'test = "untestable"'), "settled_by missing"),
        (('id = "S009-01"', 'asserts = "a"', 'falsified_by = "b"', 'test = "slope"', "minn = 3"), "minn is no part"),
    ],
)
def test_a_claim_without_its_parts_is_refused(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        catalogue(write_claim(tmp_path, *lines))


def test_an_id_stands_once(tmp_path: Path) -> None:
    one = ('id = "S009-01"', 'asserts = "a"', 'falsified_by = "b"', 'test = "slope"')

    with pytest.raises(SpecError, match="stands twice"):
        catalogue(write_claim(tmp_path, *one, "[[claim]]", *one))


def test_the_shipped_claims_name_what_exists() -> None:
    shipped = catalogue()
    known, long = facts(), {"ohlcv", "ohlcv_raw", "splits", "dividends"}

    assert sorted({c.test for c in shipped if c.numeric} - set(TESTS)) == []
    assert sorted({c.fact for c in shipped if c.test == FACT} - set(known)) == []
    assert sorted({name for c in shipped for name in c.inputs} - set(FILES) - long) == []
    assert [c.id for c in shipped if not c.id.startswith(f"{c.seed}-")] == []


def test_every_fact_of_the_claims_is_asserted_by_one() -> None:
    assert sorted(set(facts()) - {c.fact for c in catalogue()}) == []


def test_every_series_a_claim_reads_is_among_its_inputs() -> None:
    undeclared = sorted({f"{c.id}: {name}" for c in catalogue() for name in _read(c.params) - set(c.inputs)})

    assert undeclared == []


def _read(params: Any) -> set[str]:
    """Return the files that texts within parameters name as ``file.column``, and ``ohlcv`` for stocks."""
    if isinstance(params, Mapping):
        return set().union(*map(_read, params.values()))
    if isinstance(params, list):
        return set().union(*map(_read, params))
    if not isinstance(params, str):
        return set()
    named = {part.split(".")[0] for part in params.split("/")} & set(FILES)
    return named | ({"ohlcv"} if params.startswith("stocks:") else set())


# Inputs, answer, page.


def test_what_nothing_holds_is_none_and_the_fact_tables_are_always_there() -> None:
    found = gather(["n225", "ohlcv"], None, None)

    assert found["n225"] is None
    assert found["ohlcv"] is None
    assert set(TABLES) < set(found)
    with pytest.raises(TypeError):
        found["n225"] = 1  # type: ignore[index]


def answer() -> dict[str, Any]:
    asked = [
        claim("S001-01", inputs=("n225",), params={"direction": "above", "threshold": 0.0}),
        claim("S001-02", test=FACT, fact="w", asserted=7, tolerance=0.5),
        claim("S001-03", test=FACT, fact="t", asserted="<b>yes</b>"),
        claim("S001-04", test=UNTESTABLE, settled_by="cpi.csv: prices"),
    ]
    found = Evidence(0.2, "correlation", 0.1, 0.3, 50, 0.01, True, "a note", later=(0.1, 7))
    rows = {"w": ROW, "t": {**ROW, "value": "no", "unit": ""}}
    judged = judge(asked, {"n225": pd.DataFrame()}, {"fake": lambda inputs, params: found}, rows)
    data = {"fingerprint": "f", "from": None, "to": None, "synthetic": None, "missing": [], "constituents": None}
    listed = [j.answer() for j in judged]
    return {"claims": listed, "counts": counts(judged), "findings": [], "data": data, "version": "0"}


def test_the_answer_has_every_part_and_counts_what_it_holds() -> None:
    found = answer()

    assert found["counts"] == {
        "claims": 4,
        SUPPORTED: 1,
        NOT_SUPPORTED: 0,
        INSUFFICIENT: 0,
        CONTRADICTED: 2,
        NOT_TESTABLE: 1,
        "tested_with_numbers": 1,
        "with_p": 1,
    }
    parts = ("effect", "interval", "n", "p", "p_adjusted", "p_bh", "later", "asserted", "source")
    assert {part: found["claims"][0][part] for part in parts} == {
        "effect": 0.2,
        "interval": [0.1, 0.3],
        "n": 50,
        "p": 0.01,
        "p_adjusted": 0.01,
        "p_bh": 0.01,
        "later": {"effect": 0.1, "n": 7},
        "asserted": "above 0",
        "source": "from n225",
    }


class _Tags(HTMLParser):
    """Collects tags, and addresses that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{tag} {key}" for key, _ in attrs if key in ("src", "srcset") or (tag, key) == ("link", "href")]


def test_the_page_shows_every_claim_with_a_picture_loads_nothing_and_escapes() -> None:
    page = render(twin(answer()))
    tags = _Tags()
    tags.feed(page)

    assert tags.loads == []
    assert tags.tags.count("svg") == 4
    assert "<b>yes</b>" not in page
    assert "&lt;b&gt;yes&lt;/b&gt;" in page
    assert all(
        name in page for name in ("S001-01", "S001-04", "contradicted by a fact", "cpi.csv: prices", "Note: a note.")
    )


def test_a_figure_of_the_page_is_that_of_the_answer() -> None:
    page = render(twin(answer()))

    assert 'data-key="/claims/0/effect" data-scale="1" data-decimals="2">0.20<' in page
    assert 'data-key="/claims/1/known">9.074<' in page


def test_a_p_too_small_for_four_decimals_is_not_shown_as_nothing() -> None:
    tiny = answer()
    tiny["claims"][0]["p"] = 1e-7

    assert 'data-key="/claims/0/p" data-scale="1" data-decimals="7">0.0000001<' in render(twin(tiny))
    assert 'data-key="/claims/0/p" data-scale="1" data-decimals="2">0.01<' in render(twin(answer()))


def test_the_picture_sets_found_and_asserted_on_one_axis() -> None:
    drawn = str(picture(answer()["claims"][0]))

    # 180 wide, 8 free at each end; marks 0.2, 0.1, 0.3 and the reference 0: 0 -> 8, 0.3 -> 172, 0.2 -> 117.3.
    assert 'cx="117.3"' in drawn
    assert 'd="M8.0 3V23"' in drawn
    assert 'aria-label="found 0.2, interval 0.1 to 0.3, asserted 0"' in drawn


def test_the_text_counts_and_names_what_is_missing() -> None:
    text = as_text(answer())

    assert "S001         4           1           0           0           2           1" in text
    assert "untestable: S001-04 needs cpi.csv" in text


def test_the_verb_judges_a_synthetic_market_and_writes_the_same_bytes_twice(small: Path, tmp_path: Path) -> None:
    first = verb(small, report=tmp_path / "a")
    again = verb(small, report=tmp_path / "b")

    assert json.loads((tmp_path / "a" / "claims.json").read_text("utf-8"))["claims"] == first["claims"]
    for name in ("claims.json", "index.html", "claims.csv", "claims.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert first["claims"] == again["claims"]
    assert "SYNTHETIC" in (tmp_path / "a" / "index.html").read_text("utf-8")
    # Without a folder of constituents a claim on single stocks cannot be tested, and says so.
    assert next(c for c in first["claims"] if c["id"] == "S000-28")["verdict"] == NOT_TESTABLE
    # A synthetic market has the baskets and dividends of both indexes.
    assert "less the expected points of n225" in next(c for c in first["claims"] if c["id"] == "S001-59")["why"]


def test_the_table_of_the_claims_holds_what_the_twin_holds(tmp_path: Path) -> None:
    write_page(answer(), tmp_path)
    read = pd.read_csv(tmp_path / "claims.csv", keep_default_na=False)
    claims = answer()["claims"]

    assert read["id"].tolist() == [claim["id"] for claim in claims]
    assert read["verdict"].tolist() == [claim["verdict"] for claim in claims]
    assert (float(read["interval_low"][0]), float(read["interval_high"][0])) == (0.1, 0.3)
    assert pd.read_parquet(tmp_path / "claims.parquet").equals(table(answer()))


def test_the_page_is_drawn_again_from_its_twin_with_equal_bytes(tmp_path: Path) -> None:
    page = write_page(answer(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    page.unlink()

    assert draw(tmp_path) == page
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_twin_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text("[1]", "utf-8")

    with pytest.raises(SpecError, match=r"claims\.json is not as"):
        draw(tmp_path)


def test_every_verdict_can_be_filtered_by(tmp_path: Path) -> None:
    page = render(twin(answer()))
    chosen = re.findall(r'<tr data-choice="([^"]*)">', page)

    assert chosen == [claim["verdict"] for claim in answer()["claims"]]
    assert set(chosen) <= set(re.findall(r"<option>([^<]*)</option>", page))


def test_writing_makes_the_folder(tmp_path: Path) -> None:
    page = write_page(answer(), tmp_path / "deep" / "er")

    assert page == tmp_path / "deep" / "er" / "index.html"
    assert page.is_file()


@pytest.fixture(scope="module")
def real_answer(real: Path) -> dict[str, Any]:
    return verb(real / "series", constituents=real / "constituents")


@pytest.mark.real
def test_real_every_claim_has_a_verdict(real_answer: dict[str, Any]) -> None:
    rows = real_answer["claims"]

    assert len(rows) >= 60
    assert {c["seed"] for c in rows} == {"S000", "S001", "S002", "S003"}
    assert [c["id"] for c in rows if c["verdict"] not in VERDICTS or not c["why"]] == []
    assert [c["id"] for c in rows if c["verdict"] == CONTRADICTED and not c["source"]] == []
    assert real_answer["counts"]["tested_with_numbers"] >= 30


@pytest.mark.real
def test_real_few_are_not_testable_and_each_names_the_file(real_answer: dict[str, Any]) -> None:
    rows = [c for c in real_answer["claims"] if c["verdict"] == NOT_TESTABLE]

    assert len(rows) <= 15
    assert [c["id"] for c in rows if ".csv" not in c["missing"][0]] == []


@pytest.mark.real
def test_real_what_the_rulebook_calls_wrong_is_found_wrong(real_answer: dict[str, Any]) -> None:
    """The list of contradictions (H1 to H22) was made by reading, before and apart from this audit."""
    verdicts = {c["text"]: c["verdict"] for c in real_answer["claims"]}
    wrong = [
        "A split lowers a stock's weight by itself.",
        "Fast Retailing announced a split of 2 for 1 in March 2024.",
        "0.4 % a trade, once or twice a year, is 12 % a year.",
        "Toyota weighs about 4 %.",
        "It is calculated back to 1950-05-16.",
        "The index began on 1968-09-07.",
        "There is no buffer zone for incumbents.",
        "TOPIX has about 2,100 names, all of Prime.",
        "Tokyo's afternoon ends at 14:00 Taiwan time.",
        "The Nikkei VI is compiled by the exchange group JPX.",
        "That was its low after 1989.",
        "From the end of April to 2025-05-20 the Nikkei came back by 8.4 %.",
        "38,000 was the high of December 2023.",
        "In March 2016 it was raised to 3.3 trillion yen.",
    ]

    assert {text: verdicts[text] for text in wrong} == dict.fromkeys(wrong, CONTRADICTED)


@pytest.mark.real
def test_real_dividends_of_the_days_of_splits_are_estimated_and_what_their_points_take_is_named(
    real_answer: dict[str, Any],
) -> None:
    why = next(c["why"] for c in real_answer["claims"] if c["id"] == "S001-59")

    assert "ex-days of March and September" in why
    assert "expected points would take n225: closes, factors, divisors, dividends; topix: closes, shares_ffw" in why


@pytest.mark.real
def test_real_closes_of_the_table_and_figures_of_the_index_hold(real_answer: dict[str, Any]) -> None:
    found = {c["id"]: (c["verdict"], c["effect"]) for c in real_answer["claims"]}

    # 22,011.61 / 12,833.64 of the published closes is +71.5 %; the record close of 1989 is 38,915.87.
    assert found["S002-35"] == (SUPPORTED, pytest.approx(0.7151, abs=5e-5))
    assert found["S003-06"] == (SUPPORTED, pytest.approx(38915.87))
    assert found["S000-01"][0] == SUPPORTED


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _bought_after(real: Path) -> list[tuple[float, bool]]:
    """Return TOPIX overnight and whether the Bank bought, 2010-12-15 to 2020-12-31, lowest first; no code shared."""
    bought = {
        row["date"] for row in _rows(real / "series" / "boj_etf_purchases.csv") if float(row["index_etf"] or 0) > 0
    }
    rows = _rows(real / "series" / "topix.csv")
    nights = [(today["date"], float(today["open"]) / float(before["close"]) - 1) for before, today in pairwise(rows)]
    return sorted((night, day in bought) for day, night in nights if "2010-12-15" <= day <= "2020-12-31")


@pytest.mark.real
def test_real_the_probability_of_a_purchase_agrees_with_a_count_by_hand(
    real: Path, real_answer: dict[str, Any]
) -> None:
    nights = _bought_after(real)
    lowest, upper = nights[: len(nights) // 10], nights[len(nights) // 2 :]
    by_text = {c["text"]: c["effect"] for c in real_answer["claims"]}
    low = next(effect for text, effect in by_text.items() if "nearly 99 %" in text)
    high = next(effect for text, effect in by_text.items() if "nearly 0 when" in text)

    assert low == pytest.approx(sum(bought for _, bought in lowest) / len(lowest), abs=0.01)
    assert high == pytest.approx(sum(bought for _, bought in upper) / len(upper), abs=0.01)


@pytest.mark.real
def test_real_a_second_run_gives_the_same_answer(real: Path, real_answer: dict[str, Any]) -> None:
    again = verb(real / "series", constituents=real / "constituents")

    assert json.dumps(again) == json.dumps(real_answer)
