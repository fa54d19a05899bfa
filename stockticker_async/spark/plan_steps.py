"""The steps of every plan on the driver: a stream without rows, its first days, its calls, their slices."""

from stockticker_async.library.batch_sink import BatchSink
from stockticker_async.library.channel import Channel
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.spark.allowance_parts import most_calling, most_partitions
from stockticker_async.spark.options import ReadOptions
from stockticker_async.streams.table import STOCK_BARS, Bars, Stream
from stockticker_async.sync.bar_slices import Parts, bar_slices
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import SelectedStream, SyncJob
from stockticker_async.sync.prepare import PreparedStream, prepare
from stockticker_async.sync.readers.slices import calls_of
from stockticker_async.sync.sink import StateSource
from stockticker_async.sync.slices import SyncSlice, slices_of
from stockticker_async.sync.windows import BarStream, Days, may_read_files, shared_call_plan


def open_sink(stream: Stream, vouched: StateSource) -> BatchSink:
    """A sink that nothing is put on: the driver reads no rows. Reads a file, once for each stream."""
    return BatchSink(stream, vouched, Channel(0))


def prepared_alone(stream: Stream, job: SyncJob, days: Days) -> PreparedStream:
    """Return the stream without a state."""
    return prepare(open_sink, job, SelectedStream(stream, incremental=False), None, days)


def begin(prepared: PreparedStream, job: SyncJob, days: Days) -> None:
    """Find the first days of the stream without comparing splits."""
    if prepared.cursors is not None:
        prepared.cursors.follow(None, today=days.today, settled=days.settled)
    prepared.begin(days, job.end_date)


def may_have_files(options: ReadOptions) -> bool:
    """Whether the planner may choose flat files."""
    source = options.stream.source
    if not isinstance(source, Bars):
        return False
    bar = options.job.bar if options.stream is STOCK_BARS else ONE_DAY
    allowance, prices_only = options.settings.requests_per_minute, source.rows == "prices"
    return may_read_files(options.job, bar, allowance=allowance, prices_only=prices_only)


def planned_calls(stream: BarStream, options: ReadOptions, job: SyncJob, days: Days) -> CallPlan:
    """Return the calls and files for a stream that has begun."""
    allowance = options.settings.requests_per_minute
    return shared_call_plan(job, stream.bar, [stream], days, allowance=allowance)


def parts_of(options: ReadOptions) -> Parts:
    """Return into how many slices the calls and files of a read are cut."""
    settings = options.settings
    return Parts(
        most_partitions(settings, options.partitions),
        rationed=settings.requests_per_minute is not None,
        most_calling=most_calling(settings, at_once_is_set=options.at_once_is_set),
    )


def slices_by_calls(
    prepared: PreparedStream, options: ReadOptions, job: SyncJob, days: Days
) -> list[SyncSlice]:
    """Return the slices of a stream that has begun, and has no flat files. Raises `ConfigError`."""
    parts = parts_of(options)
    if not isinstance(prepared, BarStream):
        return slices_of(prepared, job, days, most=parts.most)
    call_plan = planned_calls(prepared, options, job, days)
    calls = calls_of(call_plan, days.last)
    return bar_slices(prepared, call_plan, calls, job=job, days=days, parts=parts)
