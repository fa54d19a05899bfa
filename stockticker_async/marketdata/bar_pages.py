"""A page of one ticker's bars: from its bytes to judged bars, a piece at a time.

The hot path of the program. A full page is 5 MB of JSON, and its 50,000 bars decoded at once are 15 MB
of small objects: making and dropping those took more than twice the time of the same bars in pieces of
a thousand (1.1 µs a bar, not 0.45), held the event loop for 35 ms, and three such pages were half of the
program's memory. So a page is cut where one bar ends and the next begins, and each piece is converted (to
lines, to columns: that is the caller's) before the next one is decoded. Nothing is given away before the
whole page has been judged.

Why the cut is exact. The text before a cut, read as the bars of a list, is whole JSON or it is not. Where
the cut lies inside a string or inside a bar, it is not, the typed decoding says so, and the page is decoded
as a whole after all. What is left of the page is decoded, too, twice, with another number in the place of
the bars: they were the page's own ``results`` only if each number is found there. So bars of another object
in the page, or of a ``results`` that a later one replaces, are never taken for them.

A page of many full ones' size, which nobody has seen, would be several times its size when converted. So
where the chunks become too large to be kept, no more are made, the page is judged to its end, and each chunk
is made once more when it is taken.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from stockticker_async.marketdata.bar_size import window_days
from stockticker_async.marketdata.bar_times import judge_times
from stockticker_async.marketdata.bars import (
    Asked,
    Bar,
    Close,
    Envelope,
    RangePage,
    decode_range,
    judge_echo,
    successful,
)
from stockticker_async.marketdata.calendar import DAY, midnight_ms
from stockticker_async.marketdata.call_limits import MIB

_PIECE_BYTES = 100_000
"""Some thousand bars, a millisecond of decoding; 350 KB of lines."""
_PIECE_BARS = 1_000
_DAYS_BYTES = 1_000_000
"""The same for day bars and longer: the whole history of a ticker, at the same times as that of others."""
_CHUNK_BARS, _CHUNK_CLOSES = 1_000, 2_000
"""The most that are converted at once: as lines 350 KB, which the output takes in one piece."""
_KEPT_BYTES = 24 * MIB
"""Of the chunks of a page, kept until it has been judged: as lines those of a full one are 17 MB."""
_BAR_OBJECT_BYTES = 300  # a struct of ten fields, and its numbers
_BEGIN = b'"results":[{'
_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_bars = msgspec.json.Decoder(list[Bar]).decode
_decode_closes = msgspec.json.Decoder(list[Close]).decode


class Chunk(Protocol):
    """What some bars were converted to."""

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""


C = TypeVar("C", bound=Chunk)


class JudgedBars(msgspec.Struct, frozen=True):
    """Bars as they are: the chunk of whoever converts nothing."""

    bars: Sequence[Bar]

    @property
    def size_bytes(self) -> int:
        return _BAR_OBJECT_BYTES * len(self.bars)


class Wanted(msgspec.Struct, Generic[C], frozen=True):
    """What one reader wants of a ticker's bars."""

    first: date
    """Bars that end before this day (New York) are left out."""
    convert: Callable[[Sequence[Bar]], C]
    """Called with some bars, ascending, at least one. It may be called twice with the same."""
    closes_only: bool = False
    """Whether ``convert`` reads no more of a bar than a `Close` has. Where that is all that is wanted of a
    page, the other fields are neither decoded nor judged (half of the time of decoding)."""


class Converted(msgspec.Struct, Generic[C]):
    """What a page gives to one `Wanted`."""

    chunks: deque[C] = msgspec.field(default_factory=deque)
    late: Iterator[C] = msgspec.field(default_factory=lambda: iter(()))
    """The chunks of a page that has too many to be kept."""

    def take(self) -> Iterator[C]:
        """The chunks in order, once; what was taken is held no longer."""
        while self.chunks:
            yield self.chunks.popleft()
        yield from self.late


class BarPage(msgspec.Struct, Generic[C]):
    """A judged page."""

    converted: list[Converted[C]]
    """For each `Wanted`, in their order."""
    next_url: str | None = None
    count: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    last_kept_ms: int | None = None
    """The time of the last bar that was not left out as an over-the-counter stock's."""
    moments: list[int] = msgspec.field(default_factory=list)
    """The timestamps, ascending, unless the bars are intraday."""
    starts: frozenset[date] = frozenset()
    """The New York dates on which bars begin."""
    counts: dict[date, int] = msgspec.field(default_factory=dict)
    """How many bars begin on each of these dates, if the bars are intraday."""
    stated: int | None = None
    """How many bars the page says that it has."""


def read_page(
    body: bytes, asked: Asked, wanted: Sequence[Wanted[C]], *, after_ms: int | None, otc: bool = True
) -> Generator[None, None, BarPage[C]]:
    """Decode, judge and convert a page; gives way after each piece, and returns the page.

    ``after_ms`` is the last timestamp of the page before it. Without ``otc`` the bars of over-the-counter
    stocks are judged, and left out. Raises `BadPageError`: then none of the page may be used.
    """
    # beside a large body there is no room for what it becomes
    most_bytes = _KEPT_BYTES if len(body) <= _KEPT_BYTES // 3 else 0
    convert = partial(_convert, asked, wanted, after_ms=after_ms, otc=otc, most_bytes=most_bytes)
    closes_only = otc and bool(wanted) and all(one.closes_only for one in wanted)
    cut = _cut(body, _DAYS_BYTES if not asked.bar.intraday else _PIECE_BYTES, closes_only=closes_only)
    if cut is not None:
        try:
            return (yield from convert(*cut))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # what is wrong, or harmless after all, is found out below
    page = decode_range(body)
    return (yield from convert(page, partial(_in_pieces, page)))


def _cut(
    body: bytes, piece_bytes: int, *, closes_only: bool
) -> tuple[Envelope, Callable[[], Iterator[list[Bar]]]] | None:
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
    # each `Wanted` promises to read no more of its bars
    decode = cast("Callable[[bytes], list[Bar]]", _decode_closes) if closes_only else _decode_bars
    return successful(one), partial(_decoded_pieces, body, begin + 1, end - 1, piece_bytes, decode)


def _decoded_pieces(
    body: bytes, begin: int, end: int, piece_bytes: int, decode: Callable[[bytes], list[Bar]]
) -> Iterator[list[Bar]]:
    while begin < end:
        stop = body.find(b"},{", begin + piece_bytes, end) + 1 or end
        yield decode(b"[%b]" % body[begin:stop])
        begin = stop + 1


def _in_pieces(page: RangePage) -> Iterator[list[Bar]]:
    bars = page.results or []
    for begin in range(0, len(bars), _PIECE_BARS):
        yield bars[begin : begin + _PIECE_BARS]


def _convert(
    asked: Asked,
    wanted: Sequence[Wanted[C]],
    envelope: Envelope,
    pieces: Callable[[], Iterator[list[Bar]]],
    *,
    after_ms: int | None,
    otc: bool,
    most_bytes: int,
) -> Generator[None, None, BarPage[C]]:
    judge_echo(envelope, asked)
    page = BarPage[C]([Converted() for _ in wanted], envelope.next_url or None, stated=envelope.stated)
    kept_bytes = 0
    for bars in pieces():
        moments = [bar.t for bar in bars]
        starts = judge_times(moments, asked, after_ms=after_ms)
        if len(bars) > _CHUNK_CLOSES:
            yield
        page.starts = page.starts | starts if page.starts else starts
        if page.first_ms is None:
            page.first_ms = moments[0]
        page.last_ms = after_ms = moments[-1]
        page.count += len(bars)
        if asked.bar.intraday:
            _count(page.counts, moments, starts)
        else:
            page.moments += moments
        kept = bars if otc else _listed(bars)
        if kept:
            page.last_kept_ms = kept[-1].t
        for one, converted in zip(wanted, page.converted, strict=True):
            if kept_bytes <= most_bytes:
                kept_bytes += yield from _add(converted, one, kept, asked)
        yield
    if kept_bytes > most_bytes:
        for one, converted in zip(wanted, page.converted, strict=True):
            converted.chunks.clear()
            converted.late = _converted_late(one, pieces(), asked, otc=otc)
    return page


def _count(counts: dict[date, int], moments: Sequence[int], days: frozenset[date]) -> None:
    for day in days:
        begin, end = (bisect_left(moments, midnight_ms(one)) for one in (day, day + DAY))
        counts[day] = counts.get(day, 0) + end - begin


def _add(
    converted: Converted[C], wanted: Wanted[C], bars: Sequence[Bar], asked: Asked
) -> Generator[None, None, int]:
    """Convert the bars of a piece; gives way between the parts of a long one. Returns their bytes."""
    size_bytes = 0
    for chosen in _portions(wanted, _not_before(wanted.first, bars, asked)):
        chunk = wanted.convert(chosen)
        converted.chunks.append(chunk)
        size_bytes += chunk.size_bytes
        if len(chosen) == _CHUNK_BARS and not wanted.closes_only:
            yield
    return size_bytes


def _converted_late(
    wanted: Wanted[C], pieces: Iterator[list[Bar]], asked: Asked, *, otc: bool
) -> Iterator[C]:
    for bars in pieces:
        for chosen in _portions(wanted, _not_before(wanted.first, bars if otc else _listed(bars), asked)):
            yield wanted.convert(chosen)


def _portions(wanted: Wanted[C], bars: Sequence[Bar]) -> Iterator[Sequence[Bar]]:
    size = _CHUNK_CLOSES if wanted.closes_only else _CHUNK_BARS
    for begin in range(0, len(bars), size):
        yield bars[begin : begin + size]


def _listed(bars: Sequence[Bar]) -> list[Bar]:
    return [bar for bar in bars if not bar.otc]


def _not_before(first: date, bars: Sequence[Bar], asked: Asked) -> Sequence[Bar]:
    """The bars, ascending, that do not end before the day."""
    low = midnight_ms(first - timedelta(days=window_days(asked.bar) - 1))
    if not bars or bars[0].t >= low:
        return bars
    return bars[bisect_left(bars, low, key=lambda bar: bar.t) :]
