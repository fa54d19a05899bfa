"""A sync: every selected stream, from the state that it has to the one that it ends with.

Theory of operation
-------------------
1. The days of the sync are fixed once, from the clock: the last day worth asking, and the last that
   has settled. Every stream's state is read, or refused, before anything is sent.
2. Each stream says STARTED. Where the state does not hold any more (`state.begin`), the replaced one
   is written before the first record that is read again.
3. Streams of the same bars share their calls: `stock_prices` with `stock_bars` when those are of one
   day. Each such family is planned and carried out by a `BarsSync`.
4. Each stream ends once: COMPLETE, or an ERROR for each cause and INCOMPLETE. Whatever ends the
   sync early (a signal, a wrong key, an outage) still lets every stream write its last state.

While calls are made, a heartbeat lets states out in time even when nothing arrives.
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
from stockticker_async.marketdata.client import Client
from stockticker_async.marketdata.endpoints import MARKET_ROWS
from stockticker_async.sync.call_plan import CallPlan, minutes_under, weekdays_in
from stockticker_async.sync.failures import errors_by_cause
from stockticker_async.sync.job import SyncJob
from stockticker_async.sync.prepare import PreparedStream, bar_streams_of, by_bar_size, row_streams_of
from stockticker_async.sync.progress import SyncProgress
from stockticker_async.sync.readers.bars import BarsSync
from stockticker_async.sync.readers.rows import read_row_stream
from stockticker_async.sync.row_stream import RowStream
from stockticker_async.sync.sink import Sink
from stockticker_async.sync.split_changes import follow_splits, leave_whole_market
from stockticker_async.sync.windows import BarStream, Days, first_days

_log = logging.getLogger(__name__)

_HEARTBEAT = 60.0
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
    """Read the streams that were prepared. Returns whether all of them ended well."""
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
    """Read every family of streams, then the forwarded ones; each stream has ended when this returns."""
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
    """Read a row stream, and end it. Raises what would end every other sync, too."""
    try:
        await read_row_stream(client, job, row_stream, days)
    except Exception as error:  # noqa: BLE001 - what is no error of ours ends this stream, and no other
        ending = _of_stream(error)
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
    """Read streams that share their bars, and end them. Raises what would end every other sync, too."""
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
    except Exception as error:  # noqa: BLE001 - what is no error of ours ends these streams, and no other
        ending = _of_stream(error)
        await _end(sinks, [*errors_by_cause(sync.failures), ending])
        _raise_lasting(ending)
    else:
        await _end(sinks, errors_by_cause(sync.failures))


def _tickers_done(family: Sequence[BarStream], through: date) -> int:
    """How many tickers are answered up to that day, in the stream that is the furthest behind."""
    return min(stream.cursors.count_covered(through) for stream in family)


def _of_stream(error: Exception) -> ConnectorError:
    """What ends a stream, as an error of ours. Raises it where memory ran out: that ends the program."""
    if isinstance(error, ConnectorError):
        return error
    if any(isinstance(cause, MemoryError) for cause in causes(error)):
        raise error
    return UnforeseenError(error)


def _raise_lasting(error: ConnectorError) -> None:
    """An outage may be of this endpoint alone; if it is of all, the next stream tells in seconds."""
    if not isinstance(error, TransientError | UnforeseenError):
        raise error


def _expected_rows(stream: BarStream, job: SyncJob, days: Days) -> int:
    sessions = sum(weekdays_in(first, days.last) for first in stream.first_days.values())
    if job.whole_market:
        return sessions * MARKET_ROWS
    return sessions * _SESSION_BARS.get(stream.bar.timespan, 1)


def _log_call_plan(call_plan: CallPlan, allowance: int | None) -> None:
    minutes = minutes_under(call_plan.calls, allowance)
    under = f", {minutes} min under the allowance" if minutes else ""
    _log.info(
        "Calls planned: %d, of them %d for whole sessions%s.", call_plan.calls, len(call_plan.grouped), under
    )


def _waiting(sinks: Sequence[Sink]) -> OnWait:
    async def tell(until: datetime) -> None:
        for sink in sinks:
            await sink.waits(until)

    return tell


@asynccontextmanager
async def _heartbeat(clock: Clock, sinks: Sequence[Sink]) -> AsyncIterator[None]:
    """Let states out that are due though no answer arrives."""

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
            failed.append(error)  # raised below: the group would wrap it
        group.cancel_scope.cancel()
    for one in failed:
        raise one


async def _end(sinks: Sequence[Sink], errors: Sequence[ConnectorError]) -> None:
    """End those streams that have not ended yet: COMPLETE where there is no error."""
    for sink in sinks:
        if errors:
            await sink.fail(errors)
        else:
            await sink.complete()
