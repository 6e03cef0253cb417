"""What the tests share: the real data where it is, and small synthetic markets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from indexsim.market import MarketData
from indexsim.sample import Sample, write_sample
from tests.servers import Server, serving

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("NIKKEI_REAL", ROOT / "../shared/real"))

#: Specs that need a file which a sample market does not hold; what they say then is tested.
NOT_ON_THE_SAMPLE = ("boj_assets", "sector_rotation")
_SHIPPED = sorted((ROOT / "backtests/specs").glob("*.toml"))
#: Shipped specs that run on a sample market, and those that do not.
SPECS = [path for path in _SHIPPED if path.stem not in NOT_ON_THE_SAMPLE]
LACKING = [path for path in _SHIPPED if path.stem in NOT_ON_THE_SAMPLE]


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real market data; its tests are skipped where it is absent."""
    if not REAL.is_dir():
        pytest.skip(f"no real data at {REAL}; set NIKKEI_REAL to its folder")
    return REAL


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic market of four years with 30 outsiders."""
    return write_small(tmp_path_factory.mktemp("markets") / "small")


def write_small(folder: Path) -> Path:
    """Write the small market into a folder."""
    write_sample(folder, Sample(start=date(2019, 1, 4), end=date(2022, 12, 30), outsiders=30))
    return folder


@pytest.fixture
def small_market(small: Path) -> MarketData:
    """The small market, opened."""
    return MarketData.open(small)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No connection but to this machine, also none of libcurl's, and a cache of the test's own."""
    connect = socket.socket.connect

    def inside(self: socket.socket, address: Any) -> None:
        assert address[0] in ("127.0.0.1", "::1"), f"a test asks {address} on the network"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", inside)
    curl = pytest.importorskip("curl_cffi.requests").Session
    request = curl.request

    def asked_inside(self: Any, method: str, url: str, *args: Any, **rest: Any) -> Any:
        assert urlsplit(url).hostname == "127.0.0.1", f"a test asks {url} on the network"
        return request(self, method, url, *args, **rest)

    monkeypatch.setattr(curl, "request", asked_inside)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def server(loopback: None) -> Iterator[Server]:
    """A server on this machine, to be told what to answer."""
    with serving() as running:
        yield running


@pytest.fixture
def no_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without pyfolio's sheets, which take most of the time of a run and which these tests do not look at."""
    monkeypatch.setattr("backtests.report.page.draw", lambda _result: [])


@pytest.fixture(scope="session")
def reports(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pages of every kind, to be read and not changed."""
    from tests.pages import place, shared

    return shared(place(tmp_path_factory.getbasetemp()), small)


def count(full: int) -> int:
    """Return how many cases of a full count run: a tenth, or the share that the variable COUNTS says."""
    return max(1, round(full * float(os.environ.get("COUNTS", "0.1"))))
