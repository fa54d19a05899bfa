"""How many calls a minute a key may make."""

from collections import deque
from typing import Literal

_MINUTE = 60.0


class Allowance:
    """A number of calls in any 60 seconds (rolling), or in each minute of the clock (fixed)."""

    def __init__(self, calls_per_minute: int | None, window: Literal["rolling", "fixed"]) -> None:
        self._calls = calls_per_minute
        self._fixed = window == "fixed"
        self._taken: deque[float] = deque()

    def take(self, now: float) -> float:
        """Take one call at `now` (epoch seconds); returns 0.0, or the seconds until a call is free.

        A refused call does not count.
        """
        if self._calls is None:
            return 0.0
        begin = now - now % _MINUTE if self._fixed else now - _MINUTE
        while self._taken and (self._taken[0] < begin or (not self._fixed and self._taken[0] == begin)):
            self._taken.popleft()
        if len(self._taken) < self._calls:
            self._taken.append(now)
            return 0.0
        free = begin if self._fixed else self._taken[0]
        return free + _MINUTE - now
