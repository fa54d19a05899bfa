"""The interface between a sync and its caller: a sink takes the rows, states and status of a stream.

Invariants of every sink: it takes rows in the order of the calls, and a state that it writes covers only rows
that it took before. `rows` and `BarChunk.put` return when the rows are taken; a slow reader delays
them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Sequence
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from stockticker_async.errors import ConnectorError, RowTooLargeError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.bar_pages import Chunk
from stockticker_async.marketdata.bars import Asked, Bar, GroupedBar
from stockticker_async.streams.table import Stream

TooLarge = Callable[[Any, RowTooLargeError], None]


class StateSource(Protocol):
    """Builds the state of a stream."""

    def blob(self) -> JsonObject:
        """Return the current state."""


class BarChunk(Chunk, Protocol):
    """Bars converted to the form of the sink, but not put yet."""

    async def put(self) -> None:
        """Put the bars on the sink."""


class WholeFile(Protocol):
    """A flat file of minutes that is judged and converted, but not put yet."""

    @property
    def rows(self) -> int:
        """The number of usable rows."""

    @property
    def tickers(self) -> Collection[str]:
        """The tickers that have a usable row."""

    @property
    def strangers(self) -> Counter[str]:
        """The number of rows left out, by the day that they name."""

    async def put(self, otc: frozenset[str], *, keep_otc: bool) -> None:
        """Put the rows; those of the tickers in ``otc`` are marked, or left out."""


@runtime_checkable
class TakesFiles(Protocol):
    """A sink that decodes flat files of minutes itself, where all tickers are wanted."""

    def whole_file(self, packed: bytes, session: date) -> Generator[None, None, WholeFile]:
        """Judge and convert a file; gives way after each piece. Raises `BadPageError`."""


@runtime_checkable
class TakesFileText(Protocol):
    """A sink that takes the judged lines of flat files of minutes as text, where all tickers are wanted."""

    async def file_text(self, text: bytes, session: date, *, otc: frozenset[str], keep_otc: bool) -> bool:
        """Take whole lines; the tickers in ``otc`` are marked, or left out.

        Returns False, and takes nothing, if a line has to be left out as a row of another day.
        """


class Sink(Protocol):
    """Takes the rows of one stream."""

    @property
    def name(self) -> str:
        """The name of the stream."""

    @property
    def failed(self) -> bool:
        """Whether the stream ended with `fail`."""

    @property
    def closes_only(self) -> bool:
        """Whether `chunk` reads no more of a bar than a `Close` has."""

    def chunk(self, bars: Sequence[Bar], asked: Asked) -> BarChunk:
        """Convert bars of one ticker, ascending, at least one. This is the hot path."""

    def session_chunk(self, bars: Sequence[GroupedBar], session: date, *, adjusted: bool) -> BarChunk:
        """Convert bars of many tickers in one session, at least one. Hot, too."""

    async def rows(self, rows: Sequence[JsonObject], too_large: TooLarge | None = None) -> None:
        """Take rows. A row that is too large is skipped and passed to ``too_large``.

        Raises `RowTooLargeError` if ``too_large`` is None, and `BadPageError` for a row that cannot be
        encoded.
        """

    async def start(self) -> None:
        """The stream begins."""

    async def replaced(self) -> None:
        """The state that the sync started from is no longer valid: write the new one before the first row."""

    async def estimate(self, *, rows: int) -> None:
        """Announce the approximate number of rows."""

    async def state_due(self) -> None:
        """Write a state if one is due. Called whenever days may have been covered."""

    async def waits(self, until: datetime) -> None:
        """No row comes until this time: the allowance of the API is used up."""

    async def complete(self) -> None:
        """End the stream without an error. Does nothing if it has ended."""

    async def fail(self, errors: Sequence[ConnectorError]) -> None:
        """End the stream with these errors; without errors it was interrupted."""


OpenSink = Callable[[Stream, StateSource], Sink]
"""Makes the sink of a stream; the `StateSource` builds its states."""
