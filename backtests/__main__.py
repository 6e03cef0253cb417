"""The command line: ``python -m backtests VERB``. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtests.arguments import STATUS, as_date, read
from backtests.startup import unhurried_collection
from indexsim.errors import SpecError, ToolError

if TYPE_CHECKING:
    from backtests.spec import Spec
    from backtests.verbs import Answer

OK, NO, UNUSABLE, INTERRUPTED = 0, 1, 2, 130

_Verb = Callable[[argparse.Namespace], "tuple[Answer, int]"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0 done, 1 the answer is no, 2 unusable input, 130 interrupted."""
    unhurried_collection()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        options = read(arguments)
        _writable(options.json)
        answer, status = _VERBS[options.verb](options)
        _publish(answer, options)
        return status
    except ToolError as error:
        return _refuse(error, arguments)
    except KeyboardInterrupt as interrupt:
        kept = "interrupted; nothing half-written. Next: the same command again"
        print(str(interrupt) or kept, file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone: `... --json - | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


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
    from backtests.sweeps.lock import as_json, whole

    if target == "-":
        sys.stdout.write(as_json(answer))
        sys.stdout.flush()
        return
    with whole(Path(target)) as file:
        file.write(as_json(answer).encode())


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


def _fetch(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs
    from backtests.text.progress import telling

    with telling(sys.stderr, options.quiet) as tell:
        how = {"series": options.series, "since": options.since, "on_conflict": options.on_conflict, "tell": tell}
        answer = verbs.fetch(options.source, options.into, **how)
    return answer, NO if answer["conflicts"] and options.on_conflict == "leave" else OK


def _data(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.data(options.dirs, constituents=options.constituents), OK


def _convert(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.convert(options.dir, options.to, out=options.out), OK


def _merge(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    answer = verbs.merge(options.dirs, options.out, rows=options.rows, prefer=options.prefer)
    return answer, OK if answer["path"] else NO


def _cut(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.cut(options.dir, options.out, start=options.start, end=options.end), OK


def _history(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    lists = [_dated_list(words) for words in options.factors]
    answer = verbs.history(_folders(options), lists, facts=options.facts, out=options.out)
    return answer, NO if answer["ambiguous"] else OK


def _dated_list(words: Sequence[str]) -> tuple[Path, date | None]:
    asked = f"read --factors {' '.join(words)}"
    if len(words) > 2:
        found, rule = f"{len(words)} words", "--factors takes a list, and its day where the file does not say it"
        raise SpecError(asked=asked, found=found, rule=rule, todo="write --factors before each list")
    return Path(words[0]), as_date(words[1], asked) if words[1:] else None


def _index(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    _refuse_swallowed(options)
    between = tuple(options.contributions) if options.contributions else None
    answer = verbs.index(
        _folders(options),
        levels=options.levels,
        weights=options.weights,
        contributions=between,
        on=options.on,
        sectors=options.sectors,
        concentration=options.concentration,
        points=options.points,
        sq=options.sq,
        compare=options.compare,
        carry=options.carry,
        total_return=options.total_return,
        what_if=options.what_if,
        ticks=options.ticks,
        ticks_out=options.ticks_out,
        waive=options.waive or (),
        report=options.report,
        assets=options.assets,
    )
    inexact = options.exact and (not answer["days"] or answer["exact_days"] < answer["days"])
    return answer, NO if inexact or answer.get("ticks", {}).get("findings") else OK


def _refuse_swallowed(options: argparse.Namespace) -> None:
    """Refuse ``--points CODE DIR``: the codes end where the command line does."""
    if options.points and not _folders(options):
        raise SpecError(
            asked="read the command line of python -m backtests index",
            found=f"no folder; --points took {', '.join(options.points)}",
            rule="DIR stands before --points, which takes every word up to the next option",
            todo="python -m backtests index DIR --points CODE",
        )


def _import(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    how = {"unadjust": options.unadjust, "splits": options.splits, "adjusted_to": options.adjusted_to}
    return verbs.import_files(options.paths, options.into, kinds=options.kinds, **how), OK


def _flows(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.flows(_folders(options), options.assets), OK


def _boj(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.bank(_folders(options)), OK


def _claims(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.claims(_folders(options), constituents=options.constituents, report=options.report), OK


def _drivers(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    how = {"of": options.of, "names": options.driver, "run": options.run}
    how |= {"step": options.step, "ahead": options.ahead, "window": options.window}
    return verbs.drivers(_folders(options), **how), OK


def _vehicles(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    how = {"share": options.share, "cash": options.cash, "start": options.start, "end": options.end}
    return verbs.vehicles(_folders(options), **how), OK


def _review(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.review(_folders(options), options.at, ahead=options.next, history=options.history), OK


def _spec(options: argparse.Namespace, **given: Any) -> Spec:
    """Return the spec that the command line names, with what it changes."""
    import dataclasses

    from backtests import spec as specs

    spec = specs.with_settings(specs.load_spec(options.spec), options.settings)
    given |= {"start": options.start, "end": options.end, "what_if": options.what_if}
    given["market"] = tuple(options.market) if options.market else None
    given["waive"] = tuple(options.waive) if options.waive else None
    return dataclasses.replace(spec, **{k: v for k, v in given.items() if v is not None})


def _run(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    answer = verbs.run(_spec(options, strict=options.strict), options.out or verbs.REPORTS, pdf=options.pdf)
    return answer, NO if answer["lookahead"]["leaks"] else OK


def _sweep(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs
    from backtests.text.progress import telling

    how = {name: getattr(options, name) for name in ("executor", "jobs", "scheduler", "budget", "top")}
    how |= {"start": options.start, "end": options.end, "what_if": options.what_if, "waive": options.waive}
    with telling(sys.stderr, options.quiet) as tell:
        out, changed = options.out or verbs.REPORTS, options.settings
        answer = verbs.sweep(options.spec, out, settings=changed, market=options.market, tell=tell, **how)
    if not answer["finished"]:
        return answer, INTERRUPTED
    return answer, OK if answer["parity"]["equal"] and not answer["lookahead"]["leaks"] else NO


def _sweep_status(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    return verbs.sweep_status(options.dir), OK


def _lookahead(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    answer = verbs.lookahead(_spec(options))
    return answer, NO if answer["leaks"] else OK


def _report(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    _refuse_idle(options)
    if options.compare:
        return verbs.compare(options.dirs, options.out), OK
    return verbs.report(options.dirs, pdf=options.pdf), OK


def _refuse_idle(options: argparse.Namespace) -> None:
    """Refuse ``--out`` where pages are drawn again, for they stay where they are, and a comparison as PDF at once."""
    if options.compare and options.pdf:
        raise SpecError(
            asked="compare runs as PDF",
            found="--compare and --pdf",
            rule="a comparison is written first, and drawn as PDF like any other page",
            todo="report --compare RUN RUN2, then report --pdf on the folder it names",
        )
    if options.out and not options.compare:
        raise SpecError(
            asked=f"draw pages into {options.out}",
            found="no --compare",
            rule="a page is drawn again in the folder of its run; --out is where a comparison goes",
            todo="leave --out away, or add --compare",
        )


def _verify(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs

    answer = verbs.verify(options.dir, options.market)
    return answer, NO if answer["differs"] else OK


def _attack(options: argparse.Namespace) -> tuple[Answer, int]:
    from backtests import verbs
    from backtests.text.progress import telling

    with telling(sys.stderr, options.quiet) as tell:
        return verbs.attack(options.dir, options.market, options.what_if, tell), OK


#: Verb -> what answers it.
_VERBS: dict[str, _Verb] = {
    "demo": _demo,
    "list": _list,
    "describe": _describe,
    "sample": _sample,
    "check": _check,
    "fetch": _fetch,
    "data": _data,
    "convert": _convert,
    "merge": _merge,
    "cut": _cut,
    "history": _history,
    "index": _index,
    "import": _import,
    "flows": _flows,
    "boj": _boj,
    "claims": _claims,
    "drivers": _drivers,
    "vehicles": _vehicles,
    "review": _review,
    "run": _run,
    "sweep": _sweep,
    f"sweep {STATUS}": _sweep_status,
    "lookahead": _lookahead,
    "report": _report,
    "verify": _verify,
    "attack": _attack,
}


if __name__ == "__main__":
    sys.exit(main())
