"""Reviews: calendar, ranking, choice, factor of an entrant, and a small market with hand-made answers."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from indexsim import review, rules
from indexsim.errors import DataError, MissingData, SpecError, ToolError
from indexsim.events import CapStep, FactorStep, Replace
from indexsim.market import MarketData
from indexsim.review.dates import next_review, on_base, reviews_between
from indexsim.review.selection import (
    Liquidity,
    Selection,
    entrant_factor,
    first_half,
    is_phased,
    rank_names,
    select,
)
from indexsim.review.simulation import Settings

F = Fraction
BASE, ANNOUNCED, EFFECTIVE = date(2025, 1, 31), date(2025, 3, 5), date(2025, 4, 1)

# --- calendar


def test_base_and_effective_dates_are_those_that_were() -> None:
    found = reviews_between(date(2021, 7, 1), date(2026, 4, 1))

    assert [(dates.base.isoformat(), dates.effective.isoformat()) for dates in found] == [
        ("2021-07-30", "2021-10-01"),
        ("2022-07-29", "2022-10-03"),
        ("2023-01-31", "2023-04-03"),
        ("2023-07-31", "2023-10-02"),
        ("2024-01-31", "2024-04-01"),
        ("2024-07-31", "2024-10-01"),
        ("2025-01-31", "2025-04-01"),
        ("2025-07-31", "2025-10-01"),
        ("2026-01-30", "2026-04-01"),
    ]


@pytest.mark.parametrize(
    ("base", "announced"),
    [
        ("2022-07-29", "2022-09-05"),
        ("2023-01-31", "2023-03-03"),
        ("2024-07-31", "2024-09-04"),
        (f"{BASE}", "2025-03-05"),
    ],
)
def test_the_third_session_of_the_month_is_the_usual_announcement(base: str, announced: str) -> None:
    assert on_base(date.fromisoformat(base)).announced == date.fromisoformat(announced)


def test_the_session_of_the_announcement_is_a_parameter() -> None:
    assert on_base(date(2023, 7, 31), announced_session=2).announced == date(2023, 9, 4)
    with pytest.raises(SpecError, match="1 to 15"):
        next_review(BASE, announced_session=0)


def test_the_reviews_before_and_after_a_day() -> None:
    assert next_review(date(2022, 8, 1)).base == date(2023, 1, 31)
    assert next_review(date(2021, 8, 2)).base == date(2022, 7, 29)
    assert next_review(BASE).previous().base == date(2024, 7, 31)
    assert on_base(date(2022, 7, 29)).previous().base == date(2021, 7, 30)


def test_a_staged_review_lies_near_its_effective_date() -> None:
    dates = on_base(date(2022, 7, 29))

    assert dates.is_near(date(2022, 9, 29), 3)
    assert dates.is_near(date(2022, 10, 4), 3)
    assert not dates.is_near(date(2022, 9, 27), 3)


@pytest.mark.parametrize("day", [date(2025, 1, 30), date(2022, 1, 31)])
def test_a_day_that_is_no_base_date_is_refused(day: date) -> None:
    with pytest.raises(SpecError, match="no review has that base date"):
        on_base(day)


# --- ranking


def name(code: str, value: float, fluctuation: float) -> Liquidity:
    return Liquidity(code, "Technology", True, value, fluctuation)


@pytest.mark.parametrize(("share", "order"), [(F(1, 2), "BAC"), (F(1), "ABC"), (F(0), "BCA")])
def test_the_two_measures_are_weighted(share: Fraction, order: str) -> None:
    # Ranks by value A B C, by fluctuation B C A: halves give 2, 1.5 and 2.5.
    names = [name("A", 9.0, 0.3), name("B", 8.0, 0.1), name("C", 7.0, 0.2)]

    assert "".join(standing.code for standing in rank_names(names, share)) == order


def test_equal_scores_fall_by_value_then_by_code() -> None:
    by_value = [name("A", 8.0, 0.1), name("B", 9.0, 0.2)]
    by_code = [name("9999", 5.0, 0.1), name("285A", 5.0, 0.1), name("1001", 5.0, 0.1)]

    assert [standing.code for standing in rank_names(by_value)] == ["B", "A"]
    assert [standing.code for standing in rank_names(by_code)] == ["1001", "285A", "9999"]


def test_a_member_of_another_segment_has_no_rank_and_goes_first() -> None:
    stray = Liquidity("7777", "Technology", True, 99.0, 0.001, eligible=False)
    outsider = Liquidity("8888", "Technology", False, 1.0, 0.9)
    standings = rank_names([stray, outsider, name("1001", 5.0, 0.1)])
    chosen = select(standings, eligible=2, must_have=0)

    assert [(standing.rank, standing.code) for standing in standings] == [(1, "1001"), (2, "8888"), (None, "7777")]
    assert [(pick.code, pick.reason) for pick in chosen.leaving] == [("7777", "not in the market segment")]
    assert [pick.code for pick in chosen.entering] == ["8888"]


# --- choice: 28 names in order of liquidity, sector and membership; 12 members, 24 eligible.
# Eligible by sector: Technology 10, Consumer 6, Materials 8, so the targets are 5, 3 and 4; members 7, 3 and 2.

LADDER = "T+ C- T+ T+ M+ T+ C+ T+ M- C- T+ C+ M- T+ M+ C- M- T- M- C- M- T- M- T- C+ T- M- C-"
SECTORS = {"T": "Technology", "C": "Consumer", "M": "Materials"}


def ladder(tokens: str) -> list[Liquidity]:
    return [
        Liquidity(f"{1000 + rank}", SECTORS[token[0]], token[1] == "+", 1e9 / rank, rank * 1e-9)
        for rank, token in enumerate(tokens.split(), 1)
    ]


def ranks(chosen: Selection) -> tuple[list[int], list[int]]:
    out, into = ([int(pick.code) - 1000 for pick in side] for side in (chosen.leaving, chosen.entering))
    return out, into


@pytest.mark.parametrize(
    ("eligible", "must_have", "most", "out", "into"),
    [
        # 25 lies beyond 24, 2 within 3. Technology has two too many, Materials two too few.
        (24, 3, 3, [25, 14, 11], [2, 9, 13]),
        (24, 3, 2, [25, 14], [2, 9]),
        (24, 3, 1, [25], [2]),
        (24, 3, 0, [], []),
        # Nobody must come in: Materials, two short, fills the place of 25; then Consumer and Materials are one
        # short each, and 2 is more liquid than 13.
        (24, 0, 3, [25, 14, 11], [9, 2, 13]),
        # Nobody must go: Technology, with the largest surplus, makes room for 2. Consumer is now one over its
        # target of 3.5 less a half, Materials still two short.
        (28, 3, 1, [14], [2]),
    ],
)
def test_the_choice_made_by_hand(eligible: int, must_have: int, most: int, out: list[int], into: list[int]) -> None:
    chosen = select(rank_names(ladder(LADDER)), eligible, must_have, most)

    assert ranks(chosen) == (out, into)


def test_the_targets_are_half_of_the_eligible_and_reasons_name_them() -> None:
    chosen = select(rank_names(ladder(LADDER)), 24, 3, 3)

    assert chosen.targets == {"Technology": F(5), "Consumer": F(3), "Materials": F(4)}
    assert [pick.reason for pick in chosen.leaving] == [
        "rank 25, ranked beyond 24",
        "Technology has 7 members for a target of 5; least liquid of its members, rank 14",
        "Technology has 6 members for a target of 5; least liquid of its members, rank 11",
    ]
    assert [pick.reason for pick in chosen.entering] == [
        "rank 2, within the first 3",
        "Materials has 2 members for a target of 4; most liquid of its outsiders, rank 9",
        "Materials has 3 members for a target of 4; most liquid of its outsiders, rank 13",
    ]


def test_a_sector_half_a_name_off_its_target_is_left_alone() -> None:
    # Eligible 3 and 5: targets 1.5 and 2.5; members 2 and 2.
    tokens = "T+ M+ T+ M+ T- M- M- M-"

    assert ranks(select(rank_names(ladder(tokens)), 8, 0, 3)) == ([], [])


def test_of_two_sectors_with_the_same_surplus_the_less_liquid_name_goes() -> None:
    # Targets 2 each; Technology and Consumer have 3 members, Materials none.
    tokens = "T+ C+ T+ C+ T+ C+ M- M- M- M- T- C-"

    assert ranks(select(rank_names(ladder(tokens)), 12, 0, 1)) == ([6], [7])
    assert ranks(select(rank_names(ladder(tokens)), 12, 0, 3)) == ([6, 5], [7, 8])


def test_as_many_come_in_as_go_and_the_rest_is_held_back() -> None:
    # Eligible are the first six, one of them an outsider; seven members lie beyond.
    chosen = select(rank_names(ladder(LADDER)), 6, 3, 3)

    assert ranks(chosen) == ([25], [2])
    assert [int(pick.code) - 1000 for pick in chosen.held_back] == [15, 14, 12, 11, 8, 7]


_NAMES = st.lists(
    st.tuples(st.sampled_from("TCM"), st.booleans(), st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=40
)


def _drawn(rows: list[tuple[str, bool, int, int]]) -> list[Liquidity]:
    return [
        Liquidity(f"{1000 + n}", SECTORS[sector], member, float(value), float(fluctuation))
        for n, (sector, member, value, fluctuation) in enumerate(rows)
    ]


@given(_NAMES, st.integers(0, 40), st.integers(0, 10), st.randoms(use_true_random=False))
@hypothesis_settings(derandomize=True, max_examples=200, deadline=None)
def test_the_choice_never_breaks_its_rules(
    rows: list[tuple[str, bool, int, int]], eligible: int, must_have: int, random: object
) -> None:
    names = _drawn(rows)
    standings = rank_names(names)
    chosen = select(standings, eligible, must_have)
    out, into = ({pick.code for pick in side} for side in (chosen.leaving, chosen.entering))
    members = {n.code for n in names if n.member}
    beyond = [s.code for s in standings if s.name.member and (s.rank or 0) > eligible]
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert len(out) == len(into) <= 3
    assert out <= members
    assert not into & members
    assert all((s.rank or 0) <= eligible for s in standings if s.code in into)
    # Members beyond go, the least liquid first, as far as there are names for their places.
    assert set(beyond[-len(out) :] if out else []) <= out or len(beyond) < len(out)
    assert (
        out >= set(beyond)
        or len(out) == 3
        or len(into) == sum(not s.name.member and (s.rank or 0) <= eligible for s in standings)
    )
    assert select(rank_names(shuffled), eligible, must_have) == chosen


@given(_NAMES)
@hypothesis_settings(derandomize=True, max_examples=100, deadline=None)
def test_a_ranking_holds_every_name_once_and_more_liquid_in_both_is_ahead(
    rows: list[tuple[str, bool, int, int]],
) -> None:
    names = _drawn(rows)
    rank = {s.code: s.rank or 0 for s in rank_names(names)}
    better = [(a.code, b.code) for a in names for b in names if a.value > b.value and a.fluctuation < b.fluctuation]

    assert sorted(rank) == [n.code for n in names]
    assert sorted(rank.values()) == list(range(1, len(names) + 1))
    assert all(rank[a] < rank[b] for a, b in better)


# --- factor of an entrant

#: Code, base date, close in yen, divisor and level of that day (A8), published factor.
PUBLISHED = [
    ("6861", "2021-07-30", "60740", "27.769", "27283.59", "0.1"),
    ("6981", "2021-07-30", "9040", "27.769", "27283.59", "0.8"),
    ("7974", "2021-07-30", "56400", "27.769", "27283.59", "0.1"),
    ("6273", "2022-07-29", "65410", "28.455", "27801.64", "0.1"),
    ("6594", "2022-07-29", "9198", "28.455", "27801.64", "0.8"),
    ("7741", "2022-07-29", "13270", "28.455", "27801.64", "0.5"),
    ("6920", "2023-07-31", "21475", "29.51", "33172.22", "0.4"),
    ("9843", "2023-07-31", "17455", "29.51", "33172.22", "0.5"),
    ("6146", "2024-01-31", "40380", "30.03", "36286.71", "0.2"),
]
#: Splits of an entrant after its base date: new shares per old, by which the file has divided its prices. That of
#: 4661 (2023-03-30) came before the entry, so its factor is that of the price after it.
SPLITS_SINCE = {"6981": 3, "7974": 10, "6594": 2, "9843": 5, "3092": 3, "7453": 2}
#: The entrants whose factor is 1.
ONES = [
    ("4661", "2023-01-31", "29.20"),
    ("6723", "2023-01-31", "29.20"),
    ("9201", "2023-01-31", "29.20"),
    ("4385", "2023-07-31", "29.51"),
    ("6526", "2024-01-31", "30.03"),
    ("3092", "2024-01-31", "30.03"),
    ("7453", "2024-07-31", "30.5897"),
    ("4307", "2024-07-31", "30.5897"),
    ("6532", "2025-01-31", "30.413"),
    ("3697", "2025-07-31", "29.61653922"),
]


@pytest.mark.parametrize(("code", "base", "price", "divisor", "level", "factor"), PUBLISHED)
def test_the_one_percent_rule_gives_the_published_factor(
    code: str, base: str, price: str, divisor: str, level: str, factor: str
) -> None:
    assert entrant_factor(F(price), F(divisor) * F(level)) == F(factor)


def test_the_factor_is_cut_and_at_least_a_tenth() -> None:
    price_sum = F(1_000_000)  # 1 % is 10,000 yen

    assert entrant_factor(F(10_000), price_sum) == 1
    assert entrant_factor(F(10_001), price_sum) == F(9, 10)
    assert entrant_factor(F(20_000), price_sum) == F(1, 2)
    assert entrant_factor(F(20_001), price_sum) == F(4, 10)
    assert entrant_factor(F(1_000_000), price_sum) == F(1, 10)
    with pytest.raises(SpecError, match="above zero"):
        entrant_factor(F(0), price_sum)


def test_half_of_an_odd_tenth_is_rounded_up() -> None:
    halves = {"0.1": "0.1", "0.2": "0.1", "0.3": "0.2", "0.5": "0.3", "0.8": "0.4", "1": "0.5"}

    assert {full: first_half(F(full)) for full in halves} == {full: F(half) for full, half in halves.items()}


@cache
def ohlcv(real: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Return close and volume, split-adjusted, by code and day."""
    path = real / "constituents" / "ohlcv_2016_2025_split_adjusted.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if row["date"] >= "2021" and "#" not in row["close"] + row["volume"]
        ]
    return {(r["code"], r["date"]): (float(r["close"] or "nan"), float(r["volume"] or 0)) for r in rows}


@pytest.mark.real
def test_all_nineteen_entrants_have_their_factor_at_the_closes_of_the_base_date(real: Path) -> None:
    prices = ohlcv(real)
    with (real / "series" / "n225.csv").open(encoding="utf-8", newline="") as file:
        levels = {row["date"]: F(row["close"]) for row in csv.DictReader(file)}
    known = {(code, base): (F(divisor), factor) for code, base, _, divisor, _, factor in PUBLISHED}
    known |= {(code, base): (F(divisor), "1") for code, base, divisor in ONES}
    found = {
        (code, base): entrant_factor(F(str(prices[code, base][0])) * SPLITS_SINCE.get(code, 1), divisor * levels[base])
        for (code, base), (divisor, _) in known.items()
    }

    assert len(found) == 19
    assert found == {key: F(factor) for key, (_, factor) in known.items()}
    for code, base, price, *_ in PUBLISHED:
        assert prices[code, base][0] * SPLITS_SINCE.get(code, 1) == pytest.approx(float(price), abs=0.51)


@pytest.mark.real
@pytest.mark.parametrize("below", [0.36, 0.4, 0.47])
def test_the_two_entries_that_were_phased_are_the_ones_that_are(real: Path, below: float) -> None:
    entrants = {
        "2023-07-31": [("9843", "0.5", 17455), ("6920", "0.4", 21475), ("4385", "1", 3596)],
        "2024-01-31": [("6146", "0.2", 40380), ("6526", "1", 3432), ("3092", "1", 3253)],
        "2024-07-31": [("7453", "1", 2841.5), ("4307", "1", 4670)],
        "2025-01-31": [("6532", "1", 6645)],
        "2025-07-31": [("3697", "1", 1602.5)],
    }
    sums = {"2023-07-31": 978_912, "2024-01-31": 1_089_690, "2024-07-31": 1_196_113}
    sums |= {"2025-01-31": 1_203_518, "2025-07-31": 1_216_346}
    prices = ohlcv(real)
    phased = []
    for base, names in entrants.items():
        year_before = f"{int(base[:4]) - 1}{base[4:]}"
        value: dict[str, float] = {}
        for (code, day), (close, volume) in prices.items():
            if year_before < day <= base and close == close:
                value[code] = value.get(code, 0.0) + close * volume
        for code, factor, price in names:
            weight = price * float(F(factor)) / sums[base]
            if is_phased(value[code] / sum(value.values()), weight, below):
                phased.append(code)

    assert phased == ["9843", "6532"]


# --- a small market. 29 names of the ladder: every member costs 10,000 yen and has factor 1, but
#   1001: factor 2, so that it weighs 20,000 / 120,750 = 16.6 % and is capped;
#   1003: a 2:1 split on 2024-10-01;
#   1015: entered on 2024-10-01 for 9999, phased. At 2,500 yen and a sum of 130,000 its full factor was
#         cut(1,300 / 2,500) = 0.5, of which it got 0.3.
# The sum on 2025-01-31 is 20,000 + 10 x 10,000 + 2,500 x 0.3 = 120,750 yen, 1 % of it 1,207.5 yen. Entrants:
#   1002 at 1,000 yen: 1; 1009 at 2,000 yen: cut(0.60375) = 0.6; 1013 at 50,000 yen: cut(0.024), at least 0.1.
# Trading value is (29 - rank) x 100 million yen a day and prices stand still, so both measures give the ladder; only
# 1009 trades less, not enough to lose its rank, on the first day, which lies outside the year of the phase-in test.

DAYS = ["2023-12-01", "2024-07-31", "2024-09-30", "2024-10-01"]
DAYS += ["2025-01-29", "2025-01-30", "2025-01-31", "2025-03-31", "2025-04-01"]
PRICES = {"1002": 1_000, "1009": 2_000, "1013": 50_000, "1015": 2_500}
SMALL = Settings(eligible=24, must_have=3)
RECORDED = """2025-04-01,1025,,remove,2025-03-05
2025-04-01,1014,,remove,2025-03-05
2025-04-01,1002,1,add,2025-03-05
2025-04-01,1016,0.1,add,2025-03-05
2025-04-01,1001,1.8,step cap,2025-01-31
2025-04-01,1015,0.5,step phase-in,2025-03-05
"""


def write_market(folder: Path) -> Path:
    members = [f"{1000 + rank}" for rank, token in enumerate(LADDER.split(), 1) if token[1] == "+"]
    codes = [f"{1000 + rank}" for rank in range(1, 29)]
    closes = pd.DataFrame({code: float(PRICES.get(code, 10_000)) for code in codes}, index=pd.Index(DAYS, name="date"))
    closes.loc[:"2024-09-30", "1003"] = 20_000.0
    values = pd.Series({code: (29 - rank) * 1e8 for rank, code in enumerate(codes, 1)})
    volumes = values / closes
    volumes.loc["2023-12-01", "1009"] = 14e8 / 2_000
    closes["9999"] = [10_000.0] * 3 + [float("nan")] * 6
    closes["5555"], volumes["5555"] = 500.0, 1e9  # the most traded of all, in another segment
    first = {"1001": "2", "1003": "0.5"}
    rows = [f"2023-12-01,{c},{first.get(c, 1)},initial,2023-12-01" for c in members if c != "1015"]
    rows += ["2023-12-01,9999,1,initial,2023-12-01", "2024-10-01,1003,1,split 2:1,2024-08-20"]
    rows += ["2024-10-01,9999,,remove,2024-09-04", "2024-10-01,1015,0.3,add,2024-09-04"]
    sectors = {n.code: n.sector for n in ladder(LADDER)} | {"9999": "Materials", "5555": "Technology"}
    listed = [f"2023-12-01,{c},{s},{'Standard' if c == '5555' else 'Prime'}" for c, s in sectors.items()]
    folder.mkdir()
    closes.to_csv(folder / "closes.csv")
    volumes.assign(**{"9999": [1.0] * 3 + [float("nan")] * 6}).to_csv(folder / "volumes.csv")
    header = "effective_date,code,factor,event,announced_date\n"
    (folder / "factors.csv").write_text(header + "\n".join(rows) + "\n" + RECORDED, "utf-8")
    (folder / "universe.csv").write_text("date,code,sector,segment\n" + "\n".join(listed) + "\n", "utf-8")
    return folder


def change(folder: Path, file: str, edit: Callable[[str], str]) -> MarketData:
    path = folder / file
    path.write_text(edit(path.read_text("utf-8")), "utf-8")
    return MarketData.open(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("reviews") / "market")


@pytest.fixture(scope="module")
def market(folder: Path) -> MarketData:
    return MarketData.open(folder)


def test_the_review_made_by_hand(market: MarketData) -> None:
    simulated = review.simulate(market, on_base(BASE), SMALL)

    assert [reasoned.event for reasoned in simulated.events] == [
        Replace(
            {"1002": F(1), "1009": F("0.6"), "1013": F("0.1")},
            ("1025", "1014", "1011"),
            effective=EFFECTIVE,
            announced=ANNOUNCED,
        ),
        FactorStep("1015", F("0.5"), phase_in=True, effective=EFFECTIVE, announced=ANNOUNCED),
        CapStep("1001", F("1.8"), effective=EFFECTIVE, announced=BASE),
    ]
    assert simulated.snapshot.price_sum == 120_750
    assert simulated.snapshot.weights["1001"] == F(20_000, 120_750)


def test_each_event_says_why(market: MarketData) -> None:
    swap, phase, cap = review.simulate(market, on_base(BASE), SMALL).events

    assert swap.reasons["1009"] == (
        "Materials has 2 members for a target of 4; most liquid of its outsiders, rank 9; "
        "factor 0.6 by the 1 % rule at 2000 yen"
    )
    assert phase.reason == "1015: entered on 2024-10-01 with 0.3 of 0.5"
    assert cap.reason == "1001: weight 16.5631 % above the threshold of 10 %; capping ratio 1 to 0.9"


def test_an_entry_with_little_trading_is_phased(market: MarketData) -> None:
    # Members trade 237 units of 100 million yen. 1009 has 20 for 1,200 / 120,750 of weight, a quotient of 8.5;
    # 1002 has 27 for 1,000 / 120,750, 13.8. 1013 is at a tenth, which has no half.
    phased = review.simulate(market, on_base(BASE), replace(SMALL, phase_in_below=F(10)))
    swap = phased.events[0].event

    assert isinstance(swap, Replace)
    assert swap.entering == {"1002": F(1), "1009": F("0.3"), "1013": F("0.1")}
    assert "phased: 8.44 % of the trading value for 0.994 % weight" in phased.events[0].reasons["1009"]


def test_a_split_of_a_member_and_other_segments_leave_the_ranking_as_it_is(market: MarketData) -> None:
    standings = review.simulate(market, on_base(BASE), SMALL).snapshot.standings
    split = standings[2].name
    days = 7  # rows up to the base date

    assert [standing.code for standing in standings] == [f"{1000 + rank}" for rank in range(1, 29)]
    assert (split.code, split.value) == ("1003", days * 26e8)
    assert split.fluctuation == pytest.approx(1 / (days * 26e8), rel=1e-12)


def test_fluctuation_per_volume_counts_shares_on_one_basis(market: MarketData, monkeypatch: pytest.MonkeyPatch) -> None:
    # 1003 trades 2.6 billion yen a day: 130,000 shares at 20,000 yen before its split, 260,000 at 10,000 after it.
    monkeypatch.setattr(rules, "FLUCTUATION_PER", rules.Dated(((None, "volume"),), "a test"))
    ranking = review.answer(market, BASE, SMALL)["ranking"]

    assert next(row for row in ranking if row["code"] == "1003")["fluctuation"] == pytest.approx(1 / (7 * 260_000))


def test_a_name_that_goes_gets_no_second_step(market: MarketData) -> None:
    simulated = review.simulate(market, on_base(BASE), replace(SMALL, eligible=14))

    assert "1015" in [pick.code for pick in simulated.selection.leaving]
    assert not [r for r in simulated.events if isinstance(r.event, FactorStep)]


def test_what_is_known_to_come_before_the_review_is_reckoned_with(tmp_path: Path) -> None:
    # 1007 will be replaced by 1018 and 1001 split 2:1. Without 1007 all ranks after it are one better, so 1025 stays
    # within 24; Technology has 8 members, Consumer 2 and Materials 2 for targets of 5, 3 and 4.
    coming = (
        "2025-02-03,1001,4,split 2:1,2025-01-20\n"
        "2025-02-10,1007,,remove,2025-01-20\n2025-02-10,1018,0.1,add,2025-01-20\n"
    )
    later = RECORDED.replace("1.8", "3.6")
    known = change(
        write_market(tmp_path / "market"), "factors.csv", lambda text: text.replace(RECORDED, coming + later)
    )
    swap, _, cap = (reasoned.event for reasoned in review.simulate(known, on_base(BASE), SMALL).events)

    assert isinstance(swap, Replace)
    assert swap.leaving == ("1018", "1014", "1011")
    assert list(swap.entering) == ["1002", "1009", "1013"]
    assert cap == CapStep("1001", F("3.6"), effective=EFFECTIVE, announced=BASE)
    assert "1007" not in [row["code"] for row in review.answer(known, BASE, SMALL)["ranking"]]


def test_second_step_split_and_cap_of_one_name(tmp_path: Path) -> None:
    # 1015 came in with 0.3 of 0.5 and was split 2:1 on 2025-01-29, so its full factor is 1. At 50,000 yen, from the
    # day after, it weighs 30,000 / 150,000, which the cap answers with 0.9.
    folder = write_market(tmp_path / "market")
    split = "2025-01-29,1015,0.6,split 2:1,2024-12-20\n"
    change(folder, "factors.csv", lambda text: text.replace(RECORDED, split))
    closes = pd.read_csv(folder / "closes.csv", index_col="date")
    closes.loc["2025-01-29", "1015"], closes.loc["2025-01-30":, "1015"] = 1_250.0, 50_000.0
    closes.to_csv(folder / "closes.csv")
    events = [r.event for r in review.simulate(MarketData.open(folder), on_base(BASE), SMALL).events[1:]]

    assert events == [
        FactorStep("1015", F(1), phase_in=True, effective=EFFECTIVE, announced=ANNOUNCED),
        CapStep("1001", F("1.8"), effective=EFFECTIVE, announced=BASE),
        CapStep("1015", F("0.9"), effective=EFFECTIVE, announced=BASE),
    ]


def test_the_answer_is_json_in_rows_of_factors(market: MarketData) -> None:
    said = review.answer(market, BASE, SMALL)
    rows = [(row["code"], row["event"], row["factor"], row["announced_date"]) for row in said["events"]]

    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["review"] == {"base": "2025-01-31", "announced": "2025-03-05", "effective": "2025-04-01"}
    assert rows == [
        ("1025", "remove", None, "2025-03-05"),
        ("1014", "remove", None, "2025-03-05"),
        ("1011", "remove", None, "2025-03-05"),
        ("1002", "add", "1", "2025-03-05"),
        ("1009", "add", "0.6", "2025-03-05"),
        ("1013", "add", "0.1", "2025-03-05"),
        ("1015", "step phase-in", "0.5", "2025-03-05"),
        ("1001", "step cap", "1.8", "2025-01-31"),
    ]
    assert {(row["effective_date"], bool(row["reason"])) for row in said["events"]} == {("2025-04-01", True)}
    assert [row["code"] for row in said["ranking"]][:3] == ["1001", "1002", "1003"]
    assert [(row["sector"], row["before"], row["after"], row["target"]) for row in said["sectors"]] == [
        ("Consumer", 3, 3, 3.0),
        ("Materials", 2, 4, 4.0),
        ("Technology", 7, 5, 5.0),
    ]


def test_the_answer_says_what_it_did_without(market: MarketData) -> None:
    missing = " | ".join(review.answer(market, BASE, SMALL)["missing"])

    assert "highs and lows" in missing
    assert "closes reach back 1.2 of 5 years" in missing
    assert "capping ratios before 2023-12-01" in missing


def capped_market(folder: Path) -> Path:
    """The small market from 2024-10-01 on, its heaviest name being 9983: the published factor contains 0.9 (A19)."""
    write_market(folder)
    for name in ("closes", "volumes"):
        frame = pd.read_csv(folder / f"{name}.csv", dtype={"date": str}).rename(columns={"1001": "9983"})
        frame[frame["date"] >= "2024-10-01"].to_csv(folder / f"{name}.csv", index=False)
    universe = (folder / "universe.csv").read_text("utf-8")
    (folder / "universe.csv").write_text(universe.replace(",1001,", ",9983,"), "utf-8")
    rows = (folder / "factors.csv").read_text("utf-8").replace(",1001,", ",9983,").splitlines()
    later = [row for row in rows if row.startswith("2024-10-01") or ",9999," in row or ",1015," in row]
    kept = [row.replace("2023-12-01", "2024-10-01") for row in rows if row not in later]
    (folder / "factors.csv").write_text("\n".join(kept) + "\n", "utf-8")
    return folder


def cap_of(market: MarketData, settings: Settings) -> CapStep:
    simulated = review.simulate(market, on_base(BASE), settings)
    return next(r.event for r in simulated.events if isinstance(r.event, CapStep))


def test_the_cap_in_force_when_a_folder_starts_is_the_published_one(tmp_path: Path) -> None:
    """From 0.9 to 0.8: the factor goes from 2 to 2 x 8 / 9; without the published ratio from 1 to 0.9, to 1.8."""
    market = MarketData.open(capped_market(tmp_path / "m"))
    given = replace(SMALL, ratios={"9983": F(1, 2)})
    said = review.answer(market, BASE, SMALL)

    assert cap_of(market, SMALL).factor == F(16, 9)
    assert cap_of(market, replace(SMALL, ratios={})).factor == F("1.8")
    assert cap_of(market, given).factor == F("1.6")
    (row,) = said["candidates"]["cap"]
    assert (row["code"], row["ratio"], row["ratio_after"]) == ("9983", 0.9, 0.8)
    assert "capping ratios before 2024-10-01: those of data/facts" in said["missing"]


def test_a_synthetic_market_has_no_published_caps(tmp_path: Path) -> None:
    folder = capped_market(tmp_path / "m")
    (folder / "synthetic.json").write_text('{"seed": 1}', "utf-8")

    assert cap_of(MarketData.open(folder), SMALL).factor == F("1.8")


def test_a_suspended_constituent_has_its_standard_price_on_the_base_date(tmp_path: Path) -> None:
    """1003 last traded at 20,000 yen before its 2:1 split, more than two weeks before the base date."""
    folder = write_market(tmp_path / "m")
    closes = pd.read_csv(folder / "closes.csv", dtype={"date": str})
    closes.loc[closes["date"] >= "2024-10-01", "1003"] = float("nan")
    closes.to_csv(folder / "closes.csv", index=False)
    with pytest.raises(MissingData, match="no close of 1003"):
        review.simulate(MarketData.open(folder), on_base(BASE), SMALL)
    (folder / "suspensions.csv").write_text("code,first_date,last_date\n1003,2024-10-01,2025-04-01\n", "utf-8")
    seen = review.simulate(MarketData.open(folder), on_base(BASE), SMALL).snapshot

    assert (seen.closes["1003"], seen.price_sum) == (10_000, 120_750)


def test_a_review_knows_nothing_that_was_told_later(market: MarketData) -> None:
    evening = market.until("2025-01-31T18:00")

    assert review.answer(evening, BASE, SMALL) == review.answer(market, BASE, SMALL)


def test_the_candidates_of_the_next_review(market: MarketData) -> None:
    said = review.next_candidates(market, date(2025, 1, 30), SMALL)

    assert (said["as_of"], said["review"]["effective"]) == ("2025-01-30", "2025-04-01")
    assert [(row["code"], row["chosen"]) for row in said["in"]][:4] == [
        ("1002", True),
        ("1009", True),
        ("1013", True),
        ("1010", False),
    ]
    assert [row["code"] for row in said["out"]][:4] == ["1025", "1014", "1011", "1015"]
    assert [(row["code"], row["ratio_after"]) for row in said["cap"]] == [("1001", 0.9)]


@pytest.mark.parametrize(
    ("at", "as_of", "effective"),
    [
        (date(2025, 2, 2), "2025-01-31", "2025-04-01"),  # decided on the base date, not yet announced
        (date(2025, 3, 4), "2025-01-31", "2025-04-01"),
        (date(2025, 3, 5), "2025-01-31", "2025-10-01"),  # announced; no closes in between
        (date(2025, 3, 31), "2025-03-31", "2025-10-01"),
    ],
)
def test_candidates_are_for_the_next_review_that_is_announced(
    market: MarketData, at: date, as_of: str, effective: str
) -> None:
    said = review.next_candidates(market, at, SMALL)

    assert (said["as_of"], said["review"]["effective"]) == (as_of, effective)


def test_a_change_that_is_announced_is_no_candidate(market: MarketData) -> None:
    # On 2025-03-31 it is known that 1002 and 1016 come in for 1025 and 1014 the next day.
    said = review.next_candidates(market, date(2025, 3, 31), SMALL)

    assert not {"1002", "1016"} & {row["code"] for row in said["in"]}
    assert not {"1025", "1014"} & {row["code"] for row in said["out"]}


def test_the_hit_rate_counts_simulated_changes_that_occurred(market: MarketData) -> None:
    # Simulated 1002, 1009, 1013 for 1025, 1014, 1011; recorded 1002, 1016 for 1025, 1014.
    said = review.hit_rate(market, SMALL)

    assert [row["base"] for row in said["reviews"]] == ["2025-01-31"]
    assert said["in"] == {"simulated": 3, "recorded": 2, "hits": 1, "hit_rate": pytest.approx(1 / 3)}
    assert said["out"] == {"simulated": 3, "recorded": 2, "hits": 2, "hit_rate": pytest.approx(2 / 3)}
    assert said["cap"] == {"simulated": 1, "recorded": 1, "hits": 1, "hit_rate": 1.0}
    assert said["synthetic"] is False


def test_a_hit_rate_without_reviews_says_why(market: MarketData) -> None:
    said = review.hit_rate(market.until("2025-02-28"), SMALL)

    assert (said["reviews"], said["in"]["hit_rate"], said["in"]["why"]) == ([], None, "no change was simulated")


@pytest.mark.parametrize(("leaving", "entering", "factor"), [("1001", "1018", "0.1"), ("1007", "1002", "1")])
def test_a_substitute_is_the_most_liquid_outsider_of_the_sector(
    market: MarketData, leaving: str, entering: str, factor: str
) -> None:
    # 1018 costs 10,000 yen: cut(0.12).
    swap = review.substitute(market, leaving, date(2025, 1, 30), date(2025, 2, 10), SMALL)

    assert swap.event == Replace(
        {entering: F(factor)}, (leaving,), effective=date(2025, 2, 10), announced=date(2025, 1, 30)
    )
    assert "most liquid outsider" in swap.reason


@pytest.mark.parametrize(
    ("leaving", "effective", "words"),
    [
        ("1002", date(2025, 2, 10), "not among the 12 constituents"),
        ("1001", date(2025, 1, 30), "after it was announced"),
    ],
)
def test_a_substitute_that_cannot_be_is_refused(market: MarketData, leaving: str, effective: date, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        review.substitute(market, leaving, date(2025, 1, 30), effective, SMALL)


def _without(code: str) -> Callable[[str], str]:
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if f",{code}," not in line)


@pytest.mark.parametrize(
    ("file", "edit", "kind", "words"),
    [
        ("universe.csv", None, MissingData, "universe missing"),
        ("universe.csv", _without("1007"), MissingData, "universe has no sector of 1007"),
        ("universe.csv", lambda text: text.replace("Prime", "Main"), MissingData, "segment 'Prime'"),
        ("closes.csv", lambda text: text.replace("2025-01-31,", "2025-02-03,"), MissingData, "no row on that day"),
        ("closes.csv", lambda text: text.replace("2025-01-31,10000.0", "2025-01-31,-1"), DataError, "price"),
        ("factors.csv", lambda text: text.replace("2023-12-01,1001", "2023-12-01,100X"), DataError, "1001"),
        ("universe.csv", lambda text: text.replace(",Consumer,", ",Materials,"), SpecError, "no base date"),
    ],
)
def test_bad_input_has_its_own_error(
    tmp_path: Path, file: str, edit: Callable[[str], str] | None, kind: type[ToolError], words: str
) -> None:
    folder = write_market(tmp_path / "market")
    path = folder / file
    path.unlink() if edit is None else path.write_text(edit(path.read_text("utf-8")), "utf-8")
    day = date(2025, 1, 30) if kind is SpecError else BASE
    with pytest.raises(kind) as caught:
        review.answer(MarketData.open(folder), day, SMALL)

    assert words.replace("no base date", "no review has that base date") in str(caught.value)


def test_a_sector_without_outsiders_has_no_substitute(tmp_path: Path) -> None:
    folder = write_market(tmp_path / "market")
    odd = change(folder, "universe.csv", lambda text: text.replace(",1007,Consumer", ",1007,Shipping"))
    with pytest.raises(MissingData, match="no outsider of the sector Shipping"):
        review.substitute(odd, "1007", date(2025, 1, 30), date(2025, 2, 10), SMALL)


def test_a_sample_is_reviewed_with_the_default_settings(small_market: MarketData) -> None:
    said = review.answer(small_market, date(2022, 7, 29))
    out = [row for row in said["events"] if row["event"] == "remove"]

    assert len(said["ranking"]) == 255
    assert len(out) <= 3
    assert said == review.answer(small_market, date(2022, 7, 29))


@pytest.mark.parametrize(("base", "per"), [(date(2021, 7, 30), "volume"), (date(2022, 7, 29), "value")])
def test_fluctuation_is_per_volume_until_2022(small: Path, small_market: MarketData, base: date, per: str) -> None:
    row = next(row for row in review.answer(small_market, base)["ranking"] if not row["member"])
    closes, volumes = (
        pd.read_parquet(small / f"{file}.parquet").set_index("date")[row["code"]].loc[: pd.Timestamp(base)]
        for file in ("closes", "volumes")
    )
    traded = (closes * volumes).sum() if per == "value" else volumes.sum()

    assert row["fluctuation"] == pytest.approx(closes.max() / closes.min() / traded, rel=1e-12)
