"""Compares neighbouring sessions: pure bookkeeping that finds sessions with too few bars.

The true number of bars of a session is unknown, but the previous session had about as many, and a ticker that
traded then probably trades now. Answers come in any order, so an answer waits until the previous session was
judged. This delays no cursor, because cursors pass sessions in order. The first session is compared with the
second one, and with the last one of an earlier sync.
"""

from collections.abc import Sequence

Traded = frozenset[str]


class SessionSizes:
    """The number of bars and the traded tickers of each session. A session is identified by its place."""

    def __init__(self, places: Sequence[int], earlier: int | None = None) -> None:
        """``places`` are the places of the sessions, ascending, without closed days.

        ``earlier`` is the number of bars in the last session of an earlier sync, beside the first session.
        """
        self._first = places[0] if places else -1
        self._earlier = earlier
        self._before = dict(zip(places[1:], places, strict=False))
        self._beside = dict(self._before)
        if len(places) > 1:
            self._beside[places[0]] = places[1]
        self._followed = set(self._before.values())
        self._counts: dict[int, int | None] = {}
        self._traded: dict[int, Traded | None] = {}
        """The traded tickers of a judged session, kept until the next session is judged."""
        self._waiting: set[int] = set()
        self._judged: set[int] = set()

    def is_half(self, place: int, count: int) -> bool:
        """Whether ``count`` is less than half of the bars of the session beside it; False if unknown."""
        beside = self._counts.get(self._beside.get(place, -1)) or 0
        earlier = self._earlier or 0 if place == self._first else 0
        return 2 * count < max(beside, earlier)

    def second(self, place: int) -> int:
        """Return the place of the second session if ``place`` is the first one, else -1."""
        return -1 if place in self._before else self._beside.get(place, -1)

    def is_next(self, place: int) -> bool:
        """Whether the previous session was judged, or there is none."""
        before = self._before.get(place)
        return before is None or before in self._judged

    def traded_before(self, place: int) -> Traded | None:
        """Return the tickers that traded in the previous session; None if it is missing or there is none."""
        return self._traded.get(self._before.get(place, -1))

    def answered(self, place: int, count: int | None) -> None:
        """Note an answer to be judged. ``count`` is None if the session cannot be read."""
        self._counts[place] = count
        self._waiting.add(place)

    def take_ready(self) -> int | None:
        """Return the first place with an answer that can be judged now, once for each answer; else None."""
        found = min((place for place in self._waiting if self._is_ready(place)), default=None)
        self._waiting.discard(-1 if found is None else found)
        return found

    def _is_ready(self, place: int) -> bool:
        return self.is_next(place) and self._beside.get(place, place) in self._counts

    def judged(self, place: int, traded: Traded | None) -> None:
        """Note that the answer is accepted, with its traded tickers; None if the session cannot be read."""
        self._judged.add(place)
        self._traded.pop(self._before.get(place, -1), None)
        if place in self._followed:
            self._traded[place] = traded

    def take_left(self) -> list[int]:
        """Return the places that still wait, ascending: no neighbour will arrive to compare them with."""
        left, self._waiting = sorted(self._waiting), set()
        return left
