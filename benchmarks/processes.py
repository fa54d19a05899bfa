"""Processes and what they cost: CPU and memory as the kernel counted them, not time on the wall."""

import math
import os
import re
import selectors
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONNECTOR = (sys.executable, "-m", "stockticker_async")
_PAUSE = 0.05  # seconds between two looks at the pipe
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took, from its start to its end."""

    cpu: float
    """Seconds, of user and system together."""
    wall: float
    peak_bytes: int
    lines: int
    """0 where they were not counted."""
    told: str
    """What it wrote to stderr."""


def cost(
    command: Sequence[str],
    *,
    bytes_a_second: float | None = None,
    seconds: float = math.inf,
    count: bool = False,
) -> Cost:
    """Run a command, reading its output from a pipe. Raises where it fails.

    After so many ``seconds`` it is read no more, and ended.
    """
    begun = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        drained = _drain(process, begun, bytes_a_second, seconds, count=count)
        if not drained.whole:
            process.kill()
        told = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if drained.whole and process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}: {told[-2000:]}")
    wall = time.monotonic() - begun
    # without /proc (macOS): counts what the benchmark itself had in memory when it forked
    peak = drained.peak_bytes or used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(used.ru_utime + used.ru_stime, wall, peak, drained.lines, told)


@dataclass(frozen=True, slots=True)
class _Drained:
    whole: bool
    lines: int
    peak_bytes: int
    """The peak of the resident memory up to the last look at the pipe; 0: not known."""


def _drain(
    process: subprocess.Popen[bytes],
    begun: float,
    bytes_a_second: float | None,
    seconds: float,
    *,
    count: bool,
) -> _Drained:
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    size_bytes = lines = peak_bytes = 0
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            peak_bytes = max(peak_bytes, _peak_bytes(process.pid))
            if now - begun > seconds:
                return _Drained(whole=False, lines=lines, peak_bytes=peak_bytes)
            if bytes_a_second is not None and size_bytes > (now - begun) * bytes_a_second:
                time.sleep(_PAUSE)  # a reader that is slow on purpose
                continue
            if not selector.select(_PAUSE):
                continue
            piece = os.read(descriptor, _READ_BYTES if bytes_a_second is None else 64 * 1024)
            if not piece:
                return _Drained(whole=True, lines=lines, peak_bytes=peak_bytes)
            size_bytes += len(piece)
            if count:
                lines += piece.count(b"\n")


def _peak_bytes(pid: int) -> int:
    """The peak of a process so far, as the kernel counts it since the program was loaded; 0: not known."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    found = re.search(rb"VmHWM:\s*(\d+) kB", status)
    return 0 if found is None else int(found[1]) * 1024


def interleaved(contenders: Mapping[str, Callable[[], Cost]], runs: int) -> dict[str, list[Cost]]:
    """Each contender in turn, so many times: what else the machine does meets all of them alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            costs[name].append(run())
    return costs


def median_cpu(costs: Sequence[Cost]) -> float:
    return statistics.median(one.cpu for one in costs)


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The URL of a server that has its pages ready."""
    command = [sys.executable, "-m", "benchmarks.server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
