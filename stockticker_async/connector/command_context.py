"""What every operation is handed of the world: the clock, the output, the mask."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from stockticker_async.clock import Clock
from stockticker_async.connector import protocol
from stockticker_async.connector.log import Mask
from stockticker_async.errors import ConnectorError, UnforeseenError
from stockticker_async.sync.progress import SyncProgress


class Lines(Protocol):
    """Where whole lines go, in order: the `Output`, or something in front of it."""

    async def put(self, piece: bytes) -> None:
        """Queue whole lines, waiting for room."""

    async def drain(self) -> None:
        """Return when all that was put is written."""


class Offering(Lines, Protocol):
    """Lines that log lines are offered to, too."""

    def offer(self, piece: bytes) -> None:
        """Queue a log line without waiting."""


@dataclass(slots=True)
class Told:
    """What was told last."""

    error: str = ""
    """As an ERROR, masked."""


class Watching(Offering, Protocol):
    """Stands before the output, and shows a person what passes."""

    async def run(self) -> None:
        """Show how far it is until cancelled."""

    def end(self) -> None:
        """Show what came of it."""


Watcher = Callable[[Offering, SyncProgress], Watching]


@dataclass(frozen=True, slots=True)
class Shell:
    clock: Clock
    output: Lines
    mask: Mask
    progress: SyncProgress = field(default_factory=SyncProgress)
    told: Told = field(default_factory=Told)

    async def tell_error(self, error: ConnectorError, *, stream: str | None = None) -> None:
        """An ERROR trace. Its texts may quote the API or the configuration: secrets are masked."""
        message = self.told.error = self.mask(error.message)
        line = protocol.error(
            message,
            failure_type=error.failure_type,
            detail=None if error.detail is None else self.mask(error.detail),
            stack_trace=self.mask(error.stack_trace) if isinstance(error, UnforeseenError) else None,
            stream=stream,
            emitted_at_ms=self.clock.emitted_at_ms(),
        )
        await self.output.put(line)
