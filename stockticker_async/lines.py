"""A page of one ticker's bars: from its bytes to judged RECORD lines, a piece at a time.

The hot path of the program. A full page is 5 MB of JSON, and its 50,000 bars decoded at once are 15 MB
of small objects: making and dropping those took more than twice the time of the same bars in pieces of
a thousand (1.1 µs a bar, not 0.45), held the event loop for 35 ms, and three such pages were half of the
program's memory. So a page is cut where one bar ends and the next begins, and each piece becomes lines
before the next one is decoded. No line is given away before the whole page has been judged.

Why the cut is exact. The text before a cut, read as the bars of a list, is whole JSON or it is not. Where
the cut lies inside a string or inside a bar, it is not, the typed decoding says so, and the page is decoded
as a whole after all. What is left of the page is decoded, too, twice, with another number in the place of
the bars: they were the page's own ``results`` only if each number is found there. So bars of another object
in the page, or of a ``results`` that a later one replaces, are never taken for them.

A page of many full ones' size, which nobody has seen, would be several times its size as lines. So where the
lines become too many to be kept, no more are made, the page is judged to its end, and each piece is made
once more when it is written.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache, partial
from typing import Literal

import msgspec
import orjson

from stockticker_async import protocol
from stockticker_async.bar_size import window_days
from stockticker_async.bars import (
    Asked,
    Envelope,
    RangePage,
    WireBar,
    decode_range,
    judge_echo,
    judge_order,
    successful,
    whole,
)
from stockticker_async.limits import MIB
from stockticker_async.market import midnight_ms, session_of, utc_text
from stockticker_async.shapes import Row

_DAY_MS = 86_400_000
_PIECE_BYTES = 100_000
"""Some thousand bars, a millisecond of decoding; 350 KB of lines."""
_PIECE_BARS = 1_000
_LINES_BYTES = 24 * MIB
"""Of a page, kept until it has been judged: those of a full one are 17 MB."""
_BEGIN = b'"results":[{'
_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_bars = msgspec.json.Decoder(list[WireBar]).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream wants of a ticker's bars."""

    stream: str
    kind: Literal["prices", "bars"]
    first: date
    otc: bool = True
    """False leaves out bars of over-the-counter stocks."""


@dataclass(frozen=True, slots=True)
class Piece:
    """RECORD lines, few enough for one piece of the output."""

    data: bytes
    count: int


@dataclass(slots=True)
class Written:
    """What a page gives to one `Wanted`."""

    pieces: deque[Piece] = field(default_factory=deque)
    late: Iterator[Piece] = field(default_factory=lambda: iter(()))
    """The pieces of a page whose lines are too many to be kept."""
    last_ms: int | None = None
    """The time of the page's last bar, wanted or before the first day; OTC bars that are left out aside."""

    def take(self) -> Iterator[Piece]:
        """The pieces in order, once; what was taken is held no longer."""
        while self.pieces:
            yield self.pieces.popleft()
        yield from self.late


@dataclass(slots=True)
class Page:
    """A judged page."""

    written: list[Written]
    next_url: str | None = None
    count: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    moments: list[int] = field(default_factory=list)
    """The timestamps, ascending, unless the bars are intraday."""
    starts: set[date] = field(default_factory=set)
    """The New York dates on which bars begin."""
    stated: int | None = None
    """How many bars the page says that it has."""


def page_lines(
    body: bytes, asked: Asked, wanted: Sequence[Wanted], *, after_ms: int | None, emitted_at_ms: int
) -> Generator[None, None, Page]:
    """Decode, judge and encode a page; gives way after each piece, and returns the page.

    ``after_ms`` is the last timestamp of the page before it. Raises `BadPageError`: then none of the page
    may be used.
    """
    # beside a large body there is no room for its lines
    most_bytes = _LINES_BYTES if len(body) <= _LINES_BYTES // 3 else 0
    convert = partial(
        _convert, asked, wanted, after_ms=after_ms, emitted_at_ms=emitted_at_ms, most_bytes=most_bytes
    )
    cut = _cut(body)
    if cut is not None:
        try:
            return (yield from convert(*cut))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # what is wrong, or harmless after all, is found out below
    page = decode_range(body)
    return (yield from convert(page, partial(_in_pieces, page)))


def _cut(body: bytes) -> tuple[Envelope, Callable[[], Iterator[list[WireBar]]]] | None:
    """The page without its bars, and these, decoded a piece at a time. None where it cannot be cut."""
    begin, end = body.find(_BEGIN) + len(_BEGIN) - 2, body.rfind(b"}]") + 2
    if not len(_BEGIN) - 2 <= begin < end or len(body) - (end - begin) > _PIECE_BYTES:
        return None  # what is around the bars is copied below
    try:
        one, other = (_decode_envelope(b"%b%d%b" % (body[:begin], mark, body[end:])) for mark in (1, 2))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if (one.results, other.results) != (1, 2):
        return None
    return successful(one), partial(_decoded_pieces, body, begin + 1, end - 1)


def _decoded_pieces(body: bytes, begin: int, end: int) -> Iterator[list[WireBar]]:
    while begin < end:
        stop = body.find(b"},{", begin + _PIECE_BYTES, end) + 1 or end
        yield _decode_bars(b"[%b]" % body[begin:stop])
        begin = stop + 1


def _in_pieces(page: RangePage) -> Iterator[list[WireBar]]:
    bars = page.results or []
    for begin in range(0, len(bars), _PIECE_BARS):
        yield bars[begin : begin + _PIECE_BARS]


def _convert(
    asked: Asked,
    wanted: Sequence[Wanted],
    envelope: Envelope,
    pieces: Callable[[], Iterator[list[WireBar]]],
    *,
    after_ms: int | None,
    emitted_at_ms: int,
    most_bytes: int,
) -> Generator[None, None, Page]:
    judge_echo(envelope, asked)
    page = Page([Written() for _ in wanted], envelope.next_url or None, stated=envelope.stated)
    kept_bytes = 0
    for bars in pieces():
        moments = [bar.t for bar in bars]
        page.starts |= judge_order(moments, asked, after_ms=after_ms)
        if page.first_ms is None:
            page.first_ms = moments[0]
        page.last_ms = after_ms = moments[-1]
        page.count += len(bars)
        if not asked.bar.intraday:
            page.moments += moments
        for one, written in zip(wanted, page.written, strict=True):
            kept_bytes += _write(one, written, bars, asked, emitted_at_ms, keep=kept_bytes <= most_bytes)
        yield
    if kept_bytes > most_bytes:
        for one, written in zip(wanted, page.written, strict=True):
            written.pieces.clear()
            written.late = _encoded_late(one, pieces(), asked, emitted_at_ms)
    return page


def _write(
    wanted: Wanted, written: Written, bars: list[WireBar], asked: Asked, emitted_at_ms: int, *, keep: bool
) -> int:
    """Add the piece that these bars are, where it is to be kept. Returns the bytes of its lines."""
    chosen = _chosen(wanted, bars)
    if chosen:
        written.last_ms = chosen[-1].t
    if not (chosen and keep):
        return 0
    piece = _encode(wanted, chosen, asked, emitted_at_ms)
    if piece.count:
        written.pieces.append(piece)
    return len(piece.data)


def _encoded_late(
    wanted: Wanted, pieces: Iterator[list[WireBar]], asked: Asked, emitted_at_ms: int
) -> Iterator[Piece]:
    for bars in pieces:
        piece = _encode(wanted, _chosen(wanted, bars), asked, emitted_at_ms)
        if piece.count:
            yield piece


def _chosen(wanted: Wanted, bars: list[WireBar]) -> list[WireBar]:
    return bars if wanted.otc else [bar for bar in bars if not bar.otc]


def _encode(wanted: Wanted, bars: list[WireBar], asked: Asked, emitted_at_ms: int) -> Piece:
    if wanted.kind == "prices":
        return price_lines(wanted.stream, asked.ticker, bars, wanted.first, emitted_at_ms=emitted_at_ms)
    return bar_lines(wanted.stream, bars, wanted.first, asked=asked, emitted_at_ms=emitted_at_ms)


def price_lines(
    stream: str, ticker: str, bars: Sequence[WireBar], first: date, *, emitted_at_ms: int
) -> Piece:
    """RECORDs of `stock_prices` from day bars, ascending, for the sessions from ``first`` on.

    Each line is byte for byte what orjson gives for its message. Only prices are left to be encoded, which is
    one call for all; no number holds a comma. (0.25 µs a bar, and 0.4 with a dict for each.)
    """
    bars = _from_day(bars, first)
    if not bars:
        return Piece(b"", 0)
    begin, end = protocol.record_frame(stream, emitted_at_ms)
    head, tail = begin + b'{"date":"', b"}" + end
    middle = b'","stock_ticker":' + orjson.dumps(ticker) + b',"price":'
    days = [_day(bar.t) for bar in bars]
    prices = orjson.dumps([bar.c for bar in bars])[1:-1].split(b",")
    rest = (tail + head).join(map(middle.join, zip(days, prices, strict=True)))
    return Piece(b"".join((head, rest, tail)), len(bars))


def bar_lines(
    stream: str, bars: Sequence[WireBar], first: date, *, asked: Asked, emitted_at_ms: int
) -> Piece:
    """RECORDs of `stock_bars`, of the bars, ascending, that do not end before ``first``."""
    bars = _from_day(bars, first - timedelta(days=window_days(asked.bar) - 1))
    texts = _intraday_texts(bars) if asked.bar.intraday else [_day_texts(bar.t) for bar in bars]
    after: Row = {"adjusted": asked.adjusted, "otc": False}
    # written out, since a call for each takes as long as its row
    rows: list[Row] = [
        {
            "timestamp": timestamp,
            "date": day,
            "open": bar.o,
            "high": bar.h,
            "low": bar.l,
            "close": bar.c,
            "volume": bar.v,
            "vwap": bar.vw,
            "transactions": trades if type(trades := bar.n) is int else whole(trades),
        }
        for (timestamp, day), bar in zip(texts, bars, strict=True)
    ]
    if any([bar.otc for bar in bars]):  # noqa: C419 - half the time of a generator
        rows = [{**row, **after, "otc": bar.otc or False} for row, bar in zip(rows, bars, strict=True)]
        after = {}
    before = {"stock_ticker": asked.ticker}
    data = protocol.records(stream, rows, before=before, after=after, emitted_at_ms=emitted_at_ms)
    return Piece(data, len(rows))


def _from_day(bars: Sequence[WireBar], first: date) -> Sequence[WireBar]:
    low = midnight_ms(first)
    if not bars or bars[0].t >= low:
        return bars
    return bars[bisect_left(bars, low, key=lambda bar: bar.t) :]


@lru_cache(maxsize=16_384)  # 60 years of days
def _day(timestamp_ms: int) -> bytes:
    return session_of(timestamp_ms).isoformat().encode()


@lru_cache(maxsize=16_384)
def _day_texts(timestamp_ms: int) -> tuple[str, str]:
    """The session's start, whichever of its stamps the bar has, and its date."""
    session = session_of(timestamp_ms)
    return utc_text(midnight_ms(session)), session.isoformat()


def _intraday_texts(bars: Sequence[WireBar]) -> Iterator[tuple[str, str]]:
    """As `_day_texts`, of bars that ascend; works out each day once (a thirtieth of the time)."""
    prefix, day, begin, until = "", "", 0, 0
    for bar in bars:
        moment = bar.t
        if moment >= until:
            session, begin = session_of(moment), moment // _DAY_MS * _DAY_MS
            day, prefix = session.isoformat(), utc_text(begin)[: -len("00:00:00Z")]
            until = min(begin + _DAY_MS, midnight_ms(session + timedelta(days=1)))
        yield prefix + _time_text(moment - begin), day


@lru_cache(maxsize=86_400)
def _time_text(milliseconds: int) -> str:
    """The time of a UTC day: ``05:00:00Z``."""
    return utc_text(milliseconds)[len("1970-01-01T") :]
