"""The rows of a flat file: from its packed bytes to judged bars, a piece at a time.

Theory of operation. A minute file has 2 million rows, 20 MB packed and 200 MB unpacked. Only the packed bytes
are held. They are unpacked twice: the first pass judges every row that is wanted, and the checksum of the
whole; the second pass gives the bars. Few rows are kept from the first pass, and need no second one.

The rows of a ticker stand together, so the unpacked text is cut into *runs*: the lines of one ticker. A run
becomes a JSON array with one replacement, because every line of it begins alike, and msgspec decodes it into
typed structs, which checks the form of each number (1.1 µs a row with unpacking; splitting the text and
converting each field took three times as long). Rows of tickers that are not wanted are never decoded.

A run may be cut by the end of a piece, and a ticker may have several runs: the rows of a ticker must ascend
over all of them. Rows of another day, which real files have, are left out and counted; anything else that is
wrong makes the file unusable.
"""

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import date
from functools import cached_property
from itertools import pairwise
from math import gcd
from operator import lt
from typing import Annotated, ClassVar, cast

import msgspec

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.bar_size import BarSize
from stockticker_async.marketdata.bars import Bar
from stockticker_async.marketdata.calendar import (
    TRADING_MS,
    claimed_weekday,
    is_weekday,
    midnight_ms,
    utc_text,
)
from stockticker_async.marketdata.file_lines import blocks
from stockticker_async.marketdata.ticker_name import is_quoted, is_ticker

MOST_TICKERS = 100_000
"""Of a file: some 12,000 trade in a session, and some 35,000 were ever listed."""
_KEPT_BYTES = 4_000_000
"""Text of wanted rows that is kept from the first pass: a day file has 1 MB."""
_TEXT_BYTES = 80_000
"""Lines that are given as text at once: as records at most 700 KB, of 1 MiB that the output takes."""
_NS = 1_000_000
"""Nanoseconds in a millisecond."""
_MINUTE_MS = 60_000
_MOST_STRANGERS = 0.5
"""The share of rows of other days from which the file is not that of its session."""
_runs = re.compile(rb"([^,\n]*+),[^\n]*+\n(?:\1,[^\n]*+\n)*+").finditer

_Figure = Annotated[float, msgspec.Meta(ge=0)]
_Trades = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class FileBar(msgspec.Struct, gc=False, array_like=True, forbid_unknown_fields=True):
    """A row after its ticker, in the order of `COLUMNS`. It has the fields of a `bars.Bar`."""

    v: _Figure
    o: float
    c: _Figure
    h: float
    l: _Figure  # noqa: E741 - the API's name
    t: int
    n: _Trades | _Figure
    vw: ClassVar[None] = None
    otc: ClassVar[bool | None] = None


class OtcFileBar(FileBar, gc=False, array_like=True, forbid_unknown_fields=True):
    """The row of an over-the-counter stock."""

    otc: ClassVar[bool | None] = True


_Decode = Callable[[bytes], list[FileBar]]
_decode: _Decode = msgspec.json.Decoder(list[FileBar]).decode
_decode_otc = cast("_Decode", msgspec.json.Decoder(list[OtcFileBar]).decode)


class Run(msgspec.Struct, frozen=True):
    """Some rows of one ticker, ascending."""

    ticker: str
    bars: Sequence[Bar]


class JudgedFile(msgspec.Struct):
    """A whole file whose wanted rows are judged."""

    packed: bytes
    session: date
    bar: BarSize
    wanted: frozenset[str] | None
    rows: int = 0
    """The number of usable rows of the wanted tickers."""
    tickers: set[str] = msgspec.field(default_factory=set)
    """The wanted tickers that have a usable row."""
    strangers: Counter[str] = msgspec.field(default_factory=Counter)
    """The number of rows left out, by the day that they name."""
    kept: list[tuple[str, bytes]] | None = msgspec.field(default_factory=list)
    """The text of the wanted rows; None if it is too much to be kept."""

    def texts(self) -> Iterator[bytes]:
        """Yield all lines of the file in pieces, in the order of `COLUMNS`. All tickers must be wanted."""
        whole = (
            iter([b"".join([text for _, text in self.kept])])
            if self.kept is not None
            else blocks(self.packed)
        )
        for block in whole:
            begin = 0
            while begin < len(block):
                end = block.find(b"\n", begin + _TEXT_BYTES) + 1 or len(block)
                yield block[begin:end]
                begin = end

    def runs(self, otc: frozenset[str] = frozenset(), text: bytes | None = None) -> Iterator[Run | None]:
        """Yield the bars, in the order of the file; None after each piece, to give way.

        The bars of the tickers in ``otc`` are marked. ``text``: of some of the file's lines only.
        """
        read, marked = _RunReader(self.session, self.bar), _RunReader(self.session, self.bar, _decode_otc)
        for ticker, lines in self._texts() if text is None else _wanted_runs(text, self.wanted):
            if not lines:
                yield None
            elif bars := (marked if ticker in otc else read).bars(ticker, lines):
                yield Run(ticker, bars)

    def _texts(self) -> Iterator[tuple[str, bytes]]:
        if self.kept is not None:
            yield from self.kept
            return
        for block in blocks(self.packed):
            yield from _wanted_runs(block, self.wanted)
            yield "", b""


def judge(
    packed: bytes, session: date, bar: BarSize, wanted: frozenset[str] | None
) -> Generator[None, None, JudgedFile]:
    """Judge a file; gives way after each piece. ``wanted`` are the tickers to read (None: all).

    Raises `BadPageError`: then none of the file may be used.
    """
    judged = JudgedFile(packed, session, bar, wanted)
    read = _RunReader(session, bar)
    kept_bytes, lines = 0, False
    for block in blocks(packed):
        lines = True
        for ticker, text in _wanted_runs(block, wanted):
            bars = read.bars(ticker, text)
            judged.rows += len(bars)
            if bars:
                judged.tickers.add(ticker)
            kept_bytes += len(text)
            if judged.kept is not None:
                judged.kept.append((ticker, text))
        if len(judged.tickers) > MOST_TICKERS:
            raise BadPageError(f"the file has more than {MOST_TICKERS:,} tickers.")
        if kept_bytes > _KEPT_BYTES:
            judged.kept = None
        yield
    if not lines:
        raise BadPageError("the file has no rows.")
    judged.strangers = read.strangers
    strange = read.strangers.total()
    if is_of_another_day(strange, judged.rows):
        days = ", ".join(sorted(read.strangers)[:3])
        raise BadPageError(
            f"the file of {session} has {strange} rows of other days ({days}), and {judged.rows} of its own."
        )
    return judged


def is_of_another_day(strangers: int, rows: int) -> bool:
    """Whether a file with so many rows of other days, and so many of its own, is not that of its session."""
    return strangers > _MOST_STRANGERS * (strangers + rows)


class _RunReader:
    """Decodes and judges the runs of a file, in order."""

    def __init__(self, session: date, bar: BarSize, decode: _Decode = _decode) -> None:
        self._decode = decode
        self.strangers: Counter[str] = Counter()
        self._session = session
        self._intraday = bar.intraday
        self._last: dict[str, int] = {}
        """The time of the last row of each ticker."""

    @cached_property
    def _hours(self) -> tuple[int, int]:
        """The first and the last time of a bar, in milliseconds."""
        begin = midnight_ms(self._session)
        if not self._intraday:
            return begin, begin + TRADING_MS[1]
        opens, closes = (begin + moment for moment in TRADING_MS)
        return (opens, closes - _MINUTE_MS) if is_weekday(self._session) else (0, -1)

    def bars(self, ticker: str, text: bytes) -> list[Bar]:
        """Return the usable bars of a run. Raises `BadPageError`."""
        bars = self._decoded(ticker, text)
        moments = [bar.t for bar in bars]
        if not all([bar.l <= bar.h for bar in bars]):  # noqa: C419 - half the time of a generator
            raise BadPageError(f"a row of {ticker} has a low above its high.")
        if bars:
            self._judge_order(ticker, moments)
            self._last[ticker] = moments[-1]
        return cast("list[Bar]", bars)  # it has every field of one

    def _decoded(self, ticker: str, text: bytes) -> list[FileBar]:
        """Return the rows of this session, with their times in milliseconds."""
        listed = _as_json(text)
        # a minute in nanoseconds ends in ten zeros: six are taken off before decoding, not from each struct
        short = listed.replace(b"0000000000,", b"0000,")
        try:
            bars = self._decode(short)
            low, high = self._hours
            if len(listed) - len(short) == 6 * len(bars) and all([low <= bar.t <= high for bar in bars]):  # noqa: C419 - half the time of a generator
                # every row has lost six zeros, and each by its time: no other number has
                self._judge_grid(ticker, [bar.t for bar in bars])
                return bars
            return self._without_strangers(ticker, self._decode(listed))
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise _unusable(ticker, text, fault) from fault

    def _without_strangers(self, ticker: str, bars: list[FileBar]) -> list[FileBar]:
        low, high = self._hours
        kept = []
        for bar in bars:
            moment, rest = divmod(bar.t, _NS)
            if not low <= moment <= high:
                self.strangers[day_text(moment)] += 1
                continue
            if rest:
                raise BadPageError(f"a row of {ticker}, {utc_text(moment)}, is not at a whole minute.")
            bar.t = moment
            kept.append(bar)
        self._judge_grid(ticker, [bar.t for bar in kept])
        return kept

    def _judge_grid(self, ticker: str, moments: Sequence[int]) -> None:
        if self._intraday:
            if gcd(*moments) % _MINUTE_MS:
                strange = next(moment for moment in moments if moment % _MINUTE_MS)
                raise BadPageError(f"a row of {ticker}, {utc_text(strange)}, is not at a whole minute.")
        elif any(claimed_weekday(moment) != self._session for moment in moments):
            strange = next(moment for moment in moments if claimed_weekday(moment) != self._session)
            raise BadPageError(f"a row of {ticker}, {utc_text(strange)}, is of no session.")
        elif len(moments) > 1:
            raise BadPageError(f"{ticker} has {len(moments)} rows of one session.")

    def _judge_order(self, ticker: str, moments: Sequence[int]) -> None:
        last = self._last.get(ticker)
        if last is not None and not self._intraday:
            raise BadPageError(f"{ticker} has two rows of one session.")
        if (last is None or last < moments[0]) and all(map(lt, moments, moments[1:])):
            return
        every = [*(() if last is None else (last,)), *moments]
        later = next(place for place, (one, next_) in enumerate(pairwise(every)) if one >= next_)
        what = "twice" if every[later] == every[later + 1] else "out of order"
        raise BadPageError(f"a row of {ticker} stands {what}: that of {utc_text(every[later + 1])}.")


def _as_json(text: bytes) -> bytes:
    name = text[: text.index(b",")]
    inner = text.replace(b"\n" + name + b",", b"],[")
    return b"[[%b]]" % inner[len(name) + 1 : -1]


def _wanted_runs(block: bytes, wanted: frozenset[str] | None) -> Iterator[tuple[str, bytes]]:
    """Yield the runs of the wanted tickers. Raises `BadPageError` for a line or a ticker that is none."""
    place = 0
    for run in _runs(block):
        if run.start() != place:
            break
        place = run.end()
        try:
            ticker = run[1].decode()
        except UnicodeDecodeError as fault:
            raise BadPageError("a row has a ticker that is no text.") from fault
        # of any row: in quotes it would not be the ticker that is wanted
        if not is_ticker(ticker) or is_quoted(ticker):
            raise BadPageError(f"a row has a ticker that is none: {ticker[:40]!r}.")
        if wanted is None or ticker in wanted:
            yield ticker, run[0]
    if place != len(block):
        line = block[place:].partition(b"\n")[0]
        raise BadPageError(f"a line has no columns: {line[:100].decode(errors='replace')!r}.")


def day_text(moment_ms: int) -> str:
    try:
        return utc_text(moment_ms)[:10]
    except (ValueError, OverflowError, OSError):
        return "an impossible time"


def _unusable(ticker: str, text: bytes, fault: Exception) -> BadPageError:
    """Return the error that names the row."""
    for line in text.splitlines():
        try:
            _decode(_as_json(line + b"\n"))
        except (msgspec.MsgspecError, UnicodeDecodeError) as refused:
            shown = line[:100].decode(errors="replace")
            return BadPageError(f"a row is not usable: {shown!r} ({refused}).", detail=str(fault))
    return BadPageError(f"the rows of {ticker} are not usable.", detail=str(fault))
