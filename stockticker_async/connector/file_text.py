"""Judged lines of a flat file of minutes to RECORD lines, as text: no number is decoded and written again.

The numbers of a file are JSON numbers, which its judge has made sure of, and a session has 960 times at most.
So a line is put together of its fields' own texts (1 µs a row; structs and dicts of the same rows took 4).
Numbers are written as the file has them: a volume of 4930 is not 4930.0.
"""

from datetime import date
from functools import lru_cache
from itertools import compress

import orjson

from stockticker_async.connector import protocol
from stockticker_async.connector.bar_lines import Lines
from stockticker_async.marketdata.calendar import TRADING_MS, midnight_ms, utc_text

_MINUTE_MS = 60_000
_TICKER, _VOLUME, _OPEN, _CLOSE, _HIGH, _LOW, _TIME, _TRADES = range(8)
_FIELDS = 8


def file_lines(
    stream: str, text: bytes, session: date, *, otc: frozenset[str], keep_otc: bool, emitted_at_ms: int
) -> Lines | None:
    """RECORDs of `stock_bars` from whole lines, all judged. None where a row is of another day.

    The rows of the tickers in ``otc`` are marked, or left out.
    """
    fields = text[:-1].replace(b"\n", b",").split(b",")
    try:
        times = list(map(_times(session).__getitem__, fields[_TIME::_FIELDS]))
    except KeyError:
        return None
    names = fields[_TICKER::_FIELDS]
    tickers = names
    if b'"' in text or b"\\" in text:
        tickers = [orjson.dumps(name.decode())[1:-1] for name in names]
    marks = [b"false"] * len(names)
    if otc:
        marked = {name.encode() for name in otc}
        if not marked.isdisjoint(names):
            marks = [b"true" if name in marked else b"false" for name in names]
    columns = [
        (b'{"stock_ticker":"', tickers),
        (b'","timestamp":"', times),
        (b',"open":', fields[_OPEN::_FIELDS]),
        (b',"high":', fields[_HIGH::_FIELDS]),
        (b',"low":', fields[_LOW::_FIELDS]),
        (b',"close":', fields[_CLOSE::_FIELDS]),
        (b',"volume":', fields[_VOLUME::_FIELDS]),
        (b',"vwap":null,"transactions":', fields[_TRADES::_FIELDS]),
        (b',"adjusted":false,"otc":', marks),
    ]
    if not keep_otc and b"true" in marks:
        kept = [mark == b"false" for mark in marks]
        columns = [(before, list(compress(values, kept))) for before, values in columns]
    return _joined(stream, columns, emitted_at_ms)


def _joined(stream: str, columns: list[tuple[bytes, list[bytes]]], emitted_at_ms: int) -> Lines:
    count = len(columns[0][1])
    if not count:
        return Lines(b"", 0)
    begin, end = protocol.record_frame(stream, emitted_at_ms)
    width = 2 * len(columns)
    parts = [b""] * (width * count)
    for place, (before, values) in enumerate(columns):
        parts[2 * place :: width] = [before] * count
        parts[2 * place + 1 :: width] = values
    # the head of each line but the first is the tail of the one before it, too
    first = begin + columns[0][0]
    parts[::width] = [b"}" + end + first] * count
    parts[0] = first
    parts.append(b"}" + end)
    return Lines(b"".join(parts), count)


@lru_cache(maxsize=8)
def _times(session: date) -> dict[bytes, bytes]:
    """The texts of the timestamp and the date, by the text of each minute of a session in nanoseconds."""
    begin = midnight_ms(session)
    return {
        b"%d000000" % moment: f'{utc_text(moment)}","date":"{session}"'.encode()
        for moment in range(begin + TRADING_MS[0], begin + TRADING_MS[1], _MINUTE_MS)
    }
