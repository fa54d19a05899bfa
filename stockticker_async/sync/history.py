"""Finds where a plan's history begins, which only its refusals tell."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date

import anyio


class HistoryStart:
    """The first day that the plan gives, found once, however many calls are refused at the same time."""

    def __init__(self) -> None:
        self.day: date | None = None
        """None until a refusal has made us look for it."""
        self._turn = anyio.Lock()

    def hides(self, day: date) -> bool:
        """Whether the day is known to lie before it."""
        return self.day is not None and day < self.day

    async def find(
        self, days: Sequence[date], otherwise: date, is_given: Callable[[date], Awaitable[bool]]
    ) -> bool:
        """Look among the days, ascending, of which the first is refused, if nobody has yet.

        ``otherwise`` is taken where the last is refused, too, or there is no day. Returns whether it was
        looked for now.
        """
        async with self._turn:
            if self.day is not None:
                return False
            self.day = await _first_given(days, is_given) or otherwise
            return True


async def _first_given(days: Sequence[date], is_given: Callable[[date], Awaitable[bool]]) -> date | None:
    low, high = 0, len(days) - 1
    if high < 0 or not await is_given(days[high]):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if await is_given(days[middle]):
            high = middle
        else:
            low = middle
    return days[high]
