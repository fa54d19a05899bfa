"""The output on real pipes, sockets, files and terminals: order, bound, backpressure."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import anyio
import anyio.lowlevel
import oracle
import pytest
from descriptors import KINDS, SAFETY, TINY, closing, nobody_left, piece, pipe, read, until
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.connector.output import BOUND_BYTES, PIECE_BYTES, Output, open_output
from stockticker_async.errors import OutputError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and F_SETPIPE_SZ are Linux's")


SMALL = 32_768  # less than is written at once: nothing counts as written before somebody reads


# Order, wholeness, bound


@settings(max_examples=20)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    sizes=st.lists(st.integers(1, 300) | st.integers(4000, 30_000), max_size=5),
    at_once=st.sampled_from([100_000, 65_536, 20_001, 4097]),
    turns_first=st.sampled_from([0, 1, 30]),
)
async def test_pieces_arrive_whole_and_in_order(
    kind: str,
    sizes: list[int],
    at_once: int,
    turns_first: int,
) -> None:
    pieces = [piece(size, number) for number, size in enumerate(sizes)]
    found = b""
    with anyio.fail_after(SAFETY), KINDS[kind]() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:

            async def put_all() -> None:
                for one in pieces:
                    await output.put(one)
                await output.drain()

            group.start_soon(put_all)
            for _ in range(turns_first):
                await anyio.lowlevel.checkpoint()
            while len(found) < sum(sizes):
                found += await read(reader, min(at_once, sum(sizes) - len(found)), at_once=at_once)
        assert output.held_bytes == 0
        assert output.written_bytes == sum(sizes)
    assert found == b"".join(pieces)


@settings(max_examples=5)
@given(st.lists(st.integers(1, PIECE_BYTES), min_size=5, max_size=8), st.integers(100_000, 3_000_000))
async def test_no_more_is_held_than_the_bound(sizes: list[int], at_once: int) -> None:
    most, left = 0, sum(sizes)
    with anyio.fail_after(SAFETY), pipe() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:

            async def put_all() -> None:
                nonlocal most
                for number, size in enumerate(sizes):
                    await output.put(piece(size, number))
                    output.offer(b"a log line\n")
                    most = max(most, output.held_bytes)

            group.start_soon(put_all)
            left += len(sizes) * len(b"a log line\n")
            while left:
                await anyio.wait_all_tasks_blocked()
                left -= len(await read(reader, min(at_once, left)))
                most = max(most, output.held_bytes)
    assert most <= BOUND_BYTES


@pytest.mark.parametrize("kind", KINDS)
async def test_the_lines_of_many_writers_stay_whole(kind: str) -> None:
    lines = {
        name: [protocol.log("INFO", f"{name} {number} " + "x" * number * 7) for number in range(50)]
        for name in "abcd"
    }
    size_bytes = sum(len(line) for some in lines.values() for line in some)
    with anyio.fail_after(SAFETY), KINDS[kind]() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:

            async def put_all(some: list[bytes]) -> None:
                for line in some:
                    await output.put(line)

            for some in lines.values():
                group.start_soon(put_all, some)
            found = await read(reader, size_bytes)
    told = [message["log"]["message"] for message in oracle.messages(found)]
    for name in lines:
        mine = [text.split()[1] for text in told if text.startswith(name)]
        assert mine == [str(number) for number in range(50)]


async def test_a_writer_that_falls_asleep_is_always_woken() -> None:
    with anyio.fail_after(SAFETY), pipe() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            for number in range(300):
                line = b"%d\n" % number
                await output.put(line)
                if number % 3:
                    await output.drain()
                assert await read(reader, len(line)) == line
            await output.drain()


async def test_more_wake_ups_than_their_pipe_holds_are_not_needed() -> None:
    with anyio.fail_after(SAFETY), pipe(TINY) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(piece(20_000))
            await anyio.wait_all_tasks_blocked()
            for _ in range(70_000):  # while the thread is in a write, it reads none of them
                output._wake()
            await output.put(b"last\n")
            assert await read(reader, 20_005) == piece(20_000) + b"last\n"
            await output.drain()


def test_a_file_holds_what_was_put(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    pieces = [piece(300_000, number) for number in range(26)]

    async def main(descriptor: int) -> None:
        async with open_output(descriptor, on_closed=nobody_left) as output:
            for one in pieces:
                await output.put(one)
            await output.drain()

    with path.open("wb") as file:
        asyncio.run(main(file.fileno()), debug=True)
    assert path.read_bytes() == b"".join(pieces)


@pytest.mark.fault("terminal on stdout")
async def test_a_terminal_gets_its_lines() -> None:
    reader, writer = os.openpty()
    with anyio.fail_after(SAFETY), closing(reader, writer):
        os.set_blocking(reader, False)
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(b"one\n")
            await output.drain()
            assert await read(reader, 5) == b"one\r\n"
            os.close(reader)
            await output.put(b"two\n")
            with pytest.raises(OutputError, match="Input/output error"):
                await output.drain()


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.fault("non-blocking pipe")
async def test_the_descriptor_stays_as_it_was_inherited(blocking: bool) -> None:  # noqa: FBT001 - a case
    with anyio.fail_after(SAFETY), pipe(TINY) as (reader, writer):
        os.set_blocking(writer, blocking)
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(piece(50_000))
            assert await read(reader, 50_000) == piece(50_000)
            await output.drain()
            assert os.get_blocking(writer) is blocking
        os.fstat(writer)  # it is still open


async def test_a_piece_of_several_lines_has_a_largest_size() -> None:
    with anyio.fail_after(SAFETY), pipe() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            with pytest.raises(ValueError, match=f"{PIECE_BYTES + 2} bytes: cut it to {PIECE_BYTES}"):
                await output.put(b"\n" + piece(PIECE_BYTES + 1))
            await output.put(piece(PIECE_BYTES))
            assert await read(reader, PIECE_BYTES) == piece(PIECE_BYTES)


@pytest.mark.parametrize("size_bytes", [PIECE_BYTES + 1, 2 * BOUND_BYTES])
async def test_a_single_line_may_have_any_size_and_waits_for_room(size_bytes: int) -> None:
    before, after = piece(PIECE_BYTES), piece(300)
    with anyio.fail_after(SAFETY), pipe() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            for _ in range(3):
                await output.put(before)
            async with anyio.create_task_group() as group:
                group.start_soon(output.put, piece(size_bytes, 1))
                await anyio.wait_all_tasks_blocked()
                assert output.held_bytes <= BOUND_BYTES
                assert await read(reader, 3 * len(before)) == 3 * before
                group.start_soon(output.put, after)
                assert await read(reader, size_bytes + len(after)) == piece(size_bytes, 1) + after


async def test_nothing_is_written_for_nothing() -> None:
    with anyio.fail_after(SAFETY), pipe() as (_, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(b"")
            output.offer(b"")
            assert output.held_bytes == 0
            await output.drain()
            assert output.written_bytes == 0


# A slow reader


async def test_put_waits_while_nobody_reads_and_goes_on_when_somebody_does() -> None:
    pieces = [piece(PIECE_BYTES, number) for number in range(8)]
    done = []
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:

            async def put_all() -> None:
                for number, one in enumerate(pieces):
                    await output.put(one)
                    done.append(number)

            group.start_soon(put_all)
            await anyio.wait_all_tasks_blocked()
            assert done == [0, 1, 2]  # three of the four that the bound has room for: logs need some
            assert output.held_bytes == 3 * PIECE_BYTES
            assert await read(reader, PIECE_BYTES) == pieces[0]
            await until(lambda: len(done) > 3)
            assert output.held_bytes <= BOUND_BYTES
            assert await read(reader, 7 * PIECE_BYTES) == b"".join(pieces[1:])


async def test_whoever_waits_first_is_served_first() -> None:
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:
            for number in range(3):
                await output.put(piece(PIECE_BYTES, number))
            for number in range(3, 8):
                # a smaller one must not overtake a larger one that waits
                group.start_soon(output.put, piece(PIECE_BYTES if number == 3 else 10, number))
                await anyio.wait_all_tasks_blocked()
            assert output.held_bytes == 3 * PIECE_BYTES
            found = await read(reader, 4 * PIECE_BYTES + 40)
    assert found == b"".join(piece(PIECE_BYTES if number < 4 else 10, number) for number in range(8))


async def test_a_put_that_is_cancelled_leaves_nothing_and_hinders_nobody() -> None:
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            for number in range(3):
                await output.put(piece(PIECE_BYTES, number))
            async with anyio.create_task_group() as group:
                group.start_soon(output.put, piece(PIECE_BYTES, 25))
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
            async with anyio.create_task_group() as group:
                group.start_soon(output.put, b"last\n")
                found = await read(reader, 3 * PIECE_BYTES + 5)
                await output.drain()
    assert found == b"".join(piece(PIECE_BYTES, number) for number in range(3)) + b"last\n"


async def test_what_a_slow_reader_takes_is_seen_as_progress() -> None:
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(piece(PIECE_BYTES))
            await anyio.wait_all_tasks_blocked()
            assert output.written_bytes == 0
            await read(reader, PIECE_BYTES // 4)
            await until(lambda: output.written_bytes >= PIECE_BYTES // 8)
            assert output.written_bytes < PIECE_BYTES
            await read(reader, 3 * PIECE_BYTES // 4)
            await output.drain()
            assert output.written_bytes == PIECE_BYTES


async def test_drain_returns_when_all_is_written_and_not_before() -> None:
    drained = anyio.Event()
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:
            await output.drain()

            async def drain() -> None:
                await output.drain()
                drained.set()

            await output.put(piece(100_000))
            group.start_soon(drain)
            await read(reader, 100_000 - 2 * SMALL)
            await anyio.wait_all_tasks_blocked()
            assert not drained.is_set()
            await read(reader, 2 * SMALL)
            await drained.wait()


class Heavy(bytes):
    """A piece for which the writer's thread has no memory."""

    def __len__(self) -> int:
        if threading.current_thread().name == "stdout":
            raise MemoryError
        return super().__len__()


@pytest.mark.fault("memory exhausted")
async def test_a_writer_without_memory_ends_every_wait() -> None:
    with anyio.fail_after(SAFETY), pipe() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(Heavy(b"heavy\n"))
            with pytest.raises(OutputError, match="Cannot allocate memory"):
                await output.drain()
            with pytest.raises(OutputError, match="Cannot allocate memory"):
                await output.put(b"more\n")
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)


# Log lines


async def test_a_log_line_never_waits_and_keeps_its_place() -> None:
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:
            for number in range(3):
                await output.put(piece(PIECE_BYTES, number))
            group.start_soon(output.put, piece(PIECE_BYTES, 3))
            await anyio.wait_all_tasks_blocked()
            output.offer(b"log\n")  # there is room for it, though the fourth piece waits
            assert output.held_bytes == 3 * PIECE_BYTES + 4
            await read(reader, 3 * PIECE_BYTES)
            assert await read(reader, 4) == b"log\n"
            assert await read(reader, PIECE_BYTES) == piece(PIECE_BYTES, 3)


def overfill(output: Output) -> int:
    """Fill the output with log lines until three more are lost; return how many bytes it holds."""
    first, line = piece(4 * SMALL), piece(1000)  # the first is not taken before somebody reads
    output.offer(first)
    kept = (BOUND_BYTES - len(first)) // len(line)
    for _ in range(kept + 3):
        output.offer(line)
    assert output.held_bytes == len(first) + kept * len(line) <= BOUND_BYTES
    return output.held_bytes


LOST = protocol.log("WARN", "3 log lines were left out: the reader was too slow.")


async def test_log_lines_without_room_are_counted_and_told_before_the_next_piece() -> None:
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:
            held = overfill(output)
            group.start_soon(output.put, b"next\n")
            await read(reader, held)
            rest = LOST + b"next\n" + b"more\n"
            group.start_soon(output.put, b"more\n")
            assert await read(reader, len(rest)) == rest
            await output.drain()
            assert output.written_bytes == held + len(rest)


async def test_log_lines_without_room_are_told_even_if_nothing_follows() -> None:
    with anyio.fail_after(SAFETY), pipe(SMALL) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output, anyio.create_task_group() as group:
            held = overfill(output)
            group.start_soon(output.drain)
            await read(reader, held)
            assert await read(reader, len(LOST)) == LOST
            await output.drain()
            assert output.written_bytes == held + len(LOST)
