"""Pipes and sockets for the output, and a reader of them."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import anyio
import anyio.lowlevel

TINY = 4096  # the smallest room that a pipe can have
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
    with closing(reader, writer):
        yield reader, writer


@contextmanager
def sockets() -> Iterator[Pair]:
    ends = socket.socketpair()
    reader, writer = (end.detach() for end in ends)
    os.set_blocking(reader, False)
    with closing(reader, writer):
        yield reader, writer


@contextmanager
def non_blocking_pipe() -> Iterator[Pair]:
    """A pipe that somebody else has made non-blocking."""
    with pipe(TINY) as (reader, writer):
        os.set_blocking(writer, False)
        yield reader, writer


@contextmanager
def closing(*descriptors: int) -> Iterator[None]:
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
