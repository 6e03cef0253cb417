"""The joint verdict: its rule bound by bound, its answer on a planted and an empty sweep, what does not exist."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backtests.metrics import UndefinedError
from backtests.overfit.blocks import ArrayBlocks, BlocksError, stream
from backtests.overfit.deflated import deflated, effective_trials, moments, psr
from backtests.overfit.pbo import Pbo, pbo
from backtests.overfit.plateau import plateau
from backtests.overfit.spa import Highest, Resampling, spa
from backtests.overfit.verdict import Chosen, _logits, cries, judge, verdict
from tests.overfit_worlds import World, noise, planted

TESTS = ("pbo", "spa", "stepm", "dsr")


def real() -> dict[str, Any]:
    """An answer in which every test is exactly at its bound."""
    return {
        "n_blocks": 50,
        "pbo": 0.10,
        "pbo_loss": 0.10,
        "spa": {"lower": 0.01, "consistent": 0.05, "upper": 0.5},
        "stepm": {"n": 1, "trials": [7], "chosen": True},
        "dsr": 0.95,
        "plateau": None,
    }


def test_all_four_at_their_bounds_are_real() -> None:
    assert cries(real()) == dict.fromkeys(TESTS, True)
    assert verdict(real())[0] == "real"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("pbo", {"pbo": 0.11}),
        ("pbo", {"pbo_loss": 0.11}),
        ("spa", {"spa": {"lower": 0.01, "consistent": 0.051, "upper": 0.5}}),
        ("stepm", {"stepm": {"n": 0, "trials": [], "chosen": False}}),
        ("dsr", {"dsr": 0.949}),
    ],
)
def test_one_beyond_its_bound_is_not_shown(name: str, change: dict[str, Any]) -> None:
    answer = real() | change

    assert cries(answer) == {**dict.fromkeys(TESTS, True), name: False}
    assert verdict(answer)[0] == "not shown"


def test_the_threshold_is_where_the_deflated_ratio_has_even_odds() -> None:
    """The deflated Sharpe ratio is the PSR over the threshold: a trial with as much as the threshold has 0.5."""
    blocks, one = made(), noisy(made())
    told = judge(blocks, one)
    year = np.sqrt(blocks.sessions_per_year)
    excess = moments(np.asarray(one.returns) - np.asarray(one.benchmark))

    assert told["sharpe_excess"] == pytest.approx(excess.sharpe * year)
    assert told["dsr"] == pytest.approx(psr(excess, told["dsr_threshold"] / year))
    assert told["dsr_raw_count"] == pytest.approx(psr(excess, told["dsr_raw_threshold"] / year))
    assert psr(replace(excess, sharpe=told["dsr_threshold"] / year), told["dsr_threshold"] / year) == 0.5


def test_the_distribution_holds_the_ratio_of_every_trial() -> None:
    """By hand: over the benchmark, mean over deviation of the block returns, per year."""
    blocks = made()
    excess = blocks.sums - blocks.benchmark
    yearly = excess.mean(axis=1) / excess.std(axis=1, ddof=1) * np.sqrt(245.0 / 20)
    told = judge(blocks, noisy(blocks))["distribution"]

    assert sum(told["counts"]) == len(yearly)
    assert (told["edges"][0], told["edges"][-1]) == (pytest.approx(yearly.min()), pytest.approx(yearly.max()))
    inside = [np.sum((yearly >= a) & (yearly < b)) for a, b in zip(told["edges"], told["edges"][1:], strict=False)]
    assert np.abs(np.array(inside[:-1]) - told["counts"][:-1]).sum() <= 2  # stored in single precision


def test_a_logit_of_zero_is_counted_as_not_above_the_middle() -> None:
    none = np.zeros(4)
    told = _logits(Pbo(0.75, 0.0, np.array([-1.0, 0.0, 1e-13, 2.0]), none, none, np.zeros(4, dtype=np.int64), 4, 4))

    assert (told["edges"][0], told["edges"][20], told["edges"][-1]) == (-2.0, 0.0, 2.0)
    assert (sum(told["counts"][:20]), sum(told["counts"][20:])) == (3, 1)


def made() -> ArrayBlocks:
    """Return 12 noisy trials beside a noisy benchmark, 60 blocks of 20 sessions."""
    rng = np.random.default_rng(11)
    sums = rng.normal(0.003, 0.03, (12, 60))
    return ArrayBlocks(sums, sums**2 + 0.001, np.full(60, 20), rng.normal(0.0, 0.03, 60), 245.0)


def noisy(blocks: ArrayBlocks) -> Chosen:
    rng = np.random.default_rng(12)
    days = 20 * len(blocks.sessions)
    return Chosen(3, rng.normal(0.0005, 0.01, days), rng.normal(0.0, 0.01, days))


def test_others_beat_the_index_but_not_the_chosen_one() -> None:
    answer = real() | {"stepm": {"n": 3, "trials": [1, 2, 3], "chosen": False}}
    told, reasons = verdict(answer)

    assert cries(answer) == dict.fromkeys(TESTS, True)
    assert told == "not shown"
    assert "STEPM: 3 trials beat holding the index, the chosen one not among them." in reasons


def test_a_short_history_is_too_little_whatever_the_tests_say() -> None:
    told, reasons = verdict(real() | {"n_blocks": 49})

    assert told == "too little"
    assert reasons[0] == "49 blocks: a verdict takes 50."


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_does_not_exist_is_too_little(name: str) -> None:
    told, reasons = verdict(real() | {name: None, f"{name}_why": "no benchmark to beat"})

    assert told == "too little"
    assert f"{name.upper()}: not known, no benchmark to beat." in reasons


def test_the_neighbours_are_told() -> None:
    reasons = verdict(real() | {"plateau": {"score": 0.62, "rank": 1, "neighbours": 4}})[1]

    assert "PLATEAU: the neighbours keep 62% of the chosen trial's figure." in reasons


@pytest.fixture(scope="module")
def world() -> World:
    found = planted("alike 0.6", 80, 120, 2.5, np.random.default_rng(1))
    # Some are worse beyond doubt: they count as trials, though the SPA test forgives them.
    return World(found.trials - np.where(np.arange(80) < 10, 1e-3, 0.0)[:, None], found.benchmark)


def chosen_of(world: World, **more: Any) -> Chosen:
    return Chosen(world.best, world.trials[world.best], world.benchmark, **more)


def test_the_answer_is_that_of_its_parts(world: World) -> None:
    chosen = chosen_of(world, figure=2.0, neighbours=[1.0, 1.8, 2.2])
    told = judge(world.blocks, chosen, attempted=100, names=list(range(1000, 1080)), reps=300, seed=3)
    how = Resampling(120, 300, 1.0, 3)
    highest = Highest(how)
    stream(world.blocks, highest)
    luck, tests = pbo(world.blocks, 16), spa(world.blocks, how)
    excess = moments(world.trials[world.best] - world.benchmark)
    effective = effective_trials(highest.maxima[2] * 120**0.5, 80)
    over = world.blocks.sums - world.benchmark.reshape(120, 20).sum(axis=1)
    variance = (over.mean(axis=1) / over.std(axis=1, ddof=1)).var(ddof=1) / 20

    assert (told["pbo"], told["pbo_loss"], told["pbo_groups"]) == (luck.pbo, luck.loss, 16)
    assert told["spa"] == {"lower": tests.lower, "consistent": tests.consistent, "upper": tests.upper}
    assert told["n_effective"] == effective
    assert effective > effective_trials(highest.maxima[1] * 120**0.5, 80)
    assert told["dsr"] == pytest.approx(deflated(excess, effective, 1 / (2400 - 1)), abs=1e-12)
    assert told["dsr_raw_count"] == pytest.approx(deflated(excess, 100, variance), abs=1e-12)
    assert told["psr"] == psr(excess)
    assert told["plateau"] == {"score": 0.9, "rank": 2, "neighbours": 3}
    assert (told["n_trials"], told["n_blocks"], told["verdict"]) == (100, 120, "real")
    assert 1000 + world.best in told["stepm"]["trials"]
    assert told["stepm"]["n"] == len(told["stepm"]["trials"]) <= 5
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_at_most_twenty_names_are_listed() -> None:
    rng = np.random.default_rng(0)
    world = noise("alike 0.6", 40, 60, rng)
    better = World(world.trials + 0.002, world.benchmark)
    told = judge(better.blocks, chosen_of(better), reps=200)

    assert (told["stepm"]["n"], told["stepm"]["trials"]) == (40, list(range(20)))


def test_the_same_seed_gives_the_same_answer(world: World) -> None:
    first, second = (judge(world.blocks, chosen_of(world), reps=200) for _ in range(2))

    assert first == second


def test_a_market_that_rises_makes_no_trial_real() -> None:
    """Trials that merely hold a strongly rising market, at some cost in tracking."""
    quiet = noise("alike 0.6", 60, 120, np.random.default_rng(2))
    risen = World(quiet.trials + 0.002, quiet.benchmark + 0.002)
    told, before = (judge(one.blocks, chosen_of(one), reps=200) for one in (risen, quiet))

    assert psr(moments(risen.trials[risen.best])) > 0.999
    assert told["verdict"] == "not shown"
    assert told["dsr"] == pytest.approx(before["dsr"], abs=1e-9)


def undefined(blocks: ArrayBlocks, chosen: Chosen, names: tuple[str, ...], why: str) -> dict[str, Any]:
    told = judge(blocks, chosen, reps=50)
    for name in names:
        assert told[name] is None
        assert why in told[f"{name}_why"]
    assert told["verdict"] == "too little"
    json.dumps(told, allow_nan=False)
    return told


ALL = ("pbo", "spa", "stepm", "dsr", "n_effective")


def test_one_trial_is_no_sweep(world: World) -> None:
    blocks = replace(world.blocks, sums=world.blocks.sums[:1], squares=world.blocks.squares[:1])

    told = undefined(blocks, Chosen(0, world.trials[0], world.benchmark), ALL, "fewer than 2 trials")

    assert told["psr"] is not None


def test_three_blocks_are_not_enough(world: World) -> None:
    cut = World(world.trials[:, :60], world.benchmark[:60])

    undefined(cut.blocks, chosen_of(cut), ALL, "fewer than 4 blocks")


def test_four_blocks_can_be_computed_but_not_judged(world: World) -> None:
    cut = World(world.trials[:, :80], world.benchmark[:80])
    told = judge(cut.blocks, chosen_of(cut), reps=50)

    assert None not in [told[name] for name in ALL]
    assert (told["verdict"], told["pbo_groups"]) == ("too little", 4)


def test_without_a_benchmark_there_is_nothing_to_beat(world: World) -> None:
    blocks = replace(world.blocks, benchmark=None)
    names = ("spa", "stepm", "dsr", "dsr_raw_count", "psr", "n_effective", "min_track_record")

    told = undefined(blocks, Chosen(0, world.trials[0]), names, "no benchmark to beat")

    assert told["pbo"] is not None


def test_trials_that_all_hold_the_benchmark_differ_in_nothing() -> None:
    world = noise("alike 0.6", 2, 60, np.random.default_rng(3))
    same = World(np.tile(world.benchmark, (5, 1)), world.benchmark)

    names = ("pbo", "spa", "stepm", "n_effective")
    told = undefined(same.blocks, Chosen(0, same.trials[0], same.benchmark), names, "differ")

    assert told["dsr_why"] == told["psr_why"] == "no volatility over the benchmark"


def test_no_record_is_long_enough_for_a_loss(world: World) -> None:
    loser = Chosen(0, world.benchmark - 1e-4 * (1 + np.sin(np.arange(2400.0))), world.benchmark)
    told = judge(world.blocks, loser, reps=50)

    assert told["min_track_record"] is None
    assert "long enough" in told["min_track_record_why"]


def test_a_plateau_by_hand() -> None:
    told = plateau(2.0, [1.0, 1.5, 1.9, 2.5])

    assert (told.score, told.rank, told.neighbours) == (0.85, 2, 4)
    assert plateau(2.0, [2.0, -8.0]).rank == 1
    assert plateau(2.0, [2.0, -8.0]).score == -1.5


@pytest.mark.parametrize(
    ("own", "neighbours", "why"), [(1.0, [], "no neighbours"), (0.0, [1.0], "not above 0"), (1.0, [np.nan], "unknown")]
)
def test_a_plateau_that_says_nothing(own: float, neighbours: list[float], why: str) -> None:
    with pytest.raises(UndefinedError, match=why):
        plateau(own, neighbours)


def test_blocks_that_cannot_be_are_refused(world: World) -> None:
    good = world.blocks
    unknown = good.sums.copy()
    unknown[3, 4] = np.nan
    gap = good.benchmark.copy()
    gap[0] = np.nan
    for bad, why in (
        (replace(good, sums=unknown), "not a finite number"),
        (replace(good, squares=good.squares[:, :-1]), "a row per trial and 120 blocks"),
        (replace(good, benchmark=gap), "120 finite sums, or is None"),
        (replace(good, benchmark=gap[1:]), "120 finite sums, or is None"),
    ):
        with pytest.raises(BlocksError, match=why):
            stream(bad)


def test_rows_that_are_missing_are_noticed(world: World) -> None:
    class Short(ArrayBlocks):
        @property
        def trials(self) -> int:
            return len(self.sums) + 1

    good = world.blocks

    with pytest.raises(BlocksError, match="80 rows"):
        stream(Short(good.sums, good.squares, good.sessions, good.benchmark, 245.0))
