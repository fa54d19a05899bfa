"""Any header may be anything: what is not usable counts as absent, what is no HTTP is a passing fault."""

import asyncio
import zlib
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import NOON, client, speaking

from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, ConnectorError, TransientError
from stockticker_async.marketdata.call_limits import CallLimits
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.responses import Missing

QUICK = CallLimits(silence=0.2, call=0.2)
BODY = b'{"status":"OK"}'
NAMES = [
    "Date",
    "Retry-After",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Transfer-Encoding",
    "Connection",
    "Location",
    "Set-Cookie",
    "Keep-Alive",
    "Link",
    "X-Request-Id",
    "ETag",
    "Vary",
    "Upgrade",
    "Server",
    "Trailer",
]
DATES = (
    "Tue, 22 Dec 20201222202012222020 17:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -1200",
    "Mon, 01 Jan 1000 00:00:00 +1200",
    "Tue, 22 Dec 2020 17:00:00 +99999999999999999999",
    "Tue, 32 Foo 2020 99:99:99 GMT",
    "Tue, 22 Dec 2020",
    ",",
    "0",
)
VALUES = (
    *DATES,
    "",
    "-1",
    "1e400",
    "nan",
    "9" * 400,
    "gzip",
    "br",
    "zstd",
    "deflate",
    "chunked",
    "gzip, chunked",
    "close",
    "upgrade",
    'text/html; charset="',
    "http://[",
    "a=b; expires=Fri, 31 Dec 99999 23:59:59 GMT; domain=.",
    "timeout=99999999999999999999999",
    "<http://[>; rel",
    "\x80\xff",
)
OTHERS = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)


async def answered(head: bytes, body: bytes = BODY) -> object:
    """What a call gives that is answered with these bytes: an answer, or one of our errors."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n" + body)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async with (
        speaking(speak) as port,
        client(
            f"http://127.0.0.1:{port}",
            clock=Clock(start=NOON, speed=1e6),
            patience=5.0,
            most_wait=5.0,
            limits=QUICK,
        ) as opened,
    ):
        try:
            return await opened.get("/anything", bytes)
        except ConnectorError as error:
            return error


@pytest.mark.parametrize("told", DATES)
@pytest.mark.fault("damaged header")
async def test_a_damaged_date_is_none(told: str) -> None:
    found = await answered(f"HTTP/1.1 200 OK\r\nConnection: close\r\nDate: {told}".encode())
    assert isinstance(found, Answer)
    # the clock runs fast, and no difference is known yet
    assert abs((found.moment + timedelta(days=1) - NOON).days) <= 60


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([200, 200, 200, 404, 429, 503]),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | OTHERS), min_size=1, max_size=4),
)
@pytest.mark.fault("damaged header")
async def test_headers_of_any_kind_are_an_answer_or_one_of_our_errors(
    status: int, headers: Sequence[tuple[str, str]]
) -> None:
    lines = "".join(f"\r\n{name}: {value}" for name, value in headers)
    found = await answered(f"HTTP/1.1 {status} Some{lines}".encode("latin-1"))
    assert isinstance(found, Answer | Missing | TransientError), repr(found)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08no gzip at all",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + zlib.compress(BODY)[:-6],
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 40_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 9999 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n{}",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\n\r\n{}",
        b"HTTP/1.1 999 Denied\r\n\r\n{}",
    ],
    ids=lambda said: said[9:60],
)
@pytest.mark.fault("unusual status", "damaged HTTP")
async def test_a_damaged_layer_is_a_fault_that_may_pass(said: bytes) -> None:
    found = await answered(*said.split(b"\r\n\r\n", 1))
    assert isinstance(found, TransientError)
    assert not isinstance(found, BadPageError)
