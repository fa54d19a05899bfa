"""What every operation is handed of the world: the clock, the output, the mask, an observer."""

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
    """Where whole lines go, in order: the `Output`, or something in front of it."""

    async def put(self, piece: bytes) -> None:
        """Queue whole lines, waiting for room."""

    async def drain(self) -> None:
        """Return when all that was put is written."""


@dataclass(slots=True)
class Observer:
    """Hears what is put on the output, in Python's terms. Remembers what the end of the program needs.

    Texts are masked. `terminal.Watched` shows them to a person.
    """

    last_error: str = ""
    states: int = 0

    def records(self, stream: str, count: int) -> None:
        """So many RECORDs of a stream were put."""

    def state(self, stream: str) -> None:  # noqa: ARG002 - an overriding class may ask which
        """A STATE was put."""
        self.states += 1

    def status(self, stream: str, status: protocol.Status) -> None:
        """A stream has this status now."""

    def waits(self, until: datetime) -> None:
        """A stream waits for the allowance."""

    def log(self, level: protocol.Level, text: str) -> None:
        """A log line was offered."""

    def error(self, text: str, stream: str | None) -> None:  # noqa: ARG002 - as above
        """An ERROR trace, of one stream or of all, was put."""
        self.last_error = text

    def checked(self, text: str, *, succeeded: bool) -> None:
        """A CONNECTION_STATUS was put."""

    def catalog(self, streams: Sequence[JsonObject]) -> None:
        """A CATALOG was put."""


class Watching(Observer):
    """An observer that shows a person what it hears."""

    async def run(self) -> None:
        """Show how far the sync is until cancelled."""

    def end(self) -> None:
        """Show what came of it, once."""


Watcher = Callable[[SyncProgress], Watching]


@dataclass(frozen=True, slots=True)
class CommandContext:
    clock: Clock
    output: LineOutput
    mask: Mask
    progress: SyncProgress = field(default_factory=SyncProgress)
    observer: Observer = field(default_factory=Observer)

    async def report_error(self, error: ConnectorError, *, stream: str | None = None) -> None:
        """An ERROR trace. Its texts may quote the API or the configuration: secrets are masked."""
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
