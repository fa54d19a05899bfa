"""Plans with flat files, against every other choice that could have been made."""

from collections.abc import Sequence
from datetime import date, timedelta
from math import ceil

from hypothesis import example, given
from hypothesis import strategies as st
from plans import MONDAY, allowances, price, tickers, weekdays, window_lists

from stockticker_async.sync.call_plan import (
    CallPlan,
    FileCall,
    FileOffer,
    GroupedCall,
    Window,
    describe,
    plan_days,
    plan_market_files,
    plan_minutes,
)

_PAGE_ROWS = 2 * 960
"""Two sessions a call, so that windows of a few days take several."""

offers = st.builds(
    FileOffer,
    st.sampled_from([0, 1, 600, 3_750, 12_000, 250_000]) | st.integers(0, 20_000),
    st.integers(-1, 8).map(lambda days: MONDAY + timedelta(days)),
    st.integers(-1, 8).map(lambda days: MONDAY + timedelta(days)),
)


def subsets(windows: Sequence[Window]) -> list[tuple[list[date], list[Window]]]:
    """Every choice of sessions to ask for all, with the windows that are not inside."""
    sessions = sorted({day for window in windows for day in weekdays(window.first, window.last)})
    found = []
    for chosen in range(1 << len(sessions)):
        asked = [day for number, day in enumerate(sessions) if chosen >> number & 1]
        alone = [one for one in windows if not set(weekdays(one.first, one.last)) <= set(asked)]
        found.append((asked, alone))
    return found


def least_days(windows: Sequence[Window], offer: FileOffer, allowance: int | None) -> tuple[int, int]:
    prices = []
    for asked, alone in subsets(windows):
        for filed in (True, False):
            files = [day for day in asked if day < offer.until and filed]
            calls = len(asked) - len(files) + len(alone)
            rows = len(files) * offer.rows + (len(asked) - len(files)) * 12_000
            rows += sum(len(weekdays(one.first, one.last)) for one in alone)
            prices.append(price(calls, rows, allowance))
    return min(prices)


def least_minutes(windows: Sequence[Window], offer: FileOffer, allowance: int | None) -> tuple[int, int]:
    prices = []
    for asked, alone in subsets(windows):
        listed = sum(day >= offer.listed_from for day in asked)
        spans = [len(weekdays(one.first, one.last)) for one in alone]
        calls = listed + sum(ceil(days / 2) for days in spans)
        rows = len(asked) * offer.rows + listed * 12_000 + 600 * sum(spans)
        prices.append(price(calls, rows, allowance))
    return min(prices)


def rows_of(plan: CallPlan, offer: FileOffer, a_day: int) -> int:
    days = sum(len(weekdays(call.first, call.last)) for call in plan.ranges)
    sessions = len(plan.grouped) + plan.listed_files
    return len(plan.files) * offer.rows + sessions * 12_000 + days * a_day


def answered(plan: CallPlan, window: Window) -> set[date]:
    if window.ticker in plan.by_session:
        return {call.session for call in plan.files} | {call.session for call in plan.grouped}
    return {
        day for call in plan.ranges if call.ticker == window.ticker for day in weekdays(call.first, call.last)
    }


@given(window_lists(most=6, span_days=8), offers, allowances)
@example([Window("T0", MONDAY, MONDAY)], FileOffer(250_000, MONDAY + timedelta(1)), 5)
def test_no_choice_of_files_calls_and_ranges_is_cheaper_for_day_bars(
    windows: list[Window], offer: FileOffer, allowance: int | None
) -> None:
    plan = plan_days(windows, allowance=allowance, files=offer)
    assert all(call.session < offer.until for call in plan.files)
    assert plan.listed_files == 0
    assert price(plan.calls, rows_of(plan, offer, 1), allowance) == least_days(windows, offer, allowance)
    assert all(set(weekdays(one.first, one.last)) <= answered(plan, one) for one in windows)


@given(window_lists(most=6, span_days=8), offers, allowances)
def test_no_choice_of_files_and_ranges_is_cheaper_for_minutes(
    windows: list[Window], offer: FileOffer, allowance: int | None
) -> None:
    plan = plan_minutes(windows, offer, allowance=allowance, page_rows=_PAGE_ROWS)
    assert plan.grouped == ()
    assert price(plan.calls, rows_of(plan, offer, 600), allowance) == least_minutes(windows, offer, allowance)
    assert all(set(weekdays(one.first, one.last)) <= answered(plan, one) for one in windows)


def test_thousands_of_tickers_of_minutes_are_one_file_and_ten_are_ranges() -> None:
    offer = FileOffer(250_000)
    friday = MONDAY + timedelta(4)
    many = plan_minutes(tickers(3_000, friday, friday), offer, allowance=None)
    assert (many.files, many.ranges, len(many.by_session)) == ((FileCall(friday),), (), 3_000)
    few = plan_minutes(tickers(10, friday, friday), offer, allowance=None)
    assert (len(few.files), len(few.ranges)) == (0, 10)


def test_the_market_is_read_from_files_up_to_their_end() -> None:
    tuesday = MONDAY + timedelta(1)
    plan = plan_market_files(MONDAY, MONDAY + timedelta(2), FileOffer(1, tuesday, MONDAY))
    assert plan.files == (FileCall(MONDAY),)
    assert plan.grouped == (GroupedCall(tuesday), GroupedCall(MONDAY + timedelta(2)))
    assert (plan.listed_files, plan.calls) == (1, 3)


def test_a_person_is_told_of_files() -> None:
    plan = CallPlan(files=(FileCall(MONDAY),), listed_files=1, by_session=frozenset("AB"))
    assert describe(plan, None) == [
        "1 call, about 0 rows:",
        "- 1 flat file, one a session for 2 tickers, with 1 call for the OTC stocks, on 2024-06-03",
    ]
