"""The errors of the tool: one small tree, every error carrying its values in four parts.

Asked, found, rule, next: what the caller wanted, what stood in the way, the rule or bound
that was broken, and what to do about it. The command line prints them; with ``--json`` it
writes the same four parts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


class ToolError(Exception):
    """Refuse an input, saying what was asked, what was found, the rule and what to do next.

    Parameters
    ----------
    asked, found, rule, todo : str
        The four parts, each one sentence or less. `todo` is called ``next`` in JSON.
    """

    def __init__(self, *, asked: str, found: str, rule: str, todo: str) -> None:
        super().__init__(f"{asked}: {found}. Rule: {rule}. Next: {todo}" + "." * (not todo.endswith("?")))
        self.asked, self.found, self.rule, self.todo = asked, found, rule, todo

    def as_dict(self) -> dict[str, str]:
        """Return the four parts under the names the JSON answers use."""
        return {"asked": self.asked, "found": self.found, "rule": self.rule, "next": self.todo}

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes: a worker's error is that of the sweep."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[ToolError], args: tuple[Any, ...], state: dict[str, Any]) -> ToolError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class EventError(ToolError):
    """An event that cannot be applied: absent code, wrong order, impossible factor."""


class SpecError(ToolError):
    """A spec, a parameter or a command line that cannot be used."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> SpecError:
    """Return the error for a name that does not exist, with the nearest one that does.

    Examples
    --------
    >>> print(unknown_name("leg", "nikei", ["nikkei", "topix"]))
    use the leg 'nikei': there is no such leg. Rule: nikkei, topix exist. Next: did you mean 'nikkei'?
    """
    options = sorted(known)
    rule = f"{', '.join(options)} exist" if options else f"no {what} is known here"
    hint = nearest(name, options)
    todo = hint if hint.startswith("did you mean") else "choose one of these"
    return SpecError(asked=f"use the {what} {name!r}", found=f"there is no such {what}", rule=rule, todo=todo)


class MissingData(ToolError):  # noqa: N818 (it reads as what it says: there is no such data)
    """A series, column or span that the market does not hold and a command needs."""


class LedgerError(ToolError):
    """Books that do not reconcile: always a defect of the tool, never of the data."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing the gate found in a market folder.

    Attributes
    ----------
    file : str
        File name inside the folder, e.g. ``closes.csv``.
    row : str
        The row as a reader would look for it: an ISO date, or ``line 12``; empty for the whole file.
    column : str
        Column name; empty for the whole row.
    rule : str
        Name of the broken rule, e.g. ``price-is-a-number``; ``--waive`` takes these names.
    found : str
        What stands there, and what should.
    severity : str
        ``error`` (a run refuses) or ``warning`` (left out or noted, and shown).
    waivable : bool
        Whether ``--waive RULE`` lets a run pass over it.
    """

    file: str
    row: str
    column: str
    rule: str
    found: str
    severity: str = "error"
    waivable: bool = False

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.row, self.column) if part)
        return f"{where}: {self.found} [{self.rule}]"

    def as_dict(self) -> dict[str, object]:
        """Return the finding as plain JSON values."""
        return asdict(self)


class DataError(ToolError):
    """A market folder that says something impossible.

    Parameters
    ----------
    findings : sequence of Finding
        At least one; the message shows the first five and counts the rest.
    asked : str
        What the caller wanted from the folder.
    todo : str, optional
        What to do next, where it is more than to correct the file.
    """

    def __init__(self, findings: Sequence[Finding], asked: str = "read the market folder", todo: str = "") -> None:
        self.findings = tuple(findings)
        shown = "; ".join(str(f) for f in self.findings[:5])
        more = f" (and {len(self.findings) - 5} more)" if len(self.findings) > 5 else ""
        super().__init__(
            asked=asked,
            found=shown + more,
            rule=", ".join(sorted({f.rule for f in self.findings})),
            todo=todo or "correct the file; `python -m backtests check DIR` lists every finding",
        )


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names come closest to a misspelt one, as the end of a sentence.

    Examples
    --------
    >>> nearest("nikei", ["nikkei", "topix"])
    "did you mean 'nikkei'?"
    >>> nearest("zzz", ["nikkei", "topix"])
    'choose one of nikkei, topix'
    """
    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1)
    return f"did you mean {close[0]!r}?" if close else "choose one of " + ", ".join(options)
