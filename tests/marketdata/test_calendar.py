"""New York's days and sessions, whatever the machine's time zone."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.bar_size import BarSize, window_days
from stockticker_async.marketdata.calendar import (
    NEW_YORK,
    holds_session,
    is_session,
    is_weekday,
    last_askable,
    last_settled,
    midnight_ms,
    missing_sessions,
    new_york_date,
    session_from,
    session_of,
    sessions_back,
    utc_text,
    weekdays,
)

ONE = timedelta(days=1)
WINTER = date(2024, 1, 10)
TO_SUMMER, TO_WINTER = date(2024, 3, 10), date(2024, 11, 3)
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
calendar_days = st.dates(date(2000, 1, 1), date(2030, 12, 31))


def local(day: date, hour: int, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    """A New York time as UTC."""
    moment = datetime(day.year, day.month, day.day, hour, minute, second, microsecond, tzinfo=NEW_YORK)
    return moment.astimezone(UTC)


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


# Timestamps


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (date(2020, 12, 15), "2020-12-15T05:00:00Z"),
        (date(2020, 7, 15), "2020-07-15T04:00:00Z"),
        (TO_SUMMER, "2024-03-10T05:00:00Z"),
        (TO_SUMMER + ONE, "2024-03-11T04:00:00Z"),
        (TO_WINTER, "2024-11-03T04:00:00Z"),
        (TO_WINTER + ONE, "2024-11-04T05:00:00Z"),
        (date(1970, 1, 1), "1970-01-01T05:00:00Z"),
    ],
)
def test_a_days_midnight_is_new_yorks(day: date, utc: str) -> None:
    assert midnight_ms(day) == milliseconds(utc)
    assert utc_text(midnight_ms(day)) == utc


@pytest.mark.parametrize(("day", "hours"), [(TO_SUMMER, 23), (TO_WINTER, 25), (WINTER, 24)])
def test_a_day_is_as_long_as_new_york_makes_it(day: date, hours: int) -> None:
    assert midnight_ms(day + ONE) - midnight_ms(day) == hours * 3_600_000


@pytest.mark.parametrize(
    ("utc", "session"),
    [
        ("2024-03-10T04:59:59.999Z", date(2024, 3, 9)),
        ("2024-03-10T06:59:59.999Z", TO_SUMMER),  # one millisecond before two o'clock, which is three
        ("2024-03-10T07:00:00Z", TO_SUMMER),
        ("2024-03-11T03:59:59.999Z", TO_SUMMER),
        ("2024-11-03T05:30:00Z", TO_WINTER),  # half past one, the first time
        ("2024-11-03T06:30:00Z", TO_WINTER),  # half past one, the second time
        ("2024-11-04T04:59:59.999Z", TO_WINTER),
        ("2024-11-04T05:00:00Z", TO_WINTER + ONE),
        ("2020-12-15T21:00:00Z", date(2020, 12, 15)),  # 16:00 New York, as grouped rows have it
        ("2020-12-16T00:59:00Z", date(2020, 12, 15)),  # the last minute after hours
    ],
)
def test_a_moments_session_is_its_new_york_date(utc: str, session: date) -> None:
    assert session_of(milliseconds(utc)) == session


@given(days)
def test_the_session_of_a_midnight_is_its_day(day: date) -> None:
    assert session_of(midnight_ms(day)) == day
    assert session_of(midnight_ms(day) - 1) == day - ONE
    assert session_of(midnight_ms(day + ONE) - 1) == day


@pytest.mark.parametrize(
    ("timestamp_ms", "text"),
    [
        (1_608_008_400_000, "2020-12-15T05:00:00Z"),
        (1_608_008_400_001, "2020-12-15T05:00:00.001Z"),
        (1_608_008_400_120, "2020-12-15T05:00:00.120Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1000, "1969-12-31T23:59:59Z"),
    ],
)
def test_milliseconds_show_only_where_there_are_any(timestamp_ms: int, text: str) -> None:
    assert utc_text(timestamp_ms) == text


@given(st.integers(0, 4_102_444_800_000))
def test_a_timestamps_text_is_the_timestamp(timestamp_ms: int) -> None:
    moment = datetime.fromisoformat(utc_text(timestamp_ms))
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1) == timestamp_ms


_PROBE = """
import time
from datetime import UTC, date, datetime, timedelta
from stockticker_async.marketdata import calendar
days = [date(2024, 1, 1) + timedelta(days=n) for n in range(0, 366, 5)]
days += [date(2024, 3, 9), date(2024, 3, 10), date(2024, 3, 11), date(2024, 11, 2), date(2024, 11, 3)]
moments = [datetime(2024, 6, 3, 4, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(48)]
print([calendar.midnight_ms(day) for day in days])
print([calendar.session_of(calendar.midnight_ms(day) + 86_000_000).isoformat() for day in days])
print([calendar.utc_text(calendar.midnight_ms(day)) for day in days])
print([(calendar.last_askable(at), calendar.last_settled(at), calendar.new_york_date(at)) for at in moments])
print(calendar.is_session(date(2024, 7, 4)), calendar.sessions_back(date(2024, 7, 5), 3))
"""


def test_the_machines_time_zone_changes_nothing() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", _PROBE], env={"TZ": zone}, capture_output=True, check=True
        ).stdout
        for zone in ("America/Los_Angeles", "Pacific/Kiritimati")
    }
    assert len(told) == 1
    assert b"1704085200000" in told.pop()


# Today


@pytest.mark.parametrize("day", [WINTER, date(2024, 7, 10), TO_SUMMER, TO_WINTER])
def test_today_can_be_asked_from_half_past_nine_in_new_york(day: date) -> None:
    assert last_askable(local(day, 9, 29, 59, 999_999)) == day - ONE
    assert last_askable(local(day, 9, 30)) == day
    assert last_askable(local(day, 23, 59, 59)) == day
    assert last_askable(local(day, 0)) == day - ONE


@pytest.mark.parametrize("day", [WINTER, date(2024, 7, 10), TO_SUMMER, TO_WINTER])
def test_a_day_is_settled_at_the_midnight_after_it(day: date) -> None:
    assert last_settled(local(day, 23, 59, 59, 999_999)) == day - ONE
    assert last_settled(local(day + ONE, 0)) == day
    assert new_york_date(local(day, 23, 59, 59)) == day
    assert new_york_date(local(day + ONE, 0)) == day + ONE


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda one: one.replace(tzinfo=UTC)))  # noqa: DTZ001 - made aware
def test_what_is_settled_is_before_what_is_askable_or_the_same_day(moment: datetime) -> None:
    assert last_settled(moment) <= last_askable(moment) <= new_york_date(moment)
    assert midnight_ms(last_settled(moment) + ONE) <= moment.timestamp() * 1000


# The calendar


@pytest.mark.parametrize(
    "day",
    [
        date(2012, 10, 29),  # Sandy
        date(2012, 10, 30),
        date(2018, 12, 5),  # a day of mourning
        date(2025, 1, 9),  # another
        date(2001, 9, 11),
        date(2024, 1, 1),
        date(2024, 3, 29),  # Good Friday
        date(2024, 6, 19),
        date(2024, 7, 4),
        date(2024, 12, 25),
        date(2021, 12, 24),  # Christmas on a Saturday
        date(2023, 1, 2),  # New Year's Day on a Sunday
        date(2024, 6, 8),
        date(2024, 6, 9),
    ],
)
def test_the_exchange_is_closed(day: date) -> None:
    assert not is_session(day)
    assert not holds_session(day, day)


@pytest.mark.parametrize(
    "day",
    [
        date(2012, 10, 26),
        date(2012, 10, 31),
        date(2018, 12, 4),
        date(2018, 12, 6),
        date(2025, 1, 8),
        date(2025, 1, 10),
        date(2024, 7, 3),  # half days are sessions
        date(2024, 11, 29),
        date(2024, 12, 24),
        date(2021, 12, 31),  # New Year's Day on a Saturday is not kept on the Friday
        date(2020, 6, 19),  # Juneteenth is kept from 2022 on
        date(2024, 10, 14),  # Columbus Day: banks are closed, the exchange is not
    ],
)
def test_the_exchange_is_open(day: date) -> None:
    assert is_session(day)
    assert holds_session(day, day)


@pytest.mark.parametrize(
    ("first", "last", "holds"),
    [
        (date(2024, 6, 8), date(2024, 6, 9), False),
        (date(2024, 6, 8), date(2024, 6, 10), True),
        (date(2024, 3, 29), date(2024, 3, 31), False),  # Good Friday to Easter
        (date(2024, 6, 10), date(2024, 6, 9), False),  # nothing
    ],
)
def test_whether_days_hold_a_session(first: date, last: date, holds: bool) -> None:  # noqa: FBT001 - a case
    assert holds_session(first, last) is holds


def test_weekdays_include_both_ends() -> None:
    assert weekdays(date(2024, 6, 7), date(2024, 6, 11)) == [
        date(2024, 6, 7),
        date(2024, 6, 10),
        date(2024, 6, 11),
    ]
    assert weekdays(date(2024, 6, 8), date(2024, 6, 9)) == []
    assert weekdays(date(2024, 6, 10), date(2024, 6, 7)) == []


@given(days, st.integers(0, 60))
def test_weekdays_are_every_day_but_saturdays_and_sundays(first: date, count: int) -> None:
    every = [first + ONE * number for number in range(count)]
    assert weekdays(first, first + ONE * (count - 1)) == [day for day in every if day.isoweekday() < 6]
    assert all(is_weekday(day) is (day.isoweekday() < 6) for day in every)


@pytest.mark.parametrize(
    ("day", "count", "session"),
    [
        (date(2024, 7, 5), 0, date(2024, 7, 5)),
        (date(2024, 7, 5), 1, date(2024, 7, 3)),
        (date(2024, 7, 4), 0, date(2024, 7, 3)),
        (date(2024, 7, 7), 0, date(2024, 7, 5)),
        (date(2024, 7, 7), 2, date(2024, 7, 2)),
        (date(2012, 10, 31), 1, date(2012, 10, 26)),  # over Sandy and a weekend
        (date(2024, 7, 8), 250, date(2023, 7, 10)),
    ],
)
def test_sessions_are_counted_back(day: date, count: int, session: date) -> None:
    assert sessions_back(day, count) == session


@pytest.mark.parametrize(
    ("day", "session"),
    [
        (date(2024, 7, 3), date(2024, 7, 3)),
        (date(2024, 7, 4), date(2024, 7, 5)),
        (date(2024, 7, 6), date(2024, 7, 8)),
        (date(2012, 10, 27), date(2012, 10, 31)),  # over a weekend and Sandy
    ],
)
def test_the_first_session_from_a_day_on(day: date, session: date) -> None:
    assert session_from(day) == session


@given(calendar_days, st.integers(0, 20))
def test_counting_back_leaves_as_many_sessions_behind(day: date, count: int) -> None:
    back = sessions_back(day, count)
    assert is_session(back)
    assert sum(is_session(one) for one in weekdays(back, day)) == count + 1


@given(
    st.dates(date(2003, 9, 10), date(2027, 12, 31)),
    st.integers(0, 900),
    st.sampled_from(
        [
            BarSize(),
            BarSize(1, "minute"),
            BarSize(1, "week"),
            BarSize(1, "month"),
            BarSize(2, "week"),
            BarSize(3, "day"),
        ]
    ),
    st.sets(st.integers(-400, 900), max_size=60),
)
def test_a_session_is_missing_where_no_bar_holds_it(
    first: date, length: int, bar: BarSize, gone: set[int]
) -> None:
    """Of bars that begin every day but some: counted as by someone who looks at each day."""
    last = first + timedelta(days=length)
    starts = frozenset(first + timedelta(days=n) for n in range(-400, length + 1) if n not in gone)
    held = {start + timedelta(days=n) for start in starts for n in range(window_days(bar))}
    days = (first + timedelta(days=n) for n in range(length + 1))
    wanted = sum(is_session(day) and day not in held for day in days)
    assert missing_sessions(bar, first, last, starts) == wanted


@given(st.dates(date(1969, 1, 1), date(2102, 1, 1)), st.integers(0, 800))
def test_the_sessions_of_years_are_those_of_their_days(first: date, count: int) -> None:
    days = [first + timedelta(days=number) for number in range(count + 1)]
    sessions = [day for day in days if is_session(day)]
    assert missing_sessions(BarSize(), first, days[-1], frozenset()) == len(sessions)
    assert missing_sessions(BarSize(), first, days[-1], frozenset(sessions)) == 0
