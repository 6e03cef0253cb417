"""The Japanese holiday law as dated rules: which days of a year are public holidays.

Each holiday is a `Dated` rule "year -> day" whose steps are the amendments of the Act on National
Holidays (Act No. 178 of 1948), one-off moves included; the substitute and the sandwiched holiday
follow from them. Good for 1980-2099 (the span of the equinox formula); the amendments are known to 2027.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

from indexsim.rules import Dated

Rule = Callable[[int], date]
ONE_DAY = timedelta(days=1)


def fixed(month: int, day: int) -> Rule:
    """Return the rule "the same date every year".

    Examples
    --------
    >>> fixed(5, 3)(1998)
    datetime.date(1998, 5, 3)
    """
    return lambda year: date(year, month, day)


def monday(month: int, nth: int) -> Rule:
    """Return the rule "the nth Monday of the month" (Happy Monday).

    Examples
    --------
    >>> monday(1, 2)(2000)
    datetime.date(2000, 1, 10)
    """

    def rule(year: int) -> date:
        first_weekday = calendar.weekday(year, month, 1)
        return date(year, month, 1 + (-first_weekday) % 7 + 7 * (nth - 1))

    return rule


def vernal_equinox(year: int) -> date:
    """Return Vernal Equinox Day by the usual approximation, exact for 1980-2099."""
    return date(year, 3, int(20.8431 + 0.242194 * (year - 1980) - (year - 1980) // 4))


def autumnal_equinox(year: int) -> date:
    """Return Autumnal Equinox Day by the usual approximation, exact for 1980-2099."""
    return date(year, 9, int(23.2488 + 0.242194 * (year - 1980) - (year - 1980) // 4))


def _since(*steps: tuple[int | None, Rule | None]) -> Dated[Rule | None]:
    """Build a rule from its amendments: (first year, rule), None for "not held"."""
    dated = tuple((date(year, 1, 1) if year else None, rule) for year, rule in steps)
    return Dated(dated, "Act No. 178 of 1948, as amended")


#: Every national holiday: what held from which year.
NATIONAL: dict[str, Dated[Rule | None]] = {
    "New Year's Day": _since((None, fixed(1, 1))),
    "Coming of Age Day": _since((None, fixed(1, 15)), (2000, monday(1, 2))),
    "Foundation Day": _since((None, fixed(2, 11))),
    "Emperor's Birthday": _since((None, fixed(4, 29)), (1989, fixed(12, 23)), (2019, None), (2020, fixed(2, 23))),
    "Vernal Equinox Day": _since((None, vernal_equinox)),
    "Greenery Day, from 2007 Showa Day": _since((None, None), (1989, fixed(4, 29))),
    "Constitution Day": _since((None, fixed(5, 3))),
    "Greenery Day": _since((None, None), (2007, fixed(5, 4))),
    "Children's Day": _since((None, fixed(5, 5))),
    # The Olympic games moved three holidays in 2020 and again in 2021.
    "Marine Day": _since(
        (None, None),
        (1996, fixed(7, 20)),
        (2003, monday(7, 3)),
        (2020, fixed(7, 23)),
        (2021, fixed(7, 22)),
        (2022, monday(7, 3)),
    ),
    "Mountain Day": _since(
        (None, None), (2016, fixed(8, 11)), (2020, fixed(8, 10)), (2021, fixed(8, 8)), (2022, fixed(8, 11))
    ),
    "Respect for the Aged Day": _since((None, fixed(9, 15)), (2003, monday(9, 3))),
    "Autumnal Equinox Day": _since((None, autumnal_equinox)),
    "Sports Day": _since(
        (None, fixed(10, 10)),
        (2000, monday(10, 2)),
        (2020, fixed(7, 24)),
        (2021, fixed(7, 23)),
        (2022, monday(10, 2)),
    ),
    "Culture Day": _since((None, fixed(11, 3))),
    "Labour Thanksgiving Day": _since((None, fixed(11, 23))),
}

#: Holidays of a single year, each by a law of its own; they count as national holidays.
ONE_OFF: dict[date, str] = {
    date(1989, 2, 24): "Funeral of the Showa Emperor",
    date(1990, 11, 12): "Enthronement Ceremony",
    date(1993, 6, 9): "Wedding of the Crown Prince",
    date(2019, 5, 1): "Accession of the Emperor",
    date(2019, 10, 22): "Enthronement Ceremony",
}

#: Whether a day between two national holidays is a holiday too.
SANDWICHED: Dated[bool] = Dated(((None, False), (date(1985, 12, 27), True)), "Act No. 103 of 1985")


def national_holidays(year: int) -> tuple[date, ...]:
    """Return the days the law names, ascending, without substitute and sandwiched days."""
    rules = (holiday.on(date(year, 1, 1)) for holiday in NATIONAL.values())
    named = {rule(year) for rule in rules if rule is not None}
    return tuple(sorted(named | {day for day in ONE_OFF if day.year == year}))


@cache
def public_holidays(year: int) -> tuple[date, ...]:
    """Return every public holiday of a year, ascending, weekends included.

    Parameters
    ----------
    year : int
        1980 to 2099.

    Examples
    --------
    3 May was a Sunday in both years; 4 May became a national holiday in 2007, so only in 2009 does
    the substitute roll on to the Wednesday:

    >>> [str(day) for day in public_holidays(1998) if day.month == 5]
    ['1998-05-03', '1998-05-04', '1998-05-05']
    >>> [str(day) for day in public_holidays(2009) if day.month == 5]
    ['2009-05-03', '2009-05-04', '2009-05-05', '2009-05-06']
    """
    named = national_holidays(year)
    substitutes = {sub for day in named if (sub := _substitute(day, named)) is not None}
    return tuple(sorted({*named, *substitutes, *_sandwiched(named)}))


def _substitute(day: date, named: tuple[date, ...]) -> date | None:
    """Return the day off for a national holiday on a Sunday: the next day that is none itself.

    That is the law since 2007 (Act No. 43 of 2005). Before, it was the Monday; as no national
    holiday followed another until 4 May became one in 2007, both rules name the same days.
    """
    if day.weekday() != calendar.SUNDAY:
        return None
    substitute = day + ONE_DAY
    while substitute in named:
        substitute += ONE_DAY
    return substitute


def _sandwiched(named: tuple[date, ...]) -> set[date]:
    """Return the days between two national holidays; a Sunday is off as it is and does not count."""
    between = (day + ONE_DAY for day in named if day + 2 * ONE_DAY in named)
    return {day for day in between if SANDWICHED.on(day) and day.weekday() != calendar.SUNDAY}
