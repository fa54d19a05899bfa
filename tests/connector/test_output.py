"""The output on real pipes, sockets, files and terminals: order, bound, backpressure, and every end."""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockticker_async.connector import protocol
from stockticker_async.connector.output import BOUND_BYTES, PIECE_BYTES, Output, open_output
from stockticker_async.errors import OutputError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="/dev/full, /proc and F_SETPIPE_SZ are Linux's"
)

TINY = 4096  # the smallest room that a pipe can have
SMALL = 32_768  # less than is written at once: nothing counts as written before somebody reads
NOT_OPEN = 999
SAFETY = 20.0  # seconds after which a test that waits in vain fails instead of hanging
Pair = tuple[int, int]


def nobody_left() -> None:
    raise AssertionError("the reader is said to have gone")


@contextmanager
def pipe(room: int | None = None) -> Iterator[Pair]:
    """A pipe's reading end, which does not block, and its writing end, which does."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    if room is not None:
        import fcntl  # noqa: PLC0415 - not on every platform

        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, room)
    with _closing(reader, writer):
        yield reader, writer


@contextmanager
def sockets() -> Iterator[Pair]:
    ends = socket.socketpair()
    reader, writer = (end.detach() for end in ends)
    os.set_blocking(reader, False)
    with _closing(reader, writer):
        yield reader, writer


@contextmanager
def non_blocking_pipe() -> Iterator[Pair]:
    """A pipe that somebody else has made non-blocking."""
    with pipe(TINY) as (reader, writer):
        os.set_blocking(writer, False)
        yield reader, writer


@contextmanager
def _closing(*descriptors: int) -> Iterator[None]:
    try:
        yield
    finally:
        for descriptor in descriptors:
            with suppress(OSError):  # closed by the test
                os.close(descriptor)
        for thread in threading.enumerate():
            if thread.name == "stdout":
                thread.join(SAFETY)


KINDS = {"pipe": pipe, "tiny pipe": lambda: pipe(TINY), "sockets": sockets, "non-blocking": non_blocking_pipe}


async def read(reader: int, size_bytes: int, *, at_once: int = 1 << 16) -> bytes:
    """So many bytes, as they come."""
    found = bytearray()
    while len(found) < size_bytes:
        await anyio.wait_readable(reader)
        some = os.read(reader, min(at_once, size_bytes - len(found)))
        assert some, "the writing end is closed"
        found += some
    return bytes(found)


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds that the writer's thread does."""
    while not holds():
        await anyio.lowlevel.checkpoint()


def piece(size_bytes: int, letter: int = 0) -> bytes:
    return bytes([97 + letter % 26]) * (size_bytes - 1) + b"\n"


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
    with anyio.fail_after(SAFETY), _closing(reader, writer):
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


async def test_a_piece_has_a_largest_size() -> None:
    with anyio.fail_after(SAFETY), pipe() as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            with pytest.raises(ValueError, match=f"{PIECE_BYTES + 1} bytes: cut it to {PIECE_BYTES}"):
                await output.put(piece(PIECE_BYTES + 1))
            await output.put(piece(PIECE_BYTES))
            assert await read(reader, PIECE_BYTES) == piece(PIECE_BYTES)


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


# The reader goes


class _Gone:
    """Counts how often the reader was said to have gone."""

    def __init__(self) -> None:
        self.count = 0
        self.came = anyio.Event()

    def __call__(self) -> None:
        self.count += 1
        self.came.set()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lines", [0, 1, 5])
async def test_a_closed_reader_is_noticed_while_nothing_is_written(kind: str, lines: int) -> None:
    gone = _Gone()
    with anyio.fail_after(SAFETY), KINDS[kind]() as (reader, writer):
        async with open_output(writer, on_closed=gone) as output:
            for _ in range(lines):
                await output.put(b"x\n")
                await output.drain()
            await read(reader, 2 * lines)
            assert gone.count == 0
            os.close(reader)
            await gone.came.wait()
            with pytest.raises(OutputError, match="Broken pipe"):
                await output.put(b"x\n")
            with pytest.raises(OutputError, match="Broken pipe"):
                await output.drain()
            output.offer(b"x\n")
            assert output.held_bytes == 0
        assert gone.count == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_closed_reader_is_noticed_in_the_middle_of_a_write(kind: str) -> None:
    gone = _Gone()
    raised = []
    with anyio.fail_after(SAFETY), KINDS[kind]() as (reader, writer):
        async with open_output(writer, on_closed=gone) as output:
            async with anyio.create_task_group() as group:

                async def put_all() -> None:
                    try:
                        while True:
                            await output.put(piece(PIECE_BYTES))
                    except OutputError as error:
                        raised.append((gone.count, error.message[-37:]))

                group.start_soon(put_all)
                group.start_soon(put_all)
                await read(reader, 10)
                await anyio.wait_all_tasks_blocked()
                os.close(reader)
            # nobody learns of the failure before the one who minds it
            assert raised == [(1, "again with the last whole STATE line.")] * 2
            with pytest.raises(OutputError, match=r"Broken pipe|Connection reset"):
                await output.drain()
        assert gone.count == 1


async def test_nobody_is_told_of_a_reader_that_goes_after_the_end() -> None:
    with anyio.fail_after(SAFETY), pipe(TINY) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(piece(50_000))
        os.close(reader)
        await until(lambda: not _writers())


async def test_a_line_that_meets_a_failure_not_yet_told_is_dropped() -> None:
    gone = _Gone()
    with anyio.fail_after(SAFETY), pipe() as (reader, writer):
        async with open_output(writer, on_closed=gone) as output:
            os.close(reader)
            for thread in _writers():
                thread.join(SAFETY)  # it has failed, and the loop has not turned since
            output.offer(b"x\n")
            assert gone.count == 0
            await gone.came.wait()
            with pytest.raises(OutputError, match="Broken pipe"):
                await output.drain()


# stdout cannot be written


async def test_a_full_disk_is_told_by_put_and_drain_in_the_systems_words() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with anyio.fail_after(SAFETY), _closing(descriptor):
        async with open_output(descriptor, on_closed=nobody_left) as output:
            await output.put(b"x\n")
            for _ in range(2):
                with pytest.raises(OutputError, match=r"cannot be written: No space left on device\. Make"):
                    await output.drain()
                with pytest.raises(OutputError, match="No space left on device") as caught:
                    await output.put(b"y\n")
            assert isinstance(caught.value.__cause__, OSError)
            output.offer(b"z\n")
            assert output.written_bytes == 0


async def test_a_put_that_waits_learns_of_the_failure() -> None:
    with anyio.fail_after(SAFETY), non_blocking_pipe() as (reader, writer):
        gone = _Gone()
        async with open_output(writer, on_closed=gone) as output:
            for number in range(3):
                await output.put(piece(PIECE_BYTES, number))
            async with anyio.create_task_group() as group:

                async def put() -> None:
                    with pytest.raises(OutputError):
                        await output.put(piece(PIECE_BYTES))

                group.start_soon(put)
                await anyio.wait_all_tasks_blocked()
                os.close(reader)


async def _put_and_drain(output: Output) -> None:
    await output.put(b"x\n")
    await output.drain()


async def test_a_descriptor_that_is_not_open_is_told() -> None:
    with anyio.fail_after(SAFETY):
        async with open_output(NOT_OPEN, on_closed=nobody_left) as output:
            with pytest.raises(OutputError, match="Bad file descriptor"):
                await _put_and_drain(output)


async def test_a_descriptor_that_is_closed_under_the_writer_is_told() -> None:
    reader, writer = os.openpty()
    with anyio.fail_after(SAFETY), _closing(reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            await _put_and_drain(output)
            os.close(writer)
            with pytest.raises(OutputError, match="Bad file descriptor"):
                await _put_and_drain(output)


async def test_an_idle_writer_tells_a_closed_descriptor_from_a_reader_that_has_gone() -> None:
    with anyio.fail_after(SAFETY), pipe() as (_, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            os.close(writer)
            output._wake()  # for nothing, as after a piece that was taken before its wake-up was read
            await until(lambda: not _writers())
            with pytest.raises(OutputError, match="Bad file descriptor"):
                await output.put(b"x\n")


# The end


def _writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "stdout"]


def _open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("lines", [0, 3])
def test_no_thread_and_no_descriptor_outlive_the_output(lines: int) -> None:
    async def main(writer: int) -> None:
        async with open_output(writer, on_closed=nobody_left) as output:
            for _ in range(lines):
                await output.put(b"x\n")
            await output.drain()

    with pipe() as (_, writer):
        before = _open_descriptors()
        for _ in range(5):
            asyncio.run(main(writer), debug=True)
        for thread in _writers():
            thread.join(SAFETY)
        assert _writers() == []
        assert _open_descriptors() == before


def test_no_thread_and_no_descriptor_outlive_a_failure() -> None:
    async def main(writer: int) -> None:
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(b"x\n")
            with pytest.raises(OutputError):
                await output.drain()

    descriptor = os.open("/dev/full", os.O_WRONLY)
    with _closing(descriptor):
        before = _open_descriptors()
        asyncio.run(main(descriptor), debug=True)
        for thread in _writers():
            thread.join(SAFETY)
        assert _open_descriptors() == before


async def test_what_is_queued_at_the_end_is_still_written() -> None:
    pieces = [piece(500_000, number) for number in range(5)]
    with anyio.fail_after(SAFETY), pipe(TINY) as (reader, writer):
        async with open_output(writer, on_closed=nobody_left) as output:
            for one in pieces:
                await output.put(one)
        assert await read(reader, 2_500_000) == b"".join(pieces)
        await until(lambda: not _writers())


@pytest.mark.parametrize("read_on", [True, False])
def test_a_writer_that_outlives_the_loop_ends_in_peace(read_on: bool) -> None:  # noqa: FBT001 - a case
    async def main(writer: int) -> None:
        async with open_output(writer, on_closed=nobody_left) as output:
            await output.put(piece(20_000))

    with pipe(TINY) as (reader, writer):
        asyncio.run(main(writer), debug=True)
        (thread,) = _writers()  # nobody has read yet: it is in the middle of a write
        if read_on:
            os.set_blocking(reader, True)
            with os.fdopen(reader, "rb", closefd=False) as file:
                assert file.read(20_000) == piece(20_000)
        else:
            os.close(reader)
        thread.join(SAFETY)
        assert not thread.is_alive()


async def test_a_closed_output_takes_nothing_and_touches_no_foreign_descriptor() -> None:
    with anyio.fail_after(SAFETY), pipe() as (_, writer), pipe() as (foreign, _):
        async with open_output(writer, on_closed=nobody_left) as output:
            pass
        await until(lambda: not _writers())
        with pipe() as (reader, other), pipe() as (reader_too, other_too):
            # the numbers of the output's own pipe have gone to somebody else
            assert {output._wake_read, output._wake_write} & {reader, other, reader_too, other_too}
            output.close()
            output.offer(b"x\n")
            with pytest.raises(OutputError, match="is closed"):
                await output.put(b"x\n")
            await output.drain()
            assert output.held_bytes == 0
            for end in (reader, reader_too, foreign):
                with pytest.raises(BlockingIOError):
                    os.read(end, 10)
            os.fstat(other)
