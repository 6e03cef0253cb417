"""``fetch`` as a user calls it: text, JSON, exit codes, keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backtests import verbs
from backtests.__main__ import main
from tests import publishers
from tests.publishers import DAYS, PAGE
from tests.servers import Says, Server

KEY = "planted-key-4711"
TOOK = "fred DEXJPUS usdjpy 4 new 2024-05-01 to 2024-05-08"


@pytest.fixture
def sources(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server in place of every source; nobody waits."""
    for source in ("nikkei", "fred", "stooq", "jquants"):
        monkeypatch.setenv(f"NIKKEI_FETCH_BASE_{source.upper()}", server.url)
    monkeypatch.setattr("indexsim.sources.http.WAITS", (0.0,))
    monkeypatch.setattr("indexsim.sources.http.PACE", 0.0)
    monkeypatch.setenv("JQUANTS_API_KEY", KEY)
    monkeypatch.setenv("STOOQ_API_KEY", KEY)
    return server


def test_text_says_what_is_new(sources: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources.says(publishers.fred(DAYS))

    assert main(["fetch", "fred", "--into", str(tmp_path / "m"), "--series", "usdjpy"]) == 0
    assert capsys.readouterr().out.split() == [
        "fred",
        "DEXJPUS",
        "usdjpy",
        "4",
        "new",
        "2024-05-01",
        "to",
        "2024-05-08",
    ]
    assert main(["fetch", "fred", "--into", str(tmp_path / "m"), "--series", "usdjpy"]) == 0
    assert capsys.readouterr().out.split() == ["fred", "DEXJPUS", "usdjpy", "0", "new", "nothing", "new"]


def test_many_codes_are_a_line_a_file(sources: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources.says(publishers.jquants(DAYS, code="72030"), publishers.jquants(DAYS[1:], code="67580"))

    assert main(["fetch", "jquants", "--into", str(tmp_path / "m"), "--series", "7203", "6758"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    span = ["7", "new", "2024-05-01", "to", "2024-05-08"]
    assert lines == [["jquants", "2", "codes", file, *span] for file in ("closes", "opens", "volumes")]


def test_json_and_a_conflict(sources: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    market = tmp_path / "m"
    market.mkdir()
    (market / "usdjpy.csv").write_text("date,close\n2024-05-02,1.5\n", "utf-8")
    sources.says(publishers.fred(DAYS))
    arguments = ["fetch", "fred", "--into", str(market), "--series", "usdjpy"]

    assert main([*arguments, "--json", "-"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["took"] == [
        {"file": "fred DEXJPUS", "as": "usdjpy", "rows": 0, "from": None, "to": None, "why": "nothing new"}
    ]
    assert answer["conflicts"] == [
        {"file": "usdjpy", "date": "2024-05-02", "column": "close", "have": 1.5, "given": 38210.5}
    ]
    assert {"path", "left_out", "gaps", "data", "version"} <= set(answer)
    assert main(arguments) == 1
    assert "the folder has 1.5, the source 38210.5" in capsys.readouterr().out
    assert main([*arguments, "--on-conflict", "take"]) == 0
    assert "2024-05-02,38210.5" in (market / "usdjpy.csv").read_text("utf-8")


def test_the_python_twin(sources: Server, tmp_path: Path) -> None:
    sources.says(publishers.fred(DAYS))
    answer = verbs.fetch("fred", tmp_path / "m", series=["usdjpy"])

    assert answer["took"][0]["rows"] == 4
    assert (answer["data"]["from"], answer["data"]["to"]) == (None, None)  # the dollar spans no clock
    assert answer["data"]["fingerprint"]


def test_a_source_that_does_not_answer_exits_2_and_leaves_no_folder(
    sources: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources.says(PAGE)

    assert main(["fetch", "stooq", "--into", str(tmp_path / "m"), "--json", str(tmp_path / "answer.json")]) == 2
    assert "Sorry we are closed" in capsys.readouterr().err
    assert set(json.loads((tmp_path / "answer.json").read_text())["error"]) == {"asked", "found", "rule", "next"}
    assert not (tmp_path / "m").exists()


def test_misspelt_names_are_answered_with_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = ["--into", str(tmp_path / "m")]

    assert main(["fetch", "nikei", *into]) == 2
    assert "did you mean 'nikkei'?" in capsys.readouterr().err
    assert main(["fetch", "nikkei", *into, "--series", "nikei_vi"]) == 2
    assert "did you mean 'nikkei_vi'?" in capsys.readouterr().err
    assert main(["fetch", "nikkei", *into, "--sinse", "2024-01-01"]) == 2
    assert "did you mean '--since'?" in capsys.readouterr().err
    assert main(["fetch", "nikkei", *into, "--since", "yesterday"]) == 2
    assert main(["fetch", "nikkei"]) == 2


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("source", ["jquants", "stooq"])
def test_a_key_is_in_no_output_and_no_file(
    sources: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, status: int
) -> None:
    sources.says(Says(json.dumps({"message": f"{KEY} is unknown"}).encode(), status))
    into = ["--into", str(tmp_path / "m"), "--series", "topix"]

    assert main(["fetch", source, *into, "--json", str(tmp_path / "answer.json")]) == 2
    printed = capsys.readouterr()
    assert "(key) is unknown" in printed.err
    assert KEY not in printed.out + printed.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if KEY in path.name or KEY.encode() in path.read_bytes()] == []


def test_ctrl_c_says_how_to_go_on(
    sources: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("indexsim.sources.http.Client._pause", lambda self, seconds: interrupted(seconds))
    sources.says(Says(b"busy", 503))

    assert main(["fetch", "fred", "--into", str(tmp_path / "m")]) == 130
    assert "the same command again" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()
