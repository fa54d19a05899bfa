"""The planner against examples, laws, and every other choice that could have been made."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import ceil
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import MONDAY, allowances, price, tickers, weekdays, window_lists

from stockticker_async.sync.call_plan import (
    CallPlan,
    GroupedCall,
    RangeCall,
    Window,
    describe,
    minutes_under,
    plan_days,
    plan_intraday,
    plan_market,
    weekdays_in,
)
from stockticker_async.sync.session_runs import best_runs

FRIDAY = date(2024, 6, 7)
SATURDAY = date(2024, 6, 8)
SUNDAY = date(2024, 6, 9)
JUNETEENTH = date(2024, 6, 19)  # a Wednesday, closed
THREE_YEARS_AGO = date(2021, 6, 7)
TWO_YEARS_AGO = date(2022, 6, 7)


def least_price(windows: Sequence[Window], *, allowance: int | None, market_rows: int) -> tuple[int, int]:
    """Try every subset of the sessions there are."""
    sessions = sorted({day for window in windows for day in weekdays(window.first, window.last)})
    bit = {day: 1 << number for number, day in enumerate(sessions)}
    masks = [sum(bit[day] for day in weekdays(window.first, window.last)) for window in windows]
    return min(
        price(
            grouped.bit_count() + len(alone),
            grouped.bit_count() * market_rows + sum(mask.bit_count() for mask in alone),
            allowance,
        )
        for grouped in range(1 << len(sessions))
        for alone in [[mask for mask in masks if mask & ~grouped]]
    )


# A row to either side of where so many tickers in step are worth so many sessions, and any.
break_even = st.builds(
    lambda count, days, more: max(0, count * (5_000 + days) // days - 5_000 + more),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(-1, 1),
)
market_sizes = break_even | st.sampled_from([0, 1, 2, 12_000]) | st.integers(0, 20_000)


# Examples


@pytest.mark.parametrize("allowance", [None, 5])
@pytest.mark.parametrize(
    ("windows", "ranges", "grouped"),
    [
        pytest.param([], 0, 0, id="nothing asked"),
        pytest.param(tickers(500, FRIDAY, FRIDAY), 0, 1, id="500 tickers, one new session"),
        pytest.param(tickers(1, TWO_YEARS_AGO, FRIDAY), 1, 0, id="one ticker, two years"),
        pytest.param(tickers(1, FRIDAY, FRIDAY), 1, 0, id="one ticker, one session"),
        pytest.param(tickers(41, THREE_YEARS_AGO, FRIDAY), 41, 0, id="41 tickers, three years"),
        pytest.param(
            [Window("LATE", TWO_YEARS_AGO, FRIDAY), *tickers(499, FRIDAY, FRIDAY)],
            1,
            1,
            id="499 in step, one far behind",
        ),
        pytest.param(
            [*tickers(500, MONDAY, FRIDAY), Window("NEW", THREE_YEARS_AGO, FRIDAY)],
            1,
            5,
            id="a new ticker among 500",
        ),
        pytest.param(
            [*tickers(400, MONDAY, MONDAY, name="A"), *tickers(400, FRIDAY, FRIDAY, name="B")],
            0,
            2,
            id="two groups, the days between not asked",
        ),
        pytest.param(tickers(500, FRIDAY, SUNDAY), 0, 1, id="a weekend adds no call"),
        pytest.param(tickers(500, SATURDAY, SUNDAY), 0, 0, id="only a weekend"),
        pytest.param(tickers(500, JUNETEENTH, JUNETEENTH), 0, 1, id="a holiday on a weekday is asked"),
        pytest.param(
            tickers(500, date(2024, 6, 17), date(2024, 6, 21)), 0, 5, id="a holiday inside a run is asked"
        ),
    ],
)
def test_the_plan_is_the_one_a_person_would_make(
    windows: list[Window], ranges: int, grouped: int, allowance: int | None
) -> None:
    plan = plan_days(windows, allowance=allowance)
    assert (len(plan.ranges), len(plan.grouped)) == (ranges, grouped)
    assert plan.calls == ranges + grouped


@pytest.mark.parametrize(("allowance", "ranges", "grouped"), [(None, 6, 0), (5, 0, 5)])
def test_six_tickers_download_five_markets_only_where_calls_are_rationed(
    allowance: int | None, ranges: int, grouped: int
) -> None:
    plan = plan_days(tickers(6, MONDAY, FRIDAY), allowance=allowance)
    assert (len(plan.ranges), len(plan.grouped)) == (ranges, grouped)


def test_as_many_tickers_as_sessions_are_asked_by_name_since_rows_break_the_tie() -> None:
    assert len(plan_days(tickers(5, MONDAY, FRIDAY), allowance=5).ranges) == 5


def test_no_number_of_rows_outweighs_a_call_where_calls_are_rationed() -> None:
    plan = plan_days(tickers(6, MONDAY, FRIDAY), allowance=5, market_rows=10**9)
    assert plan.calls == 5


def test_the_ticker_that_lags_behind_keeps_its_place_and_its_own_dates() -> None:
    windows = [
        Window("LATE", date(2022, 6, 4), SUNDAY),
        *tickers(9, MONDAY, FRIDAY),
        Window("OLD", MONDAY, FRIDAY),
    ]
    assert plan_days(windows, allowance=None, market_rows=100_000).ranges == tuple(
        RangeCall(window.ticker, window.first, window.last) for window in windows
    )


def test_tickers_answered_by_session_are_named() -> None:
    windows = [
        Window("LATE", TWO_YEARS_AGO, FRIDAY),
        *tickers(40, MONDAY, FRIDAY),
        Window("SHORT", FRIDAY, SUNDAY),
    ]
    plan = plan_days(windows, allowance=None)
    assert plan.by_session == {"SHORT", *(f"T{number}" for number in range(40))}
    assert plan.ranges == (RangeCall("LATE", TWO_YEARS_AGO, FRIDAY),)


def test_a_ticker_whose_window_holds_no_weekday_is_named_nowhere() -> None:
    plan = plan_days([Window("W", SATURDAY, SUNDAY), *tickers(50, FRIDAY, FRIDAY)], allowance=None)
    assert "W" not in plan.by_session
    assert plan.ranges == ()


def test_the_ends_of_the_calendar_are_days_like_others() -> None:
    assert plan_days([Window("T", date.min, date.max)], allowance=None).ranges == (
        RangeCall("T", date.min, date.max),
    )
    assert plan_market(date.max, date.max) == (GroupedCall(date.max),)


def test_the_whole_market_is_asked_once_each_weekday() -> None:
    assert [call.session for call in plan_market(FRIDAY, date(2024, 6, 11))] == [
        FRIDAY,
        date(2024, 6, 10),
        date(2024, 6, 11),
    ]
    assert plan_market(SATURDAY, SUNDAY) == ()


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"TSLA ends 2024-06-03, before its start 2024-06-07"):
        Window("TSLA", FRIDAY, MONDAY)


def test_a_ticker_with_two_windows_is_refused() -> None:
    twice = [Window("A", MONDAY, MONDAY), Window("B", MONDAY, MONDAY), Window("B", FRIDAY, FRIDAY)]
    with pytest.raises(ValueError, match=r"B has several"):
        plan_days(twice, allowance=None)
    with pytest.raises(ValueError, match=r"B has several"):
        plan_intraday(twice)


# Laws


@given(window_lists(most=24, span_days=40), allowances, market_sizes)
def test_every_weekday_of_every_window_is_answered_exactly_once(
    windows: list[Window], allowance: int | None, market_rows: int
) -> None:
    plan = plan_days(windows, allowance=allowance, market_rows=market_rows)
    sessions = {call.session for call in plan.grouped}
    by_range = [(call.ticker, day) for call in plan.ranges for day in weekdays(call.first, call.last)]
    by_session = [
        (window.ticker, day)
        for window in windows
        if window.ticker in plan.by_session
        for day in weekdays(window.first, window.last)
        if day in sessions
    ]
    asked = [(window.ticker, day) for window in windows for day in weekdays(window.first, window.last)]
    assert sorted(by_range + by_session) == sorted(asked)


@given(window_lists(most=24, span_days=40), allowances, market_sizes)
def test_no_session_is_asked_that_answers_nobody(
    windows: list[Window], allowance: int | None, market_rows: int
) -> None:
    plan = plan_days(windows, allowance=allowance, market_rows=market_rows)
    needed = {
        day
        for window in windows
        if window.ticker in plan.by_session
        for day in weekdays(window.first, window.last)
    }
    assert [call.session for call in plan.grouped] == sorted(needed)


@settings(max_examples=150, deadline=None)
@given(window_lists(most=6, span_days=10), allowances, market_sizes)
def test_no_other_choice_of_sessions_costs_less(
    windows: list[Window], allowance: int | None, market_rows: int
) -> None:
    plan = plan_days(windows, allowance=allowance, market_rows=market_rows)
    assert price(plan.calls, plan.rows, allowance) == least_price(
        windows, allowance=allowance, market_rows=market_rows
    )


@settings(max_examples=60, deadline=None)
@given(window_lists(most=24, span_days=10), allowances, market_sizes)
def test_no_other_choice_costs_less_where_windows_crowd(
    windows: list[Window], allowance: int | None, market_rows: int
) -> None:
    plan = plan_days(windows, allowance=allowance, market_rows=market_rows)
    assert price(plan.calls, plan.rows, allowance) == least_price(
        windows, allowance=allowance, market_rows=market_rows
    )


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 7), st.integers(1, 8)).filter(lambda span: span[0] < span[1]),
        st.integers(1, 9),
        max_size=20,
    ),
    st.integers(1, 12),
)
def test_the_runs_chosen_save_the_most_to_the_last_row(
    savings: dict[tuple[int, int], int], price: int
) -> None:
    def saved(days: int) -> int:
        inside = [saving for (first, end), saving in savings.items() if not (1 << end) - (1 << first) & ~days]
        return sum(inside) - price * days.bit_count()

    runs = best_runs(savings, lambda day: day * price)
    assert runs == sorted(runs)
    assert saved(sum((1 << end) - (1 << first) for first, end in runs)) == max(map(saved, range(1 << 8)))


@given(window_lists(most=24, span_days=40), allowances, market_sizes, st.randoms(use_true_random=False))
def test_the_order_of_the_windows_changes_only_the_order_of_the_range_calls(
    windows: list[Window], allowance: int | None, market_rows: int, random: Random
) -> None:
    plan = plan_days(windows, allowance=allowance, market_rows=market_rows)
    shuffled = random.sample(windows, len(windows))
    other = plan_days(shuffled, allowance=allowance, market_rows=market_rows)
    assert (other.grouped, other.by_session, set(other.ranges)) == (
        plan.grouped,
        plan.by_session,
        set(plan.ranges),
    )
    names = [window.ticker for window in shuffled]
    assert [call.ticker for call in other.ranges] == [
        name for name in names if name in {call.ticker for call in plan.ranges}
    ]


@given(st.dates(), st.integers(0, 4_000))
def test_weekdays_are_counted_as_by_the_calendar(first: date, span_days: int) -> None:
    last = date.fromordinal(min(first.toordinal() + span_days, date.max.toordinal()))
    assert weekdays_in(first, last) == sum(
        date.fromordinal(day).isoweekday() < 6 for day in range(first.toordinal(), last.toordinal() + 1)
    )


# Intraday


def lengths(calls: Iterable[RangeCall]) -> list[int]:
    return [weekdays_in(call.first, call.last) for call in calls]


bar_sizes = st.sampled_from([1 / 60, 0.5, 1, 60])


@given(window_lists(most=5, span_days=900), st.integers(1, 200_000), bar_sizes)
def test_pieces_tile_each_window_in_order(windows: list[Window], page_rows: int, bar_minutes: float) -> None:
    calls = plan_intraday(windows, page_rows=page_rows, bar_minutes=bar_minutes)
    asked = [window for window in windows if weekdays(window.first, window.last)]
    for window in asked:
        pieces = [call for call in calls if call.ticker == window.ticker]
        assert (pieces[0].first, pieces[-1].last) == (window.first, window.last)
        assert all(later.first - earlier.last == timedelta(1) for earlier, later in pairwise(pieces))
        assert min(lengths(pieces)) > 0
    assert list(dict.fromkeys(call.ticker for call in calls)) == [window.ticker for window in asked]


@given(window_lists(most=3, span_days=900), st.integers(1, 200_000), bar_sizes)
def test_a_piece_full_of_extended_hours_fits_one_page_and_no_fewer_pieces_do(
    windows: list[Window], page_rows: int, bar_minutes: float
) -> None:
    calls = plan_intraday(windows, page_rows=page_rows, bar_minutes=bar_minutes)
    minutes_a_session = sum(4 <= minute // 60 < 20 for minute in range(24 * 60))
    most_rows_a_session = minutes_a_session / min(1, bar_minutes)
    assert all(days == 1 or days * most_rows_a_session <= page_rows for days in lengths(calls))
    for window in windows:
        days = weekdays_in(window.first, window.last)
        count = sum(call.ticker == window.ticker for call in calls)
        assert count <= 1 or ceil(days / (count - 1)) * most_rows_a_session > page_rows


@pytest.mark.parametrize(
    ("bar_minutes", "sizes"),
    [
        pytest.param(1, [52] * 10, id="52 weekdays of 960 minutes"),
        pytest.param(60, [52] * 10, id="hours count their minutes"),
        pytest.param(1 / 60, [1] * 520, id="a session of seconds may pass a page"),
    ],
)
def test_pieces_are_as_long_as_a_page_allows(bar_minutes: float, sizes: list[int]) -> None:
    window = Window("T", date(2022, 6, 13), FRIDAY)
    assert lengths(plan_intraday([window], bar_minutes=bar_minutes)) == sizes


# What to expect


def test_a_plan_counts_its_own_calls_and_rows() -> None:
    ranges = (RangeCall("BUSY", date(2023, 6, 12), FRIDAY),)
    plan = CallPlan(ranges, (GroupedCall(FRIDAY),), market_rows=11_000, rows_per_session=600.5)
    assert (plan.calls, plan.rows) == (2, 11_000 + 156_130)


@pytest.mark.parametrize(
    ("calls", "allowance", "minutes"),
    [(500, None, None), (0, 5, 0), (1, 5, 0), (5, 5, 0), (6, 5, 1), (10, 5, 1), (11, 5, 2), (500, 5, 99)],
)
def test_the_first_calls_start_at_once_and_each_minute_as_many(
    calls: int, allowance: int | None, minutes: int | None
) -> None:
    assert minutes_under(calls, allowance) == minutes


@pytest.mark.parametrize(
    ("plan", "allowance", "lines"),
    [
        (CallPlan(), 5, ["No call is needed."]),
        (
            plan_days(tickers(1, MONDAY, FRIDAY), allowance=5),
            5,
            [
                "1 call, about 5 rows:",
                "- 1 for 1 ticker by name, 2024-06-03 to 2024-06-07",
                "With an allowance of 5 a minute: less than a minute.",
            ],
        ),
        (
            plan_days(
                [*tickers(10, TWO_YEARS_AGO, FRIDAY), *tickers(990, FRIDAY, FRIDAY, name="A")], allowance=5
            ),
            5,
            [
                "11 calls, about 17,240 rows:",
                "- 1 for the whole market, one a session for 990 tickers, on 2024-06-07",
                "- 10 for 10 tickers by name, 2022-06-07 to 2024-06-07",
                "With an allowance of 5 a minute: about 2 min.",
            ],
        ),
        (
            CallPlan(grouped=plan_market(TWO_YEARS_AGO, FRIDAY)),
            5,
            [
                "524 calls, about 6,288,000 rows:",
                "- 524 for the whole market, one a session, 2022-06-07 to 2024-06-07",
                "With an allowance of 5 a minute: about 1 h 44 min.",
            ],
        ),
        (
            CallPlan((RangeCall("T", date(2023, 6, 12), FRIDAY),), rows_per_session=600),
            None,
            [
                "1 call, about 156,000 rows:",
                "- 1 for 1 ticker by name, 2023-06-12 to 2024-06-07",
            ],
        ),
    ],
)
def test_a_plan_is_told_in_a_few_lines(plan: CallPlan, allowance: int | None, lines: list[str]) -> None:
    assert describe(plan, allowance) == lines


# Size


@pytest.mark.parametrize("allowance", [None, 5])
def test_ten_thousand_tickers_and_twenty_years_are_five_thousand_calls(allowance: int | None) -> None:
    plan = plan_days(tickers(10_000, date(2005, 4, 11), FRIDAY), allowance=allowance)
    assert (len(plan.by_session), len(plan.ranges), len(plan.grouped)) == (10_000, 0, 5_000)


@pytest.mark.parametrize("allowance", [None, 5])
def test_twelve_thousand_windows_that_differ_are_planned(allowance: int | None) -> None:
    """A plan in k * k steps would be felt here: 144 million of them."""
    windows = [
        Window(
            f"T{number}",
            MONDAY - timedelta(9_000 - number * 7_919 % 8_000),
            MONDAY - timedelta(number * 31 % 1_000),
        )
        for number in range(12_000)
    ]
    plan = plan_days(windows, allowance=allowance, market_rows=2_000)
    assert len(plan.by_session) + len(plan.ranges) == 12_000
    assert plan.calls < 7_000
