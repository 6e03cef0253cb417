"""One polite HTTP client for every source: paced, patient, resuming, and silent about keys.

A host is asked once a second at most. What may pass (a time-out, a lost connection, an answer that breaks off, 429,
5xx) is tried again after fixed waits, or after what the server's Retry-After says; what will not pass (another status,
a page instead of data) is refused at once with the first words of the answer. An answer is kept until the command
that asked for it has ended well (`indexsim.sources.cache`), and one that broke off goes on where it stopped, if the
server can do that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from indexsim.sources.answers import BrokenOff, NoAnswer, SourceError, first_words
from indexsim.sources.cache import Cache, Part
from indexsim.sources.clients import package

Read = TypeVar("Read")
Tell = Callable[[str], None]

#: Seconds before each further try. No jitter: one user asks one address at a time.
WAITS = (1.0, 2.0, 4.0, 8.0)
#: How much longer the waits are after a 429 that does not say how long: limits count by the minute.
LIMITED = 5.0
#: Seconds between two requests to a host; the Bank of Japan and Stooq block who asks faster.
PACE = 1.0
#: Seconds without a byte after which a connection counts as lost.
TIMEOUT = 30.0
#: Seconds of Retry-After that are waited for; beyond, the user is told.
LONGEST_WAIT = 120.0
#: Statuses that may pass.
PASSING = (429, 500, 502, 503, 504)
#: Bytes read at once: what a lost connection costs of what had arrived.
_CHUNK = 1024
#: How a table and JSON end.
_ENDS = (b"\n", b"}")
_AGENT = {"User-Agent": "nikkei-backtests (research; one request a second)", "Accept-Encoding": "identity"}


@dataclass
class Reply:
    """What came back from one request, filled while it arrives.

    Attributes
    ----------
    status : int
    headers : dict of str
        Names in lower case.
    body : bytearray
    lost : str
        Why the body is not whole; empty where nothing says so.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    lost: str = ""


#: Asks an address with headers and a time-out, and fills the reply; OSError where there is no answer.
Opener = Callable[[str, Mapping[str, str], float, Reply], None]


class Client:
    """Asks for answers.

    Parameters
    ----------
    cache : Cache
    keys : collection of str
        Values that must never be kept in the cache.
    bases : mapping of str to str
        Beginning of an official address -> what to ask instead, as a test's own server.
    sleep, clock : callable
        Seconds; a test gives its own.
    now : callable
        Time of the day, UTC, for a Retry-After that is a date.
    tell : callable
        Told what is waited for.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        keys: Collection[str] = (),
        bases: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tell: Tell = lambda line: None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.cache, self.keys, self.bases, self.timeout = cache, tuple(keys), dict(bases or {}), timeout
        self._sleep, self._clock, self._now, self._tell = sleep, clock, now, tell
        self._asked: dict[str, float] = {}

    def ask(
        self,
        url: str,
        read: Callable[[bytes], Read],
        *,
        params: Mapping[str, str] | None = None,
        secret: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        opener: Opener | None = None,
        also: Collection[int] = (),
    ) -> Read:
        """Return what `read` makes of the answer.

        Parameters
        ----------
        url : str
            Official address, without parameters.
        read : callable
            Of the whole body. What it raises refuses the answer, which is then not kept; `BrokenOff` is worth another
            try.
        params, secret : mapping, optional
            Parameters of the address; `secret` ones are keys, and leave no trace in the cache.
        headers : mapping, optional
        opener : callable, optional
            Default: `requests`.
        also : collection of int
            Statuses besides 200 of whose answers `read` judges.

        Raises
        ------
        SourceError
            No answer, or not the one that was asked for.
        """
        address = url + (f"?{urlencode(params)}" if params else "")
        kept = self.cache.answer(address)
        if kept is not None:
            return read(kept)
        full = self.rebased(url) + _query({**(params or {}), **(secret or {})})
        sent = {**_AGENT, **(headers or {})}
        body, answer = self._patiently(address, full, sent, opener or opened, read, (200, 206, *also))
        if not any(key.encode() in body for key in self.keys):
            self.cache.keep(address, body)
        return answer

    def rebased(self, url: str) -> str:
        """Return the address that is asked in place of an official one."""
        return next((new + url[len(old) :] for old, new in self.bases.items() if url.startswith(old)), url)

    def pace(self, url: str) -> None:
        """Wait until the host of an address may be asked again."""
        host = urlsplit(url).netloc
        if host in self._asked:
            self._pause(self._asked[host] + PACE - self._clock())
        self._asked[host] = self._clock()

    def _patiently(
        self,
        address: str,
        full: str,
        headers: Mapping[str, str],
        opener: Opener,
        read: Callable[[bytes], Read],
        good: Collection[int],
    ) -> tuple[bytes, Read]:
        """Return body and answer, tried as often as there are waits, and once more."""
        why = ""
        for wait in (*WAITS, None):
            reply = self._once(address, full, headers, opener)
            why = reply.lost or f"status {reply.status}: {_words(reply)}"
            if not reply.lost and reply.status in good:
                body = bytes(reply.body)
                try:
                    return body, read(body)
                except BrokenOff as error:
                    why = error.found
            elif not reply.lost and reply.status not in PASSING:
                raise _refused(address, reply)
            if wait is not None:
                longer = LIMITED if reply.status == 429 else 1.0
                self._wait(address, why, _retry_after(reply, self._now()), wait * longer)
        raise NoAnswer(
            asked=f"fetch {address}",
            found=f"{why}, {len(WAITS) + 1} times",
            rule="what may pass is tried five times",
            todo="the same command later goes on from what was fetched so far",
        )

    def _once(self, address: str, full: str, headers: Mapping[str, str], opener: Opener) -> Reply:
        """Ask once; a part that was kept is gone on with, and one that arrives now is kept, also when interrupted."""
        part = self.cache.part(address)
        self.pace(full)
        reply = Reply()
        try:
            with _silent(self.keys):
                opener(full, {**headers, **_resuming(part)}, self.timeout, reply)
        except OSError as error:
            reply.lost = _network(error)
        finally:
            _join(part, reply)
            good = reply.status in (200, 206) and reply.body
            whole = Part(bytes(reply.body), _mark(reply, part)) if good else part
            self.cache.keep_part(address, whole if reply.lost or not reply.status else Part())
        return reply

    def _wait(self, address: str, why: str, asked_for: float | None, wait: float) -> None:
        if asked_for is not None and asked_for > LONGEST_WAIT:
            raise NoAnswer(
                asked=f"fetch {address}",
                found=f"{why}; it asks to wait {asked_for:.0f} s",
                rule=f"no longer than {LONGEST_WAIT:.0f} s is waited",
                todo="the same command after that time goes on from what was fetched so far",
            )
        seconds = wait if asked_for is None else max(asked_for, WAITS[0])
        self._tell(f"{urlsplit(address).netloc}: {why}; again in {seconds:.0f} s")
        self._pause(seconds)

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)


def opened(url: str, headers: Mapping[str, str], timeout: float, reply: Reply) -> None:
    """Ask an address with `requests`, and fill the reply as it arrives."""
    requests = package("requests")
    with requests.get(url, headers=headers, timeout=timeout, stream=True) as response:
        reply.status = response.status_code
        reply.headers = {name.lower(): value for name, value in response.headers.items()}
        reply.lost = "interrupted"
        for chunk in response.iter_content(_CHUNK):
            reply.body += chunk
        reply.lost = ""


@contextmanager
def _silent(keys: Collection[str]) -> Iterator[None]:
    """Keep keys out of the log of `requests`, which shows whole addresses."""

    def spoken(record: logging.LogRecord) -> bool:
        return not any(key in record.getMessage() for key in keys)

    logger = logging.getLogger("urllib3.connectionpool")
    logger.addFilter(spoken)
    try:
        yield
    finally:
        logger.removeFilter(spoken)


def _query(params: Mapping[str, str]) -> str:
    return f"?{urlencode(params)}" if params else ""


def _resuming(part: Part) -> dict[str, str]:
    return {"Range": f"bytes={len(part.body)}-", "If-Range": part.mark} if part.body else {}


def _join(part: Part, reply: Reply) -> None:
    """Put the part before what arrived, where the server went on from it; see whether all has arrived."""
    said = reply.headers.get("content-range", "")
    if reply.status == 206 and said.startswith(f"bytes {len(part.body)}-"):
        reply.body[:0] = part.body
        total = said.rpartition("/")[2]
    elif reply.status == 206:
        reply.body.clear()
        reply.lost, total = f"it went on at {said!r}, not at byte {len(part.body)}", ""
    else:
        total = "" if _packed(reply) else reply.headers.get("content-length", "")
    if reply.status not in (200, 206):
        return
    if total.isdigit() and len(reply.body) < int(total):
        reply.lost = f"the answer breaks off after {len(reply.body)} of {total} bytes"
    measured = total or _packed(reply) or "transfer-encoding" in reply.headers
    if not measured and not reply.lost and not reply.body.endswith(_ENDS):
        reply.lost = f"an answer of no stated length breaks off at {_tail(reply)!r}"


def _tail(reply: Reply) -> str:
    return bytes(reply.body[-20:]).decode("utf-8", "replace")


def _mark(reply: Reply, part: Part) -> str:
    """Return what the server tells this version of a file from another by; empty where it cannot be gone on with."""
    mark = reply.headers.get("etag") or reply.headers.get("last-modified") or part.mark
    return "" if mark.startswith("W/") or _packed(reply) else mark


def _packed(reply: Reply) -> bool:
    """Say whether a server packed its answer unasked, so that its bytes are not those that arrived."""
    return reply.headers.get("content-encoding", "identity") != "identity"


def _retry_after(reply: Reply, now: datetime) -> float | None:
    """Return the seconds that a reply asks to wait; None where it says nothing that can be read."""
    said = reply.headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _network(error: OSError) -> str:
    """Say what went wrong below HTTP, without the address, which may hold a key."""
    name = type(error).__name__
    if "imeout" in name:
        return "no answer in time"
    return {"ChunkedEncodingError": "the answer breaks off", "IncompleteRead": "the answer breaks off"}.get(
        name, f"no connection ({name})"
    )


def _words(reply: Reply) -> str:
    return first_words(bytes(reply.body[:4000]).decode("utf-8", "replace")) or "nothing more"


def _refused(address: str, reply: Reply) -> SourceError:
    todo = {
        401: "set the key of the source in its environment variable (data/README.md)",
        403: "the source refuses this key, or this machine; its terms of use say who may ask",
        404: "the source may have moved the file; open the address in a browser",
    }
    return SourceError(
        asked=f"fetch {address}",
        found=f"status {reply.status}: {_words(reply)}",
        rule="a source answers with status 200",
        todo=todo.get(reply.status, "open the address in a browser; try again later"),
    )
