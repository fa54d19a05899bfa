"""Cursors: where a sync begins, and how the cursors advance (never back).

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
- Within an entry the cursor never goes back. When written rows must be read again (another basis, an
  earlier ``since``), the entry is replaced by an entry without a cursor, and this state is written
  before the first record that is read again.
- A cursor passes a day when the day is completely answered for the ticker *and* has settled *and* a
  bar of this day or a later day was seen for any ticker, in this sync or in the sync that moved another
  cursor there: an API that has not published the day yet also answers without bars. So the cursor of an
  illiquid or delisted ticker moves with the others, and a day without bars of any ticker holds all
  cursors. At the configured end a cursor also passes days on which the exchange was closed, because no
  later bar is requested.
- `StreamCursors.blob` covers only days reported by `cover`. The caller calls `cover` after the records
  are put on the output, which keeps the order.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import msgspec

from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.calendar import DAY, holds_session
from stockticker_async.marketdata.splits import Split
from stockticker_async.streams.table import Stream
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.file_marks import FileLedger, FileMarks
from stockticker_async.sync.fingerprint import fingerprint
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.state_format import (
    BareDateState,
    Basis,
    EarlierState,
    Entry,
    NoState,
    SavedState,
    write,
)

_PENDING = "0"
"""The fingerprint of a whole-market ticker while it is read again. No hash is this short."""
_Mark = Callable[[str, date, date], str | None]
"""Returns the fingerprint of a ticker's splits after one day and up to another."""


class Note(msgspec.Struct, frozen=True):
    """A log line for the user about the state that a sync starts from."""

    warn: bool
    text: str


@dataclass(frozen=True, slots=True)
class Start:
    """Where a sync of one stream begins."""

    entries: dict[str, Entry]
    market_splits: dict[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    replaced: bool = False
    """Whether an entry was replaced: then a state is written before the first record."""
    foreign: bool = False
    """Whether the cursors come from a state without fingerprints."""
    from_whole_market: Mapping[str, date] = field(default_factory=dict)
    """Tickers covered up to a day as part of the whole market, which was read without OTC stocks."""
    moves: Mapping[str, date] = field(default_factory=dict)
    """A later ``since`` for these tickers, which takes effect after their splits were compared."""
    again: tuple[str, ...] = ()
    """Tickers whose splits changed."""
    was_read: frozenset[str] = frozenset()
    """Named tickers that an earlier sync read, even if their entries begin again."""
    rereads: Mapping[str, str | None] = field(default_factory=dict)
    """Whole-market tickers to read again, each with its fingerprint after the reread."""
    files: FileMarks = field(default_factory=FileMarks)
    market_rows: int | None = None
    """The bars of the whole market in the last session that an earlier sync read."""


def begin(
    before: EarlierState,
    *,
    names: Sequence[str],
    basis: Basis,
    start: date | None,
    default_start: date,
    settled: date,
    movable: bool = True,
) -> Start:
    """Return the entries to continue from: valid entries of ``before``, and new entries for other tickers.

    ``names`` are the tickers, or `WHOLE_MARKET` alone. ``start`` is the configured start date: the first
    day of tickers without a state. If it is earlier than ``since`` of an entry, the entry begins again. If it
    is later, ``since`` moves, unless bars are counted from ``since`` (not ``movable``).
    """
    fresh = Entry(start or default_start)
    match before:
        case NoState():
            return Start(dict.fromkeys(names, fresh))
        case BareDateState(through):
            entry = Entry(start or min(through, settled), min(through, settled))
            text = f"The state is of {through}, ahead of the last finished day: read on from {settled}."
            notes = (Note(warn=True, text=text),) if through > settled else ()
            return Start(dict.fromkeys(names, entry), notes=notes, foreign=True)
        case SavedState():
            if _holds(before.basis, basis, whole_market=WHOLE_MARKET in names):
                found = _go_on(before, names=names, start=start, fresh=fresh, settled=settled)
            else:
                found = _begin_anew(before, names, basis, start, fresh)
            read = frozenset(name for name, entry in before.entries.items() if entry.cursor is not None)
            rows = before.market_rows if WHOLE_MARKET in names else None
            return replace(found, moves=found.moves if movable else {}, was_read=read, market_rows=rows)


def _holds(saved: Basis, basis: Basis, *, whole_market: bool) -> bool:
    """Whether the rows written on the ``saved`` basis are still valid on the new basis."""
    # named tickers are read wherever they trade; a market with OTC stocks includes the market without them
    return replace(saved, otc=False) == replace(basis, otc=False) and (
        saved.otc or not (whole_market and basis.otc)
    )


def _go_on(
    saved: SavedState, *, names: Sequence[str], start: date | None, fresh: Entry, settled: date
) -> Start:
    entries: dict[str, Entry] = {}
    again, ahead = [], []
    moves: dict[str, date] = {}
    from_whole_market: dict[str, date] = {}
    for name in names:
        entry = _found(saved, name)
        if entry is None:
            entry = fresh
        elif start is not None and start < entry.since:
            again.append(name)
            entry = Entry(start)
        elif start is not None and start > entry.since:
            moves[name] = start
        if entry.since > settled + DAY or (entry.cursor is not None and entry.cursor > settled):
            ahead.append(name)
        elif entry.cursor is not None and name not in saved.entries and not saved.basis.otc:
            from_whole_market[name] = entry.cursor
        entries[name] = entry
    notes = (
        (again, True, f"start_date is earlier than before: {name_list(again)} read again from {start}."),
        (moves, False, f"start_date is later than before: {name_list([*moves])} keep what was read."),
        (
            ahead,
            True,
            f"The state is ahead of the last finished day, {settled}: {name_list(ahead)} not read.",
        ),
    )
    return Start(
        entries,
        dict(saved.market_splits) if WHOLE_MARKET in names and not again else {},
        tuple(Note(warn, text) for which, warn, text in notes if which),
        replaced=bool(again),
        from_whole_market=from_whole_market,
        moves=moves,
        files=saved.files,
    )


def _begin_anew(
    saved: SavedState, names: Sequence[str], basis: Basis, start: date | None, fresh: Entry
) -> Start:
    """Return entries without cursors, because the written rows are of another basis."""
    old = {name: _found(saved, name) for name in names}
    entries = {name: Entry(start or (entry.since if entry else fresh.since)) for name, entry in old.items()}
    change = f"from {_basis_words(saved.basis)} to {_basis_words(basis)}"
    text = f"The kind of bars changed {change}: the history of all tickers is read again."
    if saved.basis.bar != basis.bar:
        text += " Clear the stream in the destination, where bars of both sizes would have the same keys."
    return Start(entries, notes=(Note(warn=True, text=text),), replaced=True)


def follow_splits(start: Start, splits: Sequence[Split] | None, *, today: date, settled: date) -> Start:
    """Return the start, in which tickers whose splits differ from the state begin again.

    ``splits`` are the splits of all tickers since the earliest ``since``; None if prices are not adjusted or
    the splits cannot be read: then the fingerprints do not change.
    """
    if splits is None:
        return _moved(start, None)
    known: dict[str, list[Split]] = {}
    for split in splits:
        known.setdefault(split.ticker, []).append(split)

    def mark(name: str, since: date, until: date) -> str | None:
        some = (split for split in known.get(name, ()) if split.day <= until)
        return fingerprint(some, since=since, today=today, settled=settled)

    if WHOLE_MARKET in start.entries:
        return _moved(_follow_market(start, known, mark), mark)
    changed, entries = [], {}
    for name, entry in start.entries.items():
        found = mark(name, entry.since, date.max)
        before = mark(name, entry.since, entry.cursor) if start.foreign and entry.cursor else entry.splits
        if entry.cursor is not None and found != before:
            changed.append(name)
            entries[name] = Entry(entry.since, None, found)
        else:
            entries[name] = replace(entry, splits=found)
    return _moved(_with_change(replace(start, entries=entries), changed), mark)


def _follow_market(start: Start, known: Iterable[str], mark: _Mark) -> Start:
    entry = start.entries[WHOLE_MARKET]
    found = {name: made for name in known if (made := mark(name, entry.since, date.max)) is not None}
    if entry.cursor is None:
        return replace(start, market_splits=found)
    before: Mapping[str, str | None] = start.market_splits
    if start.foreign:
        before = {name: mark(name, entry.since, entry.cursor) for name in found}
    names = [name for name in {**before, **found} if found.get(name) != before.get(name)]
    # until it is read again, a ticker has a fingerprint that no splits produce
    marks = {**found, **dict.fromkeys(names, _PENDING)}
    rereads = {name: found.get(name) for name in names}
    return _with_change(replace(start, market_splits=marks, rereads=rereads), names)


def _with_change(start: Start, changed: Sequence[str]) -> Start:
    if not changed:
        return start
    text = (
        f"The splits of {name_list(changed)} have changed since the last sync: their history is read again."
    )
    return replace(
        start, notes=(*start.notes, Note(warn=True, text=text)), replaced=True, again=tuple(changed)
    )


def _moved(start: Start, mark: _Mark | None) -> Start:
    """Apply the later ``since`` of `Start.moves`, with new fingerprints.

    If the entry has fingerprints and the splits are unknown, a later sync does this.
    """
    entries = dict(start.entries)
    market_splits, rereads = start.market_splits, start.rereads
    for name, since in start.moves.items():
        entry = entries[name]
        if mark is not None:
            entries[name] = replace(entry, since=since, splits=mark(name, since, date.max))
        elif entry.splits is None and not market_splits:
            entries[name] = replace(entry, since=since)
        if mark is not None and name == WHOLE_MARKET:
            found = {one: mark(one, since, date.max) for one in market_splits}
            rereads = {one: found[one] for one in rereads}
            found |= dict.fromkeys(rereads, _PENDING)
            market_splits = {one: made for one, made in found.items() if made is not None}
    return replace(start, entries=entries, market_splits=market_splits, rereads=rereads, moves={})


def _found(saved: SavedState, name: str) -> Entry | None:
    entry = saved.entries.get(name)
    if entry is None and WHOLE_MARKET in saved.entries:
        # from the whole market to named tickers: these count as covered
        entry = replace(saved.entries[WHOLE_MARKET], splits=saved.market_splits.get(name))
    return entry


def _basis_words(basis: Basis) -> str:
    kind = "split-adjusted" if basis.adjusted else "unadjusted"
    return f"{kind} bars of {basis.bar}{' with OTC stocks' if basis.otc else ''}"


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
        self.start = follow_splits(self.start, splits, today=today, settled=settled)
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
