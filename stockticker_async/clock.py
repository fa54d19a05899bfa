"""The one place that knows what time it is.

The program hands a single `Clock` to everything that waits or dates. A test's launcher hands one
that runs faster or stands elsewhere in time; the shipped program has no switch for that.
"""

import time
from datetime import UTC, datetime, timedelta

import anyio


class Clock:
    """Wall time, elapsed time and sleep, in step with one another.

    ``start`` is the wall time at which it begins (None: the machine's), ``speed`` how many of its
    seconds pass in one of the machine's.
    """

    def __init__(self, *, start: datetime | None = None, speed: float = 1.0) -> None:
        self._speed = speed
        self._origin = time.monotonic()
        self._start = start

    def utc_now(self) -> datetime:
        if self._start is None:
            return datetime.now(UTC)
        return self._start + timedelta(seconds=self.monotonic())

    def emitted_at_ms(self) -> int:
        return int(self.utc_now().timestamp() * 1000)

    def monotonic(self) -> float:
        """Seconds since this clock was made; never goes back."""
        return (time.monotonic() - self._origin) * self._speed

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds / self._speed)

    async def wait(self, event: anyio.Event, seconds: float) -> bool:
        """True when the event came within so many seconds."""
        with anyio.move_on_after(seconds / self._speed):
            await event.wait()
            return True
        return event.is_set()
