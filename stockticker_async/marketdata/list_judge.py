"""Validates the pages of a list against the request: tickers, days, their order, and no repeated page.

A path with tickers gives only rows of these tickers. A path with days gives only rows of these days, in
ascending order, because every list with days is requested oldest first.
"""

from collections.abc import Hashable, Iterable
from datetime import date, datetime, timedelta

import msgspec

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.calendar import is_weekday, new_york_date
from stockticker_async.marketdata.rows import day_of

_DAY = timedelta(days=1)


class RowCriteria(msgspec.Struct, frozen=True):
    """The conditions of a path on each row."""

    tickers: frozenset[str] = frozenset()
    """The tickers in the path. Empty: rows of any ticker."""
    field: str = ""
    """The field with the requested day or time, by which the rows are sorted. Empty: no such field."""
    first: date = date.min
    last: date = date.max
    """The requested days (New York), both included."""
    times: bool = False
    """Whether the field is a time; otherwise it is a day."""
    weekdays: bool = False
    """Whether each day must be a weekday."""

    def place(self, value: object) -> tuple[date, float]:
        """Return the New York date of a row from the value of its field, and a number to sort by.

        Raises `BadPageError` where that is not a date or moment, or was not asked for.
        """
        day, number = _moment(value) if self.times else _day(value)
        if day is None:
            what = "moment" if self.times else "day"
            raise BadPageError(f"the API gave a row whose {self.field} is not a {what}, {str(value)[:40]}.")
        if not self.first <= day <= self.last:
            raise BadPageError(f"the API gave a row outside the days asked for: {self.field} {day}.")
        if self.weekdays and not is_weekday(day):
            raise BadPageError(f"the API gave a row of a weekend: {self.field} {day}.")
        return day, number


ANYTHING = RowCriteria()


class DisorderError(BadPageError):
    """A page that is not the next one: an earlier page may have been passed over."""

    def __init__(self, message: str, *, since: date = date.min, detail: str | None = None) -> None:
        """``since`` is the first day whose rows may be missing."""
        super().__init__(message, detail=detail)
        self.since = since


class _PageOutline(msgspec.Struct, frozen=True):
    """The data that the judge keeps of a page."""

    reached: tuple[date, float] | None = None
    """The day of the last row, in this page or an earlier one."""
    begun: date | None = None
    """The day of the first row of all pages."""
    keys: frozenset[Hashable] = frozenset()


class ListJudge:
    """Validates the pages of one list in order.

    It keeps the days of the first and the last row, the keys of the previous page, and a hash of each page. A
    page that is requested again is judged again; `accept` moves on to the next page.
    """

    def __init__(self, criteria: RowCriteria) -> None:
        self._criteria = criteria
        self._before = _PageOutline()
        self._judged = _PageOutline()
        self._pages: set[int] = set()
        self._reached: date | None = None

    def judge(self, values: Iterable[object], keys: Iterable[Hashable]) -> None:
        """Raise `BadPageError` for a page that is not the next one.

        ``values`` are the values of `RowCriteria.field` in the rows, ``keys`` the primary keys.
        """
        reached, begun = self._before.reached, self._before.begun
        before: object = None
        for value in values if self._criteria.field else ():
            if type(value) is str and value == before:
                continue  # as nearly all: a day has many rows
            before = value
            place = self._criteria.place(value)
            if reached is not None and place[1] < reached[1]:
                raise DisorderError(
                    f"the API gave a row out of order: {self._criteria.field} {place[0]}.", since=place[0]
                )
            reached, begun = place, begun or place[0]
        found = frozenset(keys)
        if found and (found <= self._before.keys or hash(found) in self._pages):
            raise DisorderError("the API gave a page again in place of the next one.")
        self._judged = _PageOutline(reached, begun, found or self._before.keys)

    def accept(self) -> date | None:
        """Accept the page judged last. Returns the last day whose rows are complete, or None.

        This is the day before the last row's day, because a further page may have more rows of that day, and
        of the page before this one: only the order of the next page shows that a page passed over none. None
        while all rows are of one day: they do not prove the order.
        """
        complete = self._reached
        self._before = page = self._judged
        if page.keys:
            self._pages.add(hash(page.keys))
        if page.reached is None or page.begun is None or page.reached[0] <= page.begun:
            return complete
        self._reached = page.reached[0] - _DAY
        return complete


def _day(value: object) -> tuple[date | None, float]:
    day = day_of(value)
    return day, day.toordinal() if day else 0


def _moment(value: object) -> tuple[date | None, float]:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            return None, 0
        return new_york_date(moment), moment.timestamp()
    except (ValueError, OverflowError):
        return None, 0
