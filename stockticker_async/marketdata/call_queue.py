"""The queue of the calls that wait for the allowance: first come, first served, but refused calls go first.

After a 429 one call goes alone. It is the refused call itself, as long as it was refused a few times only:
where refusals end by themselves, no question is asked more often than it has to be. A question that is
always refused steps back, so that it holds up no other for long.
"""

import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

import anyio

_FIRST = 3
"""Up to so many refusals bring a question to the front."""


def rank(refusals: int) -> int:
    """Where a question stands that was refused so often: the least goes first."""
    return -refusals if refusals <= _FIRST else 0


class CallQueue:
    """The waiting calls; only the first one may ask the limiter."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int]] = []
        self._moved: dict[tuple[int, int], anyio.Event] = {}
        self._numbers = count()

    @asynccontextmanager
    async def place(self, refusals: int) -> AsyncIterator[Callable[[], anyio.Event | None]]:
        """A place in the queue for the body of the statement.

        The function given returns None in the first place, else the event to wait for before it is called
        again.
        """
        mine = (rank(refusals), next(self._numbers))
        before = self._waiting[0] if self._waiting else None
        heapq.heappush(self._waiting, mine)
        self._moved[mine] = anyio.Event()
        if before is not None and self._waiting[0] == mine:
            self._notify(before)  # that it is not the first any more

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
        """Something has changed for the first call of the queue."""
        if self._waiting:
            self._notify(self._waiting[0])

    def changed(self) -> anyio.Event:
        """The event that is set when something changes for the first call, which asks for it."""
        first = self._waiting[0]
        if self._moved[first].is_set():
            self._moved[first] = anyio.Event()
        return self._moved[first]

    def _notify(self, place: tuple[int, int]) -> None:
        self._moved[place].set()
