"""gzip of a size told before."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.sandbox.data.gzip_packing import packed


@given(st.lists(st.text(max_size=200), max_size=20), st.integers(0, 2000))
def test_content_fills_its_size_and_comes_back(texts: list[str], size: int) -> None:
    bare = packed(texts)
    content = packed(texts, size)
    assert len(content) == max(size, len(bare))
    assert gzip.decompress(content) == gzip.decompress(bare) == "".join(texts).encode()
    assert packed(texts, size) == content


@given(st.integers(0, 200))
def test_it_is_one_member_without_extras(size: int) -> None:
    content = packed(["one line\n"], size)
    assert content[3] == 8  # a name: some readers take no other flag
    assert content[4:8] == bytes(4)  # and no time
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert inflate.decompress(content) == b"one line\n"
    assert (inflate.eof, inflate.unused_data) == (True, b"")
