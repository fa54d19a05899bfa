"""Sessions beside each other: pure bookkeeping that notices one that lacks what the one before it had.

Nobody knows how many bars a session has, but the one before it had about as many, and a ticker that traded
then is likely to trade now. Answers come in any order, so an answer waits until the session before it has
been judged; none is covered before that, which costs nothing, since a cursor passes sessions in their order
anyway. Only the first session is judged by the number of bars of the one after it.
"""

from collections.abc import Sequence

Traded = frozenset[str]


class SessionSizes:
    """The numbers of bars of sessions, and who traded in them; sessions are told by their places."""

    def __init__(self, places: Sequence[int]) -> None:
        """``places``: of the sessions, ascending; closed days have none."""
        self._before = dict(zip(places[1:], places, strict=False))
        self._beside = dict(self._before)
        if len(places) > 1:
            self._beside[places[0]] = places[1]
        self._followed = set(self._before.values())
        self._counts: dict[int, int | None] = {}
        self._traded: dict[int, Traded | None] = {}
        """Of sessions that were judged, until the one after each was."""
        self._waiting: set[int] = set()
        self._judged: set[int] = set()

    def is_half(self, place: int, count: int) -> bool:
        """Whether so many bars are less than half of those of the session beside it, as far as is known."""
        beside = self._counts.get(self._beside.get(place, -1))
        return beside is not None and 2 * count < beside

    def is_next(self, place: int) -> bool:
        """Whether the session before it was judged, or there is none."""
        before = self._before.get(place)
        return before is None or before in self._judged

    def traded_before(self, place: int) -> Traded | None:
        """Who traded in the session before it. None: there is none, or it cannot be had."""
        return self._traded.get(self._before.get(place, -1))

    def answered(self, place: int, count: int | None) -> None:
        """There is an answer, to be judged. ``count`` is None for what cannot be had."""
        self._counts[place] = count
        self._waiting.add(place)

    def take_ready(self) -> int | None:
        """The first place with an answer that can be judged now, given out once for each answer."""
        found = min((place for place in self._waiting if self._is_ready(place)), default=None)
        self._waiting.discard(-1 if found is None else found)
        return found

    def _is_ready(self, place: int) -> bool:
        return self.is_next(place) and self._beside.get(place, place) in self._counts

    def judged(self, place: int, traded: Traded | None) -> None:
        """The answer is believed, in which these traded. None: it cannot be had."""
        self._judged.add(place)
        self._traded.pop(self._before.get(place, -1), None)
        if place in self._followed:
            self._traded[place] = traded

    def take_left(self) -> list[int]:
        """The places that nothing came to judge by, ascending: they are as judged as they will be."""
        left, self._waiting = sorted(self._waiting), set()
        return left
