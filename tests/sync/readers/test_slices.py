"""The units of work of a plan: every call of it once, and days covered without a gap."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.calendar import weekdays
from stockticker_async.marketdata.session_files import FlatFile
from stockticker_async.sync.call_plan import CallPlan, GroupedCall, RangeCall
from stockticker_async.sync.readers.slices import (
    FileSlice,
    RangeSlice,
    SessionCalls,
    SessionSlice,
    calls_of,
    slices_of,
)

FIRST = date(2020, 12, 1)
NAMES = ("A", "B")


@st.composite
def plans(draw: st.DrawFn) -> CallPlan:
    sessions = draw(
        st.lists(st.sampled_from(weekdays(FIRST, FIRST + timedelta(days=30))), unique=True).map(sorted)
    )
    ranges: list[RangeCall] = []
    for name in "XYZ":
        day = FIRST
        for length in draw(st.lists(st.integers(0, 9), max_size=3)):
            ranges.append(RangeCall(name, day, day + timedelta(days=length)))
            day += timedelta(days=length + 1)
    return CallPlan(ranges=tuple(ranges), grouped=tuple(map(GroupedCall, sessions)))


@given(plans(), st.integers(30, 40))
def test_every_call_is_one_slice_and_sessions_come_first(plan: CallPlan, days: int) -> None:
    found = list(slices_of(plan, calls_of(plan, FIRST + timedelta(days=days)), NAMES))
    count = len(plan.grouped)
    assert [one.first for one in found[:count]] == [call.session for call in plan.grouped]
    assert all(isinstance(one, SessionSlice) and one.span.names == NAMES for one in found[:count])
    rest = [one for one in found[count:] if isinstance(one, RangeSlice)]
    assert sorted(map(str, (one.call for one in rest))) == sorted(map(str, plan.ranges))
    assert all(one.whole and one.span.names == (one.call.ticker,) for one in rest)


@given(plans(), st.integers(30, 40))
def test_a_session_covers_the_closed_days_up_to_the_next_one(plan: CallPlan, days: int) -> None:
    last = FIRST + timedelta(days=days)
    sessions = [one for one in slices_of(plan, calls_of(plan, last), NAMES) if isinstance(one, SessionSlice)]
    for one, following in pairwise(sessions):
        assert one.last + timedelta(days=1) == following.first
    assert [one.last for one in sessions[-1:]] == [last] * bool(sessions)


@given(plans(), st.randoms(use_true_random=False))
def test_answers_in_any_order_cover_each_ticker_to_its_end(plan: CallPlan, random: object) -> None:
    found = list(slices_of(plan, calls_of(plan, FIRST + timedelta(days=35)), NAMES))
    random.shuffle(found)  # type: ignore[attr-defined] # a Random
    reached: dict[tuple[str, ...], date] = {}
    for one in found:
        through = one.span.coverage.answered(one.span.place, one.last)
        if through is not None:
            reached[one.span.names] = through
    for one in found:
        assert reached[one.span.names] >= one.last


def test_files_and_sessions_share_one_coverage_and_late_files_have_their_own() -> None:
    monday, tuesday, earlier = date(2020, 12, 14), date(2020, 12, 15), date(2020, 12, 1)
    calls = SessionCalls(
        ((monday, FlatFile(monday, "k", "e", 1)), (tuesday, None)), tuesday, (FlatFile(earlier, "l", "e", 1),)
    )
    late, file, session = slices_of(CallPlan(), calls, NAMES, ("C",))
    assert isinstance(late, FileSlice)
    assert isinstance(file, FileSlice)
    assert isinstance(session, SessionSlice)
    assert (late.first, late.last, file.first, file.last, session.last) == (
        earlier,
        earlier,
        monday,
        monday,
        tuesday,
    )
    assert (late.late, late.span.names, file.late, file.span.names) == (True, ("C",), False, NAMES)
    assert late.span.coverage is not file.span.coverage
    assert file.span.coverage is session.span.coverage
    assert calls.grouped == [(1, tuesday)]
