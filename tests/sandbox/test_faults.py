"""Faults of status, headers and body."""

import asyncio
import gzip
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from sandbox.asker import DAY_BARS, GROUPED, Asker, opened

from stockticker_async.sandbox.service.faults import Fault

PREV = "/v2/aggs/ticker/TSLA/prev"


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
