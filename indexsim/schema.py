"""The files of a market folder: names, columns, types and units, in one table.

The gate checks against it, the reader parses by it, and ``data/README.md`` shows it as
`readme_table` writes it (a test holds the two together). What is not named here is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from indexsim.known import release_of


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes
    ----------
    name : str
        As it stands in the header; ``CODE`` for the columns of a wide file.
    kind : str
        ``date`` (ISO), ``price`` (> 0), ``number`` (any), ``amount`` (>= 0), ``text``, or ``decimal``
        (kept as text, so that it stays exact).
    unit : str
        Unit of the cells; empty for text.
    meaning : str
        What a cell says, where the name does not.
    required : bool
        Whether the file is refused without it.
    blank : bool
        Whether a cell may be empty (unknown, never zero).
    """

    name: str
    kind: str
    unit: str = ""
    meaning: str = ""
    required: bool = True
    blank: bool = True


@dataclass(frozen=True)
class FileSchema:
    """One file of a market folder.

    Attributes
    ----------
    name : str
        File name without its ending.
    columns : tuple of Column
        For a wide file the first column only; the others are codes.
    key : tuple of str
        The columns that make a row unique; the first one orders the file when it is a date.
    meaning : str
        What the file says.
    cells : Column or None
        What the columns of a wide file hold; None for a long file.
    tokyo : bool
        Whether every row must lie on a session of the Tokyo market.
    sparse : bool
        Whether a session without a row is nothing to be noted.
    known_by : str
        The date column that its release rule counts from; empty for the first column.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    meaning: str
    cells: Column | None = None
    tokyo: bool = False
    sparse: bool = False
    known_by: str = ""

    @property
    def wide(self) -> bool:
        """Whether the file is date x code."""
        return self.cells is not None

    @property
    def dated(self) -> bool:
        """Whether the first column is a date."""
        return self.columns[0].kind == "date"

    @property
    def date_indexed(self) -> bool:
        """Whether a row is a day: the frame then has the dates as its index."""
        return self.key == ("date",)

    @property
    def daily(self) -> bool:
        """Whether there should be a row for every session between the first and the last."""
        return self.tokyo and self.date_indexed and not self.sparse

    def column(self, name: str) -> Column | None:
        """Return the named column, or None for one the schema does not name."""
        return next((c for c in self.columns if c.name == name), None)


DATE = Column("date", "date", blank=False)
CODE = Column("code", "text", blank=False)
_ANNOUNCED = Column("announced_date", "date", meaning="from its evening the row may be known", required=False)


def _series(name: str, unit: str, meaning: str, *, tokyo: bool = True) -> FileSchema:
    prices = (Column(n, "price", unit, required=n == "close") for n in ("open", "high", "low", "close"))
    volume = Column("volume", "amount", "as traded", required=False)
    return FileSchema(name, (DATE, *prices, volume), ("date",), meaning, tokyo=tokyo)


def _wide(name: str, kind: str, unit: str, meaning: str, sparse: bool = False) -> FileSchema:
    cells = Column("CODE", kind, unit)
    return FileSchema(name, (DATE,), ("date",), meaning, cells=cells, tokyo=True, sparse=sparse)


def _numbers(
    name: str, columns: tuple[str, ...], unit: str, meaning: str, kind: str = "number", tokyo: bool = False
) -> FileSchema:
    cells = (Column(c, kind, unit, required=False) for c in columns)
    return FileSchema(name, (DATE, *cells), ("date",), meaning, tokyo=tokyo)


def _payments(name: str, meaning: str, yen_of: str = "") -> FileSchema:
    ex_date = Column("ex_date", "date", blank=False)
    yen = Column("yen", "amount", "yen a share", f"as paid, before tax{yen_of}")
    return FileSchema(name, (ex_date, CODE, yen, _ANNOUNCED), ("ex_date", "code"), meaning)


_SUSPENSIONS = FileSchema(
    "suspensions",
    (
        CODE,
        Column("first_date", "date", meaning="first day without trading", blank=False),
        Column("last_date", "date", meaning="last one", blank=False),
        Column("source", "text", meaning="who says so", required=False),
    ),
    ("code", "first_date"),
    "days on which a stock was suspended and carries its standard price",
    known_by="last_date",  # nobody knows the end of a suspension before it
)

_FACTORS = FileSchema(
    "factors",
    (
        Column("effective_date", "text", "ISO date", "first session on which the event acts", blank=False),
        CODE,
        Column(
            "factor", "decimal", "1", "price adjustment factor, cap included; 50 / presumed par before; a/b allowed"
        ),
        Column("event", "text", meaning="one of the words below", blank=False),
        Column("announced_date", "text", "ISO date", "from its evening the event may be known", required=False),
    ),
    (),
    "the basket and its events",
)

_DIVISORS = FileSchema(
    "divisors",
    (
        Column("effective_date", "date", meaning="first session in force", blank=False),
        Column("divisor", "decimal", "1", "every decimal as published", blank=False),
        Column("note", "text", required=False),
    ),
    ("effective_date",),
    "the divisor: the first row is the start, later rows are checked against",
)

_CONSTITUENTS = FileSchema(
    "constituents",
    (
        CODE,
        Column("name", "text"),
        Column("industry", "text", required=False),
        Column("sector", "text", required=False),
        Column("size_class", "text", required=False),
    ),
    ("code",),
    "names and sectors, not dated",
)

_HALVES = FileSchema(
    "halves",
    (
        DATE,
        Column("series", "text", meaning="file name of the series", blank=False),
        Column("morning_close", "price", "as the series", "last price before lunch"),
        Column("afternoon_open", "price", "as the series", "first price after lunch"),
    ),
    ("date", "series"),
    "prices around lunch; no row on a half day",
    tokyo=True,
)

_FUTURES = FileSchema(
    "futures",
    (
        DATE,
        Column("root", "text", meaning="nikkei or topix", blank=False),
        Column(
            "contract", "text", meaning="month as 2025-12; front where the file follows the front month", blank=False
        ),
        Column("open", "price", "points", required=False),
        Column("close", "price", "points", "last price of the day session"),
        Column("night_open", "price", "points", "first price of the night booked on the date", required=False),
        Column("night_close", "price", "points", "last price of that night, before the day session", required=False),
        Column("settle", "price", "points", "settlement price; on the SQ day the final one", required=False),
        Column("volume", "amount", "contracts", required=False),
    ),
    ("date", "root", "contract"),
    "futures on the index, by contract",
    tokyo=True,
)

_UNIVERSE = FileSchema(
    "universe",
    (DATE, CODE, Column("sector", "text"), Column("segment", "text", meaning="market segment")),
    ("date", "code"),
    "listed names, in force from the date",
)

_SHARES = FileSchema(
    "shares_ffw",
    (DATE, CODE, Column("shares", "amount", "shares"), Column("ffw", "amount", "fraction", "free-float weight")),
    ("date", "code"),
    "listed shares and free float, in force from the date",
)

_FILES = (
    _wide("closes", "price", "yen", "closing price, as traded"),
    _wide("opens", "price", "yen", "opening price, as traded"),
    _wide("volumes", "amount", "shares", "shares traded"),
    _wide(
        "special_quotes",
        "price",
        "yen",
        "special quote left at the end of the day; it counts before the close; a day without one needs no row",
        sparse=True,
    ),
    _SUSPENSIONS,
    _FACTORS,
    _DIVISORS,
    _series("index", "points", "the published index that the constituents rebuild (without it, n225)"),
    _CONSTITUENTS,
    _series("n225", "points", "Nikkei 225"),
    _series("topix", "points", "TOPIX"),
    _series("nikkei_vi", "percent a year", "Nikkei 225 VI"),
    _series("etf_1321", "yen", "ETF 1321 on the Nikkei 225"),
    _series("etf_1306", "yen", "ETF 1306 on TOPIX"),
    _FUTURES,
    _series("usdjpy", "yen per US dollar", "US dollar in yen", tokyo=False),
    _series("sp500", "points", "S&P 500, by New York date", tokyo=False),
    FileSchema(
        "oil",
        (DATE, Column("close", "number", "US dollar a barrel", "was below zero once")),
        ("date",),
        "WTI oil, by New York date",
    ),
    _HALVES,
    _payments("dividends", "dividends of constituents", "; on the ex-date of a split a share as held before it"),
    _payments("distributions", "distributions of ETFs; the code is the series, as in etf_1321"),
    _numbers(
        "total_return",
        ("tr", "net_tr", "price_index"),
        "points",
        "total return index gross and net of tax, price index beside it",
        "price",
        tokyo=True,
    ),
    _numbers(
        "boj_etf_purchases",
        ("index_etf", "supportive_etf", "j_reit", "lending_etf"),
        "100 million yen",
        "purchases of the Bank of Japan; blank = none that day",
        "amount",
    ),
    _numbers("boj_assets", ("total_assets_100m_yen",), "100 million yen", "assets of the Bank of Japan", "amount"),
    _numbers("jgb_yields", ("y2", "y5", "y10", "y20", "y30"), "percent a year", "yields of government bonds"),
    _numbers(
        "gdp",
        ("gdp_bn_yen_saar",),
        "billion yen, annual rate",
        "nominal GDP, by first day of the quarter",
        "amount",
    ),
    _numbers("rates", ("rate",), "fraction a year", "short rate"),
    _numbers(
        "n225_morning_approx",
        ("am_ret_to_11h", "am_ret_to_12h"),
        "fraction",
        "approximate return of the Nikkei since the close before, from a CFD",
        tokyo=True,
    ),
    _UNIVERSE,
    _SHARES,
)

#: The ticks of one session, a file each in the folder ``ticks``, named by its day; read by themselves, in pieces.
TICKS = FileSchema(
    "ticks/DATE",
    (
        Column("time", "moment", "Japan time", "never earlier than the row before", blank=False),
        CODE,
        Column("price", "price", "yen", "of a trade", blank=False),
    ),
    (),
    "every trade of the constituents on the session DATE, as 2025-07-03",
)

#: The file that marks a folder as a sample: seed, version and planted effects.
MARKER = "synthetic.json"

#: Every file a market folder may hold, by name.
FILES: dict[str, FileSchema] = {schema.name: schema for schema in _FILES}


def readme_table() -> str:
    """Return the table of ``data/README.md``: a line for the columns of a file that are alike."""
    lines = ["| file | column | type | unit | meaning | known |", "|---|---|---|---|---|---|"]
    for schema in (*FILES.values(), TICKS):
        columns = (*schema.columns, *(() if schema.cells is None else (schema.cells,)))
        for number, (alike, group) in enumerate(groupby(columns, key=lambda c: _described(schema, c))):
            names = ", ".join(f"`{column.name}`" for column in group)
            kind, unit, meaning, known, optional = alike
            file = f"**{schema.name}**" if number == 0 else ""
            lines.append(f"| {file} | {names}{optional} | {kind} | {unit} | {meaning} | {known} |")
    return "\n".join(lines) + "\n"


def _described(schema: FileSchema, column: Column) -> tuple[str, str, str, str, str]:
    about_file = schema.meaning if column is schema.columns[0] else ""
    meaning = "; ".join(text for text in (about_file, column.meaning) if text)
    known = "" if column.kind == "date" or column.name in schema.key else release_of(schema.name, column.name)
    return column.kind, column.unit, meaning, known, "" if column.required else " (optional)"
