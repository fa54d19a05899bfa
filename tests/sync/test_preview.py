"""What a sync would ask, told without asking: as many calls as the sync then makes."""

import re
from datetime import date

import pytest
from asking import sandbox
from kept import keep, prepared

from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.preview import preview_lines

NAMES = ("TSLA", "AAPL")
SINCE = date(2020, 12, 1)


@pytest.mark.parametrize("name", ["stock_prices", "open_close", "ticker_details", "exchanges"])
async def test_as_many_calls_are_told_as_the_sync_makes(name: str) -> None:
    job = SyncJob(NAMES, start_date=SINCE, adjusted=name == "open_close")
    async with sandbox() as served:
        days, readings = prepared(served, [name], job)
        lines = preview_lines(job, readings, days, allowance=None)
        assert served.calls == []
        told = next(line for line in lines if re.match(rf"{name}: .*\d+ call", line))
        await keep(served, NAMES, name, start_date=SINCE, adjusted=name == "open_close")
        made = [call for call in served.calls if "/splits" not in call.path]
    assert int(re.findall(r"(\d+) call", told)[0]) == len(made)


async def test_the_days_are_told_first_and_the_splits_last() -> None:
    job = SyncJob(NAMES, start_date=SINCE)
    async with sandbox() as served:
        days, readings = prepared(served, ["stock_prices", "stock_bars", "splits"], job)
        first, *others, last = preview_lines(job, readings, days, allowance=5)
    assert first == "Days: up to 2020-12-22 New York; 2020-12-21 is the last one that is finished."
    assert next(line.partition(": ")[0] for line in others) == "stock_prices, stock_bars"
    assert "the splits of all tickers are asked" in last


async def test_a_stream_that_needs_names_says_so_of_the_whole_market() -> None:
    job = SyncJob(())
    async with sandbox() as served:
        days, readings = prepared(served, ["ticker_details"], job)
        assert preview_lines(job, readings, days, allowance=None)[-1].startswith(
            "ticker_details would fail: "
        )
