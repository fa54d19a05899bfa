"""Decodes the lists of the API a piece at a time: 15,000 rows at once would hold the event loop for long.

The rows are first cut out of the page, undecoded, then decoded some at a time. A page that cannot be cut, or
with a piece that cannot be decoded, is decoded as a whole, which says what is wrong with it.
"""

from collections.abc import Generator
from typing import Any

import msgspec
import orjson

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.call_limits import MIB
from stockticker_async.marketdata.rows import ENVELOPE, Row, RowPage, decode_rows, page_of

PIECE_ROWS = 1_000
"""The rows between two turns of others: of 15 fields, some milliseconds."""
WHOLE_BYTES = 300_000
"""A page up to this size is decoded at once."""
_MOST_MEMBER_BYTES = MIB
"""The most bytes of a member beside the rows: decoded, a text takes four times as much."""
_MOST_PIECE_BYTES = 16 * MIB
"""A piece is copied twice before it is decoded."""
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decode_list(body: bytes, *, whole_bytes: int = WHOLE_BYTES) -> Generator[None, None, RowPage]:
    """As `decode_rows` for a list; gives way before it is cut and before each piece, and returns the page."""
    cut = None
    if len(body) > whole_bytes:
        yield
        cut = _cut(body)
    if cut is None:
        return decode_rows(body)
    answer, raw = cut
    rows: list[Any] = []
    for begin in range(0, len(raw), PIECE_ROWS):
        yield
        piece = raw[begin : begin + PIECE_ROWS]
        if sum(memoryview(row).nbytes for row in piece) > _MOST_PIECE_BYTES:
            return decode_rows(body)
        try:
            rows += orjson.loads(b"[%b]" % b",".join(piece))
        except orjson.JSONDecodeError:
            return decode_rows(body)
    return page_of({**answer, "results": rows}, "list")


def _cut(body: bytes) -> tuple[Row, list[msgspec.Raw]] | None:
    """The page without its rows, and these, undecoded. None for a page of another form.

    Raises `BadPageError` for a member of the page that is too large.
    """
    try:
        answer = _decode_object(body)
        known = {name: value for name, value in answer.items() if name in ENVELOPE}
        for name, value in known.items():
            if memoryview(value).nbytes > _MOST_MEMBER_BYTES:
                raise BadPageError(f"the API's {name} has more than {_MOST_MEMBER_BYTES // MIB} MiB.")
        rows = _decode_array(answer.pop("results"))
        return {name: orjson.loads(memoryview(value)) for name, value in known.items()}, rows
    except (msgspec.MsgspecError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return None
