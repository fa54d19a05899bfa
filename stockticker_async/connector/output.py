"""The only code that writes to stdout: a bounded queue of whole lines, in the order of `put`.

Theory of operation
-------------------
Coroutines put pieces (one line or many, always whole) into a queue that is bounded in bytes; one
thread takes them out and writes them to the descriptor with blocking writes. The descriptor is
inherited and may be shared, so it is never made non-blocking here; if another process has made it
non-blocking, the thread polls until it is writable.

Invariants:

- Pieces are written whole, in the order of `put`. Only the death of the process cuts a piece.
- Queued and unwritten bytes never exceed `BOUND_BYTES`. A coroutine that would exceed the bound waits,
  first come first served; so a slow reader slows the calls to the API. `put` refuses a piece larger
  than a quarter of the bound: callers cut larger ones. A single line cannot be cut: the STATE of a hundred
  thousand tickers is larger than the bound, and is queued alone, when all before it is written.
- Log lines come from code that cannot wait. A part of the bound is reserved for log lines. When the
  reserve is used up, log lines are dropped and counted; the count is logged before the next piece, or
  when the queue is drained.
- After the first failed write nothing more is written, and every `put` raises. A closed pipe is
  not reported as a failure: `on_closed` is called, which ends the program.
- A closed pipe is noticed also while nothing is written: the idle thread polls the descriptor for
  errors beside its wake-up pipe. So a cancelled sync ends during a wait for the allowance.
- The thread reports through the event loop: `on_closed` is called before any coroutine sees the
  failure, and nothing is reported once the output is closed.

The thread is a daemon and is never joined, so a reader that has stopped cannot keep the process alive.
"""

import errno
import os
import select
import stat
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from stockticker_async.connector import protocol
from stockticker_async.errors import OutputError

BOUND_BYTES = 4 * 1024 * 1024
PIECE_BYTES = BOUND_BYTES // 4
"""The largest piece of several lines that `put` takes."""
_LOG_RESERVE_BYTES = 256 * 1024
_BATCH_BYTES = 1024 * 1024
_CALL_BYTES = 64 * 1024
"""The most bytes in one system call, the usual capacity of a pipe. A larger blocking write returns only
after all bytes are read, so that a slow reader would look like a stopped one. Sixteen calls a batch in
place of one: 1.0 GB/s, not 1.2, with pieces of 20 KB; 1.7, not 1.0, with pieces of 200 KB."""


class Output:
    """The queue and its writer; made by `open_output`."""

    def __init__(self, descriptor: int, on_closed: Callable[[], None], call_soon: Callable[..., Any]) -> None:
        self._descriptor = descriptor
        self._on_closed = on_closed
        self._call_soon = call_soon
        self._lock = threading.Lock()
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._written_bytes = 0
        self._lost_logs = 0
        self._failure: OSError | None = None
        self._closing = False
        self._turn = anyio.Lock()
        self._changed = anyio.Event()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._write_all, name="stdout", daemon=True)

    @property
    def written_bytes(self) -> int:
        """Bytes written to the descriptor."""
        return self._written_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes queued or being written; at most `BOUND_BYTES`, or a single larger line."""
        return self._held_bytes

    async def put(self, piece: bytes) -> None:
        """Queue whole lines; waits for room. Raises `OutputError` after a failed write."""
        if len(piece) > PIECE_BYTES and piece.find(b"\n") < len(piece) - 1:
            raise ValueError(f"a piece of {len(piece)} bytes: cut it to {PIECE_BYTES}")
        async with self._turn:
            await self._held_at_most(max(0, BOUND_BYTES - _LOG_RESERVE_BYTES - len(piece)))
            self._raise_failure()
            if self._closing:
                raise OutputError("The output is closed: nothing can be written any more.")
            self._report_lost_logs()
            self._queue(piece)

    def offer(self, piece: bytes) -> None:
        """Queue a log line without waiting, or count it as lost if there is no room."""
        if self._failure is not None:
            return
        if self._held_bytes + len(piece) > BOUND_BYTES:
            self._lost_logs += 1
            return
        self._queue(piece)

    async def drain(self) -> None:
        """Return when all queued lines are written. Raises `OutputError` after a failed write."""
        async with self._turn:
            await self._held_at_most(0)
            while self._lost_logs and self._failure is None:
                self._report_lost_logs()
                await self._held_at_most(0)
        self._raise_failure()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Accept no more lines. Queued lines are still written while the process lives."""
        if not self._closing:
            self._closing = True
            os.close(self._wake_write)  # which wakes the thread

    def _queue(self, piece: bytes) -> None:
        if not piece or self._closing:
            return
        with self._lock:
            idle = not self._held_bytes
            self._pieces.append(piece)
            self._held_bytes += len(piece)
        if idle:
            self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"!")
        except (BlockingIOError, BrokenPipeError):
            return  # a full pipe wakes as well; a broken one tells that the thread has failed

    def _report_lost_logs(self) -> None:
        if self._lost_logs:
            count, self._lost_logs = self._lost_logs, 0
            self._queue(protocol.log("WARN", f"{count} log lines were left out: the reader was too slow."))

    async def _held_at_most(self, size_bytes: int) -> None:
        """Return when at most ``size_bytes`` are held, or after a failed write. One coroutine at a time."""
        while self._failure is None and self._held_bytes > size_bytes:
            self._changed = anyio.Event()
            await self._changed.wait()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            reason = os.strerror(self._failure.errno or errno.EIO)
            raise OutputError(
                f"stdout cannot be written: {reason}. Make room or give another destination, then run "
                "again with the last whole STATE line."
            ) from self._failure

    # the following methods run in the thread

    def _write_all(self) -> None:
        try:
            while self._wait_for_pieces():
                with self._lock:
                    batch = self._take_batch()
                self._write_batch(batch)
        except OSError as failure:
            self._notify_loop(failure)
        except MemoryError:
            self._notify_loop(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
        finally:
            os.close(self._wake_read)

    def _wait_for_pieces(self) -> bool:
        """Sleep until there is a piece to write. Returns False when the output is closed and empty."""
        poller = select.poll()
        poller.register(self._wake_read, select.POLLIN)
        if self._has_reader():
            poller.register(self._descriptor, 0)  # errors alone, which are always reported
        while not self._pieces:
            if self._closing:
                return False
            for descriptor, events in poller.poll():
                if descriptor == self._wake_read:
                    os.read(self._wake_read, 4096)
                else:
                    code = errno.EBADF if events & select.POLLNVAL else errno.EPIPE
                    raise OSError(code, os.strerror(code))
        return True

    def _has_reader(self) -> bool:
        """Whether a reader may close the descriptor: files have no reader, macOS cannot poll terminals."""
        mode = os.fstat(self._descriptor).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    def _take_batch(self) -> bytes:
        """Return one piece, or small pieces joined up to `_BATCH_BYTES`. The caller holds the lock."""
        batch = [self._pieces.popleft()]
        size_bytes = len(batch[0])
        while self._pieces and size_bytes + len(self._pieces[0]) <= _BATCH_BYTES:
            batch.append(self._pieces.popleft())
            size_bytes += len(batch[-1])
        return b"".join(batch) if len(batch) > 1 else batch[0]

    def _write_batch(self, batch: bytes) -> None:
        rest = memoryview(batch)
        while rest:
            try:
                count = os.write(self._descriptor, rest[:_CALL_BYTES])
            except BlockingIOError:
                poller = select.poll()
                poller.register(self._descriptor, select.POLLOUT)
                poller.poll()
                continue
            rest = rest[count:]
            with self._lock:
                self._written_bytes += count
                self._held_bytes -= count
            self._notify_loop()

    def _notify_loop(self, failure: OSError | None = None) -> None:
        try:
            self._call_soon(self._after_write, failure)
        except RuntimeError:
            return  # the loop has ended

    # the following methods run in the event loop

    def _after_write(self, failure: OSError | None) -> None:
        self._failure = failure
        self._changed.set()
        if isinstance(failure, BrokenPipeError | ConnectionResetError) and not self._closing:
            self._on_closed()


@asynccontextmanager
async def open_output(descriptor: int, *, on_closed: Callable[[], None]) -> AsyncIterator[Output]:
    """Run the writer during the body. Leaving the body does not wait for the reader (see `Output.drain`)."""
    import asyncio  # noqa: PLC0415 - the loop's thread-safe call is what anyio does not offer

    output = Output(descriptor, on_closed, asyncio.get_running_loop().call_soon_threadsafe)
    output.start()
    try:
        yield output
    finally:
        output.close()
