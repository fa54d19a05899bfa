"""What a single answer may take: known before it is decoded."""

import pytest

from stockticker_async.marketdata.call_limits import DECODED_BYTES, may_be_decoded


@pytest.mark.fault("large decoded body")
def test_what_decoding_would_multiply_is_known_before() -> None:
    full = b'{"v":12345,"vw":123.4567,"o":123.45,"c":123.45,"h":123.45,"l":123.45,"t":1606798800000,"n":1234}'
    assert may_be_decoded(b'{"results": [' + b", ".join([full.replace(b",", b", ")] * 50_000) + b"]}")
    for bomb in (b"[],", b"{},", b'{"a":1},', b"1,", b'"a",'):
        assert not may_be_decoded(b"[" + bomb * (DECODED_BYTES // len(bomb) // 8) + b"0]")
    assert not may_be_decoded(b'"' + b"a" * (DECODED_BYTES // 2) + "\U0001f600".encode() + b'"')
    assert not may_be_decoded(b'"' + b"a" * (DECODED_BYTES // 2) + b'\\ud83d\\ude00"')
    assert not may_be_decoded(b'"\\n' + b"a" * (DECODED_BYTES // 2) + b'\\u0416"')
    assert may_be_decoded(b'"\\n' + b"a" * (DECODED_BYTES // 2) + b'"')
