"""The socket: an aiohttp server in front of the answers, and the handle on it that tests hold."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from email.utils import format_datetime

from aiohttp import web

from stockticker_async.sandbox.admin import administered
from stockticker_async.sandbox.answers.routes import serves
from stockticker_async.sandbox.clock import Clock
from stockticker_async.sandbox.faults import Faults, Live, instead, spoiled
from stockticker_async.sandbox.front import Front, Request, Via
from stockticker_async.sandbox.market import Market
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.plans import PLANS, Allowance
from stockticker_async.sandbox.splits import Split
from stockticker_async.sandbox.wire import Answer, compress
from stockticker_async.sandbox.world import World
from stockticker_async.sandbox.wreckage import cut, drip, hung, leave, reset, torn

_SMALL = 65_536  # bytes that are compressed faster than a thread is asked to

_GRACE = 0.001  # seconds an answer may still take when the sandbox ends; aiohttp takes 0 for "no limit"


@dataclass(slots=True)
class Call:
    """One request, in the order of coming."""

    at: float
    """Epoch seconds of the sandbox's clock."""
    method: str
    path: str
    query: dict[str, str]
    """Without the key."""
    via: Via
    status: int = 0
    """0 until it is answered."""


class Sandbox:
    def __init__(self, options: Options) -> None:
        """Raises ValueError for a plan, or an endpoint that it should lack, that does not exist."""
        if options.plan not in PLANS:
            raise ValueError(f"no plan {options.plan!r}: one of {', '.join(PLANS)}")
        for path in options.without:
            if not serves(path):
                raise ValueError(f"no endpoint begins with {path!r}")
        self.options = options
        self.url = ""
        """Set once it listens."""
        self.calls: list[Call] = []
        self.faults = Faults()
        self.clock = Clock(options.now, options.speed)
        self.market = Market(options, self.clock)
        plan = PLANS[options.plan]
        allowance = Allowance(options.calls_per_minute or plan.calls_per_minute, options.window)
        self._world = World(options, plan, self.clock, self.market, options.unpublished)
        self._front = Front(self._world, allowance)

    @property
    def unpublished(self) -> int:
        """How many settled sessions, and today's, are held back."""
        return self._world.unpublished

    @unpublished.setter
    def unpublished(self, count: int) -> None:
        self._world.unpublished = count

    def add_split(self, ticker: str, execution_date: date, split_from: float, split_to: float) -> Split:
        """List a split from now on; the same once more is a duplicate, which prices ignore.

        Raw prices follow only if its day is still to come. Raises KeyError for an unknown ticker.
        """
        listing = self.market.listing(ticker)
        today = self.clock.today().toordinal()
        return self.market.book.add(listing, execution_date.toordinal(), split_from, split_to, today)

    def withdraw_split(self, ticker: str, execution_date: date) -> int:
        """Strike a name's splits of that day from the list; returns how many there were."""
        today = self.clock.today().toordinal()
        return self.market.book.withdraw(self.market.listing(ticker), execution_date.toordinal(), today)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, and write it down; the sandbox's own paths are not written down."""
        if request.path.startswith("/sandbox/"):
            told = administered(self, request.method, request.path, await request.read())
            return web.Response(
                status=told.status, body=told.body, headers={"Content-Type": told.content_type}
            )
        asked = _request(request)
        call = Call(self.clock.epoch(), asked.method, asked.path, dict(asked.query), asked.via)
        self.calls.append(call)
        await asyncio.sleep(self.options.latency)
        live = self.faults.take(asked.path)
        if live is not None and live.fault.kind == "reset":
            return reset(request)
        if live is not None and live.fault.kind == "hang":
            await hung(live.fault)
        answer = await self._answer(asked, live)
        call.status = answer.status
        return await self._sent(request, answer, live)

    async def _answer(self, asked: Request, live: Live | None) -> Answer:
        if live is None:
            return await self._front.respond(asked)
        if live.fault.kind in ("status", "429"):
            return instead(live.fault, self.clock.now())
        return spoiled(live, await self._front.respond(asked), asked.url)

    async def _sent(self, request: web.BaseRequest, answer: Answer, live: Live | None) -> web.StreamResponse:
        headers = {"Date": format_datetime(self.clock.now(), usegmt=True), **answer.headers}
        headers["Content-Type"] = answer.content_type
        if answer.request_id:
            headers["X-Request-Id"] = answer.request_id
        body = answer.body
        wanted = "gzip" in request.headers.get("Accept-Encoding", "")
        if body and wanted and "Content-Encoding" not in headers:
            headers["Content-Encoding"] = "gzip"
            body = answer.compressed or await _compressed(body)
        if live is None:
            return web.Response(status=answer.status, body=body, headers=headers)
        match live.fault.kind:
            case "cut":
                return cut(request, live.fault, answer.status, headers, body)
            case "torn":
                return torn(request, answer.status, headers, body)
            case "leave":
                return leave(request, answer.status, headers, body)
            case "drip":
                return await drip(request, live.fault, answer.status, headers, body)
            case _:
                return web.Response(status=answer.status, body=body, headers=headers)


async def _compressed(body: bytes) -> bytes:
    return compress(body) if len(body) < _SMALL else await asyncio.to_thread(compress, body)


def _request(request: web.BaseRequest) -> Request:
    query = dict(request.query)
    via: Via = "none"
    key = query.pop("apiKey", "")
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith("Bearer "):
        key, via = authorization.removeprefix("Bearer ").strip(), "header"
    elif key:
        via = "query"
    origin = f"{request.scheme}://{request.host}"
    return Request(request.method, request.rel_url.raw_path, query, origin, key, via)


@asynccontextmanager
async def serve(options: Options, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Sandbox]:
    """Listen on loopback until left, then drop what is still in flight; port 0 takes any free one."""
    sandbox = Sandbox(options)
    server = web.Server(sandbox.handle, access_log=None, handler_cancellation=True)
    runner = web.ServerRunner(server, shutdown_timeout=_GRACE)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        sandbox.url = f"http://{host}:{runner.addresses[0][1]}"
        yield sandbox
    finally:
        await runner.cleanup()
