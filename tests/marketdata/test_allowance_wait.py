"""Waits for the allowance: a call begins when the limiter lets it, and a longer wait is told."""

import math
from datetime import datetime, timedelta

import pytest
from asking import Counted
from loopback import NOON

from stockticker_async.errors import TransientError
from stockticker_async.marketdata.allowance_wait import AllowanceWait
from stockticker_async.marketdata.call_queue import CallQueue
from stockticker_async.marketdata.limiter import Limiter


def waiting(most_wait: float = math.inf) -> tuple[AllowanceWait, Limiter, Counted, list[datetime]]:
    told: list[datetime] = []

    async def on_wait(until: datetime) -> None:
        told.append(until)

    limiter, clock = Limiter(5, at_once=16), Counted()
    return AllowanceWait(limiter, CallQueue(), clock, most_wait, on_wait), limiter, clock, told


async def test_no_more_calls_begin_in_a_minute_than_are_allowed_and_the_wait_is_told() -> None:
    wait, limiter, clock, told = waiting()
    begins = []
    for _ in range(11):
        began = await wait.begin(0)
        limiter.succeeded(clock.now, began)
        begins.append(began)
    assert all(later - earlier >= 60 for earlier, later in zip(begins, begins[5:], strict=False))
    assert told
    assert all(until > NOON + timedelta(seconds=10) for until in told)


@pytest.mark.parametrize(("most_wait", "is_vain"), [(60.0, True), (3600.0, False), (math.inf, False)])
async def test_a_wait_that_is_longer_than_may_be_waited_is_an_error(
    most_wait: float,
    is_vain: bool,  # noqa: FBT001 - a case
) -> None:
    wait, limiter, clock, _ = waiting(most_wait)
    began = await wait.begin(0)
    limiter.refused(clock.now, began, 600.0)
    if is_vain:
        with pytest.raises(TransientError, match="allowance of this key is used up"):
            wait.judge()
    else:
        wait.judge()
    clock.now += 600
    wait.succeeded()
    wait.judge()
