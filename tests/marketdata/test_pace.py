"""When calls may begin: at once, or when whoever takes the rows wants them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import anyio
import anyio.lowlevel
from asking import BARS, bars_on, sandbox
from loopback import client, until

from stockticker_async.marketdata.pace import AT_ONCE, Pace


class Turns:
    """Lets one call begin at a time, when it is told to. Implements `Pace`."""

    def __init__(self) -> None:
        self.expected: list[int] = []
        self._open = anyio.Event()

    def job(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    @asynccontextmanager
    async def call(self, expected_bytes: int) -> AsyncIterator[None]:
        self.expected.append(expected_bytes)
        await self._open.wait()
        yield

    def open(self) -> None:
        self._open.set()


async def test_at_once_every_job_and_every_call_may_begin() -> None:
    pace: Pace = AT_ONCE
    with anyio.fail_after(1):
        async with pace.job(), pace.job(), pace.call(2**40), pace.call(2**40):
            await anyio.lowlevel.checkpoint()


async def test_a_call_begins_when_its_pace_lets_it_and_holds_up_no_client_beside_it() -> None:
    turns = Turns()
    async with sandbox() as served, client(served.url) as opened, anyio.create_task_group() as group:
        paced = opened.beside(pace=turns, on_wait=None)
        group.start_soon(bars_on, paced)
        await until(lambda: turns.expected)
        assert await bars_on(opened) == 6
        assert len(served.calls) == 1
        turns.open()
        await until(lambda: len(served.calls) == 2)
    assert [call.path for call in served.calls] == [BARS, BARS]


async def test_a_pace_hears_how_large_the_answer_may_be() -> None:
    turns = Turns()
    turns.open()
    async with sandbox() as served, client(served.url) as opened:
        paced = opened.beside(pace=turns, on_wait=None)

        async def read(body: bytes) -> int:
            return len(body)

        async with paced.asked(BARS, read, expected_bytes=12_345):
            pass
    assert turns.expected == [12_345]
