"""What a single answer and a single call may take: each bound with its reason.

The bounds on waiting in general stand where the waiting is done: `client.PATIENCE`,
`responses.RETRY_AFTER_CAP`, and the allowance's in `limiter`.
"""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What one call may take. Its seconds are the machine's, at whatever speed the `Clock` runs."""

    connect: float = 15.0
    """Three lost packets of a handshake (1 + 2 + 4 s), and the look-up of the name."""
    silence: float = 60.0
    """Between two pieces of a body: proxies and balancers close a silent connection after as long."""
    call: float = 300.0
    """All in all: a full page (7 MB, 50,000 bars) comes through a line of 0.2 Mbit/s."""
    body_bytes: int = 64 * MIB
    """Of a body, unpacked: nine times a full page; one of that size at a time is held."""


LIMITS = CallLimits()

DECODED_BYTES = 64 * MIB
"""Of what a body becomes where it is decoded as a whole: a full page of bars, pretty-printed, is 55."""
_MOST_TIMES = 25
"""What JSON grows to at most when it is decoded: ``{},`` becomes 72 bytes, and its row is made anew."""


def may_be_decoded(body: bytes) -> bool:
    """Whether the values of a JSON text take no more than `DECODED_BYTES`, by what objects and texts take.

    An estimate from above, of what CPython 3.11 to 3.13 need for dicts that are copied once.
    """
    if len(body) * _MOST_TIMES <= DECODED_BYTES:
        return True
    # a single character beyond Latin-1 makes each of a text's take up to four bytes
    texts = len(body) * (1 if body.isascii() and b"\\u" not in body else 4)
    values = 72 * (body.count(b",") + body.count(b"[") + body.count(b"{"))
    return texts + values + 328 * body.count(b"{") <= DECODED_BYTES


PAGES = 10_000
"""Of one question: 20 years of minute bars are 100 pages, so that an end which never comes is a fault."""
SIDE_PATIENCE = 120.0
"""Seconds for what a sync can do without: splits, and whether a ticker exists; bars have more."""
