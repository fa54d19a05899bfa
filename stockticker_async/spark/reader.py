"""The batch reader: the driver plans and narrows, the executors read."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import cast

import anyio
import pyarrow as pa
from pyspark.sql.datasource import DataSourceReader, Filter, InputPartition

from stockticker_async.clock import Clock
from stockticker_async.marketdata.calendar import new_york_date
from stockticker_async.spark import task, task_log
from stockticker_async.spark.filters import condition_of
from stockticker_async.spark.keys import with_keys
from stockticker_async.spark.options import ReadOptions
from stockticker_async.spark.partition import SlicePartition, partitions_of
from stockticker_async.spark.plan_steps import may_have_files
from stockticker_async.spark.planning import plan
from stockticker_async.spark.push_down import Condition, Narrowed, narrowed

_PUSHING_WORKER = "pyspark.sql.worker.data_source_pushdown_filters"
"""The module of the process in which Spark pushes filters."""


class StockTickerReader(DataSourceReader):
    """Reads one stream. It is pickled, and holds no key."""

    def __init__(self, options: ReadOptions, make_clock: Callable[[], Clock]) -> None:
        self._options = options
        self._make_clock = make_clock
        self._conditions: tuple[Condition, ...] = ()

    def partitions(self) -> list[SlicePartition]:
        """Plan on the driver. Raises `ConnectorError`."""
        task_log.begin()
        options, clock = self._options, self._make_clock()
        for warning in options.warnings:
            task_log.LOGGER.warning(warning)
        some = self._narrowed(clock)
        settings = with_keys(options.settings, options)
        planned = anyio.run(plan, options, settings, some, clock)
        found = partitions_of(planned.slices, options.settings, spent=planned.calls)
        files = sum(len(one.files) for one in planned.slices)
        task_log.LOGGER.info(
            "%s: %d partitions%s; the driver made %d calls.",
            options.stream_name,
            len(found),
            f", {files} flat files" if files else "",
            planned.calls,
        )
        return found or [SlicePartition(None)]  # Spark would make one of its own

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        some = cast("SlicePartition", partition)
        return task.batches(self._options, some, self._make_clock, skip=self._options.on_error == "skip")

    def _narrowed(self, clock: Clock) -> Narrowed:
        options, today = self._options, new_york_date(clock.utc_now())
        files = may_have_files(options)
        return narrowed(options.stream, options.job, self._conditions, today=today, files=files)


class FilteringReader(StockTickerReader):
    """Takes filters, too. Spark refuses a reader that takes filters unless they are enabled."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802 - Spark's name
        """Narrow the plan. Returns the filters that Spark has to evaluate."""
        found = [(place, one) for place, filter_ in enumerate(filters) if (one := condition_of(filter_))]
        self._conditions = tuple(condition for _, condition in found)
        exact = self._narrowed(self._make_clock()).exact
        answered = {place for n, (place, _) in enumerate(found) if n in exact}
        return [filter_ for place, filter_ in enumerate(filters) if place not in answered]


def reader_of(options: ReadOptions, make_clock: Callable[[], Clock]) -> StockTickerReader:
    """The reader for this process: `spark.sql.python.filterPushdown.enabled` decides which Spark starts."""
    kind = FilteringReader if _PUSHING_WORKER in sys.modules else StockTickerReader
    return kind(options, make_clock)
