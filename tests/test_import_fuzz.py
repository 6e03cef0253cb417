"""Mutated files of publishers: each is refused by name, gives the numbers of the whole one, or says what differs."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim.errors import Finding, ToolError
from indexsim.gathering.assembly import Assembly
from indexsim.gathering.gather import gather
from indexsim.gathering.importing import import_files
from indexsim.gathering.stocks import Undo
from indexsim.official.cells import merged
from tests import layouts
from tests.conftest import count
from tests.layouts import Table

CASES = 5000
Rng = random.Random
Frames = dict[str, pd.DataFrame]


def read(path: Path) -> tuple[Frames, list[Finding]]:
    """Return what a file gives a market, and what is said."""
    readings, left_out = gather([path], (), {})
    frames, _, said = Assembly({}, tuple(readings), Undo(False, ())).frames()
    return frames, [*left_out, *said, *merged([f for r in readings for f in r.findings])]


def imported(path: Path, into: Path) -> list[str]:
    """Return what the whole import says of a file, a refusal too."""
    try:
        return [str(finding) for finding in import_files([path], into).findings]
    except ToolError as error:
        return [str(error)]


def cells(frames: Frames) -> dict[tuple[str, str, str], float]:
    """Return every known number by file, row and column."""
    found = {}
    for name, frame in frames.items():
        keyed = frame if isinstance(frame.index, pd.DatetimeIndex) else frame.set_index(list(frame.columns[:2]))
        for column in keyed.columns:
            if keyed[column].dtype.kind == "f":
                found |= {(name, str(k), str(column)): v for k, v in keyed[column].items() if np.isfinite(v)}
    return found


def other_row(table: Table, rng: Rng) -> int:
    return rng.randrange(len(table.rows))


def numeric(table: Table) -> list[int]:
    """Return the columns that hold prices."""
    words = ("open", "high", "low", "close", "o", "h", "l", "c", "始値", "高値", "安値", "終値")
    return [at for at, name in enumerate(table.header) if name.casefold() in words]


def edited(table: Table, rng: Rng, edit: Callable[[str], str]) -> Table:
    """Change one price."""
    row, column = other_row(table, rng), rng.choice(numeric(table) or [1])
    rows = [list(cells) for cells in table.rows]
    rows[row][column] = edit(rows[row][column])
    return replace(table, rows=rows)


def every(table: Table, edit: Callable[[str], str], first: int = 0) -> Table:
    return replace(table, rows=[[*row[:first], *(edit(c) for c in row[first:])] for row in table.rows])


def as_day(text: str, form: str) -> str:
    parts = text.replace("/", "-").split("-")
    if len(parts) != 3:
        return text
    y, m, d = map(int, parts)
    return {
        "slash": f"{y}/{m}/{d}",
        "compact": f"{y}{m:02d}{d:02d}",
        "kanji": f"{y}年{m}月{d}日",
        "era": f"令和{y - 2018}年{m}月{d}日",
        "time": f"{y}-{m:02d}-{d:02d} 00:00:00+09:00",
        "weekday": f"{y}/{m}/{d}(月)",
    }[form]


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)


def thousands(text: str) -> str:
    whole, _, rest = text.partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "") if whole.isdigit() and len(whole) < 8 else text


def exchanged(table: Table, rng: Rng) -> Table:
    one, other = rng.sample(numeric(table), 2) if len(numeric(table)) > 1 else (0, 1)
    header = list(table.header)
    header[one], header[other] = header[other], header[one]
    return replace(table, header=header)


def exchanged_data(table: Table, rng: Rng) -> Table:
    one, other = rng.sample(numeric(table), 2) if len(numeric(table)) > 1 else (0, 1)
    rows = [list(row) for row in table.rows]
    for row in rows:
        row[one], row[other] = row[other], row[one]
    return replace(table, rows=rows)


def with_row(table: Table, at: int, row: list[str]) -> Table:
    return replace(table, rows=[*table.rows[:at], row, *table.rows[at:]])


def doubled(table: Table, rng: Rng) -> Table:
    at = other_row(table, rng)
    return with_row(table, other_row(table, rng), list(table.rows[at]))


def doubled_otherwise(table: Table, rng: Rng) -> Table:
    row = list(table.rows[other_row(table, rng)])
    at = rng.choice(numeric(table) or [1])
    row[at] = f"{float(row[at] or 1) + 1:.2f}" if row[at].replace(".", "").isdigit() or not row[at] else "1"
    return with_row(table, other_row(table, rng), row)


def shuffled(table: Table, rng: Rng) -> Table:
    rows = list(table.rows)
    rng.shuffle(rows)
    return replace(table, rows=rows)


def without_column(table: Table, rng: Rng) -> Table:
    at = rng.randrange(len(table.header))
    rows = [row[:at] + row[at + 1 :] for row in table.rows]
    return replace(table, header=table.header[:at] + table.header[at + 1 :], rows=rows)


def with_column(table: Table, rng: Rng) -> Table:
    at = rng.randrange(1, len(table.header) + 1)
    rows = [[*row[:at], rng.choice(["x", "7", ""]), *row[at:]] for row in table.rows]
    return replace(
        table, header=[*table.header[:at], rng.choice(["note", "備考", "x1"]), *table.header[at:]], rows=rows
    )


def moved_column(table: Table, rng: Rng) -> Table:
    order = list(range(1, len(table.header)))
    rng.shuffle(order)
    order = [0, *order]
    return replace(table, header=[table.header[k] for k in order], rows=[[row[k] for k in order] for row in table.rows])


#: What happens to the table.
TABLES: dict[str, Callable[[Table, Rng], Table]] = {
    "none": lambda t, r: t,
    "reversed": lambda t, r: replace(t, rows=t.rows[::-1]),
    "shuffled": shuffled,
    "doubled": doubled,
    "doubled otherwise": doubled_otherwise,
    "exchanged": exchanged,
    "exchanged data": exchanged_data,
    "moved column": moved_column,
    "without column": without_column,
    "with column": with_column,
    "without row": lambda t, r: replace(t, rows=[row for at, row in enumerate(t.rows) if at != r.randrange(9)]),
    "blank cell": lambda t, r: edited(t, r, lambda c: ""),
    "broken cell": lambda t, r: edited(t, r, lambda c: r.choice(["#VALUE!", "#N/A", "#REF!"])),
    "odd cell": lambda t, r: edited(t, r, lambda c: r.choice(["x", "1,2", "12-3", "1.2.3", "٣", "1e5", "inf", "0x1F"])),
    "slip": lambda t, r: edited(t, r, lambda c: str(float(c) * r.choice([10, 100, 0.1])) if c else c),
    "negative": lambda t, r: edited(t, r, lambda c: f"-{c}"),
    "wide": lambda t, r: every(t, wide),
    "thousands": lambda t, r: every(t, thousands, 2 if t.header[1].casefold() == "code" else 1),
    "spaces": lambda t, r: every(t, lambda c: f" {c} "),
    "slash": lambda t, r: every(t, lambda c: as_day(c, "slash")),
    "compact": lambda t, r: every(t, lambda c: as_day(c, "compact")),
    "kanji": lambda t, r: every(t, lambda c: as_day(c, "kanji")),
    "era": lambda t, r: every(t, lambda c: as_day(c, "era")),
    "time": lambda t, r: every(t, lambda c: as_day(c, "time")),
    "weekday": lambda t, r: every(t, lambda c: as_day(c, "weekday")),
    "header wide": lambda t, r: replace(t, header=[unicodedata.normalize("NFKC", h).upper() for h in t.header]),
    "header again": lambda t, r: with_row(t, other_row(t, r), list(t.header)),
    "footer within": lambda t, r: with_row(t, other_row(t, r), [layouts.FOOTER_JA]),
    "short row": lambda t, r: with_row(t, other_row(t, r), t.rows[other_row(t, r)][: r.randrange(1, len(t.header))]),
    "long row": lambda t, r: with_row(t, other_row(t, r), [*t.rows[other_row(t, r)], "1"] * r.randrange(1, 4)),
    "quoted": lambda t, r: replace(t, quoted=True),
    "footer": lambda t, r: replace(t, footer=r.choice([layouts.FOOTER_EN, layouts.FOOTER_JA, "(c) 2025"])),
}


def cut(data: bytes, rng: Rng) -> bytes:
    return data[: rng.randrange(len(data))]


def odd_byte(data: bytes, rng: Rng) -> bytes:
    """Put a byte that is no digit, no space, no delimiter in the place of one."""
    at = rng.randrange(len(data))
    return (
        data[:at]
        + bytes([rng.choice([0, 7, 0x80, 0xFF, 0xE3, ord("x"), ord('"'), ord("#"), ord(";")])])
        + data[at + 1 :]
    )


def recoded(data: bytes, table: Table, to: str) -> bytes:
    return data.decode(table.encoding).encode(to, "replace")


#: What happens to the bytes.
BYTES: dict[str, Callable[[bytes, Table, Rng], bytes]] = {
    "none": lambda d, t, r: d,
    "cut": lambda d, t, r: cut(d, r),
    "odd byte": lambda d, t, r: odd_byte(d, r),
    "crlf": lambda d, t, r: d.replace(b"\n", b"\r\n"),
    "cr": lambda d, t, r: d.replace(b"\n", b"\r"),
    "blank lines": lambda d, t, r: d.replace(b"\n", b"\n\n"),
    "bom": lambda d, t, r: recoded(d, t, "utf-8-sig"),
    "utf-8": lambda d, t, r: recoded(d, t, "utf-8"),
    "utf-16": lambda d, t, r: recoded(d, t, "utf-16"),
    "cp932": lambda d, t, r: recoded(d, t, "cp932"),
    "latin-1": lambda d, t, r: recoded(d, t, "latin-1"),
    "mojibake": lambda d, t, r: d.decode("cp932", "replace").encode("utf-8") if t.encoding == "utf-8" else d,
    "twice": lambda d, t, r: d + d,
    "tabs": lambda d, t, r: d.replace(b",", b"\t"),
    "semicolons": lambda d, t, r: d.replace(b",", b";"),
    "preamble": lambda d, t, r: b"Historical data\n\n" + d,
    "no end": lambda d, t, r: d[:-1],
}
#: Numbers of these have no order that would tell columns from each other, and a slip of one is a possible amount.
NO_ORDER = {"purchases"}


def mutated(name: str, rng: Rng) -> tuple[str, bytes]:
    """Return a mutated file and what was done to it."""
    table = layouts.FILES[name]()
    choices = [
        m for m in TABLES if name not in NO_ORDER or m not in ("exchanged", "exchanged data", "slip", "odd cell")
    ]
    first, second = rng.choice(choices), rng.choice(list(BYTES))
    if rng.random() < 0.5:
        second = "none"
    return f"{name}, {first}, {second}", BYTES[second](TABLES[first](table, rng).data(), table, rng)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[tuple[str, str, str], float]]:
    """What the unmutated files give."""
    folder = tmp_path_factory.mktemp("whole")
    found = {}
    for name, make in layouts.FILES.items():
        (folder / f"{name}.csv").write_bytes(make().data())
        found[name] = cells(read(folder / f"{name}.csv")[0])
    return found


def test_no_mutation_gives_a_wrong_number_in_silence(
    tmp_path: Path, whole: dict[str, dict[tuple[str, str, str], float]]
) -> None:
    names = list(layouts.FILES)
    outcomes = {"refused": 0, "same": 0, "said": 0}
    for seed in range(count(CASES)):
        rng = Rng(seed)
        name = names[seed % len(names)]
        what, data = mutated(name, rng)
        path = tmp_path / f"{name}.csv"
        path.write_bytes(data)
        try:
            frames, findings = read(path)
        except ToolError:
            outcomes["refused"] += 1
            continue
        true, found = whole[name], cells(frames)
        wrong = {key: v for key, v in found.items() if key not in true or abs(v - true[key]) > 1e-9 * abs(v)}

        if wrong and not findings:  # what a file does not say on its own, the gate may
            findings = imported(path, tmp_path / "market")

        assert not wrong or findings, f"seed {seed}: {what}: {dict(list(wrong.items())[:3])}"
        outcomes["said" if wrong else "same"] += 1

    assert outcomes["same"] > outcomes["said"]
    assert outcomes["refused"] > 0
    print(outcomes)
