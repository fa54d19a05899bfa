"""The driver's plan of flat files: one listing of the bucket, and a slice for each session."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flat_files import bucket_at
from kept import clock_of

from stockticker_async.errors import ConfigError
from stockticker_async.library.arrow_schemas import read_all
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.settings import FlatFiles, Settings
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.plan_steps import may_have_files
from stockticker_async.spark.planning import Planned, plan
from stockticker_async.spark.push_down import Condition, narrowed
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SyncJob

read_all()  # files, for which no event loop should wait
MONDAY = date(2022, 1, 3)
LAST = date(2022, 1, 10)
"""The last session with a file: it is noon of the 11th."""
MINUTES: dict[str, Any] = {"bar": BarSize(1, "minute"), "adjusted": False, "flat_files": True}
MANY = tuple(f"T{number:03}" for number in range(500))


@asynccontextmanager
async def published() -> AsyncIterator[Sandbox]:
    async with bucket_at("2022-01-11") as served:
        yield served


async def planned(
    served: Sandbox,
    *conditions: Condition,
    name: str = "stock_bars",
    tickers: tuple[str, ...] = (),
    first: date = MONDAY,
    job: dict[str, Any] = MINUTES,
    access_key_id: str = "",
    **fields: Any,
) -> Planned:
    told = served.options
    files = FlatFiles(access_key_id or told.access_key_id, told.secret_access_key, served.url)
    settings = Settings(told.key, served.url, flat_files=files, **fields)
    options = ReadOptions(
        name,
        SyncJob(tickers, first, **job),
        settings,
        partitions=3,
        at_once_is_set="max_concurrent_requests" in fields,
    )
    some = narrowed(
        options.stream, options.job, conditions, today=date(2022, 1, 11), files=may_have_files(options)
    )
    return await plan(options, settings, some, clock_of(served))


def sessions(found: Planned) -> list[date]:
    return [file.session for one in found.slices for file in one.files]


def asked(served: Sandbox) -> list[str]:
    return [call.path for call in served.calls]


async def test_the_bucket_is_listed_once_and_each_session_is_a_slice() -> None:
    async with published() as served:
        found = await planned(served, first=date(2021, 12, 29))
        assert len(asked(served)) == 1
        assert asked(served)[0].startswith("/flatfiles")
    assert found.calls == 0
    assert sessions(found) == list(calendar.weekdays(date(2021, 12, 29), LAST))
    assert len(found.slices) == len(sessions(found))
    assert [one.makes_calls for one in found.slices] == [False, False] + [True] * 7, "OTC since 2021-12-31"


@pytest.mark.parametrize(
    ("condition", "first", "last"),
    [
        (Condition("date", ">=", (date(2022, 1, 6),)), date(2022, 1, 6), LAST),
        (Condition("date", "in", (date(2022, 1, 4), date(2022, 1, 5))), date(2022, 1, 4), date(2022, 1, 5)),
        (Condition("stock_ticker", "in", ("AAA",)), MONDAY, LAST),
    ],
    ids=str,
)
async def test_conditions_narrow_the_sessions_and_never_turn_a_file_into_calls(
    condition: Condition, first: date, last: date
) -> None:
    async with published() as served:
        found = await planned(served, condition)
    assert sessions(found) == list(calendar.weekdays(first, last))
    assert all(isinstance(one.calls, CallPlan) and not one.calls.ranges for one in found.slices)


async def test_named_tickers_are_narrowed_in_their_files() -> None:
    async with published() as served:
        one = await planned(served, Condition("stock_ticker", "in", ("T007",)), tickers=MANY)
        assert len(asked(served)) == 1
        few = await planned(served, tickers=("AAA",))
        none = await planned(served, Condition("date", "<", (MONDAY,)), tickers=MANY)
        assert len(asked(served)) == 1, "no listing where no file is wanted"
    assert [some.job.tickers for some in one.slices] == [("T007",)] * 6
    assert sessions(one) == list(calendar.weekdays(MONDAY, LAST))
    assert [some.files for some in few.slices] == [()]
    assert none.slices == []


async def test_a_part_of_calls_stays_calls() -> None:
    """Of few tickers, calls are cheaper; more sessions must not make it files."""
    async with published() as served:
        found = await planned(served, Condition("stock_ticker", "in", ("AAA",)), tickers=("AAA", "BBB"))
        assert asked(served) == []
    (one,) = found.slices
    assert isinstance(one.calls, CallPlan)
    assert [call.ticker for call in one.calls.ranges] == ["AAA"]


async def test_what_is_set_is_never_exceeded_by_sessions() -> None:
    async with published() as served:
        rationed = await planned(served, requests_per_minute=2)
        few = await planned(served, max_concurrent_requests=4)
    assert [len(one.files) for one in rationed.slices] == [3, 3]
    assert sorted(len(one.files) for one in few.slices) == [1, 1, 2, 2]


async def test_day_bars_come_from_files_or_from_calls() -> None:
    job: dict[str, Any] = {"adjusted": False, "flat_files": True, "include_otc": True}
    async with published() as served:
        served.faults.add(
            Fault(kind="file", change="missing", match="day_aggs_v1/2022/01/2022-01-05", times=None)
        )
        prices = await planned(served, name="stock_prices", job=job)
        bars = await planned(served, job=job)
    assert sessions(prices) == [day for day in calendar.weekdays(MONDAY, LAST) if day.day != 5]
    plans = [one.calls for one in prices.slices if isinstance(one.calls, CallPlan)]
    grouped = [call.session.day for one in plans for call in one.grouped]
    assert grouped == [5, 11], "of today, there is no file yet"
    assert sessions(bars) == []


async def test_wrong_keys_fail_on_the_driver() -> None:
    async with published() as served:
        with pytest.raises(ConfigError, match="does not know the access key id"):
            await planned(served, access_key_id="another")


async def test_a_file_of_half_the_bytes_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with bucket_at("2022-01-11", universe=300, tickers=()) as served:
        key = "minute_aggs_v1/2022/01/2022-01-05"
        served.faults.add(Fault(kind="file", change="fewer_tickers", match=key, times=None))
        await planned(served, Condition("date", ">=", (date(2022, 1, 5),)))
    assert "the flat file of 2022-01-05 has less than half of the bytes of the file beside it" in caplog.text


def test_files_are_for_unadjusted_bars_that_have_files() -> None:
    one = ReadOptions("stock_bars", SyncJob((), MONDAY, **MINUTES), Settings(""))
    assert may_have_files(one)
    for job in (replace(one.job, adjusted=True), replace(one.job, bar=BarSize(5, "minute"))):
        assert not may_have_files(replace(one, job=job))
    assert not may_have_files(replace(one, stream_name="news"))
