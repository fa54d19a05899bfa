"""The least that can be done for a table: `bare_columns.py URL TICKER FIRST LAST`, minute bars.

aiohttp gets pages, msgspec decodes only the fields that are kept, and these go straight into the memory of
the columns. It judges nothing, and ends with a traceback where anything goes wrong.
"""

import asyncio
import gc
import sys
from array import array
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pyarrow as pa

_NEW_YORK = ZoneInfo("America/New_York")


class Bar(msgspec.Struct, gc=False):
    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the API's name
    c: float
    v: float
    vw: float
    n: int


class Bars(msgspec.Struct):
    results: list[Bar]
    next_url: str | None = None


@cache
def day(hour: int) -> int:
    return datetime.fromtimestamp(hour * 3600, _NEW_YORK).date().toordinal() - 719_163


def batch(ticker: str, bars: list[Bar]) -> pa.RecordBatch:
    count = len(bars)
    columns = {
        "stock_ticker": pa.DictionaryArray.from_arrays(column(pa.int32(), array("i", [0]) * count), [ticker]),
        "timestamp": column(pa.timestamp("us", "UTC"), array("q", [1000 * bar.t for bar in bars])),
        "date": column(pa.date32(), array("i", [day(bar.t // 3_600_000) for bar in bars])),
        "open": column(pa.float64(), array("d", [bar.o for bar in bars])),
        "high": column(pa.float64(), array("d", [bar.h for bar in bars])),
        "low": column(pa.float64(), array("d", [bar.l for bar in bars])),
        "close": column(pa.float64(), array("d", [bar.c for bar in bars])),
        "volume": column(pa.float64(), array("d", [bar.v for bar in bars])),
        "vwap": column(pa.float64(), array("d", [bar.vw for bar in bars])),
        "transactions": column(pa.float64(), array("d", [bar.n for bar in bars])),
        "adjusted": column(pa.bool_(), array("b", [-1]) * (count // 8 + 1), count),
        "otc": column(pa.bool_(), array("b", [0]) * (count // 8 + 1), count),
    }
    return pa.record_batch(columns)


def column(kind: pa.DataType, values: "array[int] | array[float]", count: int | None = None) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values) if count is None else count, [None, pa.py_buffer(values)])


async def main(base: str, ticker: str, first: str, last: str) -> pa.Table:
    path = f"/v2/aggs/ticker/{ticker}/range/1/minute/{first}/{last}"
    following: str | None = f"{base}{path}?adjusted=true&sort=asc&limit=50000"
    batches = []
    async with aiohttp.ClientSession() as session:
        while following:
            async with session.get(following) as response:
                page = msgspec.json.decode(await response.read(), type=Bars)
            batches.append(batch(ticker, page.results))
            following = page.next_url
    return pa.Table.from_batches(batches)


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    print(asyncio.run(main(*sys.argv[1:5])).num_rows)
