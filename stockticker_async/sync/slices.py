"""Cuts the sync of one stream into slices that other processes read: plain values in, plain values out.

Theory of operation
-------------------
The calls of a stream are planned once, for the whole sync, exactly as `run` plans them. Then the planned
calls are cut, in their order, into slices of about the same number of expected rows (or of calls, where an
allowance rations them). So the calls of all slices in sum are those of one process. What one call needs of
another, it has within its slice:

- A ticker whose pieces are cut is new only in the slice with its first piece. In the other slices it is
  ``known``: it must have bars, and is not looked up again.
- Sessions are compared with the sessions of the same slice. The first session of a slice is compared with the
  second one, as the first session of a sync is.

A slice holds no client, no key and no sink. `slice_run` reads it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.calendar import DAY
from stockticker_async.marketdata.list_calls import ListCall
from stockticker_async.streams.table import Daily, Listed, Lookup
from stockticker_async.sync.call_plan import CallPlan, GroupedCall, RangeCall, weekdays_in
from stockticker_async.sync.job import WHOLE_MARKET, SyncJob
from stockticker_async.sync.prepare import PreparedStream
from stockticker_async.sync.readers.daily import sessions_of
from stockticker_async.sync.readers.listing import first_calls
from stockticker_async.sync.readers.rows import NO_NAMES, needs_names
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.windows import BarStream, Days, shared_call_plan

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


def slices_of(
    prepared: PreparedStream, job: SyncJob, days: Days, *, most: int, allowance: int | None
) -> list[SyncSlice]:
    """Return at most ``most`` slices for what the stream has to read. ``prepared`` has begun.

    Raises `ConfigError` for a stream that needs the names of its tickers, and for flat files.
    """
    if job.flat_files and isinstance(prepared, BarStream):
        raise ConfigError("Flat files are read by one process: leave flat_files out.")
    match prepared:
        case BarStream():
            plan = shared_call_plan(job, prepared.bar, [prepared], days, allowance=allowance)
            return _of_bars(prepared, plan, job, days, most=most, rationed=allowance is not None)
        case RowStream():
            return _of_rows(prepared, job, days, most=most)


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


def _of_bars(
    stream: BarStream, plan: CallPlan, job: SyncJob, days: Days, *, most: int, rationed: bool
) -> list[SyncSlice]:
    def rows(call: RangeCall | GroupedCall) -> float:
        if rationed:
            return 1.0
        if isinstance(call, GroupedCall):
            return plan.market_rows
        return max(1.0, weekdays_in(call.first, call.last) * plan.rows_per_session)

    found: list[SyncSlice] = []
    begun = {name for name, entry in stream.cursors.start.entries.items() if entry.cursor is not None}
    begun.update(stream.cursors.start.again)
    calls: list[RangeCall | GroupedCall] = [*plan.grouped, *plan.ranges]
    for part in balanced(calls, rows, most):
        grouped = tuple(call for call in part if isinstance(call, GroupedCall))
        ranges = tuple(call for call in part if isinstance(call, RangeCall))
        by_session = plan.by_session if grouped else frozenset[str]()
        named = dict.fromkeys([*sorted(by_session), *(call.ticker for call in ranges)])
        found.append(
            SyncSlice(
                stream.cursors.stream.name,
                job if job.whole_market else replace(job, tickers=tuple(named)),
                days,
                _firsts(stream, WHOLE_MARKET if job.whole_market else None, named),
                replace(plan, ranges=ranges, grouped=grouped, by_session=by_session),
                frozenset(begun.intersection([*named, WHOLE_MARKET])),
                tuple(name for name in stream.cursors.start.again if name in named),
                {name: stream.rereads[name] for name in named if name in stream.rereads},
            )
        )
        begun.update(named)
    return found


def _firsts(stream: BarStream, whole: str | None, named: Iterable[str]) -> dict[str, date | None]:
    names = [whole] if whole is not None else named
    return {name: stream.first_days[name] for name in names if name in stream.first_days}


def _of_rows(row_stream: RowStream, job: SyncJob, days: Days, *, most: int) -> list[SyncSlice]:
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
        replace(_named(whole, {name: part[0]}), days=replace(whole.days, last=end))
        for part, end in zip(parts, ends, strict=True)
    ]
