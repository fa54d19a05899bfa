"""Calls that are cancelled: wherever they wait, they give back what they hold."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from asking import bars_on, sandbox
from loopback import NOON, client, until

from stockticker_async.clock import Clock
from stockticker_async.marketdata.client import Client
from stockticker_async.sandbox.service.faults import Fault


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
