"""Whole lines of packed files; what becomes of them is in test_file_rows.py."""

import gzip

import pytest

from stockticker_async.errors import BadPageError
from stockticker_async.marketdata import file_lines
from stockticker_async.marketdata.session_files import COLUMNS

HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize("piece", [1, 7, 30, 10_000])
def test_lines_are_whole_whatever_the_pieces(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "_PIECE_BYTES", piece)
    lines = [f"T{number},1,1,1,1,1,{number},1\n".encode() for number in range(500)]
    found = list(file_lines.blocks(gzip.compress(f"{HEADER}\n".encode() + b"".join(lines))))
    assert b"".join(found) == b"".join(lines)
    assert all(block.endswith(b"\n") for block in found)


def test_columns_in_another_order_are_arranged() -> None:
    text = "more,transactions,window_start,low,high,close,open,volume,ticker\nx,8,7,6,5,4,3,2,A\n"
    assert list(file_lines.blocks(gzip.compress(text.encode()))) == [b"A,2,3,4,5,6,7,8\n"]


@pytest.mark.parametrize("header_end", ["\n", "\r\n"])
def test_lines_have_one_kind_of_end(header_end: str) -> None:
    text = f"{HEADER}{header_end}A,2,3,4,5,6,7,8\r\nB,2,3,4,5,6,7,8\n"
    assert list(file_lines.blocks(gzip.compress(text.encode()))) == [b"A,2,3,4,5,6,7,8\nB,2,3,4,5,6,7,8\n"]


@pytest.mark.fault("unusable flat file")
@pytest.mark.parametrize("lines", ["A,2\r,3,4,5,6,7,8\n", "A,2,3,4,5,6,7,8\r\r\n", "A,2,3,4,5,6,7,8\r"])
@pytest.mark.parametrize("header", [HEADER, f"{HEADER},more"])
def test_a_carriage_return_within_a_line_is_refused(lines: str, header: str) -> None:
    with pytest.raises(BadPageError, match=r"carriage return that does not end it|ends within a line"):
        list(file_lines.blocks(gzip.compress(f"{header}\n{lines}".encode())))


def test_a_header_without_a_column_is_refused() -> None:
    with pytest.raises(BadPageError, match="no column ticker, volume"):
        list(file_lines.blocks(gzip.compress(b"price\n1\n")))
