"""The lines of a flat file: its packed bytes become whole lines, a piece at a time."""

import zlib
from collections.abc import Iterator

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata.session_files import COLUMNS

_PIECE_BYTES = 32_768
"""Packed bytes that are unpacked at once: some 200 KB of text, 3,000 rows, a few milliseconds."""
_LINE_BYTES = 10_000
"""No line is longer: a published one has 80 bytes."""


def blocks(packed: bytes) -> Iterator[bytes]:
    """Yield whole lines without the header, in the order of `COLUMNS`. Raises `BadPageError`."""
    layout: _Layout | None = None
    tail = b""
    for piece in _unpacked(packed):
        text = tail + piece
        cut = text.rfind(b"\n") + 1
        block, tail = text[:cut], text[cut:]
        if len(tail) > _LINE_BYTES:
            raise BadPageError("the file has a line without an end.")
        if layout is None and block:
            header, _, block = block.partition(b"\n")
            layout = _Layout(header)
        if layout is not None and block:
            block = _without_returns(block)
            yield block if layout.published else layout.arranged(block)
    if layout is None:
        raise BadPageError("the file is empty: it has no header.")
    if tail:
        raise BadPageError("the file ends within a line.")


class _Layout:
    """The columns of a file, by the names in its header."""

    def __init__(self, header: bytes) -> None:
        names = header.rstrip(b"\r").removeprefix(b"\xef\xbb\xbf").decode(errors="replace").split(",")
        self._names = [name.strip().strip('"') for name in names]
        missing = [name for name in COLUMNS if name not in self._names]
        if missing:
            raise BadPageError(
                f"the file has no column {', '.join(missing)}; its header is "
                f"{header[:120].decode(errors='replace')!r}."
            )
        self.published = header.removesuffix(b"\r") == ",".join(COLUMNS).encode()
        """Whether the columns are those of `COLUMNS`, in their order."""

    def arranged(self, block: bytes) -> bytes:
        """Return the lines with the columns of `COLUMNS` only. Raises `BadPageError` for a ragged line."""
        places = [self._names.index(name) for name in COLUMNS]
        lines = []
        for line in block[:-1].split(b"\n"):
            fields = line.split(b",")
            if len(fields) != len(self._names):
                raise BadPageError(f"a line has {len(fields)} fields, not {len(self._names)}.")
            lines.append(b",".join([fields[place] for place in places]))
        return b"\n".join(lines) + b"\n"


def _without_returns(block: bytes) -> bytes:
    """Return the lines with one kind of end. Raises `BadPageError` for a carriage return within a line.

    JSON allows it around a number, and whoever ends lines there, as many readers of text do, would see two.
    """
    if b"\r" not in block:
        return block
    block = block.replace(b"\r\n", b"\n")
    if b"\r" in block:
        raise BadPageError("a line has a carriage return that does not end it.")
    return block


def _unpacked(packed: bytes) -> Iterator[bytes]:
    """Yield the text in pieces. Raises `BadPageError` unless the file is whole, with its checksum."""
    unpack = zlib.decompressobj(wbits=31)
    view = memoryview(packed)
    try:
        for begin in range(0, len(view), _PIECE_BYTES):
            data: bytes | memoryview = view[begin : begin + _PIECE_BYTES]
            while data:
                if unpack.eof:  # gzip files may be joined
                    unpack = zlib.decompressobj(wbits=31)
                if piece := unpack.decompress(data, 16 * _PIECE_BYTES):
                    yield piece
                data = unpack.unused_data or unpack.unconsumed_tail
    except zlib.error as fault:
        raise BadPageError(f"the packed file is damaged ({str(fault)[:80]}).") from fault
    if not unpack.eof:
        raise BadPageError("the packed file is cut off.")
