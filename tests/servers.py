"""A server on this machine that answers as a source does: well, late, in part, in words, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

#: Seconds that a client of these tests waits for a byte; a `late` answer takes longer.
PATIENCE = 0.3


@dataclass(frozen=True)
class Says:
    """One answer.

    Attributes
    ----------
    body : bytes
    status : int
    headers : dict
        Besides Content-Length.
    sent : int or None
        Bytes that are sent before the connection is closed; None: all.
    length : bool
        Whether the length is said.
    late : bool
        Whether it comes after the client has gone.
    ranges : bool
        Whether a part of the body is sent where one is asked for.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    length: bool = True
    late: bool = False
    ranges: bool = False


@dataclass(frozen=True)
class Heard:
    """One request: its path, parameters and headers (names in lower case)."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


class Server(ThreadingHTTPServer):
    """Answers from a script, in its order; the last answer again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[Says] = [Says(status=404)]
        self.heard: list[Heard] = []
        #: Paths beside the script, as those that give cookies.
        self.beside: dict[str, Says] = {}
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"

    def says(self, *script: Says | bytes) -> None:
        """Set the answers; bytes are a good one."""
        self.script = [Says(one) if isinstance(one, bytes) else one for one in script]
        self.heard.clear()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away: that is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        says = self.server.beside.get(url.path)
        if says is None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.server.heard.append(Heard(url.path, params, headers))
            script = self.server.script
            says = script.pop(0) if len(script) > 1 else script[0]
        if says.late:
            self.server.closing.wait(PATIENCE * 3)
        self._answer(says)

    def _answer(self, says: Says) -> None:
        body, status, headers = says.body, says.status, dict(says.headers)
        asked = self.headers.get("Range", "")
        if says.ranges and asked and self.headers.get("If-Range") == headers.get("ETag"):
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            body, status = body[first:], 206
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if says.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: says.sent])
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """Yield a server that runs."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Time:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def clock(self) -> float:
        return self.now
