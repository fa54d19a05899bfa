"""Plans: how far back, how fresh, which endpoints."""

from datetime import UTC, date, datetime

import pytest
from sandbox.asker import GROUPED, opened

from stockticker_async.sandbox.endpoints.subscriptions import PLANS
from stockticker_async.sandbox.options import Options
from stockticker_async.sandbox.service.controls import Sandbox

JULY = datetime(2026, 7, 29, 17, tzinfo=UTC)


TSLA = "/v2/aggs/ticker/TSLA/range/1/day"


TIMEFRAME = "Your plan doesn't include this data timeframe."


EARLY = "Attempted to request today's data before end of day."


def test_a_plan_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="gold"):
        Sandbox(Options(plan="gold"))


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
