"""The one place that knows what time it is.

The program passes a single `Clock` to all code that waits or needs a date. Tests pass a clock that runs
faster or starts at another date; the shipped program has no option for this.
"""

import time
from datetime import UTC, datetime, timedelta

import anyio


class Clock:
    """Wall time, elapsed time and sleep on one time scale.

    ``start`` is the wall time at which the clock begins (None: the machine's time). ``speed`` is the number
    of clock seconds in one second of the machine.
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
        """Wait for the event. Returns True if it was set within ``seconds``."""
        with anyio.move_on_after(seconds / self._speed):
            await event.wait()
            return True
        return event.is_set()
