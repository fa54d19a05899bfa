"""Finds the tickers whose history is read again, because their splits differ from those of the state."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from stockticker_async.marketdata.splits import Split
from stockticker_async.sync.failures import name_list
from stockticker_async.sync.fingerprint import fingerprint
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.start import Note, Start
from stockticker_async.sync.state_format import Entry

_PENDING = "0"
"""The fingerprint of a whole-market ticker while it is read again. No hash is this short."""
_Mark = Callable[[str, date, date], str | None]
"""Returns the fingerprint of a ticker's splits after one day and up to another."""


def after_splits(start: Start, splits: Sequence[Split] | None, *, today: date, settled: date) -> Start:
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
