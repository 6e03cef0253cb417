"""What a reader must know before any detail: whether the claim of the run is shown, and what speaks against it.

The rule is declared on the page: an interval of a figure that the spec named before the run, and nothing else, decides.
"""

from __future__ import annotations

from typing import Any

from backtests.expectation import FIGURES, Expectation, expectation

SUPPORTED, NOT_SUPPORTED, NOT_TESTABLE = "supported", "not supported", "not testable"

RULE = (
    "Supported: the whole interval of the figure that the spec named before the run, net of costs, lies on the side of "
    "the number that it named. Not supported: it does not, or the account was lost. Not testable: there is no such "
    "figure or no interval of it, less than a year of sessions, nothing was held, the strategy looks ahead or was not "
    "checked, or the market is made up or counterfactual."
)

#: Fewer closed round trips than this say little; the page says so.
FEW_TRIPS = 30

#: A year with more than this part of all gains carries the result alone.
_ONE_YEAR = 0.5

_WORDS = {"cagr": "Return per year", "sharpe": "Sharpe ratio", "max_drawdown": "Deepest drawdown"}
_LESS = {"price": "the Nikkei 225", "total": "the Nikkei 225 with dividends"}


def verdict(body: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict on the claim of a run, by `RULE`.

    Parameters
    ----------
    body : dict
        The document of the run so far (`backtests.report.document`).

    Returns
    -------
    dict
        ``verdict``, ``why`` [text], ``rule``; ``figure``, ``label``, ``value``, ``low``, ``high`` of what was found;
        ``expects`` (text or None); ``on_these_data``, what the rule says if nothing but the data spoke against it.
    """
    test = expectation(body["expects"]) if body["expects"] else None
    # Without a test there is still something to be seen.
    figure = test.figure if test else "sharpe"
    found = body["intervals"]["net"][figure]
    ours, datas = _untestable(body, test, found), _unreal(body)
    answer = None if ours or test is None else _decided(test, found, body["net"]["end"] <= 0)
    return {
        "verdict": NOT_TESTABLE if answer is None or datas else answer[0],
        "why": [*ours, *datas, *([] if answer is None or datas else [answer[1]])],
        "on_these_data": answer[0] if answer and datas else None,
        **({} if answer and datas else {"on_these_data_why": "the verdict itself is on these data"}),
        "rule": RULE,
        "expects": body["expects"],
        **({} if test else {"expects_why": "the spec names no figure that would refute it"}),
        "figure": figure,
        "label": label(figure),
        **{key: found[key] for key in ("value", "low", "high")},
    }


def label(figure: str) -> str:
    """Return a figure in words.

    Examples
    --------
    >>> label("sharpe over total")
    'Sharpe ratio, less that of the Nikkei 225 with dividends'
    """
    measure, _, over = figure.partition(" over ")
    return _WORDS[measure] + (f", less that of {_LESS[over]}" if over else "")


#: Figures in words, in the order of the page.
LABELS = {figure: label(figure) for figure in FIGURES}


def _untestable(body: dict[str, Any], test: Expectation | None, found: dict[str, Any]) -> list[str]:
    """Return why the run can show nothing, whatever the data."""
    period = body["period"]
    reasons = (
        (bool(body["lookahead"]["leaks"]), "the strategy looks ahead"),
        ("unchecked" in body["lookahead"], "whether the strategy looks ahead was not checked"),
        (body["claim"] is None, "no claim was stated before the run"),
        (body["claim"] is not None and test is None, "the spec names no figure that would refute the claim"),
        (not body["exposure"]["invested"], "nothing was held at any close"),
        (period["sessions"] < period["sessions_per_year"], "the run has less than a year of sessions"),
        (found["value"] is None, f"the figure has no interval: {found.get('why')}"),
    )
    return [why for holds, why in reasons if holds]


def _unreal(body: dict[str, Any]) -> list[str]:
    """Return why the data can show nothing."""
    reasons = (
        (bool(body["data"]["synthetic"]), "the data are synthetic"),
        (bool(body["what_if"]), "the market is counterfactual"),
    )
    return [why for holds, why in reasons if holds]


def _decided(test: Expectation, found: dict[str, Any], lost: bool) -> tuple[str, str]:
    if lost:
        return NOT_SUPPORTED, "the account was lost"
    if test.holds(found["low"], found["high"]):
        return SUPPORTED, "the whole interval lies on the asserted side"
    if found["low"] <= test.bound <= found["high"]:
        return NOT_SUPPORTED, "the interval holds the number: luck alone could have given the figure"
    return NOT_SUPPORTED, "the whole interval lies on the other side: the data speak against the claim"


def doubts(body: dict[str, Any]) -> list[str]:
    """Return what speaks against the result, gravest first."""
    net, gross = body["net"]["total_return"], body["gross"]["total_return"]
    sure, over = body["intervals"]["net"]["sharpe"], body["intervals"]["net"]["cagr over total"]
    reasons = (
        (bool(body["lookahead"]["leaks"]), "The strategy looks ahead: its figures say nothing."),
        ((body["net"]["max_drawdown"] or 0.0) <= -1.0, "The account was lost: it stood at zero or below."),
        ("unchecked" in body["lookahead"], "Whether the strategy looks ahead could not be checked."),
        (not body["exposure"]["invested"], "Nothing was ever held: every figure is that of idle cash."),
        (bool(body["what_if"]), "The market is counterfactual: the figures are those of a Nikkei 225 that never was."),
        (bool(body["data"]["synthetic"]), "The data are synthetic: the figures show the machinery, not the idea."),
        (body["claim"] is None, "No claim was stated before the run, so there is nothing it could have refuted."),
        (bool(body["claim"]) and not body["expects"], "The claim names no figure that would refute it."),
        (_holds_zero(sure), "Luck alone could have given the result: the interval of the Sharpe ratio holds zero."),
        (None not in (net, gross) and net <= 0 < gross, "Costs turn a gain into a loss."),
        (body["net"]["n_trades"] < FEW_TRIPS, f"Fewer than {FEW_TRIPS} round trips were closed."),
        (_one_year(body["years"]), "One calendar year made more than half of all gains."),
        (over["value"] is not None and over["value"] < 0, "Holding the index with its dividends earned more."),
        (body["ended"] > 0, "A settlement or a margin call ended positions; they stayed so until the target changed."),
        (body["rejected_total"] > 0, "Orders were rejected and not tried again: what they were for was missed."),
        (_misses(body["index"]), "The constituents do not rebuild the published index on every session."),
        (bool(body["waived"]), "Checks of the data were waived."),
        (bool(body["data"]["missing"]), "Some of the data are missing."),
        (body["benchmark_total"].get("why") is not None, "There is no total-return benchmark to compare with."),
    )  # fmt: skip
    return [text for holds, text in reasons if holds]


def _holds_zero(row: dict[str, Any]) -> bool:
    return row["value"] is not None and bool(row["low"] <= 0 <= row["high"])


def _one_year(years: list[dict[str, Any]]) -> bool:
    """Say whether the best of several years made more than half of what the winning years made."""
    gains = [row["net"] for row in years if row["net"] is not None and row["net"] > 0]
    return len(years) > 2 and bool(gains) and max(gains) > _ONE_YEAR * sum(gains)


def _misses(index: dict[str, Any] | None) -> bool:
    """Say whether a rebuilt index differs from the published one."""
    return index is not None and bool(index["exact_days"] < index["days"])
