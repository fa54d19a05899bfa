"""Which reader a forwarded stream has: every stream is read, and its calls are counted before."""

from datetime import date

import pytest
from asking import sandbox
from kept import keep, prepared

from stockticker_async.streams.table import STREAMS, Bars
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.readers.rows import calls_of, describe_row_stream
from stockticker_async.sync.row_stream import RowStream

SINCE = date(2020, 12, 14)
FORWARDED = [stream.name for stream in STREAMS if not isinstance(stream.source, Bars)]


@pytest.mark.parametrize("name", FORWARDED)
async def test_every_forwarded_stream_is_read_with_no_fewer_calls_than_told(name: str) -> None:
    job = SyncJob(("TSLA", "AAPL"), start_date=SINCE, adjusted=False)
    async with sandbox() as served:
        days, (reading,) = prepared(served, [name], job)
        assert isinstance(reading, RowStream)
        reading.begin(days, None)
        told = calls_of(reading, job, days)
        assert f"{name}: {told} call" in describe_row_stream(reading, job, days, allowance=None)
        (kept,) = await keep(served, ["TSLA", "AAPL"], name, start_date=SINCE, adjusted=False)
        assert 1 <= told <= len(served.calls)
    assert not kept.failed


@pytest.mark.parametrize("name", ["ticker_details", "open_close"])
async def test_a_call_for_each_ticker_of_the_market_is_refused_before_any_is_made(name: str) -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, [], name, adjusted=False)
        assert served.calls == []
    (error,) = kept.errors
    assert "name them in stock_ticker, or leave the stream out" in error.message


async def test_the_minutes_under_an_allowance_are_told_with_the_calls() -> None:
    job = SyncJob(tuple(f"T{number}" for number in range(501)))
    async with sandbox() as served:
        days, (reading,) = prepared(served, ["ticker_details"], job)
        assert isinstance(reading, RowStream)
        reading.begin(days, None)
        assert describe_row_stream(reading, job, days, allowance=5) == (
            "ticker_details: 501 calls, 100 min under the allowance."
        )
        assert served.calls == []
