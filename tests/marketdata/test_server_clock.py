"""The API's clock: from its Date header, where there is a usable one."""

import asyncio
from datetime import timedelta

import pytest
from asking import BARS, bars_on, sandbox
from loopback import NOON, client, speaking

from stockticker_async.clock import Clock
from stockticker_async.marketdata.client import Answer
from stockticker_async.sandbox.service.faults import Fault


async def test_an_answer_has_the_apis_own_moment() -> None:
    async with sandbox() as served, client(served.url) as opened:
        served.clock.set(NOON + timedelta(hours=3))
        found = await opened.get(BARS, len)
        assert isinstance(found, Answer)
        assert found.moment == NOON + timedelta(hours=3)


@pytest.mark.parametrize("told", ["yesterday", "", "Tue, 32 Dec 2020 17:00:00 GMT"])
async def test_without_a_date_a_day_of_the_machines_clock_is_doubtful(told: str) -> None:
    async with sandbox() as served, client(served.url, clock=Clock(start=NOON, speed=0.001)) as opened:
        served.faults.add(Fault(kind="status", status=200, body="{}", headers={"Date": told}))
        found = await opened.get(BARS, len)
        assert isinstance(found, Answer)
        assert abs(found.moment - (NOON - timedelta(days=1))) < timedelta(seconds=1)


@pytest.mark.parametrize("hours", [-30, 0, 2])
async def test_without_a_date_the_last_known_difference_counts(hours: int) -> None:
    clock = Clock(start=NOON, speed=0.001)
    async with sandbox(speed=0.0) as served, client(served.url, clock=clock) as opened:
        served.clock.set(NOON + timedelta(hours=hours))
        await opened.get(BARS, len)
        served.faults.add(Fault(kind="status", status=200, body="{}", headers={"Date": "yesterday"}))
        found = await opened.get(BARS, len)
        assert isinstance(found, Answer)
        assert abs(found.moment - (NOON + timedelta(hours=hours))) < timedelta(seconds=1)


async def test_an_answer_without_the_header_is_as_one_with_a_date_of_no_meaning() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    clock = Clock(start=NOON, speed=0.001)
    async with speaking(speak) as port, client(f"http://127.0.0.1:{port}", clock=clock) as opened:
        found = await opened.get(BARS, len)
    assert isinstance(found, Answer)
    assert abs(found.moment - (NOON - timedelta(days=1))) < timedelta(seconds=1)


async def test_a_date_in_another_zone_is_the_same_moment() -> None:
    async with sandbox() as served, client(served.url) as opened:
        headers = {"Date": "Tue, 22 Dec 2020 12:00:00 -0500"}
        served.faults.add(Fault(kind="status", status=200, body="{}", headers=headers))
        found = await opened.get(BARS, len)
        assert isinstance(found, Answer)
        assert found.moment == NOON


@pytest.mark.parametrize(("minutes", "warnings"), [(9, 0), (-9, 0), (11, 1), (-11, 1)])
async def test_clocks_that_differ_by_more_than_ten_minutes_deserve_one_warning(
    minutes: int, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with sandbox() as served, client(served.url, clock=Clock(start=NOON, speed=0.001)) as opened:
        served.clock.set(NOON + timedelta(minutes=minutes))
        await bars_on(opened)
        await bars_on(opened)
    assert sum("differ" in record.getMessage() for record in caplog.records) == warnings
