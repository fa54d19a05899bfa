"""Slices of flat files: each is read by a client of its own, as one sync reads them all."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from flat_files import bucket_at
from kept import BY_NAME, Kept, client_of, kept_slices, prepared, slices_for

from stockticker_async.errors import ConnectorError, TransientError
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.settings import FlatFiles
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.readers.bars import BarsSync
from stockticker_async.sync.slices import SyncSlice
from stockticker_async.sync.windows import BarStream, shared_call_plan

FIRST, LAST = date(2022, 1, 6), date(2022, 1, 10)
"""Thursday to Monday: three sessions."""
STREAM = BY_NAME["stock_bars"]


def access(served: Sandbox) -> Any:
    """A client with the keys of the flat files."""
    told = served.options
    files = FlatFiles(told.access_key_id, told.secret_access_key, served.url)
    return client_of(served, flat_files=files)


async def cut(served: Sandbox, tickers: Sequence[str] = (), **fields: Any) -> list[SyncSlice]:
    job = SyncJob(tuple(tickers), FIRST, bar=BarSize(1, "minute"), adjusted=False, flat_files=True, **fields)
    days, (stream,) = prepared(served, [STREAM.name], job, incremental=False)
    assert isinstance(stream, BarStream)
    stream.begin(days, None)
    async with access(served) as client:
        plan = shared_call_plan(job, stream.bar, [stream], days, allowance=None)
        calls = await BarsSync(client, job, stream.bar, [stream], days).sessions(plan)
    files = [file for _, file in calls.sessions if file is not None]
    return slices_for(stream, job, days, most=3, files=files)


async def read(served: Sandbox, slices: Sequence[SyncSlice], **told: Any) -> list[Kept]:
    return await kept_slices(lambda: access(served), STREAM, slices, **told)


def rows_in(sinks: Sequence[Kept]) -> list[tuple[str, int, float]]:
    return sorted((row["ticker"], row["t"], row["c"]) for sink in sinks for row in sink.found)


def truth(served: Sandbox, names: Sequence[str], first: date = FIRST) -> list[tuple[str, int, float]]:
    market = served.market
    return sorted(
        (name, bar["t"], bar["c"])
        for name in names
        for bar in market.bars(name, first, LAST, adjusted=False, multiplier=1, timespan="minute")
    )


@pytest.mark.parametrize("otc", [False, True])
async def test_the_market_is_read_file_by_file(
    otc: bool,  # noqa: FBT001 - a case
) -> None:
    async with bucket_at("2022-01-11", universe=30) as served:
        slices = await cut(served, include_otc=otc)
        served.calls.clear()
        sinks = await read(served, slices)
        names = [one.ticker for one in served.market.universe if otc or not one.otc]
        assert rows_in(sinks) == truth(served, names)
        paths = [call.path for call in served.calls]
    assert len(sinks) == 3
    assert len([path for path in paths if path.endswith(".csv.gz")]) == 3
    assert len([path for path in paths if "/grouped/" in path]) == 3, "the OTC stocks of each session"
    assert len(paths) == 6, "the bucket is not listed again"


async def test_named_tickers_are_read_file_by_file() -> None:
    names = tuple(f"T{number:03}" for number in range(150))
    async with bucket_at("2022-01-11", tickers=names) as served:
        slices = await cut(served, names)
        sinks = await read(served, slices)
        assert rows_in(sinks) == truth(served, names)
    assert [len(one.files) for one in slices] == [1, 1, 1]


@pytest.mark.parametrize("change", ["missing", "corrected", "truncated"])
async def test_a_file_that_changed_since_the_listing_is_judged_as_in_a_sync(change: Any) -> None:
    async with bucket_at("2022-01-11") as served:
        slices = await cut(served)
        served.faults.add(Fault(kind="file", change=change, match="2022-01-07", times=None))
        first, second, third = await read(served, slices)
        names = [one.ticker for one in served.market.universe if not one.otc]
        whole = truth(served, names)
    assert not first.failed
    assert not third.failed
    if change == "corrected":
        assert not second.failed
        assert len(set(rows_in([first, second, third])) - set(whole)) == 1, "the newest version"
        return
    (error,) = second.errors
    assert isinstance(error, TransientError)
    assert error.tickers == ("*",)
    words = "is listed, but it is not there" if change == "missing" else "is not usable"
    assert words in error.message
    assert second.found == []


async def test_a_promise_of_a_file_is_kept_or_broken_by_name() -> None:
    async with bucket_at("2022-01-11") as served:
        slices = await cut(served)
        kept = await read(served, slices, seen=LAST)
        assert not any(sink.failed for sink in kept)
        served.faults.add(Fault(kind="s3_error", code="AccessDenied", match="2022-01-10", times=None))
        errors: list[ConnectorError] = (await read(served, slices[-1:], seen=LAST))[0].errors
    assert errors
