"""What the readers of one family share: which tickers are new, and cursors that all its streams move."""

from datetime import date
from typing import Any

import pytest
from asking import sandbox
from kept import client_of, prepared
from support import at, entries

from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.prepare import bar_streams_of
from stockticker_async.sync.readers.family import BarFamily

OWN = {"version": 1, "adjusted": True, "bar": "1 day"}
GROUP = {"since": "2020-12-01", "names": "TSLA"}
PRICES = {**OWN, "date": "2020-12-18", "tickers": [{**GROUP, "date": "2020-12-18"}]}
BARS = {
    **OWN,
    "timestamp": "2020-12-17T05:00:00Z",
    "tickers": [{**GROUP, "timestamp": "2020-12-17T05:00:00Z"}],
}


async def family(blobs: dict[str, Any]) -> BarFamily:
    job = SyncJob(("TSLA", "AAPL"), start_date=date(2020, 12, 1))
    async with sandbox() as served, client_of(served) as client:
        days, readings = prepared(served, ["stock_prices", "stock_bars"], job, blobs=blobs)
        for reading in readings:
            reading.begin(days, None)
        return BarFamily(client, job, ONE_DAY, bar_streams_of(readings), days)


@pytest.mark.parametrize(
    "blobs", [{}, {"stock_prices": PRICES}, {"stock_prices": PRICES, "stock_bars": BARS}]
)
async def test_a_ticker_is_new_as_long_as_no_stream_has_a_bar_of_it(
    blobs: dict[str, Any],
) -> None:
    found = await family(blobs)
    assert (found.is_new("TSLA"), found.was_read("TSLA")) == (not blobs, bool(blobs))
    assert (found.is_new("AAPL"), found.was_read("AAPL")) == (True, False)


async def test_what_is_covered_moves_the_cursors_of_all_streams() -> None:
    found = await family({"stock_prices": PRICES, "stock_bars": BARS})
    for stream in found.streams:
        stream.cursors.see(date(2020, 12, 21))
    found.cover("TSLA", date(2020, 12, 21))
    for stream in found.streams:
        cursors = {name: cursor for name, (_, cursor, _) in entries(stream.cursors.blob()).items()}
        assert cursors == {"TSLA": "2020-12-21", "AAPL": ""}


@pytest.mark.parametrize(("day", "settled"), [("2020-12-25", 21), ("2020-12-21", 20), ("2020-12-18", 17)])
async def test_a_day_is_settled_by_the_clock_that_is_behind(day: str, settled: int) -> None:
    assert (await family({})).settled(at(day)) == date(2020, 12, settled)
