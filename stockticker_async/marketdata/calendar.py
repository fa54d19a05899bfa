"""New York sessions: which days, when settled, and the session that a timestamp belongs to.

A session is named by its New York date. Everything here is computed in America/New_York, whatever
the machine's time zone. Timestamps are epoch milliseconds, as the API gives them.

The calendar (`nyse_closures`) is advice: it spares useless calls and false alarms. Which bars exist is for
the API to say, and no bar is refused for falling on a holiday. So a weekday outside of the calendar's years
counts as a session: where it is a holiday, that costs a call and a warning, and no data. Rules that go on
after the calendar would be a second source of the same facts. `read` warns before the calendar ends.
"""

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from stockticker_async.marketdata.bar_size import BarSize, window_days
from stockticker_async.marketdata.nyse_closures import CLOSED

NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)
CALENDAR_ENDS = date(max(CLOSED), 12, 31)
"""The last day of the calendar."""
_OPENS = time(9, 30)  # New York; the first bar of a day cannot be asked before
TRADING_MS = (4 * 3_600_000, 20 * 3_600_000)
"""After midnight New York, from which a weekday counts whole hours: when the pre-market begins, and when
after-hours trading ends (the API's `early_hours` and `after_hours`; a plan's `MOST_MINUTES` is their sum)."""
_EARLY_CLOSE = time(13)  # New York, on days before some holidays; else 16:00
_STAMPS = (time(), time(16))  # New York, of bars of a day and longer: start and close


def new_york_date(moment: datetime) -> date:
    """The date on New York's calendars at an aware moment."""
    return moment.astimezone(NEW_YORK).date()


def last_askable(moment: datetime) -> date:
    """The last day worth asking: today from 09:30 New York on, yesterday before."""
    local = moment.astimezone(NEW_YORK)
    return local.date() if local.time() >= _OPENS else local.date() - DAY


def last_settled(moment: datetime) -> date:
    """The last day that has wholly passed in New York."""
    return new_york_date(moment) - DAY


def may_be_closed(session: date, moment: datetime) -> bool:
    """Whether the regular trading of a session may be over at a moment; the shortest end at 13:00."""
    return moment >= datetime.combine(session, _EARLY_CLOSE, NEW_YORK)


@lru_cache(maxsize=16_384)  # 45 years of days
def midnight_ms(day: date) -> int:
    """00:00 New York of ``day`` as epoch milliseconds, the timestamp of its day bar."""
    return int(datetime.combine(day, time(), NEW_YORK).timestamp() * 1000)


@lru_cache(maxsize=16_384)
def session_of(timestamp_ms: int) -> date:
    """The New York date of a moment; of a bar, the date of its start."""
    return _new_york(timestamp_ms).date()


@lru_cache(maxsize=16_384)
def claimed_session(timestamp_ms: int) -> date | None:
    """The New York date that a day bar's stamp claims: its 00:00, or its 16:00, as the API writes them.

    None for any other time of the day, which claims no session: 00:00 UTC is the evening before.
    """
    moment = _new_york(timestamp_ms)
    return moment.date() if moment.time() in _STAMPS else None


@lru_cache(maxsize=16_384)  # of a new day bar both functions above are asked
def _new_york(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, NEW_YORK)


@lru_cache(maxsize=16_384)
def claimed_weekday(timestamp_ms: int) -> date | None:
    """As `claimed_session`, of a single day: none is on a weekend, whatever a calendar knows of holidays."""
    session = claimed_session(timestamp_ms)
    return session if session is not None and is_weekday(session) else None


def may_have_trades(start_ms: int, window_ms: int) -> bool:
    """Whether a window holds some of the hours in which stocks trade: 04:00 to 20:00 on weekdays."""
    day = session_of(start_ms)
    while midnight_ms(day) + TRADING_MS[0] < start_ms + window_ms:
        if is_weekday(day) and start_ms < midnight_ms(day) + TRADING_MS[1]:
            return True
        day += DAY
    return False


@lru_cache(maxsize=16_384)
def utc_text(timestamp_ms: int) -> str:
    """``2020-12-15T05:00:00Z``; milliseconds are shown only where there are any."""
    moment = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def is_weekday(day: date) -> bool:
    return day.weekday() < 5  # noqa: PLR2004 - Monday is 0


def weekdays(first: date, last: date) -> list[date]:
    """Every day from ``first`` to ``last``, both included, that may be a session."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if is_weekday(day)]


@lru_cache(maxsize=16_384)
def is_session(day: date) -> bool:
    """Whether the exchange's calendar has a session that day (half days are sessions)."""
    return is_weekday(day) and f"{day.month:02}{day.day:02}" not in CLOSED.get(day.year, "")


def sessions_back(day: date, count: int) -> date:
    """The session that is ``count`` sessions before the last one on or before ``day`` (0: that one)."""
    while not is_session(day):
        day -= DAY
    for _ in range(count):
        day -= DAY
        while not is_session(day):
            day -= DAY
    return day


def session_from(day: date) -> date:
    """The first session on or after ``day``."""
    while not is_session(day):
        day += DAY
    return day


def holds_session(first: date, last: date) -> bool:
    """Whether the calendar has a session from ``first`` to ``last``, both included."""
    return any(is_session(day) for day in weekdays(first, last))


@lru_cache(maxsize=64)
def _sessions_of(year: int) -> tuple[date, ...]:
    # a tenth of the time of `is_session` for each day, of which twenty years have 7,300
    closed = {date(year, int(text[:2]), int(text[2:])).toordinal() for text in CLOSED.get(year, "").split()}
    ordinals = range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
    days = [date.fromordinal(number) for number in ordinals if number not in closed]
    return tuple(filter(is_weekday, days))


def _sessions(first: date, last: date) -> list[date]:
    """The sessions of the calendar from ``first`` to ``last``, both included; years are worked out once."""
    found = [day for year in range(first.year, last.year + 1) for day in _sessions_of(year)]
    return found[bisect_left(found, first) : bisect_right(found, last)]


@lru_cache(maxsize=8)  # tickers that trade in the same sessions lack the same ones
def missing_sessions(bar: BarSize, first: date, last: date, starts: frozenset[date]) -> int:
    """How many sessions of the calendar from ``first`` to ``last``, both included, lie in no bar.

    ``starts`` are the New York dates on which bars of that size begin; a bar of several days may begin
    before ``first``.
    """
    sessions = _sessions(first, last)
    span = window_days(bar)
    if span == 1:
        return len(set(sessions).difference(starts))
    ordered = sorted(starts)
    places = [bisect_right(ordered, day) for day in sessions]
    return sum(
        not place or (day - ordered[place - 1]).days >= span
        for day, place in zip(sessions, places, strict=True)
    )
