"""The least that can be done: `bare.py STREAM URL TICKER,TICKER FIRST LAST`, day bars or minute bars.

aiohttp gets pages, msgspec decodes only the fields that are written, orjson is called once a page, and so is
write. It judges nothing, keeps no state, bounds no memory beyond so many pages at once, and ends with
a traceback where anything goes wrong.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import orjson

_NEW_YORK = ZoneInfo("America/New_York")
_AT = 1_700_000_000_000
_AT_ONCE = 16


class Price(msgspec.Struct, gc=False):
    t: int
    c: float


class Bar(msgspec.Struct, gc=False):
    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the API's name
    c: float
    v: float
    vw: float
    n: int


class Prices(msgspec.Struct):
    results: list[Price]
    next_url: str | None = None


class Bars(msgspec.Struct):
    results: list[Bar]
    next_url: str | None = None


@cache
def day(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3600, _NEW_YORK).date().isoformat()


def price_lines(ticker: str, body: bytes) -> tuple[list[Any], str | None]:
    page = msgspec.json.decode(body, type=Prices)
    return [
        {
            "type": "RECORD",
            "record": {
                "stream": "stock_prices",
                "data": {"date": day(bar.t // 3_600_000), "stock_ticker": ticker, "price": bar.c},
                "emitted_at": _AT,
            },
        }
        for bar in page.results
    ], page.next_url


def bar_lines(ticker: str, body: bytes) -> tuple[list[Any], str | None]:
    page = msgspec.json.decode(body, type=Bars)
    return [
        {
            "type": "RECORD",
            "record": {
                "stream": "stock_bars",
                "data": {
                    "stock_ticker": ticker,
                    "timestamp": datetime.fromtimestamp(bar.t / 1000, UTC),
                    "date": day(bar.t // 3_600_000),
                    "open": bar.o,
                    "high": bar.h,
                    "low": bar.l,
                    "close": bar.c,
                    "volume": bar.v,
                    "vwap": bar.vw,
                    "transactions": bar.n,
                    "adjusted": True,
                    "otc": False,
                },
                "emitted_at": _AT,
            },
        }
        for bar in page.results
    ], page.next_url


async def one(
    session: aiohttp.ClientSession,
    url: str,
    ticker: str,
    lines: Callable[[str, bytes], Any],
    turn: asyncio.Semaphore,
) -> None:
    following: str | None = url
    async with turn:
        while following:
            async with session.get(following) as response:
                body = await response.read()
            rows, following = lines(ticker, body)
            text = orjson.dumps(rows, option=orjson.OPT_UTC_Z)
            write(text[1:-1].replace(b'},{"type"', b'}\n{"type"') + b"\n")


def write(text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(1, rest) :]


async def main(stream: str, base: str, tickers: str, first: str, last: str) -> None:
    span, lines = ("day", price_lines) if stream == "stock_prices" else ("minute", bar_lines)
    if stream == "stock_bars_of_days":
        span = "day"
    turn = asyncio.Semaphore(_AT_ONCE)
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for ticker in tickers.split(","):
            path = f"/v2/aggs/ticker/{ticker}/range/1/{span}/{first}/{last}"
            url = f"{base}{path}?adjusted=true&sort=asc&limit=50000"
            group.create_task(one(session, url, ticker, lines, turn))


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    asyncio.run(main(*sys.argv[1:6]))
