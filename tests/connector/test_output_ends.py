"""The ends of the output: its reader goes, stdout takes no more, or all is written."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from descriptors import KINDS, SAFETY, TINY, closing, nobody_left, non_blocking_pipe, piece, pipe, read, until

from stockticker_async.connector.output import PIECE_BYTES, Output, open_output
from stockticker_async.errors import OutputError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and F_SETPIPE_SZ are Linux's")


NOT_OPEN = 999


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


# stdout takes no more


async def test_a_full_disk_is_told_by_put_and_drain_in_the_systems_words() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with anyio.fail_after(SAFETY), closing(descriptor):
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
    with anyio.fail_after(SAFETY), closing(reader, writer):
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
    with closing(descriptor):
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
