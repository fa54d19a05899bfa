"""Streaming queries over flat files: each file once, whenever it comes, and one batch for two offsets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flat_files import bucket_at
from kept import clock_of

from stockticker_async.errors import TransientError
from stockticker_async.library.arrow_schemas import read_all
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.settings import FlatFiles, Settings
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.spark.offset import NOTHING, Offset, last_session, missing_sessions
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.stream_files import LIST_WARNING, without_files_of_lists
from stockticker_async.spark.stream_planning import Latest, latest, slices_between
from stockticker_async.streams.table import STOCK_BARS
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SyncJob

read_all()  # files, for which no event loop should wait
THURSDAY, FRIDAY, MONDAY, TUESDAY = (date(2022, 1, day) for day in (6, 7, 10, 11))
"""It is noon of Tuesday."""


@asynccontextmanager
async def published() -> AsyncIterator[Sandbox]:
    async with bucket_at("2022-01-11") as served:
        yield served


def options_of(served: Sandbox, *, lookback: int | None = None, **fields: Any) -> ReadOptions:
    told = served.options
    job: dict[str, Any] = {
        "tickers": (),
        "start_date": THURSDAY,
        "bar": BarSize(1, "minute"),
        "adjusted": False,
        "flat_files": True,
        "lookback_days": 1 if lookback is None else lookback,
        **fields,
    }
    files = FlatFiles(told.access_key_id, told.secret_access_key, served.url)
    settings = Settings(told.key, served.url, flat_files=files)
    name = job.pop("stream", "stock_bars")
    return ReadOptions(name, SyncJob(**job), settings, partitions=3, lookback_is_set=lookback is not None)


async def look(served: Sandbox, start: Offset, **fields: Any) -> Latest:
    options = options_of(served, **fields)
    served.calls.clear()
    return await latest(options, options.settings, clock_of(served), start)


async def batch(served: Sandbox, start: Offset, end: Offset, **fields: Any) -> list[date]:
    """The sessions whose files the batch reads, each in a slice."""
    options = options_of(served, **fields)
    slices, _ = await slices_between(options, options.settings, clock_of(served), start, end)
    assert all(len(one.files) == 1 for one in slices)
    assert all((one.firsts["*"] or date.max) <= one.files[0].session for one in slices)
    return [file.session for one in slices for file in one.files]


def lack(served: Sandbox, *days: date) -> None:
    for day in days:
        served.faults.add(Fault(kind="file", change="missing", match=f"minute.*{day}", times=None))


def listings(served: Sandbox) -> int:
    return len([call for call in served.calls if call.path.startswith("/flatfiles")])


def a_day_later(served: Sandbox) -> None:
    served.clock.advance(86_400)


async def test_an_offset_passes_the_sessions_whose_files_are_published() -> None:
    async with published() as served:
        lack(served, MONDAY)
        first = await look(served, NOTHING)
        assert listings(served) == 1
        assert last_session(STOCK_BARS, first.offset) == FRIDAY
        assert not first.is_complete
        assert await batch(served, NOTHING, first.offset) == [THURSDAY, FRIDAY]
        assert (await look(served, first.offset)).offset == first.offset
        served.faults.clear()
        second = await look(served, first.offset)
        assert second.is_complete
        assert await batch(served, first.offset, second.offset) == [MONDAY]
        assert await batch(served, NOTHING, first.offset) == [THURSDAY, FRIDAY], "the same batch as before"
        assert await batch(served, NOTHING, second.offset) == [THURSDAY, FRIDAY, MONDAY]
        again = await look(served, second.offset)
        assert again.offset == second.offset
        assert listings(served) == 0, "nothing new can be there"


async def test_a_hole_is_passed_and_its_file_is_a_batch_of_its_own_when_it_comes() -> None:
    async with published() as served:
        lack(served, FRIDAY)
        first = await look(served, NOTHING)
        assert last_session(STOCK_BARS, first.offset) == MONDAY
        assert missing_sessions(STOCK_BARS, first.offset) == (FRIDAY,)
        assert not first.is_complete, "it is looked for again today"
        assert await batch(served, NOTHING, first.offset) == [THURSDAY, MONDAY]
        assert (await look(served, first.offset)).offset == first.offset
        served.faults.clear()
        assert await batch(served, NOTHING, first.offset) == [THURSDAY, MONDAY], "a repeated batch"
        second = await look(served, first.offset)
        assert missing_sessions(STOCK_BARS, second.offset) == ()
        assert await batch(served, first.offset, second.offset) == [FRIDAY]
        a_day_later(served)
        third = await look(served, second.offset)
        assert await batch(served, second.offset, third.offset) == [TUESDAY]
        late = await look(served, first.offset)
        assert await batch(served, first.offset, late.offset) == [FRIDAY, TUESDAY]


async def test_a_hole_is_given_up_after_thirty_days_and_asks_for_no_batch() -> None:
    async with published() as served:
        lack(served, FRIDAY)
        first = await look(served, NOTHING)
        served.clock.advance(86_400 * 40)
        later = await look(served, first.offset, end_date=MONDAY)
        assert later.offset == first.offset
        second = await look(served, first.offset)
        assert missing_sessions(STOCK_BARS, second.offset) == ()
        found = await batch(served, first.offset, second.offset)
        assert found[0] == TUESDAY
        assert found[-1] == date(2022, 2, 18)


async def test_a_file_that_has_gone_fails_the_batch() -> None:
    async with published() as served:
        first = await look(served, NOTHING)
        lack(served, FRIDAY)
        with pytest.raises(TransientError, match="the flat file of 2022-01-07 was listed, and is not there"):
            await batch(served, NOTHING, first.offset)


async def test_a_replaced_file_is_read_again_where_that_is_asked() -> None:
    async with published() as served:
        first = await look(served, NOTHING, lookback=2)
        assert set(first.offset["files"]["etags"]) == {str(FRIDAY), str(MONDAY)}
        plain = await look(served, NOTHING)
        for day in (THURSDAY, FRIDAY):
            served.faults.add(Fault(kind="file", change="corrected", match=f"minute.*{day}", times=None))
        assert (await look(served, plain.offset)).offset == plain.offset
        second = await look(served, first.offset, lookback=2)
        assert await batch(served, first.offset, second.offset, lookback=2) == [FRIDAY]
        assert (await look(served, second.offset, lookback=2)).offset == second.offset


async def test_an_offset_waits_for_the_api_which_tells_otc_stocks() -> None:
    async with published() as served:
        served.unpublished = 1
        first = await look(served, NOTHING)
        assert last_session(STOCK_BARS, first.offset) == FRIDAY


async def test_day_bars_are_read_from_files_or_calls() -> None:
    fields: dict[str, Any] = {"stream": "stock_prices", "bar": BarSize(), "include_otc": True}
    async with published() as served:
        served.faults.add(Fault(kind="file", change="missing", match=f"day_aggs.*{FRIDAY}", times=None))
        first = await look(served, NOTHING, **fields)
        assert listings(served) == 0
        options = options_of(served, **fields)
        slices, last = await slices_between(
            options, options.settings, clock_of(served), NOTHING, first.offset
        )
    assert last == MONDAY
    assert [file.session for one in slices for file in one.files] == [THURSDAY, MONDAY]
    plans = [one.calls for one in slices if isinstance(one.calls, CallPlan)]
    assert [call.session for one in plans for call in one.grouped] == [FRIDAY]


async def test_named_tickers_are_streamed_by_calls() -> None:
    async with published() as served:
        options = options_of(served, tickers=("AAA",))
        found = without_files_of_lists(options)
        assert not found.job.flat_files
        assert found.settings.flat_files is None
        assert found.warnings == (LIST_WARNING,)
        market = options_of(served)
        assert without_files_of_lists(market) == market
        adjusted = replace(options, job=replace(options.job, adjusted=True))
        assert without_files_of_lists(adjusted) == adjusted
