"""How far days are answered without a gap, when answers come in any order."""

from collections.abc import Sequence
from datetime import date


class Tiles:
    """How far consecutive spans of days are answered without a gap."""

    def __init__(self, ends: Sequence[date]) -> None:
        self._ends = ends
        self._reached: list[date | None] = [None] * len(ends)
        self._next = 0

    def answered(self, place: int, through: date) -> date | None:
        """The span at ``place`` is answered through that day. Returns the day up to which all are."""
        self._reached[place] = through
        while self._next < len(self._ends) and self._reached[self._next] == self._ends[self._next]:
            self._next += 1
        partial = self._reached[self._next] if self._next < len(self._ends) else None
        if partial is not None:
            return partial
        return self._ends[self._next - 1] if self._next else None
