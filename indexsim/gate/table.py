"""One file's table on its way through the checks of the gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from indexsim import sessions
from indexsim.errors import Finding
from indexsim.gate import suspicions
from indexsim.gate.cells import BOUNDS, LONGEST, as_written, is_divisor, is_plain, parse_dates, to_numbers
from indexsim.gate.gaps import gaps
from indexsim.schema import DATE, Column, FileSchema

#: Findings listed per column and rule; one more stands for the rest.
LISTED = 20

#: How the file names of funds begin: orders fill at their opens and closes.
FUND = "etf_"

OHLC = ("open", "high", "low", "close")

Mask = npt.NDArray[np.bool_]


class Table:
    """One file on its way through the checks; `frame` gets better, `findings` grows."""

    def __init__(self, name: str, schema: FileSchema, raw: pd.DataFrame, findings: list[Finding]) -> None:
        self.name, self.schema, self.findings = name, schema, findings
        named = [c.name for c in schema.columns if c.name in raw.columns]
        self.frame = raw if schema.wide else raw[named]
        self.lines = np.arange(2, len(raw) + 2)
        self.days: npt.NDArray[np.datetime64] | None = None

    def check(self) -> None:
        """Run every check, in the order in which each can rely on the ones before."""
        self.dates()
        if self.schema.tokyo:
            self.only_sessions()
        self.cells()
        if self.schema.key:
            self.keys()
        if {"high", "low", "close"} <= set(self.frame.columns):
            self.high_low()
        if self.schema.date_indexed:
            self.suspect()
        if {"first_date", "last_date"} <= set(self.frame.columns):
            self.spans()
        if self.schema.daily:
            self.gaps()

    def dates(self) -> None:
        """Parse the date columns; a row with an unreadable date is left out."""
        good = np.ones(len(self.frame), dtype=bool)
        for column in self.schema.columns:
            if column.kind == "date" and column.name in self.frame:
                good &= self.date_column(column)
        self.keep(good)
        if self.schema.dated:
            self.days = self.frame[self.schema.columns[0].name].to_numpy().astype("datetime64[D]")

    def date_column(self, column: Column) -> Mask:
        """Parse one date column and return which rows have a date, or may be blank."""
        raw = self.frame[column.name]
        days = parse_dates(raw)
        good: Mask = days.notna().to_numpy() | (raw.isna().to_numpy() & column.blank)
        self.flag(column.name, "date-is-iso", ~good, lambda at: f"{as_written(raw, at)} is not a date like 2025-09-30")
        self.frame = self.frame.assign(**{column.name: days})
        return good

    def only_sessions(self) -> None:
        """Leave out rows on days without trading, each day with a warning."""
        days = pd.DatetimeIndex(self.frame[self.schema.columns[0].name])
        held = (days >= pd.Timestamp(sessions.FIRST_DAY)) & (days <= pd.Timestamp(sessions.LAST_DAY))
        closed = held & ~days.isin(sessions.all_sessions())
        found = "no trading that day; the row is left out"
        first_of_day = closed & ~days.duplicated()
        self.flag("", "not-a-session", first_of_day, lambda at: found, severity="warning")
        self.keep(~closed)

    def cells(self) -> None:
        """Make every cell a float64 or a text; what cannot be used is unknown."""
        if self.schema.cells is not None:
            self.block(self.schema.cells)
            return
        for column in self.schema.columns:
            if column.kind == "date" or column.name not in self.frame:
                continue
            raw = self.frame[column.name]
            made = self.text(raw, column) if column.kind in LONGEST else self.numbers(raw, column)
            self.frame = self.frame.assign(**{column.name: made})

    def block(self, spec: Column) -> None:
        """Check the cells of a wide file: one pass over all of them, column by column only where one is bad."""
        codes = [c for c in self.frame.columns if c != DATE.name]
        typed = all(is_plain(dtype) for dtype in self.frame[codes].dtypes)
        values = self.frame[codes].to_numpy(dtype="float64") if typed else np.empty((0, 0))
        low, high = BOUNDS[spec.kind]
        if not typed or ((values < low) | (values > high)).any():
            columns = [self.numbers(self.frame[c], Column(c, spec.kind)) for c in codes]
            values = np.column_stack(columns)
        block = pd.DataFrame(values, columns=pd.Index(codes))
        block.insert(0, DATE.name, self.frame[DATE.name])
        self.frame = block

    def text(self, raw: pd.Series, column: Column) -> pd.Series:
        """Return a column as text, "" for blank."""
        # Each distinct cell once: a long file has few codes and many rows.
        which, values = _distinct(raw)
        distinct = np.array([*("" if pd.isna(value) else str(value) for value in values), ""], dtype=object)
        cells = distinct[which]
        text = pd.Series(cells, index=raw.index, dtype=object)
        if not column.blank:
            self.flag(column.name, "cell-filled", cells == "", lambda at: "blank")
        longest = LONGEST[column.kind]
        size = np.array([len(cell) for cell in distinct], dtype=np.int64)[which]
        self.flag(column.name, "cell-is-short", size > longest, lambda at: f"{size[at]} characters, at most {longest}")
        if column.name == "divisor":
            self.flag(
                column.name,
                "divisor-positive",
                ~np.array([is_divisor(cell) for cell in cells], dtype=bool),
                lambda at: f"{as_written(text, at)} is not a number above zero",
            )
        return text.mask(size > longest, "")

    def numbers(self, raw: pd.Series, column: Column) -> pd.Series:
        """Return a column as float64, NaN where a cell is blank or cannot be used."""
        numbers = to_numbers(raw)
        values = numbers.to_numpy()
        low, high = BOUNDS[column.kind]
        not_a_number = np.isnan(values) & ~raw.isna().to_numpy()
        infinite = np.isinf(values)
        beyond = ((values < low) | (values > high)) & ~infinite
        name, kind = column.name, column.kind
        self.flag(name, f"{kind}-is-a-number", not_a_number, lambda at: f"{as_written(raw, at)} is not a number")
        self.flag(name, f"{kind}-is-finite", infinite, lambda at: "infinite")
        self.flag(name, f"{kind}-in-range", beyond, lambda at: f"{values[at]:g}, but the range is {low:g} to {high:g}")
        return numbers.mask(infinite | beyond)

    def keys(self) -> None:
        """Leave out rows that repeat a key, and put rows that are out of order in order."""
        key = list(self.schema.key)
        rule = "duplicate-date" if self.schema.dated else "duplicate-key"
        twice = self.twice(key)
        shown = self.frame[key].astype(str).agg(", ".join, axis=1) if twice.any() else None
        self.flag(
            key[0], rule, twice, lambda at: f"{'' if shown is None else shown.iloc[at]} stands a second time", line=True
        )
        self.keep(~twice)
        if not self.schema.dated:
            return
        days = self.frame[key[0]].to_numpy()
        back = np.append(False, days[1:] < days[:-1])
        self.flag(
            key[0], "dates-ascend", back, lambda at: f"comes after {self.label(at - 1)}; rows must ascend", line=True
        )
        if back.any():
            self.take(np.argsort(days, kind="stable"))

    def twice(self, key: list[str]) -> Mask:
        """Say of each row whether an earlier one has its key."""
        number = np.zeros(len(self.frame), dtype=np.int64)
        for column in key:
            which, values = pd.factorize(self.frame[column], use_na_sentinel=False)
            number = number * (len(values) + 1) + which
        repeated: Mask = pd.Series(number).duplicated().to_numpy()
        return repeated

    def high_low(self) -> None:
        """Report a high below its low, and opens and closes outside the two.

        Of most series only the close is used, and such a row is a warning; a fund is bought at its opens too.
        """
        high, low = (self.frame[c].to_numpy() for c in ("high", "low"))
        below = high < low
        self.flag("high", "high-below-low", below, lambda at: f"{high[at]:g} is below the low of {low[at]:g}")
        fund = self.schema.name.startswith(FUND)
        for name in ("open", "close") if fund and "open" in self.frame else ("close",):
            price = self.frame[name].to_numpy()
            wrong = ((price > high) | (price < low)) & ~below
            said = [f"{name} lies outside high and low" + ("" if fund else "; the close is used")] * len(wrong)
            self.flag(name, f"{name}-in-range", wrong, said.__getitem__, severity="error" if fund else "warning")

    def suspect(self) -> None:
        """Report prices that could be, but hardly are (`indexsim.gate.suspicions`)."""
        cells = self.schema.cells
        columns = [c for c in self.schema.columns if c.kind == "price" and c.name in self.frame]
        names = [str(n) for n in self.frame if n != DATE.name] if cells else [c.name for c in columns]
        if not names or (cells and cells.kind != "price"):
            return
        values = self.frame[names].to_numpy()
        self.slips(names, values)
        self.stale(names, values)
        if (cells or columns[0]).unit == "yen":
            self.off_tick(names, values)

    def slips(self, names: list[str], values: suspicions.Floats) -> None:
        """Report each price whose decimal point slipped."""
        rows, columns = suspicions.slips(values)
        for column in np.unique(columns).tolist():
            bad, prices = np.zeros(len(values), dtype=bool), values[:, column]
            bad[rows[columns == column]] = True
            self.flag(names[column], "decimal-slip", bad, partial(_between, prices))

    def stale(self, names: list[str], values: suspicions.Floats) -> None:
        """Warn of rows that repeat the one before, and of one price over many rows."""
        columns = list(range(len(names)))
        if set(OHLC) <= set(names):
            quotes = [names.index(n) for n in OHLC]
            again = suspicions.copied(values[:, quotes])
            found = "open, high, low and close are those of the row before"
            self.flag("", "stale-row", again, lambda at: found, severity="warning")
            columns = [names.index("close")]
        for column, first, last in suspicions.repeated(values[:, columns]):
            at, row = columns[column], _from_to(self.label(first), self.label(last))
            found = f"{values[first, at]:g} on {last - first + 1} rows on end"
            self.findings.append(Finding(self.name, row, names[at], "stale-price", found, "warning"))

    def off_tick(self, names: list[str], values: suspicions.Floats) -> None:
        """Warn once of prices at which nothing trades: there are few, or the whole file is adjusted."""
        rows, columns = suspicions.off_tick(values)
        if not len(rows):
            return
        first = np.lexsort((columns, rows))[0]
        code, price = names[columns[first]], float(values[rows[first], columns[first]])
        found = f"{len(rows)} prices are no multiple of 0.1 yen, as {price!r} of {code}: adjusted, not as traded?"
        row = _from_to(self.label(int(rows.min())), self.label(int(rows.max())))
        self.findings.append(Finding(self.name, row, "", "off-tick", found, "warning"))

    def spans(self) -> None:
        """Report spans of days that end before they begin."""
        back = (self.frame["last_date"] < self.frame["first_date"]).to_numpy()
        self.flag("last_date", "span-ascends", back, lambda at: "before the first day of the span")

    def gaps(self) -> None:
        """Warn of sessions without a row between the first and the last, one finding a gap."""
        for start, end, count in gaps(pd.DatetimeIndex(self.frame[DATE.name])):
            found = "no row" if count == 1 else f"no row on {count} sessions"
            row = _from_to(f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}")
            self.findings.append(Finding(self.name, row, "", "missing-session", found, "warning"))

    def keep(self, rows: Mask) -> None:
        """Keep some rows of the frame with their lines and days."""
        if not rows.all():
            self.take(np.flatnonzero(rows))

    def take(self, order: npt.NDArray[np.intp]) -> None:
        """Take rows of the frame with their lines and days, in an order."""
        self.frame = self.frame.iloc[order].reset_index(drop=True)
        self.lines, self.days = self.lines[order], None if self.days is None else self.days[order]

    def label(self, at: int) -> str:
        """Return a row as a reader would look for it: its day, or its line in a file without days."""
        return f"line {self.lines[at]}" if self.days is None else str(self.days[at])

    def flag(
        self,
        column: str,
        rule: str,
        bad: Mask,
        found: Callable[[int], str],
        severity: str = "error",
        line: bool = False,
    ) -> None:
        """Add one finding for each bad row, at most `LISTED`, and one for the rest.

        The line stands beside the date where a date does not find the row.
        """
        rows = np.flatnonzero(bad)
        waivable = severity == "error" and rule in suspicions.WAIVABLE
        line = line or (self.schema.dated and not self.schema.date_indexed)
        for at in rows[:LISTED].tolist():
            where = f" (line {self.lines[at]})" if line and self.days is not None else ""
            said = found(at) + where
            self.findings.append(Finding(self.name, self.label(at), column, rule, said, severity, waivable))
        if len(rest := rows[LISTED:]):
            labels = sorted(map(self.label, rest.tolist()), key=lambda label: (len(label), label))
            row, said = _from_to(labels[0], labels[-1]), f"{len(rest)} more rows like these"
            self.findings.append(Finding(self.name, row, column, rule, said, severity, waivable))


def _distinct(raw: pd.Series) -> tuple[npt.NDArray[np.intp], pd.Index | npt.NDArray[np.object_]]:
    """Return for each cell the number of its value, and the values; -1 is a cell that is unknown."""
    try:
        return pd.factorize(raw)
    except TypeError:  # what Parquet can hold and no dictionary can: lists, mappings
        return np.arange(len(raw)), raw.to_numpy(dtype=object)


def _between(prices: suspicions.Floats, at: int) -> str:
    return f"{prices[at]:g} between {prices[at - 1]:g} and {prices[at + 1]:g}"


def _from_to(first: str, last: str) -> str:
    return first if first == last else f"{first}..{last}"
