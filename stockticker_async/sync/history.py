"""Finds the first day of the plan's history, which only the refusals of the API show."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date

import anyio

from stockticker_async.errors import TransientError
from stockticker_async.marketdata.responses import RefusalReason


class HistoryStart:
    """The first day of the plan's history, searched once for any number of refused calls.

    A history has one start. So a refusal is believed only if the earliest day of all is refused, too.
    """

    def __init__(self) -> None:
        self.day: date | None = None
        """None until the search after the first refusal."""
        self._turn = anyio.Lock()

    def hides(self, day: date) -> bool:
        """Whether the day is known to be before the plan's history."""
        return self.day is not None and day < self.day

    async def find(
        self,
        refused: date,
        days: Sequence[date],
        otherwise: date,
        is_given: Callable[[date], Awaitable[bool]],
        *,
        earliest: date,
    ) -> bool:
        """Search the first day that the plan includes, unless it is already known.

        ``days`` ascend, and the first one is the ``refused`` day. ``otherwise`` is the result if the last day
        is refused, too, or ``days`` is empty. ``earliest`` is the earliest day that the sync reads. Returns
        whether this call did the search. Raises `TransientError` if the earliest day, before the refused one,
        is given: then the history does not begin after it.
        """
        async with self._turn:
            if self.day is not None:
                return False
            if earliest < refused and await is_given(earliest):
                raise contradiction(refused, earliest)
            self.day = await _first_given(days, is_given) or otherwise
            return True


def contradiction(refused: date, given: date) -> TransientError:
    """Return the error of a refused day, when another day shows that the plan includes it."""
    return TransientError(
        f"the API refuses {refused} as before the plan's history, and gives {given}.",
        detail=f"403: {RefusalReason.TIMEFRAME.value}",
    )


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
