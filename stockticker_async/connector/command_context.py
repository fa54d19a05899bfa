"""What every operation gets from the runner: the clock, the output, the mask and an observer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from stockticker_async.clock import Clock
from stockticker_async.connector import protocol
from stockticker_async.connector.log import Mask
from stockticker_async.errors import ConnectorError, UnforeseenError
from stockticker_async.json_object import JsonObject
from stockticker_async.sync.progress import SyncProgress


class LineOutput(Protocol):
    """Takes whole lines in order: the `Output`, or a wrapper around it."""

    async def put(self, piece: bytes) -> None:
        """Queue whole lines; waits until there is room."""

    async def drain(self) -> None:
        """Return when all queued lines are written."""


@dataclass(slots=True)
class Observer:
    """Is notified of each message put on the output. Keeps the last error and the number of states.

    Secrets in texts are masked. `terminal.Watched` shows the messages to a person.
    """

    last_error: str = ""
    states: int = 0

    def records(self, stream: str, count: int) -> None:
        """``count`` RECORDs of the stream were put."""

    def state(self, stream: str) -> None:  # noqa: ARG002 - for overriding classes
        """A STATE was put."""
        self.states += 1

    def status(self, stream: str, status: protocol.Status) -> None:
        """A STREAM_STATUS of the stream was put."""

    def waits(self, until: datetime) -> None:
        """A stream waits for the allowance until this time."""

    def log(self, level: protocol.Level, text: str) -> None:
        """A LOG was offered to the output."""

    def error(self, text: str, stream: str | None) -> None:  # noqa: ARG002 - as above
        """An ERROR trace was put. ``stream`` is None for an error of the whole program."""
        self.last_error = text

    def checked(self, text: str, *, succeeded: bool) -> None:
        """A CONNECTION_STATUS was put."""

    def catalog(self, streams: Sequence[JsonObject]) -> None:
        """A CATALOG was put."""


class Watching(Observer):
    """An observer that shows the messages to a person."""

    async def run(self) -> None:
        """Show the progress of the sync until cancelled."""

    def end(self) -> None:
        """Show the result, once."""


Watcher = Callable[[SyncProgress], Watching]


@dataclass(frozen=True, slots=True)
class CommandContext:
    clock: Clock
    output: LineOutput
    mask: Mask
    progress: SyncProgress = field(default_factory=SyncProgress)
    observer: Observer = field(default_factory=Observer)

    async def report_error(self, error: ConnectorError, *, stream: str | None = None) -> None:
        """Put an ERROR trace. Secrets are masked: the texts may quote the API or the configuration."""
        message = self.mask(error.message)
        line = protocol.error(
            message,
            failure_type=error.failure_type,
            detail=None if error.detail is None else self.mask(error.detail),
            stack_trace=self.mask(error.stack_trace) if isinstance(error, UnforeseenError) else None,
            stream=stream,
            emitted_at_ms=self.clock.emitted_at_ms(),
        )
        self.observer.error(message, stream)
        await self.output.put(line)
