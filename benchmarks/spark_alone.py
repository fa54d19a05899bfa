"""A data source of Spark that makes nothing: each partition yields one batch of bars again and again.

What a read of it costs is Spark's own part of a read: the way of a batch from Python to the JVM, and of a row
to an aggregate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.types import StructType

from stockticker_async.spark.rows import arrow_schema, spark_schema
from stockticker_async.streams.table import STOCK_BARS

_BATCH_ROWS = 8000
_VALUES = {
    "stock_ticker": "TK00000",
    "timestamp": datetime(2024, 7, 1, 13, 30, tzinfo=UTC),
    "date": date(2024, 7, 1),
    "transactions": 5,
    "adjusted": True,
    "otc": False,
}
_PRICE = 1.25


@dataclass(frozen=True)
class _Rows(InputPartition):
    count: int


class _Reader(DataSourceReader):
    def __init__(self, rows: int, partitions: int) -> None:
        self._each = rows // partitions
        self._partitions = partitions

    def partitions(self) -> list[InputPartition]:
        return [_Rows(self._each) for _ in range(self._partitions)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        assert isinstance(partition, _Rows)
        schema = arrow_schema(STOCK_BARS)
        columns = [pa.array([_VALUES.get(field.name, _PRICE)] * _BATCH_ROWS, field.type) for field in schema]
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        for begin in range(0, partition.count, _BATCH_ROWS):
            yield batch.slice(0, min(_BATCH_ROWS, partition.count - begin))


class MadeBars(DataSource):
    """``format("made_bars")``, with the options ``rows`` and ``partitions``."""

    @classmethod
    def name(cls) -> str:
        return "made_bars"

    def schema(self) -> StructType:
        return spark_schema(STOCK_BARS)

    def reader(self, schema: StructType) -> DataSourceReader:
        del schema
        return _Reader(int(self.options["rows"]), int(self.options["partitions"]))
