"""The Arrow schemas of the streams, made from the JSON schemas: fields are named and typed there only.

Days are date32, moments timestamps of microseconds in UTC, numbers float64, integers int64. The tickers,
which repeat in most streams, are dictionary-encoded. A field may be null where its JSON schema says so.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from stockticker_async.streams.table import STREAMS, Stream

TICKER = "stock_ticker"
TICKERS = pa.dictionary(pa.int32(), pa.string())
MOMENT = pa.timestamp("us", "UTC")
_SCHEMAS = Path(__file__).parent.parent / "schemas"
_TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "string": pa.string()}
_FORMATS = {"date": pa.date32(), "date-time": MOMENT}


def arrow_schema(json_schema: Mapping[str, Any]) -> pa.Schema:
    """The Arrow schema of rows, from the JSON schema of an object."""
    fields = [_field(name, one) for name, one in json_schema["properties"].items()]
    return pa.schema([one.with_type(TICKERS) if one.name == TICKER else one for one in fields])


def _field(name: str, json_schema: Mapping[str, Any]) -> pa.Field:
    return pa.field(name, _type(json_schema), nullable="null" in json_schema["type"])


def _type(json_schema: Mapping[str, Any]) -> pa.DataType:
    declared = json_schema["type"]
    (kind,) = {declared} if isinstance(declared, str) else {*declared} - {"null"}
    match kind:
        case "array":
            return pa.list_(_field("item", json_schema["items"]))
        case "object":
            return pa.struct([_field(name, one) for name, one in json_schema["properties"].items()])
    return _FORMATS.get(json_schema.get("format", ""), _TYPES[kind])


@cache
def schema_of(stream: Stream) -> pa.Schema:
    """The schema of the stream's batches and tables. Reads a file of the package, once."""
    return arrow_schema(orjson.loads((_SCHEMAS / f"{stream.name}.json").read_bytes()))


def read_all() -> None:
    """Read the files of all streams, so that no event loop waits for one of them."""
    for stream in STREAMS:
        schema_of(stream)
