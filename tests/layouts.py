"""Files in the layouts of publishers and vendors, with made-up numbers, for the tests of the import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexsim import sessions

#: Sessions of the files.
DAYS = [f"{day:%Y-%m-%d}" for day in sessions.sessions("2025-07-03", "2025-08-29")]
FOOTER_EN = "This material is a copyrightable work of Nikkei. It is prohibited to copy, reproduce it."
FOOTER_JA = "本資料は日経の著作物であり、本資料の全部又は一部を無断で複写、複製することができません。"


@dataclass(frozen=True)
class Table:
    """A file as rows of text.

    Attributes
    ----------
    header : list of str
    rows : list of list of str
    footer : str
    encoding : str
    quoted : bool
    """

    header: list[str]
    rows: list[list[str]]
    footer: str = ""
    encoding: str = "utf-8"
    quoted: bool = False

    def text(self) -> str:
        """Return the file as text; a footer stands in one cell."""
        lines = [",".join(self.header), *(",".join(self.cell(c) for c in row) for row in self.rows)]
        return "\n".join([*lines, *([f'"{self.footer}"'] if self.footer else [])]) + "\n"

    def cell(self, text: str) -> str:
        """Return a cell, in quotes where the file has them or it holds a comma."""
        return f'"{text}"' if self.quoted or "," in text else text

    def data(self) -> bytes:
        """Return the bytes of the file."""
        return self.text().encode(self.encoding, "replace")


def prices(start: float, seed: int, decimals: int = 2, size: float = 0.01) -> list[tuple[str, str, str, str]]:
    """Return open, high, low, close of a walk, as text."""
    rng = np.random.default_rng(seed)
    found, close = [], start
    for _ in DAYS:
        opened = close * (1 + rng.normal(0, size / 3))
        close = opened * (1 + rng.normal(0, size))
        top, bottom = max(opened, close) * (1 + size / 2), min(opened, close) * (1 - size / 2)
        found.append(tuple(f"{value:.{decimals}f}" for value in (opened, top, bottom, close)))
    return found  # type: ignore[return-value]


def dated(columns: Sequence[int], walk: Sequence[tuple[str, str, str, str]], mark: str = "-") -> list[list[str]]:
    """Return rows of a day and the columns of a walk."""
    return [[day.replace("-", mark), *(row[at] for at in columns)] for day, row in zip(DAYS, walk, strict=True)]


def daily_en() -> Table:
    """Daily levels of Nikkei, English, Shift_JIS, close first."""
    rows = dated((3, 0, 1, 2), prices(39_800, 1), "/")
    return Table(["Date of Data", "Close", "Open", "High", "Low"], rows, FOOTER_EN, "cp932", True)


def daily_ja() -> Table:
    """Daily levels of Nikkei, Japanese, without quotes."""
    return Table(["データ日付", "終値", "始値", "高値", "安値"], dated((3, 0, 1, 2), prices(39_800, 1), "/"))


def vi() -> Table:
    """Daily levels of the Nikkei VI in the same layout."""
    rows = dated((3, 0, 1, 2), prices(24, 2, size=0.05), "/")
    return Table(["データ日付", "終値", "始値", "高値", "安値"], rows, FOOTER_JA, "cp932", True)


def total_return() -> Table:
    """Closes of the total return index in the daily layout."""
    rows = dated((3,), prices(71_500, 3), "/")
    return Table(["データ日付", "終値"], rows, FOOTER_JA, "cp932", True)


def topix() -> Table:
    """TOPIX as the exchange heads it."""
    return Table(["日付", "始値", "高値", "安値", "終値"], dated((0, 1, 2, 3), prices(2_830, 4), "/"), "", "cp932")


def fred() -> Table:
    """The dollar from FRED, a point on a holiday."""
    rows = [[day, row[3]] for day, row in zip(DAYS, prices(145, 5, size=0.004), strict=True)]
    rows[5][1] = "."
    return Table(["observation_date", "DEXJPUS"], rows)


def stooq() -> Table:
    """The Nikkei from Stooq."""
    rows = [[*row, "1000000"] for row in dated((0, 1, 2, 3), prices(39_800, 1))]
    return Table(["Date", "Open", "High", "Low", "Close", "Volume"], rows)


def yahoo() -> Table:
    """The S&P 500 from Yahoo, a null on a holiday."""
    rows = [[*row, row[4], "2500000000"] for row in dated((0, 1, 2, 3), prices(6_300, 6))]
    return Table(["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"], rows)


def jquants() -> Table:
    """Two stocks from J-Quants, as traded, codes of five characters."""
    header = ["Date", "Code", "O", "H", "L", "C", "Vo", "AdjFactor", "AdjC"]
    rows = []
    for code, start, seed in (("72030", 2_500, 7), ("99830", 45_000, 8)):
        walk = prices(start, seed, decimals=0)
        rows += [[d, code, *w, "1234500", "1.0", w[3]] for d, w in zip(DAYS, walk, strict=True)]
    return Table(header, rows)


def long_prices() -> Table:
    """Two stocks in a long table."""
    rows = []
    for code, start, seed in (("7203", 2_500, 7), ("9983", 45_000, 8)):
        rows += [[d, code, *w, "1234500"] for d, w in zip(DAYS, prices(start, seed, decimals=0), strict=True)]
    return Table(["date", "code", "open", "high", "low", "close", "volume"], rows)


def purchases() -> Table:
    """Purchases of the Bank of Japan, 100 million yen, blank where there was none."""
    rows = [[day, "501" if at % 3 else "", "12", "", ""] for at, day in enumerate(DAYS)]
    return Table(["年月日", "ETF(下記以外)", "設備投資および人材投資ETF", "J-REIT", "ETF貸付"], rows, "", "cp932")


#: Name -> a file with one series or table of numbers, and the columns whose exchange numbers alone can tell.
FILES = {
    "daily_en": daily_en,
    "daily_ja": daily_ja,
    "vi": vi,
    "topix": topix,
    "fred": fred,
    "stooq": stooq,
    "yahoo": yahoo,
    "jquants": jquants,
    "long_prices": long_prices,
    "purchases": purchases,
    "total_return": total_return,
}
