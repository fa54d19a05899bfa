"""Runs one operation: starts the output, turns errors into TRACE messages and exit codes, handles signals.

How the program ends:

- The operation returns its exit code: all lines are written first, however slow the reader.
- An unreported error becomes one ERROR trace, exit code 1. An error of another class than `ConnectorError` is
  a bug: its traceback is in the trace. (Within a sync a bug ends only its own stream: see `sync.run`.)
- Out of memory: an ERROR trace says so if enough memory is left for it, exit code 1.
- SIGTERM, SIGINT or SIGHUP: the operation is cancelled and writes its last states. Queued lines are written
  as long as the reader reads, and up to `_FLUSH` seconds after it has stopped. Then one sentence on stderr
  says how to continue, and the process dies *of* the signal. A second signal ends it at once.
- The reader closes stdout: the process dies of SIGPIPE at once, as `yes | head -1` does.
- stdout cannot be written (a full disk): one sentence on stderr, exit code 1. Without a terminal display, the
  last error is written to stderr, too.
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
"""Seconds without progress of the reader before the process dies of a signal (PyAirbyte stops reading before
it sends SIGTERM)."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_OUT_OF_MEMORY = (
    "The memory ran out. Give the program more memory, or lower max_concurrent_requests; the next sync "
    "continues from the last STATE."
)

Operation = Callable[[CommandContext], Awaitable[int]]
Death = Callable[[signal.Signals], None]


@dataclass(slots=True)
class _Ending:
    """How the program ends: its exit code, or the signal it received."""

    flush: float
    death: Death
    code: int = 1
    signum: signal.Signals | None = None
    came: anyio.Event = field(default_factory=anyio.Event)
    watching: Watching | None = None

    def die(self, signum: signal.Signals) -> None:
        """Restore the terminal, and die of the signal."""
        if self.watching is not None:
            self.watching.end()
        self.death(signum)

    def now(self) -> None:
        """Die of the received signal, if there is one."""
        if self.signum is not None:
            self.die(self.signum)


def die_of(signum: signal.Signals) -> None:  # pragma: no cover - the process ends
    """End the process with the default action of the signal. Main thread only."""
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    # only process 1 survives its own signal: exit with the code that shells report for it
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
    """Run the operation and return the exit code, or die of a signal.

    ``watch`` makes the display for a person. ``silent``: errors are not repeated on stderr, because the
    caller has written them there. ``go_on`` is the sentence after a signal if a state was written.
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
    except BaseException as error:  # noqa: BLE001 - without an output, only stderr is left
        found = list(causes(error))
        if any(isinstance(cause, KeyboardInterrupt) for cause in found):
            die(signal.SIGINT)  # it came after the loop stopped handling signals
        ending.code = 1
        text = ", ".join(f"{type(cause).__name__}: {cause}" for cause in found)
        say(f"The program cannot run: {mask(text)}\n")
    finally:
        signal.signal(signal.SIGINT, interrupt)  # the loop leaves Python's handler, which prints a traceback
    return ending.code


def failing(error: Exception) -> Operation:
    """Return an operation that raises the error."""

    async def fail(_: CommandContext) -> int:
        raise error

    return fail


def prepared(make: Callable[[], Operation]) -> Operation:
    """Return the operation from ``make``, or one that raises the error of ``make``."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - reported like other errors once the output is open
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
                say(f"{observer.last_error}\n")  # stdout may be a file that nobody looks at
            ending.now()
            if watching is not None:
                watching.end()
            group.cancel_scope.cancel()


def _say_how_to_go_on(ending: _Ending, observer: Observer, go_on: str) -> None:
    """After a signal: write the sentence to stderr if a state was written."""
    if ending.watching is not None:
        ending.watching.end()
    if go_on and observer.states:
        say(f"{go_on}\n")


async def _guarded(operation: Operation, context: CommandContext) -> int:
    """Return the exit code of the operation; 1 after an error, which is then reported."""
    try:
        return await operation(context)
    except Exception as error:  # noqa: BLE001 - no error may end as a bare traceback
        for one in _own_errors(error):
            await _report(context, one)
    return 1


def _own_errors(error: Exception) -> Iterator[ConnectorError]:
    """Yield the errors to report, each once."""
    found = list(causes(error))
    foreign = [cause for cause in found if not isinstance(cause, ConnectorError)]
    if any(isinstance(cause, MemoryError) for cause in foreign):
        yield ConnectorError(_OUT_OF_MEMORY)
    elif foreign:
        yield UnforeseenError(error)
    else:
        # output errors are reported when the output is drained
        ours = {str(cause): cause for cause in found if isinstance(cause, ConnectorError)}
        yield from (cause for cause in ours.values() if not isinstance(cause, OutputError))


async def _report(context: CommandContext, error: ConnectorError) -> None:
    try:
        await context.report_error(error)
    except OutputError:
        return  # reported when the output is drained


async def _is_drained(output: Output) -> bool:
    """Whether all lines are written; a failure is reported on stderr."""
    try:
        await output.drain()
    except OutputError as error:
        say(f"{error.message}\n")
        return False
    return True


async def _watch_signals(
    scope: anyio.CancelScope, ending: _Ending, *, task_status: anyio.abc.TaskStatus[None]
) -> None:
    # ignored signals stay ignored, as `nohup` and `&` in a script require
    minded = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    with anyio.open_signal_receiver(*minded) as signals:
        # without this, Python prints a traceback for each signal once the loop's pipe is full
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)
        task_status.started()
        async for signum in signals:
            if ending.signum is not None:
                ending.die(signum)
            ending.signum = signum
            ending.came.set()
            scope.cancel()


async def _limit_flush(output: Output, ending: _Ending) -> None:
    """After a signal: die of it once nothing was written for ``ending.flush`` seconds."""
    await ending.came.wait()
    written = -1
    while output.written_bytes != written:
        written = output.written_bytes
        await anyio.sleep(ending.flush)
    ending.now()
