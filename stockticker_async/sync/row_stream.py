"""A row stream in a sync: what is still to be read of it, and what has been.

Its rows travel on as the API gave them. Its cursor is the last finished day that was asked for: rows may
come late, which is what a look-back is for, so that an answer without rows holds no cursor back.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

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
"""Rows that are turned into lines at once; they are longer than bars."""


class NoCursor:
    """The state of a stream without a cursor: it vouches for nothing, but every stream has to have one."""

    def blob(self) -> JsonObject:
        return {"version": 1}


@dataclass(slots=True)
class RowStream:
    """A stream whose rows are forwarded."""

    stream: Stream
    sink: Sink
    names: tuple[str, ...]
    """The tickers, or `MARKET` alone."""
    cursors: StreamCursors | None = None
    """None: it has no cursor."""
    lookback_days: int = 0
    firsts: dict[str, date | None] = field(default_factory=dict)
    """The tickers to read, and of each the first day; None where days do not matter."""
    failures: list[Failure] = field(default_factory=list)
    _silent: dict[str, None] = field(default_factory=dict)
    """Tickers of an answer without a row, in order."""
    _short: dict[str, None] = field(default_factory=dict)
    """Tickers of an answer with another number of rows than it says."""
    _spoken: set[Any] = field(default_factory=set)
    """Whose rows were written: of several answers for a ticker one may be empty."""
    _held: set[str] = field(default_factory=set)
    """Tickers of which a row could not be written: their cursors stay."""

    def begin(self, days: Days, end: date | None) -> None:
        """Find out what is to be read, once the cursors knows the splits."""
        if self.cursors is None:
            self.firsts = dict.fromkeys(self.names)
            return
        for name, entry in self.cursors.start.entries.items():
            first = first_day(entry, lookback_days=self.lookback_days, days=days, end=end)
            if first is not None:
                self.firsts[name] = first

    async def rows(self, rows: Sequence[Row]) -> None:
        """Write them. One that is too large fails its own ticker, or all where it has none."""
        self._spoken.update(row.get("stock_ticker") for row in rows)
        for begin in range(0, len(rows), _CHUNK):
            await self.sink.rows(rows[begin : begin + _CHUNK], self._leave_out)

    def _leave_out(self, row: Row, error: RowTooLargeError) -> None:
        name = row.get("stock_ticker")
        names = (name,) if name in self.names else self.names
        self._held.update(names)
        keys = (f"{key} {str(row[key])[:60]}" for key in self.stream.primary_key)
        text = f"{error.message.rstrip('.')} ({', '.join(keys)}). The other rows were written."
        self.failures.append(Failure(names, ConnectorError(text)))

    async def cover(self, names: Sequence[str], through: date) -> None:
        """Everything up to that day, included, was asked for and put."""
        if self.cursors is not None:
            for name in names:
                if name not in self._held:
                    self.cursors.cover(name, through)
        await self.sink.state_due()

    def lack(self, names: Sequence[str], *, short: bool) -> None:
        """An answer for these tickers, asked for twice, has no row, or (``short``) not as many as it says."""
        (self._short if short else self._silent).update(dict.fromkeys(names or (WHOLE_MARKET,)))

    def warn_of_lacking(self) -> None:
        """Warn of what was believed, though it may have left something out."""
        silent = [name for name in self._silent if name not in self._spoken]
        if silent and not (silent == [WHOLE_MARKET] and self._spoken):
            warn(self, f"the API, asked twice, has no rows{_whose(silent)}.")
        if self._short:
            whose = _whose([*self._short])
            warn(self, f"the API, asked twice, has more or fewer rows than its own count says{whose}.")

    def refused(self, names: Sequence[str], refusal: Refusal) -> None:
        """The plan does not give these rows: this stream fails, and no other."""
        what, remedy = "endpoint", "leave the stream out, or change the plan"
        if refusal.why is RefusalReason.TIMEFRAME:
            what, remedy = "history", "leave the stream out, set start_date later, or change the plan"
        elif refusal.why is RefusalReason.UNPUBLISHED:
            what, remedy = "day yet", "sync again when it is over"
        text = f"the plan of this key does not include this {what}: {remedy}."
        self.failures.append(Failure(tuple(names), ConfigError(text, detail=refusal.text)))

    def missing(self, names: Sequence[str]) -> None:
        """The API, or what stands at its address, does not know the path at all."""
        text = "the address has no such endpoint (404): leave the stream out, or check base_url."
        self.failures.append(Failure(tuple(names), ConfigError(text)))


def _whose(names: Sequence[str]) -> str:
    return "" if WHOLE_MARKET in names else f" for {name_list(names)}"


def first_day(entry: Entry, *, lookback_days: int, days: Days, end: date | None) -> date | None:
    """Where reading a ticker begins in this sync. None: there is nothing to read.

    A cursor at the configured end, or ahead of the last finished day, asks for nothing.
    """
    if entry.cursor is None:
        return entry.since
    if entry.cursor > days.settled or (end is not None and entry.cursor >= end):
        return None
    return max(entry.since, entry.cursor + timedelta(days=1 - lookback_days))


def settled(days: Days, moment: datetime, end: date | None) -> date:
    """The last day that has passed by both clocks and is asked for."""
    passed = min(days.settled, calendar.last_settled(moment))
    return passed if end is None else min(passed, end)


def warn(row_stream: RowStream, text: str) -> None:
    _log.warning("%s: %s", row_stream.stream.name, text)
