"""The size of a bar: the days that a bar spans, and from which day bars of several days are asked."""

from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.bar_size import BarSize, Timespan, grid_day, last_day, window_days

ONE = timedelta(days=1)
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
calendar_days = st.dates(date(2000, 1, 1), date(2030, 12, 31))
multiples = st.builds(
    BarSize, st.integers(1, 40), st.sampled_from(["day", "week", "month", "quarter", "year"])
)


@pytest.mark.parametrize(
    ("bar", "since", "day", "expected"),
    [
        (BarSize(3, "day"), date(2024, 1, 1), date(2024, 1, 6), date(2024, 1, 4)),
        (BarSize(2, "week"), date(2024, 1, 3), date(2024, 1, 31), date(2024, 1, 31)),
        (BarSize(2, "week"), date(2024, 1, 3), date(2024, 1, 30), date(2024, 1, 17)),
        (BarSize(2, "month"), date(2024, 1, 15), date(2024, 2, 29), date(2024, 1, 15)),
        (BarSize(2, "month"), date(2024, 1, 15), date(2024, 3, 1), date(2024, 3, 1)),
        (BarSize(2, "month"), date(2024, 11, 30), date(2025, 2, 28), date(2025, 1, 1)),
        (BarSize(2, "quarter"), date(2024, 2, 15), date(2024, 12, 31), date(2024, 8, 1)),
        (BarSize(2, "year"), date(2020, 5, 5), date(2025, 4, 30), date(2024, 5, 1)),
        (BarSize(1, "month"), date(2024, 1, 15), date(2024, 3, 7), date(2024, 3, 7)),
        (BarSize(5, "minute"), date(2024, 1, 15), date(2024, 3, 7), date(2024, 3, 7)),
        (BarSize(3, "day"), date(2024, 1, 15), date(2024, 1, 2), date(2024, 1, 2)),
    ],
)
def test_the_day_from_which_bars_of_several_days_are_asked(
    bar: BarSize, since: date, day: date, expected: date
) -> None:
    assert grid_day(bar, since, day) == expected


@pytest.mark.parametrize(
    ("bar", "start", "last"),
    [
        (BarSize(5, "minute"), date(2024, 1, 2), date(2024, 1, 2)),
        (BarSize(), date(2024, 1, 2), date(2024, 1, 2)),
        (BarSize(3, "day"), date(2024, 1, 1), date(2024, 1, 3)),
        (BarSize(1, "week"), date(2024, 1, 7), date(2024, 1, 13)),
        (BarSize(2, "month"), date(2023, 12, 1), date(2024, 1, 31)),
        (BarSize(1, "month"), date(2024, 2, 15), date(2024, 2, 29)),
        (BarSize(1, "quarter"), date(2024, 10, 1), date(2024, 12, 31)),
        (BarSize(2, "year"), date(2024, 1, 1), date(2025, 12, 31)),
    ],
)
def test_the_last_day_of_a_bar(bar: BarSize, start: date, last: date) -> None:
    assert last_day(bar, start) == last


@given(multiples, calendar_days, st.integers(0, 4000))
def test_a_grid_day_is_the_last_one_on_or_before_the_day(bar: BarSize, since: date, later: int) -> None:
    day = since + ONE * later
    found = grid_day(bar, since, day)
    assert since <= found <= day
    assert grid_day(bar, since, found) == found
    assert (day - found).days < window_days(bar)


@given(multiples.filter(lambda bar: bar.multiplier > 1), calendar_days)
def test_grid_days_are_whole_bars_apart(bar: BarSize, since: date) -> None:
    span = window_days(bar)
    found = sorted(
        {grid_day(bar, since, since + ONE * number) for number in range(0, 4 * span, max(1, span // 50))}
    )
    assert found[0] == since
    for one, other in pairwise(found):
        if bar.timespan in ("day", "week"):
            assert (other - one).days % span == 0
        else:
            size = {"month": 1, "quarter": 3, "year": 12}[bar.timespan] * bar.multiplier
            months = (other.year - one.year) * 12 + other.month - one.month
            assert months % size == 0
            assert other.day == 1


@given(st.builds(BarSize, st.integers(1, 3), st.sampled_from(get_args(Timespan))), days)
def test_no_bar_is_longer_than_its_window(bar: BarSize, day: date) -> None:
    if bar.intraday:
        assert window_days(bar) == 1
        return
    size = {"day": 1, "week": 7}.get(bar.timespan)
    if size is not None:
        assert window_days(bar) == size * bar.multiplier
        return
    months = {"month": 1, "quarter": 3, "year": 12}[bar.timespan] * bar.multiplier
    start = day.replace(day=1)
    number = start.year * 12 + start.month - 1 + months
    assert (date(number // 12, number % 12 + 1, 1) - start).days <= window_days(bar)
