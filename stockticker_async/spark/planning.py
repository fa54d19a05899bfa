"""Plans a read on the driver: the planner's calls, cut into slices, for a handful of calls."""

import logging
from dataclasses import dataclass

from stockticker_async.clock import Clock
from stockticker_async.library.batch_sink import BatchSink
from stockticker_async.library.channel import Channel
from stockticker_async.marketdata.client import open_client
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.allowance_parts import most_partitions
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.push_down import Narrowed
from stockticker_async.streams.table import Stream
from stockticker_async.sync.job import WHOLE_MARKET, SelectedStream, SyncJob
from stockticker_async.sync.prepare import PreparedStream, days_of, is_adjusted, prepare
from stockticker_async.sync.sink import StateSource
from stockticker_async.sync.slices import SyncSlice, slices_of
from stockticker_async.sync.split_changes import follow_splits
from stockticker_async.sync.windows import BarStream, Days

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """The slices of a read."""

    slices: list[SyncSlice]
    calls: int
    """The calls that the driver has made."""


def open_sink(stream: Stream, vouched: StateSource) -> BatchSink:
    """A sink that nothing is put on: the driver reads no rows. Reads a file, once for each stream."""
    return BatchSink(stream, vouched, Channel(0))


async def plan(options: ReadOptions, settings: Settings, some: Narrowed, clock: Clock) -> Planned:
    """Plan a read from its start date on. Raises `ConnectorError`.

    For adjusted prices, the splits are read, as in every sync. So a wrong key fails here, and once.
    """
    if some.empty:
        return Planned([], 0)
    job = some.job
    days = days_of(clock, job)
    stream = SelectedStream(options.stream, incremental=False)
    prepared = prepare(open_sink, job, stream, None, days)
    calls = 0
    if job.adjusted and is_adjusted(prepared) and not some.by_name:
        async with open_client(settings, clock) as client:
            await follow_splits(client, job, [prepared], days)
            calls = client.calls
    else:
        begin(prepared, job, days)
    if isinstance(prepared, BarStream) and some.by_name:
        _read_by_name(prepared, some.by_name, days)
    allowance = settings.requests_per_minute
    most = most_partitions(settings, options.partitions)
    return Planned(slices_of(prepared, job, days, most=most, allowance=allowance), calls)


def begin(prepared: PreparedStream, job: SyncJob, days: Days) -> None:
    """Find the first days of the stream without comparing splits."""
    if prepared.cursors is not None:
        prepared.cursors.follow(None, today=days.today, settled=days.settled)
    prepared.begin(days, job.end_date)


def _read_by_name(prepared: BarStream, names: tuple[str, ...], days: Days) -> None:
    """Read tickers of the whole market as a sync reads those whose splits have changed."""
    first = prepared.first_days.pop(WHOLE_MARKET, None)
    if first is not None:
        prepared.rereads = dict.fromkeys(names, first)
        prepared.rereads_last = days.last
