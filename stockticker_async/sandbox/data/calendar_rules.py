"""Full-day and early closures of the New York Stock Exchange, computed from its rules, from 1999 on.

The connector has a list of days instead, so that one error cannot hide in both. The simulated market begins
in 2000. Names are the API's: an early close has the name of the holiday before or after it.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

_DAY = timedelta(days=1)
_MONDAY, _THURSDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 3, 4, 5, 6
_JUNETEENTH_SINCE = 2022
_BUSH = "National Day of Mourning for former President George H. W. Bush"
_ATTACKS = "Closed following Attacks on the World Trade Center"
_UNSCHEDULED = {
    date(2001, 9, 11): _ATTACKS,
    date(2001, 9, 12): _ATTACKS,
    date(2001, 9, 13): _ATTACKS,
    date(2001, 9, 14): _ATTACKS,
    date(2004, 6, 11): "National Day of Mourning for former President Ronald Reagan",
    date(2007, 1, 2): "National Day of Mourning for former President Gerald R. Ford",
    date(2012, 10, 29): "Hurricane Sandy",
    date(2012, 10, 30): "Hurricane Sandy",
    date(2018, 12, 5): _BUSH,
    date(2025, 1, 9): "National Day of Mourning for former President Jimmy Carter",
}
_OTHER_EARLY_CLOSES = {
    date(1999, 12, 31): "New Year's Eve",
    date(2002, 7, 5): "Independence Day",
    date(2003, 12, 26): "Friday after Christmas Day",
}
_OPEN_ALL_OF_JULY_3 = 2002


class Closure(NamedTuple):
    """A day on which the exchange is closed, or closes early."""

    day: int
    name: str
    early: bool

    @property
    def scheduled(self) -> bool:
        """Whether it is announced months ahead."""
        return date.fromordinal(self.day) not in _UNSCHEDULED


@lru_cache(maxsize=256)
def closures(year: int) -> dict[int, Closure]:
    """The holidays and early closes of a year, by day, ascending."""
    found = [Closure(day.toordinal(), name, early=False) for day, name in _closed(year)]
    found += [Closure(day.toordinal(), name, early=True) for day, name in _early(year)]
    return {closure.day: closure for closure in sorted(found)}


def _closed(year: int) -> Iterator[tuple[date, str]]:
    new_year = date(year, 1, 1)
    if new_year.weekday() != _SATURDAY:  # the exchange stays open at the end of a year (Rule 51)
        yield _observed(new_year), "New Year's Day"
    yield _nth(year, 1, _MONDAY, 3), "Martin Luther King Jr. Day"
    yield _nth(year, 2, _MONDAY, 3), "Washington's Birthday"
    yield _easter(year) - 2 * _DAY, "Good Friday"
    yield _nth(year, 6, _MONDAY, 1) - 7 * _DAY, "Memorial Day"
    if year >= _JUNETEENTH_SINCE:
        yield _observed(date(year, 6, 19)), "Juneteenth National Independence Day"
    yield _observed(date(year, 7, 4)), "Independence Day"
    yield _nth(year, 9, _MONDAY, 1), "Labor Day"
    yield _nth(year, 11, _THURSDAY, 4), "Thanksgiving"
    yield _observed(date(year, 12, 25)), "Christmas"
    yield from ((day, name) for day, name in _UNSCHEDULED.items() if day.year == year)


def _early(year: int) -> Iterator[tuple[date, str]]:
    """Before Independence Day and Christmas, where both days are weekdays of one week; after Thanksgiving."""
    if _MONDAY < date(year, 7, 4).weekday() <= _FRIDAY and year != _OPEN_ALL_OF_JULY_3:
        yield date(year, 7, 3), "Independence Day"
    yield _nth(year, 11, _THURSDAY, 4) + _DAY, "Thanksgiving"
    if _MONDAY < date(year, 12, 25).weekday() <= _FRIDAY:
        yield date(year, 12, 24), "Christmas"
    yield from ((day, name) for day, name in _OTHER_EARLY_CLOSES.items() if day.year == year)


def _observed(day: date) -> date:
    """The weekday on which a holiday of a fixed date is observed."""
    return day + {_SATURDAY: -_DAY, _SUNDAY: _DAY}.get(day.weekday(), timedelta())


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th such weekday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _easter(year: int) -> date:
    """Easter Sunday, by Oudin's rule of 1940 for the Gregorian calendar."""
    century, golden = year // 100, year % 19
    moved = century - century // 4 - (8 * century + 13) // 25
    epact = (19 * golden + moved + 15) % 30
    epact -= epact // 28 * (1 - 29 // (epact + 1) * ((21 - golden) // 11))
    sunday = (year + year // 4 + epact + 2 - century + century // 4) % 7
    return date(year, 3, 1) + timedelta(days=epact - sunday + 27)
