"""Cuts the sync of one stream into slices that other processes read: plain values in, plain values out.

Theory of operation
-------------------
The calls of a stream are planned once, for the whole sync, exactly as `run` plans them. Then the planned
calls are cut, in their order, into slices of about the same size: those of bars by `bar_slices`, those of
other streams here. So the calls of all slices in sum are those of one process. What one call needs of
another, it has within its slice: a ticker whose pieces are cut is new only in the slice with its first piece.
In the other slices it is ``known``: it must have bars, and is not looked up again.

A slice holds no client, no key and no sink. `slice_run` reads it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from msgspec import structs

from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.calendar import DAY
from stockticker_async.marketdata.list_calls import ListCall
from stockticker_async.marketdata.session_files import FlatFile
from stockticker_async.streams.table import Daily, Listed, Lookup
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.readers.daily import sessions_of
from stockticker_async.sync.readers.listing import first_calls
from stockticker_async.sync.readers.rows import NO_NAMES, needs_names
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.windows import Days

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SyncSlice:
    """A part of the sync of one stream."""

    stream: str
    job: SyncJob
    """With the tickers of this slice only; empty, as in every job: the whole market."""
    days: Days
    """``last`` is the last day of this slice."""
    firsts: Mapping[str, date | None]
    """The first day to write for each ticker; None if the stream has no days."""
    calls: CallPlan | tuple[ListCall, ...] | None = None
    """The planned calls. None: they follow from the tickers and days."""
    known: frozenset[str] = frozenset()
    """Tickers that must have bars: another slice or an earlier sync has read their earlier days."""
    again: tuple[str, ...] = ()
    """Tickers that are read again because their splits changed."""
    rereads: Mapping[str, date] = field(default_factory=dict)
    """Tickers of the whole market that are read by name, each with its first day."""
    files: tuple[FlatFile, ...] = ()
    """The flat files of the planned calls, ascending: they were published when the bucket was listed."""
    earliest_file: date | None = None
    """The session of the earliest file of the whole sync: where it is given, so is each later one."""
    makes_calls: bool = True
    """Whether a call of the API may be made; False for files that need none."""


def slices_of(row_stream: RowStream, job: SyncJob, days: Days, *, most: int) -> list[SyncSlice]:
    """Return at most ``most`` slices for what the stream has to read. The stream has begun.

    Raises `ConfigError` for a stream that needs the names of its tickers.
    """
    source, firsts = row_stream.stream.source, row_stream.firsts
    if not firsts:
        return []
    if needs_names(source, job):
        raise ConfigError(f"{row_stream.stream.name}: {NO_NAMES}")
    whole = SyncSlice(row_stream.stream.name, job, days, dict(firsts))
    match source:
        case Listed():
            calls = first_calls(row_stream, source.listing, job, days)
            return [replace(whole, calls=tuple(part)) for part in balanced(calls, lambda _: 1, most)]
        case Lookup():
            parts = balanced(list(firsts.items()), lambda _: 1, most)
        case Daily() if len(firsts) < most:
            each = most // len(firsts)
            return [part for name in firsts for part in _of_sessions(whole, name, each)]
        case Daily():
            parts = balanced(list(firsts.items()), lambda item: len(sessions_of(item[1], days)) or 0.1, most)
        case _:
            return [whole]
    return [_named(whole, dict(part)) for part in parts]


def _named(whole: SyncSlice, firsts: Mapping[str, date | None]) -> SyncSlice:
    return replace(whole, job=replace(whole.job, tickers=tuple(firsts)), firsts=firsts)


def _of_sessions(whole: SyncSlice, name: str, most: int) -> list[SyncSlice]:
    """The sessions of one ticker, in parts: a part ends the day before the next one begins."""
    sessions = sessions_of(whole.firsts[name], whole.days)
    parts = balanced(sessions, lambda _: 1, most)
    ends = [*(part[0] - DAY for part in parts[1:]), whole.days.last][: len(parts)]
    return [
        replace(_named(whole, {name: part[0]}), days=structs.replace(whole.days, last=end))
        for part, end in zip(parts, ends, strict=True)
    ]


def balanced(items: Sequence[T], weight: Callable[[T], float], most: int) -> list[list[T]]:
    """Cut the items, in their order, into at most ``most`` parts; none is empty.

    No part is heavier than its fair share by more than its heaviest item.
    """
    total = sum(map(weight, items))
    parts: dict[int, list[T]] = {}
    before = 0.0
    for item in items:
        middle = before + weight(item) / 2
        before += weight(item)
        parts.setdefault(min(most - 1, int(middle * most / total)), []).append(item)
    return list(parts.values())
