"""When bars begin: in order, within what was asked, and when stocks trade."""

from datetime import UTC, date, datetime

import pytest
from bar_answers import (
    ASKED,
    DAY,
    FRIDAY,
    MINUTE,
    MONDAY,
    at,
    bars_of,
    body,
    judge_range,
    moments,
    stamps,
    wire,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.bar_pages import _not_before
from stockticker_async.marketdata.bar_size import BarSize, Timespan
from stockticker_async.marketdata.bar_times import judge_times
from stockticker_async.marketdata.bars import Asked, decode_range


@pytest.mark.parametrize(
    ("size", "first", "start"),
    [
        (BarSize(1, "week"), date(2020, 12, 16), at(2020, 12, 13)),  # weeks start on Sunday
        (BarSize(1, "week"), date(2020, 12, 19), at(2020, 12, 13)),
        (BarSize(2, "week"), date(2020, 12, 19), at(2020, 12, 6)),
        (BarSize(1, "month"), date(2020, 12, 31), at(2020, 12, 1)),
        (BarSize(1, "quarter"), date(2020, 12, 31), at(2020, 10, 1)),
        (BarSize(1, "year"), date(2020, 12, 31), at(2020, 1, 1)),
        (BarSize(3, "day"), date(2020, 12, 16), at(2020, 12, 14)),
        (BarSize(300, "minute"), date(2020, 12, 16), at(2020, 12, 15, 23, 54)),
        (BarSize(9, "hour"), date(2020, 12, 16), at(2020, 12, 15, 20)),
    ],
    ids=str,
)
def test_a_bar_that_begins_before_the_first_day_but_contains_it_is_in_range(
    size: BarSize, first: date, start: int
) -> None:
    asked = Asked("TSLA", first, date(2020, 12, 31), size, adjusted=True)
    assert stamps(bars_of(wire(start), asked=asked)) == [start]
    with pytest.raises(BadPageError, match="outside the range asked"):
        bars_of(wire(asked.from_ms - 1), asked=asked)
    kept = _not_before(first, bars_of(wire(start), asked=asked), asked)
    assert len(kept) == (0 if size.intraday else 1)  # it was a row of the day before


STARTS = {
    "week": [at(2020, 10, 4), at(2020, 10, 11)],
    "month": [at(2020, 9, 1), at(2020, 10, 1)],
    "quarter": [at(2020, 7, 1), at(2020, 10, 1)],
    "year": [at(2019, 1, 1), at(2020, 1, 1)],
}


@pytest.mark.parametrize("days", [-1, 1, 7])
@pytest.mark.parametrize("timespan", STARTS)
def test_a_longer_bar_starts_where_its_window_does(timespan: Timespan, days: int) -> None:
    asked = Asked("TSLA", date(2018, 12, 31), date(2020, 12, 31), BarSize(1, timespan), adjusted=True)
    first, second = STARTS[timespan]
    assert len(bars_of(wire(first), wire(second), asked=asked)) == 2
    if (timespan, days) != ("week", 7):
        with pytest.raises(BadPageError, match=f"which is not the start of a {timespan}"):
            bars_of(wire(first), wire(second + days * 86_400_000), asked=asked)


@pytest.mark.parametrize("first", [date(2020, 12, 12), date(2020, 12, 13), date(2020, 12, 14)])
def test_day_bars_of_utc_days_are_refused_wherever_the_range_begins(first: date) -> None:
    asked = Asked("TSLA", first, date(2020, 12, 18), DAY, adjusted=True)
    days = [datetime(2020, 12, day, tzinfo=UTC) for day in (14, 15, 16)]
    with pytest.raises(BadPageError, match=r"outside the range|neither the start nor the close"):
        bars_of(*(wire(int(day.timestamp() * 1000)) for day in days), asked=asked)


SECOND, HOUR = BarSize(1, "second"), BarSize(1, "hour")
WHEN = "when no stock trades"
CLOCKS: list[tuple[BarSize, int, str | None]] = [
    (MINUTE, at(2020, 12, 15, 4), None),
    (MINUTE, at(2020, 12, 15, 19, 59), None),
    (MINUTE, at(2020, 12, 15, 3, 59), WHEN),
    (MINUTE, at(2020, 12, 15, 20), WHEN),
    (MINUTE, at(2020, 12, 15, 2), WHEN),
    (MINUTE, at(2020, 12, 15, 22, 30), WHEN),
    (MINUTE, at(2020, 12, 12, 11), WHEN),
    (MINUTE, at(2020, 12, 13, 11), WHEN),
    (MINUTE, at(2020, 12, 25, 11), None),  # a calendar of holidays is advice
    (MINUTE, at(2020, 12, 15, 11) + 30_000, "not the start of a whole minute"),
    (BarSize(5, "minute"), at(2020, 12, 15, 11, 31), None),  # nobody says from where five minutes are counted
    (BarSize(5, "minute"), at(2020, 12, 15, 3, 56), None),
    (BarSize(5, "minute"), at(2020, 12, 15, 3, 55), WHEN),
    (HOUR, at(2020, 12, 15, 19), None),
    (HOUR, at(2020, 12, 15, 3), WHEN),
    (HOUR, at(2020, 12, 15, 11) + 30_000, "not the start of a whole hour"),
    (HOUR, at(2020, 12, 15, 11, 30), "not the start of a whole hour"),
    (BarSize(12, "hour"), at(2020, 12, 13, 20), None),  # it reaches Monday's pre-market
    (BarSize(12, "hour"), at(2020, 12, 12, 20), WHEN),
    (BarSize(100, "hour"), at(2020, 12, 11, 22), None),
    (SECOND, at(2020, 12, 15, 11) + 1000, None),
    (SECOND, at(2020, 12, 15, 11) + 1, "not the start of a whole second"),
    (DAY, at(2020, 12, 25), None),
    (DAY, at(2020, 12, 12), "neither the start nor the close of a session"),
    (DAY, at(2020, 12, 13, 16), "neither the start nor the close of a session"),
    (BarSize(2, "day"), at(2020, 12, 13), None),
    (BarSize(1, "week"), at(2020, 12, 13), None),
]


@pytest.mark.parametrize(("size", "moment", "fault"), CLOCKS, ids=str)
def test_a_bar_is_of_an_hour_in_which_stocks_trade(size: BarSize, moment: int, fault: str | None) -> None:
    asked = Asked("TSLA", date(2020, 12, 9), date(2020, 12, 30), size, adjusted=True)
    # beside good ones, before and after it
    around = [at(2020, 12, 10, 12), at(2020, 12, 28, 12)] if size.intraday else []
    times = sorted({*around, moment})
    if fault is None:
        assert stamps(bars_of(*map(wire, times), asked=asked)) == times
    else:
        with pytest.raises(BadPageError, match=fault):
            bars_of(*map(wire, times), asked=asked)


APART = [
    (
        BarSize(5, "minute"),
        [at(2020, 12, 14, 15, 0), at(2020, 12, 14, 15, 5), at(2020, 12, 14, 15, 10)],
        True,
    ),
    (BarSize(5, "minute"), [at(2020, 12, 14, 15, 1), at(2020, 12, 14, 15, 26)], True),
    (BarSize(5, "minute"), [at(2020, 12, 14, 15, 0), at(2020, 12, 14, 15, 1)], False),
    (
        BarSize(5, "minute"),
        [at(2020, 12, 14, 15, 0), at(2020, 12, 14, 15, 5), at(2020, 12, 14, 15, 12)],
        False,
    ),
    (BarSize(7, "minute"), [at(2020, 12, 14, 15, 0), at(2020, 12, 15, 15, 1)], True),
    (BarSize(4, "hour"), [at(2020, 12, 14, 8), at(2020, 12, 14, 12)], True),
    (BarSize(4, "hour"), [at(2020, 12, 14, 8), at(2020, 12, 14, 9)], False),
    (BarSize(2, "day"), [at(2020, 12, 14), at(2020, 12, 16), at(2020, 12, 20)], True),
    (BarSize(2, "day"), [at(2020, 12, 14), at(2020, 12, 15)], False),
    (BarSize(2, "week"), [at(2020, 12, 6), at(2020, 12, 20)], True),
    (BarSize(2, "week"), [at(2020, 12, 6), at(2020, 12, 13)], False),
    (BarSize(2, "month"), [at(2020, 9, 1), at(2020, 11, 1)], True),
    (BarSize(2, "month"), [at(2020, 9, 15), at(2020, 11, 1)], True),
    (BarSize(2, "month"), [at(2020, 11, 1), at(2020, 12, 1)], False),
]


@pytest.mark.fault("bars of another size")
@pytest.mark.parametrize(("size", "times", "apart"), APART, ids=str)
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_bars_are_whole_windows_apart_also_over_pieces(
    size: BarSize,
    times: list[int],
    apart: bool,  # noqa: FBT001 - a case
    cut: int,
) -> None:
    asked = Asked("TSLA", date(2020, 9, 1), date(2020, 12, 21), size, adjusted=True)

    def judge() -> None:
        after = None
        for piece in (times[:cut], times[cut:]):
            if piece:
                judge_times(piece, asked, after_ms=after)
                after = piece[-1]

    if apart:
        judge()
    else:
        with pytest.raises(BadPageError, match=r"whole windows of|apart"):
            judge()


def test_two_bars_of_one_session_are_refused() -> None:
    asked = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 18), DAY, adjusted=True)
    with pytest.raises(BadPageError, match="two bars of one session, 2020-12-15"):
        bars_of(wire(at(2020, 12, 15)), wire(at(2020, 12, 15, 16)), asked=asked)
    with pytest.raises(BadPageError, match="two bars of one session, 2020-12-15"):
        bars_of(wire(at(2020, 12, 15, 16)), asked=asked, after_ms=at(2020, 12, 15))


@pytest.mark.parametrize(
    ("times", "after", "fault"),
    [
        ([(15,), (14,)], None, "out of order: that of 2020-12-14T05:00:00Z after a later one"),
        ([(15,), (15,)], None, "twice: that of 2020-12-15T05:00:00Z"),
        ([(16,)], (16,), "twice: that of 2020-12-16T05:00:00Z"),
        ([(15,)], (16,), "out of order: that of 2020-12-15T05:00:00Z after a later one"),
        ([(13, 23, 59)], None, r"outside the range asked \(2020-12-14 to 2020-12-18\)"),
        ([(18,), (19,)], None, "outside the range asked"),
        ([(19,)], (18,), "outside the range asked"),
    ],
)
def test_a_misplaced_bar_is_refused(
    times: list[tuple[int, ...]], after: tuple[int, ...] | None, fault: str
) -> None:
    bars = [wire(at(2020, 12, *time)) for time in times]
    with pytest.raises(BadPageError, match=fault):
        bars_of(*bars, after_ms=None if after is None else at(2020, 12, *after))


@pytest.mark.parametrize(
    "text", ["1" + "0" * 30, "-" + "1" + "0" * 4000, "1e300", "9007199254740992"], ids=len
)
def test_an_impossible_time_is_refused_in_few_words(text: str) -> None:
    page = decode_range(body(wire("T")).replace(b'"T"', text.encode()))
    with pytest.raises(BadPageError, match="impossible time, ") as caught:
        judge_range(page, ASKED, after_ms=None)
    assert len(caught.value.message) < 100


@pytest.mark.parametrize("t", [-1, 0, 2**53 - 1])
def test_a_time_of_another_age_is_out_of_range(t: int) -> None:
    with pytest.raises(BadPageError, match="outside the range asked"):
        bars_of(wire(t))


@given(moments.flatmap(st.permutations), st.integers(0, 19))
def test_a_page_in_any_other_order_is_refused(times: list[int], repeated: int) -> None:
    asked = Asked("TSLA", MONDAY, FRIDAY, MINUTE, adjusted=True)
    twice = [*times, times[repeated % len(times)]]
    with pytest.raises(BadPageError):
        bars_of(*map(wire, twice), asked=asked)
    assume(times != sorted(times))
    with pytest.raises(BadPageError):
        bars_of(*map(wire, times), asked=asked)


@given(moments, st.integers(0, 20))
def test_pages_are_judged_as_if_they_were_one(times: list[int], cut: int) -> None:
    asked = Asked("TSLA", MONDAY, FRIDAY, MINUTE, adjusted=True)
    first, second = times[:cut], times[cut:]
    one = bars_of(*map(wire, first), asked=asked)
    other = bars_of(*map(wire, second), asked=asked, after_ms=first[-1] if first else None)
    assert stamps(one) + stamps(other) == times
    if first and second:
        with pytest.raises(BadPageError):
            bars_of(*map(wire, first), asked=asked, after_ms=second[-1])
