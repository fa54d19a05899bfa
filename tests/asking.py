"""A client's questions to a small sandbox, and what is counted of the answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import anyio.lowlevel
from loopback import NOON

from stockticker_async.clock import Clock
from stockticker_async.marketdata import ranges
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.client import Answer, Client
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.server import serve

WEEK = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 21), ONE_DAY, adjusted=True)
BARS = "/v2/aggs/ticker/TSLA/range/1/day/2020-12-14/2020-12-21"


@asynccontextmanager
async def sandbox(speed: float = 0.0, **options: Any) -> AsyncIterator[Sandbox]:
    async with serve(Options(universe=100, now=NOON, speed=speed, **options)) as served:
        yield served


def fast() -> Clock:
    """A clock for which a wait of a minute is 30 milliseconds."""
    return Clock(start=NOON, speed=2_000)


class Counted(Clock):
    """Time that passes only while somebody waits: the machine may be as slow as it is."""

    def __init__(self) -> None:
        super().__init__(start=NOON)
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await anyio.lowlevel.checkpoint()

    async def wait(self, event: anyio.Event, seconds: float) -> bool:
        self.now += seconds
        return event.is_set()


async def bars_on(opened: Client, path: str = BARS) -> int:
    """The number of bars that the path answers with."""
    found = await opened.get(path, lambda body: len(json.loads(body)["results"]))
    assert isinstance(found, Answer)
    return found.value


async def closes(opened: Client, asked: Asked = WEEK) -> list[float]:
    found: list[float] = []
    async for answer in ranges.range_pages(opened, asked):
        assert isinstance(answer, ranges.BarsPage)
        found += [bar.c for judged in answer.page.converted[0].take() for bar in judged.bars]
    return found
