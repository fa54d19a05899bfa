"""Each fault does what it says, as often as it says, to whom it says."""

import asyncio
import gzip
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from sandbox.asker import DAY_BARS, GROUPED, Asker, opened

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


async def test_a_fault_strikes_its_path_after_some_and_so_many_times() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(
            Fault(kind="status", match="/TSLA/.*/2020-12-21$", after=1, times=2, status=503)
        )
        statuses = [(await asker.get(DAY_BARS)).status for _ in range(5)]
        assert statuses == [200, 503, 503, 200, 200]
        asker.sandbox.faults.add(Fault(kind="status", times=None, status=502))
        assert [(await asker.get(PREV)).status for _ in range(3)] == [502] * 3
        asker.sandbox.faults.clear()
        assert (await asker.get(PREV)).status == 200


async def test_a_status_comes_with_any_body_and_headers_and_without_asking_the_key() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(
            Fault(kind="status", status=503, body="<h1>Sorry</h1>", headers={"Retry-After": "7"})
        )
        reply = await asker.send("GET", PREV, headers={})
        assert (reply.status, reply.body, reply.headers["Retry-After"]) == (503, b"<h1>Sorry</h1>", "7")
        assert reply.headers["Content-Type"] == "text/html"
        asker.sandbox.faults.add(Fault(kind="status", status=500, content_type="text/plain"))
        empty = await asker.get(PREV)
        assert (empty.status, empty.body, empty.headers["Content-Type"]) == (500, b"", "text/plain")


@pytest.mark.parametrize("told", [None, "7", "soon", "-1"])
async def test_a_429_may_say_when_in_any_form(told: str | None) -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="429", retry_after=told))
        reply = await asker.get(PREV)
        assert (reply.status, reply.headers.get("Retry-After")) == (429, told)
        assert reply.page["error"].startswith("You've exceeded")


async def test_a_429_may_give_a_date_and_no_body() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="429", retry_after="date:30", body=""))
        reply = await asker.get(PREV)
        wait = parsedate_to_datetime(reply.headers["Retry-After"]) - asker.sandbox.clock.now()
        assert (reply.body, wait.total_seconds()) == (b"", 30)


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


async def test_corrupt_gzip_cannot_be_read() -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="corrupt_gzip", times=2))
        with pytest.raises(aiohttp.ClientPayloadError):
            await asker.get(PREV)
        _, _, body = (await raw_close(asker)).partition(b"\r\n\r\n")
        with pytest.raises((OSError, EOFError, zlib.error)):
            gzip.decompress(body)


async def raw_close(asker: Asker) -> bytes:
    """As `raw`, for answers that leave the connection open."""
    url = urlsplit(asker.sandbox.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        writer.write(
            f"GET {PREV} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n"
            "Authorization: Bearer demo-key\r\n\r\n".encode()
        )
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("transform", "content_type", "begin"),
    [
        ("html", "text/html", b"<html>"),
        ("half", "application/json", b'{"ticker":"TSLA"'),
        ("array", "application/json", b"[]"),
        ("error", "application/json", b'{"status":"ERROR"'),
        ("empty", "application/json", b'{"ticker":"TSLA","queryCount":0,"resultsCount":0,'),
    ],
)
async def test_bodies_are_replaced(transform: Any, content_type: str, begin: bytes) -> None:
    async with opened(encode_ahead=True) as asker:
        good = await asker.get(DAY_BARS)
        asker.sandbox.faults.add(Fault(kind="body", transform=transform))
        reply = await asker.get(DAY_BARS)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == content_type
        assert reply.body.startswith(begin)
        assert (await asker.get(DAY_BARS)).body == good.body


@pytest.mark.parametrize("body", ["{}", b"{}", lambda body: body[:0] + b"{}"])
async def test_bodies_may_be_any_text_bytes_or_function(body: Any) -> None:
    async with opened() as asker:
        asker.sandbox.faults.add(Fault(kind="body", body=body, content_type="text/weird"))
        reply = await asker.get(DAY_BARS)
        assert (reply.body, reply.headers["Content-Type"]) == (b"{}", "text/weird")


async def edited(asker: Asker, path: str, **fault: Any) -> Any:
    asker.sandbox.faults.add(Fault(kind="edit", **fault))
    return (await asker.get(path)).page


async def test_edits_change_one_thing() -> None:
    async with opened() as asker:
        rows = (await asker.get(DAY_BARS)).rows
        times = [row["t"] for row in rows]

        async def seen(edit: str) -> list[int]:
            return [row["t"] for row in (await edited(asker, DAY_BARS, edit=edit))["results"]]

        assert (await edited(asker, DAY_BARS, edit="wrong_ticker"))["ticker"] == "tsla"
        assert (await edited(asker, DAY_BARS, edit="flip_adjusted"))["adjusted"] is False
        assert await seen("unordered") == times[::-1]
        assert await seen("duplicate") == [times[0], *times]
        assert await seen("missing") == times[:3] + times[4:]
        *usual, beyond = await seen("out_of_range")
        assert usual == times
        assert datetime.fromtimestamp(beyond / 1000, UTC).year == 2030
        assert (await edited(asker, DAY_BARS, edit="null_price"))["results"][0]["c"] is None
        assert (await edited(asker, f"{GROUPED}/2020-12-18", edit="wrong_ticker"))["results"][0][
            "T"
        ] == "aapl"


async def test_edits_leave_empty_pages_and_errors_alone() -> None:
    async with opened() as asker:
        empty = await edited(
            asker, "/v2/aggs/ticker/TSLA/range/1/day/2020-12-19/2020-12-20", edit="unordered"
        )
        assert empty["resultsCount"] == 0
        error = await edited(asker, "/v2/aggs/ticker/TSLA/range/1/day/x/y", edit="flip_adjusted")
        assert "adjusted" not in error
        holidays = await edited(asker, "/v1/marketstatus/upcoming", edit="unordered")
        assert holidays == (await asker.get("/v1/marketstatus/upcoming")).page


async def test_next_url_leads_astray() -> None:
    async with opened(page_rows=2) as asker:
        here = f"{asker.sandbox.url}{DAY_BARS}"
        assert (await edited(asker, DAY_BARS, edit="next_url"))["next_url"] == here
        foreign = (await edited(asker, DAY_BARS, edit="next_url", next_url="foreign"))["next_url"]
        assert foreign.startswith("https://api.example.com/v2/aggs/ticker/TSLA/")
        assert "cursor=" in foreign
        odd = "https://host:443:443/v2"
        assert (await edited(asker, DAY_BARS, edit="next_url", next_url=odd))["next_url"] == odd


async def test_a_cycle_comes_back_to_the_first_page() -> None:
    async with opened(page_rows=2) as asker:
        asker.sandbox.faults.add(Fault(kind="edit", edit="next_url", next_url="cycle", times=None))
        first = await asker.send("GET", DAY_BARS, params={"limit": "100", "apiKey": "demo-key"}, headers={})
        second = await asker.send("GET", first.page["next_url"])
        assert second.page["next_url"] == f"{asker.sandbox.url}{DAY_BARS}?limit=100"


async def test_a_cycle_may_be_longer() -> None:
    async with opened(page_rows=1) as asker:
        asker.sandbox.faults.add(Fault(kind="edit", edit="next_url", next_url="cycle:3", times=None))
        url, seen = DAY_BARS, list[str]()
        for _ in range(3):
            url = (await asker.send("GET", url)).page["next_url"]
            seen.append(url)
        assert "cursor=" in seen[0]
        assert "cursor=" in seen[1]
        assert seen[2] == f"{asker.sandbox.url}{DAY_BARS}"


async def test_other_processes_rule_over_http() -> None:
    async with opened() as asker:

        async def act(method: str, path: str, told: Any = None) -> Any:
            body = b"" if told is None else orjson.dumps(told)
            reply = await asker.send(method, f"/sandbox/{path}", data=body, headers={})
            assert reply.status == 200, reply.body
            return reply.page

        assert await act("POST", "clock", {"now": "2020-12-24T12:00:00Z"}) == {
            "now": "2020-12-24T12:00:00+00:00"
        }
        assert await act("POST", "clock", {"advance": 90}) == {"now": "2020-12-24T12:01:30+00:00"}
        assert await act("GET", "clock") == {"now": "2020-12-24T12:01:30+00:00"}
        await act("POST", "faults", {"kind": "status", "status": 418, "match": "prev", "times": None})
        assert (await asker.get(PREV)).status == 418
        await act("DELETE", "faults")
        assert (await asker.get(PREV)).status == 200
        calls = await act("GET", "calls")
        assert [(call["path"], call["status"], call["via"]) for call in calls] == [
            (PREV, 418, "header"), (PREV, 200, "header"),
        ]  # fmt: skip
        await act("DELETE", "calls")
        assert asker.sandbox.calls == []
        split = {"ticker": "IBM", "execution_date": "2020-12-01", "split_from": 1, "split_to": 3}
        added = await act("POST", "splits", split)
        rows = (await asker.get("/stocks/v1/splits", ticker="IBM")).rows
        assert [row["id"] for row in rows] == [added["id"]]
        assert await act("DELETE", "splits", split) == {"withdrawn": 1}
        assert await act("POST", "unpublished", {"sessions": 1}) == {"sessions": 1}
        assert asker.sandbox.unpublished == 1
        assert (await asker.get(PREV)).rows[0]["t"] == 1608670800000


@pytest.mark.parametrize(
    ("path", "told", "text"),
    [
        ("faults", {"kind": "nonsense"}, "kind must be one of"),
        ("faults", {"kind": "429", "match": "("}, "no regular expression"),
        ("faults", {"kind": "429", "colour": "red"}, "no colour"),
        ("clock", {"now": "2020-12-22"}, "time zone"),
        ("clock", [], "AttributeError"),
        (
            "splits",
            {"ticker": "NOBODY", "execution_date": "2020-12-01", "split_from": 1, "split_to": 2},
            "NOBODY",
        ),
        ("splits", {"ticker": "IBM", "execution_date": "soon"}, "execution_date"),
        ("unpublished", {}, "sessions"),
    ],
)
async def test_a_wrong_order_is_a_400_that_says_why(path: str, told: Any, text: str) -> None:
    async with opened() as asker:
        reply = await asker.send("POST", f"/sandbox/{path}", data=orjson.dumps(told))
        assert reply.status == 400
        assert text in reply.page["error"]
        assert (await asker.send("POST", "/sandbox/everything")).status == 404


async def test_latency_delays_the_answer_by_real_seconds() -> None:
    async with opened(latency=0.001) as asker:
        assert (await asker.get(PREV)).status == 200
