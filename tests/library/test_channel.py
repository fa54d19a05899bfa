"""The channel: the order of the plan, whatever the order of the answers, and no more than its bound ahead."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import anyio
import anyio.lowlevel
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import until

from stockticker_async.library.channel import Channel
from stockticker_async.marketdata.bars import GroupedBar

SMALL = 1_000


def batch(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"value": pa.array(values, pa.int64())})


def names(bars: Sequence[GroupedBar]) -> pa.RecordBatch:
    return pa.record_batch({"value": pa.array([int(bar.T) * 100 + int(bar.c) for bar in bars], pa.int64())})


def bar(ticker: int, close: int) -> GroupedBar:
    return GroupedBar(t=0, o=0, h=0, l=0, c=close, v=0, T=str(ticker))


async def values(channel: Channel) -> list[int]:
    one = await channel.take()
    assert one is not None
    return list(one["value"].to_pylist())


async def taken(channel: Channel) -> list[int]:
    found = []
    while (one := await channel.take()) is not None:
        found += one["value"].to_pylist()
    return found


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=8).flatmap(
        lambda sizes: st.tuples(
            st.just(sizes), st.permutations([n for n, size in enumerate(sizes) for _ in range(size + 1)])
        )
    )
)
def test_batches_come_in_the_order_of_the_jobs_whoever_is_answered_first(
    told: tuple[list[int], list[int]],
) -> None:
    """Each step of a job puts a batch, the last one ends it."""
    sizes, steps = told

    async def main() -> list[int]:
        channel = Channel(SMALL)
        turns = [anyio.Semaphore(0) for _ in sizes]
        stepped = 0

        async def work(number: int, job: Any) -> None:
            nonlocal stepped
            async with job:
                for piece in range(sizes[number]):
                    await turns[number].acquire()
                    channel.put(batch(10 * number + piece))
                    stepped += 1
                await turns[number].acquire()
            stepped += 1

        async with anyio.create_task_group() as group:
            for number in range(len(sizes)):
                group.start_soon(work, number, channel.job())
            for done, number in enumerate(steps, start=1):
                turns[number].release()
                await until(lambda: stepped == done)  # noqa: B023 - called before the next step
        channel.close()
        return await taken(channel)

    assert anyio.run(main) == [
        10 * number + piece for number, size in enumerate(sizes) for piece in range(size)
    ]


async def test_a_session_that_is_asked_again_has_each_bar_once() -> None:
    channel, sessions = Channel(SMALL), [date(2024, 1, 2), date(2024, 1, 3)]
    async with channel.job():
        channel.put_session(sessions[0], [bar(1, 1), bar(2, 1)], names)
    async with channel.job():
        channel.put_session(sessions[1], [bar(7, 7)], names)
        # half of the one before seems to be missing
        channel.put_session(sessions[0], [bar(2, 2), bar(3, 2)], names)
    channel.close()
    assert await taken(channel) == [101, 202, 302, 707]


async def test_a_session_is_given_away_once_another_one_has_ended() -> None:
    channel = Channel(SMALL)
    for number in range(3):
        async with channel.job():
            channel.put_session(date(2024, 1, 2 + number), [bar(number, 1)], names)
    assert await values(channel) == [1]
    assert await values(channel) == [101]
    with anyio.move_on_after(0.01) as scope:
        await channel.take()
    assert scope.cancelled_caught
    channel.close()
    assert await taken(channel) == [201]


async def test_calls_wait_for_the_reader_and_not_for_each_other() -> None:
    """The oldest job goes on, though what is held back for its sake has filled the channel."""
    channel, begun = Channel(SMALL), list[str]()

    async def work(name: str, job: Any, pages: int, going: anyio.Event) -> None:
        async with job:
            for page in range(pages):
                await going.wait()
                async with channel.call(10):
                    begun.append(f"{name}{page}")
                channel.put(batch(*[page] * (SMALL // 8)))

    async with anyio.create_task_group() as group:
        waits, goes = anyio.Event(), anyio.Event()
        goes.set()
        group.start_soon(work, "old", channel.job(), 3, waits)
        group.start_soon(work, "young", channel.job(), 3, goes)
        await until(lambda: begun)
        await anyio.wait_all_tasks_blocked()
        assert begun == ["young0"], "held back for order, it is a whole channel"
        waits.set()
        await anyio.wait_all_tasks_blocked()
        assert begun == ["young0", "old0"], "the reader has not come yet"
        for count in (3, 4, 5):
            await channel.take()
            await anyio.wait_all_tasks_blocked()
            assert len(begun) == count, begun
        group.cancel_scope.cancel()


async def test_an_error_is_raised_after_all_that_was_put() -> None:
    channel = Channel(SMALL)
    channel.put(batch(1))
    channel.close(RuntimeError("a fault"))
    channel.close()
    assert await values(channel) == [1]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="a fault"):
            await channel.take()
