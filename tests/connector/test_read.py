"""`read` in one process: what it warns of before it asks, and what it only would ask."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from asking import sandbox
from loopback import NOON
from support import Recorder, sync

from stockticker_async.clock import Clock
from stockticker_async.connector import catalog, config
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.log import Mask
from stockticker_async.connector.read import preview, read
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.calendar import CALENDAR_ENDS

PRICES = catalog.parse(catalog.configured(["stock_prices"], incremental=True))
EXCHANGES = catalog.parse(catalog.configured(["exchanges"], incremental=True))
TODAY = date(2020, 12, 22)


def parsed(**fields: Any) -> config.Config:
    return config.parse({"stock_ticker": "TSLA", "api_key": "demo-key", **fields}, today=TODAY)


def shell(now: datetime = NOON) -> CommandContext:
    return CommandContext(Clock(start=now, speed=0.001), Recorder(), Mask())


async def test_a_plan_is_told_and_nothing_is_asked_or_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "stockticker_async")
    async with sandbox() as served:
        told = shell()
        assert await preview(told, parsed(base_url=served.url, start_date="2020-12-14"), PRICES, {}) == 0
        assert served.calls == []
    assert isinstance(told.output, Recorder)
    assert told.output.stdout == b""
    assert any("stock_prices: 1 call, about 7 rows:" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("operate", [read, preview])
async def test_a_state_that_cannot_be_read_is_told_before_anything_is_asked(operate: Any) -> None:
    async with sandbox() as served:
        told = shell()
        with pytest.raises(ConfigError, match="The state of stock_prices cannot be read"):
            await operate(told, parsed(base_url=served.url), PRICES, {"stock_prices": {"version": 7}})
        assert served.calls == []
    assert isinstance(told.output, Recorder)
    assert told.output.stdout == b""


async def test_streams_of_a_state_that_this_source_has_not_are_left_out_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with sandbox() as served:
        assert await read(shell(), parsed(base_url=served.url), PRICES, {"users": {"id": 1}}) == 0
    assert "The state has streams that this source does not have: users. They are ignored." in [
        record.getMessage() for record in caplog.records
    ]


@pytest.mark.parametrize(("days", "told"), [(59, True), (61, False)])
async def test_a_calendar_that_ends_soon_is_told(
    days: int,
    told: bool,  # noqa: FBT001 - a case
    caplog: pytest.LogCaptureFixture,
) -> None:
    day = date.fromordinal(CALENDAR_ENDS.toordinal() - days)
    now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    async with sandbox() as served:
        served.clock.set(now)
        await read(shell(now), parsed(base_url=served.url), EXCHANGES, {})
    assert (
        any("The exchange's calendar in this version ends" in one.getMessage() for one in caplog.records)
        is told
    )


async def test_the_exit_code_tells_whether_all_streams_ended_well() -> None:
    async with sandbox() as served:
        assert (await sync(served, "TSLA", streams=("stock_prices",))).code == 0
        assert (await sync(served, "TSLA,NOPE", streams=("stock_prices",))).code == 1
