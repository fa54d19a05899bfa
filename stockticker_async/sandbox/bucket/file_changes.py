"""What can be wrong with a published file, by name: of its rows, of its bytes, of its publication.

A change holds as long as its fault does: listings, heads and ranges of the file agree on it. A file whose
content has changed has another ETag, and is last modified when the change came.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from stockticker_async.sandbox.data.flat_rows import HEADER

Change = Literal[
    "corrected", "touched",
    "other_day", "before_the_epoch", "fractional_volume", "odd_tickers", "quoted", "unordered",
    "repeated_row", "scattered_ticker", "no_price", "no_number", "negative_price", "inverted_range",
    "short_row",
    "columns_moved", "extra_column", "missing_column", "no_header", "no_rows", "empty_tail", "fewer_tickers",
    "no_bytes", "truncated", "wrong_crc", "broken", "no_gzip",
    "missing", "late",
]  # fmt: skip
CHANGES: tuple[Change, ...] = get_args(Change)

_DAY_NS = 86_400_000_000_000
_BEFORE_THE_EPOCH = "-68400000000000"  # seen in a file
_ODD = ("NA", "NULL", "NAN")  # seen in files, and no missing values
_TAIL = 5  # every fifth ticker lacks its last bars

TICKER, VOLUME, OPEN, CLOSE, HIGH, LOW, START = range(7)


@dataclass(slots=True)
class Table:
    """A file in rows of texts, in the order of its lines."""

    header: list[str]
    rows: list[list[str]]

    def of_one_ticker(self) -> slice:
        """The rows of the first ticker that has the most."""
        best, begin = slice(0, 0), 0
        for at in range(1, len(self.rows) + 1):
            if at == len(self.rows) or self.rows[at][TICKER] != self.rows[begin][TICKER]:
                if at - begin > best.stop - best.start:
                    best = slice(begin, at)
                begin = at
        return best

    def middle(self) -> list[str]:
        return self.rows[len(self.rows) // 2]


@dataclass(frozen=True, slots=True)
class Applied:
    """A change at work on a file."""

    change: Change
    since: float
    """Epoch seconds of the sandbox's clock."""
    column: str = "close"
    """The column that `missing_column` takes away."""
    seconds: float = 86_400.0
    """How much later `late` publishes."""


def changed_rows(table: Table, applied: Applied) -> None:
    """Apply a change of rows; other changes leave the table alone."""
    if applied.change == "missing_column":
        at = table.header.index(applied.column)
        for row in (table.header, *table.rows):
            del row[at]
    elif applied.change in _ROWS:
        _ROWS[applied.change](table)


def changed_bytes(content: bytes, applied: Applied) -> bytes:
    """Apply a change of bytes; other changes leave the content alone."""
    change = _BYTES.get(applied.change)
    return content if change is None else change(content)


def changes_content(applied: Applied) -> bool:
    return applied.change not in ("missing", "late", "touched")


def _cell(column: int, text: str) -> Callable[[Table], None]:
    """Write a text into the row in the middle."""

    def write(table: Table) -> None:
        table.middle()[column] = text

    return write


def _corrected(table: Table) -> None:
    """Another close within the range of the row in the middle, and one share more."""
    row = table.middle()
    row[CLOSE] = row[LOW] if row[CLOSE] != row[LOW] else row[HIGH]
    row[VOLUME] = str(int(float(row[VOLUME])) + 1)


def _other_day(table: Table) -> None:
    """The first rows once more, a day later."""
    moved = [list(row) for row in table.rows[:3]]
    for row in moved:
        row[START] = str(int(row[START]) + _DAY_NS)
    table.rows += moved


def _fractional_volume(table: Table) -> None:
    for row in table.rows:
        row[VOLUME] = str(int(float(row[VOLUME])) + 0.25)


def _odd_tickers(table: Table) -> None:
    """Rows of more tickers, whose names some readers take for missing values."""
    table.rows += [[name, *table.rows[0][1:]] for name in _ODD]


def _quoted(table: Table) -> None:
    """Tickers in quotes, as some writers of CSV put all texts."""
    for row in table.rows:
        row[TICKER] = f'"{row[TICKER]}"'


def _unordered(table: Table) -> None:
    """The rows of one ticker, descending."""
    where = table.of_one_ticker()
    table.rows[where] = table.rows[where][::-1]


def _repeated_row(table: Table) -> None:
    table.rows.insert(len(table.rows) // 2, list(table.middle()))


def _scattered_ticker(table: Table) -> None:
    """The second half of one ticker's rows stands at the end of the file."""
    where = table.of_one_ticker()
    half = slice((where.start + where.stop + 1) // 2, where.stop)
    moved = table.rows[half]
    del table.rows[half]
    table.rows += moved


def _short_row(table: Table) -> None:
    del table.middle()[-1]


def _inverted_range(table: Table) -> None:
    row = table.middle()
    row[HIGH], row[LOW] = row[LOW], str(float(row[HIGH]) + 1)


def _columns_moved(table: Table) -> None:
    for row in (table.header, *table.rows):
        row.reverse()


def _extra_column(table: Table) -> None:
    table.header.insert(2, "vwap")
    for row in table.rows:
        row.insert(2, row[2])


def _no_header(table: Table) -> None:
    table.header = table.rows.pop(0)


def _empty_tail(table: Table) -> None:
    """The last bars of every fifth ticker are missing: in a day file, its only bar."""
    names = list(dict.fromkeys(row[TICKER] for row in table.rows))
    short = set(names[::_TAIL])
    kept, last = list[list[str]](), {row[TICKER]: at for at, row in enumerate(table.rows)}
    for at, row in enumerate(table.rows):
        if row[TICKER] not in short or at + _TAIL <= last[row[TICKER]]:
            kept.append(row)
    table.rows = kept


def _fewer_tickers(table: Table) -> None:
    """Half of the tickers are missing."""
    names = list(dict.fromkeys(row[TICKER] for row in table.rows))
    kept = set(names[: (len(names) + 1) // 2])
    table.rows = [row for row in table.rows if row[TICKER] in kept]


_ROWS: dict[Change, Callable[[Table], None]] = {
    "corrected": _corrected,
    "other_day": _other_day,
    "before_the_epoch": _cell(START, _BEFORE_THE_EPOCH),
    "fractional_volume": _fractional_volume,
    "odd_tickers": _odd_tickers,
    "quoted": _quoted,
    "unordered": _unordered,
    "repeated_row": _repeated_row,
    "scattered_ticker": _scattered_ticker,
    "no_price": _cell(CLOSE, ""),
    "no_number": _cell(CLOSE, "n/a"),
    "negative_price": _cell(LOW, "-1"),
    "inverted_range": _inverted_range,
    "short_row": _short_row,
    "columns_moved": _columns_moved,
    "extra_column": _extra_column,
    "no_header": _no_header,
    "no_rows": lambda table: table.rows.clear(),
    "empty_tail": _empty_tail,
    "fewer_tickers": _fewer_tickers,
}  # fmt: skip
_BYTES: dict[Change, Callable[[bytes], bytes]] = {
    "no_bytes": lambda _: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "wrong_crc": lambda content: content[:-8] + bytes([content[-8] ^ 1]) + content[-7:],
    "broken": lambda content: _flipped(content, len(content) // 2),
    "no_gzip": lambda _: ",".join(HEADER).encode() + b"\n",
}


def _flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes(byte ^ 0xFF for byte in content[at : at + 8]) + content[at + 8 :]
