"""The messages of one stream in the order of the protocol, and the decision when a STATE is due.

The order is STARTED, RUNNING at the first record, records with states between them, a last STATE, COMPLETE or
INCOMPLETE. Invariants: ``recordCount`` is the number of records since the previous state; two consecutive
states differ (a counter is added if only records came between them); each stream writes at least one state;
a state is put after the records that it covers.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import anyio
import msgspec

from stockticker_async.connector import protocol
from stockticker_async.connector.bar_lines import Lines, bar_lines, price_lines, session_price_lines
from stockticker_async.connector.command_context import CommandContext
from stockticker_async.connector.file_text import file_lines
from stockticker_async.connector.output import PIECE_BYTES
from stockticker_async.errors import BadPageError, ConnectorError, RowTooLargeError
from stockticker_async.json_object import JsonObject
from stockticker_async.marketdata.bars import Asked, Bar, GroupedBar
from stockticker_async.streams.bar_rows import bar_rows
from stockticker_async.streams.table import Bars, Stream
from stockticker_async.sync.sink import StateSource, TooLarge

_STATE_EVERY = 5.0
"""Seconds between states, while there is progress and states are a small part of the bytes."""
_FIRST_STATE = 0.5
"""Seconds until the first state, so that a sync that is killed early does not begin from the start."""
_STATE_LATEST = 600.0
"""Seconds of progress after which a state is written whatever its size."""
_STATE_SHARE = 0.05
_SILENCE = 1800.0
"""Seconds without a record or a state after which a state is written for the platform's heartbeat, which
counts only these messages and stops a sync after three hours by default."""
_SAME_RESET = 1.0  # seconds: two announced ends of a wait that are this close count as one


_ROW_BYTES: Mapping[str, int] = {"prices": 140, "bars": 340}  # bytes of a line, including the envelope


class _Chunk(msgspec.Struct, frozen=True):
    """Encoded lines that are not put on the output yet. Implements `sink.BarChunk`."""

    emitter: "Emitter"
    lines: Lines

    @property
    def size_bytes(self) -> int:
        return self.lines.size_bytes

    async def put(self) -> None:
        await self.emitter.lines(self.lines.data, self.lines.count)


class Emitter:
    """Writes the messages of one stream. Implements `sink.Sink`."""

    def __init__(self, stream: Stream, state_source: StateSource, context: CommandContext) -> None:
        self.name = stream.name
        self._bars = stream.source.rows if isinstance(stream.source, Bars) else None
        self.failed = False
        self._finished = False
        self._state_source = state_source
        self._context = context
        self._output = context.output
        self._clock = context.clock
        self._running = False
        self._waits_until: datetime | None = None
        self._records = 0
        self._record_bytes = 0
        self._state_bytes = 0
        self._state_size = 0
        self._blob: JsonObject | None = None
        self._repetitions = 0
        self._state_at = self._line_at = context.clock.monotonic()
        self._turn = anyio.Lock(fast_acquire=True)  # `Output.put` gives way

    async def start(self) -> None:
        await self._status("STARTED")

    async def replaced(self) -> None:
        """Put a STATE before the first record: the state that the sync started from is no longer valid."""
        async with self._turn:
            await self._state(even_unchanged=True)

    async def estimate(self, *, rows: int) -> None:
        size_bytes = rows * _ROW_BYTES[self._bars or "bars"]
        at_ms = self._clock.emitted_at_ms()
        await self._output.put(
            protocol.estimate(self.name, rows=rows, size_bytes=size_bytes, emitted_at_ms=at_ms)
        )

    @property
    def closes_only(self) -> bool:
        return self._bars == "prices"

    def chunk(self, bars: Sequence[Bar], asked: Asked) -> _Chunk:
        at_ms = self._clock.emitted_at_ms()
        if self._bars == "prices":
            return _Chunk(self, price_lines(self.name, asked.ticker, bars, emitted_at_ms=at_ms))
        return _Chunk(self, bar_lines(self.name, bars, asked=asked, emitted_at_ms=at_ms))

    async def file_text(self, text: bytes, session: date, *, otc: frozenset[str], keep_otc: bool) -> bool:
        """Implements `sink.TakesFileText`."""
        at_ms = self._clock.emitted_at_ms()
        lines = file_lines(self.name, text, session, otc=otc, keep_otc=keep_otc, emitted_at_ms=at_ms)
        if lines is None:
            return False
        if lines.count:
            await self.lines(lines.data, lines.count)
        return True

    def session_chunk(self, bars: Sequence[GroupedBar], session: date, *, adjusted: bool) -> _Chunk:
        at_ms = self._clock.emitted_at_ms()
        if self._bars == "prices":
            return _Chunk(self, session_price_lines(self.name, bars, session, emitted_at_ms=at_ms))
        rows = bar_rows(bars, session, adjusted=adjusted)
        return _Chunk(self, Lines(protocol.records(self.name, rows, emitted_at_ms=at_ms), len(rows)))

    async def rows(self, rows: Sequence[JsonObject], too_large: TooLarge | None = None) -> None:
        """Put the rows as RECORDs, in as many output pieces as needed.

        A row that is larger than a piece is skipped and passed to ``too_large``; without ``too_large`` it
        raises `RowTooLargeError`. Raises `BadPageError` for a row that is nested too deeply: orjson reads
        1024 levels, and writes 254.
        """
        if not rows:
            return
        lines = self._encoded(rows)
        if isinstance(lines, bytes):
            # the API's texts and links may repeat the key; bars have neither
            await self.lines(lines if self._bars else self._context.mask.in_records(lines), len(rows))
        elif len(rows) > 1:
            middle = len(rows) // 2
            await self.rows(rows[:middle], too_large)
            await self.rows(rows[middle:], too_large)
        elif too_large is None:
            raise lines
        else:
            too_large(rows[0], lines)

    def _encoded(self, rows: Sequence[JsonObject]) -> bytes | RowTooLargeError:
        """Return the lines of the rows, or the error of those that take more than a piece."""
        at_ms = self._clock.emitted_at_ms()
        try:
            lines = protocol.records(self.name, rows, emitted_at_ms=at_ms, most_bytes=PIECE_BYTES)
        except RowTooLargeError as error:
            return error.with_traceback(None)  # which would keep the rows
        except TypeError as fault:
            raise BadPageError("a row is nested too deeply.", detail=str(fault)) from fault
        return lines if len(lines) <= PIECE_BYTES else RowTooLargeError(len(lines), PIECE_BYTES)

    async def lines(self, lines: bytes, count: int) -> None:
        """Put ``count`` encoded RECORDs.

        They are dropped if the stream has ended, because no later state would cover them.
        """
        async with self._turn:
            if self._finished:
                return
            await self._run()
            await self._output.put(lines)
            self._context.observer.records(self.name, count)
            self._records += count
            self._record_bytes += len(lines)
            self._waits_until = None
            self._line_at = self._clock.monotonic()

    async def waits(self, until: datetime) -> None:
        """Put RUNNING with RATE_LIMITED, once for each end of the wait."""
        async with self._turn:
            announced = self._waits_until
            if self._finished or (
                announced is not None and abs((until - announced).total_seconds()) < _SAME_RESET
            ):
                return
            self._waits_until = until
            self._running = True
            await self._output.put(
                protocol.stream_status(
                    self.name,
                    "RUNNING",
                    emitted_at_ms=self._clock.emitted_at_ms(),
                    rate_limited_until_ms=int(until.timestamp() * 1000),
                )
            )
            self._context.observer.status(self.name, "RUNNING")
            self._context.observer.waits(until)

    async def state_due(self) -> None:
        """Put a STATE if one is due. Called whenever days may have been covered."""
        if not self._is_due():
            return  # the usual case, which need not wait for the lock
        async with self._turn:
            if self._is_due():  # another task may have put it, or ended the stream, meanwhile
                silent = self._since(self._line_at) >= _SILENCE
                must = silent or self._since(self._state_at) >= _STATE_LATEST
                await self._state(even_unchanged=silent, even_heavy=must)

    async def complete(self) -> None:
        async with self._turn:
            if not self._finished:
                await self._run()
                await self._state(even_unchanged=self._blob is None)
                await self._end("COMPLETE")

    async def fail(self, errors: Sequence[ConnectorError]) -> None:
        """Put the errors, a last STATE and INCOMPLETE; does nothing if the stream has ended.

        Without errors the stream was interrupted.
        """
        async with self._turn:
            if not self._finished:
                self.failed = True
                for error in errors:
                    await self._context.report_error(error, stream=self.name)
                await self._state(even_unchanged=self._blob is None)
                await self._end("INCOMPLETE")

    async def _end(self, status: protocol.Status) -> None:
        """Put the last message. If a signal interrupts this, the stream is still to be ended."""
        await self._status(status)
        self._finished = True

    async def _run(self) -> None:
        """Put RUNNING, once. The acceptance tests require it for empty streams, too."""
        if not self._running or self._waits_until is not None:
            self._running = True
            await self._status("RUNNING")

    def _is_due(self) -> bool:
        """Whether a state is due, judged without building the state."""
        waited = self._since(self._state_at)
        if self._finished or waited < (_FIRST_STATE if self._blob is None else _STATE_EVERY):
            return False
        silent = self._since(self._line_at) >= _SILENCE
        return silent or waited >= _STATE_LATEST or self._is_light(self._state_size)

    def _since(self, moment: float) -> float:
        return self._clock.monotonic() - moment

    def _is_light(self, size: int) -> bool:
        return self._state_bytes + size <= _STATE_SHARE * self._record_bytes

    async def _state(self, *, even_unchanged: bool, even_heavy: bool = True) -> None:
        blob = self._state_source.blob()
        changed = blob != self._blob
        if not changed and not self._records and not even_unchanged:
            return
        state = blob if changed else {**blob, "repetition": self._repetitions + 1}
        # an ETag of the bucket may repeat a key
        line = self._context.mask.in_records(protocol.state(self.name, state, records=self._records))
        self._state_size = len(line)  # estimates the size of the next state, which takes time to build
        if not (even_heavy or self._is_light(len(line))):
            return
        # a signal may cancel this wait for room: the state counts as put only afterwards
        await self._output.put(line)
        self._context.observer.state(self.name)
        self._blob = blob
        self._repetitions += not changed
        self._records = 0
        self._state_bytes += len(line)
        self._state_at = self._line_at = self._clock.monotonic()

    async def _status(self, status: protocol.Status) -> None:
        await self._output.put(
            protocol.stream_status(self.name, status, emitted_at_ms=self._clock.emitted_at_ms())
        )
        self._context.observer.status(self.name, status)
