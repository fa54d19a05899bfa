"""Whether the pages of a list are what was asked: tickers, days, their order, and no page for another.

A path that names tickers gives rows of these tickers only, and one that names days gives rows of these
days only, in their order, since every list with days is asked for the oldest first.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.calendar import new_york_date
from stockticker_async.marketdata.rows import day_of

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RowCriteria:
    """What a path asks of each row."""

    tickers: frozenset[str] = frozenset()
    """The tickers that the path names. Empty: it names none, and the rows are of any."""
    field: str = ""
    """The field of the day or moment asked for, in whose order the rows come. Empty: there is none."""
    first: date = date.min
    last: date = date.max
    """The days asked for (New York), both included."""
    times: bool = False
    """Whether the field is a moment; else it is a day."""

    def place(self, value: object) -> tuple[date, float]:
        """The New York date of a row by the value of its field, and a number to put rows in order by.

        Raises `BadPageError` where that is not a date or moment, or was not asked for.
        """
        day, number = _moment(value) if self.times else _day(value)
        if day is None:
            what = "moment" if self.times else "day"
            raise BadPageError(f"the API gave a row whose {self.field} is not a {what}, {str(value)[:40]}.")
        if not self.first <= day <= self.last:
            raise BadPageError(f"the API gave a row outside the days asked for: {self.field} {day}.")
        return day, number


ANYTHING = RowCriteria()


@dataclass(frozen=True, slots=True)
class _PageOutline:
    """What the judge keeps of a page."""

    reached: tuple[date, float] | None = None
    """The last row's day, of this page or one before."""
    begun: date | None = None
    """The first row's day, of all pages."""
    keys: frozenset[Hashable] = frozenset()


class ListJudge:
    """Judges the pages of one answer in turn.

    Of the pages before it knows the days of the first row and the last, the keys of one page, and a number
    for each page: no more, however many there are. A page that is asked for again is judged again; `accept`
    goes on to the next.
    """

    def __init__(self, criteria: RowCriteria) -> None:
        self._criteria = criteria
        self._before = _PageOutline()
        self._judged = _PageOutline()
        self._pages: set[int] = set()

    def judge(self, values: Iterable[object], keys: Iterable[Hashable]) -> None:
        """Raises `BadPageError` for a page that is not the next one.

        ``values`` are the rows' field that was asked for, ``keys`` their primary keys.
        """
        reached, begun = self._before.reached, self._before.begun
        for value in values if self._criteria.field else ():
            place = self._criteria.place(value)
            if reached is not None and place[1] < reached[1]:
                raise BadPageError(f"the API gave a row out of order: {self._criteria.field} {place[0]}.")
            reached, begun = place, begun or place[0]
        found = frozenset(keys)
        if found and (found <= self._before.keys or hash(found) in self._pages):
            raise BadPageError("the API gave a page again in place of the next one.")
        self._judged = _PageOutline(reached, begun, found or self._before.keys)

    def accept(self) -> date | None:
        """Go on from the page judged last. Returns the last day of which all rows were seen.

        A further page may have more of the last row's day. None before the second day: rows of one day are
        in every order, also the newest first.
        """
        self._before = page = self._judged
        if page.keys:
            self._pages.add(hash(page.keys))
        if page.reached is None or page.begun is None or page.reached[0] <= page.begun:
            return None
        return page.reached[0] - _DAY


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
