"""What a source answered: bytes to text, a page instead of data, an answer that breaks off."""

from __future__ import annotations

import json
import re
from typing import Any

from indexsim.errors import ToolError

#: Characters of an answer that an error shows.
SHOWN = 120
#: Encodings of the publishers, in the order tried: Japanese ones still write Shift_JIS.
ENCODINGS = ("utf-8-sig", "cp932")
_TAG = re.compile(r"<[^>]*>")


class SourceError(ToolError):
    """A source that does not give what was asked, or gives something else."""


class NoAnswer(SourceError):  # noqa: N818 (it reads as what it says)
    """A source that cannot be reached, or asks to wait: what it gave so far is worth keeping."""


class BrokenOff(SourceError):  # noqa: N818 (it reads as what it says: the answer is broken off)
    """An answer whose end is missing: worth another try."""


def text_of(body: bytes, asked: str, encodings: tuple[str, ...] = ENCODINGS) -> str:
    r"""Return an answer as text.

    Parameters
    ----------
    body : bytes
    asked : str
        What was asked for, for the error.
    encodings : tuple of str
        Tried in this order.

    Raises
    ------
    SourceError
        The bytes are text in none of the encodings, or the text is a page.

    Examples
    --------
    >>> text_of("日付,終値\n".encode("cp932"), "the index")
    '日付,終値\n'
    """
    for encoding in encodings:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return _no_page(text, asked)
    raise SourceError(
        asked=asked,
        found=f"bytes that are no text in {' or '.join(encodings)}, beginning {body[:12]!r}",
        rule="an answer is text in an encoding that the publisher is known to use",
        todo="open the address in a browser; the source may have changed its format",
    )


def first_words(text: str) -> str:
    """Return the beginning of an answer in one line, without its markup.

    Examples
    --------
    >>> first_words("<html><body><h1>Sorry</h1> try\\n later</body></html>")
    'Sorry try later'
    """
    words = " ".join(_TAG.sub(" ", text).split()) or " ".join(text.split())
    return words[:SHOWN] + "..." * (len(words) > SHOWN)


def json_of(body: bytes, asked: str) -> Any:
    """Return an answer in JSON.

    Raises
    ------
    SourceError
        It is something else.
    BrokenOff
        It begins as JSON and does not end so.
    """
    text = text_of(body, asked, ENCODINGS[:1])
    try:
        return json.loads(text)
    except ValueError:
        if text.lstrip().startswith(("{", "[")):
            found = f"JSON that breaks off after {len(body)} bytes"
            raise BrokenOff(asked=asked, found=found, rule="an answer is whole", todo="try again later") from None
        raise refused(asked, text, "the answer is JSON") from None


def refused(asked: str, text: str, rule: str, todo: str = "open the address in a browser, or try later") -> SourceError:
    """Return the error for an answer that is not what was asked, with its first words."""
    said = first_words(text)
    return SourceError(asked=asked, found=f"it answered {said!r}" if said else "an empty answer", rule=rule, todo=todo)


def _no_page(text: str, asked: str) -> str:
    if text.lstrip().startswith("<"):
        raise refused(asked, text, "the answer is data, not a page")
    return text
