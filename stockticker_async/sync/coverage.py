"""How far days are answered without a gap, when answers come in any order."""

from collections.abc import Sequence
from datetime import date


class Coverage:
    """Consecutive spans of days, each from the day after the one before it to its end, included."""

    def __init__(self, ends: Sequence[date]) -> None:
        self._ends = ends
        self._through: list[date | None] = [None] * len(ends)
        self._next = 0

    def answered(self, place: int, through: date) -> date | None:
        """The span at ``place`` is answered up to that day, included; what was answered before stays so.

        Returns the day up to which all are; None while nothing of the first span is answered.
        """
        before = self._through[place]
        reached = through if before is None else max(before, through)
        self._through[place] = min(reached, self._ends[place])
        while self._next < len(self._ends) and self._through[self._next] == self._ends[self._next]:
            self._next += 1
        partial = self._through[self._next] if self._next < len(self._ends) else None
        if not self._next:
            return partial
        whole = self._ends[self._next - 1]
        # an answer may end before its own span: bars of weeks begin before the day that is asked
        return whole if partial is None else max(whole, partial)
