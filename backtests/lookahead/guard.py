"""Lines that cannot be read ahead: for users who write a plain `backtrader.Strategy`.

backtrader reads ``close[1]`` from tomorrow where the bars were loaded beforehand, and ``close[-1]`` on
the first bar from the last one: an index before the beginning wraps around. A guarded line raises
instead. It works on any feed and under any setting of `preload` and `runonce`::

    cerebro.adddata(guarded(feed))               # a feed: every line of it but the clock
    class Mine(GuardedLines, backtrader.Strategy)  # its feeds and its indicators as well
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from indexsim.errors import ToolError

#: Not guarded: the calendar is known in advance, and backtrader itself looks one bar ahead on it.
CLOCK = "datetime"

Lines = TypeVar("Lines")


class LookAheadError(ToolError):
    """A strategy that reaches for what it cannot know, or for what could carry it past the market's door."""


def guarded(lines: Lines) -> Lines:
    """Guard every line of a feed or an indicator, in place, and return it.

    Reading ``line[1]`` (or ``line.get(1)``, ``line(1)``) or an index before the first bar raises
    `LookAheadError`, naming the line and the index. What cannot be guarded is the buffer itself
    (``line.array``): it holds the future where the bars are preloaded, and nothing of it with
    ``Cerebro(preload=False)``.

    Parameters
    ----------
    lines : a feed, an indicator or anything else with backtrader's lines

    Examples
    --------
    >>> import backtrader
    >>> feed = guarded(backtrader.feed.DataBase())
    >>> type(feed.close).__name__
    'GuardedLineBuffer'
    """
    of: Any = lines
    for name, line in _named(of):
        if name != CLOCK and not hasattr(line, "guarded_as"):
            kind: Any = type(line)
            line.__class__ = _guarded_class(kind)
            line.guarded_as = name
    return lines


def _named(lines: Any) -> Iterator[tuple[str, Any]]:
    """Yield the lines with their names; an indicator that is its own single line gives that."""
    buffers = list(lines.lines)
    names = list(lines.getlinealiases()) if hasattr(lines, "getlinealiases") else []
    names += [f"line {i}" for i in range(len(names), len(buffers))]
    yield from zip(names, buffers, strict=False)


class GuardedLines:
    """Mixed into a `backtrader.Strategy`, before it: guards its feeds and indicators when the run starts.

    ``__init__`` runs before that. Guard the feed itself where it reads prices there.
    """

    def start(self) -> None:
        """Guard every line, then start as the strategy does."""
        of: Any = self
        for feed in of.datas:
            guarded(feed)
        for indicator in _indicators(of):
            guarded(indicator)
        up: Any = super()
        up.start()


def _indicators(of: Any) -> Iterator[Any]:
    for indicator in of.getindicators():
        yield indicator
        yield from _indicators(indicator)


@cache
def _guarded_class(line: type) -> type:
    """Return a line's class with the door closed on both sides of what is known."""
    base: Any = line

    class Guarded(base):  # type: ignore[misc]
        def __getitem__(self, ago: int) -> Any:
            if ago > 0 or ago <= -self.lencount:
                raise _refused(self, f"[{ago}]", ago)
            return base.__getitem__(self, ago)

        def get(self, ago: int = 0, size: int = 1) -> Any:
            if ago > 0:
                raise _refused(self, f".get(ago={ago}, size={size})", ago)
            return base.get(self, ago, size)

        def __call__(self, ago: Any = None) -> Any:
            if isinstance(ago, int) and ago > 0:
                raise _refused(self, f"({ago})", ago)
            return base.__call__(self, ago)

    Guarded.__name__ = Guarded.__qualname__ = f"Guarded{line.__name__}"
    return Guarded


def _refused(line: Any, access: str, ago: int) -> LookAheadError:
    bars = len(line)
    found = f"it lies {ago} bar{'s' if ago > 1 else ''} in the future" if ago > 0 else f"there are {bars} bars so far"
    return LookAheadError(
        asked=f"read {line.guarded_as}{access}",
        found=found,
        rule="a bar may read itself, [0], and the bars before it, down to the first one",
        todo="decide on what is known; ask for len(self) bars, or addminperiod, before reading back",
    )
