"""The limits of a single answer and a single call, each with its reason.

The limits on waiting are defined where the program waits: `client.PATIENCE`,
`responses.RETRY_AFTER_CAP`, and for the allowance in `limiter`.
"""

import msgspec

MIB = 2**20


class CallLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one call. The seconds are seconds of the machine, whatever the speed of the `Clock`."""

    connect: float = 15.0
    """Seconds to connect: three lost packets of a handshake (1 + 2 + 4 s), and the look-up of the name."""
    silence: float = 60.0
    """Seconds between two pieces of a body: after this time proxies close a silent connection."""
    call: float = 300.0
    """Seconds for the whole call: enough for a full page (7 MB, 50,000 bars) at 0.2 Mbit/s."""
    slowest: float = 25_000.0
    """Bytes a second of the slowest line, 0.2 Mbit/s: a flat file may take as long."""
    error_text: float = 5.0
    """Seconds for the body of an error: its status has come, and says most of it."""
    body_bytes: int = 64 * MIB
    """The most bytes of an unpacked body: nine full pages; one body of this size is held at a time."""


LIMITS = CallLimits()

DECODED_BYTES = 64 * MIB
"""The most bytes of the decoded values of a body: a full page of bars, pretty-printed, takes 55 MiB."""
_MOST_TIMES = 25
"""The most bytes of decoded values for one byte of JSON: ``{},`` takes 72 bytes, and its row is copied."""


def may_be_decoded(body: bytes) -> bool:
    """Whether the decoded values of a JSON text take at most `DECODED_BYTES`.

    This is an upper estimate for dicts that are copied once, in CPython 3.11 to 3.13.
    """
    if len(body) * _MOST_TIMES <= DECODED_BYTES:
        return True
    # one character beyond Latin-1 makes every character of its string take up to four bytes
    escape = body.find(b"\\")  # one byte is found at fifty times the speed of two, and most texts have none
    is_narrow = body.isascii() and (escape < 0 or body.find(b"\\u", escape) < 0)
    texts = len(body) * (1 if is_narrow else 4)
    objects = body.count(b"{")
    values = 72 * (body.count(b",") + body.count(b"[") + objects)
    return texts + values + 328 * objects <= DECODED_BYTES


PAGES = 10_000
"""The most pages of one request: 20 years of minute bars are 100 pages, so more pages are a fault."""
EMPTY_PAGES = 20
"""The most pages in a row without rows: nobody has seen two."""
SIDE_PATIENCE = 120.0
"""Seconds of patience for calls that a sync can do without: splits, and whether a ticker exists."""
