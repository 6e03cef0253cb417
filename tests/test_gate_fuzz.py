"""The gate under mutation: no traceback, no silent pass of a price that moves the index, no file written.

A folder whose every number is made here by hand arithmetic is damaged in one to three places, checked
and rebuilt. The seeds are fixed: a case that fails is repeated by its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import pytest

from backtests import verbs
from indexsim.errors import ToolError
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt, rebuild
from tests.conftest import count

CASES = count(5_000)
CHUNK = 50

DAYS = (
    *("2025-08-20", "2025-08-21", "2025-08-22", "2025-08-25", "2025-08-26", "2025-08-27", "2025-08-28"),
    *("2025-08-29", "2025-09-01", "2025-09-02", "2025-09-03", "2025-09-04"),
)
#: On the 27th 9983 is split 3:1; on 1 September 6963 goes out and 285A comes in.
SPLIT, CHANGE = "2025-08-27", "2025-09-01"
#: 8306 is suspended on the 22nd and carries its price; 1332 has only a special quote on the 26th.
SUSPENDED, QUOTED = ("8306", DAYS[2]), ("1332", DAYS[4])
#: The prices used, yen.
CLOSES = {
    "1332": (1013, 1021, 1008.5, 1019, 1033, 1027.5, 1041, 1038, 1036, 1044.5, 1051, 1049),
    "9983": (45120, 45610, 44980, 45240, 45930, 15310, 15420, 15275, 15190, 15360, 15405, 15480),
    "6963": (1843.5, 1851, 1838, 1829.5, 1840, 1852, 1866.5, 1859, 1861, 1848, 1857, 1870),
    "8306": (2211, 2198.5, 2198.5, 2219, 2231, 2226, 2240, 2252.5, 2247, 2261, 2258, 2266),
    "285A": (3120, 3145, 3110, 3160, 3205, 3190, 3235, 3220, 3240, 3265, 3230, 3280),
}
FACTORS = {"1332": Decimal("1"), "9983": Decimal("3"), "6963": Decimal("0.5"), "8306": Decimal("0.4")}
START = Decimal("29.61653922")
Damage = Callable[[random.Random, "Table"], None]

FILES = ("closes", "factors", "divisors", "index", "etf_1321", "distributions", "special_quotes", "suspensions")
NEEDED = {"closes.csv", "factors.csv", "divisors.csv"}
#: Only in some of the folders: reading them takes a fifth of the time.
FUND = ("etf_1321", "distributions")
#: How often each is damaged: what the index is made of, most.
WEIGHTS = (10, 6, 3, 5, 2, 1, 2, 1)


def hand_levels(closes: dict[str, dict[str, float]]) -> dict[str, Decimal]:
    """Recompute the levels of some sessions from the closes of the day, with the true baskets and divisors."""
    return {
        day: (total(prices, basket(day)) / DIVISORS[day >= CHANGE]).quantize(Decimal("0.01"), ROUND_HALF_UP)
        for day, prices in closes.items()
        if all(prices.get(code, float("nan")) > 0 for code in basket(day))
    }


def basket(day: str) -> dict[str, Decimal]:
    held = {**FACTORS, **({"9983": Decimal("9")} if day >= SPLIT else {})}
    if day >= CHANGE:
        del held["6963"]
        held["285A"] = Decimal("0.7")
    return held


def total(prices: dict[str, float], held: dict[str, Decimal]) -> Decimal:
    return sum((Decimal(repr(prices[code])) * factor for code, factor in held.items()), Decimal(0))


def row(number: int) -> dict[str, float]:
    return {code: float(prices[number]) for code, prices in CLOSES.items()}


def divisors() -> tuple[Decimal, Decimal]:
    """Continuity on the closes of the session before the change (A14), to 8 decimals (A15)."""
    last = row(DAYS.index(CHANGE) - 1)
    after = START * total(last, basket(CHANGE)) / total(last, basket(SPLIT))
    return START, after.quantize(Decimal("1e-8"), ROUND_HALF_UP)


DIVISORS = divisors()
PUBLISHED = hand_levels({day: row(number) for number, day in enumerate(DAYS)})


def texts() -> dict[str, str]:
    """The folder as it should be: four names of an index, a fund, and what stands for a close."""
    lines = [
        (day, *("" if (code, day) in (SUSPENDED, QUOTED) else f"{prices[n]:g}" for code, prices in CLOSES.items()))
        for n, day in enumerate(DAYS)
    ]
    initial = [(DAYS[0], code, factor, "initial") for code, factor in FACTORS.items()]
    changes = [(SPLIT, "9983", 9, "split 3:1"), (CHANGE, "6963", "", "remove"), (CHANGE, "285A", "0.7", "add")]
    base = [(day, 42_100 + 70 * n) for n, day in enumerate(DAYS)]
    return {
        "closes": csv(("date", *CLOSES), lines),
        "factors": csv(("effective_date", "code", "factor", "event"), [*initial, *changes]),
        "divisors": csv(("effective_date", "divisor"), zip((DAYS[0], CHANGE), DIVISORS, strict=True)),
        "index": csv(("date", "close"), PUBLISHED.items()),
        "etf_1321": csv(("date", "open", "high", "low", "close"), [(d, p, p + 90, p - 80, p + 10) for d, p in base]),
        "distributions": csv(("ex_date", "code", "yen"), [("2025-08-25", "etf_1321", 650)]),
        "special_quotes": csv(("date", "1332"), [(QUOTED[1], 1033)]),
        "suspensions": csv(("code", "first_date", "last_date"), [(SUSPENDED[0], SUSPENDED[1], SUSPENDED[1])]),
    }


def csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    return "".join(",".join(map(str, cells)) + "\n" for cells in (header, *rows))


def write(folder: Path, fund: bool = True) -> Path:
    folder.mkdir()
    for name, text in texts().items():
        if fund or name not in FUND:
            (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


# Damage, kind by kind. Each takes the cells of a file, header first, and changes them.

Table = list[list[str]]
CELLS = (
    "",
    " ",
    "n/a",
    "#VALUE!",
    "-",
    "1,021",
    "0",
    "-1",
    "1e400",
    "inf",
    "-inf",
    "nan",
    "NULL",
    "True",
    "0x10",
    "１０２１",
)
LARGE = ("9" * 18, "9" * 20, "9" * 400, "1" + "0" * 12, "0.0000001", "1e-320")
DATES = ("2025-08-23", "2025-9-1", "01/09/2025", "2025-13-01", "20250901", "9999-12-31", "0001-01-01", "2025-09-05")
WORDS = (
    "initial",
    "add",
    "remove",
    "split",
    "split 1:3",
    "step",
    "step cap",
    "rights 1:5@400",
    "spin-off of 9983",
    "x",
)


def pick(draw: random.Random, table: Table) -> tuple[list[str], int]:
    cells = draw.choice([r for r in table[1:] if r] or table)
    return cells, draw.randrange(len(cells)) if cells else 0


def put(values: Iterable[str]) -> Damage:
    choices = tuple(values)

    def damage(draw: random.Random, table: Table) -> None:
        cells, at = pick(draw, table)
        cells[at : at + 1] = [draw.choice(choices)]

    return damage


def scaled(*scales: float) -> Damage:
    """Multiply a number by one of some scales, as a slip of the decimal point or of the sign does."""

    def damage(draw: random.Random, table: Table) -> None:
        cells, at = pick(draw, table)
        if cells and cells[at].replace(".", "", 1).isdigit():
            cells[at] = str(Decimal(cells[at]) * Decimal(str(draw.choice(scales))))

    return damage


def digit(draw: random.Random, table: Table) -> None:
    cells, at = pick(draw, table)
    places = [n for n, mark in enumerate(cells[at]) if mark.isdigit()] if cells else []
    if places:
        n = draw.choice(places)
        cells[at] = cells[at][:n] + draw.choice("0123456789") + cells[at][n + 1 :]


def swap_cells(draw: random.Random, table: Table) -> None:
    (one, a), (other, b) = pick(draw, table), pick(draw, table)
    if one and other:
        one[a], other[b] = other[b], one[a]


def swap_columns(draw: random.Random, table: Table) -> None:
    a, b = (draw.randrange(len(table[0])) for _ in range(2))
    for cells in table if draw.random() < 0.5 else table[:1]:
        if max(a, b) < len(cells):
            cells[a], cells[b] = cells[b], cells[a]


def name_column(draw: random.Random, table: Table) -> None:
    new = draw.choice(["", "Date", "DATE", "close ", "285a", "1333", "Unnamed: 0", table[0][-1]])
    table[0][draw.randrange(len(table[0]))] = new


def drop_column(draw: random.Random, table: Table) -> None:
    at = draw.randrange(len(table[0]))
    for cells in table:
        del cells[at : at + 1]


def double_column(draw: random.Random, table: Table) -> None:
    at = draw.randrange(len(table[0]))
    for cells in table:
        cells += cells[at : at + 1]


def double_row(draw: random.Random, table: Table) -> None:
    table.insert(draw.randrange(len(table) + 1), list(draw.choice(table)))


def drop_row(draw: random.Random, table: Table) -> None:
    del table[draw.randrange(len(table))]


def shuffle_rows(draw: random.Random, table: Table) -> None:
    rows = table[1:]
    draw.shuffle(rows)
    table[1:] = rows


def move_row(draw: random.Random, table: Table) -> None:
    table.insert(draw.randrange(len(table)), table.pop(draw.randrange(len(table))))


def stale_row(draw: random.Random, table: Table) -> None:
    """Repeat a row's values on the next day, as a feed does that stands still."""
    at = draw.randrange(len(table))
    if 1 <= at < len(table) - 1:
        table[at + 1] = [*table[at + 1][:1], *table[at][1:]]


DAMAGE: tuple[Damage, ...] = (
    *(digit, digit, swap_cells, swap_columns, name_column, drop_column, double_column),
    *(double_row, drop_row, shuffle_rows, move_row, stale_row),
    *(scaled(10, 0.1), scaled(100, 0.01), scaled(-1), scaled(2, 3, 0.5), scaled(1.01, 0.99, 1.0001)),
    *(put(CELLS), put(LARGE), put(DATES), put(WORDS), put(DAYS), put(CLOSES)),
)


# Damage to the bytes.


def cut(draw: random.Random, data: bytes) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def bits(draw: random.Random, data: bytes) -> bytes:
    array = bytearray(data)
    for _ in range(draw.randint(1, 3) if array else 0):
        array[draw.randrange(len(array))] = draw.randrange(256)
    return bytes(array)


def zeros(draw: random.Random, data: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + bytes(draw.choice((1, 64, 4096))) + data[at:]


def encoded(draw: random.Random, data: bytes) -> bytes:
    return (
        data.decode("utf-8", "replace")
        .replace("n", "日", 1)
        .encode(draw.choice(("utf-16", "cp932", "euc-jp", "utf-8-sig")))
    )


def separated(draw: random.Random, data: bytes) -> bytes:
    return data.replace(
        *draw.choice(((b",", b";"), (b",", b"\t"), (b"\n", b"\r\n"), (b"\n", b"\r"), (b".", b","), (b"\n", b"\n\n")))
    )


def marked(draw: random.Random, data: bytes) -> bytes:
    return draw.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"# made by hand\n", b"\n", b'"', b"PK\x03\x04")) + data


def ended(draw: random.Random, data: bytes) -> bytes:
    return data + draw.choice((b"\n\n\n", b"total,1,2\n", b"\xc2\xa9 publisher\n", b"\x1a", b'"', b","))


BYTES = (cut, bits, zeros, encoded, separated, marked, ended)


def mutate(draw: random.Random, folder: Path) -> None:
    for _ in range(draw.randint(1, 3)):
        path = folder / f"{draw.choices(FILES, WEIGHTS)[0]}.csv"
        if not path.exists():
            continue
        if draw.random() < 0.2:
            path.write_bytes(draw.choice(BYTES)(draw, path.read_bytes()))
        elif draw.random() < 0.03:
            path.replace(draw.choice((path.with_suffix(".CSV"), folder / "x.csv", folder / "opens.csv")))
        else:
            table = [line.split(",") for line in path.read_bytes().decode("latin-1").splitlines()]
            if table:
                draw.choice(DAMAGE)(draw, table)
            path.write_bytes("\n".join(",".join(cells) for cells in [*table, []]).encode("latin-1", "replace"))


def mutate_parquet(draw: random.Random, folder: Path) -> None:
    """Write one file as Parquet and damage its bytes."""
    source = folder / f"{draw.choices(FILES[:4], WEIGHTS[:4])[0]}.csv"
    target = source.with_suffix(".parquet")
    texts_only = str if source.stem in ("factors", "divisors") else None
    pd.read_csv(source, dtype=texts_only).to_parquet(target)
    source.unlink()
    target.write_bytes(draw.choice((bits, bits, cut, zeros))(draw, target.read_bytes()))


# What must hold, whatever stands in the folder.


def rebuilt_or_refused(folder: Path) -> Rebuilt | None:
    try:
        return rebuild(MarketData.open(folder))
    except ToolError:
        return None


def check_or_refused(folder: Path) -> tuple[list[str], bool]:
    """Return the rules of all findings, and whether one of them is an error."""
    try:
        answer = verbs.check(folder)
    except ToolError as error:
        return [str(error)], True
    return [f["rule"] for f in answer["findings"]], answer["errors"] > 0


def verdict(case: int, folder: Path) -> str:
    """Look at a damaged folder; return "found", "refused" or, if nobody noticed, "silent"."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    rules, errors = check_or_refused(folder)
    # An error is refused; that rebuilding agrees is looked at in every fourth case, which saves a third of the time.
    rebuilt = None if errors and case % 4 else rebuilt_or_refused(folder)

    assert {path: path.read_bytes() for path in folder.iterdir()} == before, f"case {case}: the folder was written to"
    if rebuilt is None:
        assert rules or not {p.name for p in before} >= NEEDED, f"case {case}: refused, and check finds nothing"
        return "refused"
    if rules or rebuilt.findings:
        return "found"
    for day, level in hand_levels(prices_of(rebuilt.index.closes)).items():
        if day in PUBLISHED and pd.notna(rebuilt.published.get(pd.Timestamp(day))):
            assert abs(level - PUBLISHED[day]) < Decimal("0.01"), f"case {case}: {day} moved in silence"
    return "silent"


def prices_of(closes: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the prices used of each session by code."""
    return {f"{day:%Y-%m-%d}": prices for day, prices in closes.to_dict("index").items()}


def test_the_folder_before_any_damage_is_silent_and_exact(tmp_path: Path) -> None:
    folder = write(tmp_path / "whole")
    rebuilt = rebuild(MarketData.open(folder))

    assert verbs.check(folder)["findings"] == []
    assert rebuilt.summary()["exact_days"] == len(DAYS)
    assert {f"{day:%Y-%m-%d}": f"{level:.2f}" for day, level in rebuilt.levels.items()} == {
        day: str(level) for day, level in PUBLISHED.items()
    }


@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_no_damage_gives_a_traceback_or_passes_in_silence(tmp_path: Path, first: int) -> None:
    seen = []
    for case in range(first, first + CHUNK):
        folder = write(tmp_path / str(case), fund=case % 4 == 0)
        mutate(random.Random(case), folder)
        seen.append(verdict(case, folder))

    # Few may be silent: what is cut off at the end, a byte order mark, a digit changed into itself.
    assert seen.count("silent") <= CHUNK // 3
    assert {"found", "refused"} <= set(seen)


def test_no_damaged_parquet_gives_a_traceback_or_passes_in_silence(tmp_path: Path) -> None:
    seen = set()
    for case in range(count(500)):
        folder = write(tmp_path / str(case), fund=False)
        mutate_parquet(random.Random(case), folder)
        seen.add(verdict(case, folder))

    assert "refused" in seen
