"""Slices are read by the engine: together they give the rows, and make the calls, of one sync."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from asking import sandbox
from kept import BY_NAME, Kept, client_of, keep, kept_slices, prepared, slices_for

from stockticker_async.errors import ConfigError, TransientError
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.streams.table import STREAMS, Stream
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.slices import SyncSlice

SINCE = date(2020, 12, 1)
NAMES = ("TSLA", "AAPL", "MSFT", "NVDA", "AMZN")


def cut(served: Sandbox, name: str, job: SyncJob, most: int = 3) -> list[SyncSlice]:
    days, (stream,) = prepared(served, [name], job, incremental=False)
    stream.begin(days, job.end_date)
    return slices_for(stream, job, days, most=most)


async def read(served: Sandbox, stream: Stream, slices: Iterable[SyncSlice], **told: Any) -> list[Kept]:
    return await kept_slices(lambda: client_of(served), stream, slices, **told)


def rows_in(sinks: Iterable[Kept]) -> list[str]:
    return sorted(map(repr, (row for sink in sinks for row in sink.found)))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda one: one.name)
async def test_slices_together_give_the_rows_and_make_the_calls_of_one_sync(stream: Stream) -> None:
    async with sandbox() as served:
        whole = await keep(served, NAMES, stream.name, start_date=SINCE, adjusted=False, incremental=False)
        calls = sorted(call.path + repr(call.query) for call in served.calls)
        served.calls.clear()
        slices = cut(served, stream.name, SyncJob(NAMES, start_date=SINCE, adjusted=False))
        sinks = await read(served, stream, slices)
    assert rows_in(sinks) == rows_in(whole)
    assert sorted(call.path + repr(call.query) for call in served.calls) == calls
    assert all(sink.told[0] == "start" and sink.told[-1] == "complete" for sink in sinks)


@pytest.mark.parametrize("bar", [BarSize(1, "minute"), BarSize(1, "week")], ids=str)
async def test_pieces_of_one_ticker_are_read_by_several(bar: BarSize) -> None:
    days: dict[str, Any] = {"start_date": date(2020, 6, 1), "end_date": date(2020, 12, 18)}
    job = SyncJob(("TSLA",), bar=bar, adjusted=False, **days)
    async with sandbox() as served:
        whole = await keep(served, job.tickers, "stock_bars", bar=bar, adjusted=False, **days)
        calls = len(served.calls)
        slices = cut(served, "stock_bars", job)
        sinks = await read(served, BY_NAME["stock_bars"], slices)
        assert len(slices) == (3 if bar.intraday else 1)
        assert len(served.calls) == 2 * calls
    assert rows_in(sinks) == rows_in(whole)


async def test_sessions_of_the_market_are_read_by_several() -> None:
    async with sandbox() as served:
        whole = await keep(served, (), "stock_prices", start_date=SINCE)
        sinks = await read(served, BY_NAME["stock_prices"], cut(served, "stock_prices", SyncJob((), SINCE)))
    assert len(sinks) == 3
    assert rows_in(sinks) == rows_in(whole)


async def test_an_unknown_ticker_fails_its_slice_by_name() -> None:
    async with sandbox() as served:
        slices = cut(served, "stock_bars", SyncJob(("TSLA", "NOPE", "AAPL"), SINCE))
        sinks = await read(served, BY_NAME["stock_bars"], slices)
    failed = [sink for sink in sinks if sink.failed]
    assert [error.tickers for sink in failed for error in sink.errors] == [("NOPE",)]
    assert isinstance(failed[0].errors[0], ConfigError)


async def test_a_wrong_key_fails_the_slice() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", status=401, body=b'{"error":"Unknown API Key"}', times=None))
        (sink,) = await read(served, BY_NAME["exchanges"], cut(served, "exchanges", SyncJob(("TSLA",))))
    assert isinstance(sink.errors[0], ConfigError)
    assert sink.told == ["start", "fail"]


@pytest.mark.parametrize(("seen", "fails"), [(date(2020, 12, 21), False), (date(2020, 12, 22), True)])
@pytest.mark.parametrize("name", ["stock_bars", "open_close", "short_volume"])
async def test_a_day_that_was_promised_and_is_not_over_fails(
    name: str,
    seen: date,
    fails: bool,  # noqa: FBT001 - a case
) -> None:
    async with sandbox() as served:
        slices = cut(served, name, SyncJob(("TSLA", "AAPL"), SINCE), most=1)
        (sink,) = await read(served, BY_NAME[name], slices, seen=seen)
        (trusting,) = await read(served, BY_NAME[name], slices)
    assert not trusting.failed
    assert sink.failed is fails
    if fails:
        assert isinstance(sink.errors[0], TransientError)
        assert sink.errors[0].tickers == ("TSLA", "AAPL")
        assert str(seen) in sink.errors[0].message


async def test_a_new_ticker_without_any_bar_breaks_no_promise() -> None:
    seen = date(2020, 12, 18)  # a month before its first bar
    async with sandbox(tickers=("NEW",)) as served:
        served.faults.add(
            Fault(kind="body", match="/range/", times=None, body=b'{"status":"OK","resultsCount":0}')
        )
        slices = cut(served, "stock_bars", SyncJob(("NEW",), SINCE, end_date=seen), most=1)
        (sink,) = await read(served, BY_NAME["stock_bars"], slices, seen=seen)
        known = [replace(one, known=frozenset({"NEW"})) for one in slices]
        (older,) = await read(served, BY_NAME["stock_bars"], known, seen=seen)
    assert not sink.failed
    assert not older.failed
