"""What the tests share: the real data where it is, and small synthetic markets."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from indexsim.market import MarketData
from indexsim.sample import Sample, write_sample

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


@pytest.fixture(scope="session")
def reports(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pages of every kind, to be read and not changed."""
    from tests.pages import place, shared

    return shared(place(tmp_path_factory.getbasetemp()), small)


def count(full: int) -> int:
    """Return how many cases of a full count run: a tenth, or the share that the variable COUNTS says."""
    return max(1, round(full * float(os.environ.get("COUNTS", "0.1"))))
