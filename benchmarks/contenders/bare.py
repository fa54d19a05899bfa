"""The least that can be done: `bare.py STREAM URL TICKER,TICKER FIRST LAST`, day bars or minute bars.

With `*` for the tickers, `stock_prices` of all stocks, a call for each weekday. aiohttp gets pages, msgspec
decodes only the fields that are written, and orjson is called once for the values of a page of prices or of a
thousand bars: what is the same in all lines is put around them as text. It judges nothing, keeps no state,
bounds no memory beyond so many pages at once, and ends with a traceback where anything goes wrong.
"""

# ruff: noqa: E402 - nothing that is imported is ever garbage
import gc

gc.disable()

import asyncio
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import orjson

_NEW_YORK = ZoneInfo("America/New_York")
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_AT_ONCE = 16
_PIECE_BARS = 1_000
_HEAD = '{"type":"RECORD","record":{"stream":"%s","data":{'
_TAIL = '},"emitted_at":1700000000000}}\n'
Page = tuple[Iterator[bytes], str | None]
T = TypeVar("T")


class Price(msgspec.Struct, gc=False):
    t: int
    c: float


class Prices(msgspec.Struct):
    results: list[Price]
    next_url: str | None = None


class MarketPrice(msgspec.Struct, gc=False):
    T: str
    c: float


class MarketPrices(msgspec.Struct):
    results: list[MarketPrice]


class Bar(msgspec.Struct, gc=False):
    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the API's name
    c: float
    v: float
    vw: float
    n: int


class Bars(msgspec.Struct):
    results: list[Bar]
    next_url: str | None = None


class Texts(dict[int, T], Generic[T]):
    """Each is made when it is first asked for; then it costs no call."""

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make

    def __missing__(self, number: int) -> T:
        self[number] = text = self._make(number)
        return text


def day(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3600, _NEW_YORK).date().isoformat()


_DAYS = Texts(lambda moment: day(moment // _HOUR_MS).encode())
_DAYS_BY_HOUR = Texts(day)
_DATES = Texts(lambda number: f"{datetime.fromtimestamp(number * 86_400, UTC):%Y-%m-%dT}")
_TIMES = Texts(lambda moment: f"{datetime.fromtimestamp(moment // 1000, UTC):%H:%M:%SZ}")
_decode_prices = msgspec.json.Decoder(Prices).decode
_decode_market = msgspec.json.Decoder(MarketPrices).decode
_decode_bars = msgspec.json.Decoder(Bars).decode


def price_lines(ticker: str, body: bytes) -> Page:
    page = _decode_prices(body)
    line = f'{_HEAD % "stock_prices"}"date":"%b","stock_ticker":"{ticker}","price":%b{_TAIL}'.encode()
    days = [_DAYS[bar.t] for bar in page.results]
    return iter((filled(line, days, encoded([bar.c for bar in page.results])),)), page.next_url


def market_lines(session: str, body: bytes) -> Page:
    bars = _decode_market(body).results
    line = f'{_HEAD % "stock_prices"}"date":"{session}","stock_ticker":%b,"price":%b{_TAIL}'.encode()
    return iter((filled(line, encoded([bar.T for bar in bars]), encoded([bar.c for bar in bars])),)), None


def encoded(values: list[str] | list[float]) -> list[bytes]:
    """Numbers and tickers, which hold no comma."""
    return orjson.dumps(values)[1:-1].split(b",")


def filled(line: bytes, firsts: list[bytes], seconds: list[bytes]) -> bytes:
    values = [b""] * (2 * len(firsts))
    values[::2], values[1::2] = firsts, seconds
    return line * len(firsts) % tuple(values)


def bar_lines(ticker: str, body: bytes) -> Page:
    page = _decode_bars(body)
    bars = page.results
    pieces = (bars[begin : begin + _PIECE_BARS] for begin in range(0, len(bars), _PIECE_BARS))
    return (some_bar_lines(ticker, piece) for piece in pieces), page.next_url


def some_bar_lines(ticker: str, bars: list[Bar]) -> bytes:
    head = f'{_HEAD % "stock_bars"}"stock_ticker":"{ticker}","timestamp":'.encode()
    tail = f',"adjusted":true,"otc":false{_TAIL}'.encode()
    rows = [
        {
            "timestamp": _DATES[moment // _DAY_MS] + _TIMES[moment % _DAY_MS],
            "date": _DAYS_BY_HOUR[moment // _HOUR_MS],
            "open": bar.o,
            "high": bar.h,
            "low": bar.l,
            "close": bar.c,
            "volume": bar.v,
            "vwap": bar.vw,
            "transactions": bar.n,
        }
        for bar in bars
        for moment in (bar.t,)
    ]
    first, between = b'[{"timestamp":', b'},{"timestamp":'
    return head + orjson.dumps(rows)[len(first) : -2].replace(between, tail + head) + tail


async def one(
    session: aiohttp.ClientSession,
    url: str,
    subject: str,
    lines: Callable[[str, bytes], Page],
    turn: asyncio.Semaphore,
) -> None:
    following: str | None = url
    async with turn:
        while following:
            async with session.get(following) as response:
                body = await response.read()
            if response.headers.get("Content-Encoding") == "gzip":
                body = zlib.decompress(body, zlib.MAX_WBITS | 16)
            pieces, following = lines(subject, body)
            for piece in pieces:
                write(piece)


def write(text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(1, rest) :]


def asked(
    stream: str, base: str, tickers: str, first: str, last: str
) -> Iterator[tuple[str, str, Callable[[str, bytes], Page]]]:
    """URLs, what each is for, and what makes lines of its pages."""
    if tickers == "*":
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
        for number in range((end - begin).days + 1):
            day = begin + timedelta(days=number)
            if day.weekday() < 5:
                path = f"/v2/aggs/grouped/locale/us/market/stocks/{day}?adjusted=true&include_otc=false"
                yield base + path, str(day), market_lines
        return
    span = "minute" if stream == "stock_bars" else "day"
    lines = price_lines if stream == "stock_prices" else bar_lines
    for ticker in tickers.split(","):
        path = f"/v2/aggs/ticker/{ticker}/range/1/{span}/{first}/{last}?adjusted=true&sort=asc&limit=50000"
        yield base + path, ticker, lines


async def main(*arguments: str) -> None:
    turn = asyncio.Semaphore(_AT_ONCE)
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_AT_ONCE),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        ) as session,
        asyncio.TaskGroup() as group,
    ):
        for url, subject, lines in asked(*arguments):
            group.create_task(one(session, url, subject, lines, turn))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:6]))
    os._exit(0)  # all is written
