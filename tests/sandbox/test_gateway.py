"""Keys, routes, plans without an endpoint, and responses encoded ahead."""

from datetime import date, timedelta
from email.utils import parsedate_to_datetime

import pytest
from sandbox.asker import DAY_BARS, opened

from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox


async def test_the_key_may_come_in_a_header_or_in_the_url_and_is_never_written_down() -> None:
    async with opened(key="s3cret") as asker:
        header = await asker.send("GET", DAY_BARS, headers={"Authorization": "Bearer s3cret"})
        query = await asker.send("GET", DAY_BARS, headers={}, params={"apiKey": "s3cret", "limit": "9"})
        assert (header.status, query.status) == (200, 200)
        assert [(call.via, call.query) for call in asker.sandbox.calls] == [
            ("header", {}),
            ("query", {"limit": "9"}),
        ]
        assert "s3cret" not in repr(asker.sandbox.calls)


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "API Key was not provided"),
        ({"Authorization": "Basic demo-key"}, "API Key was not provided"),
        ({"Authorization": "Bearer wrong"}, "Unknown API Key"),
    ],
)
async def test_wrong_keys_are_401s(headers: dict[str, str], text: str) -> None:
    async with opened() as asker:
        reply = await asker.send("GET", DAY_BARS, headers=headers)
        assert reply.status == 401
        assert reply.page == {"status": "ERROR", "request_id": reply.headers["X-Request-Id"], "error": text}


async def test_unknown_routes_are_plain_text() -> None:
    async with opened() as asker:
        for method, path in (("GET", "/v9/everything"), ("GET", "/"), ("POST", DAY_BARS)):
            reply = await asker.send(method, path)
            assert (reply.status, reply.body) == (404, b"404 page not found\n")
            assert reply.headers["Content-Type"].startswith("text/plain")


async def test_a_plan_can_lack_single_endpoints() -> None:
    async with opened(without=("/stocks/v1/splits", "/v3/reference/tickers/{ticker}")) as asker:
        for path, status in (
            ("/stocks/v1/splits", 403),
            ("/v3/reference/splits", 200),
            ("/v3/reference/tickers/TSLA", 403),
            ("/v3/reference/tickers/types", 200),
            (DAY_BARS, 200),
        ):
            reply = await asker.get(path)
            assert reply.status == status
            if status == 403:
                assert reply.page["status"] == "NOT_AUTHORIZED"
                assert reply.page["message"].startswith("You are not entitled to this data.")


def test_an_endpoint_that_does_not_exist_cannot_be_lacking() -> None:
    with pytest.raises(ValueError, match="/v9"):
        Sandbox(Options(without=("/v9/everything",)))


@pytest.mark.parametrize("spelling", ["seconds", "date", "empty-body"])
async def test_a_429_tells_as_much_as_was_chosen(spelling: str) -> None:
    async with opened(calls_per_minute=1, retry_after=spelling) as asker:
        await asker.get(DAY_BARS)
        asker.sandbox.clock.advance(10.5)
        reply = await asker.get(DAY_BARS)
        told = reply.headers.get("Retry-After", "")
        assert reply.status == 429
        match spelling:
            case "seconds":
                assert told == "50"
            case "date":
                wait = parsedate_to_datetime(told) - asker.sandbox.clock.now()
                assert timedelta(seconds=49) < wait <= timedelta(seconds=50)
            case _:
                assert (reply.body, told) == (b"", "")


async def test_answers_encoded_ahead_are_the_same_bytes_until_something_changes() -> None:
    async with opened(encode_ahead=True) as asker:
        first = await asker.get(DAY_BARS)
        assert (await asker.get(DAY_BARS)).body == first.body
        again = await asker.send(
            "GET", DAY_BARS, headers={"Authorization": "Bearer demo-key", "Accept-Encoding": "identity"}
        )
        assert again.body == first.body
        assert "Content-Encoding" not in again.headers
        asker.sandbox.add_split("TSLA", date(2020, 12, 21), 1, 2)
        assert (await asker.get(DAY_BARS)).rows[0]["c"] == pytest.approx(first.rows[0]["c"] / 2)
        assert (await asker.get("/v1/open-close/TSLA/2020-12-18")).status == 200
