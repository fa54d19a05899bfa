"""Where the rows of a stream go, and what is told of it: all that a sync asks of whoever runs it.

What is true of every sink: it takes rows in the order of the calls, and a state that it tells vouches only
for rows that it took before. `rows`, `session` and a chunk's `put` return when the rows are taken, which
may take as long as the reader of the sink is slow.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from stockticker_async.errors import ConnectorError, RowTooLargeError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.bar_pages import Chunk
from stockticker_async.marketdata.bars import Asked, Bar, GroupedBar
from stockticker_async.streams.table import Stream

TooLarge = Callable[[Any, RowTooLargeError], None]


class StateSource(Protocol):
    """What a stream's state is made of."""

    def blob(self) -> JsonObject:
        """The state as of now."""


class BarChunk(Chunk, Protocol):
    """Some bars in the sink's own form, which it has not taken yet."""

    async def put(self) -> None:
        """Give them to the sink."""


class Sink(Protocol):
    """One stream's."""

    @property
    def name(self) -> str:
        """The stream's."""

    @property
    def failed(self) -> bool:
        """Whether the stream ended with `fail`."""

    @property
    def closes_only(self) -> bool:
        """Whether `chunk` reads no more of a bar than a `Close` has."""

    def chunk(self, bars: Sequence[Bar], asked: Asked) -> BarChunk:
        """Bars of one ticker, ascending, at least one: the hot path."""

    async def session(self, bars: Sequence[GroupedBar], session: date, *, adjusted: bool) -> None:
        """Take bars of many tickers, of one session."""

    async def rows(self, rows: Sequence[JsonObject], too_large: TooLarge | None = None) -> None:
        """Take rows. One that is too large is left out, and ``too_large`` hears of it.

        Raises `RowTooLargeError` where nobody is to hear of it, and `BadPageError` for a row that cannot
        be written.
        """

    async def start(self) -> None:
        """The stream begins."""

    async def replaced(self) -> None:
        """What the sync began with does not hold any more: a state says so before the first row."""

    async def estimate(self, *, rows: int) -> None:
        """About how many rows are to come."""

    async def state_due(self) -> None:
        """Tell a state if one is due: called whenever something may have been covered."""

    async def waits(self, until: datetime) -> None:
        """Nothing comes until then: the allowance of the API is used up."""

    async def complete(self) -> None:
        """The stream has ended well. Nothing if it has ended already."""

    async def fail(self, errors: Sequence[ConnectorError]) -> None:
        """The stream has ended, for these reasons; without any it was interrupted."""


OpenSink = Callable[[Stream, StateSource], Sink]
"""Makes the sink of a stream, whose states are to be those of what is vouched."""
