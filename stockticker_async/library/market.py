"""The asynchronous library: one client for many questions at once, each answered in record batches.

A question is a sync of one stream without a state, carried out by a task of its own within the market's task
group. It begins when the first batch is asked for, and is cancelled when its reader is done with it: at its
end, by `aclose`, when nobody holds it any more (as after a ``break``), or when the market is closed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.abc
import anyio.to_thread
import pyarrow as pa

from stockticker_async.clock import Clock
from stockticker_async.errors import ConnectorError
from stockticker_async.library import question, row_columns
from stockticker_async.library.arrow_schemas import read_all, schema_of
from stockticker_async.library.batch_sink import BatchSink
from stockticker_async.library.channel import MOST_BYTES, Channel
from stockticker_async.library.outcome import incomplete
from stockticker_async.library.question import Access, Day, FlatFileKeys, OnError, Question, Tickers
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.allowance_wait import OnWait
from stockticker_async.marketdata.client import Client, open_client
from stockticker_async.streams.table import STOCK_BARS, Bars, Stream
from stockticker_async.sync.job import SelectedStream
from stockticker_async.sync.prepare import days_of, prepare
from stockticker_async.sync.progress import SyncProgress
from stockticker_async.sync.run import run
from stockticker_async.sync.sink import StateSource

_log = logging.getLogger(__name__)


class Batches:
    """The answer to one question, batch by batch; the batches of a ticker ascend. For one reader."""

    def __init__(
        self,
        stream: Stream,
        channel: Channel,
        *,
        scope: anyio.CancelScope,
        begin: Callable[[], object],
        failures: Callable[[], tuple[ConnectorError, ...]],
        on_error: OnError,
    ) -> None:
        self.schema: pa.Schema = schema_of(stream)
        """Of every batch."""
        self.failures: tuple[ConnectorError, ...] = ()
        """Known at the end: what could not be read, an error for each cause."""
        self._channel = channel
        self._scope = scope
        self._begin = begin
        self._failures = failures
        self._on_error = on_error
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = False

    def __aiter__(self) -> "Batches":
        return self

    async def __anext__(self) -> pa.RecordBatch:
        """Raises `IncompleteError` at the end, unless failures are to be skipped."""
        if self._over:
            raise StopAsyncIteration
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._begin()
        try:
            batch = await self._channel.take()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise
        if batch is not None:
            return batch
        self._over, self.failures = True, self._failures()
        if self.failures and self._on_error == "raise":
            raise incomplete(self.failures)
        raise StopAsyncIteration

    @property
    def by_session(self) -> bool:
        """Whether the batches so far had tickers beside each other, session by session."""
        return self._channel.by_session

    async def aclose(self) -> None:
        """Nothing more is read. Once it returns, nothing that the question began is under way."""
        self._over = True
        self._scope.cancel()
        if self._loop is not None:
            await self._channel.closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()

    def __del__(self) -> None:
        # a `break` leaves nobody who could say that nothing more is wanted
        if self._loop is not None and not self._over:
            with suppress(RuntimeError):  # the loop is closed, and what ran in it has ended
                self._loop.call_soon_threadsafe(self._scope.cancel)


class Market:
    """A client of the API for any number of questions at once; made by `open`."""

    def __init__(
        self, client: Client, group: anyio.abc.TaskGroup, how: Access, *, most_bytes: int = MOST_BYTES
    ) -> None:
        self._client = client
        self._group = group
        self._how = how
        self._most_bytes = most_bytes

    def bars(
        self,
        tickers: Tickers,
        *,
        start: Day = None,
        end: Day = None,
        timespan: str = "day",
        multiplier: int = 1,
        adjusted: bool = True,
        include_otc: bool = False,
        on_error: OnError = "raise",
    ) -> Batches:
        """Bars of any size: the stream `stock_bars`. Raises `ConfigError` for what cannot be asked."""
        asked = Question(STOCK_BARS, tickers, start, end, timespan, multiplier, adjusted, include_otc)
        return self.ask(asked, on_error)

    def read(
        self,
        stream: str,
        tickers: Tickers = "*",
        *,
        start: Day = None,
        end: Day = None,
        timespan: str = "day",
        multiplier: int = 1,
        adjusted: bool = True,
        include_otc: bool = False,
        on_error: OnError = "raise",
    ) -> Batches:
        """Any stream by its name, of some tickers or of all. Raises `ConfigError`."""
        one = question.stream_named(stream)
        asked = Question(one, tickers, start, end, timespan, multiplier, adjusted, include_otc)
        return self.ask(asked, on_error)

    def ask(
        self,
        asked: Question,
        on_error: OnError = "raise",
        *,
        progress: SyncProgress | None = None,
        state: Any = None,
    ) -> Batches:
        """As `read`, of what is asked already: from a ``state`` on where one is given."""
        on_error, clock = question.judged_on_error(on_error), self._client.clock
        judged = asked.judged(self._how, today=calendar.new_york_date(clock.utc_now()))
        channel, sinks = Channel(self._most_bytes), list[BatchSink]()

        def open_sink(stream: Stream, vouched: StateSource) -> BatchSink:
            sinks.append(BatchSink(stream, vouched, channel))
            return sinks[0]

        days = days_of(clock, judged.job)
        one = SelectedStream(asked.stream, incremental=state is not None)
        reading = prepare(open_sink, judged.job, one, state, days)
        for warning in judged.warnings:
            _log.warning(warning)

        @asynccontextmanager
        async def reach(on_wait: OnWait) -> AsyncIterator[Client]:
            yield self._client.beside(pace=channel, on_wait=on_wait)

        async def sync() -> None:
            if not isinstance(asked.stream.source, Bars):
                await anyio.to_thread.run_sync(row_columns.load)
            watched = progress or SyncProgress()
            await run(judged.job, reach, [reading], days, clock=clock, progress=watched)

        scope = anyio.CancelScope()
        begin = partial(self._group.start_soon, _carried_out, sync, channel, scope)
        return Batches(
            asked.stream,
            channel,
            scope=scope,
            begin=begin,
            failures=lambda: sinks[0].failures,
            on_error=on_error,
        )


async def _carried_out(
    sync: Callable[[], Awaitable[None]], channel: Channel, scope: anyio.CancelScope
) -> None:
    """Carry out a sync whose reader hears of everything, also of what was not meant to happen."""
    fault: BaseException | None = RuntimeError("The question was closed before all of its rows were read.")
    try:
        with scope:
            try:
                await sync()
                fault = None
            except Exception as error:  # noqa: BLE001 - raised to the reader, whose error it is
                fault = error
    finally:
        channel.close(fault)


@asynccontextmanager
async def open_market(
    how: Access, clock: Clock, *, most_bytes: int = MOST_BYTES, hasty: bool = False
) -> AsyncIterator[Market]:
    """A market for the body of the statement; at its end nothing is under way. Raises `ConfigError`.

    ``most_bytes`` bounds how far each question is ahead of its reader; ``hasty`` is as in `open_client`.
    """
    settings = question.judged_access(how, today=calendar.new_york_date(clock.utc_now())).settings
    await anyio.to_thread.run_sync(read_all)
    failed: list[BaseException] = []
    async with open_client(settings, clock, hasty=hasty) as client, anyio.create_task_group() as group:
        try:
            yield Market(client, group, how, most_bytes=most_bytes)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - raised below
            failed.append(error)  # the group would wrap it
        group.cancel_scope.cancel()
    for one in failed:
        raise one


def open(  # noqa: A001 - `st.open`, as `gzip.open`
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    max_concurrent_requests: int | None = None,
    flat_files: FlatFileKeys | None = None,
) -> AbstractAsyncContextManager[Market]:
    """A market for the body of an ``async with``: one client and one allowance for all that is asked of it.

    ``flat_files`` are the keys of the flat files, as in the connector's configuration. Without a key that of
    the environment is taken. Raises `ConfigError`.
    """
    how = question.access(api_key, base_url, requests_per_minute, max_concurrent_requests, flat_files)
    return open_market(how, Clock())
