"""Offsets of a streaming query: states of the connector, values in, values out.

Theory of operation
-------------------
An offset says what a query will have read: for each ticker the first day, the last session, and a fingerprint
of the splits for which the rows are adjusted. A micro-batch is the difference of two offsets:

- A ticker with the same first day and fingerprint in both is read from the session after its first cursor.
- Any other ticker is read from its first day: it is new, its splits have changed, or other bars are wanted.

- A session of the market's minutes without a flat file, which the first offset passed and the second one does
  not name any more, is read late.

So the two offsets determine a micro-batch. A batch that is repeated after a failure or a restart is the same
batch, whatever has happened since. The only exception: a ticker that is no longer among the options is left
out, so that a ticker that fails for good can be removed. The next offset does not have it either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from msgspec import structs

from stockticker_async.marketdata.calendar import DAY
from stockticker_async.streams.table import Stream
from stockticker_async.sync import state_format
from stockticker_async.sync.file_marks import FileMarks
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob
from stockticker_async.sync.start import Start
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import Entry, SavedState
from stockticker_async.sync.windows import Days

Offset = dict[str, Any]
NOTHING: Offset = {}
"""The offset of a query that has read nothing."""


@dataclass(frozen=True, slots=True)
class Increment:
    """What a micro-batch reads."""

    job: SyncJob
    cursors: StreamCursors
    days: Days
    """``last`` is the last session of the batch."""
    passed: frozenset[date] = frozenset()
    """Sessions whose flat files the second offset misses: no part of the batch, even if they have come."""


def advanced(cursors: StreamCursors, through: date | None) -> Offset:
    """Return the offset after all days up to ``through``. The splits were compared."""
    start = cursors.start
    entries = {name: _advanced(entry, through) for name, entry in start.entries.items()}
    marks: dict[str, str | None] = {**start.market_splits, **start.rereads}
    splits = {name: mark for name, mark in marks.items() if mark is not None}
    return dict(state_format.write(cursors.stream, cursors.basis, entries, splits, cursors.files.marks()))


def _advanced(entry: Entry, through: date | None) -> Entry:
    if through is None or through < entry.since or (entry.cursor is not None and entry.cursor >= through):
        return entry
    return structs.replace(entry, cursor=through)


def last_session(stream: Stream, offset: Offset) -> date | None:
    """Return the last session that any ticker is read through; None if there is none."""
    saved = state_format.read(stream, offset)
    entries = saved.entries.values() if isinstance(saved, SavedState) else ()
    return max((entry.cursor for entry in entries if entry.cursor is not None), default=None)


def missing_sessions(stream: Stream, offset: Offset) -> tuple[date, ...]:
    """Return the sessions that were passed without a flat file, and may still come; ascending."""
    saved = state_format.read(stream, offset)
    return saved.files.missing if isinstance(saved, SavedState) else ()


def increment(stream: Stream, job: SyncJob, start: Offset, end: Offset) -> Increment | None:
    """Return what is read between two offsets; None if it is nothing."""
    after = state_format.read(stream, end)
    last = last_session(stream, end)
    if last is None or not isinstance(after, SavedState) or start == end:
        return None
    before = state_format.read(stream, start)
    known: Mapping[str, Entry] = {}
    market_splits: Mapping[str, str] = {}
    files = FileMarks()
    if isinstance(before, SavedState) and before.basis == after.basis:
        known, market_splits, files = before.entries, before.market_splits, before.files
    entries = {
        name: structs.replace(entry, cursor=_cursor(known.get(name), entry))
        for name, entry in after.entries.items()
        if entry.cursor is not None and (job.whole_market or name in (*job.tickers, WHOLE_MARKET))
    }
    again = [name for name in entries if name in known and known[name].splits != entries[name].splits]
    rereads: list[str] = []
    if WHOLE_MARKET in entries and entries[WHOLE_MARKET].cursor is not None:
        both = {**market_splits, **after.market_splits}
        rereads = [name for name in both if market_splits.get(name) != after.market_splits.get(name)]
    # the sessions of both are known to be missing, and are not told again
    marks = FileMarks(files.etags, tuple({*files.missing, *after.files.missing}))
    began = Start(entries, again=(*again, *rereads), rereads=dict.fromkeys(rereads), files=marks)
    tickers = () if WHOLE_MARKET in after.entries else tuple(entries)
    return Increment(
        replace(job, tickers=tickers),
        StreamCursors(stream, after.basis, began),
        Days(last=last, settled=last, today=last + DAY),
        frozenset(after.files.missing),
    )


def _cursor(before: Entry | None, after: Entry) -> date | None:
    if before is None or (before.since, before.splits) != (after.since, after.splits):
        return None
    return before.cursor
