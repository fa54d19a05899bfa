"""The data source: ``spark.dataSource.register(StockTickerDataSource)``, then ``format("stockticker")``.

Spark makes it from the options in a process of the driver, asks it for the schema and a reader, and pickles
the reader for the executors. The options are judged here, before anything is read.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSource
from pyspark.sql.types import StructType

from stockticker_async.clock import Clock
from stockticker_async.errors import ConfigError
from stockticker_async.marketdata.calendar import new_york_date
from stockticker_async.spark.options import ReadOptions, judged
from stockticker_async.spark.reader import StockTickerReader, reader_of
from stockticker_async.spark.rows import spark_schema

if TYPE_CHECKING:
    from stockticker_async.spark.stream_reader import StockTickerStreamReader


class StockTickerDataSource(DataSource):
    """The streams of the market data API."""

    make_clock: Callable[[], Clock] = Clock

    @classmethod
    def name(cls) -> str:
        return "stockticker"

    def schema(self) -> StructType:
        """Raises `ConfigError` for a wrong option."""
        return spark_schema(self._judged().stream)

    def reader(self, schema: StructType) -> StockTickerReader:
        return reader_of(self._judged(schema), type(self).make_clock)

    def streamReader(self, schema: StructType) -> "StockTickerStreamReader":  # noqa: N802 - Spark's name
        options = self._judged(schema)
        try:
            from stockticker_async.spark.stream_reader import StockTickerStreamReader  # noqa: PLC0415 - Spark 4.2
        except ModuleNotFoundError as error:
            if error.name != "pyspark.sql.streaming.datasource":
                raise
            raise ConfigError("readStream needs Spark 4.2 or newer: use read.") from None
        return StockTickerStreamReader(options, type(self).make_clock)

    def _judged(self, schema: StructType | None = None) -> ReadOptions:
        """Raises `ConfigError`. ``schema`` is the one that the caller of Spark wants."""
        options = judged(self.options, today=new_york_date(type(self).make_clock().utc_now()))
        if schema is not None and schema != spark_schema(options.stream):
            raise ConfigError(f"The stream {options.stream_name} has its own schema: leave schema(...) out.")
        return options
