"""The schemas of the streams for Spark, and batches as Spark takes them.

Spark compares the names and types of a batch with the schema, and knows no dictionaries: tickers are plain
strings there.
"""

from functools import cache

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

from stockticker_async.library.arrow_schemas import schema_of
from stockticker_async.streams.table import Stream


@cache
def spark_schema(stream: Stream) -> StructType:
    """The schema of the stream."""
    return from_arrow_schema(pa.schema([_plain(field) for field in schema_of(stream)]))


def _plain(field: pa.Field) -> pa.Field:
    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field


@cache
def arrow_schema(stream: Stream) -> pa.Schema:
    """The schema that a batch of the stream must have."""
    schema = spark_schema(stream)
    try:
        return to_arrow_schema(schema, timezone="UTC")
    except TypeError:  # in Spark 4.1 it is always UTC
        return to_arrow_schema(schema)


def for_spark(stream: Stream, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch in Spark's types."""
    schema = arrow_schema(stream)
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
