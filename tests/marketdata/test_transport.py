"""One exchange with the API: its headers, its origin, its deadlines, its bytes, and faults in plain words."""

import asyncio
import gc
import gzip
import json
import logging
import socket
import tracemalloc
from contextlib import suppress

import aiohttp
import anyio
import pytest
from aiohttp import web
from asking import BARS, Counted, bars_on, closes, fast, sandbox
from loopback import NOON, client, serving, speaking
from yarl import URL

from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, TransientError
from stockticker_async.marketdata.call_limits import CallLimits
from stockticker_async.marketdata.client import Answer
from stockticker_async.marketdata.transport import _release, translated
from stockticker_async.sandbox.service.faults import Fault


async def test_the_key_travels_in_a_header_and_in_no_url() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"results": []})

    async with serving(answer) as site, client(site.url) as opened:
        await bars_on(opened)
    (request,) = site.requests
    assert request.headers["Authorization"] == "Bearer demo-key"
    assert "demo-key" not in request.raw_path


async def test_every_page_carries_the_key_in_the_header() -> None:
    async with sandbox(page_rows=2) as served, client(served.url) as opened:
        assert len(await closes(opened)) == 6
    assert [call.via for call in served.calls] == ["header"] * 3


async def test_answers_are_asked_for_in_gzip_and_unpacked() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        packed = gzip.compress(json.dumps({"results": [1, 2, 3]}).encode())
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with serving(answer) as site, client(site.url) as opened:
        assert await bars_on(opened) == 3


async def test_calls_one_after_the_other_share_a_connection() -> None:
    peers = set()

    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response({"results": []})

    async with serving(answer) as site, client(site.url) as opened:
        for _ in range(3):
            await bars_on(opened)
    assert len(peers) == 1


async def test_there_are_never_more_connections_than_configured() -> None:
    peers = set()
    together = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        if len(peers) == 2:
            together.set()
        await together.wait()
        return web.json_response({"results": []})

    async with (
        serving(answer) as site,
        client(site.url, fields={"max_concurrent_requests": 2}) as opened,
        anyio.create_task_group() as group,
    ):
        for _ in range(8):
            group.start_soon(bars_on, opened)
    assert len(peers) == 2


async def test_the_path_of_the_base_url_stands_before_every_path() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"results": []})

    async with serving(answer) as site, client(f"{site.url}/market/data/") as opened:
        await bars_on(opened, "/v2/bars?a=%2Cb")
    assert [request.raw_path for request in site.requests] == ["/market/data/v2/bars?a=%2Cb"]


ELSEWHERE = {
    "another port": "http://127.0.0.1:{foreign}{path}",
    "another host": "http://localhost:{port}{path}",
    "another scheme": "https://127.0.0.1:{port}{path}",
    "a user": "http://someone@127.0.0.1:{port}{path}",
    "a user of no name": "http://@127.0.0.1:{port}{path}",
    "a user that looks like the host": "http://127.0.0.1:{port}@127.0.0.1:{foreign}{path}",
    "a backslash before a user": "http://127.0.0.1:{foreign}\\@127.0.0.1:{port}{path}",
    "a backslash and a host": "http://127.0.0.1:{port}\\@127.0.0.1:{foreign}{path}",
    "two ports": "http://127.0.0.1:{port}:{port}{path}",
    "two ports of https": "https://host:443:443{path}",
    "the port 0": "http://127.0.0.1:0{path}",
    "a port too large": "http://127.0.0.1:99999{path}",
    "no scheme": "//127.0.0.1:{foreign}{path}",
    "another kind of address": "mailto:someone@127.0.0.1:{foreign}{path}",
    "half an address": "http://[::1{path}",
    "a line end": "http://127.0.0.1:{port}{path}\r\nX-Evil: yes",
    "a space": "http://127.0.0.1:{port}{path}?a b",
    "a letter outside ASCII": "http://127.0.0.1:{port}{path}?é",
}


@pytest.mark.parametrize("next_url", ELSEWHERE.values(), ids=ELSEWHERE.keys())
@pytest.mark.fault("next_url elsewhere", "next_url to another origin")
async def test_a_next_url_that_leads_elsewhere_is_refused_and_never_asked(next_url: str) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({})

    async with serving(answer) as foreign, sandbox() as served, client(served.url) as opened:
        port, other = served.url.rpartition(":")[2], foreign.url.rpartition(":")[2]
        told = next_url.format(port=port, foreign=other, path=BARS)
        served.faults.add(Fault(kind="edit", edit="next_url", next_url=told, times=None))
        with pytest.raises(BadPageError, match="further page") as caught:
            await closes(opened)
        assert len(served.calls) == 1
    assert foreign.requests == []
    assert "?" not in caught.value.message


async def test_a_default_port_is_the_same_origin() -> None:
    async with client("http://127.0.0.1") as opened:
        told = opened.next_target("http://127.0.0.1:80/v2/next")
        assert opened._transport.target(told).path == "/v2/next"


@pytest.mark.fault("next_url without end")
async def test_an_endless_next_url_is_not_followed() -> None:
    async with client("http://127.0.0.1") as opened:
        with pytest.raises(BadPageError, match="next_url has 20,000,000 letters; the limit is 16,384"):
            opened.next_target("x" * 20_000_000)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({})

    async with serving(answer) as foreign, sandbox() as served, client(served.url) as opened:
        headers = {"Location": f"{foreign.url}/here"}
        served.faults.add(Fault(kind="status", status=status, headers=headers))
        with pytest.raises(ConfigError, match="redirect"):
            await bars_on(opened)
    assert foreign.requests == []


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_refused_connection_is_told_with_the_port() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    async with client(url, clock=fast()) as opened:
        with pytest.raises(TransientError, match=rf"no connection to {url[7:]} \("):
            await bars_on(opened)


async def test_a_name_that_cannot_be_found_is_told() -> None:
    async with client("http://api.invalid", clock=fast()) as opened:
        with pytest.raises(TransientError, match=r"the name api\.invalid cannot be found \(no network\?\)"):
            await bars_on(opened)


_CLOSED, _BROKEN, _NO_HTTP = (
    r"127\.0\.0\.1 closed the connection",
    "an answer broke off, or was damaged",
    r"the server at 127\.0\.0\.1 did not speak HTTP",
)


NO_HTTP = {
    "nothing": (b"", _CLOSED),
    "noise": (b"\x15\x03\x01\x00\x02\x02\x16 hello\r\n\r\n", _NO_HTTP),
    "a status of letters": (b"HTTP/1.1 abc OK\r\n\r\n", _NO_HTTP),
    "a header without an end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, _NO_HTTP),
    "a chunk of no size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", _NO_HTTP),
    "gzip that is none": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        _BROKEN,
    ),
}


@pytest.mark.parametrize(("said", "told"), NO_HTTP.values(), ids=NO_HTTP.keys())
async def test_what_is_no_http_is_a_passing_fault(said: bytes, told: str) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with speaking(speak) as port, client(f"http://127.0.0.1:{port}", clock=Counted()) as opened:
        with pytest.raises(TransientError, match=told):
            await bars_on(opened)
        assert opened.calls > 1


@pytest.mark.parametrize(
    ("fault", "limits"),
    [
        (Fault(kind="hang"), CallLimits(call=0.1)),
        (Fault(kind="hang"), CallLimits(silence=0.1)),
        (Fault(kind="drip"), CallLimits(silence=0.1)),
        (Fault(kind="drip", seconds=0.01), CallLimits(call=0.2)),
    ],
    ids=["no answer", "no first byte", "no further byte", "a byte now and then"],
)
async def test_a_server_that_takes_for_ever_has_a_deadline(fault: Fault, limits: CallLimits) -> None:
    clock = Clock(start=NOON, speed=100)
    async with sandbox() as served, client(served.url, clock=clock, limits=limits) as opened:
        served.faults.add(fault)
        assert await bars_on(opened) == 6
        assert len(served.calls) == 2


LARGE = {
    "a head of many lines": b"HTTP/1.1 200 OK\r\n" + b"X-A: %b\r\n" % (b"v" * 8000) * 100,
    "noise": b"\x01\x02" * 400_000,
    "a chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + b"y" * 400_000,
    "gzip that is none": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 400000\r\n\r\n"
    + b"y" * 400_000,
}


@pytest.mark.parametrize("said", LARGE.values(), ids=LARGE.keys())
async def test_damaged_answers_leave_nothing_behind(said: bytes) -> None:
    """Without the collector, which the program calls seldom: 1,700 tries of an outage took 420 MB."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            await writer.drain()

    async def tries(seconds: float) -> None:
        with pytest.raises(TransientError):
            await opened.get(BARS, len, patience=seconds)

    async with speaking(speak) as port, client(f"http://127.0.0.1:{port}", clock=Counted()) as opened:
        gc.disable()
        tracemalloc.start()
        try:
            await tries(300.0)
            calls, (held_bytes, _) = opened.calls, tracemalloc.get_traced_memory()
            await tries(900.0)
            more_bytes = tracemalloc.get_traced_memory()[0] - held_bytes
        finally:
            tracemalloc.stop()
            gc.enable()
        assert opened.calls - calls > 20
        assert more_bytes < 2**19, "two tries keep their answers until the next one"


def test_an_error_that_the_caller_handles_keeps_its_traceback() -> None:
    """It is the context of ours, which let go of their frames."""
    outer = _raised(None)
    inner = _raised(outer)
    assert inner.__context__ is outer
    _release(inner, outer)
    assert inner.__traceback__ is None
    assert outer.__traceback__ is not None
    _release(outer, None)
    assert outer.__traceback__ is None


def _raised(handled: OSError | None) -> OSError:
    with pytest.raises(OSError, match="a fault") as caught:
        _fail(handled)
    return caught.value


def _fail(handled: OSError | None) -> None:
    error = OSError("a fault")
    error.__context__ = handled
    raise error


class _Sleeping(Clock):
    """The waits between the tries do not end."""

    def __init__(self) -> None:
        super().__init__(start=NOON)
        self.sleepers = 0
        self.all_sleep = anyio.Event()

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002 - of the class above
        self.sleepers += 1
        if self.sleepers == 8:
            self.all_sleep.set()
        await anyio.sleep_forever()


async def test_a_call_that_waits_for_its_next_try_holds_nothing_of_the_last_one() -> None:
    """64 answers that broke off after 4 MB were 1.7 GB, since each try of the outage was kept."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n")
        writer.write(bytes(4_000_000))
        await writer.drain()

    clock = _Sleeping()
    async with speaking(speak) as port, client(f"http://127.0.0.1:{port}", clock=clock) as opened:
        tracemalloc.start()
        try:
            async with anyio.create_task_group() as group:
                for _ in range(8):
                    group.start_soon(opened.get, BARS, len)
                await clock.all_sleep.wait()
                held_bytes = tracemalloc.get_traced_memory()[0]
                group.cancel_scope.cancel()
        finally:
            tracemalloc.stop()
    assert held_bytes < 2 * 4_000_000


UNFINISHED = {
    "nothing comes": b"Content-Length: 4000\r\n\r\n",
    "it breaks off": b"Content-Length: 4000\r\nConnection: close\r\n\r\n{",
    "half a chunk": b"Transfer-Encoding: chunked\r\n\r\n10\r\n{",
    "gzip that is none": b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.fault("unfinished error")
@pytest.mark.parametrize("rest", UNFINISHED.values(), ids=UNFINISHED.keys())
@pytest.mark.parametrize(
    ("head", "error", "told"),
    [
        (b"401 Unauthorized", ConfigError, "The API key is wrong"),
        (b"404 Not Found", TransientError, "the API answered 404, and the text of this error did not come"),
        (b"503 Busy", TransientError, "the API answered 503"),
        (b"429 Later\r\nRetry-After: 1", TransientError, "answered only 429"),
    ],
    ids=["401", "404", "503", "429"],
)
async def test_an_error_without_the_end_of_its_body_is_judged_by_its_status(
    head: bytes, rest: bytes, error: type[ConnectorError], told: str
) -> None:
    """A 429 must not cost a minute of silence, and a wrong key no quarter of an hour."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + head + b"\r\n" + rest)
        await writer.drain()
        if b"close" in rest:
            writer.close()
        else:
            await reader.read()

    limits = CallLimits(error_text=0.05)
    async with (
        speaking(speak) as port,
        client(f"http://127.0.0.1:{port}", clock=Counted(), limits=limits) as opened,
    ):
        with pytest.raises(error, match=told):
            await opened.get(BARS, len, patience=20.0)


async def test_a_server_that_never_answers_is_told_when_patience_ends() -> None:
    """With the shortest call, the one deadline is the patience itself."""
    async with sandbox() as served, client(served.url, patience=0.1) as opened:
        served.faults.add(Fault(kind="hang", times=None))
        with pytest.raises(TransientError, match=r"127\.0\.0\.1 did not answer in time"):
            await bars_on(opened)
        assert opened._limiter.in_flight == 0


async def test_a_body_over_the_limit_is_refused_before_it_is_held() -> None:
    """It is counted unpacked: 64 MB of zeros are 64 KB on the way."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    bomb = gzip.compress(bytes(64 * 2**20))
    async with serving(answer) as site, client(site.url, limits=CallLimits(body_bytes=2**20)) as opened:
        with pytest.raises(ConnectorError, match="more than 1 MiB in one answer"):
            await bars_on(opened)
        assert opened.calls == 1
        assert opened._limiter.in_flight == 0


async def test_a_body_at_the_limit_is_taken() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b" " * 1000)

    async with serving(answer) as site, client(site.url, limits=CallLimits(body_bytes=1000)) as opened:
        found = await opened.get(BARS, len)
    assert isinstance(found, Answer)
    assert found.value == 1000


async def test_tls_that_the_server_does_not_speak_is_told() -> None:
    async with sandbox() as served:
        url = served.url.replace("http:", "https:")
        async with client(url, clock=fast()) as opened:
            with pytest.raises(TransientError, match=r"no secure connection to 127\.0\.0\.1"):
                await bars_on(opened)


async def test_a_certificate_that_nobody_vouches_for_is_the_users_to_mend() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"results": []})

    async with serving(answer, tls=True) as site, client(site.url) as opened:
        with pytest.raises(ConfigError, match=r"not trusted.*SSL_CERT_FILE"):
            await bars_on(opened)
        assert opened.calls == 1
        assert opened._limiter.in_flight == 0
    assert site.requests == []


def test_a_fault_without_words_of_its_own_is_told_by_its_name() -> None:
    fault = translated(
        aiohttp.ClientError("with what may be a secret"), URL("https://api.example.test"), proxied=False
    )
    assert str(fault) == "the connection failed (ClientError)"


async def test_calls_are_logged_without_their_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "stockticker_async")
    async with sandbox() as served, client(served.url) as opened:
        await bars_on(opened, f"{BARS}?limit=5")
    (line,) = [record.getMessage() for record in caplog.records if record.name.endswith("transport")]
    assert line.startswith(f"200 {BARS}: ")
