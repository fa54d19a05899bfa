"""Reads a partition in a task: an event loop in a thread of its own, and batches for the thread of Spark.

The engine puts batches on a channel, which bounds how far it is ahead. When Spark takes no more (an error, or
enough rows), the engine is cancelled. Failures are raised at the end, after all rows that could be read: the
task then fails, and Spark drops its rows.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import anyio.to_thread
import pyarrow as pa
from anyio.from_thread import start_blocking_portal
from pyspark import TaskContext

from stockticker_async.clock import Clock
from stockticker_async.errors import ConnectorError
from stockticker_async.library import row_columns
from stockticker_async.library.arrow_schemas import schema_of
from stockticker_async.library.batch_sink import BatchSink
from stockticker_async.library.channel import MOST_BYTES, Channel
from stockticker_async.marketdata.client import open_client
from stockticker_async.marketdata.settings import Settings
from stockticker_async.spark import task_log
from stockticker_async.spark.keys import with_keys
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.partition import SlicePartition
from stockticker_async.spark.rows import for_spark
from stockticker_async.streams.table import Bars, Stream
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.sink import StateSource
from stockticker_async.sync.slice_run import run_slice
from stockticker_async.sync.slices import SyncSlice

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Reading:
    """One slice, and what was done."""

    stream: Stream
    some: SyncSlice
    seen: date | None
    settings: Settings
    clock: Clock
    channel: Channel = field(default_factory=lambda: Channel(MOST_BYTES))
    calls: int = 0
    failures: list[ConnectorError] = field(default_factory=list)

    async def run(self) -> None:
        """Read the slice into the channel, which is closed in any case."""
        sinks: list[BatchSink] = []

        def open_sink(stream: Stream, vouched: StateSource) -> BatchSink:
            sinks.append(BatchSink(stream, vouched, self.channel))
            return sinks[0]

        try:
            if not isinstance(self.stream.source, Bars):
                await anyio.to_thread.run_sync(row_columns.load)
            async with open_client(self.settings, self.clock) as shared:
                client = shared.beside(pace=self.channel, on_wait=None)
                try:
                    await run_slice(client, self.stream, self.some, open_sink, seen=self.seen)
                finally:
                    self.calls = client.calls
            self.failures += sinks[0].failures
        except ConnectorError as error:
            self.failures.append(error)
        except Exception as error:  # noqa: BLE001 - raised by the task, without the variables
            _log.exception("An unexpected error. Please report it.")
            self.failures.append(ConnectorError(f"An unexpected error, {type(error).__name__}: see the log."))
        finally:
            self.channel.close()


def batches(
    options: ReadOptions, partition: SlicePartition, make_clock: Callable[[], Clock], *, skip: bool
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a partition. Raises a `ConnectorError` that names what failed.

    ``skip``: failures of single tickers are logged instead.
    """
    task_log.begin()
    if partition.some is None:
        return
    context = TaskContext.get()
    attempt = 0 if context is None else context.attemptNumber()
    where = "" if context is None else f"Partition {context.partitionId()}, attempt {attempt}: "
    own = options.settings
    if partition.share is not None:
        own = partition.share.of(own, again=attempt > 0)
    reading = _Reading(options.stream, partition.some, partition.seen, with_keys(own, options), make_clock())
    rows = 0
    for batch in _batches(reading):
        rows += batch.num_rows
        yield batch
    files = f" {len(partition.some.files)} flat files," if partition.some.files else ""
    _log.info("%s%s: %d calls,%s %d rows.", where, options.stream_name, reading.calls, files, rows)
    failures = reading.failures
    if skip and all(error.tickers and WHOLE_MARKET not in error.tickers for error in failures):
        for error in failures:
            _log.warning("%sLeft out: %s", where, error.message)
    elif failures:
        # a new error: the variables and causes of the first one hold what Spark must not show
        raise _joined(failures)


def _joined(failures: list[ConnectorError]) -> ConnectorError:
    error = type(failures[0])(" ".join(one.message for one in failures))
    error.tickers = tuple(name for one in failures for name in one.tickers)
    return error


def _batches(reading: _Reading) -> Iterator[pa.RecordBatch]:
    schema_of(reading.stream)  # reads a file, for which the loop must not wait
    with start_blocking_portal() as portal:
        running = portal.start_task_soon(reading.run)
        try:
            while (batch := portal.call(reading.channel.take)) is not None:
                yield for_spark(reading.stream, batch)
        finally:
            running.cancel()
