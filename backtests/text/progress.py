"""What happens during a long verb, told on stderr: in place on a terminal, a few lines elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from backtests.sweeps.progress import Passing

#: Seconds between two lines of progress where they cannot be rewritten.
EVERY = 2.0


@contextmanager
def telling(stream: TextIO, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> Iterator[Teller]:
    """Yield what tells lines, and leave the stream at the beginning of a line."""
    teller = Teller(stream, quiet, clock)
    try:
        yield teller
    finally:
        teller.end()


class Teller:
    """Writes lines to a stream; one that is `Passing` is rewritten on a terminal, and rare elsewhere.

    Parameters
    ----------
    stream : file
    quiet : bool
        Write nothing.
    clock : callable
        Seconds, from any beginning.

    Examples
    --------
    >>> import sys
    >>> tell = Teller(sys.stdout, clock=lambda: 0.0)
    >>> tell(Passing("1 of 3"))
    >>> tell("a worker died")
    a worker died
    """

    def __init__(self, stream: TextIO, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._quiet, self._clock = stream, quiet, clock
        self._in_place = stream.isatty()
        self._last, self._open = clock(), False

    def __call__(self, line: str) -> None:
        if self._quiet:
            return
        if self._in_place:
            self._rewrite(line)
        elif not isinstance(line, Passing) or self._clock() - self._last >= EVERY:
            self._last = self._clock()
            self._write(f"{line}\n")

    def _rewrite(self, line: str) -> None:
        passing = isinstance(line, Passing)
        shown = line[: shutil.get_terminal_size().columns - 1] if passing else line
        self._write(f"\r\x1b[K{shown}" + "\n" * (not passing))
        self._open = passing

    def end(self) -> None:
        """End the line that is being rewritten."""
        if self._open:
            self._write("\n")
            self._open = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
