"""The polite client against a server of our own: what it tries again, how long it waits, what it keeps."""

from __future__ import annotations

import gzip
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexsim.sources import http
from indexsim.sources.answers import BrokenOff, SourceError, text_of
from indexsim.sources.cache import Cache
from indexsim.sources.clients import package
from indexsim.sources.http import Client
from tests.servers import PATIENCE, Says, Server, Time

KEY = "planted-key-4711"
BODY = b"a day,a number\n" * 2000


@pytest.fixture
def time() -> Time:
    """A clock that only sleeping moves."""
    return Time()


def client_of(folder: Path, time: Time) -> Client:
    noon = datetime(2024, 5, 8, 12, tzinfo=UTC)
    how = {"sleep": time.sleep, "clock": time.clock, "now": lambda: noon, "timeout": PATIENCE}
    return Client(Cache(folder), keys=[KEY], **how)  # type: ignore[arg-type]


@pytest.fixture
def client(tmp_path: Path, time: Time, loopback: None) -> Client:
    """A client whose waits take no time."""
    return client_of(tmp_path / "answers", time)


def whole(body: bytes) -> bytes:
    return body


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_may_pass_is_tried_again_after_waits_that_double(
    server: Server, client: Client, time: Time, status: int
) -> None:
    server.says(Says(b"busy", status), Says(b"busy", status), Says(b"busy", status), BODY)

    assert client.ask(f"{server.url}/a", whole) == BODY
    assert time.slept == [1.0, 2.0, 4.0]


def test_a_limit_that_does_not_say_how_long_is_waited_for_beyond_its_minute(
    server: Server, client: Client, time: Time
) -> None:
    server.says(Says(b"slow down", 429))

    with pytest.raises(SourceError, match="status 429: slow down, 5 times"):
        client.ask(f"{server.url}/a", whole)
    assert time.slept == [5.0, 10.0, 20.0, 40.0]


def test_five_tries_and_no_more(server: Server, client: Client, time: Time) -> None:
    server.says(Says(b"<h1>Busy</h1>", 503))

    with pytest.raises(SourceError, match="status 503: Busy, 5 times"):
        client.ask(f"{server.url}/a", whole)
    assert len(server.heard) == 5
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("said", "waited"),
    [
        ("7", 7.0),
        ("Wed, 08 May 2024 12:00:30 GMT", 30.0),
        ("0", 1.0),
        ("soon", 5.0),
        ("Wed, 08 May 2024 11:00:00 GMT", 1.0),
    ],
)
def test_retry_after_is_waited_for(server: Server, client: Client, time: Time, said: str, waited: float) -> None:
    server.says(Says(b"slow down", 429, {"Retry-After": said}), BODY)

    assert client.ask(f"{server.url}/a", whole) == BODY
    assert time.slept == [waited]


def test_a_long_retry_after_is_told_not_waited_for(server: Server, client: Client, time: Time) -> None:
    server.says(Says(b"tomorrow", 429, {"Retry-After": "86400"}))

    with pytest.raises(SourceError, match="wait 86400 s"):
        client.ask(f"{server.url}/a", whole)
    assert time.slept == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_will_not_pass_is_refused_at_once(server: Server, client: Client, status: int) -> None:
    server.says(Says(b"<html><title>No</title> such file</html>", status))

    with pytest.raises(SourceError, match=f"status {status}: No such file"):
        client.ask(f"{server.url}/a", whole)
    assert len(server.heard) == 1


def test_a_late_answer_is_asked_for_again(server: Server, client: Client, time: Time) -> None:
    server.says(Says(BODY, late=True), BODY)

    assert client.ask(f"{server.url}/a", whole) == BODY
    assert time.slept == [1.0]


def test_no_server_at_all(client: Client, time: Time) -> None:
    with pytest.raises(SourceError, match=r"no connection \(ConnectionError\), 5 times"):
        client.ask("http://127.0.0.1:9/a", whole)


def test_a_host_is_asked_once_a_second(server: Server, client: Client, time: Time) -> None:
    server.says(BODY)
    client.ask(f"{server.url}/a", whole)
    time.now += 0.25
    client.ask(f"{server.url}/b", whole)

    assert time.slept == [0.75]


def test_an_answer_that_breaks_off_goes_on_where_it_stopped(server: Server, client: Client) -> None:
    mark = {"ETag": '"one"', "Accept-Ranges": "bytes"}
    server.says(Says(BODY, headers=mark, sent=10_000), Says(BODY, headers=mark, ranges=True))

    assert client.ask(f"{server.url}/a", whole) == BODY
    assert server.heard[1].headers["range"] == "bytes=9216-"  # read by the kilobyte
    assert server.heard[1].headers["if-range"] == '"one"'


def test_a_file_that_changed_meanwhile_begins_anew(server: Server, client: Client) -> None:
    other = BODY.replace(b"day", b"DAY")
    server.says(Says(BODY, headers={"ETag": '"one"'}, sent=10_000), Says(other, headers={"ETag": '"two"'}, ranges=True))

    assert client.ask(f"{server.url}/a", whole) == other


def test_an_answer_packed_unasked_is_unpacked_and_not_measured(server: Server, client: Client) -> None:
    server.says(Says(gzip.compress(b"ab"), headers={"Content-Encoding": "gzip", "ETag": '"one"'}))

    assert client.ask(f"{server.url}/a", whole) == b"ab"


def test_without_a_mark_it_begins_anew(server: Server, client: Client) -> None:
    server.says(Says(BODY, sent=10_000), Says(BODY, ranges=True))

    assert client.ask(f"{server.url}/a", whole) == BODY
    assert "range" not in server.heard[1].headers


def test_a_range_that_was_not_asked_for_is_not_joined(server: Server, client: Client) -> None:
    mark = {"ETag": '"one"'}
    wrong = Says(BODY[5:], 206, {**mark, "Content-Range": f"bytes 5-{len(BODY) - 1}/{len(BODY)}"})
    server.says(Says(BODY, headers=mark, sent=10_000), wrong, Says(BODY, headers=mark, ranges=True))

    assert client.ask(f"{server.url}/a", whole) == BODY


def test_a_body_of_unknown_length_that_its_reader_finds_broken_off(server: Server, client: Client) -> None:
    def footed(body: bytes) -> bytes:
        if not body.endswith(b"END\n"):
            raise BrokenOff(asked="a", found="no END", rule="it ends", todo="again")
        return body

    server.says(Says(b"data\n", length=False), Says(b"data END\n", length=False))

    assert client.ask(f"{server.url}/a", footed) == b"data END\n"


def test_an_interrupted_answer_goes_on_in_the_next_command(server: Server, tmp_path: Path, time: Time) -> None:
    mark = {"ETag": '"one"'}
    server.says(Says(BODY, headers=mark))

    def interrupted(url: str, headers: object, timeout: float, reply: http.Reply) -> None:
        reply.status, reply.headers = 200, {"etag": '"one"', "content-length": str(len(BODY))}
        reply.body += BODY[:777]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client_of(tmp_path / "c", time).ask(f"{server.url}/a", whole, opener=interrupted)
    server.says(Says(BODY, headers=mark, ranges=True))

    assert client_of(tmp_path / "c", time).ask(f"{server.url}/a", whole) == BODY
    assert server.heard[0].headers["range"] == "bytes=777-"


def test_an_answer_is_kept_until_the_command_has_ended_well(server: Server, tmp_path: Path, time: Time) -> None:
    server.says(BODY)
    first = client_of(tmp_path / "c", time)
    first.ask(f"{server.url}/a", whole, params={"x": "1"})
    again = client_of(tmp_path / "c", time)
    again.ask(f"{server.url}/a", whole, params={"x": "1"})

    assert len(server.heard) == 1
    again.cache.settle()
    client_of(tmp_path / "c", time).ask(f"{server.url}/a", whole, params={"x": "1"})
    assert len(server.heard) == 2


def test_an_old_answer_or_a_damaged_one_is_not_used(server: Server, tmp_path: Path, time: Time) -> None:
    server.says(BODY)
    client_of(tmp_path / "c", time).ask(f"{server.url}/a", whole)
    [kept] = (tmp_path / "c").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    client_of(tmp_path / "c", time).ask(f"{server.url}/a", whole)

    assert len(server.heard) == 2
    old = kept.stat().st_mtime - 3601
    os.utime(kept, (old, old))
    client_of(tmp_path / "c", time).ask(f"{server.url}/a", whole)
    assert len(server.heard) == 3


def test_old_answers_are_removed(tmp_path: Path) -> None:
    for name, age in (("new.answer", 10), ("old.part", 4000)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (10_000 - age, 10_000 - age))
    Cache(tmp_path, clock=lambda: 10_000.0)

    assert [path.name for path in tmp_path.iterdir()] == ["new.answer"]


def test_what_its_reader_refuses_is_not_kept(server: Server, client: Client) -> None:
    server.says(b"<html>login</html>", BODY)
    with pytest.raises(SourceError, match="login"):
        client.ask(f"{server.url}/a", lambda body: text_of(body, "a"))

    assert client.ask(f"{server.url}/a", whole) == BODY


def test_a_key_leaves_no_trace(
    server: Server, client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.says(b"your key is " + KEY.encode(), b"data")
    with caplog.at_level(logging.DEBUG):
        client.ask(f"{server.url}/a", whole, secret={"apikey": KEY})
        client.ask(f"{server.url}/b", whole, secret={"apikey": KEY})

    assert server.heard[0].params == {"apikey": KEY}
    assert KEY not in caplog.text
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert all(KEY not in path.name and KEY.encode() not in path.read_bytes() for path in kept)


def test_a_cache_that_cannot_be_written_is_none(server: Server, tmp_path: Path, time: Time) -> None:
    (tmp_path / "c").write_text("a file")
    server.says(BODY)

    assert client_of(tmp_path / "c" / "d", time).ask(f"{server.url}/a", whole) == BODY


def test_a_missing_package_is_named_with_its_command() -> None:
    with pytest.raises(SourceError, match=r'no-such-thing is not installed.*pip install .* "\.\[fetch\]"'):
        package("no_such_thing", "no-such-thing")


def test_encodings() -> None:
    assert text_of("﻿終値".encode(), "a") == "終値"
    assert text_of("終値".encode("cp932"), "a") == "終値"
    with pytest.raises(SourceError, match="no text"):
        text_of("終値,close".encode("utf-16"), "a")
    with pytest.raises(SourceError, match="not a page"):
        text_of(b"\n<!DOCTYPE html><p>Please log in", "a")
