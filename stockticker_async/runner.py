"""Runs one operation: starts the output, turns errors into TRACE and exit code, minds the signals.

What ends the program, and how:

- The operation returns its exit code: all lines are written first, however slow the reader.
- An error that nobody has told yet becomes one ERROR trace, exit 1. This is the one place that
  catches every exception; what is no error of ours is our bug, and says so with its traceback in the
  trace, where it can be reported from.
- SIGTERM or SIGINT: the operation is cancelled and writes its last states; what is queued is
  written for as long as the reader goes on reading, and for `_FLUSH` seconds after it stopped.
  Then the process dies *of* the signal. A second signal ends it at once.
- The reader has gone: it dies of SIGPIPE at once, as `yes | head -1` does.
- stdout takes no more (a full disk): one sentence on stderr, exit 1.
"""

import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.abc

from stockticker_async.clock import Clock
from stockticker_async.errors import ConnectorError, OutputError
from stockticker_async.log import LinesHandler, Mask, to_lines
from stockticker_async.output import Output, open_output
from stockticker_async.shell import Shell

_FLUSH = 3.0
"""Seconds without progress that a reader is granted once a signal has come (PyAirbyte stops
reading before it sends SIGTERM)."""

Operation = Callable[[Shell], Awaitable[int]]
Death = Callable[[signal.Signals], None]


@dataclass(slots=True)
class _Ending:
    """How the program ends: its exit code, or the signal that it dies of."""

    flush: float
    die: Death
    code: int = 1
    signum: signal.Signals | None = None
    came: anyio.Event = field(default_factory=anyio.Event)

    def now(self) -> None:
        """Die of the signal that came, if one did."""
        if self.signum is not None:
            self.die(self.signum)


def die_of(signum: signal.Signals) -> None:  # pragma: no cover - nobody is left to count it
    """End the process as the signal would have, had we not caught it. Main thread only."""
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    # only a process with the number 1 outlives its own signal: what shells answer for the others
    os._exit(128 + signum)


def run(
    operation: Operation,
    *,
    clock: Clock,
    mask: Mask,
    debug: bool = False,
    descriptor: int = 1,
    flush: float = _FLUSH,
    die: Death = die_of,
) -> int:
    """Run to the end and return the exit code, or die of a signal."""
    ending = _Ending(flush, die)
    anyio.run(partial(_run, operation, ending, clock=clock, mask=mask, debug=debug, descriptor=descriptor))
    return ending.code


async def _run(
    operation: Operation, ending: _Ending, *, clock: Clock, mask: Mask, debug: bool, descriptor: int
) -> None:
    async with open_output(descriptor, on_closed=lambda: ending.die(signal.SIGPIPE)) as output:
        to_lines(LinesHandler(output.offer, mask), debug=debug)
        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()
            await group.start(_watch_signals, scope, ending)
            group.start_soon(_limit_flush, output, ending)
            with scope:
                ending.code = await _guarded(operation, Shell(clock, output, mask))
            if not await _is_drained(output):
                ending.code = 1
            ending.now()
            group.cancel_scope.cancel()


async def _guarded(operation: Operation, shell: Shell) -> int:
    """The operation's exit code; 1 where it raised, which is then told."""
    try:
        return await operation(shell)
    except OutputError:
        return 1  # told when the output is drained
    except ConnectorError as error:
        await _tell(shell, error)
    except Exception as error:  # noqa: BLE001 - the one place: nothing may end as a bare traceback
        await _tell(shell, _bug(error), stack_trace="".join(traceback.format_exception(error)))
    return 1


def _bug(error: BaseException) -> ConnectorError:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return ConnectorError(
        "Something unforeseen went wrong in the connector. Please report it with this trace.",
        detail=type(error).__name__,
    )


async def _tell(shell: Shell, error: ConnectorError, *, stack_trace: str | None = None) -> None:
    try:
        await shell.tell_error(error, stack_trace=stack_trace)
    except OutputError:
        return  # told when the output is drained


async def _is_drained(output: Output) -> bool:
    """Whether all lines are written; if they cannot be, that is told."""
    try:
        await output.drain()
    except OutputError as error:
        if sys.stderr is not None:
            sys.stderr.write(f"{error.message}\n")
        return False
    return True


async def _watch_signals(
    scope: anyio.CancelScope, ending: _Ending, *, task_status: anyio.abc.TaskStatus[None]
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for signum in signals:
            if ending.signum is not None:
                ending.die(signum)
            ending.signum = signum
            ending.came.set()
            scope.cancel()


async def _limit_flush(output: Output, ending: _Ending) -> None:
    """Once a signal has come: die of it when nothing is written for so many seconds."""
    await ending.came.wait()
    written = -1
    while output.written_bytes != written:
        written = output.written_bytes
        await anyio.sleep(ending.flush)
    ending.now()
