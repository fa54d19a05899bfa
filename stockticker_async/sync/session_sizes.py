"""Sessions of a market beside each other: pure bookkeeping that notices one of which half is missing.

Nobody knows how many bars a session has, but the one before it had about as many. Answers come in any
order, so an answer waits to be judged until the one beside it is there; none is covered before that, which
costs nothing, since a cursor passes sessions in their order anyway. Only the first session is judged by the
one after it.
"""

from collections.abc import Sequence


class SessionSizes:
    """The numbers of bars of sessions, which are told by their places."""

    def __init__(self, places: Sequence[int]) -> None:
        """``places``: of the sessions, ascending; closed days have none."""
        self._beside = {place: places[max(index - 1, 0)] for index, place in enumerate(places)}
        if places:
            self._beside[places[0]] = places[min(1, len(places) - 1)]
        self._counts: dict[int, int | None] = {}
        self._waiting: set[int] = set()

    def is_half(self, place: int, count: int) -> bool:
        """Whether so many bars are less than half of those of the session beside it, as far as is known."""
        neighbour = self._beside.get(place, place)
        beside = None if neighbour == place else self._counts.get(neighbour)
        return beside is not None and 2 * count < beside

    def answered(self, place: int, count: int | None) -> list[int]:
        """The places that can be judged now, ascending. ``count`` is None for what cannot be had."""
        self._counts[place] = count
        self._waiting.add(place)
        ready = sorted(one for one in self._waiting if self._beside.get(one, one) in self._counts)
        self._waiting -= set(ready)
        return ready

    def left(self) -> list[int]:
        """The places whose neighbour never came, ascending: they are as judged as they will be."""
        left, self._waiting = sorted(self._waiting), set()
        return left
