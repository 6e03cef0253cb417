"""Files of events cut and joined: the basket and the divisor at every session stay what they were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from indexsim.basket import Basket
from indexsim.errors import DataError, Finding
from indexsim.events import Event, parse_events
from indexsim.factor_rows import COLUMNS
from indexsim.whatif.rows import to_rows

#: What makes a row of ``factors`` the same in two files.
_SAME = list(COLUMNS)


def held_on(day: date, basket: Basket, events: tuple[Event, ...]) -> Basket:
    """Return the basket after every event up to a day, dated on that day."""
    for event in events:
        if event.effective <= day:
            basket = basket.apply(event)
    return Basket(basket.factors, day)


def cut_factors(frame: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """Return the rows of ``factors`` from a day on: the basket in force there as ``initial``, and the events after it.

    Parameters
    ----------
    frame : DataFrame
        As the gate left it.
    first, last : date
        An event after `last` stays where it was announced by then: it was known.

    Raises
    ------
    DataError
        The rows cannot be read.
    """
    basket, events = parse_events(frame)
    since = max(first, basket.since)
    start = to_rows(held_on(since, basket, events), ())
    days = pd.to_datetime(frame["effective_date"], format="%Y-%m-%d")
    told = frame["announced_date"] if "announced_date" in frame else frame["effective_date"]
    known = (days <= pd.Timestamp(last)) | (pd.to_datetime(told.where(told != "")) <= pd.Timestamp(last))
    later = frame[(frame["event"] != "initial") & (days > pd.Timestamp(since)) & known]
    return pd.concat([start, later], ignore_index=True).reindex(columns=frame.columns).fillna("")


def continued(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of ``factors`` of folders that follow on one another.

    Parameters
    ----------
    frames : mapping of a folder's name to DataFrame
        As the gate left them.

    Raises
    ------
    DataError
        A basket does not continue the one before, or the same days have other events.
    """
    begins = {name: parse_events(frame)[0].since for name, frame in frames.items()}
    first, *others = sorted(frames, key=lambda name: (begins[name], name))
    whole = frames[first]
    for name in others:
        whole = _followed(whole, frames[name], name)
    return whole


def _followed(whole: pd.DataFrame, later: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of one frame and those with which another goes on from its own start."""
    start = parse_events(later)[0]
    held, begun = held_on(start.since, *parse_events(whole)).factors, start.factors
    if wrong := [code for code in {**held, **begun} if held.get(code) != begun.get(code)]:
        found = f"{', '.join(wrong[:5])} of the basket on {start.since} ({len(wrong)} codes) differ in {name}"
        raise _unjoinable(start.since.isoformat(), "factor", "basket-continues", found)
    after = pd.to_datetime(whole["effective_date"], format="%Y-%m-%d") > pd.Timestamp(start.since)
    mine, theirs = whole[after & (whole["event"] != "initial")], later[later["event"] != "initial"]
    theirs = theirs[pd.to_datetime(theirs["effective_date"], format="%Y-%m-%d") > pd.Timestamp(start.since)]
    known = set(theirs[_SAME].itertuples(index=False, name=None))
    if lost := [row for row in mine[_SAME].itertuples(index=False, name=None) if row not in known]:
        found = f"{lost[0][1]} {lost[0][3]} is not in {name} ({len(lost)} events)"
        raise _unjoinable(str(lost[0][0]), "event", "events-agree", found)
    return pd.concat([whole[~after], theirs], ignore_index=True).reindex(columns=whole.columns).fillna("")


def _unjoinable(row: str, column: str, rule: str, found: str) -> DataError:
    finding = Finding("factors", row, column, rule, found)
    return DataError([finding], asked="join the events of several folders", todo="layer the folders without --rows")
