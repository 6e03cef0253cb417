"""The arguments of the command line: what each verb takes. Nothing heavy is imported here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

from backtests.version import REPORTS, VERSION
from indexsim.errors import SpecError, nearest, unknown_name

#: The second word of ``sweep status DIR``.
STATUS = "status"
_WORLDS = "no-cap, cap=X, cap-rule=X, split-by-divisor, equal, float, frozen, without=CODE, no-boj=ESTIMATE"


class _Parser(argparse.ArgumentParser):
    """Answer misuse with the four parts of every other error."""

    def error(self, message: str) -> NoReturn:
        raise SpecError(
            asked=f"read the command line of {self.prog}",
            found=message,
            rule="the command line is as --help says",
            todo=f"{self.prog} --help",
        )


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; ``verb`` of the result names the verb.

    Raises
    ------
    SpecError
        For a verb, an option or a value that cannot be used, with the nearest name where one is near.
    """
    arguments = _joined(arguments)
    _known_verb(arguments)
    options, rest = _parser().parse_known_args(arguments)
    if rest:
        raise _unknown_arguments(options, rest)
    return options


def _joined(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a verb of two words, ``sweep status``, as one."""
    first, second, *rest = [*arguments[:3], "", ""]
    if first != "sweep" or second.startswith("-"):
        return list(arguments)
    if second != STATUS and rest[0] and not rest[0].startswith("-") and nearest(second, [STATUS]).startswith("did"):
        raise unknown_name("word after sweep", second, [STATUS])
    return [f"sweep {STATUS}", *arguments[2:]] if second == STATUS else list(arguments)


def _known_verb(arguments: Sequence[str]) -> None:
    verb = next((a for a in arguments if not a.startswith("-")), None)
    if arguments and arguments[0] == verb and verb not in VERBS:
        raise unknown_name("verb", verb, VERBS)


def _unknown_arguments(options: argparse.Namespace, rest: Sequence[str]) -> SpecError:
    """Return the error for arguments that no one takes, with the nearest option of the verb."""
    help_ = f"python -m backtests {options.verb} --help"
    wrong = next((text for text in rest if text.startswith("--")), "")
    hint = nearest(wrong.partition("=")[0], options.known_options) if wrong else help_
    return SpecError(
        asked=f"read the command line of python -m backtests {options.verb}",
        found=f"unrecognized arguments: {' '.join(rest)}",
        rule="the command line is as --help says",
        todo=hint if hint.startswith("did you mean") else help_,
    )


def _parser() -> argparse.ArgumentParser:
    everywhere = _Parser(add_help=False)
    everywhere.add_argument("--json", metavar="FILE", help="the answer as JSON; - is stdout with nothing else on it")
    everywhere.add_argument("--quiet", action="store_true", help="print no text")
    parser = _Parser(prog="python -m backtests", description="Backtests around an exact model of the Nikkei 225.")
    parser.add_argument("--version", action="version", version=VERSION)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (arguments, text) in VERBS.items():
        verb = verbs.add_parser(name, parents=[everywhere], help=text, description=text)
        arguments(verb)
        verb.set_defaults(known_options=re.findall(r"--[a-z][a-z-]*", verb.format_usage()))
    return parser


def _demo_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", type=Path, metavar="DIR", help="where the runs go (default: reports/)")


def _list_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "what",
        nargs="?",
        metavar="WHAT",
        default="strategies",
        help="strategies (default), instruments, specs or claims",
    )


def _describe_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name", metavar="NAME", help="a strategy, an instrument or a claim (S001-07)")


def _sample_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", type=Path, metavar="DIR", help="folder to write; made if need be")
    verb.add_argument("--seed", type=int, default=225, metavar="N", help="of its random numbers (default: 225)")
    _date_arguments(verb, "day")
    effect = "boj_afternoon_bp, split_bp, review_bp, yen_beta or vi_drift (three numbers); 0 plants none; repeatable"
    verb.add_argument("--effect", action="append", default=[], metavar="NAME=VALUE", help=effect)


def _market_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="market folder")
    verb.add_argument(
        "--market", action="append", default=[], type=Path, metavar="DIR", help="a folder layered over it"
    )


def _data_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dirs", nargs="+", type=Path, metavar="DIR", help="market folder; several are layered")
    verb.add_argument("--constituents", type=Path, metavar="DIR", help="single stocks, which some claims read")


def _convert_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", type=Path, metavar="DIR", help="market folder")
    verb.add_argument("--to", required=True, metavar="FORMAT", help="csv or parquet")
    verb.add_argument("--out", type=Path, metavar="DIR2", help="a new folder (default: DIR itself is changed)")


def _merge_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dirs", nargs="+", type=Path, metavar="DIR", help="folders; a later one wins by whole file")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR2", help="a new folder")
    verb.add_argument("--rows", action="store_true", help="join the rows of the files of one name instead")
    both = "with --rows, first or last: whose value counts where two differ (default: nothing is written then)"
    verb.add_argument("--prefer", default="", metavar="WHICH", help=both)


def _cut_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", type=Path, metavar="DIR", help="market folder")
    _date_arguments(verb, "day")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR2", help="a new folder")


def _history_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    a_list = "a list of factors, with its day where the file does not say it; twice or more"
    verb.add_argument("--factors", action="append", nargs="+", required=True, metavar=("LIST", "DATE"), help=a_list)
    uses = "check what is found against data/facts (default), take them as a source where it is open, or no"
    verb.add_argument("--facts", default="check", metavar="USE", help=uses)
    verb.add_argument("--out", type=Path, metavar="DIR2", help="market folder that gets factors and divisors")


def _index_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--levels", action="store_true", help="every level beside the published one")
    verb.add_argument("--weights", type=_iso_date, metavar="DATE", help="weights at a close")
    between = ("FROM", "TO")
    verb.add_argument("--contributions", type=_iso_date, nargs=2, metavar=between, help="points between two closes")
    verb.add_argument("--exact", action="store_true", help="exit 1 if a day differs by 0.005 or more")
    verb.add_argument("--sectors", action="store_true", help="weight, names and points of each sector at a close")
    verb.add_argument("--concentration", action="store_true", help="top ten and effective number of names at a close")
    verb.add_argument("--points", nargs="+", default=[], metavar="CODE", help="points of +1 %% of these stocks")
    verb.add_argument("--on", type=_iso_date, metavar="DATE", help="the close of these three (default: the last one)")
    verb.add_argument("--sq", action="store_true", help="special quotations from first prices, beside the open")
    verb.add_argument("--compare", action="store_true", help="the Nikkei beside TOPIX: NT ratio, count, volatility")
    verb.add_argument("--carry", action="store_true", help="how far the carry model is from the futures' closes")
    verb.add_argument("--total-return", action="store_true", help="total return from dividends, against the published")
    verb.add_argument("--ticks", type=_iso_date, metavar="DATE", help="replay the ticks of a session (ticks/DATE)")
    verb.add_argument(
        "--ticks-out", type=Path, metavar="FILE", help="with --ticks, the level at each time, .csv or .parquet"
    )
    _waive_argument(verb)
    verb.add_argument("--what-if", default="", metavar="W", help=f"difference to a counterfactual world: {_WORLDS}")
    page = "also write the page of the index (default: into reports/index)"
    verb.add_argument("--report", nargs="?", type=Path, const=REPORTS / "index", metavar="OUT", help=page)
    trackers = "assets of the trackers whose trades the page lists"
    verb.add_argument("--assets", type=_whole_yen, metavar="YEN", help=trackers)


def _import_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders of them")
    verb.add_argument("--into", type=Path, required=True, metavar="DIR", help="market folder; made if need be")
    kind = "what a file is where its content alone does not say: KIND, or NAME=KIND (repeatable)"
    verb.add_argument("--as", dest="kinds", action="append", default=[], metavar="KIND", help=kind)
    back = "bring split-adjusted prices and dividends back to what was traded and paid"
    verb.add_argument("--unadjust", action="store_true", help=back)
    table = "a table of splits (ex_date, code, ratio) beside those of data/facts"
    verb.add_argument("--splits", type=Path, metavar="FILE", help=table)
    upto = "day up to which the sources adjust (default: their volumes tell)"
    verb.add_argument("--adjusted-to", type=_iso_date, metavar="DATE", help=upto)


def _flows_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--assets", type=_whole_yen, required=True, metavar="YEN", help="assets of the trackers")


def _review_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--at", type=_iso_date, required=True, metavar="DATE", help="base date: end of January or July")
    verb.add_argument("--next", action="store_true", help="candidates of the next review as of DATE, any day")
    verb.add_argument("--history", action="store_true", help="how many past changes the rules would have named")


def _spec_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("spec", type=Path, metavar="SPEC", help="a TOML file; see backtests/specs")
    verb.add_argument("--market", action="append", type=Path, metavar="DIR", help="market folder; several are layered")
    setting = "a parameter of the strategy or a key of the spec"
    verb.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE", help=setting)
    _date_arguments(verb, "session traded")
    verb.add_argument("--what-if", metavar="W", help=f"trade a counterfactual world: {_WORLDS}")
    _waive_argument(verb)


def _waive_argument(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--waive", action="append", metavar="RULE", help="a rule of the gate that may be broken")


def _run_arguments(verb: argparse.ArgumentParser) -> None:
    _spec_arguments(verb)
    verb.add_argument("--strict", choices=("sample", "all"), help="rows of the look-ahead check")
    _pdf_argument(verb)
    verb.add_argument("--out", type=Path, metavar="DIR", help="where the run goes (default: reports/)")


def _sweep_arguments(verb: argparse.ArgumentParser) -> None:
    _spec_arguments(verb)
    verb.add_argument("--jobs", type=int, metavar="N", help="workers (default: one for each processor)")
    place = "serial, local (processes of this machine, default) or dask (a cluster)"
    verb.add_argument("--executor", default="local", metavar="NAME", help=place)
    running = "a running scheduler of dask, tcp://host:port (default: workers are started here)"
    verb.add_argument("--scheduler", metavar="ADDR", help=running)
    stops = "stop after 90 (seconds), 30s, 10m or 2h; the same command resumes"
    verb.add_argument("--budget", type=_seconds, metavar="TIME", help=stops)
    verb.add_argument("--top", type=int, default=0, metavar="K", help="full reports of the K best and of the median")
    verb.add_argument("--out", type=Path, metavar="DIR", help="where the sweep's folder goes (default: reports/)")
    verb.epilog = (
        f"SPEC holds a table [sweep]; see backtests/specs/sweeps. What is stored already is not computed again. "
        f"How far a sweep is, from another shell: python -m backtests sweep {STATUS} DIR. "
        f"A spec that is called {STATUS} is ./{STATUS}."
    )


def _status_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", type=Path, metavar="DIR", help="folder of the sweep, as it is named when the sweep begins")


def _report_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dirs", nargs="+", type=Path, metavar="DIR", help="folders of runs, sweeps, claims and indexes")
    _pdf_argument(verb)
    verb.add_argument("--compare", action="store_true", help="one page with all of them side by side instead")
    where = "where the comparison goes (default: beside the first run)"
    verb.add_argument("--out", type=Path, metavar="DIR", help=where)


def _pdf_argument(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--pdf", action="store_true", help="also the page as PDF, beside it (extra pdf)")


def _verify_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", type=Path, metavar="DIR", help="folder of a run")
    moved = "where its data lie, if not where its spec says; several are layered"
    verb.add_argument("--market", action="append", default=[], type=Path, metavar="DIR", help=moved)


def _attack_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", type=Path, metavar="DIR", help="folder of a run; its page gets the table")
    other = "another source to run its spec on; several are layered"
    verb.add_argument("--market", action="append", default=[], type=Path, metavar="DIR", help=other)
    verb.add_argument("--what-if", default="", metavar="W", help=f"a world to run its spec in: {_WORLDS}")


def _claims_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--constituents", type=Path, metavar="DIR", help="prices, splits and dividends of single stocks")
    page = "also write the page of all claims (default: into reports/claims)"
    verb.add_argument("--report", nargs="?", type=Path, const=REPORTS / "claims", metavar="DIR", help=page)


def _drivers_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--of", default="n225", metavar="SERIES", help="whose returns (default: n225)")
    verb.add_argument("--run", type=Path, metavar="DIR", help="those of a stored run instead")
    verb.add_argument(
        "--driver", action="append", default=[], metavar="NAME", help="only these (default: all there are)"
    )
    verb.add_argument("--step", type=int, default=5, metavar="N", help="sessions of an observation (default: 5)")
    verb.add_argument("--ahead", type=int, default=0, metavar="N", help="1: do they foretell the next observation?")
    verb.add_argument("--window", type=int, default=0, metavar="N", help="also rolling fits over N observations")


def _vehicles_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument(
        "--share", type=float, default=1.0, metavar="X", help="exposure as a share of equity (default: 1)"
    )
    verb.add_argument("--cash", type=int, default=50_000_000, metavar="YEN", help="at the start (default: 50 million)")
    _date_arguments(verb, "session")


def _fetch_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("source", metavar="SOURCE", help="nikkei, fred, stooq, yahoo, boj or jquants")
    verb.add_argument("--into", type=Path, required=True, metavar="DIR", help="market folder, made if need be")
    names = "series or codes, as n225 or 7203; codes stands for those of its closes (default: all series)"
    verb.add_argument("--series", nargs="+", default=[], metavar="NAME", help=names)
    since = "first day (default: the last one the folder knows of each series)"
    verb.add_argument("--since", type=_iso_date, metavar="DATE", help=since)
    differ = "a series that differs from the folder's: leave it as it is (default), keep what differs, or take it"
    verb.add_argument("--on-conflict", default="leave", metavar="HOW", help=differ)


def _date_arguments(verb: argparse.ArgumentParser, what: str) -> None:
    verb.add_argument("--from", dest="start", type=_iso_date, metavar="DATE", help=f"first {what}")
    verb.add_argument("--to", dest="end", type=_iso_date, metavar="DATE", help=f"last {what}")


def as_date(text: str, asked: str) -> date:
    """Return an ISO day of the command line, or refuse it."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SpecError(
            asked=asked, found=f"{text!r} is no date", rule="a day is written like 2021-01-04", todo="correct it"
        ) from error


def _whole_yen(text: str) -> int:
    try:
        yen = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount like 35000000000000 or 35e12") from error
    if yen != yen.to_integral_value() or yen <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of yen above zero")
    return int(yen)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found or not (seconds := float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 90, 30s, 10m or 2h")
    return seconds


def _iso_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2021-01-04") from error


#: Verb -> its arguments, its line in --help.
VERBS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "demo": (_demo_arguments, "the sample market, the shipped specs, its claims and index; writes reports/index.html"),
    "list": (_list_arguments, "list strategies, instruments, specs or claims"),
    "describe": (_describe_arguments, "a strategy's parameters, an instrument's terms, or a claim and its test"),
    "sample": (_sample_arguments, "write a synthetic market with known effects"),
    "import": (_import_arguments, "files of publishers, vendors and your own into a market folder"),
    "fetch": (_fetch_arguments, "add new sessions from a source of real data to a market folder"),
    "check": (_market_arguments, "read every file of a market and list all findings; exit 1 on an error"),
    "data": (_data_arguments, "what a market can run: each strategy, spec and claim, with what is missing"),
    "convert": (_convert_arguments, "write a market folder as CSV or as Parquet"),
    "merge": (_merge_arguments, "write several market folders as one, by whole file or by rows"),
    "cut": (_cut_arguments, "write a market from a day to a day; its index stays what it was"),
    "history": (_history_arguments, "infer the events between official lists of factors of two dates or more"),
    "index": (_index_arguments, "rebuild the index of a market and compare it with the published levels"),
    "flows": (_flows_arguments, "what trackers of an index must trade at each event"),
    "review": (_review_arguments, "the periodic review of a market as of a base date"),
    "boj": (_market_arguments, "the Bank of Japan as a buyer of funds: when, what, how much, with what effect"),
    "drivers": (_drivers_arguments, "regress returns on the dollar, oil, yields, ...; attribute them"),
    "vehicles": (_vehicles_arguments, "one exposure through fund, futures and CFDs; ruin by leverage and time"),
    "claims": (_claims_arguments, "judge every assertion of the seeds on the data given"),
    "run": (_run_arguments, "run a spec and write its report"),
    "lookahead": (_spec_arguments, "try every look-ahead test on a spec, every row; exit 1 on a leak"),
    "sweep": (_sweep_arguments, "run every trial of a spec's [sweep], and say how much of the best is luck"),
    f"sweep {STATUS}": (_status_arguments, "how far a sweep is, from any shell, while it runs or not"),
    "report": (_report_arguments, "draw stored pages again, from what lies in their folders"),
    "verify": (_verify_arguments, "repeat a report from its own spec; exit 1 if a byte differs, 2 without its data"),
    "attack": (_attack_arguments, "what breaks a report: delayed, dearer, without its best days, on other dates, ..."),
}
