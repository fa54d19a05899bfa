"""Calls a minute."""

from datetime import UTC, datetime
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.asker import opened

from stockticker_async.sandbox.service.allowance import Allowance

JULY = datetime(2026, 7, 29, 17, tzinfo=UTC)


TSLA = "/v2/aggs/ticker/TSLA/range/1/day"


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
