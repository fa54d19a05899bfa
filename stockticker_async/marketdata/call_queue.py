"""The queue of calls that wait for the allowance: first come, first served, but refused requests go first.

After a 429 one call goes alone. It repeats the refused request, if that was refused only a few times: when
the refusals end, no request was repeated more often than necessary. A request that is always refused moves
back, so that it does not hold up the others for long.
"""

import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

import anyio

_FIRST = 3
"""A request with up to this many refusals goes to the front."""


def rank(refusals: int) -> int:
    """Return the rank of a request after this many refusals: the least rank goes first."""
    return -refusals if refusals <= _FIRST else 0


class CallQueue:
    """The waiting calls. Only the first call may ask the limiter."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int]] = []
        self._moved: dict[tuple[int, int], anyio.Event] = {}
        self._numbers = count()

    @asynccontextmanager
    async def place(self, refusals: int) -> AsyncIterator[Callable[[], anyio.Event | None]]:
        """Hold a place in the queue during the body.

        Yields a function, which returns None in the first place, else the event to wait for before the next
        call of the function.
        """
        mine = (rank(refusals), next(self._numbers))
        before = self._waiting[0] if self._waiting else None
        heapq.heappush(self._waiting, mine)
        self._moved[mine] = anyio.Event()
        if before is not None and self._waiting[0] == mine:
            self._notify(before)  # it is no longer the first

        def waits_for() -> anyio.Event | None:
            if self._waiting[0] == mine:
                return None
            if self._moved[mine].is_set():
                self._moved[mine] = anyio.Event()
            return self._moved[mine]

        try:
            yield waits_for
        finally:
            self._waiting.remove(mine)
            heapq.heapify(self._waiting)
            del self._moved[mine]
            self.notify()

    def notify(self) -> None:
        """Wake the first call of the queue: the limiter has changed."""
        if self._waiting:
            self._notify(self._waiting[0])

    def changed(self) -> anyio.Event:
        """Return the event that wakes the first call. Called by the first call."""
        first = self._waiting[0]
        if self._moved[first].is_set():
            self._moved[first] = anyio.Event()
        return self._moved[first]

    def _notify(self, place: tuple[int, int]) -> None:
        self._moved[place].set()
