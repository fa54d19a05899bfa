"""The reader of streaming queries. The driver keeps one for a query, and asks it for offsets and partitions.

Without a pause between its triggers, a query asks for the latest offset many times a second. The API is asked
only when a new day has begun in New York, and, where a session is over and not yet published, every five
minutes.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import cast

import anyio
import pyarrow as pa
from pyspark.sql.datasource import DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadLimit, SupportsTriggerAvailableNow

from stockticker_async.clock import Clock
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.calendar import new_york_date
from stockticker_async.spark import task, task_log
from stockticker_async.spark.keys import with_keys
from stockticker_async.spark.offset import NOTHING, Offset
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.partition import SlicePartition, partitions_of
from stockticker_async.spark.stream_files import without_files_of_lists
from stockticker_async.spark.stream_planning import latest, slices_between
from stockticker_async.sync.readers.rows import NO_NAMES, needs_names

_log = logging.getLogger(__name__)
_LOOK_AGAIN = 300.0
"""Seconds between two looks for a session that is over and not published."""


class StockTickerStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Reads one stream. It is pickled, and holds no key."""

    def __init__(self, options: ReadOptions, make_clock: Callable[[], Clock]) -> None:
        """Raises `ConfigError` for what cannot be streamed."""
        _judge(options)
        self._options = without_files_of_lists(options)
        self._make_clock = make_clock
        self._clock = make_clock()
        self._once = False
        self._looked_on: date | None = None
        self._look_at = 0.0
        self._last: tuple[Offset, Offset] | None = None
        """The last question and its answer."""
        self._calls = 0
        """Of the driver, since the last batch."""
        self._batches = 0

    def initialOffset(self) -> Offset:  # noqa: N802 - Spark's name
        return NOTHING

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802 - Spark's name
        self._once = True

    def latestOffset(  # noqa: N802 - Spark's name
        self, start: Offset | None = None, limit: ReadLimit | None = None
    ) -> Offset:
        """Return ``start`` if there is nothing new. Raises `ConnectorError`."""
        del limit  # a batch has whole days
        if start is None:
            raise ConfigError("readStream needs Spark 4.2 or newer: use read.")
        if self._last is not None and self._last[0] == start:
            return self._last[1]
        today = new_york_date(self._clock.utc_now())
        if self._once and self._looked_on is not None:
            return start
        if self._looked_on == today and self._clock.monotonic() < self._look_at:
            return start
        task_log.begin()
        if self._looked_on is None:
            for warning in self._options.warnings:
                _log.warning(warning)
        settings = with_keys(self._options.settings, self._options)
        found = anyio.run(latest, self._options, settings, self._clock, start)
        self._calls += found.calls
        self._looked_on = today
        self._look_at = float("inf") if found.is_complete else self._clock.monotonic() + _LOOK_AGAIN
        self._last = None if found.offset == start else (start, found.offset)
        return found.offset

    def partitions(self, start: Offset, end: Offset) -> Sequence[SlicePartition]:
        task_log.begin()
        settings = with_keys(self._options.settings, self._options)
        slices, last = anyio.run(slices_between, self._options, settings, self._clock, start, end)
        # the calls of the batch before may be of this minute
        spent = (settings.requests_per_minute or 0) if self._batches else self._calls
        self._batches, self._calls = self._batches + 1, 0
        return partitions_of(slices, settings, spent=spent, seen=last)

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        some = cast("SlicePartition", partition)
        return task.batches(self._options, some, self._make_clock, skip=False)


def _judge(options: ReadOptions) -> None:
    stream = options.stream
    if not stream.cursor:
        raise ConfigError(f"The stream {stream.name} has no cursor: use read in place of readStream.")
    if options.on_error == "skip":
        raise ConfigError(
            "on_error=skip is for read: a streaming query would never read again what it has left out. "
            "Leave the ticker out of stock_ticker."
        )
    if needs_names(stream.source, options.job):
        raise ConfigError(f"{stream.name}: {NO_NAMES}")
