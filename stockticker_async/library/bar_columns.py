"""Judged bars to record batches: the hot path of the library, a piece of a page at a time.

From the structs straight into the memory of the columns, without a dict or an object for each bar: an
`array` of a list comprehension takes 20 ns a value, `pa.array` of the same list 35, and `from_pylist` of
dicts some 100. (Of 50,000 bars, eight columns: 290 ns a bar, beside 355 for decoding and judging them.)
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal

import pyarrow as pa

from stockticker_async.library.arrow_schemas import MOMENT
from stockticker_async.marketdata.bars import Asked, Bar, GroupedBar
from stockticker_async.marketdata.calendar import midnight_ms, session_of

ROW_BYTES = 80
"""Of a bar in columns: ten of 8 bytes, or of 4, and bits."""
_EPOCH = date(1970, 1, 1).toordinal()
Rows = Literal["prices", "bars"]


def bars_batch(rows: Rows, schema: pa.Schema, bars: Sequence[Bar], asked: Asked) -> pa.RecordBatch:
    """A batch of one ticker's bars, which ascend."""
    count = len(bars)
    ticker = pa.DictionaryArray.from_arrays(_zeros(count), _texts([asked.ticker]))
    moments = [bar.t for bar in bars]
    days = _intraday(moments) if asked.bar.intraday else array("i", [_day(moment)[1] for moment in moments])
    columns = {"stock_ticker": ticker, "date": _column(pa.date32(), days)}
    if rows == "prices":
        return _batch(schema, {**columns, "price": _floats([bar.c for bar in bars])})
    starts = moments if asked.bar.intraday else [_day(moment)[0] for moment in moments]
    columns["timestamp"] = _column(MOMENT, array("q", [1000 * start for start in starts]))
    return _batch(schema, {**columns, **_figures(bars, adjusted=asked.adjusted)})


def session_batch(
    rows: Rows, schema: pa.Schema, bars: Sequence[GroupedBar], session: date, *, adjusted: bool
) -> pa.RecordBatch:
    """A batch of bars of one session, each of another ticker."""
    count = len(bars)
    names = _texts([bar.T for bar in bars])
    ticker = pa.DictionaryArray.from_arrays(_column(pa.int32(), array("i", range(count))), names)
    columns = {
        "stock_ticker": ticker,
        "date": _column(pa.date32(), array("i", [session.toordinal() - _EPOCH]) * count),
    }
    if rows == "prices":
        return _batch(schema, {**columns, "price": _floats([bar.c for bar in bars])})
    start = array("q", [1000 * midnight_ms(session)]) * count
    return _batch(
        schema, {**columns, "timestamp": _column(MOMENT, start), **_figures(bars, adjusted=adjusted)}
    )


def _batch(schema: pa.Schema, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _figures(bars: Sequence[Bar], *, adjusted: bool) -> dict[str, pa.Array]:
    """What bars of any ticker have of their own, but for their time."""
    # written out: getting a field by its name takes as long again
    return {
        "open": _floats([bar.o for bar in bars]),
        "high": _floats([bar.h for bar in bars]),
        "low": _floats([bar.l for bar in bars]),
        "close": _floats([bar.c for bar in bars]),
        "volume": _floats([bar.v for bar in bars]),
        "vwap": _floats([bar.vw for bar in bars]),
        "transactions": _floats([bar.n for bar in bars]),
        "adjusted": _same(adjusted, len(bars)),
        "otc": _flags([bar.otc for bar in bars]),
    }


def _column(kind: pa.DataType, values: "array[Any]") -> pa.Array:
    """The memory of the array, as a column."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _texts(values: Sequence[str]) -> pa.Array:
    """As `pa.array`, which loads pandas first where that is installed: a third of a second."""
    texts = [value.encode() for value in values]
    ends = array("i", accumulate(map(len, texts), initial=0))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _floats(values: Sequence[float | None]) -> pa.Array:
    try:
        return _column(pa.float64(), array("d", values))
    except TypeError:  # the API gave none for some bars
        return pa.array([None if one is None else float(one) for one in values], pa.float64())


def _flags(values: Sequence[bool | None]) -> pa.Array:
    if any(values):
        return pa.array([one or False for one in values], pa.bool_())
    return _same(False, len(values))  # noqa: FBT003 - the value itself


def _same(value: bool, count: int) -> pa.Array:  # noqa: FBT001 - as above
    bits = (b"\xff" if value else b"\x00") * (count // 8 + 1)
    return pa.Array.from_buffers(pa.bool_(), count, [None, pa.py_buffer(bits)])


def _zeros(count: int) -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), count, [None, pa.py_buffer(bytes(4 * count))])


def _intraday(moments: Sequence[int]) -> "array[int]":
    """The days of moments that ascend; works out each day once."""
    days = array("i")
    while (place := len(days)) < len(moments):
        day = session_of(moments[place])
        end = bisect_left(moments, midnight_ms(day + timedelta(days=1)), place + 1)
        days.extend(array("i", [day.toordinal() - _EPOCH]) * (end - place))
    return days


@lru_cache(maxsize=16_384)  # 60 years of days
def _day(timestamp_ms: int) -> tuple[int, int]:
    """The start of the session, whichever of its stamps the bar has, and its date since 1970."""
    session = session_of(timestamp_ms)
    return midnight_ms(session), session.toordinal() - _EPOCH
