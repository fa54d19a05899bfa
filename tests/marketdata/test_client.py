"""The client, over real sockets: waits, retries and patience."""

import logging
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import anyio
import pytest
from asking import BARS, bars_on, closes, fast, sandbox
from loopback import NOON, client, until

from stockticker_async.clock import Clock
from stockticker_async.errors import BadPageError, TransientError
from stockticker_async.marketdata.pace import AT_ONCE
from stockticker_async.sandbox.service.faults import Fault

MINUTE = 60.0


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


async def test_calls_are_counted_with_their_retries() -> None:
    async with sandbox() as served, client(served.url, clock=fast()) as opened:
        served.faults.add(Fault(kind="status", times=2))
        await bars_on(opened)
        assert opened.calls == len(served.calls) == 3


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
    assert caught.value.message == (f"{served.url} gave no usable answer for 900 s: {said}.")


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


async def test_the_first_fault_is_told_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    # slow enough for a busy machine: patience is a second of its time
    clock = Clock(start=NOON, speed=1000)
    async with sandbox() as served, client(served.url, clock=clock) as opened:
        served.faults.add(Fault(kind="status", status=503, times=3))
        await bars_on(opened)
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage() == "The API failed, and is asked again: the API answered 503"
