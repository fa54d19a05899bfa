"""A narrowed plan answers a part of the whole, in the same way."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sync.call_plan import (
    MINUTE_FILE_ROWS,
    FileOffer,
    Window,
    plan_days,
    plan_minutes,
    weekdays_in,
)
from stockticker_async.sync.narrowed_plan import narrowed_plan

FIRST = date(2021, 12, 20)
NAMES = tuple(f"T{number:03}" for number in range(12))
days = st.integers(0, 40).map(lambda number: FIRST + timedelta(days=number))
spans = st.tuples(days, days).map(sorted)
windows = st.dictionaries(st.sampled_from(NAMES), spans, min_size=1).map(
    lambda found: tuple(Window(name, first, last) for name, (first, last) in found.items())
)
offers = st.sampled_from([None, FileOffer(100), FileOffer(MINUTE_FILE_ROWS, listed_from=date(2021, 12, 31))])


def answered(plan: object, windows: tuple[Window, ...]) -> dict[tuple[str, date], str]:
    """The way in which each session of each ticker is answered."""
    found = {}
    for call in plan.ranges:  # type: ignore[attr-defined] # a plan
        for number in range((call.last - call.first).days + 1):
            day = call.first + timedelta(days=number)
            if day.weekday() < 5:
                found[call.ticker, day] = "range"
    for window in windows:
        if window.ticker in plan.by_session:  # type: ignore[attr-defined] # as above
            for way in ("grouped", "files"):
                for one in getattr(plan, way):
                    if window.first <= one.session <= window.last:
                        found[window.ticker, one.session] = way
    return found


@given(windows, offers, st.booleans(), st.none() | st.frozensets(st.sampled_from(NAMES)), spans)
def test_each_session_left_is_answered_as_in_the_whole_plan(
    some: tuple[Window, ...],
    files: FileOffer | None,
    minutes: bool,  # noqa: FBT001 - a case
    names: frozenset[str] | None,
    span: list[date],
) -> None:
    first, last = span
    if minutes:
        whole = plan_minutes(some, files or FileOffer(10), allowance=None)
    else:
        whole = plan_days(some, allowance=5, files=files)
    part = narrowed_plan(whole, names, first, last)
    wanted = {
        key: way
        for key, way in answered(whole, some).items()
        if (names is None or key[0] in names) and first <= key[1] <= last
    }
    assert answered(part, some) == wanted
    assert all(weekdays_in(call.first, call.last) for call in part.ranges)
    assert part.listed_files <= len(part.files)
    if not part.by_session:
        assert not part.files or names is None
