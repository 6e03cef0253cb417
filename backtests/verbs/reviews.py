"""The verbs for who reviews reports: ``verify`` repeats one, ``attack`` tries what breaks it, ``compare`` several."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backtests.attacks import attack as attack_run
from backtests.facts import data_facts
from backtests.prepare import Setup, day_of
from backtests.report import write_compare
from backtests.sweeps.lock import whole
from backtests.verbs.pages import refresh_gallery
from backtests.verbs.shared import Answer, Folders, about, paths
from backtests.verify import Verified
from backtests.verify import verify as verify_run
from backtests.version import VERSION


def verify(folder: Path | str, market: Folders = ()) -> Answer:
    """Repeat a report from its own spec and say whether the bytes agree, file by file.

    Parameters
    ----------
    folder : path
        Of a run; only its ``verify.log`` is written.
    market : path or sequence of paths
        Where its data lie, if not where its spec says.

    Returns
    -------
    dict
        ``run_id``, ``equal`` [file], ``differs`` [{file, how}], ``code`` {stored, now, same}, ``log`` (None and
        ``log_why`` where it cannot be written), ``data``, ``version``.

    Raises
    ------
    MissingData
        Its data are not there; the missing fingerprint is named.
    """
    began = datetime.now(UTC)
    found = verify_run(Path(folder), paths(market))
    answer: Answer = {
        "run_id": found.stored.result.facts["run_id"],
        "equal": list(found.equal),
        "differs": [{"file": name, "how": how} for name, how in found.differs.items()],
        "code": {"stored": found.written_by, "now": found.code, "same": found.written_by == found.code},
        **_log(found, began),
    }
    return {**answer, **_about(found.setup)}


def _log(found: Verified, began: datetime) -> Answer:
    """Write what was found beside the report, outside the bytes that were compared."""
    path = found.stored.folder / "verify.log"
    lines = [f"verified {began:%Y-%m-%d %H:%M:%S} UTC", f"code {found.code}", f"equal {len(found.equal)}"]
    lines += [f"differs {name}: {how}" for name, how in found.differs.items()]
    try:
        with whole(path) as file:
            file.write(("\n".join(lines) + "\n").encode())
    except OSError as error:  # a report that may be read only is as good
        return {"log": None, "log_why": str(error)}
    return {"log": str(path)}


def attack(
    folder: Path | str, market: Folders = (), what_if: str = "", tell: Callable[[str], object] = lambda _: None
) -> Answer:
    """Try what breaks a stored run, and put the table on its page.

    Parameters
    ----------
    folder : path
        Of a run; gets ``attacks.json``, and its page is drawn again.
    market : path or sequence of paths
        Another source to run the same spec on, in layers.
    what_if : str
        A world to run it in.
    tell : callable
        Is told which attack is under way.

    Returns
    -------
    dict
        ``run_id``, ``report``, ``attacks`` [{name, what, rule, net, yearly, change, survives, why, tried, broke,
        variants}], ``net``, ``yearly``, ``rules``, ``survived``, ``broken``, ``undone``, ``source``, ``data``, ...

    Raises
    ------
    MissingData
        Its data are not there; the missing fingerprint is named.
    SpecError
        Trading it again does not give the stored account.
    """
    answer, setup = attack_run(Path(folder), paths(market), what_if, tell)
    page = Path(folder).resolve() / "index.html"
    return {"run_id": Path(folder).resolve().name, "report": str(page), **answer, **_about(setup)}


def compare(folders: Folders, out: Path | str | None = None) -> Answer:
    """Put stored runs side by side on one page.

    Parameters
    ----------
    folders : sequence of paths
        Of runs, at least two.
    out : path, optional
        Folder that gets the folder of the comparison; that of the first run by default.

    Returns
    -------
    dict
        ``pages`` [the page], ``runs`` [{label, run_id, net, gross, costs_total, ...}], ``common`` {sessions, from, to,
        spans}, ``correlation``, ``differs`` [{key, values}], ``data``, ``version``.

    Raises
    ------
    SpecError
        Fewer than two runs, one of them twice, or no session that all of them have.
    MissingData
        A folder without a stored run.
    """
    page, values = write_compare(paths(folders), None if out is None else Path(out))
    refresh_gallery(page.parent.parent)
    kept = {key: value for key, value in values.items() if key not in ("schema", "curves")}
    return {"pages": [str(page)], **kept, **about(None)}


def _about(setup: Setup) -> Answer:
    first, last = (day_of(setup.traded.session[at]) for at in (0, -1))
    return {"data": data_facts(setup.market, first, last, setup.missing), "version": VERSION}
