"""Faults of the connection."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from sandbox.asker import opened

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

PREV = "/v2/aggs/ticker/TSLA/prev"


async def raw(sandbox: Sandbox, path: str = PREV) -> bytes:
    """All bytes until the server closes."""
    url = urlsplit(sandbox.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer demo-key\r\n\r\n".encode()
        )
        return await reader.read()
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_a_reset_ends_the_connection_without_an_answer() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="reset", times=None))
        with pytest.raises(ConnectionResetError):
            await raw(asker.sandbox)
        with pytest.raises(aiohttp.ClientOSError):
            await asker.get(PREV)
        assert {call.status for call in asker.sandbox.calls} == {0}
        asker.sandbox.faults.clear()
        assert (await asker.get(PREV)).status == 200


@pytest.mark.parametrize(
    ("framing", "header"),
    [
        ("length", b"Content-Length: "),
        ("chunked", b"Transfer-Encoding: chunked"),
        ("close", b"Connection: close"),
    ],
)
async def test_a_cut_body_ends_in_its_middle(framing: Any, header: bytes) -> None:
    async with opened() as asker:
        whole = await asker.get(PREV)
        asker.sandbox.faults.add(Fault(kind="cut", framing=framing, times=2))
        head, _, body = (await raw(asker.sandbox)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert header in head
        text = body.partition(b"\r\n")[2] if framing == "chunked" else body
        assert text[:30] == whole.body[:30]
        assert len(text) == len(whole.body) // 2
        if framing == "close":
            with pytest.raises(orjson.JSONDecodeError):
                (await asker.send("GET", PREV, headers=IDENTITY)).page  # noqa: B018 -- the client cannot know
        else:
            with pytest.raises(aiohttp.ClientPayloadError):
                await asker.send("GET", PREV, headers=IDENTITY)


async def test_a_torn_body_ends_in_a_reset() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="torn"))
        with pytest.raises(ConnectionResetError):
            await raw(asker.sandbox)


async def test_a_server_that_leaves_has_answered_and_promised_to_stay() -> None:
    async with opened() as asker:
        whole = await asker.get(PREV)
        asker.sandbox.faults.add(Fault(kind="leave"))
        head, _, body = (await raw(asker.sandbox)).partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(body) in head
        assert b"Connection" not in head
        assert len(body) == len(whole.body)


IDENTITY = {"Authorization": "Bearer demo-key", "Accept-Encoding": "identity"}


async def test_hanging_for_ever_ends_with_the_client() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="hang"))
        with pytest.raises(TimeoutError):
            await asker.send("GET", PREV, timeout=aiohttp.ClientTimeout(0.2))
        assert [call.status for call in asker.sandbox.calls] == [0]
        assert (await asker.get(PREV)).status == 200


async def test_hanging_for_ever_ends_with_the_sandbox() -> None:
    async with aiohttp.ClientSession() as session:
        async with serve(Options(universe=1)) as sandbox:
            sandbox.faults.add(Fault(kind="hang"))
            asking = asyncio.ensure_future(session.get(f"{sandbox.url}{PREV}"))
            while not sandbox.calls:  # noqa: ASYNC110 -- nothing tells when a call has come
                await asyncio.sleep(0)
        with pytest.raises(aiohttp.ClientConnectionError):
            await asking


async def test_hanging_for_a_while_answers_then() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="hang", seconds=0.001))
        assert (await asker.get(PREV)).status == 200


async def test_a_dripping_body_comes_whole_or_never() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="drip", seconds=0))
        assert (await asker.get(PREV)).rows[0]["T"] == "TSLA"
        asker.sandbox.faults.add(Fault(kind="drip"))
        with pytest.raises(TimeoutError):
            await asker.send("GET", PREV, timeout=aiohttp.ClientTimeout(sock_read=0.02))
