"""Waits for the allowance: who is next, until when, and when waiting is in vain."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from stockticker_async.clock import Clock
from stockticker_async.errors import TransientError
from stockticker_async.marketdata import responses
from stockticker_async.marketdata.call_queue import CallQueue
from stockticker_async.marketdata.limiter import Limiter

OnWait = Callable[[datetime], Awaitable[None]]
"""Called with the end of a longer wait for the allowance."""
_TOLD_WAIT = 10.0  # a wait for the allowance that is shorter is not worth a status


class AllowanceWait:
    """Of one client; the limiter and the queue are those of all clients of a session."""

    def __init__(
        self,
        limiter: Limiter,
        queue: CallQueue,
        clock: Clock,
        most_wait: float,
        on_wait: OnWait | None,
    ) -> None:
        """``most_wait``: seconds for which the API may answer 429 to everything (math.inf: no bound)."""
        self._limiter = limiter
        self._queue = queue
        self._clock = clock
        self.most_wait = most_wait
        self._on_wait = on_wait
        self._refused_since: float | None = None

    def notify(self) -> None:
        """The limiter knows something new: the first call of the queue asks it again."""
        self._queue.notify()

    def succeeded(self) -> None:
        """The API answered, with anything but a 429."""
        self._refused_since = None

    async def begin(self, refusals: int) -> float:
        """Return when the limiter lets one more call begin, and the moment: `CallQueue` says who is first."""
        async with self._queue.place(refusals) as waits_for:
            while True:
                moved = waits_for()
                if moved is not None:
                    await moved.wait()
                    continue
                now = self._clock.monotonic()
                wait = self._limiter.reserve(now)
                if wait <= 0:
                    return now
                changed = self._queue.changed()
                await self._tell_wait()
                await self._clock.wait(changed, min(wait, responses.RETRY_AFTER_CAP))

    async def _tell_wait(self) -> None:
        now = self._clock.monotonic()
        resumes_at = self._limiter.resumes_at(now)
        if self._on_wait is not None and resumes_at is not None and resumes_at - now > _TOLD_WAIT:
            await self._on_wait(self._clock.utc_now() + timedelta(seconds=resumes_at - now))

    def judge(self) -> None:
        """After a 429. Raise `TransientError` where waiting would take longer than may be waited in all."""
        now = self._clock.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        wait = (self._limiter.resumes_at(now) or now) - self._refused_since
        if wait > self.most_wait:
            raise TransientError(
                "The allowance of this key is used up, by other programs with the same key: the API answered "
                f"only 429, and asks for a wait of {wait:.0f} s or more. Try again later, or use a key of "
                "your own."
            )
