"""Who may ask, how often, and how far back."""

from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import DAY_BARS, GROUPED, opened

from stockticker_async.sandbox.endpoints.subscriptions import PLANS
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.allowance import Allowance
from stockticker_async.sandbox.service.controls import Sandbox
from stockticker_async.sandbox.simulated_clock import Clock

JULY = datetime(2026, 7, 29, 17, tzinfo=UTC)
TSLA = "/v2/aggs/ticker/TSLA/range/1/day"
TIMEFRAME = "Your plan doesn't include this data timeframe."
EARLY = "Attempted to request today's data before end of day."


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


def test_a_plan_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="gold"):
        Sandbox(Options(plan="gold"))


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


async def test_a_range_partly_before_the_history_is_silently_clipped() -> None:
    async with opened(plan="basic", now=JULY) as asker:
        reply = await asker.get(f"{TSLA}/2022-07-01/2026-07-28", limit="50000")
        assert reply.status == 200
        assert reply.page["status"] == "DELAYED"
        first, last = (datetime.fromtimestamp(reply.rows[at]["t"] / 1000, UTC).date() for at in (0, -1))
        assert (first, last) == (date(2024, 7, 29), date(2026, 7, 28))


@pytest.mark.parametrize(("plan", "floor"), [("basic", "2024"), ("starter", "2021"), ("developer", "2016")])
async def test_a_range_wholly_before_the_history_is_a_403(plan: str, floor: str) -> None:
    async with opened(plan=plan, now=JULY) as asker:
        for path in (
            f"{TSLA}/2015-01-01/{floor}-07-28",
            f"{GROUPED}/{floor}-07-28",
            f"/v1/open-close/TSLA/{floor}-07-28",
        ):
            reply = await asker.get(path)
            assert reply.status == 403
            assert list(reply.page) == ["status", "request_id", "message"]
            assert reply.page["status"] == "NOT_AUTHORIZED"
            assert reply.page["message"].startswith(TIMEFRAME)
        assert (await asker.get(f"{TSLA}/{floor}-07-29/{floor}-07-29")).status == 200
        assert (await asker.get(f"{GROUPED}/{floor}-07-29")).status == 200


async def test_the_largest_plan_gives_everything() -> None:
    async with opened(now=JULY) as asker:
        reply = await asker.get("/v2/aggs/ticker/IBM/range/1/day/2000-01-01/2026-07-29", limit="50000")
        assert len(reply.rows) > 6600
        assert "next_url" not in reply.page
        assert reply.page["status"] == "OK"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{TSLA}/2026-07-29/2026-07-29", TIMEFRAME),
        (f"{TSLA}/2026-07-30/2026-08-05", TIMEFRAME),
        (f"{GROUPED}/2026-07-29", EARLY),
        (f"{GROUPED}/2026-07-30", TIMEFRAME),
        ("/v1/open-close/TSLA/2026-07-29", EARLY),
        ("/v2/snapshot/locale/us/markets/stocks/tickers", "You are not entitled to this data."),
    ],
)
async def test_the_free_plan_has_no_today_no_future_and_fewer_endpoints(path: str, text: str) -> None:
    async with opened(plan="basic", now=JULY) as asker:
        reply = await asker.get(path)
        assert reply.status == 403
        assert reply.page["message"].startswith(text)


async def test_the_free_plan_shows_a_session_after_midnight() -> None:
    async with opened(plan="basic", now=JULY) as asker:
        days = f"{TSLA}/2026-07-28/2026-07-29"
        assert len((await asker.get(days)).rows) == 1
        asker.sandbox.clock.set(datetime(2026, 7, 30, 4, 0, tzinfo=UTC))
        assert len((await asker.get(days)).rows) == 2
        assert len((await asker.get(f"{GROUPED}/2026-07-29")).rows) > 50
        minutes = await asker.get("/v2/aggs/ticker/TSLA/range/1/minute/2026-07-29/2026-07-30")
        assert minutes.rows[-1]["t"] < datetime(2026, 7, 30, 4, 0, tzinfo=UTC).timestamp() * 1000


async def test_paid_plans_answer_the_future_with_nothing() -> None:
    async with opened(plan="starter", now=JULY) as asker:
        reply = await asker.get(f"{TSLA}/2026-07-30/2026-08-05")
        assert (reply.status, reply.rows) == (200, [])
        assert reply.page["status"] == "DELAYED"


def test_history_begins_on_the_28th_for_who_asks_on_a_leap_day() -> None:
    assert PLANS["basic"].floor(date(2024, 2, 29)) == date(2022, 2, 28)
    assert PLANS["advanced"].floor(date(2024, 2, 29)) == date.min


async def test_the_sixth_call_in_a_minute_is_a_429_and_the_clock_lets_the_next_pass() -> None:
    async with opened(plan="basic", now=JULY) as asker:
        for _ in range(5):
            assert (await asker.get(f"{TSLA}/2026-07-27/2026-07-28")).status == 200
        reply = await asker.get(f"{TSLA}/2026-07-27/2026-07-28")
        assert reply.status == 429
        assert reply.page["status"] == "ERROR"
        assert reply.page["error"].startswith("You've exceeded the maximum requests per minute")
        assert "Retry-After" not in reply.headers
        asker.sandbox.clock.advance(59.9)
        assert (await asker.get(f"{TSLA}/2026-07-27/2026-07-28")).status == 429
        asker.sandbox.clock.advance(0.1)
        assert (await asker.get(f"{TSLA}/2026-07-27/2026-07-28")).status == 200


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


@settings(deadline=None)
@given(st.lists(st.floats(0, 90), max_size=60), st.integers(1, 6), st.sampled_from(["rolling", "fixed"]))
def test_no_minute_ever_has_more_than_the_allowance(
    gaps: list[float], calls: int, window: Literal["rolling", "fixed"]
) -> None:
    allowance, now, taken = Allowance(calls, window), 1e9, []
    for gap in gaps:
        now += gap
        wait = allowance.take(now)
        assert 0 <= wait <= 60
        if not wait:
            taken.append(now)
    for begin in taken:
        if window == "rolling":
            assert sum(begin <= at < begin + 60 for at in taken) <= calls
        else:
            assert sum(at // 60 == begin // 60 for at in taken) <= calls


def test_a_fixed_minute_begins_anew_on_the_minute_and_a_rolling_one_does_not() -> None:
    for window, wait in (("fixed", 1.0), ("rolling", 60.0)):
        allowance = Allowance(1, window)  # type: ignore[arg-type]  # two literals in a tuple
        assert allowance.take(119.0) == 0
        assert allowance.take(119.0) == wait
        assert (allowance.take(120.0) == 0) is (window == "fixed")
    assert Allowance(None, "fixed").take(0.0) == 0


async def test_answers_carry_the_sandboxs_own_date() -> None:
    async with opened() as asker:
        for path in (DAY_BARS, "/nowhere"):
            reply = await asker.get(path)
            assert parsedate_to_datetime(reply.headers["Date"]) == asker.sandbox.clock.now()


def test_the_clock_can_start_stand_run_and_be_moved() -> None:
    clock = Clock(datetime(2020, 12, 22, 4, 59, tzinfo=UTC), 0.0)
    assert clock.today() == date(2020, 12, 21)
    clock.advance(60)
    assert clock.today() == date(2020, 12, 22)
    assert clock.now() == datetime(2020, 12, 22, 5, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2020, 12, 22))  # noqa: DTZ001 -- that is the point
    fast = Clock(datetime(2020, 12, 22, tzinfo=UTC), 1e9)
    assert fast.epoch() < fast.epoch()
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(hours=1)


async def test_large_and_small_bodies_are_compressed_for_who_asks() -> None:
    async with opened() as asker:
        for path in (DAY_BARS, "/v2/aggs/ticker/TSLA/range/1/minute/2020-12-16/2020-12-18"):
            told: list[Any] = []
            for encoding in ("gzip", "identity"):
                headers = {"Authorization": "Bearer demo-key", "Accept-Encoding": encoding}
                reply = await asker.send("GET", path, headers=headers)
                told.append((reply.headers.get("Content-Encoding"), reply.rows))
            assert [encoding for encoding, _ in told] == ["gzip", None]
            assert told[0][1] == told[1][1]
