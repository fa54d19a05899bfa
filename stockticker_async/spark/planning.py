"""Plans a read on the driver: the planner's calls and files, cut into slices, for a handful of calls.

The driver compares the splits where prices depend on them, and lists the bucket of flat files where the plan
has files. It reads no row.
"""

import logging
from dataclasses import dataclass, replace

from stockticker_async.clock import Clock
from stockticker_async.library.batch_sink import BatchSink
from stockticker_async.library.channel import Channel
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.client import Client, open_client
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark.allowance_parts import most_calling, most_partitions
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.push_down import Narrowed
from stockticker_async.streams.table import STOCK_BARS, Bars, Stream
from stockticker_async.sync.bar_slices import Parts, bar_slices
from stockticker_async.sync.call_plan import CallPlan
from stockticker_async.sync.job import WHOLE_MARKET, SelectedStream, SyncJob
from stockticker_async.sync.narrowed_plan import narrowed_plan
from stockticker_async.sync.prepare import PreparedStream, days_of, is_adjusted, prepare
from stockticker_async.sync.readers.bars import BarsSync
from stockticker_async.sync.readers.file_calls import day_list, halves
from stockticker_async.sync.readers.slices import SessionCalls, calls_of
from stockticker_async.sync.sink import StateSource
from stockticker_async.sync.slices import SyncSlice, slices_of
from stockticker_async.sync.split_changes import follow_splits
from stockticker_async.sync.windows import BarStream, Days, may_read_files, shared_call_plan

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


def may_have_files(options: ReadOptions) -> bool:
    """Whether the planner may choose flat files."""
    source = options.stream.source
    if not isinstance(source, Bars):
        return False
    bar = options.job.bar if options.stream is STOCK_BARS else ONE_DAY
    allowance, prices_only = options.settings.requests_per_minute, source.rows == "prices"
    return may_read_files(options.job, bar, allowance=allowance, prices_only=prices_only)


async def plan(options: ReadOptions, settings: Settings, some: Narrowed, clock: Clock) -> Planned:
    """Plan a read from its start date on. Raises `ConnectorError`.

    For adjusted prices, the splits are read, as in every sync. So a wrong key fails here, and once.
    """
    if some.empty:
        return Planned([], 0)
    if may_have_files(options):
        whole = _whole_plan(options, days_of(clock, options.job))
        if whole.calls.files:
            async with open_client(settings, clock) as client:
                return Planned(await _with_files(client, options, whole, some), client.calls)
    # a part of what is read without files is read without files, too
    job = replace(some.job, flat_files=False)
    days = days_of(clock, job)
    prepared = _prepared(options.stream, job, days)
    calls = 0
    if job.adjusted and is_adjusted(prepared) and not some.by_name:
        async with open_client(settings, clock) as client:
            await follow_splits(client, job, [prepared], days)
            calls = client.calls
    else:
        begin(prepared, job, days)
    if isinstance(prepared, BarStream) and some.by_name:
        _read_by_name(prepared, some.by_name, days)
    return Planned(slices_by_calls(prepared, options, job, days), calls)


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


def planned_calls(stream: BarStream, options: ReadOptions, job: SyncJob, days: Days) -> CallPlan:
    """Return the calls and files for a stream that has begun."""
    allowance = options.settings.requests_per_minute
    return shared_call_plan(job, stream.bar, [stream], days, allowance=allowance)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A read of bars that no condition narrows."""

    stream: BarStream
    days: Days
    calls: CallPlan


def _whole_plan(options: ReadOptions, days: Days) -> _Whole:
    prepared = _prepared(options.stream, options.job, days)
    begin(prepared, options.job, days)
    assert isinstance(prepared, BarStream)  # noqa: S101 - flat files have bars
    return _Whole(prepared, days, planned_calls(prepared, options, options.job, days))


async def _with_files(client: Client, options: ReadOptions, whole: _Whole, some: Narrowed) -> list[SyncSlice]:
    """Narrow the plan of the whole read, list the bucket if files are left, and return the slices.

    A plan of its own for the narrowed read might have rows of calls in place of rows of files.
    """
    job, days = options.job, whole.days
    names = None if job.whole_market else frozenset(some.job.tickers)
    first = some.job.start_date or min(whole.stream.first_days.values(), default=days.last)
    call_plan = narrowed_plan(whole.calls, names, first, some.job.end_date or days.last)
    calls = await BarsSync(client, job, whole.stream.bar, [whole.stream], days).sessions(call_plan)
    if job.whole_market:
        _warn_of_halves(options.stream_name, calls)
    return bar_slices(whole.stream, call_plan, calls, job=job, days=days, parts=parts_of(options))


def parts_of(options: ReadOptions) -> Parts:
    """Return into how many slices the calls and files of a read are cut."""
    settings = options.settings
    return Parts(
        most_partitions(settings, options.partitions),
        rationed=settings.requests_per_minute is not None,
        most_calling=most_calling(settings, at_once_is_set=options.at_once_is_set),
    )


def _warn_of_halves(name: str, calls: SessionCalls) -> None:
    """Compare files beside each other, which different tasks read: by their bytes."""
    sizes = {file.session: file.size_bytes for _, file in calls.sessions if file is not None}
    if days := halves(sizes):
        _log.warning(
            "%s: the flat file of %s has less than half of the bytes of the file beside it.",
            name,
            day_list(days),
        )


def _prepared(stream: Stream, job: SyncJob, days: Days) -> PreparedStream:
    return prepare(open_sink, job, SelectedStream(stream, incremental=False), None, days)


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
