"""Where the sync of a stream begins: the entries that an earlier state still vouches for, and new ones.

An entry goes on, begins again (another basis, an earlier ``start_date``), or moves its first day (a later
``start_date``). Splits are compared afterwards: see `rereads`.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
from msgspec.structs import replace

from stockticker_async.marketdata.calendar import DAY
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.file_marks import FileMarks
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.state_format import (
    BareDateState,
    Basis,
    EarlierState,
    Entry,
    NoState,
    SavedState,
)


class Note(msgspec.Struct, frozen=True):
    """A log line for the user about the state that a sync starts from."""

    warn: bool
    text: str


class Start(msgspec.Struct, frozen=True):
    """Where a sync of one stream begins."""

    entries: dict[str, Entry]
    market_splits: dict[str, str] = msgspec.field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    replaced: bool = False
    """Whether an entry was replaced: then a state is written before the first record."""
    foreign: bool = False
    """Whether the cursors come from a state without fingerprints."""
    from_whole_market: Mapping[str, date] = msgspec.field(default_factory=dict)
    """Tickers covered up to a day as part of the whole market, which was read without OTC stocks."""
    moves: Mapping[str, date] = msgspec.field(default_factory=dict)
    """A later ``since`` for these tickers, which takes effect after their splits were compared."""
    again: tuple[str, ...] = ()
    """Tickers that are read again because of their splits."""
    changed: tuple[str, ...] = ()
    """Those of them whose splits changed."""
    was_read: frozenset[str] = frozenset()
    """Named tickers that an earlier sync read, even if their entries begin again."""
    rereads: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    """Whole-market tickers to read again, each with its fingerprint after the reread."""
    files: FileMarks = msgspec.field(default_factory=FileMarks)
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


def _found(saved: SavedState, name: str) -> Entry | None:
    entry = saved.entries.get(name)
    if entry is None and WHOLE_MARKET in saved.entries:
        # from the whole market to named tickers: these count as covered
        entry = replace(saved.entries[WHOLE_MARKET], splits=saved.market_splits.get(name))
    return entry


def _basis_words(basis: Basis) -> str:
    kind = "split-adjusted" if basis.adjusted else "unadjusted"
    return f"{kind} bars of {basis.bar}{' with OTC stocks' if basis.otc else ''}"
