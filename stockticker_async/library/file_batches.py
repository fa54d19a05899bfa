"""A flat file of minutes to record batches: decoded by Arrow's own CSV reader, and judged column by column.

The guards are those of `marketdata.file_rows`, row by row the same; each is a few vector operations on a
block of some 50,000 rows. A file is held in columns until all of it has been judged: 60 bytes a row, 130 MB
of a whole market. Decoding it a second time instead would take as long as everything else together.
"""

from collections import Counter
from collections.abc import Collection, Generator, Iterator
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from stockticker_async.errors import BadPageError
from stockticker_async.library.arrow_schemas import MOMENT, TICKERS
from stockticker_async.library.channel import Channel
from stockticker_async.marketdata.calendar import TRADING_MS, is_weekday, midnight_ms, utc_text
from stockticker_async.marketdata.file_lines import blocks
from stockticker_async.marketdata.file_rows import MOST_TICKERS, day_text, is_of_another_day
from stockticker_async.marketdata.session_files import COLUMNS
from stockticker_async.marketdata.ticker_name import is_quoted, strange_name

_BLOCK_BYTES = 4_000_000
_NS = 1_000_000
_MINUTE_NS = 60_000 * _NS
_FIGURES = ("volume", "open", "close", "high", "low", "transactions")
_CONVERT = csv.ConvertOptions(
    column_types={
        "ticker": TICKERS,
        "window_start": pa.int64(),
        **dict.fromkeys(_FIGURES, pa.float64()),
    },
    null_values=[],
    strings_can_be_null=False,
)
_PARSE = csv.ParseOptions(quote_char=False, ignore_empty_lines=False)


class FileBatches:
    """The judged rows of one file, all tickers. Implements `sync.sink.WholeFile`."""

    def __init__(self, schema: pa.Schema, channel: Channel, session: date) -> None:
        self.rows = 0
        self.strangers: Counter[str] = Counter()
        self._schema = schema
        self._channel = channel
        self._session = session
        self._last: dict[str, int] = {}
        """The time of the last row of each ticker, in nanoseconds."""
        self._batches: list[pa.RecordBatch] = []

    @property
    def tickers(self) -> Collection[str]:
        return self._last.keys()

    def read(self, packed: bytes) -> Generator[None, None, "FileBatches"]:
        """Decode and judge the file; gives way after each block. Raises `BadPageError`."""
        for text in _large(blocks(packed)):
            batch = self._judged(_decoded(text))
            if len(self._last) > MOST_TICKERS:
                raise BadPageError(f"the file has more than {MOST_TICKERS:,} tickers.")
            if batch.num_rows:
                self._batches.append(batch)
                self.rows += batch.num_rows
            yield
        if not self._batches and not self.strangers:
            raise BadPageError("the file has no rows.")
        if is_of_another_day(self.strangers.total(), self.rows):
            raise BadPageError(
                f"the file of {self._session} has {self.strangers.total()} rows of other days."
            )
        return self

    async def put(self, otc: frozenset[str], *, keep_otc: bool) -> None:
        self._channel.by_session = True
        marked = pa.array(sorted(otc), pa.string())
        while self._batches:
            batch = self._batches.pop(0)
            await self._channel.room()
            self._channel.put(self._columns(batch, marked, keep_otc=keep_otc))

    def _judged(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the usable rows of a block. Raises `BadPageError`."""
        names = batch["ticker"].dictionary.to_pylist()
        strange = strange_name(names)
        if strange is None:
            strange = next(filter(is_quoted, names), None)
        if strange is not None:
            raise BadPageError(f"a row has a ticker that is none: {strange[:40]!r}.")
        begin = midnight_ms(self._session)
        opens, closes = ((begin + moment) * _NS for moment in TRADING_MS)
        if batch.num_rows:
            low, high = pc.min_max(batch["window_start"]).as_py().values()
            if not (is_weekday(self._session) and opens <= low and high < closes):
                batch = self._without_strangers(batch, opens, closes)
        if batch.num_rows:
            self._judge_figures(batch)
            self._judge_times(batch)
        return batch

    def _without_strangers(self, batch: pa.RecordBatch, opens: int, closes: int) -> pa.RecordBatch:
        moments = batch["window_start"]
        own = pc.and_(pc.greater_equal(moments, opens), pc.less(moments, closes))
        if not is_weekday(self._session):
            own = pc.and_(own, pa.scalar(False))  # noqa: FBT003 - the value itself
        for moment in moments.filter(pc.invert(own)).to_pylist():
            self.strangers[day_text(moment // _NS)] += 1
        return _some(batch, own)

    def _judge_figures(self, batch: pa.RecordBatch) -> None:
        for name in _FIGURES:
            if not pc.all(pc.is_finite(batch[name])).as_py():
                raise BadPageError(f"a row is not usable: its {name} is no finite number.")
        for name in ("volume", "low", "close", "transactions"):
            if pc.min(batch[name]).as_py() < 0:
                raise BadPageError(f"a row is not usable: its {name} is below zero.")
        if not pc.all(pc.less_equal(batch["low"], batch["high"])).as_py():
            raise BadPageError("a row has a low above its high.")

    def _judge_times(self, batch: pa.RecordBatch) -> None:
        moments, codes = batch["window_start"], batch["ticker"].indices
        whole = pc.multiply(pc.divide(moments, _MINUTE_NS), _MINUTE_NS)
        if not pc.all(pc.equal(whole, moments)).as_py():
            raise BadPageError("a row is not at a whole minute.")
        names = batch["ticker"].dictionary.to_pylist()
        changes = pc.add(pc.indices_nonzero(pc.not_equal(codes[1:], codes[:-1])), 1).to_pylist()
        starts = [0, *changes]
        ends = [change - 1 for change in changes] + [batch.num_rows - 1]
        later = pc.greater(moments[1:], moments[:-1])
        same = pc.equal(codes[1:], codes[:-1])
        if not pc.all(pc.or_(later, pc.invert(same)), min_count=0).as_py():
            raise BadPageError(f"a row of {_misplaced(batch)} stands twice or out of order.")
        firsts, lasts = (moments.take(pa.array(places, pa.int64())).to_pylist() for places in (starts, ends))
        for code, first, last in zip(
            codes.take(pa.array(starts, pa.int64())).to_pylist(), firsts, lasts, strict=True
        ):
            name = names[code]
            if self._last.get(name, -1) >= first:
                raise BadPageError(
                    f"a row of {name} stands twice or out of order: that of {utc_text(first // _NS)}."
                )
            self._last[name] = last

    def _columns(self, batch: pa.RecordBatch, otc: pa.Array, *, keep_otc: bool) -> pa.RecordBatch:
        if len(otc):
            marks = pc.take(pc.is_in(batch["ticker"].dictionary, otc), batch["ticker"].indices)
            if not keep_otc:
                batch = _some(batch, pc.invert(marks))
                marks = pa.repeat(pa.scalar(False), batch.num_rows)  # noqa: FBT003 - the value itself
        else:
            marks = pa.repeat(pa.scalar(False), batch.num_rows)  # noqa: FBT003 - as above
        count = batch.num_rows
        columns = {
            "stock_ticker": batch["ticker"],
            "timestamp": pc.divide(batch["window_start"], 1000).cast(MOMENT),
            "date": pa.repeat(pa.scalar(self._session, pa.date32()), count),
            "vwap": pa.nulls(count, pa.float64()),
            "adjusted": pa.repeat(pa.scalar(False), count),  # noqa: FBT003 - as above
            "otc": marks,
            **{name: batch[name] for name in _FIGURES},
        }
        return pa.RecordBatch.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)


def _decoded(text: bytes) -> pa.RecordBatch:
    options = csv.ReadOptions(column_names=list(COLUMNS), use_threads=False, block_size=len(text) + 1)
    # Arrow's own allocator gives the memory of each block back, and pays for new pages: a fifth of all CPU
    pool = pa.system_memory_pool()
    try:
        table = csv.read_csv(pa.py_buffer(text), options, _PARSE, _CONVERT, pool)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as fault:
        raise BadPageError(f"a row is not usable: {str(fault)[:200]}.") from None
    return table.combine_chunks().to_batches()[0]


def _some(batch: pa.RecordBatch, mask: pa.Array) -> pa.RecordBatch:
    """Return some rows; the dictionary of tickers has no others."""
    chosen = batch.filter(mask)
    tickers = chosen["ticker"].cast(pa.string()).dictionary_encode()
    place = chosen.schema.get_field_index("ticker")
    return chosen.set_column(place, "ticker", tickers)


def _large(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same lines in larger blocks."""
    held: list[bytes] = []
    size_bytes = 0
    for block in lines:
        held.append(block)
        size_bytes += len(block)
        if size_bytes >= _BLOCK_BYTES:
            yield b"".join(held)
            held, size_bytes = [], 0
    if held:
        yield b"".join(held)


def _misplaced(batch: pa.RecordBatch) -> str:
    rows = zip(batch["ticker"].to_pylist(), batch["window_start"].to_pylist(), strict=True)
    before: tuple[str, int] = ("", 0)
    for name, moment in rows:
        if name == before[0] and moment <= before[1]:
            return str(name)
        before = name, moment
    return before[0]
