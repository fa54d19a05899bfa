"""Finds days that answers of the API left out silently: pure bookkeeping of day bars, and the warnings.

The API answers a request before the plan's history with 200 and fewer bars, and a session may be missing in
the middle. A single ticker proves neither: it may be a young listing, or it did not trade. Several tickers
that begin on the same day are a proof, and a missing session in which other tickers traded gets a warning.
Each warning is logged once a sync, with counts.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

import msgspec

from stockticker_async.marketdata.calendar import session_of

Named = Callable[[Sequence[str]], str]
"""Makes a short text from any number of tickers."""
_SAME_START = 2
"""The number of tickers with the same late first day that is taken for a proof."""


class _Seen(msgspec.Struct):
    first: date
    last: date
    count: int


class Completeness:
    """The day bars of several tickers, added in ascending order within one call."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._sessions: set[date] = set()
        self._lacking: dict[str, int] = {}
        self._asked_once = 0
        self._other_counts: dict[str, int] = {}
        self._told: Mapping[str, int] = {}
        self._halves: list[date] = []
        self._thin: dict[str, list[date]] = {}
        self._latest: frozenset[date] = frozenset()

    def add(self, name: str, days: Sequence[date]) -> None:
        """Add sessions in which the ticker has a bar, ascending; each session once."""
        if days:
            self._sessions.update(days)
            self._note(name, days[0], days[-1], len(days))

    def add_bars(self, name: str, moments: Sequence[int], sessions: frozenset[date]) -> None:
        """As `add`, with the start times of the bars (epoch milliseconds), ascending, and their sessions."""
        if moments:
            if sessions is not self._latest:  # tickers that trade in the same sessions share one set
                self._sessions |= sessions
                self._latest = sessions
            self._note(name, session_of(moments[0]), session_of(moments[-1]), len(moments))

    def _note(self, name: str, first: date, last: date, count: int) -> None:
        seen = self._seen.get(name)
        if seen is None:
            self._seen[name] = _Seen(first, last, count)
        else:
            seen.first, seen.last = min(seen.first, first), max(seen.last, last)
            seen.count += count

    def lack(self, name: str, sessions: int = 0, *, bars: int = 0, repeated: bool = True) -> None:
        """Two answers for ``name`` lack ``sessions`` sessions, or differ from their own count by ``bars``.

        Not ``repeated``: a single answer, after two for an earlier session.
        """
        self._asked_once += sessions * (not repeated)
        if bars and not sessions:
            self._other_counts[name] = self._other_counts.get(name, 0) + bars
        else:
            self._lacking[name] = self._lacking.get(name, 0) + sessions

    def lack_all(self, names: Iterable[str]) -> None:
        """No bar of these tickers was found."""
        for name in names:
            self._lacking.setdefault(name, 0)

    def forget(self, names: Iterable[str]) -> None:
        """These tickers do not exist: they lack no bars."""
        for name in names:
            self._lacking.pop(name, None)

    def tell_of(self, sessions: Mapping[str, int]) -> None:
        """Another warning tells of these numbers of sessions without a bar."""
        self._told = sessions

    def lack_half(self, session: date) -> None:
        """Two answers for the session have less than half of the bars of the session beside it."""
        self._halves.append(session)

    def lack_most(self, name: str, sessions: Sequence[date]) -> None:
        """Two answers for ``name`` have few of the intraday bars that other sessions have."""
        if sessions:
            self._thin.setdefault(name, []).extend(sessions)

    def lacking(self, named: Named) -> str | None:
        """Return the warning about tickers without a bar on sessions of the calendar."""
        if not self._lacking:
            return None
        count = sum(self._lacking.values())
        times = f"{count - self._asked_once} of them " if self._asked_once else ""
        counted = f" (sessions: {count}, {times}asked for twice)" if count else ""
        return f"The API has no bars of some of the days asked for {named(_worst(self._lacking))}{counted}."

    def other_counts(self, named: Named) -> str | None:
        """Return the warning about answers whose number of bars differs from their own count."""
        if not self._other_counts:
            return None
        return (
            "Answers have more or fewer bars than they say, asked for twice: by "
            f"{sum(self._other_counts.values())}, of {named(_worst(self._other_counts))}."
        )

    def halves(self) -> str | None:
        """Return the warning about sessions of which half may be missing."""
        if not self._halves:
            return None
        first = min(self._halves)
        return (
            f"Of {len(self._halves)} sessions, the first on {first}, the API has less than half of the bars "
            "of the session beside it, asked for twice."
        )

    def thin(self, named: Named) -> str | None:
        """Return the warning about sessions with few intraday bars."""
        if not self._thin:
            return None
        counts = {name: len(sessions) for name, sessions in self._thin.items()}
        first = min(map(min, self._thin.values()))
        return (
            f"Of {sum(counts.values())} sessions, the first on {first}, the API has few of the bars that "
            f"others have, asked for twice: of {named(_worst(counts))}. Trading may have been halted."
        )

    def clipped(self, asked: Iterable[tuple[str, date]], named: Named) -> str | None:
        """Return the warning about tickers that begin on the same day, after their first requested session.

        ``asked`` are pairs of a ticker and its first requested session. An earlier bar of any ticker shows
        that the plan's history goes further back: then these tickers are young listings, and there is no
        warning.
        """
        earliest = min((seen.first for seen in self._seen.values()), default=date.max)
        names = [
            name
            for name, first_session in asked
            if name in self._seen and self._seen[name].first == earliest > first_session
        ]
        if len(names) < _SAME_START:
            return None
        begin = f"{named(names)} all begin on {earliest}"
        return f"{begin}, later than requested: the plan's history seems to begin there."

    def gaps(self, named: Named) -> str | None:
        """Return the warning about sessions between a ticker's first and last bar without its bar."""
        ordered = sorted(self._sessions)
        missing: dict[str, int] = {}
        for name, seen in self._seen.items():
            expected = bisect_right(ordered, seen.last) - bisect_left(ordered, seen.first)
            left_out = expected - seen.count - self._told.get(name, 0)
            if left_out > 0 and name not in self._lacking:
                missing[name] = left_out
        if not missing:
            return None
        total = sum(missing.values())
        return (
            f"Bars missing on days on which other tickers traded: {total}, of {named(_worst(missing))}. "
            "They may not have traded, or trading was halted."
        )

    def old_basis(self, again: Iterable[tuple[str, date]], named: Named) -> str | None:
        """Return the warning about tickers read again after a split, but not back to their first day.

        ``again`` are pairs of a ticker and its first requested session.
        """
        begins: dict[date, list[str]] = {}
        empty: list[str] = []
        for name, first_session in again:
            seen = self._seen.get(name)
            if seen is not None and seen.first > first_session:
                begins.setdefault(seen.first, []).append(name)
            elif seen is None and name in self._lacking:
                empty.append(name)
        parts = [
            f"{named(names)}: nothing before {begin} was returned this time"
            for begin, names in sorted(begins.items())
        ]
        if empty:
            parts.append(f"{named(empty)}: nothing was returned this time")
        if not parts:
            return None
        return f"{'; '.join(parts)}. Older rows stay on the basis from before the split."


def _worst(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda name: -counts[name])
