"""The socket: an aiohttp server in front of the gateway, with the faults on request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial

from aiohttp import web

from stockticker_async.sandbox.bucket.s3_request import S3Request, for_the_bucket
from stockticker_async.sandbox.endpoints.api_response import ApiResponse, compress
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.admin import administer
from stockticker_async.sandbox.service.connection_faults import cut, drip, hung, leave, reset, torn
from stockticker_async.sandbox.service.controls import Sandbox, called
from stockticker_async.sandbox.service.faults import Live, instead, spoiled
from stockticker_async.sandbox.service.gateway import HttpRequest, Via

_SMALL = 65_536  # bytes: compressing fewer takes less time than a thread

_GRACE = 0.001  # seconds left for responses when the sandbox ends; aiohttp takes 0 for "no limit"


async def _handle(sandbox: Sandbox, request: web.BaseRequest) -> web.StreamResponse:
    """Respond to a request and record the call; the paths under /sandbox/ are not recorded."""
    if request.path.startswith("/sandbox/"):
        response = administer(sandbox, request.method, request.path, await request.read())
        return web.Response(
            status=response.status, body=response.body, headers={"Content-Type": response.content_type}
        )
    received = await _received(sandbox, request)
    call = called(received, sandbox.clock.epoch())
    sandbox.calls.append(call)
    await asyncio.sleep(sandbox.options.latency)
    live = sandbox.faults.take(received.path, received.method)
    if live is not None and live.fault.kind == "reset":
        return reset(request)
    if live is not None and live.fault.kind == "hang":
        await hung(live.fault)
    response = await _respond(sandbox, received, live)
    call.status = response.status
    return await _sent(sandbox, request, response, live)


async def _respond(sandbox: Sandbox, received: HttpRequest | S3Request, live: Live | None) -> ApiResponse:
    if live is not None and live.fault.kind in ("status", "429", "s3_error"):
        return instead(live.fault, received.path, sandbox.clock.now())
    if isinstance(received, S3Request):
        response, url = await sandbox.respond_s3(received), received.target
    else:
        response, url = await sandbox.respond(received), received.url
    return response if live is None else spoiled(live, response, url)


async def _sent(
    sandbox: Sandbox, request: web.BaseRequest, response: ApiResponse, live: Live | None
) -> web.StreamResponse:
    # some clients of S3 set their clocks by the Date of a response
    now = datetime.fromtimestamp(sandbox.signing_time(), UTC) if response.as_it_is else sandbox.clock.now()
    headers = {"Date": format_datetime(now, usegmt=True), **response.headers}
    if response.content_type:
        headers["Content-Type"] = response.content_type
    if response.request_id:
        headers["X-Request-Id"] = response.request_id
    body = response.body
    wanted = not response.as_it_is and "gzip" in request.headers.get("Accept-Encoding", "")
    if body and wanted and "Content-Encoding" not in headers:
        headers["Content-Encoding"] = "gzip"
        body = response.compressed or await _compressed(body)
    if live is None:
        return web.Response(status=response.status, body=body, headers=headers)
    match live.fault.kind:
        case "cut":
            return cut(request, live.fault, response.status, headers, body)
        case "torn":
            return torn(request, live.fault, response.status, headers, body)
        case "leave":
            return leave(request, response.status, headers, body)
        case "drip":
            return await drip(request, live.fault, response.status, headers, body)
        case _:
            return web.Response(status=response.status, body=body, headers=headers)


async def _compressed(body: bytes) -> bytes:
    return compress(body) if len(body) < _SMALL else await asyncio.to_thread(compress, body)


async def _received(sandbox: Sandbox, request: web.BaseRequest) -> HttpRequest | S3Request:
    headers = {name.lower(): text for name, text in request.headers.items()}
    received = S3Request(request.method, request.raw_path, headers, await request.read())
    return received if for_the_bucket(received, sandbox.options.bucket) else _api_request(request)


def _api_request(request: web.BaseRequest) -> HttpRequest:
    query = dict(request.query)
    via: Via = "none"
    key = query.pop("apiKey", "")
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith("Bearer "):
        key, via = authorization.removeprefix("Bearer ").strip(), "header"
    elif key:
        via = "query"
    origin = f"{request.scheme}://{request.host}"
    return HttpRequest(request.method, request.rel_url.raw_path, query, origin, key, via)


@asynccontextmanager
async def serve(options: Options, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Sandbox]:
    """Listen on loopback until the context ends, then drop requests in flight; port 0 takes any free port."""
    sandbox = Sandbox(options)
    server = web.Server(partial(_handle, sandbox), access_log=None, handler_cancellation=True)
    runner = web.ServerRunner(server, shutdown_timeout=_GRACE)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        sandbox.url = f"http://{host}:{runner.addresses[0][1]}"
        yield sandbox
    finally:
        await runner.cleanup()
        await sandbox.close()
