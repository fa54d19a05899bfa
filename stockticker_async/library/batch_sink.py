"""The rows of a sync as record batches, into a channel; what a sync tells of itself is for nobody here."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from stockticker_async.errors import ConnectorError
from stockticker_async.json_object import JsonObject
from stockticker_async.library.arrow_schemas import schema_of
from stockticker_async.library.bar_columns import ROW_BYTES, Rows, bars_batch, session_batch
from stockticker_async.library.channel import Channel, Convert
from stockticker_async.library.row_columns import rows_batch
from stockticker_async.marketdata.bars import Asked, Bar, GroupedBar
from stockticker_async.streams.table import Bars, Stream
from stockticker_async.sync.sink import StateSource, TooLarge

if TYPE_CHECKING:
    from stockticker_async.library.file_batches import FileBatches


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A batch that was not put yet. Implements `sink.BarChunk`."""

    batch: pa.RecordBatch
    channel: Channel

    @property
    def size_bytes(self) -> int:
        return ROW_BYTES * int(self.batch.num_rows)

    async def put(self) -> None:
        self.channel.put(self.batch)


@dataclass(frozen=True, slots=True)
class _SessionBars:
    """Bars of a session, converted when all of the session are there. Implements `sink.BarChunk`."""

    bars: Sequence[GroupedBar]
    session: date
    convert: Convert
    channel: Channel

    @property
    def size_bytes(self) -> int:
        return ROW_BYTES * len(self.bars)

    async def put(self) -> None:
        self.channel.put_session(self.session, self.bars, self.convert)


class BatchSink:
    """One stream's. Implements `sink.Sink`."""

    def __init__(self, stream: Stream, vouched: StateSource, channel: Channel) -> None:
        self.name = stream.name
        self.failed = False
        self._ended = False
        self.failures: tuple[ConnectorError, ...] = ()
        """Why the stream has ended before its end, or lacks some tickers' rows."""
        self.vouched = vouched
        self._channel = channel
        self._schema = schema_of(stream)
        self._rows: Rows = stream.source.rows if isinstance(stream.source, Bars) else "bars"

    @property
    def closes_only(self) -> bool:
        return self._rows == "prices"

    def chunk(self, bars: Sequence[Bar], asked: Asked) -> _Chunk:
        return _Chunk(bars_batch(self._rows, self._schema, bars, asked), self._channel)

    def whole_file(self, packed: bytes, session: date) -> Generator[None, None, "FileBatches"]:
        """Implements `sink.TakesFiles`."""
        # Arrow's functions take a twentieth of a second, which a read without files does not spend
        from stockticker_async.library.file_batches import FileBatches  # noqa: PLC0415

        return FileBatches(self._schema, self._channel, session).read(packed)

    def session_chunk(self, bars: Sequence[GroupedBar], session: date, *, adjusted: bool) -> "_SessionBars":
        convert = partial(session_batch, self._rows, self._schema, session=session, adjusted=adjusted)
        return _SessionBars(bars, session, convert, self._channel)

    async def rows(self, rows: Sequence[JsonObject], too_large: TooLarge | None = None) -> None:
        """None is too large. Raises `BadPageError` for what is not of the stream's schema."""
        del too_large
        if rows:
            self._channel.put(rows_batch(self._schema, rows))

    async def start(self) -> None:
        """Nobody is told."""

    async def replaced(self) -> None:
        """Nobody is told."""

    async def estimate(self, *, rows: int) -> None:
        """Nobody is told."""

    async def state_due(self) -> None:
        """Nobody keeps a state."""

    async def waits(self, until: datetime) -> None:
        """Nobody is told."""

    async def complete(self) -> None:
        self._ended = True

    async def fail(self, errors: Sequence[ConnectorError]) -> None:
        if not self._ended:
            self._ended = self.failed = True
            self.failures = tuple(errors)
