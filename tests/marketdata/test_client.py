"""The client, over real sockets: against the sandbox, and servers that misbehave in ways of their own."""

import asyncio
import gzip
import itertools
import json
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web
from loopback import NOON, client, serving, speaking, until
from yarl import URL

from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, ConfigError, ConnectorError, TransientError
from stockticker_async.marketdata import ranges
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.bars import Asked
from stockticker_async.marketdata.call_limits import CallLimits
from stockticker_async.marketdata.client import Answer, Client
from stockticker_async.marketdata.pace import AT_ONCE
from stockticker_async.marketdata.transport import translated
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.service.faults import Fault
from stockticker_async.sandbox.service.server import serve

WEEK = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 21), ONE_DAY, adjusted=True)
BARS = "/v2/aggs/ticker/TSLA/range/1/day/2020-12-14/2020-12-21"
MINUTE = 60.0


@asynccontextmanager
async def sandbox(speed: float = 0.0, **options: Any) -> AsyncIterator[Sandbox]:
    async with serve(Options(universe=100, now=NOON, speed=speed, **options)) as served:
        yield served


def fast() -> Clock:
    """A clock for which a wait of a minute is 30 milliseconds."""
    return Clock(start=NOON, speed=2_000)


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


async def test_a_client_beside_another_shares_its_allowance_and_counts_for_itself() -> None:
    waits: list[datetime] = []

    async def told(until: datetime) -> None:
        waits.append(until)

    fields: dict[str, Any] = {"requests_per_minute": 2}
    async with (
        sandbox(speed=100, calls_per_minute=2) as served,
        client(served.url, clock=Clock(start=NOON, speed=100), fields=fields) as opened,
    ):
        other = opened.beside(pace=AT_ONCE, on_wait=told)
        for one in (opened, opened, other):
            await bars_on(one)
        assert (opened.calls, other.calls) == (2, 1)
        assert len(waits) == 1, "the third call of the minute waits, whoever makes it"
        assert not [call for call in served.calls if call.status == HTTPStatus.TOO_MANY_REQUESTS]


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


async def test_calls_are_counted_with_their_retries() -> None:
    async with sandbox() as served, client(served.url, clock=fast()) as opened:
        served.faults.add(Fault(kind="status", times=2))
        await bars_on(opened)
        assert opened.calls == len(served.calls) == 3


async def test_the_path_of_the_base_url_stands_before_every_path() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"results": []})

    async with serving(answer) as site, client(f"{site.url}/market/data/") as opened:
        await bars_on(opened, "/v2/bars?a=%2Cb")
    assert [request.raw_path for request in site.requests] == ["/market/data/v2/bars?a=%2Cb"]


# pages


async def test_pages_are_followed_to_the_last_one() -> None:
    async with sandbox() as served, client(served.url) as opened:
        whole = await closes(opened)
    async with sandbox(page_rows=2) as served, client(served.url) as opened:
        assert await closes(opened) == whole
        assert len(served.calls) == 3
    assert whole[1:] == [633.25, 622.77, 655.9, 695, 649.86]


async def test_a_next_url_that_is_a_path_belongs_to_the_api() -> None:
    async with sandbox() as served, client(served.url) as opened:
        further = "/v2/aggs/ticker/TSLA/range/1/day/2020-12-22/2020-12-22"
        served.faults.add(Fault(kind="edit", edit="next_url", next_url=further))
        asked = Asked("TSLA", date(2020, 12, 14), date(2020, 12, 22), ONE_DAY, adjusted=True)
        served.faults.add(Fault(kind="edit", edit="next_url", next_url="", after=1))
        with pytest.raises(BadPageError, match=r"twice|out of order"):
            await closes(opened, asked)
    assert served.calls[1].path == further


async def test_a_page_that_names_itself_as_the_next_is_asked_once() -> None:
    async with sandbox() as served, client(served.url) as opened:
        served.faults.add(Fault(kind="edit", edit="next_url", next_url="self", times=None))
        with pytest.raises(BadPageError, match="circle"):
            await closes(opened)
        assert len(served.calls) == 1


@pytest.mark.parametrize("length", [2, 3])
async def test_pages_that_go_round_in_a_circle_end(length: int) -> None:
    """Without bars nothing but the addresses tells that they were seen."""
    order = itertools.cycle(range(1, length + 1))
    places: dict[str, int] = {}

    async def answer(request: web.BaseRequest) -> web.Response:
        base = str(request.url.origin())
        # a page without bars is asked for twice, and says the same
        asked = request.rel_url.raw_path_qs
        if asked not in places:
            places[asked] = next(order) % length
        return web.json_response({"next_url": f"{base}{BARS}?cursor={places[asked]}"})

    async with serving(answer) as site, client(site.url) as opened:
        with pytest.raises(BadPageError, match="circle"):
            await closes(opened)
    asked = [request.rel_url.raw_path_qs for request in site.requests]
    assert len(set(asked)) == length + 1  # the first page was asked without a cursor
    assert set(Counter(asked).values()) <= {1, 2}


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


# later


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Fault(kind="429", times=2), 1),
        (Fault(kind="429", times=2, body=""), 1),
        (Fault(kind="429", times=2, body="<html>"), 1),
        (Fault(kind="429", times=2, retry_after="30"), 30),
        (Fault(kind="429", times=2, retry_after="date:30"), 20),
        (Fault(kind="429", times=2, retry_after="soon"), 1),
        (Fault(kind="429", times=2, retry_after="-5"), 0),
    ],
    ids=lambda told: f"{told.retry_after}" if isinstance(told, Fault) else "",
)
async def test_a_429_of_any_form_waits_and_never_fails(fault: Fault, wait: float) -> None:
    speed = 2000.0
    async with sandbox(speed) as served, client(served.url, clock=Clock(start=NOON, speed=speed)) as opened:
        served.faults.add(fault)
        assert await bars_on(opened) == 6
    times = [call.at for call in served.calls]
    assert len(times) == 3
    assert times[1] - times[0] >= wait


async def test_the_wait_for_the_allowance_is_told_with_the_time_it_ends() -> None:
    clock, told = fast(), list[timedelta]()

    async def on_wait(until: datetime) -> None:
        told.append(until - clock.utc_now())

    async with sandbox() as served, client(served.url, clock=clock, on_wait=on_wait) as opened:
        served.faults.add(Fault(kind="429", retry_after="1800"))
        await bars_on(opened)
    (wait,) = told
    assert timedelta() < wait <= timedelta(minutes=30)


async def test_a_short_wait_is_not_worth_telling() -> None:
    async def on_wait(until: datetime) -> None:
        raise AssertionError(until)

    async with sandbox() as served, client(served.url, clock=fast(), on_wait=on_wait) as opened:
        served.faults.add(Fault(kind="429", retry_after="5"))
        await bars_on(opened)


@pytest.mark.parametrize("window", ["rolling", "fixed"])
async def test_pages_and_retries_keep_to_the_allowance_of_any_minute(window: Any) -> None:
    speed = 1000.0
    clock = Clock(start=NOON, speed=speed)
    fields = {"requests_per_minute": 5}
    async with (
        sandbox(speed, plan="basic", page_rows=2, window=window) as served,
        client(served.url, clock=clock, fields=fields) as opened,
    ):
        served.faults.add(Fault(kind="status", after=3, times=2))
        served.faults.add(Fault(kind="body", transform="half", after=6))
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(closes, opened)
    times = [call.at for call in served.calls]
    assert len(times) >= 12  # of three pages each, and three repeated ones
    assert max(sum(begin <= at < begin + MINUTE for at in times) for begin in times) <= 5
    assert 429 not in {call.status for call in served.calls}


async def test_an_allowance_that_nobody_told_is_learned_without_failing() -> None:
    speed = 150.0  # its minute is long enough for a busy machine to make more than five calls in
    clock = Clock(start=NOON, speed=speed)
    async with (
        sandbox(speed, plan="basic") as served,
        client(served.url, clock=clock) as opened,
        anyio.create_task_group() as group,
    ):
        for _ in range(12):
            group.start_soon(bars_on, opened)
    answered = [call.status for call in served.calls]
    assert answered.count(200) == 12
    assert set(answered) == {200, 429}


# faults


PASSING = {
    "500": Fault(kind="status", times=2),
    "502 from a proxy": Fault(kind="status", status=502, body="<html>Bad Gateway</html>", times=2),
    "503 with JSON": Fault(
        kind="status", status=503, body='{"status":"ERROR"}', content_type="application/json", times=2
    ),
    "504": Fault(kind="status", status=504, times=2),
    "408": Fault(kind="status", status=408, times=2),
    "reset": Fault(kind="reset", times=2),
    "cut, with a length": Fault(kind="cut", framing="length", times=2),
    "cut, in chunks": Fault(kind="cut", framing="chunked", times=2),
    "cut, until the close": Fault(kind="cut", framing="close", times=2),
    "corrupt gzip": Fault(kind="corrupt_gzip", times=2),
    "half a body": Fault(kind="body", transform="half", times=2),
    "an HTML page": Fault(kind="body", transform="html", times=2),
    "status ERROR": Fault(kind="body", transform="error", times=2),
    "a list": Fault(kind="body", transform="array", times=2),
    "another ticker": Fault(kind="edit", edit="wrong_ticker", times=2),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
async def test_a_fault_that_passes_is_survived(fault: Fault) -> None:
    clock = Clock(start=NOON, speed=1000)  # whose patience is long enough for a busy machine
    async with sandbox() as served, client(served.url, clock=clock) as opened:
        served.faults.add(fault)
        assert len(await closes(opened)) == 6
        assert len(served.calls) == 3
        assert opened._limiter.in_flight == 0


LASTING = {
    "500": (Fault(kind="status", times=None), "the API answered 500"),
    "reset": (Fault(kind="reset", times=None), "127.0.0.1 closed the connection"),
    "cut": (Fault(kind="cut", times=None), "an answer broke off, or was damaged"),
    "corrupt gzip": (Fault(kind="corrupt_gzip", times=None), "an answer broke off, or was damaged"),
}


@pytest.mark.parametrize(("fault", "said"), LASTING.values(), ids=LASTING.keys())
async def test_a_fault_that_lasts_is_told_in_plain_words(fault: Fault, said: str) -> None:
    async with sandbox() as served, client(served.url, clock=fast()) as opened:
        served.faults.add(fault)
        with pytest.raises(TransientError) as caught:
            await closes(opened)
        assert len(served.calls) > 1
    assert caught.value.message == (f"{served.url} could not be reached or did not answer for 900 s: {said}.")


async def test_a_page_that_stays_unusable_is_asked_three_times() -> None:
    async with sandbox() as served, client(served.url) as opened:
        served.faults.add(Fault(kind="edit", edit="wrong_ticker", times=None))
        with pytest.raises(BadPageError, match="another ticker, tsla"):
            await closes(opened)
        assert len(served.calls) == 3


async def test_a_success_of_another_call_renews_the_patience() -> None:
    """An endpoint that fails is given up only when nothing else has answered for as long."""
    async with sandbox() as served, client(served.url, clock=fast(), patience=300) as opened:
        served.faults.add(Fault(kind="status", match="AAPL", times=None))
        ended = anyio.Event()

        async def keep_asking() -> None:
            while not ended.is_set():
                await bars_on(opened)

        async with anyio.create_task_group() as group:
            group.start_soon(keep_asking)
            group.start_soon(bars_on, opened, BARS.replace("TSLA", "AAPL"))
            await until(lambda: opened._clock.monotonic() > 900)
            assert not group.cancel_scope.cancel_called
            group.cancel_scope.cancel()


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
    r"what answered at 127\.0\.0\.1 did not speak HTTP",
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

    async with speaking(speak) as port, client(f"http://127.0.0.1:{port}", clock=fast()) as opened:
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


async def test_the_first_fault_is_told_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    # slow enough for a busy machine: patience is a second of its time
    clock = Clock(start=NOON, speed=1000)
    async with sandbox() as served, client(served.url, clock=clock) as opened:
        served.faults.add(Fault(kind="status", status=503, times=3))
        await bars_on(opened)
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage() == "The API failed, and is asked again: the API answered 503"


async def test_calls_are_logged_without_their_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "stockticker_async")
    async with sandbox() as served, client(served.url) as opened:
        await bars_on(opened, f"{BARS}?limit=5")
    (line,) = [record.getMessage() for record in caplog.records if record.name.endswith("transport")]
    assert line.startswith(f"200 {BARS}: ")


# the API's clock


async def test_an_answer_has_the_apis_own_moment() -> None:
    async with sandbox() as served, client(served.url) as opened:
        served.clock.set(NOON + timedelta(hours=3))
        found = await opened.get(BARS, len)
        assert isinstance(found, Answer)
        assert found.moment == NOON + timedelta(hours=3)


@pytest.mark.parametrize("told", ["yesterday", "", "Tue, 32 Dec 2020 17:00:00 GMT"])
async def test_without_a_date_the_machines_clock_counts(told: str) -> None:
    async with sandbox() as served, client(served.url, clock=Clock(start=NOON, speed=0.001)) as opened:
        served.faults.add(Fault(kind="status", status=200, body="{}", headers={"Date": told}))
        found = await opened.get(BARS, len)
        assert isinstance(found, Answer)
        assert abs(found.moment - NOON) < timedelta(seconds=1)


async def test_an_answer_without_any_date_has_the_machines_moment() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    clock = Clock(start=NOON, speed=0.001)
    async with speaking(speak) as port, client(f"http://127.0.0.1:{port}", clock=clock) as opened:
        found = await opened.get(BARS, len)
    assert isinstance(found, Answer)
    assert abs(found.moment - NOON) < timedelta(seconds=1)


async def test_a_date_in_another_zone_is_the_same_moment() -> None:
    async with sandbox() as served, client(served.url) as opened:
        headers = {"Date": "Tue, 22 Dec 2020 12:00:00 -0500"}
        served.faults.add(Fault(kind="status", status=200, body="{}", headers=headers))
        found = await opened.get(BARS, len)
        assert isinstance(found, Answer)
        assert found.moment == NOON


@pytest.mark.parametrize(("minutes", "warnings"), [(9, 0), (-9, 0), (11, 1), (-11, 1)])
async def test_clocks_that_differ_by_more_than_ten_minutes_deserve_one_warning(
    minutes: int, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with sandbox() as served, client(served.url, clock=Clock(start=NOON, speed=0.001)) as opened:
        served.clock.set(NOON + timedelta(minutes=minutes))
        await bars_on(opened)
        await bars_on(opened)
    assert sum("differ" in record.getMessage() for record in caplog.records) == warnings


# cancellation


class Frozen(Clock):
    """Tells when somebody begins to sleep, and never wakes them."""

    def __init__(self) -> None:
        super().__init__(start=NOON)
        self.asleep = anyio.Event()

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002 - for ever
        self.asleep.set()
        await anyio.sleep_forever()

    async def wait(self, event: anyio.Event, seconds: float) -> bool:  # noqa: ARG002 - until it comes
        self.asleep.set()
        await event.wait()
        return True


async def cancelled(opened: Client, reached: Callable[[], Awaitable[object]]) -> None:
    """Cancel a call once it has reached some phase; its slot must be free again, and no task left."""
    before = asyncio.all_tasks()
    async with anyio.create_task_group() as group:
        group.start_soon(bars_on, opened)
        await reached()
        assert len(asyncio.all_tasks()) > len(before)
        group.cancel_scope.cancel()
    assert opened._limiter.in_flight == 0
    assert {task for task in asyncio.all_tasks() - before if not _of_a_server(task)} == set()


def _of_a_server(task: asyncio.Task[Any]) -> bool:
    return "RequestHandler" in repr(task.get_coro())


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="hang", times=1),
        Fault(kind="drip", times=1),
    ],
    ids=["no answer yet", "half a body"],
)
async def test_a_call_cancelled_while_it_waits_for_the_server_gives_its_slot_back(fault: Fault) -> None:
    async with sandbox() as served, client(served.url, fields={"max_concurrent_requests": 1}) as opened:
        served.faults.add(fault)
        await cancelled(opened, lambda: until(lambda: served.calls))
        assert await bars_on(opened) == 6


async def test_a_call_cancelled_while_it_connects_gives_its_slot_back() -> None:
    async with AsyncExitStack() as stack:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        stack.callback(listener.close)
        address = listener.getsockname()
        for _ in range(3):  # which fills the queue, so that the next one waits
            waiting = socket.socket()
            stack.callback(waiting.close)
            waiting.setblocking(False)  # noqa: FBT003 - the stdlib's own
            waiting.connect_ex(address)
        opened = await stack.enter_async_context(client(f"http://127.0.0.1:{address[1]}"))
        await cancelled(opened, lambda: until(lambda: opened._limiter.in_flight))


async def test_a_call_cancelled_while_it_backs_off_gives_its_slot_back() -> None:
    clock = Frozen()
    async with sandbox() as served, client(served.url, clock=clock) as opened:
        served.faults.add(Fault(kind="status"))
        await cancelled(opened, clock.asleep.wait)
        assert await bars_on(opened) == 6


async def test_calls_cancelled_while_they_wait_for_the_allowance_take_nothing_of_it() -> None:
    clock, fields = Frozen(), {"requests_per_minute": 1}
    async with sandbox() as served, client(served.url, clock=clock, fields=fields) as opened:
        await bars_on(opened)
        await cancelled(opened, clock.asleep.wait)
        assert len(opened._limiter._calls._ends) == 1
        assert opened._limiter.in_flight == 0
    assert len(served.calls) == 1


async def test_a_call_cancelled_while_another_waits_before_it_leaves_the_queue() -> None:
    clock, fields = Frozen(), {"max_concurrent_requests": 1}
    async with sandbox() as served, client(served.url, clock=clock, fields=fields) as opened:
        served.faults.add(Fault(kind="hang"))
        async with anyio.create_task_group() as first:
            first.start_soon(bars_on, opened)
            await until(lambda: served.calls)
            async with anyio.create_task_group() as second:
                second.start_soon(bars_on, opened)
                await clock.asleep.wait()
                second.cancel_scope.cancel()
            first.cancel_scope.cancel()
        assert await bars_on(opened) == 6


async def test_nothing_is_left_when_the_client_is_closed() -> None:
    before = asyncio.all_tasks()
    async with sandbox() as served:
        async with client(served.url) as opened:
            await bars_on(opened)
        with anyio.fail_after(5):
            await until(lambda: not [task for task in asyncio.all_tasks() - before if _of_a_server(task)])
    assert asyncio.all_tasks() == before
