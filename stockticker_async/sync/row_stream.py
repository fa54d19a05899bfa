"""A row stream in a sync: the days that are missing, and the days that are read.

The API's rows are passed on unchanged. The cursor is the last finished day that was requested. Late rows are
read by the look-back, so an answer without rows does not hold the cursor.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from stockticker_async.errors import ConfigError, ConnectorError, RowTooLargeError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata import calendar
from stockticker_async.marketdata.responses import Refusal, RefusalReason
from stockticker_async.marketdata.rows import Row
from stockticker_async.streams.table import Stream
from stockticker_async.sync.failures import Failure, name_list
from stockticker_async.sync.job import WHOLE_MARKET
from stockticker_async.sync.sink import Sink
from stockticker_async.sync.state import StreamCursors
from stockticker_async.sync.state_format import Entry
from stockticker_async.sync.windows import Days

_log = logging.getLogger(__name__)

_CHUNK = 500
"""The most rows that are encoded at once; rows are longer than bars."""
_CHUNK_LETTERS = 1_000_000
"""The most letters of such rows. The rows of an article have its texts in common: 300 tickers, 300 times."""


Lack = Literal["rows", "page", "count"]
"""What an answer lacks: all rows, the rows of a further page, or rows by its own count."""


class NoCursor:
    """The state of a stream without a cursor. It covers nothing, but Airbyte requires a state."""

    def blob(self) -> JsonObject:
        return {"version": 1}


class RowStream(msgspec.Struct):
    """A stream whose rows are passed on as the API gave them."""

    stream: Stream
    sink: Sink
    names: tuple[str, ...]
    """The tickers, or `WHOLE_MARKET` alone."""
    cursors: StreamCursors | None = None
    """None: the stream has no cursor."""
    lookback_days: int = 0
    firsts: dict[str, date | None] = msgspec.field(default_factory=dict)
    """The tickers to read, each with its first day; None if the stream has no days."""
    failures: list[Failure] = msgspec.field(default_factory=list)
    confirmed_refusals: set[RefusalReason] = msgspec.field(default_factory=set)
    """Why the plan refused calls of this stream, each repeated once."""
    sparse: bool = False
    """Whether it is normal for a ticker to have no rows."""
    _silent: dict[str, None] = msgspec.field(default_factory=dict)
    """Tickers with an empty answer, in order."""
    _short: dict[str, None] = msgspec.field(default_factory=dict)
    """Tickers with an answer whose number of rows differs from its own count."""
    _cut: dict[str, None] = msgspec.field(default_factory=dict)
    """Tickers with a further page that was announced, and is empty."""
    _late: dict[str, None] = msgspec.field(default_factory=dict)
    """Tickers without a late row in two answers."""
    _late_since: date | None = None
    _spoken: set[Any] = msgspec.field(default_factory=set)
    """Requested tickers with written rows: one of several answers for a ticker may be empty.

    `WHOLE_MARKET` stands for all tickers of a market, of which nobody knows how many an API will name."""
    _held: set[str] = msgspec.field(default_factory=set)
    """Tickers with a row that could not be written: their cursors do not move."""

    def begin(self, days: Days, end: date | None) -> None:
        """Find the first day of each ticker, after the splits were compared."""
        if self.cursors is None:
            self.firsts = dict.fromkeys(self.names)
            return
        for name, entry in self.cursors.start.entries.items():
            first = first_day(entry, lookback_days=self.lookback_days, days=days, end=end)
            if first is not None:
                self.firsts[name] = first

    async def rows(self, rows: Sequence[Row]) -> None:
        """Write the rows. A row that is too large fails its ticker, or the stream if it has none."""
        if self.names == (WHOLE_MARKET,):
            self._spoken.update(self.names if rows else ())
        else:
            self._spoken.update(row.get("stock_ticker") for row in rows)
        for chunk in _chunks(rows):
            await self.sink.rows(chunk, self._leave_out)

    def _leave_out(self, row: Row, error: RowTooLargeError) -> None:
        name = row.get("stock_ticker")
        names = (name,) if name in self.names else self.names
        self._held.update(names)
        keys = (f"{key} {str(row[key])[:60]}" for key in self.stream.primary_key)
        text = f"{error.message.rstrip('.')} ({', '.join(keys)}). The other rows were written."
        self.failures.append(Failure(names if "stock_ticker" in row else (), ConnectorError(text)))

    async def cover(self, names: Sequence[str], through: date) -> None:
        """Note that all rows up to ``through``, included, were requested and put."""
        if self.cursors is not None:
            for name in names:
                if name not in self._held:
                    self.cursors.cover(name, through)
        await self.sink.state_due()

    def doubt(self, names: Sequence[str], since: date) -> None:
        """Note that rows from ``since`` on may be missing, though they counted as requested and put."""
        if self.cursors is not None:
            for name in names:
                self.cursors.doubt(name, since)

    def lack(self, names: Sequence[str], what: Lack) -> None:
        """Note what two answers for these tickers lack."""
        lists = {"rows": self._silent, "page": self._cut, "count": self._short}
        lists[what].update(dict.fromkeys(names or (WHOLE_MARKET,)))

    def lack_late(self, names: Sequence[str], since: date | None) -> None:
        """Note that two answers have no row of these tickers on ``since`` or later (None: no row at all)."""
        self._late.update(dict.fromkeys(names))
        self._late_since = since

    def warn_of_lacking(self) -> None:
        """Warn about accepted answers that may have left out rows."""
        silent = [name for name in {**self._silent, **self._late} if name not in self._spoken]
        if silent:
            level = logging.INFO if self.sparse else logging.WARNING
            _log.log(level, "%s: the API, asked twice, has no rows%s.", self.stream.name, _whose(silent))
        if self.sparse and (without := self._without_rows(silent)):
            _log.info("%s: the API has no rows%s.", self.stream.name, _whose(without))
        late = [name for name in self._late if name in self._spoken]
        if late:
            warn(self, f"the API, asked twice, has no rows since {self._late_since}{_whose(late)}.")
        if self._cut:
            announced = "announces a further page and has no rows on it: rows may be missing"
            warn(self, f"the API, asked twice, {announced}{_whose([*self._cut])}.")
        if self._short:
            whose = _whose([*self._short])
            warn(self, f"the API, asked twice, has more or fewer rows than its own count says{whose}.")

    def _without_rows(self, told: Sequence[str]) -> list[str]:
        """Return the requested tickers without a row among others with rows."""
        failed = {name for failure in self.failures for name in failure.names}
        others = self._spoken | failed | {*told, WHOLE_MARKET}
        return [name for name in self.firsts if name not in others]

    def refused(self, names: Sequence[str], refusal: Refusal) -> None:
        """Note that the plan does not include these rows: only this stream fails."""
        what, remedy = "endpoint", "leave the stream out, or change the plan"
        if refusal.why is RefusalReason.TIMEFRAME:
            what, remedy = "history", "leave the stream out, set start_date later, or change the plan"
        elif refusal.why is RefusalReason.UNPUBLISHED:
            what, remedy = "day yet", "sync again when it is over"
        text = f"the plan of this key does not include this {what}: {remedy}."
        self.failures.append(Failure(tuple(names), ConfigError(text, detail=refusal.text)))

    def missing(self, names: Sequence[str]) -> None:
        """Note that the server at base_url does not know the path."""
        text = "the address has no such endpoint (404): leave the stream out, or check base_url."
        self.failures.append(Failure(tuple(names), ConfigError(text)))


def _whose(names: Sequence[str]) -> str:
    return "" if WHOLE_MARKET in names else f" for {name_list(names)}"


def first_day(entry: Entry, *, lookback_days: int, days: Days, end: date | None) -> date | None:
    """Return the first day to read for a ticker, or None if there is nothing to read.

    There is nothing to read if the cursor is at the configured end, or ahead of the last finished day.
    """
    if entry.cursor is None:
        return entry.since
    if entry.cursor > days.settled or (end is not None and entry.cursor >= end):
        return None
    return max(entry.since, entry.cursor + timedelta(days=1 - lookback_days))


def settled(days: Days, moment: datetime, end: date | None) -> date:
    """Return the last requested day that is over by this machine's clock and by the API's."""
    passed = min(days.settled, calendar.last_settled(moment))
    return passed if end is None else min(passed, end)


def warn(row_stream: RowStream, text: str) -> None:
    _log.warning("%s: %s", row_stream.stream.name, text)


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield the rows in parts that are encoded at once. A row with more letters is a part of its own."""
    begin = letters = 0
    for place, row in enumerate(rows):
        more = _letters(row)
        if place - begin == _CHUNK or (place > begin and letters + more > _CHUNK_LETTERS):
            yield rows[begin:place]
            begin, letters = place, 0
        letters += more
    if begin < len(rows):
        yield rows[begin:]


def _letters(row: Row) -> int:
    """Return the letters of the texts in a row, also of nested ones."""
    letters, left = 0, list[Any](row.items())
    while left:
        value = left.pop()
        kind = type(value)
        if kind is str:
            letters += len(value)
        elif kind is dict:
            left += value.items()
        elif kind is list or kind is tuple:
            left += value
    return letters
