"""The command line: ``python -m backtests VERB``. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from backtests.version import VERSION
from indexsim.errors import SpecError, ToolError, unknown_name

if TYPE_CHECKING:
    from backtests.verbs import Answer

OK, NO, UNUSABLE, INTERRUPTED = 0, 1, 2, 130

_WORLDS = "no-cap, cap=X, cap-rule=X, split-by-divisor, equal, float, frozen, without=CODE"
_Verb = Callable[[argparse.Namespace], "tuple[Answer, int]"]


class _Parser(argparse.ArgumentParser):
    """Answer misuse with the four parts of every other error."""

    def error(self, message: str) -> NoReturn:
        raise SpecError(
            asked=f"read the command line of {self.prog}",
            found=message,
            rule="the command line is as --help says",
            todo=f"{self.prog} --help",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0 done, 1 the answer is no, 2 unusable input, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        _known_verb(arguments)
        options = _parser().parse_args(arguments)
        _writable(options.json)
        function: _Verb = options.verb_function
        answer, status = function(options)
        _publish(answer, options)
        return status
    except ToolError as error:
        return _refuse(error, arguments)
    except KeyboardInterrupt:
        print("interrupted; nothing half-written. Next: the same command again", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone: `... --json - | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _known_verb(arguments: Sequence[str]) -> None:
    verb = next((a for a in arguments if not a.startswith("-")), None)
    if arguments and arguments[0] == verb and verb not in _VERBS:
        raise unknown_name("verb", verb, _VERBS)


def _refuse(error: ToolError, arguments: Sequence[str]) -> int:
    print(f"error: {error}", file=sys.stderr)
    target = _json_target(arguments)
    if target and _has_folder(target):
        _write_json({"error": error.as_dict()}, target)
    return UNUSABLE


def _json_target(arguments: Sequence[str]) -> str | None:
    """Find the value of --json even where the command line could not be parsed."""
    for at, argument in enumerate(arguments):
        if argument == "--json" and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith("--json="):
            return argument.partition("=")[2]
    return None


def _publish(answer: Answer, options: argparse.Namespace) -> None:
    if options.json:
        _write_json(answer, options.json)
    if options.json != "-" and not options.quiet:
        from backtests.text import as_text

        print(as_text(options.verb, answer))


def _write_json(answer: dict[str, Any], target: str) -> None:
    text = json.dumps(answer, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    path = Path(target)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _writable(target: str | None) -> None:
    """Refuse an impossible --json before the work, not after it."""
    if target and not _has_folder(target):
        raise SpecError(
            asked=f"write {target}",
            found="its folder does not exist, or it is a folder itself",
            rule="--json takes a file in a folder that exists, or -",
            todo="correct the path",
        )


def _has_folder(target: str) -> bool:
    return target == "-" or (Path(target).parent.is_dir() and not Path(target).is_dir())


def _parser() -> argparse.ArgumentParser:
    everywhere = _Parser(add_help=False)
    everywhere.add_argument("--json", metavar="FILE", help="the answer as JSON; - is stdout with nothing else on it")
    everywhere.add_argument("--quiet", action="store_true", help="print no text")
    parser = _Parser(prog="python -m backtests", description="Backtests around an exact model of the Nikkei 225.")
    parser.add_argument("--version", action="version", version=VERSION)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (function, arguments, text) in _VERBS.items():
        verb = verbs.add_parser(name, parents=[everywhere], help=text, description=text)
        verb.set_defaults(verb_function=function)
        arguments(verb)
    return parser


def _demo_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", type=Path, metavar="DIR", help="where the runs go (default: reports/)")


def _list_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("what", nargs="?", default="strategies", help="strategies (default), instruments or specs")


def _describe_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name", help="a strategy or an instrument")


def _sample_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", type=Path, metavar="DIR")
    verb.add_argument("--seed", type=int, default=225)
    _date_arguments(verb, "day")
    verb.add_argument("--effect", action="append", default=[], metavar="NAME=VALUE", help="plant it (0 = none)")


def _market_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="market folder")
    verb.add_argument(
        "--market", action="append", default=[], type=Path, metavar="DIR", help="a folder layered over it"
    )


def _index_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--levels", action="store_true", help="every level beside the published one")
    verb.add_argument("--weights", type=_iso_date, metavar="DATE", help="weights at a close")
    between = ("FROM", "TO")
    verb.add_argument("--contributions", type=_iso_date, nargs=2, metavar=between, help="points between two closes")
    verb.add_argument("--exact", action="store_true", help="exit 1 if a day differs by 0.005 or more")
    verb.add_argument("--total-return", action="store_true", help="total return from dividends, against the published")
    verb.add_argument("--what-if", default="", metavar="W", help=f"difference to a counterfactual world: {_WORLDS}")


def _flows_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--assets", type=int, required=True, metavar="YEN", help="assets of the trackers")


def _review_arguments(verb: argparse.ArgumentParser) -> None:
    _market_arguments(verb)
    verb.add_argument("--at", type=_iso_date, required=True, metavar="DATE", help="base date: end of January or July")


def _run_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("spec", type=Path, metavar="SPEC", help="a TOML file; see backtests/specs")
    verb.add_argument("--market", action="append", type=Path, metavar="DIR", help="market folder; several are layered")
    setting = "a parameter of the strategy or a key of the spec"
    verb.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE", help=setting)
    _date_arguments(verb, "session traded")
    verb.add_argument("--what-if", metavar="W", help=f"trade a counterfactual world: {_WORLDS}")
    verb.add_argument("--strict", choices=("sample", "all"), help="rows of the look-ahead check")
    verb.add_argument("--waive", action="append", metavar="RULE", help="a rule that may be broken: price-as-traded")
    verb.add_argument("--out", type=Path, metavar="DIR", help="where the run goes (default: reports/)")


def _report_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dirs", nargs="+", type=Path, metavar="DIR", help="folders of runs")


def _date_arguments(verb: argparse.ArgumentParser, what: str) -> None:
    verb.add_argument("--from", dest="start", type=_iso_date, metavar="DATE", help=f"first {what}")
    verb.add_argument("--to", dest="end", type=_iso_date, metavar="DATE", help=f"last {what}")


def _iso_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2021-01-04") from error


def _folders(options: argparse.Namespace) -> list[Path]:
    return [*([options.dir] if options.dir else []), *options.market]


def _demo(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    answer = verbs.demo(options.out or verbs.REPORTS)
    return answer, NO if any(r["lookahead"]["leaks"] for r in answer["runs"]) else OK


def _list(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.listing(options.what), OK


def _describe(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.describe(options.name), OK


def _sample(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    effects = dict(_effect(text) for text in options.effect)
    return verbs.sample(options.dir, seed=options.seed, start=options.start, end=options.end, effects=effects), OK


def _effect(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, values = text.partition("=")
    try:
        return name, tuple(float(value) for value in values.split(","))
    except ValueError as error:
        raise SpecError(
            asked=f"plant the effect {text}",
            found=f"{values!r} is no number",
            rule="--effect takes NAME=NUMBER, and vi_drift three of them with commas",
            todo="correct it",
        ) from error


def _check(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    answer = verbs.check(_folders(options))
    return answer, NO if answer["errors"] else OK


def _index(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    between = tuple(options.contributions) if options.contributions else None
    answer = verbs.index(
        _folders(options),
        levels=options.levels,
        weights=options.weights,
        contributions=between,
        total_return=options.total_return,
        what_if=options.what_if,
    )
    inexact = not answer["days"] or answer["exact_days"] < answer["days"]
    return answer, NO if options.exact and inexact else OK


def _flows(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.flows(_folders(options), options.assets), OK


def _review(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.review(_folders(options), options.at), OK


def _run(options: argparse.Namespace) -> tuple[Answer, int]:
    import dataclasses

    from backtests import spec as specs
    from backtests import verbs

    spec = specs.with_settings(specs.load_spec(options.spec), options.settings)
    given = {"start": options.start, "end": options.end, "strict": options.strict, "what_if": options.what_if}
    given["market"] = tuple(options.market) if options.market else None
    given["waive"] = tuple(options.waive) if options.waive else None
    spec = dataclasses.replace(spec, **{k: v for k, v in given.items() if v is not None})
    answer = verbs.run(spec, options.out or verbs.REPORTS)
    return answer, NO if answer["lookahead"]["leaks"] else OK


def _report(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.report(options.dirs), OK


#: Verb -> what it does, its arguments, its line in --help.
_VERBS: dict[str, tuple[_Verb, Callable[[argparse.ArgumentParser], None], str]] = {
    "demo": (_demo, _demo_arguments, "write the sample market, run the shipped specs, write reports/index.html"),
    "list": (_list, _list_arguments, "list strategies, instruments or specs"),
    "describe": (_describe, _describe_arguments, "a strategy's parameters, or an instrument's terms"),
    "sample": (_sample, _sample_arguments, "write a synthetic market with known effects"),
    "check": (_check, _market_arguments, "read every file of a market and list all findings; exit 1 on an error"),
    "index": (_index, _index_arguments, "rebuild the index of a market and compare it with the published levels"),
    "flows": (_flows, _flows_arguments, "what trackers of an index must trade at each event"),
    "review": (_review, _review_arguments, "the periodic review of a market as of a base date"),
    "run": (_run, _run_arguments, "run a spec and write its report"),
    "report": (_report, _report_arguments, "draw the pages of stored runs again"),
}


if __name__ == "__main__":
    sys.exit(main())
