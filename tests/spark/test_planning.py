"""The driver's plan: the calls of one process, for the calls that one process makes before its bars."""

from datetime import date
from typing import Any

import pytest
from asking import sandbox
from kept import clock_of

from stockticker_async.errors import ConfigError
from stockticker_async.library.arrow_schemas import read_all
from stockticker_async.marketdata.settings import Settings
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.planning import Planned, plan
from stockticker_async.spark.push_down import Condition, narrowed
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SyncJob

read_all()  # files, for which no event loop should wait
NAMES = ("TSLA", "AAPL", "MSFT")
SINCE = date(2020, 12, 1)
TODAY = date(2020, 12, 22)


async def planned(
    served: Sandbox, name: str, *conditions: Condition, key: str | None = None, **fields: Any
) -> Planned:
    job = SyncJob(**{"tickers": NAMES, "start_date": SINCE, **fields})
    settings = Settings(key or served.options.key, served.url)
    options = ReadOptions(name, job, settings, partitions=2)
    some = narrowed(options.stream, job, conditions, today=TODAY)
    return await plan(options, settings, some, clock_of(served))


@pytest.mark.parametrize(
    ("name", "adjusted", "calls"),
    [("stock_bars", True, 1), ("stock_bars", False, 0), ("open_close", True, 1), ("news", True, 0)],
)
async def test_the_driver_asks_for_splits_where_prices_depend_on_them(
    name: str,
    adjusted: bool,  # noqa: FBT001 - a case
    calls: int,
) -> None:
    async with sandbox() as served:
        found = await planned(served, name, adjusted=adjusted, start_date=date(2020, 8, 3))
        assert found.calls == len(served.calls) == calls
        assert all("/splits" in call.path for call in served.calls)
    assert len(found.slices) == 2


async def test_what_no_row_can_fulfill_needs_no_call() -> None:
    async with sandbox() as served:
        found = await planned(served, "stock_bars", Condition("stock_ticker", "in", ("F",)))
        assert found == Planned([], 0)
        assert served.calls == []


async def test_tickers_of_the_market_are_planned_by_name() -> None:
    few = Condition("stock_ticker", "in", ("TSLA", "AAPL"))
    async with sandbox() as served:
        found = await planned(served, "stock_bars", few, tickers=())
        assert served.calls == []
    plans = [one.calls for one in found.slices if isinstance(one.calls, CallPlan)]
    assert [call.ticker for one in plans for call in one.ranges] == ["TSLA", "AAPL"]
    assert all(not one.grouped for one in plans)
    assert all(one.job.whole_market for one in found.slices)


async def test_a_wrong_key_fails_on_the_driver() -> None:
    async with sandbox() as served:
        with pytest.raises(ConfigError, match="The API key is wrong"):
            await planned(served, "stock_bars", key="another")
