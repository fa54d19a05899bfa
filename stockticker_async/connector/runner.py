"""Runs one operation: starts the output, turns errors into TRACE and exit code, minds the signals.

What ends the program, and how:

- The operation returns its exit code: all lines are written first, however slow the reader.
- An error that nobody has told yet becomes one ERROR trace, exit 1. What is no error of ours is our bug,
  and says so with its traceback in the trace, where it can be reported from. (Within a sync such a bug ends
  its own stream, and no other: see `operations.read`.)
- Memory runs out: that is told in plain words if there is enough left to say it, exit 1.
- SIGTERM, SIGINT or SIGHUP: the operation is cancelled and writes its last states; what is queued is
  written for as long as the reader goes on reading, and for `_FLUSH` seconds after it stopped.
  Then one sentence on stderr says how to go on, and the process dies *of* the signal. A second signal ends
  it at once.
- The reader has gone: it dies of SIGPIPE at once, as `yes | head -1` does.
- stdout takes no more (a full disk): one sentence on stderr, exit 1. So is the last error of all, where
  nobody watches at a terminal.
"""

import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.abc

from stockticker_async.clock import Clock
from stockticker_async.connector.command_context import CommandContext, Observer, Watcher, Watching
from stockticker_async.connector.log import LinesHandler, Mask, to_lines
from stockticker_async.connector.output import Output, open_output
from stockticker_async.connector.stderr import say
from stockticker_async.errors import ConnectorError, OutputError, UnforeseenError, causes
from stockticker_async.sync.progress import SyncProgress

_FLUSH = 3.0
"""Seconds without progress that a reader is granted once a signal has come (PyAirbyte stops
reading before it sends SIGTERM)."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_OUT_OF_MEMORY = (
    "The memory ran out. Give the program more, or lower max_concurrent_requests; the next sync goes on from "
    "the last STATE."
)

Operation = Callable[[CommandContext], Awaitable[int]]
Death = Callable[[signal.Signals], None]


@dataclass(slots=True)
class _Ending:
    """How the program ends: its exit code, or the signal that it dies of."""

    flush: float
    death: Death
    code: int = 1
    signum: signal.Signals | None = None
    came: anyio.Event = field(default_factory=anyio.Event)
    watching: Watching | None = None

    def die(self, signum: signal.Signals) -> None:
        """Leave the terminal as it should be found, and die."""
        if self.watching is not None:
            self.watching.end()
        self.death(signum)

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
    watch: Watcher | None = None,
    silent: bool = False,
    go_on: str = "",
) -> int:
    """Run to the end and return the exit code, or die of a signal.

    ``watch`` shows a person what passes. Where the caller has ``told`` on stderr what is wrong, nothing more
    is said there. ``go_on`` is said after a signal, where a state was written.
    """
    ending = _Ending(flush, die)
    main = partial(
        _run,
        operation,
        ending,
        clock=clock,
        mask=mask,
        debug=debug,
        descriptor=descriptor,
        watch=watch,
        silent=silent,
        go_on=go_on,
    )
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        anyio.run(main)
    except BaseException as error:  # noqa: BLE001 - there is no output that could tell it
        found = list(causes(error))
        if any(isinstance(cause, KeyboardInterrupt) for cause in found):
            die(signal.SIGINT)  # so late that the loop does not mind signals any more
        ending.code = 1
        text = ", ".join(f"{type(cause).__name__}: {cause}" for cause in found)
        say(f"The program cannot run: {mask(text)}\n")
    finally:
        signal.signal(signal.SIGINT, interrupt)  # the loop leaves Python's own, which ends in a traceback
    return ending.code


def failing(error: Exception) -> Operation:
    """The operation that does nothing but raise."""

    async def fail(_: CommandContext) -> int:
        raise error

    return fail


def prepared(make: Callable[[], Operation]) -> Operation:
    """The operation that is made, or one that tells why there is none."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - told like any other, once there is an output
        return failing(error)


async def _run(
    operation: Operation,
    ending: _Ending,
    *,
    clock: Clock,
    mask: Mask,
    debug: bool,
    descriptor: int,
    watch: Watcher | None,
    silent: bool,
    go_on: str,
) -> None:
    async with open_output(descriptor, on_closed=lambda: ending.die(signal.SIGPIPE)) as output:
        progress = SyncProgress()
        ending.watching = watching = None if watch is None else watch(progress)
        observer = watching or Observer()
        to_lines(LinesHandler(output.offer, mask, observer.log), debug=debug)
        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()
            await group.start(_watch_signals, scope, ending)
            group.start_soon(_limit_flush, output, ending)
            if watching is not None:
                group.start_soon(watching.run)
            with scope:
                ending.code = await _guarded(
                    operation, CommandContext(clock, output, mask, progress, observer)
                )
            if not await _is_drained(output):
                ending.code = 1
            elif ending.signum is not None:
                _say_how_to_go_on(ending, observer, go_on)
            elif ending.code and watching is None and observer.last_error and not silent:
                say(f"{observer.last_error}\n")  # stdout may be a file, where nobody looks
            ending.now()
            if watching is not None:
                watching.end()
            group.cancel_scope.cancel()


def _say_how_to_go_on(ending: _Ending, observer: Observer, go_on: str) -> None:
    """After a signal, where the output has a state to go on from."""
    if ending.watching is not None:
        ending.watching.end()
    if go_on and observer.states:
        say(f"{go_on}\n")


async def _guarded(operation: Operation, context: CommandContext) -> int:
    """The operation's exit code; 1 where it raised, which is then told."""
    try:
        return await operation(context)
    except Exception as error:  # noqa: BLE001 - nothing may end as a bare traceback
        for one in _own_errors(error):
            await _report(context, one)
    return 1


def _own_errors(error: Exception) -> Iterator[ConnectorError]:
    """The errors to tell, each once."""
    found = list(causes(error))
    foreign = [cause for cause in found if not isinstance(cause, ConnectorError)]
    if any(isinstance(cause, MemoryError) for cause in foreign):
        yield ConnectorError(_OUT_OF_MEMORY)
    elif foreign:
        yield UnforeseenError(error)
    else:
        # what stdout does not take is told when the output is drained
        ours = {str(cause): cause for cause in found if isinstance(cause, ConnectorError)}
        yield from (cause for cause in ours.values() if not isinstance(cause, OutputError))


async def _report(context: CommandContext, error: ConnectorError) -> None:
    try:
        await context.report_error(error)
    except OutputError:
        return  # told when the output is drained


async def _is_drained(output: Output) -> bool:
    """Whether all lines are written; if they cannot be, that is told."""
    try:
        await output.drain()
    except OutputError as error:
        say(f"{error.message}\n")
        return False
    return True


async def _watch_signals(
    scope: anyio.CancelScope, ending: _Ending, *, task_status: anyio.abc.TaskStatus[None]
) -> None:
    # what is ignored stays so: `nohup`, and `&` in a script, ask for it
    minded = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    with anyio.open_signal_receiver(*minded) as signals:
        # a flood of signals fills the loop's pipe, of which Python tells with a traceback for each
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)
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
