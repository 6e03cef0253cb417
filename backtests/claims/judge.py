"""The judge: claims in, verdicts out.

A verdict depends on the evidence, on the number of observations, and on how many claims were tested at once; never on
what one would like to be true. The order of the questions:

1. Nothing to test it with: not testable here, with the file that would settle it.
2. Fewer observations than the claim asks for: insufficient.
3. A comparison with a stated value (no p): supported, or contradicted by a fact; where the figure is an estimate with
   an interval, not supported.
4. A test with a p: supported where the estimate points the asserted way and p, adjusted by Holm for all claims with a
   p, is at most 5 %; otherwise not supported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backtests.claims.adjust import benjamini_hochberg, holm
from backtests.claims.catalogue import FACT, UNTESTABLE, Claim
from backtests.claims.evidence import Evidence, Inputs, Test
from backtests.claims.gather import ALWAYS
from indexsim.errors import unknown_name

SUPPORTED = "supported"
NOT_SUPPORTED = "not supported"
INSUFFICIENT = "insufficient"
CONTRADICTED = "contradicted by a fact"
NOT_TESTABLE = "not testable here"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, INSUFFICIENT, CONTRADICTED, NOT_TESTABLE)

#: Largest adjusted p that supports a claim.
ALPHA = 0.05
#: Decimals of every figure of an answer: more would differ between kinds of CPU.
_DIGITS = 10


@dataclass(frozen=True)
class Judgement:
    """A claim with what was found.

    Attributes
    ----------
    claim : Claim
    evidence : Evidence
    known : str or float
        The fact a ``fact`` claim is compared with; empty for a test.
    source : str
        Where the evidence comes from.
    p_holm, p_bh : float or None
        The p-value, adjusted for all claims that have one.
    """

    claim: Claim
    evidence: Evidence
    known: str | float = ""
    source: str = ""
    p_holm: float | None = None
    p_bh: float | None = None

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        e = self.evidence
        if e.missing:
            return NOT_TESTABLE
        if e.n < self.claim.min_n:
            return INSUFFICIENT
        if e.p is None and e.low is None and e.effect is not None:
            return SUPPORTED if e.supports else CONTRADICTED
        sure = e.p is None or (self.p_holm is not None and self.p_holm <= ALPHA)
        return SUPPORTED if e.supports and sure else NOT_SUPPORTED

    def answer(self) -> dict[str, Any]:
        """Return the judgement as plain JSON values."""
        claim, e = self.claim, self.evidence
        return {
            "id": claim.id,
            "seed": claim.seed,
            "seed_date": claim.seed_date,
            "text": claim.asserts,
            "falsified_by": claim.falsified_by,
            "test": claim.test,
            "verdict": self.verdict,
            "asserted": _asserted(claim),
            "known": _plain(self.known),
            "reference": _reference(claim),
            "tolerance": _tolerance(claim),
            "effect": _plain(e.effect) if claim.numeric else None,
            "unit": e.unit,
            "interval": None if e.low is None or e.high is None else [_plain(e.low), _plain(e.high)],
            "n": e.n,
            "min_n": claim.min_n,
            "p": _plain(e.p),
            "p_adjusted": _plain(self.p_holm),
            "p_bh": _plain(self.p_bh),
            "later": None if e.later is None else {"effect": _plain(e.later[0]), "n": e.later[1]},
            "why": self.why,
            "source": self.source,
            "missing": list(e.missing),
        }

    @property
    def why(self) -> str:
        """Why the verdict is what it is, in a sentence or two."""
        claim, e = self.claim, self.evidence
        if e.missing:
            return f"Missing: {'; '.join(e.missing)}."
        if claim.test == FACT:
            return f"Asserted {claim.asserted}, true is {self.known}: {e.note}."
        note = f" Note: {e.note.rstrip('.')}." if e.note else ""
        if e.n < claim.min_n:
            return f"n = {e.n}, fewer than the {claim.min_n} it takes.{note}"
        if e.effect is None:
            return f"No such figure in the data.{note}"
        return f"{_reason(self)}{note}"


def _reason(judged: Judgement) -> str:
    e, verdict = judged.evidence, judged.verdict
    if e.p is None and e.low is None:
        return "The figure agrees with what is asserted." if e.supports else "The data say otherwise."
    if e.p is None:
        reached = " though its interval reaches that" if not e.supports and _reaches(judged) else ""
        return f"The estimate is {'as' if e.supports else 'not as'} asserted{reached and ','}{reached}."
    if not e.supports:
        return "The estimate does not point the asserted way."
    if verdict == SUPPORTED:
        return f"It points the asserted way, and p stays at most {ALPHA:.0%} when adjusted for all claims."
    raw = "p itself is above it" if e.p > ALPHA else "p alone would be below it"
    return f"It points the asserted way, but the adjusted p is above {ALPHA:.0%} ({raw})."


def _reaches(judged: Judgement) -> bool:
    """Say whether the interval of an estimate holds the value that is asserted."""
    e, value = judged.evidence, _reference(judged.claim)
    return value is not None and e.low is not None and e.high is not None and e.low <= value <= e.high


def _asserted(claim: Claim) -> str | float | None:
    """Return what a claim says of its figure: a fact's value, a number, or a direction in words."""
    params = claim.params
    if claim.test == FACT:
        return claim.asserted
    if "direction" in params:
        about = {"above": "above", "below": "below", "equal": "about"}[str(params["direction"])]
        return f"{about} {params.get('threshold', 0):g}"
    value = params.get("value")
    return value if isinstance(value, int | float) else None


def _reference(claim: Claim) -> float | None:
    """Return the number that a claim's figure is compared with, None where there is none."""
    params = claim.params
    if claim.test == FACT:
        return float(claim.asserted) if isinstance(claim.asserted, int | float) else None
    found = params.get("reference", params.get("value", params.get("threshold")))
    return float(found) if isinstance(found, int | float) else None


def _tolerance(claim: Claim) -> float | None:
    """Return how far off the reference a figure may be, in its unit; None where that is not said."""
    relative = claim.test == "sum_between"
    found = claim.tolerance if claim.test == FACT else claim.params.get("tolerance")
    if found is None or _reference(claim) is None:
        return None
    return round(float(found) * (abs(float(claim.params["value"])) if relative else 1.0), _DIGITS)


def _plain(value: Any) -> Any:
    return round(float(value), _DIGITS) if isinstance(value, float) else value


def judge(
    claims: Sequence[Claim], inputs: Inputs, tests: Mapping[str, Test], facts: Mapping[str, Mapping[str, str]]
) -> tuple[Judgement, ...]:
    """Judge every claim.

    Parameters
    ----------
    claims : sequence of Claim
    inputs : mapping
        Every frame any claim asks for; None where there is none. A test sees those of its claim and
        what every test is handed (`gather.ALWAYS`).
    tests : mapping of str to Test
    facts : mapping of str to mapping
        Rows of ``claims_facts.csv`` by id, cells as text.

    Returns
    -------
    tuple of Judgement
        In the order of the claims, p-values adjusted.
    """
    return _adjusted([_judged(claim, inputs, tests, facts) for claim in claims])


def _judged(
    claim: Claim, inputs: Inputs, tests: Mapping[str, Test], facts: Mapping[str, Mapping[str, str]]
) -> Judgement:
    if claim.test == UNTESTABLE:
        return Judgement(claim, _nothing((claim.settled_by,)))
    if claim.test == FACT:
        return _by_fact(claim, facts)
    if claim.test not in tests:
        raise unknown_name("test", claim.test, tests)
    absent = tuple(f"{name}: no folder holds it" for name in claim.inputs if inputs.get(name) is None)
    if absent:
        return Judgement(claim, _nothing(absent))
    seen = {name: frame for name, frame in inputs.items() if name in claim.inputs or name in ALWAYS}
    evidence = tests[claim.test](seen, claim.arguments())
    if evidence.missing and claim.settled_by:
        evidence = replace(evidence, missing=(claim.settled_by, *evidence.missing))
    return Judgement(claim, evidence, source=_source(claim))


def _source(claim: Claim) -> str:
    """Return what a test reads, in words."""
    read = [*claim.inputs, *(["data/facts/index_events.csv"] if "events" in claim.params else [])]
    return f"from {', '.join(read)}" if read else "arithmetic"


def _nothing(missing: tuple[str, ...]) -> Evidence:
    return Evidence(None, "", None, None, 0, None, None, missing=missing)


def _by_fact(claim: Claim, facts: Mapping[str, Mapping[str, str]]) -> Judgement:
    """Compare what is asserted with a row of the facts."""
    if claim.fact not in facts:
        raise unknown_name("fact", claim.fact, facts)
    row = facts[claim.fact]
    agrees = _agrees(str(claim.asserted), row["value"], claim.tolerance)
    evidence = Evidence(float(agrees), row["unit"], None, None, 1, None, agrees, row["fact"])
    return Judgement(claim, evidence, row["value"], f"{row['source']} ({row['confidence']})")


def _agrees(asserted: str, known: str, tolerance: float | None) -> bool:
    """Say whether a text, or a list of numbers within a tolerance, is what is known."""
    said, true = asserted.split(";"), known.split(";")
    if tolerance is None:
        return said == true
    # Half a unit of the tenth decimal: 10.43 and 10.4302 do not lie 0.0002000000000001 apart.
    return len(said) == len(true) and all(
        abs(float(a) - float(b)) <= tolerance + 1e-10 for a, b in zip(said, true, strict=True)
    )


def _adjusted(judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """Fill in the adjusted p-values: the family is every claim that has a p."""
    family = [i for i, judged in enumerate(judgements) if judged.evidence.p is not None]
    raw = [p for judged in judgements if (p := judged.evidence.p) is not None]
    found = dict(zip(family, zip(holm(raw), benjamini_hochberg(raw), strict=True), strict=True))
    return tuple(
        replace(judged, p_holm=found[i][0], p_bh=found[i][1]) if i in found else judged
        for i, judged in enumerate(judgements)
    )


def counts(judgements: Iterable[Judgement]) -> dict[str, Any]:
    """Return how many claims there are, by verdict and by kind."""
    judged = list(judgements)
    return {
        "claims": len(judged),
        **{verdict: sum(j.verdict == verdict for j in judged) for verdict in VERDICTS},
        "tested_with_numbers": sum(j.claim.numeric and j.evidence.effect is not None for j in judged),
        "with_p": sum(j.evidence.p is not None for j in judged),
    }
