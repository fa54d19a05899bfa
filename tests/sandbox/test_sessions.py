"""The calendar: sessions, early closes, what is known ahead, the change of clocks."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.sandbox.data import sessions as calendar


def number(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    "closed",
    [
        "2001-09-11", "2001-09-14", "2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09", "2020-12-25",
        "2022-06-20", "2020-12-19", "2020-12-20",
    ],
)  # fmt: skip
def test_the_exchange_was_closed(closed: str) -> None:
    assert not calendar.is_session(number(closed))


@pytest.mark.parametrize("opened", ["2001-09-10", "2001-09-17", "2020-12-24", "2021-06-18", "2020-11-27"])
def test_the_exchange_was_open(opened: str) -> None:
    assert calendar.is_session(number(opened))


@settings(deadline=None)
@given(st.dates(date(1999, 1, 1), date(2030, 1, 1)), st.integers(-40, 500))
def test_sessions_are_exactly_the_days_that_are_sessions(first: date, count: int) -> None:
    begin, end = first.toordinal(), first.toordinal() + count
    assert calendar.sessions(begin, end) == [day for day in range(begin, end + 1) if calendar.is_session(day)]


def test_neighbouring_sessions() -> None:
    assert calendar.session_before(number("2020-12-21")) == number("2020-12-18")
    assert calendar.session_before(number("2020-12-21"), 2) == number("2020-12-17")
    assert calendar.session_on_or_after(number("2020-12-25")) == number("2020-12-28")
    assert calendar.session_on_or_after(number("2020-12-28")) == number("2020-12-28")


def test_the_day_after_thanksgiving_ends_at_13() -> None:
    day = number("2020-11-27")
    assert calendar.closing(day) == 13 * 60
    assert calendar.extended_closing(day) == 17 * 60
    assert calendar.closing(day + 3) == 16 * 60
    assert calendar.extended_closing(day + 3) == 20 * 60


def test_what_comes_is_told_with_the_apis_names_but_not_what_nobody_foresees() -> None:
    known = [
        (date.fromordinal(c.day).isoformat(), c.name, c.early)
        for c in calendar.upcoming(number("2012-10-01"), 120)
    ]
    assert known == [
        ("2012-11-22", "Thanksgiving", False),
        ("2012-11-23", "Thanksgiving", True),
        ("2012-12-24", "Christmas", True),
        ("2012-12-25", "Christmas", False),
        ("2013-01-01", "New Year's Day", False),
        ("2013-01-21", "Martin Luther King Jr. Day", False),
    ]


@pytest.mark.parametrize(
    ("day", "utc"),
    [("2021-03-12", 5), ("2021-03-14", 5), ("2021-03-15", 4), ("2021-11-07", 4), ("2021-11-08", 5)],
)
def test_midnight_follows_the_clocks(day: str, utc: int) -> None:
    instant = datetime.fromtimestamp(calendar.midnight_ms(number(day)) / 1000, UTC)
    assert (instant.date().isoformat(), instant.hour) == (day, utc)


@settings(deadline=None)
@given(st.dates(date(1999, 1, 1), date(2030, 1, 1)))
def test_each_day_holds_its_midnight_and_not_the_next(day: date) -> None:
    midnight = calendar.midnight_ms(day.toordinal())
    assert calendar.day_of(midnight) == day.toordinal()
    assert calendar.day_of(midnight - 1) == day.toordinal() - 1
