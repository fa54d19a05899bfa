"""Finds the latest offset on the driver, and the slices between two offsets.

An offset passes only sessions that are over and published: some stock has a bar of it, or of a later one. One
call for a whole session shows that; for flat files, see `stream_files`. The splits are compared once a day,
as in every sync.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from stockticker_async.clock import Clock
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.client import Client, open_client
from stockticker_async.marketdata.grouped import grouped_bars
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.offset import (
    Increment,
    Offset,
    advanced,
    increment,
    last_session,
    missing_sessions,
)
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.plan_steps import may_have_files, open_sink, slices_by_calls
from stockticker_async.spark.stream_files import next_offset, slices_with_files, waits_for_files
from stockticker_async.streams.table import STOCK_BARS, Bars, Listed
from stockticker_async.sync.file_marks import MISSED_FOR
from stockticker_async.sync.job import WHOLE_MARKET, SelectedStream, SyncJob
from stockticker_async.sync.prepare import PreparedStream, days_of, prepare
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.slices import SyncSlice
from stockticker_async.sync.split_changes import follow_splits
from stockticker_async.sync.windows import BarStream

_MOST_LOOKS = 10
"""Sessions that are looked at, the last one first: more are not held back by any plan."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest offset."""

    offset: Offset
    is_complete: bool
    """Whether nothing more can come today."""
    calls: int
    """The calls that the driver has made."""


async def latest(options: ReadOptions, settings: Settings, clock: Clock, start: Offset) -> Latest:
    """Return the offset of all that is over and published. Raises `ConnectorError`."""
    job, stream = options.job, options.stream
    days = days_of(clock, job)
    prepared = prepare(open_sink, job, SelectedStream(stream, incremental=True), start or None, days)
    if prepared.cursors is None:
        raise ConfigError(f"The stream {stream.name} has no cursor: use read in place of readStream.")
    before, last = last_session(stream, start), min(days.settled, days.last)
    async with open_client(settings, clock) as client:
        await follow_splits(client, job, [prepared], days)
        if isinstance(stream.source, Listed):
            found: date | None = last
        else:
            found = await _published(client, job, before, last)
        through = max((day for day in (before, found) if day is not None), default=None)
        if waits_for_files(options) and through is not None:
            offset = await next_offset(client, options, start, days, through)
            through = last_session(stream, offset)
        else:
            offset = advanced(prepared.cursors, through)
    reached = through or last - calendar.DAY * (2 * _MOST_LOOKS)
    is_missing = any(day >= days.today - MISSED_FOR for day in missing_sessions(stream, offset))
    is_complete = not (is_missing or calendar.holds_session(reached + calendar.DAY, last))
    return Latest(start if offset == start else offset, is_complete, client.calls)


async def _published(client: Client, job: SyncJob, before: date | None, last: date) -> date | None:
    """Return the last session up to ``last`` that is published; None if none is after ``before``."""
    first = last - calendar.DAY * (2 * _MOST_LOOKS) if before is None else before + calendar.DAY
    if not calendar.holds_session(first, last):
        return None
    for day in islice(reversed(calendar.weekdays(first, last)), _MOST_LOOKS):
        found = await grouped_bars(client, day, adjusted=job.adjusted, otc=True, wanted=None)
        if not isinstance(found, Refusal):
            if found.value:
                return day
        elif found.why is RefusalReason.ENDPOINT:
            raise ConfigError(
                "The plan of this key does not include the bars of whole sessions, which show a streaming "
                "query that a session is published. Use read, or change the plan.",
                detail=found.text,
            )
    return None


async def slices_between(
    options: ReadOptions, settings: Settings, clock: Clock, start: Offset, end: Offset
) -> tuple[Sequence[SyncSlice], date | None]:
    """Return the slices of a micro-batch, and its last session. Raises a `ConnectorError`."""
    found = increment(options.stream, options.job, start, end)
    if found is None:
        return (), None
    prepared = _prepared(options, found)
    prepared.begin(found.days, None)
    if isinstance(prepared, BarStream) and WHOLE_MARKET in prepared.first_days:
        # each row once: later sessions have the bars of all tickers
        prepared.rereads_last = prepared.first_days[WHOLE_MARKET] - calendar.DAY
    if isinstance(prepared, BarStream) and may_have_files(options):
        async with open_client(settings, clock) as client:
            return await slices_with_files(client, options, found, prepared), found.days.last
    return slices_by_calls(prepared, options, found.job, found.days), found.days.last


def _prepared(options: ReadOptions, found: Increment) -> PreparedStream:
    stream = options.stream
    sink = open_sink(stream, found.cursors)
    match stream.source:
        case Bars():
            bar = found.job.bar if stream is STOCK_BARS else ONE_DAY
            lookback = found.job.lookback_days if options.lookback_is_set else 0
            return BarStream(sink, found.cursors, bar, lookback)
        case Listed(lookback_days=lookback, sparse=sparse):
            return RowStream(stream, sink, found.job.names, found.cursors, lookback, sparse=sparse)
    return RowStream(stream, sink, found.job.names, found.cursors)
