"""A flat file with the least code: `bare_files.py URL [--arrow]`, to RECORD lines, or to Arrow.

gzip unpacks, Arrow reads the CSV, orjson is called once a batch, and what is the same in all lines is put
around as text. It judges nothing, holds the whole packed file, and keeps no state.
"""

# ruff: noqa: E402 - nothing that is imported is ever garbage
import gc

gc.disable()

import gzip
import io
import os
import sys
import urllib.request

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

_HEAD = b'{"type":"RECORD","record":{"stream":"stock_bars","data":'
_TAIL = b',"adjusted":false,"otc":false},"emitted_at":1700000000000}}\n'
_BEGIN = b'{"stock_ticker":'


def batches(url: str) -> csv.CSVStreamingReader:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - of the benchmark
        packed = answer.read()
    return csv.open_csv(
        gzip.GzipFile(fileobj=io.BytesIO(packed)),
        read_options=csv.ReadOptions(use_threads=False),
        convert_options=csv.ConvertOptions(
            column_types={"ticker": pa.string(), "volume": pa.float64(), "window_start": pa.int64()},
            strings_can_be_null=False,
        ),
    )


def lines(batch: pa.RecordBatch) -> bytes:
    moments = batch["window_start"].cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("s", "UTC"))
    count = batch.num_rows
    columns = {
        "stock_ticker": batch["ticker"],
        "timestamp": pc.strftime(moments, "%Y-%m-%dT%H:%M:%SZ"),
        "date": pa.repeat("2021-03-05", count),
        "open": batch["open"],
        "high": batch["high"],
        "low": batch["low"],
        "close": batch["close"],
        "volume": batch["volume"],
        "vwap": pa.nulls(count),
        "transactions": batch["transactions"],
    }
    text = orjson.dumps(pa.table(columns).to_pylist())
    return _HEAD + text[1:-2].replace(b"}," + _BEGIN, _TAIL + _HEAD + _BEGIN) + _TAIL


if __name__ == "__main__":
    rows = 0
    with batches(sys.argv[1]) as reader:  # left open, its thread may end the interpreter with SIGABRT
        for batch in reader:
            rows += batch.num_rows
            if "--arrow" not in sys.argv:
                rest = memoryview(lines(batch))
                while rest:
                    rest = rest[os.write(1, rest) :]
    sys.stderr.write(f"{rows}\n")
