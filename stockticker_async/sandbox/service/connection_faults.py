"""Faults of the connection: reset, cut, torn, leave, hang, drip.

Their functions write to the transport past aiohttp, which then finds it closed and stays silent.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from aiohttp import web

from stockticker_async.sandbox.service.faults import Fault


async def hung(fault: Fault) -> None:
    """Wait for the seconds of the fault; without seconds, until the connection or the server ends."""
    if fault.seconds is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(fault.seconds)


def reset(request: web.BaseRequest) -> web.Response:
    """Send a TCP reset instead of a response, or of its rest."""
    transport = _transport(request)
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    return web.Response()


def torn(
    request: web.BaseRequest, fault: Fault, status: int, headers: Mapping[str, str], body: bytes
) -> web.Response:
    """Send a part of the body, and reset the connection."""
    head = _head(status, {**headers, "Content-Length": str(len(body))})
    _transport(request).write(head + body[: _part(fault, body)])
    return reset(request)


def leave(request: web.BaseRequest, status: int, headers: Mapping[str, str], body: bytes) -> web.Response:
    """Send the whole response, and close the connection without notice."""
    transport = _transport(request)
    transport.write(_head(status, {**headers, "Content-Length": str(len(body))}) + body)
    transport.close()
    return web.Response()


def cut(
    request: web.BaseRequest, fault: Fault, status: int, headers: Mapping[str, str], body: bytes
) -> web.Response:
    """Send a part of the body, and close."""
    half = body[: _part(fault, body)]
    match fault.framing:
        case "length":
            text = _head(status, {**headers, "Content-Length": str(len(body))}) + half
        case "chunked":
            text = _head(status, {**headers, "Transfer-Encoding": "chunked"}) + b"%x\r\n" % len(body) + half
        case _:
            text = _head(status, {**headers, "Connection": "close"}) + half
    transport = _transport(request)
    transport.write(text)
    transport.close()
    return web.Response()


async def drip(
    request: web.BaseRequest, fault: Fault, status: int, headers: Mapping[str, str], body: bytes
) -> web.StreamResponse:
    """Send a part of the body at once, and the rest byte by byte, or never."""
    response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    middle = _part(fault, body)
    await response.write(body[:middle])
    for at in range(middle, len(body)):
        await hung(fault)
        await response.write(body[at : at + 1])
    await response.write_eof()
    return response


def _part(fault: Fault, body: bytes) -> int:
    """The number of bytes that a fault sends: half of the body unless told."""
    return len(body) // 2 if fault.part is None else fault.part


def _transport(request: web.BaseRequest) -> asyncio.Transport:
    """The connection; it is open, or the server would have cancelled the request."""
    return cast(asyncio.Transport, request.transport)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
