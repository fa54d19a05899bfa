"""The trading calendar of New York: sessions, early closes, holidays, and the instants of a day.

In this folder a day is its proleptic ordinal (`date.toordinal()`): adding and comparing integers makes five
thousand bars cheap.
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from stockticker_async.sandbox.data.calendar_rules import Closure, closures

NEW_YORK = ZoneInfo("America/New_York")

OPENING = 9 * 60 + 30  # minutes after midnight, New York, as all minutes here
CLOSING = 16 * 60
EARLY_CLOSING = 13 * 60
EXTENDED_OPENING = 4 * 60
EXTENDED_CLOSING = 20 * 60
EARLY_EXTENDED_CLOSING = 17 * 60

_WORKDAYS = 5  # of the week, from Monday, which ordinal 1 is


@lru_cache(maxsize=256)
def _year_sessions(year: int) -> tuple[int, ...]:
    closed = {day for day, closure in closures(year).items() if not closure.early}
    first, end = date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()
    return tuple(day for day in range(first, end) if (day - 1) % 7 < _WORKDAYS and day not in closed)


def sessions(first: int, last: int) -> list[int]:
    """All sessions from `first` to `last`, both included, ascending."""
    if last < first:
        return []
    years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
    days = [day for year in years for day in _year_sessions(year)]
    return days[bisect_left(days, first) : bisect_right(days, last)]


def is_session(day: int) -> bool:
    days = _year_sessions(date.fromordinal(day).year)
    at = bisect_left(days, day)
    return at < len(days) and days[at] == day


@lru_cache(maxsize=65_536)
def session_on_or_after(day: int) -> int:
    while not is_session(day):
        day += 1
    return day


@lru_cache(maxsize=65_536)
def session_before(day: int, back: int = 1) -> int:
    """The `back`-th session before `day`; `back` is at least 1."""
    return sessions(day - 14 - 2 * back, day - 1)[-back]


def closes_early(day: int) -> bool:
    closure = closures(date.fromordinal(day).year).get(day)
    return closure is not None and closure.early


def closing(day: int) -> int:
    """The minute at which a session ends."""
    return EARLY_CLOSING if closes_early(day) else CLOSING


def extended_closing(day: int) -> int:
    """The minute at which the after-hours trading of a session ends."""
    return EARLY_EXTENDED_CLOSING if closes_early(day) else EXTENDED_CLOSING


def upcoming(day: int, days: int = 365) -> list[Closure]:
    """The closures from `day` on that have been announced by `day`, ascending."""
    last = day + days
    years = range(date.fromordinal(day).year, date.fromordinal(last).year + 1)
    known = (closure for year in years for closure in closures(year).values())
    return [closure for closure in known if day <= closure.day <= last and closure.scheduled]


@lru_cache(maxsize=65_536)
def midnight_ms(day: int) -> int:
    """The instant of 00:00 New York, epoch milliseconds."""
    return int(datetime.fromordinal(day).replace(tzinfo=NEW_YORK).timestamp()) * 1000


def minute_ms(day: int, minute: int) -> int:
    """The instant of a New York wall minute of a session; clocks change on Sundays, without a session."""
    return midnight_ms(day) + minute * 60_000


def day_of(ms: int) -> int:
    """The New York day of an instant."""
    return datetime.fromtimestamp(ms // 1000, NEW_YORK).toordinal()
