"""The cursors of a stream in a sync, and how they advance (never back). `start` says where they begin.

Theory of operation
-------------------
A stream's state says, for each ticker, up to which New York session everything has been written.
An entry is (since, cursor, splits): the first requested day, the last session whose bars are complete
and written (None before the first one), and a fingerprint of the splits for which the written rows are
adjusted. The `Basis` holds for all entries of a stream: rows of another basis have other values under
the same keys.

Invariants:

- An entry without a cursor covers nothing; reading begins at ``since``. An entry with a cursor covers
  every session from ``since`` to the cursor, both included.
- Within an entry the cursor never goes back, except where the API gives rows of covered days too late: pages
  in disorder (`doubt`), and never behind the cursor that the sync started with. When written rows must be
  read again (another basis, an earlier ``since``), the entry is replaced by an entry without a cursor, and
  this state is written before the first record that is read again.
- A cursor passes a day when the day is completely answered for the ticker *and* has settled *and* a
  bar of this day or a later day was seen for any ticker, in this sync or in the sync that moved another
  cursor there: an API that has not published the day yet also answers without bars. So the cursor of an
  illiquid or delisted ticker moves with the others, and a day without bars of any ticker holds all
  cursors. At the configured end a cursor also passes days on which the exchange was closed, because no
  later bar is requested.
- `StreamCursors.blob` covers only days reported by `cover`. The caller calls `cover` after the records
  are put on the output, which keeps the order.
"""

from collections.abc import Collection, Sequence
from datetime import date

from msgspec.structs import replace

from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.calendar import DAY, holds_session
from stockticker_async.marketdata.splits import Split
from stockticker_async.streams.table import Daily, Stream
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.file_marks import FileLedger
from stockticker_async.sync.rereads import after_splits
from stockticker_async.sync.start import Note, Start
from stockticker_async.sync.state_format import Basis, Entry, write


class StreamCursors:
    """The cursors of one stream in this sync."""

    def __init__(
        self, stream: Stream, basis: Basis, start: Start, *, end: date | None = None, lookback: int = 0
    ) -> None:
        self.stream = stream
        self.basis = basis
        self.start = start
        self._end = end
        self._market_splits = dict(start.market_splits)
        self._covered: dict[str, date] = {}
        self._seen: date | None = None
        self.files = FileLedger(start.files, kept=lookback)
        self.market_rows = start.market_rows
        """The bars of the whole market in the last session that was judged."""

    def follow(self, splits: Sequence[Split] | None, *, today: date, settled: date) -> None:
        """Compare the splits. Called once, before `cover`."""
        if not self.start.foreign:
            for entry in self.start.entries.values():
                if entry.cursor is not None and entry.cursor <= settled:
                    self.see(entry.cursor)  # an earlier sync saw a bar of this day or a later one
        # the sessions of a `Daily` stream cost a call each
        confirm = not isinstance(self.stream.source, Daily)
        self.start = after_splits(self.start, splits, today=today, settled=settled, confirm=confirm)
        self._market_splits = dict(self.start.market_splits)

    def uncover(self, names: Collection[str]) -> None:
        """Let these tickers begin again: the market was read without them. Called before `cover`."""
        if not names:
            return
        since = {name: Entry(self.start.entries[name].since) for name in names}
        text = (
            f"The whole market was read without OTC stocks, and {name_list([*names])} may be such: read anew."
        )
        self.start = replace(
            self.start,
            entries={**self.start.entries, **since},
            notes=(*self.start.notes, Note(warn=True, text=text)),
            replaced=True,
        )

    def reread(self, name: str) -> None:
        """Note that a ticker of `Start.rereads` was read again and put."""
        mark = self.start.rereads[name]
        if mark is None:
            del self._market_splits[name]
        else:
            self._market_splits[name] = mark

    def see(self, session: date) -> None:
        """Note that an answer has a bar of this session, of any ticker."""
        if self._seen is None or session > self._seen:
            self._seen = session

    def cover(self, name: str, through: date) -> None:
        """Note that all days up to ``through`` are completely answered for the ticker, settled, and put."""
        if name not in self._covered or through > self._covered[name]:
            self._covered[name] = through

    def doubt(self, name: str, since: date) -> None:
        """Take back what this sync covered from ``since`` on, for all days of ``date.min``."""
        if self._covered.get(name, date.min) >= since:
            self._covered.pop(name, None)
            if since > date.min:
                self._covered[name] = since - DAY

    def covered(self, name: str) -> date | None:
        """Return the day up to which the ticker is covered in this sync; None if no day is."""
        return self._covered.get(name)

    def count_covered(self, through: date) -> int:
        """Return the number of tickers that are covered up to ``through``."""
        return sum(day >= through for day in self._covered.values())

    def entry(self, name: str) -> Entry:
        """Return the entry of the ticker with its current cursor."""
        entry = self.start.entries[name]
        covered = self._covered.get(name)
        if covered is None:
            return entry
        reached = min(covered, max(self._seen or date.min, entry.cursor or date.min, entry.since - DAY))
        if self._end is not None and reached < self._end <= covered:
            reached = reached if holds_session(reached + DAY, self._end) else self._end
        if reached < entry.since or (entry.cursor is not None and reached <= entry.cursor):
            return entry
        return replace(entry, cursor=reached)

    def blob(self) -> JsonObject:
        """Return the state to write."""
        entries = {name: self.entry(name) for name in self.start.entries}
        files, rows = self.files.marks(), self.market_rows
        return write(self.stream, self.basis, entries, self._market_splits, files, market_rows=rows)
