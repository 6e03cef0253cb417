"""The first screen of a page: the declared rule, case by case, and the doubts in their order."""

from __future__ import annotations

from typing import Any

import pytest

from backtests.report.verdict import LABELS, doubts, verdict


def row(value: float | None, low: float | None = None, high: float | None = None, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, **more}


def body(expects: str | None = "sharpe > 0", **changed: Any) -> dict[str, Any]:
    """Return a document without a doubt, the interval of its Sharpe ratio above zero."""
    net = {"sharpe": row(0.8, 0.2, 1.4), "cagr": row(0.05, -0.01, 0.1), "cagr over total": row(0.02, -0.02, 0.06)}
    plain: dict[str, Any] = {
        "claim": "It pays.", "expects": expects, "what_if": "", "data": {"synthetic": False, "missing": []},
        "lookahead": {"leaks": []}, "exposure": {"invested": 0.5}, "intervals": {"net": net},
        "period": {"sessions": 500, "sessions_per_year": 245.0}, "years": [], "ended": 0, "rejected_total": 0,
        "net": {"total_return": 0.1, "max_drawdown": -0.2, "n_trades": 40, "end": 110.0},
        "gross": {"total_return": 0.2},
        "waived": [], "index": None, "benchmark_total": {},
    }  # fmt: skip
    return plain | changed


@pytest.mark.parametrize(
    ("expects", "answer", "why"),
    [
        ("sharpe > 0", "supported", "the whole interval lies on the asserted side"),
        ("sharpe > 0.2", "not supported", "the interval holds the number: luck alone could have given the figure"),
        ("sharpe > 2", "not supported", "the whole interval lies on the other side: the data speak against the claim"),
        ("sharpe < 2", "supported", "the whole interval lies on the asserted side"),
        ("sharpe < 0", "not supported", "the whole interval lies on the other side: the data speak against the claim"),
        ("cagr > 0", "not supported", "the interval holds the number: luck alone could have given the figure"),
    ],
)
def test_an_interval_decides(expects: str, answer: str, why: str) -> None:
    found = verdict(body(expects))

    assert (found["verdict"], found["why"], found["on_these_data"]) == (answer, [why], None)


def test_a_lost_account_supports_nothing() -> None:
    lost = body(net={"total_return": -1.0, "n_trades": 40, "end": 0.0})

    assert (verdict(lost)["verdict"], verdict(lost)["why"]) == ("not supported", ["the account was lost"])


LEAK = {"leaks": [{"row": "2020-01-06", "what": "1 instead of 0"}]}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"lookahead": LEAK}, "the strategy looks ahead"),
        ({"lookahead": {"leaks": [], "unchecked": True}}, "whether the strategy looks ahead was not checked"),
        ({"claim": None}, "no claim was stated before the run"),
        ({"expects": None}, "the spec names no figure that would refute the claim"),
        ({"exposure": {"invested": 0.0}}, "nothing was held at any close"),
        ({"period": {"sessions": 244, "sessions_per_year": 245.0}}, "the run has less than a year of sessions"),
        (
            {"intervals": {"net": body()["intervals"]["net"] | {"sharpe": row(None, why="zero volatility")}}},
            "the figure has no interval: zero volatility",
        ),
    ],
)
def test_what_makes_a_claim_untestable(changed: dict[str, Any], why: str) -> None:
    found = verdict(body(**changed))

    assert (found["verdict"], found["why"], found["on_these_data"]) == ("not testable", [why], None)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"data": {"synthetic": {"seed": 1}, "missing": []}}, "the data are synthetic"),
        ({"what_if": "cap=1/10"}, "the market is counterfactual"),
    ],
)
def test_of_a_made_up_market_the_rule_still_says_what_it_would(changed: dict[str, Any], why: str) -> None:
    found = verdict(body(**changed))

    assert (found["verdict"], found["why"], found["on_these_data"]) == ("not testable", [why], "supported")


def test_a_run_without_a_test_still_shows_a_figure() -> None:
    found = verdict(body(None))

    assert (found["figure"], found["value"], found["low"], found["high"]) == ("sharpe", 0.8, 0.2, 1.4)
    assert found["expects_why"] == "the spec names no figure that would refute it"
    assert set(LABELS) >= {found["figure"]}


def test_nothing_to_doubt_is_said_as_nothing() -> None:
    assert doubts(body()) == []


CASES = {
    "looks ahead": {"lookahead": LEAK},
    "could not be checked": {"lookahead": {"leaks": [], "unchecked": True}},
    "Nothing was ever held": {"exposure": {"invested": 0.0}},
    "was lost": {
        "net": {"total_return": -1.0, "max_drawdown": -1.0, "n_trades": 40, "end": 0.0},
        "gross": {"total_return": -0.5},
    },
    "counterfactual": {"what_if": "no-boj"},
    "synthetic": {"data": {"synthetic": True, "missing": []}},
    "No claim": {"claim": None},
    "names no figure": {"expects": None},
    "Luck alone": {"intervals": {"net": body()["intervals"]["net"] | {"sharpe": row(0.1, -0.2, 0.4)}}},
    "Costs turn": {"net": {"total_return": 0.0, "max_drawdown": -0.2, "n_trades": 40, "end": 100.0}},
    "Fewer than 30": {"net": {"total_return": 0.1, "max_drawdown": -0.2, "n_trades": 29, "end": 110.0}},
    "One calendar year": {"years": [{"net": 0.6}, {"net": 0.5}, {"net": -0.9}]},
    "Holding the index": {"intervals": {"net": body()["intervals"]["net"] | {"cagr over total": row(-0.01, -1, 1)}}},
    "margin call": {"ended": 1},
    "rejected": {"rejected_total": 1},
    "do not rebuild": {"index": {"days": 5, "exact_days": 4}},
    "waived": {"waived": ["wide-jump"]},
    "are missing": {"data": {"synthetic": False, "missing": ["x"]}},
    "no total-return benchmark": {"benchmark_total": {"why": "absent"}},
}


@pytest.mark.parametrize("word", CASES)
def test_each_doubt_has_its_cause_and_no_other(word: str) -> None:
    found = doubts(body(**CASES[word]))  # type: ignore[arg-type]

    assert len(found) == 1
    assert word in found[0]


def test_doubts_stand_gravest_first() -> None:
    several = body(lookahead=LEAK, rejected_total=3, waived=["x"], claim=None)

    assert [text.split()[-1] for text in doubts(several)] == ["nothing.", "refuted.", "missed.", "waived."]


def test_one_good_year_of_two_is_no_doubt() -> None:
    assert doubts(body(years=[{"net": 0.6}, {"net": 0.5}])) == []
    assert doubts(body(years=[{"net": 0.6}, {"net": 0.7}, {"net": 0.2}])) == []
