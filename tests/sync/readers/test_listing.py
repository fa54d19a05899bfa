"""A stream read from its list: each row once, of the tickers wanted, with the cursor behind its pages."""

from datetime import date

import pytest
from asking import sandbox
from kept import BY_NAME, Kept, keep, prepared
from support import entries

from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.streams.table import Listed
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.readers.listing import first_calls
from stockticker_async.sync.row_stream import RowStream

SINCE = date(2019, 1, 1)
NOT_ENTITLED = b'{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}'


def keys(kept: Kept) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in kept.stream.primary_key) for row in kept.found]


@pytest.mark.parametrize("name", ["splits", "dividends", "float", "tickers"])
async def test_each_row_of_the_tickers_comes_once_and_none_of_others(name: str) -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, ["TSLA", "AAPL"], name, start_date=SINCE)
        (market,) = await keep(served, [], name, start_date=SINCE)
    assert len(set(keys(kept))) == len(kept.found) > 0
    named = zip(keys(market), market.found, strict=True)
    assert set(keys(kept)) == {key for key, row in named if row["stock_ticker"] in ("TSLA", "AAPL")}


async def test_the_cursor_is_the_last_day_that_is_over() -> None:
    async with sandbox() as served:
        (kept,) = await keep(served, ["TSLA"], "splits", start_date=SINCE)
    assert {cursor for _, cursor, _ in entries(kept.state).values()} == {"2020-12-21"}


async def test_where_the_plan_has_no_new_list_the_older_one_is_asked() -> None:
    async with sandbox() as served:
        (new,) = await keep(served, ["TSLA"], "splits", start_date=SINCE)
        served.faults.add(
            Fault(kind="status", match="/stocks/v1/", status=403, body=NOT_ENTITLED, times=None)
        )
        (older,) = await keep(served, ["TSLA"], "splits", start_date=SINCE)
    assert [row["execution_date"] for row in older.found] == [row["execution_date"] for row in new.found]
    assert not older.failed


async def test_where_the_plan_has_neither_list_the_stream_fails_and_says_so() -> None:
    async with sandbox() as served:
        served.faults.add(Fault(kind="status", match="/splits", status=403, body=NOT_ENTITLED, times=None))
        (kept,) = await keep(served, ["TSLA"], "splits", start_date=SINCE)
    assert [error.message.partition(": ")[2][:46] for error in kept.errors] == [
        "the plan of this key does not include this end"
    ]


@pytest.mark.parametrize("tickers", [("TSLA", "AAPL"), ()])
async def test_the_first_calls_are_known_before_any_is_made(tickers: tuple[str, ...]) -> None:
    job = SyncJob(tickers, start_date=SINCE)
    source = BY_NAME["dividends"].source
    assert isinstance(source, Listed)
    async with sandbox() as served:
        days, (reading,) = prepared(served, ["dividends"], job)
        assert isinstance(reading, RowStream)
        reading.begin(days, None)
        (call,) = first_calls(reading, source.listing, job, days)
    assert call.path.startswith(source.listing.path)
    assert (call.names, call.first) == (tickers, SINCE)
