"""What is to be read: the first day of each ticker, and the calls that streams share."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace
from support import Recorder

from stockticker_async.clock import Clock
from stockticker_async.connector import config
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.emitter import Emitter
from stockticker_async.connector.log import Mask
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize
from stockticker_async.streams.table import STOCK_BARS, STOCK_PRICES
from stockticker_async.sync.call_plan import GroupedCall, RangeCall
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.start import Start
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import Basis, Entry
from stockticker_async.sync.windows import BarStream, Days, first_day, shared_call_plan

FIRST = date(2020, 12, 14)
DAYS = Days(last=date(2020, 12, 22), settled=date(2020, 12, 21), today=date(2020, 12, 22))


def parsed(**fields: Any) -> config.Config:
    return config.parse({"stock_ticker": "*", "api_key": "k", **fields}, today=DAYS.today)


def bar_stream(start: Start, *, bars: bool = False, bar: BarSize = ONE_DAY) -> BarStream:
    stream = STOCK_BARS if bars else STOCK_PRICES
    cursors = StreamCursors(stream, Basis(adjusted=True, bar=str(bar)), start)
    sink = Emitter(stream, cursors, CommandContext(Clock(), Recorder(), Mask()))
    return BarStream(sink, cursors, bar, lookback=0)


def market(since: date, cursor: date | None, *rereads: str) -> Start:
    return Start({WHOLE_MARKET: Entry(since, cursor)}, rereads=dict.fromkeys(rereads))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_ticker_that_two_streams_read_again_is_asked_from_the_earlier_first_day(reverse: bool) -> None:  # noqa: FBT001 - a case
    streams = [
        bar_stream(market(FIRST, DAYS.settled, "AAA")),
        bar_stream(market(date(2020, 12, 1), DAYS.settled, "AAA", "BBB"), bars=True),
    ]
    streams = streams[::-1] if reverse else streams
    for one in streams:
        one.begin(DAYS, None)
    plan = shared_call_plan(parsed().job, ONE_DAY, streams, DAYS, allowance=None)
    asked = {call.ticker: call for call in plan.ranges}
    assert asked["AAA"] == RangeCall("AAA", date(2020, 12, 1), DAYS.last)
    assert asked["BBB"] == RangeCall("BBB", date(2020, 12, 1), DAYS.last)
    assert len(plan.ranges) == 2
    assert plan.grouped == (GroupedCall(DAYS.last),)


def test_all_that_was_written_is_read_again_though_the_end_has_moved_before_it() -> None:
    ended = replace(DAYS, last=date(2020, 12, 16))
    for since, last in ((FIRST, DAYS.settled), (date(2020, 12, 18), DAYS.settled)):
        one = bar_stream(market(since, DAYS.settled, "AAA"))
        one.begin(ended, ended.last)
        plan = shared_call_plan(parsed().job, ONE_DAY, [one], ended, allowance=None)
        assert plan.ranges == (RangeCall("AAA", since, last),)
        assert plan.grouped == ()


def test_nothing_is_read_again_of_a_state_that_begins_in_the_future() -> None:
    one = bar_stream(market(date(2999, 1, 1), date(2999, 12, 31), "AAA"))
    one.begin(DAYS, None)
    assert shared_call_plan(parsed().job, ONE_DAY, [one], DAYS, allowance=None).calls == 0


@pytest.mark.parametrize(
    ("entry", "end", "first"),
    [
        (Entry(FIRST), None, FIRST),
        (Entry(FIRST, date(2020, 12, 16)), None, date(2020, 12, 17)),
        (Entry(FIRST, date(2020, 12, 16)), date(2020, 12, 16), None),
        (Entry(FIRST, date(2020, 12, 18)), date(2020, 12, 20), None),  # a weekend
        (Entry(FIRST, DAYS.settled), None, DAYS.last),
        (Entry(FIRST, DAYS.last), None, None),
        (Entry(FIRST, date.max), None, None),
        (Entry(FIRST, date.max), date.max, None),
        (Entry(date.max), None, None),
        (Entry(date.max, date.max), None, None),
        (Entry(date.max, date.max), FIRST, None),
    ],
)
@pytest.mark.parametrize("bar", [ONE_DAY, BarSize(2, "week"), BarSize(1, "minute")])
def test_where_reading_begins(entry: Entry, end: date | None, first: date | None, bar: BarSize) -> None:
    found = first_day(entry, lookback=0, bar=bar, days=DAYS, end=end)
    # a bar of two weeks is asked from the first day of all on, as long as the day lies within it
    assert found == (FIRST if first is not None and bar.multiplier > 1 else first)


@pytest.mark.parametrize(
    ("bar", "calls"),
    [
        (BarSize(1, "minute"), 2),  # 52 sessions of 960 minutes surely fit a page
        (BarSize(1, "hour"), 2),
        (BarSize(1, "second"), 70),  # not one does, and dates cut no finer
        (BarSize(30, "second"), 70),  # seconds are what the page's limit counts
        (BarSize(2, "week"), 1),
    ],
)
def test_bars_of_other_sizes_are_asked_in_pieces_of_a_page(bar: BarSize, calls: int) -> None:
    days = Days(last=date(2020, 10, 2), settled=date(2020, 10, 2), today=date(2020, 10, 3))
    one = bar_stream(Start({"AAA": Entry(date(2020, 6, 29))}), bars=True, bar=bar)  # 70 weekdays before
    one.begin(days, None)
    plan = shared_call_plan(parsed(stock_ticker="AAA").job, bar, [one], days, allowance=None)
    assert len(plan.ranges) == calls
    assert plan.calls == calls
