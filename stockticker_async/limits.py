"""What a single answer and a single call may take: each bound with its reason.

The bounds on waiting in general stand where the waiting is done: `client.PATIENCE`,
`verdict.RETRY_AFTER_CAP`, and the allowance's in `limiter`.
"""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may take. Its seconds are the machine's, at whatever speed the `Clock` runs."""

    connect: float = 15.0
    """Three lost packets of a handshake (1 + 2 + 4 s), and the look-up of the name."""
    silence: float = 60.0
    """Between two pieces of a body: proxies and balancers close a silent connection after as long."""
    call: float = 300.0
    """All in all: a full page (7 MB, 50,000 bars) comes through a line of 0.2 Mbit/s."""
    body_bytes: int = 64 * MIB
    """Of a body, unpacked: nine times a full page, and three of them fit the memory of a small container."""


LIMITS = Limits()

PAGES = 10_000
"""Of one question: 20 years of minute bars are 100 pages, so that an end which never comes is a fault."""
SIDE_PATIENCE = 120.0
"""Seconds for what a sync can do without: splits, and whether a ticker exists; bars have more."""
