"""The latest offset: what is over and published, and the splits of today."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from asking import sandbox
from kept import clock_of

from stockticker_async.errors import ConfigError
from stockticker_async.library.arrow_schemas import read_all
from stockticker_async.marketdata.settings import Settings
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.spark.offset import NOTHING, Offset, last_session
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.stream_planning import Latest, latest, slices_between
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.slices import SyncSlice

read_all()  # files, for which no event loop should wait
SINCE = date(2020, 12, 1)
MONDAY = date(2020, 12, 21)
"""The last session that is over: it is noon of the 22nd."""


def options_of(served: Sandbox, name: str = "stock_bars", **fields: Any) -> ReadOptions:
    job = SyncJob(**{"tickers": ("TSLA", "AAPL"), "start_date": SINCE, **fields})
    return ReadOptions(name, job, Settings(served.options.key, served.url), partitions=3)


async def look(served: Sandbox, start: Offset, name: str = "stock_bars", **fields: Any) -> Latest:
    options = options_of(served, name, **fields)
    served.calls.clear()
    found = await latest(options, options.settings, clock_of(served), start)
    assert found.calls == len(served.calls)
    return found


def day_later(served: Sandbox, days: int = 1) -> None:
    served.clock.advance(timedelta(days=days).total_seconds())


async def between(
    served: Sandbox, options: ReadOptions, start: Offset, end: Offset
) -> tuple[Sequence[SyncSlice], date | None]:
    return await slices_between(options, options.settings, clock_of(served), start, end)


async def windows(served: Sandbox, start: Offset, end: Offset, **fields: Any) -> dict[str, tuple[date, date]]:
    """The days that each ticker is asked for by range, and the sessions asked whole."""
    options = options_of(served, **fields)
    slices, last = await between(served, options, start, end)
    found: dict[str, tuple[date, date]] = {}
    for one in slices:
        assert one.days.last == last
        if isinstance(one.calls, CallPlan):
            found |= {call.ticker: (call.first, call.last) for call in one.calls.ranges}
            if one.calls.grouped:
                found["*"] = (one.calls.grouped[0].session, one.calls.grouped[-1].session)
    return found


async def test_an_offset_is_the_state_of_what_is_over_and_published() -> None:
    async with sandbox() as served:
        first = await look(served, NOTHING)
        assert last_session(options_of(served).stream, first.offset) == MONDAY
        assert first.is_complete
        assert await windows(served, NOTHING, first.offset) == dict.fromkeys(
            ("TSLA", "AAPL"), (SINCE, MONDAY)
        )
        again = await look(served, first.offset)
        assert again.offset == first.offset
        assert all("/splits" in call.path for call in served.calls)
        day_later(served)
        served.unpublished = 1
        held = await look(served, first.offset)
        assert held.offset == first.offset
        assert not held.is_complete
        served.unpublished = 0
        second = await look(served, first.offset)
        tuesday = MONDAY + timedelta(days=1)
        assert await windows(served, first.offset, second.offset) == dict.fromkeys(
            ("TSLA", "AAPL"), (tuesday, tuesday)
        )
        options = options_of(served)
        assert await between(served, options, second.offset, second.offset) == ((), None)


async def test_a_split_adds_the_history_of_its_ticker() -> None:
    async with sandbox() as served:
        first = await look(served, NOTHING)
        served.add_split("TSLA", date(2020, 12, 22), 1, 4)
        second = await look(served, first.offset)
        assert await windows(served, first.offset, second.offset) == {"TSLA": (SINCE, MONDAY)}
        # a repetition is the same, whatever has happened since
        served.withdraw_split("TSLA", date(2020, 12, 22))
        assert await windows(served, first.offset, second.offset) == {"TSLA": (SINCE, MONDAY)}


async def test_the_history_of_a_ticker_of_the_market_ends_where_whole_sessions_begin() -> None:
    async with sandbox() as served:
        first = await look(served, NOTHING, tickers=())
        day_later(served)
        served.add_split("TSLA", date(2020, 12, 23), 1, 4)
        second = await look(served, first.offset, tickers=())
        tuesday = MONDAY + timedelta(days=1)
        found = await windows(served, first.offset, second.offset, tickers=())
        assert found == {"*": (tuesday, tuesday), "TSLA": (SINCE, MONDAY)}


async def test_a_ticker_that_was_removed_is_left_out_of_a_batch_that_is_repeated() -> None:
    async with sandbox() as served:
        first = await look(served, NOTHING, tickers=("TSLA", "NOPE"))
        assert set(await windows(served, NOTHING, first.offset, tickers=("TSLA", "NOPE"))) == {"TSLA", "NOPE"}
        assert set(await windows(served, NOTHING, first.offset, tickers=("TSLA",))) == {"TSLA"}
        second = await look(served, first.offset, tickers=("TSLA",))
        assert "NOPE" not in str(second.offset)
        assert await windows(served, first.offset, second.offset, tickers=("TSLA",)) == {}


async def test_finished_sessions_are_read_again_where_that_is_asked() -> None:
    async with sandbox() as served:
        first = await look(served, NOTHING)
        day_later(served)
        second = await look(served, first.offset)
        options = options_of(served, lookback_days=2)
        back = ReadOptions(options.stream_name, options.job, options.settings, lookback_is_set=True)
        slices, _ = await between(served, back, first.offset, second.offset)
        assert {one.firsts["TSLA"] for one in slices if "TSLA" in one.firsts} == {date(2020, 12, 18)}


@pytest.mark.parametrize("name", ["dividends", "open_close", "short_volume"])
async def test_rows_of_other_streams_go_on_day_by_day(name: str) -> None:
    async with sandbox() as served:
        first = await look(served, NOTHING, name)
        assert last_session(options_of(served, name).stream, first.offset) == MONDAY
        day_later(served)
        second = await look(served, first.offset, name)
        options = options_of(served, name)
        slices, last = await between(served, options, first.offset, second.offset)
        assert last == MONDAY + timedelta(days=1)
        assert slices


async def test_a_plan_without_whole_sessions_is_told() -> None:
    async with sandbox(without=("/v2/aggs/grouped",)) as served:
        with pytest.raises(ConfigError, match="does not include the bars of whole sessions"):
            await look(served, NOTHING)


async def test_a_stream_without_a_cursor_has_no_offset() -> None:
    async with sandbox() as served:
        with pytest.raises(ConfigError, match="exchanges has no cursor"):
            await look(served, NOTHING, "exchanges")
