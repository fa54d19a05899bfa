"""A sync: reads every selected stream, from its state to its last state.

Theory of operation
-------------------
1. The days of the sync are taken from the clock once: the last day to request, and the last settled
   day. The states of all streams are parsed before the first call.
2. Each stream writes STARTED. If its state is no longer valid (`start.begin`), the new state is written
   before the first record that is read again.
3. Streams of the same bar size share their calls: `stock_prices` and `stock_bars` of one day. A
   `BarsSync` plans and makes the calls of each such family.
4. Each stream ends once: COMPLETE, or an ERROR for each cause and INCOMPLETE. When a signal, a wrong
   key or an outage ends the sync early, every stream still writes its last state.

A heartbeat writes states that are due, even when no answer arrives.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, datetime
from functools import partial

import anyio

from stockticker_async.clock import Clock
from stockticker_async.errors import ConnectorError, TransientError, UnforeseenError, causes
from stockticker_async.marketdata.allowance_wait import OnWait
from stockticker_async.marketdata.bar_size import ONE_DAY
from stockticker_async.marketdata.client import Client
from stockticker_async.marketdata.endpoints import MARKET_ROWS
from stockticker_async.sync.call_plan import CallPlan, minutes_under, weekdays_in
from stockticker_async.sync.failures import errors_by_cause
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.prepare import PreparedStream, bar_streams_of, by_bar_size, row_streams_of
from stockticker_async.sync.progress import SyncProgress
from stockticker_async.sync.readers.bars import BarsSync
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.sink import Sink
from stockticker_async.sync.split_changes import follow_splits, leave_whole_market
from stockticker_async.sync.windows import BarStream, Days, first_days

_log = logging.getLogger(__name__)

_HEARTBEAT = 60.0
_MARKET_MINUTES = 1_750_000  # 1.5 to 2 million rows a flat file
_SESSION_BARS = {"second": 10_000, "minute": 600, "hour": 14}  # a guess, for estimates only

Reach = Callable[[OnWait], AbstractAsyncContextManager[Client]]
"""Gives a sync its client, for the body of a statement: one of its own, or one that others use, too."""


async def run(
    job: SyncJob,
    reach: Reach,
    streams: Sequence[PreparedStream],
    days: Days,
    *,
    clock: Clock,
    progress: SyncProgress,
) -> bool:
    """Read the prepared streams. Returns whether all of them ended without an error."""
    sinks = [stream.sink for stream in streams]
    started: list[Sink] = []
    try:
        for sink in sinks:
            await sink.start()
            started.append(sink)
        async with _heartbeat(clock, sinks):
            await _sync(job, reach, streams, days, progress=progress)
    except BaseException:
        with anyio.CancelScope(shield=True):
            for sink in started:
                await sink.fail([])
        raise
    return not any(sink.failed for sink in sinks)


async def _sync(
    job: SyncJob,
    reach: Reach,
    streams: Sequence[PreparedStream],
    days: Days,
    *,
    progress: SyncProgress,
) -> None:
    """Read the bar streams, then the row streams. All streams have ended when this returns."""
    sinks = [stream.sink for stream in streams]
    try:
        async with reach(_waiting(sinks)) as client:
            try:
                await _read_all(client, job, streams, days, progress)
            finally:
                _log.info("Calls made, with those for splits: %d.", client.calls)
    except ConnectorError as error:
        await _end(sinks, [error])


async def _read_all(
    client: Client, job: SyncJob, streams: Sequence[PreparedStream], days: Days, progress: SyncProgress
) -> None:
    progress.calls_made = lambda: client.calls
    await leave_whole_market(client, job, bar_streams_of(streams))
    await follow_splits(client, job, streams, days)
    for bar, family in by_bar_size(streams).items():
        sync = BarsSync(client, job, bar, family, days)
        await _read_family(sync, family, job, days, allowance=client.allowance, progress=progress)
    for row_stream in row_streams_of(streams):
        await _read_row_stream(client, job, row_stream, days)


async def _read_row_stream(client: Client, job: SyncJob, row_stream: RowStream, days: Days) -> None:
    """Read a row stream and end it. Raises an error that would also end the other streams."""
    # a sync of bars needs none of the readers of rows
    from stockticker_async.sync.readers.rows import read_row_stream  # noqa: PLC0415

    try:
        await read_row_stream(client, job, row_stream, days)
    except Exception as error:  # noqa: BLE001 - a bug ends only this stream
        ending = of_stream(error)
        await _end([row_stream.sink], [*errors_by_cause(row_stream.failures), ending])
        _raise_lasting(ending)
    else:
        await _end([row_stream.sink], errors_by_cause(row_stream.failures))


async def _read_family(
    sync: BarsSync,
    family: Sequence[BarStream],
    job: SyncJob,
    days: Days,
    *,
    allowance: int | None,
    progress: SyncProgress,
) -> None:
    """Read the streams of a family and end them. Raises an error that would also end the other streams."""
    sinks = [stream.sink for stream in family]
    try:
        call_plan = sync.plan(allowance)
        _log_call_plan(call_plan, allowance)
        progress.calls_planned = progress.calls_made() + call_plan.calls
        progress.tickers = 0 if job.whole_market else len(first_days(family))
        progress.tickers_done = partial(_tickers_done, family, min(days.last, days.settled))
        for stream in family:
            rows = _expected_rows(stream, job, days)
            await stream.sink.estimate(rows=rows)
        await sync.run(call_plan)
    except Exception as error:  # noqa: BLE001 - a bug ends only these streams
        ending = of_stream(error)
        await _end(sinks, [*errors_by_cause(sync.failures), ending])
        _raise_lasting(ending)
    else:
        await _end(sinks, errors_by_cause(sync.failures))


def _tickers_done(family: Sequence[BarStream], through: date) -> int:
    """Return the number of tickers covered up to ``through`` in the stream that is furthest behind."""
    return min(stream.cursors.count_covered(through) for stream in family)


def of_stream(error: Exception) -> ConnectorError:
    """Return the error as a `ConnectorError`. Raises it after a MemoryError, which ends the program."""
    if isinstance(error, ConnectorError):
        return error
    if any(isinstance(cause, MemoryError) for cause in causes(error)):
        raise error
    return UnforeseenError(error)


def _raise_lasting(error: ConnectorError) -> None:
    """Raise the error, unless it may concern this endpoint only, as an outage: the next stream will show."""
    if not isinstance(error, TransientError | UnforeseenError):
        raise error


def _expected_rows(stream: BarStream, job: SyncJob, days: Days) -> int:
    sessions = sum(weekdays_in(first, days.last) for first in stream.first_days.values())
    if job.whole_market:
        return sessions * (MARKET_ROWS if stream.bar == ONE_DAY else _MARKET_MINUTES)
    return sessions * _SESSION_BARS.get(stream.bar.timespan, 1)


def _log_call_plan(call_plan: CallPlan, allowance: int | None) -> None:
    minutes = minutes_under(call_plan.calls, allowance)
    under = f", {minutes} min under the allowance" if minutes else ""
    whole = len(call_plan.grouped) + call_plan.listed_files
    _log.info("Calls planned: %d, of them %d for whole sessions%s.", call_plan.calls, whole, under)
    if call_plan.files:
        _log.info("Flat files planned: %d, where they are published.", len(call_plan.files))


def _waiting(sinks: Sequence[Sink]) -> OnWait:
    async def tell(until: datetime) -> None:
        for sink in sinks:
            await sink.waits(until)

    return tell


@asynccontextmanager
async def _heartbeat(clock: Clock, sinks: Sequence[Sink]) -> AsyncIterator[None]:
    """Write states that are due while no answer arrives."""

    async def beat() -> None:
        while True:
            await clock.sleep(_HEARTBEAT)
            for sink in sinks:
                await sink.state_due()

    failed: list[ConnectorError] = []
    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        try:
            yield
        except ConnectorError as error:
            failed.append(error)  # raised below, because the task group would wrap it
        group.cancel_scope.cancel()
    for one in failed:
        raise one


async def _end(sinks: Sequence[Sink], errors: Sequence[ConnectorError]) -> None:
    """End the streams that have not ended yet: COMPLETE without errors, else INCOMPLETE."""
    for sink in sinks:
        if errors:
            await sink.fail(errors)
        else:
            await sink.complete()
