"""Clients on loopback, and small servers for what the sandbox cannot do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import anyio.lowlevel
import trustme
from aiohttp import web

from stockticker_async.clock import Clock
from stockticker_async.connector.config import Config, parse
from stockticker_async.marketdata.call_limits import CallLimits
from stockticker_async.marketdata.client import Client, open_client

NOON = datetime(2020, 12, 22, 17, tzinfo=UTC)
"""12:00 in New York on a session."""
TODAY = date(2020, 12, 22)
KEY = "demo-key"

Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Speaking = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def config(url: str, **fields: Any) -> Config:
    raw = {"stock_ticker": "TSLA", "api_key": KEY, "base_url": url, **fields}
    return parse(raw, today=TODAY)


@asynccontextmanager
async def client(
    url: str,
    *,
    clock: Clock | None = None,
    fields: dict[str, Any] | None = None,
    limits: CallLimits | None = None,
    **how: Any,
) -> AsyncIterator[Client]:
    """A client whose clock begins at noon; ``fields`` are the configuration's."""
    settings = config(url, **(fields or {})).settings
    if limits is not None:
        settings = replace(settings, limits=limits)
    async with open_client(settings, clock or Clock(start=NOON), **how) as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    requests: list[web.BaseRequest] = field(default_factory=list)


@asynccontextmanager
async def serving(answer: Answering, *, tls: bool = False) -> AsyncIterator[Site]:
    """An HTTP server of one function, and the requests that it got."""
    requests: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        requests.append(request)
        return await answer(request)

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.001)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certified("127.0.0.1") if tls else None).start()
        scheme = "https" if tls else "http"
        yield Site(f"{scheme}://127.0.0.1:{runner.addresses[0][1]}", requests)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def speaking(speak: Speaking, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A TCP server of one function; gives its port. What is still spoken is cancelled at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await speak(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            writer.transport.abort()
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def until(true: Callable[[], object]) -> None:
    """Let everything else run until this holds."""
    while not true():
        await anyio.lowlevel.checkpoint()


@cache
def authority() -> trustme.CA:
    """Vouches for what `certified` shows; nobody trusts it who was not told to."""
    return trustme.CA()


@cache
def certified(*names: str, until: datetime | None = None) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(*names, not_after=until).configure_cert(context)
    return context


def relay(port: int, *, seen: list[bytes] | None = None) -> Speaking:
    """Passes everything on to another port of this machine, and back. ``seen``: what passes on."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, on = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pump(reader, on, seen), _pump(back, writer))
        finally:
            on.close()

    return speak


def tunnel(port: int, *, seen: list[bytes]) -> Speaking:
    """A proxy for https, which connects to a port of this machine whatever is asked of it."""
    pass_on = relay(port, seen=seen)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await pass_on(reader, writer)

    return speak


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes] | None = None
) -> None:
    while piece := await reader.read(65_536):
        if seen is not None:
            seen.append(piece)
        writer.write(piece)
        await writer.drain()
    writer.close()
