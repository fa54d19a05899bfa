"""Tracks up to which day all spans are answered without a gap; answers come in any order."""

from collections.abc import Sequence
from datetime import date, timedelta


class Coverage:
    """Consecutive spans of days. Each begins the day after the previous one, and includes its end."""

    def __init__(self, ends: Sequence[date]) -> None:
        self._ends = ends
        self._through: list[date | None] = [None] * len(ends)
        self._next = 0

    def doubt(self, place: int, since: date) -> None:
        """Take back what was noted of the span at ``place`` from ``since`` on."""
        through = self._through[place]
        if through is not None and through >= since:
            self._through[place] = since - timedelta(days=1)
            self._next = min(self._next, place)

    def answered(self, place: int, through: date) -> date | None:
        """Note that the span at ``place`` is answered up to ``through``, included; `doubt` takes it back.

        Returns the day up to which all days are answered, or None while the first span has no answer.
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
        # an answer may end before its own span: a week's bar begins before the requested day
        return whole if partial is None else max(whole, partial)
