"""Named tickers that are not in the flat files of some sessions.

A file that is fetched once more has the same rows, so no second request shows whether a ticker did not trade.
The sessions are counted, and told in one warning. Files may be added in nearly any order.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date

from stockticker_async.sync.failures import name_list


class FileGaps:
    """Counts the sessions whose file lacks a ticker. It holds some values of each ticker, none of a file."""

    def __init__(self, known: Collection[str]) -> None:
        """``known`` are tickers that an earlier sync has read."""
        self._first = dict.fromkeys(known, date.min)
        """The first session of each ticker that was read, as far as the files have come."""
        self._absent: Counter[str] = Counter()
        self._never: Counter[str] = Counter()
        """Of tickers that no file had so far."""
        self._latest: dict[str, date] = {}
        """The latest of their sessions."""

    def add(self, session: date, wanted: Collection[str], traded: Collection[str]) -> None:
        """Note the tickers that are ``wanted`` of a file, and those of them that have a row."""
        for name in wanted:
            if name in traded:
                self._note_traded(name, session)
            elif name in self._first:
                self._absent[name] += session > self._first[name]
            else:
                self._never[name] += 1
                self._latest[name] = max(session, self._latest.get(name, session))

    def _note_traded(self, name: str, session: date) -> None:
        if name in self._first:
            self._first[name] = min(session, self._first[name])
            return
        self._first[name] = session
        del self._never[name]  # it was listed later, except for sessions after this one
        if self._latest.pop(name, session) > session:
            self._absent[name] += 1

    def counts(self) -> Mapping[str, int]:
        """Return the number of sessions without each ticker that lacks any."""
        return self._absent + self._never  # without zeros

    def warning(self) -> str | None:
        """Return the text for the log; None without a gap."""
        found = Counter(self.counts())
        if not found:
            return None
        names = [name for name, _ in found.most_common()]
        return (
            f"the flat files have no rows of some tickers in some sessions: {found.total()}, of "
            f"{name_list(names)}. They may not have traded, or the files are not complete."
        )
