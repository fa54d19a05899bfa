"""Where a sync begins: its days, and each stream with its state.

The days are taken from the clock once: the last day to request, and the last settled day. The states of all
streams are parsed before the first call.
"""

from collections.abc import Sequence
from typing import Any

from stockticker_async.clock import Clock
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import ONE_DAY, BarSize, counts_days
from stockticker_async.streams.table import STOCK_BARS, Bars, Listed, Stream
from stockticker_async.sync import state_format
from stockticker_async.sync.job import DEFAULT_DAYS, SelectedStream, SyncJob
from stockticker_async.sync.row_stream import NoCursor, RowStream
from stockticker_async.sync.sink import OpenSink
from stockticker_async.sync.start import begin
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.windows import BarStream, Days

PreparedStream = BarStream | RowStream


def days_of(clock: Clock, job: SyncJob) -> Days:
    """Return the days of a sync that begins now."""
    now = clock.utc_now()
    last = calendar.last_askable(now)
    return Days(
        last=last if job.end_date is None else min(last, job.end_date),
        settled=calendar.last_settled(now),
        today=calendar.new_york_date(now),
    )


def prepare(open_sink: OpenSink, job: SyncJob, one: SelectedStream, blob: Any, days: Days) -> PreparedStream:
    """Return the stream, ready to begin from its state. Raises `ConfigError` for an unreadable state."""
    stream = one.stream
    if not stream.cursor:
        return RowStream(stream, open_sink(stream, NoCursor()), job.names)
    cursors = _cursors(job, stream, blob, days)
    sink = open_sink(stream, cursors)
    match stream.source:
        case Bars():
            lookback = job.lookback_days if one.incremental else 0
            return BarStream(sink, cursors, _bar(job, stream), lookback)
        case Listed(lookback_days=lookback, sparse=sparse):
            lookback = lookback if one.incremental else 0
            return RowStream(stream, sink, job.names, cursors, lookback, sparse=sparse)
    return RowStream(stream, sink, job.names, cursors)


def _cursors(job: SyncJob, stream: Stream, blob: Any, days: Days) -> StreamCursors:
    whole = job.whole_market
    basis = state_format.Basis()
    if not isinstance(stream.source, Listed):
        basis = state_format.Basis(job.adjusted, str(_bar(job, stream)), otc=whole and job.include_otc)
    start = begin(
        state_format.read(stream, blob),
        names=job.names,
        basis=basis,
        start=job.start_date,
        default_start=days.today - DEFAULT_DAYS,
        settled=days.settled,
        movable=not counts_days(_bar(job, stream)),
    )
    for entry in start.entries.values():
        if entry.cursor is None and job.end_date is not None and entry.since > job.end_date:
            raise ConfigError(
                f"end_date {job.end_date} is before the first day to read, {entry.since}: set start_date."
            )
    return StreamCursors(stream, basis, start, end=job.end_date, lookback=job.lookback_days)


def _bar(job: SyncJob, stream: Stream) -> BarSize:
    return job.bar if stream is STOCK_BARS else ONE_DAY


def bar_streams_of(streams: Sequence[PreparedStream]) -> list[BarStream]:
    return [stream for stream in streams if isinstance(stream, BarStream)]


def row_streams_of(streams: Sequence[PreparedStream]) -> list[RowStream]:
    return [stream for stream in streams if isinstance(stream, RowStream)]


def by_bar_size(streams: Sequence[PreparedStream]) -> dict[BarSize, list[BarStream]]:
    """Return the bar streams, grouped by the size of their bars."""
    found: dict[BarSize, list[BarStream]] = {}
    for stream in bar_streams_of(streams):
        found.setdefault(stream.bar, []).append(stream)
    return found


def is_adjusted(stream: PreparedStream) -> bool:
    """Whether the rows of the stream are prices, which depend on splits."""
    return stream.cursors is not None and stream.cursors.basis.bar is not None
