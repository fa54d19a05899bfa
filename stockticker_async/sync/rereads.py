"""Finds the tickers whose history is read again, because their splits differ from those of the state."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from stockticker_async.marketdata.calendar import DAY, sessions_back
from stockticker_async.marketdata.splits import Split
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.fingerprint import Reread, fingerprint, moved, renewed, unconfirmed
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.start import Note, Start
from stockticker_async.sync.state_format import Entry

_PENDING = "0"
"""The fingerprint of a whole-market ticker while it is read again. No hash is this short."""


def after_splits(
    start: Start, splits: Sequence[Split] | None, *, today: date, settled: date, confirm: bool = True
) -> Start:
    """Return the start, in which tickers whose splits differ from the state begin again.

    ``splits`` are the splits of all tickers since the earliest ``since``; None if prices are not adjusted or
    the splits cannot be read: then the fingerprints do not change. ``confirm``: a history that was read for
    new splits is read once more on a later day.
    """
    if splits is None:
        return _moved(start, None)
    marks = _Marks(splits, today, settled, confirm=confirm)
    if WHOLE_MARKET in start.entries:
        return _moved(_follow_market(start, marks), marks)
    why: dict[str, Reread] = {}
    entries = {}
    for name, entry in start.entries.items():
        before = entry.splits
        if entry.cursor is None:
            entries[name] = replace(entry, splits=marks.first(name, entry))
            continue
        if start.foreign:
            before = marks.found(name, entry.since, entry.cursor)
        mark, reason = marks.renewed(name, entry.since, before)
        if reason is not None:
            why[name] = reason
        entries[name] = replace(entry, cursor=None if reason else entry.cursor, splits=mark)
    return _moved(_with_rereads(replace(start, entries=entries), why), marks)


class _Marks:
    """The marks of tickers by the splits of today."""

    def __init__(self, splits: Sequence[Split], today: date, settled: date, *, confirm: bool) -> None:
        self._today, self._settled = today, settled
        self._confirm = confirm
        self._by_ticker: dict[str, list[Split]] = {}
        for split in splits:
            self._by_ticker.setdefault(split.ticker, []).append(split)

    @property
    def tickers(self) -> Iterable[str]:
        return self._by_ticker

    def found(self, name: str, since: date, until: date = date.max) -> str | None:
        """Return the fingerprint of a ticker's splits after one day and up to another."""
        some = (split for split in self._by_ticker.get(name, ()) if split.day <= until)
        return fingerprint(some, since=since, today=self._today, settled=self._settled)

    def first(self, name: str, entry: Entry) -> str | None:
        """Return the mark of an entry without a cursor: new, or not ended by an earlier sync."""
        found = self.found(name, entry.since)
        if not self._confirm:
            return found
        if entry.splits is not None:
            mark, reason = renewed(entry.splits, found, self._today)
            return mark if reason is None else unconfirmed(found, self._today)
        latest = max(entry.since + DAY, sessions_back(self._settled, 0))
        is_fresh = any(latest <= split.day <= self._today for split in self._by_ticker.get(name, ()))
        return unconfirmed(found, self._today) if is_fresh else found

    def renewed(self, name: str, since: date, before: str | None) -> tuple[str | None, Reread | None]:
        """Return the mark of a ticker that was read before, and why it is read again."""
        found = self.found(name, since)
        mark, reason = renewed(before, found, self._today)
        return mark if self._confirm else found, reason

    def moved(self, name: str, since: date, mark: str | None) -> str | None:
        """Return a mark for another first day."""
        return moved(mark, self.found(name, since))


def _follow_market(start: Start, marks: _Marks) -> Start:
    entry = start.entries[WHOLE_MARKET]
    found = {name: made for name in marks.tickers if (made := marks.found(name, entry.since)) is not None}
    if entry.cursor is None:
        fresh = {name: marks.first(name, Entry(entry.since)) for name in found}
        return replace(start, market_splits={name: mark for name, mark in fresh.items() if mark is not None})
    before: Mapping[str, str | None] = start.market_splits
    if start.foreign:
        before = {name: marks.found(name, entry.since, entry.cursor) for name in found}
    after, why = {}, {}
    for name in {**before, **found}:
        after[name], reason = marks.renewed(name, entry.since, before.get(name))
        if reason is not None:
            why[name] = reason
    # until it is read again, a ticker has a fingerprint that no splits produce
    kept = {name: mark for name, mark in after.items() if mark is not None} | dict.fromkeys(why, _PENDING)
    rereads = {name: after[name] for name in why}
    return _with_rereads(replace(start, market_splits=kept, rereads=rereads), why)


def _with_rereads(start: Start, why: Mapping[str, Reread]) -> Start:
    if not why:
        return start
    changed = [name for name, reason in why.items() if reason is Reread.CHANGED]
    later = [name for name, reason in why.items() if reason is Reread.LATER]
    notes = [*start.notes]
    if changed:
        text = f"The splits of {name_list(changed)} have changed since the last sync"
        notes.append(Note(warn=True, text=f"{text}: their history is read again."))
    if later:
        text = (
            f"The splits of {name_list(later)} changed in an earlier sync: their history is read once more."
        )
        notes.append(Note(warn=False, text=text))
    return replace(start, notes=tuple(notes), replaced=True, again=tuple(why), changed=tuple(changed))


def _moved(start: Start, marks: _Marks | None) -> Start:
    """Apply the later ``since`` of `Start.moves`, with new fingerprints.

    If the entry has fingerprints and the splits are unknown, a later sync does this.
    """
    entries = dict(start.entries)
    market_splits, rereads = start.market_splits, start.rereads
    for name, since in start.moves.items():
        entry = entries[name]
        if marks is not None:
            entries[name] = replace(entry, since=since, splits=marks.moved(name, since, entry.splits))
        elif entry.splits is None and not market_splits:
            entries[name] = replace(entry, since=since)
        if marks is not None and name == WHOLE_MARKET:
            found = {one: marks.moved(one, since, mark) for one, mark in market_splits.items()}
            rereads = {one: marks.moved(one, since, mark) for one, mark in rereads.items()}
            found |= dict.fromkeys(rereads, _PENDING)
            market_splits = {one: made for one, made in found.items() if made is not None}
    return replace(start, entries=entries, market_splits=market_splits, rereads=rereads, moves={})
